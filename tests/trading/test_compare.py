"""Comparing strategies: replayed scenarios are what backtrader would have said, and never unchecked."""

from pathlib import Path

import pandas as pd
import pytest
from trading_tables import STRATEGIES, backtest, played, random_market, random_signal

from cryptonn.settings import CostsConfig
from cryptonn.trading import compare as module
from cryptonn.trading.compare import compare, decisions_of, same_account
from cryptonn.trading.costs import Costs, costs_for
from cryptonn.trading.strategies import load_strategy

FEES = ("none", "maker", "taker", "taker+slippage", "15bp")
SETTINGS = {
    "costs": CostsConfig(),
    "cash": 1000.0,
    "fraction": 0.9,
    "symbol": "ETH/USD",
    "folder": STRATEGIES,
}
CANDLES = random_market(21, 1500)
SIGNAL = random_signal(CANDLES, 22)


@pytest.fixture
def genuine_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The labels of the runs made in backtrader."""
    made: list[str] = []
    genuine = module.run_backtest

    def noting(*args: object, **settings: object) -> object:
        made.append(f"{settings['name']} {settings['fees']}")
        return genuine(*args, **settings)

    monkeypatch.setattr(module, "run_backtest", noting)
    return made


def test_every_strategy_and_scenario_in_order() -> None:
    seen = []
    results = compare(
        CANDLES, SIGNAL, ["lstm_signal", "buy_and_hold"], FEES, on_result=seen.append, **SETTINGS
    )
    assert [(result.strategy, result.fees) for result in results] == [
        (name, fees) for name in ("lstm_signal", "buy_and_hold") for fees in FEES
    ]
    assert seen == results


@pytest.mark.parametrize("direction", ["long", "long-short"])
@pytest.mark.parametrize(
    "name", ["lstm_signal", "momentum", "contrarian", "sma_cross", "random_entry", "buy_and_hold"]
)
def test_the_replayed_are_backtraders(name: str, direction: str, genuine_runs: list[str]) -> None:
    defaults = {"hold": 5, "trades": 60, "direction": direction}
    signal = SIGNAL if direction == "long-short" else SIGNAL.clip(lower=0)
    results = compare(CANDLES, signal, [name], FEES, defaults=defaults, **SETTINGS)
    assert genuine_runs == [f"{name} none", f"{name} taker+slippage"]
    for result in results:
        genuine = backtest(
            CANDLES,
            signal,
            costs_for(CostsConfig(), result.fees),
            strategy=load_strategy(name, folder=STRATEGIES),
            defaults=defaults,
            fraction=0.9,
        )
        assert same_account(result, genuine)


def test_the_trades_of_the_first_are_matched_by_the_others() -> None:
    candles = random_market(23, 1500, untraded=0.0)
    signal = random_signal(candles, 24, lowest=0, stay=0.9)
    first, second = compare(
        candles, signal, ["lstm_signal", "random_entry"], ["none"], defaults={"hold": 3}, **SETTINGS
    )
    assert len(first.trades) == len(second.trades) > 20


def test_decisions_that_depend_on_money_are_not_replayed(
    tmp_path: Path, genuine_runs: list[str]
) -> None:
    text = "import backtrader as bt\n\nclass Careful(bt.Strategy):\n    def next(self):\n"
    text += (
        "        if not self.position and self.broker.getvalue() > 999:\n            self.buy()\n"
    )
    text += "        elif self.position:\n            self.close()\n"
    (tmp_path / "careful.py").write_text(text)
    candles = random_market(25, 200, untraded=0.0)
    compare(candles, random_signal(candles, 1), [str(tmp_path / "careful.py")], FEES, **SETTINGS)
    assert len(genuine_runs) == len(FEES)


def test_sizes_of_its_own_are_not_replayed(tmp_path: Path, genuine_runs: list[str]) -> None:
    text = "import backtrader as bt\n\nclass Timid(bt.Strategy):\n    def next(self):\n"
    text += "        if not self.position:\n            self.buy(size=0.1)\n"
    text += "        elif len(self) % 7 == 0:\n            self.close()\n"
    (tmp_path / "timid.py").write_text(text)
    candles = random_market(25, 200, untraded=0.0)
    results = compare(
        candles, random_signal(candles, 1), [str(tmp_path / "timid.py")], FEES, **SETTINGS
    )
    assert len(genuine_runs) == len(FEES)
    assert {result.strategy for result in results} == {"timid"}


def test_parameters_of_a_strategy_reach_it() -> None:
    settings = SETTINGS | {"parameters": {"sma_cross": {"fast": 5, "slow": 20}}}
    fast, default = (
        compare(CANDLES, SIGNAL, ["sma_cross"], ["none"], **given)[0]
        for given in (settings, SETTINGS)
    )
    assert len(fast.trades) > 2 * len(default.trades)


def test_decisions_played_again_are_the_same_account() -> None:
    result = backtest(CANDLES, SIGNAL, Costs(commission=0.001))
    decisions = decisions_of(result)
    pd.testing.assert_index_equal(decisions.index, CANDLES.index)
    assert same_account(played(CANDLES, decisions, Costs(commission=0.001)), result)
    assert not same_account(played(CANDLES, decisions, Costs(commission=0.0011)), result)
    assert not same_account(played(CANDLES, -decisions, Costs(commission=0.001)), result)
