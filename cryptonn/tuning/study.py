"""A search on disk: which trials it has, which have ended, which one comes next.

    study.json      what the search belongs to, and the code it was begun with
    lock            held while it runs
    trials/0007/    a trial that has ended, see ``records.py``
    running/        of one that has not: 0007.json, its settings, and 0007.npz, where it stands
                    after its newest epoch
    table.csv best.toml summary.json figures/     written anew as results come

A trial has ended when its folder is there; folders appear whole. What a search does next is read
from these files alone: killed at any moment and started again, it goes on with the epochs of the
trials it had begun and comes to the same ones.
"""

import math
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError
from cryptonn.output import to_json, write_file
from cryptonn.records import read_json
from cryptonn.settings import SearchConfig
from cryptonn.tuning.advisor import Advisor, best_is_lowest
from cryptonn.tuning.beside import Beside, outcome_of
from cryptonn.tuning.engine import lost
from cryptonn.tuning.fingerprint import fingerprint_of
from cryptonn.tuning.records import VALUES, WITH_INTERVAL, Record, load_record, now, save_record
from cryptonn.tuning.space import Axis, Choices, choices_of, configured, settings_of
from cryptonn.tuning.trial import trial_config

__all__ = ["SEARCHES", "Study"]

SEARCHES = Path("backtests/searches")
"""Where searches are kept unless told otherwise."""


@dataclass(eq=False)
class Study:
    """A search that is under way or done; its methods may be called from several threads."""

    folder: Path
    config: RunConfig
    """The run file."""
    name: str
    """Of the search."""
    axes: tuple[Axis, ...]
    plan: list[Choices] | None
    """Every trial's choices, where they are known before; not under tpe."""
    data: dict[str, str]
    """By symbol: sha256 of the candles, for trials that use the same ones."""
    advisor: Advisor
    environment: dict[str, str]
    code: dict[str, Any]
    records: dict[int, Record] = field(default_factory=dict)
    """Trials that have ended, by number."""
    running: dict[int, Choices] = field(default_factory=dict)
    """Trials that were begun and have not ended, by number."""
    taken: list[Record] = field(default_factory=list)
    """Trials that ended without being trained, for whoever tells of them."""
    _asked: set[int] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @cached_property
    def beside(self) -> Beside:
        """The searches that lie beside it."""
        return Beside(self.config.name, self.folder, (self.folder.parent, SEARCHES))

    @property
    def search(self) -> SearchConfig:
        """Its section of the run file."""
        return self.config.search[self.name]

    @property
    def base(self) -> RunConfig:
        """The run, or the earlier system, whose settings are varied."""
        return self.config if self.search.of == "run" else self.config.as_published()

    @property
    def varied(self) -> tuple[Axis, ...]:
        """The axes with more than one value; the others only say what holds for every trial."""
        return (
            tuple(axis for axis in self.axes if axis.range is not None or len(axis.choices) > 1)
            or self.axes
        )

    @property
    def total(self) -> int:
        """Number of trials when all is done."""
        return len(self.plan) if self.plan is not None else int(self.search.trials or 0)

    @property
    def metric(self) -> str:
        """The number of a trial that decides."""
        return VALUES[self.search.of][self.search.metric]

    @property
    def done(self) -> list[Record]:
        """Trials that ended well, by number."""
        return [record for _, record in sorted(self.records.items()) if record.state == "complete"]

    @property
    def best(self) -> Record | None:
        """The best of them; of equals the first."""
        sign = 1 if best_is_lowest(self.search.metric) else -1
        return min(
            self.done,
            key=lambda record: (sign * float(record.value or 0), record.number),
            default=None,
        )

    def interval(self, record: Record) -> tuple[float | None, float | None]:
        """Return the 95 % interval of a trial's value; None where its metric has none."""
        name = self.metric if self.metric in WITH_INTERVAL else ""
        return record.metrics.get(f"{name}_low"), record.metrics.get(f"{name}_high")

    @property
    def tried_before(self) -> int:
        """Settings tried before on the same rows: by which the run file was chosen,
        and by searches beside this one.
        """
        chosen = self.config.selection
        before = None if chosen is None else Path(chosen.study)
        return self.beside.tried(but=before) + (0 if chosen is None else chosen.trials)

    def ask(self) -> dict[str, Any] | None:
        """Begin the next trial and return its task; None when every trial is done or running."""
        with self._lock:
            while (number := self._next()) is not None:
                choices = self._begin(number)
                twin = self._twin(choices)
                try:
                    if twin is not None:
                        self._end_as(number, twin)
                    elif not self._taken_over(number, choices):
                        task = self._task(number, choices)
                        self._asked.add(number)
                        return task
                except ConfigError as error:  # a combination that only tpe could come to
                    self.tell(lost(number, str(error)))
        return None

    def report(self, number: int, epoch: dict[str, Any]) -> bool:
        """Note the numbers of an epoch, once it is done; True if the trial has fallen behind and
        should end.
        """
        with self._lock:
            if self.search.pruning == "none" or "val_loss" not in epoch:
                return False
            return self.advisor.falls_behind(number, epoch=epoch["epoch"], value=self._step(epoch))

    def tell(self, outcome: dict[str, Any]) -> Record:
        """Keep the outcome of a trial: its folder is written, whole,
        before anything else is done.
        """
        with self._lock:
            record = self._record(outcome)
            self._keep(record, outcome)
            return record

    def run_file(self, settings: dict[str, Any]) -> RunConfig:
        """Return the run file with these settings."""
        return configured(self.config, self.search, settings, source=self.config.name)

    def _next(self) -> int | None:
        open_ = (
            number
            for number in range(self.total)
            if number not in self.records and number not in self._asked
        )
        return next(open_, None)

    def _begin(self, number: int) -> Choices:
        if number not in self.running:
            self.running[number] = self._chosen(number)
            self._note_running(number, self.running[number])
        return self.running[number]

    def _note_running(self, number: int, choices: Choices) -> None:
        settings = settings_of(self.axes, choices)
        write_file(self._running_file(number), to_json({"number": number, "settings": settings}))

    def _chosen(self, number: int) -> Choices:
        if self.plan is None:
            return self.advisor.suggest(number)
        self.advisor.begin(number, self.plan[number])
        return self.plan[number]

    def _twin(self, choices: Choices) -> Record | None:
        """Return a finished trial of the same settings, which need not be trained again;
        only tpe repeats itself.
        """
        return next((record for record in self.done if record.choices == choices), None)

    def _end_as(self, number: int, twin: Record) -> None:
        reason = f"the sampler repeated the settings of trial {twin.number}: nothing was trained"
        names = {name: getattr(twin, name) for name in twin.__dataclass_fields__}
        changed = {
            "number": number,
            "same_as": twin.number,
            "reason": reason,
            "seconds": 0.0,
            "ended": now(),
        }
        self._keep(Record(**names | changed), {"trace": "", "files": {}})

    def _taken_over(self, number: int, choices: Choices) -> bool:
        """Keep what a search beside this one has trained with the same settings; tell whether there
        was one.

        Not where trials are pruned: what they showed epoch by epoch would be missing.
        """
        fingerprint = self._fingerprint(settings_of(self.axes, choices))
        if self.search.pruning != "none" or fingerprint is None:
            return False
        found = self.beside.trained(fingerprint, metric=self.metric)
        if found is not None:
            self.taken.append(self.tell(outcome_of(*found, number=number)))
        return found is not None

    def _fingerprint(self, settings: dict[str, Any]) -> str | None:
        config = trial_config(self.run_file(settings))
        return fingerprint_of(
            config, of=self.search.of, data=self.data, environment=self.environment
        )

    def _task(self, number: int, choices: Choices) -> dict[str, Any]:
        config = self.run_file(settings_of(self.axes, choices))
        data = config.data.model_copy(
            update={"folder": config.data.folder.resolve()}
        )  # workers stand elsewhere
        return {
            "number": number,
            "of": self.search.of,
            "config": config.model_copy(update={"data": data}).model_dump(mode="json"),
            "data": self.data,
            "environment": self.environment,
            "checkpoint": str(self._running_file(number, ".npz").resolve()),
        }

    def _record(self, outcome: dict[str, Any]) -> Record:
        number = outcome["number"]
        state = outcome["state"]
        reason = outcome["reason"]
        settings = settings_of(self.axes, self.running[number])
        names = {"complete": self.metric, "pruned": self.search.metric}
        value = outcome["metrics"].get(names.get(state, ""))
        if state == "complete" and (value is None or not math.isfinite(value)):
            state = "failed"
            reason = f"its {self.search.metric} is {value}"
            value = None
        return Record(
            number=number,
            state=state,
            choices=self.running[number],
            settings=settings,
            seed=int(settings.get("seed", self.base.seed)),
            metric=self.search.metric,
            value=value,
            ended=now(),
            reason=reason,
            git_commit=outcome.get("git_commit", self.code["git_commit"]),
            fingerprint=self._fingerprint(settings) if state == "complete" else None,
            history=pd.DataFrame(outcome["history"]),
            histogram=pd.DataFrame(outcome["histogram"]),
            **{
                name: outcome[name]
                for name in ("metrics", "rows", "best_epoch", "seconds", "where")
            },
        )

    def _keep(self, record: Record, outcome: Mapping[str, Any]) -> None:
        files = dict(outcome["files"])
        if len(record.histogram):
            from cryptonn.tuning.probabilities import draw_probabilities

            files["histogram.png"] = draw_probabilities([record]).png
        save_record(
            record,
            self._trial_folder(record.number),
            config=self._config_of(record),
            trace=outcome["trace"],
            files=files,
        )
        self._running_file(record.number).unlink(missing_ok=True)
        if record.state != "failed":  # --retry-failed goes on where it stood
            self._running_file(record.number, ".npz").unlink(missing_ok=True)
        self.advisor.end(record.number, state=record.state, value=record.value)
        self.records[record.number] = record
        self.running.pop(record.number, None)
        self._asked.discard(record.number)

    def _config_of(self, record: Record) -> str:
        try:
            return trial_config(self.run_file(record.settings)).to_toml()
        except ConfigError as error:
            return f"# no valid run: {error}\n"

    def _steps(self, record: Record) -> dict[int, float]:
        if self.search.pruning == "none" or record.same_as is not None:
            return {}
        return {
            int(row["epoch"]): self._step(row) for row in record.history.to_dict(orient="records")
        }

    def _step(self, epoch: Mapping[Any, Any]) -> float:
        return float(epoch[self.search.metric]) if self.search.metric in epoch else math.nan

    def _trial_folder(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:04d}"

    def _running_file(self, number: int, kind: str = ".json") -> Path:
        return self.folder / "running" / f"{number:04d}{kind}"

    def load(self, *, retry_failed: bool) -> None:
        """Read what earlier sittings left; every trial they began takes the place it had."""
        kept = [load_record(path.parent) for path in self.folder.glob("trials/*/trial.json")]
        ended = {
            record.number: replace(record, choices=choices_of(self.axes, record.settings))
            for record in kept
        }
        for number in [
            number for number, record in ended.items() if retry_failed and record.state == "failed"
        ]:
            self._note_running(number, ended.pop(number).choices)
            shutil.rmtree(self._trial_folder(number))
        begun = [read_json(path) for path in self.folder.glob("running/*.json")]
        self.running = {
            one["number"]: choices_of(self.axes, one["settings"])
            for one in begun
            if one["number"] not in ended and "settings" in one
        }
        for number in range(max([*ended, *self.running, -1]) + 1):
            record = ended.get(number)
            if record is None:
                self._take_up(number)
            else:
                self.advisor.add(
                    number,
                    record.choices,
                    state=record.state,
                    value=record.value,
                    steps=self._steps(record),
                )
        self.records = ended

    def _take_up(self, number: int) -> None:
        if number in self.running:
            self.advisor.begin(number, self.running[number])
        else:
            self._begin(number)
