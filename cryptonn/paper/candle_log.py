"""The log of closed candles: what of an exchange's rows enters it, what is odd about the rest, and
the frame it makes.

A row enters once it has closed, in order of time, and stays as it was first seen. A bar that was
decided on without a row counts as untraded for good: a row that turns up for it later stays out. So
the log only ever grows at its end, and the frame made of it is the one a backtest on the same rows
would have.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from cryptonn.errors import DataError
from cryptonn.market.bars import FIELDS, bad_bars, bar_step, explain_bar, runs_of, time_text
from cryptonn.market.candles import Frame, align
from cryptonn.paper.ledger.rows import CandleRow
from cryptonn.units import counted

__all__ = [
    "Log",
    "Notice",
    "Taken",
    "bar_ms",
    "clean_from_ms",
    "frame_of",
    "missing",
    "newest_closed_ms",
    "take",
]

Log = Mapping[str, Sequence[CandleRow]]
"""By symbol its rows in order of time, as the ledger gives them;
every symbol of the run has its key.
"""

_MILLISECOND = 1_000_000


class Notice(NamedTuple):
    """Something odd about what an exchange gave; for the incidents.

    ``kind`` is one of "revised" (a closed row came with other values), "late" (a row for a bar that
    had been decided on without it), "unordered", "repeated" (two rows of one time in one reply),
    "impossible" (no market can have made it), "off grid", "stale" (no symbol has a row that should
    be there by now).
    """

    kind: str
    symbol: str
    time_ms: int
    detail: str


@dataclass(frozen=True)
class Taken:
    """What of the rows fetched enters the log, by symbol in order of time,
    and what is odd about the rest.
    """

    rows: dict[str, list[CandleRow]]
    notices: list[Notice]


def bar_ms(timeframe: str) -> int:
    """Return the length of a bar in milliseconds."""
    return bar_step(timeframe) // _MILLISECOND


def newest_closed_ms(now_ms: int, *, timeframe: str) -> int:
    """Return the open of the newest bar that has closed by now, by the exchange's clock.

    >>> newest_closed_ms(120_000, timeframe="1m")
    60000
    """
    step = bar_ms(timeframe)
    return now_ms // step * step - step


def take(
    fetched: Mapping[str, Iterable[Sequence[float]]],
    log: Log,
    *,
    timeframe: str,
    now_ms: int,
    settled_ms: int,
) -> Taken:
    """Tell which of the rows fetched enter the log.

    Parameters
    ----------
    fetched
        By symbol, rows [open time in ms, open, high, low, close, volume] as the exchange gave them,
        one still in progress included.
    log
        What there is already.
    now_ms
        The exchange's clock: a bar that has not closed by then does not enter.
    settled_ms
        Open of the newest bar that was decided on, or passed over: up to it the log is complete as
        it is. Before the first, any time earlier than the log's.
    """
    rows = {}
    notices = []
    for symbol, given in fetched.items():
        rows[symbol], odd = _taken(
            symbol, list(given), log[symbol], bar_ms(timeframe), now_ms, settled_ms
        )
        notices += odd
    newest = newest_closed_ms(now_ms, timeframe=timeframe)
    last = max(
        (row.time_ms for symbol in log for row in (*log[symbol][-1:], *rows.get(symbol, [])[-1:])),
        default=None,
    )
    if last is not None and last < newest:
        behind = counted((newest - last) // bar_ms(timeframe), "bar")
        notices.append(Notice("stale", "", last, f"the newest row of any symbol is {behind} old"))
    return Taken(rows, notices)


def missing(log: Log, time_ms: int) -> tuple[str, ...]:
    """Return the symbols that have no row at or after a bar: not traded then,
    or not given out yet.
    """
    return tuple(symbol for symbol, rows in log.items() if not rows or rows[-1].time_ms < time_ms)


def frame_of(log: Log, *, timeframe: str, until_ms: int) -> Frame:
    """Return the frame of the log up to the bar ``until_ms``, gaps filled flat as ``align`` fills
    them.

    A symbol without a row at the end did not trade there: it is filled flat too.

    Raises
    ------
    DataError
        If a symbol has no row by then, or the symbols have no bar in common.
    """
    tables = {}
    for symbol, rows in log.items():
        known = rows[: bisect_left(rows, until_ms + 1, key=_time)]
        if not known:
            raise DataError(
                f"{symbol}: there is no candle up to {_text(until_ms)}. Fetch the candles before "
                "it."
            )
        last = known[-1]
        if last.time_ms < until_ms:
            known = [
                *known,
                CandleRow(until_ms, last.close, last.close, last.close, last.close, 0.0),
            ]
        tables[symbol] = _table(known)
    frame = align(tables, timeframe=timeframe)
    filled = frame.filled.copy()
    filled.loc[
        frame.index[-1], [symbol for symbol in log if _held(log[symbol], until_ms) is None]
    ] = True
    return Frame(frame.table, timeframe, filled)


def clean_from_ms(frame: Frame, *, lookback: int, max_gap: int) -> int | None:
    """Return the first bar on which a decision may be made after the newest long gap; None if there
    is no such gap.

    Parameters
    ----------
    lookback
        Bars the network sees: none of them may lie in the gap.
    max_gap
        Most bars filled in a row, in any symbol, that are taken for a quiet market.
    """
    ends = []
    for symbol in frame.symbols:
        starts, lengths = runs_of(frame.filled[symbol].to_numpy())
        ends += (starts + lengths)[lengths > max_gap].tolist()
    if not ends:
        return None
    first = frame.index[0] + (max(ends) + lookback - 1) * pd.Timedelta(
        bar_step(frame.timeframe), "ns"
    )
    return int(first.as_unit("ns").value) // _MILLISECOND


def _taken(
    symbol: str,
    given: list[Sequence[float]],
    held: Sequence[CandleRow],
    step: int,
    now_ms: int,
    settled_ms: int,
) -> tuple[list[CandleRow], list[Notice]]:
    """Return the new rows of one symbol and what is odd about the others."""
    new: dict[int, CandleRow] = {}
    notices: list[Notice] = []
    rows = [CandleRow(int(row[0]), *(float(value) for value in row[1:6])) for row in given]
    closed = [row for row in rows if row.time_ms + step <= now_ms]
    if any(later.time_ms < earlier.time_ms for earlier, later in pairwise(closed)):
        notices.append(
            Notice(
                "unordered",
                symbol,
                closed[0].time_ms,
                "the rows of a reply are not in order of time",
            )
        )
    last = held[-1].time_ms if held else None
    table = pd.DataFrame([row[1:] for row in closed], columns=list(FIELDS), dtype=np.float64)
    impossible = bad_bars(table)
    for place, row in sorted(enumerate(closed), key=lambda pair: pair[1].time_ms):
        kept = new.get(row.time_ms) or _held(held, row.time_ms)
        if kept is not None:
            notices += _again(symbol, row, kept, in_reply=row.time_ms in new)
        elif impossible[place]:
            notices.append(
                Notice("impossible", symbol, row.time_ms, explain_bar(table.iloc[place]))
            )
        elif row.time_ms % step:
            notices.append(
                Notice("off grid", symbol, row.time_ms, "it does not open where a bar opens")
            )
        elif row.time_ms <= settled_ms or (last is not None and row.time_ms < last):
            notices.append(
                Notice(
                    "late", symbol, row.time_ms, f"it came after later bars were settled: {row[1:]}"
                )
            )
        else:
            new[row.time_ms] = row
    return list(new.values()), notices


def _again(symbol: str, row: CandleRow, kept: CandleRow, *, in_reply: bool) -> list[Notice]:
    if in_reply:
        return [
            Notice(
                "repeated",
                symbol,
                row.time_ms,
                "the same" if row == kept else f"{kept[1:]}, then {row[1:]}",
            )
        ]
    return (
        []
        if row == kept
        else [Notice("revised", symbol, row.time_ms, f"{kept[1:]}, now {row[1:]}")]
    )


def _held(held: Sequence[CandleRow], time_ms: int) -> CandleRow | None:
    place = bisect_left(held, time_ms, key=_time)
    return held[place] if place < len(held) and held[place].time_ms == time_ms else None


def _time(row: CandleRow) -> int:
    return row.time_ms


def _table(rows: Sequence[CandleRow]) -> pd.DataFrame:
    times = np.array([row.time_ms for row in rows], dtype=np.int64) * _MILLISECOND
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    index = pd.DatetimeIndex(times.view("M8[ns]"), name="time").tz_localize("UTC")
    return pd.DataFrame(values, index=index, columns=list(FIELDS))


def _text(time_ms: int) -> str:
    return time_text(pd.Timestamp(time_ms, unit="ms", tz="UTC"))
