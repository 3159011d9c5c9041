"""What is kept of every trial, failed ones too: one folder each.

    config.toml    its run file, as it was trained: without test periods
    trial.json     settings, state, value, every number, seed, times, where it ran,
                   and why it failed if it did
    history.csv    one row an epoch
    histogram.csv histogram.png    probabilities of the validation rows: true ups and true downs
    tensorboard/   losses by epoch, and histograms of the weights if training.histograms is on
    trace.txt      of a failure that nobody foresaw

Each folder is written whole or not at all.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.output import to_json, whole_folder, write_file
from cryptonn.records import read_json, read_table, readable

__all__ = ["VALUES", "WITH_INTERVAL", "Record", "load_record", "now", "save_record"]

_TABLES = ("history", "histogram")
VALUES = {
    "run": {
        "val_loss": "val_loss",
        "val_accuracy": "accuracy_on_moves",
        "auc": "auc",
        "accuracy": "balanced_accuracy_published",
    },
    "published": {
        "val_loss": "val_loss",
        "val_accuracy": "accuracy_on_moves",
        "accuracy": "accuracy",
    },
}
"""By what is tried, and by the metric of a run file: which number of a trial it is."""
WITH_INTERVAL = {"accuracy_on_moves", "accuracy"}
"""Numbers that have a 95 % interval."""


@dataclass(frozen=True)
class Record:
    """One trial that has ended."""

    number: int
    state: str
    """complete, pruned or failed."""
    choices: dict[str, Any]
    """By axis."""
    settings: dict[str, Any]
    """By dotted key."""
    seed: int
    metric: str
    value: float | None
    """Of the metric; None where the trial failed."""
    metrics: dict[str, float]
    rows: dict[str, int]
    best_epoch: int | None
    seconds: float | None
    ended: str
    reason: str
    """Why it was pruned, failed, or not trained; "" otherwise."""
    where: dict[str, Any]
    git_commit: str | None
    same_as: int | None = None
    """Number of an earlier trial with equal settings, whose numbers these are."""
    fingerprint: str | None = None
    """All that its numbers follow from, see ``fingerprint.py``; None where that is not known."""
    history: pd.DataFrame = field(default_factory=pd.DataFrame, compare=False)
    histogram: pd.DataFrame = field(default_factory=pd.DataFrame, compare=False)


def save_record(
    record: Record, folder: Path, *, config: str, trace: str, files: Mapping[str, bytes]
) -> None:
    """Write the folder of a trial; ``config`` is its run file, ``files`` is what else goes in,
    by place.
    """
    facts = {name: value for name, value in asdict(record).items() if name not in _TABLES}
    with whole_folder(folder) as partial:
        write_file(partial / "config.toml", config)
        write_file(partial / "trial.json", to_json(facts))
        for name in _TABLES:
            if len(table := getattr(record, name)):
                write_file(partial / f"{name}.csv", table.to_csv(index=False))
        for place, content in files.items():
            write_file(partial / place, content)
        if trace:
            write_file(partial / "trace.txt", trace)


def load_record(folder: Path) -> Record:
    """Read what ``save_record`` wrote.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    """
    facts = read_json(folder / "trial.json")
    tables: dict[str, Any] = {
        name: read_table(folder / f"{name}.csv")
        for name in _TABLES
        if (folder / f"{name}.csv").exists()
    }
    with readable(folder / "trial.json"):
        facts["metrics"] = {
            name: float("nan") if x is None else x for name, x in facts["metrics"].items()
        }
        return Record(**facts, **tables)


def now() -> str:
    """Return the time as it stands in the records."""
    return datetime.now(UTC).isoformat(timespec="seconds")
