"""A period traded: every strategy under every fee, what each earned, and whether it pays."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.evaluation.accuracy import compare_accuracy
from cryptonn.evaluation.verdict import Verdict, verdict
from cryptonn.market.timerange import TimeRange
from cryptonn.reporting.metrics import metrics_of
from cryptonn.runs import Run
from cryptonn.trading.compare import compare
from cryptonn.trading.result import BacktestResult

__all__ = ["Asked", "asked_for", "judged", "trade_period", "verdicts_of", "without_outdated"]

OnResult = Callable[[BacktestResult], None]


@dataclass(frozen=True)
class Asked:
    """What one command trades: every strategy under every fee on every period."""

    periods: tuple[str, ...]
    strategies: tuple[str, ...]
    """Names or paths, as they were given."""
    fees: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the strategies, as they stand in the results, each once."""
        return tuple(dict.fromkeys(Path(strategy).stem for strategy in self.strategies))

    def rows(self, comparison: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a comparison that are of this command, period by period
        and strategy by strategy.
        """
        named = comparison[comparison["fees"].isin(self.fees)]
        parts = [
            named[(named["period"] == period) & (named["strategy"] == name)]
            for period in self.periods
            for name in self.names
        ]
        return pd.concat(parts, ignore_index=True) if parts else named


def asked_for(
    config: RunConfig,
    *,
    strategies: Iterable[str] = (),
    fees: Iterable[str] = (),
    period: TimeRange | None = None,
) -> Asked:
    """Return what a command trades; what it does not name is taken from the run file."""
    wanted = config.backtest
    named = tuple(strategies) or (wanted.strategy, *wanted.compare)
    return Asked(
        periods=tuple(config.data.test) if period is None else (str(period),),
        strategies=tuple(dict.fromkeys(named)),
        fees=tuple(dict.fromkeys(tuple(fees) or wanted.fees)),
    )


def without_outdated(run: Run, periods: Iterable[str], files: Mapping[str, Path]) -> Run:
    """Leave out results of strategies whose file is another by now: one name stands
    for one strategy.

    Parameters
    ----------
    periods
        That are traded anew; results of others stay.
    files
        Of the strategies that are traded anew, by name.
    """
    traded = run.facts.get("traded", {})
    outdated = {
        (period, name)
        for period in periods
        for name, file in files.items()
        if name in traded.get(period, {})
        and traded[period][name]["sha256"] != sha256(file.read_bytes()).hexdigest()
    }
    if not outdated:
        return run
    backtests = {
        period: [one for one in results if (period, one.strategy) not in outdated]
        for period, results in run.backtests.items()
    }
    pairs = run.comparison[["period", "strategy"]].to_numpy()
    kept = run.comparison[[(*pair,) not in outdated for pair in pairs]]
    return replace(run, backtests=backtests, comparison=kept)


def trade_period(
    run: Run, period: str, strategies: Sequence[str], fees: Sequence[str], *, on_result: OnResult
) -> list[BacktestResult]:
    """Run strategies on a period of a run, under each cost scenario;
    ``on_result`` is called with each result.
    """
    config = run.config
    rows = run.predictions[run.predictions["period"] == period]
    own = next(
        (result for result in run.backtests.get(period, []) if result.strategy == run.strategy),
        None,
    )
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
        defaults={
            "hold": config.hold,
            "seed": config.seed,
            "direction": config.signal.direction,
            **matched,
        },
        on_result=on_result,
    )


def judged(run: Run, period: str, results: Sequence[BacktestResult]) -> Run:
    """Add the results of a period, in place of older ones of the same strategy and fees,
    with metrics and verdict.
    """
    candles = run.frame.candles(run.config.data.target)
    resamples = run.config.report.resamples
    seed = run.config.seed
    rows = [
        {
            "period": period,
            **metrics_of(one, candles, resamples=resamples, seed=seed, trials=_trials(run, one)),
        }
        for one in results
    ]
    new = {_key(result) for result in results}
    kept = [result for result in run.backtests.get(period, []) if _key(result) not in new]
    together = run.backtests | {period: _in_order([*kept, *results], own=run.strategy)}
    periods = [*run.config.data.test, *together]  # the run file's first, then further stretches
    backtests = {name: together[name] for name in dict.fromkeys(periods) if name in together}
    tables = [
        table for table in (_without(run.comparison, period, new), pd.DataFrame(rows)) if len(table)
    ]
    traded = replace(
        run,
        backtests=backtests,
        comparison=_sorted(pd.concat(tables, ignore_index=True), backtests),
    )
    return replace(traded, verdicts=traded.verdicts | {period: _verdict(traded, period)})


def verdicts_of(run: Run, asked: Asked) -> dict[str, dict[str, Verdict]]:
    """Judge what a command traded, by that alone: by period and strategy,
    under its fees and no others.
    """
    rows = asked.rows(run.comparison)
    return {
        period: {
            name: _judge(run, rows[rows["strategy"] == name], period, name) for name in asked.names
        }
        for period, rows in ((one, rows[rows["period"] == one]) for one in asked.periods)
    }


def _trials(run: Run, result: BacktestResult) -> int | None:
    """Return how many settings were tried before those of the run's own strategy were chosen;
    None if none were.
    """
    selection = run.config.selection
    return selection.trials if selection is not None and result.strategy == run.strategy else None


def _key(result: BacktestResult) -> tuple[str, str]:
    return result.strategy, result.fees


def _in_order(results: Sequence[BacktestResult], *, own: str) -> list[BacktestResult]:
    """Return the run's own strategy first, the others as they came, each from the cheapest
    to the costliest.
    """
    names = list(dict.fromkeys([own, *(result.strategy for result in results)]))
    return sorted(results, key=lambda result: (names.index(result.strategy), result.costs.per_side))


def _without(comparison: pd.DataFrame, period: str, pairs: set[tuple[str, str]]) -> pd.DataFrame:
    rows = comparison[["period", "strategy", "fees"]].to_numpy()
    return comparison[[one != period or (*pair,) not in pairs for one, *pair in rows]]


def _sorted(
    comparison: pd.DataFrame, backtests: Mapping[str, Sequence[BacktestResult]]
) -> pd.DataFrame:
    """Return the rows in the order of the results."""
    order = [(period, *_key(result)) for period, results in backtests.items() for result in results]
    rows = comparison.set_index(["period", "strategy", "fees"], drop=False)
    return rows.loc[order].reset_index(drop=True)


def _verdict(run: Run, period: str) -> Verdict:
    """Judge the strategy a period stands for, under the fees of the run file;
    under others too if those cost nothing.
    """
    leading = run.leading(period)
    rows = run.comparison[
        (run.comparison["period"] == period) & (run.comparison["strategy"] == leading)
    ]
    named = rows[rows["fees"].isin(run.config.backtest.fees)]
    paid = bool((named["cost_per_side"] > 0).any())
    return _judge(run, named if paid else rows, period, leading)


def _judge(run: Run, rows: pd.DataFrame, period: str, strategy: str) -> Verdict:
    """Judge a strategy on a period by these rows of the comparison."""
    metrics = {str(row["fees"]): dict(row.astype(object)) for _, row in rows.iterrows()}
    own = strategy == run.strategy
    seen = run.in_sample(period)
    found = verdict(
        metrics,
        network=run.assessments[period]["network"] if own else None,
        comparison=_lead_over_logistic(run, period) if own else None,
    )
    return replace(found, headline=f"{seen} {found.headline}") if seen else found


def _lead_over_logistic(run: Run, period: str) -> dict[str, float] | None:
    rows = run.predictions[run.predictions["period"] == period]
    if rows["logistic"].isna().all():
        return None
    return compare_accuracy(
        rows["proba"], rows["logistic"], rows[["move", "tie"]], horizon=run.config.labels.horizon
    )
