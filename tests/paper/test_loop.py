"""The loop of a session on a lockstep exchange: every bar decided on, through whatever goes wrong."""

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from served_run import (
    MINUTE,
    START_MS,
    Played,
    ReplayedClock,
    changed_copy,
    served,
)

from cryptonn.errors import DataError, StrategyError
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.paper.decider import Decider, Terms
from cryptonn.paper.decision import Decision
from cryptonn.paper.executor import Executor
from cryptonn.paper.pace import Pace
from cryptonn.paper.ports import Unreadable
from tests.local_exchange.small_exchange import control

BARS = 18
LOOKBACK = 20
KLINES, TIME, ACCOUNT, ORDER = (
    f"* /api/v3/{name}" for name in ("klines", "time", "account", "order")
)


@pytest.fixture(scope="module")
def eager(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return changed_copy(tiny.folder, tmp_path_factory.mktemp("eager"))


@pytest.fixture
def played(tiny: Any, eager: Path, request: pytest.FixtureRequest) -> Iterator[Played]:
    with served(tiny.frame, tiny.config) as exchange:
        yield Played(eager, exchange, re.sub(r"\W", "_", request.node.name)[-60:])


@pytest.fixture(scope="module")
def untouched(tiny: Any, eager: Path) -> Iterator[Played]:
    """A session in which nothing goes wrong."""
    with served(tiny.frame, tiny.config) as exchange:
        session = Played(eager, exchange, "untouched")
        assert session.play(BARS) == BARS
        yield session


def minute(bar: float) -> int:
    return START_MS + round(bar * MINUTE)


def check_same(played: Played, untouched: Played) -> None:
    bars = len(played.bars())
    assert played.decisions() == untouched.decisions()[:bars]
    assert played.fills() == [
        fill for fill in untouched.fills() if fill[0] <= minute(bars) // MINUTE
    ]
    check_books(played)


def check_books(played: Played) -> None:
    """No order was posted twice, and both sides have the same trades."""
    assert set(played.exchange.front.log.posts.values()) <= {1}
    traded = [
        trade
        for order in played.exchange.exchange.matching.orders.values()
        for trade in order.trades
    ]
    booked = [(side, amount, price, fee) for _, side, amount, price, fee in played.fills()]
    assert booked == [(trade.side, trade.amount, trade.price, trade.fee) for trade in traded]


def at_bar(bar: int, do: Any) -> Any:
    """Do something once a bar has been decided and acted on."""

    def on_decision(decision: Decision) -> None:
        if decision.time_ms == minute(bar):
            do()

    return on_decision


def test_every_bar_is_decided_on_as_in_the_backtest(untouched: Played, eager: Path) -> None:
    from cryptonn.paper.decider import open_decider
    from cryptonn.paper.parity import parity

    assert untouched.bars() == list(range(BARS))
    assert len(untouched.fills()) >= 6
    assert {state for _, state, _, _ in untouched.orders()} <= {"CLOSED", "OPEN"}
    assert untouched.incidents() == []
    with untouched.session() as session, untouched.ledger() as ledger:
        terms = Terms(
            rules=session.decider.rules,
            fees="taker+slippage",
            cash=ledger.facts.cash,
            start_ms=START_MS,
        )
        own = open_decider(eager, terms)
        found = parity(ledger, own)
    assert (found.decisions, found.flips, found.same_trades) == (BARS, 0, found.trades)


def test_orders_go_out_within_the_grace_and_calls_are_few(untouched: Played) -> None:
    assert all(1_000 <= time_ms % MINUTE < 5_000 for time_ms in untouched.posts())
    asked = [
        entry for entry in untouched.exchange.front.log.entries if entry["now_ms"] >= minute(1)
    ]
    by_bar = [
        sum(entry["now_ms"] // MINUTE == minute(bar) // MINUTE for entry in asked)
        for bar in range(1, BARS)
    ]
    assert max(by_bar) <= 12
    assert sorted(by_bar)[len(by_bar) // 3] <= 6


def test_restarts_in_the_middle_change_nothing(played: Played, untouched: Played) -> None:
    for bars in (4, 1, 4):
        assert played.play(bars) == bars
    check_same(played, untouched)
    assert played.incidents() == []


def test_a_session_that_was_stopped_for_a_while_goes_on_and_says_what_it_missed(
    played: Played,
) -> None:
    played.play(4)
    played.exchange.exchange.clock.advance(minute(9.9))
    played.play(3)
    assert played.bars() == [0, 1, 2, 3, 9, 10, 11]
    assert played.incidents() == [
        ("missed", "5 bars, 2018-01-05 03:04Z to 2018-01-05 03:08Z, were not decided on"),
    ]
    check_books(played)


def test_a_start_that_is_not_answered_at_once(played: Played) -> None:
    for where in (
        "GET /api/v3/account",
        "GET /api/v3/time",
        "GET /api/v3/openOrders",
        "GET /api/v3/exchangeInfo",
    ):
        played.fault(where, "500", n=2)
    played.play(1)
    played.fault("GET /api/v3/account", "429", retry_after=600)
    with pytest.raises(Unreadable, match="429"):
        played.play(1)
    assert played.bars() == [0]


def test_a_quarter_of_an_hour_without_network(played: Played) -> None:
    down, up = minute(5), minute(20.5)
    assert played.play(9, on_decision=at_bar(4, lambda: played.quirk(down_until_ms=up))) == 9
    assert played.bars() == [0, 1, 2, 3, 4, *range(20, 24)]
    assert not [time_ms for time_ms in played.posts() if down + 2_000 < time_ms < up]
    assert [kind for kind, _ in played.incidents()] == ["outage", "missed"]
    assert played.incidents("missed")[0][1].startswith("15 bars")
    asked = [
        entry["now_ms"]
        for entry in played.exchange.front.log.entries
        if down + MINUTE <= entry["now_ms"] < up
    ]
    assert 15 <= len(asked) <= 6 * 15
    check_books(played)


def test_an_exchange_that_refuses_connections(played: Played) -> None:
    class Rebooted(ReplayedClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.now_ms() >= minute(12.5) and played.exchange._server is None:
                played.exchange.start()

    played.play(9, on_decision=at_bar(4, played.exchange.stop), clock=Rebooted(played.exchange))
    assert played.bars() == [0, 1, 2, 3, 4, 12, 13, 14, 15]
    assert [kind for kind, _ in played.incidents()] == ["outage", "missed"]
    check_books(played)


def test_a_feed_that_stands_still_is_held_until_the_network_has_forgotten_it(
    tiny: Any, eager: Path
) -> None:
    base, clean = (
        START_MS + 230 * MINUTE,
        9 + LOOKBACK - 1,
    )  # the network wants something soon after that
    with served(tiny.frame, tiny.config, start_ms=base) as exchange:
        played = Played(eager, exchange, "frozen")

        def freeze(decision: Decision) -> None:
            if decision.time_ms in (base + 2 * MINUTE, base + 8 * MINUTE):
                played.quirk(frozen_feed=decision.time_ms < base + 5 * MINUTE)

        played.play(clean + 6, on_decision=freeze, max_gap=3)
        assert [time_ms for time_ms, _, _ in played.decisions()] == [
            base + bar * MINUTE for bar in range(clean + 6)
        ]
        bars = [(time_ms - base) // MINUTE - 1 for time_ms in played.posts()]
        assert not [bar for bar in bars if 6 < bar < clean] and [
            bar for bar in bars if bar >= clean
        ]
        assert [kind for kind, _ in played.incidents("stale", "held")] == ["held", "stale"]
        assert "2018-01-05 07:17Z" in played.incidents("held")[0][1]
        assert len(played.incidents("late")) <= 2
        with played.ledger() as ledger:
            rows = ledger.candles("ETH/USD", since_ms=base + 3 * MINUTE)
        assert (
            rows[1].time_ms > base + 8 * MINUTE
        )  # the first was in progress when the feed stopped
        assert len(played.incidents("revised")) == 2  # one a symbol
        check_books(played)


def test_a_market_that_shows_no_candle_at_all_is_not_traded_on(
    tiny: Any, eager: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen feed, or a halt: filled flat, it was traded on for five bars."""
    with served(tiny.frame, tiny.config) as exchange:
        played = Played(eager, exchange, "silent")
        real_market_here(monkeypatch, exchange.port)
        silent = range(6, 9)  # bar 5 has a row: it was in progress when the feed stopped

        def freeze(decision: Decision) -> None:
            if decision.time_ms in (minute(4), minute(silent[-1])):
                played.quirk(frozen_feed=decision.time_ms == minute(4))

        assert played.play(14, on_decision=freeze, candles="binance") == 14
        assert played.bars() == list(range(14))
        bars = [(time_ms - START_MS) // MINUTE - 1 for time_ms in played.posts()]
        assert not set(bars) & set(silent), bars
        assert {bar for bar in bars if bar < silent[0]} and {
            bar for bar in bars if bar > silent[-1]
        }
        assert [kind for kind, _ in played.incidents("held", "missed", "difference")] == ["held"]
        assert "no symbol has a candle" in played.incidents("held")[0][1]
        assert "2018-01-05 03:06Z" in played.incidents("held")[0][1]
        check_books(played)


def test_one_symbol_without_a_candle_is_a_quiet_minute(
    tiny: Any, eager: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tiny.frame, tiny.config) as exchange:
        played = Played(eager, exchange, "quiet")
        real_market_here(monkeypatch, exchange.port)
        played.quirk(missing_candles={"BTC/USD": [[minute(2), minute(5)]]})
        assert played.play(7, candles="binance") == 7
        assert played.incidents("held") == []


def test_minutes_that_nobody_traded_on_a_replay_are_traded_on(tiny: Any, eager: Path) -> None:
    """What a replay does not have did not happen: the backtest trades on there, and so does the session."""
    with served(tiny.frame, tiny.config) as exchange:
        played = Played(eager, exchange, "replay")
        hole = [[minute(3), minute(7)]]
        played.quirk(missing_candles={"ETH/USD": hole, "BTC/USD": hole})
        assert played.play(9) == 9
        assert played.incidents("held") == []
        bars = [(time_ms - START_MS) // MINUTE - 1 for time_ms in played.posts()]
        assert set(bars) & set(range(3, 7)), bars


def real_market_here(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let the local exchange stand for the real market too: candles asked of an exchange by name come from its port."""
    from cryptonn.paper import session

    def redirected(exchange: str, **settings: Any) -> LiveCandles:
        return LiveCandles(exchange, **settings | {"port": port})

    monkeypatch.setattr(session, "LiveCandles", redirected)


def test_rows_twice_in_disorder_and_revised_change_nothing(
    played: Played, untouched: Played
) -> None:
    revised = {"ETH/USD": {minute(3): {"close": 1.0, "low": 0.5}}}
    played.quirk(duplicate_candles=True, disordered_candles=True)
    played.play(8, on_decision=at_bar(5, lambda: played.quirk(revised_candles=revised)))
    check_same(played, untouched)
    assert len(played.incidents("revised")) == 1
    assert "ETH/USD 2018-01-05 03:03Z" in played.incidents("revised")[0][1]


@pytest.mark.parametrize("off_ms", [1_700, -1_700])
def test_a_clock_that_is_a_little_off(played: Played, untouched: Played, off_ms: int) -> None:
    played.play(7, clock=ReplayedClock(played.exchange, off_ms=off_ms))
    assert played.fills()
    check_same(played, untouched)
    assert [kind for kind, _ in played.incidents()] == ["clock", "clock"]
    assert all(
        ("behind" if off_ms > 0 else "ahead of") in detail for _, detail in played.incidents()
    )


@pytest.mark.parametrize("off_ms", [20_000, -20_000])
def test_a_clock_that_is_far_off_trades_nothing(
    played: Played, untouched: Played, off_ms: int
) -> None:
    played.play(4, clock=ReplayedClock(played.exchange, off_ms=off_ms))
    assert played.decisions() == untouched.decisions()[:4]
    assert untouched.fills()[0][0] < minute(4) // MINUTE
    assert played.posts() == []
    assert [kind for kind, _ in played.incidents()] == ["clock", "clock", "held"]


def test_what_a_stop_left_to_send_stays_by_a_clock_that_is_far_off(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Executor, "_send", killed)
        played.play(BARS)
    assert [state for _, state, _, _ in played.orders()] == ["PLANNED"]
    played.play(2, clock=ReplayedClock(played.exchange, off_ms=20_000))
    assert played.posts() == []
    played.play(1)
    assert played.orders()[0][1] == "DROPPED"


@pytest.mark.parametrize("jump_ms", [60 * MINUTE + 12_345, -60 * MINUTE])
def test_a_clock_that_is_set_and_set_right_again(
    played: Played, untouched: Played, jump_ms: int
) -> None:
    sets = {minute(4) + 30_000: jump_ms, minute(9) + 30_000: -jump_ms}
    played.play(16, clock=ReplayedClock(played.exchange, sets=sets))
    assert len(set(range(16)) - set(played.bars())) <= 2, played.bars()
    assert played.bars()[-1] <= 17
    assert not [time_ms for time_ms in played.posts() if minute(5) < time_ms < minute(9.5)]
    assert [time_ms for time_ms in played.posts() if time_ms > minute(9.5)]
    known = dict(zip(untouched.bars(), untouched.decisions(), strict=True))
    assert all(
        known[bar] == decision
        for bar, decision in zip(played.bars(), played.decisions(), strict=True)
    )
    check_books(played)


def test_an_exchange_that_asks_for_patience_gets_it(played: Played) -> None:
    def refuse(decision: Decision) -> None:
        if decision.time_ms == minute(3):
            played.fault(KLINES, "429", retry_after=4)
        if decision.time_ms == minute(5):
            played.fault(KLINES, "418", retry_after=150)

    played.play(9, on_decision=refuse)
    assert played.bars() == [0, 1, 2, 3, 4, 5, 9, 10, 11]
    entries = list(played.exchange.front.log.entries)
    banned = next(
        entry
        for entry in entries
        if entry["status"] == 418 or str(entry["fault"]).startswith("418")
    )
    later = next(entry for entry in entries if entry["number"] > banned["number"])
    assert later["now_ms"] >= banned["now_ms"] + 150_000
    assert [kind for kind, _ in played.incidents()] == ["outage", "missed"]


@pytest.mark.parametrize("do", ["418", "429"])
def test_an_order_that_is_banned(played: Played, do: str) -> None:
    played.fault(ORDER, do, retry_after=130)
    played.play(10)
    assert played.bars() == list(range(10))
    first = played.posts()[0]
    assert len(played.posts()) > 1 and played.posts()[1] >= first + 130_000
    assert {state for _, state, _, _ in played.orders()} >= {"NOT_ACCEPTED", "CLOSED"}
    check_books(played)


def test_whatever_the_candles_come_as_the_loop_goes_on(played: Played) -> None:
    """Refusals are told alike whatever was asked for; contents are read apart."""
    refusals = ["drop", "reset", "reset mid-body", "500", "502", "403", "418", "-1000", "-1003"]
    refusals += ["-1121", "redirect"]
    contents = ["truncated", "empty", "html", "wrong type", "nulls", "nan", "extra keys"]
    faults = list(zip(cycle((KLINES, TIME)), refusals, strict=False))
    faults += [(where, do) for where in (KLINES, TIME) for do in contents]
    left = iter(faults)

    def spoil(_: Decision) -> None:
        where, do = next(left, (KLINES, ""))
        if do:
            played.fault(where, do, n=3)

    played.play(len(faults) + 1, on_decision=spoil)
    assert played.bars()[-1] >= 1.5 * len(faults)
    assert len(played.incidents("outage")) >= len(faults) / 2
    with played.ledger() as ledger:
        rows = ledger.candles("ETH/USD", since_ms=START_MS)
    truth = played.exchange.exchange.candles(
        "ETH/USD", start_ms=START_MS, end_ms=rows[-1].time_ms, limit=1000
    )
    assert [tuple(row) for row in rows] == [tuple(row) for row in truth]
    check_books(played)


def test_an_account_that_cannot_be_asked_is_asked_again(played: Played) -> None:
    wrong = iter(["drop", "500", "truncated", "nulls", "429", "nan", "-1007"])

    def spoil(decision: Decision) -> None:
        if decision.time_ms < minute(10):
            for where in ("GET /api/v3/account", "GET /api/v3/openOrders"):
                played.fault(where, next(wrong, "500"), n=2)

    played.play(13, on_decision=spoil, pace=Pace(slice_s=60.0, look_over_bars=1))
    assert played.bars() == list(range(13))
    assert {kind for kind, _ in played.incidents()} == {"unreadable"}
    played.exchange.front.faults.clear()
    check_books(played)


def test_keys_that_are_revoked_end_the_session(played: Played) -> None:
    with pytest.raises(Unreadable, match="Look at the keys"):
        played.play(
            9,
            on_decision=at_bar(3, lambda: played.quirk(revoked_key=True)),
            pace=Pace(slice_s=60.0, look_over_bars=2),
        )
    assert played.bars() in ([0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5])


def test_a_withdrawal_made_elsewhere_ends_the_session(played: Played) -> None:
    account = played.exchange.exchange.account
    with pytest.raises(DataError, match=r"the account and the ledger differ. USD.*--accept-venue"):
        played.play(
            9,
            on_decision=at_bar(3, lambda: account.adjust("USD", Decimal(-50))),
            pace=Pace(slice_s=60.0, look_over_bars=2),
        )
    assert [kind for kind, _ in played.incidents()] == ["difference"]


@pytest.mark.parametrize(("restart", "ids_anew"), [(False, False), (True, True)])
def test_a_reset_with_orders_since_begins_an_epoch(
    tiny: Any, eager: Path, restart: bool, ids_anew: bool
) -> None:
    """The next look, every hour or at a start, took it for a withdrawal and ended the session."""
    with served(tiny.frame, tiny.config) as exchange:
        played = Played(eager, exchange, f"reset_{restart}_{ids_anew}")
        flat: list[int] = []

        def reset(decision: Decision) -> None:
            with played.ledger() as ledger:
                if (
                    not flat
                    and decision.time_ms >= minute(5)
                    and ledger.position() == 0
                    and ledger.fills()
                ):
                    flat.append(decision.time_ms)
                    control(exchange.port, "account", reset=True, restart_ids=ids_anew)

        pace = Pace(slice_s=60.0, look_over_bars=60 if restart else 11)
        for bars in (10, 8) if restart else (18,):
            assert played.play(bars, on_decision=reset, pace=pace) == bars
        assert played.bars() == list(range(18))
        assert [kind for kind, _ in played.incidents()] == ["reset"]
        with played.ledger() as ledger:
            orders, epochs = ledger.orders(), ledger.epochs()
            position, expected, equity = (
                ledger.position(),
                ledger.expected(),
                ledger.equity(Decimal(100)),
            )
        assert [epoch.why for epoch in epochs] == ["start", "reset"]
        since = [order for order in orders if order.time_ms > flat[0]]
        assert len([order for order in since if order.epoch == 1]) >= 1
        assert len([order for order in since if order.epoch == 2]) >= 1
        account = exchange.exchange.account
        assert position == account.total("ETH")
        assert expected == {name: account.total(name) for name in ("ETH", "USD")}
        booked = [fill for fill in played.fills() if fill[0] > flat[0] // MINUTE + 1]
        trades = [
            trade for order in exchange.exchange.matching.orders.values() for trade in order.trades
        ]
        assert [fill[1:] for fill in booked] == [
            (one.side, one.amount, one.price, one.fee) for one in trades
        ]
        assert 0 < equity < 110_000
        assert set(exchange.front.log.posts.values()) == {1}


def test_an_account_without_enough_money(tiny: Any, eager: Path) -> None:
    with served(tiny.frame, tiny.config, balances={"USD": Decimal(500)}) as exchange:
        played = Played(eager, exchange, "poor")
        played.play(6)
        assert played.bars() == list(range(6))
        assert played.incidents()[0] == (
            *(
                "funds",
                "the account has 500 USD, the session trades with 100000.0: larger orders will be refused",
            ),
        )
        assert {state for _, state, _, _ in played.orders()} == {"REJECTED"}
        assert {kind for kind, _ in played.incidents()[1:]} == {"rejected"}
        assert played.fills() == []


def test_what_is_refused_is_asked_for_less_and_less_often(tiny: Any, tmp_path: Path) -> None:
    """The same order was sent again after every bar, with an incident each."""
    patient = {"signal": {"hold": 60}}
    with served(tiny.frame, tiny.config, balances={"USD": Decimal(500)}) as exchange:
        run = changed_copy(tiny.folder, tmp_path, enter=0.5, **patient)  # it wants to buy at once
        played = Played(run, exchange, "refused")

        def play(bars: int) -> list[int]:
            played.play(bars)
            return [(time_ms - START_MS) // MINUTE for time_ms, _, _, _ in played.orders()]

        assert play(5) == [0, 1, 3]
        assert play(4) == [0, 1, 3, 7]  # also after a restart
        assert {state for _, state, _, _ in played.orders()} == {"REJECTED"}
        assert [kind for kind, _ in played.incidents()] == ["funds", "rejected"]
        assert "after 1, 2, 4, ... bars, at most 16" in played.incidents("rejected")[0][1]
        assert played.bars() == list(range(9))
        assert len(played.posts()) == 4


def test_money_below_the_least_order_trades_nothing(played: Played) -> None:
    played.play(6, cash=Decimal(5))
    assert played.bars() == list(range(6)) and played.posts() == []


def test_a_strategy_that_looks_ahead_ends_the_session(tiny: Any, tmp_path: Path) -> None:
    run = changed_copy(tiny.folder, tmp_path, backtest={"strategy": "random_entry"})
    with (
        served(tiny.frame, tiny.config) as exchange,
        pytest.raises(StrategyError, match="looks ahead"),
    ):
        Played(run, exchange, "ahead").play(40)


def grown_old(monkeypatch: pytest.MonkeyPatch, young_bars: int) -> None:
    """Let the backtest of a session run on after so many bars instead of a day of them."""
    monkeypatch.setitem(Decider.__init__.__kwdefaults__, "young_bars", young_bars)


def test_an_old_session_trades_the_same_at_a_stretch_and_restarted(
    played: Played, untouched: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown_old(monkeypatch, 4)
    for some in (9, 1, 5):
        played.play(some, pace=Pace(slice_s=60.0, look_over_bars=3))
    check_same(played, untouched)
    assert played.incidents() == []


def old_from_the_first_bar(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, code: str
) -> Path:
    """A run with a strategy of a user's own, whose backtest runs on from the first bar."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / f"{name}.py").write_text(code)
    grown_old(monkeypatch, 0)
    return changed_copy(tiny.folder, tmp_path, backtest={"strategy": name})


PROPHET = """
import backtrader as bt

class Prophet(bt.Strategy):
    def next(self):
        later, now = self.data.close.array, len(self) - 1
        if now + 2 < len(later) and later[now + 2] > self.data.close[0] and not self.position:
            self.buy()
        elif self.position:
            self.close()
"""


def test_one_that_looks_ahead_in_an_old_session_ends_it_at_the_next_look(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = old_from_the_first_bar(tiny, tmp_path, monkeypatch, name="prophet", code=PROPHET)
    with served(tiny.frame, tiny.config) as exchange:
        one = Played(run, exchange, "ahead")
        with pytest.raises(StrategyError, match="'prophet' looks ahead"):
            one.play(40, pace=Pace(slice_s=60.0, look_over_bars=12))
        assert one.bars() == list(range(12))


ALTERNATING = """
import backtrader as bt

class Forgetful(bt.Indicator):
    lines = ("odd",)

    def next(self):
        self.lines.odd[0] = len(self) // 4 % 2 if len(self) < 12 else 0.0

    def once(self, start, end):
        for bar in range(start, end):
            self.lines.odd.array[bar] = (bar + 1) // 4 % 2

class Alternating(bt.Strategy):
    def __init__(self):
        self.indicator = Forgetful(self.data)

    def next(self):
        if self.indicator.odd[0] and not self.position:
            self.buy()
        elif not self.indicator.odd[0] and self.position:
            self.close()
"""


def test_one_that_differs_bar_by_bar_is_told_and_traded_as_a_replay_from_the_next_look_on(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From bar 11 on it wants something else; a look comes after 16 bars, a restart after 22."""
    run = old_from_the_first_bar(tiny, tmp_path, monkeypatch, name="alternating", code=ALTERNATING)
    with served(tiny.frame, tiny.config) as exchange:
        one = Played(run, exchange, "alternating")
        for bars, notes in ((22, 1), (6, 3)):
            one.play(bars, pace=Pace(slice_s=60.0, look_over_bars=16))
            assert len(one.incidents("replayed")) == len(one.incidents()) == notes
        check_books(one)
        held = [wanted > 0 for _, _, wanted in one.decisions()]
    assert held[12:16] == [False] * 4
    assert held[16:] == [(bar + 1) // 4 % 2 == 1 for bar in range(16, 28)]
