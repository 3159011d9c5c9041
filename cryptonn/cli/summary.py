"""What a run came to, on one screen: accuracy, verdict, the table of strategies and fees."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptonn.cli.console import show_table, stdout
from cryptonn.units import BP

if TYPE_CHECKING:
    import pandas as pd

    from cryptonn.runs import Run

__all__ = ["show_run", "summary_of"]


def summary_of(done: "Run", table: "pd.DataFrame", *, report: Path | None) -> dict[str, Any]:
    """Return the numbers of a run as one JSON object; ``table`` holds the backtests to name."""
    return {
        "run": done.name,
        "folder": str(done.folder),
        "report": str(report) if report else None,
        "synthetic": done.config.data.source == "synthetic",
        "notes": done.notes,
        "facts": done.facts,
        "accuracy": {
            period: {model: assessment.metrics for model, assessment in models.items()}
            for period, models in done.assessments.items()
        },
        "backtests": table.to_dict(orient="records"),
        "verdicts": {
            period: {"headline": found.headline, "sentences": found.sentences, "numbers": found.numbers}
            for period, found in done.verdicts.items()
        },
    }


def show_run(done: "Run", table: "pd.DataFrame", *, report: Path | None) -> None:
    """Print accuracy by period, backtests, verdicts and the way to the report."""
    if done.config.data.source == "synthetic":
        stdout.print("SYNTHETIC MARKET: generated candles with a planted lead, no real prices.", style="bold yellow")
    for note in done.notes:
        stdout.print(f"Note: {note}", style="bold yellow", soft_wrap=True)
    _show_accuracy(done)
    if len(table):
        _show_backtests(done, table)
    for period in dict.fromkeys(table["period"] if len(table) else ()):
        if period in done.verdicts:
            headline = f"{done.strategy} on {period}: {done.verdicts[period].headline}"
            stdout.print(headline, style="bold", soft_wrap=True, markup=False)
    stdout.print(f"Run:    {done.folder}", soft_wrap=True)
    if report:
        stdout.print(f"Report: {report}", soft_wrap=True)


def _show_accuracy(done: "Run") -> None:
    best = done.facts.get("best_possible_accuracy") or {}
    columns = ["period", "model", "published-style", "on moves", "95 % interval", "AUC"]
    rows = []
    for period, models in done.assessments.items():
        for model, assessment in models.items():
            found = assessment.metrics
            interval = f"{found['accuracy_on_moves_low']:.1%} to {found['accuracy_on_moves_high']:.1%}"
            raw, moves = found["balanced_accuracy_published"], found["accuracy_on_moves"]
            row = [period, model, f"{raw:.2%}", f"{moves:.2%}", interval, f"{found['auc']:.3f}"]
            rows.append([*row, f"{best[period]:.2%}"] if period in best else row)
    show_table("Accuracy", [*columns, "best possible"] if best else columns, rows, left=2)


def _show_backtests(done: "Run", table: "pd.DataFrame") -> None:
    """Print what the run's own strategy made of each trade, then every strategy's return under every fee."""
    for period, rows in table.groupby("period", sort=False):
        own = rows[rows["strategy"] == done.strategy]
        if len(own):
            columns = ("fees", "trades", "gross bp", "net bp", "break-even", "net return", "Sharpe", "drawdown")
            title = f"{done.strategy} on {period}, gross and net a trade"
            show_table(title, columns, [_own_row(row) for _, row in own.iterrows()])
        if len(own) < len(rows):
            fees = list(dict.fromkeys(rows["fees"]))
            returns = rows.set_index(["strategy", "fees"])["net_return"].to_dict()
            cells = [
                (name, *(_number(100 * returns.get((name, fee), math.nan), 1, " %") for fee in fees))
                for name in dict.fromkeys(rows["strategy"])
            ]
            show_table(f"Net return on {period} by fee", ("strategy", *fees), cells)


def _own_row(row: "pd.Series") -> tuple[str, ...]:
    return (
        *(row["fees"], f"{row['trades']:,}"),
        *(_number(row["gross_per_trade_bp"], 1), _number(row["net_per_trade_bp"], 1)),
        *(_number(row["break_even_fee"] / BP, 1, " bp"), _number(100 * row["net_return"], 1, " %")),
        *(_number(row["sharpe"], 2), _number(100 * row["max_drawdown"], 1, " %")),
    )


def _number(value: float, digits: int, unit: str = "") -> str:
    return "n/a" if math.isnan(value) else f"{value:,.{digits}f}{unit}"
