"""What a new order says, checked in the order and refused in the words that gemini uses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from cryptonn.local_exchange.gemini_auth import GeminiRefusal
from cryptonn.local_exchange.market import Filters

__all__ = ["AskedOrder", "asked_order"]

OPTIONS = ("maker-or-cancel", "immediate-or-cancel", "auction-only", "fill-or-kill")


@dataclass(frozen=True)
class AskedOrder:
    """A limit order as asked for: amount in base, price in quote;
    ``option`` is "" for one that may rest.
    """

    side: Literal["buy", "sell"]
    amount: Decimal
    price: Decimal
    option: str
    client_id: str | None


def asked_order(payload: Mapping[str, Any], *, name: str, filters: Filters) -> AskedOrder:
    """Read a new order for the market ``name`` ("ETHUSD"), or raise ``GeminiRefusal``."""
    if payload.get("type") != "exchange limit":
        words = f"Invalid order type for symbol {name}: '{payload.get('type', '')}'"
        raise GeminiRefusal(400, "InvalidOrderType", words)
    side = payload.get("side")
    if side not in ("buy", "sell"):
        raise GeminiRefusal(
            400, "InvalidSide", f"Invalid side for symbol {name}: '{payload.get('side', '')}'"
        )
    amount = _decimal(payload.get("amount", ""), step=filters.amount_step)
    if amount is None or amount < filters.min_amount:
        words = f"Invalid quantity for symbol {name}: {payload.get('amount', '')}"
        raise GeminiRefusal(400, "InvalidQuantity", words)
    price = _decimal(payload.get("price", ""), step=filters.price_tick)
    if price is None:
        raise GeminiRefusal(
            400, "InvalidPrice", f"Invalid price for symbol {name}: {payload.get('price', '')}"
        )
    option = _option(payload.get("options", []))
    client_id = _client_id(payload.get("client_order_id"))
    return AskedOrder(side=side, amount=amount, price=price, option=option, client_id=client_id)


def _decimal(text: object, *, step: Decimal) -> Decimal | None:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
        return None
    value = Decimal(text)
    return value if value > 0 and value % step == 0 else None


def _option(options: object) -> str:
    if not isinstance(options, list):
        raise GeminiRefusal(400, "OptionsMustBeArray", "The options parameter must be an array.")
    if len(options) > 1:
        words = f"A single order supports at most one of these options: {list(OPTIONS)}"
        raise GeminiRefusal(400, "ConflictingOptions", words)
    for option in options:
        if option not in OPTIONS:
            raise GeminiRefusal(400, "UnsupportedOption", f"Option '{option}' is not supported.")
        if option == "auction-only":
            raise GeminiRefusal(400, "AuctionNotOpen", "No auction is open for this symbol.")
    return str(options[0]) if options else ""


def _client_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise GeminiRefusal(
            400, "ClientOrderIdMustBeString", "The client_order_id must be a string."
        )
    if len(value) > 100:
        raise GeminiRefusal(
            400, "ClientOrderIdTooLong", "The client_order_id must be under 100 characters."
        )
    return value
