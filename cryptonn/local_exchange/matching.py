"""Orders and how they fill: a market order at the open of the bar in progress,
a limit order when a bar crosses it.
"""

from collections.abc import Mapping
from decimal import Decimal

from cryptonn.local_exchange.account import Account
from cryptonn.local_exchange.fees import Fees
from cryptonn.local_exchange.market import Filters, Market
from cryptonn.local_exchange.orders import (
    NewOrder,
    Order,
    Reason,
    Refused,
    Rest,
    Side,
    Status,
    Trade,
)
from cryptonn.local_exchange.quirks import Quirks

__all__ = ["Matching"]

ONE = Decimal(1)
FIRST_ID = 1001
PRICE_BAND = Decimal(5)
"""A limit may be at most so many times the last price, and at least that part of it."""


class Matching:
    """Keeps the orders of the account and fills them. Every method takes the time; none reads a
    clock.

    A market order, or a limit order that its price allows, fills at once at the open of the bar in
    progress, spread and slippage away from it and on the tick against the trader. In a bar without
    a trade a market order waits for the open of the next one that trades. Another limit order
    rests, and fills at its limit in the first later bar that reaches it.

    Parameters
    ----------
    concession
        Spread and slippage together, a fraction of the price.
    """

    def __init__(
        self,
        markets: Mapping[str, Market],
        account: Account,
        fees: Fees,
        *,
        concession: Decimal,
        quirks: Quirks,
    ) -> None:
        self.markets = markets
        self.account = account
        self.fees = fees
        self.quirks = quirks
        self.concession = round(concession, 12)
        self.orders: dict[int, Order] = {}
        self.trades: dict[str, list[Trade]] = {symbol: [] for symbol in markets}
        self._by_client: dict[str, list[Order]] = {}
        self._open: dict[int, Order] = {}
        self._next_order = self._next_trade = FIRST_ID

    def reset(self, *, restart_ids: bool = False) -> None:
        """Forget every order and trade; ids go on, or start again."""
        self.orders.clear()
        self._by_client.clear()
        self._open.clear()
        for trades in self.trades.values():
            trades.clear()
        if restart_ids:
            self._next_order = self._next_trade = FIRST_ID

    def place(self, asked: NewOrder, *, now_ms: int) -> Order:
        """Accept an order and fill what fills at once.

        Raises
        ------
        Refused
            unknown_symbol, amount_step, amount_range, price_tick, price_range, min_cost,
            insufficient, market_closed, would_take.
        """
        market = self._market(asked.symbol)
        if self.quirks.halted:
            raise Refused("market_closed")
        last = market.last_close(now_ms=now_ms)
        amount = self._amount(asked, market, now_ms)
        _check(asked, amount, last, market.filters)
        price = self._taker_price(market, asked, now_ms)
        if asked.post_only and price is not None:
            raise Refused("would_take")
        order = self._accept(asked, amount, self._need(asked, market, amount, price, last), now_ms)
        if price is not None:
            self._take(order, price, now_ms)
        if order.is_open and self._must_end(order):
            self._end(order, "expired", now_ms)
        return order

    def cancel(self, order: Order, *, now_ms: int) -> None:
        """Cancel what is left of an order; raises ``Refused("not_open")``."""
        if order.is_open and order.rest is not None and order.rest.on_cancel:
            self._fill(order, order.remaining, order.rest.price, now_ms, maker=False)
        if not order.is_open:
            raise Refused("not_open")
        self._end(order, "canceled", now_ms)

    def by_id(self, order_id: int, *, now_ms: int) -> Order | None:
        """Return an order, or None where there is none or lookups do not find it yet."""
        order = self.orders.get(order_id)
        return order if order is not None and order.visible_ms <= now_ms else None

    def by_client_id(self, client_id: str, *, now_ms: int, open_only: bool = False) -> Order | None:
        """Return the newest order with a client id, as ``by_id`` does; ``open_only`` leaves out
        those that ended.

        With ``open_only`` the answer is the exchange's own, without the lag of lookups.
        """
        found = self._by_client.get(client_id, [])
        fits = [
            order for order in found if (order.is_open if open_only else order.visible_ms <= now_ms)
        ]
        return fits[-1] if fits else None

    def open_orders(self, symbol: str | None = None, *, now_ms: int) -> list[Order]:
        """Return the open orders that lookups find, oldest first."""
        found = (order for order in self._open.values() if order.visible_ms <= now_ms)
        return [order for order in found if symbol in (None, order.asked.symbol)]

    def orders_of(self, symbol: str, *, now_ms: int) -> list[Order]:
        """Return all orders of a symbol that lookups find, oldest first."""
        found = (order for order in self.orders.values() if order.visible_ms <= now_ms)
        return [order for order in found if order.asked.symbol == symbol]

    def trades_of(self, symbol: str, *, now_ms: int, order_id: int | None = None) -> list[Trade]:
        """Return the trades that lists show by now, oldest first (with duplicates under that
        quirk).
        """
        order = None if order_id is None else self.orders.get(order_id)
        trades = (
            self.trades.get(symbol, [])
            if order_id is None
            else []
            if order is None
            else order.trades
        )
        times = 2 if self.quirks.duplicate_trades else 1
        return [trade for trade in trades if trade.visible_ms <= now_ms for _ in range(times)]

    def price(self, symbol: str, *, side: Side, now_ms: int) -> Decimal:
        """Return what a market order pays (buy) or gets (sell) now: the ask or the bid.

        Raises ``Refused("market_closed")`` before the first trade.
        """
        market = self._market(symbol)
        return self._conceded(market, market.last_price(now_ms=now_ms), side)

    def settle(self, now_ms: int) -> None:
        """Fill what has become fillable up to now, in the order in which it did;
        called before each request.
        """
        while due := [
            found for order in self._open.values() if (found := self._due(order, now_ms))
        ]:
            time_ms, _, order, price, maker = min(due, key=lambda found: found[:2])
            amount = order.remaining
            try:
                self._fill(order, amount, price, time_ms, maker=maker)
            except Refused:
                # A market order that waited, and the price went away from the money held back.
                self._end(order, "expired", time_ms)

    def _due(self, order: Order, now_ms: int) -> tuple[int, int, Order, Decimal, bool] | None:
        market = self.markets[order.asked.symbol]
        asked = order.asked
        if order.rest is not None:
            due = order.rest.due_ms
            return (
                (due, order.id, order, order.rest.price, False)
                if due is not None and due <= now_ms
                else None
            )
        if asked.limit is None:
            found = market.next_open(after_ms=order.created_ms, now_ms=now_ms)
            return found and (
                found[0],
                order.id,
                order,
                self._conceded(market, found[1], asked.side),
                False,
            )
        time_ms = market.crossing(
            asked.limit, side=asked.side, after_ms=order.checked_ms, now_ms=now_ms
        )
        if time_ms is None:
            order.checked_ms = max(order.checked_ms, now_ms - market.bar_ms)
            return None
        return time_ms, order.id, order, asked.limit, True

    def _market(self, symbol: str) -> Market:
        if symbol not in self.markets:
            raise Refused("unknown_symbol")
        return self.markets[symbol]

    def _conceded(self, market: Market, price: Decimal, side: Side) -> Decimal:
        factor = ONE + self.concession if side == "buy" else ONE - self.concession
        return market.filters.worse_price(price * factor, side=side)

    def _taker_price(self, market: Market, asked: NewOrder, now_ms: int) -> Decimal | None:
        """Return the price of a fill at once, or None where there is none."""
        opened = market.open_price(now_ms=now_ms)
        if opened is None or self.quirks.empty_book:
            return None
        price = self._conceded(market, opened, asked.side)
        beyond = asked.limit is not None and (
            price > asked.limit if asked.side == "buy" else price < asked.limit
        )
        return None if beyond else price

    def _amount(self, asked: NewOrder, market: Market, now_ms: int) -> Decimal:
        if asked.quote_amount is None:
            return asked.amount
        price = self.price(asked.symbol, side=asked.side, now_ms=now_ms)
        return market.filters.floor_amount(asked.quote_amount / price)

    def _need(
        self, asked: NewOrder, market: Market, amount: Decimal, price: Decimal | None, last: Decimal
    ) -> tuple[str, Decimal]:
        """Return currency and amount that an order holds back: what it costs now,
        or what it may cost at most.
        """
        if asked.side == "sell":
            return market.base, amount
        if price is None or (asked.limit is not None and asked.time_in_force == "GTC"):
            price = (
                asked.limit if asked.limit is not None else self._conceded(market, last, asked.side)
            )
        cost = self.fees.cost(amount, price)
        return market.quote, cost + self.fees.on_top(asked, amount, price)

    def _accept(
        self, asked: NewOrder, amount: Decimal, need: tuple[str, Decimal], now_ms: int
    ) -> Order:
        ends_at_once = asked.limit is None and self.quirks.empty_book
        locked = Decimal(0) if ends_at_once else need[1]
        self.account.lock(need[0], locked)
        order = Order(
            self._next_order, asked, amount, now_ms, now_ms, now_ms + self.quirks.lookup_lag_ms
        )
        order.checked_ms = now_ms
        order.locked = locked
        order.locked_currency = need[0]
        self._next_order += 1
        self.orders[order.id] = self._open[order.id] = order
        if asked.client_id:
            self._by_client.setdefault(asked.client_id, []).append(order)
        return order

    def _must_end(self, order: Order) -> bool:
        """Tell whether what did not fill at once ends at once."""
        if order.asked.time_in_force != "GTC":
            return True
        if order.rest is not None:
            return self.quirks.remainder == "expire"
        return order.asked.limit is None and self.quirks.empty_book

    def _take(self, order: Order, price: Decimal, now_ms: int) -> None:
        """Fill at once: all of it, or the share that the quirk ``partial`` leaves."""
        share = self.quirks.partial
        step = self.markets[order.asked.symbol].filters
        first = (
            order.amount
            if share is None
            else step.floor_amount(order.amount * share) or order.amount
        )
        if first < order.amount and order.asked.time_in_force == "FOK":
            return
        self._fill(order, first, price, now_ms, maker=False)
        if order.is_open:
            due = now_ms + self.quirks.remainder_ms if self.quirks.remainder == "later" else None
            order.rest = Rest(price, due_ms=due, on_cancel=self.quirks.remainder == "cancel")

    def _fill(
        self, order: Order, amount: Decimal, price: Decimal, now_ms: int, *, maker: bool
    ) -> None:
        for piece in _pieces(amount, self.quirks.pieces, self.markets[order.asked.symbol].filters):
            self._trade(order, piece, price, now_ms, maker=maker)
        order.updated_ms = now_ms
        order.status = "partial"
        if not order.remaining:
            self._end(order, "filled", now_ms)
        self.account.check()

    def _trade(
        self, order: Order, amount: Decimal, price: Decimal, now_ms: int, *, maker: bool
    ) -> None:
        """Book one trade: what is paid comes out of what the order locked first."""
        asked = order.asked
        market = self.markets[order.asked.symbol]
        cost = self.fees.cost(amount, price)
        fee, currency = self.fees.fee(asked, market, amount, price, maker=maker, quirks=self.quirks)
        if asked.side == "buy":
            paid, got = (market.quote, cost), (market.base, amount)
        else:
            paid, got = (market.base, amount), (market.quote, cost)
        paid_too = fee if currency == paid[0] else Decimal(0)
        order.locked -= self.account.pay(paid[0], paid[1] + paid_too, locked=order.locked)
        self.account.receive(got[0], got[1] - (fee if currency == got[0] else Decimal(0)))
        if currency not in (paid[0], got[0]):
            self.account.pay(currency, fee, locked=Decimal(0))
        trade = Trade(
            id=self._next_trade,
            order_id=order.id,
            client_id=asked.client_id,
            symbol=asked.symbol,
            side=asked.side,
            amount=amount,
            price=price,
            cost=cost,
            fee=fee,
            fee_currency=currency,
            time_ms=now_ms,
            maker=maker,
            visible_ms=now_ms + self.quirks.fills_lag_ms,
        )
        self._next_trade += 1
        order.trades.append(trade)
        self.trades[asked.symbol].append(trade)
        order.filled += amount
        order.cost += cost

    def _end(self, order: Order, status: Status, now_ms: int) -> None:
        self.account.release(order.locked_currency, order.locked)
        order.locked = Decimal(0)
        order.status = status
        order.updated_ms = now_ms
        del self._open[order.id]


def _check(asked: NewOrder, amount: Decimal, last: Decimal, filters: Filters) -> None:
    """Refuse an order that the market's filters do not let through."""
    price = last if asked.limit is None else asked.limit
    broken: dict[Reason, bool] = {
        "amount_step": amount % filters.amount_step != 0,
        "amount_range": not filters.min_amount <= amount <= filters.max_amount,
        "price_tick": asked.limit is not None and asked.limit % filters.price_tick != 0,
        "price_range": not last / PRICE_BAND <= price <= last * PRICE_BAND,
        "min_cost": not (asked.any_cost or filters.min_cost <= amount * price <= filters.max_cost),
    }
    for reason, found in broken.items():
        if found:
            raise Refused(reason)


def _pieces(amount: Decimal, number: int, filters: Filters) -> list[Decimal]:
    """Split an amount into so many parts on the step, the last one with what is left over."""
    part = filters.floor_amount(amount / number)
    return [part] * (number - 1) + [amount - part * (number - 1)] if part else [amount]
