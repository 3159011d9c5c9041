"""The tables of `run`, `backtest` and `compare`: what a trade costs stands beside what it earns."""

import pandas as pd
import pytest

from cryptonn.cli.summary import _show_returns, _show_trades

COSTS = {"none": 0.0, "maker": 0.001, "taker+slippage": 0.0023, "2%": 0.02}


@pytest.fixture
def rows() -> pd.DataFrame:
    """Two strategies under four fees."""
    found = [
        {
            "strategy": strategy,
            "fees": fees,
            "cost_per_side": cost,
            "trades": 1003,
            "gross_per_trade_bp": 7.0,
            "net_per_trade_bp": 7.0 - 2e4 * cost,
            "break_even_fee": 0.00035,
            "net_return": -0.5,
            "sharpe": float("nan"),
            "max_drawdown_bars": -0.2,
        }
        for strategy in ("lstm_signal", "momentum")
        for fees, cost in COSTS.items()
    ]
    return pd.DataFrame(found)


def test_costs_of_a_round_trip_stand_beside_each_fee(
    rows: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fee of 10 % looked like any other: its costs stood nowhere on the terminal."""
    _show_trades("lstm_signal on q1", rows[rows["strategy"] == "lstm_signal"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["costs", "gross", "net", "even"] in lines
    shown = {line[0]: line[1] for line in lines if line and line[0] in COSTS}
    assert shown == {"none": "0.0", "maker": "20.0", "taker+slippage": "46.0", "2%": "400.0"}


def test_costs_of_a_round_trip_stand_under_each_fee_of_the_comparison(
    rows: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    _show_returns("Net return on q1 by fee", rows)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "none maker taker+slippage 2%" in lines
    assert "strategy 0.0 bp 20.0 bp 46.0 bp 400.0 bp" in lines


def test_the_table_of_one_strategy_fits_a_terminal_of_80_columns(
    rows: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    _show_trades("lstm_signal on q1", rows[rows["strategy"] == "lstm_signal"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
