"""What the account holds: free and locked amounts of each currency, never negative, always explained by its fills."""

from collections.abc import Mapping
from decimal import Decimal

__all__ = ["Account"]

ZERO = Decimal(0)


class Account:
    """Balances of one account; every amount is a ``Decimal``.

    Attributes
    ----------
    free, locked
        By currency: what can be used, and what open orders hold back.
    """

    def __init__(self, opening: Mapping[str, Decimal]) -> None:
        self.opening = dict(opening)
        self.reset()

    def reset(self) -> None:
        """Go back to the opening balances."""
        self.free = dict(self.opening)
        self.locked = dict.fromkeys(self.opening, ZERO)
        self.external = dict.fromkeys(self.opening, ZERO)

    def lock(self, currency: str, amount: Decimal) -> None:
        """Hold back an amount for an order; raises ``Refused("insufficient")``."""
        raise NotImplementedError

    def release(self, currency: str, amount: Decimal) -> None:
        """Give back what an order no longer needs."""
        raise NotImplementedError

    def adjust(self, currency: str, amount: Decimal) -> None:
        """Deposit (positive) or withdraw (negative) from outside; raises ``Refused("insufficient")``."""
        raise NotImplementedError
