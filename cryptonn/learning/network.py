"""The network: stacked LSTM layers, each followed by dropout and normalisation, dense layers, P(up) or a number.

One network serves both ways of training: it answers at every bar of what it is shown; the windowed form uses the last
bar only. Only Keras is called, so that it runs on any Keras backend.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryptonn.learning.backend import keras
from cryptonn.settings import NetworkConfig

__all__ = ["WindowScaling", "build_network", "last_bar", "proba_of"]


@keras.saving.register_keras_serializable(package="cryptonn")
class WindowScaling(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Stretch each feature of a window to [−1, 1]: its lowest value to −1, its highest to 1; 0 if it does not change.

    Nothing is learnt. A feature may be shifted and stretched beforehand, as by the means and deviations of the train
    rows: the result is the same.
    """

    def call(self, bars: Any) -> Any:
        """Scale (batch, time, features) along time."""
        low = keras.ops.min(bars, axis=1, keepdims=True)  # (batch, 1, features)
        width = keras.ops.max(bars, axis=1, keepdims=True) - low
        flat = keras.ops.equal(width, 0)
        scaled = 2 * (bars - low) / keras.ops.where(flat, 1, width) - 1
        return keras.ops.where(flat, 0, scaled)


def build_network(
    config: NetworkConfig, *, n_features: int, scaling: Literal["standard", "window"] = "standard"
) -> keras.Model:
    """Build the untrained network; with ``scaling="window"`` it first scales what it is shown, as a whole.

    Returns
    -------
    keras.Model
        (batch, time, n_features) to (batch, time, 1) with a sigmoid or, for a regression, a linear output, or to
        (batch, time, 2) with a softmax, where the second class is up. Time may have any length.
    """
    bars = x = keras.Input((None, n_features), name="bars")
    if scaling == "window":
        x = WindowScaling(name="window_scaling")(x)
    for units in config.layers:
        x = keras.layers.LSTM(units, activation=config.activation, return_sequences=True)(x)  # (batch, time, units)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout)(x)
        if config.normalization == "batch":
            x = keras.layers.BatchNormalization()(x)
        elif config.normalization == "layer":
            x = keras.layers.LayerNormalization()(x)
    for units in config.dense:
        x = keras.layers.Dense(units, activation="relu")(x)
        if config.dense_dropout:
            x = keras.layers.Dropout(config.dense_dropout)(x)
    x = keras.layers.Dense(2 if config.output == "softmax" else 1, activation=config.output)(x)
    network = keras.Model(bars, x, name="cryptonn")
    network.compile(jit_compile=False)  # XLA runs an LSTM's loop over time four times slower on a CPU
    return network


def last_bar(network: keras.Model) -> keras.Model:
    """Return the same network, weights shared, with the output of the last bar only: (batch, 1, classes)."""
    return keras.Model(network.input, network.output[:, -1:, :])


def proba_of(network: keras.Model, bars: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return P(up), or a regression's number, at every bar: (batch, time, n_features) to (batch, time)."""
    return np.asarray(network.predict_on_batch(bars), dtype=np.float32)[..., -1]
