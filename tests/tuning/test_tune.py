"""Real trainings: killed and resumed, on several workers, on dask; trials that diverge, die or run out of memory."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest

from cryptonn.cli.tuning import EngineName
from cryptonn.errors import ConfigError
from cryptonn.tuning import cluster as tuning_cluster
from cryptonn.tuning.cluster import connect
from cryptonn.tuning.local import LocalEngine
from cryptonn.tuning.search import tune
from cryptonn.tuning.study import Study
from cryptonn.tuning.worker import Worker, environment_of
from tests.paper.forked_commands import Forks
from tests.paper.soak import has_ended
from tests.tiny_run import write_run_file
from tests.tuning.small_search import MadeUp, folders, search_config, told, told_one

EPOCHS = 5
REAL: dict[str, Any] = {
    "space": {"network.dropout": [0.0, 0.2, 0.3]},
    "training": {"epochs": EPOCHS},
}
"""A search that is really trained: the fewest trials of which two can run at once and one is left."""


@pytest.fixture(scope="module")
def whole(
    once: Callable[..., Path], together: Path, tmp_path_factory: pytest.TempPathFactory
) -> Study:
    """The small search, in one sitting, one trial after another in one process."""

    def search() -> Path:
        return tune(search_config(**REAL), folder=together / "whole search").folder

    folder = tmp_path_factory.mktemp("searches") / "whole"
    shutil.copytree(once("whole search", search), folder)
    return tune(search_config(**REAL), folder=folder, engine=MadeUp())  # finished: it is read


def workers_of(pid: int) -> list[int]:
    """Processes for trials that a process has started."""
    answer = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True
    )
    return [
        int(line.split()[0])
        for line in answer.stdout.splitlines()
        if "cryptonn.tuning.worker" in line
    ]


def started(pid: int) -> list[int]:
    """Wait until a process has workers; return them."""
    while not (workers := workers_of(pid)):
        assert Path(f"/proc/{pid}").exists(), "it ended without a worker"
        time.sleep(0.02)
    return workers


def gone(pids: list[int]) -> bool:
    """Whether the processes end before they have computed for three seconds: sooner than they could load TensorFlow."""
    most = {pid: computed(pid) + 3 for pid in pids}
    for _ in range(6000):
        left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        if not left or any(computed(pid) > most[pid] for pid in left):
            return not left
        time.sleep(0.05)
    return False


def computed(pid: int) -> float:
    """Seconds that a process has computed; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kill_once_it_computes(pid: int) -> None:
    """Kill a process once it has computed for a quarter of a second more: in the middle of what it does now."""
    before = computed(pid)
    while computed(pid) < before + 0.25:
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)


def killed_in(forks: Forks, words: list[str | Path], *, once: Path) -> str:
    """Run ``cryptonn``, kill it with signal 9 once a file is there; its workers must end with it, and clear up.

    Returns what it said.
    """
    with TemporaryDirectory() as temporary:
        command = forks.start(*words, TMPDIR=temporary)
        while not once.exists():
            assert not has_ended(command.pid), f"it ended before {once}: {command.errors!r}"
            time.sleep(0.02)
        workers = started(command.pid)
        command.send(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL
        assert gone(workers), "a worker outlived the search"
        assert list(Path(temporary).iterdir()) == []
        return command.errors


def test_every_trial_is_whole(whole: Study) -> None:
    assert [record.state for record in whole.records.values()] == ["complete"] * 3
    folder = whole.folder / "trials" / "0002"
    assert {path.name for path in folder.iterdir()} == {
        *("config.toml", "trial.json", "history.csv", "histogram.csv", "histogram.png")
    }
    kept = json.loads((folder / "trial.json").read_text())
    assert kept["settings"] == {"network.dropout": 0.3} and kept["seed"] == 1
    assert (
        kept["where"]["threads"] == "1" and kept["seconds"] > 0 and kept["rows"]["validation"] > 100
    )
    assert (
        sum(pd.read_csv(folder / "histogram.csv")[["ups", "downs"]].sum())
        == kept["metrics"]["moves"]
    )
    figures = {path.name for path in (whole.folder / "figures").glob("*.png")}
    assert figures >= {
        "trials.png",
        "curves.png",
        "axis.png",
        "probabilities.png",
    }


def test_killed_and_taken_up_it_comes_to_the_same_trials_with_two_workers_too(
    whole: Study, forks: Forks, tmp_path: Path
) -> None:
    """What was finished is not run again, and the trial under way goes on after its newest epoch."""
    folder = tmp_path / "search"
    file = write_run_file(tmp_path, search_config(**REAL))
    words: list[str | Path] = ["tune", file, "--folder", folder, "--workers", "2"]
    said = killed_in(forks, words, once=folder / "running" / "0002.npz")
    before_the_first_ended = said.partition("1/3 finished")[0]
    assert "trial 1 begins" in before_the_first_ended, "the first two were not run at once"
    written = {
        name: (folder / "trials" / name / "trial.json").stat().st_mtime_ns
        for name in folders(folder)
    }
    assert written and "0002" not in written
    code, ended = forks.run(*words, "--json")
    assert code == 0, ended.errors
    assert "going on: " in ended.errors
    assert "trial 2 goes on after its newest epoch: " in ended.errors
    shown = json.loads(ended.output)
    assert folders(folder) == [f"{number:04d}" for number in range(3)]
    after = {name: (folder / "trials" / name / "trial.json").stat().st_mtime_ns for name in written}
    assert after == written, "a finished trial was run again"
    study = tune(search_config(**REAL), folder=folder)
    assert told(study) == told(whole)
    assert 1 <= study.records[2].where["epochs_before"] < EPOCHS
    assert [len(record.history) for record in study.records.values()] == [EPOCHS] * 3
    assert [record.where["epochs_before"] for record in whole.records.values()] == [0] * 3
    assert shown["best"] == {
        "trial": whole.best.number,
        "value": whole.best.value,
        "settings": whole.best.settings,
    }
    assert not list(folder.rglob("*.partial")) and not list((folder / "running").iterdir())


def test_a_trial_whose_process_is_killed_has_failed_and_one_that_falls_behind_stops_early(
    whole: Study, tmp_path: Path
) -> None:
    """The others go on, and come to what they come to without it; five made-up trials go before them, to compare."""
    rates = [0.02, 0.005, 0.008, 0.015, 0.012, 0.03, 0.01, 3e3]
    config = search_config(
        {"training.learning_rate": rates}, pruning="median", training=REAL["training"]
    )
    with pytest.raises(KeyboardInterrupt):
        tune(config, folder=tmp_path, engine=MadeUp(stop_after=5))

    def on_step(step: Any) -> None:
        if "trial 5 begins" in step.text:
            threading.Thread(target=lambda: kill_once_it_computes(*started(os.getpid()))).start()

    study = tune(config, folder=tmp_path, on_step=on_step, engine=LocalEngine(1))
    _, _, _, _, _, killed, other, behind = study.records.values()
    assert killed.state == "failed"
    assert killed.reason.startswith("its process was killed (SIGKILL)")
    same = whole.records[0]
    assert same.settings == {"network.dropout": 0.0} and other.settings == {
        "training.learning_rate": whole.config.training.learning_rate
    }
    assert (told_one(other)[0], *told_one(other)[3:]) == (
        told_one(same)[0],
        *told_one(same)[3:],
    )
    assert behind.state == "pruned" and len(behind.history) < EPOCHS
    assert "it had fallen behind the others" in behind.reason


def test_a_worker_that_is_stopped_in_a_trial_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C left the folder of every trial under way among the temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    worker = Worker(environment_of(1))
    config = search_config(training={"epochs": 1000}).model_dump(mode="json")
    worker.start({"number": 0, "of": "run", "config": config, "data": {}})
    while not list(tmp_path.glob("*/cryptonn-trial-*")):
        assert worker.process.poll() is None
        time.sleep(0.05)
    worker.stop()
    assert list(tmp_path.iterdir()) == []


APART = """
import json, resource
from cryptonn.tuning import trial
from cryptonn.tuning.space import configured
from tests.tuning.small_search import search_config
from tests.tuning.test_tune import REAL

def told(settings, **more):
    config = search_config(**REAL)
    chosen = configured(config, config.search["small"], settings, source="x")
    task = {"number": 0, "of": "run", "config": chosen.model_dump(mode="json"), "data": {}}
    outcome = trial.run_trial(task, **more)
    return {name: outcome[name] for name in ("state", "reason", "trace", "metrics", "history")}

found = [told({"training.learning_rate": 1e30})]
size = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 2**29, size + 2**29))
found += [told({"network.layers": [8000]})]
trial._EVERY, reports = 0.0, []
found += [
    told(
        {"network.dropout": 0.0},
        on_epoch=lambda report: reports.append(report) or "val_loss" not in report,
    )
]
make_rows, trial.make_rows = trial.make_rows, lambda *_: 1 / 0
found += [told({})]
print(json.dumps([found, reports]))
"""


@pytest.fixture(scope="module")
def apart(forks: Forks) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Trials in one process that nobody has set up for them, three of which fail; and what one that ends well reports."""
    code, ended = forks.run(script=APART)
    assert code == 0, ended.errors
    found, reports = json.loads(ended.output)
    return found, reports


def test_trials_that_diverge_run_out_of_memory_or_meet_a_bug_say_so(
    apart: Any, whole: Study
) -> None:
    diverged, hungry, last, bug = apart[0]
    assert last["state"] == "complete"
    found, wanted = (
        repr(sorted(one.items())) for one in (last["metrics"], whole.records[0].metrics)
    )
    assert found == wanted, "what a failed trial left behind changed the next one"
    assert diverged["state"] == "failed" and diverged["reason"].startswith(
        "the loss is nan at step"
    )
    assert "Lower training.learning_rate (1e+30)" in diverged["reason"] and diverged["trace"] == ""
    assert hungry["state"] == "failed" and hungry["reason"].startswith("out of memory: ")
    assert bug["state"] == "failed" and "ZeroDivisionError: division by zero" in bug["reason"]
    assert "Traceback" in bug["trace"]


def test_an_epoch_that_takes_long_is_told_of_while_it_goes_on(apart: Any) -> None:
    (_, _, outcome, _), told = apart
    places = [(report["epoch"], report["done"]) for report in told]
    assert places == [
        (epoch, done) for epoch in range(1, EPOCHS + 1) for done in (0.25, 0.5, 0.75, 1.0, 1.0)
    ]
    assert {report["epochs"] for report in told} == {EPOCHS}
    ended, history = [report for report in told if "val_loss" in report], outcome["history"]
    assert [{name: one[name] for name in history[0]} for one in ended] == history
    assert [set(one) - set(history[0]) for one in ended] == [{"epochs", "done", "again"}] * EPOCHS
    assert not any(one["again"] for one in ended), "nothing was trained before"
    assert outcome["state"] == "complete", "a word on an epoch that goes on ends nothing"


RUN_BEST = """
import sys
from pathlib import Path
from cryptonn.config import load_config
from cryptonn.pipeline import train
print(repr(train(load_config(sys.argv[1]), results=Path(sys.argv[2])).history["val_loss"].min()))
"""


def test_the_best_file_trains_to_the_value_it_was_chosen_by(
    whole: Study, forks: Forks, tmp_path: Path
) -> None:
    best = whole.folder / "best.toml"
    _, ended = forks.run(best, tmp_path, script=RUN_BEST, **whole.environment)
    assert ended.output.strip() == repr(whole.best.value), ended.errors


@pytest.fixture(scope="module")
def cluster() -> Any:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as one:
        yield one


def test_on_dask_it_is_the_same_and_a_worker_that_is_killed_loses_nothing(
    whole: Study, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(tuning_cluster, "_PATIENCE", 300)

    def kill_one() -> None:
        pid = next(iter(cluster.workers.values())).pid
        started(pid)
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    killer = threading.Thread(target=kill_one)

    def on_step(step: Any) -> None:
        if "trial 1 begins" in step.text:
            killer.start()

    engine = connect(cluster.scheduler_address)
    assert engine.workers == 2
    study = tune(search_config(**REAL), folder=tmp_path, engine=engine, on_step=on_step)
    killer.join()
    assert killed and gone(killed)
    assert told(study) == told(whole)


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_cluster, "_PATIENCE", 0.5)
    with pytest.raises(ConfigError) as caught:
        connect("tcp://127.0.0.1:9")
    assert "127.0.0.1:9: no " in str(caught.value) and "mend --address" in str(caught.value)


def test_dask_needs_an_address_and_workers(cli: Any, tmp_path: Path) -> None:
    file = write_run_file(tmp_path, search_config())
    answer = cli("tune", file, "--engine", EngineName.dask)
    assert answer.code == 2 and "--engine dask needs --address" in answer.errors
    answer = cli("tune", file, "--address", "tcp://127.0.0.1:9")
    assert answer.code == 2 and "--address belongs to --engine dask" in answer.errors
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address=":0", processes=False) as empty:
        answer = cli("tune", file, "--engine", "dask", "--address", empty.scheduler_address)
    assert answer.code == 2 and "has no worker" in answer.errors
