"""Candles from an exchange's public interface into the store, through ccxt; it goes on where it was stopped."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from cryptonn.errors import ConfigError, DataError, ExchangeError, did_you_mean
from cryptonn.market.bars import bar_step, time_index, time_text, times_of
from cryptonn.market.exchange.failures import meaning_of
from cryptonn.market.exchange.pages import reply_candles, taken_up_again
from cryptonn.market.exchange.shelf import Shelf
from cryptonn.market.store.candle_store import Store
from cryptonn.market.timerange import TimeRange

__all__ = ["OnPage", "download_candles"]

OnPage = Callable[[str, pd.Timestamp, pd.Timestamp, pd.Timestamp, int], None]
"""Called after every page: symbol, time up to which it is fetched, start and end of the range, rows fetched so far."""

Answer = TypeVar("Answer")

TRIES = 6
"""How often a request is sent before the download gives up."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before the second try, doubled after each; and the most it may become."""
LONGEST_BAN = 300.0
"""Seconds; a longer wait asked for by the exchange (Retry-After) ends the download."""
UNKNOWN_PAGE = 500
"""Bars a page is taken to span where ccxt does not know the exchange's limit."""
_MILLISECOND = 1_000_000

_GARBLED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What ccxt raises of its own accord when it stumbles over a malformed reply."""


@dataclass(frozen=True)
class _Venue:
    """A connected exchange."""

    api: Any
    sleep: Callable[[float], None]

    def ask(self, what: str, request: Callable[[], Answer]) -> Answer:
        """Return the answer to a request; send it again, later and later, while that may help."""
        import ccxt

        attempt = 0
        while True:
            attempt += 1
            try:
                return request()
            except (ccxt.BaseError, DataError, *_GARBLED) as error:
                self.sleep(self._wait(what, error, attempt))

    def _wait(self, what: str, error: Exception, attempt: int) -> float:
        """Return the seconds to wait before the next try, or raise our error where there should be none."""
        kind, again, advice = meaning_of(error)
        wait = max(min(FIRST_WAIT * 2.0 ** (attempt - 1), LONGEST_WAIT), _retry_after(self.api))
        if again and attempt < TRIES and wait <= LONGEST_BAN:
            return wait
        tries = f" ({attempt} tries)" if attempt > 1 else ""
        ban = f" It asks to wait {wait:,.0f} s." if wait > LONGEST_BAN else ""
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise kind(f"{self.api.id}, {what}: {reason}{tries}.{ban} {advice}") from error

    def page(self, symbol: str, timeframe: str, since: int) -> pd.DataFrame:
        """Return the checked candles of one reply, in order of time; ``since`` in ns. It may be empty."""
        return self.ask(
            f"candles of {symbol} from {time_text(_instant(since))}",
            lambda: reply_candles(self._rows(symbol, timeframe, since), timeframe=timeframe),
        )

    def _rows(self, symbol: str, timeframe: str, since: int) -> Any:
        rows = self.api.fetch_ohlcv(symbol, timeframe, since // _MILLISECOND, _page_limit(self.api))
        if self.api.last_json_response is None:  # ccxt takes it for an empty list of candles
            raise DataError("the reply is no JSON")
        return rows


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
    with _connected(exchange, timeframe, spot=all(":" not in symbol for symbol in symbols), transport=transport) as api:
        venue = _Venue(api, sleep)
        _check_symbols(venue, symbols)
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


@contextmanager
def _connected(exchange: str, timeframe: str, *, spot: bool, transport: Any) -> Iterator[Any]:
    """Give the ccxt object of an exchange that has candles of the timeframe; nothing is sent yet."""
    import ccxt

    bar_step(timeframe)
    if exchange not in ccxt.exchanges:
        raise ConfigError(f"exchange {exchange!r} is unknown to ccxt.{did_you_mean(exchange, ccxt.exchanges)}")
    api = getattr(ccxt, exchange)({"enableRateLimit": True})
    if api.has.get("fetchOHLCV") is not True:
        raise ConfigError(f"{exchange} gives no candles to the public. Choose another exchange, for example binance.")
    if timeframe not in (api.timeframes or {}):
        known = ", ".join(api.timeframes or {})
        raise ConfigError(f"{exchange} has no candles of {timeframe}. It has: {known}.")
    markets = api.options.get("fetchMarkets")
    if spot and isinstance(markets, dict) and "spot" in (markets.get("types") or ()):
        markets["types"] = ["spot"]  # spares the lists of futures and options
    api.enableLastJsonResponse = True
    api.parse_ohlcvs = _unfiltered(api.parse_ohlcvs)
    if transport is not None:
        api.session.mount("https://", transport)
        api.session.mount("http://", transport)
    with closing(api.session):
        yield api


def _unfiltered(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Keep ccxt from dropping the rows it could not read: a page with a hole must not pass for a quiet market."""

    def parse_all(ohlcvs: Any, market: Any = None, timeframe: str = "1m", *_: Any, **__: Any) -> Any:
        return ohlcvs if isinstance(ohlcvs, str) else parse(ohlcvs, market, timeframe)

    return parse_all


def _check_symbols(venue: _Venue, symbols: Sequence[str]) -> None:
    known = venue.ask("list of markets", lambda: _filled(venue.api.load_markets(True)))
    for symbol in symbols:
        if symbol not in known:
            raise ConfigError(f"{venue.api.id} has no {symbol}.{did_you_mean(symbol, known)}")


def _span(venue: _Venue, timerange: TimeRange, timeframe: str, now: pd.Timestamp) -> tuple[int, int]:
    """Return the first open and the end (ns) of the bars that are asked for: of those in the range, all that closed."""
    if timerange.start is None:
        raise ConfigError(f"timerange {timerange}: a download needs a start, for example 20180101-.")
    step = bar_step(timeframe)
    present = _ns(now)
    if venue.api.has.get("fetchTime") is True:
        present = min(present, venue.ask("its clock", lambda: int(venue.api.fetch_time())) * _MILLISECOND)
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


def _download(venue: _Venue, shelf: Shelf, *, span: tuple[int, int], on_page: OnPage | None, pages_a_write: int) -> int:
    """Fetch what the store lacks of one symbol; return the number of rows fetched."""
    fetched = 0
    for start, end in shelf.missing(span):
        pending: list[pd.DataFrame] = []
        reached, complete = start, False
        try:
            for page, reached in _pages(venue, shelf, start, end):
                pending.append(page)
                fetched += len(page)
                if len(pending) >= pages_a_write and taken_up_again(reached, end, timeframe=shelf.timeframe):
                    shelf.keep(pending, answered=(start, reached))
                    pending.clear()
                if on_page is not None:
                    on_page(shelf.symbol, _instant(reached), _instant(span[0]), _instant(span[1]), fetched)
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


def _pages(venue: _Venue, shelf: Shelf, start: int, end: int) -> Iterator[tuple[pd.DataFrame, int]]:
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
            since += (_page_limit(venue.api) or UNKNOWN_PAGE) * step


def _filled(markets: Any) -> Any:
    if not markets:
        raise DataError("the list is empty")
    return markets


def _retry_after(api: Any) -> float:
    """Return the seconds that the last reply asked to wait, or 0."""
    text = str((api.last_response_headers or {}).get("Retry-After", ""))
    return float(text) if text.isdigit() else 0.0


def _page_limit(api: Any) -> int | None:
    features = (api.features or {}).get("spot") or {}
    limit = (features.get("fetchOHLCV") or {}).get("limit")
    return int(limit) if limit else None


def _ns(instant: pd.Timestamp) -> int:
    return int(instant.as_unit("ns").value)


def _instant(ns: int) -> pd.Timestamp:
    return pd.Timestamp(ns, unit="ns", tz="UTC")
