"""What an account holds beside what it should hold, to one step."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from cryptonn.trading.rules import MarketRules

__all__ = ["Difference", "totals_of", "unequal"]

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Difference:
    """A currency whose total at the exchange is not what the ledger comes to."""

    currency: str
    ledger: Decimal
    venue: Decimal

    def __str__(self) -> str:
        return (
            f"{self.currency}: exchange {self.venue}, ledger {self.ledger} "
            f"({self.venue - self.ledger:+})"
        )


def totals_of(balances: Mapping[str, tuple[Decimal, Decimal]]) -> dict[str, Decimal]:
    """Return what is held of each currency, free and used."""
    return {currency: free + used for currency, (free, used) in balances.items()}


def unequal(
    expected: Mapping[str, Decimal], totals: Mapping[str, Decimal], rules: MarketRules, *, base: str
) -> list[Difference]:
    """Return the currencies expected that differ by more than one step (``base``) or tick (others).

    >>> rules = MarketRules(Decimal("0.1"), Decimal("0.01"))
    >>> [str(one) for one in unequal({"USD": Decimal(5)}, {"USD": Decimal(4)}, rules, base="ETH")]
    ['USD: exchange 4, ledger 5 (-1)']
    """
    steps = {base: rules.amount_step}
    compared = [
        Difference(name, expected[name], totals.get(name, _NOTHING)) for name in sorted(expected)
    ]
    return [
        one
        for one in compared
        if abs(one.venue - one.ledger) > steps.get(one.currency, rules.price_tick)
    ]
