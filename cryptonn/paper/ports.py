"""What the executor asks of an exchange: the words of an order, its fills, and the ways in which
sending can end.

    Venue.send ─┬─ OrderState   accepted
                ├─ Rejected     definitely not accepted, and will not be
                ├─ ClockOff     definitely not accepted: the clocks differ
                └─ Unknown      may have been accepted: look it up by its client id,
                                until the time fence has passed

Every reading call returns, or raises ``Unreadable``.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

from cryptonn.errors import CryptonnError

if TYPE_CHECKING:
    from cryptonn.trading.rules import MarketRules

__all__ = [
    "NOT_SENT",
    "ClockOff",
    "OrderRequest",
    "OrderState",
    "Rejected",
    "Side",
    "Unknown",
    "Unreadable",
    "Venue",
    "VenueFill",
    "VenueStatus",
]

Side = Literal["buy", "sell"]
VenueStatus = Literal["open", "closed", "canceled", "expired", "rejected"]

NOT_SENT = "not sent"
"""Kind of reason (see ``Rejected``) of an order that never left this machine:
no exchange has refused it.
"""


@dataclass(frozen=True)
class OrderRequest:
    """One order as it goes out.

    Parameters
    ----------
    cid
        Client id, at most 36 characters of ``[A-Za-z0-9_-]``; never used twice.
    symbol
        Such as "ETH/USD".
    amount
        Base, on the amount step of the market.
    limit
        Price in quote, on the tick; None is a market order.
    """

    cid: str
    symbol: str
    side: Side
    amount: Decimal
    limit: Decimal | None = None


@dataclass(frozen=True)
class OrderState:
    """What the exchange says of one order: checked, never as it came.

    ``status`` alone says nothing of the fills: an order may be canceled or expired with a part
    filled. ``filled`` and ``amount`` are base, before any commission.
    """

    cid: str | None
    venue_id: str
    status: VenueStatus
    amount: Decimal
    filled: Decimal


@dataclass(frozen=True)
class VenueFill:
    """One execution of an order. ``fee`` is what was taken, in ``fee_currency``: quote,
    base or a third one.
    """

    trade_id: str
    venue_id: str
    side: Side
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    time_ms: int


class Rejected(CryptonnError):
    """An order was definitely not accepted. ``halts`` says that the next one would not be either
    (keys, permission).

    ``reason`` begins with its kind, such as class and code of the exchange's error, and a colon.
    """

    def __init__(self, message: str, *, reason: str, halts: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.halts = halts


class Unknown(CryptonnError):
    """An order may or may not have been accepted; only the exchange can say."""


class ClockOff(CryptonnError):
    """An order was not accepted because its time was too far from the exchange's."""


class Unreadable(CryptonnError):
    """A reading call failed, or its reply made no sense.

    ``wait_s``: how long the exchange asks to be left alone. ``halts``: asking again will not help
    (keys, permission).
    """

    def __init__(self, message: str, *, wait_s: float = 0.0, halts: bool = False) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.halts = halts


class Venue(Protocol):
    """An exchange as the executor sees it; one account, one thread."""

    @property
    def name(self) -> str:
        """Name of the exchange, such as "binance"."""
        ...

    @property
    def fence_ms(self) -> int:
        """Milliseconds after which a signed order that the exchange does not know can no longer be
        accepted.
        """
        ...

    def rules(self, symbol: str) -> "MarketRules":
        """Return the steps and limits of a market."""
        ...

    def server_ms(self) -> int:
        """Return the exchange's time now; later calls are signed with the difference seen here."""
        ...

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return (free, used) of every currency held."""
        ...

    def price(self, symbol: str) -> Decimal:
        """Return the newest price of a market."""
        ...

    def send(self, request: OrderRequest) -> OrderState:
        """Send an order with exactly one request; raise Rejected, Unknown or ClockOff,
        and nothing else.
        """
        ...

    def find(self, cid: str, symbol: str) -> OrderState | None:
        """Return the order with a client id; None if the exchange says that it knows none."""
        ...

    def fills(self, state: OrderState, symbol: str) -> list[VenueFill]:
        """Return the executions of an order so far; they may lag behind ``state.filled``."""
        ...

    def open_orders(self, symbol: str) -> list[OrderState]:
        """Return the orders of the account that are still working."""
        ...

    def cancel(self, state: OrderState, symbol: str) -> None:
        """Ask for an order to be cancelled; it may have been filled meanwhile, so look again."""
        ...

    def check(self) -> None:
        """Raise unless every request can only reach a sandbox; called before every order too."""
        ...
