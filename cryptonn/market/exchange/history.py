"""The candles that an exchange gives of a stretch, oldest first, and the parts of it that
it has answered for.

Exchanges differ in what they make of ``since``: candles from then on, candles of a window
that begins then, the newest ones whatever it is, or a refusal where it is too old.
Nothing here asks which kind one is: a reply is held against what was asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from cryptonn.market.bars import bar_step, time_index, times_of
from cryptonn.market.exchange.asking import PublicExchange
from cryptonn.market.exchange.failures import RefusedRequest
from cryptonn.market.exchange.pages import HOLE, Stretch, bars_a_day, reply_candles

__all__ = ["Given", "History", "Lost", "LostKind"]

UNKNOWN_PAGE = 500
"""Bars a page is taken to span where ccxt does not know the exchange's limit."""
MOST_RETURNS = 8
"""Times that a search for the first candle starts anew, because there are some
from before a hole.
"""
_FULL = 0.9
"""Share of the candles ccxt expects from which on a reply is a full one."""
MOST_LOOKS = 20
"""Requests that look for the beginning of one page."""

LostKind = Literal["newest only", "refused", "older"]
"""Why the beginning of a stretch did not come: the exchange gave its newest candles instead,
it refused the request, or it gave later candles only.
"""


@dataclass(frozen=True)
class Given:
    """The candles of one page that lie in the stretch."""

    candles: pd.DataFrame
    answered: Stretch
    """A bar absent from it did not trade. It may be empty."""
    reached: int
    """Up to here (ns) the stretch has been asked for."""


@dataclass(frozen=True)
class Lost:
    """The beginning of a stretch, which the exchange did not give."""

    stretch: Stretch
    kind: LostKind
    newest: int = 0
    """Candles it gave instead, where it gave its newest."""


@dataclass(frozen=True, eq=False)
class _Reply:
    """One reply: the candles from ``since`` on, and whether it holds earlier ones too."""

    since: int
    candles: pd.DataFrame
    begins_before: bool
    rows: int

    @property
    def first(self) -> int:
        return int(times_of(time_index(self.candles))[0])

    @property
    def last(self) -> int:
        return int(times_of(time_index(self.candles))[-1])


class History:
    """Candles of one symbol at an exchange.

    Parameters
    ----------
    present
        Now (ns): a reply that ends shortly before holds the newest candles.
    """

    def __init__(self, venue: PublicExchange, *, symbol: str, timeframe: str, present: int) -> None:
        self.lost: list[Lost] = []
        self.refusal: RefusedRequest | None = None
        """The last request that was refused, if one was."""
        self._venue = venue
        self._symbol = symbol
        self._timeframe = timeframe
        self._step = bar_step(timeframe)
        self._present = present
        self._limit = venue.page_limit or UNKNOWN_PAGE
        self._span = self._limit // 2 * self._step
        """So much of the time after ``since`` a reply surely tells of.

        At first half of what ccxt says: its class for mexc says 1,000 bars and asks for 500.
        """
        self._look_back = (self._limit - 1) * self._step
        """Where a page that is to end with a certain bar is asked for: so long before it."""
        self._inclusive = False
        """A reply has begun with the very bar it was asked for."""

    def pages(self, start: int, end: int) -> Iterator[Given]:
        """Give the candles that open in [start, end), page by page.

        What the exchange does not give is skipped, in few requests however long it is;
        see ``_next``.
        """
        since = start
        known = False  # the exchange has given a candle from before `since`
        while since < end:
            found = self._next(since, end)
            if found is None:
                return
            reply = self._from_its_beginning(found, known=known)
            known = known or (reply.begins_before and reply.since == since)
            if not known and reply.first > since:
                known = not self._is_lost((since, min(reply.first, end)), found)
            answered = since if known else reply.first
            self._span = max(self._span, min(reply.last - reply.since, self._limit * self._step))
            since = reply.last + self._step
            known = True
            reached = min(since, end)
            times = times_of(time_index(reply.candles))
            wanted = reply.candles[(times >= start) & (times < end)]
            yield Given(wanted, (min(answered, reached), reached), reached)

    def _next(self, since: int, end: int) -> _Reply | None:
        """Return the first reply with a candle at or after ``since``;
        None if there is none before ``end``.

        Pages without a candle are asked for one after the other for a day;
        after that at distances that double, and when candles come, back by halves
        to the first page that has one, and anew where there are some before a hole.
        What is passed over so is longer than a quiet market has, and is told as missing.
        """
        reply = self._ask(since)
        empty = since
        stride = self._span
        while reply is None:
            latest = end - self._span
            if empty >= latest:
                return None
            asked = min(empty + stride, latest)
            reply = self._ask(asked)
            if reply is None:
                empty = asked
                if asked - since > bars_a_day(self._timeframe) * self._step:
                    stride *= 2
        for _ in range(MOST_RETURNS):
            reply = self._first_between(empty, reply)
            earlier = self._before(reply, since)
            if earlier is None:
                break
            empty = since
            reply = earlier
        return reply

    def _before(self, found: _Reply, since: int) -> _Reply | None:
        """Return a reply with candles from before, looked for at distances that double:
        what was found may have come after a hole.
        """
        distance = self._span
        while found.since - distance > since:
            reply = self._ask(found.since - distance)
            if reply is not None and reply.first < found.first:
                return reply
            distance *= 2
        return None

    def _first_between(self, empty: int, reply: _Reply) -> _Reply:
        """Return the first reply with a candle, between a page without one and a reply
        that has some.
        """
        while reply.since - empty > (self._span if reply.first > reply.since else self._step):
            middle = empty + (reply.since - empty) // 2 // self._step * self._step
            earlier = self._ask(middle)
            if earlier is None:
                empty = middle
            else:
                reply = earlier
        return reply

    def _from_its_beginning(self, found: _Reply, *, known: bool) -> _Reply:
        """Return a reply with what it lacks after ``since``: it is asked for what ends
        where the reply begins.

        Some exchanges give the newest candles of a window, and fewer than ccxt asks for;
        others begin after ``since``. A candle from before ``since`` tells that nothing is lacking:
        nobody traded.
        """
        expected = known and self._inclusive and found.first - found.since <= HOLE * self._step
        if expected or found.begins_before:
            return found
        candles = found.candles
        begins_before = False
        first = found.first
        for _ in range(MOST_LOOKS):
            if not 0 < first - found.since < self._limit * self._step:
                break
            earlier = self._page(max(0, first - self._look_back))
            times = times_of(time_index(earlier))
            if not (times >= first).any():  # a page so short that it ends before
                self._look_back = max(self._step, self._look_back // self._step // 2 * self._step)
                continue
            inside = (times >= found.since) & (times < first)
            begins_before |= bool((times < found.since).any())
            if not inside.any():
                break
            candles = pd.concat([earlier[inside], candles])
            first = int(times[inside][0])
        return replace(found, candles=candles, begins_before=begins_before)

    def _ask(self, since: int) -> _Reply | None:
        """Return the reply to a request, None if it has no candle at or after ``since``;
        none is of the future.
        """
        page = self._page(since)
        times = times_of(time_index(page))
        later = (times >= since) & (times <= self._present)
        if not later.any():
            return None
        reply = _Reply(since, page[later], bool((times < since).any()), len(page))
        self._inclusive |= reply.first == since
        return reply

    def _page(self, since: int) -> pd.DataFrame:
        try:
            return self._venue.page(self._symbol, self._timeframe, since)
        except RefusedRequest as error:
            self.refusal = error
            return reply_candles([], timeframe=self._timeframe)

    def _is_lost(self, stretch: Stretch, found: _Reply) -> bool:
        """Tell whether the beginning of a stretch, for which only later candles came,
        was kept back; note it if so.

        It was not where the exchange gives candles from before: then there are none in between.
        """
        start = stretch[0]
        newest = found.last >= self._present - HOLE * self._step
        full = found.rows >= _FULL * (self._venue.page_limit or 0)
        if found.since == start and newest and full:
            self.lost.append(Lost(stretch, "newest only", found.rows))
            return True
        times = times_of(time_index(self._page(max(0, start - self._span))))
        if (times < start).any():
            return False
        self.lost.append(Lost(stretch, "older" if self.refusal is None else "refused"))
        return True
