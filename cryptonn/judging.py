"""A period traded: every strategy under every fee, what each earned, and whether the run's own strategy pays."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

from cryptonn.evaluation.accuracy import compare_accuracy
from cryptonn.evaluation.verdict import Verdict, verdict
from cryptonn.reporting.metrics import metrics_of
from cryptonn.runs import Run
from cryptonn.trading.compare import compare
from cryptonn.trading.result import BacktestResult

__all__ = ["judged", "trade_period"]

OnResult = Callable[[BacktestResult], None]


def trade_period(
    run: Run, period: str, strategies: Sequence[str], fees: Sequence[str], *, on_result: OnResult
) -> list[BacktestResult]:
    """Run strategies on a period of a run, under each cost scenario; ``on_result`` is called with each result."""
    config = run.config
    rows = run.predictions[run.predictions["period"] == period]
    own = next((result for result in run.backtests.get(period, []) if result.strategy == run.strategy), None)
    matched = {} if own is None else {"trades": len(own.trades)}
    return compare(
        run.frame.candles(config.data.target).loc[rows.index],
        rows["signal"],
        strategies,
        fees,
        costs=config.costs,
        cash=config.backtest.cash,
        fraction=config.backtest.fraction,
        symbol=config.data.target,
        proba=rows["proba"],
        parameters=config.backtest.parameters,
        defaults={"hold": config.hold, "seed": config.seed, "direction": config.signal.direction, **matched},
        on_result=on_result,
    )


def judged(run: Run, period: str, results: Sequence[BacktestResult]) -> Run:
    """Add the results of a period, in place of older ones of the same strategy and fees, with metrics and verdict."""
    new = {(result.strategy, result.fees) for result in results}
    kept = [result for result in run.backtests.get(period, []) if (result.strategy, result.fees) not in new]
    candles, resamples, seed = run.frame.candles(run.config.data.target), run.config.report.resamples, run.config.seed
    rows = [{"period": period, **metrics_of(one, candles, resamples=resamples, seed=seed)} for one in results]
    tables = [table for table in (_without(run.comparison, period, new), pd.DataFrame(rows)) if len(table)]
    comparison = pd.concat(tables, ignore_index=True)
    judged = replace(run, backtests=run.backtests | {period: [*kept, *results]}, comparison=comparison)
    return replace(judged, verdicts=judged.verdicts | _verdict(judged, period))


def _without(comparison: pd.DataFrame, period: str, pairs: set[tuple[str, str]]) -> pd.DataFrame:
    rows = comparison[["period", "strategy", "fees"]].to_numpy()
    return comparison[[one != period or (*pair,) not in pairs for one, *pair in rows]]


def _verdict(run: Run, period: str) -> dict[str, Verdict]:
    """Judge the run's own strategy, where it traded the period."""
    rows = run.comparison[run.comparison["period"] == period]
    own = rows[rows["strategy"] == run.strategy]
    if own.empty:
        return {}
    predictions = run.predictions[run.predictions["period"] == period]
    proba, logistic, happened = predictions["proba"], predictions["logistic"], predictions[["move", "tie"]]
    lead = None
    if logistic.notna().any():
        lead = compare_accuracy(proba, logistic, happened, horizon=run.config.labels.horizon)
    metrics = {str(row["fees"]): {str(name): value for name, value in row.items()} for _, row in own.iterrows()}
    models, seen = run.assessments[period], run.in_sample(period)
    found = verdict(metrics, network=models["network"], comparison=lead)
    return {period: replace(found, headline=f"{seen} {found.headline}") if seen else found}
