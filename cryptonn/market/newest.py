"""The newest candles, for a prediction: of a run's own source, of other files,
or fetched from an exchange now.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from cryptonn.errors import ConfigError, ExchangeError
from cryptonn.market.candles import Frame
from cryptonn.market.exchange.coverage import coverage_words
from cryptonn.market.exchange.download import download_candles
from cryptonn.market.extras import EXTRAS
from cryptonn.market.source import latest_market, reach
from cryptonn.market.store.candle_store import Store
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig
from cryptonn.units import counted

__all__ = ["fetched_candles", "newest_candles"]

_OF_NO_FILE: dict[str, Any] = {
    "files": {},
    "dialect": None,
    "date_order": None,
    "timezone": None,
    "where": {},
}
"""What a run file says of its own files holds for no others."""


def newest_candles(
    config: DataConfig,
    *,
    horizon: int,
    bars: int,
    folder: Path | None = None,
    files: Sequence[str] = (),
    now: pd.Timestamp | None = None,
) -> Frame:
    """Read the newest candles of a run's symbols.

    Parameters
    ----------
    config
        The run's own; its source, folder and files unless others are given.
    bars
        Bars the network sees.
    folder
        Another folder: of the store, or of the files.
    files
        Other CSV files, whatever the run's source: ``"FILE"``, or ``"SYMBOL=FILE"`` where the run
        has several symbols.
    now
        The present; a bar that has not closed by then is left out.

    Raises
    ------
    ConfigError
        If the run's market is synthetic and files are given, or a file is for no symbol of the run,
        or a symbol is without one.
    DataError
        If a symbol is lacking, or a file cannot be read.
    """
    if files:
        _refuse_synthetic(config)
        given = {
            **_OF_NO_FILE,
            "source": "files",
            "files": _by_symbol(files, config),
            "exchange": None,
        }
        config = config.model_copy(update=given)
    if folder is not None:
        config = config.model_copy(update={"folder": folder})
    return latest_market(config, horizon=horizon, bars=bars, now=now)


def fetched_candles(
    config: DataConfig,
    exchange: str,
    *,
    horizon: int,
    bars: int,
    now: pd.Timestamp,
    folder: Path | None = None,
    transport: Any = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Frame:
    """Fetch the newest closed candles of a run's symbols from an exchange,
    as ``download_candles`` does.

    They are kept in the store of ``folder``, or in the run's own if it names this exchange:
    a second exchange there would leave open which one the run reads. Else they are forgotten.
    An exchange that gives few candles will do if they are enough for the network.

    Raises
    ------
    ConfigError
        If the run's market is synthetic, it reads the extras of Binance's klines,
        or the exchange lacks a symbol or the timeframe.
    ExchangeError
        If the exchange refuses or cannot be reached, or gives fewer candles than the network
        looks back over.
    """
    _refuse_synthetic(config)
    if config.extras:
        raise ConfigError(
            f"the run reads {', '.join(EXTRAS)} besides the candles (data.extras), and a download "
            "has none of them. Predict with Binance's newest kline files: --file FILE.csv."
        )
    yesterday = now.normalize() - pd.Timedelta(days=1)  # where the newest closed bar may lie
    with TemporaryDirectory() as forgotten:
        own = config.source == "store" and config.exchange == exchange
        kept = folder or (config.folder if own else Path(forgotten))
        report = download_candles(
            Store(kept),
            exchange=exchange,
            symbols=config.symbols,
            timeframe=config.timeframe,
            timerange=TimeRange(start=yesterday - reach(config.timeframe, bars=bars)),
            now=now,
            transport=transport,
            sleep=sleep,
        )
        fetched = {
            **_OF_NO_FILE,
            "source": "store",
            "folder": kept,
            "exchange": exchange,
        }
        frame = latest_market(
            config.model_copy(update=fetched),
            horizon=horizon,
            bars=bars,
            since=_after_what_was_kept_back(report, exchange, timeframe=config.timeframe),
        )
    if len(frame.index) < bars:
        words = " ".join(_words(report, exchange, timeframe=config.timeframe).values())
        raise ExchangeError(
            f"{exchange} gave {counted(len(frame.index), 'candle')} of {', '.join(config.symbols)} "
            f"up to now, and the network looks back over {bars:,}. {words}"
        )
    return frame


def _after_what_was_kept_back(
    report: pd.DataFrame, exchange: str, *, timeframe: str
) -> pd.Timestamp | None:
    """Return from when on there are candles of all symbols, if the exchange kept earlier ones back.

    What the store holds of the time before is of no use then: between it and the newest candles
    lies a stretch that nobody knows. A hole in what the exchange gives is another thing:
    it is filled as in a run.

    Raises
    ------
    ExchangeError
        If no candle of a symbol came.
    """
    words = _words(report, exchange, timeframe=timeframe)
    end = report["end"].iloc[0]
    ends = []
    for symbol, parts in report["missing"].items():
        kept_back = [part for part in parts if part.kind not in ("hole", "end")]
        if any(part.end == end for part in kept_back):
            raise ExchangeError(words[str(symbol)])
        ends += [part.end for part in kept_back]
    return max(ends, default=None)


def _words(report: pd.DataFrame, exchange: str, *, timeframe: str) -> dict[str, str]:
    """Return by symbol what is missing, where something is."""
    return {
        str(symbol): coverage_words(exchange, str(symbol), timeframe, parts)
        for symbol, parts in report["missing"].items()
        if parts
    }


def _refuse_synthetic(config: DataConfig) -> None:
    if config.source == "synthetic":
        raise ConfigError(
            "the run's market is synthetic: real candles are none of its own. Predict without them."
        )


def _by_symbol(files: Sequence[str], config: DataConfig) -> dict[str, tuple[str, ...]]:
    """Return the files of each symbol, their paths made absolute: they do not lie
    in the run's folder.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in files:
        symbol, _, path = text.rpartition("=")
        symbol = symbol or config.target
        if symbol not in config.symbols:
            raise ConfigError(
                f"--file {text}: the run has no {symbol}; it reads {', '.join(config.symbols)}."
            )
        found[symbol] = (*found.get(symbol, ()), str(Path(path).absolute()))
    missing = [symbol for symbol in config.symbols if symbol not in found]
    if missing:
        raise ConfigError(
            f"--file: none is given for {', '.join(missing)}. Give one for each symbol: "
            + " ".join(f"--file {symbol}=FILE.csv" for symbol in config.symbols)
        )
    return found
