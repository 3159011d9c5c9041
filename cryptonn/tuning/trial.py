"""One trial: one run file trained on its train rows and judged on its validation rows; no test
candle is loaded.

``run_trial`` takes and gives plain values only, so that it can run in another process or on another
machine, and it answers whatever happens: a training that fails is an outcome too.
"""

import json
import os
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import CryptonnError, DataError
from cryptonn.evaluation.rows import rows_of
from cryptonn.evaluation.tables import histogram_table
from cryptonn.facts import numeric_facts, peak_memory_mib
from cryptonn.heldout import assess_periods, predict_periods
from cryptonn.learning.rows import make_rows
from cryptonn.market.fitness import Use, use_of
from cryptonn.market.source import Market, load_market
from cryptonn.market.timerange import TimeRange
from cryptonn.preflight import check_judged, check_rows
from cryptonn.published import reproduce
from cryptonn.versions import versions_of

if TYPE_CHECKING:
    from cryptonn.learning.checkpoint import Checkpoint
    from cryptonn.learning.fitting import EpochReport

__all__ = ["OnEpoch", "Pruned", "check_trial", "market_of", "run_trial", "trial_config"]

OnEpoch = Callable[[dict[str, Any]], bool]
"""Called with ``epoch`` (from 1 on), ``epochs``, ``done`` (the share of that epoch in [0, 1]) and,
once the epoch is done, its numbers; True then ends the trial: it has fallen behind the others. With
``again`` it is told of an epoch that an earlier sitting has done; no answer ends it then.
"""

_EVERY = 10.0
"""Seconds from one word on an epoch that goes on to the next."""

_PACKAGES = ("cryptonn", "tensorflow", "keras", "numpy", "pandas")


class Pruned(Exception):
    """Ends a trial that has fallen behind."""


@dataclass
class _Trial:
    """What one trial has found so far; kept where a failure cannot take it away."""

    config: RunConfig
    folder: Path
    """For what TensorBoard is to be told; it goes into the outcome."""
    checkpoint: "Checkpoint | None"
    on_epoch: OnEpoch | None
    started: float = field(default_factory=time.perf_counter)
    busy: float = field(default_factory=time.process_time)
    reports: list[dict[str, Any]] = field(default_factory=list)
    said: float = field(default_factory=time.monotonic)

    def report(self, epoch: "EpochReport") -> None:
        self.reports.append(
            {name: value for name, value in asdict(epoch).items() if name != "epochs"}
        )
        self.said = time.monotonic()
        again = epoch.epoch <= self.epochs_before
        if (
            self.on_epoch is not None
            and self.on_epoch({**asdict(epoch), "done": 1.0, "again": again})
            and not again
        ):
            raise Pruned(
                f"stopped after epoch {epoch.epoch} of {epoch.epochs}: it had fallen behind the "
                "others"
            )

    def progress(self, epoch: int, done: float, *, epochs: int) -> None:
        """Say how much of an epoch is done, every few seconds: one may take an hour."""
        if self.on_epoch is not None and time.monotonic() - self.said > _EVERY:
            self.said = time.monotonic()
            self.on_epoch({"epoch": epoch, "epochs": epochs, "done": done})

    @property
    def epochs_before(self) -> int:
        """Epochs that an earlier sitting, which was stopped, has done."""
        return len(self.checkpoint.earlier) if self.checkpoint else 0

    @property
    def best(self) -> dict[str, Any]:
        return min(self.reports, key=lambda report: report["val_loss"], default={})


def trial_config(config: RunConfig) -> RunConfig:
    """Return the run without its test periods: a trial must not even load them."""
    return config.model_copy(update={"data": config.data.model_copy(update={"test": {}})})


def market_of(config: RunConfig) -> Market:
    """Return the candles of a trial, up to the end of its train range;
    the last ones are kept for the next trial.
    """
    data = trial_config(config).data
    use = Use(horizon=config.labels.horizon, volume=use_of(config).volume)
    market = _market(json.dumps(data.model_dump(mode="json")), use)
    return Market(
        market.frame.select(TimeRange(None, data.train.end)), market.facts, market.synthetic
    )


def check_trial(config: RunConfig) -> None:
    """Refuse a run that no trial could train, or judge on its validation rows, without training
    anything.

    Raises
    ------
    DataError
        As ``check_rows``, or if the candles are not there.
    """
    config = trial_config(config)
    check_rows(make_rows(market_of(config).frame, config), config)


@lru_cache(maxsize=1)
def _market(data: str, use: Use) -> Market:
    from cryptonn.settings import DataConfig

    return load_market(DataConfig.model_validate(json.loads(data)), horizon=use.horizon, use=use)


def run_trial(task: dict[str, Any], *, on_epoch: OnEpoch | None = None) -> dict[str, Any]:
    """Train and judge one combination of settings; never raises but for Ctrl-C.

    Parameters
    ----------
    task
        ``number``; ``config`` (the run file as nested dicts); ``of`` ("run" or "published");
        ``data`` (by symbol: the sha256 that its candles must have, where they are the search's
        own); ``checkpoint``, the path of the file that keeps where it stands after each epoch, or
        None.
    on_epoch
        Told how far it is, see ``OnEpoch``.

    Returns
    -------
    dict
        ``number``; ``state`` ("complete", "pruned" or "failed"); ``metrics`` by name; ``history``,
        one dict an epoch; ``histogram``, one dict a bin; ``rows`` by role; ``files``, by place the
        content of what TensorBoard is told; ``reason`` and ``trace`` of what did not end well;
        ``seconds``; ``where`` it ran.
    """
    with TemporaryDirectory(prefix="cryptonn-trial-") as folder:
        trial = _Trial(
            RunConfig.model_validate(task["config"]), Path(folder), _checkpoint(task), on_epoch
        )
        outcome = _outcome(trial, task)
        files = {
            str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*.*")
        }
    return {
        "number": task["number"],
        "metrics": {},
        "histogram": [],
        "rows": {},
        "reason": "",
        "trace": "",
        "history": trial.reports,
        "files": files,
        **outcome,
        "best_epoch": trial.best.get("epoch"),
        "seconds": time.perf_counter()
        - trial.started
        + (trial.checkpoint.seconds if trial.checkpoint else 0.0),
        "where": {
            **_where(),
            "cpu_seconds": time.process_time() - trial.busy,
            "epochs_before": trial.epochs_before,
        },
    }


def _checkpoint(task: dict[str, Any]) -> "Checkpoint | None":
    from cryptonn.learning.checkpoint import Checkpoint

    return Checkpoint(Path(task["checkpoint"])) if task.get("checkpoint") else None


def _outcome(trial: _Trial, task: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"state": "complete", **_judged(trial, task)}
    except Pruned as stop:
        return {"state": "pruned", "metrics": _of_epochs(trial), "reason": str(stop)}
    except CryptonnError as error:
        return {"state": "failed", "reason": str(error)}
    except Exception as error:  # noqa: BLE001
        # the border of a trial: a bug in one is recorded, the search goes on
        memory = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
        first = (str(error).splitlines() or [""])[0]
        reason = (
            "out of memory" if memory else f"a bug or a foreign failure, {type(error).__name__}"
        )
        return {
            "state": "failed",
            "reason": f"{reason}: {first}".rstrip(": "),
            "trace": traceback.format_exc(),
        }


def _judged(trial: _Trial, task: dict[str, Any]) -> dict[str, Any]:
    from cryptonn.learning.backend import keras

    # loading TensorFlow is no part of it
    trial.started = time.perf_counter()
    trial.busy = time.process_time()
    keras.utils.clear_session()  # what earlier trials of this process left behind
    if task["of"] == "published":
        return _published(trial, task["data"])
    return _honest(trial, task["data"])


def _honest(trial: _Trial, wanted: dict[str, str]) -> dict[str, Any]:
    from cryptonn.learning.training import Hooks, fit_model

    config = trial_config(trial.config)
    market = market_of(config)
    _check_candles(market, wanted)
    rows = make_rows(market.frame, config)
    check_judged(rows, config)
    hooks = Hooks(
        on_epoch=trial.report,
        on_progress=partial(trial.progress, epochs=config.training.epochs),
        log_dir=trial.folder / "tensorboard",
        checkpoint=trial.checkpoint,
    )
    model, _ = fit_model(
        rows.features, rows.labels, rows.split, config, close=rows.close, hooks=hooks
    )
    validation = {"validation": rows.split.validation}
    predictions = predict_periods(model, rows.features, rows.labels, validation, close=rows.close)
    found = assess_periods(predictions, config)["validation"]["network"]
    parts = {"train": rows.split.train, "validation": rows.split.validation}
    return {
        "metrics": _of_epochs(trial) | found.metrics,
        "histogram": _plain(found.histogram),
        "rows": {role: part.stop - part.start for role, part in parts.items()},
    }


def _published(trial: _Trial, wanted: dict[str, str]) -> dict[str, Any]:
    earlier = trial.config.as_published()
    market = market_of(earlier)
    _check_candles(market, wanted)
    on_progress = partial(trial.progress, epochs=earlier.training.epochs)
    found = reproduce(
        trial.config,
        market.frame,
        on_epoch=trial.report,
        on_progress=on_progress,
        checkpoint=trial.checkpoint,
    )
    judged = found.predictions[
        found.predictions["proba"].notna() & found.predictions["move"].notna()
    ]
    return {
        "metrics": _of_epochs(trial) | found.numbers,
        "histogram": _histogram(judged),
        "rows": dict(found.windows),
    }


def _of_epochs(trial: _Trial) -> dict[str, float]:
    """Return the losses of the epoch that is kept, the one of lowest validation loss."""
    return {
        name: trial.best[name]
        for name in ("loss", "val_loss", "val_accuracy")
        if name in trial.best
    }


def _histogram(judged: pd.DataFrame) -> list[dict[str, Any]]:
    try:
        table = histogram_table(rows_of(judged["proba"], judged[["move", "tie"]]))
    except DataError:  # no move, or all the same way: nothing to draw
        return []
    return _plain(table)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")
    ]


def _check_candles(market: Market, wanted: dict[str, str]) -> None:
    for symbol, facts in market.facts.items():
        if facts["sha256"] != wanted.get(symbol, facts["sha256"]):
            raise DataError(
                f"{symbol}: the candles on {socket.gethostname()} are not those the search was "
                "begun with (sha256 differs). Give every worker the same data folder."
            )


def _where() -> dict[str, Any]:
    """Return what the last bits of a result may depend on, and what a training took."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        **numeric_facts(),
        "peak_memory_mib": peak_memory_mib(),
        "versions": versions_of(_PACKAGES),
    }
