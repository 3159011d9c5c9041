"""The rows an assessment counts: what was said and what happened, bar by bar."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.errors import DataError

__all__ = ["Array", "Mask", "Rows", "rows_of"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class Rows:
    """Every bar of the labels; arrays of shape (n,).

    A bar that does not count keeps its place, so lags are bars.

    ``move`` is the log move over the horizon, ``day`` counts days since 1970 (UTC), ``counted``
    marks the bars with a probability and a move, ``moved`` those of them that are no tie.
    """

    proba: Array
    move: Array
    day: npt.NDArray[np.int64]
    counted: Mask
    moved: Mask

    @property
    def predicted_up(self) -> Mask:
        """Where P(up) is above one half."""
        return np.asarray(self.proba > 0.5)

    def hits(self, where: Mask) -> Array:
        """Return 1 where a move was predicted right, 0 where wrong, NaN at ties
        and outside ``where``.
        """
        right = self.predicted_up == (self.move > 0)
        return np.where(where & self.moved, right.astype(np.float64), np.nan)


def rows_of(proba: pd.Series, labels: pd.DataFrame) -> Rows:
    """Bring probabilities and labels together on the bars of the labels.

    Raises
    ------
    DataError
        If no row has both a probability and a move, all moves go the same way,
        or a probability lies outside [0, 1].
    """
    given = proba if proba.index.equals(labels.index) else proba.reindex(labels.index)
    chance = given.to_numpy(dtype=np.float64, na_value=np.nan)
    move = labels["move"].to_numpy(dtype=np.float64, na_value=np.nan)
    outside = np.flatnonzero((chance < 0) | (chance > 1))
    if len(outside):
        raise DataError(
            f"{len(outside):,} probabilities lie outside 0 to 1, first {chance[outside[0]]:g} at "
            f"{labels.index[outside[0]]}. Give P(up), not a score."
        )
    counted = np.isfinite(chance) & np.isfinite(move)
    day = pd.DatetimeIndex(labels.index).as_unit("ns").asi8 // _DAY_NS
    rows = Rows(chance, move, day, counted, counted & ~labels["tie"].to_numpy(dtype=bool))
    _check(rows)
    return rows


def _check(rows: Rows) -> None:
    if not rows.counted.any():
        raise DataError(
            f"nothing to assess: of {len(rows.proba):,} rows {int(np.isnan(rows.proba).sum()):,} "
            f"have no probability, {int(np.isnan(rows.move).sum()):,} no move. "
            "Take a longer period: it must outlast lookback and horizon."
        )
    ups = int((rows.move[rows.moved] > 0).sum())
    moves = int(rows.moved.sum())
    if ups in (0, moves):
        what = (
            f"all {moves:,} moves go {'up' if ups else 'down'}" if moves else "every row is a tie"
        )
        raise DataError(
            f"constant label: {what}, so there is no accuracy to measure. Take a longer period, "
            "or check the candles."
        )
