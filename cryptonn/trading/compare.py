"""Strategies side by side under several cost scenarios, each as backtrader would have it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.settings import CostsConfig
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.costs import Costs, costs_for
from cryptonn.trading.replay import replay
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.strategies import load_strategy

__all__ = ["compare", "decisions_of", "same_account"]

_NONE: Mapping[str, Any] = MappingProxyType({})


def compare(
    candles: pd.DataFrame,
    signal: pd.Series,
    strategies: Sequence[str],
    fees: Sequence[str],
    *,
    costs: CostsConfig,
    cash: float,
    fraction: float,
    symbol: str,
    proba: pd.Series | None = None,
    parameters: Mapping[str, Mapping[str, Any]] = _NONE,
    defaults: Mapping[str, Any] = _NONE,
    folder: Path = Path("strategies"),
    on_result: Callable[[BacktestResult], None] | None = None,
) -> list[BacktestResult]:
    """Run every strategy under every cost scenario.

    The cheapest and the costliest scenario of a strategy are run in backtrader.
    If ``replay`` of the decisions of the latter arrives at both accounts to 1e-9,
    the scenarios between are replayed; else they too are run in backtrader.

    Parameters
    ----------
    strategies
        Names or paths. The number of trades of the first is given to the others
        as the default of ``trades``.
    fees
        Cost scenarios (see ``costs_for``).
    parameters
        The user's parameters by strategy; ``defaults`` as in ``run_backtest``.
    on_result
        Called with each result as it is ready.

    Returns
    -------
    Results, strategy by strategy, each in the order of ``fees``.
    """
    scenarios = {label: costs_for(costs, label) for label in fees}
    known = dict(defaults)
    results: list[BacktestResult] = []
    for strategy in strategies:
        trader = _Trader(
            candles,
            signal,
            strategy=load_strategy(strategy, folder=folder),
            parameters=parameters.get(Path(strategy).stem, _NONE),
            defaults=dict(known),
            market={
                "cash": cash,
                "fraction": fraction,
                "symbol": symbol,
                "name": Path(strategy).stem,
            },
            proba=proba,
        )
        for result in trader.run(scenarios):
            results.append(result)
            if on_result is not None:
                on_result(result)
        known.setdefault("trades", len(results[0].trades))
    return results


@dataclass(frozen=True)
class _Trader:
    """One strategy with its parameters on one market."""

    candles: pd.DataFrame
    signal: pd.Series
    _: KW_ONLY
    strategy: type
    parameters: Mapping[str, Any]
    defaults: Mapping[str, Any]
    market: Mapping[str, Any]
    proba: pd.Series | None

    def run(self, scenarios: Mapping[str, Costs]) -> list[BacktestResult]:
        """Return one result a scenario, in their order."""
        by_cost = sorted(
            scenarios, key=lambda label: (scenarios[label].per_side, scenarios[label].borrow)
        )
        first, last = by_cost[0], by_cost[-1]
        done = {
            label: self._backtest(scenarios[label], label) for label in dict.fromkeys((first, last))
        }
        decisions = self._decisions(done[first], done[last]) if len(by_cost) > 2 else None
        for label in by_cost[1:-1]:
            if decisions is None:
                done[label] = self._backtest(scenarios[label], label)
            else:
                done[label] = replay(
                    self.candles, decisions, costs=scenarios[label], fees=label, **self.market
                )
        return [done[label] for label in scenarios]

    def _backtest(self, costs: Costs, label: str) -> BacktestResult:
        return run_backtest(
            self.candles,
            self.signal,
            strategy=self.strategy,
            parameters=self.parameters,
            defaults=self.defaults,
            proba=self.proba,
            costs=costs,
            fees=label,
            **self.market,
        )

    def _decisions(self, cheapest: BacktestResult, costliest: BacktestResult) -> pd.Series | None:
        """Return what the costliest decided, if played again it is backtrader's
        account at both ends.
        """
        decisions = decisions_of(costliest)
        replays = (
            replay(self.candles, decisions, costs=result.costs, **self.market)
            for result in (cheapest, costliest)
        )
        alike = all(map(same_account, replays, (cheapest, costliest)))
        return decisions if alike else None


def decisions_of(result: BacktestResult) -> pd.Series:
    """Return the direction a backtest wanted at each bar, told from its fills:
    what ``replay`` plays again.

    Series of int8 in {−1, 0, 1} on the bars of the backtest, named "signal".
    Orders that came to nothing do not show.
    """
    fills = result.fills
    wanted = pd.Series(
        np.sign(result.position.loc[fills["time"]].to_numpy()), index=fills["decided"]
    )
    wanted = wanted[~wanted.index.duplicated(keep="last")]
    return wanted.reindex(result.equity.index).ffill().fillna(0).astype(np.int8).rename("signal")


def same_account(one: BacktestResult, other: BacktestResult, *, tolerance: float = 1e-9) -> bool:
    """Tell whether two results hold the same fills, rejections and equity,
    to a relative tolerance.
    """
    if len(one.fills) != len(other.fills) or one.rejections != other.rejections:
        return False
    if not (
        one.fills[["time", "side"]].to_numpy() == other.fills[["time", "side"]].to_numpy()
    ).all():
        return False
    columns = ["amount", "price", "commission"]
    return bool(
        np.allclose(one.fills[columns], other.fills[columns], rtol=tolerance, atol=0)
        and np.allclose(one.equity, other.equity, rtol=tolerance, atol=0)
    )
