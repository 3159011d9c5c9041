"""Do the exchange's balances follow from the ledger's fills? If not, stop and say so:
books are never made to agree.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from cryptonn.errors import DataError
from cryptonn.paper.balances import Difference, totals_of, unequal
from cryptonn.paper.clock import Clock
from cryptonn.paper.ledger import Ledger, OrderRow
from cryptonn.paper.ports import OrderState, Venue
from cryptonn.paper.resets import (
    LOOKS,
    PAUSE_S,
    are_unknown,
    begin_after_reset,
    knows_none,
    orders_since_reset,
)
from cryptonn.trading.rules import MarketRules

__all__ = ["Agreement", "accept_venue", "differences", "reconcile"]

Agreement = Literal["opened", "agrees", "pending", "reset"]


def reconcile(ledger: Ledger, venue: Venue, clock: Clock, *, price: Decimal) -> Agreement:
    """Compare the account with the ledger to one step, and note the balances.

    Called at the start, once ``Executor.settle`` has had its turn, and every hour. The first call
    opens the first epoch ("opened"). A sandbox that was reset (the newest orders all unknown, other
    balances; or those before some that were sent since, see ``orders_since_reset``) opens a new
    one, in which the position is what was bought since, and the equity at ``price`` stays
    ("reset"). While an order has no end yet nothing can be compared ("pending"), and none is taken
    for lost in a reset while it may still be on its way, or the exchange has it.

    Parameters
    ----------
    price
        Newest price, quote, for the equity after a reset.

    Raises
    ------
    DataError
        If they differ, the account has orders that the ledger does not know, or the exchange has
        forgotten one that it had taken; nothing is changed then.
    Unreadable
        If the exchange cannot be asked.
    """
    if not ledger.epochs():
        _refuse_foreign(ledger, venue)
        balances = venue.balances()
        ledger.epoch(
            "start",
            totals_of(balances),
            carried=Decimal(0),
            cash=ledger.facts.cash,
            at_ms=clock.now_ms(),
        )
        ledger.snapshot(balances, at_ms=clock.now_ms())
        return "opened"
    if not _is_on_its_way(ledger.unresolved(), venue, ledger.facts.symbol) and knows_none(
        ledger, venue, clock
    ):
        if differences(ledger, venue.balances(), venue.rules(ledger.facts.symbol)):
            begin_after_reset(ledger, venue, price, at_ms=clock.now_ms())
            return "reset"
        _end_forgotten(ledger, at_ms=clock.now_ms())
    _refuse_foreign(ledger, venue)
    if _is_at_work(ledger.unresolved()):
        _refuse_forgotten(ledger, venue, clock)
        return "pending"
    found = _compare(ledger, venue, clock)
    if found:
        since = orders_since_reset(ledger, venue, clock)
        if since:
            begin_after_reset(ledger, venue, price, since=since, at_ms=clock.now_ms())
            return "reset"
        told = "; ".join(map(str, found))
        ledger.incident("difference", told, at_ms=clock.now_ms())
        raise DataError(
            f"{ledger.path}: the account and the ledger differ. {told}. Nothing was traded or "
            "changed. Look for a deposit, withdrawal or order made elsewhere; undo it, or go on "
            "from the account as it is with --accept-venue."
        )
    return "agrees"


def accept_venue(ledger: Ledger, venue: Venue, clock: Clock) -> None:
    """Take the account as it is: cancel orders that the ledger does not know, and begin an epoch
    with its balances.

    The position stays what the ledger has, as far as the account still holds so much; the cash
    stays as it is.

    Raises
    ------
    DataError
        If an order of the session has no end yet: its fate is asked for first, by starting without
        the option.
    """
    order = ledger.unresolved()
    if (
        order is not None
        and order.state == "OPEN"
        and venue.find(order.cid, ledger.facts.symbol) is None
    ):
        _end_forgotten(ledger, at_ms=clock.now_ms())
    elif order is not None and order.state == "PLANNED":
        ledger.mark(order.cid, "DROPPED", at_ms=clock.now_ms(), reason="account accepted by hand")
    elif order is not None:
        raise DataError(
            f"{ledger.path}: order {order.cid} is still {order.state}. Start without "
            "--accept-venue first."
        )
    for state in _foreign(ledger, venue):
        venue.cancel(state, ledger.facts.symbol)
        ledger.incident(
            "cancelled", f"order {state.venue_id} {state.cid or ''}", at_ms=clock.now_ms()
        )
    totals = totals_of(venue.balances())
    if not ledger.epochs():
        carried = Decimal(0)
        cash = ledger.facts.cash
    else:
        carried = min(ledger.position(), totals.get(ledger.facts.base, Decimal(0)))
        cash = ledger.cash()
    ledger.epoch("accepted by hand", totals, carried=carried, cash=cash, at_ms=clock.now_ms())


def differences(
    ledger: Ledger, balances: Mapping[str, tuple[Decimal, Decimal]], rules: MarketRules
) -> list[Difference]:
    """Return the currencies in which account and ledger differ by more than one step (base) or tick
    (others).
    """
    return unequal(ledger.expected(), totals_of(balances), rules, base=ledger.facts.base)


def _is_at_work(order: OrderRow | None) -> bool:
    """Tell whether an order may be changing the balances; one that is only planned does not."""
    return order is not None and order.state != "PLANNED"


def _compare(ledger: Ledger, venue: Venue, clock: Clock) -> list[Difference]:
    """Return the differences that stay when looked at again: balances may lag behind fills."""
    rules = venue.rules(ledger.facts.symbol)
    found: list[Difference] = []
    for look in range(LOOKS):
        if look:
            clock.sleep(PAUSE_S)
        balances = venue.balances()
        found = differences(ledger, balances, rules)
        if not found:
            break
    ledger.snapshot(balances, at_ms=clock.now_ms())
    return found


def _is_on_its_way(order: OrderRow | None, venue: Venue, symbol: str) -> bool:
    """Tell whether an order of unclear fate may still be accepted,
    by an exchange that was reset too, or was.
    """
    if order is None or order.state != "SENDING":
        return False
    if venue.server_ms() - (order.signed_ms or 0) <= venue.fence_ms:
        return True
    return venue.find(order.cid, symbol) is not None


def _end_forgotten(ledger: Ledger, *, at_ms: int) -> None:
    """End an order at work that the exchange has forgotten, with the fills that were booked."""
    order = ledger.unresolved()
    if order is not None and order.state == "OPEN":
        ledger.incident("forgotten", f"{order.cid}: the exchange no longer knows it", at_ms=at_ms)
        ledger.mark(
            order.cid, "CLOSED", at_ms=at_ms, filled=ledger.booked(order.cid), reason="forgotten"
        )


def _refuse_forgotten(ledger: Ledger, venue: Venue, clock: Clock) -> None:
    """Stop where the exchange knows other orders, and not the one that rests there:
    it would be waited for for ever.
    """
    order = ledger.unresolved()
    if (
        order is not None
        and order.state == "OPEN"
        and are_unknown([order], venue, clock, symbol=ledger.facts.symbol)
    ):
        raise DataError(
            f"{venue.name}: order {order.cid} ({order.venue_id}), which the exchange had taken, is "
            "unknown to it now. Compare with the exchange's own list, then go on from the account "
            "as it is with --accept-venue."
        )


def _refuse_foreign(ledger: Ledger, venue: Venue) -> None:
    foreign = _foreign(ledger, venue)
    if foreign:
        told = ", ".join(f"{state.venue_id} ({state.cid or 'no client id'})" for state in foreign)
        raise DataError(
            f"{venue.name}: the account has orders that this session did not send: {told}. Cancel "
            "them at the exchange, use an account of its own for paper trading, or let "
            "--accept-venue cancel them."
        )


def _foreign(ledger: Ledger, venue: Venue) -> list[OrderState]:
    order = ledger.unresolved()
    own = None if order is None else order.cid
    return [
        state
        for state in venue.open_orders(ledger.facts.symbol)
        if state.cid is None or state.cid != own
    ]
