"""What a run came to, on one screen: accuracy, verdict, the table of strategies and fees."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptonn.cli.console import show_table, stdout
from cryptonn.units import BP

if TYPE_CHECKING:
    import pandas as pd

    from cryptonn.evaluation.verdict import Verdict
    from cryptonn.runs import Run

__all__ = ["Verdicts", "own_verdicts", "show_backtests", "show_run", "summary_of"]

Verdicts = Mapping[str, Mapping[str, "Verdict"]]
"""By period and strategy."""

_A_TRADE = "costs, gross and net a trade"
"""What the columns in bp mean."""


def own_verdicts(done: "Run") -> Verdicts:
    """Return the verdict of each period on the strategy that stands for it."""
    return {period: {done.leading(period): found} for period, found in done.verdicts.items()}


def summary_of(
    done: "Run", table: "pd.DataFrame", *, verdicts: Verdicts, report: Path | None
) -> dict[str, Any]:
    """Return the numbers of a run as one JSON object; ``table`` and ``verdicts`` are of the
    backtests to name.

    ``verdicts`` holds the first strategy's of each period, ``headlines`` one of each strategy and
    period.
    """
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
        "published": done.published,
        "forecasts": done.forecast_scores,
        "backtests": table.to_dict(orient="records"),
        "verdicts": {
            period: {
                "strategy": strategy,
                "headline": found.headline,
                "sentences": found.sentences,
                "numbers": found.numbers,
            }
            for period, by_strategy in verdicts.items()
            for strategy, found in list(by_strategy.items())[:1]
        },
        "headlines": [
            {"period": period, "strategy": strategy, "headline": found.headline}
            for period, by_strategy in verdicts.items()
            for strategy, found in by_strategy.items()
        ],
    }


def show_run(done: "Run", *, report: Path) -> None:
    """Print accuracy, the run's strategy under each fee, every strategy's return, the verdicts,
    the report.
    """
    _show_warnings(done)
    _show_accuracy(done)
    _show_published(done)
    _show_forecasts(done)
    for period in done.backtests:
        rows = done.comparison[done.comparison["period"] == period]
        own = rows[rows["strategy"] == done.leading(period)]
        _show_trades(f"{done.leading(period)} on {period}, {_A_TRADE}", own)
        _show_deflated(own)
        if len(own) < len(rows):
            _show_returns(f"Net return on {period} by fee", rows)
    _show_verdicts(own_verdicts(done))
    if not done.config.data.test:
        stdout.print("Nothing was traded: the run file names no period under [data.test].")
    _show_places(done, f"Report: {report}" if report.exists() else "")


def show_backtests(done: "Run", table: "pd.DataFrame", *, verdicts: Verdicts, report: Path) -> None:
    """Print the backtests that were just made, all of them in one table a period,
    and a headline a strategy.
    """
    _show_warnings(done)
    periods = [str(period) for period in dict.fromkeys(table["period"])]
    for period in periods:
        rows = table[table["period"] == period]
        _show_trades(f"{period}, {_A_TRADE}", rows, named=True)
        stdout.print(f"Buy and hold, all in, no costs: {rows['buy_and_hold_return'].iloc[0]:+.2%}")
    _show_verdicts(verdicts)
    older = f"Report: {report}, older than these; `cryptonn report {done.name}` renews it"
    _show_places(done, older if report.exists() else "")


def _show_warnings(done: "Run") -> None:
    if done.config.data.source == "synthetic":
        stdout.print(
            "SYNTHETIC MARKET: generated candles with a planted lead, no real prices.",
            style="bold yellow",
        )
    for note in done.notes:
        stdout.print(f"Note: {note}", style="bold yellow")


def _show_verdicts(verdicts: Verdicts) -> None:
    for period, by_strategy in verdicts.items():
        for strategy, found in by_strategy.items():
            headline = f"{strategy} on {period}: {found.headline}"
            stdout.print(headline, style="bold", markup=False)


def _show_places(done: "Run", report: str) -> None:
    stdout.print(f"Run:    {done.folder}", soft_wrap=True)
    if report:
        stdout.print(report, soft_wrap=True)


def _show_accuracy(done: "Run") -> None:
    best = done.facts.get("best_possible_accuracy") or {}
    columns = ["period", "model", "published", "on moves", "95 % interval", "AUC"]
    rows = []
    for period, models in done.assessments.items():
        for model, assessment in models.items():
            found = assessment.metrics
            interval = (
                f"{100 * found['accuracy_on_moves_low']:.1f}–{found['accuracy_on_moves_high']:.1%}"
            )
            raw = found["balanced_accuracy_published"]
            moves = found["accuracy_on_moves"]
            row = [period, model, f"{raw:.2%}", f"{moves:.2%}", interval, f"{found['auc']:.3f}"]
            rows.append([*row, f"{best[period]:.2%}"] if period in best else row)
    show_table(
        "Accuracy (published: balanced, ties up; on moves: ties out)",
        [*columns, "possible"] if best else columns,
        rows,
        left=2,
    )


def _show_published(done: "Run") -> None:
    if done.published is None and done.config.published is not None:
        stdout.print(
            f"Not reproduced as published: `cryptonn reproduce {done.name}` does that.",
            markup=False,
        )
    elif done.published is not None:
        from cryptonn.reporting.sections_published import published_line

        stdout.print(published_line(done), markup=False)


def _show_forecasts(done: "Run") -> None:
    """Print how far a regression's prices are off, beside persistence, and the same in words."""
    if not done.forecast_scores:
        return
    from cryptonn.reporting.sections_forecast import forecast_words

    columns = ("role", "RMSE", "MAE", "RMSE stays", "MAE stays", "ratio", "direction", "p")
    rows = []
    for role, found in done.forecast_scores.items():
        errors = [
            _number(found[name], 2)
            for name in ("rmse", "mae", "rmse_persistence", "mae_persistence")
        ]
        chance = "<0.001" if found["dm_p_value"] < 0.001 else _number(found["dm_p_value"], 3)
        rows.append(
            (
                role,
                *errors,
                _number(found["rmse_ratio"], 3),
                _percent(found["directional_accuracy"]),
                chance,
            )
        )
    quote = done.config.data.target.partition("/")[2]
    show_table(
        f"Forecasts of the price in {quote} (stays: persistence, the price stays as it is)",
        columns,
        rows,
    )
    for role, words in forecast_words(done):
        stdout.print(f"{role}: {words}", markup=False)


def _show_trades(title: str, rows: "pd.DataFrame", *, named: bool = False) -> None:
    """Print one row a backtest; gross less costs is about net, and borrowing takes more."""
    columns = (
        "fees",
        "costs\nbp",
        "trades",
        "gross\nbp",
        "net\nbp",
        "even\nbp",
        "return",
        "Sharpe",
        "drawdown",
    )
    cells = [
        (
            *((row["strategy"],) if named else ()),
            row["fees"],
            _costs_bp(row["cost_per_side"]),
            f"{row['trades']:,}",
            _number(row["gross_per_trade_bp"], 1),
            _number(row["net_per_trade_bp"], 1),
            _number(row["break_even_fee"] / BP, 1),
            _percent(row["net_return"]),
            _number(row["sharpe"], 1),
            _percent(row["max_drawdown_bars"]),
        )
        for _, row in rows.iterrows()
    ]
    show_table(title, ("strategy", *columns) if named else columns, cells, left=2 if named else 1)


def _costs_bp(per_side: float) -> str:
    """Return what entry and exit cost together, in bp."""
    return _number(2 * per_side / BP, 1)


def _show_deflated(rows: "pd.DataFrame") -> None:
    """Print what is left of the Sharpe ratios of a setting that a search chose."""
    if "deflated_sharpe" not in rows or rows["deflated_sharpe"].isna().all():
        return
    parts = [f"{row['fees']} {_percent(row['deflated_sharpe'])}" for _, row in rows.iterrows()]
    tried = f"{rows['trials'].iloc[0]:,.0f} settings tried"
    stdout.print(
        f"Chance that its Sharpe ratio beats luck, {tried}: {', '.join(parts)}", soft_wrap=True
    )


def _show_returns(title: str, rows: "pd.DataFrame") -> None:
    """Print one row a strategy and one column a fee, with the costs of a round trip
    under its name.
    """
    costs = rows.drop_duplicates("fees").set_index("fees")["cost_per_side"].to_dict()
    returns = rows.set_index(["strategy", "fees"])["net_return"].to_dict()
    cells = [
        (name, *(_percent(returns.get((name, fee), math.nan)) for fee in costs))
        for name in dict.fromkeys(rows["strategy"])
    ]
    heads = [f"{fee}\n{_costs_bp(per_side)} bp" for fee, per_side in costs.items()]
    show_table(title, ("strategy", *heads), cells)


def _percent(share: float) -> str:
    """Return a share in per cent; with more digits where one would hide what is left
    of the money.
    """
    return _number(100 * share, 2 if share < -0.995 else 1, " %")


def _number(value: float, digits: int, unit: str = "") -> str:
    return "n/a" if math.isnan(value) else f"{value:,.{digits}f}{unit}"
