"""Coins whose candles are not of the same time are told, with the shift that fits; real markets raise no alarm."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cryptonn.market.bars import timeframe_delta
from cryptonn.market.candles import align
from cryptonn.market.files.formats import read_candle_file
from cryptonn.market.resample import resample
from cryptonn.market.shifts import Match, match_of
from cryptonn.market.synthetic import synthetic_market
from cryptonn.settings import SyntheticConfig

ETH, BTC = "ETH/USD", "BTC/USD"
START = pd.Timestamp("2018-01-01", tz="UTC")


def pair(
    bars: int = 3000, *, timeframe: str = "1h", together: float = 0.8, seed: int = 1
) -> dict[str, pd.DataFrame]:
    """Two coins whose returns of the same bar are correlated."""
    rng = np.random.default_rng(seed)
    common = rng.standard_t(3, bars)
    index = pd.date_range(START, periods=bars, freq=timeframe_delta(timeframe), name="time")
    made = {}
    for symbol in (ETH, BTC):
        own = together**0.5 * common + (1 - together) ** 0.5 * rng.standard_t(3, bars)
        close = 100 * np.exp(np.cumsum(0.004 * own))
        made[symbol] = pd.DataFrame(
            {"open": close, "high": close, "low": close, "close": close, "volume": 1.0}, index=index
        )
    return made


def match(candles: dict[str, pd.DataFrame], timeframe: str = "1h") -> Match:
    return match_of(align(candles, timeframe=timeframe), target=ETH, other=BTC)


def moved(table: pd.DataFrame, bars: int, timeframe: str = "1h") -> pd.DataFrame:
    return table.set_axis(table.index + bars * timeframe_delta(timeframe), axis="index")


def test_coins_of_the_same_time_match_in_the_same_bar() -> None:
    found = match(pair())
    assert found.shift is None and found.words("1h") == ""
    assert found.correlation == pytest.approx(0.8, abs=0.05) and found.bars == 2999


@pytest.mark.parametrize("bars", [1, -1, 2, 5, -14])
def test_a_shifted_coin_is_told_with_the_shift_that_fits(bars: int) -> None:
    candles = pair()
    shift = match(candles | {BTC: moved(candles[BTC], bars)}).shift
    assert shift is not None and shift.bars == bars
    assert shift.correlation > 0.7 and abs(shift.same_bar) < 0.1


def test_the_words_name_the_file_that_is_stamped_by_its_close() -> None:
    candles = pair()
    late = match(candles | {BTC: moved(candles[BTC], 1)}).words("1h")
    assert late.startswith("BTC/USD fits ETH/USD best 1 bar later: from 2018-01-01 01:00Z to ")
    assert "the candles of BTC/USD are probably stamped by the close of the bar" in late
    early = match(candles | {ETH: moved(candles[ETH], 1)}).words("1h")
    assert "BTC/USD fits ETH/USD best 1 bar earlier" in early and "candles of ETH/USD are" in early


def test_minutes_of_another_time_zone_are_told_in_hours() -> None:
    candles = pair(6000, timeframe="1m")
    words = match(candles | {BTC: moved(candles[BTC], 300, "1m")}, "1m").words("1m")
    assert "best 300 bars (5 h) later" in words and "another time zone" in words


@pytest.mark.parametrize(
    ("timeframe", "bars", "size"),
    [
        ("30m", 11, "11 bars (5.5 h) later"),
        ("30m", -19, "19 bars (9.5 h) earlier"),
        ("15m", 23, "23 bars (5.75 h) later"),
        ("15m", -2, "2 bars earlier"),
        ("5m", 66, "66 bars (5.5 h) later"),
        ("1h", 24, "24 bars (24 h) later"),
        ("1h", -48, "48 bars (48 h) earlier"),
        ("1h", 168, "168 bars (168 h) later"),
        ("4h", 6, "6 bars (24 h) later"),
        ("1d", -7, "7 bars (168 h) earlier"),
    ],
)
def test_zones_of_half_hours_and_whole_days_are_looked_for(
    timeframe: str, bars: int, size: str
) -> None:
    """India is 5 h 30 min ahead of UTC, Nepal 5 h 45 min; a date that is one off moves a file by a day."""
    candles = pair(timeframe=timeframe)
    found = match(candles | {BTC: moved(candles[BTC], bars, timeframe)}, timeframe)
    assert found.shift is not None and found.shift.bars == bars
    assert f"BTC/USD fits ETH/USD best {size}" in found.words(timeframe)
    assert match(candles, timeframe).shift is None


def test_one_shifted_month_among_many_is_found() -> None:
    """One file of several may be stamped otherwise."""
    candles = pair(8760)
    btc = candles[BTC]
    month = moved(btc[3000:3744], 1)
    parts = pd.concat([btc[:3000], month, btc[3746:]])
    shift = match(candles | {BTC: parts}).shift
    assert shift is not None and shift.bars == 1
    assert btc.index[2900] < shift.first < shift.last < btc.index[3900]


def test_coins_that_move_against_each_other_are_of_the_same_time() -> None:
    candles = pair()
    prices = ["open", "high", "low", "close"]
    candles[BTC][prices] = 1e4 / candles[BTC][prices]
    assert match(candles).shift is None and match(candles).correlation < -0.7
    shift = match(candles | {BTC: moved(candles[BTC], 1)}).shift
    assert shift is not None and shift.bars == 1


def test_nothing_is_said_of_unrelated_short_or_flat_candles() -> None:
    assert match(pair(together=0.0)).shift is None
    assert match(pair(60)).shift is None
    candles = pair()
    stable = candles[BTC].assign(open=1.0, high=1.0, low=1.0, close=1.0)
    found = match(candles | {BTC: stable})
    assert (found.shift, found.correlation, found.bars) == (None, 0.0, 0)


def test_one_huge_move_does_not_decide() -> None:
    candles = pair(together=0.5)
    candles[ETH].iloc[1000:, :4] *= 1000
    candles[BTC].iloc[1001:, :4] *= 1000
    assert match(candles).shift is None


@pytest.mark.parametrize("lead", [0.0, 1.0, 2.0, 4.0, 8.0])
def test_a_coin_that_follows_another_is_no_shift(lead: float) -> None:
    """At lead 4 the correlation is higher a minute later than in the same one, and fades from there."""
    market = synthetic_market(SyntheticConfig(days=20, lead=lead), target=ETH, other=BTC, horizon=5)
    assert match(market.candles, "1m").shift is None


@pytest.fixture(scope="module")
def minutes(shared_data: Path) -> dict[str, pd.DataFrame]:
    return {
        symbol: read_candle_file(
            shared_data / f"bitfinex_{symbol.replace('/', '')}_2018_1m.csv.gz", symbol=symbol
        ).candles
        for symbol in (ETH, BTC)
    }


@pytest.mark.parametrize("timeframe", ["1m", "15m", "1h", "1d"])
def test_the_real_year_2018_is_in_step_and_out_of_it_when_shifted(
    minutes: dict[str, pd.DataFrame], timeframe: str
) -> None:
    candles = {
        symbol: resample(table, source_timeframe="1m", timeframe=timeframe)
        for symbol, table in minutes.items()
    }
    assert match(candles, timeframe).shift is None
    shift = match(candles | {BTC: moved(candles[BTC], 1, timeframe)}, timeframe).shift
    assert shift is not None and shift.bars == 1


@pytest.mark.parametrize("make", ["yahoo_{}-USD.csv", "cryptodatadownload_Gemini_{}USD_d.csv"])
def test_real_days_are_in_step(shared_data: Path, make: str) -> None:
    candles = {
        symbol: read_candle_file(shared_data / make.format(symbol[:3]), symbol=symbol).candles
        for symbol in (ETH, BTC)
    }
    assert match(candles, "1d").shift is None
