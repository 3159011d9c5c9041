"""Benchmarks of searches: two workers against one, and what 128 models of the published size take."""

import math
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptonn.config import RunConfig, parse_config
from cryptonn.tuning.local import LocalEngine
from cryptonn.tuning.search import tune
from cryptonn.tuning.study import Study
from cryptonn.tuning.worker import Worker, environment_of
from tests.benchmarks.cases import Figure, figure

MODELS, ROWS, EPOCHS = 128, 240_418, 10
"""Of the published search; the rows are its training windows."""
WORKERS = (1, 16, 100)
DAY, HOUR = 86_400, 3_600


def search_config() -> RunConfig:
    """Return a search of eight trials that take some seconds each."""
    space = {"network.dropout": [0.0, 0.2], "training.learning_rate": [1e-3, 2e-3, 3e-3, 5e-3]}
    return synthetic(
        days=25,
        network={"layers": [64, 64]},
        training={"epochs": 6, "tensorboard": False},
        search={"eight": {"space": space}},
    )


def synthetic(*, days: int, **sections: Any) -> RunConfig:
    """Return a run on the first days of the synthetic market."""
    data = {
        "source": "synthetic",
        "train": f"20180101-201801{days + 1:02d}",
        "synthetic": {"days": days},
    }
    return parse_config({"data": data, **sections}, source="bench")


def bench_search(data: Path) -> list[Figure]:
    """The same eight trials on one worker process and on two: how much sooner, and whether they are equal."""
    config = search_config()
    with tempfile.TemporaryDirectory() as folder:
        one, alone = _timed(config, Path(folder) / "a" / "one", workers=1)
        two, together = _timed(
            config, Path(folder) / "b" / "two", workers=2
        )  # apart: else it takes over
    same = [
        repr(one.records[number].metrics) == repr(two.records[number].metrics)
        for number in one.records
    ]
    named = f"eight trials, {alone:.0f} s on one worker, {together:.0f} s on two: speed-up"
    same += [record.reason == "" for record in two.records.values()]
    equal = "equal bit for bit" if all(same) else "DIFFERENT"
    return [
        figure(named, alone / together, "times", at_least=1.6),
        Figure("their results", equal, "equal bit for bit", all(same)),
    ]


def _timed(config: RunConfig, folder: Path, *, workers: int) -> tuple[Study, float]:
    start = time.perf_counter()
    study = tune(config, folder=folder, engine=LocalEngine(workers))
    return study, time.perf_counter() - start


def bench_published_size(data: Path) -> list[Figure]:
    """Labels a second of one trial of the published size, on one thread as in a search, and what 128 of them take."""
    figures = []
    for form, network in (("windowed", [128, 128, 128]), ("streaming", [128, 128, 128])):
        seconds = ROWS * EPOCHS / _rate(form, network)
        each = f"one model of the published size, {form}, one thread ({ROWS * EPOCHS / seconds:,.0f} labels/s)"
        figures.append(Figure(each, in_words(seconds), "", True))
        for workers in WORKERS:
            rounds = math.ceil(MODELS / workers)
            named = f"{MODELS} of them on {workers} workers, {rounds} rounds"
            figures.append(Figure(named, in_words(rounds * seconds), "", True))
    return figures


def in_words(seconds: float) -> str:
    """Return a length of time with two digits that matter."""
    if seconds >= DAY:
        return f"{seconds / DAY:.1f} days"
    return f"{seconds / HOUR:.1f} h" if seconds >= HOUR else f"{seconds / 60:.0f} min"


def _rate(form: str, layers: list[int]) -> float:
    """Return labels a second of the second epoch, validation included, in a process as a search uses it.

    Time that other programs had the core is not counted: on a quiet machine there is none.
    """
    form_of = {
        "windowed": {"batch_size": 64, "days": 5},
        "streaming": {"batch_size": 32, "days": 30},
    }[form]
    config = synthetic(
        days=form_of.pop("days"),
        network={
            "layers": layers,
            "normalization": "batch",
            "dropout": 0.2,
            "dense": [32],
            "output": "softmax",
        },
        training={"form": form, "lookback": 100, "epochs": 2, "tensorboard": False, **form_of},
    )
    worker = Worker(environment_of(1))
    worker.start({"number": 0, "of": "run", "config": config.model_dump(mode="json"), "data": {}})
    outcome = None
    while outcome is None:
        outcome = worker.answer(lambda number, epoch: False)
    worker.stop()
    had = min(1.0, outcome["where"]["cpu_seconds"] / outcome["seconds"])
    return float(outcome["rows"]["train"] / outcome["history"][-1]["seconds"] / had)
