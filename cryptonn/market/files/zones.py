"""Times of a clock on a wall turned into UTC, the hour that comes twice in autumn included."""

import re
import zoneinfo
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.bars import times_of
from cryptonn.units import counted

__all__ = [
    "check_timezone",
    "fixed_offset",
    "is_place",
    "places_of",
    "refuse_other_names",
    "refuse_other_offset",
    "repeated_hour",
    "to_utc",
]

_WITH_SUMMER_TIME = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Europe/Moscow",
    "Australia/Sydney",
)
"""Zones to try where local times are suspected; of zones alike the best known stands for all."""
_PLACES = {
    **dict.fromkeys(("EST", "EDT", "ET"), ("America/New_York",)),
    "CST": ("America/Chicago", "Asia/Shanghai"),
    **dict.fromkeys(("CDT", "CT"), ("America/Chicago",)),
    **dict.fromkeys(("MST", "MDT", "MT"), ("America/Denver",)),
    **dict.fromkeys(("PST", "PDT", "PT"), ("America/Los_Angeles",)),
    **dict.fromkeys(("CET", "CEST", "MEZ", "MESZ"), ("Europe/Berlin",)),
    **dict.fromkeys(("EET", "EEST"), ("Europe/Athens",)),
    **dict.fromkeys(("WET", "WEST"), ("Europe/Lisbon",)),
    "BST": ("Europe/London",),
    "MSK": ("Europe/Moscow",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "JST": ("Asia/Tokyo",),
    "KST": ("Asia/Seoul",),
    "HKT": ("Asia/Hong_Kong",),
    "SGT": ("Asia/Singapore",),
    **dict.fromkeys(("AEST", "AEDT"), ("Australia/Sydney",)),
}
"""Whose clocks may be meant by the short name of a zone; several where it has several meanings."""
_GERMAN = {"MEZ": "CET", "MESZ": "CEST"}
_OFFSET = re.compile(
    r"(?:utc|gmt|ut|z)?\s*([+\-\N{MINUS SIGN}])\s*(\d{1,2})(?::?(\d\d))?", re.IGNORECASE
)
_FARTHEST = (-12 * 60, 14 * 60)
"""Minutes from UTC, of the zones there are."""
_HOUR = 3600 * 10**9
"""In nanoseconds."""
_PAST = pd.Timedelta(hours=1)
"""A clock that is put forward: a time it skips is moved on by so much."""


def check_timezone(name: str) -> str:
    """Return a name of the zone database, or a fixed distance from UTC;
    raises ``ConfigError`` if it is neither.

    >>> check_timezone("Europe/Berlin")
    'Europe/Berlin'
    >>> check_timezone("GMT+5:30")
    'UTC+05:30'
    """
    offset = fixed_offset(name)
    if offset is not None:
        return offset
    known = zoneinfo.available_timezones()
    if name in known:
        return name
    folded = {zone.lower(): zone for zone in known}
    near = folded.get(name.strip().lower())
    raise ConfigError(
        f"timezone {name!r} is "
        f"unknown.{f' Did you mean {near!r}?' if near else _meant(name, known)} Write a place "
        "of the zone database, such as Europe/Berlin, America/New_York or Asia/Tokyo, or UTC, "
        "or how far the clock is from UTC all year, such as UTC+8."
    )


def _meant(name: str, known: set[str]) -> str:
    """Suggest a zone; never one that is only spelled alike, as 'MST' is like 'IST'
    and UTC like UTC+25.
    """
    places = places_of(name)
    if places:
        return f" Did you mean the clock of {' or '.join(places)}?"
    if len(name) < 6 or re.search(r"\d", name):
        return ""
    return did_you_mean(name, {zone for zone in known if "/" in zone and "Etc/" not in zone})


def fixed_offset(text: str) -> str | None:
    """Return how far a zone is from UTC at any time of the year;
    None if the text tells no such thing.

    >>> fixed_offset("gmt+8"), fixed_offset("-0530"), fixed_offset("UTC+0"), fixed_offset("est")
    ('UTC+08:00', 'UTC-05:30', 'UTC', None)
    """
    if text.strip().lower() in ("utc", "gmt", "z"):
        return "UTC"
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    sign, hours, minutes = found.groups(default="0")
    distance = (int(hours) * 60 + int(minutes)) * (1 if sign == "+" else -1)
    if not _FARTHEST[0] <= distance <= _FARTHEST[1] or int(minutes) > 59:
        return None
    if not distance:
        return "UTC"
    return f"UTC{'+' if distance > 0 else '-'}{abs(distance) // 60:02d}:{abs(distance) % 60:02d}"


def places_of(name: str) -> tuple[str, ...]:
    """Return the places whose clocks may be meant by the short name of a zone;
    empty if it is not known.

    >>> places_of("est")
    ('America/New_York',)
    """
    return _PLACES.get(name.strip().upper(), ())


def is_place(name: str) -> bool:
    """Tell whether a text names a place of the zone database: ``US/Eastern``."""
    return "/" in name and name in zoneinfo.available_timezones()


def to_utc(
    walls: NDArray[np.int64], *, timezone: str, lines: pd.Index, source: str
) -> NDArray[np.int64]:
    """Return the UTC times of the rows of a file that show a local clock.

    Where the clock is put back, the order of the rows tells the first pass of an hour
    from the second.

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
        If a time is none in the zone (the clock was put forward over it), or it cannot be told
        which pass is meant.
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
            f"{source}: {counted(int((early != late).sum()), 'time')} cannot be told apart, "
            f"first in row {lines[first]}: {_text(index[first])} comes twice in {timezone}, "
            "when the clock is put back, and the rows do not tell which one is meant. "
            "Delete the rows of these hours, or fetch the file with times in UTC."
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
    """Raise ``DataError`` if a zone's name (EST) stands at a time at which the clock in the zone
    shows another (EDT).

    Parameters
    ----------
    times
        Nanoseconds since 1970 (UTC), shape (n,).
    names
        Of each time, what the cell says, "" if nothing; or one name for all, which the header says.
    """
    if not any(names):
        return
    index = pd.DatetimeIndex(times.view("M8[ns]")).tz_localize("UTC")
    local = index.tz_convert(timezone)
    ahead = _ahead(index, timezone)
    told = np.array(names) if len(names) > 1 else np.full(len(times), names[0])
    wrong = np.zeros(len(times), dtype=np.bool_)
    for name in filter(None, np.unique(told).tolist()):
        at = np.flatnonzero(told == name)
        if is_place(name):
            wrong[at] = _ahead(index[at], name) != ahead[at]
            continue
        distances, firsts, places = np.unique(ahead[at], return_index=True, return_inverse=True)
        fits = [
            local[at[first]].strftime("%Z") == name.upper() or int(distance) in _offsets_of(name)
            for distance, first in zip(distances, firsts, strict=True)
        ]
        wrong[at] = ~np.array(fits)[places]
    if wrong.any():
        first = int(wrong.argmax())
        who = "it says" if len(names) > 1 else "the header says"
        also = "" if len(names) > 1 else ", or the name of the column if the header is wrong"
        raise DataError(
            f"{source}: {counted(int(wrong.sum()), 'time')} of another zone than {timezone}, first "
            f"in row {lines[first]}: {who} {told[first]}, and it is {local[first]:%Z} there then. "
            f"Change --timezone (timezone under [data]){also}."
        )


def refuse_other_offset(
    times: NDArray[np.int64], *, offset: str, timezone: str, lines: pd.Index, source: str
) -> None:
    """Raise ``DataError`` if the clock of a zone shows something else than one at the offset
    that the header tells.

    Parameters
    ----------
    times
        Nanoseconds since 1970 (UTC) as read by the header, shape (n,).
    """
    index = pd.DatetimeIndex(times.view("M8[ns]")).tz_localize("UTC")
    wrong = _ahead(index, timezone) != _ahead(index, offset)
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(
            f"{source}: its header says that the times are of {offset}, and {timezone} "
            f"is said of them, whose clock shows another time, first in row {lines[first]}. "
            "Leave --timezone (timezone under [data]) out; if other files need it, "
            "import this one into the store. If the header is wrong, change the name of the column."
        )


def _ahead(index: pd.DatetimeIndex, timezone: str) -> NDArray[np.int64]:
    """Return by how many nanoseconds the clock of a zone is ahead of UTC at each time;
    shape (n,).
    """
    shown = index.tz_convert(timezone).tz_localize(None)
    return np.asarray(times_of(shown.tz_localize("UTC")) - times_of(index), dtype=np.int64)


def _offsets_of(name: str) -> set[int]:
    """Return the nanoseconds ahead of UTC that the short name of a zone stands for,
    in summer or winter.
    """
    word = _GERMAN.get(name.upper(), name.upper())
    found = set()
    for place in places_of(name):
        for month in (1, 7):
            when = datetime(2020, month, 1, tzinfo=zoneinfo.ZoneInfo(place))
            own = when.tzname() or ""
            ahead = when.utcoffset()
            if ahead is not None and (own == word or own[:1] in "+-" or len(word) == 2):
                found.add(int(ahead.total_seconds()) * 10**9)
    return found


def repeated_hour(time: int) -> str:
    """Return a hint if a time comes twice on the clocks of a zone that is known for it;
    "" if of none.
    """
    index = pd.DatetimeIndex(np.array([time]).view("M8[ns]"))
    for zone in _WITH_SUMMER_TIME:
        found = index.tz_localize(zone, ambiguous="NaT", nonexistent=_PAST)
        if found.isna()[0]:
            return (
                " On that day the clocks of some places are put back and an hour comes twice, "
                f"as in {zone}: the file may hold local times. If so, name their zone: "
                f"--timezone {zone} (timezone under [data])."
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
            f"{source}: {counted(int(skipped.sum()), 'time')} that no clock of {timezone} "
            f"has shown, first in row {lines[first]}: {_text(index[first])}, "
            "where the clock is put forward. The times are of another zone, perhaps UTC: "
            "change --timezone (timezone under [data]) or leave it out."
        )


def _passes(early: NDArray[np.int64], late: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Tell for each row, oldest first, whether the later of its two times is meant;
    None if it cannot be told.
    """
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
    """Return the first row of a stretch that comes in the second pass: where the series
    has the fewest breaks.
    """
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
