"""One connection to the exchange: HTTP in, HTTP out, and the ways in which a
connection can fail.
"""

import json
import select
import socket
import struct
import sys
import threading
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from cryptonn.local_exchange.control import PREFIX, Control
from cryptonn.local_exchange.dialect import Reply
from cryptonn.local_exchange.front import Answer, Front

__all__ = ["Connection"]

LONGEST_BODY = 1_000_000
IDLE_SECONDS = 300.0
"""A connection is kept for so long between requests: longer than a client that asks every minute
needs.
"""
HOLD_SECONDS = 60.0
SLOW_SECONDS = 9.0
LOOK_SECONDS = 0.05
"""How often a held connection looks whether the client has gone."""
_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""On, for no seconds: as each system lays it out."""


class Connection(BaseHTTPRequestHandler):
    """Serves the requests of one connection; the server's maker fills in the class attributes."""

    front: Front
    control: Control
    stopping: threading.Event
    sockets: set[socket.socket]

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1  # A reply leaves in one piece
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Remember the socket, so that a server that stops can close it."""
        super().setup()
        self.sockets.add(self.connection)
        if self.stopping.is_set():
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Let go of the socket; a client that has gone already is no news."""
        self.sockets.discard(self.connection)
        try:
            super().finish()
        except OSError:
            self.rfile.close()

    def handle_one_request(self) -> None:
        """Serve one request, if the client is still there."""
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Write nothing on standard error: the exchange keeps its own log."""

    def version_string(self) -> str:
        """Name the server without versions."""
        return "cryptonn-local-exchange"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the exchange's own time, which is that of the replay:
        clients without another read it here.
        """
        del timestamp
        clock = self.front.exchange.clock
        skew = self.front.exchange.quirks.skew_ms
        return formatdate((clock.now_ms() + skew) / 1000, usegmt=True)

    def do_GET(self) -> None:
        """Serve a request; every method is served the same way."""
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._send(Reply(413, {}, "The body is too long."))
            return
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        parts = urlsplit(self.path)
        if parts.path.startswith(PREFIX):
            self._send(
                self.control.answer(
                    self.command, parts.path.removeprefix(PREFIX), parts.query, _json(body)
                )
            )
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._give(self.front.answer(self.command, self.path, headers, body))

    do_POST = do_DELETE = do_PUT = do_GET

    def _give(self, answer: Answer) -> None:
        fault = answer.fault
        match None if fault is None else fault.do:
            case "slow":
                self.stopping.wait(
                    SLOW_SECONDS if fault is None or fault.seconds is None else fault.seconds
                )
                self._send(answer.reply)
            case "timeout":
                self._hold(
                    HOLD_SECONDS if fault is None or fault.seconds is None else fault.seconds
                )
                self.close_connection = True
            case "drop":
                self.close_connection = True
            case "reset":
                self._reset()
            case "reset mid-body":
                self._send(answer.reply, cut=True)
                self._reset()
            case _:
                self._send(answer.reply)

    def _send(self, reply: Reply, *, cut: bool = False) -> None:
        is_text = isinstance(reply.body, str)
        data = (reply.body if is_text else json.dumps(reply.body)).encode()
        known = reply.status in HTTPStatus._value2member_map_
        self.send_response(reply.status, None if known else "Refused")
        kind = "text/html" if is_text and reply.body.startswith("<") else "application/json"
        for name, value in {"Content-Type": f"{kind};charset=UTF-8", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        self.wfile.flush()

    def _hold(self, seconds: float) -> None:
        """Keep the client waiting until it goes, the time is over, or the server stops."""
        for _ in range(int(seconds / LOOK_SECONDS)):
            if self.stopping.is_set() or select.select([self.connection], [], [], LOOK_SECONDS)[0]:
                return

    def _reset(self) -> None:
        """Close so that the client gets a reset instead of an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self.close_connection = True
        self.sockets.discard(self.connection)
        self.connection.close()


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
