"""What a bar is, how long it lasts, and the checks a table of bars must pass.

A candle table is a DataFrame with the columns of ``FIELDS`` (float64) and a UTC index named
``time``: each bar's open.
"""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.units import counted

__all__ = [
    "FIELDS",
    "bad_bars",
    "bar_step",
    "check_candles",
    "explain_bar",
    "runs_of",
    "time_index",
    "time_text",
    "timeframe_delta",
    "times_of",
    "traded",
]

FIELDS = ("open", "high", "low", "close", "volume")
"""Columns of a candle table, in this order."""

_TIMEFRAME = re.compile(r"^([1-9]\d{0,3})([mhd])$")
_MINUTES = {"m": 1, "h": 60, "d": 1440}
_COMMON = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")


def timeframe_delta(timeframe: str) -> pd.Timedelta:
    """Return the length of a bar.

    Raises
    ------
    ConfigError
        If the timeframe is not a whole number of minutes (``m``), hours (``h``) or days (``d``).

    >>> timeframe_delta("5m")
    Timedelta('0 days 00:05:00')
    """
    found = _TIMEFRAME.match(timeframe)
    if not found:
        raise ConfigError(
            f"timeframe {timeframe!r} is unknown. Write a number and m, h or d, "
            f"for example {', '.join(_COMMON)}.{did_you_mean(timeframe, _COMMON)}"
        )
    number, unit = found.groups()
    return pd.Timedelta(minutes=int(number) * _MINUTES[unit])


def traded(candles: pd.DataFrame) -> "pd.Series[bool]":
    """Tell for each bar whether anything traded in it (volume above 0);
    one that did not cannot fill an order.
    """
    return (candles["volume"] > 0).rename("traded")


def times_of(index: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return the times as nanoseconds since 1970, whatever the resolution of the index;
    shape (n,).
    """
    return np.asarray(index.as_unit("ns").asi8, dtype=np.int64)


def time_text(time: pd.Timestamp) -> str:
    """Write a UTC instant as errors and reports show it.

    >>> time_text(pd.Timestamp("2018-03-01 04:17", tz="UTC"))
    '2018-03-01 04:17Z'
    """
    return time.strftime("%Y-%m-%d %H:%M:%SZ" if time.second else "%Y-%m-%d %H:%MZ")


def bad_bars(candles: pd.DataFrame) -> NDArray[np.bool_]:
    """Mark the bars that no market can have made; shape (n,).

    A bar is good if every value is finite, 0 < low ≤ open, close ≤ high, and volume ≥ 0;
    ``explain_bar`` says which fails.
    """
    opens, highs, lows, closes, volumes = (candles[field].to_numpy() for field in FIELDS)
    good = (
        (lows > 0)
        & (lows <= opens)
        & (lows <= closes)
        & (opens <= highs)
        & (closes <= highs)
        & (volumes >= 0)
    )
    good &= np.isfinite(highs) & np.isfinite(volumes)
    return np.asarray(~good, dtype=np.bool_)


def explain_bar(bar: "pd.Series[float]") -> str:
    """Say what is wrong with one bar marked by ``bad_bars``; the bar is indexed by ``FIELDS``.

    >>> explain_bar(
    ...     pd.Series({"open": 861.0, "high": 860.9, "low": 861.2, "close": 861.0, "volume": 1.0})
    ... )
    'low 861.2 is above high 860.9'
    """
    values = {field: float(bar[field]) for field in FIELDS}
    for field, value in values.items():
        if not np.isfinite(value):
            return f"{field} is {'missing' if np.isnan(value) else 'infinite'}"
    for field in FIELDS[:4]:
        if values[field] <= 0:
            return f"{field} {values[field]:g} is not above 0"
    if values["volume"] < 0:
        return f"volume {values['volume']:g} is negative"
    if values["low"] > values["high"]:
        return f"low {values['low']:.12g} is above high {values['high']:.12g}"
    field = next(
        name for name in ("open", "close") if not values["low"] <= values[name] <= values["high"]
    )
    return (
        f"{field} {values[field]:.12g} lies outside low {values['low']:.12g} to high "
        f"{values['high']:.12g}"
    )


def check_candles(candles: pd.DataFrame, *, timeframe: str, source: str) -> pd.DataFrame:
    """Return the same table once it is known to be a candle table.

    Parameters
    ----------
    candles
        Columns exactly ``FIELDS``, float64; UTC DatetimeIndex named ``time``.
        Minutes without a trade may be absent.
    timeframe
        Length of a bar; every time must be a multiple of it, counted from 1970 (a day
        opens at midnight UTC).
    source
        File or symbol, for the error.

    Raises
    ------
    DataError
        If the table is empty, its form is wrong, times do not increase or lie off the grid,
        or a bar is impossible; the message names the first such row and how many there are.
    """
    _check_form(candles, source)
    _check_times(candles, timeframe, source)
    bad = bad_bars(candles)
    if bad.any():
        first = int(bad.argmax())
        raise DataError(
            f"{source}: {counted(int(bad.sum()), 'impossible bar')}, "
            f"first at {time_text(candles.index[first])}: {explain_bar(candles.iloc[first])}. "
            "Mend the data, or import it with --drop-bad-bars."
        )
    return candles


def _check_form(candles: pd.DataFrame, source: str) -> None:
    columns = tuple(str(name) for name in candles.columns)
    if columns != FIELDS:
        raise DataError(
            f"{source}: a candle table has the columns {', '.join(FIELDS)}; "
            f"it came with {', '.join(columns)}."
        )
    wrong = [f"{name} ({kind})" for name, kind in candles.dtypes.items() if kind != np.float64]
    if wrong:
        raise DataError(
            f"{source}: every column of a candle table is float64; not so: {', '.join(wrong)}."
        )
    index = candles.index
    if not isinstance(index, pd.DatetimeIndex) or str(index.tz) != "UTC" or index.name != "time":
        zone = (
            f"time zone {index.tz}"
            if isinstance(index, pd.DatetimeIndex)
            else f"type {index.dtype}"
        )
        raise DataError(
            f"{source}: a candle table is indexed by UTC times named 'time'; this one is named "
            f'{index.name!r}, {zone}. Use tz_localize("UTC") or tz_convert("UTC"), '
            'and rename_axis("time").'
        )
    if index.hasnans:
        raise DataError(
            f"{source}: {counted(int(np.asarray(index.isna()).sum()), 'time')} missing "
            "in the index. Drop those rows."
        )
    if candles.empty:
        raise DataError(f"{source}: there is no candle in the table.")


def _check_times(candles: pd.DataFrame, timeframe: str, source: str) -> None:
    times = times_of(time_index(candles))
    backward = np.diff(times) <= 0
    if backward.any():
        row = int(backward.argmax()) + 1
        raise DataError(
            f"{source}: times must increase; {int(backward.sum()):,} of {len(times):,} rows "
            f"do not come after the one before, first row {row} at {candles.index[row]} after "
            f"{candles.index[row - 1]}. Sort the rows and drop the duplicates."
        )
    off = times % bar_step(timeframe) != 0
    if off.any():
        raise DataError(
            f"{source}: {counted(int(off.sum()), 'bar')} off the {timeframe} grid, "
            f"first at {time_text(candles.index[int(off.argmax())])}. "
            "Give the timeframe of the data, or mend the times."
        )


def runs_of(marks: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first position and the length of each run of True.

    >>> runs_of(np.array([True, False, True, True]))
    (array([0, 2]), array([1, 2]))
    """
    edges = np.diff(np.concatenate(([False], marks, [False])).astype(np.int8))
    starts = np.flatnonzero(edges == 1)
    return starts, np.flatnonzero(edges == -1) - starts


def bar_step(timeframe: str) -> int:
    """Return the length of a bar in nanoseconds."""
    return int(timeframe_delta(timeframe) / pd.Timedelta(1, "ns"))


def time_index(table: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the index of a time-indexed table, typed as what it is."""
    return pd.DatetimeIndex(table.index)
