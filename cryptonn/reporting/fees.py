"""What a strategy would have earned at any commission: its trades stay the same,
only the toll changes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq

from cryptonn.evaluation.significance import MIN_TRADES
from cryptonn.trading.result import BacktestResult

__all__ = ["break_even", "cheapest", "costliest", "fee_sweep"]

_WIDEST = 0.5

Floats = npt.NDArray[np.float64]


def fee_sweep(result: BacktestResult, fees: npt.ArrayLike) -> pd.DataFrame:
    """Return the net return of the same trades at each cost per side.

    Each trade multiplies equity by ``1 + g - f * n``, with g its gain at the open prices before any
    cost and n the notional of its two fills, both as fractions of the equity before it; f is the
    cost per side. The size of a position is the same share of equity at every cost, so the product
    over the trades is exact up to the rest the sizer leaves (and up to borrow, which no commission
    changes).

    Parameters
    ----------
    result
        One backtest; the cheapest scenario gives the best conditioned numbers.
    fees
        Costs per side (commission, spread and slippage together), as fractions of notional.

    Returns
    -------
    DataFrame
        ``cost_per_side`` and ``net_return``, one row a cost. A loss of everything is -1.
    """
    gain, notional = _per_equity(result)
    costs = np.asarray(fees, dtype=float)
    growth = [_log_growth(gain, notional, float(cost)) for cost in costs]
    return pd.DataFrame({"cost_per_side": costs, "net_return": np.expm1(growth)})


def break_even(result: BacktestResult) -> float:
    """Return the cost per side at which these trades end where they began, compounded.

    NaN with fewer than ``MIN_TRADES`` trades: what a handful bears says nothing, above all where
    one is still open. Negative where they lose even without any cost.
    """
    gain, notional = _per_equity(result)
    if len(result.trades) < MIN_TRADES or not notional.any():
        return float("nan")

    def excess(fee: float) -> float:
        return max(_log_growth(gain, notional, fee), -1e6)

    if excess(_WIDEST) >= 0 or excess(-_WIDEST) <= 0:
        return float("nan")
    return float(brentq(excess, -_WIDEST, _WIDEST, xtol=1e-9))


def cheapest(results: Sequence[BacktestResult]) -> BacktestResult:
    """Return the result with the lowest cost per side."""
    return min(results, key=lambda result: result.costs.per_side)


def costliest(results: Sequence[BacktestResult]) -> BacktestResult:
    """Return the result with the highest cost per side."""
    return max(results, key=lambda result: result.costs.per_side)


def _per_equity(result: BacktestResult) -> tuple[Floats, Floats]:
    trades = result.trades
    gross, net = trades["gross"].to_numpy(float), trades["net"].to_numpy(float)
    before = (
        result.cash + np.concatenate([[0.0], np.cumsum(net)[:-1]]) if len(trades) else np.empty(0)
    )
    closed = ~trades["open"].to_numpy(bool) if "open" in trades else np.ones(len(trades), bool)
    prices = trades["entry_price"].to_numpy(float) + closed * trades["exit_price"].to_numpy(float)
    alive = before > 0
    notional = trades["amount"].abs().to_numpy(float) * prices
    return gross[alive] / before[alive], notional[alive] / before[alive]


def _log_growth(gain: Floats, notional: Floats, fee: float) -> float:
    factors = 1 + gain - fee * notional
    return float(np.log(factors).sum()) if (factors > 0).all() else -np.inf
