"""Which columns of a header hold the time of a bar, and what their names say of its zone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptonn.market.files.header import Head
from cryptonn.market.files.zones import fixed_offset

__all__ = ["TimeColumns", "find_time_columns"]

_UNNAMED = ("", "unnamed: 0")
"""What pandas calls an index that has no name."""
_NAMES = (
    "time period start",
    "period start",
    "window start",
    "time open",
    "timeopen",
    "unix timestamp",
    "unix time",
    "unixtime",
    "unix",
    "epoch",
    "open time",
    "opentime",
    "open timestamp",
    "timestamp",
    "time",
    "start time",
    "start",
    "datetime",
    "date time",
    "date/time",
    "date",
    "dtyyyymmdd",
    "mts",
    "ts",
    "t",
    *_UNNAMED,
)
"""Names of the time column, the least ambiguous first."""
_DATES = ("date", "day", "dtyyyymmdd")
_CLOCKS = ("time", "hour", "timestamp")
"""Names of two columns that hold the day and the time of day."""
_UNITS = ("ms", "s", "sec", "seconds", "milliseconds", "us", "ns")
_AMERICAN = ("est", "edt", "et", "cst", "cdt", "ct", "mst", "mdt", "mt", "pst", "pdt", "pt")
_EUROPEAN = ("cet", "cest", "eet", "eest", "wet", "west", "bst", "msk")
_ASIAN = ("ist", "jst", "kst", "hkt", "sgt")
_AUSTRALIAN = ("aest", "aedt")
_ZONES = (*_AMERICAN, *_EUROPEAN, *_ASIAN, *_AUSTRALIAN, "local")
_SPLIT_OFFSET = re.compile(r"\b(utc|gmt)\s*([+-])\s*(?=\d)")
_CLOCK = re.compile(r"^\d{1,2}:\d\d(?::\d\d)?|^\d{1,6}$|^\d{1,2}\s*[ap]\.?m\.?$", re.IGNORECASE)
_WORD_STARTS = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a word starts inside openTime."""
_DAY_ALONE = re.compile(r"^(?!\d{9,})[^:]*$")


@dataclass(frozen=True)
class TimeColumns:
    """Where a file keeps the time of a bar."""

    time: int
    """Position of the column of the time, or of the day."""
    clock: int | None = None
    """Position of the column of the time of day, if it is a column of its own."""
    zone: str = ""
    """What the names say of the zone: ``"UTC"``, ``"UTC+08:00"``, or in small letters ``"est"``,
    ``"local"``; nothing by default.
    """

    @property
    def positions(self) -> dict[str, int]:
        """Position of ``time`` and, where it is a column of its own, of ``clock``."""
        return {"time": self.time} | ({} if self.clock is None else {"clock": self.clock})


def find_time_columns(head: Head) -> TimeColumns | None:
    """Return the columns of the time, or None if there is none or the name stands twice."""
    names = [_spelled(cell) for cell in head.header]
    first = [next(iter(head.cells(position)), "") for position in range(len(names))]
    told = [_told(name) for name in names]
    plain = [name for name, _ in told]
    best = next((name for name in _NAMES if name in plain), None)
    if best is None or plain.count(best) != 1:
        return None
    place = plain.index(best)
    if best in _UNNAMED and _counts_rows(head.cells(place)):
        return None
    split = _split(plain, first) if best in (*_DATES, *_CLOCKS) else None
    if split is None:
        return TimeColumns(place, zone=told[place][1])
    day, clock = split
    return TimeColumns(day, clock, zone=told[day][1] or told[clock][1])


def _spelled(cell: str) -> str:
    """Return a name in small letters, with blanks between its words; brackets and signs stay,
    as in (GMT+01:00).
    """
    return _WORD_STARTS.sub(" ", cell).replace("_", " ").strip("<> ").lower()


def _counts_rows(cells: Sequence[str]) -> bool:
    return all(cell.isdigit() and len(cell) < 8 for cell in cells)


def _told(name: str) -> tuple[str, str]:
    """Return a name without unit and zone, and the zone it tells: ``date (utc)``
    is a date in UTC.
    """
    words = re.findall(r"[^\s()\[\]<>,]+", _SPLIT_OFFSET.sub(r"\1\2", name))
    offsets = {word: offset for word in words if (offset := fixed_offset(word)) is not None}
    zones = [word for word in words if word in offsets or word in _ZONES]
    if len(zones) == len(words):  # a column named "local" alone is no time
        return name.strip("<>[]() "), ""
    rest = [word for word in words if word not in zones and word != "-"]
    if len(rest) > 1 and rest[-1] in _UNITS:
        rest = rest[:-1]
    zone = next(iter(offsets.values()), next((word for word in zones if word != "local"), ""))
    return " ".join(rest), zone or ("local" if "local" in zones else "")


def _split(plain: list[str], first: list[str]) -> tuple[int, int] | None:
    """Return the positions of a day and of a time of day, where each is a column of its own."""
    day = next((name for name in _DATES if plain.count(name) == 1), None)
    clock = next((name for name in _CLOCKS if plain.count(name) == 1), None)
    if day is None or clock is None:
        return None
    places = plain.index(day), plain.index(clock)
    is_split = _DAY_ALONE.match(first[places[0]]) and _CLOCK.match(first[places[1]])
    return places if is_split else None
