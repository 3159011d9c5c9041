"""One symbol's table in the store as a download sees it: the bars it has, and the stretches
that were asked for.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cryptonn.market.bars import time_index, time_text, times_of
from cryptonn.market.exchange.pages import (
    Stretch,
    absent_stretches,
    missing_stretches,
    quiet_bars,
)
from cryptonn.market.store.candle_store import Store

__all__ = ["Shelf", "joined", "without"]


class Shelf:
    """Candles of one exchange, symbol and timeframe in the store.

    The manifest keeps the stretches that were asked for and answered with candles around: minutes
    absent from them did not trade, and are not asked for again. Where more are absent than a quiet
    market has (``quiet_bars``), none came: that counts as never asked, whatever a manifest says.
    """

    def __init__(self, store: Store, *, exchange: str, symbol: str, timeframe: str) -> None:
        self.store = store
        self.exchange = exchange
        self.symbol = symbol
        self.timeframe = timeframe
        self.source = f"{exchange} through ccxt"
        self.asked: list[Stretch] = []
        self.times = np.empty(0, dtype=np.int64)
        for entry in store.entries():
            if (entry.exchange, entry.symbol, entry.timeframe) == (exchange, symbol, timeframe):
                self.times = times_of(
                    time_index(store.read(symbol, timeframe=timeframe, exchange=exchange))
                )
                texts = [
                    source.get("asked", [])
                    for source in entry.sources
                    if source.get("file") == self.source
                ]
                self.asked = [(_ns(start), _ns(end)) for pairs in texts for start, end in pairs]

    def held(self, span: Stretch) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the times (ns) of the bars that lie in the span."""
        return self.times[(self.times >= span[0]) & (self.times < span[1])]

    def missing(self, span: Stretch) -> list[Stretch]:
        """Return the stretches of the span that are still to be asked for, oldest first."""
        return without(
            missing_stretches(self.held(span), span=span, timeframe=self.timeframe),
            self._answered(),
        )

    def uncovered(self, span: Stretch) -> list[Stretch]:
        """Return the stretches of the span with no candle, longer than a quiet market has,
        oldest first.
        """
        quiet = quiet_bars(self.times, timeframe=self.timeframe)
        return absent_stretches(
            self.held(span), span=span, timeframe=self.timeframe, inside=quiet, at_ends=quiet
        )

    def keep(self, pages: Sequence[pd.DataFrame], *, answered: Sequence[Stretch]) -> None:
        """Store the candles of the pages, which are all there are in the stretches
        the exchange answered for.
        """
        self.asked = joined([*self.asked, *answered])
        rows = [page for page in pages if len(page)]
        if not rows:
            return
        candles = pd.concat(rows)
        self.times = np.union1d(self.times, times_of(time_index(candles)))
        asked = [[_text(start), _text(end)] for start, end in self._answered()]
        source = {"file": self.source, "sha256": "", "dialect": "ccxt", "asked": asked}
        self.store.write(
            candles,
            symbol=self.symbol,
            exchange=self.exchange,
            timeframe=self.timeframe,
            sources=[source],
        )

    def _answered(self) -> list[Stretch]:
        """Return the stretches asked for, without those for which no candle came."""
        if not self.asked:
            return []
        whole = (min(start for start, _ in self.asked), max(end for _, end in self.asked))
        return without(joined(self.asked), self.uncovered(whole))


def joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the same instants as few stretches, in order.

    >>> joined([(4, 6), (0, 2), (2, 3)])
    [(0, 3), (4, 6)]
    """
    whole: list[Stretch] = []
    for start, end in sorted(stretches):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        elif start < end:
            whole.append((start, end))
    return whole


def without(stretches: Sequence[Stretch], removed: Sequence[Stretch]) -> list[Stretch]:
    """Return what is left of the stretches where the removed ones are cut out.

    >>> without([(0, 10)], [(2, 4), (8, 12)])
    [(0, 2), (4, 8)]
    """
    left = list(stretches)
    for start, end in removed:
        parts = [((first, min(last, start)), (max(first, end), last)) for first, last in left]
        left = [part for pair in parts for part in pair if part[0] < part[1]]
    return left


def _ns(text: str) -> int:
    return int(pd.Timestamp(text).as_unit("ns").value)


def _text(ns: int) -> str:
    return time_text(pd.Timestamp(ns, unit="ns", tz="UTC"))
