"""The pieces of backtrader a backtest is put together from: feed, commission, broker and sizer.

Order matching, execution, cash and positions stay backtrader's own.
What is changed is written at each class.
"""

import array
from typing import Any

import backtrader as bt
import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.trading.account import Fill, seconds_of
from cryptonn.trading.costs import Costs
from cryptonn.trading.sizing import YEAR_SECONDS, order_units

__all__ = [
    "FIELDS",
    "Commission",
    "FractionSizer",
    "OneFeedCerebro",
    "RecordingBroker",
    "SignalFeed",
    "broker_settings",
    "commission_settings",
    "fill_if_traded",
    "make_broker",
    "make_feed",
    "ordinals",
]

Floats = npt.NDArray[np.float64]

_EPOCH_ORDINAL = 719_163.0
FIELDS = ("open", "high", "low", "close", "volume")
"""Of a candle, in the order of the feed."""


class SignalFeed(bt.feed.DataBase):  # type: ignore[misc]
    """Candles with the lines ``signal`` and ``proba``, put into backtrader's lines
    as whole arrays.
    """

    lines = ("signal", "proba")
    params = (("columns", None),)

    def preload(self) -> None:
        """Fill every line at once; the base class would ask for each bar and each
        field by itself.
        """
        for name, values in self.p.columns.items():
            line = getattr(self.lines, name)
            line.array = array.array("d", np.ascontiguousarray(values, dtype=np.float64).tobytes())
        self.home()
        self._moving: tuple[Any, ...] = tuple(self.lines)

    def __len__(self) -> int:
        clock: Any = self.lines[0]
        return int(clock.lencount)

    def advance(self, size: int = 1, datamaster: Any = None, ticks: bool = True) -> None:
        """Step to the next bar, without the copies of the bar that only ticks and replays need."""
        for line in self._moving:
            line._idx += size
            line.lencount += size


def make_feed(candles: pd.DataFrame, signal: pd.Series, proba: pd.Series | None) -> SignalFeed:
    """Return the feed of ``candles`` with its signal and, where known, its probability."""
    index = pd.DatetimeIndex(candles.index)
    columns: dict[str, Any] = {name: candles[name].to_numpy() for name in FIELDS}
    columns["datetime"] = ordinals(index)
    columns["openinterest"] = np.zeros(len(index))
    columns["signal"] = signal.to_numpy()
    columns["proba"] = (
        np.full(len(index), np.nan) if proba is None else proba.reindex(index).to_numpy()
    )
    minutes = max(1, round((index[1] - index[0]).total_seconds() / 60)) if len(index) > 1 else 1
    return SignalFeed(columns=columns, timeframe=bt.TimeFrame.Minutes, compression=minutes)


def ordinals(index: pd.DatetimeIndex) -> Floats:
    """Return times as backtrader counts them: days, the first of January of the year
    1 being day 1.
    """
    days: Floats = index.as_unit("ns").asi8 / 86_400e9 + _EPOCH_ORDINAL
    return days


class OneFeedCerebro(bt.Cerebro):  # type: ignore[misc]
    """Cerebro whose loop over the bars spares the search for the feed that comes next:
    there is only one.
    """

    def _runonce(self, runstrats: list[Any]) -> None:
        if self._timers or self._timerscheat or len(self.datas) > 1 or len(runstrats) > 1:
            super()._runonce(runstrats)
            return
        feed = self.datas[0]
        strategy = runstrats[0]
        if (
            strategy._minperiod <= feed.buflen()
        ):  # several indicators fail on fewer bars than they need
            strategy._once()
        strategy.reset()
        for time in feed.lines.datetime.array:
            feed.advance()
            self._brokernotify()
            if not self._event_stop:
                strategy._oncepost(time)
            if self._event_stop:
                return


class Commission(bt.CommInfoBase):  # type: ignore[misc]
    """A fraction of notional at each fill, and borrow for shorts by the time held instead
    of by whole days.
    """

    params = (
        ("percabs", True),
        ("stocklike", True),
        ("commtype", bt.CommInfoBase.COMM_PERC),
        ("borrow", 0.0),
        ("bar_years", None),
    )

    def get_credit_interest(self, data: Any, pos: Any, dt: Any) -> float:
        """Charge a short for the time since the last bar; called by the broker once a bar,
        before it fills orders.
        """
        if pos.size >= 0:
            return 0.0
        return float(-pos.size * pos.price * self.p.borrow * self.p.bar_years[len(data) - 1])


class RecordingBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """backtrader's broker, noting each fill and rejection by its bar, and resting while
    there is nothing to do.
    """

    def init(self) -> None:
        """Start afresh; called by ``Cerebro.run``."""
        super().init()
        self.fills: list[Fill] = []
        self.rejections = 0
        self._decided: dict[int, int] = {}

    def notify(self, order: Any) -> None:
        """Note what became of an order, then tell the strategy as usual."""
        super().notify(order)
        if order.status in (order.Submitted, order.Accepted):
            self._decided.setdefault(order.ref, len(order.data) - 1)
        elif order.status in (order.Completed, order.Partial):
            self.fills.append(self._fill(order))
        elif order.status in (order.Margin, order.Rejected):
            self.rejections += 1
        if not order.alive():
            self._forget(order)

    def _forget(self, order: Any) -> None:
        """Drop what backtrader would keep of every order to the end, about 15 kB,
        and never looks at again.
        """
        self.orders.clear()
        self._decided.pop(order.ref, None)
        order.owner._orders.clear()

    def _fill(self, order: Any) -> Fill:
        bit = order.executed.exbits[-1]
        position = self.positions[order.data]
        return Fill(
            bar=len(order.data) - 1,
            decided=self._decided[order.ref],
            amount=bit.size,
            price=bit.price,
            commission=bit.comm,
            cash=self.cash,
            units=position.size,
            entry_price=position.price,
        )

    def next(self) -> None:
        """Match orders; with none waiting only a short (borrow) needs the full step,
        only a position a new value.
        """
        held = [position.size for position in self.positions.values() if position.size]
        if self.submitted or self.pending or self._toactivate or any(size < 0 for size in held):
            super().next()
        elif held or self._cash_addition:
            self._get_value()


def fill_if_traded(order: Any, price: float, ago: int) -> float:
    """Fill all of an order, or nothing in a bar without a trade: the order then waits
    for the next bar.
    """
    return abs(order.executed.remsize) if order.data.volume[ago] > 0 else 0.0


def make_broker(costs: Costs, *, cash: float, index: pd.DatetimeIndex) -> RecordingBroker:
    """Return a broker with these costs; ``index`` holds the times of the bars."""
    broker = RecordingBroker(**broker_settings(costs, cash=cash))
    broker.addcommissioninfo(Commission(**commission_settings(costs, index=index)))
    return broker


def broker_settings(costs: Costs, *, cash: float) -> dict[str, Any]:
    """Return the parameters of a broker with these costs."""
    return {
        "cash": cash,
        "filler": fill_if_traded,
        "slip_perc": costs.concession,
        # Market orders fill at the open: without this they would not slip at all
        "slip_open": True,
        "slip_match": True,
        "slip_out": True,  # and a flat bar would cap the slippage at nothing
        "int2pnl": False,  # keeps borrow out of the commission of the closing order
    }


def commission_settings(costs: Costs, *, index: pd.DatetimeIndex) -> dict[str, Any]:
    """Return the parameters of a commission with these costs;
    ``index`` holds the times of the bars.
    """
    bar_years = np.diff(seconds_of(index), prepend=0.0) / YEAR_SECONDS
    return {"commission": costs.commission, "borrow": costs.borrow, "bar_years": bar_years.tolist()}


class FractionSizer(bt.Sizer):  # type: ignore[misc]
    """A fraction of today's equity at the close of the decision, also when the order
    reverses a position.
    """

    params = (("fraction", 0.95),)

    def _getsizing(self, comminfo: Any, cash: float, data: Any, isbuy: bool) -> float:
        held = self.broker.getposition(data).size
        return order_units(
            equity=self.broker.getvalue(),
            close=data.close[0],
            reversed_units=abs(held) if (held < 0) == isbuy else 0.0,
            fraction=self.p.fraction,
            commission=comminfo.p.commission,
            concession=self.broker.p.slip_perc,
        )
