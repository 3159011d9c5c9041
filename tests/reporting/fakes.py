"""Results of made-up runs, with the types of the real ones: the report must not need a network to be tested."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.config import parse_config
from cryptonn.evaluation.accuracy import assess
from cryptonn.evaluation.forecasts import assess_forecasts
from cryptonn.evaluation.verdict import verdict
from cryptonn.market.candles import Frame, align
from cryptonn.market.timerange import TimeRange
from cryptonn.output import write_file
from cryptonn.progress import Step
from cryptonn.reporting.html import write_report
from cryptonn.reporting.metrics import comparison_table, metrics_of
from cryptonn.runs import Run
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import TRADE_COLUMNS, BacktestResult

COSTS = {
    "none": Costs(),
    "maker": Costs(commission=0.001),
    "taker": Costs(commission=0.002, spread=0.0001),
    "taker+slippage": Costs(commission=0.002, spread=0.0001, slippage=0.0002),
}


def make_candles(
    index: pd.DatetimeIndex, *, seed: int, start: float, volatility: float = 0.0008
) -> pd.DataFrame:
    """A random walk in the shape of candles; every tenth minute or so has no trade."""
    rng = np.random.default_rng(seed)
    volume = rng.gamma(0.7, 20, len(index)) * (rng.random(len(index)) > 0.1)
    close = start * np.exp(np.cumsum(rng.normal(0, volatility, len(index)) * (volume > 0)))
    opened = np.concatenate([[start], close[:-1]])
    wiggle = np.where(volume > 0, np.abs(rng.normal(0, volatility / 3, (2, len(index)))), 0)
    high = np.maximum(opened, close) * (1 + wiggle[0])
    low = np.minimum(opened, close) * (1 - wiggle[1])
    return pd.DataFrame(
        {"open": opened, "high": high, "low": low, "close": close, "volume": volume}, index=index
    )


def make_frame(*, start: str, days: int) -> Frame:
    """Minutes of ETH/USD and BTC/USD."""
    index = pd.date_range(start, periods=days * 1440, freq="min", tz="UTC", name="time")
    coins = {
        "ETH/USD": make_candles(index, seed=1, start=140),
        "BTC/USD": make_candles(index, seed=2, start=3800),
    }
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
            (
                times[0],
                "buy",
                amount,
                bought,
                tolls[0],
                amount * (bought - opens[bar]),
                candles.index[bar - 1],
            )
        )
        fills.append(
            (
                times[1],
                "sell",
                amount,
                sold,
                tolls[1],
                amount * (opens[leave] - sold),
                candles.index[leave - 1],
            )
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
    no_trade = {
        "gross": float,
        "net": float,
        "amount": float,
        "entry_price": float,
        "exit_price": float,
        "open": bool,
    }
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


def make_predictions(
    close: pd.Series, *, period: str, skill: float, horizon: int = 5, seed: int = 4
) -> pd.DataFrame:
    """Probabilities that know a little of what comes, as no real ones may."""
    rng = np.random.default_rng(seed)
    move = np.full(len(close), np.nan)
    move[:-horizon] = np.log(close.to_numpy()[horizon:] / close.to_numpy()[:-horizon])
    lean = skill * np.sign(np.nan_to_num(move))
    proba = 1 / (1 + np.exp(-(lean + rng.normal(0, 0.25, len(close)))))
    columns = {
        "period": period,
        "proba": proba,
        "logistic": 0.5 + (proba - 0.5) / 3 + rng.normal(0, 0.05, len(close)) * 0.5,
        "label": np.where(np.isnan(move) | (move == 0), np.nan, (move > 0).astype(float)),
        "move": move,
        "tie": move == 0,
        "signal": np.int8(0),
    }
    return pd.DataFrame(columns, index=close.index)


def make_run(
    folder: Path,
    *,
    days: int = 12,
    tests: Mapping[str, str] | None = None,
    trades: int = 60,
    **settings: Any,
) -> Run:
    """A whole run: minutes from 2019-01-01, validation on the first days, then the test periods."""
    tests = {"2019Q1": "20190105-20190113"} if tests is None else tests
    frame = make_frame(start="2019-01-01", days=days)
    data = {"train": "20181001-20190105", "test": tests}
    values = {"name": "fake", "description": "A made-up run.", **settings}
    config = parse_config({**values, "data": {**data, **settings.get("data", {})}})
    periods = {"validation": TimeRange.parse("20190101-20190105"), **config.data.test}
    close = frame.candles("ETH/USD")["close"]
    predictions = {
        name: make_predictions(period.select(close.to_frame())["close"], period=name, skill=0.04)
        for name, period in periods.items()
    }
    backtests, metrics, verdicts = {}, [], {}
    for name, period in config.data.test.items():
        candles = period.select(frame.candles("ETH/USD"))
        entries = spaced_entries(len(candles), trades=trades)
        own = [make_result(candles, entries, fees=fees) for fees in COSTS]
        other = [
            make_result(candles, entries[::2] + 1, fees=fees, strategy="momentum") for fees in COSTS
        ]
        backtests[name] = own + other
        measured = [metrics_of(result, candles, resamples=50) for result in own + other]
        metrics += [{"period": name, **found} for found in measured]
        verdicts[name] = verdict({found["fees"]: found for found in measured[: len(own)]})
    return Run(
        folder=folder,
        config=config,
        facts={
            "enter": 0.56,
            "source": "bitfinex",
            "interrupted": False,
            "best_epoch": 4,
            "sha256": {"ETH/USD": "ab" * 32},
            "code": {"git_commit": "c" * 40},
        },
        frame=frame,
        predictions=pd.concat(predictions.values()),
        history=pd.DataFrame(
            {
                "epoch": range(1, 7),
                "loss": [0.693, 0.69, 0.687, 0.685, 0.684, 0.683],
                "val_loss": [0.692, 0.69, 0.688, 0.6875, 0.688, 0.689],
            }
        ),
        assessments={
            name: {
                model: assess(rows[column], rows[["move", "tie"]], horizon=5, resamples=50)
                for model, column in (("network", "proba"), ("logistic", "logistic"))
            }
            for name, rows in predictions.items()
        },
        backtests=backtests,
        verdicts=verdicts,
        comparison=comparison_table(metrics),
    )


def make_regression(
    folder: Path, *, skill: float = 0.0, band: tuple[float, float] | None = (-0.004, 0.004)
) -> Run:
    """A run that forecasts the price of a minute five minutes ahead: the move with a little skill, and noise."""
    sections = {
        "labels": {"kind": "return"},
        "network": {"output": "linear"},
        "training": {"loss": "mse"},
    }
    run = make_run(folder, days=8, tests={"2019Q1": "20190105-20190109"}, **sections)
    rng, horizon = np.random.default_rng(6), run.config.labels.horizon
    close = run.frame.candles("ETH/USD")["close"]
    actual = pd.Series(
        np.append(close.to_numpy()[horizon:], np.full(horizon, np.nan)), index=close.index
    )
    move = skill * np.log(actual / close).fillna(0) + rng.normal(0, 0.001, len(close))
    table = pd.DataFrame(
        {"role": "", "close": close, "predicted": close * np.exp(move), "actual": actual}
    )
    periods = {
        "train": "20190101-20190103",
        "validation": "20190103-20190105",
        "2019Q1": "20190105-20190109",
    }
    roles = {
        name: TimeRange.parse(period).select(table).assign(role=name)
        for name, period in periods.items()
    }
    if band is not None:
        model = {
            "regression": {
                "kind": "return",
                "mean": 0,
                "std": 1,
                "error": 1,
                "low": band[0],
                "high": band[1],
            }
        }
        write_file(folder / "model" / "model.json", json.dumps(model))
    return replace(
        run,
        forecasts=pd.concat(roles.values()),
        forecast_scores={
            name: assess_forecasts(rows, horizon=horizon) for name, rows in roles.items()
        },
    )


@dataclass(frozen=True)
class Written:
    """A run and the report of it."""

    run: Run
    folder: Path
    html: str
    steps: list[Step]


def write(run: Run, folder: Path) -> Written:
    steps: list[Step] = []
    path = write_report(run, folder, on_step=steps.append)
    return Written(run, folder, path.read_text(encoding="utf-8"), steps)
