"""Longer bars made of shorter ones: fifteen candles of a minute make one of a quarter
of an hour.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.bars import FIELDS, bar_step, check_candles, time_index, time_text, times_of

__all__ = ["divides", "resample"]


def divides(source_timeframe: str, timeframe: str) -> bool:
    """Tell whether a whole number of bars of the one timeframe make a bar of the other.

    >>> divides("1m", "15m"), divides("15m", "15m"), divides("15m", "1m"), divides("1h", "90m")
    (True, True, False, False)
    """
    return bar_step(timeframe) % bar_step(source_timeframe) == 0


def resample(
    candles: pd.DataFrame, *, source_timeframe: str, timeframe: str, source: str = "resample"
) -> pd.DataFrame:
    """Make longer bars: first open, highest high, lowest low, last close, sum of the volumes.

    A bar is stamped by its open on the UTC grid counted from 1970 and is known at its close,
    as every bar is. One that no candle lies in stays absent. The first is left out unless a candle
    opens it, the last unless one closes it: what traded in the rest of them is not known.
    Cutting the candles therefore only leaves out bars, and changes none.

    Parameters
    ----------
    candles
        A candle table; it is checked, and not changed.
    source_timeframe
        Length of its bars.
    timeframe
        Length of the bars to make; a multiple of the former. The same length returns
        the same candles.
    source
        Where the candles come from, for errors.

    Raises
    ------
    ConfigError
        If the timeframe is shorter than that of the candles, or no multiple of it.
    DataError
        If the table is no candle table, or holds no whole bar.
    """
    if not divides(source_timeframe, timeframe):
        raise ConfigError(
            f"{source}: bars of {timeframe} cannot be made from candles of {source_timeframe}; "
            f'each must hold a whole number of them. Write timeframe = "{source_timeframe}" under '
            "[data], or a multiple of it."
        )
    check_candles(candles, timeframe=source_timeframe, source=source)
    if bar_step(source_timeframe) == bar_step(timeframe):
        return candles
    times = times_of(time_index(candles))
    step = bar_step(timeframe)
    bars = times // step
    starts = np.flatnonzero(np.diff(bars, prepend=bars[0] - 1))  # first row of each bar
    first = int(times[0] != bars[0] * step)
    last = len(starts) - int(times[-1] + bar_step(source_timeframe) != (bars[-1] + 1) * step)
    if first >= last:
        raise DataError(
            f"{source}: the candles from {time_text(candles.index[0])} "
            f"to {time_text(candles.index[-1])} hold no whole bar of {timeframe}. "
            "Give more of them, or a shorter timeframe."
        )
    return _bars(candles, starts, times=bars[starts] * step).iloc[first:last]


def _bars(
    candles: pd.DataFrame, starts: NDArray[np.int64], *, times: NDArray[np.int64]
) -> pd.DataFrame:
    """Return one bar for each group of rows that begins at ``starts`` and opens at ``times`` (ns);
    shapes (bars,).
    """
    opens, highs, lows, closes, volumes = (candles[field].to_numpy() for field in FIELDS)
    ends = np.append(starts[1:], len(candles)) - 1
    made = (
        opens[starts],
        np.maximum.reduceat(highs, starts),
        np.minimum.reduceat(lows, starts),
        closes[ends],
        np.add.reduceat(volumes, starts),
    )
    index = pd.DatetimeIndex(times.view("M8[ns]"), name="time").tz_localize("UTC")
    return pd.DataFrame(dict(zip(FIELDS, made, strict=True)), index=index)
