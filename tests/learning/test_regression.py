"""How a regression's number is read: as a move, a price, an interval and a probability."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cryptonn.errors import DataError, ModelError
from cryptonn.learning.labels import later_close, make_labels
from cryptonn.learning.regression import FURTHEST, Regression, cut_words, fit_regression, targets_of

CLOSE = pd.Series(
    [100.0, 110.0, 99.0, 99.0, 120.0],
    index=pd.date_range("2018-01-01", periods=5, freq="D", tz="UTC"),
    name="close",
)
LABELS = make_labels(CLOSE, horizon=1)


def measured(kind: str = "return", *, error: float = 0.02) -> Regression:
    return Regression(kind, mean=0.001, std=0.03, error=error, low=-0.04, high=0.05)


# Target


def test_targets_are_the_move_or_the_later_close() -> None:
    moves, prices = targets_of(LABELS, None, kind="return"), targets_of(LABELS, CLOSE, kind="price")
    np.testing.assert_allclose(
        moves, [math.log(1.1), math.log(0.9), 0.0, math.log(120 / 99), np.nan]
    )
    np.testing.assert_allclose(prices, [110.0, 99.0, 99.0, 120.0, np.nan])
    np.testing.assert_allclose(prices, later_close(CLOSE, horizon=1))
    with pytest.raises(ModelError, match=r'labels\.kind = "price": give fit_model the closes'):
        targets_of(LABELS, None, kind="price")


def test_the_target_has_mean_0_and_deviation_1_over_the_rows_that_have_one() -> None:
    target = targets_of(LABELS, CLOSE, kind="price")
    fitted = fit_regression(target, kind="price")
    taught = fitted.standardised(target.to_numpy())
    assert np.nanmean(taught) == pytest.approx(0) and np.nanstd(taught) == pytest.approx(1)
    assert (fitted.mean, fitted.std) == (
        pytest.approx(107.0),
        pytest.approx(np.std([110, 99, 99, 120])),
    )
    assert math.isnan(fitted.error)


@pytest.mark.parametrize("kind", ["return", "price"])
def test_a_target_that_never_changes_is_refused(kind: str) -> None:
    still = pd.Series(7.0, index=CLOSE.index)
    target = targets_of(make_labels(still, horizon=1), still, kind=kind)
    with pytest.raises(
        DataError, match=f"constant target: the {kind} to predict is the same in all 4 train rows"
    ):
        fit_regression(target, kind=kind)


# Moves and prices


@pytest.mark.parametrize("kind", ["return", "price"])
def test_a_number_that_says_the_target_gives_the_move_and_the_later_price(kind: str) -> None:
    target = targets_of(LABELS, CLOSE, kind=kind)
    fitted = fit_regression(target, kind=kind)
    moves = fitted.moves(fitted.standardised(target.to_numpy()), close=CLOSE.to_numpy())
    np.testing.assert_allclose(moves, LABELS["move"], atol=1e-14)
    np.testing.assert_allclose(
        fitted.prices(moves, close=CLOSE.to_numpy()), later_close(CLOSE, horizon=1)
    )


def test_a_price_below_zero_counts_as_a_hundredth_of_the_close() -> None:
    """Its logarithm does not exist; the forecast must be low, not missing."""
    fitted = Regression("price", mean=10.0, std=5.0, error=0.1)
    close = np.full(4, 20.0)
    moves = fitted.moves(np.array([-2.0, -1000.0, 1e9, np.nan]), close=close)
    np.testing.assert_allclose(moves, [-FURTHEST, -FURTHEST, FURTHEST, np.nan])
    np.testing.assert_allclose(fitted.prices(moves, close=close), [0.2, 0.2, 2000.0, np.nan])
    assert fitted.proba(moves)[0] == 0.0 and fitted.proba(moves)[2] == 1.0


def test_a_return_out_of_this_world_is_cut_too() -> None:
    np.testing.assert_allclose(measured().moves(np.array([1e6, -1e6])), [FURTHEST, -FURTHEST])


def test_a_price_needs_the_closes() -> None:
    with pytest.raises(ModelError, match="give the closes"):
        measured("price").moves(np.array([0.0]))


def test_cut_forecasts_are_counted_in_words() -> None:
    table = pd.DataFrame({"close": [10.0, 10.0, 10.0], "predicted": [0.1, 11.0, np.nan]})
    assert cut_words(table.iloc[1:]) == []
    (words,) = cut_words(table)
    assert words.startswith(
        "1 of 3 forecasts lay below a hundredth or above the hundredfold of the price"
    )


# Probability and interval


@given(st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=20, unique=True))
def test_sign_and_order_of_the_moves_stay(values: list[float]) -> None:
    moves = np.sort(np.array(values))
    proba = measured(error=0.05).proba(moves)
    assert ((proba >= 0) & (proba <= 1)).all()
    assert (np.diff(proba) >= 0).all()
    far = np.diff(moves) > 1e-4  # beside 1, two near numbers may round to the same
    assert (np.diff(proba)[far] > 0).all()
    assert ((proba > 0.5) == (moves > 0))[np.abs(moves) > 1e-9].all()


def test_the_probability_is_the_normal_distribution_of_move_over_error() -> None:
    moves = np.array([-0.05, -0.01, 0.0, 0.01, 0.05, np.nan])
    np.testing.assert_allclose(
        measured(error=0.02).proba(moves), norm.cdf(moves / 0.02), rtol=1e-13
    )


def test_the_error_is_that_of_the_known_rows() -> None:
    errors = np.random.default_rng(0).normal(0.001, 0.02, 5000)
    found = measured().measured(np.concatenate([errors, [np.nan]]))
    assert found.error == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert (found.low, found.high) == tuple(
        pytest.approx(value) for value in np.quantile(errors, [0.025, 0.975])
    )
    assert (found.kind, found.mean, found.std) == ("return", 0.001, 0.03)


def test_a_bias_makes_the_probability_less_sure() -> None:
    """A network that always says 3 % too much was as sure of an up as one without a bias."""
    errors = np.random.default_rng(0).normal(0, 0.01, 5000)
    fair, biased = measured().measured(errors), measured().measured(errors - 0.03)
    assert biased.error == pytest.approx(np.hypot(0.03, 0.01), rel=0.01)
    assert fair.proba(np.array([0.02]))[0] > 0.97 and biased.proba(np.array([0.02]))[0] < 0.75


def test_the_interval_held_95_of_100_validation_prices() -> None:
    """Skewed errors: the interval is not symmetric and still holds as many."""
    rng = np.random.default_rng(1)
    close, moves = np.full(4000, 50.0), rng.normal(0, 0.01, 4000)
    errors = 0.02 * (rng.exponential(size=4000) - 1)
    fitted = measured().measured(errors)
    actual, predicted = close * np.exp(moves + errors), fitted.prices(moves, close=close)
    low, high = np.array([fitted.interval(price) for price in predicted]).T
    assert ((actual >= low) & (actual <= high)).mean() == pytest.approx(0.95, abs=0.001)
    assert (high - predicted).mean() > 1.5 * (predicted - low).mean()


@pytest.mark.parametrize("errors", [[], [0.1], [0.1, np.nan], [0.1, 0.1, 0.1], [0.0, 0.0]])
def test_errors_that_give_no_scale_are_refused(errors: list[float]) -> None:
    with pytest.raises(
        DataError, match="errors of the forecast do not vary over the . validation rows"
    ):
        measured().measured(np.array(errors))
