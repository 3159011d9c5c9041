"""Where a session stands, as its ledger tells at a moment; reading it changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cryptonn.errors import DataError
from cryptonn.locks import signer_lives, signer_of
from cryptonn.paper.identity import recorded_rules
from cryptonn.paper.ledger import (
    CandleRow,
    DecisionRow,
    EpochRow,
    FillRow,
    IncidentRow,
    LedgerReader,
    OrderRow,
    SessionFacts,
)
from cryptonn.paper.ledger.holding import effects
from cryptonn.paper.ledger.schema import OrderPhase
from cryptonn.paper.planner import out_of_reach
from cryptonn.paper.tally import Outcome, tally
from cryptonn.paper.unsendable import Told, standing
from cryptonn.paper.view.curve import CurvePoint, equity_curve
from cryptonn.trading.rules import RefusedOrder

__all__ = ["Freshness", "Funds", "OpenOrder", "Reach", "Status", "read_status"]

_MINUTE_MS = 60_000
_NEWEST_INCIDENTS = 10
_FEED_BARS = 3
"""Closed bars without a candle after which the feed counts as stale;
a minute without trades has none.
"""
_SESSION_BARS = 2
"""Closed bars without a decision after which the session counts as stale."""


@dataclass(frozen=True)
class OpenOrder:
    """An order that has no end yet. ``booked`` is what its fills come to so far, base;
    ``age_ms`` since its plan.
    """

    cid: str
    side: str
    amount: Decimal
    booked: Decimal
    state: OrderPhase
    age_ms: int


@dataclass(frozen=True)
class Funds:
    """What the strategy has: ``position`` in base as the account holds it, the rest in quote.

    ``equity`` is ``cash`` and the position at the newest close; ``fees`` are the commissions paid,
    by currency.
    """

    position: Decimal
    cash: Decimal
    equity: Decimal
    start_cash: Decimal
    fees: Mapping[str, Decimal]

    @property
    def profit(self) -> Decimal:
        """Equity less the cash of the session's start."""
        return self.equity - self.start_cash

    @property
    def profit_share(self) -> Decimal:
        """Profit as a fraction of the cash of the session's start."""
        return self.profit / self.start_cash if self.start_cash else Decimal(0)


@dataclass(frozen=True)
class Reach:
    """Why the position is not the one wanted, though no order is on its way.

    Parameters
    ----------
    rest
        What lies between the two and cannot be traded; None where nothing does.
    owed
        What commissions in base took of the position, base: it is not bought back.
    told
        What the session noted of orders that cannot be sent, and has not been possible since, each
        with the time.
    """

    rest: RefusedOrder | None = None
    owed: Decimal = Decimal(0)
    told: tuple[tuple[int, Told], ...] = ()


@dataclass(frozen=True)
class Freshness:
    """Whether anything still happens.

    Parameters
    ----------
    running
        Whether the process that opened the session lives; None where that cannot be known.
    process
        Its number at the system, by which it can be ended; None where nobody signed.
    feed_age_ms, decision_age_ms
        Since the close of the newest candle, and of the newest bar decided on; None before the
        first.
    feed_stale, session_stale
        No candle for three bars; no decision for two.
    """

    running: bool | None
    process: int | None
    feed_age_ms: int | None
    decision_age_ms: int | None
    feed_stale: bool
    session_stale: bool


@dataclass(frozen=True)
class Status:
    """Where a session stands at ``now_ms``; times are milliseconds UTC.

    Parameters
    ----------
    name
        Of the session.
    facts
        Its run, exchange, symbol and start.
    bar_ms, next_close_ms
        Length of a bar, and when the bar in progress closes.
    candle
        The newest closed candle of the symbol; None before the first.
    decision
        The newest decision; None before the first. Its ``wanted`` is what ``funds.position`` is led
        to.
    order
        The order that has no end yet, if any.
    reach
        What keeps the position from being the one wanted.
    orders, trades, fills
        How many orders there are of each outcome that occurs, positions were closed, executions
        were booked.
    incidents, incident_count
        The newest ten, the newest first, and how many there are.
    curve
        Equity at the closes of candles, at most about 1,500 points.
    """

    name: str
    facts: SessionFacts
    now_ms: int
    bar_ms: int
    next_close_ms: int
    candle: CandleRow | None
    decision: DecisionRow | None
    funds: Funds
    order: OpenOrder | None
    reach: Reach
    orders: Mapping[Outcome, int]
    trades: int
    fills: int
    incidents: tuple[IncidentRow, ...]
    incident_count: int
    freshness: Freshness
    curve: tuple[CurvePoint, ...]


def read_status(reader: LedgerReader, *, now_ms: int) -> Status:
    """Return where a session stands.

    Parameters
    ----------
    reader
        Its ledger; all is read as of one moment, also while the session writes.
    now_ms
        The session's time now: the machine's, or that of the local exchange which it trades on.

    Raises
    ------
    DataError
        If the session has not been written down yet, or the database is damaged.
    """
    with reader.at_once():
        return _status(reader, now_ms)


def _status(reader: LedgerReader, now_ms: int) -> Status:
    facts = reader.facts
    decision = reader.newest_decision()
    candle = reader.newest_candle(facts.target)
    bar_ms = (
        _MINUTE_MS if decision is None else decision.decision.close_ms - decision.decision.time_ms
    )
    epochs = reader.epochs()
    fills = reader.fills()
    incidents = reader.incidents()
    price = Decimal(0) if candle is None else Decimal(str(candle.close))
    orders = reader.orders()
    candle_ms = None if candle is None else candle.time_ms + bar_ms
    decision_ms = None if decision is None else decision.decision.close_ms
    return Status(
        name=reader.path.parent.name,
        facts=facts,
        now_ms=now_ms,
        bar_ms=bar_ms,
        next_close_ms=(now_ms // bar_ms + 1) * bar_ms,
        candle=candle,
        decision=decision,
        funds=_funds(facts, epochs, fills, price),
        order=_open_order(reader, now_ms),
        reach=_reach(reader, decision, told=_told(epochs, incidents, orders, bar_ms)),
        orders=tally(orders),
        trades=reader.trades_closed(),
        fills=len(fills),
        incidents=tuple(incidents[: -_NEWEST_INCIDENTS - 1 : -1]),
        incident_count=len(incidents),
        freshness=_freshness(reader, candle_ms, decision_ms, now_ms=now_ms, bar_ms=bar_ms),
        curve=equity_curve(reader, epochs, fills, bar_ms=bar_ms),
    )


def _told(
    epochs: Sequence[EpochRow],
    incidents: Sequence[IncidentRow],
    orders: Sequence[OrderRow],
    bar_ms: int,
) -> tuple[tuple[int, Told], ...]:
    since_ms = epochs[-1].at_ms if epochs else 0
    found = standing(incidents, orders, since_ms=since_ms, bar_ms=bar_ms)
    return tuple((incident.at_ms, told) for incident, told in found)


def _reach(
    reader: LedgerReader, row: DecisionRow | None, *, told: tuple[tuple[int, Told], ...]
) -> Reach:
    """Return what keeps the position from being the one wanted;
    without the market's rules only what was told.
    """
    if row is None or reader.unresolved() is not None:
        return Reach(told=told)
    try:
        rules = recorded_rules(reader.facts)
    except DataError:
        return Reach(told=told)
    decision = row.decision
    holding = reader.holding(step=rules.amount_step)
    rest = out_of_reach(decision.wanted, holding.net, rules, decision.close, owed=holding.owed)
    return Reach(rest, holding.owed if decision.wanted else Decimal(0), told)


def _funds(
    facts: SessionFacts, epochs: Sequence[EpochRow], fills: Sequence[FillRow], price: Decimal
) -> Funds:
    fees: dict[str, Decimal] = {}
    for fill in fills:
        fees[fill.fee_currency] = fees.get(fill.fee_currency, Decimal(0)) + fill.fee
    position = Decimal(0)
    cash = facts.cash
    if epochs:
        now = epochs[-1]
        changed = effects(
            (fill for fill in fills if fill.epoch == now.n), base=facts.base, quote=facts.quote
        )
        position = now.carried + changed[facts.base]
        cash = now.cash + changed[facts.quote]
    return Funds(position, cash, cash + position * price, facts.cash, fees)


def _freshness(
    reader: LedgerReader,
    candle_ms: int | None,
    decision_ms: int | None,
    *,
    now_ms: int,
    bar_ms: int,
) -> Freshness:
    started_ms = reader.facts.started_ms
    lock = reader.path.with_name(f"{reader.path.name}.lock")
    return Freshness(
        running=signer_lives(lock),
        process=signer_of(lock),
        feed_age_ms=None if candle_ms is None else max(0, now_ms - candle_ms),
        decision_age_ms=None if decision_ms is None else max(0, now_ms - decision_ms),
        feed_stale=now_ms - (candle_ms or started_ms) > _FEED_BARS * bar_ms,
        session_stale=now_ms - (decision_ms or started_ms) > _SESSION_BARS * bar_ms,
    )


def _open_order(reader: LedgerReader, now_ms: int) -> OpenOrder | None:
    order = reader.unresolved()
    if order is None:
        return None
    planned_ms = reader.events(order.cid)[0].at_ms
    booked = reader.booked(order.cid)
    return OpenOrder(
        order.cid, order.side, order.amount, booked, order.state, max(0, now_ms - planned_ms)
    )
