"""Real trainings: killed and resumed, on several workers, on dask; trials that diverge, die or run out of memory."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest

from cryptonn.cli.tuning import EngineName
from cryptonn.errors import ConfigError
from cryptonn.tuning.cluster import connect
from cryptonn.tuning.local import LocalEngine
from cryptonn.tuning.search import tune
from cryptonn.tuning.study import Study
from cryptonn.tuning.worker import Worker, environment_of
from tests.tiny_run import environment, process, python, write_run_file
from tests.tuning.small_search import folders, search_config, told, told_one


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The small search, in one sitting, one trial after another in one process."""
    return tune(search_config(), folder=tmp_path_factory.mktemp("searches") / "whole")


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


def gone(pids: list[int]) -> bool:
    """Whether the processes end, within a minute and three seconds of their own computing: on a busy machine, too, that
    is sooner than they could have loaded TensorFlow.
    """
    most = {pid: computed(pid) + 3 for pid in pids}
    for _ in range(600):
        left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        if not left or any(computed(pid) > most[pid] for pid in left):
            return not left
        time.sleep(0.1)
    return False


def computed(pid: int) -> float:
    """Seconds that a process has computed; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def killed_in(words: list[str | Path], *, at: str) -> None:
    """Run ``cryptonn``, kill it with signal 9 once it says so; its workers must end with it, and clear up."""
    with TemporaryDirectory() as temporary:
        _killed_in(words, at=at, env=environment() | {"TMPDIR": temporary})
        assert list(Path(temporary).iterdir()) == []


def _killed_in(words: list[str | Path], *, at: str, env: dict[str, str]) -> None:
    child = subprocess.Popen(process(*words), stderr=subprocess.PIPE, text=True, env=env)
    assert child.stderr is not None
    said = []
    for line in child.stderr:
        said.append(line)
        if at in line:
            break
    else:
        raise AssertionError(
            f"it never said {at!r} but {''.join(said)!r}, and ended with {child.wait()}"
        )
    time.sleep(0.5)
    workers = workers_of(child.pid)
    child.kill()
    child.wait()
    child.stderr.close()
    assert workers and gone(workers), "a worker outlived the search"


def test_every_trial_is_whole(whole: Study) -> None:
    assert [record.state for record in whole.records.values()] == ["complete"] * 4
    folder = whole.folder / "trials" / "0003"
    assert {path.name for path in folder.iterdir()} == {
        *("config.toml", "trial.json", "history.csv", "histogram.csv", "histogram.png")
    }
    kept = json.loads((folder / "trial.json").read_text())
    assert kept["settings"] == {"network.dropout": 0.2, "network.layers": [8]} and kept["seed"] == 1
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
        "settings.png",
        "parallel.png",
        "probabilities.png",
    }


def test_killed_twice_and_taken_up_it_comes_to_the_same_trials_with_two_workers_too(
    whole: Study, tmp_path: Path
) -> None:
    folder = tmp_path / "search"
    file = write_run_file(tmp_path, search_config())
    words: list[str | Path] = ["tune", file, "--folder", folder, "--workers", "2"]
    killed_in(words, at="trial 1 begins")
    assert not (folder / "trials").exists() or folders(folder) == []
    killed_in(words, at="1/4 finished")
    written = {
        name: (folder / "trials" / name / "trial.json").stat().st_mtime_ns
        for name in folders(folder)
    }
    assert 1 <= len(written) < 4
    answer = subprocess.run(
        process(*words, "--json"), capture_output=True, text=True, env=environment()
    )
    assert answer.returncode == 0, answer.stderr
    assert "going on: " in answer.stderr
    shown = json.loads(answer.stdout)
    assert folders(folder) == [f"{number:04d}" for number in range(4)]
    after = {name: (folder / "trials" / name / "trial.json").stat().st_mtime_ns for name in written}
    assert after == written, "a finished trial was run again"
    assert told(tune(search_config(), folder=folder)) == told(whole)
    assert shown["best"] == {
        "trial": whole.best.number,
        "value": whole.best.value,
        "settings": whole.best.settings,
    }
    assert not list(folder.rglob("*.partial")) and not list((folder / "running").iterdir())


def test_a_trial_that_is_killed_goes_on_after_its_newest_epoch(tmp_path: Path) -> None:
    config = search_config({"seed": [1]}, training={"epochs": 8}, network={"dropout": 0.3})
    folder, standing = tmp_path / "search", tmp_path / "search" / "running" / "0000.npz"
    child = subprocess.Popen(
        process("tune", write_run_file(tmp_path, config), "--folder", folder),
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    while not standing.exists():
        assert child.poll() is None, "it ended before its first epoch"
        time.sleep(0.05)
    child.kill()
    child.wait()
    said: list[str] = []
    (record,) = tune(
        config, folder=folder, on_step=lambda step: said.append(step.text)
    ).records.values()
    assert any("trial 0 goes on after its newest epoch: seed 1" in line for line in said)
    assert 1 <= record.where["epochs_before"] < 8 and len(record.history) == 8
    assert not list((folder / "running").iterdir())
    whole = tune(config, folder=tmp_path / "apart" / "search")
    assert whole.records[0].where["epochs_before"] == 0 and told(whole) == {0: told_one(record)}


def test_a_trial_whose_process_is_killed_has_failed_and_the_others_go_on(
    whole: Study, tmp_path: Path
) -> None:
    def on_step(step: Any) -> None:
        if "trial 1 begins" in step.text:
            threading.Timer(
                0.4, lambda: [os.kill(pid, signal.SIGKILL) for pid in workers_of(os.getpid())]
            ).start()

    study = tune(search_config(), folder=tmp_path, on_step=on_step, engine=LocalEngine(1))
    assert study.records[1].state == "failed"
    assert study.records[1].reason.startswith("its process was killed (SIGKILL)")
    assert {n: one for n, one in told(study).items() if n != 1} == {
        n: o for n, o in told(whole).items() if n != 1
    }


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


BAD_TRIALS = """
import json, resource
from cryptonn.tuning import trial
from cryptonn.tuning.space import configured
from tests.tuning.small_search import search_config

def told(settings):
    config = search_config()
    chosen = configured(config, config.search["small"], settings, source="x")
    task = {"number": 0, "of": "run", "config": chosen.model_dump(mode="json"), "data": {}}
    outcome = trial.run_trial(task)
    return {name: outcome[name] for name in ("state", "reason", "trace", "metrics")}

found = [told({}), told({"training.learning_rate": 1e30})]
size = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 2**29, size + 2**29))
found += [told({"network.layers": [8000]}), told({})]
judge, trial.assess_periods = trial.assess_periods, lambda *_: 1 / 0
found += [told({})]
print(json.dumps(found))
"""


def test_trials_that_diverge_run_out_of_memory_or_meet_a_bug_say_so() -> None:
    answer = python(BAD_TRIALS)
    assert answer.returncode == 0, answer.stderr
    first, diverged, hungry, last, bug = json.loads(answer.stdout)
    assert first["state"] == "complete" and last == first, (
        "what a failed trial left behind changed the next one"
    )
    assert diverged["state"] == "failed" and diverged["reason"].startswith(
        "the loss is nan at step"
    )
    assert "Lower training.learning_rate (1e+30)" in diverged["reason"] and diverged["trace"] == ""
    assert hungry["state"] == "failed" and hungry["reason"].startswith("out of memory: ")
    assert bug["state"] == "failed" and "ZeroDivisionError: division by zero" in bug["reason"]
    assert "Traceback" in bug["trace"]


LONG_EPOCHS = """
import json
from cryptonn.tuning import trial
from tests.tuning.small_search import search_config

trial._EVERY, told = 0.0, []
config = search_config(training={"epochs": 2})
task = {"number": 0, "of": "run", "config": config.model_dump(mode="json"), "data": {}}
outcome = trial.run_trial(task, on_epoch=lambda report: told.append(report) or "val_loss" not in report)
print(json.dumps([told, outcome["state"], outcome["history"]]))
"""


def test_an_epoch_that_takes_long_is_told_of_while_it_goes_on() -> None:
    answer = python(LONG_EPOCHS)
    assert answer.returncode == 0, answer.stderr
    told, state, history = json.loads(answer.stdout)
    places = [(report["epoch"], report["done"]) for report in told]
    assert places == [(epoch, done) for epoch in (1, 2) for done in (0.25, 0.5, 0.75, 1.0, 1.0)]
    assert {report["epochs"] for report in told} == {2}
    ended = [report for report in told if "val_loss" in report]
    assert [{name: one[name] for name in history[0]} for one in ended] == history
    assert [set(one) - set(history[0]) for one in ended] == [{"epochs", "done", "again"}] * 2
    assert not any(one["again"] for one in ended), "nothing was trained before"
    assert state == "complete", "a word on an epoch that goes on ends nothing"


RUN_BEST = """
import sys
from pathlib import Path
from cryptonn.config import load_config
from cryptonn.pipeline import train
print(repr(train(load_config(sys.argv[1]), results=Path(sys.argv[2])).history["val_loss"].min()))
"""


def test_the_best_file_trains_to_the_value_it_was_chosen_by(whole: Study, tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", RUN_BEST, whole.folder / "best.toml", tmp_path],
        capture_output=True,
        text=True,
        env=environment() | whole.environment,
    )
    assert answer.stdout.strip() == repr(whole.best.value), answer.stderr


def test_pruned_trials_stop_early_and_keep_their_curves(tmp_path: Path) -> None:
    config = search_config(
        {"training.learning_rate": [0.01, 0.02, 0.005, 0.008, 0.015, 3e3]},
        pruning="median",
        training={"epochs": 3},
    )
    study = tune(config, folder=tmp_path, engine=LocalEngine(1))
    assert study.records[5].state == "pruned" and len(study.records[5].history) < 3
    assert "it had fallen behind the others" in study.records[5].reason
    assert [len(study.records[number].history) for number in range(5)] == [3] * 5


@pytest.fixture(scope="module")
def cluster() -> Any:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as one:
        yield one


def test_on_dask_it_is_the_same_and_a_worker_that_is_killed_loses_nothing(
    whole: Study, cluster: Any, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_one() -> None:
        killed.append(next(iter(cluster.workers.values())).pid)
        os.kill(killed[0], signal.SIGKILL)

    def on_step(step: Any) -> None:
        if "trial 1 begins" in step.text:
            threading.Timer(2.0, kill_one).start()

    engine = connect("dask", address=cluster.scheduler_address, workers=1)
    assert engine.workers == 2
    study = tune(search_config(), folder=tmp_path, engine=engine, on_step=on_step)
    assert killed and gone(killed)
    assert told(study) == told(whole)


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_an_engine_that_does_not_answer_is_said_within_seconds(name: str) -> None:
    if name == "ray":
        pytest.importorskip(
            "ray", reason="ray is an extra that the development environment does without"
        )
    started = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        connect(name, address={"dask": "tcp://127.0.0.1:9", "ray": "127.0.0.1:9"}[name], workers=1)
    assert time.monotonic() - started < 20
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
