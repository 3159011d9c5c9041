"""A network that answers bar by bar: it carries its state along, so that a new bar costs one step and not a day.

What it says differs from ``predict_proba`` in the last bits only, as sums are taken in another order. Each answer
comes with the band in which that of ``predict_proba`` lies: where a threshold lies in the band, ask that.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.learning.backend import JIT, keras
from cryptonn.learning.network import proba_of
from cryptonn.learning.prediction import FittedModel, check_grid, check_names

__all__ = ["TOLERANCE", "SteppingNetwork"]

TOLERANCE = 1e-5
"""How far the network's number may be from that of ``predict_proba``, as a fraction of it or of 1; ten times what was
ever measured."""


class SteppingNetwork:
    """The network of a model, asked for one bar after another.

    State and probability are those of ``predict_proba`` on the features given so far: started at the first of them,
    and anew for every UTC day ``lookback`` bars before midnight. A windowed-trained network is shown one window a bar.

    Parameters
    ----------
    model
        Stays as it is; a copy of its network is stepped.
    """

    def __init__(self, model: FittedModel) -> None:
        self._model = model
        self._streaming = model.config.training.form == "streaming"
        self._network = _twin(model.network, stateful=self._streaming)
        self._recent = np.empty((0, len(model.feature_names)), dtype=np.float32)
        self._last: pd.Timestamp | None = None

    def extend(self, features: pd.DataFrame, *, close: pd.Series | None = None) -> pd.DataFrame:
        """Show it the bars that follow those it has seen.

        Parameters
        ----------
        features
            Of the new bars alone, as ``make_features`` gives them; the first ever may be empty (their warm-up).
        close
            Of the target, on the same index; a model of ``labels.kind = "price"`` needs it.

        Returns
        -------
        DataFrame
            Index time; columns proba, low, high: P(up) and the band in which that of ``predict_proba`` lies. NaN in
            the warm-up and the ``lookback - 1`` bars after it.

        Raises
        ------
        ModelError
            If the features are not the model's, or do not follow the last ones bar by bar.
        DataError
            If a feature is NaN or infinite after the warm-up.
        """
        check_names(self._model, tuple(features.columns))
        index = pd.DatetimeIndex(features.index)
        before = [] if self._last is None else [self._last]
        check_grid(pd.DatetimeIndex([*before, *index]), self._model.config.data.timeframe)
        number = np.full(len(index), np.nan)
        first = self._warm_up(features)
        if first < len(index):
            bars = self._model.scaler.scale(features.iloc[first:])
            number[first:] = (
                self._days(bars, index[first:]) if self._streaming else self._windows(bars)
            )
            self._last = index[-1]
        return self._band(number, index, close)

    def _warm_up(self, features: pd.DataFrame) -> int:
        """Return the number of first rows that cannot be shown, as long as none has been."""
        missing = features.isna().any(axis=1).to_numpy()
        if self._last is None:
            return len(missing) if missing.all() else int(missing.argmin())
        if missing.any():
            when = features.index[int(missing.argmax())]
            raise DataError(
                f"a feature has no value at {when}, after its warm-up: look at the candles there."
            )
        return 0

    def _days(self, bars: NDArray[np.float32], index: pd.DatetimeIndex) -> NDArray[np.float32]:
        """Return the network's number at each bar, begun anew at each midnight that has a lookback before it."""
        lookback, known = self._model.config.training.lookback, len(self._recent)
        rows = np.concatenate([self._recent, bars])
        times = index if self._last is None else pd.DatetimeIndex([self._last, *index])
        dates = times.as_unit("ns").asi8 // pd.Timedelta(days=1).value
        midnights = np.flatnonzero(np.diff(dates)) + 1 + len(rows) - len(times)
        anew = {int(row) for row in midnights if row >= lookback}
        starts = sorted({known, *anew})
        number = np.empty(len(bars), dtype=np.float32)
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            if start in anew:
                _reset(self._network)
            shown = self._shown(rows[start - lookback if start in anew else start : end])
            number[start - known : end - known] = shown[start - end :]
        number[: max(0, lookback - 1 - known)] = np.nan
        self._recent = rows[-lookback:]
        return number

    def _windows(self, bars: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the network's number at each bar: of the window that ends there."""
        lookback, known = self._model.config.training.lookback, len(self._recent)
        rows = np.concatenate([self._recent, bars])
        number = np.full(len(bars), np.nan, dtype=np.float32)
        for row in range(max(known, lookback - 1), len(rows)):
            number[row - known] = self._shown(rows[row - lookback + 1 : row + 1])[-1]
        self._recent = rows[-lookback:]
        return number

    def _shown(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        number: NDArray[np.float32] = proba_of(self._network, rows[None])[0]
        return number

    def _band(
        self, number: NDArray[np.float64], index: pd.DatetimeIndex, close: pd.Series | None
    ) -> pd.DataFrame:
        away = TOLERANCE * np.maximum(1.0, np.abs(number))
        values = {"proba": number, "low": number - away, "high": number + away}
        regression = self._model.regression
        if regression is not None:
            closes = None if close is None else close.reindex(index).to_numpy(dtype=np.float64)
            values = {
                name: regression.proba(regression.moves(one, close=closes))
                for name, one in values.items()
            }
        return pd.DataFrame(values, index=index)


def _twin(network: keras.Model, *, stateful: bool) -> Any:
    """Return a network with the same layers and weights that is shown one sequence at a time."""

    def copy(layer: Any) -> Any:
        settings = layer.get_config()
        return type(layer).from_config(
            settings | {"stateful": stateful} if "stateful" in settings else settings
        )

    bars = keras.Input(batch_shape=(1, *network.input_shape[1:]))
    twin = keras.models.clone_model(network, input_tensors=bars, clone_function=copy)
    twin.set_weights(network.get_weights())
    twin.compile(jit_compile=JIT)  # as the network itself
    return twin


def _reset(network: Any) -> None:
    for layer in network.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
