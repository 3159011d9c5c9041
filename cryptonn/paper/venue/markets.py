"""A market as the rest of the venue needs it: its names and its rules."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from cryptonn.errors import ConfigError, did_you_mean
from cryptonn.paper.venue.replies import Garbled
from cryptonn.trading.rules import MarketRules

__all__ = ["Market", "market_from", "unlisted"]


@dataclass(frozen=True)
class Market:
    """One spot market. ``id`` is the exchange's own name for ``symbol``."""

    symbol: str
    id: str
    base: str
    quote: str
    rules: MarketRules

    def is_named(self, name: str) -> bool:
        """Tell whether a name in a reply is this market's, however it is written (ETH/USD, ETHUSD,
        ethusd).
        """
        return name.replace("/", "").upper() == self.id.replace("/", "").upper()


def unlisted(exchange: str, symbol: str, known: Any) -> ConfigError:
    """Return the error for a symbol that the sandbox does not have."""
    return ConfigError(
        f"The sandbox of {exchange} does not trade "
        f"{symbol}.{did_you_mean(symbol.split()[0], known)}"
    )


def market_from(found: Any, *, exchange: str, fee_in: Literal["quote", "base"]) -> Market:
    """Return a market from ccxt's record of it.

    Raises
    ------
    Garbled
        If a step is missing or makes no sense.
    ConfigError
        If it is no spot market, or is closed.
    """
    if not found.get("spot") or found.get("active") is False:
        raise ConfigError(
            f"{found.get('symbol')} is no spot market of {exchange} that is open. Choose another "
            "one."
        )
    limits = found["limits"]
    rules = MarketRules(
        amount_step=_positive(found["precision"].get("amount"), "amount step"),
        price_tick=_positive(found["precision"].get("price"), "price tick"),
        min_amount=_least(limits.get("amount")),
        min_cost=_least(limits.get("cost")),
        fee_in=fee_in,
    )
    return Market(found["symbol"], found["id"], found["base"], found["quote"], rules)


def _positive(value: Any, what: str) -> Decimal:
    step = (
        Decimal(str(value))
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else Decimal("NaN")
    )
    if not step.is_finite() or step <= 0:
        raise Garbled(f"the {what} of the market is missing")
    return step


def _least(limit: Any) -> Decimal:
    value = (limit or {}).get("min")
    return Decimal(0) if value is None else _positive(value, "least order") if value else Decimal(0)
