"""The genuine ccxt.binance on a small exchange, its clock being the exchange's."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import requests

from tests.local_exchange.genuine import KEYS, genuine
from tests.local_exchange.small_exchange import small_exchange

ETH = "ETH/USD"


@contextmanager
def on_the_clock(server: Any, **changes: Any) -> Iterator[Any]:
    """ccxt's class with its markets loaded and its time that of the replay."""
    with genuine("binance", server.port, **changes) as client:
        client.milliseconds = server.exchange.clock.now_ms
        client.load_markets()
        yield client


@contextmanager
def binance_pair(**changes: Any) -> Iterator[tuple[Any, Any]]:
    """A small exchange and its client."""
    with small_exchange(**changes) as server, on_the_clock(server) as client:
        yield server, client


def buy(client: Any, cid: str, amount: float = 0.5, **params: Any) -> dict[str, Any]:
    """A market order to buy ETH."""
    return client.create_order(
        ETH, "market", "buy", amount, params={"newClientOrderId": cid, **params}
    )


def signed(
    server: Any, method: str, path: str, *, key: str | None = None, secret: str = "", **params: Any
) -> Any:
    """Ask by hand, with query parameters and a signature of the time of the replay."""
    full = {"timestamp": server.exchange.clock.now_ms(), **params}
    text = urlencode({name: value for name, value in full.items() if value is not None})
    known = secret or KEYS["binance"]["secret"]
    signature = hmac.new(known.encode(), text.encode(), hashlib.sha256).hexdigest()
    return requests.request(
        method,
        f"http://127.0.0.1:{server.port}{path}?{text}&signature={signature}",
        headers={"X-MBX-APIKEY": KEYS["binance"]["apiKey"] if key is None else key},
        timeout=60,
    )
