"""The tables behind the validation figures: confusion, reliability, histogram
of the probabilities.
"""

import numpy as np
import pandas as pd

from cryptonn.evaluation.rows import Rows
from cryptonn.evaluation.significance import wilson_interval

__all__ = ["confusion_table", "histogram_table", "reliability_table"]

_RELIABILITY_BINS = 20
_HISTOGRAM_BINS = (10, 60)
"""Fewest and most; in between as many as the square root of the rows."""


def confusion_table(rows: Rows) -> pd.DataFrame:
    """Count the moves: index ``true`` (down, up), columns ``predicted`` (down, up)."""
    up = rows.move[rows.moved] > 0
    said = rows.predicted_up[rows.moved]
    counts = np.bincount(2 * up + said, minlength=4).reshape(2, 2)
    names = ["down", "up"]
    return pd.DataFrame(
        counts, index=pd.Index(names, name="true"), columns=pd.Index(names, name="predicted")
    )


def reliability_table(rows: Rows, *, effective_share: float) -> pd.DataFrame:
    """Compare probability and share of ups in quantile bins; ``effective_share`` of a bin's
    moves are independent.
    """
    proba = rows.proba[rows.moved]
    up = rows.move[rows.moved] > 0
    edges = np.unique(np.quantile(proba, np.linspace(0, 1, _RELIABILITY_BINS + 1)))
    bins = np.searchsorted(edges[1:-1], proba, side="right")
    count = np.bincount(bins)
    count, total, ups = (
        values[count > 0] for values in (count, np.bincount(bins, proba), np.bincount(bins, up))
    )
    share = ups / count
    near = [
        wilson_interval(float(s), rows=float(n) * effective_share)
        for s, n in zip(share, count, strict=True)
    ]
    return pd.DataFrame(
        {
            "proba": total / count,
            "share_up": share,
            "count": count,
            "low": [interval.low for interval in near],
            "high": [interval.high for interval in near],
        }
    )


def histogram_table(rows: Rows) -> pd.DataFrame:
    """Count the probabilities of true ups and true downs; the edges are symmetric about one half.

    Returns
    -------
    DataFrame
        10 to 60 bins, the more the more moves there are: bin_low, bin_high, ups, downs.
    """
    proba = rows.proba[rows.moved]
    up = rows.move[rows.moved] > 0
    half = float(np.abs(proba - 0.5).max()) or 0.5
    bins = 2 * round(
        float(np.clip(np.sqrt(len(proba)), *_HISTOGRAM_BINS)) / 2
    )  # even, so that 0.5 is an edge
    edges = np.linspace(0.5 - half, 0.5 + half, bins + 1)
    # rounding must drop nobody
    edges[0] = min(edges[0], proba.min())
    edges[-1] = max(edges[-1], proba.max())
    ups, downs = (np.histogram(proba[mask], bins=edges)[0] for mask in (up, ~up))
    return pd.DataFrame({"bin_low": edges[:-1], "bin_high": edges[1:], "ups": ups, "downs": downs})
