"""A run whose candles come straight from CSV files: done, opened again, continued; refused once the files differ."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cryptonn import pipeline
from cryptonn.config import RunConfig
from cryptonn.errors import DataError
from cryptonn.market.files.formats import read_candle_file
from cryptonn.market.newest import newest_candles
from cryptonn.market.timerange import TimeRange
from cryptonn.runs import read_run_config
from cryptonn.settings import DataConfig
from tests.tiny_run import tiny_config, write_run_file

YAHOO = "yahoo_BTC-USD.csv"
DATA: dict[str, Any] = {
    **{
        "source": "files",
        "files": {"BTC/USD": [YAHOO]},
        "dialect": "yahoo",
        "target": "BTC/USD",
        "others": [],
    },
    **{"timeframe": "1d", "train": "20150101-20210101", "test": {"2021": "20210101-20220101"}},
}
SMALL: dict[str, Any] = {
    "labels": {"horizon": 1},
    "training": {
        "epochs": 1,
        "lookback": 10,
        "sequence": 60,
        "batch_size": 8,
        "tensorboard": False,
    },
}


def daily(**data: Any) -> RunConfig:
    """A tiny run on days of bitcoin; it names its file, not the folder."""
    return tiny_config(name="daily", data=DATA | data, **SMALL)


@pytest.fixture(scope="module")
def trained(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny run on a copy of the file, in `data` beside `results`."""
    root = tmp_path_factory.mktemp("daily")
    (root / "data").mkdir()
    (root / "data" / YAHOO).write_bytes((shared_data / YAHOO).read_bytes())
    config = daily(folder=str(root / "data"))
    return pipeline.train(config, results=root / "results").folder


def test_a_run_on_files_is_opened_again_and_traded(trained: Path) -> None:
    opened = pipeline.open_run("daily", results=trained.parent)
    facts = opened.facts["data"]["BTC/USD"]
    assert (facts["exchange"], facts["files"][0]["file"], facts["files"][0]["dialect"]) == (
        "files",
        YAHOO,
        "Yahoo",
    )
    assert str(opened.frame.index[-1])[:10] == "2021-12-31"
    traded = pipeline.backtest(opened, fees=["none"])
    assert traded.backtest("2021").fills["time"].between("2021-01-01", "2022-01-01").all()


def test_a_run_on_files_trades_a_stretch_of_one_s_own(trained: Path) -> None:
    period = TimeRange.parse("20220101-20220601")
    opened = pipeline.open_run("daily", results=trained.parent, period=period)
    assert str(opened.frame.index[-1])[:10] == "2022-05-31"
    assert str(period) in pipeline.backtest(opened, fees=["none"], period=period).backtests


def test_the_newest_row_of_the_files_is_predicted_on(trained: Path) -> None:
    latest = pipeline.predict("daily", results=trained.parent)
    rows = read_candle_file(trained.parents[1] / "data" / YAHOO, symbol="BTC/USD").candles
    assert latest["time"] == str(rows.index[-1])


def test_a_file_that_changed_is_refused(trained: Path, tmp_path: Path) -> None:
    file = trained.parents[1] / "data" / YAHOO
    before = file.read_text()
    row = next(line for line in before.splitlines() if line.startswith("2018-03-01"))
    cells = row.split(",")
    try:
        file.write_text(before.replace(row, ",".join([*cells[:-1], str(int(cells[-1]) + 1)])))
        with pytest.raises(DataError, match=r"BTC/USD are no longer those the run was made from"):
            pipeline.open_run("daily", results=trained.parent)
        file.write_text(
            before + "\n2022-11-16,1,3,1,2,2,5\n"
        )  # a later row changes nothing the run was made from
        assert pipeline.open_run("daily", results=trained.parent).name == trained.name
    finally:
        file.write_text(before)


# ---- --data


@pytest.mark.parametrize("command", ["train", "run"])
def test_files_that_do_not_lie_in_the_folder_given(cli, tmp_path: Path, command: str) -> None:
    file = write_run_file(tmp_path, daily(folder=str(tmp_path / "nowhere")))
    for words, place in (((), "nowhere"), (("--data", tmp_path / "there"), "there")):
        answer = cli(command, file, *words, "--results", tmp_path / "results")
        assert answer.code == 2
        assert (
            f"{YAHOO}: no such file. The folder {tmp_path / place} does not exist. Say where"
            in answer.errors
        )
        assert "--data FOLDER" in answer.errors
    assert not list((tmp_path / "results").glob("*"))


def test_data_on_the_command_line_says_where_the_files_lie_and_where_they_have_moved(
    cli, shared_data: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    shutil.copy(shared_data / YAHOO, first)
    file = write_run_file(tmp_path, daily(folder=str(tmp_path / "nowhere")))
    answer = cli("train", file, "--data", first, "--results", tmp_path / "results", "--json")
    assert answer.code == 0, answer.errors
    config = read_run_config(Path(json.loads(answer.output)["folder"]))
    assert config.data.folder == first
    done = pipeline.open_run("daily", results=tmp_path / "results")
    assert done.frame.timeframe == "1d"
    (first / YAHOO).rename(second / YAHOO)
    with pytest.raises(DataError, match="no such file.*--data FOLDER"):
        pipeline.open_run("daily", results=tmp_path / "results")
    opened = pipeline.open_run("daily", results=tmp_path / "results", data=second)
    assert opened.config.data.folder == second
    pd.testing.assert_frame_equal(opened.predictions, done.predictions, check_freq=False)
    pd.testing.assert_frame_equal(opened.frame.table, done.frame.table)


def test_a_prediction_leaves_out_a_row_of_a_bar_in_progress(tmp_path: Path) -> None:
    """A fresh Yahoo file ends with today's unfinished day: `cryptonn predict` must not take it for a close."""
    days = pd.date_range("2022-01-01", periods=5, freq="D")
    lines = [f"{day:%Y-%m-%d},1,2,0.5,1.5,1.5,10" for day in days]
    file = tmp_path / "yahoo.csv"
    file.write_text("Date,Open,High,Low,Close,Adj Close,Volume\n" + "\n".join(lines) + "\n")
    config = DataConfig.model_validate(
        {
            "source": "files",
            "files": {"BTC/USD": [str(file)]},
            "target": "BTC/USD",
            "others": [],
            "timeframe": "1d",
            "train": "20220101-20220103",
        }
    )
    noon = pd.Timestamp("2022-01-05 12:00", tz="UTC")
    newest = newest_candles(config, horizon=1, bars=2, now=noon)
    assert newest.index[-1] == pd.Timestamp("2022-01-04", tz="UTC")
    assert newest_candles(config, horizon=1, bars=2).index[-1] == pd.Timestamp(
        "2022-01-05", tz="UTC"
    )
