"""Find out what became of an order, from the exchange itself: is it there, and what was filled?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptonn.paper.clock import Clock
from cryptonn.paper.ledger import Ledger, OrderRow
from cryptonn.paper.ports import OrderState, Unreadable, Venue
from cryptonn.paper.soundness import unsound_fills, unsound_state

__all__ = ["Inquiry", "Timing"]

_SKEW_MS = 60_000
"""A time signed further ahead of the exchange's than this is not waited for:
it would be refused anyhow.
"""


@dataclass(frozen=True)
class Timing:
    """How long the executor waits, in seconds.

    Parameters
    ----------
    patience_s
        For fills that lag behind their order, and for an exchange that does not answer, before
        giving back control.
    lag_s
        That a fresh order may stay unseen by look-ups, on top of the exchange's time fence.
    fresh_s
        After the close of a bar within which an order planned before a stop is still sent.
    resend_within_s
        After the close of a bar within which an order that was not accepted is sent anew under
        another client id; by default never: the next bar works out what to do from the true
        position.
    poll_s, slowest_poll_s
        First and longest pause between two look-ups; it doubles in between.
    """

    patience_s: float = 20.0
    lag_s: float = 5.0
    fresh_s: float = 30.0
    resend_within_s: float = 0.0
    poll_s: float = 0.25
    slowest_poll_s: float = 4.0


class Inquiry:
    """What the executor asks about orders, and books of the answers.

    Parameters
    ----------
    checkpoint
        Called with the name of each boundary as it is passed.
    """

    def __init__(
        self,
        ledger: Ledger,
        venue: Venue,
        clock: Clock,
        *,
        timing: Timing,
        checkpoint: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._venue = venue
        self._clock = clock
        self._timing = timing
        self._checkpoint = checkpoint
        self._symbol = ledger.facts.symbol
        self._anchors: dict[str, int] = {}
        self._quiet_until_ms = 0

    def quiet(self) -> bool:
        """Tell whether the exchange has asked to be left alone until later."""
        return self._now() < self._quiet_until_ms

    def not_accepted(self, order: OrderRow, reason: str) -> OrderRow:
        """Write down that an order is not at the exchange and never will be."""
        order = self._ledger.mark(order.cid, "NOT_ACCEPTED", at_ms=self._now(), reason=reason)
        self._checkpoint("fenced")
        return order

    def opened(
        self, order: OrderRow, state: OrderState, *, looked_up: bool = False
    ) -> tuple[OrderRow, OrderState | None]:
        """Take the exchange's word for an order, if it is about that order."""
        fault = unsound_state(state, order, self._ledger, looked_up=looked_up)
        if fault is not None:
            self._ledger.note(order.cid, f"reply not believed: {fault}", at_ms=self._now())
            return order, None
        order = self._ledger.mark(order.cid, "OPEN", at_ms=self._now(), venue_id=state.venue_id)
        self._checkpoint("acked")
        return order, state

    def seen(self, order: OrderRow) -> bool | None:
        """Tell whether the exchange has an order; None if it cannot be asked for now."""
        for _ in self._polls(self._timing.patience_s):
            try:
                return self._venue.find(order.cid, self._symbol) is not None
            except Unreadable as error:
                self.unreadable(order, error)
        return None

    def is_within(self, order: OrderRow, end_ms: int) -> bool | None:
        """Tell whether it is earlier than ``end_ms`` at the exchange; None if it cannot be asked
        for now.

        Our own clock may be wrong, and would then send an old order.
        """
        try:
            return self._venue.server_ms() < end_ms
        except Unreadable as error:
            self.unreadable(order, error)
            return None

    def look_up(self, order: OrderRow) -> tuple[OrderRow, OrderState | None]:
        """Ask what became of an order of unclear fate, until it is found or can no longer be
        accepted.
        """
        self._checkpoint("unknown")
        fence_ms = self._venue.fence_ms + round(1000 * self._timing.lag_s)
        for _ in self._polls(fence_ms / 1000 + self._timing.patience_s, also_after_ms=fence_ms + 1):
            try:
                now = self._venue.server_ms()
                state = self._venue.find(order.cid, self._symbol)
            except Unreadable as error:
                self.unreadable(order, error)
                continue
            if state is not None:
                order, state = self.opened(order, state, looked_up=True)
                if state is not None:
                    self._checkpoint("found")
                    return order, state
            elif now - self._anchor(order, now) > fence_ms:
                return self.not_accepted(
                    order, "the exchange does not know it, and the time fence has passed"
                ), None
        return order, None

    def unreadable(self, order: OrderRow, error: Unreadable) -> None:
        """Write down that the exchange could not be asked about an order;
        raise on what asking again cannot mend.
        """
        self._ledger.note(order.cid, str(error), at_ms=self._now())
        if error.halts:
            raise error
        if error.wait_s > 0:
            self._quiet_until_ms = self._now() + round(1000 * error.wait_s)

    def _anchor(self, order: OrderRow, server_ms: int) -> int:
        """Return a time of the exchange at which the request had been signed for sure.

        Not the time that was written down before: a machine may sleep between writing and signing.
        Whoever looks an order up sends it no more, so it was signed before the first look-up.
        """
        signed_ms = min(order.signed_ms or 0, server_ms + _SKEW_MS)
        return self._anchors.setdefault(order.cid, max(signed_ms, server_ms))

    def collect(self, order: OrderRow, state: OrderState | None, patience_s: float) -> OrderRow:
        """Book the fills of an order until they come to what the exchange says is filled,
        then close it.
        """
        for _ in self._polls(patience_s):
            try:
                state = state or self._venue.find(order.cid, self._symbol)
                if state is not None and self._booked_whole(order, state):
                    order = self._ledger.mark(
                        order.cid,
                        "CLOSED",
                        at_ms=self._now(),
                        filled=state.filled,
                        reason=_outcome(state),
                    )
                    self._checkpoint("closed")
                    return order
            except Unreadable as error:
                self.unreadable(order, error)
            state = None
        return order

    def _booked_whole(self, order: OrderRow, state: OrderState) -> bool:
        fault = unsound_state(state, order, self._ledger)
        if fault is None and state.filled != self._ledger.booked(order.cid):
            fills = self._venue.fills(state, self._symbol)
            fault = unsound_fills(fills, order)
            self._checkpoint("collected")
            if fault is None:
                self._ledger.add_fills(order.cid, fills)
                self._checkpoint("fills")
        if fault is not None:
            self._ledger.note(order.cid, f"reply not believed: {fault}", at_ms=self._now())
            return False
        return state.status != "open" and state.filled == self._ledger.booked(order.cid)

    def _polls(self, seconds: float, *, also_after_ms: int = 0) -> Iterator[None]:
        """Give a turn now, and further ones with growing pauses until the time is over.

        An exchange that wants to be left alone for longer than that gets no further turn.

        Parameters
        ----------
        also_after_ms
            A moment, from now, at which there is a turn in any case.
        """
        start_ms = self._now()
        pause_ms = round(1000 * self._timing.poll_s)
        stop_ms = start_ms + round(1000 * seconds)
        while True:
            yield
            now_ms = self._now()
            if max(now_ms, self._quiet_until_ms) >= stop_ms:
                return
            ahead_ms = start_ms + also_after_ms - now_ms
            wait_ms = min(pause_ms, ahead_ms) if ahead_ms > 0 else pause_ms
            self._clock.sleep(max(wait_ms, self._quiet_until_ms - now_ms) / 1000)
            pause_ms = min(2 * pause_ms, round(1000 * self._timing.slowest_poll_s))

    def _now(self) -> int:
        return self._clock.now_ms()


def _outcome(state: OrderState) -> str:
    """Return how an order ended: "filled", "partial" or, with nothing filled,
    the exchange's word.
    """
    if state.filled == state.amount:
        return "filled"
    return "partial" if state.filled else state.status
