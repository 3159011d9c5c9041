"""The parts of the report, each made from a run: verdict, money, validation, charts, tear sheets, market, facts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.evaluation.accuracy import MEANINGS
from cryptonn.reporting.chart import Chart, draw_chart
from cryptonn.reporting.exploration import explore, statistics
from cryptonn.reporting.fees import cheapest, costliest
from cryptonn.reporting.figures_accuracy import (
    draw_accuracy,
    draw_confusion,
    draw_histograms,
    draw_learning,
    draw_reliability,
)
from cryptonn.reporting.figures_equity import (
    buy_and_hold,
    daily_returns,
    draw_drawdown,
    draw_equity,
    draw_fee_sweep,
    fee_words,
    monthly_returns,
)
from cryptonn.reporting.formatting import date, percent, slug
from cryptonn.reporting.grid import Grid, accuracy_grid, comparison_grid, monthly_grid, statistics_grid
from cryptonn.reporting.numbers import BigNumber, big_numbers
from cryptonn.reporting.picture import Picture
from cryptonn.reporting.tearsheet import TearSheet, write_tear_sheet
from cryptonn.reporting.words import candle_facts, flatten, validation_words
from cryptonn.runs import Run
from cryptonn.trading.result import BacktestResult

__all__ = [
    "Explored",
    "Money",
    "PeriodVerdict",
    "Validated",
    "fact_list",
    "facts_line",
    "make_chart",
    "make_exploration",
    "make_money",
    "make_tear_sheets",
    "make_validation",
    "make_verdict",
    "own_results",
    "synthetic_words",
]


@dataclass(frozen=True)
class PeriodVerdict:
    """Whether it paid in one test period."""

    period: str
    range: str
    headline: str
    sentences: tuple[str, ...]
    numbers: tuple[BigNumber, ...]
    tone: str
    """"good", "bad" or nothing."""


@dataclass(frozen=True)
class Money:
    """What one test period earned."""

    pictures: tuple[Picture, ...]
    months: Grid
    comparison: Grid | None


@dataclass(frozen=True)
class Validated:
    """How good the probabilities were."""

    words: str = field(default_factory=validation_words)
    pictures: tuple[Picture, ...] = ()
    grid: Grid | None = None
    meanings: tuple[tuple[str, str], ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Explored:
    """A look at the market."""

    pictures: tuple[Picture, ...]
    grid: Grid


def own_results(run: Run, period: str) -> list[BacktestResult]:
    """Return the run's own strategy under every fee scenario, cheapest first."""
    own = [result for result in run.backtests[period] if result.strategy == _own_strategy(run)]
    return sorted(own or run.backtests[period], key=lambda result: result.costs.per_side)


def _own_strategy(run: Run) -> str:
    """Return the name under which the run's own strategy stands in its results."""
    return Path(run.config.backtest.strategy).stem


def make_verdict(run: Run, period: str) -> PeriodVerdict:
    """Gather headline and big numbers of one test period."""
    index = own_results(run, period)[0].equity.index
    own = _own_rows(run, period)
    verdict = run.verdicts.get(period)
    return PeriodVerdict(
        period=period,
        range=f"{date(index[0])} to {date(index[-1])} (UTC)",
        headline=verdict.headline if verdict else "No verdict was reached for this period.",
        sentences=tuple(verdict.sentences) if verdict else (),
        numbers=tuple(big_numbers(own, run.assessments.get(period, {}))),
        tone=_tone(run, period),
    )


def _tone(run: Run, period: str) -> str:
    """Return "good" only for a gain beyond doubt on bars that the network has not seen."""
    numbers = run.verdicts[period].numbers if period in run.verdicts else {}
    case = str(numbers.get("case", ""))
    if case == "pays":
        return "good" if numbers.get("certain") and not run.in_sample(period) else ""
    return "bad" if case.startswith("loses") else ""


def make_money(run: Run, period: str) -> Money:
    """Draw equity, fee sweep and drawdown of one test period, and lay out its months and its comparison."""
    results = own_results(run, period)
    held = _held(run, results[0])
    own = _own_rows(run, period)
    interval = _break_even_interval(own)
    pictures = (
        draw_equity(results, held, period=period),
        draw_fee_sweep(results, period=period, interval=interval),
        draw_drawdown(results, held, period=period),
    )
    months = monthly_grid(monthly_returns(results, held), period=period, name=f"months_{slug(period)}")
    if run.comparison.empty:
        return Money(pictures, months, None)
    name = f"comparison_{slug(period)}"
    return Money(pictures, months, comparison_grid(run.comparison, period=period, own=_own_strategy(run), name=name))


def make_validation(run: Run) -> Validated:
    """Draw the skill of network and logistic regression on validation and every test period."""
    words = validation_words([period for period in run.added if run.in_sample(period)])
    learning = (draw_learning(run.history),) if len(run.history) else ()
    found = {period: models for period, models in run.assessments.items() if "network" in models}
    found = {name: found[name] for name in sorted(found, key=lambda name: (name != "validation", name))}
    if not found:
        return Validated(words=words, pictures=learning)
    pictures = (
        draw_accuracy(found, best_possible=_best_possible(run)),
        draw_histograms(found),
        draw_reliability(found),
        draw_confusion(found),
        *learning,
    )
    return Validated(words=words, pictures=pictures, grid=accuracy_grid(found), meanings=tuple(MEANINGS.items()))


def make_chart(run: Run, period: str) -> Chart:
    """Draw the stretch of one test period with the most trades of the run's own strategy."""
    results = own_results(run, period)
    candles = run.frame.candles(run.config.data.target).loc[results[0].equity.index]
    rows = run.predictions.loc[run.predictions["period"] == period]
    days = run.config.report.chart_days
    return draw_chart(candles, rows["proba"], results, period=period, days=days, thresholds=_thresholds(run))


def _thresholds(run: Run) -> dict[str, float]:
    if "enter" not in run.facts:
        return {}
    enter = float(run.facts["enter"])
    both = run.config.signal.direction == "long-short"
    return {"long from": enter, "short below": 1 - enter} if both else {"long from": enter}


def make_tear_sheets(run: Run, period: str, folder: Path) -> list[tuple[str, BacktestResult, TearSheet]]:
    """Let pyfolio draw the cheapest and the costliest scenario of the run's own strategy in one test period."""
    results = own_results(run, period)
    benchmark = daily_returns(_held(run, results[0]), cash=results[0].cash)
    chosen = {result.fees: result for result in (cheapest(results), costliest(results))}
    sheets = []
    for fees, result in chosen.items():
        place = folder / f"tearsheet_{slug(period)}_{slug(fees)}"
        sheet = write_tear_sheet(result, place, benchmark=benchmark, round_trips=run.config.report.round_trips)
        sheets.append((f"{period}, {fee_words(fees)}", result, sheet))
    return sheets


def make_exploration(run: Run) -> Explored:
    """Draw the candles of all coins."""
    return Explored(tuple(explore(run.frame)), statistics_grid(statistics(run.frame)))


def synthetic_words(run: Run) -> str:
    """Return the text of the banner over a made-up market, or "" over a real one."""
    if run.config.data.source != "synthetic":
        return ""
    made = run.config.data.synthetic
    planted = (
        "nothing can be predicted" if made.lead == 0 else f"BTC leads ETH with a planted strength of {made.lead:g}"
    )
    best = [f"{percent(share)} ({period})" for period, share in _best_possible(run).items()]
    limit = f" No forecast can be right on more than {', '.join(best)} of moves on average." if best else ""
    return (
        f"these candles are made up (seed {made.seed}, {made.days} days): {planted}.{limit} "
        "The numbers below test the program; they say nothing about any real market."
    )


def _best_possible(run: Run) -> dict[str, float]:
    return {str(period): float(share) for period, share in (run.facts.get("best_possible_accuracy") or {}).items()}


def facts_line(run: Run) -> list[tuple[str, str]]:
    """Return the few facts under the title."""
    data = run.config.data
    source = "synthetic" if data.source == "synthetic" else (data.exchange or "store")
    commit = str(run.facts.get("git_commit") or (run.facts.get("code") or {}).get("git_commit") or "")
    layers = " + ".join(str(units) for units in run.config.network.layers)
    facts = [
        ("run", run.name),
        ("target", f"{data.target}, {data.timeframe}, {run.config.labels.horizon} bars ahead"),
        ("data", f"{source}, {', '.join(data.symbols)}"),
        ("train", str(data.train)),
        ("test", ", ".join(f"{name} {period}" for name, period in data.test.items()) or "none"),
        ("network", f"LSTM {layers}, {run.config.training.form}"),
        ("seed", str(run.config.seed)),
    ]
    return [*facts, ("commit", commit[:10])] if commit else facts


def fact_list(run: Run) -> list[tuple[str, str]]:
    """Return every fact of the run."""
    return [*candle_facts(run.frame), ("seed", str(run.config.seed)), *flatten(run.facts)]


def _held(run: Run, result: BacktestResult) -> pd.Series:
    candles = run.frame.candles(result.symbol).loc[result.equity.index]
    return buy_and_hold(candles, cash=result.cash).rename("buy_and_hold")


def _own_rows(run: Run, period: str) -> pd.DataFrame:
    table = run.comparison
    if table.empty:
        return table
    return table.loc[(table["period"] == period) & (table["strategy"] == own_results(run, period)[0].strategy)]


def _break_even_interval(own: pd.DataFrame) -> tuple[float, float] | None:
    if own.empty or "break_even_fee_low" not in own:
        return None
    row: Any = own.sort_values("cost_per_side", kind="stable").iloc[0]
    return float(row["break_even_fee_low"]), float(row["break_even_fee_high"])
