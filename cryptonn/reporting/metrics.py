"""What a backtest earned, what it paid, and what it would have needed: one number a name,
units in the names.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.errors import DataError
from cryptonn.evaluation.significance import (
    MIN_TRADES,
    Interval,
    deflated_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    ratio_interval,
    return_intervals,
)
from cryptonn.reporting.daily import daily_metrics, drawdowns, monthly_table
from cryptonn.reporting.meanings import COMPARISON, METRICS
from cryptonn.trading.result import BacktestResult
from cryptonn.units import BP, counted

__all__ = ["comparison_table", "drawdowns", "metrics_of", "monthly_table"]

Array = npt.NDArray[np.float64]
_UNKNOWN = Interval(math.nan, math.nan)


def metrics_of(
    result: BacktestResult,
    candles: pd.DataFrame,
    *,
    resamples: int = 1000,
    seed: int = 0,
    trials: int | None = None,
) -> dict[str, Any]:
    """Measure one backtest.

    Parameters
    ----------
    result
        A backtest.
    candles
        The candles it ran on, or a longer table that holds them.
    resamples, seed
        Of the bootstrap of days behind the intervals.
    trials
        Of which the traded setting is the best, where a search chose it.

    Returns
    -------
    dict
        One value a name of ``METRICS``: numbers, and text for names and notes. NaN where undefined,
        as without trades. With ``trials``, one a name of ``CHOSEN`` too.

    Raises
    ------
    DataError
        If the candles lack a bar of the result.
    """
    bars = _bars(result, candles)
    opens, closes = (
        bars["open"].to_numpy(dtype=np.float64),
        bars["close"].to_numpy(dtype=np.float64),
    )
    found = {
        "strategy": result.strategy,
        "fees": result.fees,
        "costs": _costs(result),
        "cost_per_side": result.costs.per_side,
        "days": len(result.returns),
        "bars": len(bars),
        "trades": len(result.trades),
        "rejections": int(result.rejections),
        "net_return": float(result.equity.iloc[-1]) / result.cash - 1.0,
        "buy_and_hold_return": float(closes[-1] / opens[0]) - 1.0,
        "final_equity": float(result.equity.iloc[-1]),
        "max_drawdown_bars": _deepest(result),
        "exposure": float((result.position.to_numpy() != 0).mean()),
        "turnover_per_day": _turnover(result),
    }
    found |= (
        _paid(result)
        | daily_metrics(result.returns)
        | _trade_metrics(result, resamples=resamples, seed=seed)
    )
    found |= _break_even(result, opens, resamples=resamples, seed=seed) | _certainty(
        result, resamples, seed
    )
    return {name: found[name] for name in METRICS} | (
        {} if trials is None else _chosen(result, trials)
    )


def comparison_table(metrics: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Lay backtests side by side.

    Parameters
    ----------
    metrics
        What ``metrics_of`` returned, each with a ``period`` added where there are several:
        ``{"period": "2019H1", **metrics_of(result, candles)}``.

    Returns
    -------
    DataFrame
        One row a backtest, in the given order; the columns of ``COMPARISON`` (``period`` only if
        given).
    """
    rows = list(metrics)
    columns = [
        name for name in COMPARISON if name != "period" or any("period" in row for row in rows)
    ]
    return pd.DataFrame(
        [{name: row.get(name) for name in columns} for row in rows], columns=columns
    )


def _bars(result: BacktestResult, candles: pd.DataFrame) -> pd.DataFrame:
    index = pd.DatetimeIndex(result.equity.index)
    if not len(index):
        raise DataError(
            "an empty backtest has no metrics: its period holds no bar. Choose another timerange."
        )
    where = pd.DatetimeIndex(candles.index).get_indexer(index)
    if (where < 0).any():
        missing = index[where < 0]
        raise DataError(
            f"the candles lack {len(missing):,} bars of the backtest, first {missing[0]}: give "
            "those it ran on."
        )
    return candles.iloc[where]


def _days(result: BacktestResult, times: pd.Index) -> npt.NDArray[np.int64]:
    """Return for each time the row of its day in ``result.returns``."""
    days = pd.DatetimeIndex(result.returns.index).as_unit("ns").asi8
    return days.searchsorted(pd.DatetimeIndex(times).as_unit("ns").asi8, side="right") - 1


def _day_sums(result: BacktestResult, times: pd.Index, values: Array) -> Array:
    return _sums(_days(result, times), values, len(result.returns))


def _sums(groups: npt.NDArray[np.int64], values: Array, count: int) -> Array:
    return np.bincount(groups, weights=values, minlength=count).astype(np.float64)


def _deepest(result: BacktestResult) -> float:
    equity = np.concatenate([[result.cash], result.equity.to_numpy(dtype=np.float64)])
    return float((equity / np.maximum.accumulate(equity) - 1.0).min())


def _turnover(result: BacktestResult) -> float:
    notional = (result.fills["price"] * result.fills["amount"]).to_numpy(dtype=np.float64)
    growth = np.cumprod(1.0 + result.returns.to_numpy(dtype=np.float64))
    start = result.cash * np.concatenate([[1.0], growth[:-1]])
    traded = _day_sums(result, pd.Index(result.fills["time"]), notional)
    return float(np.divide(traded, start, out=np.zeros_like(traded), where=start > 0).mean())


def _costs(result: BacktestResult) -> str:
    return (result.costs if result.borrow else replace(result.costs, borrow=0.0)).describe()


def _paid(result: BacktestResult) -> dict[str, float]:
    return {
        "fees_paid": float(result.fills["commission"].sum()),
        "slippage_paid": float(result.fills["slippage"].sum()),
        "borrow_paid": float(result.borrow),
    }


def _trade_metrics(result: BacktestResult, *, resamples: int, seed: int) -> dict[str, float]:
    trades = result.trades
    notional = (trades["amount"] * trades["entry_price"]).to_numpy(dtype=np.float64)
    gross, cost = (
        trades[name].to_numpy(dtype=np.float64) / notional for name in ("gross", "costs")
    )
    size = _mean(np.abs(gross))
    weighted = float(gross[gross > 0].sum() / np.abs(gross).sum()) if size > 0 else math.nan
    near = _UNKNOWN
    if len(trades) >= MIN_TRADES:
        sums, counts = (
            _day_sums(result, pd.Index(trades["entry_time"]), v)
            for v in (gross, np.ones_like(gross))
        )
        near = ratio_interval(sums, counts, resamples=resamples, seed=seed)
    return {
        "gross_per_trade_bp": _mean(gross) / BP,
        "gross_per_trade_low_bp": near.low / BP,
        "gross_per_trade_high_bp": near.high / BP,
        "cost_per_trade_bp": _mean(cost) / BP,
        "net_per_trade_bp": _mean(gross - cost) / BP,
        "accuracy_of_trades": _mean((gross > 0).astype(np.float64)),
        "weighted_accuracy_of_trades": weighted,
        "required_weighted_accuracy": 0.5 + _mean(cost) / (2 * size) if size > 0 else math.nan,
        "mean_absolute_move_of_trades_bp": size / BP,
        "required_move_bp": _mean(cost) / (2 * weighted - 1) / BP
        if weighted > 0.5
        else _never(weighted),
        "win_rate": _mean((gross > cost).astype(np.float64)),
        "mean_holding_bars": _mean(trades["bars"].to_numpy(dtype=np.float64)),
    }


def _break_even(
    result: BacktestResult, opens: Array, *, resamples: int, seed: int
) -> dict[str, float]:
    """Return gross return and break-even fee, from each bar's gross gain and traded notional over
    the equity before.
    """
    equity = result.equity.to_numpy(dtype=np.float64)
    before = np.concatenate([[result.cash], equity[:-1]])
    index = pd.DatetimeIndex(result.equity.index)
    bar = index.get_indexer(pd.DatetimeIndex(result.fills["time"]))
    paid = (result.fills["commission"] + result.fills["slippage"]).to_numpy(dtype=np.float64)
    short = np.maximum(-result.position.to_numpy(dtype=np.float64), 0.0)
    borrow = short * (result.borrow / short.sum()) if short.sum() > 0 else short
    gained = equity - before + _sums(bar, paid, len(equity)) + borrow
    notional = _sums(
        bar, result.fills["amount"].to_numpy(dtype=np.float64) * opens[bar], len(equity)
    )
    gain, traded = (
        np.divide(v, before, out=np.zeros_like(v), where=before > 0) for v in (gained, notional)
    )
    even = math.nan
    near = _UNKNOWN
    if len(result.trades) >= MIN_TRADES:
        even = float(gain.sum() / traded.sum())
        near = ratio_interval(
            _day_sums(result, index, gain),
            _day_sums(result, index, traded),
            resamples=resamples,
            seed=seed,
        )
    return {
        "gross_return": float(np.prod(1.0 + gain)) - 1.0,
        "break_even_fee": even,
        "break_even_fee_low": near.low,
        "break_even_fee_high": near.high,
    }


def _certainty(result: BacktestResult, resamples: int, seed: int) -> dict[str, Any]:
    near = return_intervals(result.returns, resamples=resamples, seed=seed)
    sharpe = moments(result.returns.to_numpy(dtype=np.float64))
    return {
        "net_return_low": near["net_return"].low,
        "net_return_high": near["net_return"].high,
        "sharpe_low": near["sharpe"].low,
        "sharpe_high": near["sharpe"].high,
        "probabilistic_sharpe": probabilistic_sharpe(sharpe),
        "minimum_track_record_days": minimum_track_record(sharpe),
        "interval_note": _note(len(result.trades), near["net_return"].note),
    }


def _chosen(result: BacktestResult, trials: int) -> dict[str, float]:
    returns = moments(result.returns.to_numpy(dtype=np.float64))
    return {"trials": trials, "deflated_sharpe": deflated_sharpe(returns, trials=trials)}


def _note(trades: int, days: str) -> str:
    if not trades:
        return "no trades, so no interval"
    few = f"only {counted(trades, 'trade')}: too few for a break-even fee, which needs {MIN_TRADES}"
    return "; ".join(note for note in (days, few if trades < MIN_TRADES else "") if note)


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else math.nan


def _never(weighted: float) -> float:
    return math.nan if math.isnan(weighted) else math.inf
