"""Trade the network's signal: long at 1, short at −1, out at 0."""

import backtrader as bt


class LstmSignal(bt.SignalStrategy):
    """Follows the feed's line ``signal``; the decision at a close is filled at the next open."""

    _closing = None

    def __init__(self):
        self.signal = self.data.signal
        self.signal_add(bt.SIGNAL_LONGSHORT, self.signal)
        self.signal_add(bt.SIGNAL_LONGEXIT_ANY, self.signal <= 0)
        self.signal_add(bt.SIGNAL_SHORTEXIT_ANY, self.signal >= 0)

    def close(self, *args, **kwargs):
        """Remember the order: SignalStrategy forgets those that close, and sends them again."""
        self._closing = super().close(*args, **kwargs)
        return self._closing

    def _next_signal(self):
        wanted, held = self.signal[0], self.position.size
        if wanted * held > 0 or wanted == held == 0:
            return  # already there: spares the base class's two dozen checks a bar
        if self._closing is None or not self._closing.alive():
            super()._next_signal()
