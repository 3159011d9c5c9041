"""Which column of a candle file counts what was traded, and in what: base, quote or contracts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import FIELDS
from cryptonn.market.symbols import is_coin, parse_symbol

__all__ = [
    "Volume",
    "VolumeColumn",
    "VolumeColumns",
    "is_quote",
    "known_currency",
    "named_coin",
    "same_money",
    "take_volume",
    "volume_columns",
]

Kind = Literal["base", "plain", "quote", "unclear", "other"]
"""What the name of a column says that it counts; ``unclear`` may be base,
``other`` is known to be neither.
"""

_MONEY = tuple(
    frozenset(line.split())
    for line in (
        "usd usdt usdc busd tusd fdusd usdp gusd dai pax ust zusd $ dollar dollars",
        "eur zeur eurt eurs € euro euros",
        "gbp zgbp £",
        "jpy zjpy ¥ yen",
        "krw won",
        "btc xbt xxbt",
        "eth xeth",
        "chf",
        "cad",
        "aud",
        "cny",
        "try",
        "brl",
        "inr",
        "rub",
        "sgd",
        "hkd",
        "bnb",
    )
)
"""Names of the same money, or as good as the same."""

_VOLUME = frozenset(("volume", "volumes", "vol"))
_AMOUNTS = frozenset(("amount", "qty", "quantity"))
_PAID = frozenset(("turnover", "notional", "value", "money"))
_CONTRACTS = frozenset(("contracts", "contract", "lots", "lot", "cont", "cts"))
_FILLING = frozenset(("in", "of", "the", "asset", "traded", "trade", "trading"))
_COINS = frozenset(("ccy", "coin", "coins", "units"))
_IN_BASE = frozenset(("base", "from", "home"))
_IN_QUOTE = frozenset(("quote", "to", "foreign", "currency"))
_JOINED = re.compile(r"(volume|vol)([a-z]+)|([a-z]+?)(volume|vol)")

_CONTRACT_SIZES = (1.0, 10.0, 100.0)
"""What a contract settled in coins is worth, in dollars."""
_FEW = 10
"""Bars that it takes to say so: a few may fit by chance."""
_ENOUGH = 20
"""Bars in which a volume that is a price shows itself: it does not lie between low and high
so often by chance.
"""
_ROUNDED = 0.001
"""Share by which a mean price may lie outside low to high, as it is rounded."""
_MARGIN = 0.1
"""Share by which quote / base may lie outside low to high: volumes are rounded."""


@dataclass(frozen=True)
class VolumeColumn:
    """A column that may count what was traded."""

    name: str
    """As the header writes it."""
    position: int

    @property
    def role(self) -> str:
        """Its name among the rows that are read."""
        return f"volume {self.position}"


@dataclass(frozen=True)
class VolumeColumns:
    """The columns that count what was traded, by what their names say."""

    base: tuple[VolumeColumn, ...] = ()
    """That name the base, or "base"."""
    plain: tuple[VolumeColumn, ...] = ()
    """That are called volume and no more."""
    unclear: tuple[VolumeColumn, ...] = ()
    """That may count base, such as amount."""
    quote: tuple[VolumeColumn, ...] = ()
    """In money; the best of them first."""
    other: tuple[VolumeColumn, ...] = ()
    """Of contracts, of a currency that the symbol has not, of one side alone, or something else."""

    @property
    def read(self) -> tuple[VolumeColumn, ...]:
        """The columns whose cells are looked at."""
        return (*(self.base or (*self.plain, *self.unclear)), *self.quote)


@dataclass(frozen=True, eq=False)
class Volume:
    """What was traded in each bar, and how it was found."""

    amounts: pd.Series
    """In base, or in quote where ``in_quote`` is true."""
    in_quote: bool
    """The amounts are to be divided by the close."""
    column: VolumeColumn
    notes: tuple[str, ...] = ()
    repairs: dict[str, int] = field(default_factory=dict)
    """``converted_volume`` and ``missing_volume``; see ``CandleFile``."""

    def filled(self, *, by: pd.Series, kind: str, how: str) -> "Volume":
        """Return the volume with what it lacks taken from another series, counted and noted."""
        lacks = self.amounts.isna() & by.notna()
        number = int(lacks.sum())
        if not number:
            return self
        note = (
            f"Column {self.column.name} has no amount in {number:,} of the bars "
            f"that have prices: {how}."
        )
        return replace(
            self,
            amounts=self.amounts.where(~lacks, by),
            notes=(*self.notes, note),
            repairs=self.repairs | {kind: number},
        )


def volume_columns(
    header: Sequence[str], names: Sequence[str], *, symbol: str, in_quote: bool
) -> VolumeColumns:
    """Sort the columns of volume by what their names say.

    Parameters
    ----------
    header, names
        The columns as they are written, and in one spelling (see ``header.plain_name``).
    symbol
        Base/quote: it decides whether ``volume_btc`` is base.
    in_quote
        The file is of a make whose plain volume counts quote money.
    """
    found: dict[Kind, list[VolumeColumn]] = {
        kind: [] for kind in ("base", "plain", "unclear", "quote", "other")
    }
    for position, name in enumerate(names):
        kind = _kind(name, symbol)
        if kind == "plain" and in_quote:
            kind = "quote"
        if kind is not None:
            found[kind].append(VolumeColumn(header[position], position))
    return VolumeColumns(**{kind: tuple(columns) for kind, columns in found.items()})


def known_currency(word: str) -> bool:
    """Tell whether a word is the name of money, such as usd or €."""
    return any(word in names for names in _MONEY)


def same_money(one: str, other: str) -> bool:
    """Tell whether two names mean the same money or as good as the same: USD and USDT, BTC and XBT.

    >>> same_money("usdt", "USD"), same_money("EUR", "USD")
    (True, False)
    """
    low = one.lower()
    same = other.lower()
    return low == same or any(low in names and same in names for names in _MONEY)


def named_coin(name: str, symbol: str) -> str:
    """Return the well known coin that the name of a volume says and the symbol has not;
    "" if it says none.

    >>> named_coin("volume btc", "ETH/USD"), named_coin("volume btc", "ETH/BTC")
    ('BTC', '')
    """
    told = (word for word in sorted(_words(name, symbol)) if is_coin(word))
    return next(
        (
            word.upper()
            for word in told
            if not _is_base(word, symbol) and not is_quote(word, symbol)
        ),
        "",
    )


def is_quote(word: str, symbol: str) -> bool:
    """Tell whether a word names the quote of the symbol; a name of the base never does."""
    base, quote = _parts(symbol)
    return word != base and same_money(word, quote)


def _parts(symbol: str) -> tuple[str, str]:
    base, _, quote = parse_symbol(symbol).lower().partition("/")
    return base, quote.partition(":")[0]


def _is_base(word: str, symbol: str) -> bool:
    base, quote = _parts(symbol)
    return word == base or (
        word != quote and not same_money(base, quote) and same_money(word, base)
    )


def _kind(name: str, symbol: str) -> Kind | None:
    """Return what the name of a column says that it counts, or None if it is no volume."""
    words = _words(name, symbol)
    if words & _CONTRACTS:
        return "other"
    if name != "v" and not words & (_VOLUME | _AMOUNTS | _PAID):
        return None
    told = words - _VOLUME - _AMOUNTS - _FILLING - _COINS - {"v"}
    if len(told) > 1:
        told -= {"currency"}
    if not told:
        return "unclear" if words & (_AMOUNTS | _COINS) else "plain"
    paid = told & _PAID
    if told - paid and all(word in _IN_BASE or _is_base(word, symbol) for word in told - paid):
        return "base" if paid <= {"notional"} else "other"
    if all(word in _IN_QUOTE or is_quote(word, symbol) for word in told - paid):
        return "quote"
    return "other"


def _words(name: str, symbol: str) -> frozenset[str]:
    """Return the words of a name; volumefrom and btcvolume are two."""
    words: list[str] = []
    for word in name.split():
        found = _JOINED.fullmatch(word)
        parts = [part for part in found.groups() if part] if found else [word]
        other = next((part for part in parts if part not in _VOLUME), "")
        told = other in _IN_BASE | _IN_QUOTE or other in _parts(symbol)
        words += parts if told or known_currency(other) else [word]
    return frozenset(words)


def take_volume(
    path: Path, rows: pd.DataFrame, columns: VolumeColumns, *, of_known_make: bool
) -> Volume:
    """Choose the column of volume; where base and quote both stand in the file,
    the prices must not contradict.

    Parameters
    ----------
    rows
        Indexed by the line of the file: the four prices, and each column of ``columns.read``
        under its role.
    of_known_make
        The make of the file says what its volume counts: it is doubted only where the columns
        fit the other way round.

    Raises
    ------
    DataError
        If it is not known what the columns count, they contradict one another,
        or the one chosen is empty.
    """
    fits = _Fits(rows)
    volume = _chosen(path, fits, columns, of_known_make=of_known_make)
    if not volume.amounts.isna().all():
        _refuse_price(path, fits, volume.column)
        if not volume.amounts.isna().any():
            return volume
        return volume.filled(
            by=_nothing(rows), kind="missing_volume", how="their volume was set to 0"
        )
    raise DataError(
        f"{path}: column {volume.column.name} is empty in every row that has prices. "
        "Give a file with the volume. If these are mark or index prices, at which nothing was "
        "traded, write 0: a run can look at such candles, but not trade on them."
    )


def _chosen(path: Path, fits: "_Fits", columns: VolumeColumns, *, of_known_make: bool) -> Volume:
    candidates = columns.base or (*columns.plain, *columns.unclear)
    if any((fits.values(column) > 0).any() for column in columns.quote):
        candidates = tuple(c for c in candidates if (fits.values(c) > 0).any())
    if not candidates:
        return Volume(fits.rows[columns.quote[0].role], in_quote=True, column=columns.quote[0])
    if columns.quote:
        return _beside_quote(path, fits, candidates, columns, of_known_make=of_known_make)
    if columns.base:
        _refuse_two(path, fits.rows, columns.base)
        return _take(fits.rows, columns.base[0], columns)
    if columns.plain:
        return _plain(path, fits, columns)
    raise DataError(_unclear(path, candidates))


def _nothing(rows: pd.DataFrame) -> pd.Series:
    """Return a volume of 0 for each bar that has all its prices, and NaN for the others."""
    priced = rows[list(FIELDS[:4])].notna().all(axis=1)
    return priced.map({True: 0.0, False: np.nan}).astype(np.float64)


def _refuse_price(path: Path, fits: "_Fits", column: VolumeColumn) -> None:
    """Refuse a volume that is a price: it moves with the bars and lies between low
    and high in every one.
    """
    amounts = fits.values(column)
    counts = amounts > 0
    if counts.sum() < _ENOUGH or len(np.unique(amounts[counts])) <= counts.sum() / 2:
        return
    low = fits.low[counts] * (1 - _ROUNDED)
    high = fits.high[counts] * (1 + _ROUNDED)
    if ((amounts[counts] >= low) & (amounts[counts] <= high)).all():
        row = int(counts.argmax())
        raise DataError(
            f"{path}: column {column.name} is a price, not a volume: it lies between low "
            f"and high in every bar, as in row {fits.rows.index[row]}: {amounts[row]:.12g}. "
            "It may be the mean price of the bar: call it vwap, and call the column volume "
            "that counts what was traded."
        )


class _Fits:
    """Whether two columns can be base and quote of the bars they stand in."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self.low = rows["low"].to_numpy()
        self.high = rows["high"].to_numpy()
        self.close = rows["close"].to_numpy()

    def values(self, column: VolumeColumn) -> NDArray[np.float64]:
        return np.asarray(self.rows[column.role], dtype=np.float64)

    def first_row(self, pair: tuple[VolumeColumn, VolumeColumn]) -> int:
        """Return the place of the first bar that has a price and both amounts."""
        one, other = map(self.values, pair)
        return int(((one > 0) & (other > 0) & (self.low > 0)).argmax())

    def turned(self, pair: tuple[VolumeColumn, VolumeColumn]) -> bool:
        """Tell whether base and quote of a pair fit the other way round, the quote in dollars
        or contracts of them.
        """
        base, quote = pair
        return any(self(quote, base, each=each) for each in _CONTRACT_SIZES)

    def turned_rows(self, pair: tuple[VolumeColumn, VolumeColumn]) -> NDArray[np.bool_]:
        """Mark the bars in which base and quote of a pair stand the other way round,
        or both count quote.
        """
        base, quote = map(self.values, pair)
        tells = (base > 0) & (quote > 0) & (self.low > 0)
        low, high = self.low * (1 - _MARGIN), self.high * (1 + _MARGIN)
        with np.errstate(divide="ignore", invalid="ignore"):
            price = quote / base
            turned = base / quote
        fits = (price >= low) & (price <= high)
        turned_fits = (turned >= low) & (turned <= high)
        same = (np.abs(price - 1) <= _MARGIN) & ((low > 1.2) | (high < 0.8))
        return np.asarray(tells & ~fits & (turned_fits | same), dtype=np.bool_)

    def __call__(
        self, base: VolumeColumn, quote: VolumeColumn, *, each: float = 1.0
    ) -> bool | None:
        """Tell whether quote / base is a price of the bar, in most bars or over all;
        None if no bar tells.
        """
        sold = self.values(base)
        paid = each * self.values(quote)
        tells = (sold > 0) & (paid > 0) & (self.low > 0) & np.isfinite(self.high)
        if tells.sum() < (1 if each == 1 else _FEW):
            return None
        price = paid[tells] / sold[tells]
        inside = (price >= self.low[tells] * (1 - _MARGIN)) & (
            price <= self.high[tells] * (1 + _MARGIN)
        )
        overall = paid[tells].sum() / (sold[tells] * self.close[tells]).sum()
        return bool(inside.mean() > 0.5 or abs(overall - 1) <= _MARGIN)


def _beside_quote(
    path: Path,
    fits: _Fits,
    candidates: Sequence[VolumeColumn],
    columns: VolumeColumns,
    *,
    of_known_make: bool,
) -> Volume:
    """Choose the first candidate that makes the prices with a column in quote,
    or whose name leaves no doubt.
    """
    pairs = [(column, quote) for column in candidates for quote in columns.quote]
    answers = [fits(column, quote) for column, quote in pairs]
    if any(answers):
        pair = pairs[answers.index(True)]
        if fits.turned_rows(pair).sum() >= _FEW:
            raise DataError(_partly(path, fits, pair))
        return _completed(fits, _take(fits.rows, pair[0], columns), pair)
    turned = next((pair for pair in pairs if fits.turned(pair)), None)
    if turned is not None:
        raise DataError(_contradiction(path, fits, turned))
    partly = next((pair for pair in pairs if fits.turned_rows(pair).sum() >= _FEW), None)
    if partly is not None:
        raise DataError(_partly(path, fits, partly))
    named = columns.base or (of_known_make and columns.plain)
    if not named and False in answers:
        raise DataError(_contradiction(path, fits, pairs[answers.index(False)]))
    if not columns.base and not columns.plain:
        raise DataError(_unclear(path, candidates))
    return _take(fits.rows, candidates[0], columns)


def _completed(fits: _Fits, volume: Volume, pair: tuple[VolumeColumn, VolumeColumn]) -> Volume:
    """Take the volume from the column in quote where the one in base is missing,
    or 0 though something was paid.
    """
    base, quote = map(fits.values, pair)
    traded = pd.Series(np.where(quote > 0, quote / fits.close, np.nan), index=volume.amounts.index)
    lacks = ~(base > 0) & traded.notna().to_numpy()
    return replace(volume, amounts=volume.amounts.mask(lacks)).filled(
        by=traded,
        kind="converted_volume",
        how=f"it was taken from {pair[1].name}, divided by the Close",
    )


def _plain(path: Path, fits: _Fits, columns: VolumeColumns) -> Volume:
    """Choose a plain volume, unless the prices say that a column such as amount
    counts base beside it.
    """
    first = columns.plain[0]
    for column in columns.unclear:
        if not fits(first, column) and fits(column, first):
            return _take(fits.rows, column, columns)
        differs = (fits.values(first) != fits.values(column)).any()
        if differs and fits(first, column) is False:
            raise DataError(_two_amounts(path, fits, (first, column)))
    _refuse_two(path, fits.rows, columns.plain)
    return _take(fits.rows, first, columns)


def _take(rows: pd.DataFrame, column: VolumeColumn, columns: VolumeColumns) -> Volume:
    others = [*columns.base, *columns.plain, *columns.unclear, *columns.quote, *columns.other]
    notes = (f"The volume is column {column.name}.",) if len(others) > 1 else ()
    return Volume(rows[column.role], in_quote=False, column=column, notes=notes)


def _refuse_two(path: Path, rows: pd.DataFrame, columns: Sequence[VolumeColumn]) -> None:
    for other in columns[1:]:
        first = columns[0]
        differs = np.asarray(rows[first.role].fillna(0) != rows[other.role].fillna(0))
        if differs.any():
            row = int(differs.argmax())
            raise DataError(
                f"{path}: two columns may be the volume, and they differ, "
                f"first in row {rows.index[row]}: {first.name} {rows[first.role].iloc[row]:.12g}, "
                f"{other.name} {rows[other.role].iloc[row]:.12g}. Take one of them out, "
                "or rename it, such as volume_base and volume_quote."
            )


def _unclear(path: Path, columns: Sequence[VolumeColumn]) -> str:
    names = ", ".join(column.name for column in columns)
    return (
        f"{path}: what {names} counts is not known. Rename the column that counts base to "
        "volume_base, or one that counts quote money to volume_quote (it is divided by the close)."
    )


def _partly(path: Path, fits: _Fits, pair: tuple[VolumeColumn, VolumeColumn]) -> str:
    marks = fits.turned_rows(pair)
    base, quote = pair
    return (
        f"{path}: in {int(marks.sum()):,} of {len(marks):,} rows, first in row "
        f"{fits.rows.index[int(marks.argmax())]}, {base.name} counts quote money (beside "
        f"{quote.name} and the prices), in the others it does not: the columns are swapped in part "
        "of the file. Mend it, or fetch it again."
    )


def _two_amounts(path: Path, fits: _Fits, pair: tuple[VolumeColumn, VolumeColumn]) -> str:
    """Say that of two columns, neither in quote, it is not known which one counts base."""
    row = fits.first_row(pair)
    values = " and ".join(f"{column.name} is {fits.values(column)[row]:.12g}" for column in pair)
    names = " or ".join(column.name for column in pair)
    return (
        f"{path}: {names} may count base, and they differ: in row {fits.rows.index[row]} {values}, "
        f"while the bar runs from {fits.low[row]:.12g} to {fits.high[row]:.12g}, "
        "so that neither is the other in quote. One of them may count contracts. "
        "Rename the one that counts base to volume_base, and the other to contracts."
    )


def _contradiction(path: Path, fits: _Fits, pair: tuple[VolumeColumn, VolumeColumn]) -> str:
    base, quote = pair
    sold = fits.values(base)
    paid = fits.values(quote)
    row = fits.first_row(pair)
    start = (
        f"{path}: {base.name} and {quote.name} do not fit the prices: in row "
        f"{fits.rows.index[row]} {quote.name} {paid[row]:.12g} / {base.name} {sold[row]:.12g} "
        f"is a price of {paid[row] / sold[row]:.6g}, the bar runs from {fits.low[row]:.12g} "
        f"to {fits.high[row]:.12g}."
    )
    if fits.turned(pair):
        return (
            f"{start} They fit the other way round: {quote.name} seems to count base, "
            f"and {base.name} quote money or contracts. If so, rename {quote.name} to volume_base "
            f"and {base.name} to volume_quote or contracts."
        )
    return (
        f"{start} {base.name} may count contracts: take it out, so that {quote.name} is divided "
        f"by the close, or take {quote.name} out if {base.name} does count base."
    )
