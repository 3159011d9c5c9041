"""Scaling of the features to mean 0 and deviation 1, fitted on train rows only."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError

__all__ = ["Scaler", "fit_scaler", "warm_up"]


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each feature over the train rows."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    clip: float
    """Values beyond this many standard deviations are cut to it; 0 cuts nothing."""

    def scale(self, features: pd.DataFrame) -> NDArray[np.float32]:
        """Return the scaled features, shape (rows, features), float32; NaN in the warm-up.

        Raises
        ------
        DataError
            If a value outside the warm-up is NaN or infinite.
        """
        warm_up(features)
        scaled = (features.to_numpy(dtype=np.float64) - np.array(self.mean)) / np.array(self.std)
        if self.clip:
            np.clip(scaled, -self.clip, self.clip, out=scaled)
        return np.asarray(scaled, dtype=np.float32)


def fit_scaler(features: pd.DataFrame, *, clip: float) -> Scaler:
    """Measure each feature on the train rows.

    Parameters
    ----------
    features
        Train rows only; rows of the warm-up (NaN at the start) are left out.
    clip
        Kept with the scaler, in standard deviations.

    Raises
    ------
    DataError
        If a feature is constant, or NaN or infinite outside the warm-up.
    """
    values = features.to_numpy(dtype=np.float64)[warm_up(features) :]
    mean = values.mean(axis=0)
    std = values.std(axis=0)
    flat = std <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
    if flat.any():
        names = ", ".join(repr(name) for name in features.columns[flat])
        raise DataError(
            f"constant over the {len(values):,} train rows from {features.index[0]} "
            f"to {features.index[-1]}: feature {names}. Take it out of [features] (in place "
            'of ta = ["all"], name the columns), take a longer train range, or look at the candles.'
        )
    return Scaler(mean=tuple(mean.tolist()), std=tuple(std.tolist()), clip=clip)


def warm_up(features: pd.DataFrame) -> int:
    """Return the number of first rows in which some feature has no value yet.

    Raises
    ------
    DataError
        If no row is complete, or a later value is NaN or infinite; names the column and the time.
    """
    values = features.to_numpy(dtype=np.float64)
    missing = np.isnan(values)
    first = (
        np.where(missing.all(axis=0), len(values), missing.argmin(axis=0))
        if len(values)
        else np.zeros(0, np.int64)
    )
    start = int(first.max(initial=0))
    if start >= len(values):
        names = [str(name) for name in features.columns[first >= len(values)]] or ["features"]
        raise DataError(
            f"{', '.join(names)}: no value in any of the {len(values):,} rows. Take a longer range."
        )
    bad = ~np.isfinite(values) & (np.arange(len(values))[:, None] >= first)
    if bad.any():
        row = int(bad.any(axis=1).argmax())
        column = int(bad[row].argmax())
        raise DataError(
            f"feature {features.columns[column]!r} is {values[row, column]} "
            f"at {features.index[row]} ({int(bad.sum()):,} such values). Features must be finite "
            "after their warm-up: look at the candles there, or take the column out of [features]."
        )
    return start
