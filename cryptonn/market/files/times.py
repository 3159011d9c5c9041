"""The time column of a candle file, in whatever form it came, as nanoseconds since 1970 (UTC)."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import time_text, times_of
from cryptonn.market.files.dateorder import DatedRows, order_of, times_in
from cryptonn.market.files.datetexts import (
    FORMS,
    Clocks,
    Days,
    foreign_word,
    read_clocks,
    read_days,
    split_texts,
)
from cryptonn.market.files.options import FileOptions
from cryptonn.market.files.timenumbers import (
    EARLIEST,
    LATEST,
    are_digits,
    are_numbers,
    are_spreadsheet_days,
    refuse_cells,
    since_1970,
    spreadsheet_days,
    to_numbers,
)
from cryptonn.market.files.zones import (
    check_timezone,
    fixed_offset,
    is_place,
    places_of,
    refuse_other_names,
    refuse_other_offset,
    to_utc,
)
from cryptonn.units import counted

__all__ = ["Times", "read_times"]

_SECOND = 10**9
"""In nanoseconds."""


@dataclass(frozen=True, eq=False)
class Times:
    """The times of the rows of a file."""

    opens: NDArray[np.int64]
    """Nanoseconds since 1970 (UTC), shape (n,), in the order of the file."""
    repairs: dict[str, int]
    """``mixed_units``: rows whose unit is not the most common one;
    ``converted_to_utc``: rows of another zone.
    """
    is_naive: bool = False
    """Whether nothing says which zone the times are of; they were read as UTC."""
    is_day_alone: bool = False
    """Whether no time has a time of day."""
    notes: tuple[str, ...] = ()
    """What was decided about them."""


@dataclass(frozen=True, eq=False)
class _Wall:
    """What a clock on a wall shows at each row, or UTC where a zone stands beside it."""

    shown: NDArray[np.int64]
    """Nanoseconds since 1970, shape (n,)."""
    offsets: NDArray[np.int64]
    """What was taken off, to come to UTC; shape (n,)."""
    is_zoned: bool
    """Whether every cell says how far its zone is from UTC."""
    is_day_alone: bool
    """Whether no cell has a time of day."""
    names: tuple[str, ...] = ()
    """Of each row, what stands there of another zone: ``EST``; empty if nothing does in any."""
    notes: tuple[str, ...] = ()


def read_times(rows: pd.DataFrame, *, options: FileOptions, zone: str, source: str) -> Times:
    """Read the times of a file.

    Numbers count seconds, milliseconds, microseconds or nanoseconds since 1970, told apart row
    by row by their size; or they are the digits of a date (20200105), or a spreadsheet's days
    (43835.5). Texts are days of numbers or with an English month, alone or with a time of day.
    A text without a zone is UTC unless the options name a zone; with one it is converted.

    Parameters
    ----------
    rows
        Indexed by the line of the file. Columns ``time`` (int64 or str) and, if the time of day
        is a column of its own, ``clock`` (str).
    options
        ``date_order`` and ``timezone`` count.
    zone
        What the header says of the zone; see ``TimeColumns``.
    source
        The file, for errors.

    Raises
    ------
    DataError
        If a cell is no time, lies before 1990 or after 2099, some carry a zone and some do not,
        it is open which is the day and which the month, or a zone is said that cannot be.
    ConfigError
        If the options name a zone that is none.
    """
    timezone = None if options.timezone is None else check_timezone(options.timezone)
    cells = rows["time"]
    if "clock" in rows:
        days = cells.str.strip()
        clocks = _even_clocks(rows["clock"].str.strip(), source)
        shown = days + " " + clocks
        wall = _read_texts(shown, (days, " " + clocks), options, source)
        return _in_utc(wall, shown, timezone=timezone, zone=zone, source=source)
    texts = cells if cells.dtype == np.int64 else cells.str.strip()
    if cells.dtype != np.int64 and not are_numbers(texts):
        wall = _read_texts(texts, split_texts(texts), options, source)
        return _in_utc(wall, texts, timezone=timezone, zone=zone, source=source)
    numbers = to_numbers(texts, source=source)
    read = _read_walls(numbers, texts, options, source)
    if read is not None:
        return _in_utc(read, texts, timezone=timezone, zone=zone, source=source)
    if timezone is not None and timezone != "UTC":
        raise DataError(
            f"{source}: its times are numbers since 1970, which are UTC everywhere: "
            "they have no zone to name. Leave --timezone (timezone under [data]) out; "
            "if other files need it, import this one into the store."
        )
    values, mixed = since_1970(numbers, texts, source=source)
    return Times(values, {"mixed_units": mixed})


def _read_walls(
    numbers: NDArray[np.int64] | NDArray[np.float64],
    cells: pd.Series,
    options: FileOptions,
    source: str,
) -> _Wall | None:
    """Read numbers that are the digits of a date or a spreadsheet's days;
    None if they count since 1970.
    """
    none = np.zeros(len(numbers), dtype=np.int64)
    if are_spreadsheet_days(numbers):
        values = spreadsheet_days(numbers, cells, source=source)
        shown = str(cells.iloc[0])
        when = pd.Timestamp(int(values[0]), unit="ns")
        note = f"The times are days as a spreadsheet counts them: {shown} is {when:%Y-%m-%d %H:%M}."
        whole = bool((numbers % 1 == 0).all())
        return _Wall(values, none, is_zoned=False, is_day_alone=whole, notes=(note,))
    digits = are_digits(numbers)
    if digits is None:
        return None
    whole_numbers = numbers.astype(np.int64)
    dates = whole_numbers // 10 ** (digits - 8)
    clocks = whole_numbers % 10 ** (digits - 8) * 10 ** (14 - digits)
    hours = clocks // 10**4
    minutes = clocks // 100 % 100
    seconds = clocks % 100
    form = "YYYYMMDDHHMMSS"[:digits]
    wrong = (hours > 23) | (minutes > 59) | (seconds > 59) | (numbers != whole_numbers)
    refuse_cells(cells, wrong, f"is no time of the form {form}", source=source)
    distinct, places = np.unique(dates, return_inverse=True)
    days = Days(
        numbers=np.stack([distinct // 10**4, distinct // 100 % 100, distinct % 100], axis=1),
        orders=("ymd",),
        example=str(distinct[0]),
    )
    times = ((hours * 60 + minutes) * 60 + seconds) * _SECOND
    values, notes = _dated(DatedRows(days, places, times), cells, options, source)
    return _Wall(values, none, is_zoned=False, is_day_alone=digits == 8, notes=notes)


def _read_texts(
    texts: "pd.Series[str]",
    parts: "tuple[pd.Series[str], pd.Series[str]] | None",
    options: FileOptions,
    source: str,
) -> _Wall:
    """Read texts, of which the days and the rest are parts."""
    if parts is None:
        raise _unknown_form(texts, source)
    places, distinct = pd.factorize(parts[0])
    days = read_days([str(day) for day in distinct])
    if days is None:
        raise _unknown_form(texts, source)
    rest_places, rests = pd.factorize(parts[1])
    clocks = read_clocks([str(rest) for rest in rests])
    is_odd = (days.numbers[:, 0] < 0)[places]
    problem = f"is of another form than the others, such as {days.example!r}{_hint(texts, is_odd)}"
    refuse_cells(texts, is_odd, problem, source=source)
    no_clock = (clocks.times < 0)[rest_places]
    refuse_cells(texts, no_clock, "has no time of day such as 13:00 or 1:00 PM", source=source)
    zoned = clocks.zoned[rest_places]
    if zoned.any() and not zoned.all():
        _refuse_mixed_zones(texts, zoned, source)
    offsets = clocks.offsets[rest_places]
    times = clocks.times[rest_places] - offsets
    values, notes = _dated(DatedRows(days, places, times), texts, options, source)
    return _Wall(
        values,
        offsets,
        is_zoned=bool(zoned.all()),
        is_day_alone=not any(str(rest).strip() for rest in rests),
        names=_names(clocks, rest_places),
        notes=notes,
    )


def _names(clocks: Clocks, places: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(np.array(clocks.names)[places]) if any(clocks.names) else ()


def _dated(
    rows: DatedRows, cells: pd.Series, options: FileOptions, source: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the times of rows whose days may be open to several orders,
    and what is to be said of it.
    """
    order, note = order_of(rows, given=options.date_order, source=source)
    values, possible = times_in(rows, order)
    words = {"d": "day", "m": "month", "y": "year"}
    read_as = ", ".join(words[letter] for letter in order)
    problem = f"is no day of the calendar, read as {read_as}"
    if options.date_order is None or len(rows.days.orders) == 1:
        refuse_cells(cells, ~possible, problem, source=source)
    else:
        advice = (
            "Change --date-order (date_order under [data]) or leave it out; "
            "mend or delete the row if it alone is wrong."
        )
        refuse_cells(cells, ~possible, problem, source=source, advice=advice)
    return values, () if note is None else (note,)


def _in_utc(
    wall: _Wall, cells: pd.Series, *, timezone: str | None, zone: str, source: str
) -> Times:
    """Turn what was read into UTC, by the zone in the cells, of the options, or in the header."""
    values = wall.shown
    moved = int((wall.offsets != 0).sum())
    notes = wall.notes
    told = fixed_offset(zone)
    named = next(iter(wall.names), "")
    if timezone is None and is_place(named) and set(wall.names) == {named}:
        timezone = named
    clock = told or timezone
    is_naive = not wall.is_zoned and clock is None
    if wall.is_zoned:
        _refuse_two_zones(wall, cells, timezone=timezone, told=told, source=source)
    elif clock is None:
        _refuse_unknown_zone(wall, cells, zone=zone, source=source)
    else:
        local = to_utc(values, timezone=clock, lines=cells.index, source=source)
        if timezone is not None and told is not None:
            refuse_other_offset(
                local, offset=told, timezone=timezone, lines=cells.index, source=source
            )
        names = wall.names or (("" if zone == "local" or told else zone.upper()),)
        refuse_other_names(local, names, timezone=clock, lines=cells.index, source=source)
        moved = int((local != values).sum())
        if wall.is_day_alone and moved:
            raise DataError(_days_of(clock, is_told=told is not None, source=source))
        values = local
        if clock != "UTC" or timezone is not None:
            notes = (*notes, _clock_note(clock, shown=wall.shown, times=values))
    _refuse_outside(values, cells, source)
    return Times(
        values,
        {"converted_to_utc": moved},
        is_naive=is_naive,
        is_day_alone=wall.is_day_alone,
        notes=notes,
    )


def _clock_note(clock: str, *, shown: NDArray[np.int64], times: NDArray[np.int64]) -> str:
    before = pd.Timestamp(int(shown[0]), unit="ns")
    after = time_text(pd.Timestamp(int(times[0]), unit="ns", tz="UTC"))
    return (
        f"The times were read as those of a clock in {clock}: {before:%Y-%m-%d %H:%M} "
        f"there is {after}."
    )


def _days_of(clock: str, *, is_told: bool, source: str) -> str:
    advice = (
        "Give hours or minutes; if the header is wrong, change the name of the column."
        if is_told
        else (
            "Leave --timezone (timezone under [data]) out if the days are of UTC, "
            "as those of nearly all exchanges are; else give hours or minutes."
        )
    )
    return (
        f"{source}: its times are days without an hour, and a day of {clock} is no day of UTC, "
        f"which bars are made of here. {advice}"
    )


def _refuse_two_zones(
    wall: _Wall, cells: pd.Series, *, timezone: str | None, told: str | None, source: str
) -> None:
    """Refuse times that carry a zone, where another is said of them."""
    if timezone is not None:
        raise DataError(
            f"{source}: its times carry a zone, and {timezone} is said of them. Leave --timezone "
            "(timezone under [data]) out; if other files need it, import this one into the store."
        )
    if told is None or told == "UTC":
        return
    ahead = to_utc(wall.shown, timezone=told, lines=cells.index, source=source) - wall.shown
    wrong = ahead + wall.offsets != 0
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(
            f"{source}: its header says that the times are of {told}, "
            f"and {counted(int(wrong.sum()), 'time')} of another zone, "
            f"first in row {cells.index[first]}: {cells.iloc[first]!r}. "
            "Change the name of the column if the header is wrong."
        )


def _refuse_unknown_zone(wall: _Wall, cells: pd.Series, *, zone: str, source: str) -> None:
    """Refuse times whose zone is named, but not so that one knows how far from UTC it is."""
    names = [name for name in wall.names if name]
    if zone:
        name = zone
        what = "the header says that its times are of " + (
            "a local zone" if zone == "local" else zone.upper()
        )
    elif names:
        name = names[0]
        what = (
            f"its times carry the name of a zone, {name} in row "
            f"{cells.index[wall.names.index(name)]}"
        )
    else:
        return
    places = (name,) if is_place(name) else places_of(name)
    say = f"--timezone {' or '.join(places)}" if places else "such as --timezone Europe/Berlin"
    raise DataError(
        f"{source}: {what}, which does not tell how far from UTC each of them is. "
        f"Name the place whose clock they show: {say} (timezone under [data]); or, if it is the "
        "same all year, how far that clock is from UTC, written as UTC+HH:MM or UTC-HH:MM."
    )


def _refuse_outside(values: NDArray[np.int64], cells: pd.Series, source: str) -> None:
    earliest, latest = times_of(pd.DatetimeIndex([EARLIEST, LATEST]))
    outside = (values < earliest) | (values >= latest)
    refuse_cells(cells, outside, "is no time between 1990 and 2100", source=source)


def _refuse_mixed_zones(texts: pd.Series, zoned: NDArray[np.bool_], source: str) -> None:
    rarer = zoned if zoned.sum() <= len(zoned) / 2 else ~zoned
    first = int(rarer.argmax())
    raise DataError(
        f"{source}: {counted(int(zoned.sum()), 'time')} with a time zone "
        f"and {int((~zoned).sum()):,} without, first in row {texts.index[first]}: "
        f"{texts.iloc[first]!r}. Write every time with a zone, or every one in UTC without."
    )


def _unknown_form(texts: "pd.Series[str]", source: str) -> DataError:
    first = str(texts.iloc[0])
    hint = _hint(texts, np.ones(len(texts), dtype=np.bool_))
    return DataError(
        f"{source}: the times cannot be read, first in row {texts.index[0]}: {first!r} "
        f"is of no form that is known{hint}. Known are {FORMS}. Write them in one of these."
    )


def _hint(texts: "pd.Series[str]", wrong: NDArray[np.bool_]) -> str:
    """Say what a time that cannot be read most likely is."""
    text = str(texts.iloc[int(wrong.argmax())]) if wrong.any() else ""
    if re.fullmatch(r"#+", text):
        return ": a column of a spreadsheet was too narrow to show it"
    if re.fullmatch(r"\d+[.,]\d+E\+\d+", text, re.IGNORECASE):
        return ": a spreadsheet has rounded a number, and what was cut off is lost"
    if re.fullmatch(r"\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?", text):
        return ": it is a time of day without a day"
    word = foreign_word(text)
    if word is not None and re.search(r"\d", text):
        return f": {word!r} is no English name of a month"
    return ""


def _even_clocks(texts: "pd.Series[str]", source: str) -> "pd.Series[str]":
    """Return times of day in as many digits each, where they are of digits alone and their
    zeros were lost.

    500 is 00:05:00 beside 10000; beside 2300 it is 05:00.
    """
    distinct = texts.unique()
    if not all(str(text).isdigit() for text in distinct):
        return texts
    widths = {len(text) for text in distinct}
    if widths in ({2}, {4}, {6}):
        return texts
    numbers = np.array(sorted({int(text) for text in distinct}), dtype=np.int64)
    if numbers[-1] > 2359 or len(numbers) == 1:
        return texts.str.zfill(6)
    step = int(np.diff(numbers).min())
    for width, day in ((2, 24), (4, 2400)):
        minutes = numbers if width == 2 else numbers // 100 * 60 + numbers % 100
        step = int(np.diff(minutes).min())
        if numbers[-1] < day and int(minutes[-1]) + step == (24 if width == 2 else 1440):
            return texts.str.zfill(width)
    lines = texts.index
    raise DataError(
        f"{source}: the times of day are numbers whose leading zeros are lost, "
        f"first in row {lines[0]}: {texts.iloc[0]!r}. They may be hours, hours and minutes, "
        "or hours, minutes and seconds. Write them as 13:00."
    )
