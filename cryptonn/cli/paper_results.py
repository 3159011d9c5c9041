"""What became of a paper session: parity with its backtest, decision by decision,
and its report.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryptonn.cli.console import AsJson, emit, show_progress, show_table, stdout

if TYPE_CHECKING:
    from cryptonn.paper.parity import Parity

__all__ = ["COMMANDS", "parity", "report_session"]

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run: its folder, its folder's name, or its file's name for the latest.",
    ),
]
SessionName = Annotated[
    str | None,
    typer.Option("--session", help="Name of the paper session; the only one by default."),
]


def parity(
    name: RunName,
    session: SessionName = None,
    whole: Annotated[
        bool, typer.Option("--all", help="List every decision, not only those that differ.")
    ] = False,
    results: Annotated[Path, typer.Option(help="Folder that keeps the runs.")] = Path(
        "backtests/results"
    ),
    as_json: Annotated[bool, AsJson] = False,
) -> None:
    """Hold a paper session against the backtest of the candles it recorded, decision by decision.

    Bars that the session did not decide on, as it was down or starting, are listed and counted
    beside the score.

    The exit code is 0 if every decision and trade agrees, and 1 if not. Nothing is asked of the
    exchange.
    """
    from cryptonn.catalog import find_run
    from cryptonn.paper.parity import parity as compared
    from cryptonn.paper.recorded import open_recorded

    with open_recorded(find_run(name, results=results), session) as opened:
        found = compared(opened.ledger, opened.decider)
        facts: dict[str, Any] = {
            "run": opened.run.name,
            "session": opened.name,
            "database": str(opened.ledger.path),
        }
        facts["synthetic"] = opened.ledger.facts.synthetic
    if as_json:
        emit(facts | _payload(found, whole=whole))
    else:
        made_up = " (SYNTHETIC MARKET)" if facts["synthetic"] else ""
        _show(found, f"{facts['run']}, paper session {facts['session']}{made_up}", whole=whole)
    if not found.agrees:
        raise typer.Exit(1)


def report_session(name: str, *, session: str | None, results: Path, as_json: bool) -> None:
    """Write the report of a paper session; `cryptonn report` does this where it is
    asked for one.
    """
    from cryptonn.catalog import find_run
    from cryptonn.paper.recorded import open_recorded
    from cryptonn.paper.report.page import write_session_report

    with (
        show_progress("The session's report is as it was before.") as on_step,
        open_recorded(find_run(name, results=results), session) as opened,
    ):
        path = write_session_report(opened, on_step=on_step)
    if as_json:
        emit({"report": str(path)})
    else:
        stdout.print(f"Report: {path}", soft_wrap=True)


def _show(found: "Parity", title: str, *, whole: bool) -> None:
    from cryptonn.paper.report.differences import HEADINGS, decision_lines

    rows = [line.texts for line in decision_lines(found.table, whole=whole)]
    if rows:
        show_table(
            f"{title}: {'decisions' if whole else _differing(found)}",
            HEADINGS,
            rows,
            left=len(HEADINGS),
        )
    else:
        stdout.print(f"{title}: every decision agrees.", soft_wrap=True)
    stdout.print(found.describe(), soft_wrap=True)


def _differing(found: "Parity") -> str:
    """Say what the rows that differ are."""
    if found.agrees:
        return "every decision agrees; some bars were missed"
    if found.only_late:
        return "every signal agrees; trades differ where bars were missed"
    return "decisions that differ"


def _payload(found: "Parity", *, whole: bool) -> dict[str, Any]:
    names = ("agrees", "bars", "decisions", "missed", "flips", "trades", "same_trades", "score")
    return {
        **{
            name: getattr(found, name) for name in (*names, "equity_difference", "proba_difference")
        },
        "refused": [asdict(one) for one in found.refused],
        "rows": list(_rows(found, whole=whole)),
    }


def _rows(found: "Parity", *, whole: bool) -> Iterator[dict[str, Any]]:
    table = found.table if whole else found.table.loc[found.table["differs"] != ""]
    for time, row in zip(table.index, table.to_dict(orient="records"), strict=True):
        yield {"time": time.isoformat(), **{str(key): value for key, value in row.items()}}


COMMANDS = (parity,)
