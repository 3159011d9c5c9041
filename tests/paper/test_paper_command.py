"""``cryptonn paper`` as a process: killed, stopped, without disk, with bad input; it tells in words, and no secret."""

import os
import random
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forked_commands import Command, Forks
from served_run import MINUTE, START_MS, Played, changed_copy, served

from cryptonn.local_exchange.server import LocalExchange

BARS = 16


@pytest.fixture(scope="module")
def eager(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return changed_copy(tiny.folder, tmp_path_factory.mktemp("eager"))


class Traded:
    """The command for one session of the run on an exchange."""

    def __init__(self, forks: Forks, run: Path, exchange: LocalExchange, name: str) -> None:
        self.forks, self.run, self.exchange, self.name = forks, run, exchange, name
        self.played = Played(run, exchange, name)

    def words(self, *more: object) -> tuple[object, ...]:
        known = ("paper", self.run.name, "--results", self.run.parent, "--port", self.exchange.port)
        return (*known, "--session", self.name, *more)

    def start(self, *more: object, **how: Any) -> Command:
        return self.forks.start(*self.words(*more), **how)

    def until(self, is_so: Callable[[], bool], *, seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end
            time.sleep(0.005)

    def now_ms(self) -> int:
        return self.exchange.exchange.clock.now_ms()


@pytest.fixture
def traded(
    forks: Forks, tiny: Any, eager: Path, request: pytest.FixtureRequest
) -> Iterator[Traded]:
    with served(tiny.frame, tiny.config) as exchange:
        yield Traded(forks, eager, exchange, re.sub(r"\W", "_", request.node.name)[-60:])


@pytest.fixture(scope="module")
def untouched(forks: Forks, tiny: Any, eager: Path) -> Iterator[Traded]:
    """A session that nobody stops."""
    with served(tiny.frame, tiny.config) as exchange:
        found = Traded(forks, eager, exchange, "untouched")
        code, command = forks.run(*found.words("--bars", BARS))
        assert code == 0, command.errors
        assert f"{BARS} decisions now" in command.output and " ETH.\nSession: " in command.output
        assert command.output.count("\n") >= BARS
        yield found


def check_same(traded: Traded, untouched: Traded) -> None:
    assert traded.played.decisions() == untouched.played.decisions()
    assert traded.played.fills() == untouched.played.fills()
    assert len(traded.played.fills()) >= 5
    assert set(traded.exchange.front.log.posts.values()) == {1}
    assert traded.exchange.exchange.audit() == []


def test_killed_at_random_moments_it_trades_the_same(traded: Traded, untouched: Traded) -> None:
    chance = random.Random(0)
    for _ in range(3):
        requests = len(traded.exchange.front.log.entries) + chance.randint(10, 30)
        command = traded.start()
        traded.until(lambda enough=requests: len(traded.exchange.front.log.entries) > enough)
        command.send(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL
    left = BARS - len(traded.played.decisions())
    assert left > 0
    code, command = traded.forks.run(*traded.words("--bars", left))
    assert code == 0, command.errors
    check_same(traded, untouched)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_settles_the_order_in_flight(traded: Traded, number: int) -> None:
    traded.played.fault("POST /api/v3/order", "slow", seconds=1.5, when="after")
    command = traded.start()
    log = traded.exchange.front.log
    traded.until(lambda: any(entry["fault"] == "slow, after" for entry in list(log.entries)))
    command.send(number)
    assert command.wait() == 0, command.errors
    assert "Stopping once the order in flight is in a known state" in command.errors
    assert {state for _, state, _, _ in traded.played.orders()} == {"CLOSED"}
    assert " order" in command.output and " fill" in command.output


def test_stopped_while_it_waits_on_a_running_clock_it_does_not_wait_for_the_bar(
    forks: Forks, tiny: Any, eager: Path
) -> None:
    """The bar would take an hour and forty minutes of the wall."""
    with served(tiny.frame, tiny.config, mode="running", speed=0.01) as exchange:
        traded = Traded(forks, eager, exchange, "running")
        command = traded.start("--json")
        traded.until(lambda: len(exchange.front.log.entries) > 8)
        command.send(signal.SIGINT)
        assert command.wait() == 0, command.errors
        assert '"decisions": ' in command.output


def test_a_second_ctrl_c_stops_at_once_and_the_next_start_settles(
    traded: Traded, untouched: Traded
) -> None:
    traded.played.fault("POST /api/v3/order", "slow", seconds=8, when="after")
    command = traded.start()
    log = traded.exchange.front.log
    traded.until(lambda: any(entry["fault"] == "slow, after" for entry in list(log.entries)))
    command.send(signal.SIGINT)
    traded.until(lambda: "Stopping once the order in flight" in command.errors)
    command.send(signal.SIGINT)
    assert command.wait() != 0, "it waited for the order, as after the first one"
    assert "Traceback" not in command.errors
    code, command = traded.forks.run(*traded.words("--bars", BARS - len(traded.played.decisions())))
    assert code == 0, command.errors
    check_same(traded, untouched)


def test_a_disk_that_fills_up(traded: Traded, untouched: Traded) -> None:
    code, command = traded.forks.run(*traded.words(), largest_file=700_000)
    assert code == 2
    assert (
        "the disk is full or cannot be written" in command.errors
        and "Traceback" not in command.errors
    )
    made = len(traded.played.decisions())
    code, command = traded.forks.run(*traded.words("--bars", BARS - made))
    assert code == 0, command.errors
    check_same(traded, untouched)


def test_two_processes_at_once(traded: Traded, cli: Any) -> None:
    with traded.played.session():
        answer = cli(*traded.words())
        other = cli(*traded.words("--session", "another"))
    for refused in (answer, other):
        assert refused.code == 2 and "is trading with this account" in refused.errors
        assert (
            f"process {os.getpid()} on {socket.gethostname()}, session {traded.played.name} of {traded.played.run.name}"
            in refused.errors
        )


def test_the_exchange_goes_away(traded: Traded) -> None:
    command = traded.start()
    traded.until(lambda: traded.now_ms() > START_MS + 3 * MINUTE)
    with traded.exchange.offline():
        assert command.wait() == 2
    assert (
        "The local exchange does not answer" in command.errors and "Traceback" not in command.errors
    )


# Bad input


def refused(answer: Any, *words: str) -> None:
    assert answer.code == 2
    assert "Traceback" not in answer.errors
    for word in words:
        assert word in answer.errors


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            ["--exchange", "binance"],
            ["CRYPTONN_KEY and CRYPTONN_SECRET are not set", "--exchange local"],
        ),
        (
            ["--exchange", "kraken"],
            ["kraken has no sandbox for spot orders: an order there would be real money"],
        ),
        (["--exchange", "bitget"], ["demo and real money on one host"]),
        (["--exchange", "locl"], ["Did you mean 'local'?"]),
        (["--symbols", "ETH/USD=ETC/USD"], ["ETC/USD"]),
        (["--symbols", "ETH/USD"], ["write it as ETH/USD=ETH/USDT"]),
        (["--symbols", "LTC/USD=LTC/USDT"], ["the run has no LTC/USD"]),
        (["--fees", "takr"], ["Did you mean 'taker'?"]),
        (["--fees", "-1bp"], ["-1bp"]),
        (["--cash", "0"], ["above 0"]),
        (["--cash", "nan"], ["Invalid value"]),
        (["--cash", "-1"], ["Invalid value"]),
        (["--bars", "0"], ["Invalid value"]),
        (["--max-gap", "-1"], ["Invalid value"]),
        (["--port", "70000"], ["Invalid value"]),
        (["--web", "70000"], ["Invalid value"]),
        (["--session", "../up"], ["letters, digits"]),
        (["--candles", "nowhere"], ["unknown to ccxt"]),
        (["--keys", "/nowhere/keys.ini", "--exchange", "binance"], ["cannot be read"]),
    ],
)
def test_options_that_cannot_be(
    traded: Traded, cli: Any, more: list[str], words: list[str]
) -> None:
    refused(cli(*traded.words(*more)), *words)
    assert not traded.played.path.exists() and traded.played.posts() == []


def test_a_port_that_is_taken_is_told_before_there_is_a_session(traded: Traded, cli: Any) -> None:
    refused(cli(*traded.words("--web", traded.exchange.port)), "Give --web another port")
    assert not traded.played.path.exists()


def test_runs_that_cannot_be_traded(traded: Traded, cli: Any, tiny: Any, tmp_path: Path) -> None:
    refused(cli(*traded.words()[:1], "nobody", *traded.words()[2:]), "nobody")
    for name, sections, words in (
        ("short", {"signal": {"direction": "long-short"}}, "a spot account cannot go short"),
        (
            "extras",
            {
                "data": {
                    "source": "files",
                    "extras": True,
                    "files": {"ETH/USD": ["e.csv"], "BTC/USD": ["b.csv"]},
                }
            },
            "data.extras = true",
        ),
    ):
        run = changed_copy(tiny.folder, tmp_path / name, **sections)
        refused(
            cli("paper", run.name, "--results", run.parent, "--port", traded.exchange.port), words
        )
        assert not (run / "paper").exists()


def test_no_local_exchange(traded: Traded, cli: Any) -> None:
    with traded.exchange.offline():
        refused(
            cli(*traded.words()), f"127.0.0.1:{traded.exchange.port}", "cryptonn local-exchange"
        )


def test_keys_that_the_exchange_refuses(traded: Traded, cli: Any) -> None:
    traded.played.quirk(revoked_key=True)
    refused(cli(*traded.words()), "Look at the keys")
    assert traded.played.posts() == []


def test_a_database_of_other_settings(traded: Traded, cli: Any) -> None:
    with traded.played.session():
        pass
    refused(
        cli(*traded.words("--fees", "maker")),
        "fees was taker+slippage, now it is maker",
        "--session NAME",
    )
    traded.played.path.write_bytes(b"words " * 1000)
    refused(cli(*traded.words()), "session.sqlite")
