"""Round trips: from flat to flat, with what each earned before and after costs."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.trading.result import TRADE_COLUMNS

__all__ = ["round_trips"]

Floats = npt.NDArray[np.float64]


def round_trips(
    fills: dict[str, npt.NDArray[Any]],
    *,
    index: pd.DatetimeIndex,
    opens: Floats,
    last_close: float,
    borrowed: Floats,
) -> pd.DataFrame:
    """Group fills into trades.

    Parameters
    ----------
    fills
        Columns bar, amount (signed), price, commission and units (position after the fill),
        each of shape (fills,).
    index
        Times of the bars.
    opens
        Open of each bar: the prices before any cost.
    last_close
        Marks a trade that is still open at the end.
    borrowed
        Borrow charged between each fill and the next, shape (fills,).

    Returns
    -------
    Table with the columns ``TRADE_COLUMNS``; see ``BacktestResult``.
    """
    if not len(fills["bar"]):
        return _empty(index)
    legs = _legs(fills, opens, borrowed)
    first = np.flatnonzero(legs["starts"])
    total = {name: np.add.reduceat(legs[name], first) for name in _SUMS}
    last = np.append(first[1:], len(legs["bar"])) - 1
    left = legs["after"][last]
    is_open = left != 0
    final_bar = np.where(is_open, len(index) - 1, legs["bar"][last])
    gross = left * last_close - total["at_open"]
    exit_units = np.where(is_open, total["sold"] + np.abs(left), total["sold"])
    exit_value = total["sold_value"] + np.where(is_open, np.abs(left) * last_close, 0.0)
    return pd.DataFrame(
        {
            "entry_time": index[legs["bar"][first]],
            "exit_time": index[final_bar],
            "side": np.where(legs["after"][first] > 0, "long", "short"),
            "amount": np.maximum.reduceat(np.abs(legs["after"]), first),
            "entry_price": total["bought_value"] / total["bought"],
            "exit_price": exit_value / exit_units,
            "gross": gross,
            "costs": total["costs"],
            "net": gross - total["costs"],
            "bars": final_bar - legs["bar"][first],
            "open": is_open,
        },
        columns=list(TRADE_COLUMNS),
    )


_SUMS = ("at_open", "costs", "bought", "bought_value", "sold", "sold_value")


def _legs(
    fills: dict[str, npt.NDArray[Any]], opens: Floats, borrowed: Floats
) -> dict[str, npt.NDArray[Any]]:
    """Cut a fill that crosses zero in two, so that each leg belongs to one trade.

    "bought" are units that open or enlarge the position, "sold" units that close or reduce it,
    whatever the side.
    """
    after = fills["units"]
    before = np.concatenate([[0.0], after[:-1]])
    crosses = before * after < 0
    row = np.repeat(np.arange(len(after)), 1 + crosses)
    closing = np.zeros(len(row), dtype=bool)
    closing[np.flatnonzero(crosses) + np.arange(crosses.sum())] = True
    opening = np.concatenate([[False], closing[:-1]])
    leg_before = np.where(opening, 0.0, before[row])
    leg_after = np.where(closing, 0.0, after[row])
    amount = np.where(closing | opening, leg_after - leg_before, fills["amount"][row])
    share = np.abs(amount) / np.abs(fills["amount"][row])
    price = fills["price"][row]
    at_open = opens[fills["bar"][row]]
    size = np.abs(amount)
    enlarges = np.where(leg_before == 0, True, amount * leg_before > 0)
    return {
        "bar": fills["bar"][row],
        "after": leg_after,
        "starts": leg_before == 0,
        "at_open": amount * at_open,
        "costs": fills["commission"][row] * share
        + (price - at_open) * amount
        + np.where(closing, 0, borrowed[row]),
        "bought": np.where(enlarges, size, 0.0),
        "bought_value": np.where(enlarges, size * price, 0.0),
        "sold": np.where(enlarges, 0.0, size),
        "sold_value": np.where(enlarges, 0.0, size * price),
    }


def _empty(index: pd.DatetimeIndex) -> pd.DataFrame:
    kinds: dict[str, Any] = dict.fromkeys(TRADE_COLUMNS, "float64")
    kinds |= {
        "entry_time": index.dtype,
        "exit_time": index.dtype,
        "side": "str",
        "bars": "int64",
        "open": "bool",
    }
    return pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in TRADE_COLUMNS})
