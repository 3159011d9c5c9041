"""Jumps that no market makes are found, with time, size and whether they stay; real markets raise no alarm."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cryptonn.market.bars import timeframe_delta
from cryptonn.market.files.formats import read_candle_file
from cryptonn.market.jumps import Jump, find_jumps, jumps_text
from cryptonn.market.resample import resample
from cryptonn.market.store.candle_store import Store
from cryptonn.market.store.health import health
from cryptonn.market.synthetic import synthetic_market
from cryptonn.settings import SyntheticConfig

START = pd.Timestamp("2018-01-01", tz="UTC")
PRICES = ["open", "high", "low", "close"]


def candles(
    bars: int = 400, *, timeframe: str = "1h", deviation: float = 0.007, seed: int = 1
) -> pd.DataFrame:
    """A random walk whose opens are the closes before."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(deviation * rng.standard_normal(bars)))
    opens = np.concatenate([[100.0], close[:-1]])
    index = pd.date_range(START, periods=bars, freq=timeframe_delta(timeframe), name="time")
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, close) * 1.002,
            "low": np.minimum(opens, close) * 0.998,
            "close": close,
            "volume": 5.0,
        },
        index=index,
    )


def scaled(table: pd.DataFrame, factor: float, start: int, stop: int | None = None) -> pd.DataFrame:
    """The same candles with the prices of some bars in another unit."""
    changed = table.copy()
    changed.iloc[start:stop, :4] *= factor
    return changed


def found(table: pd.DataFrame, timeframe: str = "1h") -> list[str]:
    return [str(jump) for jump in find_jumps(table, timeframe=timeframe)]


@pytest.mark.parametrize(
    ("factor", "size"),
    [(1000, "x1,000.0"), (10, "x10.0"), (5, "x5.0"), (2, "x2.0"), (0.5, "/2.0"), (0.01, "/100.0")],
)
def test_another_unit_from_some_bar_on_is_named_with_time_and_size(
    factor: float, size: str
) -> None:
    assert found(scaled(candles(), factor, 100)) == [f"{size} at 2018-01-05 04:00Z and stays"]


@pytest.mark.parametrize(
    ("timeframe", "deviation"), [("1m", 0.0008), ("15m", 0.004), ("4h", 0.015), ("1d", 0.045)]
)
@pytest.mark.parametrize("factor", [1000, 10, 5, 2, 0.1])
def test_it_is_found_in_bars_of_every_length(
    timeframe: str, deviation: float, factor: float
) -> None:
    table = candles(timeframe=timeframe, deviation=deviation)
    (jump,) = find_jumps(scaled(table, factor, 250), timeframe=timeframe)
    assert (jump.kind, jump.time) == ("stays", table.index[250])
    assert jump.ratio == pytest.approx(factor, rel=1e-6)


def test_it_is_found_where_the_open_repeats_the_close_before() -> None:
    """As CryptoDataDownload's Gemini files do: the step is then within the bar."""
    table = scaled(candles(), 10, 100)
    table.iloc[100, 0] /= 10
    table.iloc[100, 2] /= 10
    (jump,) = find_jumps(table, timeframe="1h")
    assert jump.kind == "stays" and jump.ratio == pytest.approx(10, rel=0.05)


def test_a_jump_over_a_hole_names_the_hole() -> None:
    table = scaled(candles(), 10, 172)
    holed = pd.concat([table[:100], table[172:]])
    (text,) = found(holed)
    assert text.endswith("at 2018-01-08 04:00Z (over a hole since 2018-01-05 03:00Z) and stays")


@pytest.mark.parametrize("bars", [1, 3, 60])
@pytest.mark.parametrize("factor", [10, 0.1, 1.8])
def test_a_print_that_comes_back_is_one_jump_and_names_its_bars(bars: int, factor: float) -> None:
    (jump,) = find_jumps(scaled(candles(), factor, 100, 100 + bars), timeframe="1h")
    assert (jump.kind, str(jump.stretch)) == (
        "comes back",
        f"20180105T0400-{START + pd.Timedelta(hours=100 + bars):%Y%m%dT%H%M}".removesuffix("T0000"),
    )
    assert jump.ratio == pytest.approx(factor, rel=0.05)


def test_a_close_that_spikes_for_one_bar_comes_back() -> None:
    table = candles()
    table.iloc[100, [1, 3]] *= 10
    (jump,) = find_jumps(table, timeframe="1h")
    assert jump.kind == "comes back" and jump.ratio == pytest.approx(10, rel=0.05)


def test_an_open_that_nobody_can_have_traded_is_a_jump() -> None:
    table = candles()
    table.iloc[100, [0, 1]] *= 10
    (jump,) = find_jumps(table, timeframe="1h")
    assert (jump.kind, str(jump.stretch)) == ("comes back", "20180105T0400-20180105T0500")


def test_left_out_a_print_is_gone_and_a_new_level_is_not() -> None:
    spiked = scaled(candles(), 10, 100, 103)
    (jump,) = find_jumps(spiked, timeframe="1h")
    assert jump.stretch is not None
    assert find_jumps(spiked.drop(jump.stretch.select(spiked).index), timeframe="1h") == []
    raised = scaled(candles(), 10, 100)
    assert len(find_jumps(raised.drop(raised.index[95:105]), timeframe="1h")) == 1
    assert find_jumps(raised[:100], timeframe="1h") == []


def test_an_absurd_wick_is_told_apart() -> None:
    table = candles()
    table.iloc[100, 1] *= 6
    table.iloc[200, 2] /= 20
    assert [(jump.kind, round(jump.ratio, 2)) for jump in find_jumps(table, timeframe="1h")] == [
        ("wick", pytest.approx(6, rel=0.01)),
        ("wick", pytest.approx(0.05, rel=0.01)),
    ]


def test_a_coin_of_a_few_ticks_does_not_jump_all_the_time() -> None:
    """At 0.00000001 one tick is double the price."""
    rng = np.random.default_rng(3)
    table = candles()
    ticks = 1e-8 * rng.integers(1, 4, len(table))
    table = table.assign(**dict.fromkeys(PRICES, ticks))
    assert find_jumps(table, timeframe="1h") == []


def test_short_and_flat_tables_do_not_jump() -> None:
    flat = candles(deviation=0.0)
    assert find_jumps(flat, timeframe="1h") == []
    assert find_jumps(flat[:1], timeframe="1h") == []
    assert found(scaled(flat[:5], 10, 3)) == ["x10.0 at 2018-01-01 03:00Z and stays"]


def test_many_jumps_are_counted() -> None:
    jumps = [Jump(START, "stays", 10.0)] * 5
    assert jumps_text(jumps).endswith("and stays, and 2 more jumps")
    assert jumps_text(jumps[:1]) == "x10.0 at 2018-01-01 00:00Z and stays"


def test_health_counts_jumps_apart_from_large_moves() -> None:
    table = scaled(candles(), 1000, 100)
    table.iloc[50, 3] *= 1.12
    table.iloc[50, 1] *= 1.12
    stated = health(table, timeframe="1h")
    assert (stated["jumps"], stated["large_moves"]) == (1, 3)
    assert stated["jumps_found"] == "x1,000.0 at 2018-01-05 04:00Z and stays"


def test_the_store_notes_a_jump_that_lies_between_two_files(tmp_path: Path) -> None:
    table = scaled(candles(), 10, 200)
    for part in (table[:200], table[200:]):
        written = Store(tmp_path).write(
            part, symbol="ETH/USD", exchange="local", timeframe="1h", sources=[]
        )
    assert "x10.0 at 2018-01-09 08:00Z and stays" in " ".join(written.entry.notes)
    assert Store(tmp_path).entries()[0].notes == written.entry.notes


@pytest.mark.parametrize("lead", [0.0, 2.0, 8.0])
def test_the_synthetic_market_does_not_jump(lead: float) -> None:
    market = synthetic_market(
        SyntheticConfig(days=20, lead=lead), target="ETH/USD", other="BTC/USD", horizon=5
    )
    for table in market.candles.values():
        assert find_jumps(table, timeframe="1m") == []
        hours = resample(table, source_timeframe="1m", timeframe="1h")
        assert find_jumps(hours, timeframe="1h") == []


@pytest.mark.parametrize("name", ["BTCUSD_2017", "ETHUSD_2017"])
def test_real_minutes_hours_and_days_do_not_jump(shared_data: Path, name: str) -> None:
    read = read_candle_file(shared_data / f"bitfinex_{name}_1m.csv.gz", symbol="ETH/USD")
    for timeframe in ("1m", "15m", "1h", "1d"):
        table = resample(read.candles, source_timeframe="1m", timeframe=timeframe)
        assert find_jumps(table, timeframe=timeframe) == []


def test_real_days_do_not_jump(shared_data: Path) -> None:
    """But for one high of Gemini's file, 6.3 times the price of its day, which is told as a wick."""
    for path in sorted(shared_data.glob("*.csv")):
        read = read_candle_file(path, symbol="BTC/USD" if "BTC" in path.name else "ETH/USD")
        jumps = find_jumps(read.candles, timeframe=read.timeframe)
        assert [jump for jump in jumps if jump.kind != "wick"] == [], path
