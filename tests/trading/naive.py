"""The backtest as a newcomer would write it: PandasData, the default observers, all logic in next()."""

from typing import Any

import backtrader as bt
import pandas as pd

__all__ = ["SignalData", "naive_cerebro", "naive_equity"]


class SignalData(bt.feeds.PandasData):
    """backtrader's own pandas feed with a column "signal"."""

    lines = ("signal",)
    params = (("signal", -1),)


class NaiveSignal(bt.Strategy):
    """Long while the signal is 1, sized by hand."""

    params = (("fraction", 0.95),)

    def __init__(self) -> None:
        self.order: Any = None

    def next(self) -> None:
        if self.order is not None and self.order.alive():
            return
        if not self.position and self.data.signal[0] > 0:
            self.order = self.buy(
                size=self.p.fraction * self.broker.getvalue() / self.data.close[0]
            )
        elif self.position and self.data.signal[0] <= 0:
            self.order = self.close()


def naive_cerebro(candles: pd.DataFrame, signal: pd.Series) -> bt.Cerebro:
    """A bare Cerebro with the candles and the signal."""
    rows = candles.assign(signal=signal.to_numpy()).tz_localize(None)
    cerebro = bt.Cerebro()
    cerebro.adddata(SignalData(dataname=rows))
    return cerebro


def naive_equity(
    candles: pd.DataFrame, signal: pd.Series, *, cash: float, fraction: float, commission: float
) -> float:
    """Final equity. Knows no untraded minutes, spread, slippage or borrow."""
    cerebro = naive_cerebro(candles, signal)
    cerebro.addstrategy(NaiveSignal, fraction=fraction)
    cerebro.broker.setcash(cash)
    cerebro.broker.setcommission(commission)
    cerebro.run()
    return float(cerebro.broker.getvalue())
