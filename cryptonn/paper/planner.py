"""The order that moves a position to the one wanted: pure arithmetic on exact amounts."""

from dataclasses import dataclass
from decimal import Decimal

from cryptonn.paper.ports import Side
from cryptonn.trading.rules import MarketRules, RefusedOrder

__all__ = ["Move", "out_of_reach", "plan"]

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Move:
    """What to buy or sell at the market: base, on the amount step."""

    side: Side
    amount: Decimal


def plan(
    wanted: Decimal, held: Decimal, rules: MarketRules, price: Decimal, *, owed: Decimal = _NOTHING
) -> Move | None:
    """Return the order that brings ``held`` to ``wanted``, or None if none is needed or none can be
    sent.

    Parameters
    ----------
    wanted
        Position the strategy wants, base, at least 0; what is beyond the step is left out.
    held
        Position the account holds, base, net of commissions.
    price
        Price that the exchange's least cost is judged at, quote: the close of the bar decided on.
    owed
        What commissions in base took of the position since it was last closed. The strategy reckons
        without them, so that part of a difference is not traded; closing sells what is there.

    >>> rules = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.001"), Decimal(10))
    >>> plan(Decimal("0.5"), Decimal("0.4995"), rules, Decimal(100), owed=Decimal("0.0005")) is None
    True
    >>> plan(Decimal(0), Decimal("0.49955"), rules, Decimal(100), owed=Decimal("0.0005"))
    Move(side='sell', amount=Decimal('0.4995'))
    """
    move = _missing(wanted, held, rules, owed=owed)
    return move if rules.sendable(move.amount, price) else None


def out_of_reach(
    wanted: Decimal, held: Decimal, rules: MarketRules, price: Decimal, *, owed: Decimal = _NOTHING
) -> RefusedOrder | None:
    """Return what lies between ``held`` and ``wanted`` and no order can change, with the reason;
    None if nothing does.

    The arguments are those of ``plan``. Of a position that is to be closed, also what is less than
    one step counts.

    >>> rules = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.001"), Decimal(10))
    >>> out_of_reach(Decimal(0), Decimal("0.0003"), rules, Decimal(100)).why
    'below the least amount'
    """
    move = _missing(wanted, held, rules, owed=owed)
    if move.amount > 0:
        return rules.refused(move.side, move.amount, price)
    if rules.amount(wanted) == 0 < held:
        return rules.refused("sell", held, price)
    return None


def _missing(wanted: Decimal, held: Decimal, rules: MarketRules, *, owed: Decimal) -> Move:
    """Return what would bring ``held`` to ``wanted``, whether it can be sent or not;
    its amount may be 0.
    """
    wanted = rules.amount(wanted)
    sellable = max(rules.amount(held), _NOTHING)
    difference = -sellable if wanted == 0 else wanted - rules.amount(held + owed)
    side: Side = "buy" if difference > 0 else "sell"
    amount = difference if difference > 0 else min(-difference, sellable)
    return Move(side, amount)
