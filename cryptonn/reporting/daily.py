"""What daily returns say: yearly figures on 365 days, drawdowns, months."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.evaluation.significance import DAYS_PER_YEAR

__all__ = ["MONTHS", "daily_metrics", "drawdowns", "monthly_table"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Array = npt.NDArray[np.float64]


def daily_metrics(returns: pd.Series) -> dict[str, float]:
    """Return the yearly figures of simple daily returns; NaN where too few days or no variation
    leave them undefined.

    The risk-free rate is zero. Sharpe divides by the sample deviation, Sortino by the root mean
    square of the losses over all days; ``annual_return`` is compounded; ``calmar`` divides it by
    the deepest drawdown.
    """
    values = returns.to_numpy(dtype=np.float64)
    mean = float(values.mean()) if len(values) else math.nan
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    downside = math.sqrt(float(np.mean(np.minimum(values, 0.0) ** 2))) if len(values) else math.nan
    annual = _annual_return(values)
    worst = drawdowns(returns, count=1)
    depth = float(worst["depth"].iloc[0]) if len(worst) else 0.0
    root = math.sqrt(DAYS_PER_YEAR)
    return {
        "sharpe": _ratio(mean, deviation) * root,
        "sortino": _ratio(mean, downside) * root,
        "annual_return": annual,
        "annual_volatility": deviation * root,
        "max_drawdown": depth,
        "max_drawdown_days": int(worst["days"].iloc[0]) if len(worst) else 0,
        "calmar": _ratio(annual, -depth),
        "best_day": float(values.max()) if len(values) else math.nan,
        "worst_day": float(values.min()) if len(values) else math.nan,
    }


def drawdowns(returns: pd.Series, *, count: int = 5) -> pd.DataFrame:
    """List the deepest drawdowns.

    A drawdown lasts from a peak of the compounded daily returns to the first day back at that peak;
    the peaks start with the starting cash, at the end of the day before the first.

    Parameters
    ----------
    returns
        Simple daily returns on a daily index.
    count
        At most so many rows.

    Returns
    -------
    DataFrame
        Deepest first: ``start`` (day of the peak), ``trough``, ``recovery`` (NaT while it lasts),
        ``depth`` (≤ 0), ``days`` (from the start to the recovery, or to the last day).
    """
    index = pd.DatetimeIndex(returns.index)
    days = index.insert(0, index[0] - pd.Timedelta(days=1)) if len(index) else index
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + returns.to_numpy(dtype=np.float64))])
    below = wealth / np.maximum.accumulate(wealth) - 1.0
    edges = np.diff(np.concatenate([[False], below < 0, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1) - 1, np.flatnonzero(edges == -1)
    troughs = np.array(
        [a + int(below[a:b].argmin()) for a, b in zip(starts, ends, strict=True)], dtype=np.int64
    )
    lasts = days[np.minimum(ends, len(index))]
    table = pd.DataFrame(
        {
            "start": days[starts],
            "trough": days[troughs],
            "recovery": lasts.where(ends <= len(index)),
            "depth": below[troughs],
            "days": (lasts - days[starts]).days,
        }
    )
    return table.sort_values("depth", kind="stable").head(count).reset_index(drop=True)


def monthly_table(returns: pd.Series) -> pd.DataFrame:
    """Compound daily returns to months and years.

    Returns
    -------
    DataFrame
        Index ``year``; columns Jan to Dec and ``Year``; NaN for a month without a day.
    """
    index = pd.DatetimeIndex(returns.index)
    growth = pd.Series(1.0 + returns.to_numpy(dtype=np.float64))
    years = index.year.rename("year")
    months = index.month
    table = pd.DataFrame({"year": years, "month": months, "growth": growth})
    table = table.pivot_table(index="year", columns="month", values="growth", aggfunc="prod")
    table = table.reindex(columns=range(1, 13)).set_axis(list(MONTHS), axis=1)
    return table.assign(Year=growth.groupby(years).prod()) - 1.0


def _annual_return(values: Array) -> float:
    if not len(values):
        return math.nan
    final = float(np.prod(1.0 + values))
    return -1.0 if final <= 0 else _compound(math.log(final) * DAYS_PER_YEAR / len(values))


def _compound(log_growth: float) -> float:
    return math.expm1(log_growth) if log_growth < 700 else math.inf


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan
