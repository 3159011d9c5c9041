"""The candle store: exact round trips, merging, whole writes, and what it says when it lacks something."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, DataError, OutputError
from cryptonn.market.candles import FIELDS
from cryptonn.market.files.formats import read_candle_file
from cryptonn.market.resample import resample
from cryptonn.market.source import latest_market, load_frame
from cryptonn.market.store.candle_store import Store, health
from cryptonn.market.store.health import candles_sha256
from cryptonn.market.store.parquet import to_parquet
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig

START = pd.Timestamp("2018-01-01", tz="UTC")
SOURCE = {
    "file": "a.csv",
    "sha256": "f" * 64,
    "dialect": "plain OHLCV",
    "rows": 3,
    "repairs": {"duplicates": 2},
}


def table(minutes: list[int], *, price: float = 100.0) -> pd.DataFrame:
    """Candles at the given minutes after START; the close of minute k is price + k / 8."""
    index = pd.DatetimeIndex(
        [START + pd.Timedelta(minutes=k) for k in minutes], name="time"
    ).as_unit("ns")
    close = price + np.array(minutes, dtype=float) / 8
    values = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.5}
    return pd.DataFrame(values, index=index)[list(FIELDS)]


def days(first: str, last: str) -> pd.DataFrame:
    """Hourly candles over whole days, the last included."""
    index = pd.date_range(first, f"{last} 23:00", freq="h", tz="UTC", unit="ns", name="time")
    index.freq = None
    return pd.DataFrame(dict.fromkeys(FIELDS, 1.0), index=index)


def put(
    store: Store,
    candles: pd.DataFrame,
    *,
    symbol: str = "ETH/USD",
    exchange: str = "bitfinex",
    **options,
):
    return store.write(candles, symbol=symbol, exchange=exchange, **{"timeframe": "1m", **options})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def every_file(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


# ---- round trips and merging


def test_written_candles_come_back_exactly(store: Store) -> None:
    written = put(store, table([0, 1, 5]), sources=[SOURCE])
    pd.testing.assert_frame_equal(
        store.read("ETH/USD", timeframe="1m"), table([0, 1, 5]), check_exact=True
    )
    assert (written.added, written.identical, written.replaced) == (3, 0, 0)
    assert store.entries() == [written.entry]
    entry = written.entry
    assert (entry.exchange, entry.symbol, entry.timeframe, entry.rows) == (
        "bitfinex",
        "ETH/USD",
        "1m",
        3,
    )
    assert (entry.first, entry.last) == (START, START + pd.Timedelta(minutes=5))
    assert entry.sha256 == candles_sha256(table([0, 1, 5]))
    assert entry.repairs == {"duplicates": 2}


def test_files_lie_where_the_contract_says_with_a_manifest_beside(store: Store) -> None:
    entry = put(store, table([0, 1]), sources=[SOURCE]).entry
    assert set(every_file(store.root)) == {
        "bitfinex/ETH-USD/1m.parquet",
        "bitfinex/ETH-USD/1m.json",
    }
    manifest = json.loads(entry.path.with_suffix(".json").read_text())
    assert manifest["symbol"] == "ETH/USD"
    assert manifest["sha256"] == entry.sha256
    assert manifest["sources"] == [SOURCE]
    assert manifest["last"] == "2018-01-01T00:01:00+00:00"


values = st.floats(1e-8, 1e8, allow_subnormal=False)
tables = st.dictionaries(
    st.integers(0, 5000), st.tuples(values, values, values, values, st.floats(0, 1e12)), min_size=1
)


def built(bars: dict[int, tuple[float, ...]]) -> pd.DataFrame:
    candles = table(sorted(bars))
    for row, minute in enumerate(sorted(bars)):
        *prices, volume = bars[minute]
        low, one, other, high = sorted(prices)
        candles.iloc[row] = [one, high, low, other, volume]
    return candles


@given(tables)
@settings(max_examples=40, deadline=None)
def test_any_table_survives_the_store_to_the_last_bit(tmp_path_factory, bars) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    put(store, built(bars))
    pd.testing.assert_frame_equal(
        store.read("ETH/USD", timeframe="1m"), built(bars), check_exact=True
    )


@given(tables, st.data())
@settings(max_examples=40, deadline=None)
def test_pieces_in_any_order_and_overlap_make_the_whole(tmp_path_factory, bars, data) -> None:
    whole = built(bars)
    rows = st.lists(st.integers(0, len(whole) - 1), min_size=1, unique=True).map(sorted)
    pieces = [whole.iloc[piece] for piece in data.draw(st.lists(rows, max_size=3))]
    store = Store(tmp_path_factory.mktemp("store"))
    seen: set[pd.Timestamp] = set()
    for piece in [*pieces, whole]:
        written = put(store, piece)
        assert written.added == len(set(piece.index) - seen)
        assert written.identical == len(set(piece.index) & seen)
        seen |= set(piece.index)
    pd.testing.assert_frame_equal(store.read("ETH/USD", timeframe="1m"), whole, check_exact=True)
    assert store.entries()[0].sha256 == candles_sha256(whole)


def test_the_fingerprint_is_of_times_and_values_alone() -> None:
    candles = table([0, 1, 2])
    other = candles.set_axis(candles.index.as_unit("ms"), axis=0).rename_axis("time")
    assert candles_sha256(other) == candles_sha256(candles)
    assert (
        candles_sha256(candles)
        == "1748338dd2e24089ccdc053ec055ae1186467c4c950d1274b1dd0a8180b57967"
    )
    changed = candles.copy()
    changed.iloc[1, 3] = np.nextafter(changed.iloc[1, 3], 2000)
    assert candles_sha256(changed) != candles_sha256(candles)
    assert candles_sha256(table([0, 1, 3])) != candles_sha256(candles)


def test_the_same_source_twice_stands_once(store: Store) -> None:
    put(store, table([0, 1]), sources=[SOURCE])
    entry = put(store, table([0, 1]), sources=[SOURCE]).entry
    assert len(entry.sources) == 1
    other = {
        **SOURCE,
        "file": "b.csv",
        "repairs": {"duplicates": 1, "reversed": 1},
        "notes": ["said"],
    }
    entry = put(store, table([2]), sources=[other]).entry
    assert [source["file"] for source in entry.sources] == ["a.csv", "b.csv"]
    assert entry.repairs == {"duplicates": 3, "reversed": 1}
    assert entry.notes == ("said",)


def test_conflicting_bars_are_refused_and_nothing_changes(store: Store) -> None:
    put(store, table([0, 1, 2]))
    before = every_file(store.root)
    with pytest.raises(DataError) as caught:
        put(store, table([1, 2, 3], price=200))
    words = "2 bars stored with other values, first at 2018-01-01 00:01Z: open is 100.125 in the store and 200.125 in the"
    assert words in str(caught.value)
    assert "--replace" in str(caught.value)
    assert every_file(store.root) == before


def test_conflicting_bars_are_replaced_on_request(store: Store) -> None:
    put(store, table([0, 1, 2]))
    written = put(store, table([1, 2, 3], price=200), conflicts="replace")
    assert (written.added, written.identical, written.replaced) == (1, 0, 2)
    assert store.read("ETH/USD", timeframe="1m")["close"].tolist() == [
        100,
        200.125,
        200.25,
        200.375,
    ]


def test_what_is_no_candle_table_is_not_stored(store: Store) -> None:
    with pytest.raises(DataError, match="low 500 is above high"):
        put(store, table([0, 1]).assign(low=500.0))
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exchange": "../etc"}, "is not a name"),
        ({"exchange": ""}, "is not a name"),
        ({"symbol": "../../ETH"}, "is not base/quote"),
        ({"timeframe": "1min"}, "is unknown"),
    ],
)
def test_names_that_are_none_are_refused(store: Store, change: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        put(store, table([0, 1]), **change)


# ---- what it lacks


def test_empty_store_says_how_to_fill_it(store: Store) -> None:
    with pytest.raises(DataError) as caught:
        store.read("ETH/USD", timeframe="1m", timerange=TimeRange.parse("20180101-20190101"))
    message = str(caught.value)
    assert "ETH/USD 1m is not stored. The store is empty." in message
    assert "cryptonn import-data FILE --symbol ETH/USD" in message
    assert (
        "cryptonn download-data --exchange binance --symbols ETH/USD --timeframe 1m --timerange 20180101-"
        in message
    )


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"symbol": "LTC/USD"}, "LTC/USD 1m is not stored"),
        ({"symbol": "ETH/USDT"}, "Did you mean 'ETH/USD'?"),
        ({"timeframe": "1h"}, "ETH/USD 1h is not stored"),
        ({"exchange": "kraken"}, "kraken ETH/USD 1m is not stored"),
    ],
)
def test_a_symbol_timeframe_or_exchange_the_store_lacks(
    store: Store, wanted: dict[str, str], words: str
) -> None:
    put(store, table([0, 1, 2]))
    options = {"symbol": "ETH/USD", "timeframe": "1m", **wanted}
    with pytest.raises(DataError) as caught:
        store.read(options.pop("symbol"), **options)
    assert words in str(caught.value)
    assert (
        "The store holds: bitfinex ETH/USD 1m, 2018-01-01 00:00Z to 2018-01-01 00:02Z (3 bars)"
        in str(caught.value)
    )


def test_several_exchanges_must_be_told_apart(store: Store) -> None:
    put(store, table([0, 1]))
    put(store, table([0, 1], price=300), exchange="kraken")
    with pytest.raises(
        DataError,
        match=r"several exchanges hold ETH/USD 1m: bitfinex, kraken\. Name one: --exchange",
    ):
        store.read("ETH/USD", timeframe="1m")
    assert store.read("ETH/USD", timeframe="1m", exchange="kraken")["close"].iloc[0] == 300


@pytest.mark.parametrize(
    "wanted", ["20171230-20180103", "20180103-20180108", "20180201-20180301", "20170101-20170201"]
)
def test_a_range_the_store_lacks_names_the_one_it_has(store: Store, wanted: str) -> None:
    put(store, days("2018-01-01", "2018-01-05"), timeframe="1h")
    with pytest.raises(DataError) as caught:
        store.read("ETH/USD", timeframe="1h", timerange=TimeRange.parse(wanted))
    assert f"The range {wanted} is not stored" in str(caught.value)
    assert (
        "The store holds bitfinex ETH/USD 1h, 2018-01-01 00:00Z to 2018-01-05 23:00Z (120 bars)"
        in str(caught.value)
    )
    assert f"--timeframe 1h --timerange {wanted}" in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("20180101-20180106", 120),
        ("20180102-20180103", 24),
        ("20171231-20180107", 120),  # up to a day may be absent at either end
        ("-", 120),
        ("20180105-", 24),
        ("-20180102", 24),
    ],
)
def test_a_range_the_store_has(store: Store, wanted: str, rows: int) -> None:
    put(store, days("2018-01-01", "2018-01-05"), timeframe="1h")
    assert len(store.read("ETH/USD", timeframe="1h", timerange=TimeRange.parse(wanted))) == rows


def test_a_range_between_two_imports_is_lacking(store: Store) -> None:
    put(store, days("2018-01-01", "2018-01-05"), timeframe="1h")
    put(store, days("2018-03-01", "2018-03-05"), timeframe="1h")
    with pytest.raises(DataError, match="The range 20180201-20180205 is not stored"):
        store.read("ETH/USD", timeframe="1h", timerange=TimeRange.parse("20180201-20180205"))


# ---- damage


def test_damaged_parquet_is_said(store: Store) -> None:
    path = put(store, table(list(range(200)))).entry.path
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        DataError, match=r"1m\.parquet: the stored file is damaged .*Delete it and import"
    ):
        store.read("ETH/USD", timeframe="1m")
    with pytest.raises(DataError, match="damaged"):
        store.entries()


def test_one_flipped_bit_of_a_volume_is_noticed(store: Store) -> None:
    volumes = np.random.default_rng(1).random(
        200
    )  # incompressible, so that they stand in the file as they are
    path = put(store, table(list(range(200))).assign(volume=volumes)).entry.path
    content = bytearray(path.read_bytes())
    place = content.index(volumes[100].tobytes())
    content[place] ^= 0x01
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged"):
        store.read("ETH/USD", timeframe="1m")


def test_a_parquet_file_of_others_is_not_read(store: Store) -> None:
    path = put(store, table([0, 1])).entry.path
    table([0, 1]).to_parquet(path)
    with pytest.raises(DataError, match="was not written by the store"):
        store.read("ETH/USD", timeframe="1m")


def test_a_damaged_manifest_inside_is_said(store: Store) -> None:
    path = put(store, table([0, 1])).entry.path
    for manifest, reason in (
        (b"{ half", "JSONDecodeError"),
        (b'{"exchange": "bitfinex"}', "KeyError: 'symbol'"),
    ):
        path.write_bytes(to_parquet(table([0, 1]), manifest))
        with pytest.raises(
            DataError,
            match=rf"its manifest is damaged \({reason}.*Delete the file and import again",
        ):
            store.read("ETH/USD", timeframe="1m")


def test_the_manifest_beside_is_a_copy_that_may_be_lost(store: Store) -> None:
    entry = put(store, table([0, 1]), sources=[SOURCE]).entry
    entry.path.with_suffix(".json").write_text("{ half")
    assert store.entries() == [entry]
    again = put(store, table([2])).entry
    assert json.loads(entry.path.with_suffix(".json").read_text())["rows"] == again.rows == 3


# ---- a disk or folder that cannot be written


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the store should be")
    with pytest.raises(
        OutputError, match=r"cannot be written \(.*\)\. What was stored is unchanged\. Make room"
    ):
        put(Store(tmp_path / "data"), table([0, 1]))


def test_full_disk_keeps_what_was_stored(store: Store) -> None:
    put(store, table([0, 1, 2]), sources=[SOURCE])
    before = every_file(store.root)
    script = f"""
        import resource
        from tests.market.test_store import Store, put, table
        from cryptonn.errors import OutputError
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))  # as a disk that is full after 8 KB
        try:
            put(Store({str(store.root)!r}), table(list(range(5000))))
        except OutputError as error:
            print(error)
    """
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "bitfinex/ETH-USD: cannot be written (File too large). What was stored is unchanged."
        in done.stdout
    )
    assert every_file(store.root) == before


# ---- a run's frame


def config(store: Store, **changes: object) -> DataConfig:
    values = {
        "folder": store.root,
        "timeframe": "1h",
        "train": "20180101-20180104",
        "test": {"a": "20180105-20180106"},
    }
    return DataConfig.model_validate(values | changes)


def test_load_frame_reaches_from_train_to_the_last_test(store: Store) -> None:
    eth, btc = days("2017-12-20", "2018-01-10"), days("2017-12-25", "2018-01-08")
    put(store, eth.drop(eth.index[500]).drop(eth.index[300]), timeframe="1h", sources=[SOURCE])
    put(store, btc, symbol="BTC/USD", timeframe="1h")
    frame, facts = load_frame(config(store))
    assert frame.symbols == ("ETH/USD", "BTC/USD")
    assert (str(frame.index[0]), str(frame.index[-1])) == (
        "2018-01-01 00:00:00+00:00",
        "2018-01-05 23:00:00+00:00",
    )
    assert frame.counts["filled"].tolist() == [1, 0]
    fact = facts["ETH/USD"]
    assert (fact["exchange"], fact["rows"]) == ("bitfinex", 119)
    assert (fact["first"], fact["last"]) == ("2018-01-01 00:00Z", "2018-01-05 23:00Z")
    used = store.read("ETH/USD", timeframe="1h", timerange=TimeRange.parse("20180101-20180106"))
    assert fact["sha256"] == candles_sha256(used)
    assert fact["repairs"] == {"duplicates": 2}
    assert json.loads(json.dumps(facts)) == facts


def test_load_frame_with_open_ends_takes_what_both_have(store: Store) -> None:
    put(store, days("2017-12-20", "2018-01-10"), timeframe="1h")
    put(store, days("2017-12-25", "2018-01-08"), symbol="BTC/USD", timeframe="1h")
    frame, _ = load_frame(config(store, train="-20180104", test={"a": "20180105-"}))
    assert (str(frame.index[0])[:10], str(frame.index[-1])[:10]) == ("2017-12-25", "2018-01-08")


def test_load_frame_with_one_coin_present_and_the_other_not(store: Store) -> None:
    put(store, days("2018-01-01", "2018-01-05"), timeframe="1h", exchange="kraken")
    with pytest.raises(DataError) as caught:
        load_frame(config(store))
    message = str(caught.value)
    assert "the run needs ETH/USD and BTC/USD 1h; ETH/USD is stored, BTC/USD is not." in message
    assert (
        "cryptonn download-data --exchange kraken --symbols BTC/USD --timeframe 1h --timerange 20180101-"
        in message
    )


def test_load_frame_from_an_empty_store(store: Store) -> None:
    with pytest.raises(DataError, match=r"ETH/USD 1h is not stored\. The store is empty"):
        load_frame(config(store))


def test_a_folder_of_files_that_are_not_imported_is_told_from_an_empty_one(store: Store) -> None:
    store.root.mkdir(exist_ok=True)
    for name in ("README.md", "BTCUSD_2018.csv", "ethusd_2018.csv.gz"):
        (store.root / name).touch()
    with pytest.raises(DataError) as caught:
        load_frame(config(store))
    message = str(caught.value)
    assert (
        "The store is empty; the folder holds 2 files of another kind, such as ethusd_2018.csv.gz."
        in message
    )
    assert "cryptonn import-data FILE --symbol ETH/USD" in message


def test_load_frame_whose_test_period_is_not_stored(store: Store) -> None:
    for symbol in ("ETH/USD", "BTC/USD"):
        put(store, days("2018-01-01", "2018-01-05"), symbol=symbol, timeframe="1h")
    with pytest.raises(DataError, match="is not stored"):
        load_frame(config(store, test={"a": "20180105-20180601"}))


def test_load_frame_refuses_a_hole_in_a_period_but_not_between_two(store: Store) -> None:
    for symbol in ("ETH/USD", "BTC/USD"):
        put(store, days("2018-01-01", "2018-01-05"), symbol=symbol, timeframe="1h")
        put(store, days("2018-02-01", "2018-02-05"), symbol=symbol, timeframe="1h")
    frame, _ = load_frame(config(store, test={"later": "20180201-20180206"}))
    assert frame.counts["longest_gap"].tolist() == [26 * 24, 26 * 24]
    with pytest.raises(DataError) as caught:
        load_frame(config(store, train="20180101-20180204", test={}))
    words = "train (20180101-20180204): bitfinex ETH/USD 1h has no candle between 2018-01-05 23:00Z and 2018-02-01 00:00Z."
    assert words in str(caught.value)


def test_load_frame_refuses_gaps_where_the_run_does(store: Store) -> None:
    eth = days("2018-01-01", "2018-01-05")
    put(store, eth.drop(eth.index[30]), timeframe="1h")
    put(store, eth, symbol="BTC/USD", timeframe="1h")
    with pytest.raises(DataError, match="ETH/USD: 1 bar of 1h absent, first at 2018-01-02 06:00Z"):
        load_frame(config(store, gaps="refuse"))


def test_load_frame_makes_no_synthetic_market(store: Store) -> None:
    with pytest.raises(ConfigError, match="'synthetic' reads nothing from the store"):
        load_frame(config(store, source="synthetic"))


# ---- a run of longer bars than the store has


def fine(first: str, last: str, *, freq: str, seed: int = 1) -> pd.DataFrame:
    """Believable candles over whole days, the last included."""
    index = pd.date_range(
        first, pd.Timestamp(last) + pd.Timedelta("1D"), freq=freq, tz="UTC", unit="ns", name="time"
    )
    rng = np.random.default_rng(seed)
    opens, closes = 100 + rng.normal(0, 5, (2, len(index) - 1))
    values = (
        opens,
        np.maximum(opens, closes) + 1,
        np.minimum(opens, closes) - 1,
        closes,
        rng.lognormal(size=len(opens)),
    )
    return pd.DataFrame(
        dict(zip(FIELDS, values, strict=True)), index=pd.DatetimeIndex(index[:-1], freq=None)
    )


def test_bars_the_store_lacks_are_made_of_the_longest_that_divide_them(store: Store) -> None:
    for freq, timeframe in (("5min", "5m"), ("15min", "15m"), ("45min", "45m"), ("2h", "2h")):
        for symbol in ("ETH/USD", "BTC/USD"):
            put(
                store,
                fine("2018-01-01", "2018-01-05", freq=freq),
                symbol=symbol,
                timeframe=timeframe,
            )
    frame, facts = load_frame(config(store, timeframe="30m"))
    quarters = store.read(
        "ETH/USD", timeframe="15m", timerange=TimeRange.parse("20180101-20180106")
    )
    made = resample(quarters, source_timeframe="15m", timeframe="30m")
    assert facts["ETH/USD"]["resampled_from"] == facts["BTC/USD"]["resampled_from"] == "15m"
    assert (facts["ETH/USD"]["rows"], facts["ETH/USD"]["sha256"]) == (5 * 48, candles_sha256(made))
    pd.testing.assert_frame_equal(frame.candles("ETH/USD"), made, check_freq=False)


def test_bars_that_are_stored_are_not_made(store: Store) -> None:
    for symbol in ("ETH/USD", "BTC/USD"):
        put(store, fine("2018-01-01", "2018-01-05", freq="15min"), symbol=symbol, timeframe="15m")
        put(store, days("2018-01-01", "2018-01-05"), symbol=symbol, timeframe="1h")
    frame, facts = load_frame(config(store))
    assert "resampled_from" not in facts["ETH/USD"]
    assert (frame.candles("ETH/USD") == 1.0).all(axis=None)


def test_stored_bars_that_do_not_reach_over_the_range_give_way_to_shorter_ones_that_do(
    store: Store,
) -> None:
    for symbol in ("ETH/USD", "BTC/USD"):
        put(store, fine("2018-01-01", "2018-01-05", freq="15min"), symbol=symbol, timeframe="15m")
        put(store, days("2018-01-04", "2018-01-10"), symbol=symbol, timeframe="1h")
    assert load_frame(config(store))[1]["ETH/USD"]["resampled_from"] == "15m"
    newest = latest_market(config(store), horizon=1, bars=10)
    assert str(newest.index[-1]) == "2018-01-10 23:00:00+00:00"


@pytest.mark.parametrize(
    ("minutes", "last"),
    [(1180, "2018-01-06 19:15"), (13, "2018-01-05 23:45"), (-300, "2018-01-05 23:45")],
)
def test_the_newest_bars_come_from_what_was_stored_last(
    store: Store, minutes: int, last: str
) -> None:
    """Stale quarters of an hour won over fresher minutes; minutes that make no newer bar do not win."""
    put(store, fine("2018-01-01", "2018-01-05", freq="15min"), timeframe="15m")
    put(
        store,
        fine("2018-01-01", "2018-01-06", freq="1min", seed=9).iloc[: 5 * 1440 + minutes],
        timeframe="1m",
    )
    wanted = config(store, others=(), timeframe="15m")
    newest = latest_market(wanted, horizon=1, bars=10)
    assert str(newest.index[-1]) == f"{last}:00+00:00"
    stored = store.read("ETH/USD", timeframe="15m")["close"]
    assert (newest.candles("ETH/USD")["close"].loc[stored.index[-1]] == stored.iloc[-1]) == (
        minutes < 15
    )
    assert "resampled_from" not in load_frame(wanted)[1]["ETH/USD"], (
        "a range with an end takes the longest"
    )


def test_bars_are_made_of_one_exchange(store: Store) -> None:
    put(store, fine("2018-01-01", "2018-01-05", freq="15min"), timeframe="15m")
    put(store, fine("2018-01-01", "2018-01-05", freq="5min"), timeframe="5m", exchange="kraken")
    alone = {"others": ()}
    words = r"several exchanges hold ETH/USD candles that make 1h: bitfinex, kraken\. Name one"
    with pytest.raises(DataError, match=words):
        load_frame(config(store, **alone))
    assert (
        load_frame(config(store, exchange="kraken", **alone))[1]["ETH/USD"]["resampled_from"]
        == "5m"
    )


def test_bars_that_cannot_be_made_are_lacking(store: Store) -> None:
    put(store, fine("2018-01-01", "2018-01-05", freq="2h"), timeframe="2h")
    with pytest.raises(
        DataError, match=r"ETH/USD 1h is not stored\. The store holds: bitfinex ETH/USD 2h"
    ):
        load_frame(config(store, others=()))


def test_the_range_of_bars_that_are_made_is_checked_and_the_remedy_names_what_they_are_made_of(
    store: Store,
) -> None:
    put(store, fine("2018-01-01", "2018-01-05", freq="15min"), timeframe="15m")
    with pytest.raises(DataError) as caught:
        load_frame(config(store, others=(), test={"a": "20180105-20180601"}))
    assert "The store holds bitfinex ETH/USD 1h (made from 15m), 2018-01-01 00:00Z" in str(
        caught.value
    )
    assert "--timeframe 15m --timerange 20180101-20180601" in str(caught.value)


def test_the_newest_bar_that_has_not_closed_is_not_made(store: Store) -> None:
    candles = fine("2018-01-01", "2018-01-05", freq="15min")
    put(store, candles.iloc[:-1], timeframe="15m")
    newest = latest_market(config(store, others=()), horizon=1, bars=10)
    assert str(newest.index[-1]) == "2018-01-05 22:00:00+00:00"


def test_bars_longer_than_a_day_cover_a_range_they_do_not_divide(store: Store) -> None:
    put(store, fine("2018-01-01", "2018-03-05", freq="1D"), timeframe="1d")
    weeks = {"timeframe": "7d", "train": "20180101-20180205", "test": {"a": "20180205-20180306"}}
    frame, facts = load_frame(config(store, others=(), **weeks))
    assert (facts["ETH/USD"]["resampled_from"], len(frame.index)) == ("1d", 8)


# ---- health


def test_health_counts_what_is_wrong() -> None:
    candles = table([0, 1, 4, 5, 7])
    candles.loc[candles.index[1], "volume"] = 0.0
    candles.loc[candles.index[3:], list(FIELDS[:4])] *= 0.8
    found = health(candles, timeframe="1m")
    assert found == {
        "first": "2018-01-01 00:00Z",
        "last": "2018-01-01 00:07Z",
        "rows": 5,
        "missing": 3,
        "missing_share": 3 / 8,
        "longest_gap": 2,
        "longest_gap_after": "2018-01-01 00:01Z",
        "zero_volume": 1,
        "zero_volume_share": 0.2,
        "large_moves": 1,
        "largest_move": pytest.approx(np.log(0.8 * 100.625 / 100.5)),
        "largest_move_at": "2018-01-01 00:05Z",
        "jumps": 0,
        "wicks": 0,
        "jumps_found": None,
        "sha256": candles_sha256(candles),
    }
    assert json.loads(json.dumps(found)) == found


def test_health_of_one_bar_and_of_a_complete_table() -> None:
    one = health(table([3]), timeframe="1m")
    assert (one["rows"], one["missing"], one["longest_gap_after"], one["largest_move_at"]) == (
        1,
        0,
        None,
        None,
    )
    assert health(table([0, 1, 2]), timeframe="1m")["longest_gap"] == 0


# ---- the real year


def test_both_coins_of_2018_load_as_one_frame(shared_data: Path, store: Store) -> None:
    for coin in ("ETH", "BTC"):
        file = read_candle_file(
            shared_data / f"bitfinex_{coin}USD_2018_1m.csv.gz", symbol=f"{coin}/USD"
        )
        put(store, file.candles, symbol=file.symbol, sources=[file.source])
    frame, facts = load_frame(config(store, timeframe="1m", train="20180101-20190101", test={}))
    assert facts["ETH/USD"]["rows"] == 508_048
    assert facts["BTC/USD"]["rows"] == 520_499
    assert len(frame.index) == 365 * 1440
    assert frame.counts.loc["ETH/USD", ["rows", "filled", "longest_gap"]].tolist() == [
        508_048,
        17_552,
        106,
    ]
