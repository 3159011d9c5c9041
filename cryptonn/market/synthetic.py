"""A seeded two-coin market with a planted lead, so that the best possible accuracy is known.

Every minute both coins have a return, in logs and given a volatility s[t] they share:

    other:   b[t] = on_b[t] · s[t] · x[t]
    target:  e[t] = on_e[t] · (RATIO · s[t] · (CORRELATION · x[t] + sqrt(1 − CORRELATION²) · y[t])
                               + lead · RESPONSE · F[t−1])
    signal:  F[t] = DECAY · F[t−1] + b[t]

x and y are independent standard normals. ``on`` is 1 in a minute with a trade and 0 in a quiet one,
whose return is zero. The timetable (s, on_b, on_e) is drawn apart from x and y:
volatility clusters, and quiet minutes prefer quiet times.

Given the timetable and all returns up to t, the target's return over the next ``horizon``
minutes is normal, so

    P(up | known at the close of t) = Φ(F[t] · loading[t] / deviation[t])

exactly. ``loading`` is never negative: the sign of F[t], which the other coin's past returns
alone give, decides better than anything else, whether or not one knows the timetable.
The best accuracy is therefore one that can be reached. Prices are rounded to cents, which makes
some ties and shifts P given that there is a move: by 0.1 points on average at a price of 500,
by more than 0.5 in one minute of a hundred, either way.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.candles import FIELDS, timeframe_delta
from cryptonn.settings import SyntheticConfig

__all__ = ["SyntheticMarket", "best_accuracy", "synthetic_market"]

START = pd.Timestamp("2018-01-01", tz="UTC")
TIMEFRAME = "1m"
VOLATILITY = 0.0008
"""Median standard deviation of the other coin's one-minute return."""
RATIO = 1.2
"""Volatility of the target over that of the other coin."""
CORRELATION = 0.5
"""Of the two coins' returns in the same minute."""
DECAY = 0.7
"""Share of the signal that is left a minute later."""
RESPONSE = 0.3
"""Target return a minute for one unit of the signal, at lead 1."""
SLOW, FAST = 0.45, 0.30
"""Standard deviations of the slow and the fast part of log volatility."""
SLOW_HALF_LIFE, FAST_HALF_LIFE = 720, 30
"""Minutes."""
QUIET_HALF_LIFE = 5
"""Minutes; quiet minutes come in small groups."""
OPEN_NOISE = 0.1
"""Standard deviation of the first trade around the last close, in units of the minute's
volatility.
"""
OTHER_PRICE, OTHER_VOLUME = 14_000.0, 6.0
TARGET_PRICE, TARGET_VOLUME = 750.0, 50.0
"""First price (quote) and median volume of a minute (base)."""
VOLUME_TO_MOVE, VOLUME_NOISE = 0.4, 0.8
"""Log volume for one standard deviation of the minute's move, and what is left
of it unexplained.
"""
BELIEVABLE = (1.0, 10_000_000.0)
"""Prices outside make cents meaningless."""

Array = NDArray[np.float64]
Streams = dict[str, np.random.Generator]


@dataclass(frozen=True, eq=False)
class SyntheticMarket:
    """Candles with a known answer; made by ``synthetic_market``."""

    candles: dict[str, pd.DataFrame]
    """A candle table for each symbol, target first; quiet minutes are absent."""
    proba: pd.Series
    """Exact P(target higher after ``horizon`` bars | known at the close of the bar),
    ties out, for every minute.
    """
    target: str
    horizon: int


@dataclass(frozen=True)
class _Timetable:
    """What is drawn apart from the returns; arrays of shape (n + horizon,)."""

    volatility: Array
    other_on: Array
    target_on: Array


def synthetic_market(
    config: SyntheticConfig, *, target: str, other: str, horizon: int
) -> SyntheticMarket:
    """Generate ``config.days`` days of one-minute candles of two coins from 2018-01-01.

    Parameters
    ----------
    config
        Days, strength of the lead, share of quiet minutes, seed. A longer market begins
        with the shorter one.
    target, other
        Names of the coin that follows (priced like ETH) and of the coin that leads (like BTC).
    horizon
        Bars ahead for ``proba``; the candles do not depend on it.

    Raises
    ------
    ConfigError
        If both names are the same, the horizon is below 1, or the prices leave what
        cents can express.

    Notes
    -----
    Best possible accuracy on moves at horizon 5, which depends little on the seed: 0.500 at lead 0,
    0.559 at 0.5, 0.603 at 1, 0.656 at 2 and 0.70 at 4.

    >>> market = synthetic_market(
    ...     SyntheticConfig(days=1), target="ETH/USD", other="BTC/USD", horizon=5
    ... )
    >>> len(market.proba)
    1440
    """
    if target == other:
        raise ConfigError(
            f"synthetic market: target and other are both {target}. Name two symbols."
        )
    if horizon < 1 or config.seed < 0:
        raise ConfigError(
            f"synthetic market: horizon = {horizon} must be above 0, seed = {config.seed} "
            "not below 0."
        )
    bars = config.days * 1440
    streams = _streams(config.seed)
    timetable = _timetable(streams, length=bars + horizon, quiet=config.quiet)
    response = config.lead * RESPONSE
    target_returns, other_returns, signal = _returns(
        streams, timetable, bars=bars, response=response
    )
    index = pd.date_range(
        START, periods=bars, freq=timeframe_delta(TIMEFRAME), name="time", unit="ns"
    )
    scale = timetable.volatility[:bars]
    leader = _candles(
        other_returns, scale, streams, coin="other", price=OTHER_PRICE, volume=OTHER_VOLUME
    )
    follower = _candles(
        target_returns,
        RATIO * scale,
        streams,
        coin="target",
        price=TARGET_PRICE,
        volume=TARGET_VOLUME,
    )
    candles = {
        target: follower.set_index(index)[timetable.target_on[:bars] > 0],
        other: leader.set_index(index)[timetable.other_on[:bars] > 0],
    }
    proba = pd.Series(
        _proba(signal, timetable, response=response, horizon=horizon), index=index, name="proba"
    )
    return SyntheticMarket(candles=candles, proba=proba, target=target, horizon=horizon)


def best_accuracy(market: SyntheticMarket, index: pd.DatetimeIndex | None = None) -> float:
    """Return the accuracy on moves nobody can beat on average: the mean of max(p, 1 − p).

    Parameters
    ----------
    market
        The market.
    index
        Times of the bars that are judged; all of them by default.

    Raises
    ------
    DataError
        If a time of the index is no minute of the market.
    """
    proba = market.proba if index is None else market.proba.reindex(index)
    if proba.isna().any():
        raise DataError(
            f"synthetic market: {int(proba.isna().sum())} of {len(proba)} bars lie "
            "outside its minutes."
        )
    return float(np.maximum(proba, 1 - proba).mean())


def _streams(seed: int) -> dict[str, np.random.Generator]:
    """Return one source of randomness for each quantity, so that a longer market begins
    with the shorter one.
    """
    coins = [
        f"{coin} {name}"
        for coin in ("target", "other")
        for name in ("trading", "return", "open", "reach", "volume")
    ]
    names = ["slow", "fast", *coins]
    spawned = np.random.SeedSequence(seed).spawn(len(names))
    return {name: np.random.default_rng(child) for name, child in zip(names, spawned, strict=True)}


def _timetable(streams: Streams, *, length: int, quiet: float) -> _Timetable:
    slow = _persistent(streams["slow"], length, SLOW_HALF_LIFE)
    fast = _persistent(streams["fast"], length, FAST_HALF_LIFE)
    level = SLOW * slow + FAST * fast
    bustle = level / np.hypot(SLOW, FAST)  # standard normal at every minute
    return _Timetable(
        volatility=VOLATILITY * np.exp(level),
        other_on=_trading(bustle, streams["other trading"], quiet),
        target_on=_trading(bustle, streams["target trading"], quiet),
    )


def _persistent(stream: np.random.Generator, length: int, half_life: float) -> Array:
    """Return a stationary first-order autoregression with standard normal values."""
    keep = 0.5 ** (1 / half_life)
    shocks = stream.standard_normal(length)
    shocks[1:] *= np.sqrt(1 - keep**2)
    return _autoregression(shocks, keep)


def _autoregression(shocks: Array, keep: float) -> Array:
    """Return y with y[t] = shocks[t] + keep * y[t - 1]; scipy.signal takes a second to load
    and gives the same bits.
    """
    return np.fromiter(
        accumulate(shocks.tolist(), lambda before, shock: shock + keep * before), dtype=np.float64
    )


def _trading(bustle: Array, stream: np.random.Generator, quiet: float) -> Array:
    """Return 1 where a minute has a trade, 0 in the share ``quiet`` of minutes;
    the first minute always trades.
    """
    mood = np.sqrt(0.5) * (bustle + _persistent(stream, len(bustle), QUIET_HALF_LIFE))
    on = mood >= ndtri(quiet)
    on[0] = True
    return np.where(on, 1.0, 0.0)


def _returns(
    streams: Streams, timetable: _Timetable, *, bars: int, response: float
) -> tuple[Array, Array, Array]:
    """Return the log returns e of the target and b of the other coin, and the signal F;
    each of shape (bars,).
    """
    x, y = (streams[name].standard_normal(bars) for name in ("other return", "target return"))
    scale = timetable.volatility[:bars]
    other = timetable.other_on[:bars] * scale * x
    signal = _autoregression(other, DECAY)
    known = np.concatenate([[0.0], signal[:-1]])
    own = RATIO * scale * (CORRELATION * x + np.sqrt(1 - CORRELATION**2) * y)
    return timetable.target_on[:bars] * (own + response * known), other, signal


def _proba(signal: Array, table: _Timetable, *, response: float, horizon: int) -> Array:
    """Return P(up) over the next ``horizon`` bars at every bar; shape (n,).

    Walks back from the last bar ahead: ``weight`` is what one unit of the signal at that bar still
    adds to the target's return until the horizon.
    """
    bars = len(signal)
    weight = np.zeros(bars)
    variance = np.zeros(bars)
    for ahead in range(horizon, 0, -1):
        rows = slice(ahead, ahead + bars)
        scale = table.volatility[rows]
        other_on = table.other_on[rows]
        target_on = table.target_on[rows]
        common = target_on * RATIO * CORRELATION + other_on * weight
        own = target_on * RATIO * np.sqrt(1 - CORRELATION**2)
        variance += scale**2 * (common**2 + own**2)
        weight = target_on * response + DECAY * weight
    still = variance == 0  # no trade until the horizon: certainly a tie
    return np.asarray(
        ndtr(np.where(still, 0.0, signal * weight) / np.sqrt(np.where(still, 1.0, variance)))
    )


def _candles(
    returns: Array, scale: Array, streams: Streams, *, coin: str, price: float, volume: float
) -> pd.DataFrame:
    """Return the five columns of a candle table of latent log returns, quiet minutes among them.

    High and low are extremes of a Brownian bridge from open to close, drawn one by one from
    P(high > h) = exp(−2 (h − open) (h − close) / scale²) (reflection principle).
    """
    close = np.log(price) + np.cumsum(returns)
    if not np.log(BELIEVABLE[0]) < close.min() <= close.max() < np.log(BELIEVABLE[1]):
        raise ConfigError(
            f"synthetic market: the price of the {coin} coin leaves {BELIEVABLE[0]:,.0f} "
            f"to {BELIEVABLE[1]:,.0f}. Choose a smaller lead, fewer days or another seed."
        )
    last = np.concatenate([[np.log(price)], close[:-1]])
    opened = last + OPEN_NOISE * scale * streams[f"{coin} open"].standard_normal(len(close))
    draws = streams[f"{coin} reach"].random((len(close), 2)).T  # (2, n)
    reach = np.sqrt((close - opened) ** 2 - 2 * scale**2 * np.log1p(-draws))
    middle = (opened + close) / 2
    logs = {
        "open": opened,
        "high": middle + reach[0] / 2,
        "low": middle - reach[1] / 2,
        "close": close,
    }
    table = {field: np.round(np.exp(values), 2) for field, values in logs.items()}
    noise = streams[f"{coin} volume"].standard_normal(len(close))
    busy = np.log(scale / VOLATILITY) + VOLUME_TO_MOVE * np.abs(returns) / scale
    table["volume"] = np.maximum(np.round(volume * np.exp(busy + VOLUME_NOISE * noise), 8), 1e-8)
    return pd.DataFrame(table, columns=list(FIELDS))
