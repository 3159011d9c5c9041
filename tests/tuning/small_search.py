"""A small search: four synthetic days, networks of a few units, one epoch; and what must be equal between two runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptonn.config import RunConfig
from cryptonn.tuning.engine import Ask, OnReport, lost
from cryptonn.tuning.records import Record
from cryptonn.tuning.study import Study
from tests.tiny_run import tiny_config

GRID = {"network.dropout": [0.0, 0.2], "network.layers": [[4], [8]]}


def search_config(
    space: dict[str, Any] = GRID,
    *,
    seed: int = 1,
    training: Any = None,
    split: Any = None,
    network: Any = None,
    **search: Any,
) -> RunConfig:
    """The tiny run with one search, "small"."""
    return tiny_config(
        seed=seed,
        data={
            "train": "20180101-20180104",
            "test": {"unseen": "20180104-20180105"},
            "synthetic": {"days": 4, "lead": 2.0},
        },
        training={"epochs": 1, "lookback": 10, "sequence": 60} | (training or {}),
        split=split or {},
        **({"network": network} if network else {}),
        search={"small": {"space": space, **search}},
    )


def told(study: Study) -> dict[int, tuple[Any, ...]]:
    """What must not depend on how, where and in how many sittings a search ran."""
    return {number: told_one(record) for number, record in sorted(study.records.items())}


def told_one(one: Record) -> tuple[Any, ...]:
    return (
        one.state,
        one.choices,
        one.settings,
        one.seed,
        one.value,
        repr(one.metrics),
        losses(one.history),
    )


def losses(history: Any) -> list[tuple[float, ...]]:
    return (
        []
        if history.empty
        else list(history[["epoch", "loss", "val_loss"]].itertuples(index=False, name=None))
    )


class MadeUp:
    """An engine whose trials need no network: their loss follows from the dropout, epoch by epoch."""

    name = "local"
    reports_epochs = True
    workers = 1

    def __init__(self, *, stop_after: int = 1000) -> None:
        self.stop_after, self.tasks = stop_after, []

    def run(self, ask: Ask, on_report: OnReport) -> Iterator[dict[str, Any]]:
        while len(self.tasks) < self.stop_after and (task := ask()) is not None:
            self.tasks.append(task)
            yield self._outcome(task, on_report)
        if len(self.tasks) == self.stop_after:
            ask()  # begun, and never ended: as if killed here
            raise KeyboardInterrupt

    def _outcome(self, task: dict[str, Any], on_report: OnReport) -> dict[str, Any]:
        dropout, history, state = task["config"]["network"]["dropout"], [], "complete"
        for epoch in range(1, task["config"]["training"]["epochs"] + 1):
            loss = 0.5 + dropout + 1 / epoch
            history.append(
                {"epoch": epoch, "loss": loss, "val_loss": loss, "val_accuracy": 1 - loss / 4}
            )
            if on_report(
                task["number"],
                {**history[-1], "epochs": task["config"]["training"]["epochs"], "done": 1.0},
            ):
                state = "pruned"
                break
        numbers = {"val_loss": loss, "accuracy_on_moves": 1 - loss / 4, "auc": 0.5}
        return lost(task["number"], "") | {
            "state": state,
            "metrics": numbers,
            "history": history,
            "seconds": 0.1,
        }


def folders(study: Path) -> list[str]:
    """Names of the trials that have ended; a sitting that was killed may have left a half-written one beside them."""
    return sorted(
        path.name for path in (study / "trials").iterdir() if not path.name.startswith(".")
    )
