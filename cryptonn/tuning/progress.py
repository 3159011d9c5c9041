"""How a search tells where it stands: finished, running, failed, the best so far, the time left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptonn.progress import OnStep, Step
from cryptonn.tuning.records import Record
from cryptonn.tuning.space import words_of
from cryptonn.tuning.study import Study

__all__ = ["Progress", "duration"]

_QUIET = 30.0
"""Seconds without a word, while trials go on, before one is said again."""


@dataclass
class Progress:
    """Turns what happens into steps that a person can follow."""

    study: Study
    on_step: OnStep
    workers: int
    clock: Callable[[], float] = time.monotonic
    _began: dict[int, float] = field(default_factory=dict)
    _shares: dict[int, float] = field(default_factory=dict)
    _spent: list[float] = field(default_factory=list)
    _said: float = field(default=float("-inf"))

    def begun(self, number: int) -> None:
        """Note that a trial was begun."""
        self._began[number], self._shares[number] = self.clock(), 0.0
        self._say(f"trial {number} begins: {words_of(self.study.running[number])}")

    def epoch(self, number: int, *, share: float) -> None:
        """Note how much of a trial is done."""
        self._shares[number] = share
        if self.clock() - self._said > _QUIET:
            self._say(f"trial {number} is {share:.0%} done")
        else:
            self.on_step(Step("search", self._share_done()))

    def ended(self, record: Record) -> None:
        """Note that a trial has ended."""
        began = self._began.pop(record.number, self.clock())
        self._shares.pop(record.number, None)
        if record.state == "complete":
            self._spent.append(self.clock() - began)
        what = f"{record.metric} {record.value:.4f}" if record.value is not None else record.reason
        self._say(f"trial {record.number} {record.state}: {what}")

    def _say(self, what: str) -> None:
        self._said = self.clock()
        self.on_step(Step("search", self._share_done(), f"{self.state()}; {what}"))

    def state(self) -> str:
        """Return where the search stands in one line."""
        records = self.study.records.values()
        states = [record.state for record in records]
        parts = [f"{states.count('complete')}/{self.study.total} finished", f"{len(self._began)} running"]
        parts += [f"{states.count(name)} {name}" for name in ("failed", "pruned") if name in states]
        best, left = self.study.best, self.seconds_left()
        if best is not None:
            parts.append(f"best {best.metric} {best.value:.4f} (trial {best.number})")
        return ", ".join([*parts, *([f"{duration(left)} left"] if left is not None else [])])

    def seconds_left(self) -> float | None:
        """Estimate the time left from the trials of this sitting; None before there is anything to go by."""
        now = self.clock()
        paces = [(now - self._began[n]) / share for n, share in self._shares.items() if share > 0.2]
        known = [*self._spent, *paces]
        if not known:
            return None
        mean = sum(known) / len(known)
        still = self.study.total - len(self.study.records) - sum(self._shares.values())
        return max(still, 0.0) * mean / max(min(self.workers, self.study.total), 1)

    def _share_done(self) -> float:
        return min((len(self.study.records) + sum(self._shares.values())) / max(self.study.total, 1), 1.0)


def duration(seconds: float) -> str:
    """Return a length of time in words: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
