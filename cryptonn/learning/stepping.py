"""A network that answers bar by bar: it carries its state along, so that a new bar costs
one step and not a day.

What it says differs from ``predict_proba`` in the last bits only, as sums are taken
in another order. Each answer comes with the band in which that of ``predict_proba`` lies:
where a threshold lies in the band, ask that.
"""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.learning.backend import JIT, keras
from cryptonn.learning.network import proba_of
from cryptonn.learning.prediction import FittedModel, check_grid, check_names

__all__ = ["TOLERANCE", "SteppingNetwork"]

TOLERANCE = 1e-5
"""How far the network's number may be from that of ``predict_proba``, as a fraction of it or of 1;
ten times what was ever measured.
"""


class SteppingNetwork:
    """The network of a model, asked for one bar after another.

    State and probability are those of ``predict_proba`` on the features given so far:
    started at the first of them, and anew for every UTC day ``lookback`` bars before midnight.
    A windowed-trained network is shown one window a bar.

    Parameters
    ----------
    model
        Stays as it is. What is carried along belongs to this object alone.
    """

    def __init__(self, model: FittedModel) -> None:
        self._model = model
        self._streaming = model.config.training.form == "streaming"
        self._state: list[NDArray[np.float32]] = []
        self._recent = np.empty((0, len(model.feature_names)), dtype=np.float32)
        self._last: pd.Timestamp | None = None

    def extend(self, features: pd.DataFrame, *, close: pd.Series | None = None) -> pd.DataFrame:
        """Show it the bars that follow those it has seen.

        Parameters
        ----------
        features
            Of the new bars alone, as ``make_features`` gives them;
            the first ever may be empty (their warm-up).
        close
            Of the target, on the same index; a model of ``labels.kind = "price"`` needs it.

        Returns
        -------
        DataFrame
            Index time; columns proba, low, high: P(up) and the band in which that of
            ``predict_proba`` lies. NaN in the warm-up and the ``lookback - 1`` bars after it.

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
        """Return the network's number at each bar, begun anew at each midnight that has
        a lookback before it.
        """
        lookback = self._model.config.training.lookback
        known = len(self._recent)
        rows = np.concatenate([self._recent, bars])
        times = index if self._last is None else pd.DatetimeIndex([self._last, *index])
        dates = times.as_unit("ns").asi8 // pd.Timedelta(days=1).value
        midnights = np.flatnonzero(np.diff(dates)) + 1 + len(rows) - len(times)
        anew = {int(row) for row in midnights if row >= lookback}
        starts = sorted({known, *anew})
        number = np.empty(len(bars), dtype=np.float32)
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            if start in anew:
                self._state = []
            shown = self._carried(rows[start - lookback if start in anew else start : end])
            number[start - known : end - known] = shown[start - end :]
        number[: max(0, lookback - 1 - known)] = np.nan
        self._recent = rows[-lookback:]
        return number

    def _windows(self, bars: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the network's number at each bar: of the window that ends there."""
        lookback = self._model.config.training.lookback
        known = len(self._recent)
        rows = np.concatenate([self._recent, bars])
        number = np.full(len(bars), np.nan, dtype=np.float32)
        for row in range(max(known, lookback - 1), len(rows)):
            window = rows[row - lookback + 1 : row + 1]
            number[row - known] = proba_of(self._model.network, window[None])[0, -1]
        self._recent = rows[-lookback:]
        return number

    def _carried(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the network's number at each row, going on from the state, which moves on."""
        network = _stepped(self._model.network)
        if not self._state:
            shapes = [(1, *given.shape[1:]) for given in network.inputs[1:]]
            self._state = [np.zeros(shape, dtype=np.float32) for shape in shapes]
        said, *self._state = network.predict_on_batch([rows[None], *self._state])
        return np.asarray(said, dtype=np.float32)[0, :, -1]

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


_STEPPED: WeakKeyDictionary[keras.Model, keras.Model] = WeakKeyDictionary()
"""The stepped form of each network: TensorFlow takes a second to trace one."""


def _stepped(network: keras.Model) -> keras.Model:
    """Return the same layers and weights, that take and give the states of the LSTM layers
    beside bars and answers.
    """
    if network not in _STEPPED:
        bars = x = keras.Input(network.input_shape[1:])
        before: list[Any] = []
        after: list[Any] = []
        for layer in network.layers[1:]:
            settings = layer.get_config()
            if isinstance(layer, keras.layers.LSTM):
                known = [keras.Input((layer.units,)) for _ in range(2)]
                copy = keras.layers.LSTM.from_config(settings | {"return_state": True})
                x, *states = copy(x, initial_state=known)
                before = before + known
                after = after + states
            else:
                x = type(layer).from_config(settings)(x)
        stepped = keras.Model([bars, *before], [x, *after])
        stepped.set_weights(network.get_weights())
        stepped.compile(jit_compile=JIT)  # as the network itself
        _STEPPED[network] = stepped
    return _STEPPED[network]
