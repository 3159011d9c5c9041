"""A session watched on a terminal: a panel of at most 80 by 24 that keeps itself up to date,
or a line a decision.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cryptonn.errors import CryptonnError
from cryptonn.paper.ledger import LedgerReader
from cryptonn.paper.view.curve import CurvePoint
from cryptonn.paper.view.decisions import Mark, lines_since, newest_mark
from cryptonn.paper.view.formats import clean, moment, money
from cryptonn.paper.view.status import Status, read_status
from cryptonn.paper.view.words import Notice, Tone, incident_words, notices, readings, title

__all__ = ["draw_panel", "sparkline", "terminal_view"]

_STYLES: dict[Tone, str] = {"": "", "good": "green", "bad": "bold red", "warn": "yellow"}
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 76
_HEIGHT = 24
_WIDEST = 110
_ECHO = 4
"""Columns kept free at the right: there a terminal writes ^C, once or twice,
which must not begin another line.
"""
_LABEL = 15


@contextmanager
def terminal_view(
    path: Path,
    *,
    now_ms: Callable[[], int],
    console: Console | None = None,
    address: str = "",
    note: Callable[[], str] = str,
    every_s: float = 1.0,
) -> Iterator[bool]:
    """Show the session of the database ``path`` for as long as the block lasts.

    It looks from a thread of its own, through a connection of its own that can only read, so it
    neither waits for the session nor can stop it. On a terminal it is a live panel; elsewhere it
    prints one line for each decision and incident that comes, in their order.

    Parameters
    ----------
    path
        The session's database; it need not be there yet.
    now_ms
        The session's time now, milliseconds UTC; called from the view's thread.
    console
        Where to show it; by default standard output.
    address
        Of the page that shows the same, to be named in the panel.
    note
        What the panel is to say besides, asked at each look: whatever else is written would be
        drawn over.
    every_s
        Seconds between two looks.

    Yields
    ------
    bool
        Whether it is a panel.
    """
    console = console or Console(highlight=False)
    live = console.is_terminal
    with _panel(path, now_ms, console, address, note) if live else _lines(path, console) as look:
        stop = threading.Event()
        thread = threading.Thread(
            target=_keep_looking, args=(look, stop, every_s), name="terminal view", daemon=True
        )
        thread.start()
        try:
            yield live
        finally:
            stop.set()
            thread.join()


def draw_panel(
    status: Status, *, width: int = _WIDTH, height: int = _HEIGHT, address: str = "", note: str = ""
) -> Panel:
    """Return the panel of a status; at 76 by 24 characters all is there but the older incidents."""
    inside = width - 4
    rows: list[RenderableType] = [_reading_table(status), _curve_row(status, inside)]
    rows += [
        Text(line, style=_STYLES[notice.tone])
        for notice in (*([Notice(note)] if note else []), *notices(status))
        for line in wrap(notice.text, width=inside, max_lines=2)
    ]
    room = height - 2 - len(readings(status)) - (len(rows) - 1)
    rows += _incident_rows(status, room)
    time = f"{moment(status.now_ms, form='%Y-%m-%d %H:%M:%S')} UTC"
    foot = Text(f" {time}{' · ' if address else ''}{address} ", style="dim")
    return _frame(Group(*rows), title(status), width=width, foot=foot)


def sparkline(curve: Sequence[CurvePoint], *, width: int) -> str:
    """Draw a curve as one line of at most ``width`` characters; nothing for fewer than two points.

    >>> from decimal import Decimal
    >>> sparkline(
    ...     [CurvePoint(0, Decimal(1)), CurvePoint(1, Decimal(2)), CurvePoint(2, Decimal(3))],
    ...     width=10,
    ... )
    '▁▅█'
    """
    if len(curve) < 2 or width < 2:
        return ""
    most = len(curve) - 1
    places = range(min(width, len(curve)))
    shown = [curve[place * most // (len(places) - 1)].equity for place in places]
    low = min(shown)
    span = max(shown) - min(shown)
    return "".join(
        _BARS[0 if span == 0 else round((value - low) / span * (len(_BARS) - 1))] for value in shown
    )


def _frame(content: RenderableType, head: str, *, width: int, foot: Text | None = None) -> Panel:
    name = Text(f" {head} ", style="bold", no_wrap=True)
    name.truncate(width - 6, overflow="ellipsis")  # Panel would widen itself for a longer one
    return Panel(
        content, title=name, title_align="left", subtitle=foot, subtitle_align="left", width=width
    )


def _reading_table(status: Status) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(width=_LABEL, no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for reading in readings(status):
        text = Text(reading.text, style=f"bold {_STYLES[reading.tone]}".strip())
        table.add_row(Text(reading.label, style="dim"), text, Text(reading.note, style="dim"))
    return table


def _curve_row(status: Status, width: int) -> Table:
    span = _range(status.curve)
    row = Table.grid(padding=(0, 2))
    row.add_column(width=_LABEL)
    drawn = sparkline(status.curve, width=width - _LABEL - len(span) - 4)
    row.add_row(
        Text("Equity curve", style="dim"), Text(drawn, style="cyan"), Text(span, style="dim")
    )
    return row


def _range(curve: Sequence[CurvePoint]) -> str:
    values = [point.equity for point in curve]
    return f"{money(min(values))} to {money(max(values))}" if values else "no candle yet"


def _incident_rows(status: Status, room: int) -> list[Text]:
    """Return a head line and as many of the newest incidents as ``room`` lines hold;
    nothing where there are none.
    """
    shown = status.incidents[: max(0, room - 1)]
    if not shown:
        return []
    rows = [Text(f"Incidents: {status.incident_count:,}", style="bold")]
    for time, kind, detail in map(incident_words, shown):
        rows.append(
            Text(f"{time}  {kind}  {detail}", style="yellow", no_wrap=True, overflow="ellipsis")
        )
    return rows


def _keep_looking(look: Callable[[], None], stop: threading.Event, every_s: float) -> None:
    look()
    while not stop.wait(every_s):
        look()
    look()


@contextmanager
def _panel(
    path: Path, now_ms: Callable[[], int], console: Console, address: str, note: Callable[[], str]
) -> Iterator[Callable[[], None]]:
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def look() -> None:
            width, height = min(console.width - _ECHO, _WIDEST), console.height - 1
            try:
                with LedgerReader.open(path) as reader:
                    status = read_status(reader, now_ms=now_ms())
            except CryptonnError as error:
                live.update(
                    _frame(Text(clean(str(error))), "Nothing to show yet", width=width),
                    refresh=True,
                )
            else:
                panel = draw_panel(status, width=width, height=height, address=address, note=note())
                live.update(panel, refresh=True)

        yield look


@contextmanager
def _lines(path: Path, console: Console) -> Iterator[Callable[[], None]]:
    """Give a look that prints what has come since the one before;
    what was there at the start is not repeated.
    """
    try:
        with LedgerReader.open(path) as reader:
            mark = newest_mark(reader)
    except CryptonnError:
        mark = Mark()

    def look() -> None:
        nonlocal mark
        try:
            with LedgerReader.open(path) as reader:
                lines, mark = lines_since(reader, mark)
        except CryptonnError:
            return  # not there yet, or not for now: the next look tells what this one could not
        for line in lines:
            console.print(Text(line), soft_wrap=True)

    yield look
