"""The part of the report about a regression: what it forecast, what came,
and what persistence would have said.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cryptonn.evaluation.forecasts import MEANINGS, forecast_sentence, share_inside
from cryptonn.market.candles import timeframe_delta
from cryptonn.records import read_json
from cryptonn.reporting.chart import Chart
from cryptonn.reporting.figures_forecast import draw_forecast_chart, draw_forecasts
from cryptonn.reporting.formatting import count, number, percent
from cryptonn.reporting.grid import Cell, Grid
from cryptonn.reporting.picture import Picture
from cryptonn.reporting.words import IN_SAMPLE
from cryptonn.runs import Run

__all__ = ["Forecasts", "forecast_words", "make_forecasts"]

Band = tuple[float, float]

_FITTED = "train"
_HELD = "interval_held"
_WORDS = (
    "A forecast of a price is worth something only beside persistence, which says that the price "
    "stays as it is: both lines of a good-looking plot lie together even where the network says "
    "nothing else. The errors on the train rows are those of rows the network was fitted to, and "
    "no evidence."
)


@dataclass(frozen=True)
class Forecasts:
    """What a regression forecast."""

    words: str
    sentences: tuple[tuple[str, str], ...]
    """Role and what is to be said of it."""
    pictures: tuple[Picture, ...]
    charts: tuple[Chart, ...]
    grid: Grid
    meanings: tuple[tuple[str, str], ...]


def make_forecasts(run: Run) -> Forecasts | None:
    """Draw the forecasts of a regression and lay out how good they are; None of a classifier."""
    if run.forecasts is None or not run.forecast_scores:
        return None
    rows = _by_due_time(run)
    band = _band(run)
    quote = run.config.data.target.partition("/")[2]
    labels = {
        role: f"{role}, {IN_SAMPLE}" if run.in_sample(role) else role
        for role in run.forecast_scores
    }
    looked_into = [role for role in labels if role not in (_FITTED, "validation")] or list(labels)[
        -1:
    ]
    charts = (
        draw_forecast_chart(
            rows.loc[rows["role"] == role], role=role, label=labels[role], band=band, quote=quote
        )
        for role in looked_into
    )
    return Forecasts(
        words=_WORDS,
        sentences=tuple((labels[role], words) for role, words in forecast_words(run)),
        pictures=(draw_forecasts(rows, labels=list(labels.items()), quote=quote),),
        charts=tuple(charts),
        grid=_grid(run.forecast_scores, labels, _held(rows, band) if band else {}, quote=quote),
        meanings=tuple(MEANINGS.items()),
    )


def forecast_words(run: Run) -> list[tuple[str, str]]:
    """Say of every role but the train rows how its forecasts compare with persistence."""
    daily = run.config.data.timeframe == "1d" and run.config.labels.horizon == 1
    persistence = "tomorrow is like today" if daily else "the price stays as it is"
    return [
        (role, forecast_sentence(scores, persistence=persistence))
        for role, scores in run.forecast_scores.items()
        if role != _FITTED
    ]


def _by_due_time(run: Run) -> pd.DataFrame:
    """Return the forecasts by the time of the price they are about."""
    forecasts = run.forecasts if run.forecasts is not None else pd.DataFrame()
    due = pd.DatetimeIndex(forecasts.index) + run.config.labels.horizon * timeframe_delta(
        run.config.data.timeframe
    )
    return forecasts.set_index(due.rename("due"))


def _band(run: Run) -> Band | None:
    """Return the ends of the 95 % interval as the model keeps them:
    log moves from the predicted price.
    """
    path = run.folder / "model" / "model.json"
    kept: Mapping[str, Any] = (read_json(path).get("regression") if path.exists() else None) or {}
    low, high = (kept.get(name) for name in ("low", "high"))
    return (float(low), float(high)) if low is not None and high is not None else None


def _held(rows: pd.DataFrame, band: Band) -> dict[str, float]:
    """Return by role the share of prices that came to lie inside the interval."""
    low, high = band
    return {
        str(role): share_inside(part, low=low, high=high) for role, part in rows.groupby("role")
    }


_COLUMNS = (
    ("rows", "bars"),
    ("rmse", "RMSE"),
    ("mae", "MAE"),
    ("rmse_persistence", "RMSE, persistence"),
    ("mae_persistence", "MAE, persistence"),
    ("rmse_ratio", "ratio of RMSE"),
    ("directional_accuracy", "direction right"),
    ("dm_statistic", "Diebold-Mariano"),
    ("dm_p_value", "p"),
)


def _grid(
    scores: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, str],
    held: Mapping[str, float],
    *,
    quote: str,
) -> Grid:
    frame = pd.DataFrame(
        [dict(found) for found in scores.values()], index=pd.Index(scores, name="role")
    )
    head = [("role", ""), *((title, MEANINGS[name]) for name, title in _COLUMNS)]
    if held:
        frame[_HELD] = pd.Series(held)
        head.append(
            (
                "inside 95 %",
                "share of prices inside the interval that the errors of the validation rows gave",
            )
        )
    rows = tuple(
        (
            Cell(labels[role]),
            *(_cell(name, found, fitted=role == _FITTED) for name, _ in _COLUMNS),
            *([Cell(percent(held.get(role)))] if held else []),
        )
        for role, found in scores.items()
    )
    return Grid(
        name="forecast_scores",
        title="Errors beside those of persistence",
        note=(
            f"Errors in {quote}. A ratio below 1 and a negative statistic are better than "
            "persistence; p is how often chance alone gives a statistic as far from 0. Small "
            "print: 95 % interval, allowing for overlap."
        ),
        head=tuple(head),
        rows=rows,
        frame=frame,
        own=frozenset(
            place for place, role in enumerate(scores) if role not in (_FITTED, "validation")
        ),
    )


def _cell(name: str, found: Mapping[str, float], *, fitted: bool) -> Cell:
    value = found[name]
    if name == "rows":
        return Cell(count(value))
    if name == "directional_accuracy":
        ends = found["directional_accuracy_low"], found["directional_accuracy_high"]
        return Cell(
            percent(value),
            note="" if math.isnan(value) else f"{percent(ends[0])} to {percent(ends[1])}",
        )
    if name == "rmse_ratio":
        return Cell(
            "n/a" if math.isnan(value) else f"{value:.3f}", tone="" if fitted else _tone(found)
        )
    if name == "dm_p_value":
        return Cell("n/a" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}")
    return Cell(number(value))


def _tone(found: Mapping[str, float]) -> str:
    if not found["dm_p_value"] < 0.05:
        return ""
    return "good" if found["dm_statistic"] < 0 else "bad"
