"""One market: its candles, read where they lie, and its filters."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.local_exchange.orders import Refused

__all__ = ["Bar", "Filters", "Market"]


class Bar(NamedTuple):
    """One candle as it is known at some moment."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Filters:
    """What orders a market takes: amounts in base, ``min_cost`` in quote."""

    amount_step: Decimal = Decimal("0.0001")
    price_tick: Decimal = Decimal("0.01")
    min_amount: Decimal = Decimal("0.0001")
    max_amount: Decimal = Decimal("9000")
    min_cost: Decimal = Decimal("10")
    max_cost: Decimal = Decimal("9000000")

    def floor_amount(self, amount: Decimal) -> Decimal:
        """Return the amount cut to the step."""
        return (amount / self.amount_step).to_integral_value(ROUND_DOWN) * self.amount_step

    def worse_price(self, price: Decimal, *, side: str) -> Decimal:
        """Return the price on the tick, against the trader: up for a buy, down for a sell."""
        rounding = ROUND_CEILING if side == "buy" else ROUND_FLOOR
        return (price / self.price_tick).to_integral_value(rounding) * self.price_tick


class Market:
    """A symbol such as ETH/USD, with the candles of the whole replay; ``now_ms`` says how much of
    them is known.

    Parameters
    ----------
    candles
        Columns open, high, low, close, volume; UTC index of the bars' opens, strictly increasing.
        It is not copied.
    bar_ms
        How long a bar lasts.
    untraded
        "omit": bars with volume 0 are not served, as on real exchanges; "serve": they are.
    """

    def __init__(
        self,
        symbol: str,
        candles: pd.DataFrame,
        *,
        bar_ms: int,
        filters: Filters,
        untraded: Literal["omit", "serve"] = "omit",
    ) -> None:
        self.symbol = symbol
        self.base, self.quote = symbol.split("/")
        self.bar_ms = bar_ms
        self.filters = filters
        self._times = _times(candles, symbol, bar_ms)
        self._open, self._high, self._low, self._close, self._volume = (
            candles[name].to_numpy(dtype=np.float64)
            for name in ("open", "high", "low", "close", "volume")
        )
        self._traded = np.flatnonzero(self._volume > 0)
        self._traded_times = self._times[self._traded]
        self._shown = self._traded if untraded == "omit" else np.arange(len(self._times))
        self._shown_times = self._traded_times if untraded == "omit" else self._times

    @property
    def start_ms(self) -> int:
        """When the first bar opens."""
        return int(self._times[0])

    @property
    def end_ms(self) -> int:
        """When the last bar closes."""
        return int(self._times[-1]) + self.bar_ms

    def bars(
        self, *, now_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        """Return candles known by now, oldest first: the first ``limit`` from ``start_ms``, else
        the newest ones.

        Both ends are included. The last one may be in progress: see ``bar``.
        """
        newest = now_ms if end_ms is None else min(end_ms, now_ms)
        last = int(np.searchsorted(self._shown_times, newest, side="right"))
        first = (
            max(last - limit, 0)
            if start_ms is None
            else int(np.searchsorted(self._shown_times, start_ms))
        )
        return [
            self.bar(int(place), now_ms=now_ms)
            for place in self._shown[first : min(last, first + limit)]
        ]

    def bar(self, place: int, *, now_ms: int) -> Bar:
        """Return a bar by its place; one in progress has its open four times,
        and of its volume the share passed.
        """
        open_ms = int(self._times[place])
        first = float(self._open[place])
        volume = float(self._volume[place])
        passed = (now_ms - open_ms) / self.bar_ms
        if passed < 1:
            return Bar(open_ms, first, first, first, first, round(volume * passed, 8))
        high, low, close = (float(values[place]) for values in (self._high, self._low, self._close))
        return Bar(open_ms, first, high, low, close, volume)

    def open_price(self, *, now_ms: int) -> Decimal | None:
        """Return the open of the bar in progress if it trades, else None."""
        place = int(np.searchsorted(self._traded_times, now_ms, side="right")) - 1
        if place < 0 or int(self._traded_times[place]) + self.bar_ms <= now_ms:
            return None
        return _decimal(self._open[self._traded[place]])

    def last_close(self, *, now_ms: int) -> Decimal:
        """Return the close of the last bar that traded and is closed; of the bar in progress the
        open if none is.

        Raises ``Refused("market_closed")`` before the first trade.
        """
        place = int(np.searchsorted(self._traded_times, now_ms - self.bar_ms, side="right")) - 1
        if place >= 0:
            return _decimal(self._close[self._traded[place]])
        price = self.open_price(now_ms=now_ms)
        if price is None:
            raise Refused("market_closed")
        return price

    def last_price(self, *, now_ms: int) -> Decimal:
        """Return the newest price known; raises ``Refused("market_closed")`` before the first
        trade.
        """
        price = self.open_price(now_ms=now_ms)
        return self.last_close(now_ms=now_ms) if price is None else price

    def next_open(self, *, after_ms: int, now_ms: int) -> tuple[int, Decimal] | None:
        """Return time and open of the first bar that opened after one moment and by another,
        and trades.
        """
        place = int(np.searchsorted(self._traded_times, after_ms, side="right"))
        if place == len(self._traded_times) or self._traded_times[place] > now_ms:
            return None
        return int(self._traded_times[place]), _decimal(self._open[self._traded[place]])

    def crossing(self, limit: Decimal, *, side: str, after_ms: int, now_ms: int) -> int | None:
        """Return when the first bar that opened after a moment reached a limit, as far as it is
        known by now.

        That is at its open if the open is there already, else at its close.
        """
        first = int(np.searchsorted(self._traded_times, after_ms, side="right"))
        last = int(np.searchsorted(self._traded_times, now_ms, side="right"))
        places = self._traded[first:last]
        price = float(limit)
        at_open = self._open[places] <= price if side == "buy" else self._open[places] >= price
        within = self._low[places] <= price if side == "buy" else self._high[places] >= price
        times = self._times[places] + np.where(at_open, 0, self.bar_ms)
        reached = times[(at_open | within) & (times <= now_ms)]
        return int(reached[0]) if len(reached) else None


def _decimal(value: np.float64) -> Decimal:
    return Decimal(repr(float(value)))


def _times(candles: pd.DataFrame, symbol: str, bar_ms: int) -> NDArray[np.int64]:
    index = candles.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None or index.empty:
        raise DataError(f"{symbol}: the replay needs candles with a UTC time each; there are none.")
    times: NDArray[np.int64] = np.asarray(index.as_unit("ms").asi8, dtype=np.int64)
    if (np.diff(times) < bar_ms).any() or (times % bar_ms).any():
        raise DataError(
            f"{symbol}: its candles are not one bar ({bar_ms // 1000} s) or more apart, in order."
        )
    return times
