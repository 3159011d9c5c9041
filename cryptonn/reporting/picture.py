"""One static figure of the report: its PNG, the table it was drawn from,
and one look for all of them.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

__all__ = [
    "BENCHMARK",
    "DOWN",
    "INK",
    "LOGISTIC",
    "MUTED",
    "NETWORK",
    "UP",
    "Picture",
    "canvas",
    "date_axis",
    "fee_color",
    "house_style",
    "legend_above",
    "picture",
    "png_of",
    "thin",
]

INK = "#1c2430"
MUTED = "#66707f"
UP = "#16915b"
DOWN = "#d13b4a"
NETWORK = "#2457d6"
LOGISTIC = "#b9770e"
BENCHMARK = "#8a94a3"

_GRID = "#e4e8ee"
_FEES = {"none": "#16915b", "maker": "#2457d6", "taker": "#e08a00", "taker+slippage": "#d13b4a"}
_OTHER_FEES = ("#7a4bd0", "#0e8ca8", "#a23b72", "#5a6b2f", "#6b4a2f")
_DPI = 120
_MOST_POINTS = 3000

_Table = TypeVar("_Table", pd.Series, pd.DataFrame)

_STYLE: Any = {
    "axes.edgecolor": "#c3cad4",
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": 9,
    "ytick.color": MUTED,
    "ytick.labelsize": 9,
}


@dataclass(frozen=True)
class Picture:
    """A figure as it goes into the report and beside it."""

    name: str
    """File name without its ending."""
    title: str
    caption: str
    png: bytes = field(repr=False)
    width: int
    height: int
    """Size in CSS pixels."""
    table: pd.DataFrame = field(repr=False)
    """The numbers that were drawn."""


def house_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the look of the report;
    the settings before it come back after.
    """
    return mpl.rc_context(_STYLE)


def canvas(
    rows: int = 1,
    columns: int = 1,
    *,
    size: tuple[float, float],
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure without a window and its axes, row by row;
    ``size`` is width and height in inches.
    """
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        rows, columns, squeeze=False, gridspec_kw={"height_ratios": heights} if heights else None
    )
    return figure, list(axes.ravel())


def picture(figure: Figure, table: pd.DataFrame, *, name: str, title: str, caption: str) -> Picture:
    """Render a figure."""
    width, height = (round(96 * float(side)) for side in figure.get_size_inches())
    return Picture(name, title, caption, png_of(figure, dpi=_DPI), width, height, table)


def png_of(figure: Figure, *, dpi: int) -> bytes:
    """Render a figure on an Agg canvas: the bytes that ``savefig`` gives,
    which draws everything twice.
    """
    figure.set_dpi(dpi)
    buffer = io.BytesIO()
    agg = cast(FigureCanvasAgg, figure.canvas)
    agg.print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def fee_color(fees: str, scenarios: Sequence[str]) -> str:
    """Return the colour of a fee scenario, the same in every figure of a report."""
    if fees in _FEES:
        return _FEES[fees]
    others = [name for name in scenarios if name not in _FEES]
    return _OTHER_FEES[others.index(fees) % len(_OTHER_FEES)] if fees in others else BENCHMARK


def date_axis(axes: Axes) -> None:
    """Label a time axis briefly."""
    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def legend_above(axes: Axes) -> None:
    """Put the legend in one row above the axes, where it hides nothing and takes no width from
    them.
    """
    if not axes.get_title(loc="left"):
        axes.set_title(" ", pad=8)
    legend = axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=9,
        columnspacing=1.2,
        handlelength=1.2,
        borderaxespad=0.3,
    )
    legend.set_in_layout(False)


def thin(table: _Table, *, most: int = _MOST_POINTS) -> _Table:
    """Keep at most about ``most`` evenly spaced rows, the first and last among them."""
    if len(table) <= most:
        return table
    rows = np.unique(np.linspace(0, len(table) - 1, most).round().astype(np.int64))
    return table.iloc[rows]
