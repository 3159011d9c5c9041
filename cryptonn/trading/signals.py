"""From P(up) to the wanted direction: when to enter, how long to stay."""

from typing import Literal

import numpy as np
import pandas as pd

from cryptonn.errors import ConfigError, DataError
from cryptonn.settings import SignalConfig

__all__ = ["entry_threshold", "make_signal"]


def make_signal(
    proba: pd.Series,
    *,
    enter: float,
    exit: Literal["hold", "threshold"] = "hold",  # noqa: A002 - the word of the run file
    exit_threshold: float = 0.5,
    hold: int,
    renew: bool = True,
    direction: Literal["long", "long-short"] = "long",
) -> pd.Series:
    """Decide at the close of each bar which direction is wanted.

    Row t depends on rows ≤ t only. The decision at the close of t is filled at the open of t+1,
    so a position entered at open[t+1] and held for ``hold`` bars leaves at open[t+1+hold]:
    ``hold`` rows of the signal are not 0.

    Parameters
    ----------
    proba
        P(up) known at the close of each bar. NaN: no entry, and no reason to stay under
        ``exit="threshold"``; under ``exit="hold"`` an open position still times out.
    enter
        Go long at ``proba ≥ enter``; with "long-short" also short at ``proba ≤ 1 − enter``.
    exit
        "hold": leave after ``hold`` bars. "threshold": leave once ``proba < exit_threshold``
        (short: ``> 1 − exit_threshold``), however long that takes.
    renew
        Whether an entry in the direction held starts the holding time anew. If not,
        each position lasts exactly ``hold`` bars and the next begins one bar later at the earliest.
    direction
        "long" or "long-short"; with the latter an entry the other way reverses
        the position at once.

    Returns
    -------
    Series of int8 in {−1, 0, 1}, named "signal", with the index of ``proba``.

    >>> up = pd.Series([0.5, 0.9, 0.5, 0.5, 0.5])
    >>> make_signal(up, enter=0.6, hold=2).tolist()
    [0, 1, 1, 0, 0]
    """
    _check(enter, exit_threshold, hold)
    values = proba.to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore"):
        if np.any((values < 0) | (values > 1)):
            raise DataError("proba must lie in [0, 1]: give make_signal the network's P(up).")
        entries = (values >= enter).astype(np.int8)
        if direction == "long-short":
            # 1 − p is compared, not p with 1 − enter, so that rounding cannot break the symmetry.
            entries -= ((1 - values >= enter) & (entries == 0)).astype(np.int8)
        if exit == "threshold":
            wanted = _until_threshold(
                entries, values >= exit_threshold, 1 - values >= exit_threshold
            )
        else:
            wanted = _for_bars(entries, hold, renew)
    return pd.Series(np.array(wanted, dtype=np.int8), index=proba.index, name="signal")


def _check(enter: float, exit_threshold: float, hold: int) -> None:
    if not 0.5 <= enter <= 1:
        raise ConfigError(
            f"enter = {enter} must lie in [0.5, 1]: it is the probability at which "
            "a position is opened."
        )
    if not 0 <= exit_threshold <= 1:
        raise ConfigError(
            f"exit_threshold = {exit_threshold} must lie in [0, 1]: it is a probability."
        )
    if hold < 1:
        raise ConfigError(f"hold = {hold} must be at least 1 bar.")


def _for_bars(entries: np.ndarray, hold: int, renew: bool) -> list[int]:
    wanted = []
    held = 0
    left = 0
    for entry in entries.tolist():
        left -= 1
        if entry and (entry != held or renew):
            held = entry
            left = hold
        elif left <= 0:
            held = 0
        wanted.append(held)
    return wanted


def _until_threshold(
    entries: np.ndarray, stay_long: np.ndarray, stay_short: np.ndarray
) -> list[int]:
    wanted = []
    held = 0
    for entry, long, short in zip(
        entries.tolist(), stay_long.tolist(), stay_short.tolist(), strict=True
    ):
        if entry:
            held = entry
        elif not (long if held > 0 else short):
            held = 0
        wanted.append(held)
    return wanted


def entry_threshold(config: SignalConfig, validation_proba: pd.Series) -> float:
    """Return the probability at which to enter.

    ``enter = 0.55`` is taken as it stands. ``enter = "top 1%"`` is the 99 % quantile of the
    validation probabilities (of max(p, 1 − p) with "long-short"), never below 0.5.

    Raises
    ------
    DataError
        If a share is asked for and no validation probability is known.
    """
    share = config.top_share
    if share is None:
        return float(config.enter)
    values = validation_proba.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        raise DataError(
            f"signal.enter = {config.enter!r} needs validation probabilities, and there are none. "
            "Enlarge the train range or give a probability such as 0.55."
        )
    if config.direction == "long-short":
        values = np.maximum(values, 1 - values)
    return float(max(0.5, np.quantile(values, 1 - share)))
