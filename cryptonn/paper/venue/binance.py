"""Binance's spot testnet: how it is asked, and what its replies say.

Source: developers.binance.com, Spot API (general API information, trading endpoints, errors).
"""

from collections.abc import Callable
from decimal import Decimal
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
    word_of,
)

__all__ = ["Binance"]

RECV_WINDOW_MS = 5_000
STATUS: dict[str, VenueStatus] = {
    "NEW": "open",
    "PENDING_NEW": "open",
    "PARTIALLY_FILLED": "open",
    "PENDING_CANCEL": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}


class Binance:
    """The testnet; see ``Dialect``. It refuses a request 5 s after its time:
    an order cannot come later.
    """

    sandbox = Sandbox(
        exchange="binance",
        urls=MappingProxyType(
            {
                "public": "https://testnet.binance.vision/api/v3",
                "private": "https://testnet.binance.vision/api/v3",
            }
        ),
        hosts=frozenset({"testnet.binance.vision"}),
        order_path="/api/v3/order",
        writes=(("DELETE", "/api/v3/order"),),
    )
    codes = Codes(
        fields=("code",),
        clock=frozenset({"-1021"}),
        keys=frozenset({"-1002", "-1022", "-2008", "-2014", "-2015"}),
        not_found=frozenset({(400, "-2013")}),
        gone=frozenset({"-2011"}),
    )
    clock_tries = 1
    fence_ms = RECV_WINDOW_MS + 2_000
    fee_in: Literal["quote", "base"] = "base"

    def settings(self) -> dict[str, Any]:
        """Return the options of the ccxt class."""
        return {
            "fetchMarkets": {"types": ["spot"]},
            "recvWindow": RECV_WINDOW_MS,
            "adjustForTimeDifference": False,
        }

    def fault(self, api: Any) -> str | None:
        """Return what is wrong with the settings, or None."""
        return (
            None
            if api.options.get("recvWindow") == RECV_WINDOW_MS
            else "its recvWindow is not the one of the fence"
        )

    def market(self, api: Any, symbol: str, *, fee_in: Literal["quote", "base"]) -> Market:
        """Return a market; all are read at the first call."""
        known = api.load_markets()
        if not known:
            raise Garbled("the list of markets is empty")
        if symbol not in known:
            raise unlisted("binance", symbol, known)
        return market_from(known[symbol], exchange="binance", fee_in=fee_in)

    def server_ms(self, api: Any, now_ms: Callable[[], int]) -> int:
        """Return the exchange's time, and sign with it from now on."""
        before = now_ms()
        server_ms = millis(record(api.publicGetTime(), "the time"), "serverTime")
        api.options["timeDifference"] = (before + now_ms()) // 2 - server_ms
        return server_ms

    def resync(self, api: Any, now_ms: Callable[[], int]) -> None:
        """Read the exchange's time again, after it refused a request for its time."""
        self.server_ms(api, now_ms)

    def price(self, api: Any, market: Market) -> Decimal:
        """Return the close of the newest minute."""
        candles = api.publicGetKlines({"symbol": market.id, "interval": "1m", "limit": 1})
        if (
            not isinstance(candles, list)
            or not candles
            or not isinstance(candles[-1], list)
            or len(candles[-1]) < 6
        ):
            raise Garbled("there is no newest minute")
        return money({"close": candles[-1][4]}, "close", least=SMALLEST)

    def balances(self, api: Any) -> dict[str, tuple[Decimal, Decimal]]:
        """Return free and used of every currency that is held."""
        account = record(api.privateGetAccount(), "the account")
        held = {
            text(row, "asset"): (money(row, "free"), money(row, "locked"))
            for row in rows(account.get("balances"), "the balances")
        }
        if not held:
            raise Garbled("the account has no balances")
        return {currency: pair for currency, pair in held.items() if any(pair)}

    def key_warnings(self, api: Any) -> list[str]:
        """Return what should worry about the rights of the key."""
        account = record(api.privateGetAccount(), "the account")
        rights = {
            "canTrade": flag(account, "canTrade"),
            "canWithdraw": flag(account, "canWithdraw"),
        }
        return ["the key may not trade"] * (not rights["canTrade"]) + [
            "the key may withdraw"
        ] * rights["canWithdraw"]

    def place(self, api: Any, request: OrderRequest, market: Market) -> Any:
        """POST the order, once; return the reply. A market order goes without a price: with one,
        ccxt changes it.
        """
        kind, price = ("market", None) if request.limit is None else ("limit", f"{request.limit:f}")
        order = api.create_order(
            market.symbol,
            kind,
            request.side,
            f"{request.amount:f}",
            price,
            {"newClientOrderId": request.cid},
        )
        return order.get("info")

    def lookup(self, api: Any, cid: str, market: Market) -> Any:
        """Return the reply to a question for the order with a client id."""
        return api.privateGetOrder({"symbol": market.id, "origClientOrderId": cid})

    def order(self, reply: Any, market: Market) -> tuple[OrderState, Side]:
        """Return what a reply says of an order."""
        row = record(reply, "the order")
        if not market.is_named(text(row, "symbol")):
            raise Garbled("an order of another market")
        status: Any = word_of(row, "status", STATUS)
        state = OrderState(
            own_id(row, "clientOrderId"),
            text(row, "orderId"),
            status,
            money(row, "origQty"),
            money(row, "executedQty"),
        )
        return checked(state), side_of(row, "side")

    def open_orders(self, api: Any, market: Market) -> list[Any]:
        """Return the replies for the orders of a market that are working."""
        return list(rows(api.privateGetOpenOrders({"symbol": market.id}), "the open orders"))

    def cancel(self, api: Any, state: OrderState, market: Market) -> None:
        """Ask for an order to be cancelled."""
        api.privateDeleteOrder({"symbol": market.id, "orderId": state.venue_id})

    def fills(self, api: Any, state: OrderState, market: Market) -> list[VenueFill]:
        """Return the fills of an order, as they came."""
        asked = {"symbol": market.id, "orderId": state.venue_id, "limit": 1000}
        return [self._fill(row, market) for row in rows(api.privateGetMyTrades(asked), "the fills")]

    @staticmethod
    def _fill(row: Row, market: Market) -> VenueFill:
        if not market.is_named(text(row, "symbol")):
            raise Garbled("a fill in another market")
        return VenueFill(
            trade_id=text(row, "id"),
            venue_id=text(row, "orderId"),
            side="buy" if flag(row, "isBuyer") else "sell",
            amount=money(row, "qty", least=SMALLEST),
            price=money(row, "price", least=SMALLEST),
            fee=money(row, "commission", least=None),
            fee_currency=text(row, "commissionAsset"),
            time_ms=millis(row, "time"),
        )
