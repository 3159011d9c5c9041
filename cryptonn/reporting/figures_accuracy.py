"""Figures of skill: accuracy with its interval, confusion, reliability, probabilities,
learning curve.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

from cryptonn.evaluation.accuracy import Assessment
from cryptonn.reporting.formatting import count, percent
from cryptonn.reporting.picture import (
    DOWN,
    INK,
    LOGISTIC,
    MUTED,
    NETWORK,
    UP,
    Picture,
    canvas,
    legend_above,
    picture,
)

__all__ = [
    "draw_accuracy",
    "draw_confusion",
    "draw_histograms",
    "draw_learning",
    "draw_reliability",
    "draw_ups_and_downs",
]

Assessments = Mapping[str, Mapping[str, Assessment]]

_RING: Any = {
    "marker": "o",
    "markersize": 12,
    "markerfacecolor": "none",
    "markeredgecolor": UP,
    "markeredgewidth": 2,
}
_COLORS = {"network": NETWORK, "logistic": LOGISTIC}


def draw_accuracy(assessments: Assessments, *, best_possible: Mapping[str, float]) -> Picture:
    """Draw the accuracy on moves of every model and period with its 95 % interval, against a coin.

    ``best_possible`` holds, by period, what nobody can beat on average; it is known of a synthetic
    market only.
    """
    table = pd.DataFrame(
        [
            {
                "period": period,
                "model": model,
                **{name: found.metrics.get(name, np.nan) for name in _ACCURACY},
            }
            for period, models in assessments.items()
            for model, found in models.items()
        ]
    )
    figure, (axes,) = canvas(size=(11, 0.9 + 0.38 * len(table)))
    for row, (_, line) in enumerate(table.iterrows()):
        color = _COLORS.get(line["model"], MUTED)
        middle, low, high = (100 * float(line[name]) for name in _ACCURACY)
        axes.plot(
            [low, high], [row, row], color=color, linewidth=2, alpha=0.6, solid_capstyle="round"
        )
        axes.plot([middle], [row], marker="o", markersize=7, color=color)
        axes.annotate(
            f"{middle:.2f} %",
            (middle, row),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
        if line["model"] == "network" and line["period"] in best_possible:
            axes.plot(
                [100 * best_possible[line["period"]]],
                [row],
                marker="D",
                markersize=7,
                color=UP,
                linestyle="none",
            )
    axes.axvline(50, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(
        range(len(table)), [f"{line.period}, {line.model}" for line in table.itertuples()]
    )
    axes.set_ylim(len(table) - 0.4, -0.8)
    axes.xaxis.set_major_formatter("{x:g} %")
    axes.grid(visible=False, axis="y")
    return picture(
        figure,
        table,
        name="accuracy",
        title="Accuracy on moves",
        caption=(
            "Share of moves predicted right, with 95 % intervals that allow for overlap. Dashed: a "
            "coin."
        )
        + (" Green diamond: the best possible on this synthetic market." if best_possible else ""),
    )


_ACCURACY = ("accuracy_on_moves", "accuracy_on_moves_low", "accuracy_on_moves_high")


def draw_confusion(assessments: Assessments) -> Picture:
    """Draw the network's confusion matrix of every period: counts,
    and shares of the true direction.
    """
    figure, all_axes = canvas(1, len(assessments), size=(max(3.65 * len(assessments), 3.4), 3.2))
    drawn = []
    for axes, (period, models) in zip(all_axes, assessments.items(), strict=True):
        table = models["network"].confusion
        _confusion(axes, table.to_numpy(float), title=period)
        drawn.append(
            table.reset_index().melt(id_vars="true", value_name="moves").assign(period=period)
        )
    return picture(
        figure,
        pd.concat(drawn, ignore_index=True),
        name="confusion",
        title="Confusion matrix",
        caption=(
            "The network on moves. Percentages are shares of the true direction, so each row adds "
            "up to 100 %."
        ),
    )


def _confusion(axes: Axes, counts: np.ndarray, *, title: str) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{percent(share)}\n{count(counts[row, column])}"
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            color="white" if share > 0.6 else INK,
            fontsize=10,
        )
    axes.set_xticks([0, 1], ["down", "up"])
    axes.set_yticks([0, 1], ["down", "up"])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title)
    axes.grid(visible=False)


def draw_reliability(assessments: Assessments) -> Picture:
    """Draw the share of ups against the probability given, for every period and model."""
    figure, all_axes = canvas(1, len(assessments), size=(max(3.65 * len(assessments), 3.8), 3.6))
    drawn = []
    for axes, (period, models) in zip(all_axes, assessments.items(), strict=True):
        for model, found in models.items():
            table = found.reliability
            color = _COLORS.get(model, MUTED)
            axes.fill_between(
                table["proba"], table["low"], table["high"], color=color, alpha=0.15, linewidth=0
            )
            axes.plot(
                table["proba"],
                table["share_up"],
                marker="o",
                markersize=3.5,
                color=color,
                label=model,
            )
            drawn.append(table.assign(period=period, model=model))
        axes.axline((0.5, 0.5), slope=1, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_title(period, pad=20)
        axes.set_xlabel("P(up) given")
        axes.set_ylabel("share of ups that came")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        legend_above(axes)
    return picture(
        figure,
        pd.concat(drawn, ignore_index=True),
        name="reliability",
        title="Reliability",
        caption=(
            "Equally full bins of P(up), with 95 % intervals. On the dashed line a probability "
            "means what it says."
        ),
    )


def draw_histograms(assessments: Assessments) -> Picture:
    """Draw the probabilities given to true ups (green) and true downs (red), a row a model,
    a column a period.
    """
    models = list(dict.fromkeys(model for found in assessments.values() for model in found))
    figure, all_axes = canvas(
        len(models), len(assessments), size=(max(3.65 * len(assessments), 4.0), 2.4 * len(models))
    )
    drawn = []
    places = [(model, period) for model in models for period in assessments]
    for axes, (model, period) in zip(all_axes, places, strict=True):
        found = assessments[period].get(model)
        axes.set_title(f"{period}, {model}")
        if found is None:
            continue
        draw_ups_and_downs(axes, found.histogram)
        drawn.append(found.histogram.assign(period=period, model=model))
    all_axes[0].legend(loc="upper left")
    return picture(
        figure,
        pd.concat(drawn, ignore_index=True),
        name="probabilities",
        title="Probabilities given",
        caption=(
            "P(up) of the moves that went up (green) and down (red). A skilful model pulls the "
            "two apart."
        ),
    )


def draw_ups_and_downs(axes: Axes, table: pd.DataFrame) -> None:
    """Draw one model's probabilities of true ups (green) over those of true downs (red), and the
    middle.

    Parameters
    ----------
    table
        ``Assessment.histogram``, or what ``evaluation.tables.histogram_table`` gives: bin_low,
        bin_high, ups, downs.
    """
    edges = np.append(table["bin_low"].to_numpy(float), float(table["bin_high"].iloc[-1]))
    for column, color, label in (("ups", UP, "true ups"), ("downs", DOWN, "true downs")):
        axes.stairs(table[column].to_numpy(float), edges, fill=True, color=color, alpha=0.3)
        axes.stairs(table[column].to_numpy(float), edges, color=color, linewidth=1.2, label=label)
    axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xlabel("P(up)")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(
        ScalarFormatter(useOffset=False)
    )  # else narrow ones read "1e-5 + 5e-1"
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def draw_learning(history: pd.DataFrame) -> Picture:
    """Draw training and validation loss by epoch, the best epoch marked."""
    epochs = _epochs(history)
    accuracies = [name for name in ("accuracy", "val_accuracy") if name in history]
    figure, all_axes = canvas(1, 2 if accuracies else 1, size=(11 if accuracies else 7, 3.2))
    _learning(all_axes[0], history, epochs, ("loss", "val_loss"), best=_best_row(history))
    all_axes[0].set_ylabel("loss")
    if accuracies:
        _learning(all_axes[1], history, epochs, tuple(accuracies), best=_best_row(history))
        all_axes[1].set_ylabel("accuracy")
    return picture(
        figure,
        history,
        name="learning",
        title="Learning curve",
        caption=(
            "By epoch. The ring marks the epoch that was kept: the one with the lowest validation "
            "loss."
        ),
    )


def _learning(
    axes: Axes,
    history: pd.DataFrame,
    epochs: np.ndarray,
    names: tuple[str, ...],
    *,
    best: int | None,
) -> None:
    for name in names:
        if name not in history:
            continue
        held_out = name.startswith("val_")
        color, label = (NETWORK, "validation") if held_out else (MUTED, "train")
        axes.plot(epochs, history[name], marker="o", markersize=3.5, color=color, label=label)
        if held_out and best is not None:
            axes.plot(
                [epochs[best]], [history[name].iloc[best]], linestyle="none", label="kept", **_RING
            )
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes)


def _epochs(history: pd.DataFrame) -> np.ndarray:
    return history["epoch"].to_numpy() if "epoch" in history else np.arange(1, len(history) + 1)


def _best_row(history: pd.DataFrame) -> int | None:
    if "best" in history and history["best"].any():
        return int(np.flatnonzero(history["best"].to_numpy(bool))[-1])
    if "val_loss" not in history or not history["val_loss"].notna().any():
        return None
    return int(np.nanargmin(history["val_loss"].to_numpy(float)))
