"""The candles of a session: read from the exchange bar by bar, kept in the ledger, made into the frame to decide on."""

from collections.abc import Mapping, Sequence

from cryptonn.market.candles import Frame
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.paper.candle_log import Notice, bar_ms, frame_of, missing, take
from cryptonn.paper.clock import Clock
from cryptonn.paper.ledger import CandleRow, Ledger

__all__ = ["Feed"]

REREAD_BARS = 5
"""Bars before the newest that are asked for again: an exchange may revise them."""


class Feed:
    """Candles of a run's symbols.

    Parameters
    ----------
    candles
        Reads them from the exchange, under the exchange's names.
    names
        The exchange's name of each symbol of the run, the target first.
    log_start_ms
        Open of the first candle that is needed.
    """

    def __init__(
        self,
        ledger: Ledger,
        candles: LiveCandles,
        clock: Clock,
        *,
        names: Mapping[str, str],
        timeframe: str,
        log_start_ms: int,
    ) -> None:
        self._ledger, self._candles, self._clock = ledger, candles, clock
        self._names, self._timeframe, self._log_start = dict(names), timeframe, log_start_ms
        self._log: dict[str, list[CandleRow]] = {symbol: ledger.candles(symbol) for symbol in names}
        newest = ledger.newest_decision()
        self._settled = log_start_ms - 1 if newest is None else newest.decision.time_ms
        self._noted: set[tuple[str, str, int]] = set()

    def read(self, *, bar: int) -> Sequence[str]:
        """Ask the exchange for what is new and keep it; return the symbols that have no candle of ``bar`` (ms) yet.

        Raises
        ------
        ExchangeError
            If it cannot be asked.
        """
        fetched = self._candles.fetch(self._since())
        now_ms = self._clock.now_ms()
        given = {own: fetched[name] for own, name in self._names.items()}
        taken = take(given, self._log, timeframe=self._timeframe, now_ms=now_ms, settled_ms=self._settled)
        for symbol, rows in taken.rows.items():
            if rows:
                self._ledger.add_candles(symbol, rows, seen_ms=now_ms, source=self._candles.exchange)
                self._log[symbol] += rows
        self._note(taken.notices, now_ms)
        return missing(self._log, bar)

    def settle(self, bar: int) -> None:
        """Take the log up to ``bar`` (ms) as complete: it was decided on."""
        self._settled = bar
        self._noted = {key for key in self._noted if key[2] > bar - 60 * bar_ms(self._timeframe)}

    def frame(self, *, bar: int) -> Frame:
        """Return the frame up to a bar; bars without a candle are filled flat, as in a backtest."""
        return frame_of(self._log, timeframe=self._timeframe, until_ms=bar)

    def _note(self, notices: Sequence[Notice], now_ms: int) -> None:
        """Write down what is odd, each thing once; a newest candle that is only a little late is not odd."""
        patience_ms = REREAD_BARS * bar_ms(self._timeframe)
        for notice in notices:
            key = (notice.kind, notice.symbol, notice.time_ms)
            if key in self._noted or (notice.kind == "stale" and now_ms - notice.time_ms < patience_ms):
                continue
            self._noted.add(key)
            self._ledger.incident(notice.kind, f"{notice.symbol} {notice.time_ms}: {notice.detail}", at_ms=now_ms)

    def _since(self) -> int:
        """Return the open of the first candle to ask for."""
        last = min((rows[-1].time_ms if rows else self._log_start) for rows in self._log.values())
        return max(self._log_start, last - REREAD_BARS * bar_ms(self._timeframe))
