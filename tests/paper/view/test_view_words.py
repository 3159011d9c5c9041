"""What the terminal and the page say of a status."""

import math
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from cryptonn.paper.planner import Move
from cryptonn.paper.view.decisions import Mark, lines_since, newest_mark
from cryptonn.paper.view.status import OpenOrder, Status, read_status
from cryptonn.paper.view.words import notices, readings, title
from tests.paper.view.filled_session import (
    AMOUNT,
    CASH,
    MINUTE,
    START_MS,
    decision,
    facts,
    session,
    trade,
)

NOW_MS = START_MS + 30 * MINUTE + 4_000


@pytest.fixture
def status(tmp_path: Path) -> Status:
    with session(tmp_path, bars=30) as ledger:
        return read_status(ledger, now_ms=NOW_MS)


def said(status: Status) -> dict[str, tuple[str, str]]:
    return {reading.key: (reading.text, reading.note) for reading in readings(status)}


def test_a_made_up_market_is_named_first(status: Status) -> None:
    made_up = '{"run": {"data": {"source": "synthetic"}}}'
    here = replace(status, name="local", facts=facts(venue="local", config=made_up))
    assert title(here) == "SYNTHETIC MARKET · lstm_eth_5m · session local · ETH/USD"
    elsewhere = replace(status, name="second", facts=facts(config=made_up))
    assert title(elsewhere) == "lstm_eth_5m · session second on binance testnet · ETH/USD", (
        "the sandbox's candles"
    )
    replayed = replace(
        here, facts=facts(venue="local", config='{"run": {"data": {"source": "files"}}}')
    )
    assert title(replayed) == "lstm_eth_5m · session local · ETH/USD"


def test_each_reading_in_words(status: Status, tmp_path: Path) -> None:
    words = said(status)
    assert title(status) == f"lstm_eth_5m · session {tmp_path.name} on binance testnet · ETH/USD"
    assert words["position"] == ("50 ETH", "wanted 50")
    assert words["cash"][1] == "and 6,598.50 in ETH"
    assert words["candle"][1] == "00:29 UTC, closed 4 s ago"
    assert words["proba"][1] == "signal +1"
    entered = replace(status, facts=facts(config='{"enter": 0.54321}'))
    assert said(entered)["proba"][1] == "signal +1, enters at 0.5432"
    assert words["next"] == ("0:56", "")
    assert words["order"] == ("none", "")
    assert words["orders"] == ("1", "1 closed")
    own = f"since 2019-01-01 00:00 UTC, process {os.getpid()}"
    assert words["session"] == ("30 min 4 s", own), "by its number it can be ended"
    assert notices(status) == ()


def test_gain_and_loss_have_sign_and_tone(status: Status) -> None:
    for equity, text, note, tone in (
        (CASH + 5, "+5.00 USD", "+0.05 %", "good"),
        (CASH - 5, "−5.00 USD", "−0.05 %", "bad"),
        (CASH, "0.00 USD", "+0.00 %", ""),
    ):
        changed = replace(status, funds=replace(status.funds, equity=equity))
        (reading,) = [reading for reading in readings(changed) if reading.key == "profit"]
        assert (reading.text, reading.note, reading.tone) == (text, note, tone)


def test_before_anything_happened(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        words = said(read_status(ledger, now_ms=START_MS))
    assert words["candle"][0] == words["proba"][0] == "none yet"
    assert words["position"] == ("0 ETH", "") and words["fees"] == ("0.00 USD", "0 fills")


def test_a_network_that_warms_up_has_no_probability(tmp_path: Path) -> None:
    with session(tmp_path) as ledger:
        ledger.plan(decision(0, 133.0, wanted=Decimal(0), proba=math.nan), None, at_ms=START_MS)
        assert said(read_status(ledger, now_ms=START_MS))["proba"] == ("n/a", "signal 0")
        (line,) = lines_since(ledger, Mark())[0]
    assert "P(up) n/a" in line


def test_an_open_order_and_when_it_becomes_unclear(status: Status) -> None:
    order = OpenOrder("cnabcd-1-1", "sell", AMOUNT, Decimal(2), "SENDING", 4_000)
    fresh = replace(status, order=order)
    assert said(fresh)["order"] == ("sell 50 ETH", "SENDING for 4 s, 2 filled · cnabcd-1-1")
    assert notices(fresh) == ()
    (notice,) = notices(replace(status, order=replace(order, age_ms=6_000)))
    assert "cnabcd-1-1" in notice.text and "unclear" in notice.text
    assert notices(replace(status, order=replace(order, age_ms=6_000, state="OPEN"))) == ()


def test_what_stands_still_is_said_once(status: Status) -> None:
    late = replace(status.freshness, feed_stale=True, session_stale=True, feed_age_ms=200_000)
    assert [notice.text for notice in notices(replace(status, freshness=late))] == [
        "No candle for 3 min 20 s: a quiet market, or the feed stands still."
    ]
    idle = replace(status.freshness, session_stale=True, decision_age_ms=130_000)
    assert [notice.text for notice in notices(replace(status, freshness=idle))] == [
        "Candles come, but no decision for 2 min 10 s."
    ]


def test_a_session_that_does_not_run_waits_for_nothing(status: Status) -> None:
    ended = replace(status, freshness=replace(status.freshness, running=False))
    assert said(ended)["next"][0] == "–"
    assert said(ended)["session"] == ("not running", "since 2019-01-01 00:00 UTC")
    assert [notice.tone for notice in notices(ended)] == ["bad"]


def test_a_line_a_decision_and_incident_in_their_order_and_once(tmp_path: Path) -> None:
    with session(tmp_path, bars=19) as ledger:
        mark = newest_mark(ledger)
        assert lines_since(ledger, mark) == ([], mark)
        first, second = (decision(bar, 130.0 + bar, wanted=AMOUNT) for bar in (19, 20))
        trade(ledger, first, Move("buy", AMOUNT), price=Decimal(100))
        ledger.incident("late", "a\x1b[31m b", at_ms=first.close_ms + 30_000)
        ledger.plan(second, None, at_ms=second.close_ms + 300)
        lines, mark = lines_since(ledger, mark)
        assert lines == [
            "2019-01-01 00:19  close 149.00  P(up) 0.5500  signal +1  wanted 50  held 0  equity 10,000.00 (+0.00 %)"
            "  buy 50",
            "! 01-01 00:20:30  late  a [31m b",
            "2019-01-01 00:20  close 150.00  P(up) 0.5500  signal +1  wanted 50  held 50  equity 12,495.00 (+24.95 %)",
        ]
        assert lines_since(ledger, mark) == ([], mark)
