"""The exchanges whose sandbox can be traded on, what differs between them,
and which others are refused, and why.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, Protocol

from cryptonn.errors import ConfigError, did_you_mean
from cryptonn.paper.ports import OrderRequest, OrderState, Side, VenueFill
from cryptonn.paper.venue.alpaca import Alpaca
from cryptonn.paper.venue.binance import Binance
from cryptonn.paper.venue.gemini import Gemini
from cryptonn.paper.venue.guard import Sandbox
from cryptonn.paper.venue.markets import Market
from cryptonn.paper.venue.outcomes import Codes

__all__ = ["EXCHANGES", "LOCAL", "Dialect", "dialect_of"]


class Dialect(Protocol):
    """One exchange: where its sandbox is, what is asked of it through ccxt's class ``api``, how
    replies are read.

    ``fence_ms`` after its time a request can no longer be accepted. A question that was refused for
    its time is asked again up to ``clock_tries`` times, each time after ``resync``. Calls raise
    whatever ccxt raises, and ``Garbled``.
    """

    sandbox: Sandbox
    codes: Codes
    fence_ms: int
    clock_tries: int
    fee_in: Literal["quote", "base"]

    def settings(self) -> dict[str, Any]: ...  # noqa: D102
    def fault(self, api: Any) -> str | None: ...  # noqa: D102
    def market(  # noqa: D102
        self, api: Any, symbol: str, *, fee_in: Literal["quote", "base"]
    ) -> Market: ...
    def server_ms(self, api: Any, now_ms: Callable[[], int]) -> int: ...  # noqa: D102
    def resync(self, api: Any, now_ms: Callable[[], int]) -> None: ...  # noqa: D102
    def price(self, api: Any, market: Market) -> Decimal: ...  # noqa: D102
    def balances(self, api: Any) -> dict[str, tuple[Decimal, Decimal]]: ...  # noqa: D102
    def key_warnings(self, api: Any) -> list[str]: ...  # noqa: D102
    def place(self, api: Any, request: OrderRequest, market: Market) -> Any: ...  # noqa: D102
    def lookup(self, api: Any, cid: str, market: Market) -> Any: ...  # noqa: D102
    def order(self, reply: Any, market: Market) -> tuple[OrderState, Side]: ...  # noqa: D102
    def open_orders(self, api: Any, market: Market) -> list[Any]: ...  # noqa: D102
    def cancel(self, api: Any, state: OrderState, market: Market) -> None: ...  # noqa: D102
    def fills(  # noqa: D102
        self, api: Any, state: OrderState, market: Market
    ) -> list[VenueFill]: ...


LOCAL = ("local", "local-gemini")
"""The exchange on this machine, speaking as binance or as gemini does."""
EXCHANGES: dict[str, Dialect] = {
    "binance": Binance(),
    "gemini": Gemini(),
    "alpaca": Alpaca(),
    "local": Binance(),
    "local-gemini": Gemini(),
}
"""Every exchange that orders can go to. There is no other way to name one."""

_NO_SANDBOX = frozenset(
    {"kraken", "coinbase", "kucoin", "bitstamp", "bitfinex", "htx", "huobi", "mexc"}
    | {"coinbaseinternational", "binanceus", "bithumb", "upbit"}
)
_SAME_HOST = frozenset({"okx", "okxus", "myokx", "bitget"})


def dialect_of(exchange: str) -> Dialect:
    """Return how an exchange is spoken to.

    Raises
    ------
    ConfigError
        If it has no sandbox for spot orders, has one that cannot be told from its real market, or
        is not supported.
    """
    if exchange in EXCHANGES:
        return EXCHANGES[exchange]
    choice = "Choose binance, gemini or alpaca (sandbox keys), or local (no keys)."
    if exchange in _NO_SANDBOX:
        raise ConfigError(
            f"{exchange} has no sandbox for spot orders: an order there would be real money. "
            f"{choice}"
        )
    if exchange in _SAME_HOST:
        raise ConfigError(
            f"{exchange} trades demo and real money on one host, so its sandbox cannot be guarded. "
            f"{choice}"
        )
    raise ConfigError(
        f"No paper trading on {exchange!r}.{did_you_mean(exchange, EXCHANGES)} {choice}"
    )
