"""Alpaca's paper account: how it is asked, and what its replies say.

Neither its fills nor its record of a crypto order tell a fee, and so ccxt does not either: it is
taken from what was received, and reckoned here at the rate of Alpaca's fee table. Source:
docs.alpaca.markets, Trading API (orders, account activities, crypto fees).
"""

from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
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

__all__ = ["Alpaca"]

TAKER = Decimal("0.0025")
"""Commission of the lowest tier, a fraction of what is received (docs.alpaca.markets,
crypto fees).
"""
FEE_STEP = Decimal("1e-9")
PAGE = 100
"""Most fills in a reply."""
APART_MS = 60_000
"""The times of an order and of its fills come from different clocks:
they are not this far apart.
"""
STATUS: dict[str, VenueStatus] = {
    **dict.fromkeys(
        ("pending_new", "accepted", "accepted_for_bidding", "new", "partially_filled", "held"),
        "open",
    ),
    **dict.fromkeys(
        ("activated", "done_for_day", "stopped", "suspended", "pending_replace", "pending_cancel"),
        "open",
    ),
    "filled": "closed",
    "canceled": "canceled",
    "replaced": "canceled",
    "expired": "expired",
    "rejected": "rejected",
}


class Alpaca:
    """The paper account; see ``Dialect``. Its requests carry no time,
    so the fence is merely a long time.
    """

    sandbox = Sandbox(
        exchange="alpaca",
        urls=MappingProxyType(
            {"trader": "https://paper-api.alpaca.markets", "market": "https://data.alpaca.markets"}
        ),
        hosts=frozenset({"paper-api.alpaca.markets"}),
        readers=frozenset({"data.alpaca.markets"}),
        order_path="/v2/orders",
        writes=(("DELETE", "/v2/orders/[0-9a-fA-F-]{36}"),),
    )
    codes = Codes(
        fields=("code", "message"),
        clock=frozenset(),
        keys=frozenset({"40110000", "forbidden.", "new orders are rejected by user request"}),
        not_found=frozenset({(404, "40410000")}),
        gone=frozenset({"42210000"}),
    )
    clock_tries = 1
    fence_ms = 60_000
    fee_in: Literal["quote", "base"] = "base"

    def settings(self) -> dict[str, Any]:
        """Return the options of the ccxt class."""
        return {}

    def fault(self, api: Any) -> str | None:
        """Return what is wrong with the settings, or None."""
        return None if api.hostname == "alpaca.markets" else f"its host name is {api.hostname}"

    def market(self, api: Any, symbol: str, *, fee_in: Literal["quote", "base"]) -> Market:
        """Return a market; all are read at the first call."""
        known = api.load_markets()
        if not known:
            raise Garbled("the list of markets is empty")
        if symbol not in known:
            raise unlisted("alpaca", symbol, known)
        return market_from(known[symbol], exchange="alpaca", fee_in=fee_in)

    def server_ms(self, api: Any, now_ms: Callable[[], int]) -> int:
        """Return the exchange's time."""
        return _moment(record(api.traderPrivateGetV2Clock(), "the time"), "timestamp")

    def resync(self, api: Any, now_ms: Callable[[], int]) -> None:
        """Do nothing: requests carry no time."""

    def price(self, api: Any, market: Market) -> Decimal:
        """Return the price of the newest trade."""
        asked = {"loc": "us", "symbols": market.symbol}
        reply = record(api.marketPublicGetV1beta3CryptoLocLatestTrades(asked), "the newest trades")
        trades = record(reply.get("trades"), "the newest trades")
        return money(record(trades.get(market.symbol), "the newest trade"), "p", least=SMALLEST)

    def balances(self, api: Any) -> dict[str, tuple[Decimal, Decimal]]:
        """Return free and used of every currency that is held."""
        account = record(api.traderPrivateGetV2Account(), "the account")
        quote = text(account, "currency")
        held = {quote: (money(account, "cash"), Decimal(0))}
        for row in rows(api.traderPrivateGetV2Positions(), "the positions"):
            if text(row, "asset_class") == "crypto":
                total, free = money(row, "qty"), money(row, "qty_available")
                held[text(row, "symbol").replace("/", "").removesuffix(quote)] = (
                    free,
                    total - free,
                )
        return {currency: pair for currency, pair in held.items() if any(pair)}

    def key_warnings(self, api: Any) -> list[str]:
        """Return what should worry about the account."""
        account = record(api.traderPrivateGetV2Account(), "the account")
        blocked = flag(account, "trading_blocked") or flag(account, "account_blocked")
        return ["the account may not trade"] if blocked else []

    def place(self, api: Any, request: OrderRequest, market: Market) -> Any:
        """POST the order, once; return the reply."""
        kind, price = ("market", None) if request.limit is None else ("limit", f"{request.limit:f}")
        order = api.create_order(
            market.symbol,
            kind,
            request.side,
            f"{request.amount:f}",
            price,
            {"clientOrderId": request.cid, "timeInForce": "gtc"},
        )
        return order.get("info")

    def lookup(self, api: Any, cid: str, market: Market) -> Any:
        """Return the reply to a question for the order with a client id."""
        return api.request(
            "v2/orders:by_client_order_id", ["trader", "private"], "GET", {"client_order_id": cid}
        )

    def order(self, reply: Any, market: Market) -> tuple[OrderState, Side]:
        """Return what a reply says of an order."""
        row = record(reply, "the order")
        if not market.is_named(text(row, "symbol")):
            raise Garbled("an order of another market")
        status: Any = word_of(row, "status", STATUS)
        state = OrderState(
            own_id(row, "client_order_id"),
            text(row, "id"),
            status,
            money(row, "qty"),
            money(row, "filled_qty"),
        )
        return checked(state), side_of(row, "side")

    def open_orders(self, api: Any, market: Market) -> list[Any]:
        """Return the replies for the orders of a market that are working."""
        found = rows(
            api.traderPrivateGetV2Orders({"status": "open", "limit": 500}), "the open orders"
        )
        return [row for row in found if market.is_named(text(row, "symbol"))]

    def cancel(self, api: Any, state: OrderState, market: Market) -> None:
        """Ask for an order to be cancelled."""
        api.traderPrivateDeleteV2OrdersOrderId({"order_id": state.venue_id})

    def fills(self, api: Any, state: OrderState, market: Market) -> list[VenueFill]:
        """Return the fills of an order; alpaca gives those of all orders, the newest first, page by
        page.

        It is asked for further pages until the fills come to what the order's state says, or are
        older than the order.
        """
        found: list[VenueFill] = []
        last: str | None = None
        sent_ms: int | None = None
        while True:
            page = self._page(api, after=last)
            found += self._fills_of(page, state, market)
            if len(page) < PAGE or _total(found) >= state.filled:
                return found
            sent_ms = self._sent_ms(api, state) if sent_ms is None else sent_ms
            if _moment(page[-1], "transaction_time") < sent_ms - APART_MS:
                return found
            last = text(page[-1], "id")

    def _page(self, api: Any, *, after: str | None) -> list[Row]:
        """Return the newest fills of all orders, or those that follow the one with an id."""
        asked = {"activity_type": "FILL", "page_size": PAGE, "direction": "desc"}
        token = {} if after is None else {"page_token": after}
        page = rows(api.traderPrivateGetV2AccountActivitiesActivityType(asked | token), "the fills")
        if after is not None and page and text(page[-1], "id") == after:
            raise Garbled("a further page of the fills is the one before")
        return page

    def _sent_ms(self, api: Any, state: OrderState) -> int:
        reply = api.traderPrivateGetV2OrdersOrderId({"order_id": state.venue_id})
        return _moment(record(reply, "the order"), "submitted_at")

    def _fills_of(self, page: list[Row], state: OrderState, market: Market) -> list[VenueFill]:
        here = [self._fill(row, market) for row in page if market.is_named(text(row, "symbol"))]
        return [fill for fill in here if fill.venue_id == state.venue_id]

    @staticmethod
    def _fill(row: Row, market: Market) -> VenueFill:
        side = side_of(row, "side")
        amount = money(row, "qty", least=SMALLEST)
        price = money(row, "price", least=SMALLEST)
        received, currency = (
            (amount, market.base) if side == "buy" else (amount * price, market.quote)
        )
        return VenueFill(
            trade_id=text(row, "id"),
            venue_id=text(row, "order_id"),
            side=side,
            amount=amount,
            price=price,
            fee=(received * TAKER).quantize(FEE_STEP, ROUND_HALF_UP),
            fee_currency=currency,
            time_ms=_moment(row, "transaction_time"),
        )


def _total(fills: list[VenueFill]) -> Decimal:
    """Return what fills come to; a row that comes twice counts once."""
    return sum({fill.trade_id: fill.amount for fill in fills}.values(), Decimal(0))


def _moment(row: Row, key: str) -> int:
    """Return a time written as in 2022-12-28T12:19:29.579352Z, in milliseconds."""
    try:
        moment = datetime.fromisoformat(text(row, key))
    except ValueError:
        raise Garbled(f"{key} is no time") from None
    if moment.tzinfo is None:
        raise Garbled(f"{key} has no time zone")
    return millis({key: int(moment.timestamp() * 1000)}, key)
