"""Why a session did not earn what its backtest earned: fill prices, commissions,
trades that only one of them made.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cryptonn.trading.result import BacktestResult

__all__ = ["Gap", "gap_between"]


@dataclass(frozen=True)
class Gap:
    """Final equity of the session less that of the backtest, in quote: the three add up to it.

    Attributes
    ----------
    prices
        Of the amounts that both traded on the same decision, what better (+) or worse (−) fill
        prices made.
    fees
        Of the same amounts, what smaller (+) or larger (−) commissions made.
    trades
        The rest: orders missed, refused, filled in part or made by one alone, and a position that
        an epoch left behind.
    """

    prices: float
    fees: float
    trades: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.prices + self.fees + self.trades

    @property
    def largest(self) -> str:
        """Name of the part that moved most."""
        return max(("prices", "fees", "trades"), key=lambda name: abs(float(getattr(self, name))))


def gap_between(venue: BacktestResult, model: BacktestResult) -> Gap:
    """Take the difference of two results on the same bars apart, fill by fill,
    matched by the bar decided on.
    """
    ours, theirs = _by_decision(venue.fills), _by_decision(model.fills)
    both = ours.add_suffix("_ours").join(theirs.add_suffix("_theirs"), how="inner")
    both = both.loc[both["amount_ours"] * both["amount_theirs"] > 0]
    sizes = both["amount_ours"].abs(), both["amount_theirs"].abs()
    shared = np.minimum(*sizes)
    price = -(
        np.sign(both["amount_ours"]) * shared * (both["price_ours"] - both["price_theirs"])
    ).sum()
    paid = (
        both[f"fee_{whose}"] * shared / size
        for whose, size in zip(("ours", "theirs"), sizes, strict=True)
    )
    fees = -float((next(paid) - next(paid)).sum())
    total = venue.final_equity - model.final_equity
    return Gap(
        float(price) + 0.0, fees + 0.0, total - float(price) - fees + 0.0
    )  # no negative zero


def _by_decision(fills: pd.DataFrame) -> pd.DataFrame:
    """Return signed amount, mean price and commission, one row for each bar decided on."""
    amount = fills["amount"].where(fills["side"] == "buy", -fills["amount"])
    table = pd.DataFrame(
        {
            "decided": fills["decided"],
            "amount": amount,
            "traded": fills["amount"],
            "cost": fills["amount"] * fills["price"],
            "fee": fills["commission"],
        }
    )
    sums = table.groupby("decided").sum()
    return sums.assign(price=sums["cost"] / sums["traded"])[["amount", "price", "fee"]]
