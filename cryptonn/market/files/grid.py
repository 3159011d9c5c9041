"""Whether the bars of a file begin where bars of their timeframe do, and what they
are where they do not.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import bar_step, time_text
from cryptonn.units import counted

__all__ = ["last_unfinished", "refuse_off_grid"]

_SECOND = 10**9
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
"""In nanoseconds."""
_CLOSE_TO = _MINUTE
"""A bar stamped by its close says so by at most so much before the next one begins: 23:59,
23:59:59, 23:59:59.999.
"""
_QUARTER = 15 * _MINUTE
"""Zones differ by whole quarters of an hour."""
_FEWEST = 3
"""Bars that can show where a series begins its bars."""
_MONTH = (28, 31)
"""Days."""


def last_unfinished(times: NDArray[np.int64], timeframe: str) -> str | None:
    """Return what to say of a last row that shows the present inside a bar, as Yahoo's of today
    does; None if none does.

    Parameters
    ----------
    times
        Of the rows, nanoseconds since 1970, oldest first; shape (n,).
    """
    step = bar_step(timeframe)
    off = times % step != 0
    if len(times) <= _FEWEST or not off[-1] or off[:-1].any() or times[-1] - times[-2] < step:
        return None
    begin = times[-1] - times[-1] % step
    return (
        f"The last row is of {_text(times[-1])}, inside the bar of {_text(begin)}: it shows a bar "
        "still in progress and is left out. Fetch the file again once that bar has closed."
    )


def refuse_off_grid(
    times: NDArray[np.int64], *, timeframe: str, lines: pd.Index, naive: bool, source: str
) -> None:
    """Raise ``DataError`` if a bar does not begin where one of its timeframe does;
    the message says what it may be.

    Parameters
    ----------
    times
        Of the rows, nanoseconds since 1970, oldest first; shape (n,).
    lines
        Of the rows.
    naive
        Whether nothing says which zone the times are of.
    """
    step = bar_step(timeframe)
    off = times % step != 0
    if off.any():
        first = int(off.argmax())
        raise DataError(
            f"{source}: {counted(int(off.sum()), 'time')} of {len(times):,} off "
            f"the {timeframe} grid, first in row {lines[first]} at {_text(times[first])}. "
            f"{_advice(times, step, naive=naive)}"
        )


def _advice(times: NDArray[np.int64], step: int, *, naive: bool) -> str:
    """Say what times off the grid are, by what they have in common."""
    rests, numbers = np.unique(times % step, return_counts=True)
    shared = len(times) >= _FEWEST and (len(rests) == 1 or bool(numbers.max() >= len(times) - 1))
    rest = int(rests[numbers.argmax()])
    if shared and rest and step - rest <= min(_CLOSE_TO, step // 2):
        return (
            f"The times are those of the close, {(step - rest) / _SECOND:g} s before the next bar "
            "begins, and a bar's time is its open. Write the open of each bar instead; where the "
            "file has it in another column, name that column time and this one close_time."
        )
    if step > _DAY and len(np.unique(times % _DAY)) <= 2:
        return f"These are {_long(step)}. Give bars of a day or less: longer ones are made of them."
    if _is_of_a_zone(rests, step):
        unit = "days" if step == _DAY else "bars"
        begin = " or ".join(_clock(value) for value in rests.tolist())
        named = (
            "If they are local times, name their zone: --timezone Europe/Berlin (timezone "
            "under [data]). Else give "
            if naive and step < _DAY
            else "Give "
        )
        return (
            f"The {unit} begin at {begin} instead of 00:00 UTC, as those of another time zone do. "
            f"{named}bars of {_shorter(step, rests)} or less: {unit} of UTC are made of them."
        )
    return "A bar's time is its open, in UTC: mend or delete the rows."


def _is_of_a_zone(rests: NDArray[np.int64], step: int) -> bool:
    """Tell whether bars begin at one place of another zone, or at two an hour apart,
    for its summer and winter.
    """
    if (rests % _QUARTER).any() or len(rests) > 2:
        return False
    if len(rests) == 1:
        return True
    return step > _HOUR and int(rests[1] - rests[0]) in (_HOUR, step - _HOUR)


def _shorter(step: int, rests: NDArray[np.int64]) -> str:
    for length, name in ((_HOUR, "hours"), (30 * _MINUTE, "30 minutes"), (_QUARTER, "15 minutes")):
        if step % length == 0 and length < step and not (rests % length).any():
            return name
    return "minutes"


def _long(step: int) -> str:
    days = step / _DAY
    if _MONTH[0] <= days <= _MONTH[1]:
        return "bars of a month, and months are not equally long"
    name = "a week" if days == 7 else f"{days:g} days"
    return f"bars of {name} that begin on other days than those counted from 1970-01-01, a Thursday"


def _clock(rest: int) -> str:
    return f"{rest // _HOUR:02d}:{rest % _HOUR // _MINUTE:02d}"


def _text(time: np.int64) -> str:
    return time_text(pd.Timestamp(int(time), unit="ns", tz="UTC"))
