"""Was the sandbox reset, and which orders came after that? Then a new epoch begins."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from cryptonn.paper.balances import totals_of, unequal
from cryptonn.paper.clock import Clock
from cryptonn.paper.ledger import Ledger, LedgerReader, OrderRow
from cryptonn.paper.ledger.holding import effects
from cryptonn.paper.ports import Venue

__all__ = [
    "LOOKS",
    "PAUSE_S",
    "are_unknown",
    "begin_after_reset",
    "knows_none",
    "orders_since_reset",
]

LOOKS = 4
PAUSE_S = 2.0
"""Look-ups and balances may lag behind by about 5 s: so many looks, so far apart, see past that."""
_WITNESSES = 3
"""So many orders in a row must be unknown to the exchange, all of them,
for its accounts to have been reset.
"""
_NOTHING = Decimal(0)
_FRESH = ("start", "reset")
"""Epochs that began with what the exchange had given; one accepted by hand did not."""


def knows_none(ledger: LedgerReader, venue: Venue, clock: Clock) -> bool:
    """Tell whether the exchange knows none of the newest orders any more,
    also when it is asked again.
    """
    return are_unknown(ledger.accepted(newest=_WITNESSES), venue, clock, symbol=ledger.facts.symbol)


def are_unknown(orders: Sequence[OrderRow], venue: Venue, clock: Clock, *, symbol: str) -> bool:
    """Tell whether the exchange knows none of some orders, also when it is asked again;
    false where there are none.
    """
    for look in range(LOOKS if orders else 0):
        if look:
            clock.sleep(PAUSE_S)
        if any(venue.find(order.cid, symbol) is not None for order in orders):
            return False
    return bool(orders)


def orders_since_reset(ledger: LedgerReader, venue: Venue, clock: Clock) -> list[OrderRow]:
    """Return the newest orders if a reset came before them, the newest first; none if that is not
    certain.

    It is if the exchange knows them and none of those before, and if the account holds, to the
    step, what an epoch of the session opened with and what these orders filled. A withdrawal leaves
    the older orders known; and where an exchange forgot them, it leaves other balances.
    """
    symbol = ledger.facts.symbol
    orders = ledger.accepted()
    for count in _counts_that_explain(ledger, venue, orders):
        known = all(venue.find(order.cid, symbol) is not None for order in orders[:count])
        if known and are_unknown(orders[count:][:_WITNESSES], venue, clock, symbol=symbol):
            return orders[:count]
    return []


def begin_after_reset(
    ledger: Ledger, venue: Venue, price: Decimal, *, since: Sequence[OrderRow] = (), at_ms: int
) -> None:
    """Begin an epoch: what was held is gone, its worth at ``price`` stays in the books as cash.

    Parameters
    ----------
    since
        Orders that came after the reset: what they bought is the position. What they sold beyond
        that was the account's own.
    """
    order = ledger.unresolved()
    if order is not None:
        _end_with_reset(ledger, order, at_ms=at_ms)
    balances = venue.balances()
    which = f"the orders before {since[-1].cid}" if since else "the orders"
    ledger.incident(
        "reset", f"the exchange knows none of {which} and has other balances", at_ms=at_ms
    )
    bought = max(_effects(ledger, since)[ledger.facts.base], _NOTHING)
    cash = ledger.equity(price) - bought * price
    ledger.epoch("reset", totals_of(balances), carried=bought, cash=cash, at_ms=at_ms)
    ledger.snapshot(balances, at_ms=at_ms)


def _counts_that_explain(
    ledger: LedgerReader, venue: Venue, orders: Sequence[OrderRow]
) -> list[int]:
    """Return how many of the newest orders, on top of what an epoch opened with,
    come to the account's balances.
    """
    totals = totals_of(venue.balances())
    rules = venue.rules(ledger.facts.symbol)
    base = ledger.facts.base
    openings = [epoch.opening for epoch in ledger.epochs() if epoch.why in _FRESH]
    changed: defaultdict[str, Decimal] = defaultdict(Decimal)
    found = []
    for count, order in enumerate(orders[:-1], start=1):
        for currency, change in _effects(ledger, [order]).items():
            changed[currency] += change
        expected = [
            {name: opening.get(name, _NOTHING) + changed[name] for name in changed}
            for opening in openings
        ]
        if not all(unequal(one, totals, rules, base=base) for one in expected):
            found.append(count)
    return found


def _effects(ledger: LedgerReader, orders: Sequence[OrderRow]) -> dict[str, Decimal]:
    """Return what the fills of some orders changed, by currency."""
    fills = [fill for order in orders for fill in ledger.fills(order.cid)]
    return effects(fills, base=ledger.facts.base, quote=ledger.facts.quote)


def _end_with_reset(ledger: Ledger, order: OrderRow, *, at_ms: int) -> None:
    """End an order of which the exchange has forgotten even that it took it."""
    if order.state == "OPEN":
        ledger.mark(
            order.cid, "CLOSED", at_ms=at_ms, filled=ledger.booked(order.cid), reason="reset"
        )
    elif order.state == "SENDING":
        ledger.mark(order.cid, "NOT_ACCEPTED", at_ms=at_ms, reason="reset")
    else:
        ledger.mark(order.cid, "DROPPED", at_ms=at_ms, reason="reset")
