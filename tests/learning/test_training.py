"""Fits on a small market: what is learnt, what must not matter, and what bad input gets."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_market import Material, fingerprint, small_config
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
    TensorEvent,
)
from tensorboard.util import tensor_util

from cryptonn.errors import DataError, ModelError
from cryptonn.learning.fitting import EpochReport, move_average
from cryptonn.learning.prediction import FittedModel, predict_proba
from cryptonn.learning.training import Hooks, fit_model

Make = Callable[..., Material]


Reports = tuple[list[EpochReport], list[tuple[int, float]]]


def fit(given: Material, **wanted: Any) -> tuple[FittedModel, pd.DataFrame]:
    hooks = Hooks(**wanted)
    return fit_model(given.features, given.labels, given.split, given.config, hooks=hooks)


def accuracy(model: FittedModel, given: Material, rows: slice) -> float:
    proba = predict_proba(model, given.features).iloc[rows]
    move = given.labels["move"].iloc[rows]
    moved = move.notna() & (move != 0) & proba.notna()
    return float(((proba > 0.5) == (move > 0))[moved].mean())


def with_lead(accuracy_of: FittedModel, history: pd.DataFrame, given: Material) -> None:
    assert history["val_loss"].min() < 0.62
    assert accuracy(accuracy_of, given, given.split.test["later"]) > 0.65


@pytest.fixture(scope="module")
def learnt(
    make_material: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Material, FittedModel, pd.DataFrame, Reports, Path]:
    """A fit with all its hooks, and the folder that it was given for TensorBoard and had no use for."""
    reports: list[EpochReport] = []
    progress: list[tuple[int, float]] = []
    log_dir = tmp_path_factory.mktemp("learnt") / "none"
    given = make_material(training={"epochs": 4, "learning_rate": 0.03, "tensorboard": False})
    model, history = fit(
        given,
        on_epoch=reports.append,
        on_progress=lambda *done: progress.append(done),
        log_dir=log_dir,
    )
    return given, model, history, (reports, progress), log_dir


def test_a_planted_lead_is_learnt_streaming(learnt) -> None:
    given, model, history, _, _ = learnt
    with_lead(model, history, given)


@pytest.fixture(scope="module")
def learnt_in_windows(
    make_material: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Material, FittedModel, pd.DataFrame, Path]:
    """A fit that is logged for TensorBoard, with histograms."""
    log_dir = tmp_path_factory.mktemp("windowed")
    windowed = {"form": "windowed", "batch_size": 64, "epochs": 2}
    given = make_material(training=windowed | {"tensorboard": True, "histograms": True})
    model, history = fit(given, log_dir=log_dir)
    return given, model, history, log_dir


def test_a_planted_lead_is_learnt_windowed(learnt_in_windows) -> None:
    given, model, history, _ = learnt_in_windows
    with_lead(model, history, given)


@pytest.mark.parametrize(
    ("sections", "share"),
    [
        (
            {
                "network": {
                    "output": "softmax",
                    "normalization": "batch",
                    "dropout": 0.2,
                    "dense": 4,
                },
                "training": {"schedule": "constant"},
            },
            lambda steps: 1,
        ),
        (
            {
                "training": {
                    "loss": "mse",
                    "optimizer": "rmsprop",
                    "schedule": "inverse_time",
                    "decay": 0.05,
                },
                "labels": {"balance": "none"},
                "features": {"columns": ["close_pct_change", "volume_pct_change"], "clip": 0},
            },
            lambda steps: 1 / (1 + 0.05 * steps),
        ),
        (
            {
                "training": {"loss": "mse", "schedule": "constant"},
                "network": {"output": "softmax"},
                "labels": {"ties": "up", "balance": "undersample"},
            },
            lambda steps: 1,
        ),
    ],
    ids=["published network", "mse rmsprop published features", "softmax mse undersample"],
)
def test_every_setting_trains(
    make_material: Make,
    sections: dict[str, dict[str, object]],
    share: Callable[[int], float],
) -> None:
    """The loss falls, and so does the rate where it should; that of a cosine is seen where Ctrl-C ends a fit."""
    given = make_material(**sections | {"training": sections["training"] | {"epochs": 2}})
    model, history = fit(given)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    proba = predict_proba(model, given.features).dropna()
    assert proba.between(0, 1).all()
    assert proba.std() > 0.01
    steps = int(model.network.optimizer.iterations)
    assert steps > 10
    rate = float(model.network.optimizer.learning_rate)
    assert rate == pytest.approx(0.01 * share(steps), rel=1e-3)


def test_history_and_reports_tell_the_same(learnt) -> None:
    _, _, history, (reports, progress), _ = learnt
    assert list(history.columns) == [
        "epoch",
        "loss",
        "val_loss",
        "val_accuracy",
        "seconds",
        "best",
        "interrupted",
    ]
    assert [report.val_loss for report in reports] == history["val_loss"].tolist()
    assert history["best"].sum() == 1
    assert (
        history["epoch"][history["best"]].item() == history["epoch"][history["val_loss"].idxmin()]
    )
    assert not history["interrupted"].any()
    assert str(reports[0]).startswith("epoch 1/4  loss 0.")
    assert progress[0][0] == 1
    assert 0 < progress[0][1] < 1
    assert [done for epoch, done in progress if epoch == 2] == sorted(
        done for epoch, done in progress if epoch == 2
    )
    assert progress[-1] == (4, 1.0)


def test_tensorboard_logs_nothing_where_it_is_not_asked_for(learnt) -> None:
    assert not learnt[-1].exists()


def contrary(given: Material) -> Material:
    """The same, with every validation label turned round: the more is learnt, the worse the validation loss."""
    labels, rows = given.labels.copy(), given.split.validation
    labels.iloc[rows, 0] = 1 - labels["label"].iloc[rows]
    labels.iloc[rows, 1] = -labels["move"].iloc[rows]
    return Material(given.features, labels, given.split, given.config)


def test_best_epoch_is_kept_and_patience_stops_early(make_material: Make) -> None:
    given = contrary(make_material(training={"epochs": 30, "patience": 2}))
    model, history = fit(given)
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["best"].tolist() == [True, False, False]
    assert accuracy(model, given, given.split.validation) == pytest.approx(
        history["val_accuracy"].iloc[0]
    )
    assert history["val_accuracy"].iloc[0] > history["val_accuracy"].iloc[2] + 0.01


def test_averaging_changes_the_model_but_not_the_training(make_material: Make) -> None:
    """Each epoch is one step, so that the first average is the weights after it, and the second is another."""
    one_step = {"epochs": 3, "batch_size": 1000}
    (plain, history), (averaged, mean) = (
        fit(make_material(training=one_step | {"averaging": keep})) for keep in (0.0, 0.9)
    )
    assert history["loss"].tolist() == mean["loss"].tolist()
    assert history["loss"].is_unique, "nothing was trained"
    assert history["val_loss"][0] == mean["val_loss"][0], (
        "the start, which is random, has no part in the average"
    )
    assert (history["val_loss"][1:] != mean["val_loss"][1:]).all()
    assert history["best"].tolist() == mean["best"].tolist() == [False, False, True]
    assert fingerprint(plain.network.get_weights()) != fingerprint(averaged.network.get_weights())


def test_average_by_hand() -> None:
    average = [np.array([0.0, 8.0], dtype=np.float32)]
    move_average(average, [np.array([4.0, 4.0], dtype=np.float32)], share=0.25)
    assert average[0].tolist() == [1.0, 7.0]


@pytest.fixture(scope="module")
def once(make_material: Make) -> tuple[Material, FittedModel]:
    given = make_material(training={"epochs": 1}, network={"dropout": 0.2})
    return given, fit(given)[0]


def test_nothing_outside_the_train_rows_reaches_the_fit(once: tuple[Material, FittedModel]) -> None:
    """Other purged and validation rows, and test rows full of NaN, change neither the scaler nor a weight."""
    given, model = once
    features, labels = given.features.copy(), given.labels.copy()
    outside = slice(given.split.train.stop, None)
    features.iloc[outside] = (
        np.random.default_rng(0).standard_normal(features.iloc[outside].shape) * 100
    )
    labels.iloc[outside, 0] = 1 - labels["label"].iloc[outside]
    features.iloc[given.split.validation.stop :] = np.nan
    other, _ = fit(Material(features, labels, given.split, given.config))
    assert other.scaler == model.scaler
    assert fingerprint(other.network.get_weights()) == fingerprint(model.network.get_weights())


FIT_ALONE = """
import sys
from cryptonn.learning.training import fit_model
from small_market import fingerprint, material, small_config, small_frame
config = small_config(training={"epochs": 1}, network={"dropout": 0.2})
given = material(config, small_frame())
model, _ = fit_model(given.features, given.labels, given.split, given.config)
print(fingerprint(model.network.get_weights()))
print([name for name in ("sklearn", "matplotlib", "IPython") if name in sys.modules])
import gc, sklearn, matplotlib
assert gc.isenabled()
"""


def test_same_seed_gives_the_same_weights_to_the_bit_in_another_process(
    once: tuple[Material, FittedModel],
) -> None:
    folders = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", FIT_ALONE],
        env=os.environ | {"PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "importing and training must not chatter"
    said, loaded = done.stdout.splitlines()
    assert said == fingerprint(once[1].network.get_weights())
    assert loaded == "[]", (
        "Keras was loaded with what it needs for wrappers, galleries and notebooks"
    )


def test_another_seed_gives_other_weights_and_the_log_none_of_them(
    once: tuple[Material, FittedModel], tmp_path: Path
) -> None:
    """Logged for TensorBoard, but without histograms."""
    given, model = once
    training = given.config.training.model_copy(update={"tensorboard": True, "histograms": False})
    config = given.config.model_copy(update={"seed": 2, "training": training})
    other, _ = fit(Material(given.features, given.labels, given.split, config), log_dir=tmp_path)
    assert fingerprint(other.network.get_weights()) != fingerprint(model.network.get_weights())
    assert histograms_in(tmp_path) == []


def histograms_in(log_dir: Path) -> list[list[TensorEvent]]:
    """What was logged of each array of weights, epoch by epoch."""
    file = next((log_dir / "train").glob("events.*"))
    events = EventAccumulator(str(file), size_guidance={"tensors": 0})
    events.Reload()
    kinds = {
        tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in events.Tags()["tensors"]
    }
    assert kinds["epoch_loss"] == "scalars"
    return [events.Tensors(tag) for tag, kind in kinds.items() if kind == "histograms"]


def test_ctrl_c_keeps_the_best_epoch_so_far(make_material: Make) -> None:
    """And the rate of a cosine has fallen by then as far as it should over all epochs, step by step."""
    steps: list[int] = []

    def interrupt(epoch: int, done: float) -> None:
        steps.append(epoch)
        if epoch == 3 and done > 0.5:
            signal.raise_signal(signal.SIGINT)

    given = make_material(training={"epochs": 5, "schedule": "cosine"})
    model, history = fit(given, on_progress=interrupt)
    assert history["interrupted"].tolist() == [False, True]
    assert accuracy(model, given, given.split.validation) == pytest.approx(
        history.loc[history["best"], "val_accuracy"].item()
    )
    optimizer, share = model.network.optimizer, len(steps) / (5 * steps.count(1))
    assert steps.count(1) > 5 and 0.5 < share < 0.6
    assert int(optimizer.iterations) == len(steps)
    assert float(optimizer.learning_rate) == pytest.approx(
        0.01 * (1 + np.cos(np.pi * share)) / 2, rel=1e-3
    )


def test_ctrl_c_before_the_first_epoch_leaves_no_model(make_material: Make) -> None:
    def interrupt(epoch: int, done: float) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(ModelError, match="interrupted before its first epoch was done"):
        fit(make_material(), on_progress=interrupt)


def test_a_loss_that_is_not_finite_asks_for_no_clip_where_none_may_be_set(
    make_material: Make,
) -> None:
    """Where one may be, it does: see ``test_regression_fit.py``."""
    given = make_material(
        training={"learning_rate": 1e38}, features={"columns": ["volume"], "clip": 0}
    )
    said = r"the loss is nan at step \d+ of epoch 1\. Lower training\.learning_rate \(1e\+38\)\.$"
    with pytest.raises(ModelError, match=said):
        fit(given)


def test_too_few_train_rows(make_material: Make) -> None:
    with pytest.raises(DataError, match=r"train rows.*lookback of 5,000"):
        make_material(training={"lookback": 5000})
    given = make_material()
    config = small_config(training={"lookback": 5000})
    with pytest.raises(
        DataError, match=r"train rows with features are too few: a lookback of 5,000 bars"
    ):
        fit(Material(given.features, given.labels, given.split, config))


def test_constant_label(make_material: Make) -> None:
    given = make_material()
    with pytest.raises(DataError, match="constant label"):
        fit(Material(given.features, given.labels.assign(label=1.0), given.split, given.config))


def test_validation_without_a_label(make_material: Make) -> None:
    given = make_material()
    labels = given.labels.copy()
    labels.iloc[given.split.validation, 0] = np.nan
    with pytest.raises(DataError, match=r"none of the 933 validation rows .* has a label"):
        fit(Material(given.features, labels, given.split, given.config))


def test_constant_and_missing_features(make_material: Make) -> None:
    given = make_material()
    name = str(given.features.columns[1])
    constant = given.features.assign(**{name: 1.0})
    with pytest.raises(DataError, match=f"constant over the .* train rows .* feature '{name}'"):
        fit(Material(constant, given.labels, given.split, given.config))
    hole = given.features.copy()
    hole.iloc[1234, 1] = np.nan
    with pytest.raises(DataError, match=f"feature '{name}' is nan at 2018-01-02 14:34"):
        fit(Material(hole, given.labels, given.split, given.config))


def test_weights_are_logged_as_histograms_after_each_epoch(learnt_in_windows) -> None:
    _, model, _, log_dir = learnt_in_windows
    weights = model.network.get_weights()
    found = histograms_in(log_dir)
    assert len(found) == len(weights) == 7
    counts = [tensor_util.make_ndarray(written[1].tensor_proto)[:, 2].sum() for written in found]
    assert sorted(counts) == sorted(array.size for array in weights)
    assert all([written.step for written in histogram] == [1, 2] for histogram in found)
