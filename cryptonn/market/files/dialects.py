"""The layouts candle files come in, told apart by their header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.bars import FIELDS
from cryptonn.market.extras import EXTRAS
from cryptonn.market.files.header import Head, is_missing, is_number, read_head
from cryptonn.market.files.numbers import refuse_unclear_points
from cryptonn.market.files.series import Label, labels_in
from cryptonn.market.files.timecolumns import find_time_columns
from cryptonn.market.files.volumes import (
    VolumeColumn,
    VolumeColumns,
    is_quote,
    known_currency,
    named_coin,
    volume_columns,
)
from cryptonn.market.symbols import parse_symbol

__all__ = [
    "CRYPTODATADOWNLOAD",
    "PLAIN",
    "Layout",
    "recognise",
    "refuse_other_dialect",
    "with_extras",
]

CRYPTODATADOWNLOAD = "CryptoDataDownload"
YAHOO = "Yahoo"
BINANCE = "Binance klines"
KRAKEN = "Kraken OHLCVT"
COINMARKETCAP = "CoinMarketCap"
FTX = "FTX"
INVESTING = "Investing.com"
PLAIN = "plain OHLCV"

_KNOWN = (
    (
        f"{CRYPTODATADOWNLOAD} (Date,Symbol,Open,High,Low,Close,Volume…; "
        "minutes begin with Unix Timestamp)"
    ),
    f"{YAHOO} (Date,Open,High,Low,Close,Adj Close,Volume, or Date,Close,High,Low,Open,Volume)",
    f"{BINANCE} (12 columns, with or without a header)",
    f"{KRAKEN} (7 columns without a header: time, open, high, low, close, volume, trades)",
    f"{COINMARKETCAP} (timeOpen;timeClose;…;open;high;low;close;volume;marketCap)",
    f"{INVESTING} (Date,Price,Open,High,Low,Vol.,Change %)",
    f"{PLAIN} (timestamp,open,high,low,close,volume)",
)
_DIALECTS = (CRYPTODATADOWNLOAD, YAHOO, BINANCE, KRAKEN, COINMARKETCAP, FTX, INVESTING, PLAIN)
_NAMES = {dialect.split()[0].lower(): dialect for dialect in _DIALECTS}
"""By the first word, in small letters: yahoo."""
_IN_QUOTE = (YAHOO, COINMARKETCAP, FTX)
"""Dialects whose volume counts quote money."""
_FEWEST = 5
"""Columns that a candle has at least."""
_BINANCE_WIDTH = 12
_KRAKEN_WIDTH = 7
_UNNAMED = ("", "unnamed 0")
"""What pandas calls an index that has no name."""
_PRICES = FIELDS[:4]
_FILLING = frozenset(("price", "px", "in"))
"""Words that may stand in the name of a price and say nothing."""
_END = re.compile(
    r"\b(?:close|end|closing) (?:time|timestamp|date)\b|\btime (?:period )?(?:close|end)\b"
)
"""Names of a column of the time at which a bar ends."""
_ORDERS = (
    ("open", "high", "low", "close"),
    ("open", "close", "high", "low"),
    ("low", "high", "open", "close"),
)
"""In which exchanges give prices without names: most; Bitfinex and KuCoin; Coinbase."""
_ROUNDED = 0.001
"""Share by which a mean price may lie outside low to high, as it is rounded."""
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
    """Position of ``time``, of ``clock`` where the time of day is a column of its own,
    of each price, and of the extras where they are asked for.
    """
    ignored: tuple[str, ...] = ()
    """Columns nobody reads, for a plain file."""
    extras: dict[str, int] = field(default_factory=dict)
    """Position of each of ``EXTRAS`` that Binance's klines have; see ``with_extras``."""
    volumes: VolumeColumns = field(default_factory=VolumeColumns)
    """The columns that count what was traded."""
    labels: tuple[Label, ...] = ()
    """The columns that may tell one series from another."""
    delimiter: str = ","
    """What stands between two cells."""
    symbol: str = ""
    """Base/quote, by which the columns were told apart."""
    zone: str = ""
    """What the header says of the zone of its times; see ``TimeColumns``."""

    @property
    def positions(self) -> dict[str, int]:
        """Position of everything that is read, by its name among the rows."""
        volumes = {column.role: column.position for column in self.volumes.read}
        labels = {label.role: label.position for label in self.labels}
        return {**self.columns, **volumes, **labels}


def recognise(
    path: Path, content: bytes, *, symbol: str | None = None, where: Mapping[str, str] | None = None
) -> Layout:
    """Tell a file's dialect from its first lines.

    Parameters
    ----------
    symbol
        Base/quote: it says which volume is base. May be left out where the file has
        a column Symbol.
    where
        Columns that rows are chosen by.

    Raises
    ------
    DataError
        If the header is none that is known (the message shows it and lists the known ones),
        if no column counts what was traded, or if neither caller nor file says the symbol.
    """
    head = read_head(content)
    _refuse_numbered(path, head)
    if head.bare:
        return _bare(path, head, symbol=_symbol(path, head, symbol, where or {}))
    names = head.names
    times = find_time_columns(head)
    dialect = YAHOO if head.tickers else _dialect(names)
    if times is None or not _has_prices(names, dialect):
        raise DataError(_unknown(path, head))
    told = _symbol(path, head, symbol, where or {})
    columns = {**times.positions, **_prices(path, head, dialect, told)}
    volumes = _volumes(path, head, columns, told, in_quote=dialect in _IN_QUOTE)
    if head.delimiter == ";":
        numbers = [*(columns[price] for price in _PRICES), *(c.position for c in volumes.read)]
        cells = [cell for number in numbers for cell in head.cells(number)]
        refuse_unclear_points(cells, source=str(path))
    extras = _extras(names) if dialect == BINANCE else {}
    counted = (*volumes.read, *volumes.other)
    used = {*columns.values(), *extras.values(), *(column.position for column in counted)}
    if dialect == COINMARKETCAP and "market" in names:  # the cap, as close_ratio beside it tells
        used.add(names.index("market"))
    labels = labels_in(head, used=sorted(used), where=where or {})
    used |= {label.position for label in labels if label.tells or not _counts(head, label.position)}
    return Layout(
        dialect,
        skip=head.skip,
        width=len(names),
        columns=columns,
        ignored=_ignored(head, used, volumes) if dialect == PLAIN else (),
        extras=extras,
        volumes=volumes,
        labels=labels,
        delimiter=head.delimiter,
        symbol=told,
        zone=times.zone,
    )


def with_extras(path: Path, layout: Layout, *, symbol: str | None) -> Layout:
    """Return the layout with the extras among the columns that are read;
    raises ``DataError`` if it lacks one.
    """
    missing = [name for name in EXTRAS if name not in layout.extras]
    if missing:
        raise DataError(
            f"{path}: {symbol or 'the file'} has no {', '.join(missing)} here: "
            f"the file is {layout.dialect}, and the extras stand in {BINANCE} of 12 columns alone, "
            f"headed {', '.join(_EXTRA_NAMES[missing[0]])} or the like. Give such a file for every "
            "symbol, or do without the extras (extras = false under [data])."
        )
    return replace(layout, columns=layout.columns | layout.extras)


def refuse_other_dialect(path: Path, layout: Layout, *, expected: str) -> None:
    """Raise ``DataError`` if the file has another layout than the one expected: yahoo,
    cryptodatadownload, …

    The first word counts, however it is written. A name that is no dialect's raises
    ``ConfigError``.
    """
    word = next(iter(expected.lower().split()), "")
    if word not in _NAMES:
        raise ConfigError(
            f"dialect {expected!r} is unknown. There are: "
            f"{', '.join(_NAMES)}.{did_you_mean(word, _NAMES)}"
        )
    if layout.dialect != _NAMES[word]:
        raise DataError(
            f"{path}: the file is {layout.dialect}, the run expects {_NAMES[word]} "
            f"(dialect = {expected!r}). Give a file of that layout, or change data.dialect."
        )


# ---- a file without a header


def _refuse_numbered(path: Path, head: Head) -> None:
    """Refuse a line that numbers the columns 0, 1, 2, …, as pandas does with what ccxt returns."""
    for number, cells in enumerate((head.header, *head.sample[:1])):
        named = [cell for place, cell in enumerate(cells) if place or cell]
        if len(named) < _FEWEST or named != [str(place) for place in range(len(named))]:
            continue
        index = "" if len(named) == len(cells) else ","
        line = head.skip + number + (1 if head.bare else 0)
        names = ",".join(("time", *FIELDS))
        todo = (
            f"Replace it with one that names the columns, for the candles of ccxt {index + names!r}"
            if number == 0
            else (
                "Delete it, and let the header name the columns in their order, "
                f"for the candles of ccxt {index + names!r}"
            )
        )
        raise DataError(
            f"{path}: row {line}, {head.delimiter.join(cells)!r}, holds the numbers that pandas "
            f"gives to columns without a name. {todo}."
        )


def _bare(path: Path, head: Head, *, symbol: str) -> Layout:
    """Return the layout of a file without a header, if its columns can only mean one thing."""
    width = len(head.header)
    numbers = all(is_number(cell) for cell in head.header)
    binance = width == _BINANCE_WIDTH and numbers and float(head.header[6]) > float(head.header[0])
    kraken = width == _KRAKEN_WIDTH and all(
        cell.isdigit() for place in (0, -1) for cell in head.cells(place % width)
    )
    if not binance and not kraken:
        raise DataError(_without_header(path, head))
    places = {"time": 0, **{name: number for number, name in enumerate(_PRICES, start=1)}}
    volumes = VolumeColumns(plain=(VolumeColumn("volume", 5),))
    extras: dict[str, int] = {}
    if binance:
        extras = {name: number for number, name in enumerate(EXTRAS, start=7)}
        volumes = replace(volumes, quote=(VolumeColumn("quote_volume", extras["quote_volume"]),))
    return Layout(
        BINANCE if binance else KRAKEN,
        skip=head.skip,
        width=width,
        columns=places,
        extras=extras,
        volumes=volumes,
        delimiter=head.delimiter,
        symbol=symbol,
    )


def _without_header(path: Path, head: Head) -> str:
    fitting = [order for order in _ORDERS if all(_possible(row, order) for row in head.sample)]
    lines = [f"  {','.join(('time', *order, *_amount_names(head, order)))}" for order in fitting]
    fits = (
        "By their values the columns may be (check where the volume is):\n"
        + "\n".join(lines)
        + "\nPut the line that is right before the first candle."
        if lines and len(head.header) >= 6
        else "Put a line before the first candle that names the columns, such as "
        "timestamp,open,high,low,close,volume, in the order of the file."
    )
    unknown = (
        " What a ? stands for is not known: write volume for the column that counts base, "
        "volume_quote for one in quote money, and other names for the rest."
        if any("?" in line for line in lines)
        else ""
    )
    return (
        f"{path}: the layout is unknown. The first line looks like a candle: add a header that "
        f"names the columns. It is {_short(head.line)!r}; without names the order of the prices "
        f"is not known, and exchanges differ. {fits}{unknown} Known are:\n{_listed()}"
    )


def _amount_names(head: Head, order: Sequence[str]) -> list[str]:
    """Return what the columns after the prices may be called, "?" for those of which
    the values do not tell.

    A mean price lies between low and high; a volume makes the price of the bar with another
    column in quote.
    """
    places = range(5, len(head.header))
    means = [place for place in places if _lies_within(head, order, place)]
    counted = [place for place in places if place not in means]
    volume = _volume_place(head, order, counted)
    if volume is None and means and means[0] + 1 in counted:  # as Kraken's API has them
        volume = means[0] + 1
    if volume is None and len(counted) == 1:
        volume = counted[0]
    names = []
    others = 0
    for place in places:
        if place in means:
            names.append("vwap")
        elif place == volume:
            names.append("volume")
        elif volume is None:
            names.append("?")
        else:
            others += 1
            names.append(f"other{others}")
    return names


def _volume_place(head: Head, order: Sequence[str], places: Sequence[int]) -> int | None:
    """Return the first column that, with another in quote, makes the price of the bar;
    None if there is none.
    """
    pairs = [(base, quote) for base in places for quote in places if base != quote]
    fitting = (base for base, quote in pairs if _lies_within(head, order, quote, of=base))
    return next(fitting, None)


def _lies_within(head: Head, order: Sequence[str], place: int, *, of: int | None = None) -> bool:
    """Tell whether a column, or its quotient with another, lies between low and high
    wherever it is above 0.
    """
    seen = 0
    for row in head.sample:
        cells = (row[1:5], row[place : place + 1], row[of : of + 1] if of is not None else ("1",))
        numbers = [float(cell) for part in cells for cell in part if is_number(cell)]
        if len(numbers) < len(_PRICES) + 2:
            continue
        values = dict(zip(order, numbers, strict=False))
        amount, divisor = numbers[-2:]
        if amount > 0 and divisor > 0:
            seen += 1
            low = values["low"] * (1 - _ROUNDED)
            high = values["high"] * (1 + _ROUNDED)
            if not low <= amount / divisor <= high:
                return False
    return seen > 0


def _possible(row: Sequence[str], order: Sequence[str]) -> bool:
    """Tell whether cells 2 to 5 of a row can be the prices of a bar in this order."""
    cells = row[1:5]
    if len(cells) < len(order) or not all(is_number(cell) for cell in cells):
        return not any(is_number(cell) for cell in cells)
    values = dict(zip(order, map(float, cells), strict=True))
    return (
        values["low"]
        <= min(values["open"], values["close"])
        <= max(values["open"], values["close"])
        <= values["high"]
    )


# ---- a file with a header


def _dialect(names: Sequence[str]) -> str:
    if "date" in names and _has_market_cap(names):
        return COINMARKETCAP
    if "symbol" in names and ("unix timestamp" in names or "unix" in names or "date" in names):
        return CRYPTODATADOWNLOAD
    if "adj close" in names or {"dividends", "stock splits"} <= set(names):
        return YAHOO
    named = [name for name in names if name not in _UNNAMED]
    if named[1:] == ["close", "high", "low", "open", "volume"] and named[0] in ("date", "datetime"):
        return YAHOO
    if {"time open", "time close", "market cap"} <= set(names):
        return COINMARKETCAP
    if {"start time", "time", "open", "high", "low", "close", "volume"} == set(named):
        return FTX
    if {"date", "price", "open", "high", "low", "vol"} <= set(names) and "close" not in names:
        return INVESTING
    return BINANCE if "close time" in names and len(names) == _BINANCE_WIDTH else PLAIN


def _has_market_cap(names: Sequence[str]) -> bool:
    return bool({"market cap", "marketcap"} & set(names)) or {"market", "close ratio"} <= set(names)


def _has_prices(names: Sequence[str], dialect: str) -> bool:
    return all(_candidates(names, price, dialect) for price in _PRICES)


def _candidates(names: Sequence[str], price: str, dialect: str) -> list[int]:
    """Return the positions of the columns that may be one of the prices: open, o,
    Open (USD), open price.
    """
    if price == "close" and dialect == INVESTING:
        return [names.index("price")]
    exact = [number for number, name in enumerate(names) if name == price]
    return exact or [
        number
        for number, name in enumerate(names)
        if (words := _bare_words(name)) in ([price], [price[0]])
        or (price == "close" and words == ["close", "last"])
    ]


def _bare_words(name: str) -> list[str]:
    return [
        word
        for number, word in enumerate(name.split())
        if word not in _FILLING and not (number and known_currency(word))
    ]


def _prices(path: Path, head: Head, dialect: str, symbol: str) -> dict[str, int]:
    return {price: _price(path, head, price, dialect, symbol) for price in _PRICES}


def _price(path: Path, head: Head, price: str, dialect: str, symbol: str) -> int:
    """Return the position of a price; one in another currency than the quote is none."""
    found = _candidates(head.names, price, dialect)
    money = {number: _currency(head.names[number]) for number in found}
    fitting = [number for number in found if not money[number] or is_quote(money[number], symbol)]
    if len(fitting) == 1:
        return fitting[0]
    columns = ", ".join(head.header[number] for number in found)
    if not fitting:
        raise DataError(
            f"{path}: the prices are not in {symbol.split('/')[1]}: {price} stands in column "
            f"{columns}. Give the symbol that the file holds, or a file of this one."
        )
    raise DataError(
        f"{_unknown(path, head)}\n{path}: {price} stands in {len(fitting)} columns ({columns}). "
        "Rename all but one."
    )


def _currency(name: str) -> str:
    return next((word for word in name.split()[1:] if known_currency(word)), "")


def _volumes(
    path: Path, head: Head, columns: Mapping[str, int], symbol: str, *, in_quote: bool
) -> VolumeColumns:
    """Return the columns of volume that hold numbers."""
    found = volume_columns(head.header, head.names, symbol=symbol, in_quote=in_quote)
    kinds: dict[str, tuple[VolumeColumn, ...]] = {
        kind: tuple(
            column
            for column in getattr(found, kind)
            if column.position not in columns.values() and _holds_amounts(head, column.position)
        )
        for kind in ("base", "plain", "unclear", "quote", "other")
    }
    volumes = VolumeColumns(**kinds)
    _refuse_volume_of_other_coin(path, head, volumes, symbol)
    if volumes.read:
        return volumes
    there = ", ".join(column.name for column in volumes.other)
    problem = (
        f"{there} is not known to count {' or '.join(symbol.split('/'))}"
        if there
        else "no column counts what was traded"
    )
    raise DataError(
        f"{path}: the layout is unknown: {problem}. Its header is {_short(head.line)!r}. "
        "Give a file with a column volume (in base) or volume_quote (it is divided by the close). "
        "If these are mark or index prices, at which nothing was traded, add a column volume of 0: "
        f"a run can look at such candles, but not trade on them. Known are:\n{_listed()}"
    )


def _refuse_volume_of_other_coin(
    path: Path, head: Head, volumes: VolumeColumns, symbol: str
) -> None:
    """Refuse a file whose volume is named after a coin that the symbol has not,
    where none is named after its base.
    """
    if volumes.base:
        return
    for column in volumes.other:
        coin = named_coin(head.names[column.position], symbol)
        if coin and volumes.read:
            raise DataError(
                f"{path}: column {column.name} counts {coin}, so the file seems to hold {coin}, "
                f"not {symbol}. Give the symbol that it holds, or the file of {symbol}. "
                f"If it does hold {symbol}, take the column out."
            )


def _holds_amounts(head: Head, position: int) -> bool:
    cells = [cell.lower().rstrip("kmbt ").replace(",", "") for cell in head.cells(position)]
    return not cells or any(is_number(cell) or cell.replace(".", "").isdigit() for cell in cells)


def _counts(head: Head, position: int) -> bool:
    return all(is_number(cell) for cell in head.cells(position))


def _extras(names: Sequence[str]) -> dict[str, int]:
    found = {
        extra: [names.index(name) for name in known if name in names]
        for extra, known in _EXTRA_NAMES.items()
    }
    return {extra: places[0] for extra, places in found.items() if places}


def _ignored(head: Head, used: set[int], volumes: VolumeColumns) -> tuple[str, ...]:
    """Return the named columns whose cells nobody looks at."""
    read = {column.position for column in volumes.read}
    other = {column.position for column in volumes.other} - read
    return tuple(
        cell
        for number, cell in enumerate(head.header)
        if cell and (number not in used or number in other)
    )


def _symbol(path: Path, head: Head, symbol: str | None, where: Mapping[str, str]) -> str:
    """Return the symbol by which the columns are told apart: the caller's,
    or else the first one of the file.
    """
    if len(head.tickers) > 1:
        raise DataError(
            f"{path}: several symbols in one file, side by side: {', '.join(head.tickers[:5])}. "
            f'Give a file of each: yfinance makes one by yf.download("{head.tickers[0]}", '
            "multi_level_index=False)."
        )
    inside = next(iter(head.tickers), None)
    if symbol is not None:
        given = parse_symbol(symbol)
        if inside is not None and parse_symbol(inside) != given:
            raise DataError(
                f"{path}: the file holds {parse_symbol(inside)}, not {given}. "
                "Give another file, or the symbol it holds."
            )
        return given
    chosen = next((value for name, value in where.items() if name.lower() == "symbol"), None)
    cells = head.cells(head.names.index("symbol")) if "symbol" in head.names else []
    first = inside or chosen or next(iter(cells), None)
    if first is None or is_missing(first):
        raise DataError(
            f"{path}: the file does not say which symbol it holds. Give it, as in --symbol ETH/USD."
        )
    try:
        return parse_symbol(first)
    except ConfigError as error:
        raise DataError(
            f"{path}: the file says {first!r}, which is not base/quote. Give the symbol, "
            "as in --symbol ETH/USD."
        ) from error


def _unknown(path: Path, head: Head) -> str:
    hint = ""
    if head.delimiter == "," and "," not in head.line:
        hint = " Cells must be separated by commas, semicolons or tabs."
    return (
        f"{path}: the layout is unknown. Its header is "
        f"{_short(head.line)!r}.{hint or _lacking(head)} Known are:\n{_listed()}\nRename "
        "the columns to one of them."
    )


def _lacking(head: Head) -> str:
    """Say which columns are not found, and which of those there must not be renamed to the time."""
    lacking = [
        price for price in _PRICES if not _candidates(head.names, price, _dialect(head.names))
    ]
    if find_time_columns(head) is None:
        lacking.insert(0, "time")
    ends = [cell for cell, name in zip(head.header, head.names, strict=False) if _END.search(name)]
    words = f" It has no column, or several, for: {', '.join(lacking)}." if lacking else ""
    if ends and "time" in lacking:
        words += (
            f" {', '.join(ends)} holds the end of a bar, and its time is its open: called time, "
            "it would move every bar to the next. Give the times of the open."
        )
    return words


def _listed() -> str:
    return "\n".join(f"  {line}" for line in _KNOWN)


def _short(line: str) -> str:
    return line if len(line) <= 200 else f"{line[:200]}…"
