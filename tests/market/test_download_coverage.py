"""Downloads from exchanges that give less than they are asked for, through ccxt's own classes and a stub transport."""

import functools
import json
from pathlib import Path
from typing import Any

import ccxt
import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import ExchangeError
from cryptonn.market.exchange import download
from cryptonn.market.exchange.coverage import Missing, coverage_words
from cryptonn.market.exchange.download import NothingCame, download_candles
from cryptonn.market.exchange.pages import quiet_bars
from cryptonn.market.newest import fetched_candles
from cryptonn.market.store.candle_store import Store
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig
from tests.market.binance_server import BinanceServer, serving
from tests.market.stub_exchanges import SYMBOLS, StubExchange, minutes

NOW = pd.Timestamp("2020-03-01 12:00:30", tz="UTC")
END = pd.Timestamp("2020-03-01 12:00", tz="UTC")
MINUTES = minutes("2020-02-27", "2020-03-01 12:05")
CLOSED = MINUTES.loc[: END - pd.Timedelta(minutes=1)]
NEWEST_ONLY = {"kraken": 720, "gemini": 1440, "bithumb": 200}
"""Exchanges that give their newest candles whatever ``since`` is, and how many with the one in progress."""
BY_WINDOW = ("bitstamp", "coinbaseexchange", "okx", "mexc")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """ccxt keeps a pace between two requests, which a stub has no need of."""
    monkeypatch.setattr(ccxt.Exchange, "throttle", lambda api, cost=None: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def ago(count: int) -> TimeRange:
    """The newest so many closed minutes, and all that are to come."""
    return TimeRange(start=END - count * pd.Timedelta(minutes=1))


def fetch(store: Store, stub: StubExchange, timerange: TimeRange | str) -> "pd.Series[Any]":
    """Download; return the row of the report."""
    wanted = TimeRange.parse(timerange) if isinstance(timerange, str) else timerange
    report = download_candles(
        store,
        exchange=stub.name,
        symbols=[SYMBOLS[stub.name]],
        timeframe="1m",
        timerange=wanted,
        now=stub.now,
        transport=stub,
        sleep=lambda seconds: None,
        pages_a_write=3,
    )
    return report.iloc[0]


def stored(store: Store, stub: StubExchange) -> pd.DataFrame:
    return store.read(SYMBOLS[stub.name], timeframe="1m", exchange=stub.name)


def same(table: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, expected, check_exact=True, check_freq=False)


def remembered(store: Store) -> list[list[str]]:
    """The stretches that the manifest says were asked for."""
    (entry,) = store.entries()
    return [stretch for source in entry.sources for stretch in source["asked"]]


def told(found: "pd.Series[Any]") -> list[tuple[str, str, str]]:
    return [
        (part.kind, f"{part.start:%m-%d %H:%M}", f"{part.end:%m-%d %H:%M}")
        for part in found["missing"]
    ]


def without(start: str, end: str) -> pd.DataFrame:
    """All minutes but those in [start, end)."""
    index = MINUTES.index
    hole = (index >= pd.Timestamp(start, tz="UTC")) & (index < pd.Timestamp(end, tz="UTC"))
    return MINUTES[~hole]


# Exchanges that cover the range


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_range_that_is_covered_is_stored_whole_and_not_asked_for_again(
    store: Store, name: str
) -> None:
    stub = StubExchange(name, MINUTES, NOW)
    wanted = 190 if name in NEWEST_ONLY else 3000
    found = fetch(store, stub, ago(wanted))
    assert found["missing"] == ()
    assert found["rows"] == wanted
    same(stored(store, stub), CLOSED.iloc[-wanted:])
    assert len(stub.asked) <= 17
    stub.asked.clear()
    assert fetch(store, stub, ago(wanted))["rows"] == 0
    assert stub.asked == []


@pytest.mark.parametrize("name", SYMBOLS)
def test_the_bar_in_progress_and_later_ones_are_never_stored(store: Store, name: str) -> None:
    stub = StubExchange(name, MINUTES, NOW)
    fetch(store, stub, ago(100))
    assert stored(store, stub).index[-1] == END - pd.Timedelta(minutes=1)


# Exchanges that give their newest candles whatever they are asked for


@pytest.mark.parametrize(("name", "newest"), NEWEST_ONLY.items())
def test_an_exchange_that_ignores_since_is_found_out_by_one_request(
    store: Store, name: str, newest: int
) -> None:
    stub = StubExchange(name, MINUTES, NOW)
    found = fetch(store, stub, "20170101-")
    same(stored(store, stub), CLOSED.iloc[1 - newest :])
    first = stored(store, stub).index[0]
    (missing,) = found["missing"]
    assert missing.kind == "newest only"
    assert (missing.start, missing.end) == (pd.Timestamp("2017-01-01", tz="UTC"), first)
    assert f"it gave its newest {newest:,} candles" in missing.why
    assert len(stub.asked) == 1
    assert remembered(store) == [[f"{first:%Y-%m-%d %H:%M}Z", "2020-03-01 12:00Z"]]


@pytest.mark.parametrize("name", NEWEST_ONLY)
def test_what_is_missing_is_asked_for_again_and_told_again(store: Store, name: str) -> None:
    stub = StubExchange(name, MINUTES, NOW)
    first = fetch(store, stub, "20200227-")
    stub.asked.clear()
    second = fetch(store, stub, "20200227-")
    assert second["rows"] == 0
    assert second["missing"] == first["missing"]
    assert len(stub.asked) == 1


@pytest.mark.parametrize(("name", "newest"), NEWEST_ONLY.items())
def test_a_range_before_all_that_is_kept(store: Store, name: str, newest: int) -> None:
    stub = StubExchange(name, MINUTES, NOW)
    with pytest.raises(NothingCame, match=rf"its newest {newest:,} candles.*import-data") as caught:
        fetch(store, stub, "20200101-20200201")
    assert len(stub.asked) == 1
    assert store.entries() == []
    assert told(caught.value.report.iloc[0]) == [("newest only", "01-01 00:00", "02-01 00:00")]


@pytest.mark.parametrize("lacking", [1, 5, 59])
def test_a_few_minutes_that_were_kept_back_are_no_quiet_market(store: Store, lacking: int) -> None:
    stub = StubExchange("kraken", MINUTES, NOW)
    found = fetch(store, stub, ago(719 + lacking))
    assert [part.bars for part in found["missing"]] == [lacking]
    assert fetch(store, stub, ago(719)).to_dict()["missing"] == ()


def test_a_later_download_that_left_too_much_time_has_a_hole(store: Store) -> None:
    stub = StubExchange("kraken", MINUTES, pd.Timestamp("2020-02-28 00:00:30", tz="UTC"))
    fetch(store, stub, "20200227T1300-")
    stub.now = NOW
    found = fetch(store, stub, "20200227T1300-")
    assert told(found) == [("newest only", "02-28 00:00", "03-01 00:01")]
    assert remembered(store) == [
        ["2020-02-27 13:00Z", "2020-02-28 00:00Z"],
        ["2020-03-01 00:01Z", "2020-03-01 12:00Z"],
    ]


def test_a_manifest_that_remembers_too_much_is_not_believed(store: Store) -> None:
    """Before, the whole range was remembered as asked for, and never asked for again."""
    stub = StubExchange("bitfinex", MINUTES, NOW)
    asked = [["2020-02-27 00:00Z", "2020-03-01 12:00Z"]]
    source = {"file": "bitfinex through ccxt", "sha256": "", "dialect": "ccxt", "asked": asked}
    store.write(
        CLOSED.iloc[-719:],
        symbol="ETH/USD",
        exchange="bitfinex",
        timeframe="1m",
        sources=[source],
    )
    assert fetch(store, stub, "20200227-")["missing"] == ()
    same(stored(store, stub), CLOSED)


# Exchanges that keep little


@pytest.mark.parametrize("name", BY_WINDOW)
def test_what_is_kept_is_found_in_few_requests_however_long_the_range(
    store: Store, name: str
) -> None:
    stub = StubExchange(name, MINUTES, NOW, keeps=1000)
    found = fetch(store, stub, "20170101-")
    same(stored(store, stub), CLOSED.loc["2020-02-29 19:21":])
    assert told(found) == [("older", "01-01 00:00", "02-29 19:21")]
    assert "keeps no older candles" in found["missing"][0].why
    assert len(stub.asked) < 90, "three years of minutes are 5,000 pages and more"


def test_an_exchange_that_refuses_what_is_too_old(store: Store) -> None:
    table = minutes("2020-02-20", "2020-03-01 12:05")
    stub = StubExchange("gate", table, NOW)
    found = fetch(store, stub, "20190101-")
    (missing,) = found["missing"]
    assert missing.kind == "refused"
    assert "Candlestick too long ago. Maximum 10000 points ago are allowed" in missing.why
    assert len(stored(store, stub)) == 9_999
    assert missing.end == stored(store, stub).index[0]
    assert len(stub.asked) < 90


def test_a_range_that_is_refused_whole(store: Store) -> None:
    stub = StubExchange("gate", MINUTES, NOW)
    with pytest.raises(NothingCame, match="Candlestick too long ago"):
        fetch(store, stub, "20190101-20190201")


@pytest.mark.parametrize("name", ["bitfinex", *BY_WINDOW])
def test_a_coin_listed_after_the_start(store: Store, name: str) -> None:
    stub = StubExchange(name, MINUTES.loc["2020-02-28 07:13":], NOW)
    found = fetch(store, stub, "20190601-")
    assert told(found) == [("older", "06-01 00:00", "02-28 07:13")]
    assert "was not traded there before" in found["missing"][0].why
    same(stored(store, stub), CLOSED.loc["2020-02-28 07:13":])
    assert len(stub.asked) < 90
    assert fetch(store, stub, "20200228T0713-")["missing"] == ()


@pytest.mark.parametrize("name", BY_WINDOW)
def test_a_hole_soon_after_the_first_candle_hides_none_from_before_it(
    store: Store, name: str
) -> None:
    stub = StubExchange(name, without("2020-02-28 10:00", "2020-02-29 10:00"), NOW)
    found = fetch(store, stub, "20190601-")
    assert told(found) == [
        ("older", "06-01 00:00", "02-27 00:00"),
        ("hole", "02-28 10:00", "02-29 10:00"),
    ]
    same(stored(store, stub), CLOSED[CLOSED.index.isin(stub.table.index)])
    assert len(stub.asked) < 120


@pytest.mark.parametrize("name", ["bitfinex", *BY_WINDOW])
def test_a_coin_that_is_not_traded_any_more(store: Store, name: str) -> None:
    stub = StubExchange(
        name, MINUTES.loc[:"2020-02-28 07:13"], pd.Timestamp("2023-01-01", tz="UTC")
    )
    found = fetch(store, stub, "20200227-")
    assert told(found) == [("end", "02-28 07:14", "01-01 00:00")]
    assert len(stub.asked) < 90
    assert remembered(store) == [["2020-02-27 00:00Z", "2020-02-28 07:14Z"]]


# Holes


@pytest.mark.parametrize("name", ["bitfinex", "okx", "bitstamp", "mexc"])
@pytest.mark.parametrize("end", ["2020-02-28 11:20", "2020-02-29 10:00"])
def test_a_hole_is_told_and_asked_for_again_until_it_is_filled(
    store: Store, name: str, end: str
) -> None:
    stub = StubExchange(name, without("2020-02-28 10:00", end), NOW)
    found = fetch(store, stub, "20200227-")
    assert told(found) == [("hole", "02-28 10:00", end[5:])]
    same(stored(store, stub), CLOSED[CLOSED.index.isin(stub.table.index)])
    whole = len(stub.asked)
    stub.asked.clear()
    assert fetch(store, stub, "20200227-")["missing"] == found["missing"]
    assert 0 < len(stub.asked) <= whole + 1
    stub.table = MINUTES
    assert fetch(store, stub, "20200227-")["missing"] == ()
    same(stored(store, stub), CLOSED)


@pytest.mark.parametrize(("absent", "holes"), [(1, 0), (2, 1)])
def test_a_hole_between_daily_bars_is_told_from_two_on(
    store: Store, absent: int, holes: int
) -> None:
    days = daily_bars().drop(pd.date_range("2020-01-10", periods=absent, tz="UTC"))
    served = BinanceServer({"ETH/USDT": days}, now=NOW, minutes=1440)
    with serving(served) as transport:
        for _ in range(2):
            report = download_candles(
                store,
                exchange="binance",
                symbols=["ETH/USDT"],
                timeframe="1d",
                timerange=TimeRange.parse("20200101-"),
                now=NOW,
                transport=transport,
                sleep=lambda seconds: None,
            )
            assert [part.bars for part in report["missing"].iloc[0]] == [absent] * holes
    assert len(served.requests) == 1 + 2 * holes, "what is missing is asked for again"


def daily_bars() -> pd.DataFrame:
    """Two months of days."""
    table = minutes("2020-01-01", "2020-01-01 01:01")
    return table.set_axis(pd.date_range("2020-01-01", periods=61, tz="UTC", name="time"))


def thin(every: int, *, silent: slice) -> pd.DataFrame:
    """A market that trades in one of so many minutes, and once not for long."""
    some = MINUTES[::every]
    return some.drop(some.loc[silent].index)


@pytest.mark.parametrize("name", ["bitfinex", *BY_WINDOW])
def test_a_quiet_market_has_no_hole(store: Store, name: str) -> None:
    table = thin(12, silent=slice("2020-02-28 03:00", "2020-02-28 12:00"))
    stub = StubExchange(name, table, NOW)
    wanted = "20200227-20200301T1100"
    assert fetch(store, stub, wanted)["missing"] == ()
    same(stored(store, stub), table.loc[:"2020-03-01 10:59"])
    stub.asked.clear()
    fetch(store, stub, wanted)
    assert stub.asked == [], "nobody traded: that was said, and is remembered"


def test_a_quiet_first_minute_is_known_for_one_by_the_candles_before(store: Store) -> None:
    stub = StubExchange("bitfinex", without("2020-02-28 00:00", "2020-02-28 00:20"), NOW)
    assert fetch(store, stub, "20200228-20200229")["missing"] == ()
    assert remembered(store) == [["2020-02-28 00:00Z", "2020-02-29 00:00Z"]]


def test_many_holes_are_told_in_one_breath() -> None:
    day = pd.Timedelta(days=1)
    holes = [
        Missing(END + row * day, END + row * day + day / 2, 720, "hole", "Why.") for row in range(9)
    ]
    words = coverage_words("okx", "ETH/USDT", "1m", holes)
    assert words.count("(720 bars)") == 3
    assert "and 6 more, 4,320 bars. Why. The same" in words


def test_what_a_quiet_market_is() -> None:
    step = 60 * 10**9
    assert quiet_bars(np.arange(1000) * step, timeframe="1m") == 60
    assert quiet_bars(np.arange(0, 1000, 5) * step, timeframe="1m") == 300
    assert quiet_bars(np.arange(0, 100_000, 500) * step, timeframe="1m") == 1440
    assert quiet_bars(np.empty(0, dtype=np.int64), timeframe="1d") == 1


# Pages that are not what they should be


@pytest.mark.parametrize(
    ("name", "most"), [("okx", 100), ("coinbaseexchange", 120), ("upbit", 100)]
)
def test_a_page_with_the_newest_part_of_its_window_loses_nothing(
    store: Store, name: str, most: int
) -> None:
    stub = StubExchange(name, MINUTES, NOW, most=most)
    assert fetch(store, stub, "20200229-")["missing"] == ()
    same(stored(store, stub), CLOSED.loc["2020-02-29":])
    assert len(stub.asked) < 2 * 2160 / most + 5


def test_a_short_page_loses_nothing(store: Store) -> None:
    stub = StubExchange("bitfinex", MINUTES, NOW, most=77)
    assert fetch(store, stub, "20200229-")["missing"] == ()
    same(stored(store, stub), CLOSED.loc["2020-02-29":])


@pytest.mark.parametrize(("name", "most"), [("bitfinex", 77), ("okx", None), ("bitstamp", None)])
def test_an_exchange_that_begins_after_since_loses_no_bar_between_two_pages(
    store: Store, name: str, most: int | None
) -> None:
    stub = StubExchange(name, MINUTES, NOW, most=most, exclusive=True)
    assert fetch(store, stub, "20200229-")["missing"] == ()
    same(stored(store, stub), CLOSED.loc["2020-02-29":])


@pytest.mark.parametrize("name", ["bitfinex", "okx"])
def test_a_candle_of_the_future_ends_no_download(store: Store, name: str) -> None:
    stub = StubExchange(name, MINUTES, NOW, most=250)
    bars = stub.bars

    def bars_and_one_of_2030(*window: float) -> list[list[float]]:
        found = bars(*window)
        return [*found, [1_900_000_020_000, *found[-1][1:]]] if found else []

    stub.bars = bars_and_one_of_2030  # type: ignore[method-assign]
    assert fetch(store, stub, "20200229-")["missing"] == ()
    same(stored(store, stub), CLOSED.loc["2020-02-29":])


# Several symbols


def test_a_symbol_that_is_not_covered_does_not_lose_the_others(store: Store) -> None:
    candles = {
        "ETH/USDT": MINUTES.loc["2020-02-29":],
        "BTC/USDT": MINUTES,
        "XRP/USDT": MINUTES.iloc[:0],
    }
    with serving(BinanceServer(candles, now=NOW)) as transport:
        report = download_candles(
            store,
            exchange="binance",
            symbols=list(candles)[::-1],
            timeframe="1m",
            timerange=TimeRange.parse("20200227-"),
            now=NOW,
            transport=transport,
            sleep=lambda seconds: None,
        )
    assert report["rows"].to_dict() == {"XRP/USDT": 0, "BTC/USDT": 5040, "ETH/USDT": 2160}
    kinds = {symbol: [part.kind for part in parts] for symbol, parts in report["missing"].items()}
    assert kinds == {"XRP/USDT": ["all"], "BTC/USDT": [], "ETH/USDT": ["older"]}


# At the command line


def served(monkeypatch: pytest.MonkeyPatch, stub: StubExchange) -> None:
    """Have the command ask the stub; it has no option for a transport."""
    asking = functools.partial(download_candles, transport=stub, sleep=lambda seconds: None)
    monkeypatch.setattr(download, "download_candles", asking)


COMMAND = ("download-data", "--exchange", "kraken", "--symbols", "ETH/USD")


def test_the_exit_code_tells_whether_the_range_is_covered(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(monkeypatch, StubExchange("kraken", MINUTES, NOW))
    part = cli(*COMMAND, "--timerange", "20200201-", "--data", tmp_path)
    assert part.code == 1
    assert "Downloaded" in part.output
    assert "41,761 bars" in part.output
    (said,) = [line for line in part.output.splitlines() if line.startswith("NOT COVERED: ")]
    assert "kraken gave no 1m candle of ETH/USD from 2020-02-01 00:00Z to 2020-03-01 00:01Z" in said
    assert len(Store(tmp_path).read("ETH/USD", timeframe="1m")) == 719
    whole = cli(*COMMAND, "--timerange", "20200301T0100-", "--data", tmp_path)
    assert whole.code == 0
    assert "NOT COVERED" not in whole.output
    nothing = cli(*COMMAND, "--timerange", "20200201-20200210", "--data", tmp_path)
    assert nothing.code == 1
    assert "NOT COVERED" in nothing.output


def test_the_json_tells_what_is_missing(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(monkeypatch, StubExchange("kraken", MINUTES, NOW))
    part = cli(*COMMAND, "--timerange", "20200201-", "--data", tmp_path, "--json")
    assert part.code == 1
    (row,) = json.loads(part.output)["downloaded"]
    assert row["missing"] == [["2020-02-01 00:00:00+00:00", "2020-03-01 00:01:00+00:00"]]
    assert row["why"].startswith("kraken gave no 1m candle")
    whole = cli(*COMMAND, "--timerange", "20200301T0100-", "--data", tmp_path, "--json")
    assert whole.code == 0
    (row,) = json.loads(whole.output)["downloaded"]
    assert (row["missing"], row["why"]) == ([], "")


# The newest candles, for a prediction


def newest(folder: Path, *, bars: int, stub: StubExchange) -> pd.DatetimeIndex:
    config = DataConfig(
        source="store",
        folder=folder,
        exchange="kraken",
        target="ETH/USD",
        others=(),
        train=TimeRange.parse("20200101-20200201"),
    )
    frame = fetched_candles(
        config, "kraken", horizon=5, bars=bars, now=NOW, transport=stub, sleep=lambda seconds: None
    )
    return frame.index


def test_few_candles_do_for_a_network_that_sees_few(tmp_path: Path) -> None:
    stub = StubExchange("kraken", MINUTES, NOW)
    index = newest(tmp_path, bars=100, stub=stub)
    assert (len(index), index[-1]) == (719, END - pd.Timedelta(minutes=1))
    with pytest.raises(
        ExchangeError, match=r"gave 719 candles .* looks back over 800\. .*its newest 720 candles"
    ):
        newest(tmp_path, bars=800, stub=stub)


def test_older_candles_of_the_store_are_not_joined_over_a_stretch_that_nobody_knows(
    tmp_path: Path,
) -> None:
    Store(tmp_path).write(
        MINUTES.loc[:"2020-02-29 12:00"], symbol="ETH/USD", exchange="kraken", timeframe="1m"
    )
    index = newest(tmp_path, bars=100, stub=StubExchange("kraken", MINUTES, NOW))
    assert str(index[0]) == "2020-03-01 00:01:00+00:00", "not filled flat for twelve hours"
