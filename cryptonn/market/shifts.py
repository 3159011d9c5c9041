"""Whether the candles of two symbols belong together in time: their returns must match
best in the same bar.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.market.bars import time_text, timeframe_delta, traded
from cryptonn.market.candles import Frame
from cryptonn.market.jumps import robust_scale
from cryptonn.units import counted

__all__ = ["Match", "Shift", "match_of"]

NEAR = 3
"""So many bars before and after are looked at ..."""
HOURS = 14
"""... and so many whole hours: the time zones there are."""
PIECE = 360
"""Bars of the shortest stretch that is judged alone, so that one shifted file
among many is seen.
"""
GROUPS = (1, 4, 28)
"""Pieces of which longer stretches are made, besides the whole."""
FEWEST = 100
"""Bars in which both traded, below which nothing can be said of a stretch."""
ERRORS = 6.0
"""Standard errors by which the match at a shift must exceed that of the same bar.

Of BTC and ETH 2017 to mid 2019, in bars of a minute to a day, the largest excess
with a correlation of ``CLEAR`` was 4.9; shifted by one bar, the whole of each year exceeds 6,
and any but days exceed 13.
"""
PEAK, PEAK_ERRORS = 1.5, 4.0
"""The match of a near shift must be a peak: so many times those beside it,
by so many standard errors. Where one coin follows another, later bars match too, less and less;
where a file is shifted, one bar does.
"""
CLEAR = 0.25
"""Smallest correlation that is a match."""
CLIP = 5.0
"""Returns beyond so many robust scales count as that: one bar must not decide."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """A stretch in which two symbols match best some bars apart."""

    bars: int
    """By how many bars the other symbol comes late (below 0: early)."""
    correlation: float
    """Of the returns so many bars apart."""
    same_bar: float
    """Of the returns of the same bar."""
    first: pd.Timestamp
    last: pd.Timestamp
    """First and last bar (UTC) of the stretch."""


@dataclass(frozen=True)
class Match:
    """How two symbols move together."""

    target: str
    other: str
    correlation: float
    """Of the log returns of the same bar, over all bars in which both traded;
    0 where that cannot be said.
    """
    bars: int
    """In which both traded."""
    shift: Shift | None
    """The longest stretch in which they do not belong together."""

    def words(self, timeframe: str) -> str:
        """Say what the shift is and what it comes from; nothing without one."""
        shift = self.shift
        if shift is None:
            return ""
        apart = abs(shift.bars) * timeframe_delta(timeframe)
        hours = apart / pd.Timedelta(hours=1)
        way = "later" if shift.bars > 0 else "earlier"
        late = self.other if shift.bars > 0 else self.target
        size = counted(abs(shift.bars), "bar")
        reason = (
            f"the candles of {late} are probably stamped by the close of the bar, not by its open"
        )
        if abs(shift.bars) > 1 and hours >= 1 and (4 * hours).is_integer():
            size += f" ({hours:g} h)"
            reason = "the times of one of the two are probably of another time zone than UTC"
        return (
            f"{self.other} fits {self.target} best {size} {way}: from {time_text(shift.first)} to "
            f"{time_text(shift.last)} the correlation of their returns is {shift.correlation:.2f} "
            f"there and {shift.same_bar:.2f} in the same bar; {reason}"
        )


def match_of(frame: Frame, *, target: str, other: str) -> Match:
    """Tell how two symbols of a frame move together, and whether one is shifted in time.

    The correlation of the log returns of closes, over the bars in which both traded,
    is compared with that some bars and some whole hours apart, over all bars and over each stretch
    of ``GROUPS``: one file of several may be shifted.

    Notes
    -----
    The standard error of a correlation of n unrelated returns is 1 / root n (Bartlett 1946,
    On the theoretical specification and sampling properties of autocorrelated time-series,
    JRSS Suppl. 8, 27-41).
    """
    own = _returns(frame.candles(target))
    others = _returns(frame.candles(other))
    sums = _Sums(own, others)
    both = np.flatnonzero((own != 0) & (others != 0))
    lags = _lags(frame.timeframe, bars=len(own))
    groups = (len(sums.counts), *reversed(GROUPS))
    shifts = (_shift(sums, lags, group, frame.index) for group in groups)
    at_all = float(sums.correlations(0, len(sums.counts))[0])
    return Match(target, other, at_all, len(both), next((s for s in shifts if s is not None), None))


def _returns(candles: pd.DataFrame) -> Values:
    """Return the clipped log returns of bars that traded after one that did, in robust scales,
    else 0; shape (n,).
    """
    close = np.log(candles["close"].to_numpy())
    moved = traded(candles).to_numpy()
    moves = np.diff(close, prepend=close[0])
    moves[~moved] = 0.0
    moves[1:][~moved[:-1]] = 0.0
    scale = robust_scale(moves)
    return np.clip(moves / scale, -CLIP, CLIP) if scale else np.zeros(len(moves))


class _Sums:
    """Sums of products of two rows of returns by piece, so that each shift is looked at once."""

    def __init__(self, own: Values, other: Values) -> None:
        self._own = _padded(own)
        self._other = _padded(other).ravel()
        self._own_squares = (self._own**2).sum(axis=1)
        self._squares = np.concatenate([[0.0], np.cumsum(self._other**2)])
        both = (self._own != 0) & (self._other.reshape(self._own.shape) != 0)
        self.counts = both.sum(axis=1)
        self._kept: dict[int, tuple[Values, Values]] = {}

    def correlations(self, lag: int, group: int) -> Values:
        """Return the correlation of own[t] with other[t + lag] of each group of pieces;
        shape (groups,).
        """
        products, squares = self._of(lag)
        starts = np.arange(0, len(products), group)
        product, square, own = (
            np.add.reduceat(values, starts) for values in (products, squares, self._own_squares)
        )
        size = np.sqrt(square * own)
        found: Values = np.divide(product, size, out=np.zeros(len(starts)), where=size > 0)
        return found

    def _of(self, lag: int) -> tuple[Values, Values]:
        if lag not in self._kept:
            n = len(self._other)
            moved = np.zeros(n)
            low = max(0, -lag)
            high = min(n, n - lag)
            moved[low:high] = self._other[low + lag : high + lag]
            products = np.einsum("ij,ij->i", self._own, moved.reshape(self._own.shape))
            edges = np.clip(np.arange(0, n + PIECE, PIECE) + lag, 0, n)
            self._kept[lag] = (products, np.diff(self._squares[edges]))
        return self._kept[lag]


def _padded(returns: Values) -> Values:
    """Return the returns in rows of a piece each, the last one filled up with 0;
    shape (pieces, PIECE).
    """
    return np.pad(returns, (0, -len(returns) % PIECE)).reshape(-1, PIECE)


def _lags(timeframe: str, *, bars: int) -> list[int]:
    """Return the shifts that are looked at: those near, and whole hours,
    as far as the bars reach.
    """
    hour = pd.Timedelta(hours=1) / timeframe_delta(timeframe)
    counts = (
        *(half / 2 for half in range(1, 2 * HOURS + 1)),
        5.75,
        *(24.0 * day for day in (1, 2, 7)),
    )
    hours = [round(count * hour) for count in counts if (count * hour).is_integer()]
    later = sorted({*range(1, NEAR + 1), *hours})
    return [lag for lag in (*later, *(-lag for lag in later)) if abs(lag) < bars // 2]


def _shift(sums: _Sums, lags: Iterable[int], group: int, index: pd.DatetimeIndex) -> Shift | None:
    """Return the clearest shift of the stretches of so many pieces; None if all belong together."""
    same = sums.correlations(0, group)
    counts = np.add.reduceat(sums.counts, np.arange(0, len(sums.counts), group))
    error = 1 / np.sqrt(np.maximum(counts, 1))
    best: Shift | None = None
    for lag in lags:
        found = sums.correlations(lag, group)
        clear = (counts >= FEWEST) & (np.abs(found) >= CLEAR)
        clear &= np.abs(found) - np.abs(same) > ERRORS * error
        if not clear.any():
            continue
        if abs(lag) <= NEAR:
            beside = [np.abs(sums.correlations(near, group)) for near in (lag - 1, lag + 1)]
            clear &= np.abs(found) - PEAK * np.maximum(beside[0], beside[1]) > PEAK_ERRORS * error
        if clear.any():
            place = int(np.argmax(np.where(clear, np.abs(found), 0.0)))
            if best is None or abs(found[place]) > abs(best.correlation):
                first = place * group * PIECE
                last = min(first + group * PIECE, len(index)) - 1
                best = Shift(
                    bars=lag,
                    correlation=float(found[place]),
                    same_bar=float(same[place]),
                    first=index[first],
                    last=index[last],
                )
    return best
