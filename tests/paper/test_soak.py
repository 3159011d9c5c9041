"""Twenty minutes on a running clock; ``python -m tests.paper.soak`` does a day."""

from pathlib import Path
from typing import Any

from forked_commands import forking
from served_run import Played, changed_copy, served

from tests.paper.soak import Watched, missed, watch

BARS = 20


def test_twenty_minutes_on_a_running_clock(tiny: Any, tmp_path: Path) -> None:
    run = changed_copy(tiny.folder, tmp_path / "runs")
    with (
        forking(tmp_path) as forks,
        served(tiny.frame, tiny.config, mode="running", speed=90.0) as exchange,
    ):
        played = Played(run, exchange, "soak")
        words = (
            "paper",
            run.name,
            "--results",
            run.parent,
            "--session",
            "soak",
            "--port",
            exchange.port,
        )
        command = forks.start(*words, "--bars", BARS, "--json")
        found = watch(command.pid, exchange.port, every_s=0.2)
        assert command.wait() == 0, command.errors
    decisions, lost = missed(played.path)
    assert decisions == BARS
    assert lost <= 3, (
        played.incidents()
    )  # none, but on a machine too busy for a bar in less than a second
    assert len(played.fills()) >= 2
    assert found.growth(BARS // 3) < 5
    assert max(found.files[-5:]) <= max(found.files[: len(found.files) // 2])
    assert found.per_minute(with_order=False)[0] <= 6 and found.per_minute(with_order=True)[0] <= 12
    assert {kind for kind, _ in played.incidents()} <= {"missed", "late", "clock"}


def test_growth_and_calls_are_worked_out() -> None:
    found = Watched()
    for bar in range(120):
        found.memory.append((bar * 60_000, 100 + (bar if bar < 20 else 20) + bar * 0.01))
        found.files.append(20 + (bar > 110))
        found.calls[bar] = 3 + 4 * (bar % 10 == 5)
        if bar % 10 == 5:
            found.with_order.add(bar)
    assert abs(found.growth(30) - 0.75) < 0.01
    assert found.open_files() == (20, 21)
    assert found.per_minute(with_order=False) == (3, 3)
    assert found.per_minute(with_order=True) == (7, 7)
