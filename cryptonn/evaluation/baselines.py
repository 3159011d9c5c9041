"""The simpler model the network must beat: a logistic regression on the last few bars."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.errors import ConfigError, DataError
from cryptonn.learning.splits import Split

__all__ = ["LAGS", "logistic_baseline"]

LAGS = 10
"""Bars the baseline sees."""

Cube = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_CHUNK = 100_000
_MIN_ROWS = 100


def logistic_baseline(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    split: Split,
    *,
    lags: int = LAGS,
    clip: float = 5.0,
    scaling: Literal["standard", "window"] = "standard",
    weights: pd.Series | None = None,
) -> pd.Series:
    """Fit a logistic regression on the train rows and return P(up) of every row.

    Row t sees each feature at t, t - 1, … t - lags + 1. As for the network, the scale comes
    from the train rows only.

    Parameters
    ----------
    features
        Unscaled features, index time; NaN in the warm-up.
    labels
        Column ``label`` (1.0, 0.0, NaN for a row that is not to be learnt); same index.
    split
        Row positions; only ``split.train`` is fitted on.
    lags
        Bars seen.
    clip
        Scaled values beyond this many standard deviations are cut to it; 0 cuts nothing.
    scaling
        With "window" each feature first goes from -1 (lowest) to 1 (highest) over the lags
        of a row, 0 if it is flat.
    weights
        Weight of each train row in the fit, by time. A row of weight 0, or without one,
        is left out.

    Returns
    -------
    Series
        ``proba`` on the index of ``features``; NaN where a lag is missing.

    Raises
    ------
    DataError
        If fewer than 100 train rows are complete, their labels are all the same,
        or a feature is infinite.
    ConfigError
        If ``lags`` is below 1.
    """
    from sklearn.linear_model import LogisticRegression

    if lags < 1:
        raise ConfigError(f"lags = {lags}: the baseline must see at least 1 bar.")
    values = features.to_numpy(dtype=np.float64)
    _check_finite(features, values)
    weight = np.ones(len(values)) if weights is None else _aligned(weights, features.index)
    rows = _fit_rows(values, labels, split, lags=lags, weight=weight)
    train = _lagged(values, rows, lags=lags, scaling=scaling)
    label = labels["label"].to_numpy(dtype=np.float64)[rows] > 0.5
    _check_labels(label)
    mean = train.mean(axis=0)
    deviation = train.std(axis=0)
    deviation[deviation <= 1e-12 * np.abs(mean)] = (
        1.0  # a constant feature: rounding alone must not be blown up
    )
    scaled = _scaled(train, mean, deviation, clip=clip)
    model = LogisticRegression(max_iter=1000, tol=1e-6).fit(
        scaled, label, sample_weight=weight[rows]
    )
    proba = np.full(len(values), np.nan)
    complete = _complete(values, lags=lags)
    for part in np.array_split(complete, max(1, len(complete) // _CHUNK)):
        if len(part):
            seen = _scaled(
                _lagged(values, part, lags=lags, scaling=scaling), mean, deviation, clip=clip
            )
            proba[part] = model.predict_proba(seen)[:, 1]
    return pd.Series(proba, index=features.index, name="proba")


def _aligned(series: pd.Series, index: pd.Index) -> Vector:
    given = series if series.index.equals(index) else series.reindex(index)
    return given.to_numpy(dtype=np.float64, na_value=np.nan)


def _fit_rows(
    values: Matrix, labels: pd.DataFrame, split: Split, *, lags: int, weight: Vector
) -> npt.NDArray[np.int64]:
    usable = np.isfinite(labels["label"].to_numpy(dtype=np.float64, na_value=np.nan)) & (weight > 0)
    rows = _complete(values, lags=lags)
    start, stop, _ = split.train.indices(len(values))
    rows = rows[(rows >= start) & (rows < stop)]
    found: npt.NDArray[np.int64] = rows[usable[rows]]
    return found


def _complete(values: Matrix, *, lags: int) -> npt.NDArray[np.int64]:
    """Return the rows whose every lag is there."""
    missing = np.concatenate([[0], np.cumsum(np.isnan(values).any(axis=1))])
    rows = np.arange(lags - 1, max(len(values), lags - 1), dtype=np.int64)
    whole: Mask = missing[rows + 1] == missing[rows + 1 - lags]
    found: npt.NDArray[np.int64] = rows[whole]
    return found


def _lagged(values: Matrix, rows: npt.NDArray[np.int64], *, lags: int, scaling: str) -> Matrix:
    seen = np.empty(
        (len(rows), lags * values.shape[1]), dtype=np.float64
    )  # (rows, lags x features), newest first
    for lag in range(lags):
        seen[:, lag * values.shape[1] : (lag + 1) * values.shape[1]] = values[rows - lag]
    if scaling == "window":
        _scale_windows(seen.reshape(len(rows), lags, values.shape[1]))
    return seen


def _scale_windows(seen: Cube) -> None:
    """Scale each feature of each window, (rows, lags, features), to [-1, 1] in place;
    a flat one to 0.
    """
    for part in np.array_split(seen, max(1, len(seen) // _CHUNK)):
        low, high = part.min(axis=1, keepdims=True), part.max(axis=1, keepdims=True)
        part -= (low + high) / 2
        part /= np.where(high > low, (high - low) / 2, 1.0)


def _scaled(seen: Matrix, mean: Vector, deviation: Vector, *, clip: float) -> Matrix:
    """Scale in place: the matrix was made here, and a second one would double the memory."""
    seen -= mean
    seen /= deviation
    return np.clip(seen, -clip, clip, out=seen) if clip else seen


def _check_finite(features: pd.DataFrame, values: Matrix) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        row, column = (int(place[0]) for place in np.nonzero(infinite))
        raise DataError(
            f"feature {features.columns[column]!r} is infinite at {features.index[row]} "
            f"({int(infinite.sum()):,} such values). Choose another feature: per-cent changes "
            "of volume are infinite after an untraded minute."
        )


def _check_labels(label: npt.NDArray[np.bool_]) -> None:
    if len(label) < _MIN_ROWS:
        raise DataError(
            f"only {len(label):,} train rows have a label and all their lags; "
            f"the logistic baseline needs {_MIN_ROWS}. Train on a longer range."
        )
    if label.all() or not label.any():
        raise DataError(
            f"constant label: all {len(label):,} train rows are {'up' if label.all() else 'down'}. "
            "Train on a longer range, or check the candles."
        )
