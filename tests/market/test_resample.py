"""Longer bars from shorter ones: what a bar holds, which bars are whole, and that nothing is known too early."""

import csv
import gzip
import math
from collections import defaultdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.bars import FIELDS, timeframe_delta
from cryptonn.market.candles import align
from cryptonn.market.files.formats import read_candle_file
from cryptonn.market.resample import divides, resample

START = pd.Timestamp("2018-01-01", tz="UTC")


def minutes(at: list[int], *, seed: int = 1) -> pd.DataFrame:
    """Believable candles at the given minutes after START."""
    index = pd.DatetimeIndex([START + pd.Timedelta(minutes=k) for k in at], name="time").as_unit(
        "ns"
    )
    rng = np.random.default_rng(seed)
    opens, closes = 100 + rng.normal(0, 5, (2, len(at)))
    reach = rng.exponential(1, (2, len(at)))
    highs, lows = np.maximum(opens, closes) + reach[0], np.minimum(opens, closes) - reach[1]
    values = (opens, highs, lows, closes, rng.lognormal(1, 2, len(at)))
    return pd.DataFrame(dict(zip(FIELDS, values, strict=True)), index=index)


def to_bars(candles: pd.DataFrame, timeframe: str, *, source_timeframe: str = "1m") -> pd.DataFrame:
    return resample(candles, source_timeframe=source_timeframe, timeframe=timeframe)


def opens_of(table: pd.DataFrame) -> list[str]:
    return [f"{time:%H:%M}" for time in table.index]


def test_a_bar_is_first_open_highest_lowest_last_close_and_the_sum_of_volumes() -> None:
    #                 open   high   low  close volume
    rows = {
        "00:00": (100.0, 103.0, 99.0, 101.0, 1.0),
        "00:01": (101.0, 110.0, 100.0, 109.0, 2.0),
        "00:04": (109.0, 109.0, 90.0, 95.0, 0.5),  # 00:02 and 00:03 did not trade
        "00:05": (95.0, 96.0, 94.0, 95.5, 4.0),
        "00:09": (95.5, 95.5, 80.0, 85.0, 0.0),
    }
    index = pd.DatetimeIndex([f"2018-01-01 {minute}" for minute in rows], tz="UTC", name="time")
    made = to_bars(pd.DataFrame(list(rows.values()), index=index, columns=list(FIELDS)), "5m")
    assert opens_of(made) == ["00:00", "00:05"]
    assert made.to_numpy().tolist() == [
        [100.0, 110.0, 90.0, 95.0, 3.5],
        [95.0, 96.0, 80.0, 85.0, 4.0],
    ]
    assert list(made.columns) == list(FIELDS)


@pytest.mark.parametrize(
    ("at", "whole"),
    [
        (range(15), ["00:00", "00:05", "00:10"]),
        (range(1, 15), ["00:05", "00:10"]),  # the bar of 00:00 is not known from its open
        (range(14), ["00:00", "00:05"]),  # the bar of 00:10 has not closed
        (range(16), ["00:00", "00:05", "00:10"]),
        (range(4, 16), ["00:05", "00:10"]),
        ([0, 14], ["00:00", "00:10"]),  # both ends are known; between them nothing traded
        ([0, 7, 11], ["00:00", "00:05"]),
    ],
)
def test_only_whole_bars_are_made_and_bars_without_a_candle_stay_absent(
    at, whole: list[str]
) -> None:
    assert opens_of(to_bars(minutes(list(at)), "5m")) == whole


def test_an_absent_bar_is_filled_and_counted_by_align() -> None:
    made = to_bars(minutes([*range(5), *range(20, 25)]), "5m")
    frame = align({"ETH/USD": made}, timeframe="5m")
    assert frame.counts.loc["ETH/USD", ["rows", "filled"]].tolist() == [2, 3]


def test_the_grid_is_that_of_utc() -> None:
    ten_days = minutes(list(range(0, 10 * 1440)))
    assert [str(t) for t in to_bars(ten_days, "4h").index[:2]] == [
        "2018-01-01 00:00:00+00:00",
        "2018-01-01 04:00:00+00:00",
    ]
    assert (to_bars(ten_days, "1d").index == pd.date_range(START, periods=10)).all()
    assert (
        str(to_bars(ten_days, "7d").index[0]) == "2018-01-04 00:00:00+00:00"
    )  # 1970 began on a Thursday


def test_the_same_timeframe_gives_the_same_candles() -> None:
    candles = minutes([0, 1, 5])
    assert to_bars(candles, "1m") is candles
    hours = to_bars(minutes(list(range(180))), "1h")
    assert to_bars(hours, "60m", source_timeframe="1h") is hours


at_minutes = st.lists(st.integers(0, 90), min_size=1, max_size=60, unique=True).map(sorted)
timeframes = st.sampled_from(["2m", "5m", "15m"])


def whole_bars(candles: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """As ``resample``, but empty where there is no whole bar."""
    try:
        return to_bars(candles, timeframe)
    except DataError:
        return candles.iloc[:0]


@given(at_minutes, timeframes, st.data())
@settings(max_examples=200, deadline=None)
def test_bars_of_cut_candles_are_the_cut_bars(
    at: list[int], timeframe: str, data: st.DataObject
) -> None:
    candles = minutes(at)
    cut = candles.iloc[: data.draw(st.integers(1, len(candles)))]
    known = cut.index[-1] + timeframe_delta("1m")
    made = whole_bars(candles, timeframe)
    closed = made[made.index + timeframe_delta(timeframe) <= known]
    pd.testing.assert_frame_equal(whole_bars(cut, timeframe), closed, check_exact=True)


@given(at_minutes, timeframes)
@settings(max_examples=100, deadline=None)
def test_bars_agree_with_a_slow_twin(at: list[int], timeframe: str) -> None:
    candles, delta = minutes(at), timeframe_delta(timeframe)
    expected = {}
    for opened, bar in candles.groupby(candles.index.floor(delta)):
        unseen = opened < candles.index[0] or opened + delta > candles.index[-1] + timeframe_delta(
            "1m"
        )
        if not unseen:
            highest, lowest = max(bar["high"]), min(bar["low"])
            expected[opened] = (
                bar["open"].iloc[0],
                highest,
                lowest,
                bar["close"].iloc[-1],
                math.fsum(bar["volume"]),
            )
    made = whole_bars(candles, timeframe)
    assert list(made.index) == list(expected)
    assert made.to_numpy().tolist() == [pytest.approx(bar, rel=1e-14) for bar in expected.values()]


@given(at_minutes)
@settings(max_examples=100, deadline=None)
def test_going_by_quarters_of_an_hour_leads_to_the_same_half_hours(at: list[int]) -> None:
    candles = minutes([*range(15), *(k + 15 for k in at), *range(120, 135)])  # both ends whole
    quarters = to_bars(candles, "15m")
    direct, by_way = to_bars(candles, "30m"), to_bars(quarters, "30m", source_timeframe="15m")
    pd.testing.assert_frame_equal(
        by_way, direct.loc[by_way.index[0] : by_way.index[-1]], rtol=1e-14
    )


def test_its_argument_is_left_alone() -> None:
    candles = minutes(list(range(30)))
    before = candles.copy()
    to_bars(candles, "15m")
    pd.testing.assert_frame_equal(candles, before)


# ---- what is refused


@pytest.mark.parametrize(
    ("source", "timeframe"), [("15m", "1m"), ("1h", "90m"), ("2m", "5m"), ("1d", "1h")]
)
def test_a_timeframe_that_is_shorter_or_no_multiple_is_refused(source: str, timeframe: str) -> None:
    assert not divides(source, timeframe)
    words = rf'bars of {timeframe} cannot be made from candles of {source}.*timeframe = "{source}" under \[data\]'
    with pytest.raises(ConfigError, match=words):
        to_bars(minutes([0, 30, 60]), timeframe, source_timeframe=source)


def test_candles_without_a_whole_bar_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"from 2018-01-01 00:01Z to 2018-01-01 00:58Z hold no whole bar of 1h"
    ):
        to_bars(minutes([1, 58]), "1h")


def test_what_is_no_candle_table_is_refused() -> None:
    with pytest.raises(DataError, match="times must increase"):
        to_bars(minutes([3, 2, 1]), "5m")


# ---- real minutes


def days_of(path: Path, *, rows: int) -> dict[str, list[float]]:
    """Daily open, high, low, close and volume of a file of minutes, by the standard library alone."""
    days: dict[str, list[list[float]]] = defaultdict(list)
    with gzip.open(path, "rt") as file:
        for row in islice(csv.DictReader(file), rows):
            day = datetime.fromtimestamp(int(row["timestamp"]) // 1000, UTC).strftime("%Y-%m-%d")
            days[day].append([float(row[field]) for field in FIELDS])
    return {
        day: [
            rows[0][0],
            max(r[1] for r in rows),
            min(r[2] for r in rows),
            rows[-1][3],
            math.fsum(r[4] for r in rows),
        ]
        for day, rows in days.items()
    }


def test_days_of_2018_agree_with_those_counted_by_hand(shared_data: Path) -> None:
    path = shared_data / "bitfinex_ETHUSD_2018_1m.csv.gz"
    candles = read_candle_file(path, symbol="ETH/USD").candles.loc[:"2018-02-14"]
    made = to_bars(candles, "1d")
    expected = days_of(path, rows=len(candles))
    assert [f"{day:%Y-%m-%d}" for day in made.index] == list(expected)
    assert len(made) == 45
    values = np.array(list(expected.values()))
    assert (made.to_numpy()[:, :4] == values[:, :4]).all()
    np.testing.assert_allclose(made["volume"], values[:, 4], rtol=1e-12)


def test_a_year_that_begins_late_lacks_its_first_day(shared_data: Path) -> None:
    candles = read_candle_file(
        shared_data / "bitfinex_ETHUSD_2017_1m.csv.gz", symbol="ETH/USD"
    ).candles
    assert str(candles.index[0]) == "2017-01-01 00:04:00+00:00"
    assert str(to_bars(candles, "1d").index[0]) == "2017-01-02 00:00:00+00:00"
