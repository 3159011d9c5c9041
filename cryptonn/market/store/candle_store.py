"""The candle store: one checked Parquet file for each exchange, symbol and timeframe,
written whole or not at all.

<root>/<exchange>/<BASE-QUOTE>/<timeframe>.parquet the candles; the manifest is inside
<root>/<exchange>/<BASE-QUOTE>/<timeframe>.json the same manifest, for people and other programs
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.bars import bar_step, check_candles, time_index, time_text, timeframe_delta
from cryptonn.market.merging import merge
from cryptonn.market.resample import divides, resample
from cryptonn.market.store.health import health
from cryptonn.market.store.manifest import StoreEntry, describe, to_json
from cryptonn.market.store.parquet import read_candles, read_entry, to_parquet
from cryptonn.market.store.writing import write_together
from cryptonn.market.supply import SLACK, Supply, select
from cryptonn.market.symbols import parse_symbol
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig
from cryptonn.units import counted

__all__ = ["Store", "StoreEntry", "Written", "health", "stored_candles", "supply_of"]

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
            If the table is no candle table, or a stored bar has other values
            and conflicts are refused.
        ConfigError
            If the exchange, symbol or timeframe is not a name.
        OutputError
            If the folder or disk cannot be written; what was stored stays as it was.
        """
        symbol = parse_symbol(symbol)
        check_candles(candles, timeframe=timeframe, source=f"{exchange} {symbol}")
        path = self._path(exchange, symbol, timeframe)
        new = candles.set_axis(time_index(candles).as_unit("ns").rename("time"), axis="index")
        merged = new
        counts = (len(new), 0, 0)
        if path.exists():
            old, entry = read_candles(path)
            found = merge(old, new)
            if found.first is not None and conflicts == "refuse":
                table = f"{exchange} {symbol} {timeframe}"
                conflict = _conflict(table, found.differing, *found.first)
                raise DataError(f"{conflict} {_advice(found.times, entry.ends)}")
            merged = found.candles
            counts = (found.added, found.identical, found.differing)
            sources = [*entry.sources, *sources]
        entry = describe(
            path, merged, exchange=exchange, symbol=symbol, timeframe=timeframe, sources=sources
        )
        manifest = to_json(entry).encode()
        write_together({path: to_parquet(merged, manifest), path.with_suffix(".json"): manifest})
        return Written(entry, *counts)

    def read(
        self,
        symbol: str,
        *,
        timeframe: str,
        exchange: str | None = None,
        timerange: TimeRange | None = None,
    ) -> pd.DataFrame:
        """Return stored candles.

        Parameters
        ----------
        exchange
            May be left out while only one exchange holds the symbol at this timeframe.
        timerange
            The part to return. Up to ``SLACK`` of it may be absent at either end,
            since minutes without a trade are.

        Raises
        ------
        DataError
            If the store lacks the symbol, timeframe, exchange or range,
            several exchanges hold it and none is named, or the stored file is damaged.
            The message says what the store does hold and which command fills it.
        """
        entry = self.find(symbol, timeframe=timeframe, exchange=exchange, timerange=timerange)
        supply = supply_of(entry, timeframe=entry.timeframe)
        return supply.candles if timerange is None else select(supply, timerange)

    def find(
        self,
        symbol: str,
        *,
        timeframe: str,
        exchange: str | None = None,
        timerange: TimeRange | None = None,
    ) -> StoreEntry:
        """Return the one entry of a symbol and timeframe; raises as ``read`` does,
        naming the range to fetch.
        """
        symbol = parse_symbol(symbol)
        timeframe_delta(timeframe)
        entries = self.entries()
        found = [
            entry for entry in entries if (entry.symbol, entry.timeframe) == (symbol, timeframe)
        ]
        if exchange is not None:
            found = [entry for entry in found if entry.exchange == exchange]
        if not found:
            wanted = " ".join(part for part in (exchange, symbol, timeframe) if part)
            remedy = _remedy(symbol, timeframe, exchange, timerange or TimeRange())
            raise DataError(
                f"{self.root}: {wanted} is not stored. {_held(self.root, entries, symbol)} {remedy}"
            )
        self._refuse_several(found, f"{symbol} {timeframe}")
        return found[0]

    def find_source(
        self,
        symbol: str,
        *,
        timeframe: str,
        exchange: str | None = None,
        timerange: TimeRange | None = None,
    ) -> StoreEntry:
        """Return the entry that bars of a timeframe are made from; raises as ``find`` does.

        It is that of the timeframe itself or, where that is not stored or does not reach over
        the range, of the longest shorter one that divides it and does. Where the range has no end,
        it is the one with the latest whole bar.
        """
        symbol = parse_symbol(symbol)
        entries = [
            entry
            for entry in self.entries()
            if entry.symbol == symbol and exchange in (None, entry.exchange)
        ]
        fitting = [entry for entry in entries if divides(entry.timeframe, timeframe)]
        own = [entry for entry in fitting if entry.timeframe == timeframe]
        if not fitting or len(own) > 1:
            return self.find(symbol, timeframe=timeframe, exchange=exchange, timerange=timerange)
        if not own:
            self._refuse_several(fitting, f"{symbol} candles that make {timeframe}")
        there = [entry for entry in fitting if entry.exchange == (own or fitting)[0].exchange]
        there.sort(key=lambda entry: (bar_step(entry.timeframe), entry in own), reverse=True)
        reaching = [
            entry for entry in there if timerange is None or _reaches(entry, timerange)
        ] or there[:1]
        if timerange is None or timerange.end is not None:
            return reaching[0]
        return max(
            reaching, key=lambda entry: _whole_bars(entry, timeframe)
        )  # of equals the first: the longest

    def _refuse_several(self, entries: list[StoreEntry], what: str) -> None:
        names = list(dict.fromkeys(entry.exchange for entry in entries))
        if len(names) > 1:
            raise DataError(
                f"{self.root}: several exchanges hold {what}: {', '.join(names)}. "
                f"Name one: --exchange {names[0]}, or exchange = {names[0]!r} under [data]."
            )

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
            raise ConfigError(
                f"exchange {exchange!r} is not a name of small letters and digits, "
                "such as bitfinex."
            )
        timeframe_delta(timeframe)
        return (
            self.root
            / exchange
            / symbol.replace("/", "-").replace(":", "_")
            / f"{timeframe}.parquet"
        )


def stored_candles(config: DataConfig, timerange: TimeRange) -> dict[str, Supply]:
    """Return the stored candles of each symbol of a run, made into its timeframe
    if they are shorter.

    Parameters
    ----------
    timerange
        Stretch that is needed; whether they cover it, ``supplied`` checks.

    Raises
    ------
    DataError
        If the store lacks a symbol; the message says what it holds and how to fill it.
    """
    entries = _all_or_none(Store(config.folder), config, timerange)
    return {
        symbol: supply_of(entry, timeframe=config.timeframe) for symbol, entry in entries.items()
    }


def _all_or_none(store: Store, config: DataConfig, timerange: TimeRange) -> dict[str, StoreEntry]:
    """Return the entry of each symbol; say which coin is there if another is not."""
    timeframe = config.timeframe
    entries = [entry for entry in store.entries() if config.exchange in (None, entry.exchange)]
    held = {entry.symbol: entry for entry in entries if divides(entry.timeframe, timeframe)}
    there = [symbol for symbol in config.symbols if symbol in held]
    lacking = [symbol for symbol in config.symbols if symbol not in held]
    if there and lacking:
        raise DataError(
            f"{store.root}: the run needs {' and '.join(config.symbols)} {timeframe}; "
            f"{', '.join(there)} is stored, {', '.join(lacking)} is not. "
            f"{_held(store.root, entries, lacking[0])} "
            f"{_remedy(lacking[0], held[there[0]].timeframe, held[there[0]].exchange, timerange)}"
        )
    return {
        symbol: store.find_source(
            symbol, timeframe=timeframe, exchange=config.exchange, timerange=timerange
        )
        for symbol in config.symbols
    }


def _reaches(entry: StoreEntry, timerange: TimeRange) -> bool:
    """Tell whether an entry begins and ends where a range does; holes are looked for later."""
    bar = timeframe_delta(entry.timeframe)
    slack = max(SLACK, bar)
    begins = timerange.start is None or entry.first <= timerange.start + slack
    return begins and (timerange.end is None or entry.last + bar >= timerange.end - slack)


def _whole_bars(entry: StoreEntry, timeframe: str) -> int:
    """Return how many bars of a timeframe have closed since 1970 by the time the last
    candle of an entry closes.
    """
    return int((entry.last + timeframe_delta(entry.timeframe)).value // bar_step(timeframe))


def supply_of(entry: StoreEntry, *, timeframe: str) -> Supply:
    """Return the candles of an entry in bars of a timeframe, which its own must divide."""
    candles = read_candles(entry.path)[0]
    made = bar_step(entry.timeframe) != bar_step(timeframe)
    if made:
        candles = resample(
            candles, source_timeframe=entry.timeframe, timeframe=timeframe, source=str(entry)
        )
    origin = {"exchange": entry.exchange, "repairs": entry.repairs, "notes": list(entry.notes)}
    return Supply(
        name=f"{entry.exchange} {entry.symbol} {timeframe}"
        + (f" (made from {entry.timeframe})" if made else ""),
        place="stored",
        holder="The store holds",
        candles=candles,
        timeframe=timeframe,
        origin=origin | ({"resampled_from": entry.timeframe} if made else {}),
        remedy=lambda timerange: _remedy(entry.symbol, entry.timeframe, entry.exchange, timerange),
    )


def _held(root: Path, entries: list[StoreEntry], symbol: str) -> str:
    if not entries:
        return _empty(root, symbol)
    symbols = {entry.symbol for entry in entries}
    near = "" if symbol in symbols else did_you_mean(symbol, symbols)
    return f"The store holds: {'; '.join(str(entry) for entry in entries)}.{near}"


def _empty(root: Path, symbol: str) -> str:
    """Say that nothing is stored; a folder of CSV files may have been taken for a store."""
    names = sorted(
        path.name for path in root.glob("*") if re.search(r"\.(csv|csv\.gz|zip)$", path.name)
    )
    if not names:
        return "The store is empty."
    coin = symbol.partition("/")[0]
    near = [name for name in names if coin in name.upper()] or names
    return (
        f"The store is empty; the folder holds {counted(len(names), 'file')} of another kind, such "
        f"as {near[0]}. Imported, they are a store: in data/, or in the folder that --data names."
    )


def _remedy(symbol: str, timeframe: str, exchange: str | None, timerange: TimeRange) -> str:
    name = exchange or "binance"
    stretch = (
        "20180101-20190101" if timerange.start is None and timerange.end is None else str(timerange)
    )
    return (
        f"Import it: cryptonn import-data FILE --symbol {symbol} --exchange {exchange or 'NAME'}; "
        f"or download it: cryptonn download-data --exchange {name} --symbols {symbol} --timeframe "
        f"{timeframe} --timerange {stretch}"
    )


def _conflict(name: str, number: int, time: str, field: str, old: float, new: float) -> str:
    return (
        f"{name}: {counted(number, 'bar')} stored with other values, first at {time}: "
        f"{field} is {old:.12g} in the store and {new:.12g} in the new candles."
    )


def _advice(times: pd.DatetimeIndex, ends: Collection[pd.Timestamp]) -> str:
    """Say what to do about bars that are stored with other values; the last bar of a file
    may have been unfinished.
    """
    unfinished = [time for time in times if time in ends]
    if not unfinished:
        return "Keep the stored ones by leaving the file out, or overwrite them with --replace."
    if len(unfinished) == len(times):
        return (
            f"{'It was the last bar' if len(times) == 1 else 'Each was the last bar'} of what "
            "it came from, and may have been in progress then: take the new values with --replace."
        )
    return (
        f"{counted(len(unfinished), 'bar')} of them, such as {time_text(unfinished[-1])}, came "
        "last in a file and may have been in progress then: take the new values with --replace, "
        "once you know why the others differ."
    )
