"""Forecasts of a price beside persistence: the numbers by hand, the test's size, and the limiting cases."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cryptonn.errors import DataError
from cryptonn.evaluation.accuracy import assess
from cryptonn.evaluation.forecasts import (
    MEANINGS,
    assess_forecasts,
    forecast_sentence,
    share_inside,
)
from cryptonn.evaluation.significance import effective_sample_size, wilson_interval

NAN = math.nan


def table(close: object, predicted: object, actual: object) -> pd.DataFrame:
    columns = {"close": close, "predicted": predicted, "actual": actual}
    index = pd.date_range("2019-01-01", periods=len(np.asarray(close)), tz="UTC", name="time")
    return pd.DataFrame(
        {name: np.asarray(values, dtype=float) for name, values in columns.items()}, index=index
    )


def forecasts(
    *, rows: int, horizon: int, skill: float, noise: float = 0.01, seed: int = 1
) -> pd.DataFrame:
    """A random walk; the forecast knows ``skill`` of the move, and adds noise."""
    rng = np.random.default_rng(seed)
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows + horizon)))
    close, actual = price[:rows], price[horizon:]
    move = np.log(actual / close)
    return table(close, close * np.exp(skill * move + rng.normal(0, noise, rows)), actual)


def by_hand(loss: list[float], *, horizon: int) -> tuple[float, float]:
    """The statistic and its p-value as the two papers write them, sum by sum."""
    n, mean = len(loss), math.fsum(loss) / len(loss)
    gammas = [
        math.fsum((loss[t] - mean) * (loss[t - lag] - mean) for t in range(lag, n)) / n
        for lag in range(horizon)
    ]
    plain = mean / math.sqrt((gammas[0] + 2 * math.fsum(gammas[1:])) / n)
    corrected = plain * math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    return corrected, 2 * float(stats.t.sf(abs(corrected), df=n - 1))


class TestErrors:
    def test_a_table_by_hand(self) -> None:
        found = assess_forecasts(
            table([10, 10, 20, 20], [11, 12, 19, 26], [13, 12, 16, 20]), horizon=1
        )
        assert found["rows"] == 4
        assert found["rmse"] == pytest.approx(math.sqrt((4 + 0 + 9 + 36) / 4))
        assert found["mae"] == pytest.approx((2 + 0 + 3 + 6) / 4)
        assert found["rmse_persistence"] == pytest.approx(math.sqrt((9 + 4 + 16 + 0) / 4))
        assert found["mae_persistence"] == pytest.approx((3 + 2 + 4 + 0) / 4)
        assert found["rmse_ratio"] == pytest.approx(math.sqrt(49 / 29))
        assert (found["directions"], found["directional_accuracy"]) == (3, 1.0), (
            "the last price did not move"
        )
        assert found["base_rate_on_moves"] == pytest.approx(2 / 3)

    def test_each_number_has_a_meaning_and_stands_in_its_order(self) -> None:
        assert list(assess_forecasts(forecasts(rows=50, horizon=2, skill=0.1), horizon=2)) == list(
            MEANINGS
        )

    def test_a_row_without_forecast_or_price_is_not_counted(self) -> None:
        whole = table([10, 10, 20, 20], [11, 12, 19, 26], [13, 12, 16, 20])
        edges = table([9, 10, 10, 20, 20, 20], [NAN, 11, 12, 19, 26, 30], [1, 13, 12, 16, 20, NAN])
        assert assess_forecasts(edges, horizon=1) == pytest.approx(
            assess_forecasts(whole, horizon=1)
        )

    def test_rows_are_not_changed(self) -> None:
        rows = forecasts(rows=50, horizon=2, skill=0.1)
        kept = rows.copy()
        assess_forecasts(rows, horizon=2)
        pd.testing.assert_frame_equal(rows, kept)


class TestIntervals:
    def test_prices_inside_are_counted_and_ends_belong_to_it(self) -> None:
        rows = pd.DataFrame(
            {"predicted": [100.0, 100.0, 100.0, np.nan], "actual": [100.0, 110.0, 89.0, 100.0]}
        )
        assert share_inside(rows, low=np.log(0.9), high=np.log(1.1)) == pytest.approx(2 / 3)
        assert np.isnan(share_inside(rows.iloc[3:], low=-1.0, high=1.0))


class TestLimitingCases:
    def test_a_forecast_that_knows_the_price_makes_no_error(self) -> None:
        found = assess_forecasts(forecasts(rows=400, horizon=3, skill=1.0, noise=0.0), horizon=3)
        assert found["rmse"] == pytest.approx(0, abs=1e-9)
        assert found["rmse_ratio"] == pytest.approx(0, abs=1e-9)
        assert found["directional_accuracy"] == 1.0
        assert found["dm_statistic"] < -5
        assert found["dm_p_value"] < 1e-6

    def test_persistence_is_as_good_as_itself_and_names_no_direction(self) -> None:
        rows = forecasts(rows=400, horizon=3, skill=0.0, noise=0.0).assign(
            predicted=lambda found: found["close"]
        )
        found = assess_forecasts(rows, horizon=3)
        assert found["rmse_ratio"] == 1.0
        assert found["mae"] == found["mae_persistence"]
        assert found["directions"] == 0
        for name in ("directional_accuracy", "directional_accuracy_low", "base_rate_on_moves"):
            assert math.isnan(found[name]), name
        assert math.isnan(found["dm_statistic"])
        assert math.isnan(found["dm_p_value"])

    def test_a_price_that_never_moves_leaves_the_ratio_open(self) -> None:
        found = assess_forecasts(table([10] * 20, [11, 12] * 10, [10] * 20), horizon=1)
        assert math.isnan(found["rmse_ratio"])
        assert found["rmse"] > 0
        assert found["dm_statistic"] > 0

    def test_noise_about_the_price_is_worse_than_persistence(self) -> None:
        found = assess_forecasts(forecasts(rows=2000, horizon=1, skill=0.0, noise=0.01), horizon=1)
        assert found["rmse_ratio"] == pytest.approx(math.sqrt(2), rel=0.05)
        assert found["dm_statistic"] > 5
        assert found["dm_p_value"] < 1e-6

    @pytest.mark.parametrize("rows", [1, 3])
    def test_no_more_rows_than_the_horizon_give_no_test(self, rows: int) -> None:
        found = assess_forecasts(forecasts(rows=rows, horizon=3, skill=0.1), horizon=3)
        assert math.isnan(found["dm_statistic"])
        assert found["rmse"] > 0


class TestDieboldMariano:
    @pytest.mark.parametrize(("rows", "horizon"), [(12, 1), (40, 1), (40, 3), (300, 5), (300, 24)])
    def test_equals_the_papers_formula_written_out(self, rows: int, horizon: int) -> None:
        given = forecasts(rows=rows, horizon=horizon, skill=0.2)
        loss = (given["predicted"] - given["actual"]) ** 2 - (given["close"] - given["actual"]) ** 2
        statistic, p_value = by_hand(list(loss), horizon=horizon)
        found = assess_forecasts(given, horizon=horizon)
        assert found["dm_statistic"] == pytest.approx(statistic, rel=1e-9)
        assert found["dm_p_value"] == pytest.approx(p_value, rel=1e-9)

    def test_without_overlap_it_is_the_t_test_of_the_mean_loss(self) -> None:
        given = forecasts(rows=60, horizon=1, skill=0.2)
        loss = (given["predicted"] - given["actual"]) ** 2 - (given["close"] - given["actual"]) ** 2
        expected = stats.ttest_1samp(loss, 0.0)
        found = assess_forecasts(given, horizon=1)
        assert found["dm_statistic"] == pytest.approx(float(expected.statistic))
        assert found["dm_p_value"] == pytest.approx(float(expected.pvalue))

    @pytest.mark.parametrize(("rows", "horizon"), [(60, 1), (200, 5)])
    def test_equal_accuracy_is_refused_in_about_one_of_twenty(
        self, rows: int, horizon: int
    ) -> None:
        rng, refused, draws = np.random.default_rng(rows + horizon), 0, 1500
        for _ in range(draws):
            own, other = (
                np.convolve(rng.normal(size=rows + horizon - 1), np.ones(horizon), mode="valid")
                for _ in range(2)
            )
            actual = 100 + other
            given = table(np.full(rows, 100.0), actual + own, actual)
            refused += assess_forecasts(given, horizon=horizon)["dm_p_value"] < 0.05
        assert refused / draws == pytest.approx(0.05, abs=0.02)

    def test_without_the_overlap_it_would_be_refused_far_too_often(self) -> None:
        rng, refused, draws = np.random.default_rng(3), 0, 400
        for _ in range(draws):
            own, other = (
                np.convolve(rng.normal(size=204), np.ones(5), mode="valid") for _ in range(2)
            )
            given = table(np.full(200, 100.0), 100 + other + own, 100 + other)
            refused += assess_forecasts(given, horizon=1)["dm_p_value"] < 0.05
        assert refused / draws > 0.2

    def test_turning_forecast_and_persistence_about_turns_the_sign(self) -> None:
        given = forecasts(rows=200, horizon=3, skill=0.2)
        turned = given.assign(close=given["predicted"], predicted=given["close"])
        first, second = (assess_forecasts(rows, horizon=3) for rows in (given, turned))
        assert first["dm_statistic"] == pytest.approx(-second["dm_statistic"])
        assert first["dm_p_value"] == pytest.approx(second["dm_p_value"])

    def test_losses_that_alternate_still_have_a_variance(self) -> None:
        """The plain sum of autocovariances is negative here: lag 1 takes away all that lag 0 gives."""
        predicted = np.tile([101.0, 103.0], 30) + np.linspace(0, 0.01, 60)
        found = assess_forecasts(
            table(np.full(60, 100.0), predicted, np.full(60, 100.0)), horizon=2
        )
        assert math.isfinite(found["dm_statistic"])
        assert 0 <= found["dm_p_value"] <= 1

    def test_a_gap_keeps_its_place(self) -> None:
        """Two rows on either side of one without a forecast are two bars apart, not neighbours."""
        given = forecasts(rows=300, horizon=2, skill=0.2)
        given.loc[given.index[1::2], "predicted"] = NAN
        closed = given.dropna()
        found, without_overlap = (
            assess_forecasts(given, horizon=2),
            assess_forecasts(closed, horizon=1),
        )
        assert found["dm_statistic"] == pytest.approx(
            without_overlap["dm_statistic"] * math.sqrt((150 + 1 - 4 + 2 / 150) / (150 + 1 - 2))
        )


class TestDirection:
    def test_it_is_the_accuracy_on_moves_of_the_same_calls(self) -> None:
        given = forecasts(rows=500, horizon=5, skill=0.2)
        move = np.log(given["actual"] / given["close"])
        proba = pd.Series(
            np.where(given["predicted"] > given["close"], 0.6, 0.4), index=given.index
        )
        labels = pd.DataFrame({"move": move, "tie": move == 0})
        expected = assess(proba, labels, horizon=5, resamples=10).metrics
        found = assess_forecasts(given, horizon=5)
        for end in ("", "_low", "_high"):
            assert found[f"directional_accuracy{end}"] == pytest.approx(
                expected[f"accuracy_on_moves{end}"]
            )
        assert found["base_rate_on_moves"] == pytest.approx(expected["base_rate_on_moves"])

    def test_overlap_widens_the_interval(self) -> None:
        given = forecasts(rows=2000, horizon=10, skill=0.0, noise=0.0)
        given["predicted"] = given["close"] * 1.001  # always up: neighbouring hits are alike
        found = assess_forecasts(given, horizon=10)
        hits = (given["actual"] > given["close"]).to_numpy(float)
        assert effective_sample_size(hits, horizon=10) < 500
        naive = wilson_interval(found["directional_accuracy"], rows=2000)
        assert found["directional_accuracy_high"] - found["directional_accuracy_low"] > 2 * (
            naive.high - naive.low
        )

    def test_moves_of_zero_are_left_out(self) -> None:
        found = assess_forecasts(table([10, 10, 10], [11, 11, 9], [10, 12, 11]), horizon=1)
        assert (found["directions"], found["directional_accuracy"]) == (2, 0.5)


class TestBadInput:
    def test_no_rows(self) -> None:
        with pytest.raises(
            DataError, match=r"no forecast to assess: of 0 rows.*Take a longer period"
        ):
            assess_forecasts(table([], [], []), horizon=1)

    def test_no_row_is_whole(self) -> None:
        rows = table([10, 11, 12], [NAN, NAN, 13], [11, 12, NAN])
        with pytest.raises(
            DataError, match=r"of 3 rows 2 have no forecast, 1 end before the price it is about"
        ):
            assess_forecasts(rows, horizon=1)

    def test_a_forecast_that_ran_away(self) -> None:
        rows = table([10, 11, 12], [10, math.inf, 13], [11, 12, 13])
        with pytest.raises(
            DataError, match=r"infinite forecasts: 1, first at 2019-01-02.*lower learning rate"
        ):
            assess_forecasts(rows, horizon=1)


class TestInWords:
    """What is said of forecasts follows their numbers."""

    def said(self, **numbers: float) -> str:
        scores = dict.fromkeys(MEANINGS, NAN) | {
            "rmse_ratio": 1.03,
            "dm_p_value": 0.004,
            "directional_accuracy": 0.51,
            "directional_accuracy_low": 0.46,
            "directional_accuracy_high": 0.56,
            "base_rate_on_moves": 0.53,
        }
        return forecast_sentence(scores | numbers, persistence="tomorrow is like today")

    def test_worse_than_persistence(self) -> None:
        assert self.said() == (
            "The network's errors are 3 % larger than those of saying that tomorrow is like today, which chance alone "
            "brings about in 0.4 % of cases (Diebold-Mariano test). It gets the direction of 51.0 % of moves right "
            "(95 % interval 46.0 to 56.0 %), which a coin toss could reach."
        )

    @pytest.mark.parametrize(
        ("ratio", "words"),
        [
            (0.987, "are 1.3 % smaller than those"),
            (0.5, "are 50 % smaller than those"),
            (1.0, "are as large as those"),
            (1.0004, "are as large as those"),
            (1.25, "are 25 % larger than those"),
            (3.46, "are 3.5 times those"),
            (NAN, "The price never moved, so no forecast can be better"),
        ],
    )
    def test_how_large_the_errors_are(self, ratio: float, words: str) -> None:
        assert words in self.said(rmse_ratio=ratio)

    @pytest.mark.parametrize(
        ("p_value", "words"),
        [
            (0.0002, "in less than 0.1 % of cases"),
            (0.049, "in 4.9 % of cases"),
            (0.05, "a difference that chance can explain (Diebold-Mariano test, p = 0.05)"),
        ],
    )
    def test_what_chance_explains(self, p_value: float, words: str) -> None:
        assert words in self.said(dm_p_value=p_value)

    def test_without_a_test_chance_is_not_spoken_of(self) -> None:
        assert "chance" not in self.said(dm_p_value=NAN)

    @pytest.mark.parametrize(
        ("low", "high", "words"),
        [
            (0.54, 0.58, "more than always saying the same gets (53.0 %)"),
            (
                0.51,
                0.58,
                "more than a coin toss, but not clearly more than always saying the same (53.0 %)",
            ),
            (0.42, 0.49, "less than a coin toss"),
        ],
    )
    def test_direction(self, low: float, high: float, words: str) -> None:
        assert words in self.said(
            directional_accuracy=(low + high) / 2,
            directional_accuracy_low=low,
            directional_accuracy_high=high,
        )

    def test_persistence_itself(self) -> None:
        rows = forecasts(rows=50, horizon=1, skill=0.0, noise=0.0).assign(
            predicted=lambda found: found["close"]
        )
        assert forecast_sentence(
            assess_forecasts(rows, horizon=1), persistence="the price stays"
        ) == (
            "The network's errors are as large as those of saying that the price stays. It names no direction."
        )
