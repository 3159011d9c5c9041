"""What Binance's kline files say besides the candles: read, joined, summed, aligned, and refused by row and column."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.candles import Frame, align
from cryptonn.market.extras import EXTRAS
from cryptonn.market.files.formats import CandleFile, read_candle_file
from cryptonn.market.files.options import FileOptions
from cryptonn.market.newest import fetched_candles, newest_candles
from cryptonn.market.source import latest_market, load_frame
from cryptonn.market.store.health import candles_sha256
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig

START = pd.Timestamp("2018-01-01", tz="UTC")
ETH, BTC = "ETH/USDT", "BTC/USDT"
MILLISECONDS, MICROSECONDS = 10**3, 10**6
ARCHIVE = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
LIBRARY = (
    "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,"
    "Taker buy base asset volume,Taker buy quote asset volume,Ignore"
)
PLAIN = "timestamp,open,high,low,close,volume"


def extras_of(minute: int) -> list[float]:
    """Quote volume, trades, taker base and taker quote of a minute, each unlike its neighbours'."""
    return [1000.5 + minute, 10 + minute, 2.25 + minute, 500.25 + minute]


def kline(minute: int, *, unit: int = MILLISECONDS, **cells: object) -> str:
    """A row of Binance's, some of its cells changed; ten and more are traded in it."""
    opened = int(START.timestamp() + 60 * minute) * unit
    values = {
        **{
            "open_time": opened,
            "open": 100 + minute,
            "high": 103 + minute,
            "low": 99 + minute,
            "close": 101 + minute,
        },
        **{"volume": 10.5 + minute, "close_time": opened + 60 * unit - 1},
        **dict(zip(EXTRAS, extras_of(minute), strict=True)),
        "ignore": 0,
    }
    return ",".join(str(cell) for cell in (values | cells).values())


def klines(minutes: range | list[int], *, unit: int = MILLISECONDS) -> list[str]:
    return [kline(minute, unit=unit) for minute in minutes]


def save(folder: Path, lines: list[str], *, name: str = "klines.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def read(folder: Path, lines: list[str]) -> CandleFile:
    return read_candle_file(save(folder, lines), symbol=ETH, options=FileOptions(extras=True))


def config(folder: Path, *files: str, **changes: object) -> DataConfig:
    values = {
        **{
            "source": "files",
            "folder": folder,
            "files": {ETH: files},
            "target": ETH,
            "others": (),
            "extras": True,
        },
        **{"timeframe": "1m", "train": "20180101-20180102"},
    }
    return DataConfig.model_validate(values | changes)


def refused(folder: Path, lines: list[str]) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, lines)
    return str(caught.value)


@pytest.fixture
def day(tmp_path: Path) -> str:
    return save(tmp_path, klines(range(1440)), name="day.csv").name


# ---- what is read


@pytest.mark.parametrize("unit", [MILLISECONDS, MICROSECONDS])
@pytest.mark.parametrize("header", [[], [ARCHIVE], [LIBRARY]], ids=["bare", "archive", "library"])
def test_extras_of_old_and_new_files(tmp_path: Path, header: list[str], unit: int) -> None:
    file = read(tmp_path, [*header, *klines([0, 1, 3], unit=unit)])
    assert file.extras is not None and (file.extras.dtypes == np.float64).all()
    assert list(file.extras.columns) == list(EXTRAS)
    assert file.extras.to_numpy().tolist() == [extras_of(0), extras_of(1), extras_of(3)]
    assert file.extras.index.equals(file.candles.index)


def test_a_header_in_another_order_is_read_by_its_names(tmp_path: Path) -> None:
    swapped = ARCHIVE.replace("quote_volume,count", "count,quote_volume", 1)
    rows = [kline(k, quote_volume=extras_of(k)[1], trades=extras_of(k)[0]) for k in (0, 1)]
    assert read(tmp_path, [swapped, *rows]).extras.to_numpy().tolist() == [
        extras_of(0),
        extras_of(1),
    ]


def test_the_candles_are_the_same_with_and_without_extras(tmp_path: Path) -> None:
    path = save(tmp_path, [ARCHIVE, *reversed(klines(range(5)))])
    without, beside = (
        read_candle_file(path, symbol=ETH, options=FileOptions(extras=extras))
        for extras in (False, True)
    )
    assert without.extras is None
    assert (beside.source, beside.timeframe) == (without.source, without.timeframe)
    pd.testing.assert_frame_equal(beside.candles, without.candles, check_exact=True)
    assert beside.extras.to_numpy().tolist() == [extras_of(minute) for minute in range(5)]


def test_cells_nobody_asked_for_are_not_looked_at(tmp_path: Path) -> None:
    path = save(
        tmp_path, [kline(0), kline(1, trades="many", taker_base=1e9), kline(2, taker_quote="")]
    )
    assert len(read_candle_file(path, symbol=ETH).candles) == 3


def test_a_blank_line_sends_the_file_through_the_careful_reader(tmp_path: Path) -> None:
    file = read(tmp_path, [kline(0), "", kline(1)])
    assert file.repairs == {"blank_rows": 1}
    assert file.extras.to_numpy().tolist() == [extras_of(0), extras_of(1)]


# ---- bars made of them, and the frame


def test_longer_bars_have_the_sums(tmp_path: Path) -> None:
    """Minutes 5 to 36 but the 20th and 21st: one whole quarter of an hour, 00:15, in which two minutes are lacking."""
    save(tmp_path, klines([minute for minute in range(5, 37) if minute not in (20, 21)]))
    newest = latest_market(config(tmp_path, "klines.csv", timeframe="15m"), horizon=1, bars=5)
    assert [str(time)[11:16] for time in newest.index] == ["00:15"]
    inside = [15, 16, 17, 18, 19, 22, 23, 24, 25, 26, 27, 28, 29]
    by_hand = [
        13 * 1000.5 + sum(inside),
        130 + sum(inside),
        13 * 2.25 + sum(inside),
        13 * 500.25 + sum(inside),
    ]
    assert newest.extras[ETH].to_numpy().tolist() == [by_hand]
    assert newest.candles(ETH)["volume"].tolist() == [13 * 10.5 + sum(inside)]


def test_a_day_in_quarters_of_an_hour(tmp_path: Path, day: str) -> None:
    frame, facts = load_frame(config(tmp_path, day, timeframe="15m"))
    assert len(frame.index) == 96 and facts[ETH]["resampled_from"] == "1m"
    trades = frame.extras[(ETH, "trades")]
    assert trades.tolist() == [
        sum(10 + minute for minute in range(start, start + 15)) for start in range(0, 1440, 15)
    ]


def test_an_absent_bar_has_none(tmp_path: Path) -> None:
    save(tmp_path, klines([minute for minute in range(1440) if minute not in (7, 8)]))
    frame, _ = load_frame(config(tmp_path, "klines.csv"))
    assert frame.extras.index.equals(frame.index) and len(frame.index) == 1440
    assert frame.extras[ETH].iloc[6:10].to_numpy().tolist() == [
        extras_of(6),
        [0.0] * 4,
        [0.0] * 4,
        extras_of(9),
    ]
    assert frame.all_columns(ETH).iloc[7].tolist() == [107.0] * 4 + [0.0] * 5


def test_several_files_make_the_whole(tmp_path: Path, day: str) -> None:
    whole = load_frame(config(tmp_path, day))
    names = [
        save(tmp_path, klines(range(a, b)), name=f"{a}.csv").name
        for a, b in [(700, 1440), (0, 900)]
    ]
    parts = load_frame(config(tmp_path, *names))
    pd.testing.assert_frame_equal(parts[0].extras, whole[0].extras)
    assert parts[1][ETH]["sha256"] == whole[1][ETH]["sha256"]


def test_two_symbols_keep_their_own(tmp_path: Path, day: str) -> None:
    save(tmp_path, [kline(minute, trades=minute) for minute in range(1440)], name="btc.csv")
    frame, _ = load_frame(config(tmp_path, files={ETH: [day], BTC: ["btc.csv"]}, others=(BTC,)))
    assert frame.extras.xs("trades", axis=1, level="field").iloc[100].to_dict() == {
        ETH: 110.0,
        BTC: 100.0,
    }
    assert frame.all_columns(BTC)["trades"].tolist() == list(range(1440))


def test_cut_files_give_the_cut_extras(tmp_path: Path, day: str) -> None:
    whole, _ = load_frame(config(tmp_path, day, timeframe="5m"))
    cut = pd.Timestamp("2018-01-01 13:00", tz="UTC")
    later = [kline(minute, trades=7, quote_volume=1e6) for minute in range(780, 1440)]
    save(tmp_path, [*klines(range(780)), *later], name="other.csv")
    other, _ = load_frame(config(tmp_path, "other.csv", timeframe="5m"))
    past = TimeRange(None, cut)
    pd.testing.assert_frame_equal(other.select(past).extras, whole.select(past).extras)
    assert len(whole.select(past).extras) == 13 * 12
    assert not other.extras.loc[cut:].equals(whole.extras.loc[cut:])


def test_the_newest_extras_come_with_the_newest_candles(tmp_path: Path, day: str) -> None:
    now = START + pd.Timedelta("13:07:30")
    newest = newest_candles(config(tmp_path, day), horizon=1, bars=5, now=now)
    assert newest.extras.index.equals(newest.index)
    assert newest.extras[ETH].iloc[-1].tolist() == extras_of(13 * 60 + 6)
    save(tmp_path, klines(range(50)), name="new.csv")
    other = newest_candles(
        config(tmp_path, day), horizon=1, bars=5, files=[str(tmp_path / "new.csv")]
    )
    assert other.extras[ETH].iloc[-1].tolist() == extras_of(49)


def test_the_sha256_covers_the_extras_if_they_are_read(tmp_path: Path, day: str) -> None:
    rows = klines(range(1440))
    rows[700] = kline(700, trades=1)
    save(tmp_path, rows, name="other.csv")

    def found(name: str, *, extras: bool) -> dict[str, object]:
        return load_frame(config(tmp_path, name, extras=extras))[1][ETH]

    one, other, bare = (
        found(day, extras=True),
        found("other.csv", extras=True),
        found(day, extras=False),
    )
    assert one["sha256"] != other["sha256"]
    assert bare["sha256"] == found("other.csv", extras=False)["sha256"] != one["sha256"]
    assert bare["sha256"] == candles_sha256(read_candle_file(tmp_path / day, symbol=ETH).candles)
    assert one["extras"] == list(EXTRAS) and "extras" not in bare


def test_a_frame_of_other_extras_is_refused(tmp_path: Path, day: str) -> None:
    frame, _ = load_frame(config(tmp_path, day))
    for extras in (frame.extras.iloc[1:], frame.extras.iloc[:, :3]):
        with pytest.raises(
            DataError,
            match="frame: 'extras' must have the frame's times and all of quote_volume, tr",
        ):
            dataclasses.replace(frame, extras=extras)
    lacking = {ETH: frame.candles(ETH), BTC: frame.candles(ETH)}
    with pytest.raises(DataError, match="for each symbol"):
        align(lacking, timeframe="1m", extras={ETH: frame.extras[ETH]})
    assert isinstance(frame, Frame)


# ---- what is refused


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"quote_volume": -1}, "impossible quote_volume, first in row 3: -1 is negative"),
        ({"trades": "-5"}, "impossible trades, first in row 3: -5 is negative"),
        ({"trades": ""}, "impossible trades, first in row 3: it is missing"),
        ({"taker_quote": "inf"}, "impossible taker_quote, first in row 3: it is infinite"),
        ({"quote_volume": "inf"}, "impossible quote_volume, first in row 3: it is infinite"),
        ({"taker_base": 12}, "impossible taker_base, first in row 3: 12 is above volume 11.5"),
        (
            {"taker_quote": 1002},
            "impossible taker_quote, first in row 3: 1002 is above quote_volume 1001.5",
        ),
    ],
)
def test_an_impossible_extra(tmp_path: Path, cells: dict[str, object], words: str) -> None:
    message = refused(tmp_path, [ARCHIVE, kline(0), kline(1, **cells), kline(2)])
    assert message.startswith(
        f"{tmp_path / 'klines.csv'}: 1 row with an {words}. Mend or delete the row"
    )


def test_all_of_a_bar_may_be_bought_by_takers(tmp_path: Path) -> None:
    rows = [
        kline(k, quote_volume=0.1 + 0.2, taker_quote=0.3, volume=0.3, taker_base=0.1 + 0.2)
        for k in (0, 1)
    ]
    assert read(tmp_path, rows).extras["taker_base"].iloc[0] > 0.3, (
        "a last digit too much is rounding"
    )


def test_an_extra_that_is_no_number(tmp_path: Path) -> None:
    message = refused(tmp_path, [kline(0), kline(1, trades="many")])
    assert "1 cell in column trades is no number, first in row 2: 'many'" in message


def test_a_header_that_names_no_such_column(tmp_path: Path) -> None:
    message = refused(tmp_path, [ARCHIVE.replace("count", "n"), *klines([0, 1])])
    assert "ETH/USDT has no trades here: the file is Binance klines" in message
    assert "headed count, trades, number of trades or the like" in message


def test_the_symbol_whose_file_has_none_is_named(tmp_path: Path, day: str) -> None:
    rows = [",".join(row.split(",")[:6]) for row in klines(range(1440))]
    save(tmp_path, [PLAIN, *rows], name="plain.csv")
    both = config(tmp_path, files={ETH: [day], BTC: ["plain.csv"]}, others=(BTC,))
    with pytest.raises(DataError) as caught:
        load_frame(both)
    assert (
        "plain.csv: BTC/USDT has no quote_volume, trades, taker_base, taker_quote here: the file is plain OHLCV"
        in (str(caught.value))
    )
    assert (
        "Give such a file for every symbol, or do without the extras (extras = false under [data])."
        in (str(caught.value))
    )
    frame, _ = load_frame(both.model_copy(update={"extras": False}))
    assert frame.extras is None


def test_rows_and_files_that_differ_in_an_extra_alone(tmp_path: Path, day: str) -> None:
    message = refused(tmp_path, [kline(0), kline(1), kline(1, trades=3)])
    assert "first at 2018-01-01 00:01Z: trades is 11 in row 2 and 3 in row 3" in message
    save(tmp_path, [kline(0), kline(1, taker_base=1)], name="other.csv")
    with pytest.raises(
        DataError, match=r"first at 2018-01-01 00:01Z: taker_base is 1 here and 3.25 there"
    ):
        load_frame(config(tmp_path, day, "other.csv"))


@pytest.mark.parametrize("source", ["store", "synthetic"])
def test_only_files_have_extras(source: str) -> None:
    with pytest.raises(ValidationError, match='extras = true needs source = "files": only Binance'):
        DataConfig.model_validate({"source": source, "extras": True, "train": "20180101-20180102"})


def test_a_download_has_none(tmp_path: Path, day: str) -> None:
    def transport(*_: object) -> None:
        raise AssertionError("nothing is fetched")

    with pytest.raises(
        ConfigError, match=r"\(data.extras\), and a download has none of them.*--file FILE.csv"
    ):
        fetched_candles(
            config(tmp_path, day), "binance", horizon=1, bars=5, now=START, transport=transport
        )
