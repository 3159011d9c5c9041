"""Ctrl-C and full disks, in processes of their own, and bugs: what is done is kept, what is half done is not."""

import json
import os
import re
import shutil
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
from tests.paper.forked_commands import Forks
from tests.tiny_run import command, tiny_config, write_run_file

PRESSED = """
import os, signal, sys
from cryptonn.cli import main

class Errors:
    def __init__(self, genuine, at):
        self.genuine, self.at, self.said = genuine, at, ""

    def __getattr__(self, name):
        return getattr(self.genuine, name)

    def write(self, text):
        self.said += text
        if self.at and self.at in self.said:
            self.at = ""
            # of computing: the same on a busy machine
            signal.setitimer(signal.ITIMER_PROF, 0.02, float(os.environ.get("AGAIN", 0)))
        return self.genuine.write(text)

signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), signal.SIGINT))
sys.stderr = Errors(sys.stderr, sys.argv.pop(1))
main()
"""


LOST = re.compile(
    r"Traceback [^\n]*\n(?: +[^\n]*\n)+SystemError: [^\n]* returned a result with an exception set\n"
)
"""What TensorFlow prints where Ctrl-C comes inside of its C++, which then goes on as if nothing had come."""


def interrupted(
    forks: Forks, at: str, *words: str | Path, again: str = "0"
) -> tuple[int, str, str]:
    """Run ``cryptonn`` and press Ctrl-C just after ``at`` stands on standard error; return exit code, output, errors.

    ``again``: seconds of computing after which it is pressed again, as a person does; Python loses one that comes
    while an object is cleared away.
    """
    code, ended = forks.run(at, *words, script=PRESSED, AGAIN=again)
    assert at in ended.errors, ended.errors
    assert "Traceback" not in LOST.sub("", ended.errors)
    return code, ended.output, ended.errors


def run_file(folder: Path, *, epochs: int) -> Path:
    backtest = {"compare": [], "fees": ["none", "maker"]}
    return write_run_file(folder, tiny_config(training={"epochs": epochs}, backtest=backtest))


def left_over(folder: Path) -> list[str]:
    """Names of half-done files and folders."""
    return [str(path) for path in folder.rglob(".*")]


def test_ctrl_c_during_training_keeps_the_best_epoch_so_far(forks: Forks, tmp_path: Path) -> None:
    code, output, errors = interrupted(
        forks, "epoch 1/", "run", run_file(tmp_path, epochs=5000), "--results", tmp_path
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


def test_ctrl_c_before_the_first_epoch_leaves_nothing(forks: Forks, tmp_path: Path) -> None:
    path, results = run_file(tmp_path, epochs=5000), tmp_path / "results"
    code, _, _ = interrupted(
        forks, "Ctrl-C keeps the best so far", "train", path, "--results", results, again="10"
    )
    assert code in (2, 130)
    assert not results.exists() or list(results.iterdir()) == []


@pytest.mark.parametrize("stage", [" backtest ", " report "])
def test_ctrl_c_later_leaves_a_trained_run_to_go_on_from(
    stage: str, forks: Forks, cli: Any, tmp_path: Path
) -> None:
    code, _, errors = interrupted(
        forks, stage, "run", run_file(tmp_path, epochs=1), "--results", tmp_path
    )
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


def test_a_disk_that_fills_up_after_training_keeps_the_network(
    forks: Forks, cli: Any, tiny: pipeline.Run, tmp_path: Path
) -> None:
    """An hour of training was lost, for want of room for what it led to."""
    path, results = run_file(tmp_path, epochs=2), tmp_path / "results"
    code, ended = forks.run("train", path, "--results", results, largest_file=20_000)
    assert code == 2, ended.errors
    assert "cannot be written" in ended.errors and "--results" in ended.errors
    assert "Traceback" not in ended.errors and ended.output == ""
    (folder,) = results.iterdir()
    assert left_over(results) == []
    kept = f"The trained network is kept: `cryptonn backtest {folder.name}` goes on from there."
    assert kept in ended.errors
    assert "no backtest yet" in cli("runs", "--results", results).output
    early = cli("predict", "tiny", "--results", results)
    assert early.code == 2 and f"`cryptonn backtest {folder.name}`" in early.errors
    done = cli("backtest", "tiny", "--results", results)
    assert done.code == 0, done.errors
    judged = open_run("tiny", results=results)
    pd.testing.assert_frame_equal(judged.predictions, tiny.predictions)
    assert judged.facts["enter"] == tiny.facts["enter"] and len(judged.comparison) == 2
    assert cli("predict", "tiny", "--results", results).code == 0
    assert not (folder / "fit.json").exists()


def test_a_disk_that_fills_up_while_training_leaves_nothing(forks: Forks, tmp_path: Path) -> None:
    path, results = run_file(tmp_path, epochs=1), tmp_path / "results"
    code, ended = forks.run("train", path, "--results", results, largest_file=1_000)
    assert code == 2, ended.errors
    assert "cannot be written" in ended.errors and "Traceback" not in ended.errors
    assert list(results.iterdir()) == []


def test_a_disk_that_fills_up_while_reporting_leaves_the_results(
    forks: Forks, results: Path
) -> None:
    (folder,) = results.iterdir()
    before = (folder / "report.html").read_bytes()
    assert len(before) > 1_000_000
    code, ended = forks.run("report", "tiny", "--results", results, largest_file=1_000_000)
    assert code == 2, ended.errors
    assert "report.html: cannot be written" in ended.errors and "Traceback" not in ended.errors
    assert (folder / "report.html").read_bytes() == before
    assert left_over(results) == []
    assert len(open_run("tiny", results=results).comparison) == 9


def test_a_disk_that_fills_up_while_trading_keeps_what_was_there(
    forks: Forks, results: Path
) -> None:
    (folder,) = results.iterdir()
    asked = ("backtest", "tiny", "--results", results, "--fee", "7bp")
    code, ended = forks.run(*asked, largest_file=20_000)
    assert code == 2, ended.errors
    assert "cannot be written" in ended.errors and "Traceback" not in ended.errors
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


def test_a_bug_in_the_report_leaves_training_and_backtests(results: Path) -> None:
    (folder,) = results.iterdir()
    (folder / "report.html").unlink()
    shutil.rmtree(folder / "figures")
    traded = open_run("tiny", results=results)
    short = traded.frame.select(
        TimeRange.parse("20180101-20180106")
    )  # without candles that the report needs
    with pytest.raises(KeyError):
        pipeline.report(replace(traded, frame=short))
    run = open_run("tiny", results=results)
    assert len(run.comparison) == 9
    assert left_over(results) == [] and not (run.folder / "report.html").exists()


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
