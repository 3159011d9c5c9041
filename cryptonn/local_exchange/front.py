"""What happens to each request: is anybody there, is it one that goes wrong, who answers it,
and the log of it all.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptonn.local_exchange.dialect import Dialect, Handler, Reply, Request, find_handler
from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.faults import Fault, FaultPlan, falsified

__all__ = ["Answer", "Front", "RequestLog"]

LOG_LENGTH = 10_000
NOT_FOUND = Reply(404, {}, {"code": -1, "msg": "There is no such path."})
DOWN = Fault(match="*", do="drop")


@dataclass(frozen=True)
class Answer:
    """What the server does: send the reply, unless the connection itself is to fail."""

    reply: Reply
    fault: Fault | None = None


@dataclass(frozen=True)
class _Late:
    due_ms: int
    handler: Handler
    request: Request
    entry: dict[str, Any]


class RequestLog:
    """The newest requests, without keys or signatures, and how often each client id was posted."""

    def __init__(self) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self.total = 0
        self.posts: Counter[str] = Counter()

    def note(
        self, dialect: str, request: Request, *, client_id: str | None, now_ms: int
    ) -> dict[str, Any]:
        """Add an entry and return it; status and fault are to be filled in."""
        if client_id is not None:
            self.posts[client_id] += 1
        entry = {
            "number": self.total,
            "now_ms": now_ms,
            "dialect": dialect,
            "method": request.method,
            "path": request.path,
            "client_id": client_id,
            "status": None,
            "fault": None,
        }
        self.total += 1
        self.entries.append(entry)
        return entry


class Front:
    """Answers requests of every dialect, one at a time.

    Attributes
    ----------
    faults
        What is to go wrong.
    log
        What was asked.
    """

    def __init__(self, exchange: Exchange, dialects: Sequence[Dialect]) -> None:
        self.exchange = exchange
        self.dialects = tuple(dialects)
        self.faults = FaultPlan()
        self.log = RequestLog()
        self._late: list[_Late] = []

    def catch_up(self) -> None:
        """Bring the exchange to the clock's time: late requests and fills,
        each at its own moment.
        """
        now_ms = self.exchange.clock.now_ms()
        while self._late and self._late[0].due_ms <= now_ms:
            late = self._late.pop(0)
            self.exchange.settle(late.due_ms)
            late.entry["late_status"] = late.handler(late.request).status
        self.exchange.settle(now_ms)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: str) -> Answer:
        """Answer one request; ``target`` is path and query,
        ``headers`` have names in lower case.
        """
        path, _, query = target.partition("?")
        request = Request(method, path, query, headers, body, {})
        with self.exchange.lock:
            self.catch_up()
            for dialect in self.dialects:
                found = find_handler(dialect.routes, method, path)
                if found:
                    return self._handled(dialect, found[0], replace(request, params=found[1]))
            self.log.note("", request, client_id=None, now_ms=self.exchange.now_ms)["status"] = (
                NOT_FOUND.status
            )
            return Answer(NOT_FOUND)

    def _handled(self, dialect: Dialect, handler: Handler, request: Request) -> Answer:
        client_id = dialect.client_id(request)
        entry = self.log.note(
            dialect.name, request, client_id=client_id, now_ms=self.exchange.now_ms
        )
        if self.exchange.is_down:
            entry["fault"] = "down"
            return Answer(NOT_FOUND, DOWN)
        fault = self.faults.take(request.method, request.path)
        if fault is None:
            reply = handler(request)
            entry["status"] = reply.status
            return Answer(reply)
        entry["fault"] = f"{fault.do}, {fault.when}"
        answer = self._faulty(fault, dialect, handler, request, entry)
        self._advance(fault)
        return answer

    def _faulty(
        self,
        fault: Fault,
        dialect: Dialect,
        handler: Handler,
        request: Request,
        entry: dict[str, Any],
    ) -> Answer:
        if fault.when == "late":
            self._late.append(_Late(self.exchange.now_ms + fault.late_ms, handler, request, entry))
            self._late.sort(key=lambda late: late.due_ms)
        carried_out = fault.when == "after" or (
            fault.when == "before" and _harmless(fault, request)
        )
        reply = handler(request) if carried_out else Reply(200, {}, {})
        entry["status"] = reply.status if carried_out else None
        return Answer(falsified(reply, fault, dialect), fault if fault.is_on_the_wire else None)

    def _advance(self, fault: Fault) -> None:
        if fault.advance_ms:
            self.exchange.clock.advance(self.exchange.now_ms + fault.advance_ms)


def _harmless(fault: Fault, request: Request) -> bool:
    """Tell whether it makes no difference that a request is carried out: one that only reads,
    or a slow reply.
    """
    return request.method == "GET" or fault.do == "slow"
