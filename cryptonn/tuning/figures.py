"""Figures of a search: every trial's value and curve, which settings mattered,
and one axis by itself.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cryptonn.reporting.picture import (
    BENCHMARK,
    INK,
    LOGISTIC,
    MUTED,
    NETWORK,
    UP,
    Picture,
    canvas,
    house_style,
    legend_above,
    picture,
)
from cryptonn.tuning.advisor import best_is_lowest
from cryptonn.tuning.mattered import learned, shares
from cryptonn.tuning.parallel import draw_parallel
from cryptonn.tuning.probabilities import draw_probabilities
from cryptonn.tuning.records import Record
from cryptonn.tuning.space import choice_text
from cryptonn.tuning.study import Study

__all__ = [
    "draw_all",
    "draw_axis",
    "draw_curves",
    "draw_importance",
    "draw_settings",
    "draw_trials",
]

_MOST = 32
"""Trials whose probabilities are drawn together."""
_COLUMNS = 4
_FAR = 3.0
"""Times the lowest loss, from which a loss is left out of the frame."""
_WIDE = 8
"""Inches of a figure of one axis."""
_PANEL = 2.9
"""Inches of one panel of several."""
_ROOM = 10
"""Letters that stand beside each other below an inch of axis."""
_RING: Any = {
    "marker": "o",
    "markersize": 11,
    "markerfacecolor": "none",
    "markeredgecolor": UP,
    "markeredgewidth": 2,
}


def draw_all(study: Study) -> list[Picture]:
    """Draw what there is to draw: of one axis its values, of several which mattered;
    always trials and curves.
    """
    with house_style():
        drawn = [draw_trials(study), draw_curves(study)]
        found = shares(study)
        if len(study.varied) == 1:
            drawn.append(draw_axis(study))
        else:
            drawn += [draw_settings(study), draw_parallel(study)]
        drawn += [draw_importance(found)] if found else []
        with_histogram = [record for record in study.done if len(record.histogram)]
        return drawn + ([draw_probabilities(with_histogram[:_MOST])] if with_histogram else [])


def draw_trials(study: Study) -> Picture:
    """Draw the value of every trial by number, with its interval where it has one,
    and the best so far.
    """
    table = _values(study)
    figure, (axes,) = canvas(size=(9, 3.4))
    best = (
        table["value"].cummin() if best_is_lowest(study.search.metric) else table["value"].cummax()
    )
    axes.step(table["trial"], best, where="post", color=UP, label="best so far")
    _with_intervals(axes, table["trial"].to_numpy(float), table)
    failed = [number for number, record in study.records.items() if record.state != "complete"]
    for number in failed:
        axes.axvline(number, color=BENCHMARK, linewidth=0.8, linestyle=(0, (2, 3)))
    _frame(axes, study, table["value"])
    axes.set_xlabel("trial" + (" (dotted: failed or pruned)" if failed else ""))
    axes.set_ylabel(study.search.metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes)
    return picture(
        figure,
        table,
        name="trials",
        title="Every trial",
        caption=(
            "Value on the validation rows by trial; bars are 95 % intervals that allow for overlap."
        ),
    )


def _values(study: Study) -> pd.DataFrame:
    ends = [study.interval(record) for record in study.done]
    return pd.DataFrame(
        {
            "trial": [record.number for record in study.done],
            "value": [record.value for record in study.done],
            "low": [np.nan if low is None else low for low, _ in ends],
            "high": [np.nan if high is None else high for _, high in ends],
        }
    )


def _frame(axes: Axes, study: Study, values: pd.Series, *, said: bool = True) -> None:
    """Leave out of the frame what is far worse than the best:
    one diverged trial would flatten all the others.
    """
    lowest, highest = float(values.min()), float(values.max())
    if best_is_lowest(study.search.metric) and 0 < _FAR * lowest < highest:
        near = float(values[values <= _FAR * lowest].max())
        axes.set_ylim(lowest - 0.08 * (near - lowest), near + 0.15 * (near - lowest or lowest))
        if said:
            axes.set_title(
                f"{int((values > near).sum())} far above",
                loc="right",
                fontsize=8,
                fontweight="normal",
            )


def _with_intervals(axes: Axes, places: np.ndarray, table: pd.DataFrame) -> None:
    value = table["value"].to_numpy(float)
    ends = np.abs(table[["low", "high"]].to_numpy(float).T - value)
    if np.isfinite(ends).any():
        axes.errorbar(
            places,
            value,
            yerr=ends,
            fmt="none",
            ecolor=NETWORK,
            elinewidth=1.6,
            alpha=0.45,
            capsize=3,
        )
    axes.plot(
        places, value, marker="o", markersize=6, linestyle="none", color=NETWORK, label="trial"
    )


def draw_curves(study: Study) -> Picture:
    """Draw train and validation loss of every trial by epoch; the best trial stands out."""
    figure, all_axes = canvas(1, 2, size=(11, 3.4))
    shown = [record for record in study.records.values() if len(record.history)]
    for axes, column, title in zip(
        all_axes, ("loss", "val_loss"), ("train loss", "validation loss"), strict=True
    ):
        for record in shown:
            _curve(axes, record, column, best=study.best)
        _frame(axes, study, pd.concat([record.history[column] for record in shown]))
        axes.set_title(title, pad=20)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        legend_above(axes)
    tables = [record.history.assign(trial=record.number) for record in shown]
    return picture(
        figure,
        pd.concat(tables, ignore_index=True),
        name="curves",
        title="Learning curves",
        caption=(
            "Each line is a trial; the blue one is the best, the rings mark the epoch that was "
            "kept of it."
        ),
    )


def _curve(axes: Axes, record: Record, column: str, *, best: Record | None) -> None:
    chosen = best is not None and record.number == best.number
    epochs = record.history["epoch"]
    values = record.history[column]
    style: Any = {"color": NETWORK, "linewidth": 2, "zorder": 3, "label": f"trial {record.number}"}
    axes.plot(
        epochs,
        values,
        marker="o",
        markersize=3,
        **style if chosen else {"color": MUTED, "alpha": 0.35},
    )
    if chosen and record.best_epoch is not None:
        place = int(np.flatnonzero(epochs.to_numpy() == record.best_epoch)[0])
        axes.plot(
            [record.best_epoch],
            [values.iloc[place]],
            linestyle="none",
            zorder=4,
            label="kept",
            **_RING,
        )


def draw_importance(found: dict[str, float]) -> Picture:
    """Draw how much of the differences between trials goes with each axis alone,
    and what is left.
    """
    table = pd.DataFrame({"axis": list(found), "share": list(found.values())}).sort_values("share")
    rest = {"axis": "together, and luck", "share": max(1 - table["share"].sum(), 0)}
    table = pd.concat([pd.DataFrame([rest]), table], ignore_index=True)
    figure, (axes,) = canvas(size=(8, 0.9 + 0.42 * len(table)))
    colors = [BENCHMARK, *[NETWORK] * len(found)]
    axes.barh(table["axis"], 100 * table["share"], color=colors, height=0.6)
    for place, share in enumerate(table["share"]):
        axes.annotate(f" {share:.0%}", (100 * share, place), va="center", fontsize=9)
    axes.set_xlim(0, 112)
    axes.xaxis.set_major_formatter("{x:g} %")
    axes.grid(visible=False, axis="y")
    return picture(
        figure,
        table,
        name="importance",
        title="What mattered",
        caption=(
            "Share of the differences in value that goes with each setting alone; grey: with "
            "several, and luck."
        ),
    )


def draw_settings(study: Study) -> Picture:
    """Draw the value of every trial above its choice on each axis,
    with the median of each choice.
    """
    columns = min(_COLUMNS, len(study.varied))
    rows = -(-len(study.varied) // columns)
    figure, all_axes = canvas(rows, columns, size=(_PANEL * columns, 3.0 * rows))
    tables: list[pd.DataFrame] = []
    low, high = study.interval(study.best) if study.best is not None else (None, None)
    for axes, axis in zip(all_axes, study.varied, strict=False):
        table = _values(study).assign(
            axis=axis.name, choice=[record.choices[axis.name] for record in study.done]
        )
        places = _places(
            axes,
            table["choice"],
            names=[] if axis.range is not None else list(axis.choices),
            inches=_PANEL,
        )
        axes.plot(
            places,
            table["value"],
            marker="o",
            linestyle="none",
            color=NETWORK,
            alpha=0.55,
            markersize=5,
        )
        if axis.range is None:
            counts = table["trial"].isin([record.number for record in learned(study)])
            middle = table[counts].groupby(places[counts])["value"].median()
            axes.plot(
                middle.index,
                middle,
                marker="_",
                markersize=22,
                markeredgewidth=2,
                color=INK,
                linestyle="none",
            )
        axes.set_title(axis.name)
        if axis.range is not None and axis.range.log:
            axes.set_xscale("log")
        _frame(axes, study, table["value"], said=axes is all_axes[0])
        if low is not None and high is not None:
            axes.axhspan(low, high, color=BENCHMARK, alpha=0.15, linewidth=0)
        tables.append(table)
    for axes in all_axes[len(study.varied) :]:
        axes.set_axis_off()
    all_axes[0].set_ylabel(study.search.metric)
    return picture(
        figure,
        pd.concat(tables, ignore_index=True),
        name="settings",
        title="Setting by setting",
        caption=(
            "Each dot is a trial above its choice; the bar is the median of a choice, failed "
            "trainings left out. Grey: the best trial's 95 % interval, where it has one; a trial "
            "inside it may be just as good."
        ),
    )


def _places(axes: Axes, choices: pd.Series, *, names: list[Any], inches: float) -> np.ndarray:
    """Return where choices stand on an axis so long: evenly, in the order of the file,
    or a range by its numbers.
    """
    if not names:
        return choices.to_numpy(float)
    labels = [choice_text(name).replace(", ", ",\n") for name in names]
    longest = max(len(line) for label in labels for line in label.splitlines())
    aslant: Any = {"rotation": 20, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(
        range(len(names)), labels, **aslant if longest * len(names) > _ROOM * inches else {}
    )
    axes.set_xlim(-0.6, len(names) - 0.4)
    return np.array([names.index(choice) for choice in choices], dtype=float)


def draw_axis(study: Study) -> Picture:
    """Draw value, with its interval, against the only axis,
    and what the earlier system quoted there.
    """
    (axis,) = study.varied
    table = _values(study).assign(
        choice=[record.choices[axis.name] for record in study.done],
        published=np.array(
            [study.search.quoted(record.number) for record in study.done], dtype=float
        ),
    )
    figure, (axes,) = canvas(size=(_WIDE, 3.8))
    places = _places(
        axes,
        table["choice"],
        names=[] if axis.range is not None else list(axis.choices),
        inches=_WIDE,
    )
    _with_intervals(axes, places, table)
    if table["published"].notna().any():
        axes.plot(
            places,
            table["published"],
            marker="D",
            markersize=6,
            color=LOGISTIC,
            linestyle="none",
            label="published",
        )
    if study.search.metric in ("val_accuracy", "accuracy", "auc"):
        axes.axhline(0.5, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel(axis.name)
    axes.set_ylabel(study.search.metric)
    legend_above(axes)
    return picture(
        figure,
        table,
        name="axis",
        title=f"By {axis.name}",
        caption=(
            "Value on the validation rows; bars are 95 % intervals that allow for overlap. "
            "Dashed: a coin."
        ),
    )
