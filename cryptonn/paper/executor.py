"""Move the exchange's position to the one wanted, so that a stop at any moment neither repeats nor
loses an order.

    decision + PLANNED ─commit→ SENDING ─commit→ one request ─→ reply: OPEN ─→ fills until they sum
    up ─→ CLOSED
                                                         └─→ no clear reply: look up by client id
                                                         until it is found,
                                                             or the time fence has passed and it
                                                             still is not

A client id goes out once. Whatever is unclear stays SENDING until the exchange has said what became
of it; no other order is sent meanwhile. Time, network and the points where tests stop the process
are handed in.
"""

from collections.abc import Callable
from decimal import Decimal

from cryptonn.paper.clock import Clock
from cryptonn.paper.decision import Decision
from cryptonn.paper.inquiry import Inquiry, Timing
from cryptonn.paper.ledger import Ledger, OrderRow
from cryptonn.paper.ledger.schema import UNRESOLVED
from cryptonn.paper.planner import Move, out_of_reach, plan
from cryptonn.paper.ports import ClockOff, OrderState, Rejected, Unknown, Unreadable, Venue
from cryptonn.paper.refusals import MOST_BARS, is_refused, is_told, is_too_soon, is_unsent
from cryptonn.paper.unsendable import new_notes
from cryptonn.trading.rules import RefusedOrder

__all__ = ["CLOCK_OFF", "Executor"]

CLOCK_OFF = "clock"
"""Reason of an order that was not accepted because of its time."""

_NO_PENDING = Decimal(0)


def _nothing(_: str) -> None:
    return None


class Executor:
    """The only sender of orders of a session.

    Parameters
    ----------
    checkpoint
        Called with the name of each boundary as it is passed: "decided", "planned", "sending",
        "sent", "acked", "collected", "fills", "closed", "unknown", "found", "fenced", "rejected",
        "settled".
    """

    def __init__(
        self,
        ledger: Ledger,
        venue: Venue,
        clock: Clock,
        *,
        timing: Timing | None = None,
        checkpoint: Callable[[str], None] = _nothing,
    ) -> None:
        self._ledger = ledger
        self._venue = venue
        self._clock = clock
        self._timing = timing or Timing()
        self._checkpoint = checkpoint
        self._symbol = ledger.facts.symbol
        self._rules = venue.rules(self._symbol)
        self._inquiry = Inquiry(ledger, venue, clock, timing=self._timing, checkpoint=checkpoint)

    def act(self, decision: Decision) -> None:
        """Write a decision down and send the order it asks for, if any; a bar already decided on is
        left as it is.

        While an order of unclear fate is about, once the bar's successor has closed, or soon after
        the same purchase was refused, the decision is written down without an order. What cannot be
        sent, as it is too small, is noted with the decision, once; see ``unsendable``.

        Raises
        ------
        Rejected
            If the exchange will take no order at all: keys or permissions.
        CryptonnError
            If the ledger cannot be written, or a safety check fails: no order goes out then.
        """
        if self._ledger.decided(decision.time_ms):
            self.settle()
            return
        self._checkpoint("decided")
        move = self._move_after_settling(decision)
        notes = new_notes(self._ledger, decision, self._rest(decision))
        order = self._ledger.plan(decision, move, at_ms=self._now(), incidents=notes)
        self._checkpoint("planned")
        self._go_on(order if order is None else self._execute(order))

    def settle(self, *, patience_s: float | None = None) -> bool:
        """Bring an order that has no end yet to its end, and tell whether there is none left.

        Parameters
        ----------
        patience_s
            Wait so long for fills instead of ``Timing.patience_s``; an order of unclear fate always
            gets the time that the exchange's fence needs.
        """
        order = self._ledger.unresolved()
        if order is not None and not self._inquiry.quiet():
            order = self._resolve(
                order, None, self._timing.patience_s if patience_s is None else patience_s
            )
        return self._go_on(order)

    def look_up(self) -> None:
        """Ask what became of an order that left, or may have; send nothing.

        At a start this comes before the account is compared with the ledger, and ``settle`` after
        it: an order that was planned, or is to be sent anew, leaves only once they agree.
        """
        order = self._ledger.unresolved()
        if order is None or self._inquiry.quiet():
            return
        if order.state == "PLANNED" and self._inquiry.seen(order):
            order = self._restored(order)
        if order.state != "PLANNED":
            self._resolve(order, None, self._timing.patience_s)

    def _restored(self, order: OrderRow) -> OrderRow:
        """Set back a planned order that the exchange has: it went out, and the ledger lost it."""
        self._incident("restored", f"{order.cid}: the exchange has it, so the ledger was set back")
        return self._ledger.mark(order.cid, "SENDING", at_ms=self._now(), signed_ms=self._now())

    def _move_after_settling(self, decision: Decision) -> Move | None:
        self.settle(patience_s=0.0)
        open_order = self._ledger.unresolved()
        if open_order is not None and open_order.state == "OPEN":
            if self._leads_to(open_order, decision):
                return None
            open_order = self._cancelled(open_order)
        if open_order is not None:
            self._incident(
                "skipped", f"{decision.bar}: order {open_order.cid} is still {open_order.state}"
            )
            return None
        if self._inquiry.quiet():
            self._incident(
                "skipped", f"{decision.bar}: the exchange has asked for no requests until later"
            )
            return None
        if self._now() >= 2 * decision.close_ms - decision.time_ms:
            self._incident(
                "late", f"{decision.bar}: the next bar has closed before an order could be sent"
            )
            return None
        move = self._move(decision)
        return None if move is None or is_too_soon(self._ledger, decision, move) else move

    def _leads_to(self, resting: OrderRow, decision: Decision) -> bool:
        """Tell whether nothing is left to do once an order that rests at the exchange is filled."""
        rest = resting.amount - self._ledger.booked(resting.cid)
        return self._move(decision, pending=rest if resting.side == "buy" else -rest) is None

    def _cancelled(self, resting: OrderRow) -> OrderRow | None:
        """Cancel an order, and return it if it has no end all the same;
        it may have been filled meanwhile.
        """
        try:
            state = self._venue.find(resting.cid, self._symbol)
            if state is not None and state.status == "open":
                self._ledger.note(resting.cid, "cancel asked for", at_ms=self._now())
                self._venue.cancel(state, self._symbol)
        except Unreadable as error:
            self._inquiry.unreadable(resting, error)
        self.settle()
        return self._ledger.unresolved()

    def _move(self, decision: Decision, *, pending: Decimal = _NO_PENDING) -> Move | None:
        holding = self._ledger.holding(step=self._rules.amount_step)
        return plan(
            decision.wanted, holding.net + pending, self._rules, decision.close, owed=holding.owed
        )

    def _rest(self, decision: Decision) -> RefusedOrder | None:
        """Return what lies between the position held and the one wanted and no order can change."""
        if self._ledger.unresolved() is not None:
            return None
        holding = self._ledger.holding(step=self._rules.amount_step)
        return out_of_reach(
            decision.wanted, holding.net, self._rules, decision.close, owed=holding.owed
        )

    def _go_on(self, order: OrderRow | None) -> bool:
        """Send anew what was not accepted, where that is allowed, until nothing is left to do."""
        while order is None or order.state not in UNRESOLVED:
            anew = self._planned_anew()
            if anew is None:
                self._checkpoint("settled")
                return True
            order = self._execute(anew)
        return False

    def _planned_anew(self) -> OrderRow | None:
        newest = None if self._inquiry.quiet() else self._ledger.newest_decision()
        orders = [] if newest is None else self._ledger.orders_of(newest.decision.time_ms)
        if newest is None or not orders or orders[-1].state != "NOT_ACCEPTED":
            return None
        clock_off = (
            orders[-1].reason == CLOCK_OFF
            and sum(order.reason == CLOCK_OFF for order in orders) == 1
        )
        within_s = max(self._timing.resend_within_s, self._timing.fresh_s if clock_off else 0.0)
        if not self._is_within(orders[-1], newest.decision.close_ms + round(1000 * within_s)):
            return None
        move = self._move(newest.decision)
        return (
            None
            if move is None
            else self._ledger.plan_again(newest.decision.time_ms, move, at_ms=self._now())
        )

    def _execute(self, order: OrderRow) -> OrderRow:
        order, state = self._send(order)
        return self._resolve(order, state, self._timing.patience_s)

    def _resolve(self, order: OrderRow, state: OrderState | None, patience_s: float) -> OrderRow:
        """Follow an order through the states it may be in; ``state`` is what the exchange has just
        said of it.
        """
        if order.state == "PLANNED":
            order, state = self._leftover(order)
        if order.state == "SENDING":
            order, state = self._inquiry.look_up(order)
        if order.state == "OPEN":
            order = self._inquiry.collect(order, state, patience_s)
            if is_refused(order):
                self._tell(order, "the exchange took it, and refused it then.")
        return order

    def _leftover(self, order: OrderRow) -> tuple[OrderRow, OrderState | None]:
        """Send an order that was planned before a stop, unless it is old,
        or went out and the ledger lost it.
        """
        seen = self._inquiry.seen(order)
        if seen is None:
            return order, None
        if seen:
            return self._restored(order), None
        close_ms = self._ledger.decision(order.time_ms).decision.close_ms
        fresh = self._is_within(order, close_ms + round(1000 * self._timing.fresh_s))
        if fresh is None:
            return order, None
        if fresh:
            return self._send(order)
        return self._ledger.mark(
            order.cid, "DROPPED", at_ms=self._now(), reason="too old after a stop"
        ), None

    def _is_within(self, order: OrderRow, end_ms: int) -> bool | None:
        """Tell whether it is before ``end_ms``, here and at the exchange;
        None if that cannot be asked for now.
        """
        return self._now() < end_ms and self._inquiry.is_within(order, end_ms)

    def _send(self, order: OrderRow) -> tuple[OrderRow, OrderState | None]:
        """Send an order, once and for all; it is SENDING on the disk before anything leaves."""
        self._venue.check()
        now = self._now()
        order = self._ledger.mark(order.cid, "SENDING", at_ms=now, signed_ms=now)
        self._checkpoint("sending")
        try:
            state = self._venue.send(order.request(self._symbol))
        except Rejected as error:
            return self._refused(order, error), None
        except ClockOff as error:
            self._checkpoint("sent")
            self._incident("clock", f"{order.cid}: {error}")
            return self._inquiry.not_accepted(order, CLOCK_OFF), None
        except Unknown as error:
            self._checkpoint("sent")
            self._ledger.note(order.cid, str(error), at_ms=self._now())
            return order, None
        self._checkpoint("sent")
        return self._inquiry.opened(order, state)

    def _refused(self, order: OrderRow, error: Rejected) -> OrderRow:
        self._checkpoint("sent")
        order = self._ledger.mark(order.cid, "REJECTED", at_ms=self._now(), reason=error.reason)
        self._tell(order, str(error))
        self._checkpoint("rejected")
        if error.halts:
            raise error
        return order

    def _tell(self, order: OrderRow, why: str) -> None:
        """Note that an order was refused, unless that was noted of those before it,
        for the same kind of reason.
        """
        if not is_told(self._ledger, order):
            waits = order.side == "buy" and not is_unsent(order)
            bars = f"after 1, 2, 4, ... bars, at most {MOST_BARS}" if waits else "after every bar"
            again = (
                f"The same order is {'asked for' if is_unsent(order) else 'sent'} again {bars}; "
                "this is noted once"
            )
            self._incident("rejected", f"{order.cid}: {why} {again}")

    def _incident(self, kind: str, detail: str) -> None:
        self._ledger.incident(kind, detail, at_ms=self._now())

    def _now(self) -> int:
        return self._clock.now_ms()
