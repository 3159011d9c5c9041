"""Follow the last move: the sign of the return over ``lookback`` bars, held for ``hold`` bars."""

import backtrader as bt


class Momentum(bt.Strategy):
    """Bets on a move that it goes on.

    Parameters: ``lookback`` and ``hold`` in bars; ``direction`` "long" or "long-short".
    After ``hold`` bars it looks again, and trades only if the direction has changed.
    """

    params = (("lookback", 5), ("hold", 5), ("direction", "long"))

    def __init__(self):
        self.move = self.data.close - self.data.close(-self.p.lookback)
        self.decided = 0
        self.orders = []

    def next(self):
        """Decide at the close of a bar; called by backtrader."""
        held = (self.position.size > 0) - (self.position.size < 0)
        if any(order.alive() for order in self.orders) or (
            held and len(self) - self.decided < self.p.hold
        ):
            return
        self.decided = len(self)
        wanted = (self.move[0] > 0) - (self.move[0] < 0)
        if self.p.direction == "long":
            wanted = max(wanted, 0)
        if wanted != held:
            self.change_to(wanted)

    def change_to(self, wanted):
        """Leave what is held, then enter the wanted direction; both fill at the same open."""
        orders = [self.close()] if self.position else []
        if wanted:
            orders.append(self.buy() if wanted > 0 else self.sell())
        self.orders = [order for order in orders if order is not None]
