"""Genuine ccxt classes whose requests end on this machine: real URLs, real sockets, nothing of ccxt changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import ccxt
from requests.adapters import HTTPAdapter

KEYS = {
    "binance": {"apiKey": "local-key", "secret": "local-secret"},
    "gemini": {"apiKey": "account-local-key", "secret": "local-secret"},
    "kraken": {"apiKey": "key", "secret": "c2VjcmV0"},
}

OPTIONS: dict[str, dict[str, Any]] = {
    "binance": {"fetchMarkets": {"types": ["spot"]}},
    "gemini": {
        "fetchMarketsFromAPI": {"fetchDetailsForAllSymbols": True},
        "fetchCurrencies": {"webApiEnable": False},
    },
    "kraken": {},
}


class Redirect(HTTPAdapter):
    """Sends every request to a port of this machine, whatever host it was for."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    def send(self, request, **options):
        parts = urlsplit(request.url)
        request.url = urlunsplit(("http", f"127.0.0.1:{self.port}", parts.path, parts.query, ""))
        return super().send(request, **options)


@contextmanager
def genuine(name: str, port: int, *, sandbox: bool = True, **changes: Any) -> Iterator[Any]:
    """Yield ccxt's class of an exchange, talking to ``port``; ``changes`` go into its constructor."""
    exchange = getattr(ccxt, name)(
        {
            **KEYS[name],
            "enableRateLimit": False,
            "timeout": 10_000,
            "options": OPTIONS[name],
            **changes,
        }
    )
    if sandbox:
        exchange.set_sandbox_mode(True)
    exchange.session.trust_env = False
    redirect = Redirect(port)
    exchange.session.mount("https://", redirect)
    exchange.session.mount("http://", redirect)
    try:
        yield exchange
    finally:
        exchange.session.close()
