"""The network is down for an hour: what does a session send meanwhile, what does it decide on, and when does it go on?

    python -m tests.paper.outage                             an hour of minutes without network, at 60 times their pace
    python -m tests.paper.outage --minutes 10 --speed 30     less, and slower

Every connection to the exchange is dropped; the exchange and the session are genuine processes, as in the soak.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.paper.ledger import LedgerReader
from tests.paper.processes import (
    MINUTE,
    SYMBOLS,
    command,
    control,
    drawn_run,
    exchange,
    minutes,
    newest_bar,
)

BEFORE, AFTER = 30, 30
WITHIN_BARS = 2


@dataclass(frozen=True)
class Outage:
    """What a session did about an outage. Times are the exchange's, milliseconds; ``bars`` are opens of bars.

    Parameters
    ----------
    down_ms, up_ms
        From when until when connections were dropped.
    asked
        Requests meanwhile, none of which was answered; ``posted`` those of them that were orders.
    bars
        Those decided on, in the order of the decisions.
    sent
        Times of the orders sent at any other time.
    """

    down_ms: int
    up_ms: int
    asked: int
    posted: int
    bars: tuple[int, ...]
    sent: tuple[int, ...]

    @property
    def past(self) -> int:
        """How many bars that closed during the outage were decided on."""
        return sum(self.down_ms <= bar + MINUTE < self.up_ms for bar in self.bars)

    @property
    def resumed(self) -> int:
        """Which bar that closed after the outage was the first to be decided on: 1 is the very next; 0: none."""
        later = [bar + MINUTE for bar in self.bars if bar + MINUTE >= self.up_ms]
        next_close = -(-self.up_ms // MINUTE) * MINUTE
        return (later[0] - next_close) // MINUTE + 1 if later else 0

    @property
    def is_well(self) -> bool:
        """Tell whether no order left, nothing past was decided on, and it went on in time."""
        return self.posted == self.past == 0 and 1 <= self.resumed <= WITHIN_BARS

    def describe(self) -> str:
        """Say it in words, one line each."""
        before = sum(time_ms < self.down_ms for time_ms in self.sent)
        after, others = len(self.sent) - before, len(self.bars) - self.past
        length = (self.up_ms - self.down_ms) / MINUTE
        return "\n".join(
            [
                f"down                 {length:.0f} min, {self.asked} requests meanwhile",
                f"orders               {self.posted} while it was down; {before} before, {after} after",
                f"decisions            {self.past} on minutes that closed meanwhile, {others} on others",
                f"goes on              with candle {self.resumed} of those that close afterwards",
            ]
        )


def outage_of(
    log: Sequence[Mapping[str, Any]], bars: Sequence[int], *, down_ms: int, up_ms: int
) -> Outage:
    """Work it out from the exchange's log of requests and the bars decided on."""
    during = [entry for entry in log if down_ms <= entry["now_ms"] < up_ms]
    posted = [entry["now_ms"] for entry in log if entry["method"] == "POST"]
    sent = tuple(time_ms for time_ms in posted if not down_ms <= time_ms < up_ms)
    return Outage(down_ms, up_ms, len(during), len(posted) - len(sent), tuple(bars), sent)


def take_down(
    port: int, *, at_ms: int, lasting: float, wait: Callable[[float], None] = time.sleep
) -> tuple[int, int]:
    """Let the network fail in the middle of a minute, when no order is on its way; return from when until when."""
    while (
        now_ms := control(port, "clock")["now_ms"]
    ) < at_ms or not 20_000 < now_ms % MINUTE < 45_000:
        wait(0.02)
    up_ms = now_ms + round(lasting * MINUTE)
    control(port, "quirks", {"down_until_ms": up_ms})
    return control(port, "clock")["now_ms"], up_ms


def main(asked: Sequence[str] | None = None) -> None:
    """Let a session run into an outage and print what it did; the exit code is 1 if that was not right."""
    from tests.tiny_run import fill_store

    parser = argparse.ArgumentParser(
        prog="python -m tests.paper.outage", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long it is down")
    parser.add_argument(
        "--speed", type=float, default=60.0, help="minutes of candles in a minute of real time"
    )
    given = parser.parse_args(asked)
    tables = minutes(3)
    start = tables[SYMBOLS[0]].index[0].normalize() + pd.Timedelta(days=1)
    with tempfile.TemporaryDirectory() as home:
        run = drawn_run(Path(home), tables, entering=0.2)
        store, path = (
            fill_store(Path(home) / "store", tables),
            run / "paper" / "local" / "session.sqlite",
        )
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
        with exchange(*served, "--speed", str(given.speed)) as port:
            words = [
                "paper",
                "drawn",
                "--results",
                home,
                "--port",
                str(port),
                "--bars",
                str(BEFORE + AFTER),
                "--json",
            ]
            with command(*words, stdout=subprocess.DEVNULL) as process:
                down_ms, up_ms = take_down(
                    port, at_ms=first_bar(path) + BEFORE * MINUTE, lasting=given.minutes
                )
                code = process.wait()
            log = control(port, "log")["requests"]
        with LedgerReader.open(path) as ledger:
            bars = [row.decision.time_ms for row in ledger.decisions()]
            incidents = [f"{row.kind}: {row.detail}" for row in ledger.incidents()]
    found = outage_of(log, bars, down_ms=down_ms, up_ms=up_ms)
    print(
        f"Network down for {given.minutes:g} minutes at {given.speed:g} times their pace: exit code {code}"
    )
    print(found.describe())
    print("incidents            " + "\n                     ".join(incidents))
    sys.exit(code or not found.is_well)


def first_bar(path: Path, *, within_s: float = 120) -> int:
    """Wait for a session's first decision; return the bar decided on."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if bar := newest_bar(path):
            return bar
        time.sleep(0.2)
    raise RuntimeError(f"no decision within {within_s:g} s")


if __name__ == "__main__":
    main()
