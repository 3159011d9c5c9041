"""What the fast feed must keep of backtrader: times, lines, and indicators on them."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from naive import SignalData
from trading_tables import EVERY_COST, FREE, backtest, minutes, random_market, random_signal, wanted

from cryptonn.errors import StrategyError
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.sizing import order_units


class Diary(bt.Strategy):
    """Writes down every bar as a strategy sees it."""

    params = (("pages", None),)

    def __init__(self) -> None:
        self.mean = bt.indicators.SimpleMovingAverage(self.data.close, period=3)

    def next(self) -> None:
        lines = ("open", "high", "low", "close", "volume", "signal")
        values = [getattr(self.data, name)[0] for name in lines]
        self.p.pages.append(
            (self.data.datetime.datetime(0), len(self), *values, self.data.close[-1], self.mean[0])
        )


def test_a_strategy_sees_what_pandas_data_shows() -> None:
    candles = random_market(1, 200)
    signal = random_signal(candles, 2)
    ours: list[tuple] = []
    backtest(candles, signal, FREE, strategy=Diary, parameters={"pages": ours})
    cerebro = bt.Cerebro()
    cerebro.adddata(SignalData(dataname=candles.assign(signal=signal.to_numpy()).tz_localize(None)))
    theirs: list[tuple] = []
    cerebro.addstrategy(Diary, pages=theirs)
    cerebro.run()
    assert len(ours) == 198
    assert ours == theirs


def test_every_minute_of_a_day_keeps_its_time() -> None:
    candles = random_market(1, 1440).set_index(minutes(1440) + pd.Timedelta(days=3000))
    pages: list[tuple] = []
    backtest(
        candles, wanted(candles, [0] * 1440), FREE, strategy=Diary, parameters={"pages": pages}
    )
    assert [page[0] for page in pages] == candles.index.tz_localize(None)[
        2:
    ].to_pydatetime().tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_any_unit_of_the_index(unit: str) -> None:
    candles = random_market(1, 300)
    signal = random_signal(candles, 2)
    same = backtest(
        candles.set_index(candles.index.as_unit(unit)), signal.set_axis(candles.index.as_unit(unit))
    )
    assert same.equity.tolist() == backtest(candles, signal).equity.tolist()


class Sure(bt.Strategy):
    """Long while the probability is above 0.8."""

    def next(self) -> None:
        if not self.position and self.data.proba[0] > 0.8:
            self.buy()
        elif self.position and not self.data.proba[0] > 0.8:
            self.close()


def test_the_probability_is_a_line() -> None:
    candles = random_market(1, 5, untraded=0.0)
    proba = pd.Series([np.nan, 0.9, 0.9, 0.2, 0.2], index=candles.index)
    flat = wanted(candles, [0] * 5)
    settings = {
        "strategy": Sure,
        "costs": FREE,
        "cash": 1000.0,
        "fraction": 0.5,
        "symbol": "ETH/USD",
    }
    result = run_backtest(candles, flat, proba=proba, **settings)
    assert result.position.gt(0).tolist() == [False, False, True, True, False]
    assert run_backtest(candles, flat, **settings).fills.empty


def test_candles_and_signal_are_left_as_they_were() -> None:
    candles = random_market(1, 300)
    signal = random_signal(candles, 2)
    copies = candles.copy(), signal.copy()
    backtest(candles, signal)
    pd.testing.assert_frame_equal(candles, copies[0])
    pd.testing.assert_series_equal(signal, copies[1])


class Clockwork(bt.Strategy):
    """Buys when a timer of its own rings, every two hours."""

    def __init__(self) -> None:
        self.add_timer(bt.timer.SESSION_START, repeat=pd.Timedelta(hours=2).to_pytimedelta())

    def notify_timer(self, timer: object, when: object, *args: object, **kwargs: object) -> None:
        self.buy(size=0.1)


def test_timers_ring() -> None:
    candles = random_market(1, 600, untraded=0.0)
    result = backtest(candles, wanted(candles, [0] * 600), FREE, strategy=Clockwork)
    assert len(result.fills) == 5


class Stopper(bt.Strategy):
    """Stops the run at the third bar."""

    def next(self) -> None:
        self.buy(size=1)
        if len(self) == 3:
            self.env.runstop()


def test_a_strategy_must_not_stop_the_run() -> None:
    candles = random_market(1, 50, untraded=0.0)
    with pytest.raises(StrategyError, match="stopped the run at 2018-01-01 00:02Z"):
        backtest(candles, wanted(candles, [0] * 50), FREE, strategy=Stopper)


class Donor(bt.Strategy):
    """Gives itself money."""

    def next(self) -> None:
        if len(self) == 3:
            self.broker.add_cash(100)


def test_a_strategy_must_not_add_cash() -> None:
    candles = random_market(1, 50, untraded=0.0)
    with pytest.raises(StrategyError, match="not add cash"):
        backtest(candles, wanted(candles, [0] * 50), FREE, strategy=Donor)


class Patient(bt.Strategy):
    """Buys a little below the open and sells at the market."""

    def next(self) -> None:
        if not self.position and len(self) % 10 == 1:
            self.buy(
                exectype=bt.Order.Limit,
                price=self.data.close[0] * 0.999,
                valid=pd.Timedelta(minutes=5).to_pytimedelta(),
            )
        elif self.position:
            self.close()


def test_limit_orders_add_up_too() -> None:
    candles = random_market(1, 2000)
    candles["low"] *= 0.999
    result = backtest(candles, wanted(candles, [0] * 2000), EVERY_COST, strategy=Patient)
    assert len(result.trades) > 30
    assert (result.fills.query("side == 'buy'")["slippage"] <= 0).any()
    assert result.trades["net"].sum() == pytest.approx(result.final_equity - 1000, rel=1e-9)


def test_a_ruined_account_orders_nothing() -> None:
    sized = {
        "close": 10.0,
        "reversed_units": 1.0,
        "fraction": 0.95,
        "commission": 0.001,
        "concession": 0.0,
    }
    assert order_units(equity=0.0, **sized) == 0.0
    assert order_units(equity=-5.0, **sized) == 0.0
    assert order_units(equity=100.0, **sized) > 0.0
