"""How a search tells where it stands: finished, running, failed, the best so far, the time left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptonn.progress import OnStep, Step
from cryptonn.tuning.records import Record
from cryptonn.tuning.space import words_of
from cryptonn.tuning.study import Study

__all__ = ["Progress", "duration"]

_QUIET = 30.0
"""Seconds from one word on a trial that goes on to the next."""
_ENOUGH = 0.05
"""Share of a trial from which on its pace says how long it will take."""


@dataclass
class _Running:
    """What is known of a trial that runs."""

    began: float
    said: float
    """When it was last spoken of."""
    share: float = 0.0
    before: float = 0.0
    """Share that earlier sittings have done."""
    numbers: str = ""
    """Losses of the last epoch it has done, in words."""

    @property
    def new(self) -> float:
        """Share done since it began."""
        return self.share - self.before


@dataclass
class Progress:
    """Turns what happens into steps that a person can follow."""

    study: Study
    on_step: OnStep
    workers: int
    clock: Callable[[], float] = time.monotonic
    _running: dict[int, _Running] = field(default_factory=dict)
    _spent: list[float] = field(default_factory=list)

    def begun(self, number: int, *, again: bool = False) -> None:
        """Note that a trial was begun, or goes on from an epoch that an earlier
        sitting has done.
        """
        self._running[number] = _Running(began=self.clock(), said=self.clock())
        how = "goes on after its newest epoch" if again else "begins"
        self._say(f"trial {number} {how}: {words_of(self.study.running[number])}")

    def epoch(self, number: int, report: dict[str, Any]) -> None:
        """Note how far a trial is, see ``trial.OnEpoch``, and say so of one that takes long."""
        trial = self._running[number]
        trial.share = min((report["epoch"] - 1 + report["done"]) / report["epochs"], 1.0)
        if report.get("again"):
            trial.before = trial.share
        if "val_loss" in report:
            numbers = f"loss {report['loss']:.4f}, val_loss {report['val_loss']:.4f}"
            trial.numbers = f", {numbers} after epoch {report['epoch']}"
        if self.clock() - trial.said < _QUIET:
            self.on_step(Step("search", self._share_done()))
            return
        trial.said = self.clock()
        where = (
            f"trial {number} epoch {report['epoch']}/{report['epochs']} is {report['done']:.0%} "
            "done"
        )
        self._say(where + trial.numbers + self._left(trial))

    def ended(self, record: Record) -> None:
        """Note that a trial has ended."""
        trial = self._running.pop(record.number, None)
        if record.state == "complete" and trial is not None and trial.before < 1:
            self._spent.append((self.clock() - trial.began) / (1 - trial.before))
        value = f"{record.metric} {record.value:.4f}" if record.value is not None else ""
        self._say(
            f"trial {record.number} {record.state}: "
            f"{'; '.join(filter(None, (value, record.reason)))}"
        )

    def _say(self, what: str) -> None:
        self.on_step(Step("search", self._share_done(), f"{self.state()}; {what}"))

    def state(self) -> str:
        """Return where the search stands in one line."""
        records = self.study.records.values()
        states = [record.state for record in records]
        parts = [
            f"{states.count('complete')}/{self.study.total} finished",
            f"{len(self._running)} running",
        ]
        parts += [f"{states.count(name)} {name}" for name in ("failed", "pruned") if name in states]
        best = self.study.best
        left = self.seconds_left()
        if best is not None:
            parts.append(f"best {best.metric} {best.value:.4f} (trial {best.number})")
        return ", ".join([*parts, *([f"{duration(left)} left"] if left is not None else [])])

    def seconds_left(self) -> float | None:
        """Estimate the time left from the trials of this sitting;
        None before there is anything to go by.
        """
        now = self.clock()
        paces = [
            (now - trial.began) / trial.new
            for trial in self._running.values()
            if trial.new >= _ENOUGH
        ]
        known = [*self._spent, *paces]
        if not known:
            return None
        mean = sum(known) / len(known)
        still = max(self.study.total - self._done(), 0.0)
        return still * mean / max(min(self.workers, self.study.total), 1)

    def _left(self, trial: _Running) -> str:
        """Say how long a trial will take yet; training.patience may end it before."""
        spent = self.clock() - trial.began
        is_known = trial.new >= _ENOUGH and trial.share < 1
        return f", {duration(spent * (1 - trial.share) / trial.new)} left" if is_known else ""

    def _share_done(self) -> float:
        return min(self._done() / max(self.study.total, 1), 1.0)

    def _done(self) -> float:
        """Return how many trials are done, of those that run their share."""
        return len(self.study.records) + sum(trial.share for trial in self._running.values())


def duration(seconds: float) -> str:
    """Return a length of time in words: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
