"""What the account holds: free and locked amounts of each currency, never negative,
always explained by its fills.
"""

from collections.abc import Mapping
from decimal import Decimal

from cryptonn.local_exchange.orders import Refused

__all__ = ["Account"]

ZERO = Decimal(0)


class Account:
    """Balances of one account; every amount is a ``Decimal``.

    Attributes
    ----------
    free, locked
        By currency: what can be used, and what open orders hold back.
    opening, external, booked
        By currency: what there was at first, what came or went from outside, and what fills brought
        or took.
    """

    def __init__(self, opening: Mapping[str, Decimal]) -> None:
        self.opening = dict(opening)
        self.reset()

    def reset(self) -> None:
        """Go back to the opening balances."""
        self.free = dict(self.opening)
        self.locked = dict.fromkeys(self.opening, ZERO)
        self.external = dict.fromkeys(self.opening, ZERO)
        self.booked = dict.fromkeys(self.opening, ZERO)

    def total(self, currency: str) -> Decimal:
        """Return what is held of a currency, free and locked."""
        return self.free.get(currency, ZERO) + self.locked.get(currency, ZERO)

    def lock(self, currency: str, amount: Decimal) -> None:
        """Hold back an amount for an order; raises ``Refused("insufficient")``."""
        self._take(currency, amount)
        self.locked[currency] += amount

    def release(self, currency: str, amount: Decimal) -> None:
        """Give back what an order no longer needs."""
        self.locked[currency] -= amount
        self.free[currency] += amount

    def pay(self, currency: str, amount: Decimal, *, locked: Decimal) -> Decimal:
        """Pay for a fill out of what its order locked, then out of what is free; return what came
        from the lock.

        Raises ``Refused("insufficient")``, and then changes nothing.
        """
        held = min(locked, amount)
        self._take(currency, amount - held)
        self.locked[currency] -= held
        self.booked[currency] -= amount
        return held

    def receive(self, currency: str, amount: Decimal) -> None:
        """Book what a fill brought."""
        self._open(currency)
        self.free[currency] += amount
        self.booked[currency] += amount

    def adjust(self, currency: str, amount: Decimal) -> None:
        """Deposit (positive) or withdraw (negative) from outside;
        raises ``Refused("insufficient")``.
        """
        self._open(currency)
        self._take(currency, -amount)
        self.external[currency] += amount

    def check(self) -> None:
        """Raise ``RuntimeError``, a bug, if a balance is negative or not what opening,
        outside and fills make of it.
        """
        for currency, opening in self.opening.items():
            explained = opening + self.external[currency] + self.booked[currency]
            if (
                self.free[currency] < 0
                or self.locked[currency] < 0
                or self.total(currency) != explained
            ):
                held = f"{self.free[currency]} free and {self.locked[currency]} locked"
                raise RuntimeError(
                    f"{currency}: {held}, but opening, outside and fills make {explained}"
                )

    def _take(self, currency: str, amount: Decimal) -> None:
        if amount > self.free.get(currency, ZERO):
            raise Refused("insufficient")
        self.free[currency] -= amount

    def _open(self, currency: str) -> None:
        if currency not in self.opening:
            self.opening[currency] = ZERO
            for amounts in (self.free, self.locked, self.external, self.booked):
                amounts[currency] = ZERO
