"""The accuracies, by hand on ten bars, against sklearn on many, and their errors."""

import importlib
import json
import math

import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import DataError
from cryptonn.evaluation.accuracy import MEANINGS, assess, compare_accuracy

BP = 0.0001


def table(move: np.ndarray | list[float]) -> pd.DataFrame:
    values = np.asarray(move, dtype=float)
    index = pd.date_range("2019-01-01", periods=len(values), freq="1min", tz="UTC", name="time")
    return pd.DataFrame(
        {
            "label": np.where(values == 0, np.nan, (values > 0).astype(float)),
            "move": values,
            "tie": values == 0,
        },
        index=index,
    )


def sample(rows: int, *, seed: int = 1, skill: float = 0.1) -> tuple[pd.Series, pd.DataFrame]:
    """Moves with 5 % ties, and probabilities that know a little of them."""
    rng = np.random.default_rng(seed)
    edge = rng.normal(size=rows) * skill
    move = 0.002 * (edge + rng.standard_t(4, size=rows)) * (rng.random(rows) > 0.05)
    labels = table(move)
    return pd.Series(1 / (1 + np.exp(-edge)), index=labels.index, name="proba"), labels


class TestByHand:
    """Ten bars: up +10 +20 +30 +40, down -10 -50, a tie, two bars without probability, one beyond the horizon.

    move  +10  +20  +30  +40  -10  -50   0   +90  -90  NaN   (bp)
    proba .60  .70  .40  .80  .30  .90  .55  NaN  NaN  .99
    hit    1    1    0    1    1    0  miss   -    -    -
    """

    @pytest.fixture
    def metrics(self) -> dict[str, float]:
        labels = table(np.array([10, 20, 30, 40, -10, -50, 0, 90, -90, np.nan]) * BP)
        proba = pd.Series(
            [0.6, 0.7, 0.4, 0.8, 0.3, 0.9, 0.55, np.nan, np.nan, 0.99], index=labels.index
        )
        return assess(proba, labels, horizon=1).metrics

    def test_rows_are_counted(self, metrics: dict[str, float]) -> None:
        assert (metrics["rows"], metrics["moves"]) == (7, 6)
        assert (metrics["rows_without_proba"], metrics["rows_without_move"]) == (2, 1)
        assert metrics["ties_share"] == pytest.approx(1 / 7)

    def test_a_tie_is_a_miss_in_the_natural_accuracy(self, metrics: dict[str, float]) -> None:
        assert metrics["accuracy"] == pytest.approx(4 / 7)
        assert metrics["base_rate"] == pytest.approx(4 / 7)
        assert metrics["accuracy_on_moves"] == pytest.approx(4 / 6)
        assert metrics["base_rate_on_moves"] == pytest.approx(4 / 6)

    def test_published_counts_the_tie_as_up(self, metrics: dict[str, float]) -> None:
        assert metrics["balanced_accuracy_published"] == pytest.approx((4 / 5 + 1 / 2) / 2)
        assert metrics["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)

    def test_money_is_weighed_by_the_move(self, metrics: dict[str, float]) -> None:
        assert metrics["magnitude_weighted_accuracy"] == pytest.approx((10 + 20 + 40 + 10) / 160)
        assert metrics["mean_move_bp"] == pytest.approx((10 + 20 - 30 + 40 + 10 - 50 + 0) / 7)
        assert metrics["mean_absolute_move_bp"] == pytest.approx(160 / 7)
        assert metrics["median_absolute_move_bp"] == pytest.approx(20)

    def test_most_confident_row_is_the_wrong_one(self, metrics: dict[str, float]) -> None:
        assert metrics["accuracy_top_tenth"] == 0.0
        assert metrics["mean_move_top_tenth_bp"] == pytest.approx(-50)


def test_the_most_confident_are_chosen_before_it_is_known_whether_the_price_moves() -> None:
    """Twenty bars; the two surest are ties. Who picked among the moves would find the next two, both right."""
    labels = table(np.array([0, 0, 10, 10, *[-10, 10] * 8]) * BP)
    proba = pd.Series([0.95, 0.95, 0.9, 0.9, *[0.55] * 16], index=labels.index)
    found = assess(proba, labels, horizon=1).metrics
    assert found["mean_move_top_tenth_bp"] == 0.0
    assert math.isnan(found["accuracy_top_tenth"])


Case = tuple[pd.Series, pd.DataFrame, dict[str, float]]


@pytest.fixture(scope="module")
def case() -> Case:
    proba, labels = sample(20_000)
    return proba, labels, assess(proba, labels, horizon=5).metrics


class TestAgainstSklearn:
    def test_scores_on_moves(self, case: Case) -> None:
        sklearn = importlib.import_module("sklearn.metrics")
        proba, labels, found = case
        moved = ~labels["tie"].to_numpy()
        up, given = (labels["move"].to_numpy() > 0)[moved], proba.to_numpy()[moved]
        assert found["auc"] == pytest.approx(sklearn.roc_auc_score(up, given), abs=1e-12)
        assert found["log_loss"] == pytest.approx(sklearn.log_loss(up, given), abs=1e-12)
        assert found["log_loss_base_rate"] == pytest.approx(
            sklearn.log_loss(up, np.full(len(up), up.mean()))
        )
        assert found["brier"] == pytest.approx(sklearn.brier_score_loss(up, given), abs=1e-12)
        assert found["balanced_accuracy"] == pytest.approx(
            sklearn.balanced_accuracy_score(up, given > 0.5)
        )
        assert found["accuracy_on_moves"] == pytest.approx(sklearn.accuracy_score(up, given > 0.5))

    def test_published_accuracy_is_the_balanced_one_with_ties_up(self, case: Case) -> None:
        sklearn = importlib.import_module("sklearn.metrics")
        proba, labels, found = case
        expected = sklearn.balanced_accuracy_score(labels["move"] >= 0, proba > 0.5)
        assert found["balanced_accuracy_published"] == pytest.approx(expected)

    def test_confusion(self, case: Case) -> None:
        sklearn = importlib.import_module("sklearn.metrics")
        proba, labels, _ = case
        moved = ~labels["tie"]
        table = assess(proba, labels, horizon=5).confusion
        expected = sklearn.confusion_matrix(labels["move"][moved] > 0, proba[moved] > 0.5)
        assert np.array_equal(table.to_numpy(), expected)
        assert (table.index.name, table.columns.name, list(table.index)) == (
            "true",
            "predicted",
            ["down", "up"],
        )

    def test_tied_probabilities_have_the_auc_of_sklearn(self) -> None:
        sklearn = importlib.import_module("sklearn.metrics")
        proba, labels = sample(5_000)
        coarse = proba.round(2)
        moved = ~labels["tie"]
        expected = sklearn.roc_auc_score(labels["move"][moved] > 0, coarse[moved])
        assert assess(coarse, labels, horizon=5).metrics["auc"] == pytest.approx(
            expected, abs=1e-12
        )


class TestPublishedNumberFlatters:
    def test_telling_quiet_minutes_from_moving_ones_raises_it_without_any_direction(self) -> None:
        """The earlier system's number: say up when quiet. It looks like skill; the accuracy on moves has none."""
        rng = np.random.default_rng(3)
        labels = table(rng.choice([-1.0, 1.0], 50_000) * 0.001 * (rng.random(50_000) > 0.3))
        proba = pd.Series(
            np.where(labels["tie"], 0.6, rng.choice([0.4, 0.6], 50_000)), index=labels.index
        )
        found = assess(proba, labels, horizon=1).metrics
        assert found["balanced_accuracy_published"] > 0.56
        assert found["accuracy_on_moves_low"] < 0.5 < found["accuracy_on_moves_high"]
        assert found["accuracy"] < 0.37


class TestIntervals:
    def test_overlap_widens_the_interval(self) -> None:
        rng = np.random.default_rng(4)
        move = np.convolve(rng.normal(size=20_004), np.ones(5), mode="valid") * 0.001
        labels = table(move)
        proba = pd.Series(0.6, index=labels.index)
        found = assess(proba, labels, horizon=5).metrics
        blind = assess(proba, labels, horizon=1).metrics
        assert found["effective_rows"] < 0.35 * found["moves"]
        assert blind["effective_rows"] == blind["moves"]
        width, blind_width = (
            m["accuracy_on_moves_high"] - m["accuracy_on_moves_low"] for m in (found, blind)
        )
        assert width > 1.6 * blind_width

    def test_days_behind_the_mean_move_of_the_confident(self) -> None:
        proba, labels = sample(40_000, skill=0.3)
        found = assess(proba, labels, horizon=1).metrics
        low, mid, high = (found[f"mean_move_top_tenth{part}_bp"] for part in ("_low", "", "_high"))
        assert 0 < low < mid < high
        assert mid > found["mean_move_bp"]

    def test_same_seed_same_numbers(self) -> None:
        proba, labels = sample(40_000)
        first, again, other = (
            assess(proba, labels, horizon=5, seed=seed).metrics for seed in (1, 1, 2)
        )
        assert first == again
        assert first["mean_move_top_tenth_low_bp"] != other["mean_move_top_tenth_low_bp"]


class TestTables:
    def test_reliability_of_calibrated_probabilities_follows_the_diagonal(self) -> None:
        rng = np.random.default_rng(5)
        chance = rng.uniform(0.3, 0.7, 50_000)
        labels = table(np.where(rng.random(50_000) < chance, 0.001, -0.001))
        bins = assess(pd.Series(chance, index=labels.index), labels, horizon=1).reliability
        assert len(bins) == 20
        assert bins["count"].sum() == 50_000
        assert ((bins["low"] <= bins["proba"]) & (bins["proba"] <= bins["high"])).mean() >= 0.8
        assert bins["proba"].is_monotonic_increasing

    def test_histogram_holds_every_move_once(self) -> None:
        proba, labels = sample(10_000)
        bars = assess(proba, labels, horizon=5).histogram
        assert bars["ups"].sum() == (labels["move"] > 0).sum()
        assert bars["downs"].sum() == (labels["move"] < 0).sum()
        assert bars["bin_low"].iloc[0] + bars["bin_high"].iloc[-1] == pytest.approx(1.0)

    @pytest.mark.parametrize(("rows", "bins"), [(60, 10), (1_000, 30), (10_000, 60)])
    def test_histogram_of_few_rows_has_few_bins_and_an_edge_at_one_half(
        self, rows: int, bins: int
    ) -> None:
        table = assess(*sample(rows), horizon=5).histogram
        assert len(table) == bins
        assert table["bin_low"].iloc[bins // 2] == pytest.approx(0.5)

    def test_narrow_probabilities_fill_the_histogram(self) -> None:
        proba, labels = sample(10_000)
        table = assess(0.5 + (proba - 0.5) * 1e-4, labels, horizon=5).histogram
        assert (table[["ups", "downs"]].sum(axis=1) > 0).sum() > 40
        assert table["bin_high"].iloc[-1] - table["bin_low"].iloc[0] < 2e-4

    def test_a_constant_probability_is_drawn_all_the_same(self) -> None:
        _, labels = sample(1_000)
        found = assess(pd.Series(0.5, index=labels.index), labels, horizon=5)
        assert len(found.reliability) == 1
        assert found.histogram[["ups", "downs"]].to_numpy().sum() == found.metrics["moves"]
        assert found.metrics["auc"] == 0.5


class TestBorder:
    def test_metrics_are_named_documented_and_json(self) -> None:
        proba, labels = sample(20_000)
        metrics = assess(proba, labels, horizon=5).metrics
        assert list(metrics) == list(MEANINGS)
        assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics

    def test_labels_of_ties_do_not_matter(self) -> None:
        proba, labels = sample(5_000)
        as_up = labels.assign(label=(labels["move"] >= 0).astype(float))
        assert assess(proba, labels, horizon=5).metrics == pytest.approx(
            assess(proba, as_up, horizon=5).metrics, nan_ok=True
        )

    def test_probabilities_of_other_bars_are_not_looked_at(self) -> None:
        proba, labels = sample(5_000)
        part = labels.iloc[1000:3000]
        alone = assess(proba.iloc[1000:3000], part, horizon=5).metrics
        assert assess(proba, part, horizon=5).metrics == pytest.approx(alone, nan_ok=True)

    def test_perfect_and_certain_probabilities_have_finite_loss(self) -> None:
        labels = table([0.001, -0.001, 0.002, -0.003])
        found = assess(
            pd.Series([1.0, 1.0, 1.0, 0.0], index=labels.index), labels, horizon=1
        ).metrics
        assert math.isfinite(found["log_loss"])

    def test_no_rows_left(self) -> None:
        _, labels = sample(100)
        with pytest.raises(
            DataError,
            match=r"nothing to assess: of 100 rows 100 have no probability.*longer period",
        ):
            assess(pd.Series(np.nan, index=labels.index), labels, horizon=5)

    @pytest.mark.parametrize(
        ("move", "words"), [(0.001, "moves go up"), (-0.001, "moves go down"), (0.0, "a tie")]
    )
    def test_constant_label(self, move: float, words: str) -> None:
        labels = table(np.full(100, move))
        with pytest.raises(DataError, match=f"constant label: .*{words}.*longer period"):
            assess(pd.Series(0.6, index=labels.index), labels, horizon=5)

    def test_a_score_is_no_probability(self) -> None:
        proba, labels = sample(100)
        with pytest.raises(DataError, match="outside 0 to 1.*Give P"):
            assess(proba * 3, labels, horizon=5)


class TestCompare:
    def test_shared_luck_cancels(self) -> None:
        proba, labels = sample(50_000, skill=0.2)
        rng = np.random.default_rng(6)
        flipped = proba.where(rng.random(len(proba)) > 0.02, 1 - proba)
        found = compare_accuracy(proba, flipped, labels, horizon=1)
        assert found["difference"] == pytest.approx(found["accuracy"] - found["baseline_accuracy"])
        alone = assess(proba, labels, horizon=1).metrics
        width = alone["accuracy_on_moves_high"] - alone["accuracy_on_moves_low"]
        assert found["difference_high"] - found["difference_low"] < width / 2

    def test_a_model_against_itself_differs_by_nothing(self) -> None:
        proba, labels = sample(1_000)
        found = compare_accuracy(proba, proba, labels, horizon=5)
        assert (found["difference"], found["difference_low"], found["difference_high"]) == (0, 0, 0)

    def test_only_bars_both_predict_count(self) -> None:
        proba, labels = sample(1_000)
        late = proba.where(np.arange(1_000) >= 500)
        assert (
            compare_accuracy(proba, late, labels, horizon=5)["moves"]
            == (~labels["tie"].iloc[500:]).sum()
        )

    def test_difference_of_equally_good_models_is_covered(self) -> None:
        rng = np.random.default_rng(7)
        covered = 0
        for _ in range(200):
            move = np.convolve(rng.normal(size=1504), np.ones(5), mode="valid")
            labels = table(move)
            first, second = (np.repeat(rng.uniform(0.3, 0.7, 300), 5) for _ in range(2))
            found = compare_accuracy(
                pd.Series(first, index=labels.index),
                pd.Series(second, index=labels.index),
                labels,
                horizon=5,
            )
            covered += found["difference_low"] <= 0 <= found["difference_high"]
        assert 0.90 <= covered / 200 <= 0.99
