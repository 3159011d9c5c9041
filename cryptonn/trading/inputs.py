"""What a backtest may be given: candles and a signal on the same bars, some cash, a share of it."""

import numpy as np
import pandas as pd

from cryptonn.errors import ConfigError, DataError

__all__ = ["check_inputs"]


def check_inputs(candles: pd.DataFrame, signal: pd.Series, *, cash: float, fraction: float) -> None:
    """Refuse what cannot be traded.

    Raises
    ------
    DataError
        If there are no candles, or the signal is on other bars or holds anything but −1, 0, 1.
    ConfigError
        If cash is not positive or fraction not in (0, 1].
    """
    if not len(candles):
        raise DataError("there are no candles to trade: choose a longer timerange.")
    if not candles.index.equals(signal.index):
        raise DataError(
            f"the signal has {len(signal)} bars and the candles {len(candles)}, "
            "or their times differ: make the signal from probabilities on the index of the candles."
        )
    if not np.isin(signal.to_numpy(), (-1, 0, 1)).all():
        raise DataError("the signal must hold only -1, 0 and 1: make it with make_signal.")
    if not cash > 0:
        raise ConfigError(f"cash = {cash} must be positive.")
    if not 0 < fraction <= 1:
        raise ConfigError(
            f"fraction = {fraction} must lie in (0, 1]: it is the share of equity in a position."
        )
