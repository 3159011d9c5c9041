"""The steps and limits of a market: which amounts and prices exist there,
and how a commission is rounded.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Literal

from cryptonn.errors import ConfigError

__all__ = ["MarketRules", "RefusedOrder"]

_EIGHT = Decimal("1e-8")
"""Commissions are rounded to so much of their currency."""


@dataclass(frozen=True)
class RefusedOrder:
    """An order that the market would not take, or that the cash cannot pay for.

    Parameters
    ----------
    amount
        What was asked for, base; cut to the amount step where that leaves anything.
    price
        Price that it was judged at, quote: a close.
    why
        Kind of reason: "less than one step", "below the least amount", "below the least worth"
        or "not enough cash".
    limit
        What ``why`` speaks of: the step or the least amount, base;
        the least worth or the cash at hand, quote.
    """

    side: Literal["buy", "sell"]
    amount: Decimal
    price: Decimal
    why: str
    limit: Decimal


@dataclass(frozen=True)
class MarketRules:
    """Steps and limits of one market; money is exact here, while a backtest without rules
    trades any fraction.

    Parameters
    ----------
    amount_step
        Every amount is a multiple of it, base.
    price_tick
        Every price is a multiple of it, quote.
    min_amount, min_cost
        Least amount of an order, base, and least amount · price, quote; 0 is no limit.
    fee_in
        Currency of a buy's commission; a sell's is always quote.

    >>> rules = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.001"), Decimal(10))
    >>> rules.amount(1.23456), rules.fill_price(100.0, side="buy", concession=0.0003)
    (Decimal('1.2345'), Decimal('100.03'))
    """

    amount_step: Decimal
    price_tick: Decimal
    min_amount: Decimal = Decimal(0)
    min_cost: Decimal = Decimal(0)
    fee_in: Literal["quote", "base"] = "quote"

    def __post_init__(self) -> None:
        for name in ("amount_step", "price_tick", "min_amount", "min_cost"):
            value = getattr(self, name)
            least = "0 or more" if name.startswith("min") else "positive"
            if not value.is_finite() or value < 0 or (value == 0 and least == "positive"):
                raise ConfigError(
                    f"market rules: {name} = {value} must be {least}. "
                    "Look at the exchange's market."
                )

    def amount(self, units: Decimal | float) -> Decimal:
        """Cut an amount to the step, towards 0; a float counts to its 15th digit,
        as its last bits mean nothing.

        >>> MarketRules(Decimal("0.1"), Decimal("0.01")).amount(0.7 + 0.1)
        Decimal('0.8')
        """
        return self._steps(units, ROUND_DOWN)

    def nearest(self, units: Decimal | float) -> Decimal:
        """Return the amount on the step that is nearest: for a sum of such amounts
        that went through floats.
        """
        return self._steps(units, ROUND_HALF_EVEN)

    def _steps(self, units: Decimal | float, rounding: str) -> Decimal:
        exact = units if isinstance(units, Decimal) else Decimal(f"{units:.15g}")
        return _multiple(exact, self.amount_step, rounding)

    def fill_price(
        self, opening: Decimal | float, *, side: Literal["buy", "sell"], concession: float
    ) -> Decimal:
        """Return the price of a fill: a fraction ``concession`` off the open,
        on the tick against the trader.
        """
        away = round(Decimal(str(concession)), 12)
        price = Decimal(str(opening)) * (1 + away if side == "buy" else 1 - away)
        return _multiple(price, self.price_tick, ROUND_CEILING if side == "buy" else ROUND_FLOOR)

    def commission(self, amount: Decimal, price: Decimal, *, rate: float) -> Decimal:
        """Return the commission in quote, half a unit of the 8th decimal rounded up;
        ``rate`` is a fraction.
        """
        return (amount * price * Decimal(str(rate))).quantize(_EIGHT, ROUND_HALF_UP)

    def base_commission(self, amount: Decimal, *, rate: float) -> Decimal:
        """Return the commission of a buy in base, rounded likewise, where ``fee_in`` is "base"."""
        return (amount * Decimal(str(rate))).quantize(_EIGHT, ROUND_HALF_UP)

    def sendable(self, amount: Decimal, price: Decimal) -> bool:
        """Tell whether the exchange takes an order of that size at that price."""
        return self.refused("buy", amount, price) is None

    def refused(
        self, side: Literal["buy", "sell"], amount: Decimal, price: Decimal
    ) -> RefusedOrder | None:
        """Return an order as refused, with the reason; None if the exchange takes it.

        Parameters
        ----------
        amount
            Base, at least 0; what is beyond the step is not sent.

        >>> rules = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.001"), Decimal(10))
        >>> rules.refused("buy", Decimal("0.0999"), Decimal(100)).why
        'below the least worth'
        """
        sent = self.amount(amount)
        limits = (
            ("less than one step", self.amount_step, sent > 0),
            ("below the least amount", self.min_amount, sent >= self.min_amount),
            ("below the least worth", self.min_cost, sent * price >= self.min_cost),
        )
        for why, limit, is_met in limits:
            if not is_met:
                return RefusedOrder(side, sent or amount, price, why, limit)
        return None


def _multiple(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return the multiple of ``step`` beside ``value``, written with the step's decimals.

    >>> _multiple(Decimal("0.12345"), Decimal("0.0010"), ROUND_DOWN)
    Decimal('0.123')
    """
    unit = step.normalize() if step % 1 else step.quantize(Decimal(1))
    return (value / step).to_integral_value(rounding) * unit + 0  # no negative zero
