"""One stored table of candles as a Parquet file, with its manifest inside,
so that the two cannot disagree.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cryptonn.errors import DataError
from cryptonn.market.bars import FIELDS, check_candles, time_index, times_of
from cryptonn.market.store.manifest import StoreEntry, from_json

__all__ = ["read_candles", "read_entry", "to_parquet"]

_MANIFEST = b"cryptonn"
"""Key of the manifest in the metadata of the file."""


def to_parquet(candles: pd.DataFrame, manifest: bytes) -> pa.Buffer:
    """Return the bytes of a Parquet file that holds the candles and, in its metadata,
    the manifest.
    """
    columns = {"time": pa.array(times_of(time_index(candles)), type=pa.timestamp("ns", tz="UTC"))}
    columns |= {field: pa.array(candles[field].to_numpy()) for field in FIELDS}
    table = pa.table(columns).replace_schema_metadata({_MANIFEST: manifest})
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="snappy", use_dictionary=False, write_page_checksum=True
    )
    return sink.getvalue()


def read_entry(path: Path) -> StoreEntry:
    """Return the manifest inside a stored file without reading its candles;
    raises as ``read_candles`` does.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return _manifest_of(path, metadata)


def read_candles(path: Path) -> tuple[pd.DataFrame, StoreEntry]:
    """Return the candles of a stored file and its manifest.

    Raises
    ------
    DataError
        If the file is damaged (every page carries a checksum) or was not written by the store.
    """
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        columns = {field: table[field].to_numpy() for field in FIELDS}
        index = pd.DatetimeIndex(table["time"].to_numpy(), name="time").tz_localize("UTC")
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise _damaged(path, error) from error
    entry = _manifest_of(path, table.schema.metadata or {})
    return check_candles(
        pd.DataFrame(columns, index=index), timeframe=entry.timeframe, source=str(path)
    ), entry


def _manifest_of(path: Path, metadata: Mapping[bytes, bytes]) -> StoreEntry:
    if _MANIFEST not in metadata:
        raise DataError(
            f"{path}: this Parquet file was not written by the store. "
            "Move it away and import its CSV."
        )
    return from_json(path, metadata[_MANIFEST])


def _damaged(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{path}: the stored file is damaged ({reason}). Delete it and import the candles again."
    )
