"""The tiny run on an exchange of its own: served bar by bar, and traded in this process by the loop of a session."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.local_exchange.server import LocalExchange, local_exchange
from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger import LedgerReader
from cryptonn.paper.loop import PaperTrader
from cryptonn.paper.pace import Pace
from cryptonn.paper.session import Session, open_session, session_file
from cryptonn.paper.settings import PaperSettings
from cryptonn.runs import read_run_config
from cryptonn.trading.costs import costs_for
from tests.local_exchange.parts import parts

MINUTE = 60_000
START = pd.Timestamp("2018-01-05 03:00", tz="UTC")
START_MS = round(START.timestamp() * 1000)
KLINES, CANDLE_TIME = "GET /api/v3/klines", "GET /api/v3/time"
ENTER = 0.56


def changed_copy(
    run: Path, folder: Path, *, enter: float = ENTER, **sections: dict[str, Any]
) -> Path:
    """Copy a run whose settings are then others; by default it trades every few minutes."""
    copy = folder / run.name
    shutil.copytree(run, copy)
    facts = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(facts | {"enter": enter}))
    sections = sections or {"signal": {"hold": 2, "renew": False}}
    values = read_run_config(copy).model_dump(mode="json")
    values |= {name: values[name] | changes for name, changes in sections.items()}
    config = RunConfig.model_validate(values)
    (copy / "config.toml").write_text(config.to_toml())
    model = json.loads((copy / "model" / "model.json").read_text())
    (copy / "model" / "model.json").write_text(
        json.dumps(model | {"config": config.model_dump(mode="json")})
    )
    return copy


@contextmanager
def served(frame: Any, config: Any, **changes: Any) -> Iterator[LocalExchange]:
    """Serve a run's candles in lockstep, at the run's own costs."""
    costs = costs_for(config.costs, "taker+slippage")
    known = {
        "taker": costs.commission,
        "spread": costs.spread,
        "slippage": costs.slippage,
        "start_ms": START_MS,
    }
    with local_exchange(
        {symbol: frame.candles(symbol) for symbol in frame.symbols}, **parts(**(known | changes))
    ) as exchange:
        yield exchange


class ReplayedClock:
    """The exchange's own clock, without a connection; ours may differ from it by ``off_ms``.

    ``sets`` says by how much ours is set at which time of the exchange's.
    """

    def __init__(
        self, exchange: LocalExchange, *, off_ms: int = 0, sets: dict[int, int] | None = None
    ) -> None:
        self._clock, self.off_ms, self._sets = exchange.exchange.clock, off_ms, sets or {}

    def now_ms(self) -> int:
        now_ms = self._clock.now_ms()
        for at_ms in [at_ms for at_ms in self._sets if at_ms <= now_ms]:
            self.off_ms += self._sets.pop(at_ms)
        return now_ms + self.off_ms

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._clock.advance(self._clock.now_ms() + round(seconds * 1000))


class Played:
    """Sessions of one run on one exchange, one after the other under the same name."""

    def __init__(self, run: Path, exchange: LocalExchange, name: str) -> None:
        self.run, self.exchange, self.name = run, exchange, name
        self.path = session_file(run, name)

    @contextmanager
    def session(self, *, clock: Any = None, **changes: Any) -> Iterator[Session]:
        settings = PaperSettings(**changes)
        clock = clock or ReplayedClock(self.exchange)
        with open_session(
            self.run, self.name, settings, environ={}, port=self.exchange.port, clock=clock
        ) as opened:
            yield opened

    def play(
        self,
        bars: int | None = None,
        *,
        until_ms: int | None = None,
        clock: Any = None,
        pace: Pace | None = None,
        on_decision: Callable[[Decision], None] = lambda _: None,
        **changes: Any,
    ) -> int:
        """Trade so many bars, or until a time of the exchange; return on how many it was decided."""
        with self.session(clock=clock, **changes) as session:
            trader = PaperTrader(
                session,
                is_stopped=lambda: (
                    until_ms is not None and self.exchange.exchange.clock.now_ms() >= until_ms
                ),
                on_decision=on_decision,
                pace=pace or Pace(slice_s=60.0),
            )
            trader.start()
            return trader.trade(bars=bars)

    @contextmanager
    def ledger(self) -> Iterator[LedgerReader]:
        with LedgerReader.open(self.path) as reader:
            yield reader

    def decisions(self) -> list[tuple[int, int, Decimal]]:
        with self.ledger() as ledger:
            rows = [row.decision for row in ledger.decisions()]
        return [(row.time_ms, row.signal, row.wanted) for row in rows]

    def bars(self) -> list[int]:
        """Number of each bar decided on, counted from the start of the replay."""
        return [(time_ms - START_MS) // MINUTE for time_ms, _, _ in self.decisions()]

    def fills(self) -> list[tuple[int, str, Decimal, Decimal, Decimal]]:
        with self.ledger() as ledger:
            return [
                (fill.time_ms // MINUTE, fill.side, fill.amount, fill.price, fill.fee)
                for fill in ledger.fills()
            ]

    def orders(self) -> list[tuple[int, str, str, Decimal]]:
        with self.ledger() as ledger:
            return [
                (order.time_ms, order.state, order.side, order.amount) for order in ledger.orders()
            ]

    def incidents(self, *kinds: str) -> list[tuple[str, str]]:
        """Kind and detail of the incidents, of some kinds or all."""
        with self.ledger() as ledger:
            return [
                (row.kind, row.detail)
                for row in ledger.incidents()
                if row.kind in kinds or not kinds
            ]

    def posts(self) -> list[int]:
        """Times of the exchange at which an order was posted."""
        return [
            entry["now_ms"]
            for entry in self.exchange.front.log.entries
            if entry["method"] == "POST"
        ]

    def fault(self, match: str, do: str, **more: Any) -> None:
        self.exchange.front.faults.add(
            [{"match": match, "do": do, **more}], self.exchange.front.dialects
        )

    def quirk(self, **changes: Any) -> None:
        self.exchange.exchange.quirks.change(changes, now_ms=self.exchange.exchange.clock.now_ms())
