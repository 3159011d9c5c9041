"""The candle store: one checked Parquet file for each exchange, symbol and timeframe, written whole or not at all.

<root>/<exchange>/<BASE-QUOTE>/<timeframe>.parquet    the candles; the manifest is inside
<root>/<exchange>/<BASE-QUOTE>/<timeframe>.json       the same manifest, for people and other programs
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cryptonn.config import DataConfig
from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.bars import FIELDS, check_candles, counted, time_index, time_text, timeframe_delta, times_of
from cryptonn.market.candles import Frame, align
from cryptonn.market.store.health import candles_sha256, health
from cryptonn.market.store.manifest import StoreEntry, describe, to_json
from cryptonn.market.store.parquet import read_candles, read_entry, to_parquet
from cryptonn.market.store.writing import write_together
from cryptonn.market.symbols import parse_symbol
from cryptonn.market.timerange import TimeRange

__all__ = ["HOLE", "SLACK", "Store", "StoreEntry", "Written", "health", "load_frame"]

SLACK = pd.Timedelta(days=1)
"""So much of a range may be absent at either end (nobody traded) before the range counts as not stored."""
HOLE = pd.Timedelta(days=7)
"""A hole longer than this inside a train or test range is candles that were never imported, not an outage."""

_EXCHANGE = re.compile(r"^[a-z0-9][a-z0-9_-]*$")


@dataclass(frozen=True)
class Written:
    """What ``Store.write`` did."""

    entry: StoreEntry
    added: int
    """Bars whose time was not stored before."""
    identical: int
    """Bars that were stored already, with the same values."""
    replaced: int
    """Bars that were stored with other values."""


class Store:
    """Candles under one folder."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def write(
        self,
        candles: pd.DataFrame,
        *,
        symbol: str,
        exchange: str,
        timeframe: str,
        sources: Sequence[Mapping[str, Any]] = (),
        conflicts: Literal["refuse", "replace"] = "refuse",
    ) -> Written:
        """Merge candles with those already stored, atomically.

        Parameters
        ----------
        candles
            A candle table; it is checked.
        sources
            Where they came from (``CandleFile.source``); kept in the manifest.
        conflicts
            A bar that is stored with other values is refused, or replaced and counted.

        Raises
        ------
        DataError
            If the table is no candle table, or a stored bar has other values and conflicts are refused.
        ConfigError
            If the exchange, symbol or timeframe is not a name.
        OutputError
            If the folder or disk cannot be written; what was stored stays as it was.
        """
        symbol = parse_symbol(symbol)
        check_candles(candles, timeframe=timeframe, source=f"{exchange} {symbol}")
        path = self._path(exchange, symbol, timeframe)
        new = candles.set_axis(time_index(candles).as_unit("ns").rename("time"), axis="index")
        merged, counts = new, (len(new), 0, 0)
        if path.exists():
            old, entry = read_candles(path)
            merged, counts = _merge(old, new, name=f"{exchange} {symbol} {timeframe}", conflicts=conflicts)
            sources = [*entry.sources, *sources]
        entry = describe(path, merged, exchange=exchange, symbol=symbol, timeframe=timeframe, sources=sources)
        manifest = to_json(entry).encode()
        write_together({path: to_parquet(merged, manifest), path.with_suffix(".json"): manifest})
        return Written(entry, *counts)

    def read(
        self, symbol: str, *, timeframe: str, exchange: str | None = None, timerange: TimeRange | None = None
    ) -> pd.DataFrame:
        """Return stored candles.

        Parameters
        ----------
        exchange
            May be left out while only one exchange holds the symbol at this timeframe.
        timerange
            The part to return. Up to ``SLACK`` of it may be absent at either end, since minutes without a trade are.

        Raises
        ------
        DataError
            If the store lacks the symbol, timeframe, exchange or range, several exchanges hold it and none is named, or
            the stored file is damaged. The message says what the store does hold and which command fills it.
        """
        entry = self.find(symbol, timeframe=timeframe, exchange=exchange, timerange=timerange)
        candles, _ = read_candles(entry.path)
        return candles if timerange is None else _select(candles, entry, timerange)

    def find(
        self, symbol: str, *, timeframe: str, exchange: str | None = None, timerange: TimeRange | None = None
    ) -> StoreEntry:
        """Return the one entry of a symbol and timeframe; raises as ``read`` does, naming the range to fetch."""
        symbol = parse_symbol(symbol)
        timeframe_delta(timeframe)
        entries = self.entries()
        found = [entry for entry in entries if (entry.symbol, entry.timeframe) == (symbol, timeframe)]
        if exchange is not None:
            found = [entry for entry in found if entry.exchange == exchange]
        if not found:
            wanted = " ".join(part for part in (exchange, symbol, timeframe) if part)
            remedy = _remedy(symbol, timeframe, exchange, timerange or TimeRange())
            raise DataError(f"{self.root}: {wanted} is not stored. {_held(entries, symbol)} {remedy}")
        if len(found) > 1:
            names = ", ".join(entry.exchange for entry in found)
            raise DataError(
                f"{self.root}: several exchanges hold {symbol} {timeframe}: {names}. Name one: --exchange "
                f"{found[0].exchange}, or exchange = {found[0].exchange!r} under [data]."
            )
        return found[0]

    def entries(self) -> list[StoreEntry]:
        """Return what is stored, by exchange, symbol and timeframe.

        Raises
        ------
        DataError
            If a stored file is damaged.
        """
        return [read_entry(path) for path in sorted(self.root.glob("*/*/*.parquet"))]

    def _path(self, exchange: str, symbol: str, timeframe: str) -> Path:
        if not _EXCHANGE.match(exchange):
            raise ConfigError(f"exchange {exchange!r} is not a name of small letters and digits, such as bitfinex.")
        timeframe_delta(timeframe)
        return self.root / exchange / symbol.replace("/", "-").replace(":", "_") / f"{timeframe}.parquet"


def load_frame(config: DataConfig, *, root: Path | None = None) -> tuple[Frame, dict[str, dict[str, Any]]]:
    """Read every symbol of a run from the store and align them.

    The frame reaches from the start of ``train`` (the earliest common bar if it is open) to the end of the last test
    period. Between the periods candles may be lacking; inside a period a hole longer than ``HOLE`` is refused.

    Parameters
    ----------
    root
        Root of the store; ``config.folder`` by default.

    Returns
    -------
    frame
    facts
        By symbol: ``exchange``, ``rows``, ``first``, ``last`` (UTC texts) and ``sha256`` of the candles read, and the
        ``repairs`` and ``notes`` of the manifest.

    Raises
    ------
    DataError
        If the store lacks a symbol or a range, or the candles cannot be aligned.
    """
    if config.source != "store":
        raise ConfigError(f"data.source = {config.source!r} reads nothing from the store.")
    store = Store(root or config.folder)
    periods = {"train": config.train, **config.test}
    ends = [period.end for period in periods.values()]
    whole = TimeRange(config.train.start, None if None in ends else max(end for end in ends if end is not None))
    entries = _all_or_none(store, config, whole)
    candles, facts = {}, {}
    for symbol, entry in entries.items():
        table = _select(read_candles(entry.path)[0], entry, whole)
        for name, period in periods.items():
            _refuse_hole(_select(table, entry, period), entry, f"{name} ({period})")
        candles[symbol] = table
        facts[symbol] = _facts(table, entry)
    return align(candles, timeframe=config.timeframe, gaps=config.gaps), facts


def _all_or_none(store: Store, config: DataConfig, timerange: TimeRange) -> dict[str, StoreEntry]:
    """Return the entry of each symbol; say which coin is there if another is not."""
    entries = [entry for entry in store.entries() if config.exchange in (None, entry.exchange)]
    held = {entry.symbol: entry for entry in entries if entry.timeframe == config.timeframe}
    there = [symbol for symbol in config.symbols if symbol in held]
    lacking = [symbol for symbol in config.symbols if symbol not in held]
    if there and lacking:
        raise DataError(
            f"{store.root}: the run needs {' and '.join(config.symbols)} {config.timeframe}; {', '.join(there)} is "
            f"stored, {', '.join(lacking)} is not. {_held(entries, lacking[0])} "
            f"{_remedy(lacking[0], config.timeframe, held[there[0]].exchange, timerange)}"
        )
    return {
        symbol: store.find(symbol, timeframe=config.timeframe, exchange=config.exchange, timerange=timerange)
        for symbol in config.symbols
    }


def _facts(candles: pd.DataFrame, entry: StoreEntry) -> dict[str, Any]:
    return {
        "exchange": entry.exchange,
        "rows": len(candles),
        "first": time_text(candles.index[0]),
        "last": time_text(candles.index[-1]),
        "sha256": candles_sha256(candles),
        "repairs": entry.repairs,
        "notes": list(entry.notes),
    }


def _select(candles: pd.DataFrame, entry: StoreEntry, timerange: TimeRange) -> pd.DataFrame:
    part = timerange.select(candles)
    late = timerange.start is not None and (part.empty or part.index[0] > timerange.start + SLACK)
    bar = timeframe_delta(entry.timeframe)
    early = timerange.end is not None and (part.empty or part.index[-1] + bar < timerange.end - SLACK)
    if part.empty or late or early:
        inside = f"nearest {time_text(part.index[0])} to {time_text(part.index[-1])}" if len(part) else "nothing in it"
        raise DataError(
            f"The range {timerange} is not stored ({inside}). The store holds {entry}. "
            f"{_remedy(entry.symbol, entry.timeframe, entry.exchange, timerange)}"
        )
    return part


def _refuse_hole(candles: pd.DataFrame, entry: StoreEntry, period: str) -> None:
    spacings = np.diff(times_of(time_index(candles)))
    longest = int(spacings.argmax()) if len(spacings) else 0
    if len(spacings) and pd.Timedelta(int(spacings[longest]), "ns") > HOLE:
        start, end = candles.index[longest], candles.index[longest + 1]
        raise DataError(
            f"{period}: {entry.exchange} {entry.symbol} {entry.timeframe} has no candle between {time_text(start)} and "
            f"{time_text(end)}. {_remedy(entry.symbol, entry.timeframe, entry.exchange, TimeRange(start, end))}"
        )


def _held(entries: list[StoreEntry], symbol: str) -> str:
    if not entries:
        return "The store is empty."
    symbols = {entry.symbol for entry in entries}
    near = "" if symbol in symbols else did_you_mean(symbol, symbols)
    return f"The store holds: {'; '.join(str(entry) for entry in entries)}.{near}"


def _remedy(symbol: str, timeframe: str, exchange: str | None, timerange: TimeRange) -> str:
    name = exchange or "binance"
    stretch = "20180101-20190101" if timerange.start is None and timerange.end is None else str(timerange)
    return (
        f"Import it: cryptonn import-data FILE --symbol {symbol} --exchange {exchange or 'NAME'}; or download it: "
        f"cryptonn download-data --exchange {name} --symbols {symbol} --timeframe {timeframe} --timerange {stretch}"
    )


def _merge(
    old: pd.DataFrame, new: pd.DataFrame, *, name: str, conflicts: Literal["refuse", "replace"]
) -> tuple[pd.DataFrame, tuple[int, int, int]]:
    """Return old and new bars together, and how many were added, identical and replaced."""
    common = old.index.intersection(new.index)
    before, after = old.loc[common], new.loc[common]
    differs = np.asarray((before.to_numpy() != after.to_numpy()).any(axis=1))
    if differs.any() and conflicts == "refuse":
        row = int(differs.argmax())
        one, other = before.iloc[row], after.iloc[row]
        field = next(field for field in FIELDS if one[field] != other[field])
        raise DataError(
            f"{name}: {counted(int(differs.sum()), 'bar')} stored with other values, first at {time_text(common[row])}:"
            f" {field} is {one[field]:.12g} in the store and {other[field]:.12g} in the new candles. Keep the stored"
            " ones by leaving the file out, or overwrite them with --replace."
        )
    replaced = int(differs.sum())
    merged = pd.concat([old[~old.index.isin(common)], new]).sort_index()
    return merged, (len(new) - len(common), len(common) - replaced, replaced)
