"""Crash × fault matrix: kill a paper session at every boundary, under every fault, and compare with an untouched run.

    python -m tests.paper.matrix                      every kill point under every fault, and seeded ones: 500 or more
    python -m tests.paper.matrix --schedules 40       so many of them, spread evenly
    python -m tests.paper.matrix --mutation fence     those that must catch that this safety measure is missing

A real exchange process (real sockets, signatures checked, books of its own), the genuine ccxt classes, a real SQLite
file, real SIGKILL. Looked at afterwards, on the exchange's side: no client id posted twice, its trades are the fills of
the ledger, its balances the opening and the fills; and the trades, bar by bar, are those of the untouched run.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.local_exchange.clock import Replay
from cryptonn.local_exchange.fees import Rates
from cryptonn.local_exchange.server import local_exchange
from cryptonn.paper.ledger import LedgerReader
from tests.conftest import ROOT
from tests.paper.matrix_driver import MINUTE, START_MS, SYMBOL, WANTED

IN_FLIGHT = "in flight"
"""Killed by the parent while the exchange has the order and holds back its reply."""
KILLS = (
    *(
        "decided",
        "planned",
        "sending",
        IN_FLIGHT,
        "sent",
        "acked",
        "collected",
        "fills",
        "closed",
        "settled",
    ),
    *("unknown", "found", "fenced"),
)
POST = {"binance": "POST /api/v3/order", "gemini": "POST /v1/order/new"}
OPENING = {"USD": "10000", "ETH": "5", "BTC": "0", "BNB": "10"}
BARS = len(WANTED) + 4
UNTRADED = 5
STEP = Decimal("0.0001")


@dataclass(frozen=True, eq=False)
class Fault:
    """What goes wrong: entries of the exchange's plan for the request that sends an order, others, and quirks.

    ``same`` tells what must be as in the untouched run: the "trades" bar by bar or, where the fault outlasts its bar,
    only the "position" at the end.
    """

    name: str
    order: Sequence[dict[str, Any]] = ()
    other: Sequence[dict[str, Any]] = ()
    quirks: dict[str, Any] = field(default_factory=dict)
    same: str = "trades"

    @property
    def timeout_s(self) -> float:
        """Seconds that a session waits for a reply: few where one never comes, else as many as it may take."""
        never = any(entry["do"] == "timeout" for entry in (*self.order, *self.other))
        return 1.0 if never else 30.0


def _orders(when: str, *words: str, same: str = "trades", **more: Any) -> list[Fault]:
    return [
        Fault(f"{word}, {when}", [{"do": word, "when": when, **more}], same=same) for word in words
    ]


def _reads(match: str, *words: str, n: int = 2) -> list[Fault]:
    return [
        Fault(f"{match}: {word}", other=[{"match": match, "do": word, "n": n}]) for word in words
    ]


FAULTS: dict[str, list[Fault]] = {
    "binance": [
        Fault("none"),
        *_orders(
            "before",
            "timeout",
            "drop",
            "reset",
            "500",
            "502",
            "503",
            "504",
            "403",
            "-1000",
            "-1001",
            "-1006",
        ),
        *_orders("before", "-1007", "-1008", "-1015", "-1021", "redirect"),
        *_orders("before", "429", retry_after=3),
        Fault("418, before", [{"do": "418", "when": "before", "retry_after": 90}], same="position"),
        *_orders(
            "after",
            "timeout",
            "drop",
            "reset",
            "reset mid-body",
            "500",
            "502",
            "503",
            "504",
            "-1006",
            "-1007",
        ),
        *_orders(
            "after", "truncated", "empty", "html", "wrong type", "nulls", "nan", "other order"
        ),
        *_orders("after", "wrong client id", "extra keys", "redirect"),
        *_orders("after", "429", retry_after=3),
        *_orders("late", "timeout", "504", late_ms=3000),
        *_orders("late", "drop", late_ms=4900),
        *_orders("late", "-1007", late_ms=9000),
        *_reads(
            "GET /api/v3/order",
            "timeout",
            "drop",
            "500",
            "truncated",
            "empty",
            "nulls",
            "other order",
        ),
        *_reads("GET /api/v3/order", "wrong client id", "html", "-1003"),
        *_reads(
            "GET /api/v3/myTrades",
            "timeout",
            "500",
            "truncated",
            "other order",
            "nan",
            "wrong type",
            "reset",
        ),
        *_reads("GET /api/v3/time", "500", "truncated"),
        *_reads("GET /api/v3/account", "truncated", "502"),
        Fault("look-ups lag", quirks={"lookup_lag_ms": 3000}),
        Fault("fills lag", quirks={"fills_lag_ms": 2000}),
        Fault("rows twice", quirks={"duplicate_trades": True}),
        Fault("bare replies", quirks={"short_reply": True}),
        Fault("in three pieces", quirks={"pieces": 3}),
        Fault(
            "a part at once", quirks={"partial": "0.4", "remainder": "later", "remainder_ms": 1500}
        ),
        Fault("clock 800 ms ahead", quirks={"skew_ms": 800}),
        Fault("clock 3 s behind", quirks={"skew_ms": -3000}),
        Fault(
            "lost, look-ups lag",
            [{"do": "timeout", "when": "after"}],
            quirks={"lookup_lag_ms": 3000},
        ),
        Fault(
            "late, look-ups lag",
            [{"do": "drop", "when": "late", "late_ms": 4900}],
            quirks={"lookup_lag_ms": 4500},
        ),
        Fault(
            "down for a while",
            other=[{"match": "* /api/v3/*", "do": "drop", "skip": 14, "n": 12}],
            same="position",
        ),
    ],
    "gemini": [
        Fault("none", same="position"),
        *_orders("before", "timeout", "drop", "500", "502", "429", same="position"),
        *_orders(
            "after",
            "timeout",
            "reset",
            "500",
            "502",
            "truncated",
            "empty",
            "nulls",
            same="position",
        ),
        *_orders("after", "other order", "wrong type", same="position"),
        Fault(
            "timeout, late", [{"do": "timeout", "when": "late", "late_ms": 3000}], same="position"
        ),
        Fault("look-ups lag", quirks={"lookup_lag_ms": 3000}, same="position"),
        Fault("fills lag", quirks={"fills_lag_ms": 2000}, same="position"),
    ],
}


@dataclass(frozen=True)
class Schedule:
    """One run of the matrix: a fault at the ``skip``-th order, and the deaths of the process one after the other."""

    dialect: str
    fault: Fault
    skip: int
    kills: tuple[tuple[str, int], ...]
    fee_in: str = "quote"

    def __str__(self) -> str:
        deaths = " then ".join(f"{name} ({passed})" for name, passed in self.kills) or "not killed"
        return f"{self.dialect}, fees in {self.fee_in} | {self.fault.name} at order {self.skip} | {deaths}"


@dataclass(frozen=True)
class Outcome:
    """What became of a schedule: faults found in it (none: it is well), trades, and the deaths that happened."""

    wrong: tuple[str, ...]
    trades: tuple[tuple[Any, ...], ...]
    position: Decimal
    deaths: int


class Driver:
    """The process that forks sessions."""

    def __init__(self) -> None:
        command = [sys.executable, "-W", "error", "-m", "tests.paper.matrix_driver"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, job: dict[str, Any]) -> int:
        """Start a session and return its process id."""
        self._process.stdin.write(f"{json.dumps(job)}\n")
        self._process.stdin.flush()
        return int(self._answer()["pid"])

    def wait(self) -> int:
        """Return the exit code of the session; negative for a signal."""
        return int(self._answer()["status"])

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=300)
        self._process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the driver has ended")
        return json.loads(line)


@contextmanager
def driver() -> Iterator[Driver]:
    """Run the forking process."""
    found = Driver()
    try:
        yield found
    finally:
        found.close()


def candles() -> pd.DataFrame:
    """A few minutes around 400, each opening elsewhere; one of them without a trade."""
    opens = np.round(400 + 3 * np.sin(np.arange(BARS + 1) * 1.7), 2)
    bars = pd.DataFrame(
        {"open": opens[:-1], "high": opens[:-1] + 6, "low": opens[:-1] - 6, "close": opens[1:]}
    )
    bars["volume"] = 1.0
    bars.loc[UNTRADED, ["open", "high", "low", "close"]] = bars.loc[UNTRADED - 1, "close"]
    bars.loc[UNTRADED, "volume"] = 0.0
    times = pd.to_datetime(START_MS + np.arange(BARS) * MINUTE, unit="ms", utc=True)
    return bars.set_index(pd.DatetimeIndex(times, name="time"))


def run(schedule: Schedule, forks: Driver, folder: Path, *, mutation: str = "") -> Outcome:
    """Run one schedule from its first start to its end, and look at what both sides have in their books."""
    with local_exchange(
        {SYMBOL: candles()},
        replay=Replay(start_ms=START_MS),
        rates=Rates.of(fee_in=schedule.fee_in),
        balances=OPENING,
    ) as server:
        _misbehave(server, schedule)
        path = folder / "paper.db"
        job = {
            **{
                "port": server.port,
                "path": str(path),
                "mutation": mutation,
                "fee_in": schedule.fee_in,
                "timeout_s": schedule.fault.timeout_s,
            },
            "exchange": "local" if schedule.dialect == "binance" else "local-gemini",
        }
        deaths, wrong = _lives(schedule, job, forks, server)
        with LedgerReader.open(path) as ledger:
            wrong += _compare(ledger, server)
            trades = tuple(
                (fill.time_ms // MINUTE, fill.side, fill.amount, fill.price, fill.fee)
                for fill in ledger.fills()
            )
            return Outcome(tuple(wrong), _merged(trades), _position(ledger), deaths)


def _position(ledger: LedgerReader) -> Decimal:
    """Return the position as the strategy sees it: with what commissions in base took since it was last closed."""
    holding = ledger.holding(step=STEP)
    return (holding.net + holding.owed).quantize(STEP, ROUND_DOWN)


def _misbehave(server: Any, schedule: Schedule) -> None:
    plan = [
        {"match": POST[schedule.dialect], "skip": schedule.skip, **entry}
        for entry in schedule.fault.order
    ]
    server.front.faults.add([*plan, *schedule.fault.other], server.front.dialects)
    server.exchange.quirks.change(schedule.fault.quirks, now_ms=START_MS)


def _lives(
    schedule: Schedule, job: dict[str, Any], forks: Driver, server: Any
) -> tuple[int, list[str]]:
    """Start the session again after each of its deaths, until it has lived to its end."""
    deaths = 0
    for kill in (*schedule.kills, None):
        in_flight = kill is not None and kill[0] == IN_FLIGHT
        if in_flight:
            _hold_back(server, schedule, kill[1])
        pid = forks.start(job | {"kill": None if kill is None or in_flight else kill})
        if in_flight and _order_is_there(server, pid):
            os.kill(pid, signal.SIGKILL)
        code = forks.wait()
        if code == -signal.SIGKILL:
            deaths += 1
        elif code:
            return deaths, [
                f"the session ended with {code}: {Path(job['path'] + '.error').read_text()}"
            ]
        else:
            return deaths, []
    return deaths, ["the session did not end"]


def _hold_back(server: Any, schedule: Schedule, skip: int) -> None:
    """Let the exchange take an order and keep its reply for itself."""
    fault = {
        "match": POST[schedule.dialect],
        "do": "slow",
        "skip": skip,
        "seconds": 25,
        "when": "after",
    }
    server.front.faults.add([fault], server.front.dialects)


def _order_is_there(server: Any, pid: int) -> bool:
    """Wait until the exchange holds back the reply to an order, or the session has ended without one."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if any(entry["fault"] == "slow, after" for entry in list(server.front.log.entries)):
            return True
        if not Path(f"/proc/{pid}").exists():  # It has ended, and its parent knows
            return False
        time.sleep(0.002)
    return False


def _compare(ledger: LedgerReader, server: Any) -> list[str]:
    """Return where the exchange's books, which are its own, and the ledger differ."""
    wrong = []
    twice = {cid: posts for cid, posts in server.front.log.posts.items() if posts > 1}
    if twice:
        wrong.append(f"posted twice: {twice}")
    traded = sorted(
        (
            str(trade.id),
            str(trade.amount.normalize()),
            str(trade.price.normalize()),
            str(trade.fee.normalize()),
        )
        for order in server.exchange.matching.orders.values()
        for trade in order.trades
    )
    booked = sorted(
        (
            fill.trade_id,
            str(fill.amount.normalize()),
            str(fill.price.normalize()),
            str(fill.fee.normalize()),
        )
        for fill in ledger.fills()
    )
    if traded != booked:
        wrong.append(f"exchange traded {traded}, ledger booked {booked}")
    account = server.exchange.account
    for currency, expected in ledger.expected().items():
        total = account.free[currency] + account.locked[currency]
        if total != expected:
            wrong.append(f"{currency}: exchange {total}, ledger {expected}")
    if server.exchange.audit():
        wrong.append(f"the exchange's own books: {server.exchange.audit()}")
    if ledger.unresolved() is not None:
        wrong.append(f"{ledger.unresolved().cid} has no end")
    return wrong


def _merged(trades: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    """Return what was traded in each bar, side and price, however many pieces it came in."""
    found: dict[tuple[Any, ...], Decimal] = {}
    for minute, side, amount, price, _ in trades:
        found[minute, side, price] = found.get((minute, side, price), Decimal(0)) + amount
    return tuple((*key, amount.normalize()) for key, amount in found.items())


EXPOSING = {
    "fence": "late",
    "unique key": "a part at once",
    "write-ahead": "look-ups lag",
    "reply check": "truncated, after",
}
"""The faults under which a safety measure that is missing must show, by a part of their names."""


def schedules(*, seed: int = 0, random_ones: int = 60) -> list[Schedule]:
    """Return every kill point under every fault of binance, some of gemini's, and seeded ones with several deaths."""
    chance = random.Random(seed)
    found = [Schedule("binance", fault, 1, ()) for fault in FAULTS["binance"]]
    for place, kill in enumerate(KILLS):
        for number, fault in enumerate(FAULTS["binance"]):
            fee_in, skip = "base" if (place + number) % 3 == 0 else "quote", (place + number) % 4
            passed = 0 if kill in ("unknown", "found", "fenced") else (place + number // 3) % 4
            found.append(Schedule("binance", fault, skip, ((kill, passed),), fee_in))
    for place, fault in enumerate(FAULTS["gemini"]):
        found.append(Schedule("gemini", fault, 1, ((KILLS[place % len(KILLS)], 1),)))
    for _ in range(random_ones):
        deaths = tuple(
            (chance.choice(KILLS), chance.randrange(4)) for _ in range(chance.choice((2, 2, 3)))
        )
        dialect = chance.choice(("binance", "binance", "gemini"))
        fault = chance.choice(FAULTS[dialect])
        found.append(
            Schedule(dialect, fault, chance.randrange(4), deaths, chance.choice(("quote", "base")))
        )
    return found


def judged(schedule: Schedule, outcome: Outcome, reference: Outcome) -> list[str]:
    """Return what is wrong with a schedule, compared with the untouched run too."""
    wrong = list(outcome.wrong)
    if outcome.position != reference.position:
        wrong.append(f"position {outcome.position} instead of {reference.position}")
    if (
        schedule.fault.same == "trades"
        and len(schedule.kills) < 3
        and outcome.trades != reference.trades
    ):
        wrong.append(f"traded {outcome.trades} instead of {reference.trades}")
    return wrong


def work(
    wanted: Sequence[Schedule],
    forks: Driver,
    *,
    mutation: str = "",
    tell: bool = False,
    references: dict[tuple[str, str], Outcome] | None = None,
) -> dict[Schedule, list[str]]:
    """Run schedules and return what is wrong with each; untouched runs are taken from ``references`` or put there."""
    references = {} if references is None else references
    found = {}
    shared_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as home:
        for number, schedule in enumerate(wanted):
            kind = (schedule.dialect, schedule.fee_in)
            if kind not in references:
                plain = Schedule(
                    schedule.dialect, FAULTS[schedule.dialect][0], 0, (), schedule.fee_in
                )
                references[kind] = run(plain, forks, _folder(home, f"plain{len(references)}"))
            outcome = run(schedule, forks, _folder(home, str(number)), mutation=mutation)
            found[schedule] = judged(schedule, outcome, references[kind])
            if tell:
                word = "WRONG" if found[schedule] else "well"
                print(f"{number + 1:4} {word:5} died {outcome.deaths}x | {schedule}", flush=True)
                for line in found[schedule]:
                    print(f"     {line}", flush=True)
    return found


def _folder(home: str, name: str) -> Path:
    folder = Path(home) / name
    folder.mkdir()
    return folder


def main() -> None:
    """Run the matrix and print its figures; the exit code is 1 if anything is wrong, or a mutation is not caught."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.paper.matrix", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--schedules", type=int, default=0, help="so many, spread evenly; 0 runs all"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutation", default="", choices=["", *EXPOSING])
    asked = parser.parse_args()
    wanted = [
        one
        for one in schedules(seed=asked.seed)
        if EXPOSING.get(asked.mutation, "") in one.fault.name
    ]
    if asked.schedules:
        wanted = wanted[:: max(1, len(wanted) // asked.schedules)][: asked.schedules]
    started = time.monotonic()
    with driver() as forks:
        found = work(wanted, forks, mutation=asked.mutation, tell=True)
    wrong = [schedule for schedule, faults in found.items() if faults]
    words = " ".join(line for faults in found.values() for line in faults)
    print(
        f"\n{len(found)} schedules, {len(KILLS)} kill points, {len({one.fault.name for one in found})} faults, "
        f"{time.monotonic() - started:.0f} s: {len(wrong)} wrong; orders sent twice {words.count('posted twice')}, "
        f"fills lost or invented {words.count('ledger booked')}, other positions {words.count('position ')}"
    )
    if asked.mutation:
        print(f"Without {asked.mutation}: {'caught' if wrong else 'NOT CAUGHT'}")
    sys.exit(bool(wrong) != bool(asked.mutation))


if __name__ == "__main__":
    main()
