"""How good an earlier system looks by its own measure, and what that measure is made of."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from cryptonn.errors import DataError
from cryptonn.evaluation.significance import effective_sample_size, wilson_interval

__all__ = ["PUBLISHED_MEANINGS", "published_numbers", "worth_of_ties"]

_FEWEST_TIES = 30
"""Independent ties below which nothing is said of them."""
_SURE = 1.96
"""Standard errors on either side of an interval of 95 %."""

PUBLISHED_MEANINGS = {
    "windows": "validation windows that are judged",
    "accuracy": (
        "share of them predicted right, labels as published: the number the earlier system quotes"
    ),
    "accuracy_low": "95 % interval (Wilson) on the effective windows, lower end",
    "accuracy_high": "95 % interval (Wilson) on the effective windows, upper end",
    "effective_windows": "independent windows they are worth, their labels overlapping",
    "balanced_accuracy": "mean of both recalls",
    "accuracy_on_moves": "share right among the windows whose close moves",
    "accuracy_on_moves_low": "95 % interval (Wilson), lower end",
    "accuracy_on_moves_high": "95 % interval (Wilson), upper end",
    "ties_share": (
        "share of windows whose close does not change; labelled up where ties count as up"
    ),
    "accuracy_on_ties": "share right among those",
    "moves_called_up": "share of moves said to go up",
    "ties_called_up": (
        "share of ties said to go up: more than of moves where the network knows quiet minutes"
    ),
    "loss_start": "train loss of the first epoch",
    "loss_end": "train loss of the last epoch; ln 2 = 0.6931 is that of always saying one half",
    "best_epoch": "epoch that is judged: that of the lowest validation loss",
}
"""What each number means."""


def published_numbers(
    predictions: pd.DataFrame, history: pd.DataFrame, *, horizon: int
) -> dict[str, float]:
    """Measure the validation windows in the earlier system's way, and take the measure apart.

    Parameters
    ----------
    predictions
        In time order; columns proba (NaN where a window is not judged), label (1, 0), tie (bool).
    history
        One row an epoch; columns epoch, loss, best.
    horizon
        Bars a label looks ahead.

    Returns
    -------
    dict
        One number a name of ``PUBLISHED_MEANINGS``; NaN where undefined (no tie, no move).

    Raises
    ------
    DataError
        If no window is judged.
    """
    judged = predictions["proba"].notna() & predictions["label"].notna()
    if not judged.any():
        raise DataError(
            "no validation window has both a probability and a label: there is nothing to measure."
        )
    up = predictions["proba"] > 0.5
    label = predictions["label"] == 1
    tie = predictions["tie"].astype(bool)
    right = (up == label).astype(float).where(judged)
    moves = judged & ~tie
    ties = judged & tie
    best = history.loc[history["best"]].iloc[-1]
    return {
        "windows": int(judged.sum()),
        **_share(right, "accuracy", horizon=horizon),
        "effective_windows": effective_sample_size(right, horizon=horizon),
        "balanced_accuracy": float(
            np.mean([right[judged & (label == kind)].mean() for kind in (True, False)])
        ),
        **_share(right.where(moves), "accuracy_on_moves", horizon=horizon),
        "ties_share": float(tie[judged].mean()),
        "accuracy_on_ties": float(right[ties].mean()) if ties.any() else math.nan,
        "moves_called_up": float(up[moves].mean()) if moves.any() else math.nan,
        "ties_called_up": float(up[ties].mean()) if ties.any() else math.nan,
        "loss_start": float(history["loss"].iloc[0]),
        "loss_end": float(history["loss"].iloc[-1]),
        "best_epoch": int(best["epoch"]),
    }


def worth_of_ties(numbers: Mapping[str, float], *, ties: str) -> tuple[float, float, float]:
    """Return what telling windows that do not move from those that do is worth to the accuracy,
    with its interval.

    That is the share of ties, times how much more often they are said to go the way they
    are counted than moves are.

    Parameters
    ----------
    numbers
        What ``published_numbers`` returns.
    ties
        How they are counted, "up" or "down".

    Returns
    -------
    tuple
        Value, lower and upper end (95 %), as parts of 1; NaN where there are too few ties.
    """
    share, moves, still = (
        numbers[name] for name in ("ties_share", "moves_called_up", "ties_called_up")
    )
    windows = numbers["effective_windows"]
    if not share * windows >= _FEWEST_TIES:
        return math.nan, math.nan, math.nan
    error = math.sqrt(
        still * (1 - still) / (share * windows) + moves * (1 - moves) / ((1 - share) * windows)
    )
    knows = (still - moves) * (1 if ties == "up" else -1)
    return share * knows, share * (knows - _SURE * error), share * (knows + _SURE * error)


def _share(right: pd.Series, name: str, *, horizon: int) -> dict[str, float]:
    share = float(right.mean())
    interval = wilson_interval(share, rows=effective_sample_size(right, horizon=horizon))
    return {name: share, f"{name}_low": interval.low, f"{name}_high": interval.high}
