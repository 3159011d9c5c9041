"""Results of made-up runs, with the types of the real ones: the report must not need a network to be tested."""

import numpy as np
import pandas as pd

from cryptonn.market.candles import Frame, align
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import TRADE_COLUMNS, BacktestResult

COSTS = {
    "none": Costs(),
    "maker": Costs(commission=0.001),
    "taker": Costs(commission=0.002, spread=0.0001),
    "taker+slippage": Costs(commission=0.002, spread=0.0001, slippage=0.0002),
}


def make_candles(index: pd.DatetimeIndex, *, seed: int, start: float, volatility: float = 0.0008) -> pd.DataFrame:
    """A random walk in the shape of candles; every tenth minute or so has no trade."""
    rng = np.random.default_rng(seed)
    volume = rng.gamma(0.7, 20, len(index)) * (rng.random(len(index)) > 0.1)
    close = start * np.exp(np.cumsum(rng.normal(0, volatility, len(index)) * (volume > 0)))
    opened = np.concatenate([[start], close[:-1]])
    wiggle = np.where(volume > 0, np.abs(rng.normal(0, volatility / 3, (2, len(index)))), 0)
    high = np.maximum(opened, close) * (1 + wiggle[0])
    low = np.minimum(opened, close) * (1 - wiggle[1])
    return pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": volume}, index=index)


def make_frame(*, start: str, days: int) -> Frame:
    """Minutes of ETH/USD and BTC/USD."""
    index = pd.date_range(start, periods=days * 1440, freq="min", tz="UTC", name="time")
    coins = {"ETH/USD": make_candles(index, seed=1, start=140), "BTC/USD": make_candles(index, seed=2, start=3800)}
    return align(coins, timeframe="1m")


def make_result(
    candles: pd.DataFrame,
    entries: np.ndarray,
    *,
    fees: str,
    strategy: str = "lstm_signal",
    hold: int = 5,
    cash: float = 1e5,
) -> BacktestResult:
    """Buy 95 % of equity at the open of each entry bar and sell ``hold`` bars later, under the costs of a scenario."""
    costs, opens, close = COSTS[fees], candles["open"].to_numpy(), candles["close"].to_numpy()
    money, units = np.full(len(candles), cash), np.zeros(len(candles))
    equity, fills, trades = cash, [], []
    for bar in entries:
        leave = bar + hold
        bought, sold = opens[bar] * (1 + costs.concession), opens[leave] * (1 - costs.concession)
        amount = 0.95 * equity / close[bar - 1]
        tolls = [costs.commission * amount * price for price in (bought, sold)]
        gross, net = amount * (opens[leave] - opens[bar]), amount * (sold - bought) - sum(tolls)
        money[bar:leave] = equity - tolls[0] - amount * bought + amount * close[bar:leave]
        units[bar:leave] = amount
        equity += net
        money[leave:] = equity
        times = candles.index[bar], candles.index[leave]
        fills.append(
            (times[0], "buy", amount, bought, tolls[0], amount * (bought - opens[bar]), candles.index[bar - 1])
        )
        fills.append(
            (times[1], "sell", amount, sold, tolls[1], amount * (opens[leave] - sold), candles.index[leave - 1])
        )
        trades.append((*times, "long", amount, bought, sold, gross, gross - net, net, hold, False))
    return _result(candles, fees, strategy, cash, money, units, fills, trades)


def _result(candles, fees, strategy, cash, money, units, fills, trades) -> BacktestResult:  # type: ignore[no-untyped-def]
    equity = pd.Series(money, candles.index)
    day = candles.index.floor("D")
    ends = equity.groupby(day).last()
    value = pd.Series(units * candles["close"].to_numpy(), candles.index).groupby(day).last()
    columns = ["time", "side", "amount", "price", "commission", "slippage", "decided"]
    kinds = {"amount": float, "price": float, "commission": float, "slippage": float}
    no_trade = {"gross": float, "net": float, "amount": float, "entry_price": float, "exit_price": float, "open": bool}
    no_trade |= {"entry_time": candles.index.dtype, "exit_time": candles.index.dtype}
    return BacktestResult(
        strategy=strategy,
        fees=fees,
        symbol="ETH/USD",
        costs=COSTS[fees],
        cash=cash,
        equity=equity,
        position=pd.Series(units, candles.index),
        returns=ends / ends.shift(1, fill_value=cash) - 1,
        positions=pd.DataFrame({"ETH/USD": value, "cash": ends - value}),
        fills=pd.DataFrame(fills, columns=columns).astype(kinds),
        trades=pd.DataFrame(trades, columns=list(TRADE_COLUMNS)).astype(no_trade),
        rejections=0,
        borrow=0.0,
    )


def spaced_entries(bars: int, *, trades: int, seed: int = 3, hold: int = 5) -> np.ndarray:
    """Bars of so many entries that never overlap."""
    rng = np.random.default_rng(seed)
    slots = np.arange(2, bars - hold - 2, hold + 2)
    return np.sort(rng.choice(slots, min(trades, len(slots)), replace=False))
