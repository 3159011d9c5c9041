"""What can be known before training is refused before it: no fit begins, and nothing is left behind."""

import shutil
import types
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cryptonn import pipeline
from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, CryptonnError, DataError, OutputError, StrategyError
from cryptonn.learning.rows import make_rows
from cryptonn.market.source import load_market
from cryptonn.preflight import check_rows, check_starts, room_needed
from cryptonn.progress import Step
from tests.tiny_run import TARGET, fill_store, store_config, tiny_candles, tiny_config
from tests.tuning.small_search import MadeUp, search_config

TRADED = "20180105-20180107"


def refused(config: RunConfig, folder: Path, kind: type[CryptonnError] = DataError) -> str:
    """Train a run that must be refused before its fit, and return the message."""
    steps: list[Step] = []
    with pytest.raises(kind) as caught:
        pipeline.train(config, results=folder / "results", on_step=steps.append)
    assert "train" not in [step.stage for step in steps], "refused after the fit began"
    assert list((folder / "results").rglob("*")) == []
    return str(caught.value)


def written(folder: Path, name: str, body: str) -> str:
    (folder / f"{name}.py").write_text(
        f"import backtrader as bt\n\n\nclass Mine(bt.Strategy):\n{body}"
    )
    return str(folder / f"{name}.py")


# Names


def test_a_feature_or_a_library_that_there_is_not_is_refused_before_the_candles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(data={"source": "store", "folder": str(tmp_path / "nothing")})
    for key in ("columns", "ta"):
        named = config.model_copy(
            update={"features": config.features.model_copy(update={key: ("rsi",)})}
        )
        assert "Did you mean 'momentum_rsi'" in refused(named, tmp_path, ConfigError)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert "tensorflow or jax" in refused(config, tmp_path, ConfigError)


# Held-out periods


@pytest.mark.parametrize("kind", ["direction", "return"])
def test_a_test_period_shorter_than_the_horizon(kind: str, tmp_path: Path) -> None:
    """It was refused after the training, and the trained network was lost."""
    regression = {"network": {"output": "linear"}, "training": {"loss": "mse"}}
    test = {"unseen": TRADED, "short": "20180106T2300-20180107"}
    config = tiny_config(
        data={"test": test},
        labels={"horizon": 90, "kind": kind},
        **(regression if kind == "return" else {}),
    )
    message = refused(config, tmp_path)
    assert "test period 'short' (20180106T2300-20180107): nothing to assess: of 60 rows" in message
    assert "horizon 90 bars" in message and "Take a longer period" in message


def standing(since: str, until: str) -> dict[str, pd.DataFrame]:
    """Candles whose target does not move between two times."""
    candles = tiny_candles()
    table = candles[TARGET].copy()
    still = (table.index >= pd.Timestamp(since, tz="UTC")) & (
        table.index < pd.Timestamp(until, tz="UTC")
    )
    table.loc[still, ["open", "high", "low", "close"]] = table["close"].iloc[:12].median()
    return candles | {TARGET: table}


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2018-01-06 00:00", "2018-01-07 00:00", "test period 'later' (20180106-20180107)"),
        ("2018-01-04 14:00", "2018-01-05 00:00", "validation"),
    ],
    ids=["test", "validation"],
)
def test_a_period_without_moves(since: str, until: str, words: str, tmp_path: Path) -> None:
    config = store_config(
        fill_store(tmp_path / "data", standing(since, until)),
        data={"test": {"unseen": "20180105-20180106", "later": "20180106-20180107"}},
        labels={"ties": "up"},
    )
    message = refused(config, tmp_path)
    assert words in message and "every row is a tie" in message


def test_train_rows_that_move_in_the_first_lookback_alone(tmp_path: Path) -> None:
    candles = standing("2018-01-01 00:12", "2018-01-04 14:24")
    config = store_config(
        fill_store(tmp_path / "data", candles), features={"columns": ["log_volume_change"]}
    )
    message = refused(config, tmp_path)
    assert "training.lookback" in message and "the price stands still there" in message


def test_too_few_rows_for_the_logistic_regression(tmp_path: Path) -> None:
    """It needs a hundred, and said so once the network was trained."""
    config = tiny_config(data={"train": "20180101-20180101T0150", "test": {}})
    assert "the logistic baseline needs 100" in refused(config, tmp_path)


def test_a_feature_that_is_infinite_in_a_test_period(tmp_path: Path) -> None:
    candles = tiny_candles()
    volume = candles[TARGET]["volume"].to_numpy().copy()
    volume[-50:-48] = 1e-300, 1e300
    candles[TARGET] = candles[TARGET].assign(volume=volume)
    config = store_config(
        fill_store(tmp_path / "data", candles),
        features={"columns": ["log_return", "volume_pct_change"]},
    )
    message = refused(config, tmp_path)
    assert "volume_pct_change" in message and "inf" in message


def test_what_can_be_judged_is_not_refused() -> None:
    """One bar more than the horizon and lookback need is enough, if it moves both ways."""
    config = tiny_config(data={"test": {"short": "20180106T2330-20180107"}})
    rows = make_rows(load_market(config.data, horizon=config.labels.horizon).frame, config)
    check_rows(rows, config)


# What is traded


def test_a_strategy_that_train_would_not_use(tmp_path: Path) -> None:
    """`train` trained for hours and `backtest` then said that there is no such file."""
    config = tiny_config(backtest={"strategy": "momentun"})
    assert "Did you mean 'momentum'" in refused(config, tmp_path, StrategyError)
    config = tiny_config(backtest={"parameters": {"buy_and_hold": {"lookbak": 5}}})
    assert "has no parameter 'lookbak'" in refused(config, tmp_path, StrategyError)


def test_a_strategy_that_cannot_be_made(tmp_path: Path) -> None:
    body = "    def __init__(self):\n        self.line = self.data.vwap\n"
    config = tiny_config(backtest={"compare": [written(tmp_path, "mine", body)]})
    message = refused(config, tmp_path, StrategyError)
    assert "strategy 'mine' failed before the first bar" in message and "line 6" in message


def test_a_strategy_that_needs_many_bars_can_be_made(tmp_path: Path) -> None:
    body = "    def __init__(self):\n        self.mean = bt.indicators.SMA(period=2500)\n"
    config = tiny_config(backtest={"compare": [written(tmp_path, "slow", body)]})
    check_starts(load_market(config.data, horizon=config.labels.horizon).frame, config)


@pytest.mark.parametrize(
    ("fee", "words"), [("takr", "Did you mean 'taker'"), ("-5bp", "negative"), ("50%", "above 10%")]
)
def test_a_fee_that_is_none(fee: str, words: str, tmp_path: Path) -> None:
    config = tiny_config(backtest={"fees": ["none", fee]})
    assert words in refused(config, tmp_path, ConfigError)


# Disk


def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = types.SimpleNamespace(free=10 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    message = refused(tiny_config(), tmp_path, OutputError)
    assert "takes about 65 MiB, and 10 MiB are free" in message and "--results" in message


def test_more_backtests_take_more_room() -> None:
    config = tiny_config()
    rows = make_rows(load_market(config.data, horizon=config.labels.horizon).frame, config)
    more = tiny_config(backtest={"fees": ["none", "maker", "taker", "taker+slippage"]})
    assert room_needed(rows, more) - room_needed(rows, config) == 24 * 2880 * 3


# What is published


def test_a_published_evaluation_without_rows(tmp_path: Path) -> None:
    """It was found after the training, all backtests, and before the report, which was not written."""
    published = {
        "system": "an earlier one",
        "figure": 0.6,
        "settings": {"data": {"train": "20180101-20180101T0100"}, "training": {"lookback": 50}},
    }
    message = refused(tiny_config(published=published), tmp_path)
    assert message.startswith("as published:") and "are too few for a window of 50" in message


# Searches


def test_a_search_of_which_no_setting_can_be_judged_is_refused_before_its_first_trial(
    tmp_path: Path,
) -> None:
    config = search_config(split={"validation": 0.001})
    with pytest.raises(DataError, match="none of its settings can be tried. The first one, with"):
        searched(config, tmp_path)
    assert not (tmp_path / "search").exists()


def searched(config: RunConfig, folder: Path) -> Any:
    from cryptonn.tuning.search import tune

    return tune(config, folder=folder / "search", engine=MadeUp())
