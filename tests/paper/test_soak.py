"""Twenty minutes in lockstep; ``python -m tests.paper.soak`` does a day on a running clock."""

import os
from pathlib import Path
from typing import Any

from served_run import Played, changed_copy, served

from tests.paper.soak import Watched, missed

BARS = 20
MOST_GROWTH_MB = 20
"""From the seventh bar to the last: what is loaded late, or a megabyte and a half a bar that is lost."""


def test_twenty_minutes(tiny: Any, tmp_path: Path) -> None:
    run = changed_copy(tiny.folder, tmp_path / "runs")
    found = Watched()

    def look(decision: Any) -> None:
        found.look(os.getpid(), decision.close_ms)

    with served(tiny.frame, tiny.config) as exchange:
        played = Played(run, exchange, "soak")
        assert played.play(BARS, on_decision=look) == BARS
        found.count(exchange.front.log.entries)
    assert missed(played.path) == (BARS, 0), played.incidents()
    assert len(played.fills()) >= 2
    assert found.memory[-1][1] - found.memory[BARS // 3][1] < MOST_GROWTH_MB
    assert max(found.files[-5:]) <= max(found.files[: len(found.files) // 2])
    assert found.per_minute(with_order=False)[0] <= 6 and found.per_minute(with_order=True)[0] <= 12
    assert played.incidents() == []


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
