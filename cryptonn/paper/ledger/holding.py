"""What fills come to: pure sums over executions, never stored,
so there is nothing to get out of step.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cryptonn.paper.ledger.rows import FillRow

__all__ = ["Holding", "effects", "held"]


@dataclass(frozen=True)
class Holding:
    """The strategy's position: ``net`` is what the account has of it, base.

    ``owed`` is what buys since the position was last closed lost to commissions in base: the
    strategy, which pays in quote, believes to hold ``net + owed``.
    """

    net: Decimal
    owed: Decimal


def effects(fills: Iterable[FillRow], *, base: str, quote: str) -> dict[str, Decimal]:
    """Return what fills changed, by currency; commissions in a third currency count there."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal, {base: Decimal(0), quote: Decimal(0)})
    for fill in fills:
        amount = fill.amount
        cost = fill.amount * fill.price
        totals[base] += amount if fill.side == "buy" else -amount
        totals[quote] += -cost if fill.side == "buy" else cost
        totals[fill.fee_currency] -= fill.fee
    return dict(totals)


def held(before: Holding, fills: Iterable[FillRow], *, base: str, step: Decimal) -> Holding:
    """Return the position after ``fills``, in the order in which they were booked.

    Parameters
    ----------
    step
        Amount step of the market: less than that cannot be sold, so a position of less is closed.
    """
    net = before.net
    owed = before.owed
    for fill in fills:
        paid = fill.fee if fill.fee_currency == base else Decimal(0)
        net += (fill.amount if fill.side == "buy" else -fill.amount) - paid
        owed = Decimal(0) if fill.side == "sell" and net < step else owed + paid
    return Holding(net, owed)
