"""How binance's spot exchange speaks: its paths, parameters and replies,
as far as candles and plain orders go.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, Literal

from cryptonn.local_exchange.binance_auth import Params, Weights, params_of, signed_params
from cryptonn.local_exchange.binance_orders import (
    asked_order,
    limit_of,
    mandatory,
    page,
    whole,
    within,
)
from cryptonn.local_exchange.binance_replies import (
    accepted,
    account_reply,
    amount_text,
    candle_row,
    fill_row,
    market_reply,
    order_reply,
    rate_limits,
    ticker_reply,
    trade_row,
)
from cryptonn.local_exchange.binance_words import BinanceRefusal, fault_reply, refusal
from cryptonn.local_exchange.dialect import Handler, Reply, Request
from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.market import Market
from cryptonn.local_exchange.orders import Order, Refused, Side

__all__ = ["Binance"]

Answer = Callable[[Params], Any]

DAY_MS = 86_400_000
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d")
UNITS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS}
DEPTH = Decimal(1000)
SIDES: tuple[Side, Side] = ("sell", "buy")


class Binance:
    """Binance's dialect of an exchange."""

    name = "binance"
    id_keys = frozenset({"orderId"})
    client_id_keys = frozenset({"clientOrderId", "origClientOrderId"})

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.matching = exchange.matching
        self.markets = {market.base + market.quote: market for market in exchange.markets.values()}
        self.weights = Weights()
        self._unnamed = count(1)
        self.routes: dict[tuple[str, str], Handler] = {
            ("GET", "/api/v3/ping"): self._public(1, lambda _: {}),
            ("GET", "/api/v3/time"): self._public(1, lambda _: {"serverTime": exchange.server_ms}),
            ("GET", "/api/v3/exchangeInfo"): self._public(20, self.exchange_info),
            ("GET", "/api/v3/klines"): self._public(2, self.klines),
            ("GET", "/api/v3/depth"): self._public(5, self.depth),
            ("GET", "/api/v3/ticker/price"): self._public(2, self.ticker_price),
            ("GET", "/api/v3/ticker/bookTicker"): self._public(2, self.ticker_book),
            ("GET", "/api/v3/ticker/24hr"): self._public(2, self.ticker_day),
            ("GET", "/api/v3/account"): self._signed(20, self.account),
            ("POST", "/api/v3/order"): self._signed(1, self.new_order, may="trade"),
            ("GET", "/api/v3/order"): self._signed(4, self.order),
            ("DELETE", "/api/v3/order"): self._signed(1, self.cancel, may="trade"),
            ("GET", "/api/v3/openOrders"): self._signed(6, self.open_orders),
            ("DELETE", "/api/v3/openOrders"): self._signed(1, self.cancel_all, may="trade"),
            ("GET", "/api/v3/allOrders"): self._signed(20, self.all_orders),
            ("GET", "/api/v3/myTrades"): self._signed(20, self.my_trades),
        }

    def client_id(self, request: Request) -> str | None:
        """Return the client id in a request for a new order, else None."""
        if (request.method, request.path) != ("POST", "/api/v3/order"):
            return None
        found = re.search(
            r"(?:^|&)newClientOrderId=([A-Za-z0-9_.:/-]{1,36})(?:&|$)",
            f"{request.query}&{request.body}",
        )
        return found[1] if found else None

    def fault(self, do: str) -> Reply | None:
        """Return binance's words for an injected status ("429") or code ("-1007")."""
        return fault_reply(do)

    def exchange_info(self, params: Params) -> Any:
        """List the markets and their filters."""
        wanted = (
            [params["symbol"]]
            if "symbol" in params
            else re.findall(r"\w+", params.get("symbols", ""))
        )
        markets = [self._market(name) for name in wanted] or list(self.markets.values())
        return {
            "timezone": "UTC",
            "serverTime": self.exchange.server_ms,
            "rateLimits": rate_limits(),
            "exchangeFilters": [],
            "symbols": [
                market_reply(market, halted=self.exchange.quirks.halted) for market in markets
            ],
        }

    def klines(self, params: Params) -> Any:
        """Return candles, the one in progress included."""
        market = self._market(mandatory(params, "symbol"))
        interval = params.get("interval", "")
        if interval not in INTERVALS or int(interval[:-1]) * UNITS[interval[-1]] != market.bar_ms:
            raise BinanceRefusal(-1120)
        bars = self.exchange.candles(
            market.symbol,
            start_ms=whole(params, "startTime"),
            end_ms=whole(params, "endTime"),
            limit=limit_of(params),
        )
        return [candle_row(bar, bar_ms=market.bar_ms) for bar in bars]

    def depth(self, params: Params) -> Any:
        """Return the one price a side that market orders trade at;
        nothing while the book is empty.
        """
        market = self._market(mandatory(params, "symbol"))
        if self.exchange.quirks.empty_book:
            return {"lastUpdateId": self.exchange.server_ms, "bids": [], "asks": []}
        bid, ask = ([amount_text(price), amount_text(DEPTH)] for price in self._prices(market))
        return {"lastUpdateId": self.exchange.server_ms, "bids": [bid], "asks": [ask]}

    def ticker_price(self, params: Params) -> Any:
        """Return the last price of a market, or of all."""
        return self._for_each(params, lambda market: {"price": amount_text(self._last(market))})

    def ticker_book(self, params: Params) -> Any:
        """Return bid and ask of a market, or of all."""

        def row(market: Market) -> dict[str, str]:
            bid, ask = (amount_text(price) for price in self._prices(market))
            return {
                "bidPrice": bid,
                "bidQty": amount_text(DEPTH),
                "askPrice": ask,
                "askQty": amount_text(DEPTH),
            }

        return self._for_each(params, row)

    def ticker_day(self, params: Params) -> Any:
        """Return the last day of a market, or of all."""

        def row(market: Market) -> dict[str, Any]:
            now_ms = self.exchange.now_ms
            bars = DAY_MS // market.bar_ms or 1
            day = market.bars(now_ms=now_ms, start_ms=None, end_ms=None, limit=bars)
            bid, ask = self._prices(market)
            return ticker_reply(market, day, bid=bid, ask=ask, last=self._last(market))

        return self._for_each(params, row)

    def account(self, params: Params) -> Any:
        """Return balances and permissions."""
        return account_reply(self.exchange, omit_zero=params.get("omitZeroBalances") == "true")

    def new_order(self, params: Params) -> Any:
        """Accept an order; its client id must differ from those of the open ones."""
        asked = asked_order(params, self._market(mandatory(params, "symbol")).symbol)
        asked = (
            asked if asked.client_id else replace(asked, client_id=f"unnamed-{next(self._unnamed)}")
        )
        if self.matching.by_client_id(asked.client_id, now_ms=self._now, open_only=True):
            raise BinanceRefusal(-2010, "Duplicate order sent.")
        order = self.matching.place(asked, now_ms=self._now)
        short = self.exchange.quirks.short_reply
        kind = params.get("newOrderRespType", "FULL")
        reply = accepted(order)
        if short or kind == "ACK":
            return reply
        fills = {"fills": [fill_row(trade) for trade in order.trades]} if kind == "FULL" else {}
        return reply | order_reply(order) | fills

    def order(self, params: Params) -> Any:
        """Return an order by its id or its client id."""
        return order_reply(self._found(params, -2013), with_times=True)

    def cancel(self, params: Params) -> Any:
        """Cancel an open order."""
        return self._canceled(self._found(params, -2011), params)

    def cancel_all(self, params: Params) -> Any:
        """Cancel the open orders of a market."""
        orders = self.matching.open_orders(
            self._market(mandatory(params, "symbol")).symbol, now_ms=self._now
        )
        if not orders:
            raise BinanceRefusal(-2011)
        return [self._canceled(order, params) for order in orders]

    def open_orders(self, params: Params) -> Any:
        """Return the open orders of a market, or of all."""
        symbol = self._market(params["symbol"]).symbol if "symbol" in params else None
        return [
            order_reply(order, with_times=True)
            for order in self.matching.open_orders(symbol, now_ms=self._now)
        ]

    def all_orders(self, params: Params) -> Any:
        """Return orders of a market, the newest unless a start is given."""
        market = self._market(mandatory(params, "symbol"))
        first = whole(params, "orderId")
        orders = self.matching.orders_of(market.symbol, now_ms=self._now)
        orders = [
            order
            for order in orders
            if within(order.created_ms, params) and order.id >= (first or 0)
        ]
        return [
            order_reply(order, with_times=True)
            for order in page(orders, params, from_start=first is not None)
        ]

    def my_trades(self, params: Params) -> Any:
        """Return trades of a market or of one order, the newest unless a start is given."""
        market = self._market(mandatory(params, "symbol"))
        first = whole(params, "fromId")
        trades = self.matching.trades_of(
            market.symbol, now_ms=self._now, order_id=whole(params, "orderId")
        )
        trades = [
            trade for trade in trades if within(trade.time_ms, params) and trade.id >= (first or 0)
        ]
        return [trade_row(trade) for trade in page(trades, params, from_start=first is not None)]

    @property
    def _now(self) -> int:
        return self.exchange.now_ms

    def _market(self, name: str) -> Market:
        if name not in self.markets:
            raise BinanceRefusal(-1121)
        return self.markets[name]

    def _for_each(self, params: Params, row: Callable[[Market], dict[str, Any]]) -> Any:
        """Return a row for the market that is named, or a list of them for all."""
        if "symbol" in params:
            return {"symbol": params["symbol"]} | row(self._market(params["symbol"]))
        return [{"symbol": name} | row(market) for name, market in self.markets.items()]

    def _prices(self, market: Market) -> tuple[Decimal, Decimal]:
        """Return bid and ask."""
        bid, ask = (
            self.matching.price(market.symbol, side=side, now_ms=self._now) for side in SIDES
        )
        return bid, ask

    def _last(self, market: Market) -> Decimal:
        return market.last_price(now_ms=self._now)

    def _found(self, params: Params, code: int) -> Order:
        """Return the order that is meant, or refuse with the code for one that is not known."""
        order_id = whole(params, "orderId")
        client_id = params.get("origClientOrderId")
        if order_id is None and not client_id:
            message = (
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
            )
            raise BinanceRefusal(-1102, message)
        market = self._market(mandatory(params, "symbol"))
        order = None
        if order_id is not None:
            order = self.matching.by_id(order_id, now_ms=self._now)
        elif client_id:
            order = self.matching.by_client_id(client_id, now_ms=self._now)
        if order is None or order.asked.symbol != market.symbol:
            raise BinanceRefusal(code)
        return order

    def _canceled(self, order: Order, params: Params) -> dict[str, Any]:
        self.matching.cancel(order, now_ms=self._now)
        name = params.get("newClientOrderId", f"cancel-{order.id}")
        ids = {
            "origClientOrderId": order.asked.client_id,
            "clientOrderId": name,
            "transactTime": order.updated_ms,
        }
        return order_reply(order) | ids

    def _public(self, weight: int, answer: Answer) -> Handler:
        return lambda request: self._replied(weight, lambda: answer(params_of(request)))

    def _signed(
        self, weight: int, answer: Answer, *, may: Literal["read", "trade"] = "read"
    ) -> Handler:
        return lambda request: self._replied(
            weight, lambda: answer(signed_params(request, self.exchange, may=may))
        )

    def _replied(self, weight: int, answer: Callable[[], Any]) -> Reply:
        """Count the weight, answer, and say a refusal in binance's words."""
        try:
            self.weights.use(
                weight, limit=self.exchange.quirks.weight_limit, server_ms=self.exchange.server_ms
            )
            reply = Reply(200, {}, answer())
        except BinanceRefusal as error:
            reply = error.reply
        except Refused as error:
            reply = refusal(error.reason).reply
        return reply._replace(
            headers={**reply.headers, "x-mbx-used-weight-1m": str(self.weights.used)}
        )
