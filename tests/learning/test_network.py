import numpy as np
import pytest

from cryptonn.learning.backend import keras
from cryptonn.learning.network import build_network, last_bar, proba_of
from cryptonn.settings import NetworkConfig

BARS = np.random.default_rng(0).standard_normal((3, 17, 4)).astype(np.float32)
PUBLISHED = NetworkConfig(layers=(128, 128, 128), dropout=0.2, normalization="batch", dense=(32,), output="softmax")


def test_the_published_network() -> None:
    network = build_network(PUBLISHED, n_features=4)
    kinds = [type(layer).__name__ for layer in network.layers[1:]]
    assert kinds == ["LSTM", "Dropout", "BatchNormalization"] * 3 + ["Dense", "Dense"]
    assert [layer.units for layer in network.layers if isinstance(layer, keras.layers.LSTM)] == [128, 128, 128]
    assert network.output_shape == (None, None, 2)
    relu, softmax = network.layers[-2:]
    assert (relu.units, relu.activation.__name__, softmax.activation.__name__) == (32, "relu", "softmax")


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_a_probability_at_every_bar(output: str, normalization: str) -> None:
    config = NetworkConfig(layers=(5, 3), dropout=0.1, normalization=normalization, dense=(2,), output=output)
    proba = proba_of(build_network(config, n_features=4), BARS)
    assert proba.shape == (3, 17)
    assert ((proba > 0) & (proba < 1)).all()


def test_no_bar_sees_later_bars() -> None:
    network = build_network(NetworkConfig(layers=(5, 3)), n_features=4)
    changed = BARS.copy()
    changed[:, 9:] = 7
    before, after = proba_of(network, BARS), proba_of(network, changed)
    np.testing.assert_array_equal(before[:, :9], after[:, :9])
    assert (before[:, 9:] != after[:, 9:]).any()


def test_windowed_form_is_the_last_bar_of_the_same_network() -> None:
    network = build_network(NetworkConfig(layers=(5,)), n_features=4)
    last = last_bar(network)
    assert last.trainable_weights == network.trainable_weights
    np.testing.assert_allclose(last.predict_on_batch(BARS)[:, 0, 0], proba_of(network, BARS)[:, -1], rtol=1e-6)


def test_no_dense_layer_if_it_has_no_units() -> None:
    network = build_network(NetworkConfig(layers=(5,), dropout=0, dense=()), n_features=4)
    assert [type(layer).__name__ for layer in network.layers[1:]] == ["LSTM", "Dense"]
