"""A binance spot server on 127.0.0.1: exchangeInfo, time and klines as the genuine one gives them, and faults."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import requests
from requests.adapters import HTTPAdapter

MINUTE = 60_000
HOSTS = {"api.binance.com"}
"""Hosts a test may ask for; every other one is refused."""
DEFAULT_LIMIT, MOST = 500, 1000


_WRITTEN: list[tuple[pd.DataFrame, int, list[list[Any]]]] = []
"""The rows of each table served, which takes longer to write than most tests to run."""


def written(table: pd.DataFrame, bar: int) -> list[list[Any]]:
    """Return a table as the server's rows, of so many milliseconds; nobody changes them."""
    for known, length, rows in _WRITTEN:
        if known is table and length == bar:
            return rows
    times = table.index.as_unit("ms").asi8.tolist()
    rows = [
        [ms, *(f"{value:.8f}" for value in values), ms + bar - 1, "0.0", 1, "0.0", "0.0", "0"]
        for ms, values in zip(times, table.to_numpy().tolist(), strict=True)
    ]
    _WRITTEN.append((table, bar, rows))
    return rows


class BinanceServer:
    """What the server holds, what it was asked, and which requests for klines go wrong.

    ``faults`` maps the number of a klines request (from 0) to a fault: "429", "418", "500", "502 html", "truncated",
    "nulls", "conflict", "impossible", "slow", "reset", or "451". Its bars last ``minutes``, whatever
    interval is asked for.
    """

    def __init__(
        self, candles: dict[str, pd.DataFrame], *, now: pd.Timestamp, minutes: int = 1
    ) -> None:
        self.now = now
        self.bar = minutes * MINUTE
        self.faults: dict[int, str] = {}
        self.always: str | None = None
        self.truncated_markets = 0
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.requests: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.rows = {
            symbol.replace("/", ""): written(table, self.bar) for symbol, table in candles.items()
        }
        self.symbols = list(candles)

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def klines(self, query: dict[str, str]) -> tuple[int, Any]:
        if query.get("symbol") not in self.rows:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        start, limit = (
            int(query.get("startTime", 0)),
            min(int(query.get("limit", DEFAULT_LIMIT)), MOST),
        )
        page = [row for row in self.rows[query["symbol"]] if start <= row[0] <= self.now_ms][:limit]
        return 200, [self._so_far(row) for row in page]

    def _so_far(self, row: list[Any]) -> list[Any]:
        """The bar in progress is served with the part of its volume that has traded."""
        if row[0] + self.bar <= self.now_ms:
            return row
        return [*row[:4], row[1], f"{float(row[5]) / 3:.8f}", *row[6:]]

    def exchange_info(self) -> dict[str, Any]:
        return {
            "timezone": "UTC",
            "serverTime": self.now_ms,
            "symbols": [self._market(name) for name in self.symbols],
        }

    @staticmethod
    def _market(symbol: str) -> dict[str, Any]:
        base, quote = symbol.split("/")
        return {
            "symbol": base + quote,
            "status": "TRADING",
            "baseAsset": base,
            "baseAssetPrecision": 8,
            "quoteAsset": quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": "0.01",
                    "maxPrice": "1000000.0",
                    "tickSize": "0.01",
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": "0.0001",
                    "maxQty": "9000.0",
                    "stepSize": "0.0001",
                },
                {"filterType": "NOTIONAL", "minNotional": "5.0", "maxNotional": "9000000.0"},
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    served: BinanceServer

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.served.lock:
            self.served.paths.append(parts.path)
        if parts.path == "/api/v3/klines":
            self._klines(query)
        elif parts.path == "/api/v3/time":
            self._reply(200, {"serverTime": self.served.now_ms})
        elif parts.path == "/api/v3/exchangeInfo":
            with self.served.lock:
                cut, self.served.truncated_markets = (
                    self.served.truncated_markets > 0,
                    self.served.truncated_markets - 1,
                )
            self._reply(200, self.served.exchange_info(), cut=cut)
        else:
            self._reply(404, {"code": -1, "msg": f"no {parts.path}"})

    def _klines(self, query: dict[str, str]) -> None:
        with self.served.lock:
            number = len(self.served.requests)
            self.served.requests.append(query)
        status, body = self.served.klines(query)
        match self.served.faults.get(number, self.served.always):
            case None:
                self._reply(status, body)
            case "429" | "418" as code:
                self._reply(
                    int(code),
                    {"code": -1003, "msg": "Too many requests."},
                    headers={"Retry-After": "7"},
                )
            case "banned":
                self._reply(
                    418, {"code": -1003, "msg": "Banned."}, headers={"Retry-After": "86400"}
                )
            case "451":
                self._reply(
                    451, {"code": 0, "msg": "Service unavailable from a restricted location"}
                )
            case "500":
                self._reply(500, {"code": -1000, "msg": "An unknown error occurred."})
            case "502 html":
                self._reply(502, "<html><body>Bad Gateway</body></html>")
            case "truncated":
                self._reply(200, body, cut=True)
            case "nulls":
                self._reply(200, [*body[:5], [None] * 12, *body[6:]])
            case "conflict":
                self._reply(200, [*body[:5], [body[4][0], *body[5][1:]], *body[6:]])
            case "impossible":
                self._reply(200, [*body[:5], [*body[5][:2], "1.0", *body[5][3:]], *body[6:]])
            case "doubled":
                self._reply(200, [*body[:5], *body[4:]])
            case "slow":
                self.served.over.wait(600.0)
            case "reset":
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.connection.close()

    def _reply(
        self, status: int, body: Any, *, headers: dict[str, str] | None = None, cut: bool = False
    ) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        data = text.encode()[: len(text) // 2 if cut else None]
        self.send_response(status)
        self.send_header(
            "Content-Type", "text/html" if isinstance(body, str) else "application/json"
        )
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away, or a connection reset on purpose, is no news."""


class ToServer(HTTPAdapter):
    """Carries requests for the genuine hosts to the local server; refuses every other host."""

    def __init__(self, port: int, served: BinanceServer | None = None) -> None:
        super().__init__()
        self.port, self.served = port, served

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:  # type: ignore[override]
        parts = urlsplit(str(request.url))
        if parts.hostname not in HOSTS:
            raise PermissionError(f"a test asked for {request.url}")
        request.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.port}").geturl()
        return super().send(
            request, **{**settings, "timeout": self._patience(parts.path), "proxies": {}}
        )

    def _patience(self, path: str) -> float:
        """Seconds to wait for a reply: few only for one that never comes."""
        if self.served is None or not path.endswith("/klines"):
            return 60.0
        with self.served.lock:
            fault = self.served.faults.get(len(self.served.requests), self.served.always)
        return 0.5 if fault == "slow" else 60.0


@contextmanager
def serving(served: BinanceServer) -> Iterator[ToServer]:
    """Run the server; give the transport that leads to it."""
    handler = type("Handler", (_Handler,), {"served": served})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    served.over.clear()
    thread.start()
    try:
        yield ToServer(server.server_address[1], served)
    finally:
        served.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
