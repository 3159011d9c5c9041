"""Whether candles are fit for a run: no jump in what it uses, all coins of the same time,
something to trade.

What makes every number wrong is refused before anything is trained. What a person has accepted,
and what must be known besides, is returned as sentences that stand in the run's facts
and at the top of its report.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import DataError
from cryptonn.market.bars import timeframe_delta, traded
from cryptonn.market.candles import Frame
from cryptonn.market.extras import EXTRAS
from cryptonn.market.jumps import Jump, find_jumps, jumps_text
from cryptonn.market.shifts import match_of
from cryptonn.market.store.health import NO_VOLUME
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig
from cryptonn.units import counted, listed

__all__ = [
    "Use",
    "check_jumps",
    "check_shifts",
    "check_volume",
    "left_out_words",
    "use_of",
]

_HARDLY = 0.01
"""Share of bars with a trade below which a period is said to hardly trade."""
_ENOUGH = 1000
"""So many bars in which both traded, and two coins without any correlation are worth a word."""
_UNRELATED = 0.05
"""Correlation below which that is so."""


@dataclass(frozen=True)
class Use:
    """What a run does with its candles, as far as it decides what is wrong with them."""

    lookback: int = 0
    """Bars before a period that the network sees too."""
    horizon: int = 0
    """Bars after a period that its labels look at."""
    levels: bool = False
    """Whether the price itself is learned: a level that changed between two periods
    matters then.
    """
    volume: bool = False
    """Whether a feature is made of the volume."""


def use_of(config: RunConfig) -> Use:
    """Return what a run does with its candles."""
    names = (*config.features.columns, *config.features.ta)
    return Use(
        lookback=config.training.lookback,
        horizon=config.labels.horizon,
        levels=config.labels.kind == "price",
        volume=any("volume" in name or name in EXTRAS or name == "all" for name in names),
    )


def left_out_words(symbol: str, candles: pd.DataFrame, config: DataConfig) -> tuple[str, ...]:
    """Say how many of a symbol's candles are left out (``data.leave_out``);
    these still hold them.
    """
    return tuple(
        f"{symbol}: {counted(len(stretch.select(candles)), 'bar')} left out, "
        f"{stretch} (data.leave_out)."
        for stretch in config.leave_out
    )


def check_jumps(
    symbol: str,
    candles: pd.DataFrame,
    config: DataConfig,
    use: Use,
    periods: Mapping[str, TimeRange],
) -> tuple[str, ...]:
    """Refuse candles with a jump in a period, unless the run accepts it; see ``jumps.py``.

    A jump counts from ``use.lookback`` bars before a period, which the network sees too,
    to ``use.horizon`` bars after it, where its labels look. Between the periods only a new level
    counts, and only where prices are learned.

    Returns
    -------
    tuple
        What must be known of the jumps that were accepted, and of absurd highs and lows.

    Raises
    ------
    DataError
        If there is a jump; names time and size, and what can be done.
    """
    found = find_jumps(candles, timeframe=config.timeframe)
    bar = timeframe_delta(config.timeframe)
    named = {jump: _where(jump, periods, use, bar) for jump in found}
    wicks = [jump for jump, where in named.items() if where and jump.kind == "wick"]
    jumps = [jump for jump, where in named.items() if where and jump.kind != "wick"]
    if jumps and config.jumps == "refuse":
        where = listed(list(dict.fromkeys(named[jump] for jump in jumps)))
        raise DataError(_jump_refusal(symbol, jumps, where, candles.index[-1] + bar))
    said = []
    if jumps:
        said.append(
            f"{symbol} jumps {jumps_text(jumps)}; accepted (data.jumps), so returns across "
            "it are in every number."
        )
    if wicks:
        said.append(f"{symbol} has an absurd high or low: {jumps_text(wicks)}.")
    return tuple(said)


def _where(jump: Jump, periods: Mapping[str, TimeRange], use: Use, bar: pd.Timedelta) -> str:
    """Name the period in which a jump counts; nothing where it counts in none."""
    for name, period in periods.items():
        start = None if period.start is None else period.start - use.lookback * bar
        end = None if period.end is None else period.end + use.horizon * bar
        if TimeRange(start, end).contains(jump.time):
            return f"{name} ({period})"
    between = use.levels and jump.kind == "stays"
    return "between the periods, for a network that learns the price itself" if between else ""


def _jump_refusal(symbol: str, jumps: list[Jump], where: str, end: pd.Timestamp) -> str:
    stays = next((jump for jump in jumps if jump.kind == "stays"), None)
    if stays is not None:
        after = TimeRange(stays.time.floor("min"), end)
        leave = (
            "leave out all before it or all after it, for no return may lie across it: "
            f'data.leave_out = ["{after}"] under [data] leaves out what follows (to leave out '
            "the bars around it does not help)"
        )
    else:
        stretches = ", ".join(f'"{jump.stretch}"' for jump in jumps[:10])
        more = ", …" if len(jumps) > 10 else ""
        leave = f"leave it out: data.leave_out = [{stretches}{more}] under [data]"
    return (
        f"{symbol} jumps {jumps_text(jumps)}: in {where}. A market hardly does that: "
        "it looks like another unit of the coin (a redenomination, another contract) or like "
        "a fault of the data, and every return across it would be false. Mend the data; "
        f'or {leave}; or, if the price really did that, accept it: data.jumps = "accept".'
    )


def check_shifts(frame: Frame, config: DataConfig) -> dict[str, tuple[str, ...]]:
    """Refuse coins that do not belong together in time, unless the run accepts it;
    see ``shifts.py``.

    Returns
    -------
    dict
        By symbol, besides the target, what must be known of it.

    Raises
    ------
    DataError
        If another coin fits the target best in another bar; names the shift.
    """
    said: dict[str, tuple[str, ...]] = {}
    for other in config.others:
        match = match_of(frame, target=config.target, other=other)
        words = match.words(config.timeframe)
        if words and config.shifts == "refuse":
            raise DataError(
                f"{words}. A bar's time is its open, in UTC; else the network sees the future "
                "of one coin in the other. Shift the times of that file or export it again; or, if "
                'the coins really move like that, accept it: data.shifts = "accept" under [data].'
            )
        if words:
            said[other] = (f"{words}; accepted (data.shifts).",)
        elif match.bars >= _ENOUGH and abs(match.correlation) < _UNRELATED:
            said[other] = (
                f"{other} and {config.target} do not move together (correlation "
                f"{match.correlation:.2f}): whether their candles belong together "
                "in time cannot be seen.",
            )
    return said


def check_volume(
    symbol: str,
    candles: pd.DataFrame,
    config: DataConfig,
    use: Use,
    periods: Mapping[str, TimeRange],
) -> tuple[str, ...]:
    """Refuse candles in which nothing trades where something must.

    The target must have traded in every period: its orders fill nowhere else.
    Another coin must have where a feature is made of its volume; else a word is enough.

    Returns
    -------
    tuple
        What must be known: another coin without volume, a period in which hardly anything traded.

    Raises
    ------
    DataError
        If nothing traded; names the period, and what to do.
    """
    said = []
    for name, period in periods.items():
        bars = traded(period.select(candles))
        share = float(bars.mean()) if len(bars) else 1.0
        where = f"{symbol}, {name} ({period})"
        if share > 0:
            if share < _HARDLY and symbol == config.target:
                said.append(
                    f"{where}: only {counted(int(bars.sum()), 'bar')} of {len(bars):,} traded; "
                    "orders wait long."
                )
        elif symbol == config.target:
            raise DataError(f"{where}: {NO_VOLUME}")
        elif use.volume:
            raise DataError(
                f"{where}: {NO_VOLUME} Features are made of the volume (features.columns, "
                "features.ta); without those it may stay."
            )
        else:
            said.append(f"{where}: no bar has a volume above 0 (mark or index prices?).")
    return tuple(said)
