"""How gemini speaks: signed payloads in a header, limit orders only, errors with a reason and a
message.

What is known of its words comes from its public documentation and from tests that others wrote
against its sandbox.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cryptonn.local_exchange.dialect import Handler, Reply, Request
from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.gemini_auth import GeminiRefusal, Sessions, decoded
from cryptonn.local_exchange.gemini_orders import AskedOrder, asked_order
from cryptonn.local_exchange.gemini_replies import (
    balances_reply,
    details_reply,
    market_name,
    order_reply,
    plain,
    public_trades_reply,
    ticker_reply,
    trade_reply,
)
from cryptonn.local_exchange.market import Market
from cryptonn.local_exchange.orders import NewOrder, Order, Refused

__all__ = ["Gemini"]

MINUTE_MS = 60_000
TIMEFRAMES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1hr": 60, "6hr": 360, "1day": 1440}
"""Gemini's names of bar lengths, in minutes."""

CANDLES = 1440
"""Candles in a reply: gemini gives the newest ones and takes no start."""

IN_FORCE = {"immediate-or-cancel": "IOC", "fill-or-kill": "FOK"}

FAULTS = {
    "RateLimit": (429, "Requests were made too frequently."),
    "System": (500, "We are experiencing technical issues."),
    "Maintenance": (503, "The system is down for maintenance."),
    "InvalidSignature": (400, "InvalidSignature"),
    "InvalidNonce": (400, "Nonce '1' has not increased since your last call to the Gemini API."),
    "MissingRole": (
        403,
        "To access this endpoint, you need to log in to the website and give the key a role.",
    ),
    "InvalidQuantity": (400, "Invalid quantity for symbol ETHUSD: 1"),
    "InsufficientFunds": (406, "Failed to place order due to insufficient funds"),
    "OrderNotFound": (404, "Order not found"),
    "MarketNotOpen": (400, "The market is not accepting new orders."),
}
"""Errors that can be injected by their reason: HTTP status and message."""

STATUSES = {
    "400": "InvalidQuantity",
    "401": "InvalidSignature",
    "403": "MissingRole",
    "404": "OrderNotFound",
    "406": "InsufficientFunds",
    "429": "RateLimit",
    "500": "System",
    "503": "Maintenance",
}
"""The same by HTTP status."""


class Gemini:
    """The dialect of gemini's REST interface."""

    name = "gemini"
    id_keys = frozenset({"order_id", "id"})
    client_id_keys = frozenset({"client_order_id"})

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sessions = Sessions(exchange.secret_of)
        public: dict[str, Callable[[Request], Any]] = {
            "/v1/symbols": self._symbols,
            "/v1/symbols/details/{symbol}": lambda request: details_reply(
                self._market(request.params["symbol"])
            ),
            "/v1/pubticker/{symbol}": self._ticker,
            "/v1/trades/{symbol}": self._public_trades,
            "/v2/candles/{symbol}/{timeframe}": self._candles,
        }
        private: dict[str, Callable[[dict[str, Any]], Any]] = {
            "/v1/order/new": self._new_order,
            "/v1/order/status": self._order_status,
            "/v1/order/cancel": self._cancel,
            "/v1/orders": self._open_orders,
            "/v1/mytrades": self._own_trades,
            "/v1/balances": lambda payload: balances_reply(exchange.account),
            "/v1/notionalvolume": self._fees,
        }
        self.routes: dict[tuple[str, str], Handler] = {
            **{("GET", path): self._answering(answer) for path, answer in public.items()},
            **{
                ("POST", path): self._answering(self._signed(answer))
                for path, answer in private.items()
            },
        }

    def client_id(self, request: Request) -> str | None:
        """Return the client id in a request for a new order, signed or not, else None."""
        if request.path != "/v1/order/new":
            return None
        try:
            value = decoded(request.headers.get("x-gemini-payload", "")).get("client_order_id")
        except GeminiRefusal:
            return None
        return value if isinstance(value, str) else None

    def fault(self, do: str) -> Reply | None:
        """Return the words for an injected error: one of ``FAULTS``, or an HTTP status,
        if need be a proxy's page.
        """
        reason = STATUSES.get(do, do)
        if reason in FAULTS:
            status, message = FAULTS[reason]
            reply = GeminiRefusal(status, reason, message).reply
            return Reply(
                int(do) if do in STATUSES else status,
                {"Retry-After": "1"} if status == 429 else {},
                reply,
            )
        if do.isascii() and do.isdigit() and 400 <= int(do) < 600:
            return Reply(
                int(do), {"Content-Type": "text/html"}, f"<html><body><h1>{do}</h1></body></html>"
            )
        return None

    def _answering(self, answer: Callable[[Request], Any]) -> Handler:
        def handler(request: Request) -> Reply:
            try:
                return Reply(200, {}, answer(request))
            except GeminiRefusal as refusal:
                return Reply(refusal.status, {}, refusal.reply)

        return handler

    def _signed(self, answer: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
        return lambda request: answer(self._sessions.payload_of(request.path, request.headers))

    def _market(self, name: object) -> Market:
        for market in self._exchange.markets.values():
            if isinstance(name, str) and name.upper() == market_name(market):
                return market
        raise GeminiRefusal(400, "InvalidSymbol", f"Received unsupported symbol '{name}'")

    def _symbols(self, request: Request) -> list[str]:
        return [market_name(market).lower() for market in self._exchange.markets.values()]

    def _candles(self, request: Request) -> list[list[float]]:
        market = self._market(request.params["symbol"])
        timeframe = request.params["timeframe"]
        if TIMEFRAMES.get(timeframe, 0) * MINUTE_MS != market.bar_ms:
            raise GeminiRefusal(
                400, "InvalidTimeframe", f"Supplied value '{timeframe}' is not a valid time frame"
            )
        bars = self._exchange.candles(market.symbol, start_ms=None, end_ms=None, limit=CANDLES)
        return [list(bar) for bar in reversed(bars)]

    def _ticker(self, request: Request) -> dict[str, Any]:
        exchange = self._exchange
        market = self._market(request.params["symbol"])
        bars = exchange.candles(market.symbol, start_ms=None, end_ms=None, limit=CANDLES)
        bid = exchange.matching.price(market.symbol, side="sell", now_ms=exchange.now_ms)
        ask = exchange.matching.price(market.symbol, side="buy", now_ms=exchange.now_ms)
        return ticker_reply(market, bars, bid=bid, ask=ask, now_ms=exchange.now_ms)

    def _public_trades(self, request: Request) -> list[dict[str, Any]]:
        exchange = self._exchange
        market = self._market(request.params["symbol"])
        bars = exchange.candles(market.symbol, start_ms=None, end_ms=None, limit=51)
        closed = [bar for bar in bars if bar.open_ms + market.bar_ms <= exchange.now_ms]
        return public_trades_reply(closed[-50:], bar_ms=market.bar_ms)

    def _new_order(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Accept an order; one that may only rest and would not is described as cancelled,
        and not kept.
        """
        self._check_role()
        market = self._market(payload.get("symbol", ""))
        asked = asked_order(payload, name=market_name(market), filters=market.filters)
        now_ms = self._exchange.now_ms
        core = _core_order(asked, market)
        try:
            order = self._exchange.matching.place(core, now_ms=now_ms)
        except Refused as refused:
            if refused.reason == "would_take":
                return order_reply(
                    Order(0, core, core.amount, now_ms, now_ms, now_ms, "canceled"), market
                )
            raise _refusal(refused, asked, market) from refused
        described = order_reply(order, market)
        if self._exchange.quirks.short_reply:
            return {
                key: described[key]
                for key in ("order_id", "id", "client_order_id")
                if key in described
            }
        return described

    def _order_status(self, payload: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """Look an order up. By client id gemini answers with a list:
        it takes the same one any number of times.
        """
        if "client_order_id" not in payload or "order_id" in payload:
            return self._described(self._order(payload))
        client_id = str(payload["client_order_id"])
        now_ms = self._exchange.now_ms
        orders = [
            order for order in self._exchange.matching.orders.values() if order.visible_ms <= now_ms
        ]
        found = [
            self._described(order)
            for order in reversed(orders)
            if order.asked.client_id == client_id
        ]
        if not found:
            raise GeminiRefusal(404, "OrderNotFound", f"Order {client_id} not found")
        return found

    def _cancel(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Cancel an order; one that has ended, or fills meanwhile, is described as it is."""
        self._check_role()
        order = self._order(payload)
        with suppress(Refused):
            self._exchange.matching.cancel(order, now_ms=self._exchange.now_ms)
        return self._described(order)

    def _check_role(self) -> None:
        if self._exchange.quirks.read_only_key:
            raise GeminiRefusal(FAULTS["MissingRole"][0], "MissingRole", FAULTS["MissingRole"][1])

    def _order(self, payload: dict[str, Any]) -> Order:
        if "order_id" not in payload:
            raise GeminiRefusal(400, "MissingOrderField", "Must provide 'order_id'")
        number = str(payload["order_id"])
        known = number.isascii() and number.isdigit() and len(number) < 20
        order = (
            self._exchange.matching.by_id(int(number), now_ms=self._exchange.now_ms)
            if known
            else None
        )
        if order is None:
            raise GeminiRefusal(404, "OrderNotFound", f"Order {number} not found")
        return order

    def _described(self, order: Order) -> dict[str, Any]:
        return order_reply(order, self._exchange.markets[order.asked.symbol])

    def _open_orders(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            self._described(order)
            for order in self._exchange.matching.open_orders(now_ms=self._exchange.now_ms)
        ]

    def _own_trades(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """List own trades newest first: 50 unless told, from a time in seconds
        or milliseconds on.
        """
        market = self._market(payload.get("symbol", ""))
        trades = self._exchange.matching.trades_of(market.symbol, now_ms=self._exchange.now_ms)
        since, limit = (
            payload.get(key, default) for key, default in (("timestamp", 0), ("limit_trades", 50))
        )
        if not (isinstance(since, int) and isinstance(limit, int)):
            raise GeminiRefusal(
                400, "InvalidTimestampInPayload", "timestamp and limit_trades are whole numbers."
            )
        since_ms = since if since > 10**11 else since * 1000
        wanted = [trade for trade in trades if trade.time_ms >= since_ms]
        return [trade_reply(trade, market) for trade in reversed(wanted)][: max(0, min(limit, 500))]

    def _fees(self, payload: dict[str, Any]) -> dict[str, Any]:
        maker, taker = (
            float(rate * 10_000)
            for rate in (self._exchange.rates.maker, self._exchange.rates.taker)
        )
        return {
            "api_maker_fee_bps": maker,
            "api_taker_fee_bps": taker,
            "last_updated_ms": self._exchange.now_ms,
        }


def _core_order(asked: AskedOrder, market: Market) -> NewOrder:
    return NewOrder(
        symbol=market.symbol,
        side=asked.side,
        amount=asked.amount,
        limit=asked.price,
        client_id=asked.client_id or "",
        time_in_force=IN_FORCE.get(asked.option, "GTC"),  # type: ignore[arg-type]
        post_only=asked.option == "maker-or-cancel",
        fee_in="quote",
        any_cost=True,
    )


def _refusal(refused: Refused, asked: AskedOrder, market: Market) -> GeminiRefusal:
    name = market_name(market)
    if refused.reason == "insufficient":
        order = (
            f"{asked.side} order on symbol '{name}' for price ${asked.price:,} and quantity "
            f"{asked.amount:,}"
        )
        return GeminiRefusal(
            406,
            "InsufficientFunds",
            f"Failed to place {order} {market.base} due to insufficient funds",
        )
    if refused.reason in ("price_tick", "price_range"):
        return GeminiRefusal(
            400, "InvalidPrice", f"Invalid price for symbol {name}: {plain(asked.price)}"
        )
    if refused.reason == "market_closed":
        return GeminiRefusal(400, "MarketNotOpen", FAULTS["MarketNotOpen"][1])
    return GeminiRefusal(
        400, "InvalidQuantity", f"Invalid quantity for symbol {name}: {plain(asked.amount)}"
    )
