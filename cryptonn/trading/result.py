"""What a backtest leaves behind: equity, position, fills and trades as pandas tables."""

from dataclasses import dataclass

import pandas as pd

from cryptonn.trading.costs import Costs

__all__ = ["FILL_COLUMNS", "TRADE_COLUMNS", "BacktestResult"]

FILL_COLUMNS = ("time", "side", "amount", "price", "commission", "slippage", "decided")
"""Columns of ``BacktestResult.fills``."""

TRADE_COLUMNS = (
    "entry_time",
    "exit_time",
    "side",
    "amount",
    "entry_price",
    "exit_price",
    "gross",
    "costs",
    "net",
    "bars",
    "open",
)
"""Columns of ``BacktestResult.trades``."""


@dataclass(frozen=True, repr=False)
class BacktestResult:
    """One strategy under one cost scenario.

    Attributes
    ----------
    strategy, fees, symbol
        What traded, under which cost scenario, and which symbol.
    costs
        The costs of that scenario.
    cash
        Starting money, quote.
    equity
        Money at the close of each bar, quote; index the candles' ``time``.
        Cash and the position at the close.
    position
        Amount held at the close of each bar, base, negative when short; same index.
    returns
        Simple daily returns (UTC days), from the equity at day ends;
        the first day from the starting cash.
    positions
        End-of-day value of the position (column: the symbol, signed) and of the cash
        (column "cash"), quote.
    fills
        One row a fill. ``time`` the bar at whose open it was made; ``side`` "buy" or "sell";
        ``amount`` base, > 0; ``price`` quote; ``commission`` quote; ``slippage`` |price − open|
        · amount, quote (the spread is in it; negative where a limit order was filled at a better
        price than the open); ``decided`` the bar at whose close the order was sent.
    trades
        One row from flat to flat. ``side`` "long" or "short"; ``amount`` the largest held, base;
        ``entry_price`` and ``exit_price`` mean fill prices; ``gross`` the profit at the open
        prices, before any cost; ``costs`` commission, slippage and borrow; ``net = gross − costs``;
        ``bars`` from the entry to the exit; ``open`` True for a trade still open at the end,
        which is marked to the last close. The nets add up to final equity − cash.
    rejections
        Orders the broker refused: not enough cash or, where a market's rules are given,
        too small for it.
    borrow
        Charged for holding shorts, quote.
    """

    strategy: str
    fees: str
    symbol: str
    costs: Costs
    cash: float
    equity: pd.Series
    position: pd.Series
    returns: pd.Series
    positions: pd.DataFrame
    fills: pd.DataFrame
    trades: pd.DataFrame
    rejections: int
    borrow: float

    def __repr__(self) -> str:
        return (
            f"BacktestResult({self.strategy}, {self.fees}: {len(self.trades):,} trades, "
            f"net {self.net_return:+.2%})"
        )

    @property
    def final_equity(self) -> float:
        """Money at the close of the last bar, quote."""
        return float(self.equity.iloc[-1])

    @property
    def net_return(self) -> float:
        """Final equity over the starting cash, minus one."""
        return self.final_equity / self.cash - 1.0
