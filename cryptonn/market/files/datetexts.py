"""Days and times of day as people write them, taken apart into numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["FORMS", "Clocks", "Days", "foreign_word", "read_clocks", "read_days", "split_texts"]

FORMS = (
    "2020-02-21 13:00, 21.02.2020 13:00, 02/21/2020 1:00 PM, 'Feb 21, 2020', 20200221, "
    "20200221T130000Z, and numbers of seconds, milliseconds, microseconds or nanoseconds since 1970"
)
"""What a time may look like, for errors."""

_SEPARATOR = r"[-/.] ?|\s"
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th)?"
_MONTH = r"([^\W\d_]{3,12})\.?"
_YEAR = r"'?([0-9]{4}|[0-9]{2})"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_BETWEEN = r"[-/.,\s]+"
_PATTERNS = {
    "numbers": rf"([0-9]{{4}}|[0-9]{{1,2}})({_SEPARATOR})([0-9]{{1,2}})({_SEPARATOR})"
    r"([0-9]{4}|[0-9]{1,2})\.?",
    "digits": r"([0-9]{4})([0-9]{2})([0-9]{2})",
    "month first": rf"{_WEEKDAY}{_MONTH}(?:{_BETWEEN})?{_DAY}{_BETWEEN}{_YEAR}",
    "day first": rf"{_WEEKDAY}{_DAY}(?:{_BETWEEN})?{_MONTH}(?:{_BETWEEN})?{_YEAR}",
    "year first": rf"([0-9]{{4}}){_BETWEEN}{_MONTH}{_BETWEEN}{_DAY}",
}
_DAYS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _PATTERNS.items()}
_TEXTS = {
    kind: re.compile(rf"(?P<day>{pattern})(?P<rest>(?:[T\s,_].*)?)", re.IGNORECASE)
    for kind, pattern in _PATTERNS.items()
}
_CLOCK = re.compile(
    r"(?:[T\s,_]+(?P<h>[0-9]{1,2})"
    r"(?:(?P<colon>[:.]?)(?P<m>[0-9]{2})(?:[:.]?(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9})[0-9]*)?)?)?"
    r"(?:[\s-]?(?P<half>[ap])\.?m\.?(?![a-z/]))?)?"
    r"\s*(?P<zone>[a-z]{1,5}|[a-z]+(?:/[a-z0-9_+-]+)+)?"
    r"\s*(?P<offset>[+-][0-9]{1,2}(?::?[0-9]{2})?)?"
    r"\s*(?P<bracket>\([^)]*\)|\[[^\]]*\])?\s*",
    re.IGNORECASE,
)
_YEAR_LAST = re.compile(
    rf"{_WEEKDAY}([a-z]{{3,9}})\s+([0-9]{{1,2}})\s+"
    r"([0-9:]+(?:\s+[a-z]{1,5}|\s+[+-][0-9]{4})?)\s+([0-9]{4})",
    re.IGNORECASE,
)
"""How C and Unix write a time, the year behind the time of day: Sun Jan 05 00:00:00 UTC 2020."""
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_UTC = ("z", "utc", "gmt", "ut")
_MINUTE = 60 * 10**9
"""In nanoseconds."""


@dataclass(frozen=True)
class Days:
    """The distinct days of a column."""

    numbers: NDArray[np.int64]
    """What stands first, second and third, shape (n, 3); −1 where a day is of another
    form than most.
    """
    orders: tuple[str, ...]
    """What the three may be: ``("dmy", "mdy")`` of 05/01/2020."""
    example: str
    """A day of the form of the column."""


@dataclass(frozen=True)
class Clocks:
    """The distinct times of day of a column, with their zones."""

    times: NDArray[np.int64]
    """Nanoseconds since midnight, shape (n,); −1 where a text is no time of day."""
    offsets: NDArray[np.int64]
    """Nanoseconds ahead of UTC, shape (n,); 0 where no zone stands, too."""
    zoned: NDArray[np.bool_]
    """Whether a zone stands there that says how far it is from UTC: Z, UTC, GMT, +01:00;
    shape (n,).
    """
    names: tuple[str, ...]
    """What stands there of other zones: ``EST``, ``US/Eastern``; "" where nothing does."""


def split_texts(texts: "pd.Series[str]") -> "tuple[pd.Series[str], pd.Series[str]] | None":
    """Return the days and the rest of each text, or None if none of the first hundred
    begins with a day.

    A text that begins with none has the day "".
    """
    if _YEAR_LAST.fullmatch(str(texts.iloc[0])):
        texts = texts.str.replace(_YEAR_LAST, r"\1 \2 \4 \3", regex=True)
    kind = next((kind for text in texts.iloc[:100] if (kind := _kind(text))), None)
    if kind is None:
        return None
    pattern = _TEXTS[kind]
    first = pattern.fullmatch(str(texts.iloc[0]))
    if first is not None:  # most files write all days equally wide: cutting there is much quicker
        width = len(first["day"])
        days = texts.str.slice(0, width)
        rests = texts.str.slice(width)
        if all(_DAYS[kind].fullmatch(day) for day in days.unique()) and all(
            rest[:1] in "Tt ,_\t" for rest in rests.unique()
        ):
            return days, rests
    found = [pattern.fullmatch(text) for text in texts]
    cut = [(one["day"], one["rest"]) if one else ("", "") for one in found]
    return (
        pd.Series([day for day, _ in cut], index=texts.index, dtype="str"),
        pd.Series([rest for _, rest in cut], index=texts.index, dtype="str"),
    )


def read_days(texts: Sequence[str]) -> Days | None:
    """Take distinct days apart; None if none of them is of a form that is known.

    >>> read_days(["05/01/2020"])
    Days(numbers=array([[   5,    1, 2020]]), orders=('dmy', 'mdy'), example='05/01/2020')
    """
    taken = [_day(text) for text in texts]
    forms = [one[0] for one in taken if one is not None]
    if not forms:
        return None
    form = max(forms, key=forms.count)
    fits = [one is not None and one[0] == form for one in taken]
    none = (-1, -1, -1)
    numbers = [one[1] if one and fit else none for one, fit in zip(taken, fits, strict=True)]
    return Days(
        numbers=np.array(numbers, dtype=np.int64).reshape(-1, 3),
        orders=form[0],
        example=texts[fits.index(True)],
    )


def read_clocks(texts: Sequence[str]) -> Clocks:
    """Take distinct times of day apart, as they stand after a day: ``"T13:00Z"``,
    ``" 1:00 PM"``, ``""``.
    """
    found = [_CLOCK.fullmatch(text) for text in texts]
    offsets = [0 if one is None else _offset(one["offset"]) for one in found]
    names = ["" if one is None else _zone(one) for one in found]
    zoned = [
        bool(one and (one["offset"] or name.lower() in _UTC))
        for one, name in zip(found, names, strict=True)
    ]
    return Clocks(
        times=np.array([-1 if one is None else _clock(one) for one in found], dtype=np.int64),
        offsets=np.array(offsets, dtype=np.int64),
        zoned=np.array(zoned, dtype=np.bool_),
        names=tuple("" if known else name for name, known in zip(names, zoned, strict=True)),
    )


def foreign_word(text: str) -> str | None:
    """Return the word of a time that may be a month in another language; None if there is none.

    >>> foreign_word("21. Februar 2020"), foreign_word("Feb 21 12:00 UTC")
    ('Februar', None)
    """
    words = re.findall(r"[^\W\d_]{3,}", text)
    known = (*_UTC, "mon", "tue", "wed", "thu", "fri", "sat", "sun")
    others = [word for word in words if _month(word) is None and word.lower()[:3] not in known]
    return others[-1] if others and len(others) == len(words) else None


def _kind(text: str) -> str | None:
    return next((kind for kind, pattern in _TEXTS.items() if pattern.fullmatch(text)), None)


def _day(text: str) -> tuple[tuple[tuple[str, ...], str, str], tuple[int, int, int]] | None:
    """Return the form of a day (its orders, its separators) and its three numbers."""
    for kind, pattern in _DAYS.items():
        found = pattern.fullmatch(text)
        if found is None:
            continue
        parts = found.groups()
        if kind == "numbers":
            first, between, second, again, third = parts
            orders = _orders(first, third)
            form = (orders, between.strip(), again.strip())
            return (form, (int(first), int(second), int(third))) if orders else None
        if kind == "digits":
            return (("ymd",), kind, ""), (int(parts[0]), int(parts[1]), int(parts[2]))
        return _named_day(kind, parts)
    return None


def _orders(first: str, third: str) -> tuple[str, ...]:
    if len(first) == 4:
        return () if len(third) == 4 else ("ymd",)
    return ("dmy", "mdy") if len(third) == 4 else ("dmy", "mdy", "ymd")


def _named_day(
    kind: str, parts: tuple[str, ...]
) -> tuple[tuple[tuple[str, ...], str, str], tuple[int, int, int]] | None:
    place = 0 if kind == "month first" else 1
    month = _month(parts[place])
    if month is None:
        return None
    first, second, third = (
        month if number == place else int(part) for number, part in enumerate(parts)
    )
    if kind == "month first":
        orders: tuple[str, ...] = ("mdy",)
    elif kind == "year first":
        orders = ("ymd",)
    else:
        orders = ("dmy",) if len(parts[2]) == 4 else ("dmy", "ymd")
    return (orders, kind, ""), (first, second, third)


def _month(name: str) -> int | None:
    low = name.lower()
    known = [low in (month, month[:3]) for month in _MONTHS]
    if low == "sept":
        return 9
    return known.index(True) + 1 if any(known) else None


def _clock(found: "re.Match[str]") -> int:
    hours = int(found["h"] or 0)
    minutes = int(found["m"] or 0)
    seconds = int(found["s"] or 0)
    if found["m"] and not found["colon"] and len(found["h"]) == 1:  # 500: 5:00 or 0:05:00?
        return -1
    if found["half"]:
        if hours > 12:
            return -1
        hours = hours % 12 + (12 if found["half"].lower() == "p" else 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return -1
    fraction = int((found["f"] or "").ljust(9, "0"))
    return (hours * 60 + minutes) * _MINUTE + seconds * 10**9 + fraction


def _zone(found: "re.Match[str]") -> str:
    """Return the name of a zone; one in brackets counts where nothing before them tells it:
    13:00 (EST).
    """
    bracket = found["bracket"] or ""
    return found["zone"] or ("" if found["offset"] else bracket[1:-1].strip())


def _offset(text: str | None) -> int:
    if not text:
        return 0
    digits = text[1:].replace(":", "")
    hours = int(digits[:-2] or 0) if len(digits) > 2 else int(digits)
    minutes = int(digits[-2:]) if len(digits) > 2 else 0
    return (-1 if text[0] == "-" else 1) * (hours * 60 + minutes) * _MINUTE
