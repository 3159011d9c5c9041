import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import DataError
from cryptonn.learning.scaling import fit_scaler, warm_up
from cryptonn.settings import FeaturesConfig


def table(**columns: list[float]) -> pd.DataFrame:
    index = pd.date_range(
        "2018-01-01", periods=len(next(iter(columns.values()))), freq="min", tz="UTC"
    )
    return pd.DataFrame(columns, index=index, dtype=np.float64)


def test_mean_zero_deviation_one_on_the_rows_it_was_fitted_on() -> None:
    features = table(a=[np.nan, 1, 2, 3, 4], b=[np.nan, 10, 10, 10, 50])
    scaled = fit_scaler(features, clip=0).scale(features)
    assert scaled.dtype == np.float32
    assert np.isnan(scaled[0]).all()
    assert scaled[1:].mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert scaled[1:].std(axis=0) == pytest.approx([1, 1], abs=1e-6)


def test_clip_is_in_deviations_and_zero_cuts_nothing() -> None:
    train, later = table(a=[-1, 1]), table(a=[-9, 0.5])
    assert fit_scaler(train, clip=5).scale(later)[:, 0].tolist() == [-5, 0.5]
    assert fit_scaler(train, clip=0).scale(later)[:, 0].tolist() == [-9, 0.5]


def test_argument_is_not_changed() -> None:
    features = table(a=[1.0, 2.0, 100.0])
    before = features.copy()
    fit_scaler(features, clip=1).scale(features)
    pd.testing.assert_frame_equal(features, before)


def test_constant_feature_is_named() -> None:
    with pytest.raises(
        DataError, match=r"constant over the 3 train rows from .*: feature 'b'\. Take it out of"
    ):
        fit_scaler(table(a=[1, 2, 3], b=[7, 7, 7]), clip=5)


def test_all_constant_features_are_named_at_once() -> None:
    """As with ta = ["all"], where a band may never be touched in a short train range."""
    with pytest.raises(
        DataError,
        match=r"feature .b., .c.\. Take it out of .* \(in place of ta = .*, name the columns",
    ):
        fit_scaler(table(a=[1, 2, 3], b=[7, 7, 7], c=[0, 0, 0]), clip=5)


def test_prices_are_not_clipped_under_window_scaling() -> None:
    assert FeaturesConfig(clip=5).limit == 5
    assert FeaturesConfig(clip=5, scaling="window").limit == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_hole_is_named_with_its_time(value: float) -> None:
    features = table(a=[np.nan, 1, 2, 3], b=[np.nan, 5, value, 6])
    with pytest.raises(
        DataError, match=r"feature 'b' is -?(nan|inf) at 2018-01-01 00:02:00\+00:00 \(1 such"
    ):
        fit_scaler(features, clip=5)


def test_infinity_in_the_first_row_is_no_warm_up() -> None:
    with pytest.raises(DataError, match="feature 'a' is inf at 2018-01-01 00:00"):
        warm_up(table(a=[np.inf, 1, 2]))


def test_warm_up_is_that_of_the_slowest_column() -> None:
    assert warm_up(table(a=[np.nan, 1, 2, 3], b=[np.nan, np.nan, np.nan, 1])) == 3
    assert warm_up(table(a=[1, 2])) == 0


def test_no_value_at_all() -> None:
    with pytest.raises(DataError, match="b: no value in any of the 2 rows"):
        warm_up(table(a=[1, 2], b=[np.nan, np.nan]))
