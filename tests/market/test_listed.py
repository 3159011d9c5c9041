"""Candles straight from the CSV files a run file lists: found, joined, aligned; and what is said when they do not."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cryptonn.config import parse_config
from cryptonn.errors import ConfigError, DataError
from cryptonn.market.files.formats import read_candle_file
from cryptonn.market.resample import resample
from cryptonn.market.source import latest_market, load_frame, load_market
from cryptonn.market.store.health import candles_sha256
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig

START = pd.Timestamp("2018-01-01", tz="UTC")
YAHOO = "Date,Open,High,Low,Close,Adj Close,Volume"
GEMINI = "Date,Symbol,Open,High,Low,Close,Volume ETH,Volume USD"
PLAIN = "timestamp,open,high,low,close,volume"


def day(number: int) -> str:
    return f"{START + pd.Timedelta(days=number):%Y-%m-%d}"


def yahoo(numbers: range | list[int], *, price: float = 100.0) -> list[str]:
    """Rows of the given days after START; day k closes at price + k."""
    return [
        f"{day(k)},{price},{price + k + 100},{price - 50},{price + k},{price + k},{1000 + k}"
        for k in numbers
    ]


def write(folder: Path, name: str, rows: list[str], *, header: str = YAHOO) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows]) + "\n")
    return name


def config(folder: Path, *files: str, **changes: object) -> DataConfig:
    """Thirty days of ETH from files, ten of them for the test."""
    values = {
        **{
            "source": "files",
            "folder": folder,
            "files": {"ETH/USD": files},
            "others": (),
            "timeframe": "1d",
        },
        **{"train": "20180101-20180121", "test": {"later": "20180121-20180131"}},
    }
    return DataConfig.model_validate(values | changes)


def refused(folder: Path, *files: str, **changes: object) -> str:
    with pytest.raises(DataError) as caught:
        load_frame(config(folder, *files, **changes))
    assert str(caught.value).endswith((".", "?"))
    return str(caught.value)


@pytest.fixture
def month(tmp_path: Path) -> str:
    return write(tmp_path, "month.csv", yahoo(range(30)))


# ---- what is read


def test_a_file_becomes_a_frame_and_its_facts(tmp_path: Path, month: str) -> None:
    frame, facts = load_frame(config(tmp_path, month))
    read = read_candle_file(tmp_path / month, symbol="ETH/USD")
    pd.testing.assert_frame_equal(frame.candles("ETH/USD"), read.candles, check_freq=False)
    assert facts["ETH/USD"] == {
        "exchange": "files",
        "rows": 30,
        "first": "2018-01-01 00:00Z",
        "last": "2018-01-30 00:00Z",
        "sha256": candles_sha256(read.candles),
        "repairs": {"converted_volume": 30},
        "notes": [
            "Yahoo's Volume counts quote money: it was divided by the Close, so that it counts base."
        ],
        "files": [read.source],
    }
    assert json.loads(json.dumps(facts)) == facts


def test_only_the_candles_of_the_run_count(tmp_path: Path) -> None:
    rows = yahoo(range(100))
    facts = [
        load_frame(config(tmp_path, write(tmp_path, name, rows[:days])))[1]["ETH/USD"]
        for name, days in (("long.csv", 100), ("short.csv", 30))
    ]
    assert facts[0]["sha256"] == facts[1]["sha256"]
    assert (facts[0]["rows"], facts[0]["files"][0]["rows"]) == (30, 100)


def test_null_rows_are_counted_and_filled_flat(tmp_path: Path) -> None:
    rows = yahoo(range(30))
    rows[4] = f"{day(4)},null,null,null,null,null,null"
    frame, facts = load_frame(config(tmp_path, write(tmp_path, "null.csv", rows)))
    assert facts["ETH/USD"]["repairs"] == {"null_rows": 1, "converted_volume": 29}
    assert frame.counts.loc["ETH/USD", ["rows", "filled"]].tolist() == [29, 1]
    assert frame.candles("ETH/USD").iloc[4].tolist() == [103.0, 103.0, 103.0, 103.0, 0.0]
    assert "1 bar of 1d absent, first at 2018-01-05" in refused(tmp_path, "null.csv", gaps="refuse")


@pytest.mark.parametrize(
    "cuts", [[(0, 30)], [(0, 10), (10, 30)], [(15, 30), (0, 15)], [(0, 20), (10, 30), (5, 12)]]
)
def test_files_in_any_order_and_overlapping_make_the_whole(
    tmp_path: Path, month: str, cuts
) -> None:
    names = [write(tmp_path, f"{a}-{b}.csv", yahoo(range(a, b))) for a, b in cuts]
    whole, parts = load_frame(config(tmp_path, month)), load_frame(config(tmp_path, *names))
    assert parts[1]["ETH/USD"]["sha256"] == whole[1]["ETH/USD"]["sha256"]
    assert [file["file"] for file in parts[1]["ETH/USD"]["files"]] == names
    pd.testing.assert_frame_equal(parts[0].table, whole[0].table)


def test_two_symbols_of_several_dialects(tmp_path: Path, month: str) -> None:
    rows = [
        f"{START + pd.Timedelta(days=k):%m/%d/%Y},BTCUSD,7,8,6,7,1,7" for k in reversed(range(30))
    ]
    write(tmp_path, "gemini.csv", rows, header=GEMINI.replace("ETH", "BTC"))
    files = {"ETH/USD": [month], "BTC/USD": ["gemini.csv"]}
    frame, facts = load_frame(config(tmp_path, files=files, others=("BTC/USD",)))
    assert frame.symbols == ("ETH/USD", "BTC/USD")
    assert facts["BTC/USD"]["repairs"] == {"reversed": 1}
    assert facts["BTC/USD"]["files"][0]["dialect"] == "CryptoDataDownload daily"


def test_a_timeframe_longer_than_that_of_the_files_is_made(tmp_path: Path, month: str) -> None:
    frame, facts = load_frame(config(tmp_path, month, timeframe="2d"))
    expected = resample(
        read_candle_file(tmp_path / month, symbol="ETH/USD").candles,
        source_timeframe="1d",
        timeframe="2d",
    )
    assert facts["ETH/USD"]["resampled_from"] == "1d"
    pd.testing.assert_frame_equal(frame.candles("ETH/USD"), expected, check_freq=False)


def test_the_newest_rows_of_files(tmp_path: Path) -> None:
    name = write(tmp_path, "long.csv", yahoo(range(2000)))
    newest = latest_market(config(tmp_path, name), horizon=1, bars=30)
    assert f"{newest.index[-1]:%Y-%m-%d}" == day(1999)
    assert len(newest.index) == 30 + 1500 + 1
    pairs = latest_market(config(tmp_path, name, timeframe="2d"), horizon=1, bars=30)
    assert pairs.index[-1] + pd.Timedelta("2D") <= newest.index[-1] + pd.Timedelta("1D")


@pytest.mark.parametrize(
    ("hour", "last"), [("2018-01-30 23:59", 28), ("2018-01-31 00:00", 29), ("2019-01-01", 29)]
)
def test_the_day_in_progress_is_not_among_the_newest(
    tmp_path: Path, month: str, hour: str, last: int
) -> None:
    now = pd.Timestamp(hour, tz="UTC")
    newest = latest_market(config(tmp_path, month), horizon=1, bars=5, now=now)
    assert f"{newest.index[-1]:%Y-%m-%d}" == day(last)
    with pytest.raises(DataError, match="none of its 30 bars has closed yet"):
        latest_market(
            config(tmp_path, month), horizon=1, bars=5, now=START + pd.Timedelta(hours=12)
        )


@pytest.mark.parametrize("last", [[], [59]])
def test_a_hole_in_what_the_network_looks_at_is_refused(tmp_path: Path, last: list[int]) -> None:
    """25 of the last 30 days were filled flat and predicted on; the other symbol has them all."""
    write(tmp_path, "whole.csv", yahoo(range(60)))
    write(tmp_path, "holed.csv", yahoo([*range(30), *range(55, 59), *last]))
    both = {"others": ("BTC/USD",), "files": {"ETH/USD": ["whole.csv"], "BTC/USD": ["holed.csv"]}}
    with pytest.raises(
        DataError,
        match="the newest bars, which the network looks at: BTC/USD 1d from holed.csv has no candle between 2018-01-30 "
        "00:00Z and 2018-02-25 00:00Z. Give files that hold them with --file, or fetch them with --download",
    ):
        latest_market(config(tmp_path, **both), horizon=1, bars=30)
    assert len(latest_market(config(tmp_path, **both), horizon=1, bars=3).index) > 30, (
        "the hole lies before those"
    )


def test_a_short_hole_in_what_the_network_looks_at_is_filled(tmp_path: Path) -> None:
    """As in training: seven days are taken for an outage."""
    newest = latest_market(
        config(tmp_path, write(tmp_path, "a.csv", yahoo([*range(20), *range(26, 40)]))),
        horizon=1,
        bars=30,
    )
    assert newest.counts.loc["ETH/USD", "longest_gap"] == 6


# ---- where files are looked for


def test_a_path_of_its_own_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "mine", "eth.csv", yahoo(range(30)))
    monkeypatch.chdir(tmp_path)
    for name in (str(tmp_path / "mine" / "eth.csv"), "mine/eth.csv", "./mine/eth.csv"):
        assert load_frame(config(tmp_path / "elsewhere", name))[1]["ETH/USD"]["rows"] == 30


def test_a_bare_name_is_looked_for_in_the_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "here", "eth.csv", yahoo(range(30), price=1000.0))
    write(tmp_path / "there", "eth.csv", yahoo(range(30)))
    monkeypatch.chdir(tmp_path / "here")
    frame, _ = load_frame(config(tmp_path / "there", "eth.csv"))
    assert frame.candles("ETH/USD")["open"].iloc[0] == 100.0


def test_a_missing_file_says_where_it_was_looked_for_and_what_to_do(
    tmp_path: Path, month: str
) -> None:
    message = refused(tmp_path, "moth.csv")
    assert message.startswith(
        f"moth.csv: no such file. It is not in {tmp_path}. Did you mean 'month.csv'?"
    )
    assert "--data FOLDER" in message and "mend data.files" in message


def test_a_missing_folder_and_a_missing_path_are_named(tmp_path: Path) -> None:
    assert f"The folder {tmp_path / 'no'} does not exist" in refused(tmp_path / "no", "month.csv")
    own = tmp_path / "mine" / "eth.csv"
    assert f"The folder {own.parent} does not exist" in refused(tmp_path, str(own))


# ---- files that are not what the run says


@pytest.mark.parametrize("word", ["yahoo", "Yahoo", "YAHOO"])
def test_the_dialect_that_is_expected(tmp_path: Path, month: str, word: str) -> None:
    assert load_frame(config(tmp_path, month, dialect=word))[1]["ETH/USD"]["rows"] == 30


def test_another_dialect_than_expected_names_both(tmp_path: Path, month: str) -> None:
    message = refused(tmp_path, month, dialect="cryptodatadownload")
    assert f"{tmp_path / month}: the file is Yahoo, the run expects CryptoDataDownload" in message
    assert "change data.dialect" in message


def test_a_dialect_that_is_none(tmp_path: Path, month: str) -> None:
    with pytest.raises(
        ConfigError,
        match=r"dialect 'yaho' is unknown\. There are: cryptodatadownload, yahoo, .*yahoo",
    ):
        load_frame(config(tmp_path, month, dialect="yaho"))


def test_a_file_of_another_symbol(tmp_path: Path) -> None:
    rows = [f"{START + pd.Timedelta(days=k):%m/%d/%Y},BTCUSD,7,8,6,7,1,7" for k in range(30)]
    message = refused(tmp_path, write(tmp_path, "gemini.csv", rows, header=GEMINI))
    assert "gemini.csv: the file holds BTC/USD, not ETH/USD" in message


def test_a_close_that_is_no_number(tmp_path: Path) -> None:
    rows = yahoo(range(30))
    rows[6] = rows[6].replace("106.0,106.0", "n.a.,106.0")
    message = refused(tmp_path, write(tmp_path, "words.csv", rows))
    assert (
        f"{tmp_path / 'words.csv'}: 1 cell in column close is no number, first in row 8: 'n.a.'."
        in message
    )
    assert "Mend the cell or delete the row" in message


def test_an_impossible_bar_says_what_a_run_of_files_can_do(tmp_path: Path) -> None:
    """It named an option that no run of files takes."""
    rows = yahoo(range(30))
    rows[6] = rows[6].replace(",50.0,", ",500.0,")
    message = refused(tmp_path, write(tmp_path, "low.csv", rows))
    assert (
        "1 impossible bar, first in row 8 at 2018-01-07 00:00Z: low 500 is above high 206"
        in message
    )
    assert message.endswith(
        "Mend the file, or import it into the store with cryptonn import-data --drop-bad-bars, where a run of "
        'source = "store" reads it.'
    )


def test_a_close_column_of_words(tmp_path: Path) -> None:
    rows = [",".join([*row.split(",")[:4], "up", *row.split(",")[5:]]) for row in yahoo(range(30))]
    message = refused(tmp_path, write(tmp_path, "words.csv", rows))
    assert "30 cells in column close are no number, first in row 2: 'up'" in message


def test_files_that_disagree(tmp_path: Path) -> None:
    first = write(tmp_path, "a.csv", yahoo(range(20)))
    second = write(tmp_path, "b.csv", yahoo(range(15, 30), price=101.0))
    message = refused(tmp_path, first, second)
    assert (
        f"{tmp_path / 'b.csv'}: 5 bars in conflict with {tmp_path / 'a.csv'}, first at 2018-01-16 00:00Z: "
        in message
    )
    assert "open is 101 here and 100 there" in message


def test_a_bar_in_progress_when_a_file_was_saved_is_said_to_be_one(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", [*yahoo(range(20)), f"{day(20)},100,500,50,121,121,9"])
    write(tmp_path, "b.csv", yahoo(range(20, 30)))
    message = refused(tmp_path, "a.csv", "b.csv")
    assert f"may have been in progress: delete the last row of {tmp_path / 'a.csv'}" in message


def test_a_bar_that_has_not_closed_when_a_run_begins_is_left_out_and_counted(
    tmp_path: Path,
) -> None:
    month = write(tmp_path, "month.csv", yahoo(range(31)))
    noon = pd.Timestamp("2018-01-31 12:00", tz="UTC")
    frame, facts = load_frame(config(tmp_path, month, test={"later": "20180121-"}), now=noon)
    assert f"{frame.index[-1]:%Y-%m-%d}" == "2018-01-30"
    assert facts["ETH/USD"]["repairs"]["unclosed"] == 1
    assert any("2018-01-31 00:00Z was still in progress" in n for n in facts["ETH/USD"]["notes"])


def test_files_of_two_timeframes(tmp_path: Path, month: str) -> None:
    hours = [f"{START + pd.Timedelta(days=40, hours=k)},1,1,1,1,1" for k in range(5)]
    message = refused(tmp_path, month, write(tmp_path, "hours.csv", hours, header=PLAIN))
    assert (
        f"{tmp_path / 'hours.csv'}: its candles are of 1h, those of {tmp_path / month} of 1d"
        in message
    )


def test_a_timeframe_that_cannot_be_made(tmp_path: Path, month: str) -> None:
    with pytest.raises(
        ConfigError, match=r"month\.csv: bars of 1m cannot be made from candles of 1d.*\"1d\" under"
    ):
        load_frame(config(tmp_path, month, timeframe="1m"))


def test_a_range_the_files_do_not_cover(tmp_path: Path, month: str) -> None:
    message = refused(tmp_path, month, test={"later": "20180121-20190101"})
    assert (
        "The range 20180101-20190101 is not in the files (nearest 2018-01-01 00:00Z to 2018-01-30 00:00Z)."
        in message
    )
    assert (
        "The files hold ETH/USD 1d from month.csv, 2018-01-01 00:00Z to 2018-01-30 00:00Z (30 bars)."
        in message
    )
    assert (
        "Add a file of those dates under data.files, or change data.train and data.test" in message
    )


def test_a_test_range_between_two_files_and_a_hole_in_the_train_range(tmp_path: Path) -> None:
    names = [
        write(tmp_path, "a.csv", yahoo(range(20))),
        write(tmp_path, "b.csv", yahoo(range(40, 60))),
    ]
    load_frame(config(tmp_path, *names, test={"later": "20180210-20180220"}))
    between = {"a": "20180125-20180201", "b": "20180210-20180220"}
    assert "20180125-20180201 is not in the files (nothing in it)" in refused(
        tmp_path, *names, test=between
    )
    message = refused(tmp_path, *names, train="20180101-20180220", test={})
    assert (
        "train (20180101-20180220): ETH/USD 1d from a.csv, b.csv has no candle between 2018-01-20"
        in message
    )


# ---- real files


def test_yahoo_and_gemini_days_of_bitcoin(shared_data: Path) -> None:
    names = {
        "yahoo": "yahoo_BTC-USD.csv",
        "cryptodatadownload": "cryptodatadownload_Gemini_BTCUSD_d.csv",
    }
    dates = {
        "target": "BTC/USD",
        "train": "20160101-20190101",
        "test": {"2019": "20190101-20191201"},
    }
    closes = {}
    for dialect, name in names.items():
        run = config(shared_data, files={"BTC/USD": [name]}, dialect=dialect, **dates)
        market = load_market(run, horizon=1)
        closes[dialect] = market.frame.candles("BTC/USD")["close"]
        assert market.facts["BTC/USD"]["rows"] == len(market.frame.index) == 1430
    assert (closes["yahoo"] / closes["cryptodatadownload"] - 1).abs().median() < 0.005


def test_quarters_of_an_hour_from_minutes_of_three_files(shared_data: Path) -> None:
    names = [f"bitfinex_ETHUSD_{year}_1m.csv.gz" for year in ("2017", "2018", "2019H1")]
    dates = {"train": "20170101-20190101", "test": {"2019": "20190101-20190701"}}
    frame, facts = load_frame(config(shared_data, *names, timeframe="15m", **dates))
    fact = facts["ETH/USD"]
    assert (fact["resampled_from"], [file["file"] for file in fact["files"]]) == ("1m", names)
    assert frame.counts.loc["ETH/USD", "rows"] == fact["rows"]
    assert str(frame.index[0]) == "2017-01-01 00:15:00+00:00"
    part = TimeRange.parse("20180301-20180302").select(frame.candles("ETH/USD"))
    minutes = read_candle_file(shared_data / names[1], symbol="ETH/USD").candles.loc["2018-03-01"]
    groups = minutes.groupby(minutes.index.floor("15min"))
    assert (part["open"] == groups["open"].first()).all() and (
        part["close"] == groups["close"].last()
    ).all()
    assert (part["high"] == groups["high"].max()).all() and (
        part["low"] == groups["low"].min()
    ).all()


def test_a_run_file_without_files_for_a_symbol_is_refused(tmp_path: Path) -> None:
    data = {"source": "files", "files": {"ETH/USD": ["a.csv"]}, "train": "20180101-20180121"}
    with pytest.raises(ConfigError, match="files names none for BTC/USD"):
        parse_config({"data": data})
