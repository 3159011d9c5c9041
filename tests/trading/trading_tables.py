"""Small markets written by hand or drawn at random, and the strategies folder, for the tests of the trading stage."""

from pathlib import Path

import numpy as np
import pandas as pd

from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.costs import Costs
from cryptonn.trading.replay import replay
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.strategies import load_strategy

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
LSTM_SIGNAL = load_strategy("lstm_signal", folder=STRATEGIES)
FREE = Costs()
EVERY_COST = Costs(commission=0.001, spread=0.0002, slippage=0.0003, borrow=0.5)


def minutes(count: int) -> pd.DatetimeIndex:
    return pd.date_range("2018-01-01", periods=count, freq="min", tz="UTC", name="time")


def table(rows: list[tuple[float, ...]]) -> pd.DataFrame:
    """Candles from (open, close) or (open, close, volume); high and low are the larger and the smaller."""
    full = [(*row, 1.0)[:3] for row in rows]
    opens, closes, volumes = (np.array(column, dtype=float) for column in zip(*full, strict=True))
    columns = {
        "open": opens,
        "high": np.maximum(opens, closes),
        "low": np.minimum(opens, closes),
        "close": closes,
        "volume": volumes,
    }
    return pd.DataFrame(columns, index=minutes(len(rows)))


def wanted(candles: pd.DataFrame, values: list[int]) -> pd.Series:
    return pd.Series(values, index=candles.index, dtype="int8", name="signal")


def random_market(
    seed: int, bars: int, *, untraded: float = 0.1, step: float = 0.002
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, step, bars)))
    opens = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, step / 4, bars))
    traded = rng.random(bars) >= untraded
    for bar in np.flatnonzero(~traded):
        opens[bar] = close[bar] = close[bar - 1] if bar else 100.0
    return table(list(zip(opens, close, traded.astype(float), strict=True)))


def random_signal(
    candles: pd.DataFrame, seed: int, *, lowest: int = -1, stay: float = 0.7
) -> pd.Series:
    rng = np.random.default_rng(seed)
    values = rng.integers(lowest, 2, len(candles))
    keep = rng.random(len(candles)) < stay
    keep[0] = False
    rows = np.maximum.accumulate(np.where(keep, 0, np.arange(len(candles))))
    return wanted(candles, values[rows].tolist())


def backtest(
    candles: pd.DataFrame, signal: pd.Series, costs: Costs = FREE, **changes: object
) -> BacktestResult:
    settings: dict = {"strategy": LSTM_SIGNAL, "cash": 1000.0, "fraction": 0.5, "symbol": "ETH/USD"}
    return run_backtest(candles, signal, costs=costs, **(settings | changes))


def played(
    candles: pd.DataFrame, signal: pd.Series, costs: Costs = FREE, **changes: object
) -> BacktestResult:
    settings: dict = {"cash": 1000.0, "fraction": 0.5, "symbol": "ETH/USD"}
    return replay(candles, signal, costs=costs, **(settings | changes))
