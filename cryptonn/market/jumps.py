"""Jumps of the price that no market makes: another unit from some bar on, a print that comes back,
an absurd wick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.market.bars import bar_step, time_index, time_text, timeframe_delta, times_of
from cryptonn.market.timerange import TimeRange
from cryptonn.units import counted

__all__ = ["Jump", "find_jumps", "jumps_text", "robust_scale"]

LEAP, LEAP_SCALES = np.log(1.5), 10.0
"""Smallest step from one close to the next open, and smallest print that is gone a bar later:
a market that trades on makes neither. The largest of BTC and ETH 2013 to 2022 (minutes to days)
were 0.19 and 0.23, in logs; at most 5 scales of a day. 0.153 was the largest in minutes.
"""
MOVE, MOVE_SCALES = np.log(1.8), 20.0
"""Smallest change of the close from one bar to the next.

The largest real one was 0.55, of a day (ETH, 12 March 2020: 15 scales; BTC that day: 20 scales,
0.47), and 0.19 of a minute.
"""
HOLE_SCALES = 8.0
"""Over a hole of n bars the same holds for so many scales times the root of n,
where that is more.
"""
WICK, WICK_SCALES = np.log(3.0), 20.0
"""Smallest distance of high or low from the nearer of open and close."""
BACK_BARS = 10
"""A price that has come back within so many bars was a print, and no new level."""
BACK_SHARE = 1 / 3
"""It has come back once less than this share of the jump is left."""
ENOUGH = 20
"""So many moves tell how much a price moves; with fewer only the absolute sizes count."""
TO_DEVIATION = 1.4826
"""Of a normal distribution the standard deviation over the median absolute deviation."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Jump:
    """One jump of one symbol's price."""

    time: pd.Timestamp
    """The first bar that has it (its open, UTC)."""
    kind: Literal["stays", "comes back", "wick"]
    ratio: float
    """Price there over the price before; of a wick: high or low over the nearer
    of open and close.
    """
    hole_since: pd.Timestamp | None = None
    """The bar before, where others are absent in between."""
    until: pd.Timestamp | None = None
    """Of one that comes back: the first bar without it again; of a wick the next bar."""

    def __str__(self) -> str:
        size = f"x{self.ratio:,.1f}" if self.ratio >= 1 else f"/{1 / self.ratio:,.1f}"
        at = f"{size} at {time_text(self.time)}"
        if self.hole_since is not None:
            at += f" (over a hole since {time_text(self.hole_since)})"
        if self.kind == "wick":
            return f"{at} within the bar, in its {'high' if self.ratio > 1 else 'low'} alone"
        if self.until is not None:
            return f"{at} and comes back by {time_text(self.until)}"
        return f"{at} and stays"

    @property
    def stretch(self) -> TimeRange | None:
        """What to leave out so that no return is across the jump;
        None where the new level stays.
        """
        return None if self.kind == "stays" else TimeRange(self.time, self.until)


def find_jumps(candles: pd.DataFrame, *, timeframe: str) -> list[Jump]:
    """Find the jumps in the candles of one symbol, in time order.

    A jump is larger than an absolute size and larger than so many robust scales of the symbol's
    own moves from bar to bar, so that what a minute must not do a day may. A step between two bars
    (close to the next open) and a print that is gone in the next bar are suspect from ``LEAP`` on;
    a change of the close that the bar itself may have traded through from ``MOVE`` on:
    that of a day may be real where that of a minute is not. Doubling from one day to the next
    is therefore found only where the open jumps too.

    Parameters
    ----------
    candles
        A candle table; bars may be absent.
    timeframe
        Length of its bars.

    Notes
    -----
    The scale is the median absolute log return, times 1.4826: Rousseeuw and Croux (1993),
    Alternatives to the median absolute deviation, JASA 88, 1273-1283.
    Half of the returns may be jumps before it gives way.
    """
    if len(candles) < 2:
        return []
    opens, highs, lows, closes = (
        np.log(candles[field].to_numpy()) for field in ("open", "high", "low", "close")
    )
    moves = np.diff(closes)
    absent = np.diff(times_of(time_index(candles))) / bar_step(timeframe)  # 1: none in between
    scale = robust_scale(moves[absent == 1])
    sizes = _sizes(opens[1:] - closes[:-1], moves, absent, scale)
    times = time_index(candles)
    found = _told(sizes, closes, times, timeframe_delta(timeframe))
    tops = highs - np.maximum(opens, closes)
    bottoms = lows - np.minimum(opens, closes)
    found += _wicks(tops, bottoms, times, timeframe=timeframe, scale=scale)
    return sorted(found, key=lambda jump: jump.time)


def robust_scale(moves: Values) -> float:
    """Return the standard deviation that the median of the absolute moves other than 0 stands for;
    0 of too few.
    """
    sizes = np.abs(moves[moves != 0])
    return TO_DEVIATION * float(np.median(sizes)) if len(sizes) >= ENOUGH else 0.0


def jumps_text(jumps: Sequence[Jump], *, most: int = 3) -> str:
    """List jumps in words, the first few of many."""
    said = ", ".join(str(jump) for jump in jumps[:most])
    return said + (f", and {counted(len(jumps) - most, 'more jump')}" if len(jumps) > most else "")


def _sizes(gaps: Values, moves: Values, absent: Values, scale: float) -> Values:
    """Return for each bar after the first how far it jumped, 0 where it did not; shape (n - 1,)."""
    over_hole = np.where(absent > 1, HOLE_SCALES * scale * np.sqrt(absent), 0.0)
    usual = TO_DEVIATION * float(
        np.median(np.abs(gaps))
    )  # of a file whose opens are odd throughout
    leap = np.maximum(max(LEAP, LEAP_SCALES * max(scale, usual)), over_hole)
    move = np.maximum(max(MOVE, MOVE_SCALES * scale), over_hole)
    stepped = np.abs(gaps) > leap
    back = np.append(moves[1:], 0.0)
    gone = (np.abs(moves) > leap) & (np.abs(back) > leap) & (np.sign(moves) != np.sign(back))
    gone &= np.abs(moves + back) < BACK_SHARE * np.abs(moves)
    return np.where(stepped, gaps, np.where(gone | (np.abs(moves) > move), moves, 0.0))


def _told(sizes: Values, closes: Values, times: pd.DatetimeIndex, bar: pd.Timedelta) -> list[Jump]:
    """Tell of each jump whether it stays; one there and one back are told as one."""
    rows = np.flatnonzero(sizes).tolist()
    found: list[Jump] = []
    done = 0
    for row, later in zip(rows, [*rows[1:], None], strict=False):
        if row < done:
            continue
        size = float(sizes[row])
        back = _back(closes, row, size)
        if back is None and later is not None:
            left = abs(size + float(sizes[later]))
            back = later + 1 if left < BACK_SHARE * abs(size) else None
        done = row if back is None else back
        found.append(
            Jump(
                time=times[row + 1],
                kind="stays" if back is None else "comes back",
                ratio=float(np.exp(size)),
                hole_since=times[row] if times[row + 1] - times[row] > bar else None,
                until=None if back is None else max(times[back], times[row + 1] + bar),
            )
        )
    return found


def _back(closes: Values, row: int, size: float) -> int | None:
    """Return the first row soon after a jump whose close is near that before it."""
    left = np.abs(closes[row + 1 : row + 2 + BACK_BARS] - closes[row]) < BACK_SHARE * abs(size)
    return row + 1 + int(left.argmax()) if left.any() else None


def _wicks(
    tops: Values, bottoms: Values, times: pd.DatetimeIndex, *, timeframe: str, scale: float
) -> list[Jump]:
    """Return the bars whose high or low lies absurdly far (in logs) from both open and close."""
    least = max(WICK, WICK_SCALES * scale)
    sizes = np.where(tops > least, tops, np.where(-bottoms > least, bottoms, 0.0))
    bar = timeframe_delta(timeframe)
    return [
        Jump(times[row], "wick", float(np.exp(sizes[row])), until=times[row] + bar)
        for row in np.flatnonzero(sizes).tolist()
    ]
