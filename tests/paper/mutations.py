"""The four safety measures, each taken out: what is left must be caught by the matrix."""

from decimal import Decimal
from typing import Any

from cryptonn.paper import executor, inquiry
from cryptonn.paper.ledger import connection, ledger
from cryptonn.paper.ledger.schema import SCHEMA
from cryptonn.paper.ports import OrderState, Unknown
from cryptonn.paper.venue import account

__all__ = ["MUTATIONS"]


def without_fence() -> None:
    """The first look-up that does not find an order counts as its end."""
    inquiry.Inquiry._anchor = lambda *_: -(10**15)


def without_unique_key() -> None:
    """An execution is booked whenever it is seen."""
    connection.SCHEMA = SCHEMA.replace(", PRIMARY KEY (cid, trade_id)", "")
    if connection.SCHEMA == SCHEMA:
        raise RuntimeError("the key is written otherwise now")
    right = ledger.Ledger._insert_fill

    def insert(self: Any, order: Any, fill: Any) -> None:
        class Db:
            def execute(self, query: str, values: Any) -> Any:
                return db.execute(
                    query.replace(" ON CONFLICT (cid, trade_id) DO NOTHING", ""), values
                )

        db, self._db = self._db, Db()
        try:
            right(self, order, fill)
        finally:
            self._db = db

    ledger.Ledger._insert_fill = insert


def without_write_ahead() -> None:
    """SENDING is written down only once there is a reply."""
    right = ledger.Ledger.mark

    def mark(self: Any, cid: str, state: str, **known: Any) -> Any:
        held = self.__dict__.setdefault("held", {})
        if state == "SENDING":
            held[cid] = known
            return self.order(cid)
        if cid in held:
            right(self, cid, "SENDING", **held.pop(cid))
        return right(self, cid, state, **known)

    def resolve(self: Any, order: Any, state: Any, patience_s: float) -> Any:
        if order.cid in self._ledger.__dict__.get("held", {}):
            order = right(self._ledger, order.cid, "SENDING", **self._ledger.held.pop(order.cid))
        return settle(self, order, state, patience_s)

    settle = executor.Executor._resolve
    executor.Executor._resolve = resolve
    ledger.Ledger.mark = mark


def without_reply_check() -> None:
    """A reply that came counts as one about the order that was sent, whatever ccxt makes of it.

    Of one that cannot be read ccxt makes an order that is closed, with nothing filled and no id.
    """
    right = account.SandboxVenue.send

    def send(self: Any, request: Any) -> Any:
        try:
            return right(self, request)
        except Unknown as error:
            if "Garbled" not in str(error):
                raise
            return OrderState(request.cid, "None", "closed", request.amount, Decimal(0))

    account.SandboxVenue.send = send
    inquiry.unsound_state = lambda *_: None
    inquiry.unsound_fills = lambda *_: None


MUTATIONS = {
    "fence": without_fence,
    "unique key": without_unique_key,
    "write-ahead": without_write_ahead,
    "reply check": without_reply_check,
}
