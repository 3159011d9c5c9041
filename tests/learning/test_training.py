"""Fits on a small market: what is learnt, what must not matter, and what bad input gets."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_market import Material, small_config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from cryptonn.errors import DataError, ModelError
from cryptonn.learning.fitting import EpochReport, move_average
from cryptonn.learning.prediction import FittedModel, predict_proba
from cryptonn.learning.training import fit_model

Make = Callable[..., Material]


def fit(given: Material, **hooks: object) -> tuple[FittedModel, pd.DataFrame]:
    return fit_model(given.features, given.labels, given.split, given.config, **hooks)  # type: ignore[arg-type]


def fingerprint(model: FittedModel) -> str:
    return hashlib.sha256(
        b"".join(weights.tobytes() for weights in model.network.get_weights())
    ).hexdigest()


def accuracy(model: FittedModel, given: Material, rows: slice) -> float:
    proba = predict_proba(model, given.features).iloc[rows]
    move = given.labels["move"].iloc[rows]
    moved = move.notna() & (move != 0) & proba.notna()
    return float(((proba > 0.5) == (move > 0))[moved].mean())


@pytest.mark.parametrize("form", ["streaming", "windowed"])
def test_a_planted_lead_is_learnt(make_material: Make, form: str) -> None:
    size = {"streaming": 8, "windowed": 64}[form]
    given = make_material(
        training={"form": form, "batch_size": size, "epochs": {"streaming": 8, "windowed": 2}[form]}
    )
    model, history = fit(given)
    assert history["val_loss"].min() < 0.62
    assert accuracy(model, given, given.split.test["later"]) > 0.65


@pytest.mark.parametrize(
    "sections",
    [
        {"network": {"output": "softmax", "normalization": "batch", "dropout": 0.2, "dense": 4}},
        {
            "training": {
                "loss": "mse",
                "optimizer": "rmsprop",
                "schedule": "inverse_time",
                "decay": 0.001,
            }
        },
        {
            "training": {"loss": "mse", "schedule": "constant"},
            "network": {"output": "softmax"},
            "labels": {"ties": "up", "balance": "undersample"},
        },
        {
            "labels": {"balance": "none"},
            "features": {"columns": ["close_pct_change", "volume_pct_change"], "clip": 0},
        },
    ],
    ids=["published network", "mse rmsprop", "softmax mse undersample", "published features"],
)
def test_every_setting_trains(make_material: Make, sections: dict[str, dict[str, object]]) -> None:
    given = make_material(**sections)
    model, history = fit(given)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    proba = predict_proba(model, given.features).dropna()
    assert proba.between(0, 1).all()
    assert proba.std() > 0.01


def test_history_and_reports_tell_the_same(make_material: Make) -> None:
    reports: list[EpochReport] = []
    progress: list[tuple[int, float]] = []
    _, history = fit(
        make_material(), on_epoch=reports.append, on_progress=lambda *done: progress.append(done)
    )
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
    assert str(reports[0]).startswith("epoch 1/3  loss 0.")
    assert progress[0][0] == 1
    assert 0 < progress[0][1] < 1
    assert [done for epoch, done in progress if epoch == 2] == sorted(
        done for epoch, done in progress if epoch == 2
    )
    assert progress[-1] == (3, 1.0)


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
    plain, averaged = (
        fit(make_material(training={"epochs": 2, "averaging": keep})) for keep in (0.0, 0.9)
    )
    assert plain[1]["loss"].tolist() == averaged[1]["loss"].tolist()
    assert fingerprint(plain[0]) != fingerprint(averaged[0])
    one_step = {"epochs": 1, "batch_size": 1000}
    first, mean = (
        fit(make_material(training=one_step | {"averaging": keep}))[0] for keep in (0.0, 0.9)
    )
    assert fingerprint(first) == fingerprint(mean), (
        "the start, which is random, has no part in the average"
    )


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
    assert fingerprint(other) == fingerprint(model)


FIT_ALONE = """
import sys
from small_market import material, small_config, small_frame
from test_training import fingerprint, fit
config = small_config(training={"epochs": 1}, network={"dropout": 0.2})
print(fingerprint(fit(material(config, small_frame()))[0]))
print([name for name in ("sklearn", "matplotlib", "IPython") if name in sys.modules])
import gc, sklearn.linear_model, matplotlib.pyplot
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
    assert said == fingerprint(once[1])
    assert loaded == "[]", (
        "Keras was loaded with what it needs for wrappers, galleries and notebooks"
    )


def test_another_seed_gives_other_weights(once: tuple[Material, FittedModel]) -> None:
    given, model = once
    config = given.config.model_copy(update={"seed": 2})
    other, _ = fit(Material(given.features, given.labels, given.split, config))
    assert fingerprint(other) != fingerprint(model)


def test_ctrl_c_keeps_the_best_epoch_so_far(make_material: Make) -> None:
    def interrupt(epoch: int, done: float) -> None:
        if epoch == 3 and done > 0.5:
            signal.raise_signal(signal.SIGINT)

    given = make_material(training={"epochs": 50, "schedule": "constant"})
    model, history = fit(given, on_progress=interrupt)
    assert history["interrupted"].tolist() == [False, True]
    assert accuracy(model, given, given.split.validation) == pytest.approx(
        history.loc[history["best"], "val_accuracy"].item()
    )


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        ({"schedule": "inverse_time", "decay": 0.5}, lambda steps: 1 / (1 + 0.5 * steps)),
        ({"schedule": "cosine"}, lambda steps: 0.5),
    ],
    ids=lambda value: value.get("schedule") if isinstance(value, dict) else "",
)
def test_the_rate_falls_step_by_step_and_over_all_epochs(
    make_material: Make, schedule: dict[str, object], share: Callable[[int], float]
) -> None:
    """Halfway: after two epochs of four, whose steps the optimizer has counted."""

    def interrupt(epoch: int, done: float) -> None:
        if (epoch, done) == (2, 1.0):
            signal.raise_signal(signal.SIGINT)

    given = make_material(training={"epochs": 4, "learning_rate": 0.01, **schedule})
    network = fit(given, on_progress=interrupt)[0].network
    steps = int(network.optimizer.iterations)
    assert steps > 10
    assert float(network.optimizer.learning_rate) == pytest.approx(0.01 * share(steps), rel=1e-3)


def test_ctrl_c_before_the_first_epoch_leaves_no_model(make_material: Make) -> None:
    def interrupt(epoch: int, done: float) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(ModelError, match="interrupted before its first epoch was done"):
        fit(make_material(), on_progress=interrupt)


def test_a_loss_that_is_not_finite_asks_for_a_clip_only_where_one_may_be_set(
    make_material: Make,
) -> None:
    said = r"the loss is nan at step \d+ of epoch 1\. Lower training\.learning_rate"
    for columns, asked in ((["log_return"], True), (["volume"], False)):
        given = make_material(
            training={"learning_rate": 1e38}, features={"columns": columns, "clip": 0}
        )
        with pytest.raises(ModelError, match=said) as caught:
            fit(given)
        assert ("or set features.clip" in str(caught.value)) == asked


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


def test_tensorboard_logs_nothing_where_it_is_not_asked_for(
    make_material: Make, tmp_path: Path
) -> None:
    fit(make_material(training={"epochs": 1, "tensorboard": False}), log_dir=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_weights_are_logged_as_histograms_after_each_epoch(
    make_material: Make, tmp_path: Path
) -> None:
    found = {}
    for histograms in (True, False):
        training = {"epochs": 2, "tensorboard": True, "histograms": histograms}
        folder = tmp_path / str(histograms)
        network = fit(make_material(training=training), log_dir=folder)[0].network
        events = EventAccumulator(
            str(next((folder / "train").glob("events.*"))), size_guidance={"tensors": 0}
        )
        events.Reload()
        kinds = {
            tag: events.SummaryMetadata(tag).plugin_data.plugin_name
            for tag in events.Tags()["tensors"]
        }
        assert kinds["epoch_loss"] == "scalars"
        found[histograms] = [
            events.Tensors(tag) for tag, kind in kinds.items() if kind == "histograms"
        ]
    assert found[False] == []
    assert len(found[True]) == len(network.get_weights()) == 7
    counts = [
        tensor_util.make_ndarray(written[1].tensor_proto)[:, 2].sum() for written in found[True]
    ]
    assert sorted(counts) == sorted(weights.size for weights in network.get_weights())
    assert all([written.step for written in histogram] == [1, 2] for histogram in found[True])
