"""Several series in one file, told apart by a column: noticed, and chosen from by ``where``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.files.header import Head, is_missing, is_number, plain_name
from cryptonn.market.files.volumes import is_quote, same_money
from cryptonn.market.symbols import is_coin, parse_symbol
from cryptonn.units import counted

__all__ = [
    "Label",
    "Selection",
    "labels_in",
    "refuse_other_coin",
    "refuse_several",
    "select",
    "selection_note",
]

_COINS = re.compile(
    r"\b(symbol|pair|ticker|coin|instrument|asset|crypto|cryptocurrency|"
    r"token|product|contract|instid|base|currency)\b"
)
"""A word in the name of a column that says the coin."""
_OTHERS = re.compile(
    r"\b(name|slug|market|code|id|interval|timeframe|period|resolution|granularity|"
    r"frequency|freq|exchange|venue|type)\b"
)
"""A word in the name of a column that tells rows apart whatever stands in it."""
_MEASURES = re.compile(r"\b(volume|vol|cap|price|count|number|change|quote|rank|trades?)\b")
"""A word in the name of an amount, or of the coin that pays: base volume, market cap,
quote asset.
"""
_WHEN = re.compile(r"\b(date|time|datetime|timestamp|clock|day|hour|minute)\b")
_NO_COIN = frozenset(("SPOT", "SWAP", "PERP"))
_CALENDAR = re.compile(
    r"((mon|tue|wed|thu|fri|sat|sun)([a-z]*day)?|"
    r"(jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)[a-z]*|may|"
    r"true|false|yes|no|am|pm)",
    re.IGNORECASE,
)
"""What says when a bar is, or whether it is closed, and never of what it is."""
_TIME = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d\d|\d{8}T|"
    r"[A-Za-z]{3,9} \d{1,2},? \d{4}|\d{1,2} [A-Za-z]{3}"
)
"""How a cell that says when begins."""
_AMOUNT = re.compile(r"[-+]?[$€£]?\d[\d.,' ]*\s*[%KMBTkmbt]?")
_NAMES = {
    "BITCOIN": "BTC",
    "XBT": "BTC",
    "XXBT": "BTC",
    "ETHEREUM": "ETH",
    "ETHER": "ETH",
    "XETH": "ETH",
    "LITECOIN": "LTC",
    "RIPPLE": "XRP",
    "SOLANA": "SOL",
    "CARDANO": "ADA",
    "DOGECOIN": "DOGE",
}
"""Other names of coins."""
_MANY = 1000
"""A column of more values than this tells no series apart, but for one whose name
says that it does.
"""
_FEW = 5
"""A column of whole numbers is looked at if its first rows hold no more of them."""
_SHOWN = 5
_JUMP = 0.2
"""Change of the logarithm of the close that no market makes at every change of a label."""


@dataclass(frozen=True)
class Label:
    """A column whose cells may tell rows apart."""

    name: str
    """As the header writes it."""
    position: int

    @property
    def role(self) -> str:
        """Its name among the rows that are read."""
        return f"label {self.position}"

    @property
    def plain(self) -> str:
        """Its name in one spelling."""
        return plain_name(self.name)

    @property
    def says_coin(self) -> bool:
        """Whether the column is there to say the coin."""
        return self.tells and bool(_COINS.search(self.plain))

    @property
    def may_say_quote(self) -> bool:
        """Whether the money that pays may stand in it as well: currency,
        or a market named by its quote.
        """
        return self.plain == "currency" or not self.says_coin

    @property
    def tells(self) -> bool:
        """Whether the name alone says that different values are different series."""
        named = _COINS.search(self.plain) or _OTHERS.search(self.plain)
        return bool(named) and not _MEASURES.search(self.plain)


@dataclass(frozen=True)
class Selection:
    """The rows that ``where`` chose."""

    rows: NDArray[np.bool_]
    """Shape (n,)."""
    chosen: Mapping[str, str]
    """The value of each column, as the file writes both."""


def labels_in(head: Head, *, used: Sequence[int], where: Mapping[str, str]) -> tuple[Label, ...]:
    """Return the columns that may tell rows apart: those of text, those so named,
    and those ``where`` asks for.
    """
    asked = {plain_name(name) for name in where}
    return tuple(
        label
        for label in (Label(name, position) for position, name in enumerate(head.header))
        if label.position not in used
        and (label.plain in asked or _may_tell(label, head.cells(label.position)))
    )


def _may_tell(label: Label, cells: Sequence[str]) -> bool:
    if _WHEN.search(label.plain):
        return False
    texts = [cell for cell in cells if not (is_number(cell) or _AMOUNT.fullmatch(cell))]
    if texts:
        return not any(_TIME.match(cell) for cell in texts)
    if label.tells:
        return len(set(cells)) <= len(cells) // 2
    return len(set(cells)) <= _FEW and all(cell.isdigit() for cell in cells)


def select(
    path: Path, columns: Mapping[str, pd.Series], labels: Sequence[Label], where: Mapping[str, str]
) -> Selection:
    """Choose the rows whose cells have the values that were asked for.

    Parameters
    ----------
    columns
        Each label's cells, by its role.
    labels
        All the columns that may tell rows apart.
    where
        Value by column, both however written.

    Raises
    ------
    ConfigError
        If there is no such column, no such value, or no row that has all of them.
    """
    rows = np.ones(len(next(iter(columns.values()), ())), dtype=np.bool_)
    chosen: dict[str, str] = {}
    for name, value in where.items():
        label = _asked(path, labels, name)
        cells = columns[label.role]
        text = _value(path, label, cells, value)
        rows &= np.asarray(cells == text)
        chosen[label.name] = text
    if not rows.any():
        raise ConfigError(
            f"{path}: no row has {_conditions(chosen)} at once. Give values that stand in one row."
        )
    return Selection(rows, chosen)


def _asked(path: Path, labels: Sequence[Label], name: str) -> Label:
    fitting = [label for label in labels if label.plain == plain_name(name)]
    exact = [label for label in fitting if label.name == name]
    if not fitting:
        raise ConfigError(_unknown_column(path, name, [label.name for label in labels]))
    return (exact or fitting)[0]


def _unknown_column(path: Path, name: str, known: Sequence[str]) -> str:
    """Say that ``where`` asks for a column that the file has not."""
    there = f"It has: {', '.join(known)}." if known else "It has none that tells rows apart."
    return (
        f"{path}: where asks for column {name!r}, the file has no such column. "
        f"{there}{did_you_mean(name, known)}"
    )


def _value(path: Path, label: Label, cells: pd.Series, value: str) -> str:
    values = [str(cell) for cell in cells.unique()]
    if value in values:
        return value
    near = [text for text in values if text.strip().lower() == value.strip().lower()]
    if len(near) == 1:
        return near[0]
    raise ConfigError(
        f"{path}: no row has {label.name} = {value!r}. Column {label.name} holds {_shown(cells)}."
        f"{did_you_mean(value, values)}"
    )


def refuse_several(
    path: Path,
    rows: pd.DataFrame,
    times: NDArray[np.int64],
    labels: Sequence[Label],
    *,
    symbol: str | None,
) -> None:
    """Raise ``DataError`` if a column tells several series apart.

    A column so named (pair, ticker, interval…) does by having two values. Any other of text does
    if two rows of one time differ in it, if its values stand in the file one block after another,
    or if the price jumps wherever it changes; one of numbers does by the last alone.
    """
    for label in labels:
        cells = rows[label.role]
        number = int(cells.nunique())
        if number > 1 and (label.tells or _tells(label, rows, times, number)):
            raise DataError(_several(path, label, cells, symbol))


def _tells(label: Label, rows: pd.DataFrame, times: NDArray[np.int64], number: int) -> bool:
    cells = rows[label.role]
    if number > min(_MANY, len(rows) // 2) or _is_calendar(cells):
        return False
    codes = pd.factorize(cells)[0]
    changes = np.diff(codes) != 0
    if _jumps(rows["close"].to_numpy(), changes):
        return True
    if all(is_number(str(cell)) or is_missing(str(cell)) for cell in cells.unique()):
        return False
    return int(changes.sum()) + 1 == number or _differ_at_once(codes, times)


def _differ_at_once(codes: NDArray[np.int64], times: NDArray[np.int64]) -> bool:
    """Tell whether two rows of the same time have different labels."""
    if not (np.diff(np.sort(times)) == 0).any():
        return False
    of_a_time = pd.Series(codes).groupby(times)
    return bool((of_a_time.max() != of_a_time.min()).any())


def _is_calendar(cells: pd.Series) -> bool:
    values = [str(cell) for cell in cells.unique()]
    return all(_CALENDAR.fullmatch(value) or is_missing(value) for value in values)


def _jumps(closes: NDArray[np.float64], changes: NDArray[np.bool_]) -> bool:
    """Tell whether the close jumps at most changes of a label, and at few other places."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.abs(np.diff(np.log(closes)))
    known = np.isfinite(steps)
    at = steps[known & changes]
    inside = steps[known & ~changes]
    calm = float(np.median(inside)) if len(inside) else 0.0
    return bool(len(at)) and float(np.median(at)) > max(_JUMP, 10 * calm)


def _several(path: Path, label: Label, cells: pd.Series, symbol: str | None) -> str:
    values = [str(cell) for cell in cells.unique()]
    noun = "symbols" if label.plain == "symbol" else f"values of {label.name}"
    fitting = [value for value in values if symbol and _coin(value) == symbol.split("/")[0]]
    example = (fitting or values)[0]
    key = label.name if re.fullmatch(r"[A-Za-z0-9_-]+", label.name) else f'"{label.name}"'
    return (
        f"{path}: several {noun} in one file: {_shown(cells)}. Choose the rows of one, "
        f"as in --where {_quoted(f'{label.name}={example}')} (in a run file, under [data]: "
        f'where."{symbol or "ETH/USD"}" = {{ {key} = "{example}" }}), or take column {label.name} '
        "out of the file if every row belongs to the same series."
    )


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w=/.:-]+", text) else f'"{text}"'


def _shown(cells: pd.Series) -> str:
    """Write the values of a column, and how many rows have the first few.

    >>> _shown(pd.Series(["BTC", "ETH", "BTC"]))
    'BTC, ETH (2 and 1 rows)'
    """
    counts = cells.astype("str").value_counts(sort=False)
    first = [str(value) or "nothing" for value in cells.unique()[:_SHOWN]]
    numbers = [f"{int(counts[str(value)]):,}" for value in cells.unique()[:_SHOWN]]
    more = len(cells.unique()) - len(first)
    if len(first) == 1:
        return f"{first[0]} ({numbers[0]} rows)"
    rows = f"{', '.join(numbers[:-1])} and {numbers[-1]} rows"
    return f"{', '.join(first)}{f' and {more:,} more' if more else ''} ({rows})"


def _conditions(chosen: Mapping[str, str]) -> str:
    return " and ".join(f"{name} = {value}" for name, value in chosen.items())


def refuse_other_coin(
    path: Path,
    rows: pd.DataFrame,
    labels: Sequence[Label],
    *,
    symbol: str,
    chosen: Mapping[str, str],
) -> None:
    """Raise ``DataError`` if a column that says the coin says another one than the symbol.

    Column Symbol must say the whole symbol, unless its value was chosen; any other may say a quote
    that is as good (USDT for USD), or the base alone. A column such as name need not say a coin,
    so what it says counts only if it is the name of one that is well known.
    """
    for label in labels:
        inside = str(rows[label.role].iloc[0])
        strict = label.plain == "symbol" and label.name not in chosen
        compared = label.says_coin or (label.tells and _is_known_coin(inside))
        pays = label.may_say_quote and is_quote(inside.strip().lower(), symbol)
        if (
            compared
            and not pays
            and not is_missing(inside)
            and not _agrees(inside, symbol, strict=strict)
        ):
            raise DataError(
                f"{path}: the file holds {_whole(inside) or inside}, not {symbol} (column "
                f"{label.name}). Give another file, or the symbol it holds."
            )


def _agrees(inside: str, symbol: str, *, strict: bool) -> bool:
    """Tell whether a cell can mean the symbol; what is no coin (SPOT, a word) is not compared."""
    base, _, quote = symbol.partition("/")
    whole = _whole(inside)
    if whole is None:
        coin = _coin(inside)
        return coin is None or same_money(coin, base)
    its_base, _, its_quote = whole.partition("/")
    if strict:
        return its_quote == quote and _same_coin(its_base, base)
    return _same_coin(its_base, base) and same_money(
        its_quote.partition(":")[0], quote.partition(":")[0]
    )


def _same_coin(one: str, other: str) -> bool:
    return _NAMES.get(one, one) == _NAMES.get(other, other)


def _is_known_coin(text: str) -> bool:
    """Tell whether a cell is the name of a well known coin: ETH, Ethereum, bitcoin;
    ETHX and Kraken are none.
    """
    word = text.strip().upper()
    return word in _NAMES or is_coin(word)


def _whole(text: str) -> str | None:
    """Return the symbol a cell is, if it is one: BTCUSDT, BINANCE:BTCUSDT, tBTCUSD,
    BTC-USDT-SWAP.
    """
    bare = re.sub(r"^t(?=[A-Z]{6})", "", _without_market(text))
    try:
        return parse_symbol(bare)
    except ConfigError:
        return None


def _coin(text: str) -> str | None:
    """Return the coin a cell names, or None if it names none that is known."""
    whole = _whole(text)
    if whole is not None:
        return _NAMES.get(whole.split("/")[0], whole.split("/")[0])
    word = _without_market(text)
    if word.upper() in _NAMES:
        return _NAMES[word.upper()]
    if is_coin(word):
        return word.upper()
    return word if re.fullmatch(r"[A-Z]{3,5}", word) and word not in _NO_COIN else None


def _without_market(text: str) -> str:
    """Return a name without what says where it trades: BINANCE:BTCUSDT, ETH-PERP, BTCUSDT.P."""
    bare = text.strip()
    if bare.count(":") == 1 and "/" not in bare:
        bare = bare.rpartition(":")[2]
    return re.sub(r"[-_.](PERP|SWAP|P|SPOT)$", "", bare)


def selection_note(chosen: Mapping[str, str], *, kept: int, all_rows: int) -> str:
    """Say which rows were read."""
    return (
        f"Only the rows with {_conditions(chosen)} were read: {kept:,} "
        f"of {counted(all_rows, 'row')}."
    )
