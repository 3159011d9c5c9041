"""The candles of a session over real sockets: what is kept, what is asked for, what is said of the rest."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from served_run import ReplayedClock

from cryptonn.errors import DataError, ExchangeError
from cryptonn.market.exchange.asking import AskedToWait
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.paper.feed import Feed
from cryptonn.paper.ledger import Ledger, SessionFacts
from tests.local_exchange.small_exchange import BARS, CANDLES, MINUTE, START_MS, small_exchange

BTC, ETH = "BTC/USD", "ETH/USD"
FACTS = SessionFacts("run", "{}", "c", "m", "1", "4.5", "local", ETH, Decimal(1000), START_MS)


def bar_ms(bar: float) -> int:
    return START_MS + round(bar * MINUTE)


class Fed:
    """A feed on the small exchange, with a clock that may be wrong."""

    def __init__(self, exchange: Any, ledger: Ledger, clock: ReplayedClock) -> None:
        self.exchange, self.ledger, self.clock = exchange, ledger, clock
        self.candles = LiveCandles(
            "binance", symbols=(ETH, BTC), timeframe="1m", port=exchange.port, sleep=clock.sleep
        )
        self.again()

    def again(self) -> None:
        """As a process that starts anew."""
        self.feed = Feed(
            *(self.ledger, self.candles, self.clock),
            names={ETH: ETH, BTC: BTC},
            timeframe="1m",
            log_start_ms=bar_ms(0),
        )

    def read(self, bar: int, *, at: float | None = None) -> tuple[str, ...]:
        """Read once a bar has closed, or at some other time in bars; return the symbols that are missing."""
        now_ms = bar_ms(bar + 1) + 1_000 if at is None else bar_ms(at)
        self.exchange.exchange.clock.advance(now_ms)
        return self.feed.read(bar=bar_ms(bar)).missing

    def settle(self, bar: int) -> None:
        self.feed.settle(self.feed.frame(bar=bar_ms(bar)), bar=bar_ms(bar))

    def step(self, bar: int) -> tuple[str, ...]:
        missing = self.read(bar)
        self.settle(bar)
        return missing

    def kept(self, symbol: str = ETH) -> list[int]:
        return [(row.time_ms - START_MS) // MINUTE for row in self.ledger.candles(symbol)]

    def quirk(self, **changes: Any) -> None:
        self.exchange.exchange.quirks.change(changes, now_ms=self.exchange.exchange.clock.now_ms())

    def fault(self, match: str, do: str, **more: Any) -> None:
        self.exchange.front.faults.add(
            [{"match": match, "do": do, **more}], self.exchange.front.dialects
        )

    def incidents(self) -> list[tuple[str, str]]:
        return [(row.kind, row.detail) for row in self.ledger.incidents()]

    def asked(self) -> int:
        return self.exchange.front.log.total


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    with small_exchange() as exchange, Ledger.open(tmp_path / "s.sqlite", FACTS) as ledger:
        found = Fed(exchange, ledger, ReplayedClock(exchange))
        with found.candles:
            yield found


def traded(until: int, since: int = 0) -> list[int]:
    volume = CANDLES[ETH]["volume"].to_numpy()
    return [bar for bar in range(since, until + 1) if volume[bar] > 0]


def test_what_has_closed_is_kept_once(fed: Fed) -> None:
    for bar in range(4, 10):
        fed.step(bar)
    assert fed.kept() == fed.kept(BTC) == traded(9)
    frame = fed.feed.frame(bar=bar_ms(9))
    assert frame.filled[ETH].tolist() == [bar not in traded(9) for bar in range(10)]
    for symbol in (ETH, BTC):
        theirs = CANDLES[symbol].iloc[:10]
        assert frame.candles(symbol).to_numpy().tolist() == theirs.to_numpy().tolist()
    assert fed.incidents() == []


def test_a_clock_of_ours_that_is_ahead_takes_no_half_bar(fed: Fed) -> None:
    fed.clock.off_ms = 3_000
    found = fed.feed.read(bar=bar_ms(4))
    fed.exchange.exchange.clock.advance(bar_ms(5) - 1_500)
    found = fed.feed.read(bar=bar_ms(4))
    assert fed.clock.now_ms() > bar_ms(5) > found.server_ms
    assert found.missing == (ETH, BTC) and fed.kept() == [0, 1, 2, 3]
    assert (found.asked_ms, found.answered_ms) == (bar_ms(5) + 1_500, bar_ms(5) + 1_500)
    assert fed.read(4) == () and fed.kept() == [0, 1, 2, 3, 4]


def test_a_bar_without_a_trade_is_known_by_the_one_after_it(fed: Fed) -> None:
    assert fed.step(6) == ()
    assert fed.step(7) == (ETH, BTC)  # 7 and 8 were not traded, so nothing tells
    assert fed.step(8) == ()  # 9 is there already
    assert fed.kept() == traded(8)


def test_little_is_read_again_and_a_long_gap_whole(fed: Fed) -> None:
    for bar in range(20, 23):
        fed.step(bar)
    since = fed.asked()
    fed.step(23)
    assert fed.asked() - since == 3
    fed.step(BARS - 50)
    assert fed.kept() == traded(BARS - 50)
    fed.quirk(frozen_feed={BTC: fed.exchange.exchange.clock.now_ms()})
    for bar in range(BARS - 49, BARS - 40):
        fed.step(bar)
    since = fed.asked()
    fed.step(BARS - 40)
    assert fed.asked() - since == 3
    assert fed.kept() == traded(BARS - 40)
    assert fed.kept(BTC)[-1] == BARS - 49
    assert fed.incidents() == []


def test_a_process_that_starts_anew_goes_on_from_the_ledger(fed: Fed) -> None:
    from cryptonn.paper.decision import Decision

    for bar in range(4, 9):
        fed.step(bar)
    fed.ledger.plan(
        Decision(bar_ms(8), bar_ms(9), 0.5, 0, Decimal(0), Decimal(1), near=False), None, at_ms=0
    )
    before = fed.feed.frame(bar=bar_ms(8))
    fed.again()
    assert fed.feed.frame(bar=bar_ms(8)).table.equals(before.table)
    fed.step(12)
    assert fed.kept() == traded(12)


def test_a_row_for_a_bar_that_was_settled_stays_out(fed: Fed) -> None:
    fed.quirk(missing_candles={ETH: [(bar_ms(10), bar_ms(13))]})
    for bar in range(9, 13):
        fed.step(bar)
    fed.quirk(missing_candles={})
    for bar in range(13, 18):
        fed.step(bar)
    assert fed.kept() == [bar for bar in traded(17) if bar not in (10, 11, 12)]
    kinds = [kind for kind, _ in fed.incidents()]
    assert (
        kinds == ["late"]
        and "2020-09-13 12:37Z" in fed.incidents()[0][1]
        and "2 more" in fed.incidents()[0][1]
    )
    assert fed.feed.frame(bar=bar_ms(17)).filled[ETH].sum() == 3 + 2  # and two that were not traded


def test_what_is_odd_is_told_once(fed: Fed) -> None:
    fed.quirk(
        revised_candles={
            ETH: {bar_ms(9): {"close": 1.0, "low": 0.5}},
            BTC: {bar_ms(9): {"volume": 7.0}},
        }
    )
    for bar in range(8, 10):
        fed.step(bar)
    fed.quirk(revised_candles={})
    for bar in range(10, 14):
        fed.step(bar)
    assert [kind for kind, _ in fed.incidents()] == ["revised", "revised"]
    assert fed.ledger.candles(ETH, since_ms=bar_ms(9))[0].close == 1.0


def test_a_feed_that_stands_still_is_told_once_it_is_old(fed: Fed) -> None:
    fed.step(9)
    fed.quirk(frozen_feed=True)
    assert fed.step(10) == ()  # it was in progress
    for bar in range(11, 15):
        assert fed.step(bar) == (ETH, BTC)
    assert fed.incidents() == []
    for bar in range(15, 20):
        fed.step(bar)
    assert [kind for kind, _ in fed.incidents()] == ["stale"]


def test_an_exchange_that_asks_for_a_long_wait(fed: Fed) -> None:
    fed.fault("GET /api/v3/klines", "429", retry_after=90)
    with pytest.raises(AskedToWait) as caught:
        fed.read(4)
    assert caught.value.wait_s == 90
    fed.fault("GET /api/v3/klines", "429", retry_after=3)
    before_ms = fed.clock.now_ms()
    assert fed.read(4) == () and 3_000 <= fed.clock.now_ms() - before_ms < 10_000


@pytest.mark.parametrize("where", ["GET /api/v3/klines", "GET /api/v3/time"])
@pytest.mark.parametrize(
    "do", ["drop", "reset mid-body", "500", "html", "truncated", "nulls", "wrong type", "redirect"]
)
def test_a_reading_that_fails_keeps_nothing_half(fed: Fed, where: str, do: str) -> None:
    fed.fault(where, do, n=3)
    with pytest.raises(ExchangeError):
        fed.read(4)
    assert fed.kept() in ([], [0, 1, 2, 3, 4]) and fed.kept(BTC) == []
    assert fed.read(5) == () and fed.kept() == fed.kept(BTC) == traded(5)


def test_a_symbol_without_any_candle(fed: Fed) -> None:
    fed.quirk(missing_candles={BTC: [(0, bar_ms(BARS))]})
    fed.read(4)
    with pytest.raises(DataError, match=r"binance has no candles of BTC/USD.*--symbols"):
        fed.feed.check()
    fed.quirk(missing_candles={})
    fed.read(5)
    fed.feed.check()
