"""backtrader's broker in a market with steps and limits, and what a strategy wants at each close.

Matching stays backtrader's own. Amounts, prices and commissions are those of ``MarketRules``,
and after each fill the position and the cash are put back on their steps, so that no rounding error
of a float grows with the number of fills.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import backtrader as bt
import pandas as pd

from cryptonn.errors import StrategyError
from cryptonn.market.bars import time_text
from cryptonn.trading.account import Fill
from cryptonn.trading.costs import Costs
from cryptonn.trading.engine import (
    Commission,
    RecordingBroker,
    broker_settings,
    commission_settings,
)
from cryptonn.trading.rules import MarketRules, RefusedOrder
from cryptonn.trading.wish import Wish

__all__ = [
    "OnClose",
    "RuledBroker",
    "RuledCommission",
    "Watcher",
    "make_ruled_broker",
    "wish_of",
]

_CENTS = 2
"""Decimals of the cash in words."""

OnClose = Callable[[Wish], None]
"""Called after each bar's close with what is wanted then."""


class RuledCommission(Commission):
    """A commission rounded as the exchange rounds it."""

    params = (("rules", None),)  # type: ignore[assignment]  # added to those of the base class

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        rules: MarketRules = self.p.rules
        return float(
            rules.commission(rules.nearest(abs(size)), Decimal(str(price)), rate=self.p.commission)
        )


class RuledBroker(RecordingBroker):
    """Cuts amounts to the step, refuses orders the exchange would not take,
    and fills on the tick.
    """

    params = (("rules", None),)
    cash: float

    def init(self) -> None:
        """Start afresh; called by ``Cerebro.run``."""
        super().init()
        self.refused: list[RefusedOrder] = []
        self._asked = Decimal(0)

    def next(self) -> None:
        """Match orders, and forget which were refused at the close before."""
        self.refused.clear()
        super().next()

    def buy(self, owner: Any, data: Any, size: float, *args: Any, **kwargs: Any) -> Any:
        """Send an order to buy, its amount cut to the step."""
        return super().buy(owner, data, self._cut(size), *args, **kwargs)

    def sell(self, owner: Any, data: Any, size: float, *args: Any, **kwargs: Any) -> Any:
        """Send an order to sell, its amount cut to the step."""
        return super().sell(owner, data, self._cut(size), *args, **kwargs)

    def _cut(self, size: float) -> float:
        """Cut an amount to the step, and keep what was asked for until it is submitted."""
        self._asked = Decimal(f"{abs(size):.15g}")
        return float(self.p.rules.amount(size))

    def submit(self, order: Any, check: bool = True) -> Any:
        """Take an order, or reject it at once if the exchange would not take it at this close."""
        rules: MarketRules = self.p.rules
        amount = rules.nearest(abs(order.created.size)) or self._asked
        side: Literal["buy", "sell"] = "buy" if order.isbuy() else "sell"
        refused = rules.refused(side, amount, _close(order.data))
        if refused is None:
            return super().submit(order, check=check)
        self.refused.append(refused)
        order.reject(self)
        self.notify(order)
        return order

    def _fill(self, order: Any) -> Fill:
        """Put position and cash on their steps before they are noted."""
        position = self.positions[order.data]
        position.size = float(self.p.rules.nearest(position.size))
        self.cash = round(self.cash, _decimals(self.p.rules))
        return super()._fill(order)

    def _slip_up(self, pmax: float, price: float, doslip: bool = True, lim: bool = False) -> float:
        return float(self.p.rules.fill_price(price, side="buy", concession=self.p.slip_perc))

    def _slip_down(
        self, pmin: float, price: float, doslip: bool = True, lim: bool = False
    ) -> float:
        return float(self.p.rules.fill_price(price, side="sell", concession=self.p.slip_perc))


def _decimals(rules: MarketRules) -> int:
    """Return how many decimals a cash balance can have: those of amount · price,
    and the 8 of a commission.
    """
    steps = (rules.amount_step, rules.price_tick)
    return max(8, sum(max(0, -int(step.normalize().as_tuple().exponent)) for step in steps))


def make_ruled_broker(
    costs: Costs, *, cash: float, index: pd.DatetimeIndex, rules: MarketRules
) -> RuledBroker:
    """Return a broker with these costs in a market with rules;
    ``index`` holds the times of the bars.
    """
    broker = RuledBroker(rules=rules, **broker_settings(costs, cash=cash))
    broker.addcommissioninfo(
        RuledCommission(rules=rules, **commission_settings(costs, index=index))
    )
    return broker


def wish_of(broker: RecordingBroker, data: Any) -> Wish:
    """Return the position once the market orders have been filled that the broker
    holds and will accept.

    The orders of this close are tried against the cash as the broker will try them before the next
    open; nothing of the broker is changed.
    """
    refused = tuple(broker.refused) if isinstance(broker, RuledBroker) else ()
    if not broker.submitted and not broker.pending:
        return Wish(float(broker.getposition(data).size), refused)
    position = broker.getposition(data).clone()
    cash = broker.cash
    units = position.size + sum(order.executed.remsize for order in broker.pending if order.alive())
    unpaid = []
    for order in broker.submitted:
        before = cash
        cash = broker._execute(order, cash=cash, position=position)
        if cash >= 0.0:
            units += order.executed.remsize
        else:
            unpaid.append(_unpaid(order, cash=before))
    return Wish(float(units), (*refused, *unpaid))


def _unpaid(order: Any, *, cash: float) -> RefusedOrder:
    amount = Decimal(f"{abs(order.executed.remsize):.15g}")
    at_hand = round(Decimal(f"{max(cash, 0.0):.15g}"), _CENTS)
    side: Literal["buy", "sell"] = "buy" if order.isbuy() else "sell"
    return RefusedOrder(side, amount, _close(order.data), "not enough cash", at_hand)


def _close(data: Any) -> Decimal:
    """Return the newest close, quote."""
    return Decimal(str(data.close[0]))


class Watcher(bt.Analyzer):  # type: ignore[misc]
    """Tells after each bar's close which position is wanted.

    Market orders only: what a limit or stop order will do is decided within a later bar,
    not at a close.
    """

    params = (("on_close", None), ("name", ""))

    def next(self) -> None:
        """Tell it; called by backtrader after the strategy, also before its indicators
        have a value.
        """
        broker = self.strategy.broker
        data = self.strategy.data
        for order in (*broker.submitted, *broker.pending):
            if order.exectype != bt.Order.Market:
                when = time_text(pd.Timestamp(data.datetime.datetime(0), tz="UTC"))
                raise StrategyError(
                    f"strategy {self.p.name!r} sends a {order.getordername()} order at the close "
                    f"of {when}. Its wanted position can be followed at each close only "
                    "if it sends market orders alone."
                )
        self.p.on_close(wish_of(broker, data))
