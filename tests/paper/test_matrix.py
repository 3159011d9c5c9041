"""A part of the crash × fault matrix, and what it says when a safety measure is taken out.

``python -m tests.paper.matrix`` runs all of it.
"""

import pytest

from tests.paper.matrix import FAULTS, IN_FLIGHT, KILLS, Schedule, driver, schedules, work

BINANCE = {fault.name: fault for fault in FAULTS["binance"]}
GEMINI = {fault.name: fault for fault in FAULTS["gemini"]}


@pytest.fixture(scope="module")
def forks():
    with driver() as forks:
        yield forks


@pytest.fixture(scope="module")
def references():
    """The untouched runs, made when one is first needed."""
    return {}


def test_the_whole_matrix_is_as_large_as_it_is_said_to_be():
    assert len(KILLS) >= 8
    assert len(BINANCE) >= 25
    assert len(schedules()) >= 500
    pairs = {
        (one.kills[0][0], one.fault.name)
        for one in schedules()
        if one.dialect == "binance" and one.kills
    }
    assert pairs >= {(kill, name) for kill in KILLS for name in BINANCE}


PART = [
    Schedule(
        "binance",
        BINANCE["none"],
        0,
        tuple((kill, 1) for kill in ("planned", "sending", IN_FLIGHT, "sent")),
    ),
    Schedule(
        "binance", BINANCE["none"], 0, (("acked", 0), ("collected", 1), ("fills", 0), ("closed", 1))
    ),
    Schedule(
        "binance",
        BINANCE["timeout, after"],
        1,
        (("decided", 2), ("unknown", 0), ("found", 0)),
        "base",
    ),
    Schedule("binance", BINANCE["drop, before"], 1, (("fenced", 0), ("settled", 3))),
    Schedule("binance", BINANCE["drop, late"], 2, (("unknown", 0),)),
    Schedule("binance", BINANCE["late, look-ups lag"], 0, (("sent", 0),)),
    Schedule("binance", BINANCE["-1007, after"], 3, ((IN_FLIGHT, 1),), "base"),
    Schedule("binance", BINANCE["-1021, before"], 1, ()),
    Schedule("binance", BINANCE["truncated, after"], 0, (("acked", 0),)),
    Schedule("binance", BINANCE["other order, after"], 2, (("unknown", 0),)),
    Schedule("binance", BINANCE["a part at once"], 0, (("fills", 2), ("collected", 3))),
    Schedule("binance", BINANCE["rows twice"], 0, (("fills", 1),)),
    Schedule("binance", BINANCE["down for a while"], 1, (("planned", 0),)),
    Schedule("gemini", GEMINI["none"], 0, (("sending", 1), ("acked", 1))),
    Schedule("gemini", GEMINI["reset, after"], 1, (("unknown", 0),)),
]


def test_a_part_of_the_matrix(forks, references):
    found = work(PART, forks, references=references)
    assert {str(schedule): wrong for schedule, wrong in found.items() if wrong} == {}


CAUGHT = [
    ("fence", Schedule("binance", BINANCE["drop, late"], 0, ()), "ETH: exchange"),
    ("unique key", Schedule("binance", BINANCE["a part at once"], 0, ()), "ledger booked"),
    (
        "write-ahead",
        Schedule("binance", BINANCE["look-ups lag"], 0, (("sent", 0),)),
        "posted twice",
    ),
    ("reply check", Schedule("binance", BINANCE["truncated, after"], 0, ()), "ledger booked"),
]


@pytest.mark.parametrize(
    ("mutation", "schedule", "word"), CAUGHT, ids=[mutation for mutation, _, _ in CAUGHT]
)
def test_without_a_safety_measure_it_is_caught(mutation, schedule, word, forks, references):
    """Each measure, taken out in the process that trades, makes the same schedule go wrong."""
    assert work([schedule], forks, references=references) == {schedule: []}
    (wrong,) = work([schedule], forks, mutation=mutation, references=references).values()
    assert any(word in line for line in wrong), wrong
