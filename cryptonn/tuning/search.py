"""The search itself: trials are asked for, run by an engine, kept, and shown,
until there is none left.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, ModelError
from cryptonn.progress import OnStep, Step, silent
from cryptonn.tuning.engine import Engine
from cryptonn.tuning.local import LocalEngine
from cryptonn.tuning.opening import Sitting, open_study
from cryptonn.tuning.progress import Progress
from cryptonn.tuning.results import write_results, write_table
from cryptonn.tuning.space import choose_search
from cryptonn.tuning.study import SEARCHES, Study

__all__ = ["tune"]


def tune(
    config: RunConfig,
    *,
    name: str | None = None,
    folder: Path | None = None,
    engine: Engine | None = None,
    sitting: Sitting | None = None,
    on_open: Callable[[Study], None] | None = None,
    on_step: OnStep = silent,
) -> Study:
    """Try the settings of a search, each one trained and judged on validation rows, and keep every
    trial.

    A search that was stopped, in whatever way, goes on where it was.

    Parameters
    ----------
    config
        A run file with a section ``[search.NAME]``.
    name
        Of the search; may be left out where there is only one.
    folder
        Of the search; ``backtests/searches/RUN-SEARCH`` by default.
    engine
        What runs the trials; one process of this machine by default.
    sitting
        How it is gone on with; with one thread a trial by default, failed ones left as they are.
    on_open
        Told of the search once it is open: whoever stops it has what it came to by then.

    Raises
    ------
    ConfigError
        If the search is not valid, or the folder is that of another one.
    ModelError
        If every trial failed.
    """
    name = choose_search(config, name)
    engine = engine or LocalEngine()
    if config.search[name].pruning != "none" and not engine.reports_epochs:
        raise ConfigError(
            f"search {name}: pruning needs to see every epoch, which --engine {engine.name} does "
            'not show. Set pruning = "none", or use --engine local.'
        )
    folder = folder or SEARCHES / f"{config.name}-{name}"
    on_step(Step("candles", text=f"{', '.join(config.data.symbols)}, {config.data.source}"))
    with open_study(
        config, name, folder=folder, at_once=engine.workers, sitting=sitting or Sitting()
    ) as study:
        if on_open is not None:
            on_open(study)
        _run(study, engine, on_step)
        if not study.done:
            first = next(iter(study.records.values()))
            raise ModelError(
                f"every trial failed, {folder} has them all. The first one: {first.reason}"
            )
        on_step(Step("results", text=str(folder)))
        write_results(study)
    return study


def _run(study: Study, engine: Engine, on_step: OnStep) -> None:
    progress = Progress(study, on_step, engine.workers)

    def ask() -> dict[str, Any] | None:
        task = study.ask()
        while study.taken:
            progress.ended(study.taken.pop(0))
        if task is None:
            return None
        if not engine.reports_epochs:  # only outcomes come from elsewhere
            task = task | {"checkpoint": None}
        progress.begun(
            task["number"],
            again=task["checkpoint"] is not None and Path(task["checkpoint"]).exists(),
        )
        return task

    def on_report(number: int, epoch: dict[str, Any]) -> bool:
        progress.epoch(number, epoch)
        return study.report(number, epoch)

    if study.records:
        on_step(Step("search", text=f"going on: {progress.state()}"))
    with closing(engine.run(ask, on_report)) as outcomes:
        for outcome in outcomes:
            progress.ended(study.tell(outcome))
            write_table(study)
