"""What ``python -m tests.paper.outage`` and ``python -m tests.paper.restarts`` work out from what they saw."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from served_run import Played, changed_copy, served

from tests.paper.outage import MINUTE, Outage, outage_of, take_down
from tests.paper.restarts import books, decided

DOWN_MS, UP_MS = 10 * MINUTE + 30_000, 70 * MINUTE + 30_000
WELL = Outage(
    DOWN_MS,
    UP_MS,
    asked=3,
    posted=0,
    bars=(8 * MINUTE, 9 * MINUTE, 70 * MINUTE),
    sent=(10 * MINUTE + 1_000,),
)


def test_an_outage_is_worked_out_from_the_log() -> None:
    log = [
        {"now_ms": 10 * MINUTE + 1_000, "method": "POST"},
        *({"now_ms": minute * MINUTE + 1_000, "method": "GET"} for minute in (11, 12, 13)),
    ]
    found = outage_of(log, WELL.bars, down_ms=DOWN_MS, up_ms=UP_MS)
    assert found == WELL
    assert (found.past, found.resumed, found.is_well) == (0, 1, True)
    late = outage_of(
        [*log, {"now_ms": UP_MS - 1, "method": "POST"}], WELL.bars, down_ms=DOWN_MS, up_ms=UP_MS
    )
    assert (late.posted, late.is_well) == (1, False)


@pytest.mark.parametrize(
    ("bars", "past", "resumed", "is_well"),
    [
        ((9 * MINUTE, 71 * MINUTE), 0, 2, True),
        ((9 * MINUTE, 72 * MINUTE), 0, 3, False),
        ((9 * MINUTE,), 0, 0, False),
        ((9 * MINUTE, 10 * MINUTE, 70 * MINUTE), 1, 1, False),
        ((9 * MINUTE, 69 * MINUTE, 70 * MINUTE), 1, 1, False),
    ],
)
def test_bars_of_the_outage_are_past(
    bars: tuple[int, ...], past: int, resumed: int, is_well: bool
) -> None:
    found = replace(WELL, bars=bars)
    assert (found.past, found.resumed, found.is_well) == (past, resumed, is_well)


def test_books_are_compared_with_the_exchanges_own(tiny: Any, tmp_path: Path) -> None:
    run = changed_copy(tiny.folder, tmp_path)
    with served(tiny.frame, tiny.config, fee_in="base") as exchange:
        played = Played(run, exchange, "books")
        assert decided(played.path) == 0
        played.play(14, fee_in="base")
        assert decided(played.path) == 14
        lines, is_well = books(exchange.port, played.path)
        assert is_well and "posted twice 0" in lines[0] and "lost 0, invented 0" in lines[0]
        next(iter(exchange.exchange.matching.orders.values())).trades.pop()
        lines, is_well = books(exchange.port, played.path)
        assert not is_well and "lost 0, invented 1" in lines[0]


def test_the_network_goes_down_between_two_orders(tiny: Any) -> None:
    wall = [100.0]

    def wait(seconds: float) -> None:
        wall[0] += seconds

    running = {"mode": "running", "speed": 300.0, "wall": lambda: wall[0]}
    with served(tiny.frame, tiny.config, **running) as exchange:
        down_ms, up_ms = take_down(exchange.port, at_ms=0, lasting=60, wait=wait)
        assert 20_000 < down_ms % MINUTE < 45_000
        assert exchange.exchange.quirks.down_until_ms == up_ms == down_ms + 60 * MINUTE
