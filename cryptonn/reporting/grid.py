"""Tables as the report shows them: every cell as text, the number to sort by,
and whether it is good or bad news.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from cryptonn.evaluation.accuracy import MEANINGS, Assessment
from cryptonn.reporting.figures_equity import HELD, fee_words
from cryptonn.reporting.formatting import (
    bp,
    count,
    date,
    money,
    number,
    percent,
    signed_bp,
    signed_percent,
)
from cryptonn.reporting.meanings import CHOSEN, METRICS
from cryptonn.units import BP

__all__ = [
    "Cell",
    "Grid",
    "accuracy_grid",
    "comparison_grid",
    "monthly_grid",
    "statistics_grid",
    "tone_of",
    "without_praise",
]


@dataclass(frozen=True)
class Cell:
    """One cell."""

    text: str
    value: float | None = None
    """What the column is sorted by; None sorts by the text."""
    tone: str = ""
    """"good", "bad" or nothing."""
    note: str = ""
    """Small print below the text."""


@dataclass(frozen=True)
class Grid:
    """A table as it goes into the report."""

    name: str
    """File name of its CSV without the ending."""
    title: str
    note: str
    head: tuple[tuple[str, str], ...]
    """Heading and explanation of each column."""
    rows: tuple[tuple[Cell, ...], ...]
    frame: pd.DataFrame = field(repr=False)
    """The numbers, for the CSV."""
    words: int = 1
    """Columns of words at the left."""
    own: frozenset[int] = frozenset()
    """Rows to highlight."""
    sortable: bool = False


def tone_of(value: Any) -> str:
    """Return "good" for a gain, "bad" for a loss, "" for neither."""
    if value is None or pd.isna(value) or float(value) == 0:
        return ""
    return "good" if float(value) > 0 else "bad"


def _plain_bp(value: Any) -> str:
    return signed_bp(None if value is None or pd.isna(value) else value * BP)


_COLUMNS: tuple[tuple[str, str, Callable[[Any], str], bool], ...] = (
    ("trades", "trades", count, False),
    ("gross_return", "gross return", signed_percent, True),
    ("net_return", "net return", signed_percent, True),
    ("gross_per_trade_bp", "gross / trade", _plain_bp, True),
    ("net_per_trade_bp", "net / trade", _plain_bp, True),
    ("break_even_fee", "break-even / side", bp, False),
    ("cost_per_side", "cost / side", bp, False),
    ("fees_paid", "fees paid", money, False),
    ("slippage_paid", "slippage paid", money, False),
    ("sharpe", "Sharpe (365)", number, False),
    ("deflated_sharpe", "P(Sharpe beats luck)", percent, False),
    ("max_drawdown_bars", "deepest drawdown, bar by bar", percent, False),
    ("exposure", "exposure", percent, False),
    ("turnover_per_day", "turnover / day", number, False),
    ("accuracy_of_trades", "accuracy", percent, False),
    ("weighted_accuracy_of_trades", "weighted", percent, False),
    ("required_weighted_accuracy", "required", percent, False),
    ("rejections", "rejected", count, False),
)
"""Column of the comparison, its heading, how it is written, whether its sign is news."""
_MEANINGS = METRICS | CHOSEN


def comparison_grid(comparison: pd.DataFrame, *, period: str, own: str, name: str) -> Grid:
    """Lay every strategy under every fee scenario side by side;
    ``own`` comes first and is highlighted.
    """
    table = comparison.loc[comparison["period"] == period] if "period" in comparison else comparison
    table = _ordered(table, own=own)
    columns = [column for column in _COLUMNS if column[0] in table]
    rows = tuple(
        (
            Cell(str(row["strategy"])),
            Cell(fee_words(str(row["fees"]))),
            *(_cell(row[key], write, news) for key, _, write, news in columns),
        )
        for _, row in table.iterrows()
    )
    return Grid(
        name=name,
        title=f"Strategies and fees, {period}",
        note=_comparison_note(table),
        head=(
            ("strategy", ""),
            ("fees", ""),
            *((title, _MEANINGS.get(key, "")) for key, title, *_ in columns),
        ),
        rows=rows,
        frame=table,
        words=2,
        own=frozenset(int(place) for place in table.index[table["strategy"] == own]),
        sortable=True,
    )


def _ordered(table: pd.DataFrame, *, own: str) -> pd.DataFrame:
    """Put one strategy first and the others in the order of their appearance,
    each from cheap to dear.
    """
    place = {name: number for number, name in enumerate(dict.fromkeys([own, *table["strategy"]]))}
    order = pd.DataFrame(
        {"place": table["strategy"].map(place), "dear": table.get("cost_per_side", 0.0)}
    )
    order = order.reset_index(drop=True)
    return table.iloc[order.sort_values(["place", "dear"], kind="stable").index].reset_index(
        drop=True
    )


def without_praise(grid: Grid, *, mark: str = "") -> Grid:
    """Return a grid without green, for numbers that are no evidence;
    ``mark`` is added to its title.
    """
    rows = tuple(
        tuple(replace(cell, tone="" if cell.tone == "good" else cell.tone) for cell in row)
        for row in grid.rows
    )
    return replace(grid, rows=rows, title=", ".join(part for part in (grid.title, mark) if part))


def _comparison_note(table: pd.DataFrame) -> str:
    there = set(table["strategy"])
    held = (
        float(table["buy_and_hold_return"].iloc[0])
        if "buy_and_hold_return" in table and len(table)
        else None
    )
    said = [
        (
            f"{HELD[0].upper()}{HELD[1:]}: {signed_percent(held)} from the first open to the last "
            "close."
        )
    ]
    if "buy_and_hold" in there:
        said.append(
            "The strategy buy_and_hold enters at the second open, with its share of equity, and "
            "pays."
        )
    if "random_entry" in there:
        said.append(
            "random_entry is one draw of one seed: another seed gives another row. Each of its "
            "trades lasts hold bars, never renewed, so it may be in the market for less time than "
            "the run's own strategy."
        )
    said.append(
        "Required is the accuracy, weighted by the size of the moves, at which gross would just "
        "pay the costs; above 100 % none is enough. Click a heading to sort, rest the pointer on "
        "one to read what it means."
    )
    return " ".join(said)


def _cell(value: Any, write: Callable[[Any], str], news: bool) -> Cell:
    undefined = value is None or pd.isna(value)
    return Cell(
        "n/a" if undefined else write(value),
        None if undefined else float(value),
        tone_of(value) if news else "",
    )


def accuracy_grid(assessments: Mapping[str, Mapping[str, Assessment]]) -> Grid:
    """Lay the metrics of every period and model side by side,
    the published accuracy beside the honest ones.
    """
    columns = [
        (period, model, found.metrics)
        for period, models in assessments.items()
        for model, found in models.items()
    ]
    names = [name for name in MEANINGS if any(name in metrics for _, _, metrics in columns)]
    frame = pd.DataFrame(
        {
            f"{period}, {model}": {name: metrics.get(name) for name in names}
            for period, model, metrics in columns
        }
    ).rename_axis("metric")
    lines = [name for name in names if not name.removesuffix("_bp").endswith(("_low", "_high"))]
    lines.sort(
        key=lambda name: (
            _FIRST.index(name) if name in _FIRST else len(_FIRST) + name.startswith(_COUNTS)
        )
    )
    rows = tuple(
        (Cell(_title(name)), *(_with_interval(name, metrics) for _, _, metrics in columns))
        for name in lines
    )
    return Grid(
        name="accuracy_metrics",
        title="Raw beside honest: every number",
        note="Small print: 95 % intervals. What each metric means is unfolded below.",
        head=(("metric", ""), *((f"{period}, {model}", "") for period, model, _ in columns)),
        rows=rows,
        frame=frame,
    )


_FIRST = (
    "balanced_accuracy_published",
    "balanced_accuracy",
    "accuracy_on_moves",
    "base_rate_on_moves",
    "accuracy",
    "base_rate",
)
_COUNTS = ("rows", "moves", "ties", "effective")
_TITLES = {
    "balanced_accuracy_published": "balanced accuracy, as published (ties up)",
    "balanced_accuracy": "balanced accuracy, ties left out",
    "accuracy": "accuracy on all bars, a tie is a miss",
    "base_rate": "base rate of all bars",
    "accuracy_on_moves": "accuracy on moves",
    "auc": "AUC",
    "brier": "Brier score",
}


def _title(name: str) -> str:
    return _TITLES.get(name, name.removesuffix("_bp").replace("_", " "))


def _with_interval(name: str, metrics: Mapping[str, float]) -> Cell:
    stem, unit = (name.removesuffix("_bp"), "_bp") if name.endswith("_bp") else (name, "")
    low, high = metrics.get(f"{stem}_low{unit}"), metrics.get(f"{stem}_high{unit}")
    text = _metric(name, metrics.get(name))
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return Cell(text)
    return Cell(text, note=f"{_metric(name, low)} to {_metric(name, high)}")


def _metric(name: str, value: float | None) -> str:
    if value is None or pd.isna(value):
        return "n/a"
    if name.endswith("_bp"):
        return bp(value * BP)
    if name.startswith("rows") or name in ("moves", "effective_rows"):
        return count(value)
    if name in ("auc", "brier") or name.startswith("log_loss"):
        return f"{value:.4f}"
    return percent(value)


def monthly_grid(months: pd.DataFrame, *, label: str, whose: str, name: str) -> Grid:
    """Show the return of each month under every fee scenario; ``label`` names the period,
    ``whose`` the strategy.
    """
    columns = list(months)
    rows = tuple(
        (
            Cell(str(month)),
            *(Cell(signed_percent(row[column]), tone=tone_of(row[column])) for column in columns),
        )
        for month, row in zip(months.index, months.to_dict(orient="records"), strict=True)
    )
    titles = (HELD if column == "buy_and_hold" else fee_words(str(column)) for column in columns)
    note = f"Compounded, UTC months; {whose} under each fee scenario."
    head = (("month", ""), *((title, "") for title in titles))
    return Grid(name, f"Month by month, {label}", note, head, rows, months)


_STATISTICS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("first", "first bar", date),
    ("last", "last bar", date),
    ("bars", "bars", count),
    ("without_trade", "without a trade", percent),
    ("close_first", "first close", number),
    ("close_last", "last close", number),
    ("low", "lowest", number),
    ("high", "highest", number),
    ("change", "change", signed_percent),
    ("mean_move", "mean move a bar", bp),
    ("volatility", "volatility a year", percent),
    ("worst_day", "worst day", signed_percent),
    ("best_day", "best day", signed_percent),
    ("kurtosis", "kurtosis of days", number),
    ("volume", "volume (base)", count),
)


def statistics_grid(table: pd.DataFrame) -> Grid:
    """Show the basic statistics of every coin."""
    symbols = [str(symbol) for symbol in table.index]
    rows = tuple(
        (Cell(title), *(Cell(write(value)) for value in table[key]))
        for key, title, write in _STATISTICS
        if key in table
    )
    note = (
        "Volatility: standard deviation of daily log returns times the root of 365. Kurtosis: in "
        "excess."
    )
    return Grid(
        "statistics",
        "Basic statistics",
        note,
        (("", ""), *((symbol, "") for symbol in symbols)),
        rows,
        table,
    )
