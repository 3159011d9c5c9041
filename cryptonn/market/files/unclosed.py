"""Bars that had not closed yet: the one in progress, and those from the future."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import bar_step, time_text
from cryptonn.units import counted

__all__ = ["closed_bars"]

_AHEAD = pd.Timedelta(hours=14)
"""So far ahead of UTC a clock may be: bars that lie no further in the future may
be of local times.
"""


def closed_bars(
    times: NDArray[np.int64],
    *,
    timeframe: str,
    now: pd.Timestamp,
    source: str,
    hint: str,
) -> tuple[NDArray[np.bool_], dict[str, int], tuple[str, ...]]:
    """Tell which bars have closed.

    Parameters
    ----------
    times
        Of the open, nanoseconds since 1970, oldest first; shape (n,).
    now
        The present.
    hint
        What the reason may be if bars lie a few hours in the future; may be empty.

    Returns
    -------
    closed
        Shape (n,).
    repairs
        ``unclosed``: the bar in progress; ``future``: bars that had not begun.
    notes
        The same in words.

    Raises
    ------
    DataError
        If none has closed.
    """
    present = int(now.value)
    closed = times + bar_step(timeframe) <= present
    begun = times <= present
    future = int((~begun).sum())
    unclosed = len(times) - int(closed.sum()) - future
    within = int(times[-1]) - present <= _AHEAD.value
    hint = hint if within else ""
    clock = f"this machine's clock says {time_text(now.floor('min'))}"
    if not closed.any():
        raise DataError(
            f"{source}: none of its {counted(len(times), 'bar')} has closed yet: the first "
            f"is of {_text(times[0])}, the last of {_text(times[-1])}, and {clock}. Set the clock "
            f"right if it is wrong; else the times are: look at their unit and their zone.{hint}"
        )
    notes = []
    if unclosed:
        last = times[begun][-1]
        notes.append(
            f"The bar of {_text(last)} was still in progress at {time_text(now.floor('min'))} "
            "and is left out: import the file again once it has closed."
        )
    if future:
        first = _text(times[~begun][0])
        bars = (
            f"1 bar, of {first}, lies"
            if future == 1
            else f"{future:,} bars from {first} to {_text(times[-1])} lie"
        )
        notes.append(
            f"{bars} in the future, as {clock}, and {'is' if future == 1 else 'are'} left out. "
            f"Is the clock right, and are the times?{hint}"
        )
    return closed, {"unclosed": unclosed, "future": future}, tuple(notes)


def _text(time: np.int64) -> str:
    return time_text(pd.Timestamp(int(time), unit="ns", tz="UTC"))
