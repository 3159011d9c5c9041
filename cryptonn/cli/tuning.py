"""The command that searches for settings: progress while it goes on,
then a table and what it means.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryptonn.cli.console import AsJson, emit, show_progress, show_table, stdout
from cryptonn.cli.runs import Data, Epochs, RunFile, Seed, configured

if TYPE_CHECKING:
    from cryptonn.tuning.engine import Engine
    from cryptonn.tuning.records import Record
    from cryptonn.tuning.study import Study

__all__ = ["COMMANDS", "EngineName", "tune"]

_SHOWN = 40
"""Rows of the table on the terminal."""


class EngineName(StrEnum):
    """What runs the trials."""

    local = "local"
    dask = "dask"


def tune(
    file: RunFile,
    search: Annotated[
        str | None, typer.Option(help="Name of the search; may be left out if there is one.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Trials at a time, each in a process of its own.")
    ] = 1,
    threads: Annotated[
        int,
        typer.Option(
            min=1, help="Threads of each trial; another number changes the last bits of its result."
        ),
    ] = 1,
    engine: Annotated[
        EngineName, typer.Option(help="Where trials run: this machine, or dask.")
    ] = EngineName.local,
    address: Annotated[
        str | None,
        typer.Option(help="Of dask's scheduler, tcp://HOST:8786."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the search; backtests/searches/RUN-SEARCH by default."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed trials again.")
    ] = False,
    data: Data = None,
    epochs: Epochs = None,
    seed: Seed = None,
    as_json: Annotated[bool, AsJson] = False,
) -> None:
    """Try the settings of a [search.NAME] on the validation rows; stopped, the same command goes
    on.

    Every trial is kept with its settings, curves and time, failed ones with their reason. The best
    setting is written as a run file. Test periods are not looked at.
    """
    from cryptonn.tuning.opening import Sitting
    from cryptonn.tuning.results import summary_of
    from cryptonn.tuning.search import tune as run_search

    config = configured(file, data=data, epochs=epochs, seed=seed)
    chosen = _engine(engine, workers=workers, address=address)
    opened: list[Study] = []
    try:
        with show_progress("The same command goes on with the search.") as on_step:
            study = run_search(
                config,
                name=search,
                folder=folder,
                engine=chosen,
                sitting=Sitting(threads=threads, retry_failed=retry_failed),
                on_open=opened.append,
                on_step=on_step,
            )
    except KeyboardInterrupt:
        if opened and not as_json:
            _show_so_far(opened[0])
        raise
    if as_json:
        emit(summary_of(study))
    else:
        _show(study)


def _engine(name: EngineName, *, workers: int, address: str | None) -> "Engine":
    from cryptonn.errors import ConfigError

    if name is EngineName.local:
        from cryptonn.tuning.local import LocalEngine

        if address is not None:
            raise ConfigError("--address belongs to --engine dask; add it.")
        return LocalEngine(workers)
    from cryptonn.tuning.cluster import connect

    return connect(address)


def _show(study: "Study") -> None:
    from cryptonn.tuning.words import sentences

    if study.search.description:
        stdout.print(study.search.description, style="bold", markup=False)
    _show_trials(study)
    for line in sentences(study):
        stdout.print(line, soft_wrap=True, markup=False)
    stdout.print(f"Search:  {study.folder} (table.csv, figures/, trials/)", soft_wrap=True)
    if (study.folder / "best.toml").exists():
        stdout.print(f"Best:    {study.folder / 'best.toml'}", soft_wrap=True)


def _show_so_far(study: "Study") -> None:
    """Print what a search that was stopped has come to: no judgement,
    as not every setting was tried.
    """
    from cryptonn.tuning.words import tried

    if study.records:
        _show_trials(study)
    stdout.print(tried(study), soft_wrap=True, markup=False)
    stdout.print(f"Search:  {study.folder}", soft_wrap=True)


def _show_trials(study: "Study") -> None:
    from cryptonn.tuning.advisor import best_is_lowest

    sign = 1 if best_is_lowest(study.search.metric) else -1
    alone = len(study.varied) == 1  # one axis reads best in its own order, several the best first
    order = sorted(
        study.records.values(),
        key=lambda one: (
            (not alone, one.number)
            if alone
            else (one.value is None, sign * (one.value or 0), one.number)
        ),
    )
    names = [axis.name.rsplit(".", 1)[-1] for axis in study.varied]
    quoted = ["published"] if study.search.published else []
    columns = [
        "trial",
        *names,
        study.search.metric,
        *quoted,
        "on moves",
        "95 % interval",
        "epoch",
        "time",
        "",
    ]
    rows = [_cells(study, record, quoted=bool(quoted)) for record in order[:_SHOWN]]
    show_table(f"Search {study.name} of {study.config.name}", columns, rows, left=0)
    if len(order) > _SHOWN:
        stdout.print(f"… and {len(order) - _SHOWN} more in table.csv.")


def _cells(study: "Study", record: "Record", *, quoted: bool) -> list[str]:
    from cryptonn.tuning.progress import duration
    from cryptonn.tuning.space import choice_text
    from cryptonn.tuning.words import value_text

    ends = [record.metrics.get(f"accuracy_on_moves{end}") for end in ("", "_low", "_high")]
    right, low, high = (f"{end:.2%}" if end is not None else "" for end in ends)
    best = study.best
    mark = "best" if best is not None and best.number == record.number else record.state
    figure = study.search.quoted(record.number)
    published = [f"{figure:.4g}" if figure is not None else ""] if quoted else []
    return [
        str(record.number),
        *(choice_text(record.choices[axis.name]) for axis in study.varied),
        value_text(record.metric, record.value),
        *published,
        right,
        f"{low}–{high}" if low else "",
        "" if record.best_epoch is None else f"{record.best_epoch}/{len(record.history)}",
        "" if record.seconds is None else duration(record.seconds),
        "" if mark == "complete" else mark,
    ]


COMMANDS = (tune,)
