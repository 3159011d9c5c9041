"""Numbers as files write them: 7345.1, 7,345.10, 7.345,10 and 1.23K."""

import re
from collections.abc import Iterable, Sequence

from cryptonn.errors import DataError
from cryptonn.market.files.header import is_missing

__all__ = ["NumberForm", "form_of", "is_short", "refuse_unclear_points"]

_GROUPS = re.compile(r"[-+]?\d{1,3}([.,]\d{3})+")
"""Thousands told apart by one mark: 7,345 or 1.234.567; a single mark may also
be the decimal one.
"""
_SHORT = re.compile(r"(.*\d)\s*([KMBT])", re.IGNORECASE)
_LETTERS = frozenset("KMBTkmbt")
_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


class NumberForm:
    """How the numbers of one file are written.

    Parameters
    ----------
    decimal
        The mark before the fraction, ``"."`` or ``","``; the other one tells thousands apart.
    """

    def __init__(self, decimal: str) -> None:
        self.decimal = decimal
        self.thousands = "," if decimal == "." else "."

    def read(self, cell: str) -> float:
        """Return a cell's number, NaN where it stands for no value;
        what is no number raises ``ValueError``.
        """
        if "_" in cell:  # Python reads 1_000 as a number; a file never means that
            raise ValueError(cell)
        if is_missing(cell):
            return float("nan")
        if self.decimal == "." and "," not in cell:
            return float(cell)
        whole, mark, fraction = cell.partition(self.decimal)
        if self.thousands in whole and not _GROUPS.fullmatch(whole):
            raise ValueError(cell)
        return float(whole.replace(self.thousands, "") + mark.replace(",", ".") + fraction)

    def read_short(self, cell: str) -> float:
        """Read a volume, which may be cut to thousands, millions or billions: 1.23K, 4.5M, 2B."""
        found = _SHORT.fullmatch(cell)
        return self.read(found[1]) * _SCALES[found[2].lower()] if found else self.read(cell)


def form_of(columns: Iterable[list[str]], *, source: str) -> NumberForm:
    """Tell how the numbers of a file are written, from all its cells.

    Raises
    ------
    DataError
        If a comma may be either the decimal mark or the one between thousands.
    """
    cells = [cell for column in columns for cell in column]
    commas = [cell for cell in cells if "," in cell]
    if not commas:
        return NumberForm(".")
    certain = {mark for mark in map(_decimal, (_bare(cell) for cell in cells)) if mark}
    if len(certain) == 1:
        return NumberForm(certain.pop())
    example = commas[0]
    why = "some mean it as the decimal mark, some do not" if certain else "no number tells which"
    raise DataError(
        f"{source}: the comma in {example!r} may be the decimal mark or stand between thousands; "
        f"{why}. Write the numbers with a decimal point and nothing between thousands, "
        "such as 7345.1."
    )


def refuse_unclear_points(cells: Sequence[str], *, source: str) -> None:
    """Raise ``DataError`` if every point may stand between thousands, as in 7.345,
    and no number tells that none does.

    It is asked of files with semicolons between the cells: programs write them where the comma
    is the decimal mark.
    """
    points = [cell for cell in cells if "." in cell]
    if not points or any(map(_decimal, map(_bare, cells))):
        return
    raise DataError(
        f"{source}: the point in {points[0]!r} may be the decimal mark or stand between thousands; "
        "no number tells which. Write the numbers with nothing between thousands, such as 7345.1; "
        "if the points are decimal marks, put commas between the cells."
    )


def is_short(cell: str) -> bool:
    """Tell whether a cell is cut to thousands, millions or billions, such as 1.23K."""
    return cell[-1:] in _LETTERS and _SHORT.fullmatch(cell) is not None


def _bare(cell: str) -> str:
    found = _SHORT.fullmatch(cell)
    return found[1] if found else cell


def _decimal(cell: str) -> str:
    """Return the mark that can only be the decimal one in this cell, or "" if it tells nothing."""
    points = cell.count(".")
    commas = cell.count(",")
    if points and commas:
        return "." if cell.rfind(".") > cell.rfind(",") else ","
    if points + commas == 0 or is_missing(cell):
        return ""
    mark = "." if points else ","
    if points + commas > 1:
        return "," if points else "."
    return "" if _GROUPS.fullmatch(cell) and not cell.lstrip("+-").startswith("0") else mark
