"""Where a run's candles come from: the store, CSV files, or the built-in synthetic market."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.bars import time_text, timeframe_delta
from cryptonn.market.candles import Frame, align
from cryptonn.market.files.listed import listed_candles
from cryptonn.market.fitness import Use, check_jumps, check_shifts, check_volume, left_out_words
from cryptonn.market.store.candle_store import stored_candles
from cryptonn.market.store.health import candles_sha256
from cryptonn.market.supply import Supply, left_in, refuse_hole, supplied, whole_range
from cryptonn.market.synthetic import SyntheticMarket, synthetic_market
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig

__all__ = ["Market", "latest_market", "load_frame", "load_market", "reach"]

_SPARE = 1500
"""Bars read before those the network sees, for features with a memory (averages of ``ta``)
to forget their start.
"""
_NEWEST = "the newest bars, which the network looks at"
_NO_MORE = Use()
_NEWER = "Give files that hold them with --file, or fetch them with --download EXCHANGE."


@dataclass(frozen=True)
class Market:
    """The candles of a run."""

    frame: Frame
    facts: dict[str, dict[str, Any]]
    """By symbol: exchange, rows, first, last, sha256, warnings; see ``load_frame``."""
    synthetic: SyntheticMarket | None
    """Knows the best possible accuracy; None for real candles."""


def load_market(
    config: DataConfig,
    *,
    horizon: int,
    use: Use | None = None,
    now: pd.Timestamp | None = None,
) -> Market:
    """Return the aligned candles of a run, from ``config.source``.

    Parameters
    ----------
    horizon
        Bars ahead that the labels look.
    use
        What else the run does with its candles (see ``fitness.use_of``).
    now
        The present: bars of files that have not closed by it are left out and counted.
        Without it every bar is taken for closed.

    Raises
    ------
    DataError, ConfigError
        If the store or a file lacks something, the candles are not fit for the run,
        or the synthetic market is asked for what it has not.
    """
    if config.source != "synthetic":
        found = load_frame(config, use=use or Use(horizon=horizon), now=now)
        return Market(*found, None)
    if len(config.others) != 1:
        raise ConfigError(
            "data.others: the synthetic market has one other coin. Name one, for example BTC/USD."
        )
    if config.timeframe != "1m":
        raise ConfigError(
            f'data.timeframe: the synthetic market has minutes, not {config.timeframe}. Write "1m".'
        )
    market = synthetic_market(
        config.synthetic, target=config.target, other=config.others[0], horizon=horizon
    )
    candles = {
        symbol: left_in(table, config, source=f"synthetic {symbol}")
        for symbol, table in market.candles.items()
    }
    facts = {
        symbol: _facts(candles[symbol])
        | _warnings(left_out_words(symbol, market.candles[symbol], config))
        for symbol in candles
    }
    return Market(align(candles, timeframe=config.timeframe, gaps=config.gaps), facts, market)


def load_frame(
    config: DataConfig, *, use: Use = _NO_MORE, now: pd.Timestamp | None = None
) -> tuple[Frame, dict[str, dict[str, Any]]]:
    """Read every symbol of a run from the store or from files, and align them.

    The frame reaches from the start of ``train`` (the earliest common bar if it is open)
    to the end of the last test period. Between the periods candles may be lacking;
    inside a period a long hole is refused. So are candles that are not fit for the run:
    with a jump, of another time than the target's, or without a trade (see ``fitness.py``).

    Returns
    -------
    frame
    facts
        By symbol: ``exchange`` ("files" for files), ``rows``, ``first``, ``last`` (UTC texts)
        and ``sha256`` of the candles used; ``repairs`` and ``notes`` of where they come from;
        ``resampled_from``, a timeframe, if the bars were made of shorter ones; ``files``,
        one entry a file, under ``source = "files"``; ``extras``, their names, if they are read:
        the sha256 is then over them too; ``warnings``, sentences on what was accepted or left out
        and whatever else must be known before a number is believed, if there are any.

    Raises
    ------
    DataError
        If a symbol or a range is lacking, the candles cannot be aligned,
        or they are not fit for the run.
    ConfigError
        If the market is the synthetic one, which is not read but made.
    """
    if config.source == "synthetic":
        raise ConfigError(
            "data.source = 'synthetic' reads nothing from the store or from files: use load_market."
        )
    candles: dict[str, pd.DataFrame] = {}
    facts: dict[str, dict[str, Any]] = {}
    warnings: dict[str, list[str]] = {}
    periods = {"train": config.train, **config.test}
    supplies = _supplies(config, whole_range(config), now=now)
    for symbol, supply in supplies.items():
        candles[symbol], facts[symbol] = supplied(supply, config)
        warnings[symbol] = [
            *left_out_words(symbol, whole_range(config).select(supply.candles), config),
            *check_volume(symbol, candles[symbol], config, use, periods),
            *check_jumps(symbol, candles[symbol], config, use, periods),
        ]
    frame = align(
        candles,
        timeframe=config.timeframe,
        gaps=config.gaps,
        extras=_extras(supplies, config),
    )
    for symbol, words in check_shifts(frame, config).items():
        warnings[symbol] += words
    return frame, {symbol: facts[symbol] | _warnings(warnings[symbol]) for symbol in facts}


def latest_market(
    config: DataConfig,
    *,
    horizon: int,
    bars: int,
    now: pd.Timestamp | None = None,
    since: pd.Timestamp | None = None,
) -> Frame:
    """Return the newest aligned candles there are: ``bars`` before the last midnight,
    and enough before for features.

    Parameters
    ----------
    now
        The present: a bar that has not closed by then, such as today's in a file of days,
        is left out. Without it every bar is taken for closed.
    since
        Candles before it are left out.

    Raises
    ------
    DataError
        If a symbol is lacking, none of its bars has closed, the newest candles do not overlap,
        there is a hole (see ``supply.HOLE``) or a jump in what the network sees,
        or the coins do not belong together in time.
    """
    if config.source == "synthetic":
        return load_market(config, horizon=horizon).frame
    supplies = _supplies(config, TimeRange(), now=now)
    closed = {symbol: _closed(supply, now).loc[since:] for symbol, supply in supplies.items()}
    tables = {
        symbol: left_in(table, config, source=supplies[symbol].name)
        for symbol, table in closed.items()
    }
    end = min(table.index[-1] for table in tables.values())
    earliest = end.normalize() - reach(config.timeframe, bars=bars)
    recent = {symbol: table.loc[earliest:end] for symbol, table in tables.items()}
    frame = align(
        recent, timeframe=config.timeframe, gaps=config.gaps, extras=_extras(supplies, config)
    )
    start = frame.index[-1].normalize() - bars * timeframe_delta(config.timeframe)
    for symbol, supply in supplies.items():
        refuse_hole(
            _around(closed[symbol], start, frame.index[-1]),
            replace(supply, remedy=lambda _: _NEWER),
            _NEWEST,
        )
    for symbol in supplies:
        check_jumps(symbol, recent[symbol], config, Use(), {_NEWEST: TimeRange(start)})
    check_shifts(frame, config)
    return frame


def _around(candles: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return the candles from start to end; where one of these has none, from the one before
    or to the one after.
    """
    first = max(0, int(candles.index.searchsorted(start, side="right")) - 1)
    return candles.iloc[first : int(candles.index.searchsorted(end, side="left")) + 1]


def _closed(supply: Supply, now: pd.Timestamp | None) -> pd.DataFrame:
    """Return the candles that have closed by now."""
    if now is None:
        return supply.candles
    closed = supply.candles.loc[: now - timeframe_delta(supply.timeframe)]
    if closed.empty:
        raise DataError(
            f"{supply} holds no bar that has closed by {time_text(now)}. "
            "Is this machine's clock right?"
        )
    return closed


def reach(timeframe: str, *, bars: int) -> pd.Timedelta:
    """Return how long before the newest midnight the candles begin that ``latest_market`` gives."""
    return (bars + _SPARE) * timeframe_delta(timeframe)


def _supplies(
    config: DataConfig, timerange: TimeRange, *, now: pd.Timestamp | None
) -> dict[str, Supply]:
    if config.source == "files":
        return listed_candles(config, now=now)
    return stored_candles(config, timerange)


def _extras(supplies: Mapping[str, Supply], config: DataConfig) -> dict[str, pd.DataFrame]:
    return {
        symbol: left_in(supply.extras, config, source=supply.name)
        for symbol, supply in supplies.items()
        if supply.extras is not None
    }


def _warnings(words: Iterable[str]) -> dict[str, list[str]]:
    """Return the sentences as a fact; nothing where there are none."""
    said = list(words)
    return {"warnings": said} if said else {}


def _facts(candles: pd.DataFrame) -> dict[str, Any]:
    first, last = time_text(candles.index[0]), time_text(candles.index[-1])
    return {
        "exchange": "synthetic",
        "rows": len(candles),
        "first": first,
        "last": last,
        "sha256": candles_sha256(candles),
    }
