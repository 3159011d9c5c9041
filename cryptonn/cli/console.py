"""What a person sees while a command runs and when it ends: progress and tables on a terminal,
or one JSON object.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from cryptonn.output import to_json
from cryptonn.progress import OnStep, Step

__all__ = ["AsJson", "emit", "loading", "show_progress", "show_table", "stderr", "stdout"]

AsJson = typer.Option(
    "--json", help="Print one JSON object on standard output; progress stays on standard error."
)

stdout = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
stderr = Console(stderr=True, highlight=False)


def emit(payload: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    sys.stdout.write(to_json(payload) + "\n")


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1
) -> None:
    """Print a table on standard output; the first ``left`` columns are words,
    the others numbers.
    """
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*[Text(str(cell)) for cell in row])
    stdout.print(table)


@contextmanager
def loading() -> Iterator[None]:
    """Say on a terminal, as long as it lasts, that what a network needs is being loaded:
    that takes seconds.
    """
    with stderr.status("Loading the network") if stderr.is_terminal else nullcontext():
        yield


@contextmanager
def show_progress(stopped: str) -> Iterator[OnStep]:
    """Show each stage of a job on standard error: a bar on a terminal, a line a stage elsewhere.

    Parameters
    ----------
    stopped
        What Ctrl-C leaves of the job, and how to go on.
    """
    try:
        if stderr.is_terminal:
            with Progress(*_columns(), console=stderr, expand=True) as progress:
                bars = _Bars(progress)
                yield bars
                bars.finish()
        else:
            yield _Lines()
    except KeyboardInterrupt:
        stderr.print(f"Stopped. {stopped}", style="bold yellow", soft_wrap=True, markup=False)
        raise


def _columns() -> tuple[ProgressColumn, ...]:
    """Return label, bar, time and message; only the message gives way where the
    terminal is narrow.
    """
    return (
        TextColumn("{task.description}", table_column=Column(width=10, no_wrap=True)),
        BarColumn(bar_width=16, table_column=Column(width=16)),
        TimeElapsedColumn(table_column=Column(width=7, no_wrap=True)),
        TextColumn(
            "{task.fields[text]}",
            style="dim",
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
    )


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stage = ""
        self._task: TaskID | None = None

    def __call__(self, step: Step) -> None:
        if step.stage != self._stage:
            self.finish()
            self._stage = step.stage
            self._task = self._progress.add_task(step.stage, total=None, text=step.text)
        if self._task is not None:
            total = None if step.done is None else 1.0
            text = step.text or self._progress.tasks[self._task].fields["text"]
            self._progress.update(self._task, total=total, completed=step.done or 0.0, text=text)

    def finish(self) -> None:
        if self._task is not None:
            self._progress.update(self._task, total=1.0, completed=1.0)
            self._progress.stop_task(self._task)


class _Lines:
    """One line a stage, and one for each text that differs from the last by more than its share
    done.
    """

    def __init__(self) -> None:
        self._stage = ""
        self._text = ""
        self._start = time.monotonic()

    def __call__(self, step: Step) -> None:
        if step.stage == self._stage and step.text in ("", self._text):
            return
        self._stage = step.stage
        self._text = step.text
        elapsed = time.monotonic() - self._start
        stderr.print(f"{elapsed:6.1f} s  {step.stage:<10} {step.text}".rstrip(), soft_wrap=True)
