"""A week of minutes, killed with -9 in the middle again and again: is every trade the backtest's?

    python -m tests.paper.restarts                             10,200 real minutes in lockstep, killed 5 times
    python -m tests.paper.restarts --fee-in base --kills 2     a buy's commission in base
    python -m tests.paper.restarts --run eth_5m_2018           a trained run and its own candles, from backtests/results
    python -m tests.paper.restarts --keep FOLDER               keep run and session, for `cryptonn report` afterwards

``cryptonn local-exchange``, ``cryptonn paper`` and, at the end, ``cryptonn parity``, whose words it prints; the books
of the exchange are held against the ledger too. Without a run a network is drawn at random.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.catalog import find_run
from cryptonn.paper.ledger import LedgerReader
from cryptonn.paper.session import session_file
from tests.conftest import ROOT
from tests.paper.processes import (
    MINUTE,
    SYMBOLS,
    command,
    control,
    drawn_run,
    exchange,
    minutes,
    newest_bar,
    outcome,
)

BARS = 10_200
FIRST_DAY = "20190101"
SESSION = "restarts"


def trade(words: Sequence[str], path: Path, *, bars: int, kills_ms: Sequence[int]) -> list[int]:
    """Run ``cryptonn paper`` until so many bars are decided on; return after how many it was killed.

    Parameters
    ----------
    kills_ms
        Once it has decided on these bars it is killed, at whatever it is doing then.
    """
    died, waiting = [], sorted(kills_ms)
    while (done := decided(path)) < bars:
        with command(
            *words, "--bars", str(bars - done), "--json", stdout=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                if waiting and newest_bar(path) >= waiting[0]:
                    process.kill()
                    process.wait()
                    died.append(decided(path))
                    waiting.pop(0)
                time.sleep(0.2)
        if process.returncode > 0:
            raise RuntimeError(f"the session ended with exit code {process.returncode}")
    return died


def decided(path: Path) -> int:
    """Return on how many bars a session has decided; 0 before the first."""
    if not newest_bar(path):
        return 0
    with LedgerReader.open(path) as ledger:
        return len(ledger.decisions())


def books(port: int, path: Path) -> tuple[list[str], bool]:
    """Hold the exchange's books against the ledger's; return that in words, and whether all is well."""
    orders = control(port, "orders")["orders"]
    balances = control(port, "account")["balances"]
    posts: Counter[str] = Counter(control(port, "log")["posts"])
    with LedgerReader.open(path) as ledger:
        booked = [_fill(fill.side, fill.amount, fill.price, fill.fee) for fill in ledger.fills()]
        expected, base = ledger.expected(), ledger.facts.base
        states, incidents = ledger.order_counts(), Counter(row.kind for row in ledger.incidents())
    made = [
        _fill(order["side"], *(trade[name] for name in _TRADE))
        for order in orders
        for trade in order["trades"]
    ]
    twice, missing = sum(many > 1 for many in posts.values()), Counter(made) - Counter(booked)
    invented = Counter(booked) - Counter(made)
    held = Decimal(balances[base]["free"]) + Decimal(balances[base]["locked"])
    lines = [
        f"orders {dict(states)}, posted twice {twice}; fills {len(booked):,}, "
        f"lost {missing.total()}, invented {invented.total()}",
        f"position {expected[base].normalize():f} {base} in the ledger, {held.normalize():f} at the exchange",
        f"incidents {dict(incidents)}",
    ]
    return lines, not (twice or missing or invented) and held == expected[base]


_TRADE = ("amount", "price", "fee")


def _fill(side: str, *values: Any) -> tuple[str, ...]:
    return (side, *(f"{Decimal(value).normalize():f}" for value in values))


def main(asked: Sequence[str] | None = None) -> None:
    """Trade, kill, go on, compare; the exit code is 1 if anything differs."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.paper.restarts", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--bars", type=int, default=BARS)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument(
        "--fee-in",
        choices=("quote", "base"),
        default="quote",
        help="currency of a buy's commission",
    )
    parser.add_argument(
        "--max-gap",
        type=int,
        default=100_000,
        help="as of cryptonn paper; by default it never holds",
    )
    parser.add_argument("--run", help="a trained run in backtests/results; by default one is drawn")
    parser.add_argument(
        "--keep", type=Path, help="folder for the drawn run; by default it is removed"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which it is killed")
    given = parser.parse_args(asked)
    with tempfile.TemporaryDirectory() as folder:
        run, served = (
            _drawn(given.keep or Path(folder), bars=given.bars)
            if given.run is None
            else _trained(given.run)
        )
        sys.exit(_checked(run, served, given))


def _drawn(home: Path, *, bars: int) -> tuple[Path, list[str]]:
    """Return a drawn run and what its candles are served with."""
    from tests.tiny_run import fill_store

    tables = minutes(3 + bars // 1440)
    start = tables[SYMBOLS[0]].index[0].normalize() + pd.Timedelta(days=1)
    store = fill_store(home / "store", tables)
    served = [
        "--replay",
        *SYMBOLS,
        "--data",
        str(store),
        "--timerange",
        f"{start:%Y%m%d}-",
        "--history",
        "2",
    ]
    return drawn_run(home, tables, entering=0.03), served


def _trained(name: str) -> tuple[Path, list[str]]:
    run = find_run(name, results=ROOT / "backtests" / "results")
    return run, ["--run", str(run), "--timerange", f"{FIRST_DAY}-"]


def _checked(run: Path, served: Sequence[str], given: argparse.Namespace) -> int:
    chance = random.Random(given.seed)
    moments = [chance.randrange(given.bars // 20, given.bars) for _ in range(given.kills)]
    session = f"{SESSION}-{given.fee_in}"
    path, where = session_file(run, session), ["--results", str(run.parent), "--session", session]
    if path.exists():
        sys.exit(f"{path} is there from before; remove its folder to begin anew.")
    began = time.monotonic()
    with exchange(*served, "--clock", "lockstep", "--fee-in", given.fee_in) as port:
        words = ["paper", run.name, *where, "--port", str(port), "--fee-in", given.fee_in]
        kills_ms = [control(port, "clock")["start_ms"] + bar * MINUTE for bar in moments]
        died = trade(
            [*words, "--max-gap", str(given.max_gap)], path, bars=given.bars, kills_ms=kills_ms
        )
        found, is_well = books(port, path)
    print(
        f"{given.bars:,} minutes in lockstep, a buy's commission in {given.fee_in}: {time.monotonic() - began:.0f} s"
    )
    print(
        f"killed with -9 {len(died)} times, after {', '.join(f'{many:,}' for many in died) or 'no'} decisions"
    )
    print("\n".join(found))
    told = outcome("parity", run.name, *where)
    print(told.stdout + told.stderr, end="")
    return told.returncode or int(not is_well)


if __name__ == "__main__":
    main()
