"""A fitted model: what it needs to be rebuilt, and what it says of any stretch of features:
P(up), or a move.
"""

import json
import zipfile
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from cryptonn.config import RunConfig
from cryptonn.errors import ModelError
from cryptonn.learning.backend import keras
from cryptonn.learning.network import build_network, proba_of
from cryptonn.learning.regression import Regression
from cryptonn.learning.scaling import Scaler, warm_up
from cryptonn.learning.windows import window_view
from cryptonn.market.candles import timeframe_delta
from cryptonn.output import to_json, whole_folder, write_file

__all__ = [
    "FittedModel",
    "check_grid",
    "check_names",
    "infer",
    "load_model",
    "predict_moves",
    "predict_proba",
]

_DAYS = 32
"""Days in one batch of streaming inference."""
_WINDOWS = 512
"""Windows in one batch of windowed inference."""
_FACTS = "model.json"
_WEIGHTS = "weights.npz"


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A trained network with all it takes to use it; predicts only from the same features
    in the same order.
    """

    network: keras.Model
    scaler: Scaler
    feature_names: tuple[str, ...]
    config: RunConfig
    regression: Regression | None = None
    """How the number of a regression is read; None for a classifier."""

    def save(self, folder: Path) -> None:
        """Write the model as one folder, whole or not at all.

        Raises
        ------
        OutputError
            If the disk is full or the place cannot be written.
        """
        facts = {
            "feature_names": list(self.feature_names),
            "scaler": asdict(self.scaler),
            "regression": None if self.regression is None else asdict(self.regression),
            "config": self.config.model_dump(mode="json"),
        }
        weights = {f"{place:03d}": array for place, array in enumerate(self.network.get_weights())}
        with whole_folder(folder) as partial:
            write_file(partial / _FACTS, to_json(facts))
            np.savez(partial / _WEIGHTS, **weights)


def load_model(folder: Path) -> FittedModel:
    """Rebuild a model; it predicts to the bit what the saved one did.

    Raises
    ------
    ModelError
        If the folder is missing, or a file in it is missing, damaged or does not fit the others.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder. Train a model first, or check the path.")
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        config = RunConfig.model_validate(facts["config"])
        scaler = _scaler(facts["scaler"])
        regression = Regression(**facts["regression"]) if config.is_regression else None
        names = tuple(facts["feature_names"])
        network = build_network(
            config.network,
            n_features=len(names),
            form=config.training.form,
            scaling=config.features.scaling,
        )
        with np.load(BytesIO((folder / _WEIGHTS).read_bytes()), allow_pickle=False) as weights:
            network.set_weights([weights[key] for key in sorted(weights.files)])
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
        ValidationError,
    ) as error:
        raise ModelError(
            f"{folder}: the model cannot be read ({_short(error)}). Train it again."
        ) from error
    return FittedModel(network, scaler, names, config, regression)


def predict_proba(
    model: FittedModel, features: pd.DataFrame, *, close: pd.Series | None = None
) -> pd.Series:
    """Give P(up in ``horizon`` bars), known at the close of each bar.

    A streaming-trained network is started anew for every UTC day, ``lookback`` bars before
    midnight, so the probability of a bar depends on nothing before that: predicting a year at once,
    a slice of it, or its last bar alone gives the same number, provided the slice begins
    ``lookback`` bars before the midnight before the bar. Where the features begin later,
    the first day is predicted from what there is. A windowed-trained network sees exactly the
    ``lookback`` bars up to each bar. A regression's probability follows from its move and its error
    on the validation rows; see ``Regression.proba``.

    Parameters
    ----------
    features
        As ``make_features`` gives them, on a complete grid.
    close
        Of the target, on the same index; a model of ``labels.kind = "price"`` needs it.

    Returns
    -------
    Series
        Named ``proba``, in [0, 1]; NaN in the features' warm-up and the ``lookback - 1``
        bars after it.

    Raises
    ------
    ModelError
        If the features or their timeframe are not those the model was trained on.
    DataError
        If a feature is NaN or infinite outside the warm-up.
    """
    if model.regression is None:
        return _said(model, features).rename("proba")
    moves = predict_moves(model, features, close=close)
    return pd.Series(model.regression.proba(moves.to_numpy()), index=features.index, name="proba")


def predict_moves(
    model: FittedModel, features: pd.DataFrame, *, close: pd.Series | None = None
) -> pd.Series:
    """Give the log move to the close ``horizon`` bars later that a regression predicts at each bar.

    As for ``predict_proba``, which bars are asked for together changes nothing.

    Returns
    -------
    Series
        Named ``move``; NaN where ``predict_proba`` gives NaN.

    Raises
    ------
    ModelError
        If the model is a classifier, the closes it needs are not given,
        or as ``predict_proba`` does.
    """
    if model.regression is None:
        raise ModelError(
            'the model predicts directions, no moves. Train one with labels.kind = "return" '
            'or "price".'
        )
    given = None if close is None else close.reindex(features.index).to_numpy(dtype=np.float64)
    moves = model.regression.moves(_said(model, features).to_numpy(), close=given)
    return pd.Series(moves, index=features.index, name="move")


def _said(model: FittedModel, features: pd.DataFrame) -> pd.Series:
    """Return the output of the network at each bar, float64."""
    check_names(model, tuple(features.columns))
    bars = model.scaler.scale(features)
    first = warm_up(features)
    output = infer(
        model.network, bars, pd.DatetimeIndex(features.index), model.config, first=first, since=0
    )
    return pd.Series(output, index=features.index, dtype=np.float64)


def infer(
    network: keras.Model,
    bars: NDArray[np.float32],
    index: pd.DatetimeIndex,
    config: RunConfig,
    *,
    first: int,
    since: int,
) -> NDArray[np.float32]:
    """Return the network's output for each row, (rows,): P(up), or a regression's number.

    NaN before it can be known, and before row ``since`` where that saves work.
    ``first`` is the first row whose features are complete.
    """
    proba = np.full(len(bars), np.nan, dtype=np.float32)
    check_grid(index, config.data.timeframe)
    if len(bars) - first < config.training.lookback:
        return proba
    if config.training.form == "windowed":
        start = max(first, since - config.training.lookback + 1)
        proba[start + config.training.lookback - 1 :] = _windowed(
            network, bars[start:], config.training.lookback
        )
        return proba
    days = _days(index, first=first, lookback=config.training.lookback)
    _fill_days(proba, network, bars, [day for day in days if day[2] > since], config)
    return proba


def _days(index: pd.DatetimeIndex, *, first: int, lookback: int) -> list[tuple[int, int, int]]:
    """Rows of each UTC day: where the network starts, its first probability, and the end."""
    date = index.as_unit("ns").asi8 // pd.Timedelta(days=1).value
    midnights = np.flatnonzero(np.diff(date)) + 1
    midnights = midnights[midnights >= first + lookback]
    ends = [*midnights.tolist(), len(index)]
    later = [(start - lookback, start, end) for start, end in pairwise(ends)]
    return [(first, first + lookback - 1, ends[0]), *later]


def _fill_days(
    proba: NDArray[np.float32],
    network: keras.Model,
    bars: NDArray[np.float32],
    days: list[tuple[int, int, int]],
    config: RunConfig,
) -> None:
    per_day = max(1, pd.Timedelta(days=1) // timeframe_delta(config.data.timeframe))
    time = config.training.lookback + per_day
    padded = np.concatenate(
        [bars, np.zeros((time, bars.shape[1]), dtype=np.float32)]
    )  # later bars change nothing
    view = window_view(padded, time)
    for place in range(0, len(days), _DAYS):
        batch = days[place : place + _DAYS]
        starts = np.resize(
            [start for start, _, _ in batch], _DAYS
        )  # one batch size: compiled once, equal to the bit
        given = proba_of(network, view[starts])  # (_DAYS, time)
        for row, (start, since, end) in enumerate(batch):
            proba[since:end] = given[row, since - start : end - start]


def _windowed(
    network: keras.Model, bars: NDArray[np.float32], lookback: int
) -> NDArray[np.float32]:
    view = window_view(bars, lookback)
    proba = np.empty(len(view), dtype=np.float32)
    for place in range(0, len(view), _WINDOWS):
        rows = np.arange(place, min(place + _WINDOWS, len(view)))
        proba[rows] = proba_of(network, view[np.resize(rows, _WINDOWS)])[: len(rows), -1]
    return proba


def check_names(model: FittedModel, names: tuple[str, ...]) -> None:
    """Refuse features that are not the model's own, in its order."""
    if names == model.feature_names:
        return
    missing = [name for name in model.feature_names if name not in names]
    added = [name for name in names if name not in model.feature_names]
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"not known to it: {', '.join(map(str, added))}"] if added else []
    parts = parts or [f"given in another order: {', '.join(names)}"]
    raise ModelError(
        f"the model was trained on the features {', '.join(model.feature_names)}; "
        f"{'; '.join(parts)}. Make the features with the model's own settings."
    )


def check_grid(index: pd.DatetimeIndex, timeframe: str) -> None:
    """Refuse bars that are not one timeframe apart."""
    steps = np.diff(index.as_unit("ns").asi8)
    wrong = steps != timeframe_delta(timeframe).value
    if wrong.any():
        raise ModelError(
            f"the model was trained on {timeframe} bars; after {index[int(wrong.argmax())]} "
            f"the next bar comes {pd.Timedelta(int(steps[wrong.argmax()]))} later. "
            "Give bars of that timeframe, without a hole."
        )


def _scaler(facts: dict[str, Any]) -> Scaler:
    return Scaler(mean=tuple(facts["mean"]), std=tuple(facts["std"]), clip=float(facts["clip"]))


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
