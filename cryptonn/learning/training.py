"""Fitting the network on the train rows, keeping the epoch that is best on the validation rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.config import RunConfig
from cryptonn.errors import DataError
from cryptonn.learning.backend import keras
from cryptonn.learning.batches import Streaming, TrainRows, Windowed
from cryptonn.learning.fitting import EpochReport, Hooks, Validate, fit_epochs
from cryptonn.learning.labels import balance_weights, class_weights, weights_of_classes
from cryptonn.learning.network import build_network
from cryptonn.learning.prediction import FittedModel, infer
from cryptonn.learning.scaling import fit_scaler, warm_up
from cryptonn.learning.splits import Split
from cryptonn.settings import TrainingConfig

__all__ = ["fit_model", "losses_of"]

_EPSILON = 1e-7
"""Probabilities are kept so far from 0 and 1 before their logarithm is taken, as Keras does."""


def fit_model(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    split: Split,
    config: RunConfig,
    *,
    on_epoch: Callable[[EpochReport], None] | None = None,
    on_progress: Callable[[int, float], None] | None = None,
    log_dir: Path | None = None,
) -> tuple[FittedModel, pd.DataFrame]:
    """Train the network of a run; same seed, data, versions and machine give the same weights.

    Parameters
    ----------
    features, labels
        Of ``make_features`` and ``make_labels``, on one index. No row after the validation rows is looked at.
    on_epoch
        Called after each epoch.
    on_progress
        Called after each step with the number of the epoch (from 1) and the share of it that is done.
    log_dir
        Folder for TensorBoard; nothing is logged without one, or with ``training.tensorboard = false``.

    Returns
    -------
    model
        With the weights of the epoch of lowest validation loss.
    history
        One row an epoch: epoch, loss, val_loss, val_accuracy, seconds, best (the epoch kept), interrupted (True in the
        last row if Ctrl-C ended the fit).

    Raises
    ------
    DataError
        If train rows are too few, a label or feature is constant, or a feature is NaN or infinite.
    ModelError
        If the loss is no longer finite, or Ctrl-C came before the first epoch was done.
    """
    features, labels = features.iloc[: split.validation.stop], labels.iloc[: split.validation.stop]
    keras.utils.set_random_seed(config.seed)
    scaler = fit_scaler(features.iloc[split.train], clip=config.features.clip)
    bars = scaler.scale(features)
    rows = slice(max(warm_up(features), split.train.start), split.train.stop)
    examples = _examples(bars, labels, rows, config)
    network = build_network(config.network, n_features=features.shape[1])
    validate = _validator(network, bars, labels, split, config)
    history = fit_epochs(network, examples, validate, config, Hooks(on_epoch, on_progress, log_dir))
    names = tuple(str(name) for name in features.columns)
    return FittedModel(network=network, scaler=scaler, feature_names=names, config=config), history


def _examples(bars: NDArray[np.float32], labels: pd.DataFrame, rows: slice, config: RunConfig) -> Streaming | Windowed:
    training = config.training
    label = labels["label"].iloc[rows]
    if len(label) < training.lookback + config.labels.horizon + 1:
        raise DataError(
            f"{len(label):,} train rows with features are too few: a lookback of {training.lookback:,} bars and a "
            f"horizon of {config.labels.horizon} need at least {training.lookback + config.labels.horizon + 1:,}. "
            "Take a longer train range or a shorter lookback."
        )
    weight = balance_weights(label, balance=config.labels.balance, seed=config.seed)
    given = TrainRows(bars[rows], label.fillna(0).to_numpy(dtype=np.float32), weight.to_numpy())
    if training.form == "windowed":
        return Windowed(given, training.lookback, training.batch_size)
    return Streaming(given, training.lookback, training.sequence, training.batch_size)


def _validator(
    network: keras.Model, bars: NDArray[np.float32], labels: pd.DataFrame, split: Split, config: RunConfig
) -> Validate:
    """Return a function that gives the loss and the accuracy on moves of the validation rows."""
    index, rows = pd.DatetimeIndex(labels.index), split.validation
    first = int(np.isnan(bars).any(axis=1).sum())
    label, move = labels["label"].iloc[rows].to_numpy(), labels["move"].iloc[rows].to_numpy()
    down, up = (1.0, 1.0) if config.labels.balance == "none" else class_weights(labels["label"].iloc[split.train])
    weight = weights_of_classes(labels["label"].iloc[rows], down=down, up=up).to_numpy().astype(np.float64)
    if not weight.any():
        raise DataError(
            f"none of the {len(label):,} validation rows from {index[rows][0]} to {index[rows][-1]} has a label: the "
            "price stands still there. Take a longer range or a larger split.validation."
        )

    def validate() -> tuple[float, float]:
        proba = infer(network, bars, index, config, first=first, since=rows.start)[rows].astype(np.float64)
        known, moved = (weight > 0) & ~np.isnan(proba), ~np.isnan(move) & (move != 0) & ~np.isnan(proba)
        loss = losses_of(proba[known], label[known], config.training)
        right = (proba[moved] > 0.5) == (move[moved] > 0)
        return float(np.average(loss, weights=weight[known])), float(right.mean())

    return validate


def losses_of(proba: NDArray[np.float64], label: NDArray[np.float64], training: TrainingConfig) -> NDArray[np.float64]:
    """Return the loss of each row, (rows,): what Keras makes the mean of."""
    if training.loss == "mse":
        return (proba - label) ** 2
    of_label = np.where(label == 1, proba, 1 - proba)
    return np.asarray(-np.log(np.clip(of_label, _EPSILON, 1 - _EPSILON)))
