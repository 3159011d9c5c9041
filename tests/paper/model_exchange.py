"""An exchange in memory with books of its own, told beforehand how each order shall go wrong; and a driver to kill.

It shares no code with the package but the words of ``ports``: what it says is compared with what the ledger says.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from cryptonn.paper.decision import Decision
from cryptonn.paper.executor import Executor
from cryptonn.paper.inquiry import Timing
from cryptonn.paper.ledger import Ledger, SessionFacts
from cryptonn.paper.ports import (
    ClockOff,
    OrderRequest,
    OrderState,
    Rejected,
    Unknown,
    Unreadable,
    VenueFill,
)
from cryptonn.paper.reconcile import reconcile
from cryptonn.trading.rules import MarketRules

START = 1_546_300_800_000
MINUTE = 60_000
SYMBOL = "ETH/USD"
RATE = Decimal("0.001")
ALWAYS = Timing(resend_within_s=60.0)
"""Send anew what was not accepted, so that a run with faults makes the same trades as one without."""

FACTS = SessionFacts(
    "run", "{}", "sha-c", "sha-m", "1", "4.5", "model", SYMBOL, Decimal(10_000), START
)


class Killed(BaseException):
    """Stands for kill -9 in this process: nothing of ours catches it."""


class TestClock:
    """Time that only sleeping and the driver move."""

    __test__ = False

    def __init__(self, now_ms: int = START) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(1000 * seconds)


@dataclass
class Resting:
    """One order in the exchange's books."""

    state: OrderState
    side: str
    at_ms: int
    trades: list[VenueFill] = field(default_factory=list)


@dataclass
class Quirks:
    """How the exchange behaves besides single faults."""

    lookup_lag_ms: int = 0
    fills_lag_ms: int = 0
    duplicates: bool = False
    partial: Decimal | None = None
    empty_book: bool = False
    rest_until_ms: int = 0
    unreadable: int = 0
    wait_s: float = 0.0
    fee_currency: str | None = None
    reason: str = "insufficient"
    refuses_later: bool = False


class ModelVenue:
    """The exchange. ``script`` says what becomes of each order sent, one word each, then all is well.

    reply · lost (accepted, no answer) · never (not accepted, no answer) · late (accepted 3 s after we gave up) ·
    garbage (accepted, the answer is about another order) · halved (accepted, the answer has another amount) ·
    rejected · revoked (halts) · clock
    """

    name = "model"
    fence_ms = 7_000
    recv_window_ms = 5_000

    def __init__(
        self, clock: TestClock, *, script: Sequence[str] = (), fee_in: str = "quote"
    ) -> None:
        self.clock, self.script = clock, list(script)
        self.market = MarketRules(
            Decimal("0.0001"),
            Decimal("0.01"),
            Decimal("0.001"),
            Decimal(10),
            "base" if fee_in == "base" else "quote",
        )
        self.totals = {"ETH": Decimal(1), "USD": Decimal(20_000), "BNB": Decimal(1)}
        self.orders: dict[str, Resting] = {}
        self.posts: Counter[str] = Counter()
        self.quirks = Quirks()
        self.pending: list[tuple[int, OrderRequest]] = []
        self.numbers = 0
        self.checks = 0
        self.on_send: Callable[[OrderRequest], None] = lambda _: None

    def rules(self, symbol: str) -> MarketRules:
        return self.market

    def server_ms(self) -> int:
        self._read()
        return self.clock.now

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        self._read()
        return {name: (total, Decimal(0)) for name, total in self.totals.items()}

    def price(self, symbol: str) -> Decimal:
        return 100 + Decimal((self.clock.now - START) // MINUTE % 7)

    def check(self) -> None:
        self.checks += 1

    def send(self, request: OrderRequest) -> OrderState:
        self.posts[request.cid] += 1
        self.on_send(request)
        self._arrivals()
        word = self.script.pop(0) if self.script else "reply"
        if word == "rejected" or word == "revoked":
            raise Rejected("no", reason=self.quirks.reason, halts=word == "revoked")
        if word == "clock":
            raise ClockOff("clock")
        if word == "never":
            raise Unknown("timeout")
        if word == "late":
            self.pending.append((self.clock.now + 3000, request))
            raise Unknown("timeout")
        state = self._accept(request)
        if word == "lost":
            raise Unknown("timeout")
        if word == "garbage":
            return replace(state, cid="cnother-1-1", venue_id="77")
        return (
            replace(state, amount=state.amount / 2, filled=state.filled / 2)
            if word == "halved"
            else state
        )

    def find(self, cid: str, symbol: str) -> OrderState | None:
        self._read()
        seen = [one for one in self.orders.values() if one.state.cid == cid]
        seen = [one for one in seen if self.clock.now >= one.at_ms + self.quirks.lookup_lag_ms]
        return seen[0].state if seen else None

    def fills(self, state: OrderState, symbol: str) -> list[VenueFill]:
        self._read()
        trades = self.orders[state.venue_id].trades
        trades = [one for one in trades if self.clock.now >= one.time_ms + self.quirks.fills_lag_ms]
        return [*trades, *trades] if self.quirks.duplicates else list(trades)

    def open_orders(self, symbol: str) -> list[OrderState]:
        self._read()
        return [one.state for one in self.orders.values() if one.state.status == "open"]

    def cancel(self, state: OrderState, symbol: str) -> None:
        self._read()
        order = self.orders[state.venue_id]
        if order.state.status == "open":
            order.state = replace(order.state, status="canceled")

    def reset(self) -> None:
        """Forget all, as sandboxes do once a month."""
        self.orders.clear()
        self.totals = {"ETH": Decimal(1), "USD": Decimal(20_000), "BNB": Decimal(1)}
        self.numbers = 0

    def trades(self) -> list[VenueFill]:
        return [trade for order in self.orders.values() for trade in order.trades]

    def _read(self) -> None:
        self._arrivals()
        if self.quirks.unreadable > 0:
            self.quirks.unreadable -= 1
            raise Unreadable("down", wait_s=self.quirks.wait_s)

    def _arrivals(self) -> None:
        due = [one for one in self.pending if one[0] <= self.clock.now]
        self.pending = [one for one in self.pending if one[0] > self.clock.now]
        for _, request in due:
            self._accept(request)
        for order in self.orders.values():
            if order.state.status == "open" and self.clock.now >= self.quirks.rest_until_ms:
                self._fill(order)

    def _accept(self, request: OrderRequest) -> OrderState:
        price = self.price(SYMBOL)
        assert request.amount % self.market.amount_step == 0, "off the step"
        assert request.amount * price >= self.market.min_cost, "below the least cost"
        self.numbers += 1
        state = OrderState(request.cid, str(self.numbers), "open", request.amount, Decimal(0))
        order = self.orders[state.venue_id] = Resting(state, request.side, self.clock.now)
        if self.clock.now >= self.quirks.rest_until_ms:
            self._fill(order)
        return order.state

    def _fill(self, order: Resting) -> None:
        if self.quirks.empty_book or self.quirks.refuses_later:
            order.state = replace(
                order.state, status="expired" if self.quirks.empty_book else "rejected"
            )
            return
        amount = order.state.amount
        if self.quirks.partial is not None:
            amount = (amount * self.quirks.partial).quantize(self.market.amount_step)
        for part in (amount // 2, amount - amount // 2) if amount > 2 else (amount,):
            order.trades.append(self._trade(order, part))
        order.state = replace(
            order.state,
            status="closed" if amount == order.state.amount else "expired",
            filled=amount,
        )

    def _trade(self, order: Resting, amount: Decimal) -> VenueFill:
        price, buy = self.price(SYMBOL), order.side == "buy"
        currency = self.quirks.fee_currency or (
            "ETH" if buy and self.market.fee_in == "base" else "USD"
        )
        fee = (amount * RATE * (price if currency == "USD" else 1)).quantize(
            Decimal("1e-8"), ROUND_HALF_UP
        )
        self.totals["ETH"] += amount if buy else -amount
        self.totals["USD"] += -amount * price if buy else amount * price
        self.totals[currency] -= fee
        assert min(self.totals.values()) >= 0, "negative balance"
        number = f"t{order.state.venue_id}-{len(order.trades)}"
        side = "buy" if buy else "sell"
        return VenueFill(
            number, order.state.venue_id, side, amount, price, fee, currency, self.clock.now
        )


def decision(bar: int, wanted: str) -> Decision:
    """The decision of the ``bar``-th minute."""
    time_ms = START + bar * MINUTE
    return Decision(time_ms, time_ms + MINUTE, 0.6, 1, Decimal(wanted), Decimal(100), near=False)


WANTED = ("0", "5", "5", "0", "3", "7.5", "2.25", "0", "4")


@dataclass
class Session:
    """A session on the model that can be killed at named checkpoints and goes on where its ledger says."""

    path: Path
    venue: ModelVenue
    timing: Timing = ALWAYS
    kills: list[tuple[str, int]] = field(default_factory=list)
    """(checkpoint, how many times it is passed before the kill), used up one after the other."""
    deaths: int = 0
    passed: list[str] = field(default_factory=list)
    ledger_class: type[Ledger] = Ledger
    executor_class: type[Executor] = Executor

    def run(self, wanted: Sequence[str] = WANTED) -> None:
        """Work through the decisions, dying and rising as told."""
        while True:
            try:
                return self._live(wanted)
            except Killed:
                self.deaths += 1

    def _live(self, wanted: Sequence[str]) -> None:
        with self.ledger_class.open(self.path, FACTS) as ledger:
            if not ledger.epochs():
                reconcile(ledger, self.venue, self.venue.clock, price=Decimal(100))
            executor = self.executor_class(
                ledger,
                self.venue,
                self.venue.clock,
                timing=self.timing,
                checkpoint=self._checkpoint,
            )
            executor.settle()
            for bar, amount in enumerate(wanted):
                now = decision(bar, amount)
                if not ledger.decided(now.time_ms):
                    self.venue.clock.now = max(self.venue.clock.now, now.close_ms)
                    executor.act(now)
            executor.settle()

    def _checkpoint(self, name: str) -> None:
        self.passed.append(name)
        if self.kills and self.kills[0][0] == name:
            place, left = self.kills[0]
            self.kills[0] = (place, left - 1)
            if left <= 0:
                self.kills.pop(0)
                raise Killed(name)


def bookings(ledger: Ledger) -> list[tuple[int, str, Decimal, Decimal, Decimal]]:
    """What was traded, bar by bar, whatever the orders were called."""
    return [
        ((fill.time_ms - START) // MINUTE, fill.side, fill.amount, fill.price, fill.fee)
        for fill in ledger.fills()
    ]
