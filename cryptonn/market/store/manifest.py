"""What the store knows about one stored table: symbol, exchange, range, fingerprint,
and the files it came from.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.errors import DataError
from cryptonn.market.bars import time_text
from cryptonn.market.store.health import candle_notes, candles_sha256
from cryptonn.units import counted

__all__ = ["StoreEntry", "describe", "from_json", "to_json"]


@dataclass(frozen=True)
class StoreEntry:
    """One stored table of candles."""

    path: Path
    """The Parquet file."""
    exchange: str
    symbol: str
    timeframe: str
    rows: int
    first: pd.Timestamp
    last: pd.Timestamp
    """Times (UTC) of the first and last bar."""
    sha256: str
    """Of the candles' content, not of the file (see ``health.candles_sha256``)."""
    sources: tuple[Mapping[str, Any], ...]
    """Where the candles came from, one a file: name, sha256, dialect, rows, last (time),
    repairs, notes.
    """
    notes: tuple[str, ...]
    """What a reader of results made from these candles should know."""

    @property
    def repairs(self) -> dict[str, int]:
        """What was mended on import, by kind, over all sources."""
        total: dict[str, int] = {}
        for source in self.sources:
            for kind, number in source.get("repairs", {}).items():
                total[kind] = total.get(kind, 0) + int(number)
        return total

    @property
    def ends(self) -> frozenset[pd.Timestamp]:
        """Times of the bars that came last, here or in a source: they may have been
        in progress then.
        """
        lasts = [source["last"] for source in self.sources if source.get("last")]
        return frozenset((self.last, *map(pd.Timestamp, lasts)))

    def __str__(self) -> str:
        first, last = time_text(self.first), time_text(self.last)
        return (
            f"{self.exchange} {self.symbol} {self.timeframe}, {first} to {last} "
            f"({counted(self.rows, 'bar')})"
        )


def describe(
    path: Path,
    candles: pd.DataFrame,
    *,
    exchange: str,
    symbol: str,
    timeframe: str,
    sources: Sequence[Mapping[str, Any]],
) -> StoreEntry:
    """Return the entry of a table about to be stored; a source given twice stands once,
    as it came last.

    Its notes are those of the sources, and those on the table itself: a jump may lie
    between two files.
    """
    unique = {(source.get("file"), source.get("sha256")): dict(source) for source in sources}
    notes = dict.fromkeys(
        str(note) for source in unique.values() for note in source.get("notes", ())
    )
    return StoreEntry(
        path=path,
        exchange=exchange,
        symbol=symbol,
        timeframe=timeframe,
        rows=len(candles),
        first=candles.index[0],
        last=candles.index[-1],
        sha256=candles_sha256(candles),
        sources=tuple(unique.values()),
        notes=(*notes, *candle_notes(candles, timeframe=timeframe)),
    )


def to_json(entry: StoreEntry) -> str:
    """Write the manifest of an entry."""
    manifest = {
        "symbol": entry.symbol,
        "exchange": entry.exchange,
        "timeframe": entry.timeframe,
        "rows": entry.rows,
        "first": entry.first.isoformat(),
        "last": entry.last.isoformat(),
        "sha256": entry.sha256,
        "sources": entry.sources,
        "notes": entry.notes,
    }
    return json.dumps(manifest, indent=2) + "\n"


def from_json(path: Path, text: str | bytes) -> StoreEntry:
    """Read the manifest of the table at ``path``.

    Raises
    ------
    DataError
        If it is no manifest.
    """
    try:
        manifest = json.loads(text)
        return StoreEntry(
            path=path,
            exchange=str(manifest["exchange"]),
            symbol=str(manifest["symbol"]),
            timeframe=str(manifest["timeframe"]),
            rows=int(manifest["rows"]),
            first=pd.Timestamp(manifest["first"]),
            last=pd.Timestamp(manifest["last"]),
            sha256=str(manifest["sha256"]),
            sources=tuple(manifest["sources"]),
            notes=tuple(manifest["notes"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: its manifest is damaged ({type(error).__name__}: {error}). "
            "Delete the file and import again."
        ) from error
