"""The latest word of a trained run: what its network says after the newest candle there is."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cryptonn.catalog import find_run
from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, DataError
from cryptonn.evaluation.forecasts import share_inside
from cryptonn.heldout import forecast_periods, predict_bars, signal_of
from cryptonn.learning.features import make_features
from cryptonn.market.bars import time_text, timeframe_delta
from cryptonn.market.candles import Frame
from cryptonn.market.newest import fetched_candles, newest_candles
from cryptonn.records import load_forecasts
from cryptonn.runs import RESULTS, read_facts, read_run_config
from cryptonn.units import counted

if TYPE_CHECKING:
    from cryptonn.learning.prediction import FittedModel

__all__ = ["predict"]

_FAR = 3.0
"""So many times beyond the lowest or highest price a network knows, a price is another coin's,
or news to it.
"""


def predict(
    name: str,
    *,
    results: Path = RESULTS,
    folder: Path | None = None,
    files: Sequence[str] = (),
    download: str | None = None,
    now: pd.Timestamp | None = None,
    transport: Any = None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Return the latest prediction: what a run's network says after the newest candle there is.

    Parameters
    ----------
    name
        Of the run.
    folder, files
        Other places to read the newest candles from; see ``newest_candles``.
    download
        Exchange to fetch them from instead; see ``fetched_candles``.
    now
        The present, which a download needs; a bar that has not closed by then is left out.
        Without it nobody can say how old the newest bar is.
    transport, sleep
        As ``download_candles`` takes them.

    Returns
    -------
    dict
        ``run``, ``symbol``, ``timeframe``, ``horizon`` (bars), ``time`` (open of the newest bar,
        UTC), ``known_at`` (its close), ``stale_bars`` (bars that have closed between then
        and ``now``; None without ``now``, and for the synthetic market, which has no present),
        ``proba``, ``enter`` (the run's entry threshold) and ``signal`` (−1, 0, 1:
        an entry at this bar), ``filled_bars`` (bars that were missing among those the network saw),
        and ``far``: by symbol whose closes among those lie far from any of the train
        and validation rows, ``close`` (the furthest) and ``low`` and ``high`` of those rows;
        empty for a run of before these were kept. Of a regression also ``forecast``: ``at`` (UTC,
        the close of the bar ``horizon`` bars later), the ``price`` then, ``low`` and ``high`` (its
        95 % interval, from the errors on the validation rows), ``persistence`` (the newest close:
        the price stays) and ``move`` (predicted, a fraction of it); and ``held_out``: by test
        period, ``rmse_ratio`` (its errors over persistence's), ``directional_accuracy``
        and ``inside`` (share of prices that came to lie inside such intervals).

    Raises
    ------
    DataError
        If the newest candles are fewer than the network looks back over, or have a long hole there.
    ConfigError, ExchangeError
        If there is no such run, or the candles cannot be had from where they were asked for.
    """
    run = find_run(name, results=results)
    config = read_run_config(run)
    horizon = config.labels.horizon
    bars = config.training.lookback
    if download and files:
        raise ConfigError(
            "--download and --file exclude each other: the newest candles come from one place."
        )
    if download and now is None:
        raise ConfigError("a download needs the present: give `now`.")
    if download is None or now is None:
        frame = newest_candles(
            config.data, horizon=horizon, bars=bars, folder=folder, files=files, now=now
        )
    else:
        frame = fetched_candles(
            config.data,
            download,
            horizon=horizon,
            bars=bars,
            now=now,
            folder=folder,
            transport=transport,
            sleep=sleep,
        )
    return _said(run, config, frame, now=None if config.data.source == "synthetic" else now)


def _said(
    run: Path, config: RunConfig, frame: Frame, *, now: pd.Timestamp | None
) -> dict[str, Any]:
    """Return what the network of a run says after the last bar of the frame."""
    from cryptonn.learning.prediction import load_model

    if len(frame.index) < config.training.lookback:
        raise _too_few(frame, config)
    data = config.data
    facts = read_facts(run)
    enter = float(facts["enter"])
    model = load_model(run / "model")
    close = frame.candles(data.target)["close"]
    features = make_features(frame, target=data.target, config=config.features)
    latest = predict_bars(model, features, since=features.index[-1], close=close).iloc[[-1]]
    if latest.isna().all():
        raise _too_few(frame, config, more=" after those in which the features have no value yet")
    bar = timeframe_delta(data.timeframe)
    known_at = latest.index[0] + bar
    said = {
        "run": run.name,
        "symbol": data.target,
        "timeframe": data.timeframe,
        "horizon": config.labels.horizon,
        "time": str(latest.index[0]),
        "known_at": str(known_at),
        "stale_bars": None if now is None else max(0, (now - known_at) // bar),
        "proba": float(latest.iloc[0]),
        "enter": enter,
        "signal": int(signal_of(latest, config, enter=enter).iloc[0]),
        "filled_bars": int(frame.filled.iloc[-config.training.lookback :].to_numpy().sum()),
        "far": _far(frame, facts.get("closes", {}), bars=config.training.lookback),
    }
    return said | _forecast(model, features, close, known_at=known_at) | _record(run, config, model)


def _far(
    frame: Frame, known: dict[str, dict[str, float]], *, bars: int
) -> dict[str, dict[str, float]]:
    """Return the closes of the last bars that lie far from those the network was trained
    and validated on.
    """
    far = {}
    for symbol, seen in known.items():
        closes = frame.candles(symbol)["close"].iloc[-bars:]
        lowest, highest = float(closes.min()), float(closes.max())
        if highest > seen["high"] * _FAR:
            far[symbol] = {"close": highest, **seen}
        elif lowest < seen["low"] / _FAR:
            far[symbol] = {"close": lowest, **seen}
    return far


def _record(run: Path, config: RunConfig, model: "FittedModel") -> dict[str, Any]:
    """Return how the run's forecasts did on its held-out periods, if they are of a price."""
    forecasts, scores = load_forecasts(run)
    if forecasts is None or model.regression is None:
        return {}
    low, high = model.regression.low, model.regression.high
    found = {}
    for name in [name for name in config.data.test if name in scores] or ["validation"]:
        inside = share_inside(forecasts[forecasts["role"] == name], low=low, high=high)
        found[name] = {key: scores[name][key] for key in ("rmse_ratio", "directional_accuracy")} | {
            "inside": inside
        }
    return {"held_out": found}


def _forecast(
    model: "FittedModel", features: pd.DataFrame, close: pd.Series, *, known_at: pd.Timestamp
) -> dict[str, Any]:
    newest = slice(len(features) - 1, len(features))
    found = forecast_periods(model, features, {"newest": newest}, close=close)
    if found is None or model.regression is None:
        return {}
    price = float(found["predicted"].iloc[0])
    persistence = float(found["close"].iloc[0])
    low, high = model.regression.interval(price)
    at = known_at + model.config.labels.horizon * timeframe_delta(model.config.data.timeframe)
    forecast = {"at": str(at), "price": price, "low": low, "high": high, "persistence": persistence}
    return {"forecast": forecast | {"move": price / persistence - 1}}


def _too_few(frame: Frame, config: RunConfig, *, more: str = "") -> DataError:
    data = config.data
    lookback = config.training.lookback
    first, last = time_text(frame.index[0]), time_text(frame.index[-1])
    return DataError(
        f"{counted(len(frame.index), 'candle')} of {', '.join(data.symbols)} {data.timeframe}, "
        f"{first} to {last}, are too few: the network looks back over {lookback:,}{more}. "
        "Give longer files, or fetch candles with --download."
    )
