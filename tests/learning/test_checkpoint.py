"""A fit that was stopped goes on after its newest epoch and comes to the weights of one that was not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cryptonn.learning import fitting
from cryptonn.learning.checkpoint import Checkpoint
from cryptonn.learning.fitting import EpochReport
from cryptonn.learning.prediction import FittedModel
from cryptonn.learning.training import Hooks, fit_model
from cryptonn.market.candles import Frame
from tests.learning.small_market import Material, material, small_config, small_frame

OTHER_SETTINGS: dict[str, dict[str, Any]] = {
    "network": {"normalization": "batch", "dense": [4], "dense_dropout": 0.2},
    "training": {
        **{"form": "windowed", "averaging": 0.0, "batch_size": 256, "epochs": 2},
        **{"optimizer": "rmsprop", "schedule": "cosine"},
    },
}
"""All that ``three_epochs()`` has otherwise: streaming, averaged weights, layer normalization, Adam at one rate."""


class Killed(BaseException):
    """As if the process had ended here."""


@dataclass
class Fit:
    """What a fit came to, and what it was seen to do."""

    model: FittedModel
    history: pd.DataFrame
    trained: list[int]
    """The epochs that were trained, not only told of."""
    told: list[EpochReport]
    checkpoint: Checkpoint | None


def fitted(rows: Material, path: Path | None, *, until: int | None = None) -> Fit:
    """Fit, killed at the first step after the epoch ``until``; where that was the last, when it has ended."""
    steps: list[int] = []
    told: list[EpochReport] = []

    def on_progress(epoch: int, _: float) -> None:
        if until is not None and epoch > until:
            raise Killed
        steps.append(epoch)

    checkpoint = Checkpoint(path) if path else None
    hooks = Hooks(told.append, on_progress, checkpoint=checkpoint)
    model, history = fit_model(rows.features, rows.labels, rows.split, rows.config, hooks=hooks)
    if until is not None:
        raise Killed
    return Fit(model, history, sorted(set(steps)), told, checkpoint)


@cache
def market() -> Frame:
    return small_frame(3500)


def three_epochs(**changed: Any) -> Material:
    config = small_config(
        data={"train": "20180101-20180104", "test": {"later": "20180104-20180201"}},
        training=changed.get("training", {}),
        network={"dropout": 0.3} | changed.get("network", {}),
    )
    return material(config.model_copy(update={"seed": changed.get("seed", 1)}), market())


@dataclass
class Killing:
    """One fit undisturbed, and one killed after the first epoch, after the second, and when the last had ended."""

    whole: Fit
    resumed: Fit
    """From after the second epoch on."""
    left: dict[int, bytes]
    """What stood in the file after each epoch."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killing:
    path = tmp_path_factory.mktemp("killed") / "fit.npz"
    left = {}
    for until in (1, 2):
        with pytest.raises(Killed):
            fitted(three_epochs(), path, until=until)
        left[until] = path.read_bytes()
    resumed = fitted(three_epochs(), path)
    return Killing(fitted(three_epochs(), None), resumed, left | {3: path.read_bytes()})


def assert_equal(one: FittedModel, other: FittedModel) -> None:
    pairs = list(zip(one.network.get_weights(), other.network.get_weights(), strict=True))
    assert pairs and all(np.array_equal(*pair) for pair in pairs)


def assert_same_fit(one: Fit, other: Fit) -> None:
    assert_equal(one.model, other.model)
    pd.testing.assert_frame_equal(
        one.history.drop(columns="seconds"), other.history.drop(columns="seconds")
    )


def test_killed_after_an_epoch_it_goes_on_to_the_same_weights(killed: Killing) -> None:
    assert killed.whole.trained == [1, 2, 3]
    assert killed.resumed.trained == [3], "an epoch was trained twice, or not at all"
    assert_same_fit(killed.resumed, killed.whole)


def test_killed_when_the_last_epoch_has_ended_nothing_is_trained(
    killed: Killing, tmp_path: Path
) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(killed.left[3])
    again = fitted(three_epochs(), path)
    assert again.trained == []
    assert_same_fit(again, killed.whole)


def test_killed_under_other_settings_too(tmp_path: Path) -> None:
    rows, path = three_epochs(**OTHER_SETTINGS), tmp_path / "fit.npz"
    with pytest.raises(Killed):
        fitted(rows, path, until=1)
    resumed = fitted(rows, path)
    assert resumed.trained == [2]
    assert_same_fit(resumed, fitted(rows, None))


def test_the_earlier_epochs_are_told_of_again_and_their_time_is_known(killed: Killing) -> None:
    resumed = killed.resumed
    assert resumed.checkpoint is not None
    assert [report.epoch for report in resumed.told] == [1, 2, 3]
    assert resumed.checkpoint.seconds > 0
    assert resumed.checkpoint.seconds == pytest.approx(resumed.history["seconds"][:2].sum())


def first_epoch(rows: Material, path: Path) -> int:
    """Which epoch a fit begins with that may go on from a file; it is killed before its first step."""
    begun: list[int] = []

    def begin(*given: Any) -> None:
        begun.append(given[3])
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fitting, "_train_epoch", begin)
        hooks = Hooks(checkpoint=Checkpoint(path))
        fit_model(rows.features, rows.labels, rows.split, rows.config, hooks=hooks)
    return begun[0]


def test_a_fit_that_goes_on_begins_where_the_file_ends(killed: Killing, tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    assert first_epoch(three_epochs(), path) == 1
    path.write_bytes(killed.left[2])
    assert first_epoch(three_epochs(), path) == 3


@pytest.mark.parametrize("change", [{"seed": 2}, {"training": {"learning_rate": 0.02}}], ids=str)
def test_the_file_of_another_configuration_is_as_good_as_none(
    change: dict[str, Any], killed: Killing, tmp_path: Path
) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(killed.left[2])
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
    other: Callable[[Material], Material], killed: Killing, tmp_path: Path
) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(killed.left[2])
    assert first_epoch(other(three_epochs()), path) == 1


def test_a_file_that_does_not_fit_leaves_no_trace(killed: Killing, tmp_path: Path) -> None:
    """What it held was tried on the validation rows; the train rows are the same, and so are the losses on them."""
    path = tmp_path / "fit.npz"
    path.write_bytes(killed.left[2])
    found = fitted(other_validation(three_epochs()), path)
    assert found.trained == [1, 2, 3]
    assert found.history["loss"].tolist() == killed.whole.history["loss"].tolist()


@pytest.mark.parametrize(
    "content", [b"", b"half a file", b"PK\x03\x04 cut off"], ids=["empty", "text", "zip"]
)
def test_a_damaged_file_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    path.write_bytes(content)
    assert first_epoch(three_epochs(), path) == 1


def contrary(rows: Material) -> Material:
    """The same, with every validation label turned round: the more is learnt, the worse the validation loss."""
    labels, part = rows.labels.copy(), rows.split.validation
    labels.iloc[part, 0] = 1 - labels["label"].iloc[part]
    return replace(rows, labels=labels)


def test_patience_that_ended_the_fit_still_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    rows = contrary(three_epochs(training={"epochs": 30, "patience": 1}))
    first = fitted(rows, path)
    assert len(first.history) < 5
    again = fitted(rows, path)
    assert again.trained == []
    assert_same_fit(again, first)
