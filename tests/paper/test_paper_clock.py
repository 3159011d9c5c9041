"""The clock of a local exchange: moved by sleeping in lockstep, waited for when it runs, and missing."""

import gc
import threading
import time
from math import inf

import pytest

from cryptonn.errors import ExchangeError
from cryptonn.local_exchange.clock import Replay
from cryptonn.local_exchange.server import local_exchange
from cryptonn.paper.clock import LocalClock, WallClock
from tests.paper.matrix import candles
from tests.paper.matrix_driver import START_MS, SYMBOL


def test_in_lockstep_sleeping_moves_the_exchange():
    with local_exchange({SYMBOL: candles()}, replay=Replay(start_ms=START_MS)) as server:
        clock = LocalClock(server.port)
        assert clock.speed == inf
        assert clock.now_ms() == START_MS
        clock.sleep(1.5)
        clock.sleep(-1)
        assert clock.now_ms() == START_MS + 1500
        clock.advance(START_MS + 60_000)
        assert server.exchange.clock.now_ms() == clock.now_ms() == START_MS + 60_000
        server.exchange.clock.advance(START_MS + 90_000)  # by another client
        assert clock.now_ms() == START_MS + 90_000


def test_a_running_exchange_is_waited_for():
    wall, waited = [0.0], []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        wall[0] += seconds

    with local_exchange(
        {SYMBOL: candles()},
        replay=Replay(start_ms=START_MS, mode="running", speed=600.0, wall=lambda: wall[0]),
    ) as server:
        clock = LocalClock(server.port, wall=lambda: wall[0], wait=wait)
        before_ms = clock.now_ms()
        clock.sleep(60)
        assert waited == [0.1]
        assert clock.now_ms() - before_ms == 60_000
        assert clock.speed == 600


def test_a_running_exchange_is_asked_now_and_then_and_goes_on_while_it_is_away():
    wall, waited = [100.0], []
    with local_exchange(
        {SYMBOL: candles()},
        replay=Replay(start_ms=START_MS, mode="running", speed=60.0, wall=lambda: wall[0]),
    ) as server:
        clock = LocalClock(server.port, wall=lambda: wall[0], wait=waited.append)
        assert clock.now_ms() == START_MS
        wall[0] += 1
        with server.offline():
            assert clock.now_ms() == START_MS + 60_000
            wall[0] += 50
            assert clock.now_ms() == START_MS + 51 * 60_000
            clock.sleep(30)
            wall[0] += 1
            assert clock.now_ms() == START_MS + 52 * 60_000
        wall[0] += 20
        server.exchange.clock._wall_start -= 7  # as if it had been set on
        assert clock.now_ms() == START_MS + 79 * 60_000
        assert waited == [0.5]


def test_the_connection_is_kept_found_closed_and_given_back():
    with local_exchange({SYMBOL: candles()}, replay=Replay(start_ms=START_MS)) as server:
        clock = LocalClock(server.port)
        for _ in range(5):
            clock.now_ms()
        assert len(server._server.sockets) == 1
        with server.offline(), pytest.raises(ExchangeError, match="does not answer"):
            clock.now_ms()
        assert clock.now_ms() == START_MS
        server._server.end_connections()
        server._server.stopping.clear()
        assert clock.now_ms() == START_MS
        connection = clock._connection
        del clock
        gc.collect()
        assert connection.sock is None


def test_several_threads_ask_at_once():
    with local_exchange({SYMBOL: candles()}, replay=Replay(start_ms=START_MS)) as server:
        clock, found = LocalClock(server.port), []
        threads = [
            threading.Thread(target=lambda: found.extend(clock.now_ms() for _ in range(20)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [START_MS] * 80


def test_no_exchange_there():
    with local_exchange({SYMBOL: candles()}, replay=Replay(start_ms=START_MS)) as server:
        port = server.port
    with pytest.raises(
        ExchangeError, match=rf"127.0.0.1:{port} \(ConnectionRefusedError\).*local-exchange"
    ):
        LocalClock(port).now_ms()


def test_the_wall_clock():
    clock = WallClock()
    before_ms = clock.now_ms()
    clock.sleep(0.02)
    clock.sleep(0)
    assert clock.now_ms() - before_ms >= 20
    earliest = int(time.time() * 1000)
    now_ms = clock.now_ms()
    assert earliest <= now_ms <= time.time() * 1000
