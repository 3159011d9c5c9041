"""The candle table's checks, and alignment on one complete grid."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.bars import bad_bars, explain_bar, runs_of
from cryptonn.market.candles import FIELDS, Frame, align, check_candles, timeframe_delta, traded
from cryptonn.market.timerange import TimeRange

START = pd.Timestamp("2018-03-01", tz="UTC")


def table(minutes: list[int], *, price: float = 100.0, volume: float = 1.0) -> pd.DataFrame:
    """Candles at the given minutes after START; the close of minute k is price + k."""
    index = pd.DatetimeIndex(
        [START + pd.Timedelta(minutes=k) for k in minutes], name="time"
    ).as_unit("ns")
    close = price + np.array(minutes, dtype=float)
    values = {
        "open": close - 0.5,
        "high": close + 1,
        "low": close - 1,
        "close": close,
        "volume": volume,
    }
    return pd.DataFrame(values, index=index)[list(FIELDS)]


def spoiled(**changes: float) -> pd.DataFrame:
    candles = table([0, 1, 2, 3])
    for field, value in changes.items():
        candles.loc[candles.index[2], field] = value
    return candles


@pytest.mark.parametrize(
    ("text", "minutes"), [("1m", 1), ("5m", 5), ("90m", 90), ("1h", 60), ("4h", 240), ("1d", 1440)]
)
def test_timeframe_is_a_number_and_a_unit(text: str, minutes: int) -> None:
    assert timeframe_delta(text) == pd.Timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "m", "0m", "1min", "1M", "1s", "-5m", "1.5h", "99999999999d"])
def test_unknown_timeframe_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is unknown. Write a number and m, h or d"):
        timeframe_delta(text)


def test_good_candles_come_back_the_same_object() -> None:
    candles = table([0, 1, 5])
    assert check_candles(candles, timeframe="1m", source="x") is candles


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"low": 105.0}, "low 105 is above high 103"),
        ({"low": 0.0}, "low 0 is not above 0"),
        ({"open": -1.0}, "open -1 is not above 0"),
        ({"volume": -2.0}, "volume -2 is negative"),
        ({"close": np.nan}, "close is missing"),
        ({"volume": np.nan}, "volume is missing"),
        ({"high": np.inf}, "high is infinite"),
        ({"volume": np.inf}, "volume is infinite"),
        ({"open": 103.5}, "open 103.5 lies outside low 101 to high 103"),
        ({"close": 100.5}, "close 100.5 lies outside low 101 to high 103"),
    ],
)
def test_impossible_bar_is_refused_by_time_and_reason(
    changes: dict[str, float], words: str
) -> None:
    with pytest.raises(DataError) as caught:
        check_candles(spoiled(**changes), timeframe="1m", source="eth.csv")
    assert f"eth.csv: 1 impossible bar, first at 2018-03-01 00:02Z: {words}." in str(caught.value)
    assert "--drop-bad-bars" in str(caught.value)


@given(
    st.lists(
        st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.5, np.nan, np.inf, -np.inf]), min_size=5, max_size=5
    )
)
def test_bad_bars_agrees_with_the_definition_and_explains_every_one(values: list[float]) -> None:
    o, h, l, c, v = values  # noqa: E741
    good = all(np.isfinite(values)) and 0 < l <= min(o, c) and max(o, c) <= h and v >= 0
    bar = pd.DataFrame([values], columns=list(FIELDS))
    assert bad_bars(bar).tolist() == [not good]
    if not good:
        assert explain_bar(bar.iloc[0])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda c: c.iloc[::-1],
            "times must increase; 3 of 4 rows do not come after the one before, first row 1",
        ),
        (
            lambda c: c.iloc[[0, 1, 1, 2]],
            "1 of 4 rows do not come after the one before, first row 2",
        ),
        (lambda c: c.iloc[:0], "there is no candle"),
        (lambda c: c.tz_localize(None), "time zone None"),
        (lambda c: c.tz_convert("Europe/Berlin"), "time zone Europe/Berlin"),
        (lambda c: c.rename_axis("date"), "named 'date'"),
        (lambda c: c.reset_index(drop=True), "type int64"),
        (lambda c: c.astype("float32"), "open (float32)"),
        (lambda c: c[["open", "high", "low", "close"]], "came with open, high, low, close."),
        (lambda c: c[["open", "low", "high", "close", "volume"]], "came with open, low, high"),
        (
            lambda c: c.set_axis(c.index + pd.Timedelta(seconds=7), axis=0),
            "4 bars off the 1m grid, first at",
        ),
        (
            lambda c: c.set_axis([*c.index[:3], pd.NaT], axis=0).rename_axis("time"),
            "1 time missing in the index",
        ),
    ],
)
def test_table_of_the_wrong_form_is_refused(spoil, words: str) -> None:
    with pytest.raises(DataError) as caught:
        check_candles(spoil(table([0, 1, 2, 3])), timeframe="1m", source="eth")
    assert words in str(caught.value)


def test_resolution_of_the_index_does_not_matter() -> None:
    coarse = (
        table([0, 1, 3]).set_axis(table([0, 1, 3]).index.as_unit("s"), axis=0).rename_axis("time")
    )
    fine = align({"ETH/USD": table([0, 1, 3])}, timeframe="1m")
    pd.testing.assert_frame_equal(align({"ETH/USD": coarse}, timeframe="1m").table, fine.table)


def test_traded_is_volume_above_zero() -> None:
    candles = table([0, 1])
    candles.iloc[1, 4] = 0.0
    assert traded(candles).tolist() == [True, False]


# Six minutes. BTC has 0 1 3 4 5, ETH 1 2 5 6: the overlap is 1 to 5.
def test_align_fills_flat_and_counts() -> None:
    btc, eth = table([0, 1, 3, 4, 5], price=1000), table([1, 2, 5, 6])
    eth.loc[eth.index[1], "volume"] = 0.0  # minute 2 is present, without a trade
    frame = align({"ETH/USD": eth, "BTC/USD": btc}, timeframe="1m")
    assert frame.symbols == ("ETH/USD", "BTC/USD")
    assert list(frame.table.columns.names) == ["symbol", "field"]
    assert frame.index.name == "time"
    assert list(frame.index) == [START + pd.Timedelta(minutes=k) for k in (1, 2, 3, 4, 5)]
    assert frame.candles("ETH/USD")["close"].tolist() == [101, 102, 102, 102, 105]
    assert frame.candles("ETH/USD")["open"].tolist() == [100.5, 101.5, 102, 102, 104.5]
    assert frame.candles("ETH/USD").iloc[2].tolist() == [102, 102, 102, 102, 0]
    assert frame.candles("BTC/USD").iloc[1].tolist() == [1001, 1001, 1001, 1001, 0]
    assert frame.filled["ETH/USD"].tolist() == [False, False, True, True, False]
    assert frame.counts.loc["ETH/USD"].to_dict() == {
        "rows": 3,
        "filled": 2,
        "untraded": 3,
        "longest_gap": 2,
    }
    assert frame.counts.loc["BTC/USD"].to_dict() == {
        "rows": 4,
        "filled": 1,
        "untraded": 1,
        "longest_gap": 1,
    }


def test_a_bar_absent_at_the_start_of_the_overlap_takes_the_close_before_it() -> None:
    frame = align({"A/USD": table([0, 4]), "B/USD": table([2, 3, 4])}, timeframe="1m")
    assert frame.candles("A/USD")["close"].tolist() == [100, 100, 104]
    assert frame.filled["A/USD"].tolist() == [True, True, False]


def test_align_leaves_its_arguments_alone() -> None:
    candles = table([0, 1, 4])
    before = candles.copy()
    frame = align({"ETH/USD": candles}, timeframe="1m")
    frame.table.iloc[0, 0] = -1.0
    pd.testing.assert_frame_equal(candles, before)


def test_gaps_are_refused_with_count_first_and_longest() -> None:
    with pytest.raises(DataError) as caught:
        align({"ETH/USD": table([0, 2, 3, 7])}, timeframe="1m", gaps="refuse")
    words = "ETH/USD: 4 bars of 1m absent, first at 2018-03-01 00:01Z, longest gap 3 bars from 2018-03-01 00:04Z."
    assert words in str(caught.value)
    assert 'gaps = "fill"' in str(caught.value)


def test_refuse_accepts_a_complete_grid() -> None:
    frame = align({"ETH/USD": table([0, 1, 2])}, timeframe="1m", gaps="refuse")
    pd.testing.assert_frame_equal(frame.candles("ETH/USD"), table([0, 1, 2]))


@pytest.mark.parametrize("days", [100, 120, 400, 2000])
def test_no_bar_is_lost_however_long_the_range(days: int) -> None:
    """Nanoseconds beyond 2^53 (104 days) once made NumPy count one bar too few."""
    index = pd.date_range(
        "2017-01-01", periods=2, freq=f"{days}D", tz="UTC", name="time", unit="ns"
    )
    ends = pd.DataFrame({field: [1.0, 1.0] for field in FIELDS}, index=index)
    frame = align({"A/B": ends, "C/D": ends}, timeframe="1m")
    assert len(frame.index) == days * 1440 + 1
    assert frame.index[-1] == index[-1] and frame.counts["rows"].tolist() == [2, 2]


def test_ranges_that_do_not_overlap_are_refused_with_both() -> None:
    with pytest.raises(DataError) as caught:
        align({"ETH/USD": table([0, 1]), "BTC/USD": table([5, 6])}, timeframe="1m")
    assert "do not overlap" in str(caught.value)
    assert "ETH/USD 2018-03-01 00:00Z to 2018-03-01 00:01Z" in str(caught.value)
    assert "BTC/USD 2018-03-01 00:05Z to 2018-03-01 00:06Z" in str(caught.value)


def test_a_symbol_without_a_bar_in_the_overlap_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"A/USD has no candle in the stretch all symbols share.*00:00Z to .*00:09Z"
    ):
        align({"A/USD": table([0, 9]), "B/USD": table([3, 4, 5])}, timeframe="1m")


def test_no_candles_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="at least one symbol"):
        align({}, timeframe="1m")


def test_select_keeps_the_counts_of_the_range() -> None:
    frame = align({"ETH/USD": table([0, 1, 4, 5, 9])}, timeframe="1m")
    part = frame.select(TimeRange.parse("20180301T0003-20180301T0007"))
    assert part.candles("ETH/USD")["close"].tolist() == [101, 104, 105, 105]
    assert part.counts.loc["ETH/USD"].to_dict() == {
        "rows": 2,
        "filled": 2,
        "untraded": 2,
        "longest_gap": 1,
    }


def test_select_of_nothing_names_the_range_there_is() -> None:
    frame = align({"ETH/USD": table([0, 1])}, timeframe="1m")
    with pytest.raises(
        DataError,
        match=r"no bar in 20190101-; it reaches from 2018-03-01 00:00Z to 2018-03-01 00:01Z",
    ):
        frame.select(TimeRange.parse("20190101-"))


def test_a_symbol_the_frame_lacks_is_named() -> None:
    frame = align({"ETH/USD": table([0, 1])}, timeframe="1m")
    with pytest.raises(
        DataError, match=r"no ETH/USDT; it holds ETH/USD\. Did you mean 'ETH/USD'\?"
    ):
        frame.candles("ETH/USDT")


def test_a_frame_with_a_hole_cannot_be_made() -> None:
    frame = align({"ETH/USD": table([0, 1, 2])}, timeframe="1m")
    keep = [0, 2]
    with pytest.raises(DataError, match="grid must be complete"):
        Frame(table=frame.table.iloc[keep], timeframe="1m", filled=frame.filled.iloc[keep])


def test_a_frame_without_a_field_or_with_other_marks_cannot_be_made() -> None:
    frame = align({"ETH/USD": table([0, 1, 2])}, timeframe="1m")
    with pytest.raises(DataError, match="columns must be"):
        Frame(table=frame.table.iloc[:, :4], timeframe="1m", filled=frame.filled)
    with pytest.raises(DataError, match="'filled' must have the frame's times"):
        Frame(table=frame.table, timeframe="1m", filled=frame.filled.iloc[:2])


minutes = st.lists(st.integers(0, 30), min_size=1, max_size=20, unique=True).map(sorted)


@given(minutes, minutes)
@settings(max_examples=100, deadline=None)
def test_align_agrees_with_a_slow_twin(first: list[int], second: list[int]) -> None:
    candles = {"A/USD": table(first), "B/USD": table(second, price=7.0)}
    grid = range(max(first[0], second[0]), min(first[-1], second[-1]) + 1)
    if not all(set(grid) & set(present) for present in (first, second)):
        with pytest.raises(DataError):
            align(candles, timeframe="1m")
        return
    frame = align(candles, timeframe="1m")
    for symbol, present in (("A/USD", first), ("B/USD", second)):
        expected = []
        for minute in grid:
            at = START + pd.Timedelta(minutes=minute)
            close = candles[symbol].loc[:at, "close"].iloc[-1]
            expected.append(
                candles[symbol].loc[at].tolist() if minute in present else [close] * 4 + [0.0]
            )
        assert frame.candles(symbol).to_numpy().tolist() == expected
        filled = [minute for minute in grid if minute not in present]
        assert frame.counts.loc[symbol, "filled"] == len(filled)
        assert frame.counts.loc[symbol, "rows"] == len(grid) - len(filled)
        longest = max(
            (length for _, length in zip(*runs_of(frame.filled[symbol].to_numpy()), strict=True)),
            default=0,
        )
        assert frame.counts.loc[symbol, "longest_gap"] == longest


@given(st.lists(st.booleans(), max_size=30))
def test_runs_of_finds_every_run(marks: list[bool]) -> None:
    starts, lengths = runs_of(np.array(marks, dtype=bool))
    rebuilt = np.zeros(len(marks), dtype=bool)
    for start, length in zip(starts, lengths, strict=True):
        rebuilt[start : start + length] = True
        assert start == 0 or not marks[start - 1]
    assert rebuilt.tolist() == marks
