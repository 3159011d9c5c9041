"""The rows of a candle file as numbers, each with the line it stands on."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from cryptonn.errors import DataError
from cryptonn.market.bars import FIELDS
from cryptonn.market.extras import EXTRAS
from cryptonn.market.files.dialects import Layout
from cryptonn.units import counted

__all__ = ["read_rows"]

_MISSING = ("", "null", "nan", "none")
"""Cells that stand for no value, in lower case."""
_NUMBERS = (*FIELDS, *EXTRAS)


def read_rows(path: Path, content: bytes, layout: Layout) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows of a file, in its order.

    Returns
    -------
    rows
        Index: line in the file. Columns of the layout: ``time`` (int64 or str), ``FIELDS`` and, if it has them,
        ``EXTRAS`` (float64, NaN where a cell is empty or null), and ``symbol``.
    repairs
        ``blank_rows`` and ``null_rows`` (no value at all) that were left out.

    Raises
    ------
    DataError
        If there is no row, a row has too few or too many cells, or a cell is no number.
    """
    try:
        rows = _read_clean(content, layout)
    except pa.ArrowInvalid:
        return _read_carefully(path, content, layout)
    if rows.empty:
        raise DataError(f"{path}: no candle after the header. Fetch the file again.")
    return rows, {}


def _read_clean(content: bytes, layout: Layout) -> pd.DataFrame:
    """Parse a file without a flaw, in compiled code; anything odd raises ``ArrowInvalid``."""
    names = {position: role for role, position in layout.columns.items()}
    columns = [names.get(position, f"ignored {position}") for position in range(layout.width)]
    types = {field: pa.float64() for field in _NUMBERS} | {
        "symbol": pa.dictionary(pa.int32(), pa.string())
    }
    types["time"] = pa.int64() if _first_time(content, layout).isdigit() else pa.string()
    table = pa.csv.read_csv(
        pa.BufferReader(content),
        read_options=pa.csv.ReadOptions(column_names=columns, skip_rows=layout.skip),
        parse_options=pa.csv.ParseOptions(ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(layout.columns),
            column_types=types,
            null_values=[],
            strings_can_be_null=False,
        ),
    )
    rows = pd.DataFrame(table.to_pandas(split_blocks=True, self_destruct=True))
    return rows.set_axis(
        pd.RangeIndex(layout.skip + 1, layout.skip + 1 + len(rows), name="line"), axis="index"
    )


def _first_time(content: bytes, layout: Layout) -> str:
    start = 0
    for _ in range(layout.skip):
        start = content.find(b"\n", start) + 1
    end = content.find(b"\n", start)
    line = content[start : end if end >= 0 else len(content)].decode("utf-8", errors="replace")
    cells = next(csv.reader([line]), [])
    position = layout.columns["time"]
    return cells[position].strip() if len(cells) > position else ""


def _read_carefully(
    path: Path, content: bytes, layout: Layout
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Parse row by row, leaving out blank rows, so that an error can name the line."""
    repairs = {"blank_rows": 0, "null_rows": 0}
    positions, prices = list(layout.columns.values()), [layout.columns[field] for field in FIELDS]
    lines: list[int] = []
    kept: list[
        str
    ] = []  # row after row, flat: half a million small lists would keep the garbage collector busy
    for line, cells in _cells(path, content, layout):
        if not any(cells):
            repairs["blank_rows"] += 1
        elif all(cells[position].lower() in _MISSING for position in prices):
            repairs["null_rows"] += 1
        else:
            lines.append(line)
            kept.extend(cells[position] for position in positions)
    if not kept:
        raise DataError(f"{path}: no candle after the header. Fetch the file again.")
    texts = {role: kept[number :: len(positions)] for number, role in enumerate(layout.columns)}
    columns = {role: _numbers(path, role, texts[role], lines) for role in texts if role in _NUMBERS}
    others = {role: pd.array(texts[role], dtype="str") for role in texts if role not in _NUMBERS}
    rows = pd.DataFrame({**others, **columns}, index=pd.Index(lines, name="line"))
    if rows["time"].str.fullmatch(r"\d{1,18}").all():
        rows["time"] = rows["time"].astype(np.int64)
    return rows, repairs


def _cells(path: Path, content: bytes, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's line and stripped cells; a row may lack or exceed the header by cells nobody reads."""
    reader = csv.reader(io.StringIO(content.decode("utf-8", errors="replace"), newline=""))
    needed = max(layout.columns.values()) + 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{path}: row {reader.line_num} is not CSV ({error}). Mend or delete it."
            ) from error
        if row is None:
            return
        if reader.line_num <= layout.skip:
            continue
        cells = [cell.strip() for cell in row]
        if any(cells) and (len(cells) < needed or any(cells[layout.width :])):
            raise DataError(
                f"{path}: row {reader.line_num} has {counted(len(cells), 'cell')}, the others have {layout.width}: "
                f"{','.join(row)[:120]!r}. The file may be cut off: fetch it again, or delete the row."
            )
        yield reader.line_num, cells


def _numbers(path: Path, role: str, cells: list[str], lines: list[int]) -> list[float]:
    try:
        return [_number(cell) for cell in cells]
    except ValueError as error:
        wrong = [
            (line, cell) for line, cell in zip(lines, cells, strict=True) if not _is_number(cell)
        ]
        raise DataError(
            f"{path}: {counted(len(wrong), 'cell')} in column {role} {'is' if len(wrong) == 1 else 'are'} no number, "
            f"first in row {wrong[0][0]}: {wrong[0][1]!r}. Mend the cell or delete the row."
        ) from error


def _number(cell: str) -> float:
    if "_" in cell:  # Python reads 1_000 as a number; a file never means that
        raise ValueError(cell)
    return float("nan") if cell.lower() in _MISSING else float(cell)


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True
