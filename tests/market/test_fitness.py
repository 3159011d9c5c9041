"""Candles that are not fit for a run are refused where they are loaded; what is accepted is said in the facts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cryptonn.config import parse_config
from cryptonn.errors import ConfigError, DataError
from cryptonn.market.fitness import Use, use_of
from cryptonn.market.source import latest_market, load_frame, load_market
from cryptonn.market.store.candle_store import Store
from cryptonn.settings import DataConfig
from tests.tiny_run import OTHER, TARGET, fill_store, hourly, tiny_candles, tiny_config

HOUR = pd.Timedelta(hours=1)
Candles = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def hours() -> Candles:
    """Twenty days of both coins."""
    return hourly(tiny_candles(days=20))


def changed(
    candles: Candles, symbol: str, factor: float, first: str, last: str | None = None
) -> Candles:
    """The same candles, one coin's prices in another unit from one time to another."""
    table = candles[symbol].copy()
    rows = table.index.slice_indexer(
        pd.Timestamp(first, tz="UTC"), last and pd.Timestamp(last, tz="UTC")
    )
    table.iloc[rows, :4] *= factor
    return candles | {symbol: table}


def config(folder: Path, candles: Candles, **data: Any) -> DataConfig:
    """A run on candles in a store: train 1 to 10 January, test 12 to 16."""
    fill_store(folder, candles, timeframe="1h")
    values = {
        "source": "store",
        "folder": folder,
        "target": TARGET,
        "others": (OTHER,),
        "timeframe": "1h",
        "train": "20180101-20180110",
        "test": {"later": "20180112-20180116"},
    }
    return DataConfig.model_validate(values | data)


def refused(config: DataConfig, use: Use | None = None) -> str:
    with pytest.raises(DataError) as caught:
        load_frame(config, use=use or Use())
    assert str(caught.value).endswith(".")
    return str(caught.value)


def warnings(config: DataConfig, use: Use | None = None) -> list[str]:
    _, facts = load_frame(config, use=use or Use())
    return [word for symbol in facts.values() for word in symbol.get("warnings", [])]


# ---- jumps


def test_fit_candles_are_loaded_without_a_word(tmp_path: Path, hours: Candles) -> None:
    assert warnings(config(tmp_path, hours)) == []


@pytest.mark.parametrize(("day", "where"), [("2018-01-05", "train"), ("2018-01-13", "later")])
@pytest.mark.parametrize("symbol", [TARGET, OTHER])
def test_a_new_level_in_a_period_is_refused(
    tmp_path: Path, hours: Candles, symbol: str, day: str, where: str
) -> None:
    message = refused(config(tmp_path, changed(hours, symbol, 1000, day)))
    assert message.startswith(f"{symbol} jumps x")
    assert f"at {day} 00:00Z and stays: in {where} (2018" in message
    assert f'data.leave_out = ["{day.replace("-", "")}-20180116"]' in message
    assert 'data.jumps = "accept"' in message


def test_a_jump_over_a_hole_is_refused(tmp_path: Path, hours: Candles) -> None:
    candles = changed(hours, TARGET, 10, "2018-01-06")
    table = candles[TARGET]
    holed = table.drop(table.loc["2018-01-03":"2018-01-05"].index)
    message = refused(config(tmp_path, candles | {TARGET: holed}))
    assert "at 2018-01-06 00:00Z (over a hole since 2018-01-02 23:00Z) and stays" in message


def test_a_print_that_comes_back_is_refused_and_can_be_left_out(
    tmp_path: Path, hours: Candles
) -> None:
    candles = changed(hours, TARGET, 10, "2018-01-05 03:00", "2018-01-05 03:00")
    run = config(tmp_path, candles)
    stretch = "20180105T0300-20180105T0400"
    assert f'data.leave_out = ["{stretch}"]' in refused(run)
    left = DataConfig.model_validate(run.model_dump() | {"leave_out": [stretch]})
    frame, facts = load_frame(left)
    assert frame.filled[TARGET].sum() == frame.filled[OTHER].sum() == 1
    assert frame.candles(TARGET)["high"].max() < 3 * hours[TARGET]["high"].max()
    assert facts[OTHER]["warnings"] == [f"{OTHER}: 1 bar left out, {stretch} (data.leave_out)."]
    assert facts[TARGET]["rows"] == 359 and facts[TARGET]["sha256"] != facts[OTHER]["sha256"]


def test_to_leave_out_the_bars_around_a_new_level_does_not_help(
    tmp_path: Path, hours: Candles
) -> None:
    run = config(tmp_path, changed(hours, TARGET, 10, "2018-01-13"))
    around = run.model_copy(
        update={
            "leave_out": config(tmp_path, {}, leave_out=["20180112T1200-20180113T1200"]).leave_out
        }
    )
    assert "over a hole since 2018-01-12 11:00Z) and stays" in refused(around)
    after = config(tmp_path, {}, leave_out=["20180113-20180116"])
    frame, _ = load_frame(after)
    assert frame.index[-1] == pd.Timestamp("2018-01-12 23:00", tz="UTC")


def test_all_left_out_is_refused(tmp_path: Path, hours: Candles) -> None:
    message = refused(config(tmp_path, hours, leave_out=["20180101-20180201"]))
    assert "data.leave_out (20180101-20180201) leaves no candle" in message


def test_an_accepted_jump_stands_in_the_facts(tmp_path: Path, hours: Candles) -> None:
    (said,) = warnings(config(tmp_path, changed(hours, TARGET, 10, "2018-01-13"), jumps="accept"))
    assert said.startswith(f"{TARGET} jumps x10") and "2018-01-13 00:00Z and stays" in said
    assert said.endswith("accepted (data.jumps), so returns across it are in every number.")


def test_a_jump_outside_the_periods_counts_only_where_the_network_sees_it(
    tmp_path: Path, hours: Candles
) -> None:
    run = config(tmp_path, changed(hours, TARGET, 10, "2018-01-11"))
    assert warnings(run, Use(lookback=20, horizon=5)) == []
    assert "in later (20180112-20180116)" in refused(run, Use(lookback=30))
    assert "in train (20180101-20180110)" in refused(run, Use(horizon=30))
    assert "a network that learns the price itself" in refused(run, Use(levels=True))
    before = config(
        tmp_path / "b",
        changed(hours, TARGET, 0.1, "2018-01-01", "2018-01-03 12:00"),
        train="20180104-20180110",
    )
    assert warnings(before) == []


def test_an_absurd_wick_is_told_and_not_refused(tmp_path: Path, hours: Candles) -> None:
    table = hours[TARGET].copy()
    table.iloc[50, 1] *= 10
    (said,) = warnings(config(tmp_path, hours | {TARGET: table}))
    assert (
        said.startswith(f"{TARGET} has an absurd high or low: x10.") and "2018-01-03 02:00Z" in said
    )


def test_files_are_held_to_the_same(tmp_path: Path, hours: Candles) -> None:
    tmp_path.joinpath("eth.csv").write_text(
        changed(hours, TARGET, 1000, "2018-01-05")[TARGET].to_csv(date_format="%Y-%m-%d %H:%M:%SZ")
    )
    files = {"source": "files", "files": {TARGET: ["eth.csv"]}, "others": ()}
    run = config(tmp_path, {}, **files)
    assert "and stays: in train" in refused(run)
    with pytest.raises(DataError, match="and stays"):
        load_market(run, horizon=1)


def test_the_newest_candles_are_held_to_the_same(tmp_path: Path, hours: Candles) -> None:
    """What the network sees counts, not what it saw long ago."""
    run = config(tmp_path, changed(hours, TARGET, 10, "2018-01-20"))
    with pytest.raises(DataError, match="in the newest bars, which the network looks at"):
        latest_market(run, horizon=1, bars=30)
    old = config(tmp_path / "old", changed(hours, TARGET, 10, "2018-01-05"))
    assert len(latest_market(old, horizon=1, bars=30).index) > 30
    assert latest_market(run.model_copy(update={"jumps": "accept"}), horizon=1, bars=30)


# ---- coins that do not belong together in time


def shifted(candles: Candles) -> Candles:
    """Correlated hours, the other coin's stamped by their close."""
    rng = np.random.default_rng(5)
    target = candles[TARGET]
    noise = 0.002 * rng.standard_normal(len(target))
    other = target.copy()
    other[["open", "high", "low", "close"]] = 20 * target[["open", "high", "low", "close"]].mul(
        np.exp(noise), axis=0
    )
    other["high"] = other[["open", "high", "low", "close"]].max(axis=1)
    other["low"] = other[["open", "high", "low", "close"]].min(axis=1)
    return {TARGET: target, OTHER: other.set_axis(other.index + HOUR, axis="index")}


def test_a_coin_stamped_by_its_close_is_refused(tmp_path: Path, hours: Candles) -> None:
    run = config(tmp_path, shifted(hours))
    message = refused(run)
    assert message.startswith(f"{OTHER} fits {TARGET} best 1 bar later")
    assert "stamped by the close" in message and 'data.shifts = "accept"' in message
    with pytest.raises(DataError, match="best 1 bar later"):
        latest_market(run, horizon=1, bars=30)
    accepted = run.model_copy(update={"shifts": "accept"})
    (said,) = warnings(accepted)
    assert said.endswith("accepted (data.shifts).")
    assert latest_market(accepted, horizon=1, bars=30)


# ---- nothing trades


def quiet(candles: Candles, symbol: str, first: str = "2018-01-01") -> Candles:
    volume = candles[symbol]["volume"].where(
        candles[symbol].index < pd.Timestamp(first, tz="UTC"), 0.0
    )
    return candles | {symbol: candles[symbol].assign(volume=volume)}


def test_a_target_that_never_trades_is_refused(tmp_path: Path, hours: Candles) -> None:
    message = refused(config(tmp_path, quiet(hours, TARGET)))
    assert message.startswith(f"{TARGET}, train (20180101-20180110): No bar has a volume above 0")
    assert "mark or index prices" in message and "klines" in message


def test_a_test_period_without_a_trade_is_refused(tmp_path: Path, hours: Candles) -> None:
    message = refused(config(tmp_path, quiet(hours, TARGET, "2018-01-12")))
    assert f"{TARGET}, later (20180112-20180116): No bar has a volume above 0" in message


def test_another_coin_without_volume_is_told_and_refused_where_its_volume_is_a_feature(
    tmp_path: Path, hours: Candles
) -> None:
    run = config(tmp_path, quiet(hours, OTHER))
    assert [text.partition(":")[0] for text in warnings(run)] == [
        f"{OTHER}, train (20180101-20180110)",
        f"{OTHER}, later (20180112-20180116)",
    ]
    assert "Features are made of the volume" in refused(run, Use(volume=True))


def test_a_period_in_which_hardly_anything_trades_is_told(tmp_path: Path, hours: Candles) -> None:
    candles = quiet(hours, TARGET, "2018-01-12")
    candles[TARGET].iloc[-100, 4] = 1.0
    run = config(tmp_path, candles, test={"later": "20180112-20180120"})
    (said,) = warnings(run)
    assert f"{TARGET}, later (20180112-20180120): only 1 bar of 192 traded" in said


def test_the_store_notes_candles_without_volume(tmp_path: Path, hours: Candles) -> None:
    fill_store(tmp_path, quiet(hours, TARGET), timeframe="1h")
    notes = {entry.symbol: entry.notes for entry in Store(tmp_path).entries()}
    assert "mark or index prices" in " ".join(notes[TARGET]) and notes[OTHER] == ()


# ---- what a run does with its candles, and how it is written


def test_the_use_of_a_run_follows_from_its_file() -> None:
    direction = use_of(tiny_config(features={"columns": ["log_return"]}))
    assert direction == Use(lookback=20, horizon=5)
    assert use_of(tiny_config()).volume, "log_volume_change is a default"
    assert use_of(tiny_config(features={"columns": ["log_return"], "ta": ["volume_obv"]})).volume


def test_the_keys_of_a_run_file() -> None:
    data = {"train": "20180101-20180110", "leave_out": ["20180105T0300-20180105T0400", "20180107-"]}
    run = parse_config({"data": data})
    assert (run.data.jumps, run.data.shifts) == ("refuse", "refuse")
    again = parse_config({"data": run.data.model_dump(mode="json", exclude_none=True)})
    assert again.data.leave_out == run.data.leave_out
    with pytest.raises(ConfigError, match="data.leave_out"):
        parse_config({"data": data | {"leave_out": ["May"]}})


def test_leave_out_holds_for_the_synthetic_market_too() -> None:
    run = tiny_config(data={"leave_out": ["20180102-20180103"]})
    market = load_market(run.data, horizon=5)
    assert market.frame.filled.loc["2018-01-02"].all(axis=None)
    assert "left out, 20180102-20180103" in market.facts[TARGET]["warnings"][0]
