"""Candles from an exchange's public interface into the store, through ccxt; it goes on where it was stopped."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd

from cryptonn.errors import ConfigError, ExchangeError
from cryptonn.market.bars import bar_step, time_index, time_text, times_of
from cryptonn.market.exchange.asking import PublicExchange, connected
from cryptonn.market.exchange.pages import taken_up_again
from cryptonn.market.exchange.shelf import Shelf
from cryptonn.market.store.candle_store import Store
from cryptonn.market.timerange import TimeRange

__all__ = ["OnPage", "download_candles"]

OnPage = Callable[[str, pd.Timestamp, pd.Timestamp, pd.Timestamp, int], None]
"""Called after every page: symbol, time up to which it is fetched, start and end of the range, rows fetched so far."""

UNKNOWN_PAGE = 500
"""Bars a page is taken to span where ccxt does not know the exchange's limit."""
_MILLISECOND = 1_000_000


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
        Where the candles go. Rows it has are kept and not fetched again: a download that was stopped goes on.
    exchange
        Name of the exchange in ccxt, for example ``"binance"``. No account is needed.
    symbols
        Symbols as the exchange has them, for example ``("BTC/USDT", "ETH/USDT")``.
    timeframe
        Length of a bar, for example ``"1m"``.
    timerange
        Needs a start. Without an end, or with one yet to come, it ends with the last bar that has closed.
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
        Index symbol; columns rows (int, fetched now), start and end (UTC) of the range asked for.

    Raises
    ------
    ConfigError
        If the exchange, a symbol or the timeframe does not exist there, it gives no candles, or the range has no start
        or lies in the future.
    ExchangeError
        If the exchange refuses, cannot be reached after several tries, keeps answering nonsense, or has no candle in
        the range. What was fetched until then is in the store.
    """
    with connected(
        exchange, timeframe, spot=all(":" not in symbol for symbol in symbols), transport=transport
    ) as api:
        venue = PublicExchange(api, sleep)
        venue.check_symbols(symbols)
        span = _span(venue, timerange, timeframe, now)
        rows = {
            symbol: _download(
                *(venue, Shelf(store, exchange=exchange, symbol=symbol, timeframe=timeframe)),
                span=span,
                on_page=on_page,
                pages_a_write=pages_a_write,
            )
            for symbol in dict.fromkeys(symbols)
        }
    report = pd.DataFrame({"rows": pd.Series(rows, dtype="int64")}).rename_axis("symbol")
    return report.assign(start=_instant(span[0]), end=_instant(span[1]))


def _span(
    venue: PublicExchange, timerange: TimeRange, timeframe: str, now: pd.Timestamp
) -> tuple[int, int]:
    """Return the first open and the end (ns) of the bars that are asked for: of those in the range, all that closed."""
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
    return start, end


def _download(
    venue: PublicExchange,
    shelf: Shelf,
    *,
    span: tuple[int, int],
    on_page: OnPage | None,
    pages_a_write: int,
) -> int:
    """Fetch what the store lacks of one symbol; return the number of rows fetched."""
    fetched = 0
    for start, end in shelf.missing(span):
        pending: list[pd.DataFrame] = []
        reached, complete = start, False
        try:
            for page, reached in _pages(venue, shelf, start, end):
                pending.append(page)
                fetched += len(page)
                if len(pending) >= pages_a_write and taken_up_again(
                    reached, end, timeframe=shelf.timeframe
                ):
                    shelf.keep(pending, answered=(start, reached))
                    pending.clear()
                if on_page is not None:
                    on_page(
                        shelf.symbol,
                        _instant(reached),
                        _instant(span[0]),
                        _instant(span[1]),
                        fetched,
                    )
            complete = True
        finally:
            if complete or taken_up_again(reached, end, timeframe=shelf.timeframe):
                shelf.keep(pending, answered=(start, reached))
    if not fetched and not len(shelf.held(span)):
        raise ExchangeError(
            f"{venue.api.id} gave no {shelf.timeframe} candle of {shelf.symbol} from {time_text(_instant(span[0]))} to "
            f"{time_text(_instant(span[1]))}. It was not traded there then, or the exchange gives only recent candles: "
            "choose a later range or another exchange."
        )
    return fetched


def _pages(
    venue: PublicExchange, shelf: Shelf, start: int, end: int
) -> Iterator[tuple[pd.DataFrame, int]]:
    """Give the candles that open in [start, end), page by page, each with the time (ns) up to which all is known."""
    step = bar_step(shelf.timeframe)
    since = start
    while since < end:
        candles = venue.page(shelf.symbol, shelf.timeframe, since)
        times = times_of(time_index(candles))
        if len(times) and times[-1] >= since:
            wanted = candles[(times >= since) & (times < end)]
            since = int(times[-1]) + step
            yield wanted, min(since, end)
        else:  # nothing there: not traded, or not yet given out; only a later candle tells
            since += (venue.page_limit or UNKNOWN_PAGE) * step


def _ns(instant: pd.Timestamp) -> int:
    return int(instant.as_unit("ns").value)


def _instant(ns: int) -> pd.Timestamp:
    return pd.Timestamp(ns, unit="ns", tz="UTC")
