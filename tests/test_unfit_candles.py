"""Candles with a jump at the command line: refused before training, told in facts and report where accepted."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cryptonn import pipeline
from tests.tiny_run import OTHER, TARGET, fill_store, store_config, tiny_candles, write_run_file

JUMP = "x10.0 at 2018-01-06 00:00Z and stays"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Candles whose target is in another unit from the second day of the test period on."""
    candles = tiny_candles()
    table = candles[TARGET].copy()
    later = table.index >= pd.Timestamp("2018-01-06", tz="UTC")
    table.loc[later, ["open", "high", "low", "close"]] *= 10
    return fill_store(tmp_path_factory.mktemp("store"), candles | {TARGET: table})


@pytest.fixture(scope="module")
def trained(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that accepts the jump."""
    config = store_config(store, data={"jumps": "accept"}, training={"epochs": 1})
    return pipeline.train(config, results=tmp_path_factory.mktemp("results")).folder


@pytest.mark.parametrize("command", ["run", "train"])
def test_a_run_over_a_jump_is_refused_before_training(
    cli, store: Path, tmp_path: Path, command: str
) -> None:
    file = write_run_file(tmp_path, store_config(store))
    answer = cli(command, file, "--results", tmp_path / "results")
    assert answer.code == 2 and answer.output == "", answer.output + answer.errors
    assert f"{TARGET} jumps {JUMP}: in unseen (20180105-20180107)" in " ".join(
        answer.errors.split()
    )
    assert "epoch" not in answer.errors
    assert not list((tmp_path / "results").glob("*"))


def test_an_accepted_jump_stands_in_the_facts_and_above_the_report(trained: Path) -> None:
    facts = json.loads((trained / "run.json").read_text())
    (said,) = facts["data"][TARGET]["warnings"]
    assert said.startswith(f"{TARGET} jumps {JUMP}; accepted (data.jumps)")
    assert "warnings" not in facts["data"][OTHER]
    opened = pipeline.open_run(trained.name, results=trained.parent)
    assert opened.notes == (said,), "which stand at the top of the report and of the terminal's"


def test_what_follows_on_a_run_is_held_to_its_file(cli, trained: Path, tmp_path: Path) -> None:
    """A run that was trained before jumps were known is not traded over one."""
    written = trained / "config.toml"
    accepted = written.read_text()
    try:
        written.write_text(accepted.replace('jumps = "accept"', 'jumps = "refuse"'))
        for command in ("compare", "backtest", "report", "predict"):
            answer = cli(command, trained.name, "--results", trained.parent)
            assert answer.code == 2 and f"{TARGET} jumps {JUMP}" in answer.errors, command
    finally:
        written.write_text(accepted)


def test_check_data_and_import_call_the_same_thing_a_jump(cli, store: Path, tmp_path: Path) -> None:
    checked = cli("check-data", TARGET, "--data", store, "--json")
    (report,) = json.loads(checked.output)["data"]
    assert report["jumps"] == 1 and report["jumps_found"] == JUMP
    assert JUMP in " ".join(report["notes"])
    rows = ["2018-01-01 00:00,10,11,9,10,1", "2018-01-01 00:01,10,11,9,10,1"]
    rows += [f"2018-01-01 00:{minute:02},1000,1100,900,1000,1" for minute in range(2, 9)]
    file = tmp_path / "eth.csv"
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    answer = cli("import-data", file, "--symbol", TARGET, "--data", tmp_path / "data")
    said = "Note: The price jumps x100.0 at 2018-01-01 00:02Z and stays"
    assert answer.code == 0 and said in " ".join(answer.output.split())
