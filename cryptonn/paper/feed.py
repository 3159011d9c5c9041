"""The candles of a session: read from the exchange bar by bar, kept in the ledger,
made into the frame to decide on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cryptonn.errors import DataError
from cryptonn.market.bars import time_text
from cryptonn.market.candles import Frame
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.paper.candle_log import Notice, bar_ms, missing, take
from cryptonn.paper.clock import Clock
from cryptonn.paper.growing_frame import GrowingFrame
from cryptonn.paper.ledger import CandleRow, Ledger

__all__ = ["Feed", "Reading"]

REREAD_BARS = 5
"""Bars before the newest that are asked for again: an exchange may revise them."""


@dataclass(frozen=True)
class Reading:
    """How the exchange's time and candles were found.

    Parameters
    ----------
    server_ms
        The exchange's time, asked for before the candles.
    asked_ms, answered_ms
        Between these times of our own clock it was that time.
    missing
        Symbols whose candle of the bar in question may still come.
    """

    server_ms: int
    asked_ms: int
    answered_ms: int
    missing: tuple[str, ...]


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
        self._ledger = ledger
        self._candles = candles
        self._clock = clock
        self._names = dict(names)
        self._timeframe = timeframe
        self._log_start = log_start_ms
        self._step = bar_ms(timeframe)
        self._log: dict[str, list[CandleRow]] = {symbol: ledger.candles(symbol) for symbol in names}
        newest = ledger.newest_decision()
        self._settled = log_start_ms - 1 if newest is None else newest.decision.time_ms
        self._growing = GrowingFrame(timeframe=timeframe)
        self._noted: set[tuple[str, str, int]] = set()

    def read(self, *, bar: int) -> Reading:
        """Ask the exchange for what is new and keep it; tell what may still come of the bar that
        opened at ``bar``.

        Only what has closed by the exchange's own clock is kept, whatever ours says.

        Raises
        ------
        ExchangeError, ConfigError
            If it cannot be asked, or refuses the question.
        """
        asked_ms = self._clock.now_ms()
        server_ms = self._candles.server_ms()
        answered_ms = self._clock.now_ms()
        fetched = self._candles.fetch(self._since())
        given = {own: fetched[name] for own, name in self._names.items()}
        taken = take(
            given, self._log, timeframe=self._timeframe, now_ms=server_ms, settled_ms=self._settled
        )
        for symbol, rows in taken.rows.items():
            if rows:
                self._ledger.add_candles(
                    symbol, rows, seen_ms=answered_ms, source=self._candles.exchange
                )
                self._log[symbol] += rows
        self._note(taken.notices, server_ms, at_ms=answered_ms)
        later = {
            symbol for symbol, rows in given.items() if any(row[0] > bar for row in rows)
        }  # so bar had no trade
        still = tuple(symbol for symbol in missing(self._log, bar) if symbol not in later)
        return Reading(server_ms, asked_ms, answered_ms, still)

    def check(self) -> None:
        """Refuse an exchange that has no candles of a symbol at all.

        Raises
        ------
        DataError
            If there is a symbol without a candle.
        """
        empty = [self._names[symbol] for symbol, rows in self._log.items() if not rows]
        if empty:
            raise DataError(
                f"{self._candles.exchange} has no candles of {', '.join(empty)} in the last day. "
                "Choose another symbol with --symbols, or read the candles of another exchange "
                "with --candles."
            )

    def frame(self, *, bar: int) -> Frame:
        """Return the frame up to a bar; bars without a candle are filled flat, as in a backtest."""
        return self._growing.at(self._log, until_ms=bar)

    def settle(self, frame: Frame, *, bar: int) -> None:
        """Take the log up to ``bar``, the last one of a frame, as complete: it was decided on."""
        self._settled = bar
        self._growing.settle(frame, until_ms=bar)
        self._noted = {key for key in self._noted if key[2] > bar - 60 * self._step}

    def _note(self, notices: Sequence[Notice], server_ms: int, *, at_ms: int) -> None:
        """Write down what is odd, each thing once; a newest candle that is only a little late is
        not odd.
        """
        patience_ms = (REREAD_BARS + 1) * self._step
        found: dict[tuple[str, str], list[Notice]] = {}
        for notice in notices:
            if notice.kind == "stale" and server_ms - notice.time_ms < patience_ms:
                continue
            if notice[:3] not in self._noted:
                self._noted.add(notice[:3])
                found.setdefault(notice[:2], []).append(notice)
        for (kind, symbol), several in found.items():
            more = f", and {len(several) - 1} more" if len(several) > 1 else ""
            when = time_text(pd.Timestamp(several[0].time_ms, unit="ms", tz="UTC"))
            detail = f"{symbol} {when}: {several[0].detail}{more}".strip()
            self._ledger.incident(kind, detail, at_ms=at_ms)

    def _since(self) -> int:
        """Return the open of the first candle to ask for: what was decided on is read again only a
        little way back.
        """
        last = min((rows[-1].time_ms if rows else self._log_start) for rows in self._log.values())
        return max(self._log_start, max(last, self._settled) - REREAD_BARS * self._step)
