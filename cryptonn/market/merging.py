"""Two tables of one symbol's bars made into one: bars both have must be the same,
or it is said which differ.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cryptonn.market.bars import time_text

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, eq=False)
class Merged:
    """What ``merge`` made, and how the tables agreed."""

    candles: pd.DataFrame
    """Oldest first; the newer table's values where the two differ."""
    added: int
    """Bars that only the newer table has."""
    identical: int
    """Bars both have, with the same values."""
    differing: int
    """Bars both have, with other values."""
    first: tuple[str, str, float, float] | None
    """Of the first that differs: time, field, older value, newer value."""
    times: pd.DatetimeIndex
    """Of the bars that differ."""


def merge(old: pd.DataFrame, new: pd.DataFrame) -> Merged:
    """Merge two candle tables, or two tables of the same columns with extras beside the candles."""
    common = old.index.intersection(new.index)
    before = old.loc[common]
    after = new.loc[common]
    differs = np.asarray((before.to_numpy() != after.to_numpy()).any(axis=1))
    number = int(differs.sum())
    return Merged(
        candles=pd.concat([old[~old.index.isin(common)], new]).sort_index(),
        added=len(new) - len(common),
        identical=len(common) - number,
        differing=number,
        first=_first(before, after, row=int(differs.argmax())) if number else None,
        times=pd.DatetimeIndex(common[differs]),
    )


def _first(before: pd.DataFrame, after: pd.DataFrame, *, row: int) -> tuple[str, str, float, float]:
    one = before.iloc[row]
    other = after.iloc[row]
    field = next(str(field) for field in before.columns if one[field] != other[field])
    return time_text(before.index[row]), field, float(one[field]), float(other[field])
