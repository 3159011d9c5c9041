"""Parity: the replay is backtrader's account, with and without each cost; and what it is used for."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trading_tables import EVERY_COST, backtest, played, random_market, random_signal, table, wanted

from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult

COSTS = {
    "none": Costs(),
    "commission": Costs(commission=0.002),
    "spread": Costs(spread=0.001),
    "slippage": Costs(slippage=0.001),
    "borrow": Costs(borrow=1.0),
    "all": EVERY_COST,
}


def check_equal(genuine: BacktestResult, replayed: BacktestResult) -> None:
    tight = {"rtol": 1e-9, "atol": 1e-12}
    assert replayed.rejections == genuine.rejections
    pd.testing.assert_series_equal(replayed.equity, genuine.equity, **tight)
    pd.testing.assert_series_equal(replayed.position, genuine.position, **tight)
    pd.testing.assert_series_equal(replayed.returns, genuine.returns, **tight)
    pd.testing.assert_frame_equal(replayed.positions, genuine.positions, rtol=1e-9, atol=1e-9)
    pd.testing.assert_frame_equal(replayed.fills, genuine.fills, **tight)
    pd.testing.assert_frame_equal(replayed.trades, genuine.trades, rtol=1e-9, atol=1e-9)
    assert replayed.borrow == pytest.approx(genuine.borrow, rel=1e-9)


@pytest.mark.parametrize("costs", COSTS.values(), ids=list(COSTS))
@pytest.mark.parametrize("lowest", [0, -1], ids=["long", "long-short"])
def test_replay_is_backtrader(costs: Costs, lowest: int) -> None:
    candles = random_market(1, 2000)
    signal = random_signal(candles, 2, lowest=lowest)
    genuine = backtest(candles, signal, costs, fraction=0.95)
    assert len(genuine.trades) > 100
    assert (genuine.borrow > 0) == (lowest < 0 and costs.borrow > 0)
    check_equal(genuine, played(candles, signal, costs, fraction=0.95))


@pytest.mark.parametrize("costs", COSTS.values(), ids=list(COSTS))
def test_replay_with_rejections(costs: Costs) -> None:
    candles = random_market(8, 2000, untraded=0.3)
    signal = random_signal(candles, 9)
    genuine = backtest(candles, signal, costs, fraction=1.0)
    assert genuine.rejections > 50
    check_equal(genuine, played(candles, signal, costs, fraction=1.0))


def test_replay_of_a_ruined_account() -> None:
    # short at 100 with all the money, then the price goes to 250: neither the exit nor anything else is accepted
    candles = table(
        [(100, 100), (100, 100), (250, 250), (250, 250), (250, 250), (90, 90), (90, 90), (90, 90)]
    )
    signal = wanted(candles, [-1, -1, 0, 1, 1, 1, 1, 1])
    genuine = backtest(candles, signal, EVERY_COST, fraction=1.0)
    assert genuine.equity.min() < 0
    assert genuine.rejections > 0
    check_equal(genuine, played(candles, signal, EVERY_COST, fraction=1.0))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    market=st.integers(0, 10_000),
    bars=st.integers(1, 60),
    untraded=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
    step=st.sampled_from([0.0, 0.002, 0.1]),
    lowest=st.sampled_from([0, -1]),
    stay=st.sampled_from([0.0, 0.7, 0.95]),
    fraction=st.sampled_from([0.3, 0.95, 0.999, 1.0]),
    costs=st.sampled_from(list(COSTS.values())),
)
def test_replay_is_backtrader_on_any_market(
    market: int,
    bars: int,
    untraded: float,
    step: float,
    lowest: int,
    stay: float,
    fraction: float,
    costs: Costs,
) -> None:
    candles = random_market(market, bars, untraded=untraded, step=step)
    signal = random_signal(candles, market + 1, lowest=lowest, stay=stay)
    genuine = backtest(candles, signal, costs, fraction=fraction)
    check_equal(genuine, played(candles, signal, costs, fraction=fraction))
    assert genuine.trades["net"].sum() == pytest.approx(genuine.final_equity - 1000, abs=1e-6)
    if not costs.borrow and lowest == 0:
        assert (genuine.equity > 0).all()


def test_replay_on_candles_with_a_gap() -> None:
    candles = random_market(4, 400).drop(index=random_market(4, 400).index[100:160])
    signal = random_signal(candles, 5)
    check_equal(backtest(candles, signal, EVERY_COST), played(candles, signal, EVERY_COST))
