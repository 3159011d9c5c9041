"""The parts of the report, each made from a run: verdict, money, validation, charts, tear sheets,
market, facts.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.evaluation.accuracy import MEANINGS
from cryptonn.market.candles import timeframe_delta
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
from cryptonn.reporting.grid import (
    Grid,
    accuracy_grid,
    comparison_grid,
    monthly_grid,
    statistics_grid,
    without_praise,
)
from cryptonn.reporting.numbers import BigNumber, big_numbers
from cryptonn.reporting.picture import Picture
from cryptonn.reporting.tearsheet import TearSheet, write_tear_sheet
from cryptonn.reporting.words import IN_SAMPLE, candle_facts, flatten, told_facts, validation_words
from cryptonn.runs import Run
from cryptonn.trading.result import BacktestResult
from cryptonn.units import counted

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
    "recorded_facts",
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
    strategy: str = ""
    """Whose numbers these are, where they are not those of the run's own strategy."""
    in_sample: str = ""
    """What to know of a stretch that the network was fitted to, or nothing."""


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


_CHART_BARS = 120
"""Fewest bars in the price chart."""


def own_results(run: Run, period: str) -> list[BacktestResult]:
    """Return the strategy that leads a test period, the run's own if it traded there,
    cheapest scenario first.
    """
    leading = run.leading(period)
    own = [result for result in run.backtests[period] if result.strategy == leading]
    return sorted(own, key=lambda result: result.costs.per_side)


def _other(run: Run, period: str) -> str:
    """Name the strategy that leads a test period, or nothing where it is the run's own."""
    leading = run.leading(period)
    return "" if leading == run.strategy else leading


def _label(run: Run, period: str) -> str:
    """Name a test period, the strategy that leads it where it is not the run's own,
    and whether it is in-sample.
    """
    marks = (_other(run, period), IN_SAMPLE if run.in_sample(period) else "")
    return ", ".join((period, *(mark for mark in marks if mark)))


def make_verdict(run: Run, period: str) -> PeriodVerdict:
    """Gather headline and big numbers of one test period."""
    index = own_results(run, period)[0].equity.index
    verdict = run.verdicts.get(period)
    other = _other(run, period)
    seen = run.in_sample(period)
    numbers = big_numbers(_own_rows(run, period), {} if other else run.assessments.get(period, {}))
    return PeriodVerdict(
        period=period,
        range=f"{date(index[0])} to {date(index[-1])} (UTC)",
        headline=verdict.headline if verdict else "No verdict was reached for this period.",
        sentences=tuple(verdict.sentences) if verdict else (),
        numbers=tuple(
            replace(number, tone="") if seen and number.tone == "good" else number
            for number in numbers
        ),
        tone=_tone(run, period),
        strategy=other,
        in_sample=seen,
    )


def _tone(run: Run, period: str) -> str:
    """Return "good" only for a gain beyond doubt on bars that the network has not seen."""
    numbers = run.verdicts[period].numbers if period in run.verdicts else {}
    case = str(numbers.get("case", ""))
    if case == "pays":
        return "good" if numbers.get("certain") and not run.in_sample(period) else ""
    return "bad" if case.startswith("loses") else ""


def make_money(run: Run, period: str) -> Money:
    """Draw equity, fee sweep and drawdown of one test period,
    and lay out its months and its comparison.
    """
    results = own_results(run, period)
    label = _label(run, period)
    held = _held(run, results[0])
    whose = _other(run, period) or "the run's own strategy"
    interval = _break_even_interval(_own_rows(run, period))
    pictures = (
        draw_equity(results, held, period=period, whose=whose),
        draw_fee_sweep(results, period=period, interval=interval),
        draw_drawdown(results, held, period=period),
    )
    titled = tuple(
        replace(shown, title=shown.title.removesuffix(period) + label) for shown in pictures
    )
    months = monthly_grid(
        monthly_returns(results, held), label=label, whose=whose, name=f"months_{slug(period)}"
    )
    name = f"comparison_{slug(period)}"
    leading = run.leading(period)
    compared = (
        None
        if run.comparison.empty
        else comparison_grid(run.comparison, period=period, own=leading, name=name)
    )
    if run.in_sample(period):
        months = without_praise(months)
        compared = compared and without_praise(compared, mark=IN_SAMPLE)
    return Money(titled, months, compared)


def make_validation(run: Run) -> Validated:
    """Draw the skill of network and logistic regression on validation and every test period."""
    trials = run.config.selection.trials if run.config.selection else 0
    words = validation_words(
        [period for period in run.added if run.in_sample(period)], trials=trials
    )
    learning = (draw_learning(run.history),) if len(run.history) else ()
    found = {period: models for period, models in run.assessments.items() if "network" in models}
    names = sorted(found, key=lambda name: (name != "validation", name))
    labels = {name: f"{name}, {IN_SAMPLE}" if run.in_sample(name) else name for name in names}
    found = {labels[name]: found[name] for name in names}
    if not found:
        return Validated(words=words, pictures=learning)
    best = {labels[name]: share for name, share in _best_possible(run).items() if name in labels}
    pictures = (
        draw_accuracy(found, best_possible=best),
        draw_histograms(found),
        draw_reliability(found),
        draw_confusion(found),
        *learning,
    )
    return Validated(
        words=words, pictures=pictures, grid=accuracy_grid(found), meanings=tuple(MEANINGS.items())
    )


def make_chart(run: Run, period: str) -> Chart:
    """Draw the stretch of one test period with the most trades of the strategy that leads it."""
    results = own_results(run, period)
    candles = run.frame.candles(run.config.data.target).loc[results[0].equity.index]
    rows = run.predictions.loc[run.predictions["period"] == period]
    fewest = -(-_CHART_BARS * timeframe_delta(run.config.data.timeframe) // pd.Timedelta(days=1))
    days = max(run.config.report.chart_days, fewest)
    thresholds = {} if _other(run, period) else _thresholds(run)
    chart = draw_chart(
        candles, rows["proba"], results, period=period, days=days, thresholds=thresholds
    )
    return replace(chart, title=chart.title.removesuffix(period) + _label(run, period))


def _thresholds(run: Run) -> dict[str, float]:
    if "enter" not in run.facts:
        return {}
    enter = float(run.facts["enter"])
    both = run.config.signal.direction == "long-short"
    return {"long from": enter, "short below": 1 - enter} if both else {"long from": enter}


def make_tear_sheets(
    run: Run, period: str, folder: Path
) -> list[tuple[str, BacktestResult, TearSheet]]:
    """Let pyfolio draw the cheapest and the costliest scenario of the strategy that leads a test
    period.
    """
    results = own_results(run, period)
    benchmark = daily_returns(_held(run, results[0]), cash=results[0].cash)
    chosen = {result.fees: result for result in (cheapest(results), costliest(results))}
    sheets = []
    for fees, result in chosen.items():
        place = folder / f"tearsheet_{slug(period)}_{slug(fees)}"
        sheet = write_tear_sheet(
            result, place, benchmark=benchmark, round_trips=run.config.report.round_trips
        )
        sheets.append((f"{_label(run, period)}, {fee_words(fees)}", result, sheet))
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
        "nothing can be predicted"
        if made.lead == 0
        else f"BTC leads ETH with a planted strength of {made.lead:g}"
    )
    best = [f"{percent(share)} ({period})" for period, share in _best_possible(run).items()]
    limit = (
        f" No forecast can be right on more than {', '.join(best)} of moves on average."
        if best
        else ""
    )
    return (
        f"these candles are made up (seed {made.seed}, {made.days} days): {planted}.{limit} "
        "The numbers below test the program; they say nothing about any real market."
    )


def _best_possible(run: Run) -> dict[str, float]:
    return {
        str(period): float(share)
        for period, share in (run.facts.get("best_possible_accuracy") or {}).items()
    }


def facts_line(run: Run) -> list[tuple[str, str]]:
    """Return the few facts under the title."""
    data = run.config.data
    source = data.source if data.source != "store" else (data.exchange or "store")
    bars = f"{counted(run.config.labels.horizon, 'bar')} ahead"
    commit = str(
        run.facts.get("git_commit") or (run.facts.get("code") or {}).get("git_commit") or ""
    )
    layers = " + ".join(str(units) for units in run.config.network.layers)
    facts = [
        ("run", run.name),
        ("target", f"{data.target}, {data.timeframe}, {bars}"),
        ("data", f"{source}, {', '.join(data.symbols)}"),
        ("train", str(data.train)),
        ("test", ", ".join(f"{name} {period}" for name, period in data.test.items()) or "none"),
        ("network", f"LSTM {layers}, {run.config.training.form}"),
        ("seed", str(run.config.seed)),
    ]
    return [*facts, ("commit", commit[:10])] if commit else facts


def fact_list(run: Run) -> list[tuple[str, str]]:
    """Return the facts of the run that a reader asks for, but for those under the title."""
    return [*candle_facts(run.frame), *told_facts(run.facts)]


def recorded_facts(run: Run) -> list[tuple[str, str]]:
    """Return every other fact as it was recorded, hashes and versions among them."""
    return flatten({key: value for key, value in run.facts.items() if key != "seed"})


def _held(run: Run, result: BacktestResult) -> pd.Series:
    candles = run.frame.candles(result.symbol).loc[result.equity.index]
    return buy_and_hold(candles, cash=result.cash).rename("buy_and_hold")


def _own_rows(run: Run, period: str) -> pd.DataFrame:
    table = run.comparison
    if table.empty:
        return table
    return table.loc[
        (table["period"] == period) & (table["strategy"] == own_results(run, period)[0].strategy)
    ]


def _break_even_interval(own: pd.DataFrame) -> tuple[float, float] | None:
    if own.empty or "break_even_fee_low" not in own:
        return None
    row: Any = own.sort_values("cost_per_side", kind="stable").iloc[0]
    return float(row["break_even_fee_low"]), float(row["break_even_fee_high"])
