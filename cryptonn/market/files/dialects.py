"""The layouts candle files come in, told apart by their header."""

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.bars import FIELDS
from cryptonn.market.extras import EXTRAS
from cryptonn.market.symbols import parse_symbol

__all__ = [
    "CRYPTODATADOWNLOAD",
    "PLAIN",
    "YAHOO",
    "Layout",
    "recognise",
    "refuse_other_dialect",
    "with_extras",
]

CRYPTODATADOWNLOAD = "CryptoDataDownload"
YAHOO = "Yahoo"
BINANCE = "Binance klines"
PLAIN = "plain OHLCV"

_KNOWN = (
    f"{CRYPTODATADOWNLOAD} (Date,Symbol,Open,High,Low,Close,Volume…; minutes begin with Unix Timestamp)",
    f"{YAHOO} (Date,Open,High,Low,Close,Adj Close,Volume)",
    f"{BINANCE} (12 columns, with or without a header)",
    f"{PLAIN} (timestamp,open,high,low,close,volume)",
)
_NAMES = {
    dialect.split()[0].lower(): dialect for dialect in (CRYPTODATADOWNLOAD, YAHOO, BINANCE, PLAIN)
}
"""By the first word, in small letters: yahoo."""
_BINANCE_WIDTH = 12
_TIMES = ("unix timestamp", "unix", "open time", "timestamp", "time", "datetime", "date")
"""Names of the time column, the least ambiguous first."""
_PRICES = FIELDS[:4]
_EXTRA_NAMES = {
    "quote_volume": ("quote volume", "quote asset volume"),
    "trades": ("count", "trades", "number of trades"),
    "taker_base": ("taker buy volume", "taker buy base volume", "taker buy base asset volume"),
    "taker_quote": ("taker buy quote", "taker buy quote volume", "taker buy quote asset volume"),
}
"""What headers of Binance's klines call the extras."""


@dataclass(frozen=True)
class Layout:
    """Where a file keeps what."""

    dialect: str
    skip: int
    """Lines before the first candle."""
    width: int
    """Cells in a row."""
    columns: dict[str, int] = field(default_factory=dict)
    """Position of ``time``, of each of ``FIELDS``, and of ``symbol`` where the file has it."""
    ignored: tuple[str, ...] = ()
    """Columns nobody reads, for a plain file."""
    extras: dict[str, int] = field(default_factory=dict)
    """Position of each of ``EXTRAS`` that Binance's klines have; see ``with_extras``."""


def recognise(path: Path, content: bytes) -> Layout:
    """Tell a file's dialect from its first lines.

    Raises
    ------
    DataError
        If the header is none that is known; the message shows it and lists the known ones.
    """
    lines = content[:65536].decode("utf-8", errors="replace").splitlines()
    skip = next(
        (number for number, line in enumerate(lines) if not _is_preamble(line)), len(lines) - 1
    )
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines[skip : skip + 2])]
    header = rows[0] if rows else []
    if len(header) == _BINANCE_WIDTH and all(_is_number(cell) for cell in header):
        positions = {"time": 0, **{name: number for number, name in enumerate(FIELDS, start=1)}}
        extras = {name: number for number, name in enumerate(EXTRAS, start=7)}
        return Layout(BINANCE, skip=skip, width=_BINANCE_WIDTH, columns=positions, extras=extras)
    names = [cell.lower().replace("_", " ") for cell in header]
    first = rows[1] if len(rows) > 1 and len(rows[1]) == len(names) else [""] * len(names)
    columns = _columns(names, first)
    if columns is None:
        raise DataError(_unknown(path, lines[skip] if lines else ""))
    dialect = _dialect(names)
    used = set(columns.values())
    ignored = (
        tuple(cell for number, cell in enumerate(header) if number not in used)
        if dialect == PLAIN
        else ()
    )
    extras = _extras(names) if dialect == BINANCE else {}
    return Layout(
        dialect, skip=skip + 1, width=len(names), columns=columns, ignored=ignored, extras=extras
    )


def with_extras(path: Path, layout: Layout, *, symbol: str | None) -> Layout:
    """Return the layout with the extras among the columns that are read; raises ``DataError`` if it lacks one."""
    missing = [name for name in EXTRAS if name not in layout.extras]
    if missing:
        raise DataError(
            f"{path}: {symbol or 'the file'} has no {', '.join(missing)} here: the file is {layout.dialect}, and the "
            f"extras stand in {BINANCE} of 12 columns alone, headed {', '.join(_EXTRA_NAMES[missing[0]])} or the like. "
            "Give such a file for every symbol, or do without the extras (extras = false under [data])."
        )
    return replace(layout, columns=layout.columns | layout.extras)


def refuse_other_dialect(path: Path, layout: Layout, *, expected: str) -> None:
    """Raise ``DataError`` if the file has another layout than the one expected: yahoo, cryptodatadownload, …

    The first word counts, however it is written. A name that is no dialect's raises ``ConfigError``.
    """
    word = next(iter(expected.lower().split()), "")
    if word not in _NAMES:
        raise ConfigError(
            f"dialect {expected!r} is unknown. There are: {', '.join(_NAMES)}.{did_you_mean(word, _NAMES)}"
        )
    if layout.dialect != _NAMES[word]:
        raise DataError(
            f"{path}: the file is {layout.dialect}, the run expects {_NAMES[word]} (dialect = {expected!r}). "
            "Give a file of that layout, or change data.dialect."
        )


def _is_preamble(line: str) -> bool:
    return not line.strip(", \t") or (
        "cryptodatadownload" in line.lower() and line.strip().count(",") == 0
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _columns(names: list[str], first: list[str]) -> dict[str, int] | None:
    """Return the position of each role, or None if one is lacking or stands twice."""
    time = next((name for name in _TIMES if name in names), None)
    volume = _volume(names, first)
    roles = {"time": time, **{price: price for price in _PRICES}, "volume": volume}
    if any(name is None or names.count(name) != 1 for name in roles.values()):
        return None
    columns = {role: names.index(str(name)) for role, name in roles.items()}
    return columns | ({"symbol": names.index("symbol")} if "symbol" in names else {})


def _extras(names: list[str]) -> dict[str, int]:
    found = {
        extra: [names.index(name) for name in known if name in names]
        for extra, known in _EXTRA_NAMES.items()
    }
    return {extra: places[0] for extra, places in found.items() if places}


def _volume(names: list[str], first: list[str]) -> str | None:
    """Return the column of the volume in base: ``volume``, ``volume from``, or ``volume eth`` for ETH/USD."""
    volumes = [name for name in names if name.split(" ")[0] == "volume"]
    base = _base(first[names.index("symbol")]) if "symbol" in names else ""
    preferred = [name for name in ("volume", "volume from", f"volume {base}") if name in volumes]
    return next(iter([*preferred, *volumes]), None)


def _base(symbol: str) -> str:
    try:
        return parse_symbol(symbol).split("/")[0].lower()
    except ConfigError:
        return ""


def _dialect(names: list[str]) -> str:
    if "symbol" in names and ("unix timestamp" in names or "unix" in names or "date" in names):
        return CRYPTODATADOWNLOAD
    if "adj close" in names:
        return YAHOO
    return BINANCE if "close time" in names and len(names) == _BINANCE_WIDTH else PLAIN


def _unknown(path: Path, header: str) -> str:
    came = header if len(header) <= 200 else f"{header[:200]}…"
    hint = ""
    if "," not in header and (";" in header or "\t" in header):
        hint = " Cells must be separated by commas."
    elif header[:1].isdigit():
        hint = " The first line looks like a candle: add a header that names the columns."
    known = "\n".join(f"  {line}" for line in _KNOWN)
    return (
        f"{path}: the layout is unknown. Its header is {came!r}.{hint} Known are:\n{known}\n"
        "Rename the columns to one of them."
    )
