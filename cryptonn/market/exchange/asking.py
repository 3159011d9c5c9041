"""An exchange's public interface through ccxt: connected, asked again where that may help,
its errors told as ours.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from cryptonn.errors import ConfigError, DataError, ExchangeError, did_you_mean
from cryptonn.market.bars import bar_step, time_text
from cryptonn.market.exchange.failures import meaning_of
from cryptonn.market.exchange.pages import reply_candles

__all__ = ["LONGEST_BAN", "TRIES", "AskedToWait", "PublicExchange", "connected"]

TRIES = 6
"""How often a request is sent before the download gives up."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before the second try, doubled after each; and the most it may become."""
LONGEST_BAN = 300.0
"""Seconds; a longer wait asked for by the exchange (Retry-After) ends the download."""

Answer = TypeVar("Answer")

_MILLISECOND = 1_000_000
_HOST = re.compile(r"https?://[^/\s]+")
_GARBLED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What ccxt raises of its own accord when it stumbles over a malformed reply."""


class AskedToWait(ExchangeError):
    """The exchange wants to be left alone for ``wait_s`` seconds, longer than we would wait
    with a request at hand.
    """

    def __init__(self, message: str, *, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class PublicExchange:
    """A connected exchange; ``api`` is its ccxt object, ``port`` that of a local exchange
    which gets all requests.
    """

    api: Any
    sleep: Callable[[float], None]
    tries: int = TRIES
    longest_ban: float = LONGEST_BAN
    port: int | None = None

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
        """Return the seconds to wait before the next try, or raise our error where there
        should be none.
        """
        kind, again, advice = meaning_of(error)
        asked = _retry_after(self.api)
        wait = max(min(FIRST_WAIT * 2.0 ** (attempt - 1), LONGEST_WAIT), asked)
        if again and attempt < self.tries and wait <= self.longest_ban:
            return wait
        tries = f" ({attempt} tries)" if attempt > 1 else ""
        ban = f" It asks to wait {asked:,.0f} s." if asked > self.longest_ban else ""
        text = f"{self.api.id}, {what}: {self._reason(error)}{tries}.{ban} {advice}"
        if again and asked:
            raise AskedToWait(text, wait_s=asked) from error
        raise kind(text) from error

    def _reason(self, error: Exception) -> str:
        """Return the first line of an error; a host that ccxt believes it asked is replaced
        by the one it did.
        """
        if not str(error):
            return type(error).__name__
        line = str(error).splitlines()[0]
        return (line if self.port is None else _HOST.sub(f"http://127.0.0.1:{self.port}", line))[
            :200
        ]

    def page(self, symbol: str, timeframe: str, since: int) -> pd.DataFrame:
        """Return the checked candles of one reply, in order of time; ``since`` in ns.

        It may be empty.
        """
        return self.ask(
            f"candles of {symbol} from {time_text(pd.Timestamp(since, unit='ns', tz='UTC'))}",
            lambda: reply_candles(self._rows(symbol, timeframe, since), timeframe=timeframe),
        )

    def check_symbols(self, symbols: Sequence[str]) -> None:
        """Refuse symbols that the exchange does not list."""
        known = self.ask("list of markets", lambda: _filled(self.api.load_markets(True)))
        for symbol in symbols:
            if symbol not in known:
                raise ConfigError(f"{self.api.id} has no {symbol}.{did_you_mean(symbol, known)}")

    @property
    def page_limit(self) -> int | None:
        """Most bars of one reply, where ccxt knows it."""
        features = (self.api.features or {}).get("spot") or {}
        limit = (features.get("fetchOHLCV") or {}).get("limit")
        return int(limit) if limit else None

    @property
    def tells_time(self) -> bool:
        """Whether it can be asked for its time."""
        return self.api.has.get("fetchTime") is True

    def time_ms(self) -> int:
        """Return its time, milliseconds."""
        return self.ask("its clock", lambda: int(self.api.fetch_time()))

    def _rows(self, symbol: str, timeframe: str, since: int) -> Any:
        rows = self.api.fetch_ohlcv(symbol, timeframe, since // _MILLISECOND, self.page_limit)
        if self.api.last_json_response is None:  # ccxt takes it for an empty list of candles
            raise DataError("the reply is no JSON")
        return rows


@contextmanager
def connected(exchange: str, timeframe: str, *, spot: bool, transport: Any) -> Iterator[Any]:
    """Give the ccxt object of an exchange that has candles of the timeframe;
    nothing is sent yet.
    """
    import ccxt

    bar_step(timeframe)
    if exchange not in ccxt.exchanges:
        raise ConfigError(
            f"exchange {exchange!r} is unknown to ccxt.{did_you_mean(exchange, ccxt.exchanges)}"
        )
    api = getattr(ccxt, exchange)({"enableRateLimit": True})
    if api.has.get("fetchOHLCV") is not True:
        raise ConfigError(
            f"{exchange} gives no candles to the public. Choose another exchange, "
            "for example binance."
        )
    if timeframe not in (api.timeframes or {}):
        known = ", ".join(api.timeframes or {})
        raise ConfigError(f"{exchange} has no candles of {timeframe}. It has: {known}.")
    _spare_requests(api.options, spot=spot)
    api.enableLastJsonResponse = True
    api.parse_ohlcvs = _unfiltered(api.parse_ohlcvs)
    if transport is not None:
        api.session.mount("https://", transport)
        api.session.mount("http://", transport)
    with closing(api.session):
        yield api


def _spare_requests(options: dict[str, Any], *, spot: bool) -> None:
    """Leave out the lists of futures and options, and pages of a web site that candles
    have no need of.
    """
    markets = options.get("fetchMarkets")
    currencies = options.get("fetchCurrencies")
    if spot and isinstance(markets, dict) and "spot" in (markets.get("types") or ()):
        markets["types"] = ["spot"]
    if isinstance(currencies, dict) and "webApiEnable" in currencies:
        currencies["webApiEnable"] = False


def _unfiltered(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Keep ccxt from dropping the rows it could not read: a page with a hole must not pass
    for a quiet market.
    """

    def parse_all(
        ohlcvs: Any, market: Any = None, timeframe: str = "1m", *_: Any, **__: Any
    ) -> Any:
        return ohlcvs if isinstance(ohlcvs, str) else parse(ohlcvs, market, timeframe)

    return parse_all


def _filled(markets: Any) -> Any:
    if not markets:
        raise DataError("the list is empty")
    return markets


def _retry_after(api: Any) -> float:
    """Return the seconds that the last reply asked to wait, or 0."""
    text = str((api.last_response_headers or {}).get("Retry-After", ""))
    return float(text) if text.isdigit() else 0.0
