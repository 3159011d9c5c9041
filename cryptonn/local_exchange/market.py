"""One market: its candles, in their own arrays, and its filters."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import pandas as pd

__all__ = ["Bar", "Filters", "Market"]


class Bar(NamedTuple):
    """One candle as it is known at some moment."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Filters:
    """What orders a market takes."""

    amount_step: Decimal = Decimal("0.0001")
    price_tick: Decimal = Decimal("0.01")
    min_amount: Decimal = Decimal("0.0001")
    max_amount: Decimal = Decimal("9000")
    min_cost: Decimal = Decimal("10")


class Market:
    """A symbol such as ETH/USD: ``base``, ``quote``, ``filters`` and candles ``bar_ms`` long."""

    def __init__(self, symbol: str, candles: pd.DataFrame, *, bar_ms: int, filters: Filters) -> None:
        self.symbol = symbol
        self.base, self.quote = symbol.split("/")
        self.bar_ms, self.filters = bar_ms, filters

    def bars(self, *, now_ms: int, start_ms: int | None, end_ms: int | None, limit: int) -> list[Bar]:
        """Return candles known by now, oldest first: the first ``limit`` from ``start_ms``, else the newest ones.

        The last one may be in progress: its open, and high, low and close equal to it.
        """
        raise NotImplementedError

    def last_price(self, *, now_ms: int) -> Decimal:
        """Return the newest price known."""
        raise NotImplementedError
