"""What the strategy wants after one closed candle."""

from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from cryptonn.market.bars import time_text
from cryptonn.trading.rules import RefusedOrder

__all__ = ["Decision"]


@dataclass(frozen=True)
class Decision:
    """The position wanted after a bar, and what it was decided from.

    Parameters
    ----------
    time_ms
        Open of the bar, milliseconds UTC.
    close_ms
        Its close, when it could first be decided.
    proba
        P(up) known at the close.
    signal
        Wanted direction: -1, 0 or 1.
    wanted
        Position the strategy wants from the next open on: base, at least 0, on the amount step.
    close
        Closing price of the bar, quote.
    near
        A probability close to a threshold was worked out again exactly as the backtest does.
    refused
        Orders that the strategy sent at this close and its backtest could not: too small for the
        market, or not to be paid for. A decision read back from the ledger has none: they stand
        there as incidents.
    """

    time_ms: int
    close_ms: int
    proba: float
    signal: int
    wanted: Decimal
    close: Decimal
    near: bool
    refused: tuple[RefusedOrder, ...] = ()

    @property
    def bar(self) -> str:
        """The bar's open as a person reads it."""
        return time_text(pd.Timestamp(self.time_ms, unit="ms", tz="UTC"))
