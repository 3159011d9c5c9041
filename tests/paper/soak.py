"""A day of minutes on a running clock: does a session miss a decision, grow, or keep files open?

    python -m tests.paper.soak                           24 hours of real minutes at 60 times their pace: 24 minutes
    python -m tests.paper.soak --hours 3 --speed 90      less, and faster

The exit code is 1 if a minute is missed after the first decision, memory grows by 5 MB or files are left open.
The exchange and the session are genuine processes: ``cryptonn local-exchange`` and ``cryptonn paper``. The network has
weights drawn at random, and trades every few minutes. Without the real candles it takes synthetic ones.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.paper.ledger import LedgerReader
from tests.paper.processes import MINUTE, SYMBOLS, command, drawn_run, exchange, minutes

WARM_UP_BARS = 60
MOST_GROWTH_MB = 5
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass
class Watched:
    """What was seen of a process and of the requests it made.

    ``memory`` and ``files``: (time of the exchange, MB resident, open files) since the start.
    """

    memory: list[tuple[int, float]] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    calls: Counter[int] = field(default_factory=Counter)
    with_order: set[int] = field(default_factory=set)

    def look(self, pid: int, now_ms: int) -> None:
        """Take down what a process holds at a time of the exchange."""
        self.memory.append((now_ms, resident_mb(pid)))
        self.files.append(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))

    def count(self, requests: Iterable[Mapping[str, Any]]) -> None:
        """Take down requests of the exchange's log."""
        for entry in requests:
            minute = entry["now_ms"] // MINUTE
            self.calls[minute] += 1
            if entry["method"] == "POST":
                self.with_order.add(minute)

    def growth(self, bars: int) -> float:
        """Return by how many MB the process grew after so many bars: the end beside the quarter hour after them."""
        since_ms = self.memory[0][0] + bars * MINUTE
        later = [mb for at_ms, mb in self.memory if at_ms >= since_ms]
        first = [mb for at_ms, mb in self.memory if since_ms <= at_ms < since_ms + 15 * MINUTE]
        return float(np.median(later[-len(first) :]) - np.median(first))

    def open_files(self) -> tuple[int, int]:
        """Return the most open files in the first and in the last tenth of the time."""
        tenth = max(1, len(self.files) // 10)
        return max(self.files[:tenth]), max(self.files[-tenth:])

    def per_minute(self, *, with_order: bool) -> tuple[float, int]:
        """Return the mean and the most requests of the minutes with, or without, an order."""
        minutes = sorted(self.calls)[
            2:-1
        ]  # the first ones hold the start, the last one is not whole
        counts = [
            self.calls[minute] for minute in minutes if (minute in self.with_order) == with_order
        ]
        return (float(np.mean(counts)), max(counts)) if counts else (0.0, 0)


def watch(pid: int, port: int, *, every_s: float) -> Watched:
    """Look at a process and at the exchange's log until the process has ended."""
    found, since = Watched(), 0
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        while not has_ended(pid):
            connection.request("GET", f"/_ctl/log?since={since}")
            log = json.loads(connection.getresponse().read())
            since = log["total"]
            found.count(log["requests"])
            if log["requests"]:
                with contextlib.suppress(OSError):
                    found.look(pid, log["requests"][-1]["now_ms"])
            time.sleep(every_s)
    return found


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB


def missed(path: Path) -> tuple[int, int]:
    """Return the decisions of a session, and how many are missing between its first and its last."""
    with LedgerReader.open(path) as ledger:
        times = [row.decision.time_ms for row in ledger.decisions()]
    return len(times), (times[-1] - times[0]) // MINUTE + 1 - len(times)


def report(found: Watched, path: Path, *, warm_up: int) -> bool:
    """Print the figures of a session; tell whether they are as they should be."""
    decisions, lost = missed(path)
    with LedgerReader.open(path) as ledger:
        orders, kinds = ledger.order_counts(), Counter(row.kind for row in ledger.incidents())
    size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*")) / 1e6
    idle, busy = found.per_minute(with_order=False), found.per_minute(with_order=True)
    print(f"decisions            {decisions:,}, missed {lost}")
    print(f"orders               {orders}; incidents {dict(kinds)}")
    print(
        f"memory               {found.growth(warm_up):+.1f} MB after {warm_up} bars, {found.memory[-1][1]:.0f} MB"
    )
    first, last = found.open_files()
    print(f"open files           {first} in the first tenth, {last} at the end")
    print(f"database             {size:.1f} MB")
    print(
        f"requests a minute    {idle[0]:.1f} on average without an order (most {idle[1]}), {busy[0]:.1f} with one ",
        end="",
    )
    print(f"(most {busy[1]})")
    return lost == 0 and found.growth(warm_up) < MOST_GROWTH_MB and last <= first


def main(asked: Sequence[str] | None = None) -> None:
    """Run the soak and print its figures."""
    from tests.tiny_run import fill_store

    parser = argparse.ArgumentParser(
        prog="python -m tests.paper.soak", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument(
        "--speed", type=float, default=60.0, help="minutes of candles in a minute of real time"
    )
    given = parser.parse_args(asked)
    bars = round(given.hours * 60)
    tables = minutes(3 + int(given.hours // 24))
    start = tables["ETH/USD"].index[0].normalize() + pd.Timedelta(days=1)
    with tempfile.TemporaryDirectory() as home:
        run = drawn_run(Path(home), tables)
        store, path = (
            fill_store(Path(home) / "store", tables),
            run / "paper" / "local" / "session.sqlite",
        )
        began = time.monotonic()
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
                str(bars),
                "--json",
            ]
            with command(*words, stdout=subprocess.DEVNULL) as process:
                found = watch(process.pid, port, every_s=0.5)
                code = process.wait()
        took_s = time.monotonic() - began
        print(
            f"{given.hours:g} h of minutes at {given.speed:g} times their pace: {took_s:.0f} s, exit code {code}"
        )
        is_well = report(found, path, warm_up=min(WARM_UP_BARS, bars // 3))
    sys.exit(code or not is_well)


if __name__ == "__main__":
    main()
