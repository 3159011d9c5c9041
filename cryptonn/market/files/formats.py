"""Candle files of many makes, read into one checked table; every repair is counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.bars import (
    FIELDS,
    bad_bars,
    bar_step,
    check_candles,
    explain_bar,
    time_index,
    time_text,
    times_of,
)
from cryptonn.market.extras import EXTRAS, check_extras
from cryptonn.market.files.content import read_content
from cryptonn.market.files.dialects import (
    CRYPTODATADOWNLOAD,
    PLAIN,
    YAHOO,
    Layout,
    recognise,
    refuse_other_dialect,
    with_extras,
)
from cryptonn.market.files.grid import last_unfinished, refuse_off_grid
from cryptonn.market.files.options import PLAIN_READING, FileOptions
from cryptonn.market.files.rows import Rows, read_rows, telling_cells, without_trade
from cryptonn.market.files.series import refuse_other_coin, refuse_several, selection_note
from cryptonn.market.files.times import Times, read_times
from cryptonn.market.files.unclosed import closed_bars
from cryptonn.market.files.volumes import Volume, is_quote, take_volume
from cryptonn.market.files.zones import repeated_hour
from cryptonn.units import counted

__all__ = ["CandleFile", "read_candle_file"]

_MINUTE = 60 * 10**9
"""One minute in nanoseconds."""
_LONGER = 20
"""So many equal steps of more than one bar are no minutes without a trade, but longer bars."""
_ALL_MARKETS = 1e12
"""More than all crypto markets together trade in a day, in dollars."""
_OPEN_IS_PREVIOUS_CLOSE = 0.95
"""Share of neighbouring bars from which on the file is said to repeat the previous
close as the open.
"""

_ZONE = (
    " If they are local times, name their zone: --timezone Europe/Berlin (timezone under [data])."
)


@dataclass(frozen=True, eq=False)
class CandleFile:
    """What one file held."""

    path: Path
    dialect: str
    symbol: str
    timeframe: str
    candles: pd.DataFrame
    """A candle table (see ``bars.py``), oldest first; bars without a trade may be absent."""
    repairs: dict[str, int] = field(default_factory=dict)
    """What was mended, by kind; a kind that did not occur is left out:

    ``reversed`` the file was newest first (1); ``out_of_order`` rows that stood before an earlier
    one; ``duplicates`` exact copies dropped; ``mixed_units`` times in another unit than most;
    ``converted_to_utc`` times of another zone; ``blank_rows`` without a cell;
    ``null_rows`` bars without a trade; ``dropped_bars`` impossible bars dropped on request;
    ``other_rows`` of another series than the one asked for; ``converted_volume`` volumes in quote
    that were divided by the close; ``missing_volume`` bars with prices and without a volume,
    which was set to 0; ``rounded_volume`` volumes such as 1.23K; ``unclosed`` the bar in progress
    and ``future`` bars that had not begun, left out.
    """
    sha256: str = ""
    """Of the file as it lies on the disk."""
    notes: tuple[str, ...] = ()
    """What a reader of results made from this file should know."""
    left_out: tuple[str, ...] = ()
    """Of the notes, those about bars that had not closed when the file was read:
    they tell nothing of its candles.
    """
    extras: pd.DataFrame | None = None
    """A table of extras (see ``extras.py``) on the times of the candles, if it was asked for."""

    @property
    def source(self) -> dict[str, object]:
        """The file's entry in the store's manifest: name, sha256, dialect, rows,
        last, repairs, notes.
        """
        return {
            "file": self.path.name,
            "sha256": self.sha256,
            "dialect": self.dialect,
            "rows": len(self.candles),
            "last": self.candles.index[-1].isoformat(),
            "repairs": self.repairs,
            "notes": [note for note in self.notes if note not in self.left_out],
        }


def read_candle_file(
    path: Path | str,
    *,
    symbol: str | None = None,
    options: FileOptions = PLAIN_READING,
    now: pd.Timestamp | None = None,
) -> CandleFile:
    """Read a candle file: plain, .gz or .zip; CryptoDataDownload, Yahoo, Binance klines,
    plain OHLCV and others.

    Parameters
    ----------
    path
        The file. Its dialect is told from the header, its timeframe from the most common
        spacing of its times.
    symbol
        Base/quote; may be left out where the file has a Symbol column.
    options
        What is said of the file where it leaves something open.
    now
        The present (UTC): bars that have not closed by it are left out and counted.
        Without it every bar counts as closed.

    Raises
    ------
    DataError
        If the file cannot be read or holds what no market can have made. The message names the row
        (the line in the file), how many such rows there are, what came, and what to do.
    ConfigError
        If the symbol is not base/quote, or there is no dialect of that name.
    """
    path = Path(path)
    content, sha256 = read_content(path)
    layout = recognise(path, content, symbol=symbol, where=options.where)
    if options.dialect is not None:
        refuse_other_dialect(path, layout, expected=options.dialect)
    if options.extras:
        layout = with_extras(path, layout, symbol=symbol)
    found = read_rows(path, content, layout, where=options.where)
    repairs = dict(found.repairs)
    table = found.table
    read = read_times(table, options=options, zone=layout.zone, source=str(path))
    times = read.opens
    refuse_several(path, table, times, layout.labels, symbol=symbol)
    refuse_other_coin(path, table, layout.labels, symbol=layout.symbol, chosen=found.chosen)
    timeframe = _timeframe(path, times)
    quiet = without_trade(table, layout)
    table, times = _traded(path, table, times, quiet)
    volume = take_volume(path, table, layout.volumes, of_known_make=layout.dialect != PLAIN)
    fields = [*FIELDS, *EXTRAS] if options.extras else list(FIELDS)
    rows = table.assign(volume=volume.amounts)[fields]
    good = _good_bars(path, rows, times, options.bad_bars)
    repairs |= read.repairs | {"null_rows": int(quiet.sum()), "dropped_bars": int((~good).sum())}
    repairs |= volume.repairs
    try:
        rows, times, order_repairs = _in_order(path, rows[good], times[good], naive=read.is_naive)
    except _Conflict as conflict:
        told = telling_cells(path, content, layout, lines=conflict.lines)
        raise DataError(f"{conflict}{_told(told)}") from None
    if volume.in_quote:
        rows = rows.assign(volume=rows["volume"] / rows["close"])
        repairs["converted_volume"] = len(rows)
    if options.extras:
        check_extras(rows, source=str(path))
    unfinished = last_unfinished(times, timeframe)
    left_out: tuple[str, ...] = ()
    if unfinished is not None:
        rows = rows[:-1]
        times = times[:-1]
        repairs["unclosed"] = 1
        left_out = (unfinished,)
    refuse_off_grid(
        times, timeframe=timeframe, lines=rows.index, naive=read.is_naive, source=str(path)
    )
    if now is not None:
        closed, unclosed, notes = closed_bars(
            times,
            timeframe=timeframe,
            now=now,
            source=str(path),
            hint=_zone_hint(read),
        )
        rows = rows[closed]
        times = times[closed]
        left_out += notes
        repairs |= {kind: repairs.get(kind, 0) + number for kind, number in unclosed.items()}
    index = pd.DatetimeIndex(times.view("M8[ns]"), name="time").tz_localize("UTC")
    rows = rows.set_axis(index, axis="index")
    candles = check_candles(rows[list(FIELDS)], timeframe=timeframe, source=str(path))
    return CandleFile(
        path=path,
        dialect=_dialect(layout, timeframe),
        symbol=layout.symbol,
        timeframe=timeframe,
        candles=candles,
        repairs={kind: number for kind, number in (repairs | order_repairs).items() if number},
        sha256=sha256,
        left_out=left_out,
        notes=(
            *left_out,
            *read.notes,
            *_column_notes(layout, found, volume, candles),
            *_notes(layout, candles, timeframe, read=read),
        ),
        extras=rows[list(EXTRAS)] if options.extras else None,
    )


def _traded(
    path: Path, table: pd.DataFrame, times: NDArray[np.int64], quiet: NDArray[np.bool_]
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the rows of bars in which something was traded, and their times."""
    if not quiet.any():
        return table, times
    if quiet.all():
        raise DataError(
            f"{path}: no row has a price: all {counted(len(table), 'row')} are empty, null or 0. "
            "Fetch the file again."
        )
    return table[~quiet], times[~quiet]


def _good_bars(
    path: Path, rows: pd.DataFrame, times: NDArray[np.int64], treatment: Literal["refuse", "drop"]
) -> NDArray[np.bool_]:
    """Mark the bars to keep, shape (n,)."""
    bad = bad_bars(rows)
    if bad.all():
        raise DataError(
            f"{path}: all {counted(len(rows), 'bar')} are impossible, "
            f"first in row {rows.index[0]}: {explain_bar(rows.iloc[0])}. "
            "The columns may be in another order than the header says."
        )
    if bad.any() and treatment == "refuse":
        first = int(bad.argmax())
        raise DataError(
            f"{path}: {counted(int(bad.sum()), 'impossible bar')}, first in row "
            f"{rows.index[first]} at {_text(times[first])}: {explain_bar(rows.iloc[first])}. "
            "Mend the file, or import it into the store with cryptonn import-data --drop-bad-bars, "
            'where a run of source = "store" reads it.'
        )
    return ~bad


def _in_order(
    path: Path, rows: pd.DataFrame, times: NDArray[np.int64], *, naive: bool
) -> tuple[pd.DataFrame, NDArray[np.int64], dict[str, int]]:
    """Return rows and times oldest first, each time once."""
    repairs = {"reversed": int(times[0] > times[-1]), "out_of_order": 0, "duplicates": 0}
    if repairs["reversed"]:
        rows = rows.iloc[::-1]
        times = times[::-1]
    steps = np.diff(times)
    if (steps > 0).all():
        return rows, np.ascontiguousarray(times), repairs
    repairs["out_of_order"] = int((steps < 0).sum())
    order = np.argsort(times, kind="stable")
    rows = rows.iloc[order]
    times = times[order]
    again = np.concatenate(([False], np.diff(times) == 0))
    repairs["duplicates"] = int(again.sum())
    _refuse_conflicts(path, rows, times, again, naive=naive)
    return rows[~again], times[~again], repairs


def _refuse_conflicts(
    path: Path,
    rows: pd.DataFrame,
    times: NDArray[np.int64],
    again: NDArray[np.bool_],
    *,
    naive: bool,
) -> None:
    values = rows.to_numpy()
    differs = again.copy()
    differs[1:] &= (values[1:] != values[:-1]).any(axis=1)
    if not differs.any():
        return
    row = int(differs.argmax())
    column = int((values[row] != values[row - 1]).argmax())
    lines = (int(rows.index[row - 1]), int(rows.index[row]))
    first = min(lines)
    last = max(lines)
    field = str(rows.columns[column])
    hint = repeated_hour(int(times[row])) if naive else ""
    raise _Conflict(
        f"{path}: {counted(int(differs.sum()), 'row')} in conflict with another of the same time, "
        f"first at {_text(times[row])}: {field} is {rows[field].loc[first]:.12g} in row {first} "
        f"and {rows[field].loc[last]:.12g} in row {last}.{hint or ' Delete the wrong ones.'}",
        (first, last),
    )


class _Conflict(DataError):
    """Two rows of the same time differ; ``lines`` are where they stand."""

    def __init__(self, message: str, lines: tuple[int, int]) -> None:
        super().__init__(message)
        self.lines = lines


def _told(cells: Mapping[str, tuple[str, str]]) -> str:
    """Name the columns that may tell the rows of a conflict apart."""
    if not cells:
        return ""
    differences = ", ".join(
        f"column {name} is {one!r} and {other!r}" for name, (one, other) in cells.items()
    )
    name, (value, _) = next(iter(cells.items()))
    return (
        f" In them {differences}: if it tells series apart, choose one, as in --where "
        f"{name}={value} (data.where in a run file)."
    )


def _timeframe(path: Path, times: NDArray[np.int64]) -> str:
    """Return the most common spacing of all rows, those without a trade among them."""
    steps = np.diff(np.sort(times))
    steps = steps[steps > 0]
    if not len(steps):
        raise DataError(
            f"{path}: one candle does not tell the timeframe. Give a file of at least two."
        )
    spacings, numbers = np.unique(steps, return_counts=True)
    step = int(spacings[numbers.argmax()])
    if step % _MINUTE:
        raise DataError(
            f"{path}: most candles are {pd.Timedelta(step)} apart, which is no whole number "
            "of minutes. Give candles of a minute or more."
        )
    minutes = step // _MINUTE
    size, unit = next(
        (size, unit) for size, unit in ((1440, "d"), (60, "h"), (1, "m")) if minutes % size == 0
    )
    _refuse_longer_bars(path, times, step)
    return f"{minutes // size}{unit}"


def _refuse_longer_bars(path: Path, times: NDArray[np.int64], step: int) -> None:
    """Refuse a stretch of longer bars: the same multiple of the spacing again and again (a
    trade skips no such rows).
    """
    ordered = np.unique(times)
    steps = np.diff(ordered)
    edges = np.flatnonzero(np.diff(steps)) + 1
    starts = np.concatenate(([0], edges))
    lengths = np.diff(np.concatenate((starts, [len(steps)])))
    longer = (steps[starts] > step) & (steps[starts] % step == 0) & (lengths >= _LONGER)
    if longer.any():
        at = int(longer.argmax())
        raise DataError(
            f"{path}: bars of two lengths in one file: most are {pd.Timedelta(step)} apart, "
            f"and {lengths[at] + 1:,} from {_text(ordered[starts[at]])} "
            f"on {pd.Timedelta(int(steps[starts[at]]))}. A long bar read as a short one shows "
            "its close too early. Give each length in a file of its own."
        )


def _dialect(layout: Layout, timeframe: str) -> str:
    if layout.dialect != CRYPTODATADOWNLOAD:
        return layout.dialect
    kind = {"m": "minute", "h": "hourly", "d": "daily"}[timeframe[-1]]
    return f"{layout.dialect} {kind}"


def _column_notes(
    layout: Layout, found: Rows, volume: Volume, candles: pd.DataFrame
) -> tuple[str, ...]:
    """Say which rows and columns were read, and what was made of them."""
    notes: list[str] = []
    if found.chosen:
        kept = len(found.table)
        others = found.repairs["other_rows"]
        notes.append(selection_note(found.chosen, kept=kept, all_rows=kept + others))
    if volume.in_quote:
        name = "Yahoo's Volume" if layout.dialect == YAHOO else f"Column {volume.column.name}"
        notes.append(
            f"{name} counts quote money: it was divided by the Close, so that it counts base."
        )
    if layout.dialect == PLAIN or volume.repairs:
        notes += volume.notes
    most = float((candles["volume"] * candles["close"]).max())
    if most > _ALL_MARKETS and is_quote("usd", layout.symbol):
        notes.append(
            f"Volume times close reaches {most:,.0f} in a bar, more than all markets trade "
            "in a day: the volume may count quote money. If so, name its column volume_quote."
        )
    if found.repairs.get("rounded_volume"):
        notes.append("Volumes such as 1.23K are rounded in the file.")
    return tuple(notes)


def _notes(
    layout: Layout, candles: pd.DataFrame, timeframe: str, *, read: Times
) -> tuple[str, ...]:
    notes = []
    if read.is_naive and layout.dialect == PLAIN:
        notes.append(f"The times carry no time zone and were read as UTC.{_zone_hint(read)}")
    if layout.ignored:
        notes.append(f"Columns not read: {', '.join(layout.ignored)}.")
    share = _open_is_previous_close(candles, timeframe)
    if share >= _OPEN_IS_PREVIOUS_CLOSE:
        notes.append(
            f"Open is the previous Close in {share:.1%} of the bars (as in CryptoDataDownload's "
            "Gemini files): a fill at that open is optimistic."
        )
    return tuple(notes)


def _zone_hint(read: Times) -> str:
    """Return what to do if times were wrongly taken for UTC; "" where they say their
    zone or are days alone.
    """
    if not read.is_naive or read.is_day_alone:
        return ""
    return (
        " If they are local times, name their zone: --timezone Europe/Berlin (timezone "
        "under [data])."
    )


def _open_is_previous_close(candles: pd.DataFrame, timeframe: str) -> float:
    """Return the share of bars whose open repeats the close of the bar just before;
    0 without neighbours.
    """
    neighbours = np.diff(times_of(time_index(candles))) == bar_step(timeframe)
    same = candles["open"].to_numpy()[1:] == candles["close"].to_numpy()[:-1]
    return float(same[neighbours].mean()) if neighbours.any() else 0.0


def _text(time: np.int64) -> str:
    return time_text(pd.Timestamp(int(time), unit="ns", tz="UTC"))
