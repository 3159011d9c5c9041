"""What became of orders, counted; the report and the views count with it,
so that they never say different things.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from cryptonn.paper.ledger import OrderRow
from cryptonn.paper.ledger.schema import OrderPhase
from cryptonn.paper.refusals import is_refused, is_unsent

__all__ = ["Outcome", "outcome", "tally"]

Outcome = OrderPhase | Literal["NOT_SENT"]
"""State of an order, but REJECTED for every one that the exchange refused,
and NOT_SENT for those that never left.
"""


def outcome(order: OrderRow) -> Outcome:
    """Return what became of an order: one that was taken and refused then was refused,
    not closed.
    """
    if not is_refused(order):
        return order.state
    return "NOT_SENT" if is_unsent(order) else "REJECTED"


def tally(orders: Iterable[OrderRow]) -> Counter[Outcome]:
    """Count orders by what became of them."""
    return Counter(map(outcome, orders))
