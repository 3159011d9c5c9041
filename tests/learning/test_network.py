import random

import numpy as np
import pytest

from cryptonn.learning.backend import keras
from cryptonn.learning.network import build_network, proba_of
from cryptonn.settings import NetworkConfig

BARS = np.random.default_rng(0).standard_normal((3, 17, 4)).astype(np.float32)
PUBLISHED = NetworkConfig(
    layers=(128, 128, 128), dropout=0.2, normalization="batch", dense=(32,), output="softmax"
)


def test_the_published_network() -> None:
    network = build_network(PUBLISHED, n_features=4, form="windowed")
    kinds = [
        type(layer).__name__
        for layer in network.layers[1:]
        if not isinstance(layer, keras.layers.Reshape)
    ]
    assert kinds == ["LSTM", "Dropout", "BatchNormalization"] * 3 + ["Dense", "Dense"]
    assert [layer.units for layer in network.layers if isinstance(layer, keras.layers.LSTM)] == [
        128,
        128,
        128,
    ]
    assert network.output_shape == (None, 1, 2)
    relu, softmax = network.layers[-2:]
    assert (relu.units, relu.activation.__name__, softmax.activation.__name__) == (
        32,
        "relu",
        "softmax",
    )


def test_no_bar_sees_later_bars() -> None:
    network = build_network(NetworkConfig(layers=(5, 3)), n_features=4, form="streaming")
    changed = BARS.copy()
    changed[:, 9:] = 7
    before, after = proba_of(network, BARS), proba_of(network, changed)
    np.testing.assert_array_equal(before[:, :9], after[:, :9])
    assert (before[:, 9:] != after[:, 9:]).any()


@pytest.mark.parametrize(
    ("normalization", "output"), [("none", "softmax"), ("batch", "sigmoid"), ("layer", "softmax")]
)
def test_a_probability_at_every_bar_and_windowed_at_the_last_of_the_same_network(
    normalization: str, output: str
) -> None:
    config = NetworkConfig(
        layers=(5, 3), dropout=0.1, normalization=normalization, dense=(2,), output=output
    )
    streaming, windowed = (
        build_network(config, n_features=4, form=form) for form in ("streaming", "windowed")
    )
    windowed.set_weights(streaming.get_weights())
    assert windowed.output_shape == (None, 1, 2 if output == "softmax" else 1)
    proba = proba_of(streaming, BARS)
    assert proba.shape == (3, 17)
    assert ((proba > 0) & (proba < 1)).all()
    np.testing.assert_allclose(proba_of(windowed, BARS)[:, 0], proba[:, -1], rtol=1e-6)


def test_the_last_batch_normalisation_counts_windows_not_bars() -> None:
    """As published: the last LSTM layer gives its last bar alone, so its mean is over the batch, not over time too."""
    config = NetworkConfig(layers=(3,), dropout=0.0, normalization="batch", dense=())
    network = build_network(config, n_features=4, form="windowed")
    lstm = keras.Model(network.input, network.layers[1].output)
    outputs = np.asarray(lstm.predict_on_batch(BARS))  # (batch, units), of the last bar
    network.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse", jit_compile=False)
    network.train_on_batch(BARS, np.zeros((3, 1, 1)))
    (layer,) = [
        layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    np.testing.assert_allclose(
        np.asarray(layer.moving_mean), 0.01 * outputs.mean(axis=0), rtol=1e-4
    )


def test_no_dense_layer_if_it_has_no_units() -> None:
    network = build_network(
        NetworkConfig(layers=(5,), dropout=0, dense=()), n_features=4, form="streaming"
    )
    assert [type(layer).__name__ for layer in network.layers[1:]] == ["LSTM", "Dense"]


@pytest.mark.parametrize("form", ["streaming", "windowed"])
def test_a_seed_holds_whatever_other_threads_draw(form: str) -> None:
    """Threads that dask leaves behind drew from Python's random numbers while a network was built."""
    config = NetworkConfig(
        layers=(5, 3), dropout=0.2, dense=(4,), dense_dropout=0.1, normalization="batch"
    )
    keras.utils.set_random_seed(7)
    plain = build_network(config, n_features=4, form=form)
    random.seed(1)
    seeded = build_network(config, n_features=4, form=form, seed=7)
    assert len(plain.variables) == len(seeded.variables)
    for one, other in zip(plain.variables, seeded.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
