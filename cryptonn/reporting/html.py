"""The report: one HTML file that opens offline, and every figure and table of it beside it as PNG,
CSV and JSON.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from cryptonn.output import whole_folder, write_file
from cryptonn.progress import OnStep, Step, silent
from cryptonn.reporting.chart import Chart, plotly_script
from cryptonn.reporting.formatting import count, keep_units, signed_percent, slug
from cryptonn.reporting.grid import Grid
from cryptonn.reporting.picture import Picture, house_style
from cryptonn.reporting.sections import (
    Explored,
    Money,
    PeriodVerdict,
    Validated,
    fact_list,
    facts_line,
    make_chart,
    make_exploration,
    make_money,
    make_tear_sheets,
    make_validation,
    make_verdict,
    recorded_facts,
    synthetic_words,
)
from cryptonn.reporting.sections_forecast import Forecasts, make_forecasts
from cryptonn.reporting.sections_published import Published, make_published
from cryptonn.reporting.tearsheet import ANNUALISATION_NOTE, table_cells
from cryptonn.reporting.words import CLOCK, IN_SAMPLE, WORDS
from cryptonn.runs import Run

__all__ = ["write_report"]

_SECTIONS = (
    ("verdict", "Does it pay?"),
    ("money", "Equity and fees"),
    ("compare", "Strategies"),
    ("published", "As published"),
    ("forecasts", "Forecasts"),
    ("validation", "Validation"),
    ("chart", "Price and trades"),
    ("tearsheets", "Tear sheets"),
    ("exploration", "The market"),
    ("facts", "Facts"),
)
_NEED_TRADES = {"money", "compare", "chart", "tearsheets"}


@dataclass(frozen=True)
class _Image:
    name: str
    base64: str


@dataclass(frozen=True)
class _Sheet:
    title: str
    folder: str
    words: str
    note: str
    tables: tuple[str, ...]
    images: tuple[_Image, ...]


@dataclass
class _Parts:
    """What the report is made of, as it comes to be."""

    verdicts: list[PeriodVerdict] = field(default_factory=list)
    money: list[Money] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    sheets: list[_Sheet] = field(default_factory=list)
    validation: Validated = field(default_factory=Validated)
    forecasts: Forecasts | None = None
    published: Published | None = None
    exploration: Explored | None = None


def write_report(run: Run, folder: Path, *, on_step: OnStep = silent) -> Path:
    """Write the report of a run into a folder.

    Parameters
    ----------
    run
        A run; without backtests the report holds its validation alone.
    folder
        Gets ``report.html``, ``figures/`` (PNG, and JSON of the price charts) and ``tables/``
        (CSV). What of these stood there before is replaced.
    on_step
        Called with a ``Step`` before each piece of the report.

    Returns
    -------
    Path
        Of ``report.html``, which is written last.

    Raises
    ------
    OutputError
        If the folder cannot be written; each of the three is then as it was before or whole.
    """
    with whole_folder(folder / "figures") as figures, whole_folder(folder / "tables") as tables:
        with house_style():
            parts = _make(run, figures, on_step)
        _save_beside(parts, figures=figures, tables=tables)
        page = _render(run, parts)
    write_file(folder / "report.html", page)
    on_step(Step("report", done=1.0, text=str(folder / "report.html")))
    return folder / "report.html"


def _make(run: Run, figures: Path, on_step: OnStep) -> _Parts:
    parts = _Parts()
    pieces = list(_pieces(run, parts, figures))
    for place, (text, piece) in enumerate(pieces):
        on_step(Step("report", done=place / len(pieces), text=text))
        piece()
    return parts


def _pieces(run: Run, parts: _Parts, figures: Path) -> Iterator[tuple[str, Any]]:
    for period in run.backtests:
        yield f"equity and fees, {period}", lambda period=period: _add_money(run, parts, period)
        yield (
            f"price chart, {period}",
            lambda period=period: parts.charts.append(make_chart(run, period)),
        )
        yield (
            f"tear sheets, {period}",
            lambda period=period: _add_sheets(run, parts, period, figures),
        )
    if run.forecasts is not None:
        yield "forecasts", lambda: setattr(parts, "forecasts", make_forecasts(run))
    if run.published is not None:
        yield "as published", lambda: setattr(parts, "published", make_published(run))
    yield "validation", lambda: setattr(parts, "validation", make_validation(run))
    yield "the market", lambda: setattr(parts, "exploration", make_exploration(run))


def _add_money(run: Run, parts: _Parts, period: str) -> None:
    parts.verdicts.append(make_verdict(run, period))
    parts.money.append(make_money(run, period))


def _add_sheets(run: Run, parts: _Parts, period: str, figures: Path) -> None:
    for title, result, sheet in make_tear_sheets(run, period, figures):
        folder = f"tearsheet_{slug(period)}_{slug(result.fees)}"
        words = (
            f"net {signed_percent(result.equity.iloc[-1] / result.cash - 1)}, "
            f"{count(len(result.trades))} trades"
        )
        images = tuple(_Image(path.stem, _base64(path.read_bytes())) for path in sheet.images)
        parts.sheets.append(_Sheet(title, folder, words, sheet.note, sheet.tables, images))


def _pictures(parts: _Parts) -> list[Picture]:
    others = (parts.forecasts, parts.validation, parts.exploration)
    optional = (shown for part in others if part is not None for shown in part.pictures)
    return [*(shown for money in parts.money for shown in money.pictures), *optional]


def _grids(parts: _Parts) -> list[Grid]:
    grids = [grid for money in parts.money for grid in (money.months, money.comparison)]
    grids += [
        part.grid
        for part in (parts.published, parts.forecasts, parts.validation, parts.exploration)
        if part is not None
    ]
    return [grid for grid in grids if grid is not None]


def _charts(parts: _Parts) -> list[Chart]:
    return [*parts.charts, *(parts.forecasts.charts if parts.forecasts else ())]


def _save_beside(parts: _Parts, *, figures: Path, tables: Path) -> None:
    for shown in _pictures(parts):
        (figures / f"{shown.name}.png").write_bytes(shown.png)
        shown.table.to_csv(tables / f"{shown.name}.csv", index=False)
    for grid in _grids(parts):
        grid.frame.to_csv(
            tables / f"{grid.name}.csv", index=not isinstance(grid.frame.index, pd.RangeIndex)
        )
    for chart in _charts(parts):
        (figures / f"{chart.name}.json").write_text(chart.json, encoding="utf-8")
        chart.bars.to_csv(tables / f"{chart.name}.csv")
        if chart.trades is not None:
            chart.trades.to_csv(tables / f"{chart.name}_trades.csv", index=False)
    for sheet in parts.sheets:
        for number, table in enumerate(sheet.tables, start=1):
            cells = pd.DataFrame(table_cells(table))
            cells.to_csv(tables / f"{sheet.folder}_{number}.csv", index=False, header=False)


def _render(run: Run, parts: _Parts) -> str:
    loader = PackageLoader("cryptonn.reporting", ".")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["units"] = keep_units
    template = environment.get_template("report.html.j2")
    css = loader.get_source(environment, "report.css")[0]
    return template.render(_context(run, parts), css=css)


def _context(run: Run, parts: _Parts) -> Mapping[str, Any]:
    money = [
        {"figures": _shown(part.pictures), "months": part.months, "comparison": part.comparison}
        for part in parts.money
    ]
    validation = parts.validation
    explored = parts.exploration
    return {
        "title": run.config.name,
        "description": run.config.description,
        "facts_line": facts_line(run),
        "synthetic": synthetic_words(run),
        "notes": run.notes,
        "nav": _nav(parts),
        "verdicts": parts.verdicts,
        "in_sample": IN_SAMPLE,
        "money": money,
        "validation": {
            "words": validation.words,
            "figures": _shown(validation.pictures),
            "grid": validation.grid,
            "meanings": validation.meanings,
        },
        "forecasts": parts.forecasts
        and {"part": parts.forecasts, "figures": _shown(parts.forecasts.pictures)},
        "published": parts.published,
        "charts": parts.charts,
        "plotly": plotly_script() if _charts(parts) else "",
        "sheets": parts.sheets,
        "annualisation": ANNUALISATION_NOTE,
        "exploration": {"figures": _shown(explored.pictures), "grid": explored.grid}
        if explored
        else {},
        "clock": CLOCK,
        "facts": fact_list(run),
        "recorded": recorded_facts(run),
        "words": WORDS,
        "toml": run.config.to_toml(),
    }


def _nav(parts: _Parts) -> list[tuple[str, str]]:
    there = {
        "published": parts.published,
        "forecasts": parts.forecasts,
        **dict.fromkeys(_NEED_TRADES, parts.money),
    }
    return [(anchor, words) for anchor, words in _SECTIONS if there.get(anchor, True)]


def _shown(pictures: tuple[Picture, ...]) -> list[Mapping[str, Any]]:
    return [{"picture": shown, "base64": _base64(shown.png)} for shown in pictures]


def _base64(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")
