"""One tiny but real run: six synthetic days, a network of eight units, a lookback of twenty bars."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.config import RunConfig, parse_config
from cryptonn.market.store.candle_store import Store
from cryptonn.market.synthetic import synthetic_market
from cryptonn.settings import SyntheticConfig

TARGET, OTHER = "ETH/USD", "BTC/USD"

# What decides how the network learns is written out: other defaults must not turn these tests around.
SECTIONS: dict[str, dict[str, Any]] = {
    "data": {
        "source": "synthetic",
        "train": "20180101-20180105",
        "test": {"unseen": "20180105-20180107"},
    },
    "split": {"validation": 0.1},
    "network": {
        "layers": [8],
        "dropout": 0.0,
        "normalization": "layer",
        "dense": 0,
        "output": "sigmoid",
    },
    "training": {
        "lookback": 20,
        "sequence": 120,
        "epochs": 2,
        "batch_size": 16,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "schedule": "cosine",
        "loss": "crossentropy",
        "averaging": 0.0,
        "tensorboard": False,
    },
    "signal": {"enter": "top 5%"},
    "backtest": {
        "compare": ["buy_and_hold", "random_entry"],
        "fees": ["none", "maker", "taker+slippage"],
    },
    "report": {"resamples": 50},
}
SYNTHETIC = {"days": 6, "lead": 2.0}


def tiny_config(*, name: str = "tiny", seed: int = 1, **sections: dict[str, Any]) -> RunConfig:
    """Return the tiny run file; the keys of a section override its own."""
    merged = {key: SECTIONS.get(key, {}) | sections.get(key, {}) for key in SECTIONS | sections}
    if merged["data"]["source"] == "synthetic":
        merged["data"] = {"synthetic": SYNTHETIC} | merged["data"]
    return parse_config({"name": name, "seed": seed, **merged})


def write_run_file(folder: Path, config: RunConfig) -> Path:
    path = folder / f"{config.name}.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    return path


def tiny_candles(*, days: int = 6, seed: int = 7) -> dict[str, pd.DataFrame]:
    """Candles of both coins; those of fewer days are the first of those of more."""
    market = synthetic_market(
        SyntheticConfig(days=days, lead=2.0, seed=seed), target=TARGET, other=OTHER, horizon=5
    )
    return market.candles


def hourly(candles: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same candles in bars of an hour."""
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return {symbol: table.resample("1h").agg(rules).dropna() for symbol, table in candles.items()}


def fill_store(folder: Path, candles: dict[str, pd.DataFrame], *, timeframe: str = "1m") -> Path:
    for symbol, table in candles.items():
        source = {
            "file": "made.csv",
            "sha256": "0" * 64,
            "dialect": "plain",
            "rows": len(table),
            "repairs": {},
        }
        Store(folder).write(
            table, symbol=symbol, exchange="local", timeframe=timeframe, sources=[source]
        )
    return folder


def store_config(folder: Path, **sections: dict[str, Any]) -> RunConfig:
    """The tiny run file on candles in a store."""
    data = {"source": "store", "folder": str(folder)} | sections.pop("data", {})
    return tiny_config(data=data, **sections)


def command(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run ``cryptonn`` in a process of its own."""
    return subprocess.run(
        process(*words), capture_output=True, text=True, timeout=300, env=environment(), **options
    )


def process(*words: str | Path) -> list[str]:
    return [sys.executable, "-c", "from cryptonn.cli import main; main()", *map(str, words)]


def environment() -> dict[str, str]:
    return os.environ | {"COLUMNS": "200"}


def scrambled(table: pd.DataFrame, *, since: pd.Timestamp, seed: int = 5) -> pd.DataFrame:
    """The same candles before ``since``, others that have nothing to do with them after, from the price there on."""
    rng = np.random.default_rng(seed)
    later = np.asarray(table.index >= since)
    moves = np.where(later, 0.01 * rng.standard_normal(len(table)), 0.0)
    close = float(table["close"][~later].iloc[-1]) * np.exp(moves.cumsum())
    other = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), index=table.index)
    other["volume"] = rng.lognormal(3, 2, len(table))
    return pd.concat([table[~later], other[later]])


def python(code: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a few lines of Python in a process of their own."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
    )
