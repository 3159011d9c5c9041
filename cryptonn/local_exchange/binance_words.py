"""How binance refuses: its codes, the HTTP status that comes with each, and its sentences."""

from cryptonn.local_exchange.dialect import Reply
from cryptonn.local_exchange.orders import Reason

__all__ = ["BinanceRefusal", "fault_reply", "refusal"]

CODES: dict[int, tuple[int, str]] = {
    -1000: (500, "An unknown error occurred while processing the request."),
    -1001: (500, "Internal error; unable to process your request. Please try again."),
    -1002: (401, "You are not authorized to execute this request."),
    -1003: (
        429,
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.",
    ),
    -1006: (
        500,
        "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    -1007: (
        408,
        (
            "Timeout waiting for response from backend server. Send status unknown; execution "
            "status unknown."
        ),
    ),
    -1008: (
        503,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
    -1013: (400, "Filter failure: NOTIONAL"),
    -1015: (429, "Too many new orders; current limit is 100 orders per 10 SECOND."),
    -1021: (400, "Timestamp for this request is outside of the recvWindow."),
    -1022: (400, "Signature for this request is not valid."),
    -1100: (400, "Illegal characters found in a parameter."),
    -1102: (400, "A mandatory parameter was not sent, was empty/null, or malformed."),
    -1104: (400, "Not all sent parameters were read."),
    -1106: (400, "A parameter was sent when not required."),
    -1111: (400, "Parameter has too much precision."),
    -1115: (400, "Invalid timeInForce."),
    -1116: (400, "Invalid orderType."),
    -1117: (400, "Invalid side."),
    -1120: (400, "Invalid interval."),
    -1121: (400, "Invalid symbol."),
    -1131: (400, "recvWindow must be less than 60000."),
    -2010: (400, "Account has insufficient balance for requested action."),
    -2011: (400, "Unknown order sent."),
    -2013: (400, "Order does not exist."),
    -2014: (401, "API-key format invalid."),
    -2015: (401, "Invalid API-key, IP, or permissions for action."),
}
"""Code: HTTP status and the sentence that usually comes with it."""

REASONS: dict[Reason, tuple[int, str]] = {
    "unknown_symbol": (-1121, "Invalid symbol."),
    "amount_step": (-1013, "Filter failure: LOT_SIZE"),
    "amount_range": (-1013, "Filter failure: LOT_SIZE"),
    "price_tick": (-1013, "Filter failure: PRICE_FILTER"),
    "price_range": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    "min_cost": (-1013, "Filter failure: NOTIONAL"),
    "insufficient": (-2010, "Account has insufficient balance for requested action."),
    "unknown_order": (-2013, "Order does not exist."),
    "not_open": (-2011, "Unknown order sent."),
    "market_closed": (-1013, "Market is closed."),
    "would_take": (-2010, "Order would immediately match and take."),
}

STATUSES: dict[str, tuple[int, object]] = {
    "401": (401, {"code": -2015, "msg": CODES[-2015][1]}),
    "403": (
        403,
        "<html><head><title>403 Forbidden</title></head><body>403 Forbidden</body></html>",
    ),
    "404": (404, "<html><body>404 Not Found</body></html>"),
    "418": (
        418,
        {"code": -1003, "msg": "Way too much request weight used; IP banned until 4102444800000."},
    ),
    "429": (429, {"code": -1003, "msg": CODES[-1003][1]}),
    "500": (500, {"code": -1000, "msg": CODES[-1000][1]}),
    "502": (
        502,
        "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>",
    ),
    "503": (503, {"code": -1008, "msg": CODES[-1008][1]}),
    "504": (
        504,
        (
            "<html><head><title>504 Gateway Time-out</title></head><body>504 Gateway "
            "Time-out</body></html>"
        ),
    ),
}
"""Injected HTTP statuses."""


class BinanceRefusal(Exception):
    """A request that binance refuses with one of its codes."""

    def __init__(
        self, code: int, message: str | None = None, *, retry_after: int | None = None
    ) -> None:
        self.code = code
        self.message = CODES[code][1] if message is None else message
        self.retry_after = retry_after
        super().__init__(f"{code} {self.message}")

    @property
    def reply(self) -> Reply:
        """What is sent."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Reply(CODES[self.code][0], headers, {"code": self.code, "msg": self.message})


def refusal(reason: Reason) -> BinanceRefusal:
    """Return how binance says what the core refused."""
    return BinanceRefusal(*REASONS[reason])


def fault_reply(do: str) -> Reply | None:
    """Return the words for an injected "429" or "-1007", or None where there are none."""
    if do in STATUSES:
        status, body = STATUSES[do]
        return Reply(status, {}, body)
    if do.startswith("-") and do[1:].isdigit() and int(do) in CODES:
        return BinanceRefusal(int(do)).reply
    return None
