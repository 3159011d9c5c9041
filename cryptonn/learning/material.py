"""What a fit works on, without a network: scaled rows, batches, and how an epoch is judged;
all of it checked.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.config import RunConfig
from cryptonn.errors import DataError
from cryptonn.learning.batches import Streaming, TrainRows, Windowed
from cryptonn.learning.labels import balance_weights, class_weights, weights_of_classes
from cryptonn.learning.regression import Regression, fit_regression, targets_of
from cryptonn.learning.scaling import Scaler, fit_scaler, warm_up
from cryptonn.learning.splits import Split
from cryptonn.settings import TrainingConfig

__all__ = ["FitRows", "Material", "losses_of", "material_of"]

Array = NDArray[np.float64]
Judge = Callable[[Array], tuple[float, float]]
"""Gives the loss and the accuracy on moves of what the network says at the validation rows."""

_EPSILON = 1e-7
"""Probabilities are kept so far from 0 and 1 before their logarithm is taken, as Keras does."""


@dataclass(frozen=True, eq=False)
class FitRows:
    """What a fit may see: all rows up to the last one of validation."""

    index: pd.DatetimeIndex
    bars: NDArray[np.float32]
    labels: pd.DataFrame
    target: pd.Series
    """Label, 1 or 0, or the price or move of a regression; NaN where it is not known."""
    close: pd.Series | None
    train: slice
    """Rows that are fitted to: those of the split that have features."""
    validation: slice


@dataclass(frozen=True, eq=False)
class Material:
    """All a fit needs but the network; what can be wrong with the rows was found
    when it was made.
    """

    rows: FitRows
    scaler: Scaler
    regression: Regression | None
    examples: Streaming | Windowed
    judge: Judge

    def measured(self, said: Array) -> Regression | None:
        """Return the regression with its error on the validation rows, where the network said this;
        None without one.
        """
        if self.regression is None:
            return None
        return self.regression.measured(
            _move(self.rows) - _predicted(self.rows, self.regression, said)
        )


def material_of(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    split: Split,
    config: RunConfig,
    close: pd.Series | None,
) -> Material:
    """Make what a fit works on, and refuse what nothing can be learnt from.

    Parameters
    ----------
    features, labels, close
        As ``fit_model`` takes them.

    Raises
    ------
    DataError
        If train rows are too few, a label, target or feature is constant,
        or a feature is NaN or infinite.
    """
    scaler = fit_scaler(features.iloc[split.train], clip=config.features.limit)
    bars = scaler.scale(features.iloc[: split.validation.stop])
    rows = _rows(features, bars, labels, close, split, config)
    regression = _regression(rows, config)
    examples = _examples(rows, config, regression)
    judge = (
        _judge_directions(rows, split, config)
        if regression is None
        else _judge_moves(rows, regression)
    )
    return Material(rows, scaler, regression, examples, judge)


def _rows(
    features: pd.DataFrame,
    bars: NDArray[np.float32],
    labels: pd.DataFrame,
    close: pd.Series | None,
    split: Split,
    config: RunConfig,
) -> FitRows:
    end = split.validation.stop
    features = features.iloc[:end]
    labels = labels.iloc[:end]
    close = None if close is None else close.iloc[:end]
    kind = config.labels.kind
    target = labels["label"] if kind == "direction" else targets_of(labels, close, kind=kind)
    train = slice(max(warm_up(features), split.train.start), split.train.stop)
    return FitRows(
        pd.DatetimeIndex(labels.index), bars, labels, target, close, train, split.validation
    )


def _regression(rows: FitRows, config: RunConfig) -> Regression | None:
    kind = config.labels.kind
    return None if kind == "direction" else fit_regression(rows.target.iloc[rows.train], kind=kind)


def _examples(
    rows: FitRows, config: RunConfig, regression: Regression | None
) -> Streaming | Windowed:
    training = config.training
    target = rows.target.iloc[rows.train]
    if len(target) < training.lookback + config.labels.horizon + 1:
        raise DataError(
            f"{len(target):,} train rows with features are too few: "
            f"a lookback of {training.lookback:,} bars and a horizon of {config.labels.horizon} "
            f"need at least {training.lookback + config.labels.horizon + 1:,}. "
            "Take a longer train range or a shorter lookback."
        )
    if regression is None:
        weight = balance_weights(target, balance=config.labels.balance, seed=config.seed).to_numpy()
        values = target.to_numpy(dtype=np.float64)
    else:  # no classes to balance
        weight = target.notna().to_numpy(dtype=np.float32)
        values = regression.standardised(target.to_numpy(dtype=np.float64))
    unlabelled = training.lookback - 1 if training.form == "windowed" else training.lookback
    if not weight[unlabelled:].any():
        raise DataError(
            f"none of the {len(target):,} train rows from {target.index[0]} to {target.index[-1]} "
            f"that come after the first {unlabelled:,} (training.lookback) has a label: "
            "the price stands still there. Take a longer train range, or look at the candles."
        )
    given = TrainRows(rows.bars[rows.train], np.nan_to_num(values).astype(np.float32), weight)
    if training.form == "windowed":
        return Windowed(given, training.lookback, training.batch_size)
    return Streaming(given, training.lookback, training.sequence, training.batch_size)


def _judge_directions(rows: FitRows, split: Split, config: RunConfig) -> Judge:
    label = rows.target.iloc[rows.validation].to_numpy()
    move = _move(rows)
    down, up = (
        (1.0, 1.0)
        if config.labels.balance == "none"
        else class_weights(rows.target.iloc[split.train])
    )
    weight = (
        weights_of_classes(rows.target.iloc[rows.validation], down=down, up=up)
        .to_numpy()
        .astype(np.float64)
    )
    _check_validation(rows, known=int((weight > 0).sum()), least=1)

    def judge(proba: Array) -> tuple[float, float]:
        known = (weight > 0) & ~np.isnan(proba)
        loss = losses_of(proba[known], label[known], config.training)
        return float(np.average(loss, weights=weight[known])), _share_right(proba - 0.5, move)

    return judge


def _judge_moves(rows: FitRows, regression: Regression) -> Judge:
    target = regression.standardised(rows.target.iloc[rows.validation].to_numpy(dtype=np.float64))
    _check_validation(rows, known=int((~np.isnan(target)).sum()), least=2)

    def judge(number: Array) -> tuple[float, float]:
        known = ~np.isnan(target) & ~np.isnan(number)
        loss = float(np.mean((number[known] - target[known]) ** 2)) if known.any() else float("nan")
        return loss, _share_right(_predicted(rows, regression, number), _move(rows))

    return judge


def _check_validation(rows: FitRows, *, known: int, least: int) -> None:
    if known < least:
        first, last = rows.index[rows.validation][[0, -1]]
        raise DataError(
            f"{known or 'none'} of the {rows.validation.stop - rows.validation.start:,} validation "
            f"rows from {first} to {last} has a label: the price stands still there, or ends. "
            "Take a longer range or a larger split.validation."
        )


def _move(rows: FitRows) -> Array:
    return rows.labels["move"].iloc[rows.validation].to_numpy(dtype=np.float64)


def _predicted(rows: FitRows, regression: Regression, number: Array) -> Array:
    close = (
        None if rows.close is None else rows.close.iloc[rows.validation].to_numpy(dtype=np.float64)
    )
    return regression.moves(number, close=close)


def _share_right(said: Array, move: Array) -> float:
    """Return the share of moves whose direction was said: above 0 is up."""
    moved = ~np.isnan(move) & (move != 0) & ~np.isnan(said)
    return float(((said[moved] > 0) == (move[moved] > 0)).mean()) if moved.any() else float("nan")


def losses_of(
    proba: NDArray[np.float64], label: NDArray[np.float64], training: TrainingConfig
) -> NDArray[np.float64]:
    """Return the loss of each row, (rows,): what Keras makes the mean of."""
    if training.loss == "mse":
        return (proba - label) ** 2
    of_label = np.where(label == 1, proba, 1 - proba)
    return np.asarray(-np.log(np.clip(of_label, _EPSILON, 1 - _EPSILON)))
