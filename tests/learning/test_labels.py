import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import DataError
from cryptonn.learning.labels import (
    balance_weights,
    class_weights,
    make_labels,
    tie_share,
    undersample,
)

CLOSE = pd.Series([10.0, 11.0, 10.0, 11.0, 9.0, 9.0], name="close")


def test_label_is_the_direction_over_the_horizon() -> None:
    labels = make_labels(CLOSE, horizon=2)
    assert labels["label"].tolist()[2:4] == [0.0, 0.0]
    assert labels["move"].iloc[2] == pytest.approx(np.log(9 / 10))
    assert labels["tie"].tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize(("ties", "value"), [("up", 1.0), ("down", 0.0)])
def test_ties_are_what_one_asks_for(ties: str, value: float) -> None:
    assert make_labels(CLOSE, horizon=2, ties=ties)["label"].tolist()[:2] == [value, value]


def test_ties_are_out_by_default_and_their_share_is_told() -> None:
    labels = make_labels(CLOSE, horizon=2)
    assert labels["label"].isna().tolist() == [True, True, False, False, True, True]
    assert tie_share(labels) == 0.5


@pytest.mark.parametrize("ties", ["exclude", "up", "down"])
def test_last_rows_have_no_label(ties: str) -> None:
    labels = make_labels(CLOSE, horizon=4, ties=ties)
    assert labels["label"].iloc[-4:].isna().all()
    assert labels["move"].iloc[-4:].isna().all()
    assert not labels["tie"].iloc[-4:].any()


def test_closes_are_not_changed() -> None:
    before = CLOSE.copy()
    make_labels(CLOSE, horizon=1)
    pd.testing.assert_series_equal(CLOSE, before)


def test_weights_give_both_classes_the_same_total_and_mean_one() -> None:
    label = pd.Series([1.0, 0.0, 0.0, 0.0, np.nan])
    weights = balance_weights(label)
    assert weights.tolist() == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3, 0.0])
    assert weights[label.notna()].mean() == pytest.approx(1.0)
    assert balance_weights(label, balance="none").tolist() == [1, 1, 1, 1, 0]


def test_undersampling_keeps_as_many_of_each_and_is_seeded() -> None:
    rng = np.random.default_rng(0)
    label = pd.Series(np.where(rng.random(1000) < 0.7, 1.0, 0.0)).mask(rng.random(1000) < 0.1)
    weights = undersample(label, seed=5)
    kept = label[weights == 1]
    assert (kept == 1).sum() == (kept == 0).sum() == (label == 0).sum()
    assert weights[label.isna()].sum() == 0
    pd.testing.assert_series_equal(weights, undersample(label, seed=5))
    assert not weights.equals(undersample(label, seed=6))


@pytest.mark.parametrize("balance", ["weights", "undersample", "none"])
@pytest.mark.parametrize("label", [[1.0, 1.0, np.nan], [0.0, 0.0], [np.nan, np.nan]])
def test_constant_label_is_refused(label: list[float], balance: str) -> None:
    with pytest.raises(DataError, match="constant label"):
        balance_weights(pd.Series(label), balance=balance)


def test_class_weights_by_hand() -> None:
    assert class_weights(pd.Series([1.0, 1.0, 1.0, 0.0])) == (2.0, pytest.approx(2 / 3))
