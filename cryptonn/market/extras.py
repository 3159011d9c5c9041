"""What Binance's kline files say of a bar besides its candle: money moved, number of trades,
what takers bought.

A table of extras has the columns of ``EXTRAS`` (float64) and stands beside a candle table,
on the same times.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cryptonn.errors import DataError
from cryptonn.market.bars import time_index, timeframe_delta
from cryptonn.units import counted

__all__ = ["EXTRAS", "check_extras", "on_grid", "summed"]

EXTRAS = ("quote_volume", "trades", "taker_base", "taker_quote")
"""Volume in quote; number of trades; what takers bought, in base and in quote."""

_WHOLES = {"taker_base": "volume", "taker_quote": "quote_volume"}
"""A part, and what it cannot exceed."""
_ROUNDING = 1e-9
"""Share by which a part may exceed its whole."""


def check_extras(rows: pd.DataFrame, *, source: str) -> None:
    """Refuse extras that no market can have made.

    Parameters
    ----------
    rows
        ``volume`` and ``EXTRAS``, indexed by the line of the file.
    source
        The file, for the error.

    Raises
    ------
    DataError
        If a value is missing, infinite or negative, or takers bought more than was traded.
    """
    for field in EXTRAS:
        values = rows[field].to_numpy()
        most = (
            rows[_WHOLES[field]].to_numpy() * (1 + _ROUNDING)
            if field in _WHOLES
            else np.finfo(np.float64).max
        )
        bad = ~((values >= 0) & (values <= most))
        if bad.any():
            row = rows.iloc[int(bad.argmax())]
            raise DataError(
                f"{source}: {counted(int(bad.sum()), 'row')} with an impossible {field}, "
                f"first in row {row.name}: {_explain(row, field)}. Mend or delete the row, "
                "or do without the extras (extras = false)."
            )


def _explain(row: "pd.Series[float]", field: str) -> str:
    value = float(row[field])
    if not np.isfinite(value):
        return f"it is {'missing' if np.isnan(value) else 'infinite'}"
    if value < 0:
        return f"{value:g} is negative"
    return f"{value:.12g} is above {_WHOLES[field]} {row[_WHOLES[field]]:.12g}"


def summed(extras: pd.DataFrame, *, times: pd.DatetimeIndex, timeframe: str) -> pd.DataFrame:
    """Add up the extras of the rows in each bar; ``times`` are the opens of bars
    that hold a row at least.
    """
    return extras.groupby(time_index(extras).floor(timeframe_delta(timeframe))).sum().loc[times]


def on_grid(extras: Mapping[str, pd.DataFrame], times: pd.DatetimeIndex) -> pd.DataFrame:
    """Put the extras of several symbols on one grid, columns (symbol, field);
    in an absent bar all of them are 0.
    """
    tables = {symbol: table.reindex(times, fill_value=0.0) for symbol, table in extras.items()}
    return pd.concat(tables, axis=1, names=["symbol", "field"])
