"""Which rows train, which choose the epoch, and which are held out;
always in time order, always purged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from cryptonn.errors import DataError
from cryptonn.market.timerange import TimeRange

__all__ = ["Split", "split_rows"]


@dataclass(frozen=True)
class Split:
    """Row positions of each role; no label of one role reaches into a later one."""

    train: slice
    validation: slice
    test: dict[str, slice]


def split_rows(
    index: pd.DatetimeIndex,
    *,
    train: TimeRange,
    test: Mapping[str, TimeRange],
    validation: float,
    purge: int,
    lookback: int = 1,
) -> Split:
    """Divide the rows in time order.

    Parameters
    ----------
    index
        Times of the rows, increasing.
    train
        Range of train and validation rows.
    test
        Held-out ranges by name.
    validation
        Last share of the train range, for validation.
    purge
        Rows dropped before validation and before each test period: at least the horizon,
        since the label of row t looks at row t + horizon.
    lookback
        Bars the network sees before its first label; train must hold more.

    Raises
    ------
    DataError
        If a role gets too few rows; the message has the numbers.

    >>> index = pd.date_range("2018-01-01", periods=100, freq="min", tz="UTC")
    >>> split_rows(index, train=TimeRange(), test={}, validation=0.2, purge=5)
    Split(train=slice(0, 75, None), validation=slice(80, 100, None), test={})
    """
    first, last = _rows(index, train)
    held_out = {name: slice(*_rows(index, period)) for name, period in test.items()}
    start = last - round(validation * (last - first))
    end = min([last, *(rows.start - purge for rows in held_out.values())])
    split = Split(slice(first, max(start - purge, first)), slice(start, max(end, start)), held_out)
    _check(split, train, test, purge=purge, lookback=lookback)
    return split


def _rows(index: pd.DatetimeIndex, period: TimeRange) -> tuple[int, int]:
    first = 0 if period.start is None else int(index.searchsorted(period.start, side="left"))
    last = len(index) if period.end is None else int(index.searchsorted(period.end, side="left"))
    return first, last


def _check(
    split: Split, train: TimeRange, test: Mapping[str, TimeRange], *, purge: int, lookback: int
) -> None:
    rows = split.train.stop - split.train.start
    wanted = lookback + purge + 1
    if rows < wanted:
        raise DataError(
            f"train {train}: {rows:,} train rows are too few; a lookback of {lookback:,} "
            f"bars and a horizon or purge of {purge:,} need at least {wanted:,}. "
            "Take a longer range or a shorter lookback."
        )
    if split.validation.stop - split.validation.start < 2:
        raise DataError(
            f"train {train}: {split.validation.stop - split.validation.start} validation rows "
            f"are left of {rows:,} train rows after dropping {purge} before validation and before "
            "each test period. Take a longer range or a larger split.validation."
        )
    for name, period in split.test.items():
        if period.start >= period.stop:
            raise DataError(
                f"test period {name!r} ({test[name]}) holds no row. Choose a range the data cover."
            )
        if period.start < split.validation.start:
            raise DataError(
                f"test period {name!r} ({test[name]}) begins before the validation rows end. "
                "Move it later."
            )
