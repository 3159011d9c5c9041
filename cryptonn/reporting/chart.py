"""The interactive price chart: the trades of one chosen stretch,
and the probability that led to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from cryptonn.reporting.fees import cheapest
from cryptonn.reporting.figures_equity import fee_words
from cryptonn.reporting.formatting import NOT_AVAILABLE, date, signed_bp, slug
from cryptonn.reporting.picture import DOWN, INK, MUTED, NETWORK, UP
from cryptonn.trading.result import BacktestResult

__all__ = ["Chart", "busiest_stretch", "draw_chart", "embed", "house_layout", "plotly_script"]

_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


@dataclass(frozen=True)
class Chart:
    """An interactive chart as it goes into the report; it needs ``plotly_script`` once
    on the page.
    """

    name: str
    title: str
    caption: str
    html: str = field(repr=False)
    json: str = field(repr=False)
    """The plotly figure."""
    bars: pd.DataFrame = field(repr=False)
    trades: pd.DataFrame | None = field(default=None, repr=False)
    """Those it shows; None where it is about none."""


def plotly_script() -> str:
    """Return plotly.js itself, to be put on the page once."""
    return str(get_plotlyjs())


def embed(figure: go.Figure, *, name: str, height: int) -> str:
    """Return a figure as a piece of the page, ``height`` in CSS pixels."""
    given: Any = {"full_html": False, "include_plotlyjs": False, "config": _CONFIG}
    return str(figure.to_html(div_id=name, default_height=f"{height}px", **given))


def house_layout(figure: go.Figure, *, hovermode: str = "closest") -> None:
    """Give an interactive figure the look of the report."""
    figure.update_layout(
        template="plotly_white",
        font={"family": _FONT, "size": 13, "color": INK},
        margin={"l": 56, "r": 12, "t": 36, "b": 36},
        hovermode=hovermode,
        dragmode="zoom",
        legend={
            "orientation": "h",
            "y": -0.1,
            "yanchor": "top",
            "x": 0,
        },  # the tool bar has the top
    )


def busiest_stretch(
    entries: pd.Series, index: pd.DatetimeIndex, *, days: int
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the stretch of whole UTC days with the most entries, as start and end (not included).

    The earliest among equals; without entries, the first days.
    """
    first, last = index[0].floor("D"), index[-1].floor("D")
    calendar = pd.date_range(first, last, freq="D")
    counted = entries.dt.floor("D").value_counts().reindex(calendar, fill_value=0).to_numpy()
    length = min(days, len(calendar))
    sums = np.convolve(counted, np.ones(length, dtype=int), mode="valid")
    start = calendar[int(sums.argmax())]
    return start, start + pd.Timedelta(days=length)


def draw_chart(
    candles: pd.DataFrame,
    proba: pd.Series,
    results: Sequence[BacktestResult],
    *,
    period: str,
    days: int,
    thresholds: Mapping[str, float],
) -> Chart:
    """Draw close, entries, exits and probability of the stretch with the most trades.

    Parameters
    ----------
    candles, proba
        Of the whole test period.
    results
        The run's own strategy under each fee scenario; entries and exits come from the cheapest,
        nets from all.
    thresholds
        Probabilities drawn as lines, by their words, for example ``{"long from": 0.56}``.
    """
    base = cheapest(results)
    start, end = busiest_stretch(
        pd.Series(base.trades["entry_time"]), pd.DatetimeIndex(candles.index), days=days
    )
    bars = candles.loc[(candles.index >= start) & (candles.index < end)]
    bars = bars.assign(proba=proba.reindex(bars.index))
    trades = _trades_between(base.trades, start, end)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.04
    )
    _add_price(figure, bars)
    _add_trades(figure, trades, _words(trades, results), exit_side=_exit_time(trades, bars))
    _add_proba(figure, bars, thresholds)
    _lay_out(figure, quote=base.symbol.partition("/")[2])
    name = f"price_chart_{slug(period)}"
    last = date(end - pd.Timedelta(days=1))
    caption = (
        f"{date(start)} to {last} (UTC): the {len(_days(start, end))} days with the most trades, "
        f"{len(trades):,} of {len(base.trades):,}. "
        "Triangles up: entries; down: exits; green and red: gain and loss before costs. "
        "Drag to zoom, double-click to reset."
    )
    html = embed(figure, name=name, height=560)
    return Chart(
        name, f"Price and trades, {period}", caption, html, str(figure.to_json()), bars, trades
    )


def _days(start: pd.Timestamp, end: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the UTC days of a stretch whose end is not included."""
    return pd.date_range(start, end, freq="D", inclusive="left")


def _trades_between(trades: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    return trades.loc[(trades["entry_time"] >= start) & (trades["entry_time"] < end)].reset_index(
        drop=True
    )


def _exit_time(trades: pd.DataFrame, bars: pd.DataFrame) -> pd.Series:
    return trades["exit_time"].fillna(bars.index[-1]) if len(bars) else trades["exit_time"]


def _words(trades: pd.DataFrame, results: Sequence[BacktestResult]) -> list[str]:
    nets = {result.fees: _net_by_entry(result.trades) for result in results}
    gross = trades["gross"] / (trades["amount"].abs() * trades["entry_price"])
    return [
        f"{side}, gross {signed_bp(gained)}<br>"
        + "<br>".join(
            f"net, {fee_words(fees)}: {signed_bp(net.get(time, np.nan))}"
            for fees, net in nets.items()
        )
        for side, gained, time in zip(trades["side"], gross, trades["entry_time"], strict=True)
    ]


def _net_by_entry(trades: pd.DataFrame) -> dict[pd.Timestamp, float]:
    net = trades["net"] / (trades["amount"].abs() * trades["entry_price"])
    return dict(zip(trades["entry_time"], net, strict=True))


def _add_price(figure: go.Figure, bars: pd.DataFrame) -> None:
    hover = "%{y:,.2f}<extra>close</extra>"
    line = {"color": INK, "width": 1.1}
    figure.add_trace(
        go.Scatter(x=bars.index, y=bars["close"], name="close", line=line, hovertemplate=hover),
        row=1,
        col=1,
    )


def _add_trades(
    figure: go.Figure, trades: pd.DataFrame, words: list[str], *, exit_side: pd.Series
) -> None:
    won = (trades["gross"] > 0).to_numpy()
    colors = np.where(won, UP, DOWN).tolist()
    for gained, color, label in (
        (True, UP, "gain before costs"),
        (False, DOWN, "loss before costs"),
    ):
        rows = np.flatnonzero(won == gained)
        ends = trades["entry_time"], exit_side
        paid = trades["entry_price"], trades["exit_price"]
        times = [moment for row in rows for moment in (ends[0].iloc[row], ends[1].iloc[row], None)]
        prices = [price for row in rows for price in (paid[0].iloc[row], paid[1].iloc[row], None)]
        line = {"color": color, "width": 2.5}
        trace = go.Scatter(
            x=times,
            y=prices,
            mode="lines",
            line=line,
            name=label,
            hoverinfo="skip",
            connectgaps=False,
        )
        figure.add_trace(trace, row=1, col=1)
    marks = (
        ("entry", "triangle-up", trades["entry_time"], trades["entry_price"]),
        ("exit", "triangle-down", exit_side, trades["exit_price"]),
    )
    for label, shape, moments, at in marks:
        marker = {
            "symbol": shape,
            "size": 10,
            "color": colors,
            "line": {"color": "white", "width": 1},
        }
        hover = f"{label} %{{y:,.2f}}<br>%{{text}}<extra></extra>"
        trace = go.Scatter(
            x=moments,
            y=at,
            mode="markers",
            marker=marker,
            name=label,
            text=words,
            hovertemplate=hover,
        )
        figure.add_trace(trace.update(showlegend=False), row=1, col=1)


def _add_proba(figure: go.Figure, bars: pd.DataFrame, thresholds: Mapping[str, float]) -> None:
    trace = go.Scatter(
        x=bars.index,
        y=bars["proba"],
        name="P(up)",
        line={"color": NETWORK, "width": 1},
        hovertemplate="P(up) %{y:.3f}<extra></extra>",
    )
    figure.add_trace(trace, row=2, col=1)
    figure.add_hline(y=0.5, line={"color": MUTED, "width": 1}, row=2, col=1)
    for words, threshold in thresholds.items():
        line = {"color": UP if threshold >= 0.5 else DOWN, "width": 1, "dash": "dash"}
        label = {"text": f"{words} {threshold:.3f}", "font": {"color": line["color"]}}
        anchor = {"yanchor": "bottom", "bgcolor": "rgba(255,255,255,0.85)"}
        figure.add_hline(y=threshold, line=line, annotation={**label, **anchor}, row=2, col=1)


def _lay_out(figure: go.Figure, *, quote: str) -> None:
    house_layout(figure)
    figure.update_yaxes(title_text=f"price ({quote or NOT_AVAILABLE})", row=1, col=1)
    figure.update_yaxes(title_text="P(up)", row=2, col=1)
