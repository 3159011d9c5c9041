"""Times of a clock on a wall turned into UTC, the hour that comes twice in autumn included."""

import zoneinfo
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.bars import times_of
from cryptonn.units import counted

__all__ = ["check_timezone", "refuse_other_names", "repeated_hour", "to_utc"]

_WITH_SUMMER_TIME = (
    *("Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago"),
    *("America/Los_Angeles", "America/Sao_Paulo", "Europe/Moscow", "Australia/Sydney"),
)
"""Zones to try where local times are suspected; of zones alike the best known stands for all."""
_HOUR = 3600 * 10**9
"""In nanoseconds."""
_PAST = pd.Timedelta(hours=1)
"""A clock that is put forward: a time it skips is moved on by so much."""


def check_timezone(name: str) -> str:
    """Return a name of the zone database; raises ``ConfigError`` if it is none.

    >>> check_timezone("Europe/Berlin")
    'Europe/Berlin'
    """
    known = zoneinfo.available_timezones()
    if name in known:
        return name
    folded = {zone.lower(): zone for zone in known}
    near = folded.get(name.strip().lower())
    hint = f" Did you mean {near!r}?" if near else did_you_mean(name, known)
    raise ConfigError(
        f"timezone {name!r} is unknown.{hint} Write a place of the zone database, such as Europe/Berlin, "
        "America/New_York or Asia/Tokyo, or UTC."
    )


def to_utc(
    walls: NDArray[np.int64], *, timezone: str, lines: pd.Index, source: str
) -> NDArray[np.int64]:
    """Return the UTC times of the rows of a file that show a local clock.

    Where the clock is put back, the order of the rows tells the first pass of an hour from the second.

    Parameters
    ----------
    walls
        What the clock shows, as nanoseconds since 1970, in the order of the file; shape (n,).
    timezone
        Its zone.
    lines
        Of the rows, for errors.

    Raises
    ------
    DataError
        If a time is none in the zone (the clock was put forward over it), or it cannot be told which pass is meant.
    """
    index = pd.DatetimeIndex(walls.view("M8[ns]"))
    summer, winter = (
        index.tz_localize(timezone, ambiguous=np.full(len(walls), is_summer), nonexistent="NaT")
        for is_summer in (True, False)
    )
    _refuse_skipped(index, np.asarray(summer.isna()), timezone, lines, source)
    early = np.minimum(times_of(summer), times_of(winter))
    late = np.maximum(times_of(summer), times_of(winter))
    if (early == late).all():
        return early
    steps = np.diff(walls)
    forward = (steps >= 0).mean() >= (steps <= 0).mean()
    turn = slice(None, None, 1 if forward else -1)
    is_late = _passes(early[turn], late[turn])
    if is_late is None:
        first = int((early != late).argmax())
        raise DataError(
            f"{source}: {counted(int((early != late).sum()), 'time')} cannot be told apart, first in row "
            f"{lines[first]}: {_text(index[first])} comes twice in {timezone}, when the clock is put back, and the rows "
            "do not tell which one is meant. Delete the rows of these hours, or fetch the file with times in UTC."
        )
    return np.where(is_late[turn], late, early)


def refuse_other_names(
    times: NDArray[np.int64],
    names: Sequence[str],
    *,
    timezone: str,
    lines: pd.Index,
    source: str,
) -> None:
    """Raise ``DataError`` if a time carries another name of a zone (EST) than its own place has then (EDT)."""
    if not names:
        return
    local = pd.DatetimeIndex(times.view("M8[ns]")).tz_localize("UTC").tz_convert(timezone)
    wrong = np.array(
        [
            name.upper() not in ("", own)
            for name, own in zip(names, local.strftime("%Z"), strict=True)
        ]
    )
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(
            f"{source}: {counted(int(wrong.sum()), 'time')} of another zone than {timezone}, first in row "
            f"{lines[first]}: it says {names[first]}, and it is {local[first]:%Z} there then. "
            "Change --timezone (timezone under [data])."
        )


def repeated_hour(time: int) -> str:
    """Return a hint if a time comes twice on the clocks of a zone that is known for it; "" if of none."""
    index = pd.DatetimeIndex(np.array([time]).view("M8[ns]"))
    for zone in _WITH_SUMMER_TIME:
        found = index.tz_localize(zone, ambiguous="NaT", nonexistent=_PAST)
        if found.isna()[0]:
            return (
                f" On that day the clocks of some places are put back and an hour comes twice, as in {zone}: the file "
                f"may hold local times. If so, name their zone: --timezone {zone} (timezone under [data])."
            )
    return ""


def _refuse_skipped(
    index: pd.DatetimeIndex,
    skipped: NDArray[np.bool_],
    timezone: str,
    lines: pd.Index,
    source: str,
) -> None:
    if skipped.any():
        first = int(skipped.argmax())
        raise DataError(
            f"{source}: {counted(int(skipped.sum()), 'time')} that no clock of {timezone} has shown, first in row "
            f"{lines[first]}: {_text(index[first])}, where the clock is put forward. The times are of another zone, "
            "perhaps UTC: change --timezone (timezone under [data]) or leave it out."
        )


def _passes(early: NDArray[np.int64], late: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Tell for each row, oldest first, whether the later of its two times is meant; None if it cannot be told."""
    is_open = early != late
    chosen = np.where(is_open, False, True)
    known = early[~is_open]
    steps = np.diff(np.unique(known))
    spacings, numbers = np.unique(steps, return_counts=True)
    step = int(spacings[numbers.argmax()]) if len(spacings) else _HOUR
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_open.astype(np.int8), [0]))))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        first_late = _turn(early, late, start=int(start), stop=int(stop), step=step)
        if first_late is None:
            return None
        chosen[first_late:stop] = True
    return chosen


def _turn(
    early: NDArray[np.int64], late: NDArray[np.int64], *, start: int, stop: int, step: int
) -> int | None:
    """Return the first row of a stretch that comes in the second pass: where the series has the fewest breaks."""
    before = early[max(start - 1, 0) : start]
    after = early[stop : stop + 1]
    breaks: dict[int, int] = {}
    for place in range(start, stop + 1):
        times = np.concatenate((before, early[start:place], late[place:stop], after))
        steps = np.diff(times)
        if (steps > 0).all():
            breaks[place] = int((steps != step).sum())
    fewest = [place for place, number in breaks.items() if number == min(breaks.values())]
    return fewest[0] if len(fewest) == 1 else None


def _text(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%d %H:%M}"
