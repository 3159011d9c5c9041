"""A regression: what its network is taught, and how its number becomes a move,
a price and a probability.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError, ModelError

__all__ = ["FURTHEST", "Regression", "cut_words", "fit_regression", "targets_of"]

Array = NDArray[np.float64]
Kind = Literal["return", "price"]

FURTHEST = math.log(100)
"""No forecast lies further from the close, as a log move: beyond a hundredfold or a hundredth,
which no horizon of ours sees, it counts as that. So a price of 0 or below has a logarithm,
and no forecast is infinite.
"""

_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Regression:
    """How the number of a network with a linear output is read: its target was standardised
    over the train rows.
    """

    kind: Kind
    """Target: the log move to the close ``horizon`` bars later, or that close itself."""
    mean: float
    """Of the target over the train rows."""
    std: float
    """Of the target over the train rows, above 0."""
    error: float = math.nan
    """Root of the mean square of actual less predicted log move over the validation rows,
    a bias included; NaN until it is measured.
    """
    low: float = math.nan
    """2.5 % quantile of that error."""
    high: float = math.nan
    """97.5 % quantile of that error."""

    def standardised(self, target: Array) -> Array:
        """Return what the network is taught: mean 0 and deviation 1 over the train rows."""
        return (target - self.mean) / self.std

    def moves(self, number: Array, *, close: Array | None = None) -> Array:
        """Turn the network's numbers into predicted log moves, none further than ``FURTHEST``;
        NaN stays NaN.

        ``close``, the price at each prediction, is needed where the network says a price.
        """
        target = self.mean + self.std * np.asarray(number, dtype=np.float64)
        if self.kind == "return":
            return np.clip(target, -FURTHEST, FURTHEST)
        if close is None:
            raise ModelError("the network says a price: give the closes to turn it into a move.")
        share = target / close
        return np.log(np.clip(share, math.exp(-FURTHEST), math.exp(FURTHEST)))

    def measured(self, errors: Array) -> "Regression":
        """Take error and interval from actual less predicted log moves of the validation rows;
        NaN is left out.

        Raises
        ------
        DataError
            If fewer than two are known, or they do not vary: a probability has no scale then.
        """
        known = errors[np.isfinite(errors)]
        spread = float(known.std()) if len(known) > 1 else 0.0
        if spread <= 1e-12 * float(np.abs(known).max(initial=1e-300)):
            raise DataError(
                f"the errors of the forecast do not vary over the {len(known):,} "
                "validation rows with a known price: no probability follows from them. "
                "Take a longer train range or a larger split.validation."
            )
        error = math.sqrt(float(np.mean(known**2)))
        low, high = np.quantile(known, _TAILS)
        return replace(self, error=error, low=float(low), high=float(high))

    def proba(self, move: Array) -> Array:
        """Return P(up) = Φ(move / error), with Φ the normal distribution:
        sign and order of the moves stay.
        """
        from scipy.special import ndtr

        return np.asarray(ndtr(move / self.error), dtype=np.float64)

    def prices(self, move: Array, *, close: Array) -> Array:
        """Return the predicted price: the close moved on."""
        return close * np.exp(move)

    def interval(self, price: float) -> tuple[float, float]:
        """Return the bounds of a predicted price that held 95 % of the prices to come over
        the validation rows.
        """
        return price * math.exp(self.low), price * math.exp(self.high)


def targets_of(labels: pd.DataFrame, close: pd.Series | None, *, kind: Kind) -> pd.Series:
    """Return what a regression predicts at each bar; NaN where the later close is not known.

    Parameters
    ----------
    labels
        Of ``make_labels``.
    close
        On the same index; needed for the kind "price".
    """
    if kind == "return":
        return labels["move"].rename("target")
    if close is None:
        raise ModelError('labels.kind = "price": give fit_model the closes.')
    price: pd.Series = close * np.exp(labels["move"])
    return price.rename("target")


def fit_regression(target: pd.Series, *, kind: Kind) -> Regression:
    """Measure the target on the train rows; rows without one are left out.

    Raises
    ------
    DataError
        If the target is constant.
    """
    values = target.dropna().to_numpy(dtype=np.float64)
    mean, std = (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)
    if std <= 1e-12 * max(abs(mean), 1e-300):
        raise DataError(
            f"constant target: the {kind} to predict is the same in all {len(values):,} train "
            f"rows from {target.index[0]} to {target.index[-1]}. Take a longer train range, "
            "or look at the candles."
        )
    return Regression(kind=kind, mean=mean, std=std)


def cut_words(forecasts: pd.DataFrame) -> list[str]:
    """Say how many forecasts (columns predicted, close) were cut to ``FURTHEST``;
    nothing where none was.
    """
    moves = np.log(forecasts["predicted"].to_numpy() / forecasts["close"].to_numpy())
    cut = int((np.abs(moves) > FURTHEST - 1e-9).sum())
    if not cut:
        return []
    return [
        f"{cut:,} of {len(moves):,} forecasts lay below a hundredth or above the hundredfold "
        "of the price and were cut to that: the network says nothing of use there."
    ]
