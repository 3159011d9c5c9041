"""Run folders: what they hold, that they are read back equal, how they are found and listed."""

import json
import os
import platform
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from cryptonn.catalog import find_run, list_runs
from cryptonn.config import load_config
from cryptonn.errors import ConfigError, DataError
from cryptonn.facts import numeric_facts
from cryptonn.output import whole_folder
from cryptonn.pipeline import backtest, open_run
from cryptonn.runs import Run, check_same_candles, new_folder
from tests.test_records import equal, equal_results
from tests.tiny_run import fill_store, tiny_candles

PROMISED = (
    *(
        "config.toml",
        "run.json",
        "metrics.json",
        "history.csv",
        "predictions.parquet",
        "comparison.csv",
    ),
    *("verdicts.json", "report.html", "model/model.json", "model/weights.npz"),
)
OF_AN_ASSESSMENT = ("metrics.json", "confusion.csv", "reliability.csv", "histogram.csv")
OF_A_BACKTEST = (
    "result.json",
    "fills.csv",
    "trades.csv",
    "returns.csv",
    "positions.csv",
    "equity.parquet",
)


def same_runs(one: Run, other: Run) -> None:
    for name in ("predictions", "history", "comparison"):
        equal(getattr(one, name), getattr(other, name))
    equal(one.frame.table, other.frame.table)
    assert one.config == other.config
    assert [*one.assessments] == [*other.assessments] and [*one.backtests] == [*other.backtests]
    for period, models in one.assessments.items():
        assert [*models] == [*other.assessments[period]]
        for model, found in models.items():
            assert repr(found.metrics) == repr(other.assessments[period][model].metrics)
            for table in ("confusion", "reliability", "histogram"):
                equal(getattr(found, table), getattr(other.assessments[period][model], table))
    for period, results in one.backtests.items():
        assert len(results) == len(other.backtests[period])
        for result, again in zip(results, other.backtests[period], strict=True):
            equal_results(result, again)
    assert repr(one.verdicts) == repr(other.verdicts)
    assert repr(one.forecast_scores) == repr(other.forecast_scores)
    assert (one.forecasts is None) == (other.forecasts is None)
    if one.forecasts is not None:
        equal(one.forecasts, other.forecasts)


def test_the_folder_holds_what_is_promised(tiny: Run) -> None:
    assert [name for name in PROMISED if not (tiny.folder / name).is_file()] == []
    for period in ("validation", "unseen"):
        for model in ("network", "logistic"):
            folder = tiny.folder / "accuracy" / period / model
            assert sorted(path.name for path in folder.iterdir()) == sorted(OF_AN_ASSESSMENT)
    for strategy in ("lstm_signal", "buy_and_hold", "random_entry"):
        for fees in ("none", "maker", "taker+slippage"):
            folder = tiny.folder / "backtests" / "unseen" / strategy / fees
            assert sorted(path.name for path in folder.iterdir()) == sorted(OF_A_BACKTEST)
    assert list((tiny.folder / "figures").glob("*.png")) and list(
        (tiny.folder / "tables").glob("*.csv")
    )
    assert list(tiny.folder.parent.rglob(".*")) == [], "nothing half-done is left"


def test_the_facts_say_where_the_numbers_come_from(tiny: Run) -> None:
    facts = json.loads((tiny.folder / "run.json").read_text())
    assert facts["seed"] == 1 and facts["source"] == "synthetic" and facts["interrupted"] is False
    assert len(facts["data"]["ETH/USD"]["sha256"]) == 64
    assert facts["rows"]["unseen"] == {
        "first": "2018-01-05 00:00:00+00:00",
        "last": "2018-01-06 23:59:00+00:00",
        "rows": 2880,
    }
    assert facts["rows"]["train"]["last"] < facts["rows"]["validation"]["first"]
    assert set(facts["best_possible_accuracy"]) == {"validation", "unseen"}
    assert facts["versions"]["tensorflow"] and facts["python"]
    assert facts["numeric"] == numeric_facts()
    before = slice(None, facts["rows"]["validation"]["last"])
    for symbol, range_ in facts["closes"].items():
        close = tiny.frame.candles(symbol)["close"].loc[before]
        assert (range_["low"], range_["high"]) == (close.min(), close.max())
    assert set(facts["closes"]) == {"ETH/USD", "BTC/USD"}
    assert load_config(tiny.folder / "config.toml") == tiny.config


def test_what_decides_about_the_last_bits_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert numeric_facts() == {"threads": "3", "onednn": "0", "machine": platform.machine()}
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    assert numeric_facts()["threads"] == str(os.cpu_count()), "TensorFlow takes all there are"


def test_a_run_is_read_back_as_it_was(tiny: Run) -> None:
    same_runs(open_run(str(tiny.folder)), tiny)


def test_a_run_without_trades_is_read_back_as_it_was(results: Path) -> None:
    opened = open_run("tiny", results=results)
    never = replace(
        opened, predictions=opened.predictions.assign(signal=opened.predictions["signal"] * 0)
    )
    traded = backtest(never, strategies=["lstm_signal"])
    assert traded.verdicts["unseen"].headline.startswith("No trades")
    read = open_run("tiny", results=results)
    same_runs(read, replace(traded, predictions=opened.predictions))


def test_candles_that_are_not_those_of_the_run_are_refused(stored: Run, tmp_path: Path) -> None:
    candles = tiny_candles()
    where = {"results": stored.folder.parent, "data": fill_store(tmp_path / "data", candles)}
    open_run("tiny", **where)
    candles["ETH/USD"].iloc[100, 3] += 1e-6
    fill_store_anew(tmp_path / "data", candles)
    with pytest.raises(
        DataError, match=r"ETH/USD are no longer those.*sha256 differs.*Import the same data again"
    ):
        open_run("tiny", **where)


def fill_store_anew(folder: Path, candles: dict[str, pd.DataFrame]) -> None:
    for path in folder.rglob("*.*"):
        path.unlink()
    fill_store(folder, candles)


def test_a_missing_symbol_counts_as_other_candles(tiny: Run) -> None:
    with pytest.raises(DataError, match="BTC/USD"):
        known = tiny.facts["data"]
        check_same_candles(tiny.folder, known, {"ETH/USD": known["ETH/USD"]})


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path) -> None:
    """The second run took the first one's place when both began in the same second."""
    now = datetime(2018, 1, 1, 12, 0, 0, tzinfo=UTC)
    first = new_folder(tmp_path, "eth", now)
    assert first.name == "eth-20180101T120000"
    with whole_folder(first):
        second = new_folder(tmp_path, "eth", now)
    assert second.name == "eth-20180101T120000_2"
    second.mkdir()
    assert new_folder(tmp_path, "eth", now).name == "eth-20180101T120000_3"


def runs_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    return tmp_path


def test_a_run_is_found_by_path_by_folder_and_by_name(tmp_path: Path) -> None:
    results = runs_of(
        tmp_path,
        "eth-20180101T000000",
        "eth-20180102T000000",
        "eth-20180102T000000_2",
        "eth-b-20170101T0",
    )
    assert find_run("eth-20180101T000000", results=results) == results / "eth-20180101T000000"
    assert find_run("eth", results=results) == results / "eth-20180102T000000_2"
    assert find_run("eth-b", results=results) == results / "eth-b-20170101T0"
    assert find_run(str(results / "eth-20180102T000000")) == results / "eth-20180102T000000"


def test_an_unknown_run_names_the_nearest_or_all(tmp_path: Path) -> None:
    results = runs_of(tmp_path, "eth_5m-20180101T000000", "btc_5m-20180102T000000")
    with pytest.raises(ConfigError, match="no run 'eth_5n'.*Did you mean 'eth_5m'"):
        find_run("eth_5n", results=results)
    with pytest.raises(ConfigError, match="There are: btc_5m, eth_5m"):
        find_run("zzz", results=results)
    with pytest.raises(ConfigError, match="There is none yet: start with `cryptonn run"):
        find_run("eth", results=tmp_path / "nowhere")


def test_runs_are_listed_oldest_first(tiny: Run) -> None:
    (listed,) = list_runs(tiny.folder.parent)
    accuracy = tiny.assessments["unseen"]["network"].metrics["accuracy_on_moves"]
    assert listed["run"] == tiny.name
    assert listed["accuracy_on_moves"]["unseen"] == pytest.approx(accuracy, abs=0)
    assert listed["verdicts"] == {"unseen": tiny.verdicts["unseen"].headline}
    assert listed["report"] == str(tiny.folder / "report.html")
    assert list_runs(tiny.folder / "nowhere") == []


def test_a_run_that_was_trained_for_fewer_epochs_says_so(tiny: Run) -> None:
    assert not any("--epochs" in note for note in tiny.notes)
    short = replace(tiny, config=tiny.config.with_epochs(1))
    assert "Trained for 1 of the 2 epochs of its run file (--epochs)." in short.notes
