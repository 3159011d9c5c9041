"""What is wanted in a session that has grown old: from a backtest that runs on, or from a replay where that differs."""

import datetime

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from session_cases import RULES, STRATEGIES

from cryptonn.errors import StrategyError
from cryptonn.paper.wishes import Inputs, Wishes
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.costs import Costs
from cryptonn.trading.running import RunningBacktest
from cryptonn.trading.strategies import load_strategy
from cryptonn.trading.wish import Wish

BARS = 60


def inputs(bars: int = BARS, *, seed: int = 1) -> Inputs:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(0.002 * rng.standard_normal(BARS).cumsum())
    open_ = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    index = pd.date_range("2019-01-01", periods=BARS, freq="min", tz="UTC", name="time")
    table = {"open": open_, "high": high, "low": low, "close": close, "volume": np.ones(BARS)}
    signal = pd.Series((rng.random(BARS) > 0.5).astype(np.int8), index=index)
    proba = pd.Series(rng.random(BARS), index=index)
    return pd.DataFrame(table, index=index).iloc[:bars], signal.iloc[:bars], proba.iloc[:bars]


class Counted:
    """A strategy's wishes, with the numbers of replays and of backtests begun."""

    def __init__(self, strategy: type, *, young_bars: int) -> None:
        self.replays = self.begun = 0
        self.notes: list[str] = []
        costs = Costs(commission=0.001, spread=0.0, slippage=0.0, borrow=0.0)
        self.settings = {
            "strategy": strategy,
            "costs": costs,
            "cash": 1e5,
            "fraction": 0.9,
            "rules": RULES,
        }
        self.wishes = Wishes(
            self.replay, self.run, note=self.notes.append, rules=RULES, young_bars=young_bars
        )

    def replay(self, given: Inputs) -> list[Wish]:
        self.replays += 1
        wanted: list[Wish] = []
        candles, signal, proba = given
        run_backtest(
            candles, signal, proba=proba, on_close=wanted.append, symbol="ETH/USD", **self.settings
        )
        return wanted

    def run(self) -> RunningBacktest:
        self.begun += 1
        return RunningBacktest(**self.settings, name="tried", minutes=1)


def follower() -> type:
    return load_strategy("lstm_signal", folder=STRATEGIES)


def test_young_it_is_replayed_and_old_it_runs_on() -> None:
    one, other = Counted(follower(), young_bars=20), Counted(follower(), young_bars=1000)
    for bars in range(1, BARS + 1):
        assert one.wishes.of(inputs(bars)) == other.wishes.of(inputs(bars))
        assert one.wishes.is_running is (bars > 20)
    assert (one.replays, one.begun) == (21, 1) and (other.replays, other.begun) == (BARS, 0)
    assert len(set(one.wishes.of(inputs()))) > 5


def test_bars_that_are_not_as_they_were_begin_it_anew() -> None:
    one = Counted(follower(), young_bars=0)
    one.wishes.of(inputs(40))
    candles, signal, proba = inputs(41)
    changed = candles.copy()
    changed.iloc[10] *= 1.01
    for given in (
        (changed, signal, proba),
        (candles, 1 - signal, proba),
        (candles, signal, proba / 2),
        inputs(30),
    ):
        assert one.wishes.of(given) == Counted(follower(), young_bars=1000).wishes.of(given)
    assert one.begun == 5


class Later(bt.Strategy):
    """Wants what it would not want bar by bar: it asks how many bars there will be."""

    def next(self):
        if len(self.data) == 5 and self.data.buflen() > len(self.data):
            self.buy()


def test_where_it_differs_from_a_replay_it_is_replayed_for_good() -> None:
    one = Counted(Later, young_bars=10)
    for bars in (11, 12, 13):
        assert one.wishes.of(inputs(bars)) == one.replay(inputs(bars))
    assert one.begun == 1 and not one.wishes.is_running
    assert len(one.notes) == 1 and "replayed for each decision" in one.notes[0]


class Timed(bt.Strategy):
    """In and out by the clock."""

    def start(self):
        self.enter = self.add_timer(when=datetime.time(0, 25))
        self.leave = self.add_timer(when=datetime.time(0, 35))

    def notify_timer(self, timer, when, *args, **kwargs):
        if timer is self.enter:
            self.buy()
        elif self.position:
            self.close()

    def next(self):
        pass


class Rising(bt.Strategy):
    """Reckons with the array of all closes, though at each bar only with those before it."""

    def __init__(self):
        closes = self.closes()
        self.up = np.diff(closes, prepend=closes[:1]) > 0

    def closes(self):
        return np.array(self.data.close.array)

    def next(self):
        if self.up[len(self) - 1] and not self.position:
            self.buy()
        elif not self.up[len(self) - 1] and self.position:
            self.close()


class RisingFirst(Rising):
    """Fails while it is made if there is no bar yet."""

    def closes(self):
        closes = np.array(self.data.close.array)
        return closes / closes[0]


class RisingView(Rising):
    """Keeps hold of the array itself."""

    def closes(self):
        self.view = np.frombuffer(self.data.close.array)
        return self.view


class AverageView(bt.Strategy):
    """Keeps hold of an indicator's array, in which backtrader then cannot write on."""

    def __init__(self):
        self.average = bt.ind.SMA(self.data, period=3)

    def next(self):
        self.seen = np.frombuffer(self.average.lines[0].array)
        if self.data.close[0] > self.average[0] and not self.position:
            self.buy()
        elif self.data.close[0] < self.average[0] and self.position:
            self.close()


class Unfinished(bt.Indicator):
    """Can be worked out for all bars at once, but only for the first 30 of them one by one."""

    lines = ("odd",)

    def next(self):
        if len(self) > 30:
            raise NotImplementedError
        self.lines.odd[0] = len(self) // 8 % 2

    def once(self, start, end):
        for bar in range(start, end):
            self.lines.odd.array[bar] = (bar + 1) // 8 % 2


class Alternating(bt.Strategy):
    def __init__(self):
        self.indicator = Unfinished(self.data)

    def next(self):
        if self.indicator.odd[0] and not self.position:
            self.buy()
        elif not self.indicator.odd[0] and self.position:
            self.close()


@pytest.mark.parametrize(
    "strategy", [Timed, Rising, RisingFirst, RisingView, AverageView, Alternating]
)
def test_what_only_a_replay_can_do_is_replayed_for_good(strategy: type) -> None:
    one = Counted(strategy, young_bars=20)
    for bars in range(18, BARS + 1):
        assert one.wishes.of(inputs(bars)) == one.replay(inputs(bars))
    assert one.begun == 1 and not one.wishes.is_running
    assert len(set(one.wishes.of(inputs()))) > 1


class Stopping(bt.Strategy):
    """Has had enough after a number of bars."""

    def next(self):
        if len(self) == 30:
            self.cerebro.runstop()


@pytest.mark.parametrize("young_bars", [1000, 20, 0])
def test_a_strategy_that_stops_the_run_is_given_no_further_bar(young_bars: int) -> None:
    one = Counted(Stopping, young_bars=young_bars)
    for bars in (29, 30):
        assert one.wishes.of(inputs(bars)) == [Wish(0.0)] * bars
    for bars in (31, 32):
        with pytest.raises(StrategyError, match="stopped the run at 2019-01-01 00:29Z"):
            one.wishes.of(inputs(bars))


class Failing(bt.Strategy):
    def next(self):
        if len(self.data) == 30:
            raise RuntimeError("the moon was full")


def test_after_a_failure_nothing_goes_on_from_half_a_bar() -> None:
    one = Counted(Failing, young_bars=0)
    one.wishes.of(inputs(29))
    for bars in (30, 31):
        with pytest.raises(StrategyError, match="the moon was full"):
            one.wishes.of(inputs(bars))
    assert not one.wishes.is_running
