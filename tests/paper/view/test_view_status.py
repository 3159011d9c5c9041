"""Where a session stands, read from ledgers that were filled as a session fills them."""

import itertools
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cryptonn.errors import CryptonnError, DataError
from cryptonn.paper.ledger import CandleRow, Ledger, LedgerReader
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import VenueFill
from cryptonn.paper.view.curve import spacing
from cryptonn.paper.view.status import read_status
from tests.paper.view.filled_session import (
    AMOUNT,
    CASH,
    MINUTE,
    RATE,
    START_MS,
    candle,
    decision,
    facts,
    fill_session,
    open_epoch,
    prices,
    session,
    trade,
)

BARS = 100
NOW_MS = START_MS + BARS * MINUTE + 4_000


def by_hand(bars: int, hold: int = 20) -> list[tuple[Decimal, Decimal]]:
    """Position and equity at each close, worked out again without the ledger: orders fill just after the close."""
    position, cash, told = Decimal(0), CASH, []
    for bar, close in enumerate(map(str, prices(bars))):
        price = Decimal(close)
        told.append((position, cash + position * price))
        wanted = AMOUNT if (bar + 1) % (2 * hold) >= hold else Decimal(0)
        cash -= (wanted - position) * price + abs(wanted - position) * price * RATE
        position = wanted
    return told


def test_candles_stand_under_the_run_s_own_name_of_a_market(tmp_path: Path) -> None:
    """Traded as ETH/USDT, kept as ETH/USD: the views looked under the exchange's name and found no candle."""
    elsewhere = facts(symbol="ETH/USDT", config='{"run": {"data": {"target": "ETH/USD"}}}')
    with Ledger.open(tmp_path / "session.sqlite", elsewhere) as ledger:
        ledger.epoch("start", {"USDT": CASH}, carried=Decimal(0), cash=CASH, at_ms=START_MS)
        ledger.add_candles("ETH/USD", [candle(0, 133.0)], seen_ms=START_MS + MINUTE)
        status = read_status(ledger, now_ms=START_MS + MINUTE)
    assert status.candle == candle(0, 133.0)
    assert [point.equity for point in status.curve] == [CASH]


def test_money_position_and_curve_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    with session(tmp_path, bars=BARS) as ledger:
        status = read_status(ledger, now_ms=NOW_MS)
        assert status.funds.position == ledger.position() == AMOUNT
        assert status.funds.cash == ledger.cash()
        assert status.funds.equity == ledger.equity(Decimal(str(prices(BARS)[-1])))
        assert status.funds.fees == ledger.fees()
    expected = by_hand(BARS)
    assert [point.equity for point in status.curve] == [equity for _, equity in expected]
    assert [point.time_ms for point in status.curve] == [
        START_MS + (bar + 1) * MINUTE for bar in range(BARS)
    ]
    assert expected[-1][0] == 0, "the last order of the walk buys, after the last close"
    fees = sum(price * AMOUNT * RATE for price in map(Decimal, map(str, prices(BARS)[19::20])))
    assert status.funds.fees == {"USD": fees}
    assert status.funds.profit == status.funds.equity - CASH
    assert status.funds.profit_share == status.funds.profit / CASH


def test_candle_decision_and_counts(tmp_path: Path) -> None:
    with session(tmp_path, bars=BARS) as ledger:
        status = read_status(ledger, now_ms=NOW_MS)
    assert status.facts == facts()
    assert status.candle == candle(BARS - 1, prices(BARS)[-1])
    assert status.decision is not None and status.decision.decision.wanted == AMOUNT
    assert (status.orders, status.trades, status.fills, status.order) == ({"CLOSED": 5}, 2, 5, None)
    assert status.next_close_ms - status.now_ms == 56_000


def test_a_position_sold_in_part_is_no_closed_trade(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        trade(ledger, decision(0, 100.0, wanted=AMOUNT), Move("buy", AMOUNT), price=Decimal(100))
        trade(
            ledger,
            decision(1, 100.0, wanted=AMOUNT / 2),
            Move("sell", AMOUNT / 2),
            price=Decimal(100),
        )
        assert read_status(ledger, now_ms=NOW_MS).trades == 0
        trade(
            ledger,
            decision(2, 100.0, wanted=Decimal("0.0000")),
            Move("sell", AMOUNT / 2),
            price=Decimal(100),
        )
        assert read_status(ledger, now_ms=NOW_MS).trades == 1


def test_before_the_account_was_read_all_is_cash(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "session.sqlite", facts()) as ledger:
        status = read_status(ledger, now_ms=START_MS)
    assert (status.candle, status.decision, status.curve, status.funds.position) == (
        None,
        None,
        (),
        0,
    )
    assert (status.funds.cash, status.funds.equity, status.funds.profit_share) == (CASH, CASH, 0)
    assert (
        status.freshness.feed_age_ms,
        status.freshness.feed_stale,
        status.freshness.session_stale,
    ) == (
        None,
        False,
        False,
    )


def test_an_open_order_with_its_age_and_what_is_filled(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        plan = decision(0, 133.0, wanted=AMOUNT)
        order = ledger.plan(plan, Move("buy", AMOUNT), at_ms=plan.close_ms + 500)
        assert order is not None
        ledger.mark(order.cid, "SENDING", at_ms=plan.close_ms + 600, signed_ms=plan.close_ms + 600)
        status = read_status(ledger, now_ms=plan.close_ms + 3_500)
    assert status.order is not None
    assert (status.order.cid, status.order.side, status.order.amount) == (order.cid, "buy", AMOUNT)
    assert (status.order.state, status.order.booked, status.order.age_ms) == ("SENDING", 0, 3_000)
    assert status.orders == {"SENDING": 1}


def test_orders_are_counted_by_state(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        for bar, ends in enumerate(
            [("SENDING", "REJECTED"), ("SENDING", "NOT_ACCEPTED"), ("DROPPED",)] * 2
        ):
            plan = decision(bar, 133.0, wanted=AMOUNT)
            order = ledger.plan(plan, Move("buy", AMOUNT), at_ms=plan.close_ms)
            assert order is not None
            for state in ends:
                ledger.mark(order.cid, state, at_ms=plan.close_ms)  # type: ignore[arg-type]
        status = read_status(ledger, now_ms=NOW_MS)
    assert status.orders == {"REJECTED": 2, "NOT_ACCEPTED": 2, "DROPPED": 2}


def test_commissions_in_base_shrink_the_position_and_count_in_their_currency(
    tmp_path: Path,
) -> None:
    with session(tmp_path) as ledger:
        ledger.add_candles("ETH/USD", [candle(0, 100.0)], seen_ms=START_MS)
        trade(
            ledger,
            decision(0, 100.0, wanted=AMOUNT),
            Move("buy", AMOUNT),
            price=Decimal(100),
            fee_in="ETH",
        )
        status = read_status(ledger, now_ms=NOW_MS)
    assert status.funds.fees == {"ETH": Decimal("0.0500000")}
    assert status.funds.position == Decimal("49.95")
    assert status.funds.equity == CASH - Decimal(5)


def test_the_newest_ten_incidents_come_first(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        for number in range(13):
            ledger.incident("late", str(number), at_ms=START_MS + number)
        status = read_status(ledger, now_ms=NOW_MS)
    assert [incident.detail for incident in status.incidents] == [
        str(number) for number in range(12, 2, -1)
    ]
    assert status.incident_count == 13


@pytest.mark.parametrize(
    ("minutes", "feed_stale", "session_stale"),
    [(2.0, False, False), (2.1, False, True), (3.1, True, True)],
)
def test_feed_and_session_go_stale(
    tmp_path: Path, minutes: float, feed_stale: bool, session_stale: bool
) -> None:
    with session(tmp_path, bars=5) as ledger:
        fresh = read_status(ledger, now_ms=START_MS + 5 * MINUTE + int(minutes * MINUTE)).freshness
    assert (fresh.feed_stale, fresh.session_stale) == (feed_stale, session_stale)
    assert fresh.feed_age_ms == fresh.decision_age_ms == int(minutes * MINUTE)


def test_a_feed_that_never_came_goes_stale_too(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        fresh = read_status(ledger, now_ms=START_MS + 4 * MINUTE).freshness
    assert fresh.feed_stale and fresh.session_stale and fresh.feed_age_ms is None


def test_a_clock_behind_the_ledger_gives_no_negative_ages(tmp_path: Path) -> None:
    with session(tmp_path, bars=5) as ledger:
        fresh = read_status(ledger, now_ms=START_MS).freshness
    assert (fresh.feed_age_ms, fresh.decision_age_ms, fresh.feed_stale) == (0, 0, False)


def test_whether_the_process_of_the_session_lives(tmp_path: Path) -> None:
    path = tmp_path / "session.sqlite"
    with session(tmp_path) as ledger:
        assert read_status(ledger, now_ms=START_MS).freshness.running is True
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lock = path.with_name(f"{path.name}.lock")
    with LedgerReader.open(path) as reader:
        for words, running in (
            (f"process {ended.pid}", False),
            ("process 0", None),
            ("", None),
            ("else 1", None),
        ):
            lock.write_text(words)
            assert read_status(reader, now_ms=START_MS).freshness.running is running
        lock.unlink()
        assert read_status(reader, now_ms=START_MS).freshness.running is None


@pytest.mark.parametrize("bars", [1, 1440, 1441, 2881, 10_080, 43_200, 525_600, 5_000_000])
def test_a_curve_has_at_most_so_many_points(bars: int) -> None:
    every = spacing(bars)
    assert bars / every <= 1440
    assert every == 1 or bars / every >= 1440 / 2.6, "no coarser than it must be"


def test_a_long_session_is_drawn_thinly_and_to_its_end(tmp_path: Path) -> None:
    bars = 10_007
    with session(tmp_path) as ledger:
        ledger.add_candles("ETH/USD", map(candle, range(bars), prices(bars)), seen_ms=START_MS)
        ledger.add_candles("ETH/USD", [candle(-1, 9.0), candle(-50, 9.0)], seen_ms=START_MS)
        curve = read_status(ledger, now_ms=START_MS).curve
    assert 1_000 < len(curve) <= 1_442
    assert curve[-1].time_ms == START_MS + bars * MINUTE
    assert curve[0].time_ms >= START_MS, "what was before the session is not its equity"
    steps = {later.time_ms - sooner.time_ms for sooner, later in itertools.pairwise(curve[:-1])}
    assert steps == {10 * MINUTE}


def test_a_new_epoch_begins_with_its_own_cash_and_position(tmp_path: Path) -> None:
    with session(tmp_path, bars=30) as ledger:
        at_ms = START_MS + 30 * MINUTE + 10_000
        ledger.epoch(
            "reset", {"USD": Decimal(500)}, carried=Decimal(2), cash=Decimal(300), at_ms=at_ms
        )
        ledger.add_candles("ETH/USD", [candle(30, 100.0)], seen_ms=at_ms)
        plan = decision(30, 100.0, wanted=Decimal(3))
        trade(ledger, plan, Move("buy", Decimal(1)), price=Decimal(100))
        ledger.add_candles("ETH/USD", [candle(31, 110.0)], seen_ms=at_ms)
        status = read_status(ledger, now_ms=at_ms + 2 * MINUTE)
        assert status.funds.position == ledger.position() == 3
        assert status.funds.cash == ledger.cash() == Decimal("199.9")
    last = [point.equity for point in status.curve[-3:]]
    assert last == [by_hand(30)[-1][1], Decimal(500), Decimal("529.9")]
    assert status.funds.equity == Decimal("529.9")


def test_all_is_read_as_of_one_moment(tmp_path: Path) -> None:
    with session(tmp_path, bars=39) as ledger:

        class Interrupted(LedgerReader):
            """A reader that the session overtakes in the middle of its reading."""

            def newest_candle(self, symbol: str) -> CandleRow | None:
                if len(ledger.fills()) == 1:
                    fill_session(ledger, 1, first=39)
                return super().newest_candle(symbol)

        with LedgerReader.open(ledger.path) as reader:
            expected = read_status(reader, now_ms=NOW_MS)
            overtaken = read_status(Interrupted(reader._db, reader.path), now_ms=NOW_MS)
            assert len(ledger.fills()) == 2, "the session did write meanwhile"
            assert overtaken == expected and overtaken.fills == 1
            assert read_status(reader, now_ms=NOW_MS).fills == 2


def test_a_fill_of_an_epoch_that_is_over_counts_there_alone(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        plan = decision(0, 100.0, wanted=AMOUNT)
        order = ledger.plan(plan, Move("buy", AMOUNT), at_ms=plan.close_ms)
        assert order is not None
        ledger.epoch(
            "reset", {"USD": CASH}, carried=Decimal(0), cash=CASH, at_ms=plan.close_ms + 1_000
        )
        late = VenueFill(
            "t", "v", "buy", AMOUNT, Decimal(100), Decimal(0), "USD", plan.close_ms + 2_000
        )
        ledger.add_fills(order.cid, [late])
        ledger.add_candles(
            "ETH/USD", [candle(bar, 200.0) for bar in range(3)], seen_ms=plan.close_ms
        )
        status = read_status(ledger, now_ms=NOW_MS)
        assert status.funds.equity == ledger.equity(Decimal(200)) == CASH
    assert {point.equity for point in status.curve} == {CASH}


def test_reading_writes_nothing(tmp_path: Path) -> None:
    with session(tmp_path, bars=30) as ledger, LedgerReader.open(ledger.path) as reader:
        before = ledger.dump()
        read_status(reader, now_ms=NOW_MS)
        assert ledger.dump() == before
        with pytest.raises((sqlite3.OperationalError, CryptonnError)):
            reader._rows("INSERT INTO incident (at_ms, kind, detail) VALUES (1, 'x', 'y')")


def test_a_session_that_has_ended_can_still_be_read(tmp_path: Path) -> None:
    with session(tmp_path, bars=30):
        pass
    with LedgerReader.open(tmp_path / "session.sqlite") as reader:
        assert read_status(reader, now_ms=NOW_MS).fills == 1


def test_a_session_that_was_never_written_down_is_an_error_in_words(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "session.sqlite", facts()) as ledger:
        open_epoch(ledger)
    with sqlite3.connect(tmp_path / "session.sqlite") as db:
        db.execute("DROP TRIGGER session_stays")
        db.execute("DELETE FROM session")
    db.close()
    with (
        LedgerReader.open(tmp_path / "session.sqlite") as reader,
        pytest.raises(DataError, match="never started"),
    ):
        read_status(reader, now_ms=START_MS)
