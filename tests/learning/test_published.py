"""The published evaluation: each leak does what it says, and only here."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_market import TARGET, candle_table, small_config

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, DataError
from cryptonn.evaluation.published import PUBLISHED_MEANINGS, published_numbers
from cryptonn.learning.published import PublishedRows, fit_published, published_rows
from cryptonn.market.candles import Frame, align
from cryptonn.published import reproduce
from cryptonn.settings import LeaksConfig

PACKAGE = Path(__file__).resolve().parents[2] / "cryptonn"
WINDOWED = {"training": {"form": "windowed", "batch_size": 64}}


def published_config(
    *, leaks: dict[str, Any] | None = None, **settings: dict[str, Any]
) -> RunConfig:
    return small_config(
        published={
            "system": "an earlier one",
            "figure": 0.6,
            "settings": WINDOWED | settings,
            "leaks": leaks or {},
        }
    )


def rows_of(
    frame: Frame, *, leaks: dict[str, Any] | None = None, **settings: dict[str, Any]
) -> PublishedRows:
    config = published_config(leaks=leaks, **settings)
    assert config.published is not None
    return published_rows(frame, config.as_published(), config.published.leaks)


def random_walk(rows: int, *, seed: int) -> Frame:
    rng = np.random.default_rng(seed)
    close = 700 * np.exp((0.001 * rng.standard_normal(rows)).cumsum())
    return align({TARGET: candle_table(close, volume=np.ones(rows), rng=rng)}, timeframe="1m")


@pytest.fixture(scope="module")
def bars(frame: Frame) -> int:
    return len(frame.select(small_config().data.train).index) - 1  # the first has no change


def test_without_leaks_the_rows_are_the_honest_ones(frame: Frame, bars: int) -> None:
    rows = rows_of(frame)
    train, validation = rows.train.bars, rows.validation.bars
    assert np.allclose(train.mean(axis=0), 0, atol=1e-3) and not np.allclose(
        validation.mean(axis=0), 0, atol=1e-3
    )
    judged = round(0.2 * (bars))
    assert len(validation) == judged
    assert len(train) == bars - judged - 3, "horizon rows are purged"


def test_no_purge_leaves_no_row_out(frame: Frame, bars: int) -> None:
    rows = rows_of(frame, leaks={"purge": "none"})
    assert len(rows.train.bars) + len(rows.validation.bars) == bars


def test_a_slice_of_its_own_scale_has_mean_0_and_deviation_1(frame: Frame) -> None:
    bars = rows_of(frame, leaks={"scaling": "slice"}, features={"clip": 0}).validation.bars
    assert np.allclose(bars.mean(axis=0), 0, atol=1e-4) and np.allclose(
        bars.std(axis=0), 1, atol=1e-4
    )


def test_untraded_rows_are_dropped_after_labelling(frame: Frame, bars: int) -> None:
    rows, kept = rows_of(frame), rows_of(frame, leaks={"untraded": "drop"})
    volumes = frame.select(small_config().data.train).table.xs("volume", axis=1, level="field")
    traded = (volumes > 0).to_numpy().all(axis=1)
    assert len(kept.train.bars) + len(kept.validation.bars) + 3 == traded.sum() - 1 < bars
    both = kept.labels.index.intersection(rows.labels.index)
    (
        pd.testing.assert_frame_equal(kept.labels.loc[both], rows.labels.loc[both]),
        "labels are of the complete grid",
    )


def test_extras_follow_the_rows_that_are_kept(frame: Frame) -> None:
    settings = {"columns": ["trades", "taker_quote"], "clip": 0}
    rows = rows_of(
        frame,
        leaks={"untraded": "drop", "split": "shuffled", "purge": "none"},
        features=settings | {"clip": 0},
    )
    traded = frame.all_columns(TARGET).loc[rows.labels.index, ["trades", "taker_quote"]].to_numpy()
    assert len(rows.labels) < len(frame.select(small_config().data.train).index)
    fitted = traded[rows.train.weight > 0]  # scaled by the rows of train windows alone
    np.testing.assert_allclose(
        rows.train.bars[:, :2],
        (traded - fitted.mean(axis=0)) / fitted.std(axis=0),
        rtol=1e-4,
        atol=1e-4,
    )
    bare = align({symbol: frame.candles(symbol) for symbol in frame.symbols}, timeframe="1m")
    with pytest.raises(DataError, match="came without trades, taker_quote"):
        rows_of(bare, features=settings)


def test_both_slices_are_balanced(frame: Frame) -> None:
    rows = rows_of(
        frame, leaks={"balance": "both"}, labels={"ties": "up", "balance": "undersample"}
    )
    for role in (rows.train, rows.validation):
        kept = role.target[role.weight > 0]
        assert len(kept) > 100 and kept.mean() == 0.5
    assert rows.counts == {name: int((role.weight > 0).sum()) for name, role in
                           (("train", rows.train), ("validation", rows.validation))}  # fmt: skip


def test_a_window_stays_within_its_slice(frame: Frame) -> None:
    rows = rows_of(frame)
    assert rows.judged.min() >= rows.lookback - 1
    assert np.flatnonzero(rows.train.weight).min() >= rows.lookback - 1


def test_shuffled_windows_of_validation_overlap_those_of_train(frame: Frame) -> None:
    rows = rows_of(
        frame,
        leaks={"split": "shuffled", "validation_rows": 100, "balance": "both", "purge": "none"},
    )
    train, judged = np.flatnonzero(rows.train.weight), rows.judged
    assert len(judged) == 100 and not np.intersect1d(train, judged).size
    distance = np.abs(train[:, None] - judged).min(axis=0)
    assert (distance < rows.lookback).mean() > 0.95


def test_shuffled_windows_of_both_classes_are_as_many(frame: Frame) -> None:
    leaks = {"split": "shuffled", "validation_rows": 1000, "balance": "both", "purge": "none"}
    rows = rows_of(frame, leaks=leaks, labels={"ties": "up", "balance": "none"})
    both = np.concatenate([role.target[role.weight > 0] for role in (rows.train, rows.validation)])
    assert both.mean() == 0.5, "the classes are balanced before the split"


def test_a_validation_slice_as_long_as_all_rows(frame: Frame) -> None:
    with pytest.raises(
        DataError,
        match=r"validation_rows = 90,000 leaves nothing to train on; there are 4,\d+ rows",
    ):
        rows_of(frame, leaks={"validation_rows": 90_000})


def test_what_means_nothing_under_a_shuffled_split_is_refused() -> None:
    for leaks in ({}, {"purge": "none", "scaling": "slice"}):
        with pytest.raises(ConfigError, match='shuffled" has no slices'):
            published_config(leaks={"split": "shuffled", **leaks})


def test_filled_indicators_are_those_that_are_named(frame: Frame) -> None:
    named = {"columns": ["close"], "clip": 0, "ta": ["momentum_rsi", "trend_kst"]}
    with_both = rows_of(frame, leaks={"indicators": "filled"}, features=named)
    assert with_both.train.bars.shape[1] == 2 + 2, (
        "the close of both coins, and two columns of the target"
    )


def test_fewer_epochs_than_the_earlier_system_had_are_kept_in_mind() -> None:
    config = published_config(training={**WINDOWED["training"], "epochs": 10}).with_epochs(2)
    assert config.training.epochs == config.as_published().training.epochs == 2
    assert config.as_published().training.full_epochs == 10
    assert config.training.full_epochs == 3, "the run file's own"
    again = config.with_epochs(10)
    assert again.as_published().training.full_epochs is None and again.training.full_epochs == 3


def test_shuffling_finds_skill_in_random_walks() -> None:
    """What made 0.80: windows and labels that overlap stand on both sides of a shuffled split.

    That there is none in time order is seen on more windows by ``tests/test_tutorial.py``.
    """
    settings = {
        "data": {"others": []},
        "features": {"columns": ["close"], "clip": 0},
        "labels": {"horizon": 60},
        "network": {"layers": [16], "normalization": "none"},
        "training": {
            "form": "windowed",
            "lookback": 10,
            "epochs": 8,
            "batch_size": 32,
            "learning_rate": 0.02,
        },
    }
    leaks = {"purge": "none", "split": "shuffled", "validation_rows": 300}
    found = reproduce(published_config(leaks=leaks, **settings), random_walk(1500, seed=1))
    assert found.numbers["accuracy"] > 0.65


def test_the_numbers_take_the_accuracy_apart() -> None:
    predictions = pd.DataFrame(
        {
            "proba": [0.9, 0.9, 0.1, 0.1, 0.9, np.nan],
            "label": [1, 0, 0, 1, 1, 1],
            "tie": [False] * 4 + [True, False],
        }
    )
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.69], "best": [False, True]})
    found = published_numbers(predictions, history, horizon=1)
    assert list(found) == list(PUBLISHED_MEANINGS)
    assert found["windows"] == 5 and found["accuracy"] == 0.6 and found["accuracy_on_moves"] == 0.5
    assert (
        found["accuracy_on_ties"] == found["ties_called_up"] == 1.0 and found["ties_share"] == 0.2
    )
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert (found["loss_start"], found["loss_end"], found["best_epoch"]) == (0.7, 0.69, 2)


def test_reproducing_twice_gives_the_same_numbers_and_finds_the_planted_lead(frame: Frame) -> None:
    """The second time from the rows on, of which nothing comes out that could be traded."""
    leaks = LeaksConfig.model_validate(
        {"scaling": "slice", "balance": "both", "purge": "none", "indicators": "filled"}
    )
    assert len(leaks.words()) == 4 and leaks.words()[-1] == "indicators filled from later rows"
    config = published_config(
        leaks=leaks.model_dump(),
        labels={"balance": "undersample"},
        training=WINDOWED["training"] | {"epochs": 2},
    )
    once = reproduce(config, frame)
    assert once.leaks == leaks.words(indicators=False), "only those in force are named"
    published = config.as_published()
    again = fit_published(published_rows(frame, published, leaks), published)
    assert all(isinstance(part, pd.DataFrame) for part in again)
    history, predictions = again
    pd.testing.assert_frame_equal(predictions, once.predictions)
    assert history["loss"].tolist() == once.history["loss"].tolist()
    assert once.numbers["accuracy"] > 0.55
    assert once.record(config)["figure"] == 0.6 and len(once.leaks) == 3
    assert (
        once.predictions["proba"].notna().sum()
        == once.windows["validation"]
        == once.numbers["windows"]
    )


def test_the_leaks_are_named_in_words() -> None:
    leaks = LeaksConfig.model_validate({"purge": "none", "indicators": "filled"})
    assert leaks.words() == (
        "no purge between train and validation",
        "indicators filled from later rows",
    )


def test_only_the_published_evaluation_knows_leaks() -> None:
    """A leak is no setting of a run, so no backtest, forecast or search of a run can have one."""
    knows = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")
             if "LeaksConfig" in path.read_text() or ".leaks" in path.read_text()}  # fmt: skip
    makes = {
        "settings/__init__.py",
        "settings/comparison.py",
        "config.py",
        "learning/published.py",
        "published.py",
    }
    names = {
        "reporting/sections_published.py",
        "tuning/words.py",
        "tuning/fingerprint.py",
    }  # say which there are
    assert knows <= makes | names
    assert not set(LeaksConfig.model_fields) & {"clip", "columns", "horizon"}


def test_too_few_rows_for_a_window() -> None:
    with pytest.raises(DataError, match="too few for a window of 20.*longer train range"):
        rows_of(random_walk(60, seed=1), data={"others": []})


def test_a_run_without_a_published_section_has_nothing_to_reproduce(frame: Frame) -> None:
    with pytest.raises(ConfigError, match=r"no section \[published\]"):
        reproduce(small_config(), frame)


def test_a_wrong_published_setting_is_named_when_the_file_is_read() -> None:
    with pytest.raises(
        ConfigError, match=r"published\.settings: training\.lookbak is not a setting"
    ):
        published_config(training={"lookbak": 3})
