"""What a run keeps in files is read back as it was: equal to the bit, with the same types."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cryptonn.evaluation.verdict import Verdict
from cryptonn.records import load_result, load_verdicts, read_table, save_result, save_verdicts
from cryptonn.settings import CostsConfig
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.costs import costs_for
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.strategies import load_strategy
from tests.tiny_run import TARGET, tiny_candles

TABLES = ("equity", "position", "returns", "positions", "fills", "trades")


def equal(one: pd.DataFrame | pd.Series, other: pd.DataFrame | pd.Series) -> None:
    check = (
        pd.testing.assert_frame_equal
        if isinstance(one, pd.DataFrame)
        else pd.testing.assert_series_equal
    )
    check(one, other, check_exact=True, check_freq=False)


def equal_results(one: BacktestResult, other: BacktestResult) -> None:
    for name in TABLES:
        equal(getattr(one, name), getattr(other, name))
    for name in set(BacktestResult.__annotations__) - set(TABLES):
        assert getattr(one, name) == getattr(other, name)


def traded(signal: list[int], *, fees: str = "taker+slippage") -> BacktestResult:
    candles = tiny_candles(days=2)[TARGET].iloc[: len(signal)]
    return run_backtest(
        candles,
        pd.Series(signal, index=candles.index, dtype=np.int8, name="signal"),
        strategy=load_strategy("lstm_signal"),
        costs=costs_for(CostsConfig(), fees),
        cash=100_000.0,
        fraction=0.95,
        symbol=TARGET,
        name="lstm_signal",
        fees=fees,
    )


@pytest.mark.parametrize(
    "signal",
    [[0] * 50, [0, 1, 1, 0, 0] * 500, [1] * 50, [-1, -1, 1, 1, 0] * 10],
    ids=["no trades", "two days", "open at the end", "shorts"],
)
def test_a_backtest_is_read_back_as_it_was(signal: list[int], tmp_path: Path) -> None:
    result = traded(signal)
    save_result(result, tmp_path / "x")
    equal_results(load_result(tmp_path / "x"), result)


def test_every_bit_of_a_number_is_kept(tmp_path: Path) -> None:
    """A CSV parser in a hurry reads numbers a last digit off."""
    result = traded([0, 1, 1, 0, 0] * 10)
    odd = np.random.default_rng(1).random(len(result.fills)) * 10.0 ** np.arange(
        -12, len(result.fills) - 12
    )
    changed = replace(result, fills=result.fills.assign(price=odd))
    save_result(changed, tmp_path / "x")
    equal(load_result(tmp_path / "x").fills, changed.fills)


def test_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    """A test period called "2019" came back as the number 2019, a fee of "0.001" as a float, a strategy "NA" as NaN."""
    table = pd.DataFrame(
        {
            "period": ["2019", "2020"],
            "strategy": ["NA", "null"],
            "fees": ["0.001", "none"],
            "interval_note": ["", "too few days"],
            "sharpe": [math.nan, math.inf],
            "required_move_bp": [-math.inf, 0.1],
            "trades": [0, 12],
        }
    )
    table.to_csv(tmp_path / "table.csv", index=False)
    equal(
        read_table(tmp_path / "table.csv", text=("period", "strategy", "fees", "interval_note")),
        table,
    )


def test_a_verdict_keeps_its_missing_numbers(tmp_path: Path) -> None:
    """NaN came back as None, which no arithmetic and no format takes."""
    verdict = Verdict(
        {"case": "no trades", "net_return": math.nan, "trades": 0, "certain": False},
        "No.",
        ("a", "b"),
    )
    save_verdicts({"unseen": verdict}, tmp_path / "verdicts.json")
    found = load_verdicts(tmp_path / "verdicts.json")["unseen"]
    assert math.isnan(found.numbers["net_return"])
    assert repr(found) == repr(verdict)
