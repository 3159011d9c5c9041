"""Rebuild everything a backtest shows (equity, position, days, fills,
trades) from its fills alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.trading.costs import Costs
from cryptonn.trading.result import FILL_COLUMNS, BacktestResult
from cryptonn.trading.sizing import YEAR_SECONDS
from cryptonn.trading.trades import round_trips

__all__ = ["Fill", "build_result", "seconds_of"]

Floats = npt.NDArray[np.float64]


class Fill(NamedTuple):
    """One execution, and the account just after it."""

    bar: int
    """Row of the bar at whose open it was filled."""
    decided: int
    """Row of the bar at whose close the order was sent."""
    amount: float
    """Signed, base."""
    price: float
    commission: float
    cash: float
    """After the fill, quote."""
    units: float
    """Position after the fill, signed, base."""
    entry_price: float
    """Mean price of that position, quote; 0 when flat."""


def seconds_of(index: pd.DatetimeIndex) -> Floats:
    """Return the bars' times in seconds since the first, shape (n,)."""
    nanoseconds = index.as_unit("ns").asi8
    seconds: Floats = (nanoseconds - nanoseconds[0]) / 1e9
    return seconds


def build_result(
    candles: pd.DataFrame,
    fills: Sequence[Fill],
    *,
    strategy: str,
    fees: str,
    symbol: str,
    costs: Costs,
    cash: float,
    rejections: int,
) -> BacktestResult:
    """Return the result of a backtest that made ``fills`` on ``candles``,
    starting from ``cash``.
    """
    index = pd.DatetimeIndex(candles.index)
    columns = _columns(fills)
    close = candles["close"].to_numpy(dtype=np.float64)
    money, units, entry, owed, borrowed = _account(columns, seconds_of(index), cash, costs.borrow)
    value = units * close
    unrealized = units * (close - entry)
    marked = np.where(units > 0, (value - unrealized) + unrealized, value)
    equity = pd.Series((money - owed) + marked, index=index, name="equity")
    ends = _day_ends(index)
    days = index[ends].normalize()
    day_equity = equity.to_numpy()[ends]
    opens = candles["open"].to_numpy(dtype=np.float64)
    return BacktestResult(
        strategy=strategy,
        fees=fees,
        symbol=symbol,
        costs=costs,
        cash=cash,
        equity=equity,
        position=pd.Series(units, index=index, name="position"),
        returns=pd.Series(
            day_equity / np.concatenate([[cash], day_equity[:-1]]) - 1, index=days, name="returns"
        ),
        positions=pd.DataFrame({symbol: value[ends], "cash": (money - owed)[ends]}, index=days),
        fills=_fill_table(columns, index, opens),
        trades=round_trips(
            columns, index=index, opens=opens, last_close=close[-1], borrowed=borrowed
        ),
        rejections=rejections,
        borrow=float(borrowed.sum()),
    )


def _columns(fills: Sequence[Fill]) -> dict[str, npt.NDArray[Any]]:
    table = np.array(fills, dtype=np.float64).reshape(len(fills), len(Fill._fields))
    columns: dict[str, npt.NDArray[Any]] = dict(zip(Fill._fields, table.T, strict=True))
    return columns | {name: columns[name].astype(np.int64) for name in ("bar", "decided")}


def _account(
    fills: dict[str, npt.NDArray[Any]], seconds: Floats, cash: float, borrow: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return cash, units, entry price and borrow owed since the last fill per bar,
    and the borrow after each fill.
    """
    bars = fills["bar"]
    last = np.searchsorted(bars, np.arange(len(seconds)), side="right")
    money, units, entry = (
        np.concatenate([[first], fills[name]])
        for name, first in (("cash", cash), ("units", 0.0), ("entry_price", 0.0))
    )
    since = np.concatenate([[0.0], seconds[bars]])
    rate = np.where(units < 0, -units * entry * borrow / YEAR_SECONDS, 0.0)
    until = np.append(since[1:], seconds[-1])
    owed = rate[last] * (seconds - since[last])
    return money[last], units[last], entry[last], owed, (rate * (until - since))[1:]


def _day_ends(index: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """Return the row of the last bar of each UTC day."""
    days = index.as_unit("s").asi8 // 86_400
    return np.append(np.flatnonzero(np.diff(days)), len(days) - 1)


def _fill_table(
    fills: dict[str, npt.NDArray[Any]], index: pd.DatetimeIndex, opens: Floats
) -> pd.DataFrame:
    amount = np.abs(fills["amount"])
    return pd.DataFrame(
        {
            "time": index[fills["bar"]],
            "side": np.where(fills["amount"] > 0, "buy", "sell"),
            "amount": amount,
            "price": fills["price"],
            "commission": fills["commission"],
            "slippage": (fills["price"] - opens[fills["bar"]]) * fills["amount"] + 0.0,
            "decided": index[fills["decided"]],
        },
        columns=list(FILL_COLUMNS),
    )
