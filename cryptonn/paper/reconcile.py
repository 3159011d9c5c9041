"""Do the exchange's balances follow from the ledger's fills? If not, stop and say so: books are never made to agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from cryptonn.errors import DataError
from cryptonn.paper.clock import Clock
from cryptonn.paper.ledger import Ledger, OrderRow
from cryptonn.paper.ports import OrderState, Venue
from cryptonn.trading.rules import MarketRules

__all__ = ["Agreement", "Difference", "accept_venue", "differences", "reconcile"]

Agreement = Literal["opened", "agrees", "pending", "reset"]

_LOOKS = 4
_PAUSE_S = 2.0
"""Look-ups and balances may lag behind by about 5 s: so many looks, so far apart, see past that."""
_WITNESSES = 3
"""So many of the newest orders must be unknown to the exchange, all of them, for its accounts to have been reset."""


@dataclass(frozen=True)
class Difference:
    """A currency whose total at the exchange is not what the ledger comes to."""

    currency: str
    ledger: Decimal
    venue: Decimal

    def __str__(self) -> str:
        return f"{self.currency}: exchange {self.venue}, ledger {self.ledger} ({self.venue - self.ledger:+})"


def reconcile(ledger: Ledger, venue: Venue, clock: Clock, *, price: Decimal) -> Agreement:
    """Compare the account with the ledger to one step, and note the balances.

    Called at the start, once ``Executor.settle`` has had its turn, and every hour. The first call opens the first
    epoch ("opened"). A sandbox that was reset (the newest orders all unknown, other balances) opens a new one, in which
    the position is 0 and the cash is the equity at ``price`` ("reset"). While an order has no end yet nothing can be
    compared ("pending"), and none is taken for lost in a reset while it may still be on its way.

    Parameters
    ----------
    price
        Newest price, quote, for the equity after a reset.

    Raises
    ------
    DataError
        If they differ, or the account has orders that the ledger does not know; nothing is changed then.
    Unreadable
        If the exchange cannot be asked.
    """
    if not ledger.epochs():
        _refuse_foreign(ledger, venue)
        balances = venue.balances()
        ledger.epoch("start", _totals(balances), carried=Decimal(0), cash=ledger.facts.cash, at_ms=clock.now_ms())
        ledger.snapshot(balances, at_ms=clock.now_ms())
        return "opened"
    if not _is_on_its_way(ledger.unresolved(), venue) and _knows_none(ledger, venue, clock):
        if differences(ledger, venue.balances(), venue.rules(ledger.facts.symbol)):
            _begin_after_reset(ledger, venue, price, at_ms=clock.now_ms())
            return "reset"
        _end_forgotten(ledger, at_ms=clock.now_ms())
    _refuse_foreign(ledger, venue)
    if _is_at_work(ledger.unresolved()):
        return "pending"
    found = _compare(ledger, venue, clock)
    if found:
        told = "; ".join(map(str, found))
        ledger.incident("difference", told, at_ms=clock.now_ms())
        raise DataError(
            f"{ledger.path}: the account and the ledger differ. {told}. Nothing was traded or changed. Look for a "
            "deposit, withdrawal or order made elsewhere; undo it, or go on from the account as it is with "
            "--accept-venue."
        )
    return "agrees"


def accept_venue(ledger: Ledger, venue: Venue, clock: Clock) -> None:
    """Take the account as it is: cancel orders that the ledger does not know, and begin an epoch with its balances.

    The position stays what the ledger has, as far as the account still holds so much; the cash stays as it is.

    Raises
    ------
    DataError
        If an order of the session has no end yet: its fate is asked for first, by starting without the option.
    """
    order = ledger.unresolved()
    if order is not None and order.state == "OPEN" and venue.find(order.cid, ledger.facts.symbol) is None:
        _end_forgotten(ledger, at_ms=clock.now_ms())
    elif order is not None and order.state == "PLANNED":
        ledger.mark(order.cid, "DROPPED", at_ms=clock.now_ms(), reason="account accepted by hand")
    elif order is not None:
        raise DataError(f"{ledger.path}: order {order.cid} is still {order.state}. Start without --accept-venue first.")
    for state in _foreign(ledger, venue):
        venue.cancel(state, ledger.facts.symbol)
        ledger.incident("cancelled", f"order {state.venue_id} {state.cid or ''}", at_ms=clock.now_ms())
    totals = _totals(venue.balances())
    if not ledger.epochs():
        carried, cash = Decimal(0), ledger.facts.cash
    else:
        carried, cash = min(ledger.position(), totals.get(ledger.facts.base, Decimal(0))), ledger.cash()
    ledger.epoch("accepted by hand", totals, carried=carried, cash=cash, at_ms=clock.now_ms())


def differences(
    ledger: Ledger, balances: Mapping[str, tuple[Decimal, Decimal]], rules: MarketRules
) -> list[Difference]:
    """Return the currencies in which account and ledger differ by more than one step (base) or tick (others)."""
    totals, base = _totals(balances), ledger.facts.base
    steps = {base: rules.amount_step}
    compared = [
        Difference(currency, expected, totals.get(currency, Decimal(0)))
        for currency, expected in sorted(ledger.expected().items())
    ]
    return [one for one in compared if abs(one.venue - one.ledger) > steps.get(one.currency, rules.price_tick)]


def _is_at_work(order: OrderRow | None) -> bool:
    """Tell whether an order may be changing the balances; one that is only planned does not."""
    return order is not None and order.state != "PLANNED"


def _compare(ledger: Ledger, venue: Venue, clock: Clock) -> list[Difference]:
    """Return the differences that stay when looked at again: balances may lag behind fills."""
    rules = venue.rules(ledger.facts.symbol)
    found: list[Difference] = []
    for look in range(_LOOKS):
        if look:
            clock.sleep(_PAUSE_S)
        balances = venue.balances()
        found = differences(ledger, balances, rules)
        if not found:
            break
    ledger.snapshot(balances, at_ms=clock.now_ms())
    return found


def _is_on_its_way(order: OrderRow | None, venue: Venue) -> bool:
    """Tell whether an order of unclear fate may still be accepted, by an exchange that was reset too."""
    if order is None or order.state != "SENDING":
        return False
    return venue.server_ms() - (order.signed_ms or 0) <= venue.fence_ms


def _knows_none(ledger: Ledger, venue: Venue, clock: Clock) -> bool:
    """Tell whether the exchange knows none of the newest orders any more, also when it is asked again."""
    witnesses = ledger.accepted(newest=_WITNESSES)
    for look in range(_LOOKS if witnesses else 0):
        if look:
            clock.sleep(_PAUSE_S)
        if any(venue.find(order.cid, ledger.facts.symbol) is not None for order in witnesses):
            return False
    return bool(witnesses)


def _end_forgotten(ledger: Ledger, *, at_ms: int) -> None:
    """End an order at work that the exchange has forgotten, with the fills that were booked."""
    order = ledger.unresolved()
    if order is not None and order.state == "OPEN":
        ledger.incident("forgotten", f"{order.cid}: the exchange no longer knows it", at_ms=at_ms)
        ledger.mark(order.cid, "CLOSED", at_ms=at_ms, filled=ledger.booked(order.cid), reason="forgotten")


def _begin_after_reset(ledger: Ledger, venue: Venue, price: Decimal, *, at_ms: int) -> None:
    order = ledger.unresolved()
    if order is not None:
        _end_with_reset(ledger, order, at_ms=at_ms)
    balances = venue.balances()
    ledger.incident("reset", "the exchange knows none of the orders and has other balances", at_ms=at_ms)
    ledger.epoch("reset", _totals(balances), carried=Decimal(0), cash=ledger.equity(price), at_ms=at_ms)
    ledger.snapshot(balances, at_ms=at_ms)


def _end_with_reset(ledger: Ledger, order: OrderRow, *, at_ms: int) -> None:
    """End an order of which the exchange has forgotten even that it took it."""
    if order.state == "OPEN":
        ledger.mark(order.cid, "CLOSED", at_ms=at_ms, filled=ledger.booked(order.cid), reason="reset")
    elif order.state == "SENDING":
        ledger.mark(order.cid, "NOT_ACCEPTED", at_ms=at_ms, reason="reset")
    else:
        ledger.mark(order.cid, "DROPPED", at_ms=at_ms, reason="reset")


def _refuse_foreign(ledger: Ledger, venue: Venue) -> None:
    foreign = _foreign(ledger, venue)
    if foreign:
        told = ", ".join(f"{state.venue_id} ({state.cid or 'no client id'})" for state in foreign)
        raise DataError(
            f"{venue.name}: the account has orders that this session did not send: {told}. Cancel them at the "
            "exchange, use an account of its own for paper trading, or let --accept-venue cancel them."
        )


def _foreign(ledger: Ledger, venue: Venue) -> list[OrderState]:
    order = ledger.unresolved()
    own = None if order is None else order.cid
    return [state for state in venue.open_orders(ledger.facts.symbol) if state.cid is None or state.cid != own]


def _totals(balances: Mapping[str, tuple[Decimal, Decimal]]) -> dict[str, Decimal]:
    return {currency: free + used for currency, (free, used) in balances.items()}
