"""The equity of a session over time: what its fills left in the account,
at the prices of its candles.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from cryptonn.paper.accounts import accounts
from cryptonn.paper.ledger import EpochRow, FillRow, LedgerReader

__all__ = ["CurvePoint", "equity_curve", "spacing"]

_BARS = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720)
_BARS_A_DAY = 1440


class CurvePoint(NamedTuple):
    """Equity in quote at a moment, milliseconds UTC."""

    time_ms: int
    equity: Decimal


def spacing(bars: int, *, most: int = 1440) -> int:
    """Return every how many bars a curve over ``bars`` bars has a point, so that there are at most
    ``most``.

    A round number, so that the points stay where they are while a session goes on.

    >>> spacing(1000), spacing(10_000), spacing(3_000_000)
    (1, 10, 2880)
    """
    days = (_BARS_A_DAY * day for day in count(1))
    return next(every for steps in (_BARS, days) for every in steps if bars <= every * most)


def equity_curve(
    reader: LedgerReader, epochs: Sequence[EpochRow], fills: Sequence[FillRow], *, bar_ms: int
) -> tuple[CurvePoint, ...]:
    """Return the equity at the closes of the target's candles since the first epoch, at most about
    1,500 points.

    Where there are more candles, only every so many-th is used, and always the newest.
    """
    facts = reader.facts
    newest = reader.newest_candle(facts.target)
    if not epochs or newest is None:
        return ()
    since_ms = epochs[0].at_ms - bar_ms
    every = spacing(max(0, newest.time_ms - since_ms) // bar_ms)
    closes = reader.closes(facts.target, since_ms=since_ms, every_ms=every * bar_ms)
    if newest.time_ms >= since_ms and (not closes or closes[-1][0] != newest.time_ms):
        closes.append((newest.time_ms, newest.close))
    times = [time_ms + bar_ms for time_ms, _ in closes]
    held = accounts(times, epochs, fills, base=facts.base, quote=facts.quote)
    return tuple(
        CurvePoint(time_ms, account.cash + account.position * Decimal(str(close)))
        for time_ms, account, (_, close) in zip(times, held, closes, strict=True)
    )
