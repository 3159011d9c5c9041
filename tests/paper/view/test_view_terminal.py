"""A session on a terminal: a panel that fits, plain lines elsewhere, and nothing that can stop the session."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from cryptonn.errors import ExchangeError
from cryptonn.paper.ledger import Ledger
from cryptonn.paper.planner import Move
from cryptonn.paper.view.curve import CurvePoint
from cryptonn.paper.view.status import Status, read_status
from cryptonn.paper.view.terminal import draw_panel, sparkline, terminal_view
from tests.paper.view.filled_session import (
    AMOUNT,
    MINUTE,
    START_MS,
    decision,
    facts,
    fill_session,
    open_epoch,
    session,
)

NOW_MS = START_MS + 62 * MINUTE
BUSY = "a long story of what went wrong at the exchange, with [bold red]markup[/] and \x1b[2J\x07 control characters"


@pytest.fixture
def busy(tmp_path: Path) -> Status:
    """A status with everything there is to show at once."""
    with session(tmp_path, bars=60) as ledger:
        for number in range(20):
            ledger.incident("unreadable", f"{number}: {BUSY}", at_ms=START_MS + number)
        plan = decision(60, 130.0, wanted=AMOUNT)
        order = ledger.plan(plan, Move("buy", AMOUNT), at_ms=plan.close_ms)
        assert order is not None
        ledger.mark(order.cid, "SENDING", at_ms=plan.close_ms, signed_ms=plan.close_ms)
        return read_status(ledger, now_ms=plan.close_ms + 4 * MINUTE)


def drawn(status: Status, *, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    panel = draw_panel(status, width=width, height=height, address="http://127.0.0.1:54321/")
    with console.capture() as captured:
        console.print(panel)
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 18), (100, 50), (64, 20)])
def test_the_panel_fits(busy: Status, width: int, height: int) -> None:
    lines = drawn(busy, width=width, height=height)
    assert len(lines) <= height
    assert {len(line) for line in lines} == {width}


def test_on_a_terminal_of_80_by_24_all_is_there(busy: Status) -> None:
    text = "\n".join(drawn(busy, width=76, height=23))
    for words in (
        "lstm_eth_5m · session ",
        "Equity",
        "Since the start",
        "Cash",
        "Fees paid",
        "Round trips",
        "P(up)",
    ):
        assert words in text
    for words in (
        "Last candle",
        "Position",
        "wanted 50",
        "Next close in",
        "buy 50 ETH",
        "SENDING for 4 min",
    ):
        assert words in text
    for words in (
        "Incidents: 20",
        "19: a long story",
        "3 closed, 1 sending",
        "is unclear",
        "54321",
        "Equity curve",
    ):
        assert words in text
    assert "16: a long story" in text, "room is used for incidents"


def test_what_an_exchange_says_is_shown_and_not_obeyed(busy: Status) -> None:
    text = "\n".join(drawn(busy, width=200, height=40))
    assert "[bold red]markup[/]" in text
    assert "\x1b" not in text and "\x07" not in text


def test_a_curve_in_one_line() -> None:
    rising = [CurvePoint(place, START_MS + place) for place in range(800)]  # type: ignore[arg-type]
    assert sparkline(rising, width=8) == "▁▂▃▄▅▆▇█"
    assert sparkline(rising[:1], width=8) == "" and sparkline([rising[0]] * 3, width=8) == "▁▁▁"


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def wait_for(true: Callable[[], bool]) -> None:
    stop = time.monotonic() + 300
    while not true():
        assert time.monotonic() < stop
        time.sleep(0.01)


def test_elsewhere_it_prints_a_line_a_decision_each_once_and_none_from_before(
    tmp_path: Path,
) -> None:
    console = Console(file=io.StringIO(), width=40)
    with session(tmp_path, bars=10) as ledger:
        with terminal_view(ledger.path, now_ms=lambda: NOW_MS, console=console, every_s=0.01):
            fill_session(ledger, 5, first=10)
            wait_for(lambda: printed(console).count("\n") == 5)
            ledger.incident("late", "too late", at_ms=START_MS + 16 * MINUTE)
            fill_session(ledger, 30, first=15)
        lines = printed(console).splitlines()
        decided = [line for line in lines if not line.startswith("!")]
        assert [line[11:16] for line in decided] == [f"00:{minute:02d}" for minute in range(10, 45)]
        assert len(lines) == 36 and any(line.endswith("late  too late") for line in lines)
    assert "terminal view" not in {thread.name for thread in threading.enumerate()}


def test_a_session_that_begins_later_is_told_from_its_first_decision(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    path = tmp_path / "session.sqlite"
    with terminal_view(path, now_ms=lambda: NOW_MS, console=console, every_s=0.01):
        time.sleep(0.05)
        with Ledger.open(path, facts()) as ledger:
            open_epoch(ledger)
            fill_session(ledger, 3)
    assert printed(console).count("\n") == 3


def test_a_terminal_shows_why_there_is_nothing_to_show(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with terminal_view(
        tmp_path / "session.sqlite", now_ms=lambda: NOW_MS, console=console, every_s=0.01
    ):
        wait_for(lambda: "there is no paper session" in printed(console))


def test_neither_a_damaged_database_nor_a_lost_clock_stops_the_session(tmp_path: Path) -> None:
    def lost() -> int:
        raise ExchangeError("The local exchange does not answer.")

    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with (
        session(tmp_path, bars=3) as ledger,
        terminal_view(ledger.path, now_ms=lost, console=console, every_s=0.01),
    ):
        wait_for(lambda: "does not answer" in printed(console))
    (tmp_path / "session.sqlite").write_bytes(b"no database at all" * 100)
    with terminal_view(ledger.path, now_ms=lambda: NOW_MS, console=console, every_s=0.01):
        wait_for(lambda: "is damaged or is none" in printed(console))


def test_a_panel_says_what_the_program_has_to_say_for_as_long_as_that_holds(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    said = ["Stopping once the order in flight is in a known state; Ctrl-C again stops at once."]
    with session(tmp_path, bars=3) as ledger:
        view = terminal_view(
            ledger.path, now_ms=lambda: NOW_MS, console=console, note=lambda: said[0], every_s=0.01
        )
        with view as is_panel:
            assert is_panel
            wait_for(lambda: "Stopping once" in printed(console))
            said[0] = ""
    last = printed(console).rpartition("Equity curve")[0].rpartition("Equity")[2]
    assert "Since the start" in last and "Stopping" not in last


_PROGRAM = """
import sys
from pathlib import Path
from cryptonn.paper.view.terminal import terminal_view
with terminal_view(Path(sys.argv[1]), now_ms=lambda: int(sys.argv[2]), every_s=0.05, address="http://127.0.0.1:1/"):
    sys.stdin.readline()
"""


def test_on_a_real_terminal_the_panel_stays_in_its_place(tmp_path: Path) -> None:
    with session(tmp_path, bars=60) as ledger:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        words = [sys.executable, "-c", _PROGRAM, str(ledger.path), str(NOW_MS)]
        environment = {**os.environ, "TERM": "xterm-256color"}
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=theirs, env=environment
        ) as process:
            os.close(theirs)
            said = b""
            while said.count(b"Since the start") < 3:
                said += os.read(ours, 4096)
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
            while piece := _read(ours):
                said += piece
            assert process.wait(300) == 0
        os.close(ours)
    text = said.decode()
    panels = text.split("╭")[1:]
    assert len(panels) >= 3 and all(panel.count("\n") <= 23 for panel in panels)
    shown = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", text)
    widest = max(len(line) for line in re.split(r"[\r\n]", shown))
    assert widest == 76, "there is room for the echo of Ctrl-C"
    assert "\x1b[1A" in text, "each panel is drawn over the one before"
    assert text.rindex("\x1b[?25h") > text.rindex("╰"), "the cursor is given back"


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end has closed
        return b""
