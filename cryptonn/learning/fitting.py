"""The epochs of a fit: steps over batches, validation after each epoch, the best one kept."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.config import RunConfig
from cryptonn.errors import InterruptedFit, ModelError
from cryptonn.learning.backend import JIT, keras
from cryptonn.learning.batches import Streaming, Windowed
from cryptonn.learning.checkpoint import Checkpoint, Standing, identity_of
from cryptonn.settings import NetworkConfig, TrainingConfig

__all__ = ["EpochReport", "Hooks", "Validate", "fit_epochs", "move_average"]

Validate = Callable[[], tuple[float, float]]
"""Gives the loss and the accuracy on moves of the validation rows, by the network's
weights of the moment.
"""


@dataclass(frozen=True)
class EpochReport:
    """How an epoch went; its text is one line for a person."""

    epoch: int
    """From 1 on."""
    epochs: int
    loss: float
    """Mean over the epoch's steps, classes weighted."""
    val_loss: float
    """The same loss on the validation rows, after the epoch."""
    val_accuracy: float
    """Share of right directions on the validation rows whose close moves; NaN if none does."""
    seconds: float
    best: bool
    """Whether the validation loss is the lowest so far."""

    def __str__(self) -> str:
        return (
            f"epoch {self.epoch}/{self.epochs}  loss {self.loss:.4f}  "
            f"val_loss {self.val_loss:.4f}  val_accuracy {self.val_accuracy:.2%}  "
            f"{self.seconds:.1f} s{'  best' if self.best else ''}"
        )


@dataclass(frozen=True)
class Hooks:
    """What wants to be told how a fit goes, and where it is written; nothing by default."""

    on_epoch: Callable[[EpochReport], None] | None = None
    """Called after each epoch."""
    on_progress: Callable[[int, float], None] | None = None
    """Called after each step with the number of the epoch (from 1) and the share
    of it that is done.
    """
    log_dir: Path | None = None
    """Folder for TensorBoard; nothing is logged without one, or with
    ``training.tensorboard = false``.
    """
    checkpoint: Checkpoint | None = None
    """A file that keeps where the fit stands after each epoch, and that a fit which was
    stopped goes on from.
    """


@dataclass
class _Progress:
    """What the fit has reached; kept outside its loop, so that an interrupt loses nothing."""

    reports: list[EpochReport] = field(default_factory=list)
    standing: Standing = field(default_factory=lambda: Standing([]))
    interrupted: bool = False

    @property
    def lowest(self) -> float:
        return min((report.val_loss for report in self.reports), default=float("inf"))

    @property
    def stale(self) -> int:
        """Epochs since the best one."""
        return len(self.reports) - max(
            (report.epoch for report in self.reports if report.best), default=0
        )

    def history(self) -> pd.DataFrame:
        table = pd.DataFrame([asdict(report) for report in self.reports]).drop(columns="epochs")
        table["best"] = table["epoch"] == len(table) - self.stale
        table["interrupted"] = [False] * (len(table) - 1) + [self.interrupted]
        return table


def fit_epochs(
    network: keras.Model,
    examples: Streaming | Windowed,
    validate: Validate,
    config: RunConfig,
    hooks: Hooks,
) -> pd.DataFrame:
    """Train the network in place; it ends with the weights of the epoch of lowest validation loss.

    Returns
    -------
    DataFrame
        One row an epoch: epoch, loss, val_loss, val_accuracy, seconds, best (the epoch kept),
        interrupted (True in the last row if Ctrl-C ended the fit).

    Raises
    ------
    ModelError
        If the loss is no longer finite.
    InterruptedFit
        If Ctrl-C came before the first epoch was done.
    """
    progress = _Progress()
    try:
        _run_epochs(network, examples, validate, config, progress, hooks)
    except KeyboardInterrupt as error:
        progress.interrupted = True
        if not progress.reports:
            words = (
                "training was interrupted before its first epoch was done: nothing of it is kept."
            )
            raise InterruptedFit(words) from error
    network.set_weights(progress.standing.best)
    return progress.history()


def _run_epochs(
    network: keras.Model,
    examples: Streaming | Windowed,
    validate: Validate,
    config: RunConfig,
    progress: _Progress,
    hooks: Hooks,
) -> None:
    training = config.training
    rng = np.random.default_rng(config.seed)
    network.compile(
        _optimizer(training, examples.steps), loss=_loss(training, config.network), jit_compile=JIT
    )
    network.optimizer.build(
        network.trainable_variables
    )  # else TensorFlow traces the first step twice to find them
    log = _log(
        network, hooks.log_dir if training.tensorboard else None, histograms=training.histograms
    )
    of = identity_of(config, examples.rows) if hooks.checkpoint else {}
    _go_on(network, rng, of, progress, hooks, validate)
    standing = progress.standing
    for epoch in range(len(progress.reports) + 1, training.epochs + 1):
        if training.patience and progress.stale >= training.patience:
            break
        started = time.perf_counter()
        loss = _train_epoch(network, examples, rng, epoch, config, hooks, standing.average)
        newest = network.get_weights()
        network.set_weights(standing.average)
        val_loss, val_accuracy = validate()
        if not np.isfinite(val_loss):
            raise ModelError(
                f"the validation loss is {val_loss} after epoch {epoch}. {_remedy(config)}"
            )
        network.set_weights(newest)
        best = val_loss < progress.lowest
        if best:
            standing.best = [weights.copy() for weights in standing.average]
        seconds = time.perf_counter() - started
        report = EpochReport(epoch, training.epochs, loss, val_loss, val_accuracy, seconds, best)
        progress.reports.append(report)
        standing.epochs.append(asdict(report))
        log(report)
        if hooks.on_epoch:
            hooks.on_epoch(report)
        if hooks.checkpoint:
            hooks.checkpoint.save(standing, network, rng, of=of)


def _go_on(
    network: keras.Model,
    rng: np.random.Generator,
    of: dict[str, Any],
    progress: _Progress,
    hooks: Hooks,
    validate: Validate,
) -> None:
    """Set everything to where an earlier sitting stopped, if there was one,
    and tell of the epochs it did.
    """
    standing = (
        hooks.checkpoint.load(network, rng, of=of, validate=validate) if hooks.checkpoint else None
    )
    progress.standing = standing or Standing([weights.copy() for weights in network.get_weights()])
    progress.reports += [EpochReport(**numbers) for numbers in progress.standing.epochs]
    if hooks.on_epoch:
        for report in progress.reports:
            hooks.on_epoch(report)


def _train_epoch(
    trained: keras.Model,
    examples: Streaming | Windowed,
    rng: np.random.Generator,
    epoch: int,
    config: RunConfig,
    hooks: Hooks,
    average: list[NDArray[np.float32]],
) -> float:
    """Train on every batch of an epoch and move ``average``, in place, towards the weights
    after each step.
    """
    losses = []
    for step, batch in enumerate(examples.epoch(rng), start=1):
        trained.reset_metrics()  # else Keras returns the mean over all steps so far
        target = _target(batch.target, config.network)
        loss = float(trained.train_on_batch(batch.bars, target, sample_weight=batch.weight))
        if not np.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} at step {step} of epoch {epoch}. {_remedy(config)}"
            )
        losses.append(loss)
        if config.training.averaging:
            done = (epoch - 1) * examples.steps + step
            share = max(1 - config.training.averaging, 1 / done)  # at first a mean
            move_average(average, trained.get_weights(), share=share)
        if hooks.on_progress:
            hooks.on_progress(epoch, min(1.0, step / examples.steps))
    if not config.training.averaging:
        average[:] = (
            trained.get_weights()
        )  # reading them at every step takes a tenth of a small network's time
    return float(np.mean(losses))


def _remedy(config: RunConfig) -> str:
    uncut = bool(config.features.levels) or config.labels.kind == "price"
    clip = "" if config.features.clip or uncut else ", or set features.clip"
    return f"Lower training.learning_rate ({config.training.learning_rate:g}){clip}."


def move_average(
    average: list[NDArray[np.float32]], newest: list[NDArray[np.float32]], *, share: float
) -> None:
    """Move each average by ``share`` of the way to the newest weights, in place."""
    for mean, weights in zip(average, newest, strict=True):
        mean += np.float32(share) * (weights - mean)


def _target(target: NDArray[np.float32], network: NetworkConfig) -> NDArray[np.float32]:
    """Return what the output should be, (batch, time, classes) or (batch, time, 1)."""
    classes = [1 - target, target] if network.output == "softmax" else [target]
    return np.stack(classes, axis=-1)


def _loss(training: TrainingConfig, network: NetworkConfig) -> keras.losses.Loss:
    mean = "mean_with_sample_weight"  # over the labelled bars only
    if training.loss == "mse":
        return keras.losses.MeanSquaredError(reduction=mean)
    if network.output == "softmax":
        return keras.losses.CategoricalCrossentropy(reduction=mean)
    return keras.losses.BinaryCrossentropy(reduction=mean)


def _optimizer(training: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    schedules = keras.optimizers.schedules
    decay = (
        training.decay if training.schedule == "inverse_time" else 0.0
    )  # 0: the rate is constant
    rate = schedules.InverseTimeDecay(training.learning_rate, decay_steps=1, decay_rate=decay)
    if training.schedule == "cosine":
        rate = schedules.CosineDecay(training.learning_rate, decay_steps=training.epochs * steps)
    return {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[training.optimizer](
        rate
    )


def _log(
    trained: keras.Model, log_dir: Path | None, *, histograms: bool
) -> Callable[[EpochReport], None]:
    """Return a function that writes an epoch's numbers, and histograms of the weights,
    for TensorBoard, if wanted.
    """
    if log_dir is None:
        return lambda report: None
    board = keras.callbacks.TensorBoard(
        log_dir=str(log_dir), write_graph=False, histogram_freq=int(histograms)
    )
    board.set_model(trained)

    def log(report: EpochReport) -> None:
        numbers = {
            "loss": report.loss,
            "val_loss": report.val_loss,
            "val_accuracy": report.val_accuracy,
        }
        board.on_epoch_end(report.epoch, numbers)

    return log
