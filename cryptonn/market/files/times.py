"""The time column of a candle file, in whatever form it came, as nanoseconds since 1970 (UTC)."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import times_of
from cryptonn.units import counted

__all__ = ["read_times"]

_UNIT_NAMES = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_UNIT_LIMITS = np.array([10**11, 10**14, 10**17], dtype=np.int64)
"""Below the first limit a number counts seconds, below the next milliseconds, and so on; each is the year 5138."""
_UNIT_NANOSECONDS = np.array([10**9, 10**6, 10**3, 1], dtype=np.int64)
_EARLIEST = pd.Timestamp("1990-01-01", tz="UTC")
_LATEST = pd.Timestamp("2100-01-01", tz="UTC")

_NUMBER = r"\d+(?:\.\d*)?(?:[eE]\+?\d+)?"
_FORMS = (
    (re.compile(r"^\d{1,2}/\d{1,2}/\d{4}$"), "%m/%d/%Y"),
    (re.compile(r"^\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d$"), "%m/%d/%Y %H:%M"),
    (re.compile(r"^\d{4}-\d\d-\d\d \d\d-[AP]M$", re.IGNORECASE), "%Y-%m-%d %I-%p"),
)
_ZONE = r":\d\d(?:[.,]\d+)?\s*(?:[Zz]|UTC|[+-]\d\d(?::?\d\d)?)$"
_UTC = r"(?:[Zz]|UTC|[+-]00(?::?00)?)$"


def read_times(cells: pd.Series, *, source: str) -> tuple[NDArray[np.int64], dict[str, int], bool]:
    """Read a time column.

    Numbers count seconds, milliseconds, microseconds or nanoseconds, told apart row by row by their size. Texts are
    ISO 8601, M/D/YYYY, or ``2019-12-15 03-PM``. A text without a zone is UTC; with one it is converted.

    Parameters
    ----------
    cells
        int64 or str, indexed by the line of the file.
    source
        The file, for errors.

    Returns
    -------
    times
        Nanoseconds since 1970, shape (n,).
    repairs
        ``mixed_units``: rows whose unit is not the most common one; ``converted_to_utc``: rows with another offset.
    naive
        Whether the times are texts without a zone.

    Raises
    ------
    DataError
        If a cell is no time, lies before 1990 or after 2099, or some carry a zone and some do not.
    """
    if cells.dtype == np.int64:
        return (*_read_numbers(cells, source), False)
    texts = cells.str.strip()
    if re.fullmatch(_NUMBER, str(texts.iloc[0])):
        return (*_read_numbers(_whole_numbers(texts, source), source), False)
    return _read_texts(texts, source)


def _whole_numbers(texts: pd.Series, source: str) -> pd.Series:
    _refuse(
        texts,
        ~np.asarray(texts.str.fullmatch(_NUMBER), dtype=np.bool_),
        "no number, as the first is",
        source,
    )
    exact = [int(text) if text.isdigit() else round(float(text)) for text in texts]
    too_large = np.array([number >= 2**63 for number in exact])
    _refuse(texts, too_large, "no believable time", source)
    return pd.Series(exact, index=texts.index, dtype=np.int64)


def _read_numbers(numbers: pd.Series, source: str) -> tuple[NDArray[np.int64], dict[str, int]]:
    values = numbers.to_numpy()
    units = np.searchsorted(_UNIT_LIMITS, values, side="right")
    scale = _UNIT_NANOSECONDS[units]
    earliest, latest = times_of(pd.DatetimeIndex([_EARLIEST, _LATEST]))
    unbelievable = (values < earliest // scale) | (values >= latest // scale)
    _refuse(
        numbers,
        unbelievable,
        f"no time between 1990 and 2100 in {', '.join(_UNIT_NAMES)} since 1970",
        source,
    )
    common = int(np.bincount(units).max())
    return values * scale, {"mixed_units": len(values) - common}


def _read_texts(texts: pd.Series, source: str) -> tuple[NDArray[np.int64], dict[str, int], bool]:
    form = next((form for pattern, form in _FORMS if pattern.match(str(texts.iloc[0]))), "ISO8601")
    zoned = np.asarray(texts.str.contains(_ZONE) & (form == "ISO8601"), dtype=np.bool_)
    if zoned.any() and not zoned.all():
        _refuse_mixed_zones(texts, zoned, source)
    parsed = pd.DatetimeIndex(pd.to_datetime(texts, format=form, utc=True, errors="coerce"))
    _refuse(
        texts,
        np.asarray(parsed.isna()),
        f"no time of the form of the first, {texts.iloc[0]!r}",
        source,
    )
    outside = np.asarray((parsed < _EARLIEST) | (parsed >= _LATEST))
    _refuse(texts, outside, "no time between 1990 and 2100", source)
    moved = int((zoned & ~np.asarray(texts.str.contains(_UTC), dtype=np.bool_)).sum())
    return times_of(parsed), {"converted_to_utc": moved}, not zoned.any()


def _refuse(cells: pd.Series, wrong: NDArray[np.bool_], problem: str, source: str) -> None:
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(
            f"{source}: {counted(int(wrong.sum()), 'time')} cannot be read, first in row {cells.index[first]}: "
            f"{cells.iloc[first]!r} is {problem}. Mend or delete the row."
        )


def _refuse_mixed_zones(texts: pd.Series, zoned: NDArray[np.bool_], source: str) -> None:
    rarer = zoned if zoned.sum() <= len(zoned) / 2 else ~zoned
    first = int(rarer.argmax())
    raise DataError(
        f"{source}: {counted(int(zoned.sum()), 'time')} with a time zone and {int((~zoned).sum()):,} without, "
        f"first in row {texts.index[first]}: {texts.iloc[first]!r}. "
        "Write every time with a zone, or every one in UTC without."
    )
