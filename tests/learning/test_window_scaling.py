"""Scaling within each window: the layer against NumPy on real prices, and runs that use it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from small_market import Material, quarter_hours

from cryptonn.config import parse_config
from cryptonn.errors import ConfigError
from cryptonn.learning.backend import keras
from cryptonn.learning.network import WindowScaling, build_network, proba_of
from cryptonn.learning.prediction import FittedModel, load_model, predict_proba
from cryptonn.learning.scaling import fit_scaler
from cryptonn.learning.training import fit_model
from cryptonn.settings import NetworkConfig

Make = Callable[..., Material]

LOOKBACK = 10
SECTIONS = {
    "features": {"columns": ["open", "high", "low", "close", "volume"], "scaling": "window"},
    "training": {"form": "windowed", "lookback": LOOKBACK, "batch_size": 64, "epochs": 2},
}


def scaled(windows: np.ndarray) -> np.ndarray:
    return np.asarray(WindowScaling()(windows.astype(np.float32)))


def by_numpy(windows: np.ndarray) -> np.ndarray:
    """The definition, feature by feature and window by window, in float64."""
    found = np.zeros_like(windows, dtype=np.float64)
    for window, out in zip(windows, found, strict=True):
        for feature in range(window.shape[1]):
            x = window[:, feature]
            if x.max() > x.min():
                out[:, feature] = (x - x.min()) / (x.max() - x.min()) * 2 - 1
    return found


def windows_of(table: pd.DataFrame) -> np.ndarray:
    return sliding_window_view(table.to_numpy(np.float64), LOOKBACK, axis=0).transpose(0, 2, 1)


def test_by_hand() -> None:
    window = np.array([[[1.0, 7.0, -4.0], [3.0, 7.0, -5.0], [2.0, 7.0, -8.0], [1.5, 7.0, 0.0]]])
    assert scaled(window)[0].T.tolist() == [[-1, 1, 0, -0.5], [0, 0, 0, 0], [0, -0.25, -1, 1]]


def test_equals_numpy_on_real_prices_standardised_before(shared_data: Path) -> None:
    train, later = (
        quarter_hours(shared_data, "2018", bars=1500),
        quarter_hours(shared_data, "2019H1", bars=1500),
    )
    table = pd.concat([train, later])
    features = fit_scaler(train, clip=0).scale(table)
    assert np.abs(features).max() > 5, "else a clip would go unnoticed"
    expected = by_numpy(windows_of(table))
    assert (expected == 0).all(axis=1).any(), "some window has a flat feature"
    windows = windows_of(pd.DataFrame(features))
    error = np.abs(scaled(windows) - expected)
    assert np.quantile(error[: len(train) - LOOKBACK], 0.99) < 1e-4
    assert error.max() < 0.005, "in quiet windows, at a tenth of the train rows' price"
    width = np.ptp(windows, axis=1, keepdims=True)
    rounding = 2.0**-23 * np.abs(windows).max(axis=1, keepdims=True) / np.where(width > 0, width, 1)
    assert (error <= 4 * rounding + 1e-6).all(), "no more than the rounding of float32 before it"


def test_shift_and_stretch_before_it_change_nothing() -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(50, LOOKBACK, 3))
    moved = windows * [3.0, 0.01, 700.0] + [5.0, -0.2, 1000.0]
    np.testing.assert_allclose(scaled(moved), scaled(windows), atol=1e-4)
    np.testing.assert_allclose(scaled(-windows), -scaled(windows), atol=1e-5)


def test_no_window_sees_another() -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(8, LOOKBACK, 3))
    np.testing.assert_array_equal(scaled(windows[3:4]), scaled(windows)[3:4])


def test_it_comes_first_and_only_where_asked() -> None:
    config = NetworkConfig(layers=(4,))
    plain, window = (
        build_network(config, n_features=2, form="windowed", scaling=kind)
        for kind in ("standard", "window")
    )
    assert isinstance(window.layers[1], WindowScaling)
    assert not any(isinstance(layer, WindowScaling) for layer in plain.layers)
    assert len(window.get_weights()) == len(plain.get_weights()), "nothing is learnt by it"
    bars = np.random.default_rng(0).normal(size=(2, LOOKBACK, 2)).astype(np.float32)
    window.set_weights(plain.get_weights())
    np.testing.assert_allclose(proba_of(window, bars), proba_of(plain, scaled(bars)), rtol=1e-6)


def test_keras_knows_it_by_name() -> None:
    network = build_network(
        NetworkConfig(layers=(4,)), n_features=2, form="windowed", scaling="window"
    )
    again = keras.Model.from_config(network.get_config())
    again.set_weights(network.get_weights())
    bars = np.random.default_rng(0).normal(size=(2, LOOKBACK, 2)).astype(np.float32)
    np.testing.assert_array_equal(proba_of(again, bars), proba_of(network, bars))


@pytest.fixture(scope="module")
def fitted(make_material: Make) -> tuple[Material, FittedModel, pd.DataFrame]:
    given = make_material(**SECTIONS)
    return given, *fit_model(given.features, given.labels, given.split, given.config)


def test_raw_prices_are_learnt_from_saved_and_loaded(fitted, tmp_path: Path) -> None:
    given, model, history = fitted
    assert history["val_loss"].min() < 0.69
    proba = predict_proba(model, given.features)
    rows = given.split.test["later"]
    move = given.labels["move"].iloc[rows]
    moved = move.notna() & (move != 0)
    assert ((proba.iloc[rows] > 0.5) == (move > 0))[moved].mean() > 0.55
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.scaler.clip == 0
    pd.testing.assert_series_equal(predict_proba(loaded, given.features), proba)


def test_prices_elsewhere_are_seen_as_they_were(fitted) -> None:
    """Ten times the price, far beyond what the train rows had, gives the same probabilities."""
    given, model, _ = fitted
    later = given.features.iloc[-500:]
    np.testing.assert_allclose(
        predict_proba(model, later * 10), predict_proba(model, later), atol=0.01
    )


def test_streaming_form_is_refused() -> None:
    with pytest.raises(
        ConfigError, match='features.scaling = "window" needs training.form = "windowed"'
    ):
        parse_config(
            {"name": "x", "data": {"train": "20180101-20180105"}, "features": {"scaling": "window"}}
        )
