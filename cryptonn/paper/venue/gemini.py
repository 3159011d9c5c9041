"""Gemini's sandbox: how it is asked, and what its replies say.

It takes limit orders only: a market order goes out as an immediate-or-cancel order with a limit
past the spread. Source: docs.gemini.com, REST API.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Literal

from cryptonn.paper.ports import OrderRequest, OrderState, Side, VenueFill, VenueStatus
from cryptonn.paper.venue.guard import Sandbox
from cryptonn.paper.venue.markets import Market, market_from, unlisted
from cryptonn.paper.venue.outcomes import Codes
from cryptonn.paper.venue.replies import (
    SMALLEST,
    Garbled,
    Row,
    checked,
    flag,
    millis,
    money,
    own_id,
    record,
    rows,
    side_of,
    text,
)

__all__ = ["Gemini"]

THROUGH = Decimal("0.01")
"""How far past the newest price the limit of an emulated market order lies, as a fraction."""
NONCE_WINDOW_MS = 30_000
"""Gemini takes a nonce only within so much of its own time."""
NONCE_STEP = 1_000
"""How far ahead of the clock nonces are first put, where an earlier session has used up those of
now.
"""
LONGEST_LEAD_MS = 15_000
"""How far ahead of the clock they are put at most."""
_READS = ("/v1/order/status", "/v1/orders", "/v1/mytrades", "/v1/balances")


class Gemini:
    """The sandbox; see ``Dialect``."""

    sandbox = Sandbox(
        exchange="gemini",
        urls=MappingProxyType(
            {
                "public": "https://api.sandbox.gemini.com",
                "private": "https://api.sandbox.gemini.com",
            }
        ),
        hosts=frozenset({"api.sandbox.gemini.com"}),
        order_path="/v1/order/new",
        writes=tuple(("POST", path) for path in (*_READS, "/v1/order/cancel")),
    )
    codes = Codes(
        fields=("reason",),
        clock=frozenset({"InvalidNonce"}),
        keys=frozenset({"InvalidApiKey", "InvalidSignature", "MissingRole"}),
        not_found=frozenset({(404, "OrderNotFound")}),
        gone=frozenset(),
    )
    clock_tries = 5
    fence_ms = NONCE_WINDOW_MS + LONGEST_LEAD_MS + 2_000
    fee_in: Literal["quote", "base"] = "quote"

    def settings(self) -> dict[str, Any]:
        """Return the options of the ccxt class; its pages of the production site are never asked
        for.
        """
        return {
            "fetchMarketsFromAPI": {"fetchDetailsForAllSymbols": True},
            "fetchCurrencies": {"webApiEnable": False},
            "nonce": "milliseconds",
        }

    def fault(self, api: Any) -> str | None:
        """Return what is wrong with the settings, or None."""
        return (
            None
            if api.options.get("nonce") == "milliseconds"
            else "its nonce is not the one of the fence"
        )

    def market(self, api: Any, symbol: str, *, fee_in: Literal["quote", "base"]) -> Market:
        """Return a market; each is asked for by itself, because the list has no steps."""
        known = api.publicGetV1Symbols()
        if (
            not isinstance(known, list)
            or not known
            or not all(isinstance(name, str) for name in known)
        ):
            raise Garbled("the list of markets is no list")
        name = symbol.replace("/", "").lower()
        if name not in known:
            raise unlisted("gemini", symbol, [found.upper() for found in known])
        details = record(api.publicGetV1SymbolsDetailsSymbol({"symbol": name}), "the market")
        found = api.parse_market(details)
        if found is None or found.get("symbol") != symbol:
            raise Garbled("the details are of another market")
        api.set_markets([*(api.markets or {}).values(), found])
        return market_from(found, exchange="gemini", fee_in=fee_in)

    def server_ms(self, api: Any, now_ms: Callable[[], int]) -> int:
        """Return the exchange's time, to the second: the Date of a reply."""
        api.publicGetV1Symbols()
        try:
            return int(parsedate_to_datetime(api.last_response_headers["Date"]).timestamp() * 1000)
        except (KeyError, TypeError, ValueError):
            raise Garbled("the reply has no Date") from None

    def resync(self, api: Any, now_ms: Callable[[], int]) -> None:
        """Go past the nonces of earlier sessions, which may lie ahead of the clock: a little,
        then twice as far.
        """
        now = now_ms()
        lead = int(api.options.get("lastNonce") or 0) - now
        api.options["lastNonce"] = now + min(max(2 * lead, NONCE_STEP), LONGEST_LEAD_MS)

    def price(self, api: Any, market: Market) -> Decimal:
        """Return the close of the newest minute."""
        candles = api.publicGetV2CandlesSymbolTimeframe({"symbol": market.id, "timeframe": "1m"})
        if (
            not isinstance(candles, list)
            or not candles
            or not all(isinstance(row, list) and len(row) > 5 for row in candles)
        ):
            raise Garbled("there is no newest minute")
        newest = max(candles, key=lambda row: millis({"open": row[0]}, "open"))
        return money({"close": newest[4]}, "close", least=SMALLEST)

    def balances(self, api: Any) -> dict[str, tuple[Decimal, Decimal]]:
        """Return free and used of every currency that is held."""
        held = {}
        for row in rows(api.privatePostV1Balances(), "the balances"):
            total, free = money(row, "amount"), money(row, "available")
            if free > total:
                raise Garbled("more is free than there is")
            held[text(row, "currency")] = (free, total - free)
        return {currency: pair for currency, pair in held.items() if any(pair)}

    def key_warnings(self, api: Any) -> list[str]:
        """Return nothing: gemini does not tell a key's rights."""
        return []

    def place(self, api: Any, request: OrderRequest, market: Market) -> Any:
        """POST the order, once; return the reply."""
        asked = request
        more = {}
        if request.limit is None:
            asked = self._through(request, self.price(api, market), market)
            more = {"timeInForce": "IOC"}
        order = api.create_order(
            market.symbol,
            "limit",
            asked.side,
            f"{asked.amount:f}",
            f"{asked.limit:f}",
            {"client_order_id": asked.cid, **more},
        )
        return order.get("info")

    @staticmethod
    def _through(request: OrderRequest, price: Decimal, market: Market) -> OrderRequest:
        """Return the limit order that stands for a market order."""
        buys = request.side == "buy"
        tick = market.rules.price_tick
        limit = price * (1 + THROUGH if buys else 1 - THROUGH) / tick
        return replace(
            request, limit=limit.to_integral_value(ROUND_CEILING if buys else ROUND_FLOOR) * tick
        )

    def lookup(self, api: Any, cid: str, market: Market) -> Any:
        """Return the reply to a question for the order with a client id;
        gemini puts it into a list.
        """
        reply = api.privatePostV1OrderStatus({"client_order_id": cid})
        return reply[0] if isinstance(reply, list) and len(reply) == 1 else reply

    def order(self, reply: Any, market: Market) -> tuple[OrderState, Side]:
        """Return what a reply says of an order; its state is read from what is filled and whether
        it is live.
        """
        row = record(reply, "the order")
        if not market.is_named(text(row, "symbol")):
            raise Garbled("an order of another market")
        amount = money(row, "original_amount")
        filled = money(row, "executed_amount")
        if money(row, "remaining_amount") != amount - filled:
            raise Garbled("what is filled and what remains is not the whole")
        live, cancelled = flag(row, "is_live"), flag(row, "is_cancelled")
        if live and (cancelled or filled == amount):
            raise Garbled("live, yet cancelled or filled")
        status: VenueStatus = "open" if live else "closed" if filled == amount else "canceled"
        state = OrderState(
            own_id(row, "client_order_id"), text(row, "order_id"), status, amount, filled
        )
        return checked(state), side_of(row, "side")

    def open_orders(self, api: Any, market: Market) -> list[Any]:
        """Return the replies for the orders of a market that are working."""
        found = rows(api.privatePostV1Orders(), "the open orders")
        return [row for row in found if market.is_named(text(row, "symbol"))]

    def cancel(self, api: Any, state: OrderState, market: Market) -> None:
        """Ask for an order to be cancelled."""
        api.privatePostV1OrderCancel({"order_id": state.venue_id})

    def fills(self, api: Any, state: OrderState, market: Market) -> list[VenueFill]:
        """Return the fills of an order; gemini gives the newest of all orders."""
        found = rows(
            api.privatePostV1Mytrades({"symbol": market.id, "limit_trades": 500}), "the fills"
        )
        return [fill for fill in map(self._fill, found) if fill.venue_id == state.venue_id]

    @staticmethod
    def _fill(row: Row) -> VenueFill:
        return VenueFill(
            trade_id=text(row, "tid"),
            venue_id=text(row, "order_id"),
            side=side_of(row, "type"),
            amount=money(row, "amount", least=SMALLEST),
            price=money(row, "price", least=SMALLEST),
            fee=money(row, "fee_amount", least=None),
            fee_currency=text(row, "fee_currency"),
            time_ms=millis(row, "timestampms"),
        )
