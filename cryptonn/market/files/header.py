"""The first lines of a candle file: what stands between cells, and the names of the columns."""

import csv
import re
from dataclasses import dataclass

__all__ = ["Head", "is_missing", "is_number", "plain_name", "read_head"]

_SEEN = 65536
"""Bytes from the start that are looked at."""
_SAMPLE = 200
"""Rows that are looked at."""
_DELIMITERS = (";", "\t", ",", "|")
"""What may stand between cells; a comma may also stand inside a number, so it comes late."""
_FEWEST = 4
"""Delimiters that a line of a candle has at least."""
_WORD_STARTS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word starts inside baseVolume and BTCVolume."""
_BETWEEN = re.compile(r"[^\w%$€£¥]+|_+")
_MISSING = frozenset(
    (
        "",
        "null",
        "nan",
        "none",
        "n/a",
        "na",
        "#n/a",
        "<na>",
        "nat",
        "nil",
        "\\n",
        "-",
        "--",
        "–",
        "—",
    )
)
"""Cells that stand for no value, in small letters."""


@dataclass(frozen=True)
class Head:
    """The first lines of a candle file."""

    skip: int
    """Lines before the first candle."""
    delimiter: str
    """What stands between two cells."""
    header: tuple[str, ...]
    """The names of the columns as they are written; the cells of the first candle
    where there is no header.
    """
    sample: tuple[tuple[str, ...], ...]
    """The cells of the first rows, without blanks around them."""
    line: str
    """The line of the header as it is written."""
    tickers: tuple[str, ...] = ()
    """The symbols that yfinance writes under the header, one a column."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns in one spelling."""
        return tuple(plain_name(cell) for cell in self.header)

    @property
    def bare(self) -> bool:
        """Whether the first line is a candle: there is no header."""
        return sum(is_number(cell) for cell in self.header) >= _FEWEST

    def cells(self, position: int) -> list[str]:
        """Return what a column holds in the sample, without missing values."""
        cells = [row[position] for row in self.sample if len(row) > position]
        return [cell for cell in cells if not is_missing(cell)]


def read_head(content: bytes) -> Head:
    """Read the first lines of a file; blank lines, lines of one cell and comments (#) before
    the header are passed.
    """
    lines = content[:_SEEN].decode("utf-8", errors="replace").splitlines()
    if len(content) > _SEEN:
        lines = lines[:-1]
    written = (number for number, line in enumerate(lines) if line.strip())
    skip = next(
        (number for number, line in enumerate(lines) if not _is_preamble(line)), next(written, 0)
    )
    line = lines[skip] if lines else ""
    delimiter = _delimiter(line)
    rows = [
        tuple(cell.strip() for cell in row)
        for row in csv.reader(lines[skip : skip + 1 + _SAMPLE], delimiter=delimiter)
    ]
    header = rows[0] if rows else ()
    if header and header[0].startswith("#"):
        header = (header[0].lstrip("# "), *header[1:])
    head = Head(skip + 1, delimiter, header, tuple(rows[1:]), line)
    if head.bare:
        return Head(skip, delimiter, header, tuple(rows), line)
    return _without_tickers(head)


def plain_name(cell: str) -> str:
    """Return the name of a column in one spelling: small words with a blank between them.

    >>> [plain_name(cell) for cell in ("Volume_(BTC)", "baseVolume", "Adj Close**", "Vol.")]
    ['volume btc', 'base volume', 'adj close', 'vol']
    """
    return _BETWEEN.sub(" ", _WORD_STARTS.sub(" ", cell)).strip().lower()


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for no value: empty, NaN, null, None, N/A, NA,
    #N/A or -, in any case.

    >>> is_missing("NULL"), is_missing("0")
    (True, False)
    """
    return cell.strip().lower() in _MISSING


def is_number(cell: str) -> bool:
    """Tell whether a cell is written as a plain number; a missing value (nan) is none."""
    try:
        float(cell)
    except ValueError:
        return False
    return not is_missing(cell)


def _is_preamble(line: str) -> bool:
    cells = line.split(_delimiter(line))
    if {"open", "close"} <= set(plain_name(line).split()):
        return False
    if line.lstrip(' "').startswith("#"):
        return "o" not in {plain_name(cell) for cell in cells}
    return not line.strip(',;|"\t ') or len(cells) == 1 or line.lower().startswith("sep=")


def _delimiter(line: str) -> str:
    often = [mark for mark in _DELIMITERS if line.count(mark) >= _FEWEST]
    return often[0] if often else ","


def _without_tickers(head: Head) -> Head:
    """Return the head of a file of yfinance with the lines ``Ticker`` and ``Date``
    taken into its header.
    """
    if len(head.sample) < 2:
        return head
    one = head.header
    other = head.sample[0]
    third = head.sample[1]
    by_first = {plain_name(row[0]): row for row in (one, other) if row}
    if set(by_first) != {"price", "ticker"} or not third or any(third[1:]):
        return head
    return Head(
        skip=head.skip + 2,
        delimiter=head.delimiter,
        header=(third[0], *by_first["price"][1:]),
        sample=head.sample[2:],
        line=head.line,
        tickers=tuple(dict.fromkeys(cell for cell in by_first["ticker"][1:] if cell)),
    )
