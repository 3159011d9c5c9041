"""Buy at the first bar and keep it: what every other strategy is measured against."""

import backtrader as bt


class BuyAndHold(bt.Strategy):
    """Long from the first open that can be had to the end."""

    order = None

    def next(self):
        """Decide at the close of a bar; called by backtrader."""
        if not self.position and (self.order is None or not self.order.alive()):
            self.order = self.buy()
