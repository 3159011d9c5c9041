"""The picture of both ledgers: equity on the exchange's fills and of the backtest,
and what lies between them.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cryptonn.reporting.figures_equity import HELD
from cryptonn.reporting.formatting import money, number, signed_percent
from cryptonn.reporting.picture import (
    BENCHMARK,
    INK,
    LOGISTIC,
    MUTED,
    NETWORK,
    Picture,
    canvas,
    date_axis,
    legend_above,
    picture,
    thin,
)
from cryptonn.trading.result import BacktestResult

__all__ = ["draw_ledgers"]


def draw_ledgers(
    venue: BacktestResult, model: BacktestResult, held: pd.Series, *, quote: str
) -> Picture:
    """Draw the equity of both ledgers of a session, beside buying and holding,
    and their difference below.
    """
    curves = pd.DataFrame(
        {"exchange": venue.equity, "backtest": model.equity, "buy_and_hold": held}
    )
    shown = thin(curves.assign(difference=(venue.equity - model.equity).round(6)))
    figure, (upper, lower) = canvas(2, 1, size=(11, 5.6), heights=(3, 1))
    looks: tuple[tuple[str, str, Any], ...] = (
        ("buy_and_hold", "buy and hold", {"color": BENCHMARK, "linewidth": 1.1}),
        (
            "exchange",
            "on the exchange's fills",
            {"color": NETWORK, "linewidth": 3.4, "alpha": 0.45},
        ),
        ("backtest", "backtest of the same candles", {"color": LOGISTIC, "linewidth": 1.3}),
    )
    for name, words, look in looks:
        label = f"{words}  {signed_percent(curves[name].iloc[-1] / venue.cash - 1)}"
        upper.plot(shown.index, shown[name], label=label, **look)
    upper.axhline(venue.cash, color=INK, linewidth=0.8, alpha=0.5)
    upper.set_ylabel(f"equity ({quote})")
    upper.yaxis.set_major_formatter(FuncFormatter(lambda value, _: money(value)))
    upper.sharex(lower)
    upper.tick_params(labelbottom=False)
    legend_above(upper)
    _difference(lower, shown["difference"], quote=quote)
    date_axis(lower)
    return picture(
        figure,
        shown.rename_axis("time").reset_index(),
        name="equity",
        title="Equity of both ledgers",
        caption=(
            f"At each close, in {quote}. Wide: cash and position as the exchange's fills left "
            "them. Thin: the backtest that the session mirrors. Below: the exchange's less the "
            f"backtest's. Grey: {HELD}."
        ),
    )


def _difference(axes: Axes, difference: pd.Series, *, quote: str) -> None:
    axes.plot(difference.index, difference, color=MUTED, linewidth=1.2)
    axes.fill_between(
        difference.index, difference.to_numpy(dtype=float), 0, color=MUTED, alpha=0.15
    )
    axes.axhline(0, color=INK, linewidth=0.8, alpha=0.5)
    reach = float(np.abs(difference).max())
    if reach < 0.01:
        axes.set_ylim(-1, 1)
    axes.set_ylabel(f"difference ({quote})")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
