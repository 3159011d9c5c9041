"""``cryptonn local-exchange``: a process of its own that ccxt's genuine class trades on."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.local_exchange.genuine import genuine
from tests.local_exchange.small_exchange import MINUTE, control
from tests.tiny_run import environment, fill_store, process, tiny_candles

ETH = "ETH/USD"
DAY_MS = 86_400_000
JANUARY_3 = 1_514_937_600_000  # of 2018


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_store(tmp_path_factory.mktemp("store"), tiny_candles(days=4))


@contextmanager
def command(*words: str | Path, ending: int = signal.SIGINT) -> Iterator[dict[str, Any]]:
    """Run the command until the signal; it must end well."""
    started = subprocess.Popen(
        process("local-exchange", "--port", "0", "--json", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        lines = iter(started.stdout.readline, "")
        yield json.loads("".join(line for line in _until_brace(lines)))
        started.send_signal(ending)
        rest, errors = started.communicate(timeout=300)
        assert (started.returncode, rest) == (0, "") and "Stopped after" in errors
    finally:
        started.kill()
        started.communicate()


def _until_brace(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line.startswith("}"):
            return


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_stretch_of_the_store_is_served(store: Path, ending: int) -> None:
    with command(
        *(
            "--replay",
            ETH,
            "BTC/USD",
            "--timerange",
            "20180103-20180104",
            "--data",
            store,
            "--clock",
            "lockstep",
        ),
        *("--history", "1", "--cash", "5000", "--fee-in", "base", "--fees", "10bp"),
        ending=ending,
    ) as told:
        assert (told["symbols"], told["mode"]) == ([ETH, "BTC/USD"], "lockstep")
        assert (told["start_ms"], told["end_ms"]) == (JANUARY_3, JANUARY_3 + DAY_MS)
        with genuine("binance", told["port"]) as client:
            client.milliseconds = lambda: control(told["port"], "clock")["now_ms"]
            assert client.fetch_balance()["USD"]["free"] == 5000.0
            assert client.fetch_ohlcv(ETH, "1m", since=0, limit=1)[0][0] == JANUARY_3 - DAY_MS
            client.create_order(ETH, "market", "buy", 0.5)
            control(told["port"], "clock", to_ms=JANUARY_3 + 10 * MINUTE)
            assert client.fetch_my_trades(ETH)[0]["fee"] == {"currency": "ETH", "cost": 0.0005}


def test_it_runs_by_itself_and_says_where_it_is(store: Path) -> None:
    with command("--replay", ETH, "--data", store, "--speed", "600") as told:
        assert (told["mode"], told["speed"], told["cash"]) == ("running", 600.0, 100_000.0)
        before = control(told["port"], "clock")["now_ms"]
        assert control(told["port"], "clock")["now_ms"] > before


def test_a_run_is_served_with_its_symbols_period_and_cash(tiny) -> None:
    with command(
        "--run", tiny.folder.name, "--results", tiny.folder.parent, "--clock", "lockstep"
    ) as told:
        assert set(told["symbols"]) == set(tiny.config.data.symbols)
        assert told["start_ms"] == int(tiny.config.data.test["unseen"].start.timestamp() * 1000)
        assert told["cash"] == tiny.config.backtest.cash
        with genuine("binance", told["port"]) as client:
            client.milliseconds = lambda: control(told["port"], "clock")["now_ms"]
            rates = client.fetch_balance()["info"]["commissionRates"]
        assert rates["taker"] == f"{tiny.config.costs.taker:.8f}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--replay ETH/USD BTC/USD"),
        (["--replay", ETH, "--run", "some"], "Name either"),
        (["--run", "nobody"], "nobody"),
        (["--replay", "ETH/EUR"], "ETH/EUR 1m is not stored"),
        (["--replay", ETH, "--timerange", "20250101-20250102"], "is not stored"),
        (["--replay", ETH, "--timerange", "tomorrow"], "must look like"),
        (["--replay", ETH, "--fees", "takr"], "Did you mean 'taker'?"),
    ],
)
def test_what_it_cannot_serve(store: Path, cli, words: list[str], said: str) -> None:
    answer = cli("local-exchange", "--data", store, "--port", "0", *words)
    assert answer.code == 2 and said in answer.errors and "Traceback" not in answer.errors


def test_a_port_that_somebody_has(store: Path, cli) -> None:
    with command("--replay", ETH, "--data", store) as told:
        answer = cli("local-exchange", "--replay", ETH, "--data", store, "--port", told["port"])
    assert answer.code == 2 and f"port {told['port']}" in answer.errors
