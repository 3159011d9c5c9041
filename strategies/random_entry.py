"""Enter at random bars: as many trades as a strategy with something to say, equally long."""

import random

import backtrader as bt


class RandomEntry(bt.Strategy):
    """Draws ``trades`` entries that do not overlap, each held for ``hold`` bars, from a ``seed``.

    It is one draw: what luck can do shows only over many seeds. A trade lasts ``hold`` bars and is
    never renewed, so next to a strategy that renews its holding time it spends less time in the
    market.

    With ``direction`` "long-short" each is long or short at random. Needs preloaded candles
    (backtrader's default).
    """

    params = (("trades", 100), ("hold", 5), ("seed", 1), ("direction", "long"))

    def start(self):
        """Draw the bars of entry; called once before the first bar."""
        draw = random.Random(self.p.seed)
        span = self.p.hold + 1  # bars from a decision to the next possible one
        room = self.data.buflen() - 1 - self.p.hold  # the last entry still leaves in time
        trades = max(0, min(self.p.trades, (room + self.p.hold) // span))
        starts = (
            sorted(draw.sample(range(room - (trades - 1) * self.p.hold), trades)) if trades else []
        )
        sides = (1, -1) if self.p.direction == "long-short" else (1,)
        self.entries = [
            (start + place * self.p.hold, draw.choice(sides)) for place, start in enumerate(starts)
        ]
        self.entries.reverse()
        self.leave = 0
        self.order = None

    def next(self):
        """Decide at the close of a bar; called by backtrader."""
        bar = len(self) - 1
        if self.order is not None and self.order.alive():
            return
        if self.position:
            if bar >= self.leave:
                self.order = self.close()
        elif self.entries and bar >= self.entries[-1][0]:
            _, side = self.entries.pop()
            self.leave = bar + self.p.hold
            self.order = self.buy() if side > 0 else self.sell()
