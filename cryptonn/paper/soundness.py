"""Does a reply speak of the order that was asked about? A reply that does not counts as none."""

from collections.abc import Sequence

from cryptonn.paper.ledger import LedgerReader, OrderRow
from cryptonn.paper.ports import OrderState, VenueFill

__all__ = ["unsound_fills", "unsound_state"]


def unsound_state(
    state: OrderState, order: OrderRow, ledger: LedgerReader, *, looked_up: bool = False
) -> str | None:
    """Return what is wrong with the exchange's word on an order, or None if nothing is.

    Parameters
    ----------
    looked_up
        It was asked for by the client id: then an order id that another order has means that the
        exchange was reset and counts anew. In a reply to an order it may be another order's reply.
    """
    if state.cid is not None and state.cid != order.cid:
        return f"it is about {state.cid}"
    if not state.venue_id:
        return "it has no order id"
    if order.venue_id is not None and state.venue_id != order.venue_id:
        return f"its order id is {state.venue_id}, but was {order.venue_id}"
    if state.amount != order.amount:
        return f"its amount is {state.amount} instead of {order.amount}"
    if not 0 <= state.filled <= state.amount:
        return f"{state.filled} of {state.amount} cannot be filled"
    if (state.status == "closed") != (state.filled == state.amount):
        return f"it is {state.status} with {state.filled} of {state.amount} filled"
    owner = None if looked_up and state.cid == order.cid else ledger.cid_of(state.venue_id)
    return (
        f"order id {state.venue_id} is that of {owner}" if owner not in (None, order.cid) else None
    )


def unsound_fills(fills: Sequence[VenueFill], order: OrderRow) -> str | None:
    """Return what is wrong with the executions said to be an order's, or None if nothing is."""
    for fill in fills:
        if fill.venue_id != order.venue_id or fill.side != order.side:
            return f"trade {fill.trade_id} is a {fill.side} of order {fill.venue_id}"
        if not (fill.trade_id and fill.amount > 0 and fill.price > 0):
            return f"trade {fill.trade_id!r} has amount {fill.amount}, price {fill.price}"
    if sum(fill.amount for fill in {fill.trade_id: fill for fill in fills}.values()) > order.amount:
        return f"its trades come to more than its amount {order.amount}"
    return None
