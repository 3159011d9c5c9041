"""What a network learns from and is judged on: features, labels and split of a run,
one row a bar.
"""

from dataclasses import dataclass

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.learning.features import make_features
from cryptonn.learning.labels import make_labels
from cryptonn.learning.splits import Split, split_rows
from cryptonn.market.candles import Frame

__all__ = ["Rows", "make_rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Tables on one index, and which rows of them have which role."""

    features: pd.DataFrame
    labels: pd.DataFrame
    split: Split
    close: pd.Series
    """Of the target."""

    @property
    def held_out(self) -> dict[str, slice]:
        """Row positions of "validation" and of every test period."""
        return {"validation": self.split.validation, **self.split.test}

    @property
    def roles(self) -> dict[str, slice]:
        """Row positions of "train" and of what is held out."""
        return {"train": self.split.train, **self.held_out}


def make_rows(frame: Frame, config: RunConfig) -> Rows:
    """Turn the candles of a run into features, labels and a split."""
    close = frame.candles(config.data.target)["close"]
    split = split_rows(
        frame.index,
        train=config.data.train,
        test=config.data.test,
        validation=config.split.validation,
        purge=config.purge,
        lookback=config.training.lookback,
    )
    return Rows(
        features=make_features(frame, target=config.data.target, config=config.features),
        labels=make_labels(close, horizon=config.labels.horizon, ties=config.labels.ties),
        split=split,
        close=close,
    )
