"""A paper session in a process of its own, against an exchange in another: made to be killed.

    python -m tests.paper.matrix_driver        reads one job (JSON) a line, and forks a process for each

The parent has everything imported, so a session starts in milliseconds; what dies is a genuine process, by SIGKILL.
"""

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from cryptonn.paper.clock import LocalClock
from cryptonn.paper.decision import Decision
from cryptonn.paper.executor import Executor
from cryptonn.paper.inquiry import Timing
from cryptonn.paper.ledger import Ledger, SessionFacts
from cryptonn.paper.ports import Unreadable
from cryptonn.paper.reconcile import reconcile
from cryptonn.paper.venue.exchanges import LOCAL
from cryptonn.paper.venue.venue import open_venue
from tests.paper.mutations import MUTATIONS

MINUTE = 60_000
START_MS = 1_600_000_020_000
SYMBOL = "ETH/USD"
WANTED = ("2", "2", "0.5", "0.5", "3", "0", "1.5", "1.5")
"""Position wanted after each bar: buys, sells, a position closed and another opened."""
PRICE = Decimal(400)

Value = TypeVar("Value")


def facts(job: dict[str, Any]) -> SessionFacts:
    """What the session of a job is."""
    return SessionFacts(
        "matrix", "{}", "c", "m", "1", "4.5", job["exchange"], SYMBOL, Decimal(5000), START_MS
    )


def session(job: dict[str, Any]) -> None:
    """Go on with a session, from its first start to its last decision."""
    clock = LocalClock(job["port"])
    with (
        Ledger.open(Path(job["path"]), facts(job)) as ledger,
        open_venue(
            job["exchange"],
            clock=clock,
            port=job["port"],
            timeout_s=job["timeout_s"],
            fee_in=job.get("fee_in"),
        ) as venue,
    ):

        def compare() -> object:
            return reconcile(ledger, venue, clock, price=PRICE)

        if not ledger.epochs():
            patiently(compare, clock)
        timing, checkpoint = Timing(resend_within_s=60.0), killer(job.get("kill"))
        executor = patiently(
            lambda: Executor(ledger, venue, clock, timing=timing, checkpoint=checkpoint), clock
        )
        patiently(executor.settle, clock)
        patiently(compare, clock)
        for bar, wanted in enumerate(WANTED):
            time_ms = START_MS + bar * MINUTE
            if not ledger.decided(time_ms):
                clock.advance(max(clock.now_ms(), time_ms + MINUTE))
                executor.act(
                    Decision(time_ms, time_ms + MINUTE, 0.6, 1, Decimal(wanted), PRICE, near=False)
                )
        clock.advance(max(clock.now_ms(), START_MS + (len(WANTED) + 1) * MINUTE))
        patiently(executor.settle, clock)
        patiently(compare, clock)


def patiently(do: Callable[[], Value], clock: LocalClock) -> Value:
    """Do something, again and again while the exchange cannot be asked."""
    for _ in range(100):
        try:
            return do()
        except Unreadable as error:
            clock.sleep(max(error.wait_s, 5.0))
    return do()


def killer(kill: list[Any] | None) -> Callable[[str], None]:
    """Return a checkpoint at which the process dies: (name, times it is passed before)."""
    passed: dict[str, int] = {}

    def checkpoint(name: str) -> None:
        if kill is not None and name == kill[0] and passed.get(name, 0) == kill[1]:
            os.kill(os.getpid(), signal.SIGKILL)
        passed[name] = passed.get(name, 0) + 1

    return checkpoint


def child(job: dict[str, Any]) -> NoReturn:
    """Run one job and end the process, with what went wrong in a file beside the database."""
    if job.get("mutation"):
        MUTATIONS[job["mutation"]]()
    code = 1
    try:
        session(job)
        code = 0
    finally:
        if code:
            Path(f"{job['path']}.error").write_text(traceback.format_exc(), encoding="utf-8")
        os._exit(code)


def warm_up() -> None:
    """Load what a session loads when it opens its account (ccxt above all): half of what a life took."""
    for exchange in LOCAL:
        with open_venue(exchange, clock=LocalClock(1), port=1):
            pass
    gc.collect()
    gc.freeze()


def main() -> None:
    """Fork a process for each job, tell its id, wait for it, and tell how it ended."""
    warm_up()
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(job)
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
