"""``/_ctl``: what a test, a demonstration or the lockstep clock asks of the exchange behind its
clients' backs.

GET  /_ctl/clock    {"now_ms", "mode", "speed", "start_ms", "end_ms"}
POST /_ctl/clock    moves a lockstep clock forward
                    {"to_ms": …}
GET  /_ctl/quirks   how it misbehaves
POST /_ctl/quirks   changes that, until it is changed back
                    {name: value}, or {"reset": true}: all off
GET  /_ctl/faults   what goes wrong, and how often
POST /_ctl/faults   {"plan": [{"match": "POST /api/v3/order", "do": "timeout", "when": "after"}]},
                    or {"clear": true}
GET  /_ctl/account  the balances, and what the audit of the books found
POST /_ctl/account  deposits and withdrawals
                    {"ETH": "-0.1"}, or {"reset": true}: as a testnet's reset
GET  /_ctl/orders   the open orders
POST /_ctl/orders   an order from elsewhere
                    {"symbol", "side", "amount", "limit"}
GET  /_ctl/log      requests seen, newest last; ?since=NUMBER: from that one on
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs

from cryptonn.errors import ConfigError
from cryptonn.local_exchange.dialect import Reply
from cryptonn.local_exchange.front import Front
from cryptonn.local_exchange.orders import NewOrder, Order, Refused

__all__ = ["PREFIX", "Control"]

PREFIX = "/_ctl/"

Asked = Mapping[str, Any]


class Control:
    """Answers ``/_ctl``; amounts are written as strings."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.exchange = front.exchange
        self._reads: dict[str, Callable[[Mapping[str, list[str]]], dict[str, Any]]] = {
            "clock": lambda _: self.clock(),
            "quirks": lambda _: self.exchange.quirks.model_dump(mode="json"),
            "faults": lambda _: {
                "plan": [fault.model_dump(mode="json") for fault in front.faults.faults]
            },
            "account": lambda _: self.account(),
            "orders": lambda _: self.orders(),
            "log": lambda query: self.log(int(query.get("since", ["0"])[0])),
        }
        self._writes: dict[str, Callable[[Asked], dict[str, Any]]] = {
            "clock": self._move,
            "quirks": self._misbehave,
            "faults": self._plan,
            "account": self._adjust,
            "orders": self._order,
        }

    def answer(self, method: str, name: str, query: str, asked: object) -> Reply:
        """Answer one request: 200, or 400 or 404 with ``{"error": …}`` in words."""
        if name not in (self._reads if method == "GET" else self._writes):
            return Reply(
                404,
                {},
                {
                    "error": (
                        f"There is no {method} {PREFIX}{name}; see GET {', '.join(self._reads)}."
                    )
                },
            )
        with self.exchange.lock:
            try:
                self.front.catch_up()
                if method == "GET":
                    return Reply(200, {}, self._reads[name](parse_qs(query)))
                if not isinstance(asked, dict):
                    raise ConfigError("The body must be a JSON object.")
                return Reply(200, {}, self._writes[name](asked))
            except (ConfigError, ValueError) as error:
                return Reply(400, {}, {"error": str(error)})
            except Refused as error:
                return Reply(400, {}, {"error": f"The exchange refuses: {error.reason}."})

    def clock(self) -> dict[str, Any]:
        """Return the time and how it passes."""
        clock = self.exchange.clock
        return {
            "now_ms": clock.now_ms(),
            "mode": clock.mode,
            "speed": clock.speed,
            "start_ms": clock.start_ms,
            "end_ms": clock.end_ms,
        }

    def account(self) -> dict[str, Any]:
        """Return the balances, and what the audit of the books found (nothing,
        unless there is a bug).
        """
        account = self.exchange.account
        held = {
            name: {"free": str(free), "locked": str(account.locked[name])}
            for name, free in account.free.items()
        }
        return {"balances": held, "audit": self.exchange.audit()}

    def orders(self) -> dict[str, Any]:
        """Return every order with its trades."""
        return {"orders": [_order(order) for order in self.exchange.matching.orders.values()]}

    def log(self, since: int) -> dict[str, Any]:
        """Return the newest requests from a number on, how many there were,
        and how often each client id was posted.
        """
        log = self.front.log
        entries = [entry for entry in log.entries if entry["number"] >= since]
        return {"total": log.total, "posts": dict(log.posts), "requests": entries}

    def _move(self, asked: Asked) -> dict[str, Any]:
        self.exchange.clock.advance(_whole(asked, "to_ms"))
        self.front.catch_up()
        return self.clock()

    def _misbehave(self, asked: Asked) -> dict[str, Any]:
        if asked == {"reset": True}:
            self.exchange.quirks.reset()
        else:
            self.exchange.quirks.change(asked, now_ms=self.exchange.now_ms)
        return self._reads["quirks"]({})

    def _plan(self, asked: Asked) -> dict[str, Any]:
        if asked.get("clear"):
            self.front.faults.clear()
        plan = asked.get("plan", [])
        if not isinstance(plan, list):
            raise ConfigError('The body must be {"plan": [faults]} or {"clear": true}.')
        self.front.faults.add(plan, self.front.dialects)
        return self._reads["faults"]({})

    def _adjust(self, asked: Asked) -> dict[str, Any]:
        if asked.get("reset"):
            self.exchange.reset_account(restart_ids=bool(asked.get("restart_ids")))
        else:
            for name, amount in {name: _amount(asked, name) for name in asked}.items():
                self.exchange.account.adjust(name, amount)
        return self.account()

    def _order(self, asked: Asked) -> dict[str, Any]:
        if asked.get("side") not in ("buy", "sell"):
            raise ConfigError('side must be "buy" or "sell".')
        limit = None if asked.get("limit") is None else _amount(asked, "limit")
        new = NewOrder(str(asked.get("symbol")), asked["side"], _amount(asked, "amount"), limit)
        return _order(self.exchange.matching.place(new, now_ms=self.exchange.now_ms))


def _whole(asked: Asked, name: str) -> int:
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(f"{name} must be a whole number of milliseconds; it is {value!r}.")
    return value


def _amount(asked: Asked, name: str) -> Decimal:
    try:
        amount = Decimal(str(asked.get(name)))
    except InvalidOperation as error:
        raise ConfigError(
            f"{name} must be an amount such as {'-0.1'!r}; it is {asked.get(name)!r}."
        ) from error
    if not amount.is_finite():
        raise ConfigError(
            f"{name} must be an amount such as {'-0.1'!r}; it is {asked.get(name)!r}."
        )
    return amount


def _order(order: Order) -> dict[str, Any]:
    asked = order.asked
    trades = [_texts(asdict(trade)) for trade in order.trades]
    facts = {
        "id": order.id,
        "client_id": asked.client_id,
        "symbol": asked.symbol,
        "side": asked.side,
        "limit": asked.limit,
        "status": order.status,
        "amount": order.amount,
        "filled": order.filled,
        "cost": order.cost,
        "created_ms": order.created_ms,
        "updated_ms": order.updated_ms,
    }
    return {**_texts(facts), "trades": trades}


def _texts(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in facts.items()
    }
