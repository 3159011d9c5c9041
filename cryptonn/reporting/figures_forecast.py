"""Figures of a regression: predicted beside actual prices, near enough to see whether the forecast
only lags behind.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.axes import Axes

from cryptonn.reporting.chart import Chart, embed, house_layout
from cryptonn.reporting.formatting import count, date, slug
from cryptonn.reporting.picture import (
    INK,
    MUTED,
    NETWORK,
    Picture,
    canvas,
    date_axis,
    legend_above,
    picture,
    thin,
)

__all__ = ["draw_forecast_chart", "draw_forecasts"]

_ZOOM = 60
"""Bars in the panels that show the end of a role closely."""
_MOST_BARS = 3000
"""Bars in an interactive chart."""
_BAND = "rgba(36, 87, 214, 0.14)"


def draw_forecasts(
    forecasts: pd.DataFrame, *, labels: Sequence[tuple[str, str]], quote: str
) -> Picture:
    """Draw predicted and actual price of every role, the whole of it and its last bars.

    Parameters
    ----------
    forecasts
        Index ``due``, the time of the price that is forecast (UTC). Columns ``role``, ``close``
        (when it was said), ``predicted``, ``actual``.
    labels
        Role and its title, in the order of the rows.
    quote
        Currency of the prices.
    """
    figure, all_axes = canvas(len(labels), 2, size=(11, 0.5 + 2.75 * len(labels)))
    drawn = []
    for place, (role, title) in enumerate(labels):
        rows = forecasts.loc[forecasts["role"] == role].drop(columns="role")
        whole = thin(rows)
        near = rows.iloc[-_ZOOM:]
        _prices(all_axes[2 * place], whole, marker="", quote=quote)
        _prices(all_axes[2 * place + 1], near, marker="o", quote="")
        all_axes[2 * place].set_title(title)
        all_axes[2 * place + 1].set_title(f"its last {len(near)} bars")
        drawn += [whole.assign(role=role), near.assign(role=role)]
    all_axes[0].set_title(labels[0][1], pad=20)
    all_axes[1].set_title(all_axes[1].get_title(loc="left"), pad=20)
    legend_above(all_axes[1])
    table = pd.concat(drawn).rename_axis("due").reset_index().drop_duplicates(["role", "due"])
    return picture(
        figure,
        table.sort_values(["role", "due"], kind="stable"),
        name="forecasts",
        title="Predicted and actual price",
        caption=(
            "Each forecast stands at the time of the price it is about. Grey, in the near view: "
            "persistence, the close known when the forecast was made. A blue line that follows "
            "the grey one says no more than it does."
        ),
    )


def _prices(axes: Axes, rows: pd.DataFrame, *, marker: str, quote: str) -> None:
    near: Any = {"marker": marker, "markersize": 3} if marker else {}
    if marker:
        axes.plot(
            rows.index, rows["close"], color=MUTED, linewidth=1.1, alpha=0.8, label="persistence"
        )
    widths = (1.5, 1.5) if marker else (1.4, 0.9)
    axes.plot(rows.index, rows["actual"], color=INK, linewidth=widths[0], label="actual", **near)
    axes.plot(
        rows.index,
        rows["predicted"],
        color=NETWORK,
        linewidth=widths[1],
        alpha=0.9,
        label="predicted",
        **near,
    )
    axes.yaxis.set_major_formatter("{x:,.6g}")
    axes.set_ylabel(f"price ({quote})" if quote else "")
    date_axis(axes)


def draw_forecast_chart(
    rows: pd.DataFrame, *, role: str, label: str, band: tuple[float, float] | None, quote: str
) -> Chart:
    """Draw one role as a chart to look into: predicted and observed price, and the interval of the
    forecast.

    Parameters
    ----------
    rows
        Of one role, as for ``draw_forecasts``; ``actual`` is NaN where the price has not come yet.
    band
        Lower and upper end of the 95 % interval as log moves from the predicted price; None draws
        none.
    """
    shown = rows.loc[rows["predicted"].notna()].iloc[-_MOST_BARS:]
    if band is not None:
        shown = shown.assign(
            low=shown["predicted"] * np.exp(band[0]), high=shown["predicted"] * np.exp(band[1])
        )
    figure = go.Figure()
    if band is not None:
        _add_band(figure, shown)
    _add_line(figure, shown, "actual", "observed", INK)
    _add_line(figure, shown, "predicted", "predicted", NETWORK)
    _add_line(figure, shown, "close", "persistence", MUTED, visible="legendonly")
    house_layout(figure, hovermode="x unified")
    figure.update_yaxes(title_text=f"price ({quote})")
    name = f"forecast_chart_{slug(role)}"
    return Chart(
        name,
        f"Predicted and observed price, {label}",
        _chart_caption(shown, whole=len(rows), band=band),
        embed(figure, name=name, height=460),
        str(figure.to_json()),
        shown.drop(columns="role", errors="ignore").rename_axis("due"),
    )


def _chart_caption(shown: pd.DataFrame, *, whole: int, band: tuple[float, float] | None) -> str:
    first, last = (date(pd.Timestamp(shown.index[place])) for place in (0, -1))
    cut = (
        f"the last {count(len(shown))} of {count(whole)} bars"
        if len(shown) == _MOST_BARS < whole
        else "all bars"
    )
    shaded = (
        (
            " Shaded: the 95 % interval, which takes the errors to be as large as they were on the "
            "validation rows."
        )
        if band is not None
        else ""
    )
    return (
        f"{first} to {last} (UTC), {cut}, each at the time of the price it is about.{shaded} Click "
        "on persistence in the legend to see what was known. Drag to zoom, double-click to reset."
    )


def _add_band(figure: go.Figure, rows: pd.DataFrame) -> None:
    edge: Any = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "legendgroup": "band"}
    figure.add_trace(
        go.Scatter(x=rows.index, y=rows["low"], name="low", hovertemplate="%{y:,.2f}", **edge)
    )
    shaded = {**edge, "showlegend": True, "fill": "tonexty", "fillcolor": _BAND}
    figure.add_trace(
        go.Scatter(x=rows.index, y=rows["high"], name="95 %", hovertemplate="%{y:,.2f}", **shaded)
    )


def _add_line(
    figure: go.Figure, rows: pd.DataFrame, column: str, name: str, color: str, **more: Any
) -> None:
    line = {"color": color, "width": 1.4}
    figure.add_trace(
        go.Scatter(
            x=rows.index, y=rows[column], name=name, line=line, hovertemplate="%{y:,.2f}", **more
        )
    )
