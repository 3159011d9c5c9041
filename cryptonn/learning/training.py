"""Fitting the network on the train rows, keeping the epoch that is best on the validation rows."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.config import RunConfig
from cryptonn.learning.backend import keras
from cryptonn.learning.fitting import Hooks, fit_epochs
from cryptonn.learning.material import FitRows, material_of
from cryptonn.learning.network import build_network
from cryptonn.learning.prediction import FittedModel, infer
from cryptonn.learning.splits import Split

__all__ = ["Hooks", "fit_model"]

Array = NDArray[np.float64]
_NOBODY = Hooks()


def fit_model(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    split: Split,
    config: RunConfig,
    *,
    close: pd.Series | None = None,
    hooks: Hooks = _NOBODY,
) -> tuple[FittedModel, pd.DataFrame]:
    """Train the network of a run; same seed, data, versions and machine give the same weights.

    Parameters
    ----------
    features, labels
        Of ``make_features`` and ``make_labels``, on one index. No row after the validation
        rows is looked at.
    close
        Of the target, on the same index; only ``labels.kind = "price"`` needs it.
    hooks
        Who is told how the fit goes, where it is logged, and which file keeps where it stands.

    Returns
    -------
    model
        With the weights of the epoch of lowest validation loss; a regression's has
        measured its error there.
    history
        One row an epoch: epoch, loss, val_loss, val_accuracy, seconds, best (the epoch kept),
        interrupted (True in the last row if Ctrl-C ended the fit).

    Raises
    ------
    DataError
        If train rows are too few, a label, target or feature is constant,
        or a feature is NaN or infinite.
    ModelError
        If a loss is no longer finite, or Ctrl-C came before the first epoch was done.
    """
    keras.utils.set_random_seed(config.seed)
    material = material_of(features, labels, split, config, close)
    network = build_network(
        config.network,
        n_features=features.shape[1],
        form=config.training.form,
        scaling=config.features.scaling,
        seed=config.seed,
    )
    said = _sayings(network, material.rows, config)
    history = fit_epochs(network, material.examples, lambda: material.judge(said()), config, hooks)
    regression = material.measured(said()) if config.is_regression else None
    names = tuple(str(name) for name in features.columns)
    return FittedModel(network, material.scaler, names, config, regression), history


def _sayings(network: keras.Model, rows: FitRows, config: RunConfig) -> Callable[[], Array]:
    """Return a function that gives what the network, as it is then, says at the validation rows."""
    first = int(np.isnan(rows.bars).any(axis=1).sum())
    since = rows.validation.start

    def said() -> Array:
        output = infer(network, rows.bars, rows.index, config, first=first, since=since)
        return output[rows.validation].astype(np.float64)

    return said
