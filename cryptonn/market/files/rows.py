"""The rows of a candle file as numbers, each with the line it stands on."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import FIELDS
from cryptonn.market.extras import EXTRAS
from cryptonn.market.files.dialects import Layout
from cryptonn.market.files.header import is_missing
from cryptonn.market.files.numbers import NumberForm, form_of, is_short
from cryptonn.market.files.series import select
from cryptonn.units import counted

__all__ = ["Rows", "read_rows", "telling_cells", "without_trade"]

_PRICES = FIELDS[:4]
_WRITTEN = ("nan", "null", "none", "n/a", "na", "#n/a", "-", "--")
_NULLS = ["", *(form(word) for word in _WRITTEN for form in (str.lower, str.upper, str.title))]
"""Cells that stand for no value, as most files write them; others are read with care."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a file that are of the series asked for."""

    table: pd.DataFrame
    """Index: line in the file.

    Columns: the roles of ``Layout.positions``: ``time`` (int64, or str as it always is beside
    ``clock``), ``clock`` (str), prices, volumes and extras (float64, NaN where a cell stands
    for no value), labels (str or categorical).
    """
    repairs: dict[str, int]
    """``blank_rows`` that were left out; ``other_rows`` of another series;
    ``rounded_volume`` cells such as 1.23K.
    """
    chosen: Mapping[str, str] = field(default_factory=dict)
    """What the rows were chosen by: value by column, as the file writes them."""


def read_rows(path: Path, content: bytes, layout: Layout, *, where: Mapping[str, str]) -> Rows:
    """Return the rows of a file, in its order; bars without a trade are among them.

    Parameters
    ----------
    where
        Value by column: only such rows are read, whatever stands in the others.

    Raises
    ------
    DataError
        If there is no row, a row has too few or too many cells, or a cell is no number.
    ConfigError
        If there is no such column or value.
    """
    try:
        table = _read_clean(content, layout)
    except pa.ArrowInvalid:
        return _read_carefully(path, content, layout, where)
    if table.empty:
        raise DataError(f"{path}: no candle after the header. Fetch the file again.")
    if not where:
        return Rows(table, {})
    labels = {label.role: table[label.role] for label in layout.labels}
    selection = select(path, labels, layout.labels, where)
    others = int((~selection.rows).sum())
    return Rows(table[selection.rows], {"other_rows": others}, selection.chosen)


def without_trade(table: pd.DataFrame, layout: Layout) -> NDArray[np.bool_]:
    """Mark the rows of bars in which nothing was traded; shape (n,).

    Every price and every volume is missing or 0.
    """
    first = table[_PRICES[0]].to_numpy()
    marks = np.isnan(first) | (first == 0)
    if not marks.any():
        return np.asarray(marks, dtype=np.bool_)
    values = table[[*_PRICES, *(column.role for column in layout.volumes.read)]].to_numpy()
    return np.asarray((np.isnan(values) | (values == 0)).all(axis=1), dtype=np.bool_)


def _read_clean(content: bytes, layout: Layout) -> pd.DataFrame:
    """Parse a file without a flaw, in compiled code; anything odd raises ``ArrowInvalid``."""
    positions = layout.positions
    labels = {str(label.position) for label in layout.labels}
    names = [str(position) for position in range(layout.width)]
    types = {str(position): pa.float64() for position in positions.values()}
    types |= dict.fromkeys(labels, pa.dictionary(pa.int32(), pa.string()))
    time = str(positions["time"])
    counts = "clock" not in positions and _first_time(content, layout).isdigit()
    types[time] = pa.int64() if counts else pa.string()
    if "clock" in positions:
        types[str(positions["clock"])] = pa.string()
    table = pa.csv.read_csv(
        pa.BufferReader(content),
        read_options=pa.csv.ReadOptions(column_names=names, skip_rows=layout.skip),
        parse_options=pa.csv.ParseOptions(ignore_empty_lines=False, delimiter=layout.delimiter),
        convert_options=pa.csv.ConvertOptions(
            include_columns=sorted(types, key=int),
            column_types=types,
            null_values=_NULLS,
            strings_can_be_null=False,
        ),
    )
    untimed = table[time].null_count if counts else pa.compute.index(table[time], "").as_py() + 1
    if untimed:
        raise pa.ArrowInvalid("a row without a time")
    read = pd.DataFrame(table.to_pandas(split_blocks=True, self_destruct=True))
    rows = read[[str(position) for position in positions.values()]]
    rows = rows.set_axis(list(positions), axis="columns")
    return rows.set_axis(
        pd.RangeIndex(layout.skip + 1, layout.skip + 1 + len(rows), name="line"), axis="index"
    )


def _first_time(content: bytes, layout: Layout) -> str:
    start = 0
    for _ in range(layout.skip):
        start = content.find(b"\n", start) + 1
    end = content.find(b"\n", start)
    line = content[start : end if end >= 0 else len(content)].decode("utf-8", errors="replace")
    cells = next(csv.reader([line], delimiter=layout.delimiter), [])
    position = layout.columns["time"]
    return cells[position].strip() if len(cells) > position else ""


def _read_carefully(path: Path, content: bytes, layout: Layout, where: Mapping[str, str]) -> Rows:
    """Parse row by row, leaving out blank rows, so that an error can name the line."""
    positions = layout.positions
    numbers = [position for role, position in positions.items() if _is_number_role(role)]
    blank = 0
    lines: list[int] = []
    kept: list[
        str
    ] = []  # row after row, flat: half a million small lists would keep the garbage collector busy
    for line, cells in _cells(path, content, layout):
        empty = not any(cells)
        untimed = not cells[layout.columns["time"]] if not empty else False
        if empty or (untimed and all(is_missing(cells[position]) for position in numbers)):
            blank += 1
        else:
            lines.append(line)
            kept.extend(cells[position] for position in positions.values())
    if not kept:
        raise DataError(f"{path}: no candle after the header. Fetch the file again.")
    texts = {role: kept[number :: len(positions)] for number, role in enumerate(positions)}
    repairs = {"blank_rows": blank}
    chosen: Mapping[str, str] = {}
    if where:
        labels = {label.role: pd.Series(texts[label.role]) for label in layout.labels}
        selection = select(path, labels, layout.labels, where)
        chosen = selection.chosen
        repairs["other_rows"] = int((~selection.rows).sum())
        texts = {role: list(compress(cells, selection.rows)) for role, cells in texts.items()}
        lines = list(compress(lines, selection.rows))
    return Rows(_table(path, texts, lines, layout), repairs | _short_cells(texts), chosen)


def _is_number_role(role: str) -> bool:
    return role in _PRICES or role in EXTRAS or role.startswith("volume ")


def _table(
    path: Path, texts: Mapping[str, list[str]], lines: list[int], layout: Layout
) -> pd.DataFrame:
    names = {column.role: f"{column.name}" for column in layout.volumes.read}
    written = [cells for role, cells in texts.items() if _is_number_role(role)]
    form = form_of(written, source=str(path))
    columns: dict[str, object] = {}
    for role, cells in texts.items():
        if _is_number_role(role):
            columns[role] = _numbers(path, names.get(role, role), cells, lines, form)
        else:
            columns[role] = pd.array(cells, dtype="str")
    table = pd.DataFrame(columns, index=pd.Index(lines, name="line"))
    if "clock" not in table and table["time"].str.fullmatch(r"\d{1,18}").all():
        table["time"] = table["time"].astype(np.int64)
    return table


def _short_cells(texts: Mapping[str, list[str]]) -> dict[str, int]:
    volumes = [cells for role, cells in texts.items() if role.startswith("volume ")]
    short = max((sum(map(is_short, cells)) for cells in volumes), default=0)
    return {"rounded_volume": short}


def _cells(path: Path, content: bytes, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's line and stripped cells; a row may lack or exceed the header
    by cells nobody reads.
    """
    text = io.StringIO(content.decode("utf-8", errors="replace"), newline="")
    reader = csv.reader(text, delimiter=layout.delimiter)
    needed = max(layout.positions.values()) + 1
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
            raise DataError(_wrong_width(path, row, layout, line=reader.line_num))
        yield reader.line_num, cells


def _wrong_width(path: Path, row: list[str], layout: Layout, *, line: int) -> str:
    hint = "The file may be cut off: fetch it again, or delete the row."
    if len(row) > layout.width and layout.delimiter == ",":
        hint = (
            "Delete the row; if numbers are written with a comma in this file, put semicolons "
            "between the cells, or the numbers in quotes."
        )
    return (
        f"{path}: row {line} has {counted(len(row), 'cell')}, the others have {layout.width}: "
        f"{layout.delimiter.join(row)[:120]!r}. {hint}"
    )


def _numbers(
    path: Path, name: str, cells: list[str], lines: list[int], form: NumberForm
) -> list[float]:
    read = form.read if name in _PRICES else form.read_short
    try:
        return [read(cell) for cell in cells]
    except ValueError as error:
        wrong = [
            (line, cell)
            for line, cell in zip(lines, cells, strict=True)
            if not _is_readable(cell, form, short=name not in _PRICES)
        ]
        advice = (
            "Mend the cell or delete the row."
            if 2 * len(wrong) < len(cells)
            else (
                "Write the whole column as plain numbers, such as 7400.12, "
                "without a currency or another sign."
            )
        )
        raise DataError(
            f"{path}: {counted(len(wrong), 'cell')} in column {name} "
            f"{'is' if len(wrong) == 1 else 'are'} no number, first in row {wrong[0][0]}: "
            f"{wrong[0][1]!r}. {advice}"
        ) from error


def _is_readable(cell: str, form: NumberForm, *, short: bool) -> bool:
    try:
        form.read_short(cell) if short else form.read(cell)
    except ValueError:
        return False
    return True


def telling_cells(
    path: Path, content: bytes, layout: Layout, *, lines: tuple[int, int]
) -> dict[str, tuple[str, str]]:
    """Return by column what two rows have there, of the columns beside the candle
    in which they differ.

    A column that has another value in most rows tells nothing and is left out.
    It is used for a message alone.
    """
    head = content.split(b"\n", layout.skip)[: layout.skip]
    header = (
        next(csv.reader([head[-1].decode("utf-8", errors="replace")], delimiter=layout.delimiter))
        if head
        else []
    )
    used = {*layout.columns.values(), *(column.position for column in layout.volumes.read)}
    rows = dict(_cells(path, content, layout))
    one = rows[lines[0]]
    other = rows[lines[1]]
    found = {}
    for position, name in enumerate(header):
        if (
            position in used
            or position >= min(len(one), len(other))
            or one[position] == other[position]
        ):
            continue
        values = {cells[position] for cells in rows.values() if len(cells) > position}
        if len(values) <= len(rows) // 2:
            found[name] = (one[position], other[position])
    return found
