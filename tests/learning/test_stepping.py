"""A network fed bar by bar says what the batch says; see ``test_prediction.py`` for what the batch says."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from small_market import TARGET, small_config, small_frame

from cryptonn.errors import DataError, ModelError
from cryptonn.learning.backend import keras
from cryptonn.learning.features import make_features
from cryptonn.learning.network import build_network
from cryptonn.learning.prediction import FittedModel, predict_proba
from cryptonn.learning.regression import Regression
from cryptonn.learning.scaling import fit_scaler
from cryptonn.learning.stepping import SteppingNetwork
from cryptonn.market.candles import Frame

LOOKBACK = 20
MIDNIGHT = 6 * 60
"""Row of the first midnight; the small market begins at 18:00."""


@pytest.fixture(scope="module")
def frame() -> Frame:
    return small_frame(4000)


@pytest.fixture(scope="module")
def features(frame: Frame) -> pd.DataFrame:
    return make_features(frame, target=TARGET, config=small_config().features)


@pytest.fixture(scope="module")
def close(frame: Frame) -> pd.Series:
    return frame.candles(TARGET)["close"]


def drawn(rows: pd.DataFrame, **sections: dict) -> FittedModel:
    """A network with weights drawn at random, with noise on them, so that it says all from 0 to 1."""
    keras.utils.set_random_seed(4)
    rng = np.random.default_rng(4)
    config = small_config(**sections)
    form, scaling = config.training.form, config.features.scaling
    network = build_network(config.network, n_features=rows.shape[1], form=form, scaling=scaling)
    network.set_weights(
        [weight + 0.1 * rng.normal(size=weight.shape) for weight in network.get_weights()]
    )
    return FittedModel(
        network, fit_scaler(rows, clip=config.features.limit), tuple(rows.columns), config
    )


@pytest.fixture(scope="module")
def model(features: pd.DataFrame) -> FittedModel:
    """One network of 8 units for the tests that ask of it in different ways: asking leaves no trace in it."""
    return drawn(features)


@pytest.fixture(scope="module")
def whole(model: FittedModel, features: pd.DataFrame) -> pd.Series:
    return predict_proba(model, features)


def stepped(
    model: FittedModel, features: pd.DataFrame, cuts: list[int], **more: pd.Series
) -> pd.DataFrame:
    network = SteppingNetwork(model)
    bounds = [0, *cuts, len(features)]
    parts = [features.iloc[start:end] for start, end in pairwise(bounds)]
    return pd.concat([network.extend(part, **more) for part in parts])


def check_equal(told: pd.DataFrame, whole: pd.Series) -> None:
    assert told.index.equals(whole.index)
    assert told["proba"].isna().equals(whole.isna())
    assert (told["proba"] - whole).abs().max() < 1e-6
    known = whole.dropna()
    assert (told.loc[known.index, "low"] < known).all()
    assert (told.loc[known.index, "high"] > known).all()
    assert known.std() > 0.005


@pytest.mark.parametrize(
    "network", [{}, {"layers": [8, 6], "normalization": "batch", "output": "softmax", "dense": 16}]
)
def test_bar_by_bar_is_the_batch(features: pd.DataFrame, network: dict) -> None:
    model = drawn(features, network=network)
    some = features.iloc[MIDNIGHT - 60 : MIDNIGHT + 100]
    check_equal(stepped(model, some, list(range(1, len(some)))), predict_proba(model, some))


@pytest.mark.parametrize(
    "cuts",
    [
        [],
        [1],
        [LOOKBACK - 1],
        [LOOKBACK],
        [MIDNIGHT - 1],
        [MIDNIGHT],
        [MIDNIGHT + 1],
        [MIDNIGHT, MIDNIGHT + 1, MIDNIGHT + 1440 - 1, MIDNIGHT + 1440 + 1],
        [7, 500, 501, 1900, 3300],
    ],
)
def test_in_any_pieces(
    model: FittedModel, features: pd.DataFrame, whole: pd.Series, cuts: list[int]
) -> None:
    check_equal(stepped(model, features, cuts), whole)


@pytest.mark.parametrize("before", [LOOKBACK - 1, LOOKBACK, LOOKBACK + 1, 5])
def test_begun_shortly_before_midnight(
    model: FittedModel, features: pd.DataFrame, before: int
) -> None:
    late = features.iloc[MIDNIGHT - before : MIDNIGHT + 200]
    check_equal(stepped(model, late, list(range(3, 100))), predict_proba(model, late))


@pytest.mark.parametrize("scaling", ["standard", "window"])
def test_windowed(features: pd.DataFrame, scaling: str) -> None:
    model = drawn(features, training={"form": "windowed"}, features={"scaling": scaling})
    some = features.iloc[:200]
    for cuts in ([], list(range(1, 60)), [LOOKBACK, LOOKBACK + 1, 150]):
        check_equal(stepped(model, some, cuts), predict_proba(model, some))


@pytest.mark.parametrize("kind", ["return", "price"])
def test_regression(features: pd.DataFrame, close: pd.Series, kind: str) -> None:
    sections = {
        "labels": {"kind": kind},
        "network": {"output": "linear"},
        "training": {"loss": "mse"},
    }
    mean, std = (0.0, 0.002) if kind == "return" else (close.mean(), close.std())
    model = drawn(features, **sections, features={"clip": 0})
    model = replace(
        model, regression=Regression(kind, mean, std, error=0.003 if kind == "return" else 0.3)
    )
    told = stepped(model, features, [MIDNIGHT + 100, MIDNIGHT + 101], close=close)
    whole = predict_proba(model, features, close=close)
    assert (told["low"] < whole).equals(whole.notna())
    assert (told["high"] > whole).equals(whole.notna())
    assert (told["proba"] - whole).abs().max() < 1e-5


def test_the_model_stays_as_it_was(
    model: FittedModel, features: pd.DataFrame, whole: pd.Series
) -> None:
    stepped(model, features, [1000])
    pd.testing.assert_series_equal(predict_proba(model, features), whole)


def test_bars_that_do_not_follow(model: FittedModel, features: pd.DataFrame) -> None:
    network = SteppingNetwork(model)
    network.extend(features.iloc[:50])
    for wrong in (features.iloc[51:52], features.iloc[49:51]):
        with pytest.raises(ModelError, match="trained on 1m bars"):
            network.extend(wrong)
    with pytest.raises(ModelError, match="another order"):
        network.extend(features.iloc[50:51, ::-1])
    hole = features.iloc[50:52].copy()
    hole.iloc[1, 0] = np.nan
    with pytest.raises(DataError, match="no value at 2018-01-01 18:51"):
        network.extend(hole)
