"""A session watched in a browser: one small page on 127.0.0.1 that asks for the newest status every
second.

It can show and nothing else: it answers GET alone, reads the ledger through a connection that
cannot write, and knows no keys. A request must name this machine as its host, so that a foreign web
page whose name is made to point here (DNS rebinding) learns nothing.
"""

import base64
import hashlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

from cryptonn.errors import ConfigError, CryptonnError
from cryptonn.paper.ledger import LedgerReader
from cryptonn.paper.view.payload import status_json, waiting_json
from cryptonn.paper.view.status import read_status

__all__ = ["WebPage", "check_port", "web_page"]

_LOOPBACK = "127.0.0.1"
_NAMES = (_LOOPBACK, "localhost")
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class WebPage:
    """A page that is being served."""

    port: int

    @property
    def url(self) -> str:
        """Address to open in a browser on this machine."""
        return f"http://{_LOOPBACK}:{self.port}/"


def check_port(port: int) -> None:
    """Raise ConfigError if a page cannot be served on a port now."""
    with _told(port), socket.socket() as free:
        if _Server.allow_reuse_address:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind((_LOOPBACK, port))


@contextmanager
def _told(port: int) -> Iterator[None]:
    try:
        yield
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"The page cannot be served on {_LOOPBACK}:{port} ({error}). Give --web another port, "
            "or 0 for a free one."
        ) from error


@contextmanager
def web_page(path: Path, *, port: int = 0, now_ms: Callable[[], int]) -> Iterator[WebPage]:
    """Serve the page of the session of the database ``path`` for as long as the block lasts.

    Parameters
    ----------
    path
        The session's database; it need not be there yet.
    port
        On 127.0.0.1; 0 takes a free one.
    now_ms
        The session's time now, milliseconds UTC; called from the page's threads.

    Raises
    ------
    ConfigError
        If the port cannot be had.
    """
    with _told(port):
        server = _Server(path, port, now_ms)
    thread = threading.Thread(
        target=server.serve_forever, args=(0.05,), name="web page", daemon=True
    )
    thread.start()
    try:
        yield WebPage(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = sys.platform != "win32"  # there it lets two servers have one port
    daemon_threads = True  # an idle connection of a browser must not hold up the end of a session

    def __init__(self, path: Path, port: int, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._now_ms = now_ms
        super().__init__((_LOOPBACK, port), _Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in _NAMES}

    def status(self) -> str:
        try:
            with LedgerReader.open(self._path) as reader:
                return status_json(read_status(reader, now_ms=self._now_ms()))
        except CryptonnError as error:
            return waiting_json(error)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(
            sys.exception(), (ConnectionError, TimeoutError)
        ):  # a browser may go away at any time
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S
    server_version = "cryptonn"
    sys_version = ""

    def parse_request(self) -> bool:
        """Let only a GET that names this machine as its host through."""
        if not super().parse_request():
            return False
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].strip().lower() not in self.server.hosts:
            self._answer(
                HTTPStatus.FORBIDDEN,
                "text/plain",
                "This page answers to 127.0.0.1 and localhost alone.\n",
            )
        elif self.command != "GET":
            self._answer(
                HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", "This page can only be read.\n"
            )
        else:
            return True
        return False

    def do_GET(self) -> None:
        """Answer with the page, the status, or 404."""
        if self.path == "/":
            self._answer(HTTPStatus.OK, "text/html", _page().text)
        elif self.path == "/status.json":
            self._answer(HTTPStatus.OK, "application/json", self.server.status())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "There is only / and /status.json.\n")

    def _answer(self, code: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": _page().policy,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        headers |= {"Allow": "GET"} if code == HTTPStatus.METHOD_NOT_ALLOWED else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the terminal belongs to the session."""


@dataclass(frozen=True)
class _Page:
    text: str
    policy: str


@cache
def _page() -> _Page:
    """Return the page with its own style and script inside,
    and the policy that lets a browser take nothing else.
    """
    own = files("cryptonn.paper.view")
    report = files("cryptonn.reporting")
    css = report.joinpath("report.css").read_text("utf-8") + own.joinpath("page.css").read_text(
        "utf-8"
    )
    script = own.joinpath("page.js").read_text("utf-8")
    text = (
        own.joinpath("page.html")
        .read_text("utf-8")
        .replace("{{css}}", css)
        .replace("{{script}}", script)
    )
    rules = {
        "default-src": "'none'",
        "style-src": _hash(css),
        "script-src": _hash(script),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return _Page(text, "; ".join(f"{name} {value}" for name, value in rules.items()))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
