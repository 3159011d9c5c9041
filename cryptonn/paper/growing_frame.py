"""The frame of a log of candles that grows at its end: what lies behind is made once,
not bar by bar again.
"""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.market.candles import FIELDS, Frame
from cryptonn.paper.candle_log import Log, bar_ms, frame_of
from cryptonn.paper.ledger import CandleRow

__all__ = ["GrowingFrame"]


class GrowingFrame:
    """Gives, to the bit, the frames that ``frame_of`` would."""

    def __init__(self, *, timeframe: str) -> None:
        self._timeframe = timeframe
        self._step = bar_ms(timeframe)
        self._settled: Frame | None = None
        self._settled_ms = 0

    def at(self, log: Log, *, until_ms: int) -> Frame:
        """Return the frame of a log up to the bar ``until_ms``.

        Raises
        ------
        DataError
            If a symbol has no row by then, or the symbols have no bar in common.
        """
        settled = self._settled
        if settled is None or until_ms < self._settled_ms:
            return frame_of(log, timeframe=self._timeframe, until_ms=until_ms)
        times = np.arange(self._settled_ms + self._step, until_ms + 1, self._step, dtype=np.int64)
        if not len(times):
            return settled
        closes = settled.table.iloc[-1]
        parts = [
            self._bars(log[symbol], times, close=float(closes[(symbol, "close")]))
            for symbol in settled.symbols
        ]
        index = pd.DatetimeIndex((times * 1_000_000).view("M8[ns]"), name="time").tz_localize("UTC")
        values = np.hstack([part[0] for part in parts])
        filled = np.column_stack([part[1] for part in parts])
        table = pd.DataFrame(values, index=index, columns=settled.table.columns)
        marks = pd.DataFrame(filled, index=index, columns=settled.filled.columns)
        return Frame(
            pd.concat([settled.table, table]), self._timeframe, pd.concat([settled.filled, marks])
        )

    def settle(self, frame: Frame, *, until_ms: int) -> None:
        """Take the log up to the last bar of a frame that ``at`` gave as complete:
        no row for it enters any more.
        """
        self._settled = frame
        self._settled_ms = until_ms

    def _bars(
        self, rows: Sequence[CandleRow], times: NDArray[np.int64], *, close: float
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the bars of a symbol at some times, shape (n, 5),
        and which are filled flat with the close before.
        """
        new = {
            row.time_ms: row[1:]
            for row in takewhile(lambda row: row.time_ms > self._settled_ms, reversed(rows))
        }
        bars = np.empty((len(times), len(FIELDS)))
        filled = np.zeros(len(times), dtype=np.bool_)
        for place, time_ms in enumerate(times.tolist()):
            filled[place] = time_ms not in new
            bars[place] = new.get(time_ms, (close, close, close, close, 0.0))
            close = float(bars[place, 3])
        return bars, filled
