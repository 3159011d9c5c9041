"""Regressions that are fitted: what can be predicted is, what cannot is not, and both forms and kinds agree."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cryptonn.config import RunConfig, parse_config
from cryptonn.errors import DataError, ModelError
from cryptonn.evaluation.forecasts import assess_forecasts
from cryptonn.heldout import forecast_periods
from cryptonn.learning.batches import Streaming, TrainRows
from cryptonn.learning.fitting import Hooks, fit_epochs
from cryptonn.learning.network import build_network
from cryptonn.learning.prediction import FittedModel, load_model, predict_moves, predict_proba
from cryptonn.learning.rows import Rows, make_rows
from cryptonn.learning.training import fit_model
from cryptonn.market.candles import align
from tests.autoregression import COIN, returning, trending

ROWS = 5000
FORMS = {"streaming": {"epochs": 8, "batch_size": 4}, "windowed": {"epochs": 4, "batch_size": 64}}


def config(kind: str, form: str = "streaming", **sections: dict[str, object]) -> RunConfig:
    column = {"return": "log_return", "price": "close"}[kind]
    values: dict[str, dict[str, object]] = {
        "data": {
            **{"target": COIN, "others": [], "timeframe": "1h"},
            **{"train": "20180101-20180601", "test": {"later": "20180601-20180727"}},
        },
        "features": {"columns": [column], "clip": 0},
        "labels": {"kind": kind, "horizon": 1},
        "split": {"validation": 0.2},
        "network": {"layers": [8], "dropout": 0.0, "dense": 0, "output": "linear"},
        "training": {
            **{
                "form": form,
                "lookback": 10,
                "sequence": 48,
                "learning_rate": 0.01,
                "averaging": 0.8,
            },
            **{"loss": "mse", "tensorboard": False, **FORMS[form]},
        },
    }
    merged = {name: values.get(name, {}) | sections.get(name, {}) for name in values | sections}
    return parse_config({"name": "regression", **merged})


def rows_of(candles: pd.DataFrame, wanted: RunConfig) -> Rows:
    return make_rows(align({COIN: candles}, timeframe="1h"), wanted)


def fit(rows: Rows, wanted: RunConfig) -> tuple[FittedModel, pd.DataFrame]:
    return fit_model(rows.features, rows.labels, rows.split, wanted, close=rows.close)


def scores(model: FittedModel, rows: Rows, role: str = "later") -> dict[str, float]:
    forecasts = forecast_periods(model, rows.features, rows.roles, close=rows.close)
    assert forecasts is not None
    return assess_forecasts(forecasts[forecasts["role"] == role], horizon=1)


Case = tuple[FittedModel, Rows, pd.DataFrame]


@pytest.fixture(
    scope="module",
    params=["return streaming", "price windowed"],
)
def case(request: pytest.FixtureRequest) -> Case:
    """A fitted regression of each kind and form, on a market in which it has something to find.

    The other two pairs are whole runs in ``tests/test_regression_run.py``.
    """
    kind, form = request.param.split()
    wanted = config(kind, form)
    rows = rows_of({"return": trending, "price": returning}[kind](ROWS), wanted)
    model, history = fit(rows, wanted)
    return model, rows, history


# What is found


def test_where_a_price_can_be_forecast_it_beats_persistence(case: Case) -> None:
    """The best that can be had is 0.80 (returns) or 0.87 (price) of persistence's error, and 70 % of the directions."""
    model, rows, _ = case
    found = scores(model, rows)
    best = {"return": 0.80, "price": 0.866}[model.config.labels.kind]
    assert best - 0.03 < found["rmse_ratio"] < best + 0.03
    assert found["dm_statistic"] < -5 and found["dm_p_value"] < 1e-5
    assert found["directional_accuracy"] > 0.64


def test_a_random_walk_is_not_beaten() -> None:
    wanted = config("return", training={"epochs": 4})
    rows = rows_of(trending(ROWS, memory=0.0, seed=1), wanted)
    found = scores(fit(rows, wanted)[0], rows)
    assert found["rmse_ratio"] > 0.995
    assert not (found["dm_statistic"] < 0 and found["dm_p_value"] < 0.05)
    assert found["directional_accuracy_low"] < 0.5 < found["directional_accuracy_high"]


# What is measured


def test_error_and_interval_are_those_of_the_validation_rows(case: Case) -> None:
    model, rows, _ = case
    part = rows.split.validation
    errors = (
        (rows.labels["move"] - predict_moves(model, rows.features, close=rows.close))
        .iloc[part]
        .to_numpy()
    )
    assert model.regression is not None
    measured = (model.regression.error, model.regression.low, model.regression.high)
    assert measured == pytest.approx(
        (np.sqrt(np.nanmean(errors**2)), *np.quantile(errors, [0.025, 0.975])), rel=1e-4
    )


def test_validation_loss_and_accuracy_are_of_the_standardised_target(case: Case) -> None:
    model, rows, history = case
    assert model.regression is not None
    part, kept = rows.split.validation, history.loc[history["best"]].iloc[0]
    moves = predict_moves(model, rows.features, close=rows.close)
    said, came = (moves, rows.labels["move"])
    if model.regression.kind == "price":
        said, came = rows.close * np.exp(moves), rows.close * np.exp(rows.labels["move"])
    loss = (((said - came) / model.regression.std).iloc[part] ** 2).mean()
    assert kept["val_loss"] == pytest.approx(loss, rel=1e-4)
    right = ((moves > 0) == (rows.labels["move"] > 0)).iloc[part].mean()
    assert kept["val_accuracy"] == pytest.approx(right, abs=0.002)
    assert history["loss"].iloc[-1] < 1.1, "the same units as the validation loss"


def test_mean_and_deviation_are_those_of_the_train_rows(case: Case) -> None:
    model, rows, _ = case
    assert model.regression is not None
    target = (
        rows.labels["move"]
        if model.regression.kind == "return"
        else rows.close * np.exp(rows.labels["move"])
    )
    seen = target.iloc[rows.split.train].iloc[rows.features.iloc[:, 0].isna().sum() :]
    assert (model.regression.mean, model.regression.std) == pytest.approx(
        (seen.mean(), seen.std(ddof=0))
    )


def test_nothing_after_the_validation_rows_reaches_the_fit() -> None:
    wanted = config("price", training={"epochs": 1})
    rows = rows_of(returning(ROWS), wanted)
    model, _ = fit(rows, wanted)
    stop = rows.split.validation.stop
    features, close, labels = rows.features.copy(), rows.close.copy(), rows.labels.copy()
    features.iloc[stop:], close.iloc[stop:], labels.iloc[stop:, 1] = np.nan, np.nan, 9.0
    other, _ = fit_model(features, labels, rows.split, wanted, close=close)
    assert other.regression == model.regression and same_weights(other, model)


def same_weights(one: FittedModel, other: FittedModel) -> bool:
    pairs = zip(one.network.get_weights(), other.network.get_weights(), strict=True)
    return all(np.array_equal(first, second) for first, second in pairs)


def test_a_bar_that_does_not_move_is_a_row_like_any_other() -> None:
    """Neither what becomes of ties nor how classes are balanced may change a regression."""
    candles = trending(ROWS)
    still = (np.arange(ROWS) % 3 == 2)[:, None]
    candles = candles.mask(np.broadcast_to(still, candles.shape)).ffill()
    candles["open"] = candles["close"].shift(1).fillna(candles["open"])
    candles["high"], candles["low"] = (
        candles[["open", "close"]].max(axis=1),
        candles[["open", "close"]].min(axis=1),
    )
    models = []
    for labels in (
        {"ties": "exclude", "balance": "weights"},
        {"ties": "up", "balance": "undersample"},
    ):
        wanted = config("return", labels=labels, training={"epochs": 1})
        rows = rows_of(candles, wanted)
        assert rows.labels["tie"].mean() > 0.3
        models.append(fit(rows, wanted)[0])
    assert models[0].regression == models[1].regression and same_weights(*models)


# What is predicted


def test_the_probability_rises_with_the_predicted_move(case: Case) -> None:
    model, rows, _ = case
    moves = predict_moves(model, rows.features, close=rows.close).dropna()
    proba = predict_proba(model, rows.features, close=rows.close).dropna()
    assert moves.index.equals(proba.index) and proba.between(0, 1).all() and proba.name == "proba"
    order = moves.sort_values().index
    assert (proba[order].diff().dropna() >= 0).all()
    assert ((proba > 0.5) == (moves > 0)).all()
    assert proba.std() > 0.1


def test_a_probability_of_one_in_four_comes_true_one_time_in_four(case: Case) -> None:
    model, rows, _ = case
    proba, part = predict_proba(model, rows.features, close=rows.close), rows.split.test["later"]
    said, up = proba.iloc[part].iloc[:-1], (rows.labels["move"].iloc[part] > 0).iloc[:-1]
    for low in (0.2, 0.4, 0.6):
        chosen = said.between(low, low + 0.2)
        assert up[chosen].mean() == pytest.approx(said[chosen].mean(), abs=0.1), (
            f"{low}: {chosen.sum()} rows"
        )


def test_saved_and_loaded_it_predicts_the_same_to_the_bit(case: Case, tmp_path: Path) -> None:
    model, rows, _ = case
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.regression == model.regression and loaded.config == model.config
    for predicted in (predict_moves, predict_proba):
        series = predicted(loaded, rows.features, close=rows.close)
        pd.testing.assert_series_equal(series, predicted(model, rows.features, close=rows.close))


@pytest.mark.parametrize("last", [10, 100, 2000, 2001])
def test_cut_features_give_the_cut_predictions(case: Case, last: int) -> None:
    model, rows, _ = case
    whole = predict_moves(model, rows.features, close=rows.close)
    cut = predict_moves(model, rows.features.iloc[: last + 1], close=rows.close)
    pd.testing.assert_series_equal(cut, whole.iloc[: last + 1], check_freq=False)


def test_forecasts_have_a_row_for_every_bar_of_every_role(case: Case) -> None:
    model, rows, _ = case
    forecasts = forecast_periods(model, rows.features, rows.roles, close=rows.close)
    assert forecasts is not None and list(forecasts) == ["role", "close", "predicted", "actual"]
    assert forecasts.index.name == "time"
    for role, part in rows.roles.items():
        table = forecasts[forecasts["role"] == role]
        assert table.index.equals(rows.features.index[part])
        pd.testing.assert_series_equal(table["close"], rows.close.iloc[part], check_freq=False)
        later = rows.close.reindex(table.index + pd.Timedelta(hours=1)).to_numpy()
        np.testing.assert_array_equal(table["actual"], later)
    moves = predict_moves(model, rows.features, close=rows.close)
    expected = (rows.close * np.exp(moves)).iloc[rows.split.validation]
    found = forecasts.loc[forecasts["role"] == "validation", "predicted"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# What is refused


def test_a_loss_that_is_not_finite() -> None:
    wanted = config(
        "return", training={"learning_rate": 1e38, "lookback": 3, "sequence": 6, "batch_size": 64}
    )
    with pytest.raises(
        ModelError,
        match=r"the loss is (nan|inf) at step \d+ of epoch 1\. Lower training\.learning_rate \(1e\+38\), or "
        r"set features\.clip\.",
    ):
        fit(rows_of(trending(ROWS), wanted), wanted)


def test_a_validation_loss_that_is_not_finite() -> None:
    """The best epoch was none of them, and Keras complained about weights that were not there."""
    wanted = config("return")
    rng = np.random.default_rng(0)
    bars, target = (
        rng.standard_normal((200, 1)).astype(np.float32),
        rng.standard_normal(200).astype(np.float32),
    )
    examples = Streaming(TrainRows(bars, target, np.ones(200, dtype=np.float32)), 10, 48, 4)
    network = build_network(wanted.network, n_features=1, form="streaming")
    with pytest.raises(
        ModelError, match=r"the validation loss is inf after epoch 1\. Lower training"
    ):
        fit_epochs(network, examples, lambda: (float("inf"), 0.5), wanted, Hooks())


def test_a_price_that_stands_still_in_validation() -> None:
    wanted = config("return", training={"epochs": 1})
    rows = rows_of(trending(ROWS), wanted)
    labels = rows.labels.copy()
    labels.iloc[rows.split.validation, 1] = np.nan
    with pytest.raises(DataError, match=r"none of the \d+ validation rows from .* has a label"):
        fit_model(rows.features, labels, rows.split, wanted)


def test_a_price_regression_without_the_closes() -> None:
    wanted = config("price", training={"epochs": 1})
    rows = rows_of(returning(ROWS), wanted)
    with pytest.raises(ModelError, match="give fit_model the closes"):
        fit_model(rows.features, rows.labels, rows.split, wanted)


def test_a_classifier_predicts_no_moves() -> None:
    sections = {
        "network": {"output": "sigmoid"},
        "labels": {"kind": "direction"},
        "training": {"epochs": 1},
    }
    wanted = config("return", **sections)
    rows = rows_of(trending(ROWS), wanted)
    model, _ = fit(rows, wanted)
    assert model.regression is None
    assert forecast_periods(model, rows.features, rows.roles, close=rows.close) is None
    with pytest.raises(ModelError, match="predicts directions, no moves"):
        predict_moves(model, rows.features)


def test_a_saved_regression_without_its_error(case: Case, tmp_path: Path) -> None:
    case[0].save(tmp_path / "model")
    facts = tmp_path / "model" / "model.json"
    facts.write_text(facts.read_text().replace('"error":', '"eror":'))
    with pytest.raises(ModelError, match=r"the model cannot be read \(.*eror.*\)\. Train it again"):
        load_model(tmp_path / "model")
