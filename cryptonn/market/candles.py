"""Candles of several symbols on one complete grid: the frame every later stage works on.

A candle table (one symbol) is described and checked in ``bars.py``; its names are given again here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError, did_you_mean
from cryptonn.market.bars import (
    FIELDS,
    bar_step,
    check_candles,
    runs_of,
    time_index,
    time_text,
    timeframe_delta,
    times_of,
    traded,
)
from cryptonn.market.extras import EXTRAS, on_grid
from cryptonn.market.timerange import TimeRange
from cryptonn.units import counted

__all__ = ["FIELDS", "Frame", "align", "check_candles", "timeframe_delta", "traded"]

_COLUMNS = pd.Index(FIELDS)


@dataclass(frozen=True, eq=False)
class Frame:
    """Candles of several symbols on one complete grid; made by ``align``.

    Guaranteed where it is made: one timeframe, UTC times one bar apart without a hole, every symbol
    with all of ``FIELDS``, every bar possible (see ``bars.bad_bars``), nothing missing.
    """

    table: pd.DataFrame
    """Columns are a MultiIndex (symbol, field), named so; symbols in the order they were given."""
    timeframe: str
    filled: pd.DataFrame
    """One bool column a symbol: the bar was absent and was filled flat with the previous
    close and volume 0.
    """
    extras: pd.DataFrame | None = None
    """What Binance's klines say besides, columns (symbol, field) with all of ``EXTRAS``;
    0 in a filled bar.
    """

    def __post_init__(self) -> None:
        names = list(self.table.columns.names)
        expected = [(symbol, field) for symbol in self.symbols for field in FIELDS]
        if names != ["symbol", "field"] or [*self.table.columns.to_flat_index()] != expected:
            raise DataError(
                f"frame: columns must be (symbol, field) with all of {', '.join(FIELDS)} "
                "for each symbol."
            )
        if (
            not self.filled.index.equals(self.table.index)
            or tuple(self.filled.columns) != self.symbols
        ):
            raise DataError(
                "frame: 'filled' must have the frame's times and one column for each symbol."
            )
        if self.extras is not None:
            wanted = pd.MultiIndex.from_product([self.symbols, EXTRAS])
            if not self.extras.index.equals(self.table.index) or not self.extras.columns.equals(
                wanted
            ):
                raise DataError(
                    f"frame: 'extras' must have the frame's times and all of {', '.join(EXTRAS)} "
                    "for each symbol."
                )
        for symbol in self.symbols:
            check_candles(self.candles(symbol), timeframe=self.timeframe, source=f"frame, {symbol}")
        if (np.diff(times_of(self.index)) != bar_step(self.timeframe)).any():
            raise DataError(
                f"frame: the {self.timeframe} grid must be complete. "
                "Use align, which fills and counts the gaps."
            )

    @property
    def index(self) -> pd.DatetimeIndex:
        """Times of the bars' opens (UTC), named ``time``."""
        return time_index(self.table)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order they were given to ``align``."""
        return tuple(
            dict.fromkeys(str(symbol) for symbol in self.table.columns.get_level_values(0))
        )

    @cached_property
    def counts(self) -> pd.DataFrame:
        """What was filled. Index symbol; int columns:

        ``rows`` bars that came with the candles (``rows + filled`` is the length of the frame);
        ``filled`` bars that were absent; ``untraded`` filled bars and bars present with volume 0;
        ``longest_gap`` the most bars filled in a row.
        """
        rows = {symbol: self._counts(symbol) for symbol in self.symbols}
        columns = ["rows", "filled", "untraded", "longest_gap"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("symbol")

    def _counts(self, symbol: str) -> tuple[int, int, int, int]:
        filled = self.filled[symbol].to_numpy()
        untraded = int((self.table[(symbol, "volume")] == 0).sum())
        _, lengths = runs_of(filled)
        return int((~filled).sum()), int(filled.sum()), untraded, int(lengths.max(initial=0))

    def candles(self, symbol: str) -> pd.DataFrame:
        """Return the five-column candle table of one symbol.

        Raises
        ------
        DataError
            If the frame does not hold the symbol.
        """
        if symbol not in self.symbols:
            raise DataError(
                f"frame: no {symbol}; it holds "
                f"{', '.join(self.symbols)}.{did_you_mean(symbol, self.symbols)}"
            )
        first = len(FIELDS) * self.symbols.index(symbol)
        return self.table.iloc[:, first : first + len(FIELDS)].set_axis(_COLUMNS, axis=1)

    def all_columns(self, symbol: str) -> pd.DataFrame:
        """Return the candle table of one symbol, with the extras beside it where
        the frame has them.
        """
        candles = self.candles(symbol)
        return candles if self.extras is None else candles.join(self.extras[symbol])

    def select(self, timerange: TimeRange) -> "Frame":
        """Return the frame of the bars that open in the range;
        its ``counts`` are those of the range.

        Raises
        ------
        DataError
            If no bar lies in the range.
        """
        table = timerange.select(self.table)
        if table.empty:
            first, last = time_text(self.index[0]), time_text(self.index[-1])
            raise DataError(f"frame: no bar in {timerange}; it reaches from {first} to {last}.")
        extras = None if self.extras is None else timerange.select(self.extras)
        return Frame(
            table=table,
            timeframe=self.timeframe,
            filled=timerange.select(self.filled),
            extras=extras,
        )


def align(
    candles: Mapping[str, pd.DataFrame],
    *,
    timeframe: str,
    gaps: Literal["fill", "refuse"] = "fill",
    extras: Mapping[str, pd.DataFrame] | None = None,
) -> Frame:
    """Put the candles of several symbols on one complete grid: the overlap of all their ranges.

    Parameters
    ----------
    candles
        A candle table for each symbol. They are checked, and not changed.
    timeframe
        Length of a bar of every table.
    gaps
        A bar that is absent is filled flat (open, high, low and close at the symbol's previous
        close, volume 0) and counted in ``Frame.counts``; ``"refuse"`` raises instead.
    extras
        For each symbol, or none at all: those of its candles, and of others, which are left out.

    Raises
    ------
    DataError
        If a table is no candle table, the ranges do not overlap, a symbol has no bar in the
        overlap, or gaps are refused.
    """
    if not candles:
        raise DataError("align: no candles were given. Give at least one symbol.")
    for symbol, table in candles.items():
        check_candles(table, timeframe=timeframe, source=symbol)
    grid = _overlap(candles, timeframe)
    values = np.empty(
        (len(FIELDS) * len(candles), len(grid))
    )  # (symbol·field, time): each column is contiguous
    filled = np.empty((len(candles), len(grid)), dtype=np.bool_)
    for position, (symbol, table) in enumerate(candles.items()):
        source = _last_rows(times_of(time_index(table)), grid, timeframe)
        filled[position] = _place(table, source, values[5 * position : 5 * position + 5])
        if filled[position].all():
            raise DataError(
                f"{symbol} has no candle in the stretch all symbols share. {_ranges(candles)}"
            )
        if gaps == "refuse":
            _refuse_gaps(filled[position], grid, symbol, timeframe)
    index = pd.DatetimeIndex(grid.view("M8[ns]"), name="time").tz_localize("UTC")
    columns = pd.MultiIndex.from_product([list(candles), FIELDS], names=["symbol", "field"])
    marks = pd.DataFrame(filled.T, index=index, columns=list(candles))
    table = pd.DataFrame(values.T, index=index, columns=columns)
    return Frame(table, timeframe, marks, extras=on_grid(extras, index) if extras else None)


def _overlap(candles: Mapping[str, pd.DataFrame], timeframe: str) -> NDArray[np.int64]:
    """Return the times (ns) of the complete grid all symbols share; shape (n,)."""
    first = max(int(times_of(time_index(table))[0]) for table in candles.values())
    last = min(int(times_of(time_index(table))[-1]) for table in candles.values())
    if first > last:
        raise DataError(f"The candles do not overlap in time. {_ranges(candles)}")
    step = bar_step(timeframe)
    # Counted in whole numbers: NumPy's arange works out its length in float64,
    # which loses a bar beyond 2^53 ns.
    return first + step * np.arange((last - first) // step + 1, dtype=np.int64)


def _last_rows(
    times: NDArray[np.int64], grid: NDArray[np.int64], timeframe: str
) -> NDArray[np.int64]:
    """Return for each grid time the row of its bar (≥ 0), or −1 − the row of the last bar
    before it if it is absent.
    """
    slots = (times - grid[0]) // bar_step(timeframe)
    first, last = np.searchsorted(slots, [0, len(grid)])
    rows = np.full(len(grid), -1, dtype=np.int64)
    rows[slots[first:last]] = np.arange(first, last)
    absent = rows < 0
    rows[0] = max(rows[0], first - 1)
    rows = np.maximum.accumulate(rows)
    return np.where(absent, -1 - rows, rows)


def _place(
    table: pd.DataFrame, source: NDArray[np.int64], out: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Write one symbol's bars into ``out``, shape (5, n), absent ones flat;
    return which were absent, shape (n,).
    """
    absent = source < 0
    rows = np.where(absent, -1 - source, source)
    for position, field in enumerate(FIELDS):
        np.take(table[field].to_numpy(), rows, out=out[position])
    out[:3, absent] = out[3, absent]
    out[4, absent] = 0.0
    return absent


def _refuse_gaps(
    filled: NDArray[np.bool_], grid: NDArray[np.int64], symbol: str, timeframe: str
) -> None:
    if not filled.any():
        return
    starts, lengths = runs_of(filled)
    first, longest = (
        time_text(_from_ns(int(grid[starts[row]]))) for row in (0, int(lengths.argmax()))
    )
    raise DataError(
        f"{symbol}: {counted(int(filled.sum()), 'bar')} of {timeframe} absent, "
        f"first at {first}, longest gap {counted(int(lengths.max()), 'bar')} from {longest}. "
        'Fill them flat with gaps = "fill", or fetch them.'
    )


def _ranges(candles: Mapping[str, pd.DataFrame]) -> str:
    parts = (
        f"{name} {time_text(table.index[0])} to {time_text(table.index[-1])}"
        for name, table in candles.items()
    )
    return (
        f"Their ranges: {'; '.join(parts)}. Import or download candles of the same dates for each."
    )


def _from_ns(time: int) -> pd.Timestamp:
    return pd.Timestamp(time, unit="ns", tz="UTC")
