"""How good the probabilities are: the accuracy as published, and the honest ones beside it."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from cryptonn.errors import DataError
from cryptonn.evaluation.rows import Array, Rows, rows_of
from cryptonn.evaluation.significance import (
    LEVEL,
    effective_sample_size,
    ratio_interval,
    wilson_interval,
)
from cryptonn.evaluation.tables import confusion_table, histogram_table, reliability_table
from cryptonn.units import BP

__all__ = ["MEANINGS", "Assessment", "assess", "compare_accuracy"]

MEANINGS = {
    "rows": "bars with a probability and a move",
    "rows_without_proba": "bars left out because the network had not seen enough bars",
    "rows_without_move": "bars left out because the data end before their horizon",
    "moves": "rows whose close changed within the horizon",
    "ties_share": "share of rows whose close did not change",
    "balanced_accuracy_published": (
        "mean of both recalls with ties labelled up, as earlier systems quoted it: "
        "the expected accuracy after dropping rows of the larger class; "
        "part of it tells quiet minutes from moving ones"
    ),
    "balanced_accuracy": "mean of both recalls, ties left out",
    "accuracy": "share of all rows predicted right; a tie is a miss",
    "base_rate": (
        "share of the larger class, up or down, in all rows: what always saying the same gets"
    ),
    "accuracy_on_moves": "share of moves predicted right",
    "accuracy_on_moves_low": "95 % interval (Wilson) on the effective rows, lower end",
    "accuracy_on_moves_high": "95 % interval (Wilson) on the effective rows, upper end",
    "base_rate_on_moves": "share of the larger class in the moves",
    "effective_rows": "independent rows the moves are worth, their labels overlapping",
    "log_loss": "mean of -log of the probability given to what happened, on moves (nats)",
    "log_loss_base_rate": "log loss of always giving the share of ups of these moves",
    "auc": "probability that an up got a higher probability than a down; 0.5 is no skill",
    "brier": "mean squared error of the probability on moves; 0.25 for always one half",
    "accuracy_top_tenth": "accuracy on the moves among the most confident tenth of rows",
    "accuracy_top_tenth_low": "95 % interval (Wilson) on its effective rows, lower end",
    "accuracy_top_tenth_high": "95 % interval (Wilson) on its effective rows, upper end",
    "accuracy_top_hundredth": "accuracy on the moves among the most confident hundredth of rows",
    "accuracy_top_hundredth_low": "95 % interval (Wilson) on its effective rows, lower end",
    "accuracy_top_hundredth_high": "95 % interval (Wilson) on its effective rows, upper end",
    "mean_move_bp": (
        "mean log move in the predicted direction, close to close, before any cost (bp); "
        "ties count as 0"
    ),
    "mean_move_top_tenth_bp": "the same on the most confident tenth of rows",
    "mean_move_top_tenth_low_bp": "95 % interval (bootstrap of days), lower end",
    "mean_move_top_tenth_high_bp": "95 % interval (bootstrap of days), upper end",
    "mean_move_top_hundredth_bp": "the same on the most confident hundredth of rows",
    "mean_move_top_hundredth_low_bp": "95 % interval (bootstrap of days), lower end",
    "mean_move_top_hundredth_high_bp": "95 % interval (bootstrap of days), upper end",
    "magnitude_weighted_accuracy": (
        "share of the absolute move that was predicted right: the accuracy money sees"
    ),
    "mean_absolute_move_bp": "mean absolute log move over all rows (bp)",
    "median_absolute_move_bp": "median absolute log move over all rows (bp)",
}
"""What each metric of an assessment means, in the order of the table."""

_TOP_SHARES = {"top_tenth": 0.1, "top_hundredth": 0.01}


@dataclass(frozen=True)
class Assessment:
    """How good the probabilities of one model were on one period.

    Attributes
    ----------
    metrics
        One number a name of ``MEANINGS``; NaN where undefined (an interval of too few days,
        a top share that has no move).
    confusion
        Counts of moves: index ``true`` (down, up), columns ``predicted`` (down, up).
    reliability
        One row a quantile bin of the probability, moves only: ``proba`` (mean), ``share_up``,
        ``count``; ``low`` and ``high`` (95 %) of the share.
    histogram
        Counts of probabilities: ``bin_low``, ``bin_high``, ``ups``, ``downs``;
        edges symmetric about one half.
    """

    metrics: dict[str, float]
    confusion: pd.DataFrame
    reliability: pd.DataFrame
    histogram: pd.DataFrame


def assess(
    proba: pd.Series, labels: pd.DataFrame, *, horizon: int, resamples: int = 1000, seed: int = 0
) -> Assessment:
    """Measure probabilities against what happened.

    Predicted up means P(up) > 1/2. The true direction comes from ``move`` and ``tie``,
    so the result does not depend on how ties were labelled for the fit.

    Parameters
    ----------
    proba
        P(up) by bar, in [0, 1]; NaN where there is none. Bars that ``labels`` lacks
        are not looked at.
    labels
        Columns ``move`` (log close[t + horizon] / close[t], NaN at the end) and ``tie`` (bool);
        consecutive bars.
    horizon
        Bars a label looks ahead.
    resamples, seed
        Of the bootstrap of days behind the intervals of the mean moves.

    Raises
    ------
    DataError
        If no row has both a probability and a move, all moves go the same way,
        or a probability lies outside [0, 1].
    """
    rows = rows_of(proba, labels)
    hits = rows.hits(rows.counted)
    effective = effective_sample_size(hits, horizon=horizon)
    metrics = _counts(rows) | _accuracies(rows, hits, effective) | _scores(rows)
    for name, share in _TOP_SHARES.items():
        metrics |= _most_confident(
            rows, name, share, horizon=horizon, resamples=resamples, seed=seed
        )
    metrics |= _money(rows)
    return Assessment(
        metrics={name: metrics[name] for name in MEANINGS},
        confusion=confusion_table(rows),
        reliability=reliability_table(rows, effective_share=effective / int(rows.moved.sum())),
        histogram=histogram_table(rows),
    )


def compare_accuracy(
    proba: pd.Series, baseline: pd.Series, labels: pd.DataFrame, *, horizon: int
) -> dict[str, float]:
    """Compare two models on the moves that both predicted, row by row.

    The rows are the same, so luck they share cancels: the interval of the difference is narrower
    than the two intervals suggest.

    Returns
    -------
    dict
        ``accuracy``, ``baseline_accuracy``, their ``difference``, ``difference_low``
        and ``difference_high`` (95 %, normal, on the effective rows of the difference), ``moves``.
    """
    first = rows_of(proba, labels)
    second = rows_of(baseline, labels)
    both = first.counted & second.counted & first.moved
    own = first.hits(both)
    other = second.hits(both)
    if not both.any():
        raise DataError("the two models share no row with a move: predict both on the same period.")
    difference = own - other
    mean = float(np.nanmean(difference))
    deviation = float(np.nanstd(difference))
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    half = z * deviation / math.sqrt(effective_sample_size(difference, horizon=horizon))
    return {
        "accuracy": float(np.nanmean(own)),
        "baseline_accuracy": float(np.nanmean(other)),
        "difference": mean,
        "difference_low": mean - half,
        "difference_high": mean + half,
        "moves": int(both.sum()),
    }


def _counts(rows: Rows) -> dict[str, float]:
    counted = int(rows.counted.sum())
    moves = int(rows.moved.sum())
    return {
        "rows": counted,
        "rows_without_proba": int(np.isnan(rows.proba).sum()),
        "rows_without_move": int((np.isnan(rows.move) & np.isfinite(rows.proba)).sum()),
        "moves": moves,
        "ties_share": 1.0 - moves / counted,
    }


def _accuracies(rows: Rows, hits: Array, effective: float) -> dict[str, float]:
    up = rows.moved & (rows.move > 0)
    down = rows.moved & (rows.move < 0)
    tie = rows.counted & ~rows.moved
    counted = int(rows.counted.sum())
    ups = int(up.sum())
    downs = int(down.sum())
    said_up = rows.predicted_up
    said_down = ~rows.predicted_up
    right = float(np.nansum(hits))
    down_recall = float(said_down[down].mean())
    interval = wilson_interval(right / (ups + downs), rows=effective)
    return {
        "balanced_accuracy_published": (float(said_up[up | tie].mean()) + down_recall) / 2,
        "balanced_accuracy": (float(said_up[up].mean()) + down_recall) / 2,
        "accuracy": right / counted,
        "base_rate": max(ups, downs) / counted,
        "accuracy_on_moves": right / (ups + downs),
        "accuracy_on_moves_low": interval.low,
        "accuracy_on_moves_high": interval.high,
        "base_rate_on_moves": max(ups, downs) / (ups + downs),
        "effective_rows": effective,
    }


def _scores(rows: Rows) -> dict[str, float]:
    proba = rows.proba[rows.moved]
    up = rows.move[rows.moved] > 0
    given = np.clip(np.where(up, proba, 1.0 - proba), np.finfo(np.float64).eps, None)
    share = float(up.mean())
    ranks = pd.Series(proba).rank().to_numpy()
    ups = int(up.sum())
    downs = int((~up).sum())
    return {
        "log_loss": float(-np.log(given).mean()),
        "log_loss_base_rate": -(share * math.log(share) + (1 - share) * math.log(1 - share)),
        "auc": (float(ranks[up].sum()) - ups * (ups + 1) / 2) / (ups * downs),  # Mann-Whitney
        "brier": float(((proba - up) ** 2).mean()),
    }


def _most_confident(
    rows: Rows, name: str, share: float, *, horizon: int, resamples: int, seed: int
) -> dict[str, float]:
    # Chosen among all rows, ties included: at the close of t nobody knows
    # whether the price will move.
    confidence = np.where(rows.counted, np.abs(rows.proba - 0.5), -1.0)
    best = np.argsort(-confidence, kind="stable")[: math.ceil(share * int(rows.counted.sum()))]
    chosen = np.zeros_like(rows.counted)
    chosen[best] = True
    hits = rows.hits(chosen)
    moves = np.isfinite(hits)
    accuracy = float(hits[moves].mean()) if moves.any() else math.nan
    near = wilson_interval(accuracy, rows=effective_sample_size(hits, horizon=horizon))
    gain = np.where(chosen, np.where(rows.predicted_up, 1.0, -1.0) * rows.move, 0.0)
    _, day = np.unique(rows.day, return_inverse=True)
    gains = np.bincount(day, weights=gain)
    counts = np.bincount(day, weights=chosen)
    mean = ratio_interval(gains, counts, resamples=resamples, seed=seed)
    return {
        f"accuracy_{name}": accuracy,
        f"accuracy_{name}_low": near.low,
        f"accuracy_{name}_high": near.high,
        f"mean_move_{name}_bp": float(gains.sum() / counts.sum()) / BP,
        f"mean_move_{name}_low_bp": mean.low / BP,
        f"mean_move_{name}_high_bp": mean.high / BP,
    }


def _money(rows: Rows) -> dict[str, float]:
    move = rows.move[rows.counted]
    gain = np.where(rows.predicted_up[rows.counted], move, -move)
    size = np.abs(move)
    return {
        "mean_move_bp": float(gain.mean()) / BP,
        "magnitude_weighted_accuracy": float(size[gain > 0].sum() / size.sum()),
        "mean_absolute_move_bp": float(size.mean()) / BP,
        "median_absolute_move_bp": float(np.median(size)) / BP,
    }
