"""Parity: the replay is backtrader's account, with and without each cost; and what it is used for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trading_tables import EVERY_COST, backtest, played, random_market, random_signal, table, wanted

from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.sweep import break_even_commission, break_even_fee, fee_sweep

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
    candles = table([(100, 100), (100, 100), (250, 250), (250, 250), (250, 250), (90, 90), (90, 90), (90, 90)])
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
    market: int, bars: int, untraded: float, step: float, lowest: int, stay: float, fraction: float, costs: Costs
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


def test_fee_sweep_is_the_replay() -> None:
    candles = random_market(11, 1000)
    signal = random_signal(candles, 12)
    sweep = fee_sweep(candles, signal, commissions=[0.0, 0.001, 0.01], costs=EVERY_COST, cash=1000.0, fraction=0.5)
    assert list(sweep.columns) == ["commission", "equity", "net_return", "fills", "rejections"]
    for row in sweep.itertuples():
        costs = Costs(row.commission, EVERY_COST.spread, EVERY_COST.slippage, EVERY_COST.borrow)
        result = played(candles, signal, costs)
        assert row.equity == pytest.approx(result.final_equity, rel=1e-12)
        assert row.net_return == pytest.approx(result.net_return)
        assert row.fills == len(result.fills)
    assert sweep["equity"].is_monotonic_decreasing


def test_break_even_of_one_trade() -> None:
    # bought at 100, sold at 102: two sides share 2 %
    candles = table([(100, 100), (100, 100), (102, 102), (102, 102)])
    signal = wanted(candles, [1, 0, 0, 0])
    for costs in (Costs(), EVERY_COST):
        assert break_even_fee(backtest(candles, signal, costs)) == pytest.approx(0.01)
    # compounded, units u at 100 cost 100 u (1 + f) and bring 102 u (1 - f)
    fee = break_even_commission(candles, signal, cash=1000.0, fraction=0.5)
    assert fee == pytest.approx(2 / 202)


@pytest.mark.parametrize("lowest", [0, -1])
def test_break_even_commission_breaks_even(lowest: int) -> None:
    candles = random_market(13, 2000)
    ahead = np.sign(candles["open"].shift(-5).div(candles["open"].shift(-1)).sub(1)).fillna(0)
    signal = wanted(candles, ahead.clip(lower=lowest).astype(int).tolist())
    fee = break_even_commission(candles, signal, cash=1000.0, fraction=0.5)
    assert fee > 0.0005
    assert backtest(candles, signal, Costs(commission=fee)).net_return == pytest.approx(0, abs=1e-5)
    assert break_even_fee(backtest(candles, signal)) == pytest.approx(fee, rel=0.1)


def test_break_even_of_a_losing_signal_is_negative() -> None:
    candles = table([(100, 100), (100, 100), (98, 98), (98, 98)])
    signal = wanted(candles, [1, 0, 0, 0])
    assert break_even_fee(backtest(candles, signal)) == pytest.approx(-0.01)
    assert break_even_commission(candles, signal, cash=1000.0, fraction=0.5) == pytest.approx(-2 / 198)


def test_break_even_without_trades() -> None:
    candles = table([(100, 100)] * 4)
    signal = wanted(candles, [0, 0, 0, 0])
    assert np.isnan(break_even_fee(backtest(candles, signal)))
    assert np.isnan(break_even_commission(candles, signal, cash=1000.0, fraction=0.5))
