"""A backtest that is given bar after bar wants what the one over the whole table wants."""

import datetime
from decimal import Decimal
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from trading_tables import STRATEGIES, random_market, random_signal

from cryptonn.errors import StrategyError
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.costs import Costs
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.running import RunningBacktest
from cryptonn.trading.strategies import load_strategy
from cryptonn.trading.wish import Wish

RULES = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.001"), Decimal(10))
COSTS = Costs(commission=0.001, spread=0.0002, slippage=0.0001, borrow=0.1)
NAMES = ("buy_and_hold", "contrarian", "lstm_signal", "momentum", "sma_cross")
"""random_entry draws its bars from the whole range: a session refuses it."""


class Averages(bt.Strategy):
    """Indicators with a memory of every kind; long while most of them say so."""

    def __init__(self):
        self.lines_ = [
            self.data.close > bt.ind.EMA(self.data.close, period=9),
            self.data.close > bt.ind.SMA(self.data.close, period=14),
            bt.ind.RSI(self.data.close, period=7) > 50,
            bt.ind.MACD(self.data.close).macd > bt.ind.MACD(self.data.close).signal,
            self.data.close > bt.ind.BollingerBands(self.data.close, period=20).mid,
            self.data.proba > 0.5,
        ]

    def next(self):
        votes = sum(bool(line[0]) for line in self.lines_)
        if votes >= 4 and not self.position:
            self.buy()
        elif votes < 3 and self.position:
            self.close()


def inputs(bars: int, *, seed: int = 3) -> dict[str, Any]:
    candles = random_market(seed, bars, untraded=0.1)
    proba = pd.Series(np.random.default_rng(seed).random(bars), index=candles.index)
    signal = random_signal(candles, seed).clip(lower=0)
    return {"candles": candles, "signal": signal, "proba": proba}


def settings(strategy: type, **changes: Any) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "defaults": {"hold": 5, "seed": 1, "direction": "long"},
        "costs": COSTS,
        "cash": 10_000.0,
        "fraction": 0.95,
        "name": "tried",
        "rules": RULES,
    } | changes


def at_once(strategy: type, given: dict[str, Any]) -> list[Wish]:
    wanted: list[Wish] = []
    run_backtest(**given, **settings(strategy), symbol="ETH/USD", on_close=wanted.append)
    return wanted


def load(name: str) -> type:
    return Averages if name == "averages" else load_strategy(name, folder=STRATEGIES)


@pytest.mark.parametrize("name", [*NAMES, "averages"])
@pytest.mark.parametrize("pieces", [1, 7, 400], ids=lambda bars: f"{bars} at a time")
def test_bar_by_bar_it_wants_the_same(name: str, pieces: int) -> None:
    given = inputs(400)
    expected = at_once(load(name), given)
    running = RunningBacktest(**settings(load(name)), minutes=1)
    for first in range(0, 400, pieces):
        running.extend(**{key: part.iloc[first : first + pieces] for key, part in given.items()})
        assert len(running) == min(first + pieces, 400)
    assert running.wanted == expected
    assert len(set(expected)) > (0 if name == "buy_and_hold" else 2), "nothing to tell apart"


class Peeking(bt.Strategy):
    def next(self):
        if self.data.close[1] > self.data.close[0]:
            self.buy()


def test_a_bar_that_has_not_come_cannot_be_looked_at() -> None:
    running, given = RunningBacktest(**settings(Peeking), minutes=1), inputs(5)
    with pytest.raises(
        StrategyError, match=r"'tried' failed at the bar of 20\d\d-.*IndexError.*test_running"
    ):
        running.extend(**given)


class Timed(bt.Strategy):
    cheat = False

    def start(self):
        self.add_timer(when=datetime.time(0, 5), cheat=self.cheat)

    def next(self):
        pass


@pytest.mark.parametrize("cheat", [False, True])
def test_timers_which_it_would_pass_over_are_refused(cheat: bool) -> None:
    with pytest.raises(StrategyError, match="strategy 'tried' uses timers"):
        RunningBacktest(**settings(type("Timed", (Timed,), {"cheat": cheat})), minutes=1)


class Stopping(bt.Strategy):
    def next(self):
        if len(self) == 5:
            self.cerebro.runstop()


def test_a_run_that_was_stopped_takes_no_further_bar() -> None:
    given, running = inputs(6), RunningBacktest(**settings(Stopping), minutes=1)
    fifth, sixth = (
        {key: part.iloc[bars] for key, part in given.items()} for bars in (slice(5), slice(5, 6))
    )
    running.extend(**fifth)
    assert running.wanted == at_once(Stopping, fifth)
    for extend in (lambda: running.extend(**sixth), lambda: at_once(Stopping, given)):
        with pytest.raises(StrategyError, match="'tried' stopped the run"):
            extend()
    assert len(running) == 5


class Viewing(bt.Strategy):
    def __init__(self):
        self.closes = np.frombuffer(self.data.close.array)


def test_an_array_that_cannot_grow_is_told() -> None:
    running = RunningBacktest(**settings(Viewing), minutes=1)
    with pytest.raises(StrategyError, match="'tried' keeps a view of a line's array"):
        running.extend(**inputs(5))


class Percent(bt.Strategy):
    def __init__(self):
        self.percent = bt.ind.BollingerBandsPct(self.data.close, period=3)


def test_an_indicator_that_divides_by_nothing_is_a_failure_of_the_strategy() -> None:
    """Minutes without a trade are filled flat."""
    given = inputs(20)
    given["candles"] = given["candles"].assign(open=10.0, high=10.0, low=10.0, close=10.0)
    for run in (
        lambda: RunningBacktest(**settings(Percent), minutes=1).extend(**given),
        lambda: at_once(Percent, given),
    ):
        with pytest.raises(
            StrategyError, match=r"'tried' failed .*ZeroDivisionError.*backtrader's \w+\.py, line"
        ):
            run()


class Limits(bt.Strategy):
    def next(self):
        self.buy(exectype=bt.Order.Limit, price=1.0)


def test_other_orders_than_market_orders_are_refused() -> None:
    running = RunningBacktest(**settings(Limits), minutes=1)
    with pytest.raises(StrategyError, match="sends a Limit order"):
        running.extend(**inputs(5))


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(StrategyError, match="hodl"):
        RunningBacktest(**settings(Averages, parameters={"hodl": 5}), minutes=1)
