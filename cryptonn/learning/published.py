"""The earlier systems' own evaluation, repeated with its leaks, to compare with the figure
they quoted.

Nothing here can be traded: what comes out are validation probabilities, no model.
The order is theirs: label on the complete grid, drop rows without volume, make features,
cut into train and validation, scale, make windows, balance.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.config import RunConfig
from cryptonn.errors import DataError
from cryptonn.learning.backend import keras
from cryptonn.learning.batches import TrainRows, Windowed
from cryptonn.learning.checkpoint import Checkpoint
from cryptonn.learning.features import features_of
from cryptonn.learning.fitting import EpochReport, Hooks, Validate, fit_epochs
from cryptonn.learning.labels import balance_weights, make_labels, undersample
from cryptonn.learning.material import losses_of
from cryptonn.learning.network import build_network, proba_of
from cryptonn.learning.scaling import fit_scaler, warm_up
from cryptonn.learning.windows import window_view
from cryptonn.market.candles import Frame
from cryptonn.settings import LeaksConfig

__all__ = ["PublishedRows", "fit_published", "published_rows"]

_WINDOWS = 512
"""Windows in one batch of inference."""


@dataclass(frozen=True, eq=False)
class PublishedRows:
    """Rows as the earlier system made them; a window lies within one slice and is named
    by its last row.
    """

    train: TrainRows
    validation: TrainRows
    """With time split a slice of its own; shuffled, the same rows with other weights."""
    labels: pd.DataFrame
    """label, move and tie of the validation slice's rows."""
    lookback: int

    @property
    def judged(self) -> NDArray[np.int64]:
        """Rows of the validation slice whose windows are judged."""
        return np.flatnonzero(self.validation.weight > 0)

    @property
    def counts(self) -> dict[str, int]:
        """Number of windows by role."""
        return {name: int((rows.weight > 0).sum()) for name, rows in self._roles}

    @property
    def _roles(self) -> tuple[tuple[str, TrainRows], ...]:
        return (("train", self.train), ("validation", self.validation))


def fit_published(
    rows: PublishedRows,
    config: RunConfig,
    *,
    on_epoch: Callable[[EpochReport], None] | None = None,
    on_progress: Callable[[int, float], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train the earlier system's network and predict its validation windows.

    Parameters
    ----------
    rows
        Of ``published_rows``.
    config
        The earlier system's settings, ``RunConfig.as_published``.
    on_epoch, on_progress, checkpoint
        As in ``Hooks``; the accuracy of an epoch is the published one,
        on the windows that are judged.

    Returns
    -------
    history
        One row an epoch, as ``fit_model`` gives it.
    predictions
        One row a row of the validation slice: index time; label, move, tie, proba (NaN where its
        window is not judged). From the epoch of lowest validation loss.
    """
    keras.utils.set_random_seed(config.seed)
    n_features = rows.train.bars.shape[1]
    network = build_network(
        config.network,
        n_features=n_features,
        form="windowed",
        scaling=config.features.scaling,
        seed=config.seed,
    )
    examples = Windowed(rows.train, rows.lookback, config.training.batch_size)
    hooks = Hooks(on_epoch, on_progress, checkpoint=checkpoint)
    history = fit_epochs(network, examples, _validator(network, rows, config), config, hooks)
    proba = np.full(len(rows.labels), np.nan)
    proba[rows.judged] = _proba(network, rows)
    return history, rows.labels.assign(proba=proba)


def published_rows(frame: Frame, config: RunConfig, leaks: LeaksConfig) -> PublishedRows:
    """Make train and validation rows in the earlier system's way.

    Parameters
    ----------
    frame
        Candles of ``config.data.train`` at least.
    config
        The earlier system's settings.

    Raises
    ------
    DataError
        If a slice has too few rows for one window, or lacks a class.
    """
    frame = frame.select(config.data.train)
    candles = {symbol: frame.all_columns(symbol) for symbol in config.data.symbols}
    close = candles[config.data.target]["close"]
    labels = make_labels(close, horizon=config.labels.horizon, ties=config.labels.ties)
    if leaks.untraded == "drop":
        candles = _all_traded(candles)
    features = _features(candles, config, leaks)
    features = features.iloc[warm_up(features) :]
    labels = labels.loc[features.index]
    if leaks.split == "shuffled":
        return _shuffled(features, labels, config, leaks)
    return _in_time_order(features, labels, config, leaks)


def _all_traded(candles: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Drop the bars in which some symbol did not trade: what is left is no complete grid."""
    kept = np.logical_and.reduce([table["volume"].to_numpy() > 0 for table in candles.values()])
    return {symbol: table[kept] for symbol, table in candles.items()}


def _features(
    candles: dict[str, pd.DataFrame], config: RunConfig, leaks: LeaksConfig
) -> pd.DataFrame:
    target = config.data.target
    wanted = config.features
    if leaks.indicators == "warm-up" or not wanted.ta:
        return features_of(candles, target=target, config=wanted)
    from cryptonn.learning.indicators import filled_indicators

    plain = features_of(candles, target=target, config=wanted.model_copy(update={"ta": ()}))
    filled = filled_indicators(candles[target])
    named = filled if wanted.ta == ("all",) else filled[list(wanted.ta)]
    return plain.join(named.loc[:, named.std() > 0])


def _in_time_order(
    features: pd.DataFrame, labels: pd.DataFrame, config: RunConfig, leaks: LeaksConfig
) -> PublishedRows:
    cut = len(features) - _held(len(features), config, leaks)
    end = cut - (config.purge if leaks.purge == "horizon" else 0)
    train = _windows(labels[:end], config, "train")
    validation = _windows(labels[cut:], config, "validation")
    scaler = fit_scaler(features[:end], clip=config.features.limit)
    own = (
        fit_scaler(features[cut:], clip=config.features.limit)
        if leaks.scaling == "slice"
        else scaler
    )
    weight = balance_weights(train, balance=config.labels.balance, seed=config.seed)
    judged = (
        undersample(validation, seed=config.seed) if leaks.balance == "both" else validation.notna()
    )
    return PublishedRows(
        train=_rows(scaler.scale(features[:end]), train, weight),
        validation=_rows(own.scale(features[cut:]), validation, judged),
        labels=labels[cut:],
        lookback=config.training.lookback,
    )


def _held(rows: int, config: RunConfig, leaks: LeaksConfig) -> int:
    """Return how many of the rows are held back for validation."""
    held = leaks.validation_rows or round(config.split.validation * rows)
    if held >= rows:
        raise DataError(
            f"as published: published.leaks.validation_rows = {held:,} leaves nothing to train on; "
            f"there are {rows:,} rows. Lower it, or take a longer train range."
        )
    return held


def _shuffled(
    features: pd.DataFrame, labels: pd.DataFrame, config: RunConfig, leaks: LeaksConfig
) -> PublishedRows:
    label = _windows(labels, config, "train and validation")
    chosen = undersample(label, seed=config.seed) if leaks.balance == "both" else label.notna()
    order = np.random.default_rng(config.seed).permutation(np.flatnonzero(chosen.to_numpy() > 0))
    held = order[len(order) - _held(len(order), config, leaks) :]
    judged = pd.Series(0.0, index=label.index)
    judged.iloc[held] = 1.0
    train = label.where((chosen > 0) & (judged == 0))
    bars = fit_scaler(features[train.notna()], clip=config.features.limit).scale(features)
    weight = balance_weights(train, balance=config.labels.balance, seed=config.seed)
    return PublishedRows(
        _rows(bars, train, weight), _rows(bars, label, judged), labels, config.training.lookback
    )


def _windows(labels: pd.DataFrame, config: RunConfig, role: str) -> pd.Series:
    """Return the label of each row that ends a window within its slice; NaN elsewhere."""
    lookback = config.training.lookback
    if len(labels) < lookback:
        raise DataError(
            f"as published: {len(labels):,} rows for {role} are too few for a window "
            f"of {lookback:,}. Take a longer train range."
        )
    return labels["label"].where(np.arange(len(labels)) >= lookback - 1)


def _rows(bars: NDArray[np.float32], label: pd.Series, weight: pd.Series) -> TrainRows:
    return TrainRows(
        bars, label.fillna(0).to_numpy(dtype=np.float32), weight.to_numpy(dtype=np.float32)
    )


def _validator(network: keras.Model, rows: PublishedRows, config: RunConfig) -> Validate:
    label = rows.validation.target[rows.judged].astype(np.float64)

    def validate() -> tuple[float, float]:
        proba = _proba(network, rows).astype(np.float64)
        return float(losses_of(proba, label, config.training).mean()), float(
            ((proba > 0.5) == (label == 1)).mean()
        )

    return validate


def _proba(network: keras.Model, rows: PublishedRows) -> NDArray[np.float32]:
    """Return P(up) of the judged windows, (windows,)."""
    view = window_view(rows.validation.bars, rows.lookback)
    first = rows.judged - rows.lookback + 1
    proba = np.empty(len(first), dtype=np.float32)
    for place in range(0, len(first), _WINDOWS):
        part = first[place : place + _WINDOWS]
        proba[place : place + len(part)] = proba_of(network, view[np.resize(part, _WINDOWS)])[
            : len(part), -1
        ]
    return proba
