"""Pages of candles: what one reply of an exchange holds, and which stretches are still
to be asked for.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import FIELDS, bad_bars, bar_step, explain_bar, time_text
from cryptonn.units import counted

__all__ = [
    "HOLE",
    "Stretch",
    "absent_stretches",
    "bars_a_day",
    "missing_stretches",
    "quiet_bars",
    "reply_candles",
    "taken_up_again",
]

Stretch = tuple[int, int]
"""Start and end (ns, the end not included)."""

HOLE = 10
"""Absent bars in a row, among stored ones, that are not asked for again: a quiet market
has such stretches.
"""

_QUIET = 60
"""Usual distances between two candles in a row without one: a quiet hour where every
minute trades.
"""
_MILLISECOND = 1_000_000
_DAY = 86_400_000_000_000


def reply_candles(rows: Any, *, timeframe: str) -> pd.DataFrame:
    """Return the rows of a reply as a candle table in order of time;
    identical repetitions are dropped.

    Parameters
    ----------
    rows
        As ccxt gives them: a list of [time in ms, open, high, low, close, volume].
        ccxt turns a garbled reply into rows of None, or into text, rather than raise,
        so that every value is looked at. May be empty.
    timeframe
        Length of a bar.

    Raises
    ------
    DataError
        If it is no list of such rows, or a bar is impossible or off the grid,
        or two bars of one time differ.

    >>> reply_candles([[1514764800000, 737.9, 738.0, 737.8, 738.0, 2.4]], timeframe="1m")[
    ...     "close"
    ... ].iloc[0]
    np.float64(738.0)
    """
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) >= len(FIELDS) + 1 for row in rows
    ):
        raise DataError("the reply is no list of candles")
    values = np.array([row[:6] for row in rows], dtype=np.float64).reshape(len(rows), 6)
    lacking = int((~np.isfinite(values)).any(axis=1).sum())
    if lacking:
        raise DataError(f"{counted(lacking, 'row')} of {len(rows)} without a value")
    values = np.unique(values, axis=0)  # in order of time
    times = values[:, 0].astype(np.int64) * _MILLISECOND
    index = pd.DatetimeIndex(times.view("M8[ns]"), name="time").tz_localize("UTC")
    candles = pd.DataFrame(values[:, 1:], index=index, columns=list(FIELDS))
    bad = bad_bars(candles)
    if bad.any():
        first = int(bad.argmax())
        raise DataError(
            f"impossible bar at {time_text(index[first])}: {explain_bar(candles.iloc[first])}"
        )
    if (times % bar_step(timeframe) != 0).any():
        raise DataError(f"a bar that does not open on the {timeframe} grid")
    if (np.diff(times) == 0).any():
        raise DataError("two different bars of one time")
    return candles


def absent_stretches(
    held: NDArray[np.int64], *, span: Stretch, timeframe: str, inside: int, at_ends: int
) -> list[Stretch]:
    """Return the stretches of a span that hold no bar, oldest first.

    Parameters
    ----------
    held
        Times (ns) of the bars that are there, increasing, all in the span; shape (n,).
    span
        First open and end (ns, not included), on the grid.
    timeframe
        Length of a bar.
    inside, at_ends
        So many absent bars in a row are let pass: between two bars held, and before the first
        or after the last.
    """
    step = bar_step(timeframe)
    marks = np.concatenate([[span[0] - step], held, [span[1]]])
    absent = np.diff(marks) // step - 1
    passed = np.full(len(absent), inside)
    passed[[0, -1]] = at_ends
    return [
        (int(marks[row]) + step, int(marks[row + 1])) for row in np.flatnonzero(absent > passed)
    ]


def missing_stretches(held: NDArray[np.int64], *, span: Stretch, timeframe: str) -> list[Stretch]:
    """Return the stretches of a span that are to be fetched, oldest first.

    They are what lies before the first and after the last bar held,
    and between them each hole of more than ``HOLE`` bars, or of more than a day.
    The parameters are those of ``absent_stretches``.
    """
    return absent_stretches(
        held, span=span, timeframe=timeframe, inside=_passed(timeframe), at_ends=0
    )


def taken_up_again(reached: int, end: int, *, timeframe: str) -> bool:
    """Tell whether a stretch stored up to ``reached`` (ns) is complete, or ``missing_stretches``
    will give its rest.
    """
    return reached >= end or (end - reached) // bar_step(timeframe) > _passed(timeframe)


def quiet_bars(times: NDArray[np.int64], *, timeframe: str) -> int:
    """Return how many bars in a row may be absent because nobody traded; more are a hole.

    A market that trades in every minute may pause for an hour; one that trades every ten minutes,
    for ten hours. More than a day (or one bar, if that is longer) is a hole in any market.

    Parameters
    ----------
    times
        Times (ns) of the bars held, increasing; shape (n,).
    timeframe
        Length of a bar.

    >>> minutes = np.arange(0, 600, 2) * 60_000_000_000
    >>> quiet_bars(minutes, timeframe="1m"), quiet_bars(1440 * minutes, timeframe="1d")
    (120, 1)
    """
    day = bars_a_day(timeframe)
    distances = np.diff(times) // bar_step(timeframe)
    usual = distances[distances <= day]
    return min(day, round(_QUIET * (usual.mean() if len(usual) else 1.0)))


def bars_a_day(timeframe: str) -> int:
    """Return the bars of a day, at least 1."""
    return max(1, _DAY // bar_step(timeframe))


def _passed(timeframe: str) -> int:
    return min(HOLE, bars_a_day(timeframe))
