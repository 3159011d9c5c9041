"""The newest candles of an exchange, again and again, through ccxt's public class:
no account and no keys.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.bars import bar_step, time_index, times_of
from cryptonn.market.exchange.asking import PublicExchange, connected

__all__ = ["LiveCandles", "ToPort"]

LIVE_TRIES = 3
"""How often a request is sent: the next bar comes soon."""
LONGEST_LIVE_BAN = 15.0
"""Seconds; a longer wait asked for by the exchange is left to the caller."""

_MILLISECOND = 1_000_000

Row = list[float]


class ToPort(HTTPAdapter):  # type: ignore[misc]  # requests is not typed here
    """Carries every request to a port of 127.0.0.1, whatever host it names,
    and none to the network.
    """

    def __init__(self, port: int) -> None:
        super().__init__(max_retries=0)
        self.port = port

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """Send a request to the port."""
        request.url = (
            urlsplit(str(request.url))
            ._replace(scheme="http", netloc=f"127.0.0.1:{self.port}")
            .geturl()
        )
        direct = settings | {"proxies": {}}
        return super().send(request, **direct)


class LiveCandles:
    """Candles of some symbols as an exchange gives them now; a context manager,
    which closes its connections.

    Parameters
    ----------
    exchange
        Its name in ccxt.
    symbols
        Under the exchange's names, for example "ETH/USDT".
    timeframe
        Length of a bar.
    port
        Of a local exchange: all requests go there, and none to the network.
    transport
        A ``requests`` transport adapter to carry the requests, where neither the usual
        one nor a port will do.
    sleep
        Waits the given seconds before a request is sent again.

    Raises
    ------
    ConfigError
        If the exchange, a symbol or the timeframe does not exist there.
    ExchangeError
        If it refuses, cannot be reached after several tries, or keeps answering nonsense;
        ``AskedToWait`` if it asks to be left alone for long.
    """

    def __init__(
        self,
        exchange: str,
        *,
        symbols: Sequence[str],
        timeframe: str,
        port: int | None = None,
        transport: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.exchange = exchange
        self.symbols = tuple(symbols)
        self._timeframe = timeframe
        if not self.symbols:
            raise ConfigError("no symbol to read candles of: name at least one.")
        with ExitStack() as stack:
            spot = all(":" not in symbol for symbol in self.symbols)
            carrier = ToPort(port) if port is not None and transport is None else transport
            api = stack.enter_context(connected(exchange, timeframe, spot=spot, transport=carrier))
            api.enableRateLimit = (
                port is None
            )  # an exchange of our own may be asked as fast as it answers
            self._source = PublicExchange(api, sleep, LIVE_TRIES, LONGEST_LIVE_BAN, port)
            self._source.check_symbols(self.symbols)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._open.close()

    def fetch(self, since_ms: int) -> dict[str, list[Row]]:
        """Return by symbol the candles that open at ``since_ms`` or later,
        up to the one in progress.

        Returns
        -------
        dict
            Rows [open time in ms, open, high, low, close, volume], in order of time.
            Each is a possible bar; the last may still be in progress.

        Raises
        ------
        ExchangeError
            As when connecting.
        """
        return {symbol: self._rows(symbol, since_ms) for symbol in self.symbols}

    def server_ms(self) -> int:
        """Return the exchange's time in milliseconds; where it has no clock to ask,
        the start of its second.

        Raises
        ------
        ExchangeError
            As when connecting.
        """
        if self._source.tells_time:
            return self._source.time_ms()
        self._source.page(self.symbols[0], self._timeframe, 0)
        return self._source.ask("the time of its reply", self._replied_ms)

    def _rows(self, symbol: str, since_ms: int) -> list[Row]:
        """Fetch page after page until one is not full, or tells of earlier bars than asked for:
        then it is all.
        """
        step = bar_step(self._timeframe) // _MILLISECOND
        since = since_ms
        limit = self._source.page_limit
        rows = []
        while True:
            page = self._source.page(symbol, self._timeframe, since * _MILLISECOND)
            times = (times_of(time_index(page)) // _MILLISECOND).tolist()
            rows += [
                [open_ms, *values]
                for open_ms, values in zip(times, page.to_numpy().tolist(), strict=True)
            ]
            if (
                not times
                or times[0] < since
                or times[-1] < since
                or (limit is not None and len(times) < limit)
            ):
                return [row for row in rows if row[0] >= since_ms]
            since = times[-1] + step

    def _replied_ms(self) -> int:
        date = (self._source.api.last_response_headers or {}).get("Date")
        if date is None:
            raise DataError("its replies tell no time")
        return round(parsedate_to_datetime(date).timestamp() * 1000)
