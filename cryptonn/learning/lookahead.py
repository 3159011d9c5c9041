"""Which columns of ``ta`` look ahead, found by experiment: other later bars must leave
the earlier values alone.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.learning.indicators import ta_columns
from cryptonn.market.bars import FIELDS

__all__ = ["looking_ahead"]

_CUTS = (2, 20)
"""Besides the middle: bars from which on the prices are others.

Only an early cut shows a value that is filled back over the first few bars,
as that of the parabolic SAR.
"""
_FEWEST = 200

_MEAN = "the close before the first bar is taken to be the mean of all closes"
_MOVED = "a line moved forward; the gap before it is filled with its mean over the whole series"
_BACK = "before its first value stands its first value"
_WHY = {
    **dict.fromkeys(
        ("trend_vortex_ind_pos", "trend_vortex_ind_neg", "trend_vortex_ind_diff"), _MEAN
    ),
    "trend_trix": (
        "the smoothed close before the first bar is taken to be its mean over the whole series"
    ),
    "trend_dpo": "closes from before the first bar are taken to be the mean of all closes",
    **dict.fromkeys(
        ("trend_kst", "trend_kst_sig", "trend_kst_diff"),
        "the first rates of change are from that mean",
    ),
    **dict.fromkeys(("trend_visual_ichimoku_a", "trend_visual_ichimoku_b"), _MOVED),
    "momentum_kama": (
        "the first bars are compared with the last bars of the table; the average forgets it slowly"
    ),
    **dict.fromkeys(("trend_psar_up", "trend_psar_down"), _BACK),
}
"""Read in the source of ta 0.11."""


def looking_ahead(candles: pd.DataFrame) -> pd.DataFrame:
    """Name the columns of ``ta`` whose early values change when later bars do.

    From a bar on every price and volume is doubled; a column that changes before that bar has
    looked ahead. Doubling tells the same as cutting the later bars off, and may begin at the second
    bar, where ``ta`` fails on so few rows.

    Parameters
    ----------
    candles
        A candle table of at least 200 bars.

    Returns
    -------
    DataFrame
        One row a column that looks ahead: ``column``; ``plain`` and ``filled``,
        whether it does with ``fillna=False`` and ``fillna=True``; ``first_row`` and ``last_row``,
        the rows that change, counted from 0, filled; ``reason``.

    Raises
    ------
    DataError
        If there are fewer than 200 bars.
    """
    if len(candles) < _FEWEST:
        raise DataError(
            f"{len(candles)} bars are too few to see which indicators look ahead: "
            f"give {_FEWEST} or more."
        )
    plain, filled = (_changed(candles, fillna=fillna) for fillna in (False, True))
    rows = [(name, plain[name].any(), filled[name].any(), filled[name]) for name in filled]
    table = [
        {
            "column": name,
            "plain": bool(seen),
            "filled": bool(later),
            **_extent(changed),
            "reason": _WHY.get(name, ""),
        }
        for name, seen, later, changed in rows
        if seen or later
    ]
    return pd.DataFrame(
        table, columns=["column", "plain", "filled", "first_row", "last_row", "reason"]
    )


def _changed(candles: pd.DataFrame, *, fillna: bool) -> dict[str, NDArray[np.bool_]]:
    """Return for each column which rows change, by whichever cut, (rows,)."""
    whole = ta_columns(candles, fillna=fillna)
    changed = np.zeros(whole.shape, dtype=bool)
    for cut in (*_CUTS, len(candles) // 2):
        other = candles[list(FIELDS)].copy()
        other.iloc[cut:] *= 2
        before = whole.iloc[:cut]
        after = ta_columns(other, fillna=fillna).iloc[:cut]
        changed[:cut] |= ~np.isclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True)
    return {str(name): changed[:, place] for place, name in enumerate(whole.columns)}


def _extent(changed: NDArray[np.bool_]) -> dict[str, int]:
    rows = np.flatnonzero(changed)
    return (
        {"first_row": int(rows[0]), "last_row": int(rows[-1])}
        if len(rows)
        else {"first_row": -1, "last_row": -1}
    )
