"""Parallel coordinates: one line a trial through its choice on every axis,
coloured by how good it was.
"""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from cryptonn.reporting.picture import INK, MUTED, Picture, canvas, picture
from cryptonn.tuning.advisor import best_is_lowest
from cryptonn.tuning.space import Axis, choice_text
from cryptonn.tuning.study import Study

__all__ = ["draw_parallel"]

_FAR = 3.0
"""Times the lowest loss, at which higher ones are drawn."""
_SPREAD = 0.10
"""Room that lines through the same choice share, so that they can be told apart."""


def draw_parallel(study: Study) -> Picture:
    """Draw every finished trial as a line through its choices; the last axis is its value,
    the best up.
    """
    done = sorted(
        study.done,
        key=lambda record: float(record.value or 0),
        reverse=best_is_lowest(study.search.metric),
    )
    values = np.array([float(record.value or 0) for record in done])  # the best is drawn last
    if best_is_lowest(study.search.metric):
        values = np.minimum(values, _FAR * max(values.min(), 0.0) or values.max())
    names = [*(axis.name for axis in study.varied), study.search.metric]
    figure, (axes,) = canvas(size=(1.8 * len(names) + 1.6, 4.2))
    heights = [
        _heights(axis, [record.choices[axis.name] for record in done]) for axis in study.varied
    ]
    heights.append(_scaled(values, lowest_up=best_is_lowest(study.search.metric)))
    lines = np.column_stack(heights)
    colors = mpl.colormaps["viridis"]
    norm = Normalize(float(values.min()), float(values.max()))
    for place, line in enumerate(lines):
        best = place == len(lines) - 1
        color = colors(
            1 - norm(values[place]) if best_is_lowest(study.search.metric) else norm(values[place])
        )
        axes.plot(
            range(len(names)),
            line,
            color=color,
            linewidth=2.6 if best else 1.1,
            alpha=1.0 if best else 0.7,
        )
    _label(axes, study, names)
    shade = colors.reversed() if best_is_lowest(study.search.metric) else colors
    figure.colorbar(ScalarMappable(norm, shade), ax=axes, label=study.search.metric, pad=0.01)
    table = pd.DataFrame(
        [
            {"trial": record.number, **record.choices, study.search.metric: record.value}
            for record in done
        ]
    )
    return picture(
        figure,
        table,
        name="parallel",
        title="All settings together",
        caption="One line a trial through its choices; yellow is good, the thick line is the best.",
    )


def _heights(axis: Axis, choices: list[object]) -> np.ndarray:
    """Return heights in [0, 1]; lines through the same choice of a list stand a little apart."""
    if axis.range is not None:
        numbers = np.array(choices, dtype=float)
        ends = np.array([axis.range.low, axis.range.high])
        numbers, ends = (np.log(numbers), np.log(ends)) if axis.range.log else (numbers, ends)
        return np.asarray((numbers - ends[0]) / (ends[1] - ends[0]))
    names = list(axis.choices)
    places = np.array([names.index(choice) for choice in choices]) / max(len(names) - 1, 1)
    shift = np.linspace(-0.5, 0.5, len(choices)) * _SPREAD / max(len(names) - 1, 1)
    return np.asarray(places + shift)


def _scaled(values: np.ndarray, *, lowest_up: bool) -> np.ndarray:
    share = (values - values.min()) / (np.ptp(values) or 1.0)
    return np.asarray(1 - share if lowest_up else share)


def _label(axes: Axes, study: Study, names: list[str]) -> None:
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.set_xlim(-0.15, len(names) - 0.85)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    for place in range(len(names)):
        axes.axvline(place, color=MUTED, linewidth=0.8)
    for place, axis in enumerate(study.varied):
        for height, text in _ticks(axis):
            axes.annotate(
                f" {text}",
                (place, height),
                fontsize=9,
                va="center",
                color=INK,
                bbox={
                    "boxstyle": "round,pad=0.1",
                    "facecolor": "white",
                    "edgecolor": "none",
                    "alpha": 0.75,
                },
            )


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    if axis.range is not None:
        return [(0.0, f"{axis.range.low:g}"), (1.0, f"{axis.range.high:g}")]
    return [
        (place / max(len(axis.choices) - 1, 1), choice_text(name))
        for place, name in enumerate(axis.choices)
    ]
