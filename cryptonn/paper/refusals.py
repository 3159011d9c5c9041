"""A purchase that an exchange refuses is asked for again after 1, 2, 4, ... bars, a sale at every
bar; told once.

Nothing of this is state: it is read from the orders of the last bars, so a restart goes on as if
there had been none.
"""

from itertools import takewhile

from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger import LedgerReader, OrderRow
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import NOT_SENT

__all__ = [
    "MOST_BARS",
    "REFUSED_LATER",
    "is_refused",
    "is_told",
    "is_too_soon",
    "is_unsent",
    "kind_of",
]

MOST_BARS = 16
"""Longest wait: a market that was halted may be open again."""
REFUSED_LATER = "rejected"
"""Reason of an order that the exchange took, and refused only then."""

_SIGHT_BARS = 5 * MOST_BARS
"""So far back lie the refusals that make the wait the longest, 1 + 4 doublings of a bar."""


def is_refused(order: OrderRow) -> bool:
    """Tell whether an order came to nothing for certain: refused at once or later,
    or never sent.
    """
    return order.state == "REJECTED" or (order.state == "CLOSED" and order.reason == REFUSED_LATER)


def is_unsent(order: OrderRow) -> bool:
    """Tell whether an order was refused by us, before it left."""
    return order.state == "REJECTED" and kind_of(order) == NOT_SENT


def kind_of(order: OrderRow) -> str:
    """Return the kind of reason of a refusal: its words may tell of amounts and ids."""
    return order.reason.partition(":")[0]


def is_too_soon(ledger: LedgerReader, decision: Decision, move: Move) -> bool:
    """Tell whether the move of a decision was refused so lately that it is not to be sent yet.

    Only the same move for the same wanted position waits, and only while it is refused for the same
    kind of reason. An order that never left has cost nothing, and is asked for at every bar. So is
    a sale: out of a position one wants as soon as the exchange lets one.
    """
    refused = [] if move.side == "sell" else _in_a_row(ledger, decision, move)
    if not refused or is_unsent(refused[0]):
        return False
    bars = min(1 << (len(refused) - 1), MOST_BARS)
    return decision.time_ms < refused[0].time_ms + bars * (decision.close_ms - decision.time_ms)


def is_told(ledger: LedgerReader, order: OrderRow) -> bool:
    """Tell whether it was noted of the orders lately before a refused one that they were, for the
    same kind of reason.

    A stop between an order's end and its note leaves the note to the next.
    """

    def is_alike(one: OrderRow) -> bool:
        return is_refused(one) and kind_of(one) == kind_of(order)

    def is_before(one: OrderRow) -> bool:
        return one.epoch == order.epoch and (one.time_ms, one.seq) < (order.time_ms, order.seq)

    lately = filter(is_before, _newest_first(ledger, ledger.decision(order.time_ms).decision))
    newest = next(lately, None)
    if newest is None or not is_alike(newest):
        return False
    alike = {one.cid for one in takewhile(is_alike, filter(is_before, reversed(ledger.orders())))}
    return any(
        note.detail.partition(":")[0] in alike
        for note in ledger.incidents()
        if note.kind == "rejected"
    )


def _in_a_row(ledger: LedgerReader, decision: Decision, move: Move) -> list[OrderRow]:
    """Return the newest orders, the newest first, as far as they are this move refused for one kind
    of reason.
    """
    orders = _newest_first(ledger, decision)
    since_ms = _wanted_since(ledger, decision)
    return list(
        takewhile(
            lambda order: (
                is_refused(order)
                and order.time_ms >= since_ms
                and Move(order.side, order.amount) == move
                and kind_of(order) == kind_of(orders[0])
            ),
            orders,
        )
    )


def _newest_first(ledger: LedgerReader, decision: Decision) -> list[OrderRow]:
    """Return the orders of the epoch in sight of a decision, the newest first."""
    epoch = ledger.epoch_now().n
    return [
        order
        for order in reversed(ledger.orders(since_ms=_sight_ms(decision)))
        if order.epoch == epoch
    ]


def _wanted_since(ledger: LedgerReader, decision: Decision) -> int:
    """Return the open of the first bar in sight from which on the same position was wanted at every
    bar decided on.
    """
    same = takewhile(
        lambda one: one.wanted == decision.wanted,
        (row.decision for row in reversed(ledger.decisions(since_ms=_sight_ms(decision)))),
    )
    return min((one.time_ms for one in same), default=decision.time_ms)


def _sight_ms(decision: Decision) -> int:
    return decision.time_ms - _SIGHT_BARS * (decision.close_ms - decision.time_ms)
