"""Intervals cover what they should, as often as they say; Sharpe corrections give the published numbers."""

import importlib
import math

import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import ConfigError
from cryptonn.evaluation.significance import (
    Interval,
    Moments,
    deflated_sharpe,
    effective_sample_size,
    expected_maximum_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    ratio_interval,
    resample_days,
    return_intervals,
    wilson_interval,
)

GOLDEN = Moments(sharpe=2.5 / math.sqrt(250), skew=-3.0, kurtosis=10.0, periods=1250)


def overlapping_hits(rng: np.random.Generator, *, rows: int, horizon: int) -> np.ndarray:
    """Always predict up on a random walk: a hit where the next ``horizon`` steps rise together (true share 1/2)."""
    steps = rng.normal(size=rows + horizon - 1)
    return (np.convolve(steps, np.ones(horizon), mode="valid") > 0).astype(float)


def covers(found: Interval, value: float) -> bool:
    return found.low <= value <= found.high


def daily(values: np.ndarray) -> pd.Series:
    return pd.Series(values, index=pd.date_range("2019-01-01", periods=len(values), tz="UTC"))


class TestEffectiveSampleSize:
    def test_hits_without_overlap_count_in_full(self) -> None:
        hits = np.random.default_rng(1).integers(0, 2, 10_000)
        assert effective_sample_size(hits, horizon=1) == 10_000

    def test_overlap_of_a_random_walk_has_the_arcsine_correlations(self) -> None:
        hits = overlapping_hits(np.random.default_rng(2), rows=400_000, horizon=5)
        rho = sum(2 / math.pi * math.asin((5 - k) / 5) for k in range(1, 5))
        assert effective_sample_size(hits, horizon=5) == pytest.approx(
            400_000 / (1 + 2 * rho), rel=0.02
        )

    def test_never_above_the_rows_even_with_alternating_hits(self) -> None:
        assert effective_sample_size(np.tile([1.0, 0.0], 500), horizon=5) <= 1000
        assert effective_sample_size(np.tile([1.0, 0.0], 500), horizon=2) == 1000

    def test_at_least_rows_over_horizon(self) -> None:
        assert effective_sample_size(np.repeat([1.0, 0.0], 500), horizon=5) == 200

    def test_constant_hits_take_the_most_cautious_count(self) -> None:
        assert effective_sample_size(np.ones(100), horizon=5) == 20

    def test_rows_that_do_not_count_keep_their_place(self) -> None:
        """Every fifth bar alone shares no bar with the next, so nothing overlaps; closed up they would look alike."""
        hits = overlapping_hits(np.random.default_rng(3), rows=50_000, horizon=5)
        sparse = np.full_like(hits, np.nan)
        sparse[::5] = hits[::5]
        assert effective_sample_size(sparse, horizon=5) == 10_000

    def test_labels_a_horizon_apart_share_no_bar_so_that_lag_does_not_count(self) -> None:
        """Centred 1 1 -1 -1 (halves): lag 1 correlates by 1/4 of the sum of squares, lag 2 by -1/2."""
        assert effective_sample_size([1, 1, 0, 0], horizon=1) == 4
        assert effective_sample_size([1, 1, 0, 0], horizon=2) == pytest.approx(4 / (1 + 2 * 0.25))

    def test_nothing_counted_is_zero(self) -> None:
        assert effective_sample_size(np.full(5, np.nan), horizon=5) == 0


class TestWilson:
    def test_equals_scipy(self) -> None:
        stats = importlib.import_module("scipy.stats")
        for hits, rows in ((0, 10), (7, 10), (10, 10), (550, 1000)):
            expected = stats.binomtest(hits, rows).proportion_ci(0.95, method="wilson")
            found = wilson_interval(hits / rows, rows=rows)
            assert (found.low, found.high) == pytest.approx(
                (expected.low, expected.high), abs=1e-12
            )

    def test_without_rows_it_says_so(self) -> None:
        found = wilson_interval(math.nan, rows=0)
        assert math.isnan(found.low)
        assert "no rows" in found.note

    def test_covers_95_percent_with_overlapping_labels_and_the_naive_count_does_not(self) -> None:
        rng = np.random.default_rng(4)
        honest = naive = 0
        for _ in range(600):
            hits = overlapping_hits(rng, rows=2000, horizon=5)
            honest += covers(
                wilson_interval(hits.mean(), rows=effective_sample_size(hits, horizon=5)), 0.5
            )
            naive += covers(wilson_interval(hits.mean(), rows=len(hits)), 0.5)
        assert 0.92 <= honest / 600 <= 0.98
        assert naive / 600 < 0.80


class TestBootstrap:
    def test_same_seed_same_days_other_seed_others(self) -> None:
        series = np.random.default_rng(5).normal(size=60)
        first, again, other = (resample_days(series, resamples=20, seed=seed) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        assert first.shape == (20, 60)

    def test_days_that_hang_together_are_drawn_in_longer_blocks(self) -> None:
        rng = np.random.default_rng(6)
        noise = rng.normal(size=400)
        persistent = pd.Series(noise).ewm(alpha=0.1).mean().to_numpy()
        runs = [
            np.mean(np.diff(resample_days(series, resamples=50, seed=1), axis=1) == 1)
            for series in (noise, persistent)
        ]
        assert runs[0] < 0.7
        assert runs[1] > 0.8

    @pytest.mark.parametrize("persistence", [0.0, 0.3])
    def test_mean_daily_return_is_covered(self, persistence: float) -> None:
        rng = np.random.default_rng(7)
        covered = 0
        for trial in range(200):
            shocks = rng.normal(scale=0.02, size=220)
            values = np.empty_like(shocks)
            values[0] = shocks[0]
            for day in range(1, len(shocks)):
                values[day] = persistence * values[day - 1] + shocks[day]
            found = ratio_interval(values[40:] + 0.001, np.ones(180), resamples=300, seed=trial)
            covered += covers(found, 0.001)
        assert 0.87 <= covered / 200 <= 0.99

    def test_ratio_is_covered_with_days_of_uneven_turnover(self) -> None:
        rng = np.random.default_rng(8)
        covered = 0
        for trial in range(200):
            traded = rng.gamma(2.0, 10.0, size=180)
            gross = 0.0003 * traded + rng.normal(scale=0.0005, size=180) * np.sqrt(traded)
            covered += covers(ratio_interval(gross, traded, resamples=300, seed=trial), 0.0003)
        assert 0.90 <= covered / 200 <= 0.99

    def test_ratio_draws_both_sums_from_the_same_days(self) -> None:
        """Gross is exactly 3 bp of what was traded every day, so no resample may give anything else."""
        traded = np.random.default_rng(9).gamma(2.0, size=50)
        found = ratio_interval(
            0.0003 * traded + 1e-12 * np.arange(50), traded, resamples=200, seed=1
        )
        assert found.low == pytest.approx(0.0003, abs=1e-9)
        assert found.high == pytest.approx(0.0003, abs=1e-9)

    def test_a_constant_share_of_what_was_traded_moves_the_ratio_and_nothing_else(self) -> None:
        """Turnover hangs together for days, the ratio's own noise does not: blocks must follow the noise alone."""
        rng = np.random.default_rng(13)
        traded = np.exp(pd.Series(rng.normal(size=300)).ewm(alpha=0.05).mean().to_numpy())
        noise = rng.normal(scale=0.01, size=300)
        plain, shifted = (
            ratio_interval(noise + k * traded, traded, resamples=200, seed=1) for k in (0.0, 3.0)
        )
        assert (shifted.low - 3.0, shifted.high - 3.0) == pytest.approx(
            (plain.low, plain.high), abs=1e-9
        )

    def test_point_estimates_lie_inside(self) -> None:
        values = np.random.default_rng(10).normal(0.002, 0.01, size=200)
        found = return_intervals(daily(values), resamples=500, seed=1)
        assert covers(found["net_return"], np.prod(1 + values) - 1)
        assert covers(found["sharpe"], values.mean() / values.std(ddof=1) * math.sqrt(365))

    def test_few_days_give_a_plain_statement_instead_of_an_interval(self) -> None:
        found = return_intervals(daily(np.array([0.01, -0.02, 0.03])))["net_return"]
        assert math.isnan(found.low)
        assert found.note == "only 3 days: too few for an interval, which needs 10"
        assert "only 3 days" in ratio_interval([1, 2, 3], [1, 1, 1]).note

    def test_days_that_do_not_differ_are_stated(self) -> None:
        assert "do not differ" in return_intervals(daily(np.zeros(30)))["sharpe"].note

    def test_nothing_traded_is_stated(self) -> None:
        assert "nothing to divide by" in ratio_interval(np.zeros(30), np.zeros(30)).note

    def test_no_resamples_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="resamples = 0"):
            resample_days(np.arange(30.0), resamples=0, seed=1)

    def test_one_day_of_trading_among_many_warns_of_nothing(self) -> None:
        values = np.zeros(60)
        values[30] = 0.01
        assert return_intervals(daily(values), resamples=200)["net_return"].low == 0.0


class TestSharpe:
    def test_golden_numbers_of_the_paper(self) -> None:
        variance = 0.5 / 250
        assert expected_maximum_sharpe(trials=100, variance=variance) == pytest.approx(
            0.1132, abs=5e-5
        )
        assert deflated_sharpe(GOLDEN, trials=100, variance=variance) == pytest.approx(
            0.9004, abs=5e-5
        )
        assert minimum_track_record(GOLDEN) == pytest.approx(166.64, abs=5e-3)

    def test_track_record_of_minimum_length_is_just_significant(self) -> None:
        needed = minimum_track_record(GOLDEN)
        just = Moments(GOLDEN.sharpe, GOLDEN.skew, GOLDEN.kurtosis, round(needed))
        assert probabilistic_sharpe(just) == pytest.approx(0.95, abs=1e-3)

    def test_one_trial_deflates_nothing(self) -> None:
        assert deflated_sharpe(GOLDEN, trials=1, variance=0.002) == probabilistic_sharpe(GOLDEN)

    def test_trials_without_skill_vary_as_their_number_of_periods_says(self) -> None:
        """Their measured Sharpe ratios have the variance that is taken where it is not known, and the best of them
        is as good as expected."""
        rng, periods = np.random.default_rng(13), 250
        sharpes = np.array([moments(rng.normal(size=periods)).sharpe for _ in range(4000)])
        assert sharpes.var() == pytest.approx(1 / (periods - 1), rel=0.05)
        best = sharpes.reshape(100, 40).max(axis=1).mean()
        assert best == pytest.approx(
            expected_maximum_sharpe(trials=40, variance=1 / (periods - 1)), rel=0.05
        )
        assert deflated_sharpe(GOLDEN, trials=40) == deflated_sharpe(
            GOLDEN, trials=40, variance=1 / 1249
        )

    def test_a_single_return_has_no_deflated_sharpe_ratio(self) -> None:
        assert math.isnan(deflated_sharpe(moments([0.1]), trials=24))

    def test_a_losing_strategy_never_gets_a_track_record(self) -> None:
        assert minimum_track_record(Moments(-0.1, 0.0, 3.0, 100)) == math.inf

    def test_normal_returns_have_kurtosis_three_not_zero(self) -> None:
        found = moments(np.random.default_rng(11).normal(0.1, 1.0, size=200_000))
        assert found.kurtosis == pytest.approx(3.0, abs=0.05)
        assert found.skew == pytest.approx(0.0, abs=0.03)
        assert found.sharpe == pytest.approx(0.1, abs=0.01)

    def test_moments_equal_scipy(self) -> None:
        stats = importlib.import_module("scipy.stats")
        values = np.random.default_rng(12).gamma(2.0, size=500)
        found = moments(values)
        assert found.skew == pytest.approx(stats.skew(values))
        assert found.kurtosis == pytest.approx(stats.kurtosis(values, fisher=False))

    def test_constant_returns_are_undefined_not_an_error(self) -> None:
        found = moments(np.zeros(10))
        assert math.isnan(probabilistic_sharpe(found))
        assert math.isnan(minimum_track_record(found))

    def test_no_trials_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="trials = 0"):
            expected_maximum_sharpe(trials=0, variance=1.0)
