"""How sure a number is: intervals that respect overlapping labels and days that hang together;
corrected Sharpe ratios.

Accuracies get a Wilson interval on the effective number of independent rows,
money a stationary bootstrap of days.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.errors import ConfigError
from cryptonn.units import counted

__all__ = [
    "DAYS_PER_YEAR",
    "LEVEL",
    "MIN_DAYS",
    "MIN_TRADES",
    "Interval",
    "Moments",
    "deflated_sharpe",
    "effective_sample_size",
    "expected_maximum_sharpe",
    "minimum_track_record",
    "moments",
    "probabilistic_sharpe",
    "ratio_interval",
    "resample_days",
    "return_intervals",
    "wilson_interval",
]

DAYS_PER_YEAR = 365
"""Crypto trades every day of the year."""
LEVEL = 0.95
"""Probability that an interval covers the true value."""
MIN_DAYS = 10
"""Fewer days than this give no bootstrap interval: they cannot show how days differ."""
MIN_TRADES = 10
"""Fewer trades than this give no break-even fee: it would tell one price move,
not what trading costs can be borne.
"""

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_EULER = 0.5772156649015329


@dataclass(frozen=True)
class Interval:
    """A range that covers the true value with a stated probability.

    ``low`` and ``high`` are NaN where no interval can be given;
    ``note`` then says why in plain words.
    """

    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Moments:
    """What a Sharpe ratio needs to know of per-period returns: ``kurtosis`` is not excess
    (3 for a normal).
    """

    sharpe: float
    skew: float
    kurtosis: float
    periods: int


def effective_sample_size(hits: npt.ArrayLike, *, horizon: int) -> float:
    """Count the independent rows that would give the mean of ``hits`` the same uncertainty.

    Labels ``horizon`` bars long overlap, so neighbouring hits are alike: N / (1 + 2 * sum over
    k < horizon of rho_k), never above N and at least N / horizon.

    Parameters
    ----------
    hits
        Shape (n,), one entry a bar in time order: 1 where the prediction was right, 0 where wrong,
        NaN where the row does not count. Such rows keep their place, so a lag is a lag in bars;
        rho_k is weighted by the share of rows that have a partner k bars on.
    horizon
        Bars a label looks ahead; hits further apart share no bar.

    >>> effective_sample_size([1, 0, 1, 1, 0, 0, 1, 0], horizon=1)
    8.0
    """
    values = np.asarray(hits, dtype=np.float64)
    counted = np.isfinite(values)
    rows = int(counted.sum())
    if rows == 0:
        return 0.0
    centred = np.where(counted, values - values[counted].mean(), 0.0)
    total = float(centred @ centred)
    if (
        total == 0.0
    ):  # all right or all wrong: the correlation is not measurable, so take the most cautious count
        return rows / horizon
    # Absent rows are zero in `centred`, so a product sum holds just the pairs that exist:
    # (pairs_k / rows) * rho_k.
    inflation = (
        1.0
        + 2.0
        * sum(float(centred[k:] @ centred[:-k]) for k in range(1, min(horizon, len(values))))
        / total
    )
    return float(np.clip(rows / max(inflation, 1e-12), rows / horizon, rows))


def wilson_interval(share: float, *, rows: float, level: float = LEVEL) -> Interval:
    """Return Wilson's score interval (1927) of a share seen in ``rows`` independent rows;
    ``rows`` may be fractional.

    >>> found = wilson_interval(0.5, rows=100)
    >>> round(found.low, 4), round(found.high, 4)
    (0.4038, 0.5962)
    """
    if rows <= 0 or not math.isfinite(share):
        return Interval(math.nan, math.nan, "no rows, so no interval")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = (
        z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    )
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def resample_days(series: npt.ArrayLike, *, resamples: int, seed: int) -> Indices:
    """Draw days with replacement in blocks: the stationary bootstrap (Politis & Romano 1994).

    The mean block length is chosen from ``series`` (Politis & White 2004, corrected by Patton,
    Politis & White 2009), held between one day and a third of the days.

    Parameters
    ----------
    series
        Shape (days,): the daily number whose dependence from day to day matters.

    Returns
    -------
    ndarray
        Shape (resamples, days): positions of the drawn days.
    """
    from arch.bootstrap import StationaryBootstrap

    if resamples < 1:
        raise ConfigError(
            f"resamples = {resamples}: the bootstrap needs at least 1; 1000 is usual."
        )
    values = np.asarray(series, dtype=np.float64)
    bootstrap = StationaryBootstrap(_block_length(values), values, seed=np.random.default_rng(seed))
    return np.array([bootstrap.update_indices() for _ in range(resamples)], dtype=np.int64)


def _block_length(values: Array) -> float:
    from arch.bootstrap import optimal_block_length

    if len(values) < MIN_DAYS or np.ptp(values) == 0.0:
        return 1.0
    with np.errstate(
        all="ignore"
    ):  # a constant stretch divides by zero inside; the NaN it gives is handled here
        length = float(optimal_block_length(values)["stationary"].iloc[0])
    return float(np.clip(length, 1.0, len(values) / 3)) if math.isfinite(length) else 1.0


def return_intervals(
    returns: pd.Series, *, resamples: int = 1000, seed: int = 0, level: float = LEVEL
) -> dict[str, Interval]:
    """Bootstrap days for the compounded return and the yearly Sharpe ratio.

    Parameters
    ----------
    returns
        Simple daily returns; a NaN day is left out.

    Returns
    -------
    dict
        Intervals named ``net_return`` and ``sharpe``. With fewer than ``MIN_DAYS`` days,
        or days that do not differ, they are undefined and the note says so.
    """
    values = returns.to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    refusal = _refusal(values)
    if refusal:
        return dict.fromkeys(("net_return", "sharpe"), Interval(math.nan, math.nan, refusal))
    drawn = values[resample_days(values, resamples=resamples, seed=seed)]
    mean = drawn.mean(axis=1)
    deviation = drawn.std(axis=1, ddof=1)
    sharpe = np.divide(
        mean, deviation, out=np.full_like(mean, np.nan), where=deviation > 0
    ) * math.sqrt(DAYS_PER_YEAR)
    return {
        "net_return": _percentiles(np.prod(1.0 + drawn, axis=1) - 1.0, level),
        "sharpe": _percentiles(sharpe, level),
    }


def ratio_interval(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """Bootstrap days for a ratio of two daily sums, both taken from the same drawn days.

    The break-even fee is such a ratio: gross return over what was traded.
    So is a mean over rows: sum over count.

    Parameters
    ----------
    numerator, denominator
        Shape (days,): the two sums of each day.
    """
    top = np.asarray(numerator, dtype=np.float64)
    bottom = np.asarray(denominator, dtype=np.float64)
    if not bottom.sum() > 0:
        return Interval(math.nan, math.nan, "nothing to divide by, so no interval")
    # Blocks follow the dependence of what moves the ratio: its linear part, top - ratio * bottom.
    influence = top - top.sum() / bottom.sum() * bottom
    refusal = _refusal(influence)
    if refusal:
        return Interval(math.nan, math.nan, refusal)
    days = resample_days(influence, resamples=resamples, seed=seed)
    tops = top[days].sum(axis=1)
    bottoms = bottom[days].sum(axis=1)
    return _percentiles(
        np.divide(tops, bottoms, out=np.full_like(tops, np.nan), where=bottoms > 0), level
    )


def _refusal(values: Array) -> str:
    if len(values) < MIN_DAYS:
        return (
            f"only {counted(len(values), 'day')}: too few for an interval, which needs {MIN_DAYS}"
        )
    return "the days do not differ, so no interval" if np.ptp(values) == 0.0 else ""


def _percentiles(values: Array, level: float) -> Interval:
    found = values[np.isfinite(values)]
    if len(found) == 0:
        return Interval(math.nan, math.nan, "undefined in every resample, so no interval")
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))


def moments(returns: npt.ArrayLike) -> Moments:
    """Measure per-period Sharpe ratio, skewness and kurtosis (not excess);
    NaN where the returns do not vary.
    """
    values = np.asarray(returns, dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2 or np.ptp(values) == 0.0:
        return Moments(math.nan, math.nan, math.nan, len(values))
    centred = values - values.mean()
    second, third, fourth = (float(np.mean(centred**order)) for order in (2, 3, 4))
    sharpe = float(values.mean() / values.std(ddof=1))
    return Moments(sharpe, third / second**1.5, fourth / second**2, len(values))


def probabilistic_sharpe(found: Moments, *, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above ``benchmark`` (Bailey & López
    de Prado 2012, eq. 11).

    Both Sharpe ratios are per period, not annualised.
    """
    if found.periods < 2 or not math.isfinite(found.sharpe):
        return math.nan
    z = (
        (found.sharpe - benchmark)
        * math.sqrt(found.periods - 1)
        / math.sqrt(_sharpe_variance(found))
    )
    return NormalDist().cdf(z)


def minimum_track_record(
    found: Moments, *, benchmark: float = 0.0, significance: float = 0.05
) -> float:
    """Return how many periods are needed before the Sharpe ratio is above ``benchmark``
    at that significance.

    Bailey & López de Prado 2012, eq. 13; infinite where the measured Sharpe ratio
    is not above ``benchmark``.
    """
    if not math.isfinite(found.sharpe):
        return math.nan
    if found.sharpe <= benchmark:
        return math.inf
    z = NormalDist().inv_cdf(1 - significance)
    return 1.0 + _sharpe_variance(found) * (z / (found.sharpe - benchmark)) ** 2


def _sharpe_variance(found: Moments) -> float:
    variance = 1.0 - found.skew * found.sharpe + (found.kurtosis - 1.0) / 4.0 * found.sharpe**2
    return max(variance, 1e-12)  # zero only for two-valued returns


def expected_maximum_sharpe(*, trials: int, variance: float) -> float:
    """Return the best Sharpe ratio that luck alone is expected to show in so many trials.

    Bailey & López de Prado 2014, eq. 1: ``variance`` is that of the Sharpe ratios over the trials,
    per period.
    """
    if trials < 1:
        raise ConfigError(f"trials = {trials}: count every setting that was tried, at least 1.")
    if trials == 1:
        return 0.0
    inverse = NormalDist().inv_cdf
    weighted = (1 - _EULER) * inverse(1 - 1 / trials) + _EULER * inverse(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * weighted


def deflated_sharpe(found: Moments, *, trials: int, variance: float | None = None) -> float:
    """Return the probability that the best of ``trials`` is better than luck (Bailey & López
    de Prado 2014, eq. 2).

    Without ``variance``, as where the other trials were not traded, it is that of trials without
    skill: the variance of a measured Sharpe ratio about a true one of 0, 1 / (periods - 1) (Bailey
    & López de Prado 2012).
    """
    if variance is None:
        variance = 1.0 / (found.periods - 1) if found.periods > 1 else 0.0
    return probabilistic_sharpe(
        found, benchmark=expected_maximum_sharpe(trials=trials, variance=variance)
    )
