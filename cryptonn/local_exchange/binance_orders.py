"""What the parameters of a request about orders mean to binance, and which it refuses."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from cryptonn.local_exchange.binance_auth import Params
from cryptonn.local_exchange.binance_words import BinanceRefusal
from cryptonn.local_exchange.orders import NewOrder

__all__ = ["asked_order", "limit_of", "mandatory", "page", "whole", "within"]

Row = TypeVar("Row")

CLIENT_ID = r"[.A-Z:/a-z0-9_-]{1,36}"
AMOUNT = r"[0-9]{1,20}(\.[0-9]{1,20})?"
DECIMALS = 8
DEFAULT_LIMIT = 500
MOST = 1000


def mandatory(params: Params, name: str) -> str:
    """Return a parameter that must be there."""
    if not params.get(name):
        raise BinanceRefusal(
            -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )
    return params[name]


def whole(params: Params, name: str) -> int | None:
    """Return a parameter that is a whole number, or None where it is not sent."""
    if name not in params:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", params[name]):
        message = (
            f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        )
        raise BinanceRefusal(-1100, message)
    return int(params[name])


def limit_of(params: Params) -> int:
    """Return how many rows are wanted, at most."""
    wanted = whole(params, "limit")
    return DEFAULT_LIMIT if wanted is None else max(1, min(wanted, MOST))


def within(time_ms: int, params: Params) -> bool:
    """Tell whether a time lies in the stretch that is asked for, ends included."""
    start, end = whole(params, "startTime"), whole(params, "endTime")
    return (start is None or time_ms >= start) and (end is None or time_ms <= end)


def page(rows: Sequence[Row], params: Params, *, from_start: bool) -> Sequence[Row]:
    """Return the first rows where a start is given, else the newest."""
    limit = limit_of(params)
    return rows[:limit] if from_start or "startTime" in params else rows[-limit:]


def asked_order(params: Params, symbol: str) -> NewOrder:
    """Read a new order: MARKET, LIMIT or LIMIT_MAKER."""
    side = mandatory(params, "side")
    kind = mandatory(params, "type")
    if side not in ("BUY", "SELL"):
        raise BinanceRefusal(-1117)
    if kind not in ("MARKET", "LIMIT", "LIMIT_MAKER"):
        raise BinanceRefusal(-1116)
    quote_amount = (
        _amount(params, "quoteOrderQty") if kind == "MARKET" and "quoteOrderQty" in params else None
    )
    if kind == "MARKET":
        _refuse_sent(
            params, ("price", "timeInForce", *(("quantity",) if quote_amount is not None else ()))
        )
    if kind == "LIMIT":
        mandatory(params, "timeInForce")
    tif = params.get("timeInForce", "GTC")
    if tif not in ("GTC", "IOC", "FOK"):
        raise BinanceRefusal(-1115)
    return NewOrder(
        symbol=symbol,
        side="buy" if side == "BUY" else "sell",
        amount=Decimal(0) if quote_amount is not None else _amount(params, "quantity"),
        limit=None if kind == "MARKET" else _amount(params, "price"),
        client_id=_client_id(params),
        time_in_force="GTC" if tif == "GTC" else "IOC" if tif == "IOC" else "FOK",
        post_only=kind == "LIMIT_MAKER",
        quote_amount=quote_amount,
    )


def _refuse_sent(params: Params, names: Sequence[str]) -> None:
    for name in names:
        if name in params:
            raise BinanceRefusal(-1106, f"Parameter '{name}' sent when not required.")


def _client_id(params: Params) -> str:
    if "newClientOrderId" not in params:
        return ""
    if not re.fullmatch(CLIENT_ID, params["newClientOrderId"]):
        message = (
            "Illegal characters found in parameter 'newClientOrderId'; legal range is "
            "'^[\\.A-Z\\:/a-z0-9_-]{1,36}$'."
        )
        raise BinanceRefusal(-1100, message)
    return params["newClientOrderId"]


def _amount(params: Params, name: str) -> Decimal:
    text = mandatory(params, name)
    if not re.fullmatch(AMOUNT, text):
        message = (
            f"Illegal characters found in parameter '{name}'; legal range is "
            f"'^([0-9]{{1,20}})(\\.[0-9]{{1,20}})?$'."
        )
        raise BinanceRefusal(-1100, message)
    amount = Decimal(text)
    if len(text.partition(".")[2].rstrip("0")) > DECIMALS:
        raise BinanceRefusal(-1111, f"Parameter '{name}' has too much precision.")
    if not amount:
        raise BinanceRefusal(-1013, f"Invalid {name}.")
    return amount
