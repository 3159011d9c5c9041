"""What a fill costs, and the exchange's fee on it."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from cryptonn.errors import ConfigError
from cryptonn.local_exchange.account import Account
from cryptonn.local_exchange.market import Market
from cryptonn.local_exchange.orders import FeeIn, NewOrder
from cryptonn.local_exchange.quirks import Quirks

__all__ = ["Fees", "Rates"]

EIGHT = Decimal("0.00000001")


@dataclass(frozen=True)
class Rates:
    """What trading costs: fractions of the notional, as in a run file.

    ``fee_in`` is the currency of a buy's commission; a sell's is always quote.
    """

    taker: Decimal
    maker: Decimal
    spread: Decimal
    slippage: Decimal
    fee_in: FeeIn

    @classmethod
    def of(
        cls,
        *,
        taker: Decimal | float | str = "0.002",
        maker: Decimal | float | str = "0.001",
        spread: Decimal | float | str = "0.0001",
        slippage: Decimal | float | str = "0.0002",
        fee_in: FeeIn = "quote",
    ) -> Self:
        """Return rates from numbers as they are written.

        Raises
        ------
        ConfigError
            If one is no fraction.
        """
        return cls(
            taker=_fraction(taker, "taker"),
            maker=_fraction(maker, "maker"),
            spread=_fraction(spread, "spread"),
            slippage=_fraction(slippage, "slippage"),
            fee_in=fee_in,
        )


@dataclass(frozen=True)
class Fees:
    """Commissions of an account; a fee is rounded half up to 8 decimals."""

    rates: Rates
    account: Account

    @staticmethod
    def cost(amount: Decimal, price: Decimal) -> Decimal:
        """Return amount times price, in quote."""
        return (amount * price).quantize(EIGHT, ROUND_HALF_UP)

    def on_top(self, asked: NewOrder, amount: Decimal, price: Decimal) -> Decimal:
        """Return the quote that a buy needs beside its cost."""
        if (asked.fee_in or self.rates.fee_in) == "base":
            return Decimal(0)
        return _rounded(amount * price * max(self.rates.taker, self.rates.maker))

    def fee(
        self,
        asked: NewOrder,
        market: Market,
        amount: Decimal,
        price: Decimal,
        *,
        maker: bool,
        quirks: Quirks,
    ) -> tuple[Decimal, str]:
        """Return the fee of a fill and its currency."""
        rate = self.rates.maker if maker else self.rates.taker
        cost = amount * price
        third = quirks.fee_currency
        if third is not None:
            fee = _rounded(cost * rate / quirks.fee_currency_price)
            if fee <= self.account.free.get(third, Decimal(0)):
                return fee, third
        if asked.side == "buy" and (asked.fee_in or self.rates.fee_in) == "base":
            return _rounded(amount * rate), market.base
        return _rounded(cost * rate), market.quote


def _fraction(value: Decimal | float | str, name: str) -> Decimal:
    fraction = Decimal(str(value))
    if not 0 <= fraction < 1:
        raise ConfigError(
            f"{name} is {value}; it must be a fraction of the notional, such as 0.001 for 0.1 %."
        )
    return fraction


def _rounded(fee: Decimal) -> Decimal:
    return fee.quantize(EIGHT, ROUND_HALF_UP)
