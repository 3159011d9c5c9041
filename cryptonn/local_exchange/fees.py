"""What a fill costs, and the exchange's fee on it."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from cryptonn.local_exchange.account import Account
from cryptonn.local_exchange.market import Market
from cryptonn.local_exchange.orders import FeeIn, NewOrder
from cryptonn.local_exchange.quirks import Quirks

__all__ = ["Fees"]

EIGHT = Decimal("0.00000001")


@dataclass(frozen=True)
class Fees:
    """Commission rates, fractions of the notional; a fee is rounded half up to 8 decimals.

    ``fee_in`` is the currency of a buy's commission; a sell's is always quote.
    """

    taker: Decimal
    maker: Decimal
    fee_in: FeeIn
    account: Account

    @staticmethod
    def cost(amount: Decimal, price: Decimal) -> Decimal:
        """Return amount times price, in quote."""
        return (amount * price).quantize(EIGHT, ROUND_HALF_UP)

    def on_top(self, asked: NewOrder, amount: Decimal, price: Decimal) -> Decimal:
        """Return the quote that a buy needs beside its cost."""
        if (asked.fee_in or self.fee_in) == "base":
            return Decimal(0)
        return _rounded(amount * price * max(self.taker, self.maker))

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
        rate = self.maker if maker else self.taker
        cost = amount * price
        third = quirks.fee_currency
        if third is not None:
            fee = _rounded(cost * rate / quirks.fee_currency_price)
            if fee <= self.account.free.get(third, Decimal(0)):
                return fee, third
        if asked.side == "buy" and (asked.fee_in or self.fee_in) == "base":
            return _rounded(amount * rate), market.base
        return _rounded(cost * rate), market.quote


def _rounded(fee: Decimal) -> Decimal:
    return fee.quantize(EIGHT, ROUND_HALF_UP)
