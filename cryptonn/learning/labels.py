"""What is predicted: whether the close is higher ``horizon`` bars ahead.

The only file that looks ahead.
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError

__all__ = [
    "balance_weights",
    "class_weights",
    "later_close",
    "make_labels",
    "tie_share",
    "undersample",
    "weights_of_classes",
]


def make_labels(
    close: pd.Series, *, horizon: int, ties: Literal["exclude", "up", "down"] = "exclude"
) -> pd.DataFrame:
    """Label every bar by the close ``horizon`` bars ahead.

    Returns
    -------
    DataFrame
        On the index of ``close``. ``label``: 1.0 up, 0.0 down, NaN in the last
        ``horizon`` rows and, with ``ties="exclude"``, where the close is unchanged.
        ``move``: log(close[t + horizon] / close[t]), NaN in the last ``horizon`` rows.
        ``tie``: whether the close is unchanged.

    >>> close = pd.Series([1.0, 2.0, 2.0, 1.0])
    >>> make_labels(close, horizon=1)["label"].tolist()
    [1.0, nan, 0.0, nan]
    """
    later = later_close(close, horizon=horizon)
    move = np.log(later / close)
    tie = later == close
    label = (later > close).astype(np.float64).where(later.notna())
    label = label.mask(tie, {"exclude": np.nan, "up": 1.0, "down": 0.0}[ties])
    return pd.DataFrame({"label": label, "move": move, "tie": tie})


def later_close(close: pd.Series, *, horizon: int) -> pd.Series:
    """Return the close ``horizon`` bars after each bar; NaN in the last ``horizon`` rows."""
    return close.shift(-horizon)


def tie_share(labels: pd.DataFrame) -> float:
    """Return the share of ties among the rows whose move is known (NaN if there is none)."""
    known = labels["move"].notna()
    return float(labels["tie"][known].mean())


def class_weights(label: pd.Series) -> tuple[float, float]:
    """Return the weights of a down row and of an up row that give both classes the same total;
    their mean is 1.

    Raises
    ------
    DataError
        If only one class occurs, or no row has a label.
    """
    up = int((label == 1).sum())
    down = int((label == 0).sum())
    if not up or not down:
        raise DataError(
            f"constant label: {up:,} rows up, {down:,} rows down among {len(label):,}. Nothing can "
            "be learnt from it: take a longer train range, another horizon, or look at the candles."
        )
    return (up + down) / (2 * down), (up + down) / (2 * up)


def undersample(label: pd.Series, *, seed: int) -> pd.Series:
    """Drop random rows of the larger class until both have the same number, as published.

    Returns
    -------
    Series
        float32 on the index of ``label``: 1 for a row that is kept, 0 for one that is dropped
        or has no label.
    """
    class_weights(label)  # refuses a constant label
    rng = np.random.default_rng(seed)
    values = label.to_numpy()
    rows = [np.flatnonzero(values == kind) for kind in (0, 1)]
    weights = np.zeros(len(label), dtype=np.float32)
    for chosen in rows:
        weights[rng.choice(chosen, size=min(map(len, rows)), replace=False)] = 1
    return pd.Series(weights, index=label.index, name="weight")


def balance_weights(
    label: pd.Series,
    *,
    balance: Literal["weights", "undersample", "none"] = "weights",
    seed: int = 0,
) -> pd.Series:
    """Return the weight of each row in the loss: 0 where there is no label.

    Parameters
    ----------
    label
        Train rows only: 1, 0 or NaN.
    balance
        ``"weights"`` weighs the classes to the same total, ``"undersample"`` drops rows
        of the larger one, ``"none"`` takes every labelled row as it is.
    seed
        Of the rows that undersampling drops.

    Raises
    ------
    DataError
        If only one class occurs.
    """
    if balance == "undersample":
        return undersample(label, seed=seed)
    down, up = class_weights(label) if balance == "weights" else (1.0, 1.0)
    class_weights(label)
    return weights_of_classes(label, down=down, up=up)


def weights_of_classes(label: pd.Series, *, down: float, up: float) -> pd.Series:
    """Give every down row one weight and every up row another; 0 where there is no label.
    float32.
    """
    values = label.to_numpy()
    weights: NDArray[np.float32] = np.select(
        [values == 0, values == 1], [down, up], default=0.0
    ).astype(np.float32)
    return pd.Series(weights, index=label.index, name="weight")
