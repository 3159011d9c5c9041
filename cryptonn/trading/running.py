"""A backtest that is given one bar after another: what a strategy wants now,
at the cost of one bar.

backtrader works through a preloaded table faster (``run_backtest``); here its strategy,
broker and indicators stay alive between bars, and bars that have not come cannot be looked at.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from cryptonn.errors import StrategyError
from cryptonn.market.bars import time_text
from cryptonn.trading.backtest import named_failures
from cryptonn.trading.costs import Costs
from cryptonn.trading.engine import FIELDS, FractionSizer, ordinals
from cryptonn.trading.ruled import Watcher, make_ruled_broker
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.sizing import YEAR_SECONDS
from cryptonn.trading.strategies import strategy_parameters
from cryptonn.trading.wish import Wish

__all__ = ["RunningBacktest"]

_NONE: Mapping[str, Any] = MappingProxyType({})
_LINES = (*FIELDS, "datetime", "openinterest", "signal", "proba")


class _GrowingFeed(bt.feed.DataBase):  # type: ignore[misc]
    """Candles with the lines ``signal`` and ``proba``, one bar after another."""

    lines = ("signal", "proba")

    def push(self, values: list[float]) -> None:
        """Add a bar; ``values`` in the order of ``_LINES``."""
        self.forward()
        for name, value in zip(_LINES, values, strict=True):
            getattr(self.lines, name)[0] = value


class _HeldCerebro(bt.Cerebro):  # type: ignore[misc]
    """Cerebro that puts everything in place and then waits for bars, instead of working
    through those there are.
    """

    strategy: Any

    def _runnext(self, runstrats: list[Any]) -> None:
        (self.strategy,) = runstrats
        self.strategy._stop = lambda: (
            None
        )  # it has not ended: this Cerebro returns, its strategy goes on

    @property
    def has_timers(self) -> bool:
        """Whether the strategy wants to be called by the clock, which ``step`` does not."""
        return bool(self._timers or self._timerscheat)

    @property
    def is_stopped(self) -> bool:
        """Whether the strategy has called ``runstop``."""
        return bool(self._event_stop)

    def step(self) -> None:
        """Let broker and strategy see the newest bar."""
        self._brokernotify()
        self.strategy._next()


class RunningBacktest:
    """Says after each bar what a strategy wants to hold: what ``run_backtest`` tells
    through ``on_close``.

    The arguments are those of ``run_backtest``; ``minutes`` is the length of a bar.

    Raises
    ------
    StrategyError
        If a parameter is unknown, the strategy uses timers, or it fails before there is a bar.
    """

    def __init__(
        self,
        *,
        strategy: type,
        parameters: Mapping[str, Any] = _NONE,
        defaults: Mapping[str, Any] = _NONE,
        costs: Costs,
        cash: float,
        fraction: float,
        name: str,
        rules: MarketRules,
        minutes: int,
    ) -> None:
        self._name = name
        self.wanted = list[Wish]()
        self._feed = _GrowingFeed(timeframe=bt.TimeFrame.Minutes, compression=minutes)
        self._cerebro = _HeldCerebro(stdstats=False, preload=False, runonce=False)
        broker = make_ruled_broker(
            costs, cash=cash, index=pd.DatetimeIndex([0], tz="UTC"), rules=rules
        )
        self._cerebro.broker = broker
        self._bar_years = broker.comminfo[None].p.bar_years
        self._years = minutes * 60 / YEAR_SECONDS
        self._cerebro.adddata(self._feed)
        self._cerebro.addsizer(FractionSizer, fraction=fraction)
        self._cerebro.addstrategy(
            strategy, **strategy_parameters(strategy, parameters, defaults, name=name)
        )
        self._cerebro.addanalyzer(Watcher, on_close=self.wanted.append, name=name)
        with named_failures(name, lambda: None):
            self._cerebro.run()
        if self._cerebro.has_timers:
            raise StrategyError(
                f"strategy {name!r} uses timers: only a backtest of a whole table has them."
            )

    def __len__(self) -> int:
        """Return the number of bars seen."""
        return len(self.wanted)

    def extend(self, candles: pd.DataFrame, signal: pd.Series, proba: pd.Series) -> None:
        """Show it the bars that follow, on one index; ``wanted`` has an entry more for each.

        Raises
        ------
        StrategyError
            If the strategy fails, has stopped the run, sends anything but market orders,
            or holds on to the memory that a further bar needs.
        """
        index = pd.DatetimeIndex(candles.index)
        columns = [candles[name].to_numpy() for name in FIELDS]
        columns += [ordinals(index), np.zeros(len(index)), signal.to_numpy(), proba.to_numpy()]
        rows = np.column_stack(
            [np.asarray(column, dtype=np.float64) for column in columns]
        ).tolist()
        for time, values in zip(index, rows, strict=True):
            if self._cerebro.is_stopped:
                raise StrategyError(
                    f"strategy {self._name!r} stopped the run before the bar of {time_text(time)}. "
                    "Let it run on."
                )
            self._push(values)
            self._bar_years.append(self._years)
            with named_failures(self._name, lambda time=time: time):  # type: ignore[misc]
                self._cerebro.step()

    def _push(self, values: list[float]) -> None:
        try:
            self._feed.push(values)
        except BufferError as error:
            raise StrategyError(
                f"strategy {self._name!r} keeps a view of a line's array, which then cannot grow. "
                "Keep a copy."
            ) from error
