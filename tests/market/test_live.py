"""The newest candles through the genuine ccxt class, from a real server on 127.0.0.1 that speaks as binance does."""

import socket
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from cryptonn.errors import ConfigError, ExchangeError
from cryptonn.market.exchange.asking import AskedToWait
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.market.synthetic import synthetic_market
from cryptonn.settings import SyntheticConfig
from tests.market.binance_server import BinanceServer, ToServer, serving

ETH, BTC = "ETH/USDT", "BTC/USDT"
MARKET = synthetic_market(SyntheticConfig(days=3), target=ETH, other=BTC, horizon=5).candles
NOW = pd.Timestamp("2018-01-02 12:00:30", tz="UTC")
MINUTE = 60_000


@pytest.fixture
def served() -> BinanceServer:
    return BinanceServer(MARKET, now=NOW)


@pytest.fixture
def transport(served: BinanceServer) -> Iterator[ToServer]:
    with serving(served) as adapter:
        yield adapter


def live(transport: Any, **changes: Any) -> LiveCandles:
    settings: dict[str, Any] = {
        "symbols": (ETH, BTC),
        "timeframe": "1m",
        "transport": transport,
        "sleep": [].append,
    }
    return LiveCandles("binance", **(settings | changes))


def ms(time: pd.Timestamp) -> int:
    return round(time.timestamp() * 1000)


def rows_of(symbol: str, first: pd.Timestamp, last: pd.Timestamp) -> list[list[float]]:
    table = MARKET[symbol].loc[first:last]
    return [
        [ms(time), *values]
        for time, values in zip(table.index, table.to_numpy().tolist(), strict=True)
    ]


def test_the_newest_candles_with_the_one_in_progress(
    served: BinanceServer, transport: ToServer
) -> None:
    since = NOW.floor("min") - pd.Timedelta(minutes=5)
    with live(transport) as candles:
        found = candles.fetch(ms(since))
        asked = len(served.requests)
        served.now += pd.Timedelta(minutes=1)
        again = candles.fetch(ms(since) + MINUTE)
    assert list(found) == [ETH, BTC]
    for symbol in (ETH, BTC):
        assert found[symbol][:5] == rows_of(symbol, since, NOW - pd.Timedelta(minutes=1))
        assert found[symbol][5][0] == ms(NOW.floor("min"))
        assert [row[0] for row in again[symbol]] == [row[0] + MINUTE for row in found[symbol]]
        assert again[symbol][:4] == found[symbol][1:5]
    assert asked == 2, "one request a symbol"


def test_a_long_way_back_comes_page_by_page(served: BinanceServer, transport: ToServer) -> None:
    first = MARKET[ETH].index[0]
    with live(transport, symbols=(ETH,)) as candles:
        found = candles.fetch(ms(first))[ETH]
    expected = rows_of(ETH, first, NOW - pd.Timedelta(minutes=1))
    assert found[:-1] == expected
    assert len(found) > 1000
    assert len(served.requests) == 2


def test_nothing_there_yet(served: BinanceServer, transport: ToServer) -> None:
    with live(transport) as candles:
        assert candles.fetch(ms(NOW) + 10 * MINUTE) == {ETH: [], BTC: []}


def test_the_exchanges_time(served: BinanceServer, transport: ToServer) -> None:
    with live(transport) as candles:
        assert candles.server_ms() == ms(NOW)


@pytest.mark.parametrize(
    "fault", ["500", "502 html", "truncated", "nulls", "conflict", "impossible", "reset", "slow"]
)
def test_a_passing_fault_is_tried_again(
    served: BinanceServer, transport: ToServer, fault: str
) -> None:
    waits: list[float] = []
    served.faults = {0: fault}
    with live(transport, sleep=waits.append) as candles:
        found = candles.fetch(ms(NOW) - 10 * MINUTE)
    assert waits == [1.0]
    assert [len(rows) for rows in found.values()] == [10, 10]


def test_a_lasting_fault_gives_up_before_the_next_bar(
    served: BinanceServer, transport: ToServer
) -> None:
    waits: list[float] = []
    served.always = "502 html"
    with (
        live(transport, sleep=waits.append) as candles,
        pytest.raises(ExchangeError, match=r"binance, candles of ETH/USDT .*\(3 tries\)"),
    ):
        candles.fetch(ms(NOW) - 10 * MINUTE)
    assert waits == [1.0, 2.0]


def test_the_wait_that_is_asked_for(served: BinanceServer, transport: ToServer) -> None:
    waits: list[float] = []
    served.faults = {0: "429"}
    with live(transport, sleep=waits.append) as candles:
        candles.fetch(ms(NOW) - 10 * MINUTE)
        served.always = "banned"
        with pytest.raises(AskedToWait, match="asks to wait 86,400 s") as caught:
            candles.fetch(ms(NOW) - 10 * MINUTE)
    assert waits == [7.0]
    assert caught.value.wait_s == 86_400


def test_it_goes_on_once_the_server_is_back(served: BinanceServer) -> None:
    with serving(served) as transport:
        candles = live(transport)
    with candles:
        with pytest.raises(ExchangeError, match="3 tries"):
            candles.fetch(ms(NOW) - 10 * MINUTE)
        with serving(served) as again:
            transport.port = again.port
            assert len(candles.fetch(ms(NOW) - 10 * MINUTE)[ETH]) == 10


def test_a_port_of_this_machine(served: BinanceServer, transport: ToServer) -> None:
    with live(None, port=transport.port) as candles:
        assert len(candles.fetch(ms(NOW) - 10 * MINUTE)[BTC]) == 10


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symbols": ("ETH/USD",)}, "binance has no ETH/USD. Did you mean 'ETH/USDT'?"),
        ({"timeframe": "7m"}, "binance has no candles of 7m"),
        ({"symbols": ()}, "no symbol to read"),
    ],
)
def test_what_the_exchange_has_not(
    transport: ToServer, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        live(transport, **changes)
    assert words in str(caught.value)


def test_an_unknown_exchange(transport: ToServer) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'binance'"):
        LiveCandles("binanc", symbols=(ETH,), timeframe="1m", transport=transport)


@pytest.mark.parametrize("exchange", ["binance", "gemini"])
def test_the_local_exchange_in_either_dialect(exchange: str) -> None:
    from tests.local_exchange.small_exchange import START_MS, control, small_exchange, wait_minutes

    symbols = ("ETH/USD", "BTC/USD")
    with small_exchange() as served:
        wait_minutes(served.port, 40)
        with LiveCandles(exchange, symbols=symbols, timeframe="1m", port=served.port) as candles:
            found = candles.fetch(START_MS + 28 * MINUTE)
            assert candles.server_ms() == control(served.port, "clock")["now_ms"]
    for rows in found.values():
        assert [(row[0] - START_MS) // MINUTE for row in rows] == [28, 29, *range(31, 44)]


def test_an_error_names_the_host_that_was_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ExchangeError, match=f"http://127.0.0.1:{port}/api") as raised:
        live(None, port=port)
    assert "binance.com" not in str(raised.value)
