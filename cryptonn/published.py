"""An earlier system repeated with its own settings and leaks, beside the figure it quoted;
never traded.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, DataError
from cryptonn.evaluation.published import published_numbers
from cryptonn.market.candles import Frame

if TYPE_CHECKING:
    from cryptonn.learning.checkpoint import Checkpoint
    from cryptonn.learning.fitting import EpochReport

__all__ = [
    "Reproduction",
    "check_claim",
    "check_reproduction",
    "published_claim",
    "reproduce",
]


@dataclass(frozen=True, eq=False)
class Reproduction:
    """What an earlier system's own evaluation gives on our candles."""

    config: RunConfig
    """The earlier system's settings."""
    history: pd.DataFrame
    """One row an epoch."""
    predictions: pd.DataFrame
    """One row a row of its validation slice: label, move, tie, proba (NaN where its window
    is not judged).
    """
    numbers: dict[str, float]
    """By name of ``evaluation/published.py``."""
    windows: dict[str, int]
    """Number of windows by role: train, validation."""
    leaks: tuple[str, ...]
    """What it let through, in words."""
    seconds: float

    def record(self, config: RunConfig) -> dict[str, Any]:
        """Return what a run keeps of it, fit for JSON; ``config`` is the run's own."""
        return {
            **published_claim(config),
            "leaks": list(self.leaks),
            "numbers": self.numbers,
            "rows": self.windows,
            "epochs": len(self.history),
            "full_epochs": self.config.training.full_epochs or self.config.training.epochs,
            "seconds": self.seconds,
        }


def published_claim(config: RunConfig) -> dict[str, Any]:
    """Return what the earlier system said of itself: system, figure and metric."""
    return (
        {}
        if config.published is None
        else config.published.model_dump(include={"system", "figure", "metric"})
    )


def check_claim(config: RunConfig) -> None:
    """Refuse a section ``[published]`` that asks for what cannot be repeated.

    Raises
    ------
    ConfigError
        If it is to be reproduced, and is a regression.
    """
    if config.published is not None and config.published.reproduce:
        _refuse_regression(config)


def _refuse_regression(config: RunConfig) -> None:
    if config.as_published().is_regression:
        raise ConfigError(
            f"{config.name}: published.reproduce = true is for classifiers. Set it to false."
        )


def check_reproduction(config: RunConfig, frame: Frame) -> None:
    """Refuse candles that ``reproduce`` would refuse, without training anything.

    Raises
    ------
    DataError
        If the rows are too few, lack a class, or hold nothing to train on or to judge.
    """
    from cryptonn.learning.published import published_rows

    if config.published is None:
        return
    earlier = config.as_published()
    leaks = config.published.leaks
    counts = published_rows(frame, earlier, leaks).counts
    for role, windows in counts.items():
        if not windows:
            raise DataError(
                f"as published: no window of {earlier.training.lookback:,} bars for {role} has a "
                "label. Take a longer train range."
            )


def reproduce(
    config: RunConfig,
    frame: Frame,
    *,
    on_epoch: "Callable[[EpochReport], None] | None" = None,
    on_progress: Callable[[int, float], None] | None = None,
    checkpoint: "Checkpoint | None" = None,
) -> Reproduction:
    """Train and judge as the earlier system did.

    Parameters
    ----------
    config
        A run with a section ``[published]``.
    frame
        Candles of ``data.train`` at least, of every symbol of the earlier system.
    on_epoch, on_progress, checkpoint
        As in ``learning.fitting.Hooks``.

    Raises
    ------
    ConfigError
        If the run names nothing published, or is a regression.
    DataError
        If the candles are too few.
    """
    from cryptonn.learning.published import fit_published, published_rows

    if config.published is None:
        raise ConfigError(
            f"{config.name}: has no section [published], so there is nothing to reproduce."
        )
    _refuse_regression(config)
    started = time.perf_counter()
    earlier = config.as_published()
    leaks = config.published.leaks
    rows = published_rows(frame, earlier, leaks)
    history, predictions = fit_published(
        rows, earlier, on_epoch=on_epoch, on_progress=on_progress, checkpoint=checkpoint
    )
    return Reproduction(
        config=earlier,
        history=history,
        predictions=predictions,
        numbers=published_numbers(predictions, history, horizon=earlier.labels.horizon),
        windows=rows.counts,
        leaks=leaks.words(indicators=bool(earlier.features.ta)),
        seconds=time.perf_counter() - started + _seconds_before(checkpoint),
    )


def _seconds_before(checkpoint: "Checkpoint | None") -> float:
    return 0.0 if checkpoint is None else checkpoint.seconds
