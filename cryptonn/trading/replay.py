"""The same backtest without backtrader, in a small part of the time."""

import pandas as pd

from cryptonn.trading.account import build_result
from cryptonn.trading.costs import Costs
from cryptonn.trading.inputs import check_inputs
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.tape import Account, make_tape, trade

__all__ = ["replay"]


def replay(
    candles: pd.DataFrame,
    signal: pd.Series,
    *,
    costs: Costs,
    cash: float,
    fraction: float,
    symbol: str,
    name: str = "lstm_signal",
    fees: str = "",
) -> BacktestResult:
    """Return what ``run_backtest`` returns for the strategy ``lstm_signal``,
    in a small part of the time.

    The arguments are those of ``run_backtest``; equality to 1e-9 is tested with and
    without each cost.
    """
    check_inputs(candles, signal, cash=cash, fraction=fraction)
    account = Account(cash, costs.commission, costs.concession, costs.borrow)
    trade(make_tape(candles, signal), account, fraction=fraction)
    return build_result(
        candles,
        account.fills,
        strategy=name,
        fees=fees,
        symbol=symbol,
        costs=costs,
        cash=cash,
        rejections=account.rejections,
    )
