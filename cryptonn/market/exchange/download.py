"""Candles from an exchange's public interface into the store, through ccxt;
it goes on where it was stopped.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cryptonn.errors import ConfigError, ExchangeError
from cryptonn.market.bars import bar_step, time_text
from cryptonn.market.exchange.asking import PublicExchange, connected
from cryptonn.market.exchange.coverage import Missing, coverage_words, missing_candles
from cryptonn.market.exchange.history import History
from cryptonn.market.exchange.pages import Stretch, taken_up_again
from cryptonn.market.exchange.shelf import Shelf
from cryptonn.market.store.candle_store import Store
from cryptonn.market.timerange import TimeRange

__all__ = ["NothingCame", "OnPage", "download_candles"]

OnPage = Callable[[str, pd.Timestamp, pd.Timestamp, pd.Timestamp, int], None]
"""Called after every page: symbol, time up to which it is fetched, start and end of the range,
rows fetched so far.
"""

_MILLISECOND = 1_000_000


class NothingCame(ExchangeError):
    """No candle of any symbol lies in the range; ``report`` is what ``download_candles``
    would have returned.
    """

    def __init__(self, message: str, *, report: pd.DataFrame) -> None:
        super().__init__(message)
        self.report = report


@dataclass(frozen=True)
class _Span:
    """The bars that are asked for, and the present; ns."""

    start: int
    end: int
    present: int

    @property
    def stretch(self) -> Stretch:
        return self.start, self.end


@dataclass(frozen=True)
class _Writing:
    """What happens after a page."""

    on_page: OnPage | None
    pages_a_write: int


@dataclass(frozen=True)
class _Came:
    """What came of one symbol."""

    rows: int
    missing: tuple[Missing, ...]
    held: int
    """Bars of the range that are in the store."""


def download_candles(
    store: Store,
    *,
    exchange: str,
    symbols: Sequence[str],
    timeframe: str,
    timerange: TimeRange,
    now: pd.Timestamp,
    on_page: OnPage | None = None,
    transport: Any = None,
    sleep: Callable[[float], None] = time.sleep,
    pages_a_write: int = 20,
) -> pd.DataFrame:
    """Fetch the candles of a range that the store lacks, page by page, oldest first.

    Parameters
    ----------
    store
        Where the candles go. Rows it has are kept and not fetched again: a download
        that was stopped goes on.
    exchange
        Name of the exchange in ccxt, for example ``"binance"``. No account is needed.
    symbols
        Symbols as the exchange has them, for example ``("BTC/USDT", "ETH/USDT")``.
    timeframe
        Length of a bar, for example ``"1m"``.
    timerange
        Needs a start. Without an end, or with one yet to come, it ends with the last
        bar that has closed.
    now
        The present. A bar is fetched only if it has closed by it and by the exchange's own clock.
    on_page
        Told after every page how far it got.
    transport
        A ``requests`` transport adapter to carry the requests, where the usual one will not do.
    sleep
        Waits the given seconds before a request is sent again.
    pages_a_write
        Pages between two writes to the store: what a killed download can lose.

    Returns
    -------
    DataFrame
        Index symbol; columns rows (int, fetched now), start and end (UTC) of the range asked for,
        and missing: a tuple of ``Missing``, the stretches of the range for which no candle
        came though a quiet market would have some. It is empty where the range is covered.
        ``coverage_words`` writes it out. What is missing is asked for again by the next download;
        minutes absent between candles that came are not: nobody traded in them.

    Raises
    ------
    ConfigError
        If the exchange, a symbol or the timeframe does not exist there, it gives no candles,
        or the range has no start or lies in the future.
    ExchangeError
        If the exchange refuses, cannot be reached after several tries, or keeps answering nonsense;
        ``NothingCame`` if it has no candle in the range, of any symbol.
        What was fetched until then is in the store.
    """
    with connected(
        exchange, timeframe, spot=all(":" not in symbol for symbol in symbols), transport=transport
    ) as api:
        venue = PublicExchange(api, sleep)
        venue.check_symbols(symbols)
        span = _span(venue, timerange, timeframe, now)
        writing = _Writing(on_page, pages_a_write)
        came = {
            symbol: _download(
                venue,
                Shelf(store, exchange=exchange, symbol=symbol, timeframe=timeframe),
                span=span,
                writing=writing,
            )
            for symbol in dict.fromkeys(symbols)
        }
    report = _report(came, span)
    if not any(found.held for found in came.values()):
        words = [
            coverage_words(exchange, symbol, timeframe, found.missing)
            for symbol, found in came.items()
        ]
        raise NothingCame(" ".join(words), report=report)
    return report


def _report(came: Mapping[str, _Came], span: _Span) -> pd.DataFrame:
    columns = {
        "rows": [found.rows for found in came.values()],
        "start": _instant(span.start),
        "end": _instant(span.end),
        "missing": [found.missing for found in came.values()],
    }
    return pd.DataFrame(columns, index=pd.Index(came, name="symbol"))


def _span(venue: PublicExchange, timerange: TimeRange, timeframe: str, now: pd.Timestamp) -> _Span:
    """Return which bars are asked for: of those in the range, all that closed."""
    if timerange.start is None:
        raise ConfigError(
            f"timerange {timerange}: a download needs a start, for example 20180101-."
        )
    step = bar_step(timeframe)
    present = _ns(now)
    if venue.tells_time:
        present = min(present, venue.time_ms() * _MILLISECOND)
    start = -(-_ns(timerange.start) // step) * step
    end = present // step * step
    if timerange.end is not None:
        end = min(end, -(-_ns(timerange.end) // step) * step)
    if start >= end:
        raise ConfigError(
            f"timerange {timerange} holds no {timeframe} bar that has closed by now, "
            f"{time_text(_instant(present))}. Choose an earlier start."
        )
    return _Span(start, end, present)


def _download(venue: PublicExchange, shelf: Shelf, *, span: _Span, writing: _Writing) -> _Came:
    """Fetch what the store lacks of one symbol."""
    fetched = 0
    history = History(venue, symbol=shelf.symbol, timeframe=shelf.timeframe, present=span.present)
    for start, end in shelf.missing(span.stretch):
        pending: list[pd.DataFrame] = []
        answered: list[Stretch] = []
        reached = start
        complete = False
        try:
            for page in history.pages(start, end):
                pending.append(page.candles)
                answered.append(page.answered)
                reached = page.reached
                fetched += len(page.candles)
                if len(pending) >= writing.pages_a_write and taken_up_again(
                    reached, end, timeframe=shelf.timeframe
                ):
                    shelf.keep(pending, answered=answered)
                    pending.clear()
                if writing.on_page is not None:
                    writing.on_page(
                        shelf.symbol,
                        _instant(reached),
                        _instant(span.start),
                        _instant(span.end),
                        fetched,
                    )
            complete = True
        finally:
            if complete or taken_up_again(reached, end, timeframe=shelf.timeframe):
                shelf.keep(pending, answered=answered)
    missing = missing_candles(shelf, history, span=span.stretch)
    return _Came(fetched, missing, len(shelf.held(span.stretch)))


def _ns(instant: pd.Timestamp) -> int:
    return int(instant.as_unit("ns").value)


def _instant(ns: int) -> pd.Timestamp:
    return pd.Timestamp(ns, unit="ns", tz="UTC")
