"""The HTTP server on 127.0.0.1, and how a dialect plugs in.

A dialect is how one real exchange speaks: ``Dialect`` in dialect.py. It is made with the
``Exchange`` and gives

    name                     "binance", for the log
    routes                   {("GET", "/v2/candles/{symbol}/{timeframe}"): handler}:
                             a segment in braces matches anything
    handler(request)         -> Reply(status, headers, body):
                             body is something JSON can hold, or a str sent as it is
    client_id(request)       the client id in a request for a new order, else None, for the log
    fault(do)                its words for an injected "429", "500", "-1003", "RateLimit" …,
                             or None where it has none
    id_keys, client_id_keys  names of those fields in its replies, for the faults that falsify them

Handlers run one at a time under the exchange's lock, after resting orders were settled. In them the
time is ``exchange.now_ms`` (of the replay) and, for what the server says of its own clock and for
checks of timestamps, ``exchange.server_ms`` (with the quirk ``skew_ms``). They use
``exchange.markets`` (by "ETH/USD"), ``exchange.candles``, ``exchange.account`` (free, locked),
``exchange.matching`` (place, cancel, by_id, by_client_id, open_orders, orders_of, trades_of),
``exchange.secret_of(key)`` and ``exchange.quirks``. A ``Refused`` from the core is the dialect's to
phrase. To add a dialect: write it, and put its class into ``DIALECTS`` below.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from http.server import ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any, Literal

import pandas as pd

from cryptonn.errors import ConfigError, ExchangeError
from cryptonn.local_exchange.binance import Binance
from cryptonn.local_exchange.clock import Replay, ReplayClock
from cryptonn.local_exchange.connection import Connection
from cryptonn.local_exchange.control import Control
from cryptonn.local_exchange.dialect import Dialect
from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.fees import Rates
from cryptonn.local_exchange.front import Front
from cryptonn.local_exchange.gemini import Gemini
from cryptonn.local_exchange.market import Filters, Market
from cryptonn.market.bars import timeframe_delta

__all__ = ["DIALECTS", "LocalExchange", "local_exchange"]

DIALECTS: tuple[Callable[[Exchange], Dialect], ...] = (Binance, Gemini)
HOST = "127.0.0.1"
POLL_SECONDS = 0.02


class LocalExchange:
    """An exchange that listens on 127.0.0.1; ``local_exchange`` makes and starts one.

    Attributes
    ----------
    port
        Where it listens.
    exchange, front
        What it keeps: clock, account, orders; and the faults and the log.
    """

    def __init__(self, exchange: Exchange, *, port: int = 0) -> None:
        self.exchange = exchange
        self.port = port
        self.front = Front(exchange, [dialect(exchange) for dialect in DIALECTS])
        self._control = Control(self.front)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; the port stays the same after a stop.

        Raises
        ------
        ExchangeError
            If the port is taken.
        """
        try:
            self._server = _Server((HOST, self.port), self.front, self._control)
        except OSError as error:
            raise ExchangeError(
                f"port {self.port} of {HOST} cannot be used ({error.strerror}). Choose another one "
                "with --port, or --port 0 for any that is free, and name it to `cryptonn paper` "
                "too."
            ) from error
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": POLL_SECONDS}
        )
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and end every thread; the books stay."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.end_connections()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None

    @contextmanager
    def offline(self) -> Iterator[None]:
        """Refuse connections for a while, as a host that is down does."""
        self.stop()
        try:
            yield
        finally:
            self.start()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = sys.platform != "win32"  # there it lets two servers have one port
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], front: Front, control: Control) -> None:
        self.stopping = threading.Event()
        self.sockets = set[socket]()
        facts = {
            "front": front,
            "control": control,
            "stopping": self.stopping,
            "sockets": self.sockets,
        }
        super().__init__(address, type("Connection", (Connection,), facts))

    def end_connections(self) -> None:
        self.stopping.set()
        for connection in list(self.sockets):
            try:
                connection.shutdown(SHUT_RDWR)
            except OSError:  # It ended by itself in the meantime
                continue


@contextmanager
def local_exchange(
    candles: Mapping[str, pd.DataFrame],
    *,
    replay: Replay | None = None,
    rates: Rates | None = None,
    balances: Mapping[str, Decimal | float | str] | None = None,
    filters: Filters | None = None,
    timeframe: str = "1m",
    port: int = 0,
) -> Iterator[LocalExchange]:
    """Serve an exchange on 127.0.0.1 that replays candles, and speaks binance and gemini.

    Parameters
    ----------
    candles
        By symbol ("ETH/USD"): columns open, high, low, close, volume; UTC index of the bars' opens.
        Not copied.
    replay
        How they are replayed; by default whole and in lockstep.
    rates
        What trading costs; by default what ``Rates.of`` says of itself.
    balances
        Opening balances; by default 100,000 of each quote currency.
    filters
        What orders the markets take: steps and minimums.
    timeframe
        Length of the bars.
    port
        0 takes a free one.

    Raises
    ------
    ConfigError, DataError
        If a symbol, a cost or the candles make no sense.
    ExchangeError
        If the port is taken.
    """
    bar_ms = int(timeframe_delta(timeframe).total_seconds() * 1000)
    limits = filters or Filters()
    replay = replay or Replay()
    markets = {
        symbol: _market(symbol, table, bar_ms, limits, replay.untraded)
        for symbol, table in candles.items()
    }
    if not markets:
        raise ConfigError("An exchange needs at least one symbol to replay.")
    starts, ends = zip(
        *((market.start_ms, market.end_ms) for market in markets.values()), strict=True
    )
    clock = ReplayClock(
        start_ms=max(starts) if replay.start_ms is None else replay.start_ms,
        end_ms=min(ends) if replay.end_ms is None else replay.end_ms,
        mode=replay.mode,
        speed=replay.speed,
        wall=replay.wall,
    )
    quotes = dict.fromkeys((market.quote for market in markets.values()), Decimal(100_000))
    exchange = Exchange(
        markets,
        clock,
        rates=rates or Rates.of(),
        balances=quotes
        if balances is None
        else {name: _balance(amount, name) for name, amount in balances.items()},
    )
    server = LocalExchange(exchange, port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _market(
    symbol: str,
    candles: pd.DataFrame,
    bar_ms: int,
    filters: Filters,
    untraded: Literal["omit", "serve"],
) -> Market:
    if symbol.count("/") != 1 or not all(symbol.split("/")):
        raise ConfigError(f"symbol {symbol!r} must be written base/quote, such as ETH/USD.")
    return Market(symbol, candles, bar_ms=bar_ms, filters=filters, untraded=untraded)


def _balance(value: Any, name: str) -> Decimal:
    amount = Decimal(str(value))
    if not 0 <= amount < 10**15:
        raise ConfigError(f"the opening balance of {name} is {value}; it must not be negative.")
    return amount
