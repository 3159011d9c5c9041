"""Windows on the feature rows: views that copy nothing, each named by its last bar."""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["sequence_starts", "window_times", "window_view"]


def window_view(values: NDArray[np.float32], lookback: int) -> NDArray[np.float32]:
    """Show every stretch of ``lookback`` rows, without copying.

    Parameters
    ----------
    values
        Shape (rows, features).
    lookback
        Rows in a window.

    Returns
    -------
    ndarray
        Read-only view, shape (rows - lookback + 1, lookback, features);
        window i ends with row i + lookback - 1.
    """
    return sliding_window_view(values, lookback, axis=0).transpose(0, 2, 1)


def window_times(index: pd.DatetimeIndex, lookback: int) -> pd.DatetimeIndex:
    """Return the name of each window: the time of its last bar."""
    return index[lookback - 1 :]


def sequence_starts(
    rows: int, *, lookback: int, sequence: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Place training sequences one after another, from a random offset on, in random order.

    A sequence that starts at row s sees rows s … s + lookback + sequence - 1 and is labelled
    on the last ``sequence`` of them, so an epoch labels every row at most once and,
    but for less than one sequence at either end, exactly once.

    Parameters
    ----------
    rows
        Rows that may be seen; at least ``lookback + sequence``.

    >>> sorted(sequence_starts(30, lookback=10, sequence=10, rng=np.random.default_rng(0)).tolist())
    [8]
    """
    room = rows - lookback - sequence
    offset = int(rng.integers(0, min(sequence - 1, room) + 1))
    starts = np.arange(offset, room + 1, sequence, dtype=np.int64)
    rng.shuffle(starts)
    return starts
