"""Ctrl-C and full disks, in processes of their own, and bugs: what is done is kept, what is half done is not."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cryptonn import pipeline
from cryptonn.cli import _unraisable
from cryptonn.market.timerange import TimeRange
from cryptonn.pipeline import open_run
from tests.tiny_run import command, environment, process, python, tiny_config, write_run_file


def interrupted(at: str, *words: str | Path) -> tuple[int, str, str]:
    """Run ``cryptonn``, press Ctrl-C as soon as ``at`` stands on standard error; return exit code, output, errors."""
    child = subprocess.Popen(
        process(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert child.stderr is not None
    seen = []
    for line in child.stderr:
        seen.append(line)
        if at in line:
            child.send_signal(signal.SIGINT)
            break
    output, errors = child.communicate(timeout=200)
    assert at in "".join(seen), "".join(seen)
    assert "Traceback" not in errors
    return child.returncode, output, "".join(seen) + errors


def run_file(folder: Path, *, epochs: int) -> Path:
    backtest = {"compare": [], "fees": ["none", "maker"]}
    return write_run_file(folder, tiny_config(training={"epochs": epochs}, backtest=backtest))


def left_over(folder: Path) -> list[str]:
    """Names of half-done files and folders."""
    return [str(path) for path in folder.rglob(".*")]


def test_ctrl_c_during_training_keeps_the_best_epoch_so_far(tmp_path: Path) -> None:
    code, output, errors = interrupted(
        "epoch 1/", "run", run_file(tmp_path, epochs=5000), "--results", tmp_path
    )
    assert code == 0, errors
    assert "Note: Training was interrupted: the network is that of epoch" in output
    run = open_run("tiny", results=tmp_path)
    assert run.facts["interrupted"] is True
    assert 1 <= len(run.history) < 5000
    assert (
        run.history["best"].sum() == 1
        and run.history["val_loss"].idxmin() == run.history["best"].argmax()
    )
    assert run.history["interrupted"].tolist() == [False] * (len(run.history) - 1) + [True]
    assert (run.folder / "report.html").is_file() and len(run.comparison) == 2


def test_ctrl_c_before_the_first_epoch_leaves_nothing(tmp_path: Path) -> None:
    path, results = run_file(tmp_path, epochs=5000), tmp_path / "results"
    code, _, _ = interrupted("Ctrl-C keeps the best so far", "train", path, "--results", results)
    assert code in (2, 130)
    assert not results.exists() or list(results.iterdir()) == []


@pytest.mark.parametrize("stage", [" backtest ", " report "])
def test_ctrl_c_later_leaves_a_trained_run_to_go_on_from(
    stage: str, cli: Any, tmp_path: Path
) -> None:
    code, _, errors = interrupted(stage, "run", run_file(tmp_path, epochs=1), "--results", tmp_path)
    assert code == 130
    assert "`cryptonn backtest` and `report` can go on from here" in errors
    (folder,) = tmp_path.glob("tiny-*")
    assert left_over(tmp_path) == []
    assert not (folder / "report.html").exists() and not (folder / "figures").exists()
    assert (folder / "backtests").exists() == (stage == " report ")
    if stage == " backtest ":
        answer = cli("backtest", "tiny", "--results", tmp_path)
        assert answer.code == 0, answer.errors
    assert len(open_run("tiny", results=tmp_path).comparison) == 2


LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # no file may grow beyond it: a disk that fills up
from cryptonn.cli import main
main()
"""


def test_a_disk_that_fills_up_after_training_keeps_the_network(cli: Any, tmp_path: Path) -> None:
    """An hour of training was lost, for want of room for what it led to."""
    path, results = run_file(tmp_path, epochs=1), tmp_path / "results"
    answer = python(LIMITED, "20000", "train", path, "--results", results)
    assert answer.returncode == 2, answer.stderr
    assert "cannot be written" in answer.stderr and "--results" in answer.stderr
    assert "Traceback" not in answer.stderr and answer.stdout == ""
    (folder,) = results.iterdir()
    assert left_over(results) == []
    kept = f"The trained network is kept: `cryptonn backtest {folder.name}` goes on from there."
    assert kept in answer.stderr
    assert "no backtest yet" in cli("runs", "--results", results).output
    early = cli("predict", "tiny", "--results", results)
    assert early.code == 2 and f"`cryptonn backtest {folder.name}`" in early.errors
    done = cli("backtest", "tiny", "--results", results)
    assert done.code == 0, done.errors
    whole = pipeline.train(pipeline.load_config(path), results=tmp_path / "whole")
    judged = open_run("tiny", results=results)
    pd.testing.assert_frame_equal(judged.predictions, whole.predictions)
    assert judged.facts["enter"] == whole.facts["enter"] and len(judged.comparison) == 2
    assert cli("predict", "tiny", "--results", results).code == 0
    assert not (folder / "fit.json").exists()


def test_a_disk_that_fills_up_while_training_leaves_nothing(tmp_path: Path) -> None:
    path, results = run_file(tmp_path, epochs=1), tmp_path / "results"
    answer = python(LIMITED, "1000", "train", path, "--results", results)
    assert answer.returncode == 2, answer.stderr
    assert "cannot be written" in answer.stderr and "Traceback" not in answer.stderr
    assert list(results.iterdir()) == []


def test_a_disk_that_fills_up_while_reporting_leaves_the_results(results: Path) -> None:
    (folder,) = results.iterdir()
    before = (folder / "report.html").read_bytes()
    assert len(before) > 1_000_000
    answer = python(LIMITED, "1000000", "report", "tiny", "--results", results)
    assert answer.returncode == 2, answer.stderr
    assert "report.html: cannot be written" in answer.stderr and "Traceback" not in answer.stderr
    assert (folder / "report.html").read_bytes() == before
    assert left_over(results) == []
    assert len(open_run("tiny", results=results).comparison) == 9


def test_a_disk_that_fills_up_while_trading_keeps_what_was_there(results: Path) -> None:
    (folder,) = results.iterdir()
    answer = python(LIMITED, "20000", "backtest", "tiny", "--results", results, "--fee", "7bp")
    assert answer.returncode == 2, answer.stderr
    assert "cannot be written" in answer.stderr and "Traceback" not in answer.stderr
    assert left_over(results) == []
    assert len(open_run("tiny", results=results).comparison) == 9
    assert json.loads((folder / "metrics.json").read_text())["accuracy"]


def test_a_results_folder_that_cannot_be_written(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = cli("train", run_file(tmp_path, epochs=1), "--results", tmp_path / "file" / "results")
    assert answer.code == 2
    assert (
        "cannot be written" in answer.errors
        and "choose another folder with --results" in answer.errors
    )
    assert "Traceback" not in answer.errors
    assert "epoch" not in answer.errors, "found out before an hour of training, not after"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_results_folder_without_the_right_to_write(tmp_path: Path) -> None:
    tmp_path.joinpath("results").mkdir(mode=0o500)
    answer = command("train", run_file(tmp_path, epochs=1), "--results", tmp_path / "results")
    assert answer.returncode == 2 and "cannot be written" in answer.stderr


def test_a_bug_in_the_report_leaves_training_and_backtests(tmp_path: Path) -> None:
    trained = pipeline.train(pipeline.load_config(run_file(tmp_path, epochs=1)), results=tmp_path)
    traded = pipeline.backtest(trained)
    short = traded.frame.select(
        TimeRange.parse("20180101-20180106")
    )  # without candles that the report needs
    with pytest.raises(KeyError):
        pipeline.report(replace(traded, frame=short))
    run = open_run("tiny", results=tmp_path)
    assert len(run.comparison) == 2
    assert left_over(tmp_path) == [] and not (run.folder / "report.html").exists()


def test_what_ctrl_c_leaves_half_built_of_tensorflow_goes_quietly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its context, interrupted in its constructor, failed in its destructor, and a trace stood below our message."""

    class HalfBuilt:
        def __del__(self) -> None:
            raise AttributeError("no id")

    monkeypatch.setattr(sys, "unraisablehook", _unraisable)
    for module, said in (("tensorflow.python.eager.context", False), ("cryptonn.runs", True)):
        HalfBuilt.__del__.__module__ = module
        HalfBuilt()
        assert ("no id" in capsys.readouterr().err) is said
