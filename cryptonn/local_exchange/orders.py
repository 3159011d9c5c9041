"""What an order, a trade and a refusal are."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

__all__ = ["FeeIn", "NewOrder", "Order", "Reason", "Refused", "Rest", "Side", "Status", "Trade"]

Side = Literal["buy", "sell"]
FeeIn = Literal["quote", "base"]
Status = Literal["new", "partial", "filled", "canceled", "expired"]
Reason = (
    Literal[
        "unknown_symbol",
        "amount_step",
        "amount_range",
        "price_tick",
        "price_range",
        "min_cost",
        "insufficient",
    ]
    | Literal["unknown_order", "not_open", "market_closed", "would_take"]
)


class Refused(Exception):
    """The exchange does not do what was asked; each dialect has its own words for ``reason``."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class NewOrder:
    """What a client asks for; ``symbol`` is "ETH/USD"."""

    symbol: str
    side: Side
    amount: Decimal
    """In base; ignored where ``quote_amount`` is given."""
    limit: Decimal | None = None
    """None is a market order."""
    client_id: str = ""
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC"
    post_only: bool = False
    """Refused ("would_take") where it would fill at once."""
    quote_amount: Decimal | None = None
    """A market order for so much quote instead of ``amount``."""
    fee_in: FeeIn | None = None
    """Currency of a buy's commission; the exchange's own by default."""
    any_cost: bool = False
    """The market's limits on amount times price do not count, as on an exchange that has none."""


@dataclass(frozen=True)
class Trade:
    """One fill of an order."""

    id: int
    order_id: int
    client_id: str
    symbol: str
    side: Side
    amount: Decimal
    price: Decimal
    cost: Decimal
    """``amount`` times ``price``, in quote, to 8 decimals."""
    fee: Decimal
    fee_currency: str
    time_ms: int
    maker: bool
    visible_ms: int
    """Lists of trades show it from this time on."""


@dataclass(frozen=True)
class Rest:
    """What becomes of the rest of an order that filled in part: it fills at ``due_ms``,
    or while being cancelled.
    """

    price: Decimal
    due_ms: int | None
    on_cancel: bool


@dataclass
class Order:
    """An order that was accepted."""

    id: int
    asked: NewOrder
    amount: Decimal
    created_ms: int
    updated_ms: int
    visible_ms: int
    """Lookups find it from this time on."""
    status: Status = "new"
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    """What its fills cost or brought, in quote, without fees."""
    locked: Decimal = Decimal(0)
    """What it holds back, in ``locked_currency``: quote of a buy, base of a sell."""
    locked_currency: str = ""
    checked_ms: int = 0
    """Bars that opened by then are known not to reach its limit."""
    rest: Rest | None = None
    trades: list[Trade] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Tell whether it can still fill."""
        return self.status in ("new", "partial")

    @property
    def remaining(self) -> Decimal:
        """What is not filled, in base."""
        return self.amount - self.filled
