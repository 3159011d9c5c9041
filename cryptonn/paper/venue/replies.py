"""What an exchange answered, looked at field by field.

ccxt takes a malformed reply for an empty one and fills in what is missing; so nothing here is read
from what ccxt made of a reply, but from the reply, and each value must be there and make sense.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from cryptonn.paper.ports import OrderRequest, OrderState, Side, VenueFill
from cryptonn.trading.rules import MarketRules

__all__ = [
    "SMALLEST",
    "Garbled",
    "NotSendable",
    "Row",
    "check_request",
    "checked",
    "checked_fills",
    "confirmed",
    "flag",
    "millis",
    "money",
    "own_id",
    "record",
    "rows",
    "side_of",
    "text",
    "word_of",
]

SMALLEST = Decimal("1e-12")
"""Least amount or price that is one."""
Row = Mapping[str, Any]
_MOST_DIGITS = 30
_EARLIEST_MS, _LATEST_MS = 1_230_768_000_000, 4_102_444_800_000
"""2009 and 2100: a time outside is none."""


class Garbled(Exception):
    """A reply that does not say what it must, or says what cannot be."""


class NotSendable(Exception):
    """An order that the market cannot take as it is."""


def record(reply: object, what: str) -> Row:
    """Return a reply that is a JSON object."""
    if not isinstance(reply, dict) or not reply:
        raise Garbled(f"{what} is no record")
    return reply


def rows(reply: object, what: str) -> list[Row]:
    """Return a reply that is a list of JSON objects; it may be empty."""
    if not isinstance(reply, list):
        raise Garbled(f"{what} is no list")
    return [record(row, f"a row of {what}") for row in reply]


def text(row: Row, key: str) -> str:
    """Return an identifier: a string that is not empty, or a whole number."""
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise Garbled(f"{key} is missing")
    return value


def own_id(row: Row, key: str) -> str | None:
    """Return a client id, or None for an order that was sent without one."""
    return None if row.get(key) in (None, "") else text(row, key)


def flag(row: Row, key: str) -> bool:
    """Return a true or false."""
    value = row.get(key)
    if not isinstance(value, bool):
        raise Garbled(f"{key} is neither true nor false")
    return value


def word_of(row: Row, key: str, words: Mapping[str, str]) -> str:
    """Return what the word in a field stands for."""
    value = text(row, key)
    if value not in words:
        raise Garbled(f"{key} has the unknown word {value[:40]!r}")
    return words[value]


def side_of(row: Row, key: str) -> Side:
    """Return buy or sell, however it is capitalised."""
    side = text(row, key).lower()
    if side == "buy":
        return "buy"
    if side == "sell":
        return "sell"
    raise Garbled(f"{key} is neither buy nor sell")


def money(row: Row, key: str, *, least: Decimal | None = Decimal(0)) -> Decimal:
    """Return a finite amount, 0 or more (or ``least`` or more, or any where it is None), exactly as
    written.

    >>> money({"qty": "0.50000000"}, "qty")
    Decimal('0.50000000')
    """
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Garbled(f"{key} is no number")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if (
        not amount.is_finite()
        or abs(amount.adjusted()) > _MOST_DIGITS
        or len(amount.as_tuple().digits) > _MOST_DIGITS
    ):
        raise Garbled(f"{key} is no number")
    if least is not None and amount < least:
        raise Garbled(f"{key} is {amount}, below {least}")
    return amount


def millis(row: Row, key: str) -> int:
    """Return a time in milliseconds UTC, a whole number or its digits."""
    digits = text(row, key)
    if not re.fullmatch(r"[0-9]{13}", digits) or not _EARLIEST_MS <= int(digits) <= _LATEST_MS:
        raise Garbled(f"{key} is no time")
    return int(digits)


def check_request(request: OrderRequest, rules: MarketRules) -> None:
    """Raise ``NotSendable`` for an order that the market cannot take as it is:
    nothing is rounded here.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,36}", request.cid):
        raise NotSendable(f"{request.cid[:40]!r} is no client id: 1 to 36 of A-Z a-z 0-9 _ -")
    if (
        request.amount <= 0
        or request.amount % rules.amount_step
        or request.amount < rules.min_amount
    ):
        raise NotSendable(
            f"amount {request.amount} is not on the step {rules.amount_step}, or below "
            f"{rules.min_amount}"
        )
    limit = request.limit
    if limit is not None and (
        limit <= 0 or limit % rules.price_tick or limit * request.amount < rules.min_cost
    ):
        raise NotSendable(
            f"limit {limit} is not on the tick {rules.price_tick}, or the order below "
            f"{rules.min_cost}"
        )


def checked(state: OrderState) -> OrderState:
    """Return the state of an order if its amounts and its status can be true together."""
    if state.amount <= 0 or state.filled > state.amount:
        raise Garbled(f"{state.filled} filled of {state.amount}")
    if (state.status == "closed") != (state.filled == state.amount):
        raise Garbled(f"status {state.status} with {state.filled} filled of {state.amount}")
    if state.status == "rejected" and state.filled:
        raise Garbled("rejected, yet filled")
    return state


def confirmed(state: OrderState, side: Side, request: OrderRequest) -> OrderState:
    """Return the state of an order if it is the one that was asked for."""
    if (state.cid, side, state.amount) != (request.cid, request.side, request.amount):
        raise Garbled(
            f"the reply is for {side} {state.amount} with client id {str(state.cid)[:40]!r}, "
            f"but {request.side} {request.amount} with {request.cid!r} was sent"
        )
    return state


def checked_fills(fills: Sequence[VenueFill], state: OrderState) -> list[VenueFill]:
    """Return the fills of an order, each once, in order of time, if they can be fills of it."""
    once: dict[str, VenueFill] = {}
    for fill in fills:
        if fill.venue_id != state.venue_id:
            raise Garbled(f"a fill of order {fill.venue_id[:40]} among those of {state.venue_id}")
        if once.setdefault(fill.trade_id, fill) != fill:
            raise Garbled(f"two different fills with the id {fill.trade_id[:40]}")
    total = sum((fill.amount for fill in once.values()), Decimal(0))
    if total > state.amount or len({fill.side for fill in once.values()}) > 1:
        raise Garbled(f"fills of {total}, or of both sides, in an order of {state.amount}")
    return sorted(once.values(), key=lambda fill: (fill.time_ms, fill.trade_id))
