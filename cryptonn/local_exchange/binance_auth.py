"""Who asks, and may they: binance's parameters, request weights, keys, signatures and clock."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl

from cryptonn.local_exchange.binance_words import BinanceRefusal
from cryptonn.local_exchange.dialect import Request
from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.signatures import binance_signature_ok

__all__ = ["Params", "Weights", "params_of", "signed_params"]

Params = Mapping[str, str]

MINUTE = 60_000
RECV_WINDOW = 5000
LONGEST_WINDOW = 60_000
AHEAD_MS = 1000


class Weights:
    """Request weight used in the minute of the exchange's clock."""

    def __init__(self) -> None:
        self.minute = 0
        self.used = 0

    def use(self, weight: int, *, limit: int, server_ms: int) -> None:
        """Count a request, or refuse it with -1003 until the minute is over."""
        if server_ms // MINUTE != self.minute:
            self.minute = server_ms // MINUTE
            self.used = 0
        self.used += weight
        if self.used > limit:
            wait_s = (MINUTE - server_ms % MINUTE + 999) // 1000
            message = (
                f"Too much request weight used; current limit is {limit} request weight per 1 "
                "MINUTE."
            )
            raise BinanceRefusal(-1003, message, retry_after=wait_s)


def params_of(request: Request) -> Params:
    """Return the parameters of query and form body; one that is given twice is refused."""
    pairs = parse_qsl(request.query, keep_blank_values=True) + parse_qsl(
        request.body, keep_blank_values=True
    )
    params = dict(pairs)
    if len(params) < len(pairs):
        raise BinanceRefusal(-1100, "Duplicate values for a parameter detected.")
    return params


def signed_params(request: Request, exchange: Exchange, *, may: Literal["read", "trade"]) -> Params:
    """Return the parameters of a request that is signed, in time and allowed,
    or raise ``BinanceRefusal``.
    """
    key = request.headers.get("x-mbx-apikey", "")
    if not re.fullmatch(r"[A-Za-z0-9-]{1,128}", key):
        raise BinanceRefusal(-2014)
    secret = exchange.secret_of(key)
    params = params_of(request)
    if secret is None:
        raise BinanceRefusal(-2015)
    for name in ("signature", "timestamp"):
        if not params.get(name):
            message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            raise BinanceRefusal(-1102, message)
    if not binance_signature_ok(_signed_text(request), params["signature"], secret):
        raise BinanceRefusal(-1022)
    _check_time(params, exchange.server_ms)
    if may == "trade" and exchange.quirks.read_only_key:
        raise BinanceRefusal(-2015)
    return params


def _signed_text(request: Request) -> str:
    """Return query and body, as sent, without the signature."""
    kept = (re.sub(r"(^|&)signature=[^&]*", "", text) for text in (request.query, request.body))
    return "".join(kept)


def _check_time(params: Params, server_ms: int) -> None:
    """Refuse a request that was signed too long ago, or in the future."""
    signed_ms = _whole(params, "timestamp")
    window = RECV_WINDOW
    if "recvWindow" in params:
        window = _whole(params, "recvWindow")
    if window > LONGEST_WINDOW:
        raise BinanceRefusal(-1131)
    if signed_ms >= server_ms + AHEAD_MS:
        raise BinanceRefusal(
            -1021, "Timestamp for this request was 1000ms ahead of the server's time."
        )
    if server_ms - signed_ms > window:
        raise BinanceRefusal(-1021)


def _whole(params: Params, name: str) -> int:
    text = params[name]
    if not re.fullmatch(r"\d{1,15}", text):
        message = (
            f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        )
        raise BinanceRefusal(-1100, message)
    return int(text)
