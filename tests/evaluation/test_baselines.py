"""The logistic baseline: the same as sklearn's pipeline, and blind to everything outside the train rows."""

import importlib

import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import ConfigError, DataError
from cryptonn.evaluation.baselines import logistic_baseline
from cryptonn.learning.splits import Split

LAGS = 3


def problem(rows: int = 3000, *, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, Split]:
    """Two features; the label follows the first feature one bar back."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2018-01-01", periods=rows, freq="1min", tz="UTC", name="time")
    values = rng.normal(size=(rows, 2)) * [0.001, 50.0] + [0.0, 7.0]
    values[0] = np.nan
    features = pd.DataFrame(
        values, index=index, columns=["ETH/USD log_return", "BTC/USD log_return"]
    )
    drive = 800 * features["ETH/USD log_return"].shift(1).fillna(0).to_numpy()
    label = (drive + rng.logistic(size=rows) > 0).astype(float)
    label[rng.random(rows) < 0.05] = np.nan
    labels = pd.DataFrame({"label": label, "move": 0.0, "tie": np.isnan(label)}, index=index)
    cut = int(0.6 * rows)
    split = Split(
        train=slice(0, cut),
        validation=slice(cut + 5, cut + 500),
        test={"t": slice(cut + 505, rows)},
    )
    return features, labels, split


def lag_table(features: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([features.shift(lag).add_suffix(f" {lag}") for lag in range(LAGS)], axis=1)


class TestFit:
    @pytest.mark.parametrize("weighted", [False, True])
    def test_equals_the_pipeline_of_sklearn(self, weighted: bool) -> None:
        linear_model, pipeline, preprocessing = (
            importlib.import_module(f"sklearn.{name}")
            for name in ("linear_model", "pipeline", "preprocessing")
        )
        features, labels, split = problem()
        table = lag_table(features)
        rows = (
            table.iloc[split.train].notna().all(axis=1) & labels["label"].iloc[split.train].notna()
        )
        train, target = table.iloc[split.train][rows], labels["label"].iloc[split.train][rows]
        weights = pd.Series(
            np.random.default_rng(2).uniform(0.5, 2, len(labels)), index=labels.index
        )
        model = pipeline.make_pipeline(
            preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=1000, tol=1e-8)
        )
        model.fit(
            train,
            target,
            logisticregression__sample_weight=weights[train.index] if weighted else None,
        )
        found = logistic_baseline(
            features, labels, split, lags=LAGS, clip=0.0, weights=weights if weighted else None
        ).dropna()
        expected = model.predict_proba(table.loc[found.index])[:, 1]
        assert np.abs(found.to_numpy() - expected).max() < 1e-5

    def test_it_learns_what_is_there(self) -> None:
        features, labels, split = problem(20_000)
        found = logistic_baseline(features, labels, split, lags=LAGS).iloc[split.test["t"]]
        truth = labels["label"].iloc[split.test["t"]]
        seen = truth.notna()
        assert ((found[seen] > 0.5) == (truth[seen] > 0.5)).mean() > 0.58

    def test_nothing_outside_the_train_rows_changes_the_fit(self) -> None:
        features, labels, split = problem()
        first = logistic_baseline(features, labels, split, lags=LAGS)
        later, flipped = features.copy(), labels.copy()
        later.iloc[split.train.stop :] *= 1000.0
        flipped.iloc[split.train.stop :, 0] = 1 - flipped.iloc[split.train.stop :, 0]
        again = logistic_baseline(later, flipped, split, lags=LAGS)
        pd.testing.assert_series_equal(first.iloc[split.train], again.iloc[split.train])
        assert not np.allclose(first.iloc[split.train.stop :], again.iloc[split.train.stop :])

    def test_rows_before_the_train_rows_are_not_fitted_on_either(self) -> None:
        features, labels, split = problem()
        late = Split(slice(500, 1800), split.validation, split.test)
        changed = labels.copy()
        changed.iloc[:500, 0] = 1.0
        pd.testing.assert_series_equal(
            logistic_baseline(features, labels, late, lags=LAGS),
            logistic_baseline(features, changed, late, lags=LAGS),
        )

    def test_no_row_sees_a_later_bar(self) -> None:
        """Truncation: the probabilities of cut data are the cut probabilities."""
        features, labels, split = problem()
        whole = logistic_baseline(features, labels, split, lags=LAGS)
        cut = logistic_baseline(features.iloc[:2500], labels.iloc[:2500], split, lags=LAGS)
        pd.testing.assert_series_equal(whole.iloc[:2500], cut)

    def test_a_row_of_weight_nought_is_not_fitted_on(self) -> None:
        features, labels, split = problem()
        weights = pd.Series(1.0, index=labels.index)
        weights.iloc[100:200] = 0.0
        changed = labels.copy()
        changed.iloc[100:200, 0] = 1.0
        first, again = (
            logistic_baseline(features, t, split, lags=LAGS, weights=weights)
            for t in (labels, changed)
        )
        pd.testing.assert_series_equal(first, again)

    def test_weights_may_cover_the_train_rows_alone(self) -> None:
        features, labels, split = problem()
        weights = pd.Series(1.0, index=labels.index)
        pd.testing.assert_series_equal(
            logistic_baseline(features, labels, split, weights=weights),
            logistic_baseline(features, labels, split, weights=weights.iloc[split.train]),
        )


class TestWindowScaling:
    def test_equals_scaling_each_row_by_hand(self) -> None:
        linear_model = importlib.import_module("sklearn.linear_model")
        features, labels, split = problem()
        features["flat"] = 3.0
        table = np.stack(
            [features.shift(lag).to_numpy() for lag in range(LAGS)], axis=1
        )  # (rows, lags, features)
        low, high = table.min(axis=1, keepdims=True), table.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            scaled = np.where(high > low, 2 * (table - low) / (high - low) - 1, 0.0).reshape(
                len(table), -1
            )
        train = np.arange(len(table)) < split.train.stop
        rows = train & (np.arange(len(table)) >= LAGS) & labels["label"].notna().to_numpy()
        mean, deviation = scaled[rows].mean(axis=0), scaled[rows].std(axis=0)
        scaled = (scaled - mean) / np.where(deviation > 0, deviation, 1)
        model = linear_model.LogisticRegression(max_iter=1000, tol=1e-8).fit(
            scaled[rows], labels["label"][rows]
        )
        found = logistic_baseline(features, labels, split, lags=LAGS, clip=0, scaling="window")
        assert np.abs(found.iloc[LAGS:] - model.predict_proba(scaled[LAGS:])[:, 1]).max() < 1e-5

    def test_the_height_of_a_price_does_not_matter(self) -> None:
        features, labels, split = problem()
        later = features.copy()
        later.iloc[2000:] = 10 * features.iloc[2000:] + 5
        first, again = (
            logistic_baseline(table, labels, split, lags=LAGS, scaling="window")
            for table in (features, later)
        )
        pd.testing.assert_series_equal(first.iloc[2010:], again.iloc[2010:])


class TestRows:
    def test_probability_wherever_all_lags_are_there(self) -> None:
        features, labels, split = problem()
        features.iloc[2000, 1] = np.nan
        found = logistic_baseline(features, labels, split, lags=LAGS)
        assert found.index.equals(features.index)
        assert found.name == "proba"
        assert list(np.flatnonzero(found.isna())) == [0, 1, 2, 2000, 2001, 2002]
        assert found.dropna().between(0, 1).all()

    def test_arguments_are_left_alone(self) -> None:
        features, labels, split = problem()
        before, labels_before = features.copy(), labels.copy()
        logistic_baseline(features, labels, split, lags=LAGS)
        pd.testing.assert_frame_equal(features, before)
        pd.testing.assert_frame_equal(labels, labels_before)

    def test_an_outlier_is_cut(self) -> None:
        features, labels, split = problem()
        features.iloc[2500, 0] = 1e6
        found = logistic_baseline(features, labels, split, lags=LAGS, clip=5.0)
        assert 0.001 < found.iloc[2501] < 0.999

    def test_a_constant_feature_is_harmless(self) -> None:
        features, labels, split = problem()
        without = logistic_baseline(features, labels, split, lags=LAGS)
        found = logistic_baseline(features.assign(flat=0.1), labels, split, lags=LAGS)
        assert (found - without).abs().max() < 1e-4


class TestBorder:
    def test_too_few_train_rows(self) -> None:
        features, labels, split = problem()
        with pytest.raises(DataError, match=r"only .* train rows .* Train on a longer range"):
            logistic_baseline(features, labels, Split(slice(0, 50), split.validation, split.test))

    def test_table_shorter_than_the_lags(self) -> None:
        features, labels, split = problem()
        with pytest.raises(DataError, match="only 0 train rows"):
            logistic_baseline(features.iloc[:5], labels.iloc[:5], split)

    def test_constant_label(self) -> None:
        features, labels, split = problem()
        with pytest.raises(DataError, match="constant label: all .* train rows are up"):
            logistic_baseline(features, labels.assign(label=1.0), split)

    def test_infinite_feature(self) -> None:
        features, labels, split = problem()
        features.iloc[77, 1] = np.inf
        with pytest.raises(DataError, match="'BTC/USD log_return' is infinite at 2018-01-01 01:17"):
            logistic_baseline(features, labels, split)

    def test_no_lags(self) -> None:
        features, labels, split = problem()
        with pytest.raises(ConfigError, match="lags = 0"):
            logistic_baseline(features, labels, split, lags=0)
