"""Probabilities of a trained network: the same however they are asked for, and after saving and loading."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_market import TARGET, Material, material, small_config

from cryptonn.errors import DataError, ModelError, OutputError
from cryptonn.learning.features import make_features
from cryptonn.learning.network import build_network, proba_of
from cryptonn.learning.prediction import FittedModel, load_model, predict_proba
from cryptonn.learning.training import fit_model
from cryptonn.market.candles import Frame
from cryptonn.market.timerange import TimeRange

LOOKBACK = 20
MIDNIGHT = 6 * 60
"""Row of the first midnight; the small market begins at 18:00."""


def trained(given: Material) -> FittedModel:
    return fit_model(given.features, given.labels, given.split, given.config)[0]


@pytest.fixture(scope="module")
def given(frame: Frame) -> Material:
    return material(small_config(), frame)


@pytest.fixture(scope="module")
def model(given: Material) -> FittedModel:
    return trained(given)


@pytest.fixture(scope="module")
def whole(model: FittedModel, given: Material) -> pd.Series:
    return predict_proba(model, given.features)


@pytest.fixture(scope="module")
def windowed(model: FittedModel, given: Material) -> tuple[FittedModel, Material]:
    """The same network, asked window by window."""
    return _as(model, "windowed"), given


def test_one_probability_a_bar_once_the_lookback_is_seen(whole: pd.Series, given: Material) -> None:
    warm = 1 + LOOKBACK - 1  # the features' first row is empty
    assert whole.name == "proba"
    assert whole.index.equals(given.features.index)
    assert whole.iloc[:warm].isna().all()
    assert whole.iloc[warm:].between(0, 1).all()


@pytest.mark.parametrize(
    "last", [LOOKBACK, 250, MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 1, 1500, 1799, 1800, 4321]
)
def test_the_last_bar_of_cut_data_gets_the_same_probability(
    model: FittedModel, given: Material, whole: pd.Series, last: int
) -> None:
    cut = predict_proba(model, given.features.iloc[: last + 1])
    pd.testing.assert_series_equal(
        cut, whole.iloc[: last + 1], check_freq=False
    )  # equal to the bit


@pytest.mark.parametrize("before", [LOOKBACK, LOOKBACK + 1, 300, 1000])
def test_a_restart_before_midnight_gives_the_same_probabilities(
    model: FittedModel, given: Material, whole: pd.Series, before: int
) -> None:
    midnight = MIDNIGHT + 1440
    part = predict_proba(model, given.features.iloc[midnight - before :])
    np.testing.assert_array_equal(part.iloc[before:], whole.iloc[midnight:])


def test_a_restart_from_candles_gives_the_same_probabilities(
    model: FittedModel, given: Material, whole: pd.Series, frame: Frame
) -> None:
    """The features of the first bar are empty, so one bar more is needed than the lookback."""
    start = MIDNIGHT + 1440 - LOOKBACK - 1
    late = frame.select(TimeRange(frame.index[start], None))
    part = predict_proba(model, make_features(late, target=TARGET, config=given.config.features))
    np.testing.assert_array_equal(part.iloc[LOOKBACK + 1 :], whole.iloc[MIDNIGHT + 1440 :])


def test_a_restart_too_late_keeps_its_state_over_that_midnight(
    model: FittedModel, given: Material, whole: pd.Series
) -> None:
    start = MIDNIGHT - LOOKBACK + 1
    part = predict_proba(model, given.features.iloc[start:])
    assert part.iloc[: LOOKBACK - 1].isna().all()
    assert part.iloc[LOOKBACK - 1 :].notna().all()
    np.testing.assert_array_equal(
        part.iloc[MIDNIGHT + 1440 - start :], whole.iloc[MIDNIGHT + 1440 :]
    )


def test_step_by_step_agrees(model: FittedModel, given: Material, whole: pd.Series) -> None:
    """Fed bar after bar to the network alone, begun lookback bars before midnight."""
    bars = model.scaler.scale(given.features)
    for last in (MIDNIGHT, MIDNIGHT + 3, MIDNIGHT + 700, MIDNIGHT + 1439):
        alone = proba_of(model.network, bars[None, MIDNIGHT - LOOKBACK : last + 1])[0, -1]
        assert alone == pytest.approx(whole.iloc[last], abs=1e-6)


def test_too_few_bars_give_no_probability(model: FittedModel, given: Material) -> None:
    assert predict_proba(model, given.features.iloc[1:LOOKBACK]).isna().all()
    assert predict_proba(model, given.features.iloc[1 : LOOKBACK + 1]).notna().tolist() == [
        False
    ] * 19 + [True]


def test_windowed_sees_exactly_the_lookback(windowed: tuple[FittedModel, Material]) -> None:
    model, given = windowed
    proba = predict_proba(model, given.features)
    assert proba.iloc[:LOOKBACK].isna().all()
    assert proba.iloc[LOOKBACK:].notna().all()
    bars = model.scaler.scale(given.features)
    for last in (LOOKBACK, 1000, 5999):
        alone = proba_of(model.network, bars[None, last - LOOKBACK + 1 : last + 1])[0, -1]
        assert alone == pytest.approx(proba.iloc[last], abs=1e-6)
    cut = predict_proba(model, given.features.iloc[500:700])
    np.testing.assert_array_equal(cut.iloc[LOOKBACK - 1 :], proba.iloc[500 + LOOKBACK - 1 : 700])


def test_both_forms_agree_where_they_see_the_same_bars(
    windowed: tuple[FittedModel, Material], model: FittedModel
) -> None:
    """The first probability of a stretch comes from exactly the lookback in either form."""
    features = windowed[1].features.iloc[700 : 700 + LOOKBACK]
    values = [predict_proba(form, features).iloc[-1] for form in (model, windowed[0])]
    assert values[0] == pytest.approx(values[1], abs=1e-6)


def test_both_forms_are_close_elsewhere(
    windowed: tuple[FittedModel, Material], given: Material, whole: pd.Series
) -> None:
    short = predict_proba(windowed[0], given.features)
    assert (short - whole).abs().mean() < 0.02
    assert ((short > 0.5) != (whole > 0.5)).iloc[LOOKBACK:].mean() < 0.05


def _as(model: FittedModel, form: str) -> FittedModel:
    config = model.config.model_copy(
        update={"training": model.config.training.model_copy(update={"form": form})}
    )
    network = build_network(config.network, n_features=len(model.feature_names), form=form)
    network.set_weights(model.network.get_weights())
    return FittedModel(network, model.scaler, model.feature_names, config)


def test_saved_and_loaded_it_predicts_the_same_to_the_bit(
    model: FittedModel, given: Material, whole: pd.Series, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert (loaded.feature_names, loaded.scaler, loaded.config) == (
        model.feature_names,
        model.scaler,
        model.config,
    )
    pd.testing.assert_series_equal(predict_proba(loaded, given.features), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_batch_normalisation_is_saved_too(
    model: FittedModel, given: Material, tmp_path: Path
) -> None:
    config = small_config(network={"normalization": "batch", "output": "softmax", "dense": 4})
    width = given.features.shape[1]
    network = build_network(config.network, n_features=width, form="streaming", seed=4)
    rng = np.random.default_rng(4)
    network.set_weights(
        [array + rng.uniform(-0.8, 0.8, array.shape) for array in network.get_weights()]
    )
    model = FittedModel(network, model.scaler, model.feature_names, config)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    kept, said = loaded.network.get_weights(), predict_proba(loaded, given.features)
    assert [array.tolist() for array in kept] == [
        array.tolist() for array in network.get_weights()
    ], "mean and deviation of the normalization among them"
    pd.testing.assert_series_equal(said, predict_proba(model, given.features))
    assert said.std() > 0.005


def test_nothing_is_left_where_it_cannot_be_written(model: FittedModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError):
        model.save(tmp_path / "file" / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_features_that_are_missing_or_added_are_named(model: FittedModel, given: Material) -> None:
    other = given.features.rename(columns={"BTC/USD log_return": "XRP/USD log_return"})
    with pytest.raises(
        ModelError, match="missing: BTC/USD log_return; not known to it: XRP/USD log_return"
    ):
        predict_proba(model, other)


def test_features_in_another_order(model: FittedModel, given: Material) -> None:
    with pytest.raises(ModelError, match="given in another order: BTC/USD log_volume_change"):
        predict_proba(model, given.features.iloc[:, ::-1])


def test_another_timeframe_or_a_hole(model: FittedModel, given: Material) -> None:
    with pytest.raises(
        ModelError,
        match=r"trained on 1m bars; after 2018-01-01 18:05.* the next bar comes 0 days 00:05",
    ):
        predict_proba(model, given.features.iloc[5::5])
    with pytest.raises(ModelError, match="without a hole"):
        predict_proba(model, given.features.drop(index=given.features.index[2000]))


def test_nan_in_a_feature(model: FittedModel, given: Material) -> None:
    hole = given.features.copy()
    hole.iloc[3000, 2] = np.nan
    with pytest.raises(DataError, match=r"'BTC/USD log_return' is nan at 2018-01-03 20:00"):
        predict_proba(model, hole)


def test_missing_model_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere: no such model folder"):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "damage", ["no weights", "no facts", "cut weights", "no json", "other key", "other network"]
)
def test_damaged_model_folder(model: FittedModel, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    model.save(folder)
    facts, weights = folder / "model.json", folder / "weights.npz"
    if damage == "no weights":
        weights.unlink()
    elif damage == "no facts":
        facts.unlink()
    elif damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:200])
    elif damage == "no json":
        facts.write_text(facts.read_text()[:-20])
    elif damage == "other key":
        facts.write_text(facts.read_text().replace('"scaler"', '"scalar"'))
    else:
        facts.write_text(facts.read_text().replace('"dense": []', '"dense": [3]'))
    with pytest.raises(ModelError, match=r"the model cannot be read \(.*\)\. Train it again"):
        load_model(folder)
