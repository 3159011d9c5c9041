"""Where a run's candles come from: the store, or the built-in synthetic market."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from cryptonn.config import DataConfig
from cryptonn.errors import ConfigError
from cryptonn.market.bars import time_text, timeframe_delta
from cryptonn.market.candles import Frame, align
from cryptonn.market.store.candle_store import Store, load_frame
from cryptonn.market.store.health import candles_sha256
from cryptonn.market.synthetic import SyntheticMarket, synthetic_market

__all__ = ["Market", "latest_market", "load_market"]

_SPARE = 1500
"""Bars read before those the network sees, for features with a memory (averages of ``ta``) to forget their start."""


@dataclass(frozen=True)
class Market:
    """The candles of a run."""

    frame: Frame
    facts: dict[str, dict[str, Any]]
    """By symbol: exchange, rows, first, last, sha256."""
    synthetic: SyntheticMarket | None
    """Knows the best possible accuracy; None for real candles."""


def load_market(config: DataConfig, *, horizon: int) -> Market:
    """Return the aligned candles of a run, from ``config.source``.

    Raises
    ------
    DataError, ConfigError
        If the store lacks something, or the synthetic market is asked for what it has not.
    """
    if config.source == "store":
        frame, facts = load_frame(config)
        return Market(frame, facts, None)
    if len(config.others) != 1:
        raise ConfigError("data.others: the synthetic market has one other coin. Name one, for example BTC/USD.")
    if config.timeframe != "1m":
        raise ConfigError(f'data.timeframe: the synthetic market has minutes, not {config.timeframe}. Write "1m".')
    market = synthetic_market(config.synthetic, target=config.target, other=config.others[0], horizon=horizon)
    frame = align(market.candles, timeframe=config.timeframe, gaps=config.gaps)
    return Market(frame, {symbol: _facts(table) for symbol, table in market.candles.items()}, market)


def latest_market(config: DataConfig, *, horizon: int, bars: int) -> Frame:
    """Return the newest aligned candles there are: ``bars`` before the last midnight, and enough before for features.

    Raises
    ------
    DataError
        If the store lacks a symbol, or the newest candles do not overlap.
    """
    if config.source == "synthetic":
        return load_market(config, horizon=horizon).frame
    store = Store(config.folder)
    tables = {
        symbol: store.read(symbol, timeframe=config.timeframe, exchange=config.exchange) for symbol in config.symbols
    }
    end = min(table.index[-1] for table in tables.values())
    start = end.normalize() - (bars + _SPARE) * timeframe_delta(config.timeframe)
    recent = {symbol: table.loc[start:end] for symbol, table in tables.items()}
    return align(recent, timeframe=config.timeframe, gaps=config.gaps)


def _facts(candles: pd.DataFrame) -> dict[str, Any]:
    first, last = time_text(candles.index[0]), time_text(candles.index[-1])
    return {
        "exchange": "synthetic",
        "rows": len(candles),
        "first": first,
        "last": last,
        "sha256": candles_sha256(candles),
    }
