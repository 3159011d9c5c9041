"""The position that a strategy wants at each bar of a session.

A young session is replayed whole at every bar, as its backtest is: a strategy that looks ahead is
found out by that. In an older one the backtest runs on, so that a decision costs one bar however
many there were; now and then it is replayed whole all the same (``check``).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import StrategyError
from cryptonn.trading.costs import costs_for
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.running import RunningBacktest
from cryptonn.trading.wish import Wish

__all__ = ["YOUNG_BARS", "Inputs", "Wishes", "backtest_settings"]

YOUNG_BARS = 1440
"""A day of minutes, which is replayed in some hundredths of a second."""

Inputs = tuple[pd.DataFrame, pd.Series, pd.Series]
"""Candles, signal and P(up) of the bars from the session's first on, on one index."""


class Wishes:
    """Says what is wanted at every bar so far.

    Parameters
    ----------
    replay
        Gives what the backtest of all bars wants at each.
    run
        Begins a backtest that runs on.
    note
        Told in words when no backtest runs on any more.
    """

    def __init__(
        self,
        replay: Callable[[Inputs], list[Wish]],
        run: Callable[[], RunningBacktest],
        *,
        note: Callable[[str], None],
        rules: MarketRules,
        young_bars: int = YOUNG_BARS,
    ) -> None:
        self._replay = replay
        self._run = run
        self._rules = rules
        self._young_bars = young_bars
        self._note = note
        self._running: RunningBacktest | None = None
        self._seen: Inputs | None = None
        self._runs_on = True

    @property
    def is_running(self) -> bool:
        """Whether the last answer came from a backtest that runs on."""
        return self._running is not None

    def of(self, inputs: Inputs) -> list[Wish]:
        """Return what is wanted at each bar.

        Raises
        ------
        StrategyError
            If the strategy fails, or sends anything but market orders.
        """
        if len(inputs[0]) <= self._young_bars or not self._runs_on:
            return self._replay(inputs)
        goes_on = self._goes_on(inputs)
        running = self._running
        self._running = None  # should the strategy fail now, nothing goes on from there
        running = self._extended(running if goes_on else None, inputs)
        if running is None or not goes_on:
            wanted = self._replay(inputs)  # which fails as well where it is the strategy's fault
            if running is None or not self._alike(running.wanted, wanted):
                self.replay_for_good()
                self._note(
                    "the strategy cannot be taken on bar by bar, or wants something else then: the "
                    "whole session is replayed for each decision, which takes the longer the older "
                    "it is"
                )
                return wanted
        self._running = running
        self._seen = inputs
        return running.wanted.copy()

    def replay_for_good(self) -> None:
        """Let no backtest run on any more: bar by bar it does not come to what a
        replay comes to.
        """
        self._running = None
        self._runs_on = False

    def _goes_on(self, inputs: Inputs) -> bool:
        """Tell whether bars follow those that the running backtest has seen,
        which are as they were.
        """
        if self._running is None or self._seen is None:
            return False
        candles, signal, proba = inputs
        old_candles, old_signal, old_proba = self._seen
        known = len(old_candles)
        return bool(
            candles.iloc[:known].equals(old_candles)
            and signal.iloc[:known].equals(old_signal)
            and proba.iloc[:known].equals(old_proba)
        )

    def _extended(self, running: RunningBacktest | None, inputs: Inputs) -> RunningBacktest | None:
        """Return a backtest that has seen all bars, begun if there is none; None if it fails.

        It may fail where a replay does not: a strategy that works on whole arrays finds none in
        them.
        """
        try:
            running = self._run() if running is None else running
            known = len(running)
            candles, signal, proba = inputs
            running.extend(candles.iloc[known:], signal.iloc[known:], proba.iloc[known:])
        except StrategyError:
            return None
        return running

    def _alike(self, one: list[Wish], other: list[Wish]) -> bool:
        """Tell whether the same position is wanted at every bar.

        An indicator of a user's own may not come to the same number bar by bar.
        """
        return all(
            a.units == b.units or self._nearest(a.units) == self._nearest(b.units)
            for a, b in zip(one, other, strict=True)
        )

    def _nearest(self, units: float) -> object:
        return self._rules.nearest(units)


def backtest_settings(
    config: RunConfig, strategy: type, name: str, *, fees: str, cash: Decimal, rules: MarketRules
) -> dict[str, Any]:
    """Return what the backtest of a session is run with, whether at once or bar by bar."""
    return {
        "strategy": strategy,
        "parameters": config.backtest.parameters.get(name, {}),
        "defaults": {
            "hold": config.hold,
            "seed": config.seed,
            "direction": config.signal.direction,
        },
        "costs": costs_for(config.costs, fees),
        "cash": float(cash),
        "fraction": config.backtest.fraction,
        "name": name,
        "rules": rules,
    }
