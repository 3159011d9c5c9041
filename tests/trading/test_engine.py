"""What the fast feed must keep of backtrader: times, lines, and indicators on them."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from naive import SignalData
from trading_tables import FREE, backtest, minutes, random_market, random_signal, wanted

from cryptonn.trading.backtest import run_backtest


class Diary(bt.Strategy):
    """Writes down every bar as a strategy sees it."""

    params = (("pages", None),)

    def __init__(self) -> None:
        self.mean = bt.indicators.SimpleMovingAverage(self.data.close, period=3)

    def next(self) -> None:
        lines = ("open", "high", "low", "close", "volume", "signal")
        values = [getattr(self.data, name)[0] for name in lines]
        self.p.pages.append((self.data.datetime.datetime(0), len(self), *values, self.data.close[-1], self.mean[0]))


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
    backtest(candles, wanted(candles, [0] * 1440), FREE, strategy=Diary, parameters={"pages": pages})
    assert [page[0] for page in pages] == candles.index.tz_localize(None)[2:].to_pydatetime().tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_any_unit_of_the_index(unit: str) -> None:
    candles = random_market(1, 300)
    signal = random_signal(candles, 2)
    same = backtest(candles.set_index(candles.index.as_unit(unit)), signal.set_axis(candles.index.as_unit(unit)))
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
    settings = {"strategy": Sure, "costs": FREE, "cash": 1000.0, "fraction": 0.5, "symbol": "ETH/USD"}
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
