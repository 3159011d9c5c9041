"""A paper session bar by bar on real minutes, over real sockets: feed, decider, ledger and executor put together.

    python -m tests.paper.replayed_session --days 7 --fee-in quote --restarts 5

prints the parity report of a week of minutes; it takes about twenty minutes.
"""

import argparse
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.learning.prediction import FittedModel
from cryptonn.local_exchange.clock import Replay
from cryptonn.local_exchange.fees import Rates
from cryptonn.local_exchange.server import local_exchange
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.paper.candle_log import frame_of, take
from cryptonn.paper.clock import LocalClock
from cryptonn.paper.decider import Decider
from cryptonn.paper.decision import Decision
from cryptonn.paper.executor import Executor
from cryptonn.paper.inquiry import Timing
from cryptonn.paper.ledger import CandleRow, Ledger, SessionFacts
from cryptonn.paper.parity import Parity, parity
from cryptonn.paper.reconcile import reconcile
from cryptonn.paper.venue.venue import open_venue
from cryptonn.trading.costs import costs_for

MINUTE = 60_000
GRACE_MS = 1_000


@contextmanager
def replaying(
    tables: dict[str, pd.DataFrame], model: FittedModel, start_ms: int, *, fee_in: str
) -> Iterator[int]:
    """Serve the minutes in lockstep from a moment on; give the port."""
    costs = costs_for(model.config.costs, "taker+slippage")
    rates = Rates.of(
        taker=costs.commission, spread=costs.spread, slippage=costs.slippage, fee_in=fee_in
    )
    with local_exchange(tables, replay=Replay(start_ms=start_ms), rates=rates) as exchange:
        yield exchange.port


class ReplayedSession:
    """One process's worth of a session: opened, it decides on bars; opened again, it goes on."""

    def __init__(
        self,
        path: Path,
        port: int,
        decider: Decider,
        *,
        start_ms: int,
        log_start_ms: int,
        fee_in: str,
    ) -> None:
        self.decider, self.clock = decider, LocalClock(port)
        symbols = decider.config.data.symbols
        facts = SessionFacts(
            "drawn", "{}", "c", "m", "1", "4.5", "local", symbols[0], Decimal(100_000), start_ms
        )
        self._open = ExitStack()
        self.ledger = self._open.enter_context(Ledger.open(path, facts))
        venue = self._open.enter_context(
            open_venue("local", clock=self.clock, port=port, fee_in=fee_in)
        )
        decider.rules = venue.rules(symbols[0])
        self.candles = self._open.enter_context(
            LiveCandles("binance", symbols=symbols, timeframe="1m", port=port)
        )
        self.executor = Executor(
            self.ledger, venue, self.clock, timing=Timing(resend_within_s=30.0)
        )
        reconcile(self.ledger, venue, self.clock, price=Decimal(100))
        wanted = {row.decision.time_ms: row.decision.wanted for row in self.ledger.decisions()}
        self.decider.recall(wanted, note=_unexpected)
        self.log: dict[str, list[CandleRow]] = {
            symbol: self.ledger.candles(symbol) for symbol in symbols
        }
        self.since_ms = log_start_ms
        self.seconds: list[float] = []

    def close(self) -> None:
        self._open.close()

    def read(self, bar: int) -> None:
        newest = self.ledger.newest_decision()
        settled = self.since_ms - 1 if newest is None else newest.decision.time_ms
        known = [rows[-1].time_ms for rows in self.log.values() if rows]
        fetched = self.candles.fetch(
            max(self.since_ms, min(known) - 5 * MINUTE) if known else self.since_ms
        )
        taken = take(
            fetched, self.log, timeframe="1m", now_ms=self.clock.now_ms(), settled_ms=settled
        )
        for symbol, rows in taken.rows.items():
            self.ledger.add_candles(symbol, rows, seen_ms=self.clock.now_ms())
            self.log[symbol] += rows

    def decide(self, bar: int) -> Decision:
        self.clock.advance(bar + MINUTE + GRACE_MS)
        self.read(bar)
        began = time.perf_counter()
        decision = self.decider.decide(frame_of(self.log, timeframe="1m", until_ms=bar))
        self.seconds.append(time.perf_counter() - began)
        self.executor.act(decision)
        return decision


def run(
    tables: dict[str, pd.DataFrame],
    folder: Path,
    model: FittedModel,
    start: pd.Timestamp,
    bars: int,
    *,
    fee_in: str = "quote",
    restarts: Collection[int] = (),
    enter: float = 0.8,
) -> tuple[Parity, list[float]]:
    """Decide on so many bars, starting anew before those in ``restarts``; return the parity and seconds a decision."""
    from session_cases import decider, milliseconds

    start_ms, log_start = milliseconds(start), milliseconds(start.normalize()) - 100 * MINUTE
    seconds: list[float] = []
    path = folder / "session.sqlite"

    def opened(port: int) -> ReplayedSession:
        own = decider(model, start, enter=enter)
        return ReplayedSession(
            path, port, own, start_ms=start_ms, log_start_ms=log_start, fee_in=fee_in
        )

    with replaying(tables, model, start_ms, fee_in=fee_in) as port:
        session = opened(port)
        try:
            for bar in range(bars):
                if bar in restarts:
                    seconds += session.seconds
                    session.close()
                    session = opened(port)
                session.decide(start_ms + bar * MINUTE)
            session.clock.advance(start_ms + (bars + 1) * MINUTE + GRACE_MS)
            session.executor.settle()
            session.read(start_ms + bars * MINUTE)
            checker = decider(model, start, enter=enter, rules=session.decider.rules)
            return parity(session.ledger, checker), seconds + session.seconds
        finally:
            session.close()


def main(words: Sequence[str] | None = None) -> None:
    import sys

    sys.path.insert(0, str(Path(__file__).parent))
    from real_minutes import FIRST, real_minutes
    from session_cases import RULE, drawn_model

    from cryptonn.market.candles import align

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--fee-in", choices=("quote", "base"), default="quote")
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data"
    )
    given: Any = parser.parse_args(words)
    tables = real_minutes(given.data, given.days + 2)
    model = drawn_model(align(tables, timeframe="1m"), signal=RULE)
    bars = given.days * 1440
    restarts = {bars * place // (given.restarts + 1) for place in range(1, given.restarts + 1)}
    with tempfile.TemporaryDirectory() as folder:
        start = FIRST + pd.Timedelta(days=1)
        found, seconds = run(
            tables, Path(folder), model, start, bars, fee_in=given.fee_in, restarts=restarts
        )
    print(found.describe())
    times = pd.Series(seconds) * 1000
    print(f"a decision took {times.median():.0f} ms (median), {times.quantile(0.99):.0f} ms (99 %)")


if __name__ == "__main__":
    main()


def _unexpected(words: str) -> None:
    raise AssertionError(words)
