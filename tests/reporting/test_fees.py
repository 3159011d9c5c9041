"""The fee sweep against backtests that really paid the fee."""

import numpy as np
import pandas as pd
import pytest
from fakes import COSTS, make_candles, make_result, spaced_entries

from cryptonn.reporting.fees import break_even, cheapest, costliest, fee_sweep
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.strategies import load_strategy

INDEX = pd.date_range("2019-01-01", periods=4 * 1440, freq="min", tz="UTC", name="time")
CANDLES = make_candles(INDEX, seed=5, start=140)


def result(fees: str, *, entries: np.ndarray | None = None) -> BacktestResult:
    return make_result(
        CANDLES, spaced_entries(len(CANDLES), trades=50) if entries is None else entries, fees=fees
    )


@pytest.mark.parametrize("fees", ["none", "maker", "taker", "taker+slippage"])
def test_the_sweep_foretells_what_a_backtest_at_that_fee_returns(fees: str) -> None:
    paid = result(fees)
    swept = fee_sweep(result("none"), [COSTS[fees].per_side])["net_return"].iloc[0]
    assert swept == pytest.approx(paid.equity.iloc[-1] / paid.cash - 1, abs=2e-4)


def test_at_the_break_even_fee_nothing_is_won_or_lost() -> None:
    even = break_even(result("none"))
    assert fee_sweep(result("none"), [even])["net_return"].iloc[0] == pytest.approx(0, abs=1e-6)


def test_the_break_even_fee_hardly_depends_on_the_fee_that_was_paid() -> None:
    assert break_even(result("maker")) == pytest.approx(break_even(result("none")), abs=2e-6)


def test_without_a_fee_a_dear_backtest_earns_what_the_free_one_did() -> None:
    free = result("none").equity.iloc[-1] / 1e5 - 1
    assert fee_sweep(result("taker"), [0.0])["net_return"].iloc[0] == pytest.approx(free, abs=1e-5)


def test_trades_that_rise_by_a_known_share_break_even_at_half_of_it() -> None:
    rising = CANDLES.assign(open=100 * 1.0001 ** np.arange(len(CANDLES)))
    found = make_result(
        rising.assign(close=rising["open"]), np.arange(100, 400, 30), fees="none", hold=20
    )
    growth = 1.0001**20
    assert break_even(found) == pytest.approx((growth - 1) / (growth + 1), rel=1e-6)


def test_without_trades_there_is_no_break_even_fee() -> None:
    empty = result("none", entries=np.array([], dtype=int))
    assert np.isnan(break_even(empty))
    assert fee_sweep(empty, [0.0, 0.01])["net_return"].tolist() == [0.0, 0.0]


def test_a_handful_of_trades_has_no_break_even_fee() -> None:
    nine, ten = (
        result("none", entries=np.arange(100, 100 + 30 * trades, 30)) for trades in (9, 10)
    )
    assert np.isnan(break_even(nine))
    assert np.isfinite(break_even(ten))


def test_a_cost_that_eats_everything_is_a_loss_of_everything() -> None:
    assert fee_sweep(result("none"), [0.9])["net_return"].iloc[0] == -1.0


def test_scenarios_are_ranked_by_what_a_side_costs() -> None:
    results = [result(fees) for fees in ("taker", "none", "taker+slippage", "maker")]
    assert (cheapest(results).fees, costliest(results).fees) == ("none", "taker+slippage")


@pytest.mark.parametrize("direction", [(1,), (1, -1)], ids=["long", "long-short"])
def test_the_sweep_is_backtraders_at_every_fee(direction: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    signal = pd.Series(0, index=CANDLES.index, dtype="int8")
    for start in range(10, len(CANDLES) - 20, 40):
        signal.iloc[start : start + 7] = rng.choice(direction)
    strategy = load_strategy("lstm_signal")
    account = {"cash": 1e5, "fraction": 0.9, "symbol": "ETH/USD"}
    free = run_backtest(CANDLES, signal, strategy=strategy, costs=Costs(), **account)
    for commission in (0.0005, 0.002):
        paid = run_backtest(CANDLES, signal, strategy=strategy, costs=Costs(commission), **account)
        swept = fee_sweep(free, [commission])["net_return"].iloc[0]
        assert swept == pytest.approx(paid.net_return, abs=5e-4)
    even = break_even(free)
    at_even = run_backtest(
        CANDLES, signal, strategy=strategy, costs=Costs(max(even, 0.0)), **account
    )
    assert even > 0 or free.net_return < 0
    assert even <= 0 or abs(at_even.net_return) < 5e-4
