"""The clock of a local exchange: moved by sleeping in lockstep, waited for when it runs, and missing."""

import time

import pytest

from cryptonn.errors import ExchangeError
from cryptonn.local_exchange.server import local_exchange
from cryptonn.paper.clock import LocalClock, WallClock
from tests.paper.matrix import candles
from tests.paper.matrix_driver import START_MS, SYMBOL


def test_in_lockstep_sleeping_moves_the_exchange():
    with local_exchange({SYMBOL: candles()}, start_ms=START_MS) as server:
        clock = LocalClock(server.port)
        assert clock.now_ms() == START_MS
        clock.sleep(1.5)
        clock.sleep(-1)
        assert clock.now_ms() == START_MS + 1500
        clock.advance(START_MS + 60_000)
        assert server.exchange.clock.now_ms() == clock.now_ms() == START_MS + 60_000


def test_a_running_exchange_is_waited_for():
    with local_exchange({SYMBOL: candles()}, start_ms=START_MS, mode="running", speed=600.0) as server:
        clock, started = LocalClock(server.port), time.monotonic()
        before_ms = clock.now_ms()
        clock.sleep(60)
        assert 0.1 <= time.monotonic() - started < 5
        assert clock.now_ms() - before_ms >= 60_000


def test_no_exchange_there():
    with local_exchange({SYMBOL: candles()}, start_ms=START_MS) as server:
        port = server.port
    with pytest.raises(ExchangeError, match=rf"127.0.0.1:{port} \(ConnectionRefusedError\).*local-exchange"):
        LocalClock(port).now_ms()


def test_the_wall_clock():
    clock = WallClock()
    before_ms = clock.now_ms()
    clock.sleep(0.02)
    clock.sleep(0)
    assert 20 <= clock.now_ms() - before_ms < 2000
    assert abs(clock.now_ms() / 1000 - time.time()) < 1
