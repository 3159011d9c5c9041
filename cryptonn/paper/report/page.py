"""Write the report of a session: one HTML file that opens offline,
its figures and tables beside it.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from cryptonn.output import whole_folder, write_file
from cryptonn.paper.recorded import RecordedSession
from cryptonn.paper.report import facts, tables, words
from cryptonn.paper.report.compared import Compared, compare
from cryptonn.paper.report.figures import draw_ledgers
from cryptonn.progress import OnStep, Step, silent
from cryptonn.reporting.figures_equity import daily_returns
from cryptonn.reporting.formatting import count, keep_units, signed_percent
from cryptonn.reporting.grid import Grid
from cryptonn.reporting.picture import Picture, house_style
from cryptonn.reporting.tearsheet import (
    ANNUALISATION_NOTE,
    TearSheet,
    table_cells,
    write_tear_sheet,
)
from cryptonn.units import counted

__all__ = ["write_session_report"]

_FEWEST_DAYS = 3
"""pyfolio draws nothing of fewer."""


@dataclass(frozen=True)
class _Sheet:
    """One of pyfolio's tear sheets."""

    title: str
    folder: str
    words: str
    sheet: TearSheet
    images: tuple[tuple[str, str], ...]
    """Name and base64 of each figure."""


@dataclass(frozen=True)
class _Parts:
    picture: Picture
    grids: dict[str, Grid]
    sheets: list[_Sheet]


def write_session_report(session: RecordedSession, *, on_step: OnStep = silent) -> Path:
    """Write the report of a session into its folder.

    Parameters
    ----------
    session
        See ``open_recorded``; it must have decided on something.
    on_step
        Called with a ``Step`` before each piece of the report.

    Returns
    -------
    Path
        Of ``report.html``, which is written last; ``figures/`` (PNG) and ``tables/`` (CSV) lie
        beside it.

    Raises
    ------
    OutputError
        If the folder cannot be written; each of the three is then as it was before or whole.
    """
    on_step(Step("report", 0.0, "replaying the session's candles"))
    found = compare(session)
    with (
        whole_folder(session.folder / "figures") as pictures,
        whole_folder(session.folder / "tables") as csv,
        house_style(),
    ):
        on_step(Step("report", 0.4, "equity and tables"))
        quote = session.ledger.facts.quote
        picture = draw_ledgers(found.venue, found.model, found.held, quote=quote)
        on_step(Step("report", 0.5, "tear sheets"))
        parts = _Parts(picture, _grids(session, found), _sheets(found, pictures))
        _save_beside(parts, pictures=pictures, csv=csv)
        page = _render(session, found, parts)
    path = session.folder / "report.html"
    write_file(path, page)
    on_step(Step("report", 1.0, str(path)))
    return path


def _grids(session: RecordedSession, found: Compared) -> dict[str, Grid]:
    ledger = session.ledger
    made = (
        tables.metrics_grid(found),
        tables.differences_grid(found.parity),
        tables.orders_grid(ledger),
        tables.refused_grid(found.parity),
        tables.fees_grid(ledger),
        tables.incidents_grid(ledger),
        tables.epochs_grid(ledger),
    )
    return {grid.name: grid for grid in made}


def _sheets(found: Compared, folder: Path) -> list[_Sheet]:
    """Let pyfolio draw both ledgers, where there are days enough."""
    if len(found.venue.returns) < _FEWEST_DAYS:
        return []
    benchmark = daily_returns(found.held, cash=found.venue.cash)
    sheets = []
    for name, title, result in (
        ("exchange", "The exchange's fills", found.venue),
        ("backtest", "The backtest of the same candles", found.model),
    ):
        sheet = write_tear_sheet(result, folder / f"tearsheet_{name}", benchmark=benchmark)
        images = tuple((path.stem, _base64(path.read_bytes())) for path in sheet.images)
        told = f"net {signed_percent(result.net_return)}, {count(len(result.trades))} trades"
        sheets.append(_Sheet(title, f"tearsheet_{name}", told, sheet, images))
    return sheets


def _save_beside(parts: _Parts, *, pictures: Path, csv: Path) -> None:
    (pictures / f"{parts.picture.name}.png").write_bytes(parts.picture.png)
    parts.picture.table.to_csv(csv / f"{parts.picture.name}.csv", index=False)
    for grid in parts.grids.values():
        grid.frame.to_csv(
            csv / f"{grid.name}.csv", index=not isinstance(grid.frame.index, pd.RangeIndex)
        )
    for sheet in parts.sheets:
        for place, table in enumerate(sheet.sheet.tables, start=1):
            cells = pd.DataFrame(table_cells(table))
            cells.to_csv(csv / f"{sheet.folder}_{place}.csv", index=False, header=False)


def _render(session: RecordedSession, found: Compared, parts: _Parts) -> str:
    pieces = PackageLoader("cryptonn.reporting", ".")
    loader = ChoiceLoader([PackageLoader("cryptonn.paper.report", "."), pieces])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["units"] = keep_units
    css = pieces.get_source(environment, "report.css")[0]
    return environment.get_template("session.html.j2").render(
        _context(session, found, parts), css=css
    )


def _context(session: RecordedSession, found: Compared, parts: _Parts) -> Mapping[str, Any]:
    days = len(found.venue.returns)
    return {
        "title": f"{session.ledger.facts.run}, paper session {session.name}",
        "description": found.config.description,
        "facts_line": facts.facts_line(session, found),
        "banner": words.banner(session),
        "headline": words.headline(session, found),
        "tone": words.tone(found),
        "numbers": words.large_numbers(session, found),
        "sentences": words.sentences(session, found),
        "figure": {"picture": parts.picture, "base64": _base64(parts.picture.png)},
        "grids": parts.grids,
        "sheets": parts.sheets,
        "too_few_days": f"{counted(days, 'UTC day')}: pyfolio's tear sheet needs {_FEWEST_DAYS}.",
        "annualisation": ANNUALISATION_NOTE,
        "facts": facts.fact_list(session, found),
    }


def _base64(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")
