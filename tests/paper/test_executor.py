"""The executor against an exchange in memory: what goes wrong, in which order, and where the process dies."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import OutputError
from cryptonn.paper.executor import CLOCK_OFF, Executor
from cryptonn.paper.inquiry import Timing
from cryptonn.paper.ledger import Ledger
from cryptonn.paper.ledger.schema import EDGES
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import NOT_SENT, Rejected
from cryptonn.paper.reconcile import reconcile
from tests.paper.model_exchange import (
    ALWAYS,
    FACTS,
    MINUTE,
    START,
    WANTED,
    Killed,
    ModelVenue,
    Session,
    TestClock,
    bookings,
    decision,
)

PLACES = (
    *("decided", "planned", "sending", "sent", "acked", "collected", "fills", "closed", "settled"),
    *("unknown", "found", "fenced"),
)
BARS = range(len(WANTED))
EXAMPLES = int(os.environ.get("PAPER_EXAMPLES", "40"))
LOSSES = ("lost", "never", "late", "garbage", "halved", "clock")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of sessions wait for the disk otherwise."""
    with memory() as folder:
        yield folder


@contextmanager
def memory() -> Iterator[Path]:
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def plain() -> dict[str, list[tuple[int, str, Decimal, Decimal, Decimal]]]:
    """What is traded when nothing goes wrong, by the currency of a buy's commission."""
    found = {}
    for fee_in in ("quote", "base"):
        with memory() as folder:
            Session(folder / "paper.db", ModelVenue(TestClock(), fee_in=fee_in)).run()
            with Ledger.open(folder / "paper.db") as ledger:
                found[fee_in] = bookings(ledger)
    return found


def check_books(ledger: Ledger, venue: ModelVenue) -> None:
    """I1, I4, I9 and I10: what the exchange's own books and the ledger must agree on."""
    assert max(venue.posts.values(), default=0) <= 1
    assert sorted(one.trade_id for one in venue.trades()) == sorted(
        fill.trade_id for fill in ledger.fills()
    )
    expected = ledger.expected()
    assert {name: venue.totals[name] for name in expected} == expected
    assert ledger.position() == venue.totals["ETH"] - 1
    for order in ledger.orders():
        steps = [(event.from_state, event.to_state) for event in ledger.events(order.cid)]
        assert steps[0] == ("PLANNED", "PLANNED")
        assert {step for step in steps if step[0] != step[1]} <= set(EDGES)
        assert steps[-1][1] == order.state


def one_order(
    tmp_path: Path, *, timing: Timing | None = None, **quirks: object
) -> tuple[Ledger, ModelVenue, Executor]:
    """A ledger at its first bar, an exchange and an executor."""
    venue = ModelVenue(TestClock(START + MINUTE))
    ledger = Ledger.open(tmp_path / "paper.db", FACTS)
    reconcile(ledger, venue, venue.clock, price=Decimal(100))
    for name, value in quirks.items():
        setattr(venue.quirks, name, value)
    return ledger, venue, Executor(ledger, venue, venue.clock, timing=timing)


def test_an_order_from_decision_to_fills(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    with ledger:
        executor.act(decision(0, "5"))
        (order,) = ledger.orders()
        assert (order.state, order.reason, order.filled, order.cid) == (
            *("CLOSED", "filled", Decimal(5)),
            f"cn{FACTS.code}-{START // MINUTE}-1",
        )
        assert [event.to_state for event in ledger.events(order.cid)] == [
            "PLANNED",
            "SENDING",
            "OPEN",
            "CLOSED",
        ]
        assert (ledger.position(), ledger.cash()) == (
            Decimal(5),
            10_000 - 5 * 101 * Decimal("1.001"),
        )
        assert venue.checks == 1
        check_books(ledger, venue)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("word", ["reply", *LOSSES])
def test_killed_anywhere_twice_the_same_is_traded(tmp_path, plain, place, word):
    venue = ModelVenue(TestClock(), script=["reply", word])
    session = Session(tmp_path / "paper.db", venue, kills=[(place, 1), (place, 0)])
    session.run()
    with Ledger.open(session.path) as ledger:
        assert bookings(ledger) == plain["quote"]
        check_books(ledger, venue)
    if place not in ("unknown", "found", "fenced"):
        assert session.deaths == 2


def test_every_checkpoint_is_passed_somewhere(tmp_path):
    passed = set()
    for number, script in enumerate((["lost"], ["never"], ["rejected"])):
        session = Session(tmp_path / f"{number}.db", ModelVenue(TestClock(), script=script))
        session.run()
        passed |= set(session.passed)
    assert passed == {*PLACES, "rejected"}


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=os.environ.get("PAPER_EXAMPLES") is None
)
@given(data=st.data())
def test_any_faults_with_any_kills_trade_the_same(plain, data):
    fee_in = data.draw(st.sampled_from(["quote", "base"]))
    script = data.draw(st.lists(st.sampled_from(["reply", *LOSSES]), max_size=4))
    script = [word for fault in script for word in (fault, "reply")]  # a bar has time for one fault
    kills = data.draw(st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 5)), max_size=2))
    venue = ModelVenue(TestClock(), script=script, fee_in=fee_in)
    venue.quirks.duplicates = data.draw(st.booleans())
    venue.quirks.lookup_lag_ms = data.draw(st.sampled_from([0, 3000]))
    venue.quirks.fills_lag_ms = data.draw(st.sampled_from([0, 2000]))
    with memory() as folder:
        session = Session(folder / "paper.db", venue, kills=kills)
        session.run()
        with Ledger.open(session.path) as ledger:
            assert bookings(ledger) == plain[fee_in]
            check_books(ledger, venue)
            assert [row.decision for row in ledger.decisions()] == [
                decision(bar, WANTED[bar]) for bar in BARS
            ]


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=os.environ.get("PAPER_EXAMPLES") is None
)
@given(
    script=st.lists(st.sampled_from(["reply", "rejected", *LOSSES]), max_size=9),
    partial=st.sampled_from([None, Decimal("0.5"), Decimal("0.3333")]),
    unreadable=st.integers(0, 12),
    empty=st.booleans(),
    kill=st.tuples(st.sampled_from(PLACES), st.integers(0, 5)),
    fee=st.sampled_from([None, "BNB"]),
)
def test_whatever_happens_the_books_agree(script, partial, unreadable, empty, kill, fee):
    venue = ModelVenue(TestClock(), script=script)
    with memory() as folder:
        session = Session(folder / "paper.db", venue, kills=[kill], timing=Timing())
        session.run(WANTED[:1])
        venue.quirks.partial, venue.quirks.empty_book, venue.quirks.fee_currency = (
            partial,
            empty,
            fee,
        )
        venue.quirks.unreadable = unreadable
        session.run()
        venue.quirks.partial, venue.quirks.empty_book, venue.quirks.unreadable = None, False, 0
        venue.script.clear()
        session.run((*WANTED, "6", "0", "0"))
        with Ledger.open(session.path) as ledger:
            check_books(ledger, venue)
            assert ledger.unresolved() is None
            assert reconcile(ledger, venue, venue.clock, price=Decimal(100)) == "agrees"
            assert ledger.position() < venue.market.min_cost / 100


def test_without_leave_nothing_is_sent_anew(tmp_path):
    venue = ModelVenue(TestClock(), script=["never"])
    session = Session(tmp_path / "paper.db", venue, timing=Timing())
    session.run(["5", "5"])
    with Ledger.open(session.path) as ledger:
        assert [(order.time_ms - START, order.state) for order in ledger.orders()] == [
            (0, "NOT_ACCEPTED"),
            (MINUTE, "CLOSED"),
        ]
        assert ledger.position() == 5


def test_late_acceptance_is_waited_for(tmp_path):
    """Without the time fence the order is given up at once, and its successor buys a second time."""
    session = Session(tmp_path / "paper.db", ModelVenue(TestClock(), script=["late"]))
    session.run(["5", "5"])
    with Ledger.open(session.path) as ledger:
        assert [order.state for order in ledger.orders()] == ["CLOSED"]
        check_books(ledger, session.venue)


def test_the_fence_starts_when_the_sender_is_surely_done(tmp_path):
    """A machine that slept between writing and signing: the time written down is an hour too early."""
    ledger, venue, executor = one_order(tmp_path)
    venue.script = ["late"]
    with ledger:
        venue.on_send = lambda _: venue.clock.sleep(3600)
        executor.act(decision(0, "5"))
        assert [order.state for order in ledger.orders()] == ["CLOSED"]
        check_books(ledger, venue)


def test_a_clock_that_is_off_is_signed_anew_once(tmp_path):
    venue = ModelVenue(TestClock(), script=["clock", "clock"])
    session = Session(tmp_path / "paper.db", venue, timing=Timing())
    session.run(["5"])
    with Ledger.open(session.path) as ledger:
        assert [(order.state, order.reason) for order in ledger.orders()] == [
            ("NOT_ACCEPTED", CLOCK_OFF)
        ] * 2
        assert [one.kind for one in ledger.incidents()] == ["clock", "clock"]


def test_a_revoked_key_halts_with_the_order_rejected(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    venue.script = ["revoked"]
    with ledger:
        with pytest.raises(Rejected):
            executor.act(decision(0, "5"))
        assert [order.state for order in ledger.orders()] == ["REJECTED"]


def refused_bars(ledger: Ledger) -> list[int]:
    return [
        (order.time_ms - START) // MINUTE for order in ledger.orders() if order.state == "REJECTED"
    ]


def act(executor: Executor, venue: ModelVenue, wanted: str, bars: range) -> None:
    for bar in bars:
        venue.clock.now = decision(bar, wanted).close_ms
        executor.act(decision(bar, wanted))


def test_a_refused_order_is_asked_for_less_and_less_often(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    venue.script = ["rejected"] * 100
    with ledger:
        act(executor, venue, "5", range(40))
        anew = Executor(ledger, venue, venue.clock)  # after a restart
        act(anew, venue, "5", range(40, 90))
        assert refused_bars(ledger) == [0, 1, 3, 7, 15, 31, 47, 63, 79]
        assert [one.kind for one in ledger.incidents()] == ["rejected"]
        check_books(ledger, venue)


@pytest.mark.parametrize(("wanted", "held"), [("5", "0"), ("0", "5")])
def test_a_refusal_that_goes_on_for_hours_is_noted_once(tmp_path, wanted, held):
    ledger, venue, executor = one_order(tmp_path)
    with ledger:
        act(executor, venue, held, range(1))
        venue.script = ["rejected"] * 400
        act(executor, venue, wanted, range(1, 300))
        assert len(refused_bars(ledger)) > 20
        assert [one.kind for one in ledger.incidents()] == ["rejected"]


def test_another_wish_is_sent_at_once(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    venue.script = ["rejected"] * 100
    with ledger:
        act(executor, venue, "5", range(6))
        act(executor, venue, "6", range(6, 9))
        act(executor, venue, "0", range(9, 10))  # nothing is held
        act(executor, venue, "6", range(10, 12))
        assert refused_bars(ledger) == [0, 1, 3, 6, 7, 10, 11]
        venue.script.clear()
        act(executor, venue, "6", range(12, 20))
        assert [order.state for order in ledger.orders()][-1] == "CLOSED"
        assert ledger.position() == 6
        assert len(venue.posts) == 8
        assert [one.kind for one in ledger.incidents()] == ["rejected"]


def test_a_refused_sale_is_asked_for_at_every_bar(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    with ledger:
        act(executor, venue, "5", range(1))
        venue.script = ["rejected"] * 6
        act(executor, venue, "0", range(1, 9))
        assert refused_bars(ledger) == list(range(1, 7))
        (incident,) = ledger.incidents()
        assert incident.kind == "rejected" and "sent again after every bar" in incident.detail
        assert ledger.position() == 0
        check_books(ledger, venue)


def test_another_reason_is_noted_and_counted_anew(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    venue.script = ["rejected"] * 100
    with ledger:
        act(executor, venue, "5", range(5))
        venue.quirks.reason = "BadRequest HTTP 400 -1013: Filter failure: NOTIONAL"
        act(executor, venue, "5", range(5, 12))
        assert refused_bars(ledger) == [0, 1, 3, 7, 8, 10]
        venue.quirks.reason = "BadRequest HTTP 400 -1013: other words"
        act(executor, venue, "5", range(12, 16))
        assert refused_bars(ledger)[6:] == [14]
        assert [one.kind for one in ledger.incidents()] == ["rejected", "rejected"]


def test_a_refusal_that_a_stop_left_untold_is_told_with_the_next(tmp_path, monkeypatch):
    ledger, venue, executor = one_order(tmp_path)
    venue.script = ["rejected"] * 3

    def killed(*_: object) -> None:
        raise Killed

    with ledger:
        monkeypatch.setattr(executor, "_tell", killed)
        with pytest.raises(Killed):
            act(executor, venue, "5", range(1))
        act(Executor(ledger, venue, venue.clock), venue, "5", range(1, 6))
        assert refused_bars(ledger) == [0, 1, 3]
        (incident,) = ledger.incidents()
        assert ledger.orders()[1].cid in incident.detail


@pytest.mark.parametrize("ahead_ms", [0, -3_600_000])
def test_an_order_left_by_a_stop_is_old_by_the_exchanges_clock_whatever_ours_says(
    tmp_path, ahead_ms
):
    ledger, venue, _ = one_order(tmp_path)
    with ledger:
        ledger.plan(decision(0, "5"), Move("buy", Decimal(5)), at_ms=venue.clock.now)
        venue.clock.now = decision(30, "5").close_ms
        Executor(ledger, venue, TestClock(venue.clock.now + ahead_ms)).settle()
        assert [(order.state, order.reason) for order in ledger.orders()] == [
            ("DROPPED", "too old after a stop")
        ]
        assert not venue.posts


def test_an_order_that_did_not_leave_was_not_refused(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    venue.script, venue.quirks.reason = (
        ["rejected"] * 8,
        f"{NOT_SENT}: Resting: it asked to be left alone",
    )
    with ledger:
        act(executor, venue, "5", range(10))
        assert refused_bars(ledger) == list(range(8))
        (incident,) = ledger.incidents()
        assert incident.kind == "rejected" and "asked for again after every bar" in incident.detail
        assert ledger.position() == 5


def test_an_order_that_is_refused_after_it_was_taken_is_asked_for_less_often_too(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    venue.quirks.refuses_later = True
    with ledger:
        act(executor, venue, "5", range(10))
        assert [(order.time_ms - START) // MINUTE for order in ledger.orders()] == [0, 1, 3, 7]
        assert {(order.state, order.reason) for order in ledger.orders()} == {
            ("CLOSED", "rejected")
        }
        assert [one.kind for one in ledger.incidents()] == ["rejected"]
        check_books(ledger, venue)


def test_a_failed_safety_check_sends_nothing(tmp_path):
    ledger, venue, executor = one_order(tmp_path)

    def refuse() -> None:
        raise OutputError("not a sandbox")

    venue.check = refuse
    with ledger:
        with pytest.raises(OutputError):
            executor.act(decision(0, "5"))
        assert not venue.posts
        assert [order.state for order in ledger.orders()] == ["PLANNED"]
        venue.check = lambda: None
        venue.clock.sleep(60)
        assert executor.settle()
        assert [order.state for order in ledger.orders()] == ["DROPPED"]
        assert not venue.posts


def test_an_exchange_that_wants_quiet_is_left_alone(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    venue.script = ["lost"]
    venue.quirks.unreadable, venue.quirks.wait_s = 1, 120.0
    with ledger:
        executor.act(decision(0, "5"))
        asked = venue.clock.now
        assert [order.state for order in ledger.orders()] == ["SENDING"]
        venue.clock.now = decision(1, "5").close_ms
        venue.find = pytest.fail
        executor.act(decision(1, "0"))
        assert ledger.incidents()[-1].kind == "skipped"
        del venue.find
        venue.clock.now = asked + 120_000
        assert executor.settle()
        check_books(ledger, venue)


def test_an_order_that_rests_is_left_or_cancelled(tmp_path):
    ledger, venue, executor = one_order(tmp_path, rest_until_ms=START + 60 * MINUTE)
    with ledger:
        executor.act(decision(0, "5"))
        venue.clock.now = decision(1, "5").close_ms
        executor.act(decision(1, "5"))
        assert [order.state for order in ledger.orders()] == ["OPEN"]
        assert ledger.incidents() == []
        venue.clock.now = decision(2, "0").close_ms
        executor.act(decision(2, "0"))
        assert [(order.state, order.reason) for order in ledger.orders()] == [
            ("CLOSED", "canceled")
        ]
        check_books(ledger, venue)


def test_a_cancel_that_loses_to_the_fill(tmp_path):
    ledger, venue, executor = one_order(tmp_path, rest_until_ms=START + 60 * MINUTE)

    def too_late(*_: object) -> None:
        venue.quirks.rest_until_ms = 0

    venue.cancel = too_late
    with ledger:
        executor.act(decision(0, "5"))
        venue.clock.now = decision(1, "0").close_ms
        executor.act(decision(1, "0"))
        assert [(order.side, order.reason) for order in ledger.orders()] == [
            ("buy", "filled"),
            ("sell", "filled"),
        ]
        check_books(ledger, venue)


def test_no_order_once_the_next_bar_has_closed(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    with ledger:
        venue.clock.now = decision(1, "5").close_ms
        executor.act(decision(0, "5"))
        assert not venue.posts
        assert [one.kind for one in ledger.incidents()] == ["late"]


def test_a_bar_is_decided_on_once(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    with ledger:
        executor.act(decision(0, "5"))
        executor.act(decision(0, "2"))
        assert sum(venue.posts.values()) == 1
        assert len(ledger.decisions()) == 1


def test_a_reply_of_our_order_with_the_id_of_another_is_looked_up(tmp_path):
    ledger, venue, executor = one_order(tmp_path)
    with ledger:
        act(executor, venue, "5", range(1))
        right = venue.send
        venue.send = lambda request: replace(right(request), venue_id="1")
        act(executor, venue, "8", range(1, 2))
        assert [(order.state, order.venue_id) for order in ledger.orders()] == [
            ("CLOSED", "1"),
            ("CLOSED", "2"),
        ]
        check_books(ledger, venue)


def test_a_ledger_that_was_set_back_does_not_send_twice(tmp_path):
    """A write-ahead log lost with the machine: the order went out, the ledger still has it as planned."""
    path, venue = tmp_path / "paper.db", ModelVenue(TestClock())
    session = Session(path, venue, kills=[("planned", 0)])
    with pytest.raises(Killed):
        session._live(["5"])
    kept = {
        suffix: Path(f"{path}{suffix}").read_bytes()
        for suffix in ("", "-wal")
        if Path(f"{path}{suffix}").exists()
    }
    session.kills = [("acked", 0)]
    with pytest.raises(Killed):
        session._live(["5"])
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    for suffix, content in kept.items():
        Path(f"{path}{suffix}").write_bytes(content)
    session.run(["5"])
    with Ledger.open(path) as ledger:
        check_books(ledger, venue)
        assert ledger.incidents()[0].kind == "restored"


def test_the_same_input_gives_the_same_bytes(tmp_path):
    """I7: two sessions with the same faults leave the same database, to the byte of its export."""
    dumps = []
    for number in range(2):
        venue = ModelVenue(TestClock(), script=["lost", "never", "reply", "garbage"])
        session = Session(tmp_path / f"{number}.db", venue, kills=[("sent", 2)], timing=ALWAYS)
        session.run()
        with Ledger.open(session.path) as ledger:
            dumps.append(ledger.dump())
    assert dumps[0] == dumps[1]
    assert 'INSERT INTO "fill"' in dumps[0]


def test_base_commissions_and_dust(tmp_path):
    venue = ModelVenue(TestClock(), fee_in="base")
    session = Session(tmp_path / "paper.db", venue)
    session.run(["5.0001", "5.0001", "3", "3", "0", "0", "5"])
    with Ledger.open(session.path) as ledger:
        assert [(order.side, order.amount) for order in ledger.orders()] == [
            ("buy", Decimal("5.0001")),
            ("sell", Decimal("2.0001")),
            ("sell", Decimal("2.9949")),  # 3 less 0.0050001 of commission, on the step
            ("buy", Decimal("5.0000")),
        ]
        check_books(ledger, venue)
