"""How good forecasts of a price are, beside persistence: saying that the price
stays where it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cryptonn.errors import DataError
from cryptonn.evaluation.rows import Array
from cryptonn.evaluation.significance import effective_sample_size, wilson_interval

__all__ = ["MEANINGS", "assess_forecasts", "forecast_sentence", "share_inside"]

MEANINGS = {
    "rows": "bars with a forecast whose price came",
    "rmse": "root of the mean squared error (price units)",
    "mae": "mean absolute error (price units)",
    "rmse_persistence": "the same of persistence, which says that the price stays (price units)",
    "mae_persistence": "the same of persistence (price units)",
    "rmse_ratio": (
        "root mean squared error over that of persistence; below 1 is better than saying nothing"
    ),
    "directions": "rows whose price moved and whose forecast named a direction",
    "directional_accuracy": "share of them whose direction was right; persistence names none",
    "directional_accuracy_low": "95 % interval (Wilson) on the effective rows, lower end",
    "directional_accuracy_high": "95 % interval (Wilson) on the effective rows, upper end",
    "base_rate_on_moves": (
        "share of the larger class, up or down, among them: what always saying the same gets"
    ),
    "dm_statistic": (
        "Diebold-Mariano statistic of the squared errors, corrected for few rows; "
        "negative is better than persistence"
    ),
    "dm_p_value": (
        "how often chance alone gives a statistic at least as far from 0 (two-sided, Student t)"
    ),
}
"""What each number of a forecast's assessment means, in the order of the table."""

_SURE = 0.05
"""A p-value below this is not put down to chance."""


@dataclass(frozen=True)
class _Rows:
    """Arrays of shape (n,), one entry a bar; a bar that does not count is NaN and keeps its place,
    so lags are bars.
    """

    error: Array
    """Predicted less actual price."""
    move: Array
    """Actual price less the close at the forecast: the error of persistence, but for its sign."""
    said: Array
    """Predicted price less that close."""


def assess_forecasts(rows: pd.DataFrame, *, horizon: int) -> dict[str, float]:
    """Measure forecasts of a price against what came, and against persistence.

    Parameters
    ----------
    rows
        One row a bar, consecutive, in time order. Columns ``close`` (at the forecast),
        ``predicted`` and ``actual`` (both ``horizon`` bars later), in price units;
        a row with a NaN is not counted.
    horizon
        Bars ahead.

    Returns
    -------
    dict
        One number a name of ``MEANINGS``; NaN where undefined, such as the test of a forecast
        against itself.

    Raises
    ------
    DataError
        If no row has a forecast and the price that came, or a forecast is infinite.
    """
    found = _rows_of(rows)
    counted = np.isfinite(found.error)
    error = found.error[counted]
    move = found.move[counted]
    statistic, p_value = _diebold_mariano(found.error**2 - found.move**2, horizon=horizon)
    rmse = _root_mean_square(error)
    rmse_persistence = _root_mean_square(move)
    numbers = {
        "rows": float(counted.sum()),
        "rmse": rmse,
        "mae": float(np.abs(error).mean()),
        "rmse_persistence": rmse_persistence,
        "mae_persistence": float(np.abs(move).mean()),
        "rmse_ratio": rmse / rmse_persistence if rmse_persistence > 0 else math.nan,
        "dm_statistic": statistic,
        "dm_p_value": p_value,
    }
    numbers |= _directions(found, horizon=horizon)
    return {name: numbers[name] for name in MEANINGS}


def share_inside(rows: pd.DataFrame, *, low: float, high: float) -> float:
    """Return the share of prices that came to lie inside the intervals of their forecasts;
    NaN if none came.

    Parameters
    ----------
    rows
        Columns ``predicted`` and ``actual``, in price units; a row with a NaN is not counted.
    low, high
        Ends of the interval: log moves from the predicted price.
    """
    error = np.log((rows["actual"] / rows["predicted"]).dropna().to_numpy(dtype=np.float64))
    return float(((error >= low) & (error <= high)).mean()) if len(error) else math.nan


def _rows_of(rows: pd.DataFrame) -> _Rows:
    close, predicted, actual = (
        rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in ("close", "predicted", "actual")
    )
    infinite = np.flatnonzero(np.isinf(predicted))
    if len(infinite):
        raise DataError(
            f"infinite forecasts: {len(infinite):,}, first at {rows.index[infinite[0]]}. "
            "Train again with a lower learning rate."
        )
    counted = np.isfinite(close) & np.isfinite(predicted) & np.isfinite(actual)
    if not counted.any():
        raise DataError(
            f"no forecast to assess: of {len(rows):,} rows {int(np.isnan(predicted).sum()):,} "
            f"have no forecast, {int(np.isnan(actual).sum()):,} end before the price it is about. "
            "Take a longer period: it must outlast lookback and horizon."
        )
    absent = np.where(counted, 0.0, np.nan)
    return _Rows(
        error=predicted - actual + absent,
        move=actual - close + absent,
        said=predicted - close + absent,
    )


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _directions(found: _Rows, *, horizon: int) -> dict[str, float]:
    named = np.isfinite(found.error) & (found.move != 0) & (found.said != 0)
    hits = np.where(named, (found.said > 0) == (found.move > 0), np.nan)
    count = int(named.sum())
    right = float(np.nansum(hits)) / count if count else math.nan
    interval = wilson_interval(right, rows=effective_sample_size(hits, horizon=horizon))
    ups = float((found.move[named] > 0).mean()) if count else math.nan
    return {
        "directions": float(count),
        "directional_accuracy": right,
        "directional_accuracy_low": interval.low,
        "directional_accuracy_high": interval.high,
        "base_rate_on_moves": max(ups, 1.0 - ups),
    }


def _diebold_mariano(difference: Array, *, horizon: int) -> tuple[float, float]:
    """Test whether losses of two forecasts differ on average (Diebold & Mariano 1995,
    "Comparing predictive accuracy").

    Forecasts ``horizon`` bars ahead overlap, so the long-run variance of their loss
    difference takes its first ``horizon`` - 1 autocovariances. Harvey, Leybourne & Newbold
    1997 ("Testing the equality of prediction mean squared errors") scale the statistic
    for few rows and take its quantiles from Student's t with n - 1 degrees of freedom.
    Where the sum of the autocovariances is not positive, as a variance must be,
    they get the weights of Newey & West 1987, with which it never is negative.

    Parameters
    ----------
    difference
        Shape (n,): loss of the first less loss of the second, in time order;
        NaN where a row does not count.

    Returns
    -------
    tuple
        Statistic, negative where the first has the smaller loss, and two-sided p-value;
        NaN where the losses do not differ or the rows are no more than ``horizon``.
    """
    from scipy.special import stdtr

    counted = np.isfinite(difference)
    rows = int(counted.sum())
    if rows <= max(horizon, 1):
        return math.nan, math.nan
    mean = float(difference[counted].mean())
    centred = np.where(counted, difference - mean, 0.0)
    variance = _long_run_variance(centred, rows=rows, horizon=horizon)
    if not variance > 0:
        return math.nan, math.nan
    correction = (rows + 1 - 2 * horizon + horizon * (horizon - 1) / rows) / rows
    statistic = mean / math.sqrt(variance / rows) * math.sqrt(correction)
    return statistic, 2.0 * float(stdtr(rows - 1, -abs(statistic)))


def _long_run_variance(centred: Array, *, rows: int, horizon: int) -> float:
    lags = range(1, min(horizon, len(centred)))
    own = float(centred @ centred) / rows
    shared = [float(centred[lag:] @ centred[:-lag]) / rows for lag in lags]
    total = own + 2.0 * sum(shared)
    if total > 1e-12 * own:
        return total
    return own + 2.0 * sum(
        (1.0 - lag / horizon) * value for lag, value in zip(lags, shared, strict=True)
    )


def forecast_sentence(scores: Mapping[str, float], *, persistence: str) -> str:
    """Say in plain words how forecasts compare with persistence, and whether chance explains it.

    Parameters
    ----------
    scores
        Of ``assess_forecasts``.
    persistence
        What persistence says, such as "tomorrow is like today".
    """
    ratio = scores["rmse_ratio"]
    if math.isnan(ratio):
        return (
            f"The price never moved, so no forecast can be better than saying that {persistence}."
        )
    chance = _chance(scores["dm_p_value"])
    return (
        f"The network's errors are {_size(ratio)} those of saying that "
        f"{persistence}{chance}.{_direction(scores)}"
    )


def _size(ratio: float) -> str:
    if ratio >= 2:
        return f"{ratio:,.1f} times"
    points = f"{abs(100 * (ratio - 1)):.1f}".removesuffix(".0")
    return (
        "as large as"
        if points == "0"
        else f"{points} % {'larger' if ratio > 1 else 'smaller'} than"
    )


def _chance(p_value: float) -> str:
    if math.isnan(p_value):
        return ""
    if p_value >= _SURE:
        return f", a difference that chance can explain (Diebold-Mariano test, p = {p_value:.2f})"
    said = "less than 0.1" if p_value < 0.001 else f"{100 * p_value:.2g}"
    return f", which chance alone brings about in {said} % of cases (Diebold-Mariano test)"


def _direction(scores: Mapping[str, float]) -> str:
    right, low, high = (scores[f"directional_accuracy{end}"] for end in ("", "_low", "_high"))
    if math.isnan(right):
        return " It names no direction."
    base = scores["base_rate_on_moves"]
    if low > base:
        words = f"more than always saying the same gets ({100 * base:.1f} %)"
    elif low > 0.5:
        words = (
            "more than a coin toss, but not clearly more than always saying the same "
            f"({100 * base:.1f} %)"
        )
    elif high < 0.5:
        words = "less than a coin toss"
    else:
        words = "which a coin toss could reach"
    span = f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    return f" It gets the direction of {100 * right:.1f} % of moves right ({span}), {words}."
