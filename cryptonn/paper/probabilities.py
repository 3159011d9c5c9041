"""P(up) at every bar of a session: fast, and yet never on another side of a threshold than in the
backtest.

A network that carries its state on differs from ``predict_proba``, which the backtest asks, in its
last bits. Where they could matter, because a threshold of the signal rule lies that close,
``predict_proba`` is asked here too.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cryptonn.learning.features import make_features
from cryptonn.learning.prediction import FittedModel, predict_proba
from cryptonn.learning.stepping import SteppingNetwork
from cryptonn.market.bars import timeframe_delta
from cryptonn.market.candles import Frame

__all__ = ["Probabilities"]


class Probabilities:
    """What the network says of the bars of one session.

    Parameters
    ----------
    start
        First bar that is asked about.
    thresholds
        Of the signal rule. None: they are not known, so ``predict_proba`` is asked for every bar.
    """

    def __init__(
        self, model: FittedModel, *, start: pd.Timestamp, thresholds: Sequence[float] | None
    ) -> None:
        self._model = model
        self._start = start
        self._thresholds = thresholds
        self._network: SteppingNetwork | None = None
        self._features = pd.DataFrame()
        self._proba = pd.Series(dtype=np.float64)
        self._near = False

    def of(self, frame: Frame) -> tuple[pd.Series, bool]:
        """Return P(up) of the bars from the session's first on, and whether the newest lies at a
        threshold.

        A log that goes on from that of the last call costs one step a bar; another one is asked
        about afresh.
        """
        features = self._made(frame)
        close = self._close(frame)
        known = len(self._features)
        if not known or not features.iloc[:known].equals(self._features):
            self._proba = self._asked(features, close, since=self._start)
            self._near = False
            self._network = None if self._thresholds is None else self._primed(features, close)
        elif known < len(features):
            later = self._stepped(features, close, known)
            self._proba = pd.concat([self._proba, later.loc[self._start :]])
        self._features = features
        return self._proba, self._near

    def at_once(self, frame: Frame) -> pd.Series:
        """Return P(up) of the bars from the session's first on, asked in one batch."""
        return self._asked(self._made(frame), self._close(frame), since=self._start)

    def _stepped(self, features: pd.DataFrame, close: pd.Series, known: int) -> pd.Series:
        """Return P(up) of the bars after the ``known`` first."""
        if self._network is None or self._thresholds is None:
            return self._asked(features, close, since=features.index[known])
        told = self._network.extend(features.iloc[known:], close=close)
        near = np.zeros(len(told), dtype=np.bool_)
        for threshold in self._thresholds:
            near |= ((told["low"] <= threshold) & (told["high"] >= threshold)).to_numpy()
        self._near = bool(near[-1])
        proba: pd.Series = told["proba"]
        if near.any():
            exact = self._asked(features, close, since=told.index[int(near.argmax())])
            proba = proba.where(~near, exact.reindex(proba.index))
        return proba

    def _asked(self, features: pd.DataFrame, close: pd.Series, *, since: pd.Timestamp) -> pd.Series:
        """Return P(up) of the bars from ``since`` on, to the bit what asking for all bars at once
        gives.
        """
        return predict_proba(
            self._model, features.iloc[self._first_row(features, since) :], close=close
        ).loc[since:]

    def _primed(self, features: pd.DataFrame, close: pd.Series) -> SteppingNetwork:
        """Return a network that has seen what it needs to go on after the newest bar."""
        network = SteppingNetwork(self._model)
        windowed = self._model.config.training.form == "windowed"
        first = (
            self._first_row(features, features.index[-1]) + windowed
        )  # one bar less than a window: nothing is said
        network.extend(features.iloc[first:], close=close)
        return network

    def _first_row(self, features: pd.DataFrame, since: pd.Timestamp) -> int:
        """Return the row from which on the network must see features to answer
        from ``since`` on.
        """
        config = self._model.config
        lookback = config.training.lookback
        if config.training.form == "windowed":
            return max(0, int(features.index.searchsorted(since)) - lookback + 1)
        return int(
            features.index.searchsorted(
                since.normalize() - lookback * timeframe_delta(config.data.timeframe)
            )
        )

    def _made(self, frame: Frame) -> pd.DataFrame:
        return make_features(
            frame, target=self._model.config.data.target, config=self._model.config.features
        )

    def _close(self, frame: Frame) -> pd.Series:
        close: pd.Series = frame.table[(self._model.config.data.target, "close")]
        return close
