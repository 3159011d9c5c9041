"""Accounts on a local exchange or on a server that says what a test wants, through the genuine ccxt classes."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptonn.paper.clock import LocalClock
from cryptonn.paper.ports import OrderRequest
from cryptonn.paper.venue import venue as opening
from cryptonn.paper.venue.account import SandboxVenue
from cryptonn.paper.venue.exchanges import dialect_of
from cryptonn.paper.venue.guard import Guard
from cryptonn.paper.venue.keys import Credentials
from cryptonn.paper.venue.redaction import Redactor
from tests.local_exchange.small_exchange import control, small_exchange

ETH = "ETH/USD"
KEY, SECRET = "account-key-7f3a91c2d4", "se+cret/91c2d47f3a=&%20x"
NOW_MS = 1_700_000_000_000
LOCAL = ("local", "local-gemini")
ORDER_PATH = {"local": "POST /api/v3/order", "local-gemini": "POST /v1/order/new"}
LOOKUP_PATH = {"local": "GET /api/v3/order", "local-gemini": "POST /v1/order/status"}
FILLS_PATH = {"local": "GET /api/v3/myTrades", "local-gemini": "POST /v1/mytrades"}
BALANCES_PATH = {"local": "GET /api/v3/account", "local-gemini": "POST /v1/balances"}
OPEN_PATH = {"local": "GET /api/v3/openOrders", "local-gemini": "POST /v1/orders"}


def order(
    cid: str = "cn7-1-0", amount: str = "0.5", side: Any = "buy", limit: str | None = None
) -> OrderRequest:
    return OrderRequest(cid, ETH, side, Decimal(amount), None if limit is None else Decimal(limit))


@dataclass
class FixedClock:
    """A clock that stands still until someone sleeps by it."""

    ms: int = NOW_MS
    slept: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ms += round(seconds * 1000)


@contextmanager
def local_account(
    name: str, *, timeout_s: float = 10.0, **changes: Any
) -> Iterator[tuple[SandboxVenue, int]]:
    """Give a venue on a local exchange, and the exchange's port."""
    with (
        small_exchange(**changes) as exchange,
        opening.open_venue(
            *(name,), clock=LocalClock(exchange.port), port=exchange.port, timeout_s=timeout_s
        ) as venue,
    ):
        venue.rules(ETH)
        yield venue, exchange.port


def faults(port: int, match: str, do: str, **more: Any) -> None:
    control(port, "faults", plan=[{"match": match, "do": do, **more}])


@contextmanager
def impatient(venue: SandboxVenue, do: str) -> Iterator[None]:
    """Wait for the reply that will not come only briefly; every other one may take its time on a busy machine."""
    patience = venue._api.timeout
    venue._api.timeout = 1_000 if do == "timeout" else patience
    try:
        yield
    finally:
        venue._api.timeout = patience


def posts(port: int, cid: str) -> int:
    """How often an order with a client id was sent."""
    return int(control(port, "log")["posts"].get(cid, 0))


def accepted(port: int, cid: str) -> int:
    """How many orders with a client id the exchange has."""
    return sum(one.get("client_id") == cid for one in control(port, "orders")["orders"])


Reply = tuple[int, dict[str, str], Any]


@dataclass
class Scripted:
    """A server that answers each "METHOD /path" as told, and keeps what came: line, headers and body."""

    answers: dict[str, Reply | Callable[[str], Reply]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    port: int = 0

    def lines(self) -> list[str]:
        return [line for line, _, _ in self.seen]

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Reply:
        self.seen.append((f"{method} {target}", headers, body))
        found = self.answers.get(
            f"{method} {target.partition('?')[0]}", (404, {}, {"message": "nothing here"})
        )
        return found(body or target) if callable(found) else found


class _Handler(BaseHTTPRequestHandler):
    script: Scripted
    timeout = 5

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status, headers, reply = self.script.answer(
            self.command, self.path, dict(self.headers), body
        )
        data = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_DELETE = do_PUT = do_CONNECT = do_GET


@contextmanager
def scripted(**answers: Any) -> Iterator[Scripted]:
    """Run a scripted server on 127.0.0.1."""
    script = Scripted(dict(answers))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"script": script}))
    server.daemon_threads = True
    script.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def scripted_account(
    exchange: str, script: Scripted, *, timeout_s: float = 10.0
) -> Iterator[SandboxVenue]:
    """Give a venue of any supported exchange whose genuine hosts are a scripted server."""
    dialect, keys, clock = dialect_of(exchange), Credentials(KEY, SECRET), FixedClock()
    guard = Guard(dialect.sandbox, port=script.port)
    api = opening._sandboxed(dialect, keys, guard, clock=clock, timeout_s=timeout_s, paced=False)
    parts: Any = {
        "api": api,
        "dialect": dialect,
        "guard": guard,
        "redactor": Redactor(keys),
        "clock": clock,
    }
    with SandboxVenue(exchange, **parts, fee_in=dialect.fee_in) as venue:
        yield venue


@contextmanager
def closed_port() -> Iterator[int]:
    """Give a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]
