"""The clock, the control interface, and a server that leaves nothing behind."""

import gc
import json
import resource
import socket
import threading
import time
from pathlib import Path
from typing import Any

import ccxt
import numpy as np
import pandas as pd
import pytest
import requests

from cryptonn.errors import ConfigError, DataError, ExchangeError
from cryptonn.local_exchange.clock import Replay, ReplayClock
from cryptonn.local_exchange.server import local_exchange
from tests.local_exchange.binance_client import ETH, binance_pair, buy, on_the_clock
from tests.local_exchange.hand_made import D, flat
from tests.local_exchange.parts import parts
from tests.local_exchange.small_exchange import (
    CANDLES,
    MINUTE,
    START_MS,
    control,
    small_exchange,
    wait_minutes,
)


def ask(server: Any, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, f"http://127.0.0.1:{server.port}{path}", timeout=60, **options)


# The clock


def test_a_running_clock_is_a_multiple_of_the_wall() -> None:
    wall = [100.0]
    clock = ReplayClock(
        start_ms=5000, end_ms=9000, mode="running", speed=60.0, wall=lambda: wall[0]
    )
    assert clock.now_ms() == 5000
    wall[0] = 101.5
    assert clock.now_ms() == 5000 + 90_000
    with pytest.raises(ConfigError, match="runs by itself"):
        clock.advance(10**6)


def test_a_lockstep_clock_stands_still_and_never_goes_back() -> None:
    clock = ReplayClock(start_ms=5000, end_ms=9000, wall=lambda: 0.0)
    assert [clock.advance(to) for to in (6000, 5500, 20_000)] == [6000, 6000, 20_000]


def test_a_running_exchange_trades_by_itself() -> None:
    wall = [100.0]
    with small_exchange(
        mode="running",
        speed=600.0,
        start_ms=START_MS + 6 * MINUTE + 59_000,
        wall=lambda: wall[0],
    ) as server:
        with on_the_clock(server) as client:
            before = client.fetch_time()
            wall[0] += 0.5  # five minutes pass: a bar without a trade, then one with
            assert client.fetch_time() - before == 5 * MINUTE
            order = buy(client, "a")
            wall[0] += 0.5
            assert client.fetch_order(order["id"], ETH)["status"] == "closed"
            assert client.fetch_ohlcv(ETH, "1m")[-1][0] >= START_MS + 16 * MINUTE
        assert ask(server, "POST", "/_ctl/clock", json={"to_ms": 10**15}).status_code == 400


# Control


def test_the_clock_over_http() -> None:
    with small_exchange() as server:
        assert control(server.port, "clock") == {
            "now_ms": START_MS + 3 * MINUTE,
            "mode": "lockstep",
            "speed": 60.0,
            "start_ms": START_MS + 3 * MINUTE,
            "end_ms": START_MS + 600 * MINUTE,
        }
        assert (
            control(server.port, "clock", to_ms=START_MS + 700 * MINUTE)["now_ms"]
            == START_MS + 700 * MINUTE
        )


def test_after_the_end_candles_stand_still_and_orders_wait() -> None:
    with binance_pair() as (server, client):
        wait_minutes(server.port, 700)
        assert client.fetch_ohlcv(ETH, "1m", limit=1)[0][0] == START_MS + 599 * MINUTE
        assert buy(client, "a")["status"] == "open"


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("GET", "nothing", None, "There is no GET"),
        ("POST", "log", {}, "There is no POST"),
        ("POST", "clock", {}, "whole number"),
        ("POST", "clock", {"to_ms": "soon"}, "whole number"),
        ("POST", "clock", [1], "JSON object"),
        ("POST", "quirks", {"partail": "0.5"}, "Did you mean 'partial'?"),
        ("POST", "quirks", {"partial": "2"}, "partial"),
        ("POST", "quirks", {"lookup_lag_ms": -1}, "lookup_lag_ms"),
        ("POST", "account", {"ETH": "much"}, "amount"),
        ("POST", "account", {"ETH": "NaN"}, "amount"),
        ("POST", "account", {"ETH": "-50"}, "insufficient"),
        ("POST", "orders", {"symbol": "ETH/USD", "side": "hold", "amount": "1"}, "side"),
        ("POST", "orders", {"symbol": "ETH/EUR", "side": "buy", "amount": "1"}, "unknown_symbol"),
        ("POST", "faults", {"plan": "all"}, "plan"),
    ],
)
def test_control_says_what_it_does_not_understand(shared, method, path, body, words) -> None:
    reply = ask(shared, method, f"/_ctl/{path}", **({} if body is None else {"json": body}))
    assert reply.status_code in (400, 404) and words in reply.json()["error"]


@pytest.fixture(scope="module")
def shared():
    with small_exchange() as server:
        yield server


def test_quirks_are_read_and_put_back() -> None:
    with small_exchange() as server:
        fresh = control(server.port, "quirks")
        assert control(server.port, "quirks", partial="0.5", skew_ms=-500)["partial"] == "0.5"
        assert control(server.port, "quirks")["skew_ms"] == -500
        assert control(server.port, "quirks", reset=True) == fresh


def test_the_log_has_every_request_and_no_secret() -> None:
    with binance_pair() as (server, client):
        buy(client, "cn-1")
        buy(client, "cn-1")
        log = control(server.port, "log")
        assert log["posts"] == {"cn-1": 2} and log["total"] == len(log["requests"]) == 3
        assert [entry["number"] for entry in control(server.port, "log?since=2")["requests"]] == [2]
        assert (log["requests"][-1]["status"], log["requests"][-1]["dialect"]) == (200, "binance")
        words = json.dumps(log)
        assert "signature" not in words and "local-key" not in words and "secret" not in words


def test_the_books_over_http() -> None:
    with binance_pair() as (server, client):
        buy(client, "a")
        (order,) = control(server.port, "orders")["orders"]
        assert (order["client_id"], order["status"], order["filled"]) == ("a", "filled", "0.5")
        assert (order["trades"][0]["amount"], order["trades"][0]["fee_currency"]) == ("0.5", "USD")
        account = control(server.port, "account")
        assert (
            account["balances"]["ETH"] == {"free": "5.5", "locked": "0"} and account["audit"] == []
        )


def test_the_audit_finds_what_does_not_add_up() -> None:
    with small_exchange() as server:
        server.exchange.account.free["ETH"] += D(1)
        assert control(server.port, "account")["audit"] == ["ETH: 6 held, 5 by its trades"]


# What is asked of it wrongly


def test_what_cannot_be_served() -> None:
    with pytest.raises(ConfigError, match="at least one symbol"), local_exchange({}):
        pass
    with pytest.raises(ConfigError, match="base/quote"), local_exchange({"ETHUSD": CANDLES[ETH]}):
        pass
    with pytest.raises(ConfigError, match="taker"), local_exchange(CANDLES, **parts(taker="1.5")):
        pass
    with (
        pytest.raises(ConfigError, match="balance of USD"),
        local_exchange(CANDLES, balances={"USD": "-1"}),
    ):
        pass
    with (
        pytest.raises(ConfigError, match="speed"),
        local_exchange(CANDLES, replay=Replay(mode="running", speed=0)),
    ):
        pass
    with (
        pytest.raises(DataError, match="no candle|there are none"),
        local_exchange({ETH: CANDLES[ETH].iloc[:0]}),
    ):
        pass
    with (
        pytest.raises(DataError, match="more apart"),
        local_exchange({ETH: CANDLES[ETH]}, timeframe="5m"),
    ):
        pass


def test_a_port_that_is_taken() -> None:
    with (
        small_exchange() as first,
        pytest.raises(ExchangeError, match="cannot be used"),
        small_exchange(port=first.port),
    ):
        pass


def test_bars_of_an_hour() -> None:
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    moved = CANDLES[ETH].set_axis(CANDLES[ETH].index - pd.Timedelta(START_MS % 3_600_000, "ms"))
    with local_exchange({ETH: moved.resample("1h").agg(rules)}, timeframe="1h") as server:
        control(server.port, "clock", to_ms=server.exchange.clock.end_ms)
        with on_the_clock(server) as client:
            assert len(client.fetch_ohlcv(ETH, "1h")) == 10
            with pytest.raises(ccxt.BadRequest, match="-1120"):
                client.fetch_ohlcv(ETH, "1m")


def test_noise_instead_of_http(shared) -> None:
    negative = b"POST /api/v3/order HTTP/1.1\r\nContent-Length: -5\r\n\r\n"
    for noise in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", negative):
        with socket.create_connection(("127.0.0.1", shared.port), timeout=60) as connection:
            connection.sendall(noise)
            assert b"200" not in connection.recv(4096)[:20]
    big = {"Content-Length": "99999999"}
    assert ask(shared, "POST", "/api/v3/order", headers=big, data="").status_code == 413
    assert ask(shared, "GET", "/api/v3/time").status_code == 200


# Nothing is left behind


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_neither_threads_nor_sockets_are_left() -> None:
    threads, open_before = threading.active_count(), handles()
    for _ in range(3):
        with small_exchange() as server:
            control(
                server.port,
                "faults",
                plan=[{"match": "GET /api/v3/time", "do": "timeout", "n": 2, "seconds": 3600}],
            )
            silent = [
                socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(5)
            ]
            held = [
                socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(2)
            ]
            for connection in held:
                connection.sendall(b"GET /api/v3/time HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with requests.Session() as session:
                for _ in range(20):
                    session.get(f"http://127.0.0.1:{server.port}/api/v3/ping", timeout=60)
        for connection in (*silent, *held):
            connection.close()
    gc.collect()
    assert (
        threading.active_count() <= threads and handles() <= open_before
    )  # what an earlier test left may end


def test_connections_that_end_leave_nothing_while_it_runs() -> None:
    with small_exchange() as server:
        ask(server, "GET", "/api/v3/ping")
        threads, open_before = threading.active_count(), handles()
        for _ in range(100):
            ask(server, "GET", "/api/v3/ping")
        for _ in range(6000):
            if threading.active_count() <= threads:
                break
            time.sleep(0.01)
        assert threading.active_count() <= threads and handles() <= open_before + 2
        assert len(server._server.sockets) <= 1


def resident() -> int:
    """Bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_memory_stays_where_it_is_over_weeks_of_minutes() -> None:
    """12,000 minutes, 5 requests each."""
    prices = 400 + np.round(np.sin(np.arange(14_000) / 50), 2)
    with local_exchange({ETH: flat(*prices)}) as server:
        front, clock = server.front, server.exchange.clock

        def live(minutes: int) -> int:
            for _ in range(minutes):
                clock.advance(clock.now_ms() + MINUTE)
                front.answer("GET", "/api/v3/klines?symbol=ETHUSD&interval=1m&limit=5", {}, "")
                for path in ("time", "depth?symbol=ETHUSD", "account", "ticker/price"):
                    front.answer("GET", f"/api/v3/{path}", {}, "")
            gc.collect()
            return resident()

        before = live(2000)
        assert live(10_000) - before < 3_000_000
    assert front.log.total == 60_000 and len(front.log.entries) == 10_000


def test_candles_are_not_copied() -> None:
    with local_exchange({ETH: CANDLES[ETH]}) as server:
        market = server.exchange.markets[ETH]
        assert np.shares_memory(market._close, CANDLES[ETH]["close"].to_numpy())
