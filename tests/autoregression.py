"""Prices that can be predicted, and by how much: returns, or the price itself, that remember the bar before."""

import numpy as np
import pandas as pd

COIN = "ETH/USDT"


def remembering(rows: int, *, memory: float, seed: int) -> np.ndarray:
    """x[t] = memory · x[t - 1] + noise of deviation 1."""
    rng = np.random.default_rng(seed)
    values = np.empty(rows)
    values[0] = rng.standard_normal()
    for row, noise in enumerate(rng.standard_normal(rows - 1), start=1):
        values[row] = memory * values[row - 1] + noise
    return values


def trending(
    rows: int, *, memory: float = 0.6, seed: int = 1, timeframe: str = "1h"
) -> pd.DataFrame:
    """Candles whose log returns are autoregressive: with a memory of 0 a random walk, which nobody can predict.

    The best forecast of a move one bar ahead has √(1 − memory²) of persistence's error, 0.8 for 0.6.
    """
    return candles(
        300 * np.exp(0.005 * remembering(rows, memory=memory, seed=seed).cumsum()),
        timeframe=timeframe,
    )


def returning(
    rows: int, *, memory: float = 0.5, seed: int = 1, timeframe: str = "1h"
) -> pd.DataFrame:
    """Candles whose close is autoregressive about 300: it returns.

    The best forecast one bar ahead has √((1 + memory) / 2) of persistence's error, 0.87 for 0.5.
    """
    return candles(300 + 3 * remembering(rows, memory=memory, seed=seed), timeframe=timeframe)


def candles(close: np.ndarray, *, timeframe: str) -> pd.DataFrame:
    """Candles that open at the close before."""
    step = {"1m": "min", "1h": "h", "1d": "D"}[timeframe]
    index = pd.date_range("2018-01-01", periods=len(close), freq=step, tz="UTC", name="time")
    opens = np.concatenate([close[:1], close[:-1]])
    table = {
        "open": opens,
        "high": np.maximum(opens, close),
        "low": np.minimum(opens, close),
        "close": close,
    }
    return pd.DataFrame({**table, "volume": 1.0 + np.arange(len(close)) % 7}, index=index)
