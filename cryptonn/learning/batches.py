"""What one training step sees, in either form: bars, targets and the weight of each
target in the loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cryptonn.learning.windows import sequence_starts, window_view

__all__ = ["Batch", "Streaming", "TrainRows", "Windowed"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class TrainRows:
    """The train rows, in time order."""

    bars: Array
    """Scaled features, (rows, features), all finite."""
    target: Array
    """1 up, 0 down, (rows,); anything where the weight is 0."""
    weight: Array
    """Weight in the loss, (rows,); 0 where there is no label."""


@dataclass(frozen=True)
class Batch:
    """One step: bars (batch, time, features), target and weight (batch, labelled time)."""

    bars: Array
    target: Array
    weight: Array


@dataclass(frozen=True)
class Streaming:
    """A label at every bar of sequences of ``lookback + sequence`` bars,
    but for the first ``lookback``.
    """

    rows: TrainRows
    lookback: int
    sequence: int
    size: int

    @property
    def length(self) -> int:
        """Labelled bars in a sequence; all there are, where the train rows are fewer
        than one sequence.
        """
        return min(self.sequence, len(self.rows.bars) - self.lookback)

    @property
    def steps(self) -> int:
        """Steps in an epoch; the random offset may save one."""
        return -(-((len(self.rows.bars) - self.lookback) // self.length) // self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Give the batches of one epoch; offsets and order are random."""
        time = self.lookback + self.length
        bars = window_view(self.rows.bars, time)
        target = sliding_window_view(self.rows.target, time)
        weight = sliding_window_view(self.rows.weight, time)
        starts = sequence_starts(
            len(self.rows.bars), lookback=self.lookback, sequence=self.length, rng=rng
        )
        for chosen, filler in _chunks(starts, self.size):
            weights = weight[chosen]  # (batch, time), a copy
            weights[:, : self.lookback] = 0
            weights[filler] = 0
            if weights.any():
                yield Batch(bars[chosen], target[chosen], weights)


@dataclass(frozen=True)
class Windowed:
    """One label for each window of ``lookback`` bars: that of its last bar."""

    rows: TrainRows
    lookback: int
    size: int

    @property
    def _last(self) -> NDArray[np.int64]:
        """Rows with a label and ``lookback`` bars up to them."""
        return np.flatnonzero(self.rows.weight[self.lookback - 1 :]) + self.lookback - 1

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-len(self._last) // self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Give the batches of one epoch, in random order."""
        bars = window_view(self.rows.bars, self.lookback)
        for last, filler in _chunks(rng.permutation(self._last), self.size):
            weights = self.rows.weight[last]
            weights[filler] = 0
            yield Batch(
                bars[last - self.lookback + 1], self.rows.target[last, None], weights[:, None]
            )


def _chunks(order: NDArray[np.int64], size: int) -> Iterator[tuple[NDArray[np.int64], slice]]:
    """Cut into chunks of equal size, so that nothing is compiled twice;
    the slice is the filler of the last one.
    """
    size = min(size, len(order))
    for first in range(0, len(order), size):
        chosen = order[first : first + size]
        yield np.resize(chosen, size), slice(len(chosen), None)
