"""A small market in which BTC leads ETH, and tiny networks, so that a fit takes a second or two."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.config import RunConfig, parse_config
from cryptonn.learning.features import make_features
from cryptonn.learning.labels import make_labels
from cryptonn.learning.splits import Split, split_rows
from cryptonn.market.candles import Frame, align

TARGET, OTHER = "ETH/USD", "BTC/USD"


def candle_table(
    close: np.ndarray, *, volume: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    open_ = np.concatenate([close[:1], close[:-1]])
    spread = 1 + 0.0005 * rng.random((2, len(close)))
    index = pd.date_range("2018-01-01 18:00", periods=len(close), freq="min", tz="UTC", name="time")
    high, low = np.maximum(open_, close) * spread[0], np.minimum(open_, close) / spread[1]
    table = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame(table, index=index)


def quarter_hours(folder: Path, year: str, *, bars: int | None = None) -> pd.DataFrame:
    """The first real ETH minutes of a year in bars of 15 minutes, made with pandas alone; an untraded one is flat."""
    table = pd.read_csv(folder / f"bitfinex_ETHUSD_{year}_1m.csv.gz", nrows=bars and 15 * bars)
    table.index = pd.to_datetime(table["timestamp"], unit="ms", utc=True).rename("time")
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    made = table.resample("15min").agg(rules)
    made["close"] = made["close"].ffill()
    return made.apply(lambda column: column.fillna(made["close"])).astype(np.float64)[:bars]


def small_frame(rows: int = 6000, *, seed: int = 3) -> Frame:
    """ETH follows what BTC did in the four minutes before; one minute of ten has no volume; with extras."""
    rng = np.random.default_rng(seed)
    btc = 0.001 * rng.standard_normal(rows)
    past = np.convolve(btc, np.ones(4), mode="full")[:rows]
    eth = 0.0005 * rng.standard_normal(rows) + 0.5 * np.concatenate([[0.0], past[:-1]])
    volumes = rng.lognormal(size=(2, rows)) * (rng.random((2, rows)) > 0.1)
    tables = {
        TARGET: candle_table(700 * np.exp(eth.cumsum()), volume=volumes[0], rng=rng),
        OTHER: candle_table(14000 * np.exp(btc.cumsum()), volume=volumes[1], rng=rng),
    }
    return align(
        tables,
        timeframe="1m",
        extras={symbol: small_extras(table) for symbol, table in tables.items()},
    )


def small_extras(candles: pd.DataFrame) -> pd.DataFrame:
    """What klines say besides: takers bought from none to all of the volume, in turn."""
    volume, part = candles["volume"], np.arange(len(candles)) % 11 / 10
    quote = volume * candles["close"]
    columns = {"quote_volume": quote, "trades": np.ceil(volume * 10), "taker_base": volume * part}
    return pd.DataFrame({**columns, "taker_quote": quote * part})


def small_config(**sections: dict[str, Any]) -> RunConfig:
    """A run file with a network of 8 units and a lookback of 20; sections override it."""
    values: dict[str, dict[str, Any]] = {
        "data": {"train": "20180101-20180105", "test": {"later": "20180105-20180201"}},
        "labels": {"horizon": 3},
        "split": {"validation": 0.2},
        "network": {"layers": [8], "dropout": 0.0, "dense": 0, "normalization": "layer"},
        "training": {
            "lookback": 20,
            "sequence": 60,
            "epochs": 3,
            "batch_size": 8,
            "learning_rate": 0.01,
            "tensorboard": False,
        },
    }
    merged = {name: values.get(name, {}) | sections.get(name, {}) for name in values | sections}
    return parse_config({"name": "small", **merged})


@dataclass(frozen=True)
class Material:
    """What fit_model is called with."""

    features: pd.DataFrame
    labels: pd.DataFrame
    split: Split
    config: RunConfig


def material(config: RunConfig, frame: Frame) -> Material:
    features = make_features(frame, target=TARGET, config=config.features)
    close = frame.candles(TARGET)["close"]
    labels = make_labels(close, horizon=config.labels.horizon, ties=config.labels.ties)
    split = split_rows(
        frame.index,
        train=config.data.train,
        test=config.data.test,
        validation=config.split.validation,
        purge=config.purge,
        lookback=config.training.lookback,
    )
    return Material(features, labels, split, config)


def fingerprint(weights: Iterable[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest()
