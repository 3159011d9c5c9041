"""A day of minutes on a running clock: does a session miss a decision, grow, or keep files open?

    python -m tests.paper.soak                           24 hours of real minutes at 60 times their pace: 24 minutes
    python -m tests.paper.soak --hours 3 --speed 90      less, and faster

The exchange and the session are genuine processes: ``cryptonn local-exchange`` and ``cryptonn paper``. The network has
weights drawn at random, and trades every few minutes. Without the real candles it takes synthetic ones.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.paper.ledger import LedgerReader
from tests.conftest import ROOT, SHARED_DATA

MINUTE = 60_000
WARM_UP_BARS = 60
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
RULE = {"hold": 4}


@dataclass
class Watched:
    """What was seen of a process and of the requests it made.

    ``memory`` and ``files``: (time of the exchange, MiB resident, open files) since the start.
    """

    memory: list[tuple[int, float]] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    calls: Counter[int] = field(default_factory=Counter)
    with_order: set[int] = field(default_factory=set)

    def growth(self, bars: int) -> float:
        """Return by how many MiB the process grew after so many bars: the end beside the quarter hour after them."""
        since_ms = self.memory[0][0] + bars * MINUTE
        later = [mib for at_ms, mib in self.memory if at_ms >= since_ms]
        first = [mib for at_ms, mib in self.memory if since_ms <= at_ms < since_ms + 15 * MINUTE]
        return float(np.median(later[-len(first) :]) - np.median(first))

    def per_minute(self, *, with_order: bool) -> tuple[float, int]:
        """Return the mean and the most requests of the minutes with, or without, an order."""
        minutes = sorted(self.calls)[2:-1]  # the first ones hold the start, the last one is not whole
        counts = [self.calls[minute] for minute in minutes if (minute in self.with_order) == with_order]
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
            for entry in log["requests"]:
                minute = entry["now_ms"] // MINUTE
                found.calls[minute] += 1
                if entry["method"] == "POST":
                    found.with_order.add(minute)
            if log["requests"]:
                with contextlib.suppress(OSError):
                    found.memory.append((log["requests"][-1]["now_ms"], resident_mib(pid)))
                    found.files.append(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
            time.sleep(every_s)
    return found


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MIB


def drawn_run(
    folder: Path, tables: dict[str, pd.DataFrame], *, entering: float = 0.05, **sections: dict[str, Any]
) -> Path:
    """Make a run folder with a network drawn at random, as far as a session reads it.

    The run enters at so many of the bars.
    """
    sys.path.insert(0, str(Path(__file__).parent))
    from session_cases import drawn_model

    from cryptonn.learning.features import make_features
    from cryptonn.learning.prediction import predict_proba
    from cryptonn.market.candles import align

    frame = align({symbol: table.iloc[:4000] for symbol, table in tables.items()}, timeframe="1m")
    model = drawn_model(frame, **{"signal": RULE} | sections)
    features = make_features(frame, target="ETH/USD", config=model.config.features)
    enter = float(predict_proba(model, features).quantile(1 - entering))
    run = folder / "drawn"
    model.save(run / "model")
    (run / "config.toml").write_text(model.config.to_toml())
    (run / "run.json").write_text(json.dumps({"enter": enter}))
    return run


def minutes(days: int) -> dict[str, pd.DataFrame]:
    """Real minutes, or made-up ones where there are none."""
    sys.path.insert(0, str(Path(__file__).parent))
    from real_minutes import real_minutes

    from tests.tiny_run import tiny_candles

    return real_minutes(SHARED_DATA, days) if SHARED_DATA.is_dir() else tiny_candles(days=days)


def missed(path: Path) -> tuple[int, int]:
    """Return the decisions of a session, and how many are missing between its first and its last."""
    with LedgerReader.open(path) as ledger:
        times = [row.decision.time_ms for row in ledger.decisions()]
    return len(times), (times[-1] - times[0]) // MINUTE + 1 - len(times)


@contextmanager
def exchange(store: Path, start: pd.Timestamp, *, speed: float) -> Iterator[int]:
    """Run ``cryptonn local-exchange`` on a store; give its port."""
    words = ["local-exchange", "--replay", "ETH/USD", "BTC/USD", "--data", str(store), "--speed", str(speed)]
    words += ["--timerange", f"{start:%Y%m%d}-", "--history", "2", "--port", "0", "--json"]
    words += ["--fees", "13bp"]  # what the run reckons with, all in all
    with _command(*words, stdout=subprocess.PIPE) as process:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the exchange did not start")
            text += line
        yield json.loads(text)["port"]


@contextmanager
def _command(*words: str, **more: Any) -> Iterator[Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", "from cryptonn.cli import main; main()", *words],
        text=True,
        cwd=ROOT,
        env=environment,
        **more,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def report(found: Watched, path: Path, *, warm_up: int) -> None:
    """Print the figures of a session."""
    decisions, lost = missed(path)
    with LedgerReader.open(path) as ledger:
        orders, kinds = ledger.order_counts(), Counter(row.kind for row in ledger.incidents())
    size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*")) / 2**20
    idle, busy = found.per_minute(with_order=False), found.per_minute(with_order=True)
    print(f"decisions            {decisions:,}, missed {lost}")
    print(f"orders               {orders}; incidents {dict(kinds)}")
    print(f"memory               {found.growth(warm_up):+.1f} MiB after {warm_up} bars, {found.memory[-1][1]:.0f} MiB")
    tenth = max(1, len(found.files) // 10)
    print(f"open files           {max(found.files[:tenth])} in the first tenth, {max(found.files[-tenth:])} at the end")
    print(f"database             {size:.1f} MiB")
    print(
        f"requests a minute    {idle[0]:.1f} on average without an order (most {idle[1]}), {busy[0]:.1f} with one ",
        end="",
    )
    print(f"(most {busy[1]})")


def main(words: Sequence[str] | None = None) -> None:
    """Run the soak and print its figures."""
    from tests.tiny_run import fill_store

    parser = argparse.ArgumentParser(prog="python -m tests.paper.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--speed", type=float, default=60.0, help="minutes of candles in a minute of real time")
    given = parser.parse_args(words)
    bars = round(given.hours * 60)
    tables = minutes(3 + int(given.hours // 24))
    start = tables["ETH/USD"].index[0].normalize() + pd.Timedelta(days=1)
    with tempfile.TemporaryDirectory() as home:
        run = drawn_run(Path(home), tables)
        store, path = fill_store(Path(home) / "store", tables), run / "paper" / "local" / "session.sqlite"
        began = time.monotonic()
        with exchange(store, start, speed=given.speed) as port:
            command = ["paper", "drawn", "--results", home, "--port", str(port), "--bars", str(bars), "--json"]
            with _command(*command, stdout=subprocess.DEVNULL) as process:
                found = watch(process.pid, port, every_s=0.5)
                code = process.wait()
        took_s = time.monotonic() - began
        print(f"{given.hours:g} h of minutes at {given.speed:g} times their pace: {took_s:.0f} s, exit code {code}")
        report(found, path, warm_up=min(WARM_UP_BARS, bars // 3))


if __name__ == "__main__":
    main()
