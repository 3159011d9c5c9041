"""The network: stacked LSTM layers, each followed by dropout and normalisation, dense layers,
P(up) or a number.

One network serves both ways of training, with the same weights: the streaming form answers
at every bar of what it is shown, the windowed form after the last bar of its window.
Only Keras is called, so that it runs on any Keras backend.
"""

import random
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryptonn.learning.backend import JIT, keras
from cryptonn.settings import NetworkConfig

__all__ = ["WindowScaling", "build_network", "proba_of"]


@keras.saving.register_keras_serializable(package="cryptonn")
class WindowScaling(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Stretch each feature of a window to [−1, 1]: its lowest value to −1, its highest to 1;
    0 if it does not change.

    Nothing is learnt. A feature may be shifted and stretched beforehand, as by the means
    and deviations of the train rows: the result is the same.
    """

    def call(self, bars: Any) -> Any:
        """Scale (batch, time, features) along time."""
        low = keras.ops.min(bars, axis=1, keepdims=True)  # (batch, 1, features)
        width = keras.ops.max(bars, axis=1, keepdims=True) - low
        flat = keras.ops.equal(width, 0)
        scaled = 2 * (bars - low) / keras.ops.where(flat, 1, width) - 1
        return keras.ops.where(flat, 0, scaled)


def build_network(
    config: NetworkConfig,
    *,
    n_features: int,
    form: Literal["streaming", "windowed"],
    scaling: Literal["standard", "window"] = "standard",
    seed: int | None = None,
) -> keras.Model:
    """Build the untrained network; with ``scaling="window"`` it first scales what it is shown,
    as a whole.

    With a seed its weights and dropout are those Keras would give after
    ``keras.utils.set_random_seed(seed)``, whatever other threads draw from Python's random numbers
    meanwhile (those of dask do). Without one they are Keras' own.

    Returns
    -------
    keras.Model
        (batch, time, n_features) to (batch, time, classes), in the windowed form to (batch, 1,
        classes): what comes after the last LSTM layer sees its last bar alone, so batch
        normalisation there counts windows, not bars. One class with a sigmoid or, for a regression,
        a linear output; two with a softmax, where the second is up. Time may have any length.
    """
    draw = _seeds(seed)
    bars = x = keras.Input((None, n_features), name="bars")
    if scaling == "window":
        x = WindowScaling(name="window_scaling")(x)
    for place, units in enumerate(config.layers, start=1):
        every = form == "streaming" or place < len(config.layers)
        lstm = keras.layers.LSTM(
            units,
            activation=config.activation,
            return_sequences=every,
            kernel_initializer=keras.initializers.GlorotUniform(seed=draw()),
            recurrent_initializer=keras.initializers.Orthogonal(seed=draw()),
            seed=draw(),
        )
        x = lstm(x)  # (batch, time, units)
        if not every:
            x = keras.layers.Reshape((1, units))(x)  # (batch, 1, units)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout, seed=draw())(x)
        if config.normalization == "batch":
            x = keras.layers.BatchNormalization()(x)
        elif config.normalization == "layer":
            x = keras.layers.LayerNormalization()(x)
    for units in config.dense:
        x = _dense(units, activation="relu", seed=draw())(x)
        if config.dense_dropout:
            x = keras.layers.Dropout(config.dense_dropout, seed=draw())(x)
    x = _dense(2 if config.output == "softmax" else 1, activation=config.output, seed=draw())(x)
    network = keras.Model(bars, x, name="cryptonn")
    network.compile(jit_compile=JIT)
    return network


def _seeds(seed: int | None) -> Callable[[], int | None]:
    """Return what gives the next seed, as Keras draws its own (``make_default_seed``);
    None without a seed.
    """
    if seed is None:
        return lambda: None
    own = random.Random(seed)
    return lambda: own.randint(1, 10**9)


def _dense(units: int, *, activation: str, seed: int | None) -> keras.layers.Dense:
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, activation=activation, kernel_initializer=initializer)


def proba_of(network: keras.Model, bars: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return P(up), or a regression's number: (batch, time, n_features) to (batch, time),
    or (batch, 1) if windowed.
    """
    return np.asarray(network.predict_on_batch(bars), dtype=np.float32)[..., -1]
