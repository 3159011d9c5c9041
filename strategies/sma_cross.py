"""Long while the fast mean of the close is above the slow one."""

import backtrader as bt


class SmaCross(bt.Strategy):
    """Parameters: ``fast`` and ``slow`` in bars; ``direction`` "long" or "long-short".

    Long-short is short while the fast mean lies below the slow one.
    """

    params = (("fast", 30), ("slow", 120), ("direction", "long"))

    def __init__(self):
        if self.p.fast >= self.p.slow:
            raise ValueError(f"fast = {self.p.fast} must be below slow = {self.p.slow}")
        mean = bt.indicators.SimpleMovingAverage
        self.lead = mean(self.data.close, period=self.p.fast) - mean(
            self.data.close, period=self.p.slow
        )
        self.orders = []

    def next(self):
        """Decide at the close of a bar; called by backtrader."""
        if any(order.alive() for order in self.orders):
            return
        held = (self.position.size > 0) - (self.position.size < 0)
        wanted = (self.lead[0] > 0) - (self.lead[0] < 0)
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
