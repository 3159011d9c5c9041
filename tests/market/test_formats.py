"""Candle files of every make become the same table; every repair is counted; every bad file is refused by row."""

import bz2
import gzip
import hashlib
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.bars import FIELDS, check_candles
from cryptonn.market.files.formats import CandleFile, read_candle_file
from cryptonn.market.files.options import FileOptions
from cryptonn.market.symbols import parse_symbol

START = 1514764800  # 2018-01-01 00:00 UTC, in seconds
PLAIN = "timestamp,open,high,low,close,volume"
SITE = "https://www.CryptoDataDownload.com"
MINUTES = "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume"


def bar(minute: int) -> str:
    """The values of one bar, each different from its neighbours'."""
    return f"{100 + minute},{102 + minute}.5,{99 + minute},{101 + minute}.25,{minute + 1}.5"


def plain(minutes: list[int], *, unit: int = 1000) -> list[str]:
    return [f"{(START + 60 * k) * unit},{bar(k)}" for k in minutes]


def save(folder: Path, lines: list[str], *, name: str = "candles.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(folder: Path, lines: list[str], **options: str) -> CandleFile:
    symbol = options.pop("symbol", "ETH/USD")
    return read_candle_file(save(folder, lines), symbol=symbol, options=FileOptions(**options))


def refused(folder: Path, lines: list[str], **options: str) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, lines, **options)
    return str(caught.value)


def expected(minutes: list[int]) -> pd.DataFrame:
    rows = [[float(cell) for cell in bar(k).split(",")] for k in minutes]
    times = pd.to_datetime([START + 60 * k for k in minutes], unit="s", utc=True)
    return pd.DataFrame(
        rows, columns=list(FIELDS), index=pd.DatetimeIndex(times, name="time").as_unit("ns")
    )


def same(file: CandleFile, minutes: list[int]) -> None:
    pd.testing.assert_frame_equal(file.candles, expected(minutes), check_exact=True)


# ---- the real files


@pytest.mark.parametrize(
    ("name", "rows", "timeframe"),
    [
        ("bitfinex_BTCUSD_2017_1m.csv.gz", 505_209, "1m"),
        ("bitfinex_BTCUSD_2018_1m.csv.gz", 520_499, "1m"),
        ("bitfinex_BTCUSD_2019H1_1m.csv.gz", 253_338, "1m"),
        ("bitfinex_ETHUSD_2017_1m.csv.gz", 414_314, "1m"),
        ("bitfinex_ETHUSD_2018_1m.csv.gz", 508_048, "1m"),
        ("bitfinex_ETHUSD_2019H1_1m.csv.gz", 238_857, "1m"),
        ("cryptodatadownload_Gemini_BTCUSD_d.csv", 1_530, "1d"),
        ("cryptodatadownload_Gemini_ETHUSD_d.csv", 1_316, "1d"),
        ("yahoo_BTC-USD.csv", 2_982, "1d"),
        ("yahoo_ETH-USD.csv", 1_833, "1d"),
    ],
)
def test_real_file(shared_data: Path, name: str, rows: int, timeframe: str) -> None:
    symbol = "BTC/USD" if "BTC" in name else "ETH/USD"
    file = read_candle_file(shared_data / name, symbol=None if "download" in name else symbol)
    dialect = {"b": "plain OHLCV", "c": "CryptoDataDownload daily", "y": "Yahoo"}[name[0]]
    assert (file.dialect, file.symbol, file.timeframe, len(file.candles)) == (
        dialect,
        symbol,
        timeframe,
        rows,
    )
    repairs = {"b": {}, "c": {"reversed": 1}, "y": {"converted_volume": rows}}[name[0]]
    assert file.repairs == repairs
    assert file.sha256 == hashlib.sha256((shared_data / name).read_bytes()).hexdigest()
    check_candles(file.candles, timeframe=timeframe, source=name)


def test_volume_of_yahoo_and_of_an_exchange_is_of_one_kind(shared_data: Path) -> None:
    """A day's volume is base: that of all exchanges is some hundred times Gemini's, not some million times."""
    yahoo = read_candle_file(shared_data / "yahoo_BTC-USD.csv", symbol="BTC/USD").candles["volume"]
    gemini = read_candle_file(shared_data / "cryptodatadownload_Gemini_BTCUSD_d.csv").candles[
        "volume"
    ]
    assert 10 < (yahoo / gemini).loc["2017":"2018"].median() < 1000


def test_real_values_are_exact(shared_data: Path) -> None:
    path = shared_data / "bitfinex_ETHUSD_2018_1m.csv.gz"
    candles = read_candle_file(path, symbol="ETH/USD").candles
    with gzip.open(path, "rt") as lines:
        rows = [line.strip().split(",") for line, _ in zip(lines, range(5001), strict=False)][1:]
    assert candles.iloc[:5000].to_numpy().tolist() == [
        [float(cell) for cell in row[1:]] for row in rows
    ]


# ---- the dialects


def test_plain_seconds_milliseconds_microseconds_and_nanoseconds(tmp_path: Path) -> None:
    for unit in (1, 10**3, 10**6, 10**9):
        file = read(tmp_path, [PLAIN, *plain([0, 1, 2, 5], unit=unit)])
        same(file, [0, 1, 2, 5])
        assert (file.dialect, file.timeframe, file.repairs, file.notes) == (
            "plain OHLCV",
            "1m",
            {},
            (),
        )


def test_cryptodatadownload_minutes_with_site_line_newest_first_and_two_units(
    tmp_path: Path,
) -> None:
    rows = [
        f"{(START + 60 * k) * unit},x,ETHUSD,{bar(k)}"
        for k, unit in ((3, 1000), (2, 1), (1, 1), (0, 1))
    ]
    file = read_candle_file(save(tmp_path, [SITE, MINUTES, *rows]))
    same(file, [0, 1, 2, 3])
    assert (file.dialect, file.symbol) == ("CryptoDataDownload minute", "ETH/USD")
    assert file.repairs == {"reversed": 1, "mixed_units": 1}


def test_cryptodatadownload_minutes_without_site_line(tmp_path: Path) -> None:
    rows = [f"{START + 60 * k},x,ETHUSD,{bar(k)}" for k in (2, 1, 0)]
    same(read_candle_file(save(tmp_path, [MINUTES, *rows])), [0, 1, 2])


def test_cryptodatadownload_older_layout_with_an_empty_second_volume(tmp_path: Path) -> None:
    header = "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume From,Volume To"
    rows = [f"{START + 60 * k},x,ETHUSD,{bar(k)}," for k in (2, 1, 0)]
    same(read_candle_file(save(tmp_path, [SITE, header, *rows])), [0, 1, 2])


@pytest.mark.parametrize("volumes", ["Volume ETH,Volume USD", "Volume USD,Volume ETH"])
def test_cryptodatadownload_volume_is_the_one_in_base(tmp_path: Path, volumes: str) -> None:
    cells = "1.5,9000" if volumes.startswith("Volume ETH") else "9000,1.5"
    rows = [f"12/{day}/2019,ETHUSD,10,12,9,11,{cells}" for day in (15, 14, 13)]
    file = read_candle_file(save(tmp_path, [f"Date,Symbol,Open,High,Low,Close,{volumes}", *rows]))
    assert file.candles["volume"].tolist() == [1.5, 1.5, 1.5]
    assert (file.dialect, file.timeframe) == ("CryptoDataDownload daily", "1d")
    assert str(file.candles.index[0]) == "2019-12-13 00:00:00+00:00"


def test_cryptodatadownload_hourly(tmp_path: Path) -> None:
    hours = ("2019-12-15 01-PM", "2019-12-15 12-PM", "2019-12-15 11-AM", "2019-12-15 12-AM")
    rows = [f"{hour},ETHUSD,10,12,9,11,1,2" for hour in hours]
    file = read_candle_file(
        save(tmp_path, ["Date,Symbol,Open,High,Low,Close,Volume ETH,Volume USD", *rows])
    )
    assert (file.dialect, file.timeframe) == ("CryptoDataDownload hourly", "1h")
    assert file.candles.index.hour.tolist() == [0, 11, 12, 13]


def test_open_that_repeats_the_close_is_noted(tmp_path: Path) -> None:
    rows = [f"{START + 60 * k},x,ETHUSD,{10 + k},20,5,{11 + k},1" for k in (2, 1, 0)]
    file = read_candle_file(save(tmp_path, [SITE, MINUTES, *rows]))
    assert any("previous Close in 100.0%" in note and "optimistic" in note for note in file.notes)


def test_yahoo_with_null_rows(tmp_path: Path) -> None:
    rows = [
        "2017-11-09,10,12,9,11,11,5",
        "2017-11-10,null,null,null,null,null,null",
        "2017-11-11,10,12,9,11,11,6",
    ]
    rows.append("2017-11-12,10,12,9,11,11,7")
    file = read(tmp_path, ["Date,Open,High,Low,Close,Adj Close,Volume", *rows])
    assert file.repairs == {"null_rows": 1, "converted_volume": 3}
    assert file.candles["volume"].tolist() == [5 / 11, 6 / 11, 7 / 11], "Yahoo counts quote money"
    assert (file.dialect, file.timeframe) == ("Yahoo", "1d")
    assert any("quote" in note for note in file.notes)


BINANCE = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote,ignore"


@pytest.mark.parametrize("unit", [10**3, 10**6])
@pytest.mark.parametrize("header", [[], [BINANCE]])
def test_binance_klines(tmp_path: Path, unit: int, header: list[str]) -> None:
    rows = [
        f"{row},{(START + 60 * k + 59) * unit},9,8,7,6,0"
        for k, row in enumerate(plain([0, 1, 2], unit=unit))
    ]
    file = read(tmp_path, [*header, *rows])
    same(file, [0, 1, 2])
    assert file.dialect == "Binance klines"


def test_iso_times_without_a_zone_are_utc_and_said_so(tmp_path: Path) -> None:
    rows = [f"2018-01-01 00:0{k}:00,{bar(k)}" for k in range(3)]
    file = read(tmp_path, [PLAIN.replace("timestamp", "time"), *rows])
    same(file, [0, 1, 2])
    (note,) = file.notes
    assert note.startswith("The times carry no time zone and were read as UTC.")
    assert "--timezone Europe/Berlin" in note


@pytest.mark.parametrize(
    ("zone", "hour", "moved"), [("Z", 0, 0), ("+00:00", 0, 0), ("+02:00", 2, 3), ("+0200", 2, 3)]
)
def test_iso_times_with_a_zone_are_converted_and_counted(
    tmp_path: Path, zone: str, hour: int, moved: int
) -> None:
    rows = [f"2018-01-01T0{hour}:0{k}:00{zone},{bar(k)}" for k in range(3)]
    file = read(tmp_path, [PLAIN, *rows])
    same(file, [0, 1, 2])
    assert file.repairs == ({"converted_to_utc": moved} if moved else {})
    assert file.notes == ()


def test_columns_in_another_order_and_columns_nobody_reads(tmp_path: Path) -> None:
    rows = [",".join([*row.split(",")[::-1], "77"]) for row in plain([0, 1, 2])]
    file = read(tmp_path, ["volume,close,low,high,open,timestamp,trades", *rows])
    same(file, [0, 1, 2])
    assert file.notes == ("Columns not read: trades.",)


def test_gzip_zip_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    text = "\ufeff" + "\r\n".join([PLAIN, *plain([0, 1, 2])]) + "\r\n"
    packed, zipped = tmp_path / "a.csv.gz", tmp_path / "b.zip"
    packed.write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("candles.csv", text)
    for path in (packed, zipped):
        file = read_candle_file(path, symbol="ETH/USD")
        same(file, [0, 1, 2])
        assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("minutes", "timeframe"), [(5, "5m"), (60, "1h"), (240, "4h"), (1440, "1d"), (90, "90m")]
)
def test_timeframe_is_the_most_common_spacing(tmp_path: Path, minutes: int, timeframe: str) -> None:
    first = -(-START // (60 * minutes)) * 60 * minutes
    rows = [f"{first + 60 * minutes * k},1,1,1,1,0" for k in (0, 1, 2, 5)]
    assert read(tmp_path, [PLAIN, *rows]).timeframe == timeframe


# ---- repairs


def test_bars_of_two_lengths_are_refused(tmp_path: Path) -> None:
    """Days before hours were read as hours: the close of a day was known at its midnight."""
    days = [f"{START + 86400 * k},{bar(k)}" for k in range(30)]
    hours = [f"{START + 86400 * 30 + 3600 * k},{bar(k)}" for k in range(100)]
    for lines in (days + hours, (days + hours)[::-1]):
        message = refused(tmp_path, [PLAIN, *lines])
        assert "bars of two lengths in one file: most are 0 days 01:00:00 apart, and 31 from " in (
            message
        )
        assert "2018-01-01 00:00Z on 1 days 00:00:00" in message
        assert "Give each length in a file of its own" in message


def test_minutes_without_a_trade_are_no_longer_bars(tmp_path: Path) -> None:
    """Quiet minutes leave steps of many lengths, and the same one a few times over."""
    minutes = [*range(100), *range(100, 150, 5), *range(200, 400)]
    same(read(tmp_path, [PLAIN, *plain(minutes)]), minutes)


def test_blank_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = plain([0, 1, 2])
    file = read(tmp_path, [PLAIN, rows[0], "", rows[1], ",,,,,", rows[2]])
    same(file, [0, 1, 2])
    assert file.repairs == {"blank_rows": 2}


def test_exact_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    file = read(tmp_path, [PLAIN, *plain([0, 1, 1, 2, 2, 2])])
    same(file, [0, 1, 2])
    assert file.repairs == {"duplicates": 3}


def test_rows_out_of_order_are_sorted_and_counted(tmp_path: Path) -> None:
    file = read(tmp_path, [PLAIN, *plain([0, 2, 1, 3])])
    same(file, [0, 1, 2, 3])
    assert file.repairs == {"out_of_order": 1}


def test_newest_first_is_turned_and_counted(tmp_path: Path) -> None:
    file = read(tmp_path, [PLAIN, *plain([3, 2, 1, 0])])
    same(file, [0, 1, 2, 3])
    assert file.repairs == {"reversed": 1}


def test_impossible_bars_are_dropped_and_counted_on_request(tmp_path: Path) -> None:
    rows = plain([0, 1, 2, 3, 4])
    rows[1], rows[3] = (
        rows[1].replace("101,", "-101,", 1),
        f"{(START + 180) * 1000},103,,,104.25,4.5",
    )
    file = read(tmp_path, [PLAIN, *rows], bad_bars="drop")
    same(file, [0, 2, 4])
    assert file.repairs == {"dropped_bars": 2}


files = st.integers(3, 25).flatmap(
    lambda n: st.tuples(
        st.just(n), st.permutations(range(n)), st.lists(st.integers(0, n - 1), max_size=10)
    )
)


@given(files, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_duplicates_and_units_do_not_matter(tmp_path_factory, plan, random) -> None:
    number, order, copies = plan
    minutes = [*order, *copies]
    random.shuffle(minutes)
    rows = [plain([k], unit=random.choice([1, 10**3, 10**6, 10**9]))[0] for k in minutes]
    file = read(tmp_path_factory.mktemp("any"), [PLAIN, *rows])
    same(file, list(range(number)))
    assert file.repairs.get("duplicates", 0) == len(copies)


prices = st.floats(1e-8, 1e8, allow_subnormal=False)


@given(
    st.lists(
        st.tuples(prices, prices, prices, prices, st.floats(0, 1e12)), min_size=2, max_size=20
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_values_come_through_to_the_last_bit_on_both_paths(tmp_path_factory, bars, flaw) -> None:
    rows = [
        (sorted(four)[1], max(four), min(four), sorted(four)[2], volume) for *four, volume in bars
    ]
    lines = [f"{START + 60 * k},{','.join(map(repr, row))}" for k, row in enumerate(rows)]
    file = read(tmp_path_factory.mktemp("bits"), [PLAIN, *lines, *([""] * flaw), *([","] * flaw)])
    assert np.array_equal(file.candles.to_numpy(), np.array(rows))
    assert file.repairs.get("blank_rows", 0) == 2 * flaw


# ---- the symbol


@pytest.mark.parametrize("text", ["ETHUSD", "eth-usd", "ETH_USD", "ETH/USD", " ETHUSD "])
def test_symbol_is_written_base_quote(text: str) -> None:
    assert parse_symbol(text) == "ETH/USD"


@pytest.mark.parametrize("text", ["", "ETH", "../x", "ETH/USD/BTC", "ETH USD", "/USD"])
def test_symbol_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not base/quote"):
        parse_symbol(text)


def test_quote_of_four_letters() -> None:
    assert (parse_symbol("BTCUSDT"), parse_symbol("ETHBTC")) == ("BTC/USDT", "ETH/BTC")


def test_missing_symbol(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not say which symbol it holds.*--symbol"):
        read_candle_file(save(tmp_path, [PLAIN, *plain([0, 1])]))


def test_symbol_that_contradicts_the_file(tmp_path: Path) -> None:
    rows = [f"{START + 60 * k},x,BTCUSD,{bar(k)}" for k in (1, 0)]
    assert "holds BTC/USD, not ETH/USD" in refused(tmp_path, [MINUTES, *rows])


def test_several_symbols_in_one_file(tmp_path: Path) -> None:
    rows = [f"{START + 60 * k},x,{name},{bar(k)}" for k, name in ((1, "ETHUSD"), (0, "BTCUSD"))]
    assert "several symbols in one file: ETHUSD, BTCUSD" in refused(tmp_path, [MINUTES, *rows])


# ---- bad files, one test each


def test_missing_file_suggests_a_near_name(tmp_path: Path) -> None:
    save(tmp_path, [PLAIN], name="bitfinex_ETHUSD_2018.csv")
    with pytest.raises(
        DataError, match=r"no such file\. Did you mean 'bitfinex_ETHUSD_2018\.csv'\?"
    ):
        read_candle_file(tmp_path / "bitfinex_ETHUSD_2081.csv", symbol="ETH/USD")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"no such file\. The folder .*nowhere does not exist either"
    ):
        read_candle_file(tmp_path / "nowhere" / "a.csv", symbol="ETH/USD")


def test_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="this is a folder"):
        read_candle_file(tmp_path, symbol="ETH/USD")


@pytest.mark.parametrize("text", ["", "\n\n", "   "])
def test_empty_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.csv: the file is empty\. Fetch it again"):
        read_candle_file(path, symbol="ETH/USD")


@pytest.mark.parametrize("after", [[], [""], [",,,,,"]])
def test_header_without_candles(tmp_path: Path, after: list[str]) -> None:
    assert "no candle after the header" in refused(tmp_path, [PLAIN, *after])


def test_cut_off_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("\n".join([PLAIN, *plain(list(range(500)))]).encode())[:-200])
    with pytest.raises(DataError, match="the packed file is broken or cut off"):
        read_candle_file(path, symbol="ETH/USD")


def test_gzip_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the packed file is broken"):
        read_candle_file(save(tmp_path, [PLAIN, *plain([0, 1])], name="a.csv.gz"), symbol="ETH/USD")


def test_gzip_with_a_flipped_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    packed = bytearray(gzip.compress("\n".join([PLAIN, *plain(list(range(500)))]).encode()))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(bytes(packed))
    with pytest.raises(DataError, match="the packed file is broken"):
        read_candle_file(path, symbol="ETH/USD")


def test_broken_zip_and_zip_of_two(tmp_path: Path) -> None:
    broken, two = tmp_path / "a.zip", tmp_path / "b.zip"
    broken.write_bytes(b"PK\x03\x04 nothing")
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("eth.csv", "x")
        archive.writestr("btc.csv", "y")
    with pytest.raises(DataError, match="the packed file is broken"):
        read_candle_file(broken, symbol="ETH/USD")
    with pytest.raises(
        DataError, match=r"the zip holds 2 files \(eth\.csv, btc\.csv\); it must hold one"
    ):
        read_candle_file(two, symbol="ETH/USD")


def test_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"PAR1\0\0\1")
    with pytest.raises(DataError, match="not a text file"):
        read_candle_file(path, symbol="ETH/USD")


@pytest.mark.parametrize(
    ("content", "name", "advice"),
    [
        (b"PAR1\x15\x04", "a Parquet file", "Write it as a CSV"),
        (b"ARROW1\0\0", "a Feather file", "Write it as a CSV"),
        (pickle.dumps({"open": 1}), "a pickle of Python", "Write it as a CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook", "Save it as CSV"),
        (bz2.compress(b"time,open"), "packed with bzip2", "Unpack it"),
        (lzma.compress(b"time,open"), "packed with xz", "Unpack it"),
        (b"[[1578182400000, 1, 2, 3, 4, 5]]", "JSON", "Write it as a CSV"),
        (b'\n [{"open": 1}]', "JSON", "Write it as a CSV"),
        (b'{"result": []}', "JSON", "Write it as a CSV"),
        (b"<!DOCTYPE html><html>", "a page of the web", "Fetch the file again"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_what_is_no_csv_is_named(
    tmp_path: Path, content: bytes, name: str, advice: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "candles.dat"
    path.write_bytes(pack(content))
    with pytest.raises(DataError, match=f"this is {name}.*{advice}"):
        read_candle_file(path, symbol="ETH/USD")


def test_workbooks_and_tar_archives_are_named(tmp_path: Path) -> None:
    book = tmp_path / "candles.xlsx"
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(DataError, match=r"this is an Excel workbook\. Save it as CSV"):
        read_candle_file(book, symbol="ETH/USD")
    packed = tmp_path / "candles.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(save(tmp_path, [PLAIN, *plain([0, 1])]), arcname="candles.csv")
    with pytest.raises(DataError, match=r"this is a tar archive.*Unpack it"):
        read_candle_file(packed, symbol="ETH/USD")


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("when,o,h,l,c,v", "when,o,h,l,c,v"),
        ("timestamp,open,high,low,close", "timestamp,open,high,low,close"),
        ("timestamp,open,high,low,close,close,volume", "close,close"),
        ("timestamp open high low close volume", "separated by commas, semicolons or tabs"),
        ("1514764800000,1,2,3,4,5", "add a header"),
    ],
)
def test_unknown_dialect_shows_the_header_and_the_known_ones(
    tmp_path: Path, header: str, hint: str
) -> None:
    message = refused(tmp_path, [header, *plain([0, 1])])
    assert "the layout is unknown" in message
    assert header in message
    assert hint in message
    for known in (
        "CryptoDataDownload",
        "Yahoo",
        "Binance",
        "plain OHLCV (timestamp,open,high,low,close,volume)",
    ):
        assert known in message


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("when,open,high,low,close,volume", "for: time."),
        ("time,first,high,low,last,volume", "for: open, close."),
        ("index,opening,high,low,close,volume", "for: time, open."),
        ("close_time,open,high,low,close,volume", "close_time holds the end of a bar"),
        ("time_period_end,open,high,low,close,volume", "it would move every bar to the next"),
    ],
)
def test_an_unknown_layout_tells_what_is_not_found(tmp_path: Path, header: str, words: str) -> None:
    assert words in refused(tmp_path, [header, *plain([0, 1])])


def test_one_candle_does_not_tell_the_timeframe(tmp_path: Path) -> None:
    assert "one candle does not tell the timeframe" in refused(tmp_path, [PLAIN, *plain([0])])


def test_non_numeric_cells(tmp_path: Path) -> None:
    rows = plain([0, 1, 2, 3])
    rows[1] = rows[1].replace("103.5", "n.a.")
    rows[2] = rows[2].replace("104.5", "1_0")
    message = refused(tmp_path, [PLAIN, *rows])
    assert "2 cells in column high are no number, first in row 3: 'n.a.'" in message
    assert "candles.csv" in message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("0,102,99,101,1", "open 0 is not above 0"),
        ("100,102,-99,101,1", "low -99 is not above 0"),
        ("100,860.9,861.2,101,1", "low 861.2 is above high 860.9"),
        ("100,102,99,101,-1", "volume -1 is negative"),
        ("100,102,99,,1", "close is missing"),
        ("100,102,99,nan,1", "close is missing"),
        ("100,inf,99,101,1", "high is infinite"),
        ("105,102,99,101,1", "open 105 lies outside low 99 to high 102"),
    ],
)
def test_impossible_bar_names_the_row_the_time_and_the_remedy(
    tmp_path: Path, values: str, words: str
) -> None:
    rows = plain([0, 1, 2, 3])
    rows[2] = f"{rows[2].split(',')[0]},{values}"
    message = refused(tmp_path, [PLAIN, *rows])
    assert (
        f"candles.csv: 1 impossible bar, first in row 4 at 2018-01-01 00:02Z: {words}." in message
    )
    assert (
        "Mend the file, or import it into the store with cryptonn import-data --drop-bad-bars"
        in message
    )


def test_row_number_counts_the_site_line_and_blank_rows(tmp_path: Path) -> None:
    rows = [f"{START + 60 * k},x,ETHUSD,{bar(k)}" for k in (2, 1)]
    bad = f"{START},x,ETHUSD,0,1,1,1,1"
    assert "first in row 5 at" in refused(tmp_path, [SITE, MINUTES, *rows, bad])
    assert "first in row 6 at" in refused(tmp_path, [SITE, MINUTES, *rows, "", bad])


def test_all_bars_impossible_hints_at_the_order_of_columns(tmp_path: Path) -> None:
    message = refused(
        tmp_path, ["timestamp,open,low,high,close,volume", *plain([0, 1, 2])], bad_bars="drop"
    )
    assert "all 3 bars are impossible, first in row 2" in message
    assert "another order" in message


def test_conflicting_rows_name_both(tmp_path: Path) -> None:
    rows = plain([0, 1, 2, 3])
    message = refused(tmp_path, [PLAIN, *rows, rows[1].replace(",102.25,", ",102.75,")])
    assert "1 row in conflict with another of the same time, first at 2018-01-01 00:01Z" in message
    assert "close is 102.25 in row 3 and 102.75 in row 6" in message


def test_mixed_zones(tmp_path: Path) -> None:
    rows = [f"2018-01-01T00:0{k}:00{'Z' if k != 1 else ''},{bar(k)}" for k in range(4)]
    message = refused(tmp_path, [PLAIN, *rows])
    assert (
        "3 times with a time zone and 1 without, first in row 3: '2018-01-01T00:01:00'" in message
    )


@pytest.mark.parametrize(
    "cell", ["yesterday", "", "2018-13-01", "12", "-5", "99999999999999999999"]
)
def test_time_that_cannot_be_read(tmp_path: Path, cell: str) -> None:
    rows = plain([0, 1, 2, 3])
    rows[1] = f"{cell},{bar(1)}"
    message = refused(tmp_path, [PLAIN, *rows])
    assert "1 time cannot be read, first in row 3" in message
    assert cell in message


def test_times_off_the_grid(tmp_path: Path) -> None:
    rows = plain([0, 1, 2, 3])
    rows[2] = f"{(START + 130) * 1000},{bar(2)}"
    message = refused(tmp_path, [PLAIN, *rows, *plain([4, 5])])
    assert "1 time of 6 off the 1m grid, first in row 4 at 2018-01-01 00:02:10Z" in message


def dated(times: Sequence[str] | pd.DatetimeIndex) -> list[str]:
    return [PLAIN, *(f"{time},{bar(place)}" for place, time in enumerate(times))]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (pd.date_range("2018-01-01", periods=30, freq="7D"), "bars of a week"),
        (pd.date_range("2018-01-01", periods=30, freq="MS"), "bars of a month"),
        (pd.date_range("2018-01-02", periods=30, freq="3D"), "bars of 3 days"),
        (pd.date_range("2018-01-01 00:59:59.999", periods=30, freq="h"), "the close, 0.001 s"),
        (pd.date_range("2018-01-01 23:59:59", periods=30, freq="D"), "those of the close, 1 s"),
        (pd.date_range("2018-01-01 00:04", periods=30, freq="5min"), "those of the close, 60 s"),
        (pd.date_range("2018-01-01 05:00Z", periods=30, freq="D"), "days begin at 05:00 instead"),
        (pd.date_range("2018-01-01 17:00Z", periods=30, freq="D"), "give bars of hours or less"),
        (pd.date_range("2018-01-01 00:30", periods=30, freq="h"), "bars begin at 00:30 instead"),
        (pd.date_range("2018-01-01 02:00", periods=30, freq="4h"), "If they are local times"),
        (
            pd.date_range("2018-03-20", periods=30, freq="D", tz="Europe/London").tz_convert("UTC"),
            "days begin at 00:00 or 23:00 instead",
        ),
    ],
)
def test_times_off_the_grid_are_told_what_they_are(
    tmp_path: Path, times: pd.DatetimeIndex, words: str
) -> None:
    message = refused(tmp_path, dated(times))
    assert words.lower() in message.lower()
    assert "grid, first in row" in message
    assert "delete" not in message


def test_the_last_row_of_today_at_the_present_hour_is_left_out(tmp_path: Path) -> None:
    """Yahoo's last row is of the moment at which the file was fetched."""
    days = [f"2020-03-{day:02d} 00:00:00+00:00" for day in range(1, 5)]
    file = read(tmp_path, dated([*days, "2020-03-05 13:45:00+00:00"]))
    assert len(file.candles) == 4 and file.repairs == {"unclosed": 1}
    assert file.left_out == (file.notes[0],)
    assert "2020-03-05 13:45Z, inside the bar of 2020-03-05 00:00Z" in file.notes[0]
    twice = dated([*days, "2020-03-04 13:45:00+00:00"])
    assert "mend or delete the rows" in refused(tmp_path, twice)


def test_a_last_row_of_the_present_and_bars_not_closed_are_counted_together(tmp_path: Path) -> None:
    days = [f"2020-03-{day:02d}" for day in range(1, 5)]
    path = save(tmp_path, dated([*(f"{day} 00:00" for day in days), "2020-03-05 13:45"]))
    file = read_candle_file(path, symbol="ETH/USD", now=pd.Timestamp("2020-03-04 12:00", tz="UTC"))
    assert len(file.candles) == 3 and file.repairs == {"unclosed": 2}
    assert len(file.left_out) == 2


def test_candles_of_less_than_a_minute(tmp_path: Path) -> None:
    rows = [f"{START + 10 * k},{bar(k)}" for k in range(4)]
    assert "no whole number of minutes" in refused(tmp_path, [PLAIN, *rows])


def test_a_column_with_a_currency_in_every_cell_is_not_to_be_deleted(tmp_path: Path) -> None:
    """As Nasdaq writes prices: $7,400.12."""
    rows = [row.replace(",1", ",$1", 1) for row in plain([0, 1, 2, 3])]
    message = refused(tmp_path, [PLAIN, *rows])
    assert "4 cells in column open are no number" in message
    assert "Write the whole column as plain numbers" in message and "delete" not in message


def test_row_that_is_cut_off(tmp_path: Path) -> None:
    message = refused(tmp_path, [PLAIN, *plain([0, 1, 2]), "1514764980000,103"])
    assert "row 5 has 2 cells, the others have 6: '1514764980000,103'" in message


def test_row_with_too_many_cells(tmp_path: Path) -> None:
    assert "row 3 has 7 cells" in refused(
        tmp_path, [PLAIN, *plain([0]), plain([1])[0] + ",9", *plain([2])]
    )
