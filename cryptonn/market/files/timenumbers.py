"""Times that came as numbers: since 1970 in one of four units, as the digits of a date,
or as a spreadsheet's days.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import times_of
from cryptonn.units import counted

__all__ = [
    "EARLIEST",
    "LATEST",
    "are_digits",
    "are_numbers",
    "are_spreadsheet_days",
    "refuse_cells",
    "since_1970",
    "spreadsheet_days",
    "to_numbers",
]

EARLIEST = pd.Timestamp("1990-01-01", tz="UTC")
"""The first believable time of a bar."""
LATEST = pd.Timestamp("2100-01-01", tz="UTC")
"""The first time that is not believable any more."""

_NUMBER = r"\d+(?:\.\d*)?(?:[eE]\+?\d+)?"
_UNIT_NAMES = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_UNIT_LIMITS = np.array([10**11, 10**14, 10**17], dtype=np.int64)
"""Below the first limit a number counts seconds, below the next milliseconds, and so on;
each is the year 5138.
"""
_UNIT_NANOSECONDS = np.array([10**9, 10**6, 10**3, 1], dtype=np.int64)
_DAY = 24 * 3600 * 10**9
"""In nanoseconds."""
_SECOND = 10**9
"""In nanoseconds."""
_FEWEST = 3
"""Times that can show a rounding."""
_FIRST_DAY = 25569
"""1970-01-01 in a spreadsheet's days, which begin at 1899-12-30."""
_SERIALS = (32874, 73051)
"""1990 to 2100 in a spreadsheet's days."""
_MINUTES_OF_A_DAY = 1440


def are_numbers(texts: "pd.Series[str]") -> bool:
    """Tell whether times are numbers: most of the first hundred are."""
    return bool(texts.iloc[:100].str.fullmatch(_NUMBER).mean() >= 0.5)


def to_numbers(cells: pd.Series, *, source: str) -> NDArray[np.int64] | NDArray[np.float64]:
    """Return the numbers of a column (int64 or str), shape (n,): int64 if each is written
    in digits alone.

    Raises
    ------
    DataError
        If a cell is no number or far too large, or they are written with so few digits
        that a spreadsheet must have rounded them.
    """
    if cells.dtype == np.int64:
        return np.asarray(cells, dtype=np.int64)
    texts = cells
    wrong = ~np.asarray(texts.str.fullmatch(_NUMBER), dtype=np.bool_)
    refuse_cells(texts, wrong, "is no number, as the others are", source=source)
    values = np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)
    refuse_cells(texts, values >= 2**63, "is no believable time", source=source)
    if texts.str.isdigit().all():
        return np.array([int(text) for text in texts], dtype=np.int64)
    return values


def are_digits(numbers: NDArray[np.int64] | NDArray[np.float64]) -> int | None:
    """Return how many digits the numbers have if they are those of a date: 8, 10, 12 or 14;
    else None.

    Ten digits may count seconds as well (2020010500 is a second of 2034, too): those of a date
    are not all whole minutes, and would else lie in a year to come.
    """
    middle = float(np.median(numbers))
    for digits, first, last in (
        (8, 19900101, 21000000),
        (12, 199001010000, 210000000000),
        (14, 19900101000000, 21000000000000),
    ):
        if first <= middle < last:
            return digits
    if not 1990010100 <= middle < 2100000000 or (numbers % 60 == 0).all():
        return None
    whole = numbers.astype(np.int64)
    hours = whole % 100
    months = whole // 10**4 % 100
    days = whole // 100 % 100
    fits = (hours < 24) & (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)
    return 10 if fits.all() else None


def are_spreadsheet_days(numbers: NDArray[np.int64] | NDArray[np.float64]) -> bool:
    """Tell whether the numbers are days since 1899-12-30, as spreadsheets count them: 43835.5."""
    return _SERIALS[0] <= float(np.median(numbers)) < _SERIALS[1]


def since_1970(
    numbers: NDArray[np.int64] | NDArray[np.float64], cells: pd.Series, *, source: str
) -> tuple[NDArray[np.int64], int]:
    """Return nanoseconds since 1970, and how many rows count in another unit than most.

    The unit is told row by row from the size. A fraction of a second counts to the millisecond.

    Raises
    ------
    DataError
        If a number is no time between 1990 and 2100 in any unit, or the numbers were
        rounded by a spreadsheet.
    """
    units = np.searchsorted(_UNIT_LIMITS, numbers, side="right")
    scale = _UNIT_NANOSECONDS[units]
    earliest, latest = times_of(pd.DatetimeIndex([EARLIEST, LATEST]))
    unbelievable = (numbers < earliest // scale) | (numbers >= latest // scale)
    problem = f"is no time between 1990 and 2100 in {', '.join(_UNIT_NAMES)} since 1970"
    refuse_cells(cells, unbelievable, problem, source=source)
    others = len(numbers) - int(np.bincount(units).max())
    if numbers.dtype == np.int64:
        times = numbers.astype(np.int64) * scale
        _refuse_coarse(times, cells, source)
        return times, others
    whole = np.floor(numbers)
    rest = np.where(units == 0, np.rint((numbers - whole) * 1000) / 1000, np.rint(numbers - whole))
    times = whole.astype(np.int64) * scale + np.rint(rest * scale).astype(np.int64)
    _refuse_coarse(times, cells, source)
    _refuse_uneven(times, cells, source)
    return times, others


def spreadsheet_days(
    numbers: NDArray[np.int64] | NDArray[np.float64], cells: pd.Series, *, source: str
) -> NDArray[np.int64]:
    """Return what a clock on a wall shows in nanoseconds since 1970, of days as a spreadsheet
    counts them.

    Raises
    ------
    DataError
        If a number is no whole minute, to the digits it is written with, or lies before
        1990 or after 2099.
    """
    outside = (numbers < _SERIALS[0]) | (numbers >= _SERIALS[1])
    refuse_cells(
        cells,
        outside,
        "is no day between 1990 and 2100 as a spreadsheet counts them",
        source=source,
    )
    minutes = (numbers - _FIRST_DAY) * _MINUTES_OF_A_DAY
    whole = np.rint(minutes).astype(np.int64)
    digits = max((len(str(cell).partition(".")[2]) for cell in cells), default=0)
    slack = 0.5 * 10.0**-digits * _MINUTES_OF_A_DAY if digits > 3 else 0.0  # minutes
    rounded = np.abs(minutes - whole) > slack + 1 / 60
    problem = (
        "is no whole minute in days as a spreadsheet counts them (43835.5 is noon of 2020-01-05): "
        "it was rounded. Write the column as 2020-01-05 12:00, or fetch the file again"
    )
    refuse_cells(cells, rounded, problem, source=source)
    return whole * (_DAY // _MINUTES_OF_A_DAY)


def _refuse_coarse(times: NDArray[np.int64], cells: pd.Series, source: str) -> None:
    """Refuse times that are all whole thousands of seconds: no bars but of 125 days
    are so many apart.
    """
    if len(times) >= _FEWEST and (times % (1000 * _SECOND) == 0).all() and (times % _DAY).any():
        raise _rounded(cells, np.ones(len(times), dtype=np.bool_), source)


def _refuse_uneven(times: NDArray[np.int64], cells: pd.Series, source: str) -> None:
    """Refuse numbers with an exponent that do not lie on a grid: a spreadsheet has kept
    too few of their digits.

    Daily times as Python writes them (1.5781824e+12) do.
    """
    powers = np.asarray(cells.str.contains("e", case=False, regex=False), dtype=np.bool_)
    if not powers.any() or len(times) < 2:
        return
    distinct = np.unique(times)
    spacings, numbers = np.unique(np.diff(distinct), return_counts=True)
    step = int(spacings[numbers.argmax()]) if len(spacings) else 0
    divides = step > 0 and (step % _DAY == 0 or _DAY % step == 0)
    if divides and len(distinct) == len(times) and (distinct % step == 0).all():
        return
    raise _rounded(cells, powers, source)


def _rounded(cells: pd.Series, rounded: NDArray[np.bool_], source: str) -> DataError:
    first = int(rounded.argmax())
    return DataError(
        f"{source}: {counted(int(rounded.sum()), 'time')} written like {str(cells.iloc[first])!r}, "
        f"first in row {cells.index[first]}. A spreadsheet has rounded the times to so few "
        "digits that they no longer tell one bar from the next; what was cut off is lost. "
        "Fetch the file again and import it as it comes; if it must go through a spreadsheet, "
        "format the column as text, or as a number without decimals, before it is saved."
    )


def refuse_cells(
    cells: pd.Series,
    wrong: NDArray[np.bool_],
    problem: str,
    *,
    source: str,
    advice: str = "Mend or delete the row.",
) -> None:
    """Raise ``DataError`` that names the first wrong cell, if any is: ``'abc' is no number``."""
    if wrong.any():
        first = int(wrong.argmax())
        cell = cells.iloc[first]
        shown = repr(cell) if isinstance(cell, str) else str(cell)
        raise DataError(
            f"{source}: {counted(int(wrong.sum()), 'time')} cannot be read, first in row "
            f"{cells.index[first]}: {shown} {problem}. {advice}"
        )
