"""The same backtest without backtrader, and what it makes cheap: fee sweeps and break-even fees."""

import math
from collections.abc import Callable, Iterable

import pandas as pd

from cryptonn.trading.account import build_result
from cryptonn.trading.costs import Costs
from cryptonn.trading.inputs import check_inputs
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.tape import Account, Tape, make_tape, trade

__all__ = ["break_even_commission", "break_even_fee", "fee_sweep", "replay"]

_FREE = Costs()


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
    """Return what ``run_backtest`` returns for the strategy ``lstm_signal``, in a small part of the time.

    The arguments are those of ``run_backtest``; equality to 1e-9 is tested with and without each cost.
    """
    check_inputs(candles, signal, cash=cash, fraction=fraction)
    account = _play(make_tape(candles, signal), costs, costs.commission, cash, fraction)
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


def fee_sweep(
    candles: pd.DataFrame,
    signal: pd.Series,
    *,
    commissions: Iterable[float],
    costs: Costs = _FREE,
    cash: float,
    fraction: float,
) -> pd.DataFrame:
    """Trade the same signal under many commissions; spread, slippage and borrow stay those of ``costs``.

    Returns
    -------
    One row a commission, columns commission (fraction per side), equity (at the last close, quote), net_return, fills
    and rejections.
    """
    check_inputs(candles, signal, cash=cash, fraction=fraction)
    tape = make_tape(candles, signal)
    rows = []
    for commission in commissions:
        account = _play(tape, costs, commission, cash, fraction)
        equity = account.equity(tape.close[-1])
        rows.append((commission, equity, equity / cash - 1.0, len(account.fills), account.rejections))
    return pd.DataFrame(rows, columns=["commission", "equity", "net_return", "fills", "rejections"])


def break_even_fee(result: BacktestResult) -> float:
    """Return the commission per side at which the trades, each counted alike, earn nothing: Σ pos·r / Σ |Δpos|.

    r is the move from open to open before any cost (to the last close for a trade still open), pos the direction, and
    |Δpos| one for each entry and each exit. NaN without trades; negative where they lose before costs.
    """
    trades = result.trades
    if trades.empty:
        return math.nan
    toward = trades["side"].map({"long": 1.0, "short": -1.0})
    entry_open = trades["entry_price"] / (1 + toward * result.costs.concession)
    earned = (trades["gross"] / (trades["amount"] * entry_open)).sum()
    return float(earned / (2 * len(trades) - trades["open"].sum()))


def break_even_commission(
    candles: pd.DataFrame, signal: pd.Series, *, costs: Costs = _FREE, cash: float, fraction: float
) -> float:
    """Return the commission per side at which the final equity equals the starting cash, compounded.

    Spread, slippage and borrow are those of ``costs`` (none by default). NaN if the signal never trades or no
    commission within ±50 % breaks even; negative where even trading without commission loses.
    """
    check_inputs(candles, signal, cash=cash, fraction=fraction)
    tape = make_tape(candles, signal)

    def growth(commission: float) -> float:
        equity = _play(tape, costs, commission, cash, fraction).equity(tape.close[-1])
        return math.log(max(equity / cash, 1e-300))

    if not _play(tape, costs, 0.0, cash, fraction).fills:
        return math.nan
    return _root(growth)


def _root(growth: Callable[[float], float], *, limit: float = 0.5) -> float:
    """Return where a falling function is 0; NaN if nowhere within ±limit."""
    from scipy.optimize import brentq

    near, start = 0.0, growth(0.0)
    far = math.copysign(0.0001, start)
    while start and growth(far) * start > 0:
        near, far = far, 2 * far
        if abs(far) > limit:
            return math.nan
    return float(brentq(growth, near, far, xtol=1e-9)) if start else 0.0


def _play(tape: Tape, costs: Costs, commission: float, cash: float, fraction: float) -> Account:
    account = Account(cash, commission, costs.concession, costs.borrow)
    return trade(tape, account, fraction=fraction)
