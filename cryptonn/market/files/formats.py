"""Candle files of many makes, read into one checked table; every repair is counted."""

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
from cryptonn.market.files.options import PLAIN_READING, FileOptions
from cryptonn.market.files.rows import read_rows
from cryptonn.market.files.times import read_times
from cryptonn.market.symbols import parse_symbol
from cryptonn.units import counted

__all__ = ["CandleFile", "read_candle_file"]

_MINUTE = 60 * 10**9
"""One minute in nanoseconds."""
_OPEN_IS_PREVIOUS_CLOSE = 0.95
"""Share of neighbouring bars from which on the file is said to repeat the previous close as the open."""


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

    ``reversed`` the file was newest first (1); ``out_of_order`` rows that stood before an earlier one; ``duplicates``
    exact copies dropped; ``mixed_units`` times in another unit than most; ``converted_to_utc`` times with another
    offset; ``blank_rows`` and ``null_rows`` without a value; ``dropped_bars`` impossible bars dropped on request.
    """
    sha256: str = ""
    """Of the file as it lies on the disk."""
    notes: tuple[str, ...] = ()
    """What a reader of results made from this file should know."""
    extras: pd.DataFrame | None = None
    """A table of extras (see ``extras.py``) on the times of the candles, if it was asked for."""

    @property
    def source(self) -> dict[str, object]:
        """The file's entry in the store's manifest: name, sha256, dialect, rows, repairs."""
        return {
            "file": self.path.name,
            "sha256": self.sha256,
            "dialect": self.dialect,
            "rows": len(self.candles),
            "repairs": self.repairs,
            "notes": list(self.notes),
        }


def read_candle_file(
    path: Path | str,
    *,
    symbol: str | None = None,
    options: FileOptions = PLAIN_READING,
    now: pd.Timestamp | None = None,
) -> CandleFile:
    """Read a candle file: plain, .gz or .zip; CryptoDataDownload, Yahoo, Binance klines or plain OHLCV.

    Parameters
    ----------
    path
        The file. Its dialect is told from the header, its timeframe from the most common spacing of its times.
    symbol
        Base/quote; may be left out where the file has a Symbol column.
    options
        What is said of the file where it leaves something open.
    now
        The present (UTC): bars that have not closed by it are left out and counted. Without it every bar counts as
        closed.

    Raises
    ------
    DataError
        If the file cannot be read or holds what no market can have made. The message names the row (the line in the
        file), how many such rows there are, what came, and what to do.
    ConfigError
        If the symbol is not base/quote, or there is no dialect of that name.
    """
    path = Path(path)
    content, sha256 = read_content(path)
    layout = recognise(path, content)
    if options.dialect is not None:
        refuse_other_dialect(path, layout, expected=options.dialect)
    extras = options.extras
    if extras:
        layout = with_extras(path, layout, symbol=symbol)
    rows, repairs = read_rows(path, content, layout)
    name = _symbol(path, rows, symbol)
    times, time_repairs, naive = read_times(rows["time"], source=str(path))
    rows = rows[[*FIELDS, *EXTRAS] if extras else list(FIELDS)]
    good = _good_bars(path, rows, times, options.bad_bars)
    repairs |= time_repairs | {"dropped_bars": int((~good).sum())}
    rows, times, order_repairs = _in_order(path, rows[good], times[good])
    if layout.dialect == YAHOO:
        rows = rows.assign(
            volume=rows["volume"] / rows["close"]
        )  # quote money to base, as everywhere else
    if extras:
        check_extras(rows, source=str(path))
    timeframe = _timeframe(path, rows, times)
    index = pd.DatetimeIndex(times.view("M8[ns]"), name="time").tz_localize("UTC")
    rows = rows.set_axis(index, axis="index")
    candles = check_candles(rows[list(FIELDS)], timeframe=timeframe, source=str(path))
    return CandleFile(
        path=path,
        dialect=_dialect(layout, timeframe),
        symbol=name,
        timeframe=timeframe,
        candles=candles,
        repairs={kind: number for kind, number in (repairs | order_repairs).items() if number},
        sha256=sha256,
        notes=_notes(layout, candles, timeframe, naive=naive),
        extras=rows[list(EXTRAS)] if extras else None,
    )


def _symbol(path: Path, rows: pd.DataFrame, wanted: str | None) -> str:
    given = None if wanted is None else parse_symbol(wanted)
    found = [str(cell) for cell in rows["symbol"].unique()] if "symbol" in rows else []
    if len(found) > 1:
        raise DataError(
            f"{path}: several symbols in one file: {', '.join(found[:5])}. Split it, one file a symbol."
        )
    if not found and given is None:
        raise DataError(
            f"{path}: the file does not say which symbol it holds. Give it, as in --symbol ETH/USD."
        )
    if not found:
        return str(given)
    inside = parse_symbol(found[0])
    if given is not None and given != inside:
        raise DataError(
            f"{path}: the file holds {inside}, not {given}. Give another file, or the symbol it holds."
        )
    return inside


def _good_bars(
    path: Path, rows: pd.DataFrame, times: NDArray[np.int64], treatment: Literal["refuse", "drop"]
) -> NDArray[np.bool_]:
    """Mark the bars to keep, shape (n,)."""
    bad = bad_bars(rows)
    if bad.all():
        raise DataError(
            f"{path}: all {counted(len(rows), 'bar')} are impossible, first in row {rows.index[0]}: "
            f"{explain_bar(rows.iloc[0])}. The columns may be in another order than the header says."
        )
    if bad.any() and treatment == "refuse":
        first = int(bad.argmax())
        raise DataError(
            f"{path}: {counted(int(bad.sum()), 'impossible bar')}, first in row {rows.index[first]} at "
            f"{_text(times[first])}: {explain_bar(rows.iloc[first])}. Mend the file, or import it into the store with "
            'cryptonn import-data --drop-bad-bars, where a run of source = "store" reads it.'
        )
    return ~bad


def _in_order(
    path: Path, rows: pd.DataFrame, times: NDArray[np.int64]
) -> tuple[pd.DataFrame, NDArray[np.int64], dict[str, int]]:
    """Return rows and times oldest first, each time once."""
    repairs = {"reversed": int(times[0] > times[-1]), "out_of_order": 0, "duplicates": 0}
    if repairs["reversed"]:
        rows, times = rows.iloc[::-1], times[::-1]
    steps = np.diff(times)
    if (steps > 0).all():
        return rows, np.ascontiguousarray(times), repairs
    repairs["out_of_order"] = int((steps < 0).sum())
    order = np.argsort(times, kind="stable")
    rows, times = rows.iloc[order], times[order]
    again = np.concatenate(([False], np.diff(times) == 0))
    repairs["duplicates"] = int(again.sum())
    _refuse_conflicts(path, rows, times, again)
    return rows[~again], times[~again], repairs


def _refuse_conflicts(
    path: Path, rows: pd.DataFrame, times: NDArray[np.int64], again: NDArray[np.bool_]
) -> None:
    values = rows.to_numpy()
    differs = again.copy()
    differs[1:] &= (values[1:] != values[:-1]).any(axis=1)
    if not differs.any():
        return
    row = int(differs.argmax())
    column = int((values[row] != values[row - 1]).argmax())
    lines = sorted((int(rows.index[row - 1]), int(rows.index[row])))
    field = str(rows.columns[column])
    one, other = (rows[field].loc[line] for line in lines)
    raise DataError(
        f"{path}: {counted(int(differs.sum()), 'row')} in conflict with another of the same time, first at "
        f"{_text(times[row])}: {field} is {one:.12g} in row {lines[0]} and {other:.12g} in row {lines[1]}. "
        "Delete the wrong ones."
    )


def _timeframe(path: Path, rows: pd.DataFrame, times: NDArray[np.int64]) -> str:
    """Return the most common spacing, once every time is known to lie on its grid."""
    if len(times) < 2:
        raise DataError(
            f"{path}: one candle does not tell the timeframe. Give a file of at least two."
        )
    spacings, numbers = np.unique(np.diff(times), return_counts=True)
    step = int(spacings[numbers.argmax()])
    if step % _MINUTE:
        raise DataError(
            f"{path}: most candles are {pd.Timedelta(step)} apart, which is no whole number of minutes. "
            "Give candles of a minute or more."
        )
    minutes = step // _MINUTE
    size, unit = next(
        (size, unit) for size, unit in ((1440, "d"), (60, "h"), (1, "m")) if minutes % size == 0
    )
    timeframe = f"{minutes // size}{unit}"
    off = times % bar_step(timeframe) != 0
    if off.any():
        first = int(off.argmax())
        raise DataError(
            f"{path}: {counted(int(off.sum()), 'time')} of {len(times):,} off the {timeframe} grid, first in row "
            f"{rows.index[first]} at {_text(times[first])}. A bar's time is its open, in UTC: mend or delete the rows."
        )
    return timeframe


def _dialect(layout: Layout, timeframe: str) -> str:
    if layout.dialect != CRYPTODATADOWNLOAD:
        return layout.dialect
    kind = {"m": "minute", "h": "hourly", "d": "daily"}[timeframe[-1]]
    return f"{layout.dialect} {kind}"


def _notes(
    layout: Layout, candles: pd.DataFrame, timeframe: str, *, naive: bool
) -> tuple[str, ...]:
    notes = []
    if naive and layout.dialect == PLAIN:
        notes.append("The times carry no time zone and were read as UTC.")
    if layout.dialect == YAHOO:
        notes.append(
            "Yahoo's Volume counts quote money: it was divided by the Close, so that it counts base."
        )
    if layout.ignored:
        notes.append(f"Columns not read: {', '.join(layout.ignored)}.")
    share = _open_is_previous_close(candles, timeframe)
    if share >= _OPEN_IS_PREVIOUS_CLOSE:
        notes.append(
            f"Open is the previous Close in {share:.1%} of the bars (as in CryptoDataDownload's Gemini files): "
            "a fill at that open is optimistic."
        )
    return tuple(notes)


def _open_is_previous_close(candles: pd.DataFrame, timeframe: str) -> float:
    """Return the share of bars whose open repeats the close of the bar just before; 0 without neighbours."""
    neighbours = np.diff(times_of(time_index(candles))) == bar_step(timeframe)
    same = candles["open"].to_numpy()[1:] == candles["close"].to_numpy()[:-1]
    return float(same[neighbours].mean()) if neighbours.any() else 0.0


def _text(time: np.int64) -> str:
    return time_text(pd.Timestamp(int(time), unit="ns", tz="UTC"))
