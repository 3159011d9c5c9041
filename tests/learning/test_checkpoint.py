"""A fit that was stopped goes on after its newest epoch and comes to the weights of one that was not."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cryptonn.learning import fitting
from cryptonn.learning.checkpoint import Checkpoint
from cryptonn.learning.prediction import FittedModel
from cryptonn.learning.training import fit_model
from tests.learning.small_market import Material, material, small_config, small_frame

SETTINGS: dict[str, dict[str, Any]] = {
    "streaming, averaged": {},
    "windowed, newest weights": {
        "training": {"form": "windowed", "averaging": 0.0, "batch_size": 256}
    },
    "batch normalization, rmsprop, a schedule": {
        "network": {"normalization": "batch", "dense": [4], "dense_dropout": 0.2},
        "training": {"optimizer": "rmsprop", "schedule": "cosine"},
    },
}


class Killed(BaseException):
    """As if the process had ended here."""


def fitted(
    rows: Material, path: Path | None, *, until: int | None = None
) -> tuple[FittedModel, pd.DataFrame, list[int]]:
    """Fit, killed at the first step after the epoch ``until``; also give the epochs that were trained, not only told.

    Where that was the last epoch it is killed when it has ended.
    """
    steps: list[int] = []

    def on_progress(epoch: int, _: float) -> None:
        if until is not None and epoch > until:
            raise Killed
        steps.append(epoch)

    model, history = fit_model(
        *(rows.features, rows.labels, rows.split, rows.config),
        on_progress=on_progress,
        checkpoint=Checkpoint(path) if path else None,
    )
    if until is not None:
        raise Killed
    return model, history, sorted(set(steps))


def three_epochs(**changed: Any) -> Material:
    config = small_config(
        training=changed.get("training", {}), network={"dropout": 0.3} | changed.get("network", {})
    )
    return material(config.model_copy(update={"seed": changed.get("seed", 1)}), small_frame())


@cache
def undisturbed(name: str) -> tuple[FittedModel, pd.DataFrame, list[int]]:
    return fitted(three_epochs(**SETTINGS[name]), None)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], bytes]:
    """What stands in the file after an epoch of ``three_epochs()``, where the fit is killed."""

    @cache
    def after(epoch: int) -> bytes:
        path = tmp_path_factory.mktemp("left") / "fit.npz"
        with pytest.raises(Killed):
            fitted(three_epochs(), path, until=epoch)
        return path.read_bytes()

    return after


def assert_equal(one: FittedModel, other: FittedModel) -> None:
    pairs = list(zip(one.network.get_weights(), other.network.get_weights(), strict=True))
    assert pairs and all(np.array_equal(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        ("streaming, averaged", (1, 2)),
        ("streaming, averaged", (3,)),
        ("windowed, newest weights", (1,)),
        ("batch normalization, rmsprop, a schedule", (2,)),
    ],
    ids=str,
)
def test_killed_after_an_epoch_it_goes_on_to_the_same_weights(
    name: str, kills: tuple[int, ...], tmp_path: Path
) -> None:
    rows, path = three_epochs(**SETTINGS[name]), tmp_path / "fit.npz"
    whole, history, trained = undisturbed(name)
    assert trained == [1, 2, 3]
    for until in kills:
        with pytest.raises(Killed):
            fitted(rows, path, until=until)
    model, resumed, trained = fitted(rows, path)
    assert trained == list(range(kills[-1] + 1, 4)), "an epoch was trained twice, or not at all"
    assert_equal(model, whole)
    pd.testing.assert_frame_equal(resumed.drop(columns="seconds"), history.drop(columns="seconds"))


def test_the_earlier_epochs_are_told_of_again_and_their_time_is_known(
    left: Callable[[int], bytes], tmp_path: Path
) -> None:
    rows, path, told = three_epochs(), tmp_path / "fit.npz", []
    path.write_bytes(left(2))
    checkpoint = Checkpoint(path)
    _, history = fit_model(
        rows.features,
        rows.labels,
        rows.split,
        rows.config,
        on_epoch=told.append,
        checkpoint=checkpoint,
    )
    assert [report.epoch for report in told] == [1, 2, 3]
    assert (
        checkpoint.seconds == pytest.approx(history["seconds"][:2].sum()) and checkpoint.seconds > 0
    )


def first_epoch(rows: Material, path: Path) -> int:
    """Which epoch a fit begins with that may go on from a file; it is killed before its first step."""
    begun: list[int] = []

    def begin(*given: Any) -> None:
        begun.append(given[3])
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fitting, "_train_epoch", begin)
        fit_model(
            *(rows.features, rows.labels, rows.split, rows.config), checkpoint=Checkpoint(path)
        )
    return begun[0]


def test_a_fit_that_goes_on_begins_where_the_file_ends(
    left: Callable[[int], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "fit.npz"
    assert first_epoch(three_epochs(), path) == 1
    path.write_bytes(left(2))
    assert first_epoch(three_epochs(), path) == 3


def test_a_file_that_does_not_fit_leaves_no_trace_in_the_weights(
    left: Callable[[int], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(left(2))
    other = three_epochs(seed=2)
    model, _, trained = fitted(other, path)
    assert trained == [1, 2, 3]
    assert_equal(model, fitted(other, None)[0])


@pytest.mark.parametrize("change", [{"seed": 2}, {"training": {"learning_rate": 0.02}}], ids=str)
def test_the_file_of_another_configuration_is_as_good_as_none(
    change: dict[str, Any], left: Callable[[int], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(left(2))
    assert first_epoch(three_epochs(**change), path) == 1


def other_validation(rows: Material) -> Material:
    """The same train rows; those of validation in another order, as other candles or other code would make them."""
    features, part = rows.features.copy(), rows.split.validation
    features.iloc[part] = features.iloc[part].to_numpy()[::-1]
    return replace(rows, features=features)


def other_train_rows(rows: Material) -> Material:
    features, part = rows.features.copy(), slice(100, rows.split.train.stop)  # after the warm-up
    features.iloc[part] = features.iloc[part].to_numpy()[::-1]
    return replace(rows, features=features)


@pytest.mark.parametrize("other", [other_validation, other_train_rows])
def test_the_file_of_other_rows_is_as_good_as_none(
    other: Callable[[Material], Material], left: Callable[[int], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(left(2))
    assert first_epoch(other(three_epochs()), path) == 1


@pytest.mark.parametrize(
    "content", [b"", b"half a file", b"PK\x03\x04 cut off"], ids=["empty", "text", "zip"]
)
def test_a_damaged_file_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(content)
    assert first_epoch(three_epochs(), path) == 1


def test_patience_that_ended_the_fit_still_ends_it(tmp_path: Path) -> None:
    rows, path = (
        three_epochs(training={"epochs": 30, "patience": 1, "learning_rate": 0.05}),
        tmp_path / "fit.npz",
    )
    model, history, _ = fitted(rows, path)
    assert len(history) < 30
    again, same, trained = fitted(rows, path)
    assert trained == [] and len(same) == len(history)
    assert_equal(again, model)
