"""Downloads through the genuine ccxt class, from a real server on 127.0.0.1 that speaks as binance does."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import ccxt
import numpy as np
import pandas as pd
import pytest
from ccxt.base import errors as ccxt_errors
from hypothesis import given
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, DataError, ExchangeError
from cryptonn.market.candles import align
from cryptonn.market.exchange import asking
from cryptonn.market.exchange.download import download_candles
from cryptonn.market.exchange.failures import MEANINGS, meaning_of
from cryptonn.market.exchange.pages import HOLE, missing_stretches, reply_candles, taken_up_again
from cryptonn.market.exchange.shelf import joined, without
from cryptonn.market.store.candle_store import Store
from cryptonn.market.synthetic import synthetic_market
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import SyntheticConfig
from tests.market.binance_server import BinanceServer, ToServer, serving

ETH, BTC = "ETH/USDT", "BTC/USDT"
MARKET = synthetic_market(SyntheticConfig(days=5), target=ETH, other=BTC, horizon=5).candles
FULL_DAY = align({ETH: MARKET[ETH]}, timeframe="1m").candles(ETH).iloc[:1440]
THREE_DAYS = TimeRange.parse("20180101-20180104")
LATER = pd.Timestamp("2018-02-01", tz="UTC")


@pytest.fixture
def served() -> BinanceServer:
    return BinanceServer(MARKET, now=LATER)


@pytest.fixture
def transport(served: BinanceServer) -> Iterator[ToServer]:
    with serving(served) as adapter:
        yield adapter


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def fetch(store: Store, transport: Any, **changes: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {
        **{
            "exchange": "binance",
            "symbols": (ETH,),
            "timeframe": "1m",
            "timerange": THREE_DAYS,
            "now": LATER,
        },
        **{"transport": transport, "sleep": lambda seconds: None, "pages_a_write": 2},
    }
    return download_candles(store, **{**settings, **changes})


def stored(store: Store, symbol: str = ETH) -> pd.DataFrame:
    return store.read(symbol, timeframe="1m", exchange="binance")


def same(table: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, expected, check_exact=True, check_freq=False)


def files(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.root.rglob("*.*"))}


# What is fetched


def test_three_days_of_both_coins_are_stored_as_served(store: Store, transport: ToServer) -> None:
    report = fetch(store, transport, symbols=(BTC, ETH))
    for symbol in (BTC, ETH):
        expected = THREE_DAYS.select(MARKET[symbol])
        same(stored(store, symbol), expected)
        assert report.loc[symbol, "rows"] == len(expected)
    assert list(report.columns) == ["rows", "start", "end", "missing"]
    assert list(report["missing"]) == [(), ()]
    assert (report["start"] == THREE_DAYS.start).all()
    assert (report["end"] == THREE_DAYS.end).all()


def test_minutes_the_exchange_lacks_are_absent(store: Store, transport: ToServer) -> None:
    fetch(store, transport)
    assert 0 < len(stored(store)) < 3 * 1440


def test_pages_are_the_largest_and_go_forward(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    fetch(store, transport)
    starts = [int(request["startTime"]) for request in served.requests]
    assert {request["limit"] for request in served.requests} == {"1000"}
    assert starts == sorted(set(starts))
    assert len(starts) == -(-len(THREE_DAYS.select(MARKET[ETH])) // 1000)


def test_nothing_but_candles_markets_and_the_clock_is_asked_for(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    fetch(store, transport)
    assert set(served.paths) == {"/api/v3/klines", "/api/v3/exchangeInfo", "/api/v3/time"}


def test_progress_is_told_after_every_page(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    told: list[tuple[Any, ...]] = []
    fetch(store, transport, on_page=lambda *step: told.append(step))
    assert len(told) == len(served.requests)
    assert {step[0] for step in told} == {ETH}
    assert [step[1] for step in told] == sorted({step[1] for step in told})
    assert told[-1][1:] == (THREE_DAYS.end, THREE_DAYS.start, THREE_DAYS.end, len(stored(store)))


def test_a_coarser_timeframe_has_its_own_grid() -> None:
    day = missing_stretches(np.empty(0, dtype=np.int64), span=(0, 86_400 * 10**9), timeframe="1h")
    assert day == [(0, 86_400 * 10**9)]


QUARTER = pd.Timedelta(minutes=15)
NEWEST = pd.Timestamp("2018-02-01 12:00", tz="UTC")


def quarters(number: int) -> pd.DataFrame:
    """So many believable bars of 15 minutes, the last closing at NEWEST."""
    index = pd.date_range(
        end=NEWEST - QUARTER, periods=number, freq=QUARTER, name="time", unit="ns"
    )
    close = 100 + np.arange(number) / 8
    values = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.5}
    return pd.DataFrame(values, index=pd.DatetimeIndex(index, freq=None))


@pytest.mark.parametrize(
    ("bars", "calls"),
    [(8, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)],
    ids=lambda number: f"{number:,}",
)
def test_quarters_of_an_hour_take_the_fewest_calls_whatever_the_range(
    store: Store, bars: int, calls: int
) -> None:
    table = quarters(2600)
    served = BinanceServer({ETH: table}, now=NEWEST + pd.Timedelta(minutes=7), minutes=15)
    timerange = TimeRange(start=NEWEST - bars * QUARTER)
    with serving(served) as transport:
        report = fetch(store, transport, timeframe="15m", timerange=timerange, now=served.now)
        assert report.loc[ETH, "rows"] == bars
        assert [request["interval"] for request in served.requests] == ["15m"] * calls
        fetch(store, transport, timeframe="15m", timerange=timerange, now=served.now)
        assert len(served.requests) == calls, "what is stored is not asked for again"
    same(store.read(ETH, timeframe="15m", exchange="binance"), table.iloc[-bars:])


def test_a_range_of_quarters_of_an_hour_in_the_past_ends_where_it_says(store: Store) -> None:
    table = quarters(2600)
    wanted = TimeRange.parse("20180110T0600-20180110T0800")
    with serving(BinanceServer({ETH: table}, now=NEWEST, minutes=15)) as transport:
        assert (
            fetch(store, transport, timeframe="15m", timerange=wanted, now=NEWEST).loc[ETH, "rows"]
            == 8
        )
    same(store.read(ETH, timeframe="15m", exchange="binance"), wanted.select(table))


def test_the_quarter_of_an_hour_in_progress_is_never_stored(store: Store) -> None:
    table = quarters(20)
    for minutes, bars in ((-1, 19), (0, 20)):
        served = BinanceServer({ETH: table}, now=NEWEST + pd.Timedelta(minutes=minutes), minutes=15)
        with serving(served) as transport:
            fetch(
                store,
                transport,
                timeframe="15m",
                timerange=TimeRange.parse("20180201-"),
                now=served.now,
            )
        same(store.read(ETH, timeframe="15m", exchange="binance"), table.iloc[:bars])


# The bar in progress


@pytest.mark.parametrize(
    ("now", "last"), [("12:00:30", "11:59"), ("12:00:00", "11:59"), ("11:59:59.999", "11:58")]
)
def test_the_bar_in_progress_is_never_stored(store: Store, now: str, last: str) -> None:
    instant = pd.Timestamp(f"2018-01-01 {now}", tz="UTC")
    with serving(BinanceServer({ETH: FULL_DAY}, now=instant)) as transport:
        fetch(store, transport, now=instant)
        assert stored(store).index[-1] == pd.Timestamp(f"2018-01-01 {last}", tz="UTC")
        same(stored(store), FULL_DAY.loc[: stored(store).index[-1]])


def test_a_computer_whose_clock_is_fast_stores_no_bar_in_progress(store: Store) -> None:
    with serving(
        BinanceServer({ETH: FULL_DAY}, now=pd.Timestamp("2018-01-01 12:00:30", tz="UTC"))
    ) as transport:
        fetch(store, transport, now=pd.Timestamp("2018-01-01 12:03", tz="UTC"))
        assert stored(store).index[-1] == pd.Timestamp("2018-01-01 11:59", tz="UTC")


def test_a_range_without_an_end_ends_now_and_the_next_download_goes_on(store: Store) -> None:
    served = BinanceServer(MARKET, now=pd.Timestamp("2018-01-02 08:00:20", tz="UTC"))
    with serving(served) as transport:
        fetch(store, transport, timerange=TimeRange.parse("20180101-"), now=served.now)
        same(stored(store), MARKET[ETH].loc[:"2018-01-02 07:59"])
        served.now, asked = pd.Timestamp("2018-01-03", tz="UTC"), len(served.requests)
        fetch(store, transport, timerange=TimeRange.parse("20180101-"), now=served.now)
        same(stored(store), MARKET[ETH].loc[:"2018-01-02 23:59"])
        assert all(
            int(request["startTime"]) >= 1_514_880_000_000 for request in served.requests[asked:]
        )


# Stopped and taken up again


def test_what_is_stored_is_not_fetched_again(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    fetch(store, transport)
    before, asked = files(store), len(served.requests)
    report = fetch(store, transport)
    assert report.loc[ETH, "rows"] == 0
    assert len(served.requests) == asked
    assert files(store) == before


@pytest.mark.parametrize("pages", [1, 2, 3, 4])
def test_a_download_stopped_by_the_user_goes_on_and_ends_the_same(
    tmp_path: Path, served: BinanceServer, transport: ToServer, pages: int
) -> None:
    whole, halves = Store(tmp_path / "whole"), Store(tmp_path / "halves")
    fetch(whole, transport)

    def stop(*step: Any) -> None:
        if len(served.requests) == asked + pages:
            raise KeyboardInterrupt

    asked = len(served.requests)
    with pytest.raises(KeyboardInterrupt):
        fetch(halves, transport, on_page=stop)
    assert len(stored(halves)) == min(1000 * pages, len(stored(whole)))
    fetch(halves, transport)
    assert files(halves) == files(whole)
    assert len(served.requests) == 2 * asked, "no page was fetched twice"


def test_a_download_that_loses_the_server_keeps_what_it_has(
    tmp_path: Path, served: BinanceServer, transport: ToServer
) -> None:
    whole, halves = Store(tmp_path / "whole"), Store(tmp_path / "halves")
    fetch(whole, transport)
    served.faults = {len(served.requests) + number: "reset" for number in range(3, 50)}
    with pytest.raises(
        ExchangeError, match=r"(?s)candles of ETH/USDT from 2018-01-03.*goes on from here"
    ):
        fetch(halves, transport)
    assert len(stored(halves)) == 3000
    served.faults = {}
    fetch(halves, transport)
    assert files(halves) == files(whole)


def test_a_killed_process_loses_no_more_than_the_pages_between_two_writes(
    tmp_path: Path, served: BinanceServer, transport: ToServer
) -> None:
    script = f"""
import os
from pathlib import Path
from tests.market.test_download import *
def kill(*step):
    if step[-1] >= 3000:
        os._exit(9)
fetch(Store(Path({str(tmp_path / "killed")!r})), ToServer({transport.port}), on_page=kill)
"""
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", script], cwd=root, check=False).returncode == 9
    killed, whole = Store(tmp_path / "killed"), Store(tmp_path / "whole")
    assert len(stored(killed)) == 2000
    fetch(killed, transport)
    fetch(whole, transport)
    assert files(killed) == files(whole)


def test_an_earlier_start_and_a_hole_are_filled(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    fetch(store, transport, timerange=TimeRange.parse("20180101T0600-20180101T0700"))
    fetch(store, transport, timerange=TimeRange.parse("20180102-20180103"))
    fetch(store, transport)
    same(stored(store), THREE_DAYS.select(MARKET[ETH]))


def test_imported_candles_are_kept_and_not_fetched_again(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    imported = FULL_DAY.assign(volume=1.0)
    store.write(
        imported, symbol=ETH, exchange="binance", timeframe="1m", sources=[{"file": "mine.csv"}]
    )
    fetch(store, transport)
    same(stored(store), pd.concat([imported, MARKET[ETH].loc["2018-01-02":"2018-01-03"]]))


@given(st.data())
def test_what_was_asked_and_what_is_left_make_up_the_whole(data: st.DataObject) -> None:
    stretch = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(
        lambda pair: (min(pair), max(pair))
    )
    stretches, removed = (
        data.draw(st.lists(stretch, max_size=4)),
        data.draw(st.lists(stretch, max_size=4)),
    )

    def instants(parts: list[tuple[int, int]]) -> set[int]:
        return {instant for start, end in parts for instant in range(start, end)}

    whole = joined(stretches)
    assert instants(whole) == instants(stretches)
    assert all(first[1] < second[0] for first, second in pairwise(whole))
    left = without(whole, removed)
    assert instants(left) == instants(whole) - instants(removed)
    assert left == sorted(left)


def test_a_stretch_is_never_left_so_short_that_it_would_pass_for_a_quiet_one() -> None:
    minute = 60 * 10**9
    for reached in range(100):
        held = np.array([*range(reached), *range(100, 110)], dtype=np.int64) * minute
        rest = missing_stretches(held, span=(0, 110 * minute), timeframe="1m")
        if taken_up_again(reached * minute, 100 * minute, timeframe="1m"):
            assert rest == ([(reached * minute, 100 * minute)])
        elif reached:
            assert rest == []
    assert not taken_up_again((100 - HOLE) * minute, 100 * minute, timeframe="1m")
    assert taken_up_again(100 * minute, 100 * minute, timeframe="1m")


def test_a_range_that_begins_before_the_first_trade_is_no_error(
    store: Store, transport: ToServer
) -> None:
    fetch(store, transport, timerange=TimeRange.parse("20171001-20180102"))
    same(stored(store), MARKET[ETH].loc["2018-01-01":"2018-01-01"])


# Faults of the exchange and the network


@pytest.mark.parametrize(
    "fault", ["429", "418", "500", "502 html", "truncated", "nulls", "conflict", "impossible"]
)
@pytest.mark.parametrize("number", [0, 2])
def test_a_passing_fault_leaves_no_trace(
    store: Store, served: BinanceServer, transport: ToServer, fault: str, number: int
) -> None:
    served.faults = {number: fault}
    fetch(store, transport)
    same(stored(store), THREE_DAYS.select(MARKET[ETH]))


@pytest.mark.parametrize("fault", ["slow", "reset"])
def test_a_lost_connection_leaves_no_trace(
    store: Store, served: BinanceServer, transport: ToServer, fault: str
) -> None:
    served.faults = {1: fault}
    fetch(store, transport)
    same(stored(store), THREE_DAYS.select(MARKET[ETH]))


def test_identical_repetitions_are_dropped(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    waits: list[float] = []
    served.faults = {1: "doubled"}
    fetch(store, transport, sleep=waits.append)
    assert waits == [], "they are no fault"
    same(stored(store), THREE_DAYS.select(MARKET[ETH]))


def test_waiting_doubles_and_is_capped(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    waits: list[float] = []
    served.always = "500"
    with pytest.raises(
        ExchangeError, match=r"binance, candles of ETH/USDT .*\(6 tries\).*wait a little"
    ):
        fetch(store, transport, sleep=waits.append)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert (
        max(asking.FIRST_WAIT * 2**attempt for attempt in range(asking.TRIES)) > asking.LONGEST_WAIT
    )


def test_the_wait_the_exchange_asks_for_is_kept(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    waits: list[float] = []
    served.faults = {1: "429"}
    fetch(store, transport, sleep=waits.append)
    assert waits == [7.0]


def test_a_ban_for_a_day_ends_the_download(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    waits: list[float] = []
    served.faults = {2: "banned"}
    with pytest.raises(ExchangeError, match="asks to wait 86,400 s"):
        fetch(store, transport, sleep=waits.append)
    assert waits == []
    assert len(stored(store)) == 2000


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("truncated", "the reply is no JSON"),
        ("nulls", "1 row of 1000 without a value"),
        ("conflict", "two different bars of one time"),
        ("impossible", r"impossible bar at 2018-01-01 .*high 1"),
        ("451", "451"),
        ("slow", "RequestTimeout|timed out|klines"),
    ],
)
def test_a_lasting_fault_ends_in_one_clear_error(
    store: Store, served: BinanceServer, transport: ToServer, fault: str, words: str
) -> None:
    served.always = fault
    with pytest.raises(ExchangeError, match=words) as caught:
        fetch(store, transport, sleep=lambda seconds: None)
    assert caught.value.__cause__ is not None
    assert store.entries() == [], "nothing doubtful is stored"


def test_a_truncated_list_of_markets_is_asked_for_again(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    served.truncated_markets = 2
    fetch(store, transport)
    same(stored(store), THREE_DAYS.select(MARKET[ETH]))


def test_no_server_at_all(store: Store, served: BinanceServer) -> None:
    with serving(served) as transport:
        pass
    with pytest.raises(ExchangeError, match="binance, list of markets"):
        fetch(store, transport)


def test_every_ccxt_error_has_a_meaning() -> None:
    classes = {name for name in ccxt_errors.__all__ if name != "error_hierarchy"}
    assert classes == set(MEANINGS)


def test_errors_of_ccxt_become_ours() -> None:
    assert meaning_of(ccxt.BadSymbol("x"))[0] is ConfigError
    assert meaning_of(ccxt.RestrictedLocation("x"))[:2] == (ExchangeError, False)
    assert meaning_of(type("New", (ccxt.RequestTimeout,), {})("x"))[:2] == (ExchangeError, True)


# Wrong settings


def test_an_unknown_exchange(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"'binanse' is unknown.*Did you mean 'binance'"):
        fetch(store, None, exchange="binanse")


def test_an_exchange_without_candles(store: Store) -> None:
    with pytest.raises(ConfigError, match="bitflyer gives no candles"):
        fetch(store, None, exchange="bitflyer")


def test_a_timeframe_the_exchange_lacks(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"binance has no candles of 7m.*1m"):
        fetch(store, None, timeframe="7m")


def test_a_timeframe_that_is_none(store: Store) -> None:
    with pytest.raises(ConfigError, match="timeframe 'minute'"):
        fetch(store, None, timeframe="minute")


def test_a_symbol_the_exchange_lacks(
    store: Store, served: BinanceServer, transport: ToServer
) -> None:
    with pytest.raises(ConfigError, match=r"binance has no ETH/USD\. Did you mean 'ETH/USDT'"):
        fetch(store, transport, symbols=(BTC, "ETH/USD"))
    assert served.requests == [], "every symbol is looked up before the first candle is fetched"


def test_a_range_in_the_future(store: Store, transport: ToServer) -> None:
    with pytest.raises(
        ConfigError, match=r"20190101-20200101 holds no 1m bar that has closed.*earlier start"
    ):
        fetch(store, transport, timerange=TimeRange.parse("20190101-20200101"))


def test_a_range_without_a_start(store: Store, transport: ToServer) -> None:
    with pytest.raises(ConfigError, match="needs a start"):
        fetch(store, transport, timerange=TimeRange.parse("-20180103"))


def test_a_range_the_exchange_has_nothing_of(store: Store, transport: ToServer) -> None:
    with pytest.raises(
        ExchangeError, match=r"gave no 1m candle of ETH/USDT from 2018-01-10.*later range"
    ):
        fetch(store, transport, timerange=TimeRange.parse("20180110-20180112"))


# A reply's rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (None, "no list"),
        ("[[1514", "no list"),
        ([[1514764800000, 1.0, 1.0]], "no list"),
        ([[None] * 6], "1 row of 1 without a value"),
        ([[1514764800000, 1.0, 1.0, 1.0, float("nan"), 1.0]], "without a value"),
        ([[1514764800001, 1.0, 1.0, 1.0, 1.0, 1.0]], "grid"),
        ([[1514764800000, 1.0, 1.0, 1.0, 1.0, -1.0]], "volume -1"),
        ([[1514764800000, 0.0, 1.0, 0.0, 1.0, 1.0]], "not above 0"),
    ],
)
def test_rows_that_are_no_candles(rows: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        reply_candles(rows, timeframe="1m")


def test_rows_are_put_in_order() -> None:
    rows = [[1514764860000, 1.0, 1.0, 1.0, 1.0, 1.0], [1514764800000, 2.0, 2.0, 2.0, 2.0, 1.0]]
    assert reply_candles(rows, timeframe="1m")["close"].tolist() == [2.0, 1.0]
    assert reply_candles([], timeframe="1m").empty
