"""Figures of money: equity with and without fees, the fee sweep, drawdown,
and the monthly table.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from cryptonn.evaluation.significance import MIN_TRADES
from cryptonn.reporting.fees import break_even, cheapest, costliest, fee_sweep
from cryptonn.reporting.formatting import bp, percent, signed_percent, slug
from cryptonn.reporting.picture import (
    BENCHMARK,
    DOWN,
    INK,
    MUTED,
    UP,
    Picture,
    canvas,
    date_axis,
    fee_color,
    legend_above,
    picture,
    thin,
)
from cryptonn.trading.result import BacktestResult
from cryptonn.units import BP

__all__ = [
    "HELD",
    "buy_and_hold",
    "daily_returns",
    "draw_drawdown",
    "draw_equity",
    "draw_fee_sweep",
    "fee_words",
    "monthly_returns",
]

HELD = "buy and hold, all in, no costs"
"""How the benchmark is named, to tell it from a strategy that buys, holds and pays."""
_SHARE_NEEDING_LOG = 4.0
"""Highest over lowest equity from which a linear axis hides too much."""
_LABELS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (1.5, (1, 1.5, 2, 3, 5, 7)),
    (3.0, (1, 2, 5)),
    (math.inf, (1,)),
)
"""Multiples of a power of ten that are labelled on an axis of at most so many decades."""
_FLOOR = 1e-6
"""Equity below this multiple of the start is drawn here: gone is gone."""


def fee_words(fees: str) -> str:
    """Name a fee scenario in a legend."""
    return {"none": "no fee", "taker+slippage": "taker + slippage"}.get(fees, fees)


def buy_and_hold(candles: pd.DataFrame, *, cash: float) -> pd.Series:
    """Return the equity of buying at the first open with everything and holding,
    without any cost.
    """
    return pd.Series(candles["close"] / candles["open"].iloc[0] * cash)


def daily_returns(equity: pd.Series, *, cash: float) -> pd.Series:
    """Return simple daily UTC returns; the first day counts from the starting cash."""
    ends = equity.groupby(pd.DatetimeIndex(equity.index).floor("D")).last()
    return ends / ends.shift(1, fill_value=cash) - 1


def draw_equity(
    results: Sequence[BacktestResult],
    held: pd.Series,
    *,
    period: str,
    whose: str = "the run's own strategy",
) -> Picture:
    """Draw the equity of one strategy, named by ``whose``, under every fee scenario beside buying
    and holding.
    """
    curves = _curves(results, held)
    shown = thin(curves).clip(lower=_FLOOR)
    logarithmic = float(shown.max().max() / shown.min().min()) > _SHARE_NEEDING_LOG
    figure, (axes,) = canvas(size=(11, 4.6))
    scenarios = [result.fees for result in results]
    for name in shown:
        fees = None if name == held.name else str(name)
        label = (
            f"{'buy and hold' if fees is None else fee_words(fees)}  "
            f"{signed_percent(curves[name].iloc[-1] - 1)}"
        )
        color, width = (BENCHMARK, 1.2) if fees is None else (fee_color(fees, scenarios), 1.7)
        axes.plot(shown.index, shown[name], label=label, color=color, linewidth=width)
    axes.axhline(1, color=INK, linewidth=0.8, alpha=0.5)
    _growth_axis(axes, logarithmic=logarithmic)
    date_axis(axes)
    legend_above(axes)
    scale = (
        "as a multiple of the starting cash, logarithmic scale"
        if logarithmic
        else "as return since the start"
    )
    return picture(
        figure,
        shown.rename_axis("time").reset_index(),
        name=f"equity_{slug(period)}",
        title=f"Equity with and without fees, {period}",
        caption=f"Equity of {whose} under each fee scenario, {scale}. Grey: {HELD}.",
    )


def draw_drawdown(results: Sequence[BacktestResult], held: pd.Series, *, period: str) -> Picture:
    """Draw how far equity lies below its peak under every fee scenario."""
    curves = _curves(results, held)
    peaks = curves.cummax().clip(lower=1.0)
    buckets = np.arange(len(curves)) // max(1, len(curves) // 1500)
    shown = (curves / peaks - 1).groupby(curves.index[buckets * max(1, len(curves) // 1500)]).min()
    figure, (axes,) = canvas(size=(11, 3.2))
    scenarios = [result.fees for result in results]
    for name in shown:
        fees = None if name == held.name else str(name)
        label = (
            f"{'buy and hold' if fees is None else fee_words(fees)}  {percent(shown[name].min())}"
        )
        color, width = (BENCHMARK, 1.0) if fees is None else (fee_color(fees, scenarios), 1.5)
        axes.plot(shown.index, shown[name], label=label, color=color, linewidth=width)
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: percent(value).replace(".00", ""))
    )
    axes.set_ylim(top=0)
    date_axis(axes)
    legend_above(axes)
    return picture(
        figure,
        shown.rename_axis("time").reset_index(),
        name=f"drawdown_{slug(period)}",
        title=f"Drawdown, {period}",
        caption=(
            "Bar by bar, fraction below the highest equity so far; the legend gives the deepest. "
            f"Grey: {HELD}."
        ),
    )


def draw_fee_sweep(
    results: Sequence[BacktestResult], *, period: str, interval: tuple[float, float] | None
) -> Picture:
    """Draw the net return against the cost per side, with the break-even point and every fee
    scenario marked.

    Where the scenarios lie far beyond the break-even point, a second panel shows its neighbourhood.
    """
    base = cheapest(results)
    even = break_even(base)
    known = interval is not None and bool(np.isfinite(interval).all())
    near = max(
        2.5 * even if np.isfinite(even) else 0.0,
        1.2 * interval[1] if interval and known else 0.0,
        BP,
    )
    wide = max(costliest(results).costs.per_side * 1.15, near, 5 * BP)
    limits = [near, wide] if wide > 4 * near else [wide]
    figure, all_axes = canvas(1, len(limits), size=(11, 4.0))
    sweeps = [fee_sweep(base, np.linspace(0, limit, 241)) for limit in limits]
    for axes, sweep in zip(all_axes, sweeps, strict=True):
        _sweep(axes, sweep)
        _mark_scenarios(axes, results)
        _mark_break_even(axes, even, interval if known else None)
    if len(limits) > 1:
        all_axes[0].set_title("near the break-even point")
        all_axes[1].set_title("up to the costliest scenario")
    return picture(
        figure,
        pd.concat(sweeps, ignore_index=True)
        .drop_duplicates("cost_per_side")
        .sort_values("cost_per_side"),
        name=f"fee_sweep_{slug(period)}",
        title=f"Net return at every fee, {period}",
        caption="The same trades at any cost per side, compounded. "
        + _even_words(even, interval if known else None, trades=len(base.trades)),
    )


def _even_words(even: float, interval: tuple[float, float] | None, *, trades: int) -> str:
    if np.isfinite(even):
        span = f"{bp(interval[0])} to {bp(interval[1])}" if interval else ""
        shaded = f"; shaded: its 95 % interval, {span}" if span else ""
        other = (
            " The break-even fee under the verdict is arithmetic: trades added up, not "
            f"compounded{shaded}."
        )
        if even < 0:
            return (
                f"They do not break even, not even at zero cost (break-even {bp(even)} a "
                f"side).{other}"
            )
        return f"They break even at {bp(even)} a side, lower the more the equity swings.{other}"
    few = f"with {trades} of them, fewer than {MIN_TRADES}, it means nothing"
    return (
        "Their break-even fee is n/a: "
        f"{few if trades < MIN_TRADES else 'no cost within 50 % of a fill is it'}."
    )


def _sweep(axes: Axes, sweep: pd.DataFrame) -> None:
    cost = sweep["cost_per_side"] / BP
    net = sweep["net_return"]
    axes.plot(cost, net, color=INK, zorder=3)
    axes.fill_between(cost, net, 0, where=net > 0, color=UP, alpha=0.15, interpolate=True)
    axes.fill_between(cost, net, 0, where=net < 0, color=DOWN, alpha=0.10, interpolate=True)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set_xlim(0, float(cost.iloc[-1]))
    axes.margins(y=0.15)
    axes.set_xlabel("cost per side (bp)")
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: percent(value).replace(".00", ""))
    )


def monthly_returns(results: Sequence[BacktestResult], held: pd.Series) -> pd.DataFrame:
    """Return the compounded return of each calendar month (UTC), one column a fee scenario,
    buy-and-hold last.
    """
    returns = {result.fees: result.returns for result in results}
    returns[str(held.name)] = daily_returns(held, cash=results[0].cash)
    return pd.DataFrame({name: _by_month(daily) for name, daily in returns.items()}).rename_axis(
        "month"
    )


def _by_month(daily: pd.Series) -> pd.Series:
    month = pd.DatetimeIndex(daily.index).strftime("%Y-%m")
    return pd.Series((1 + daily).groupby(month).prod() - 1)


def _curves(results: Sequence[BacktestResult], held: pd.Series) -> pd.DataFrame:
    curves = {result.fees: result.equity / result.cash for result in results}
    return pd.DataFrame({**curves, str(held.name): held / results[0].cash})


def _growth_axis(axes: Axes, *, logarithmic: bool) -> None:
    if logarithmic:
        axes.set_yscale("log")
        axes.set_ylabel("multiple of the starting cash")
        low, high = axes.get_ylim()
        subs = next(subs for decades, subs in _LABELS if math.log10(high / low) <= decades)
        axes.yaxis.set_major_locator(LogLocator(subs=subs))
        axes.yaxis.set_major_formatter(FuncFormatter(_multiple))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    else:
        axes.set_ylabel("return since the start")
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: signed_percent(value - 1).replace(".00", ""))
        )


def _multiple(value: float, _: int | None) -> str:
    return f"{np.format_float_positional(float(f'{value:.6g}'), trim='-')}×"


def _mark_scenarios(axes: Axes, results: Sequence[BacktestResult]) -> None:
    scenarios: Mapping[str, float] = {result.fees: result.costs.per_side for result in results}
    shown = [item for item in scenarios.items() if 0 < item[1] / BP <= axes.get_xlim()[1]]
    for place, (fees, cost) in enumerate(sorted(shown, key=lambda item: item[1])):
        color = fee_color(fees, list(scenarios))
        axes.axvline(cost / BP, color=color, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.annotate(
            f"{fee_words(fees)}\n{cost / BP:.1f} bp",
            (cost / BP, 0.97 - 0.13 * (place % 5)),
            xytext=(-4 if place == len(shown) - 1 else 4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
            color=color,
            fontsize=8.5,
            fontweight="bold",
            ha="right" if place == len(shown) - 1 else "left",
            va="top",
        )


def _mark_break_even(axes: Axes, even: float, interval: tuple[float, float] | None) -> None:
    if interval is not None:
        low, high = (max(0.0, edge) / BP for edge in interval)
        axes.axvspan(low, high, color=INK, alpha=0.07, linewidth=0)
    if np.isfinite(even) and even >= 0:
        ring: Any = {
            "marker": "o",
            "markersize": 9,
            "color": "white",
            "markeredgecolor": INK,
            "markeredgewidth": 2,
        }
        axes.plot([even / BP], [0], zorder=4, **ring)
        text = f"break-even, compounded {bp(even)}"
        offset: Any = {"xytext": (10, 10), "textcoords": "offset points"}
        axes.annotate(text, (even / BP, 0), fontweight="bold", zorder=5, **offset)
