"""Trials on this machine: worker processes, each with one trial at a time, used again for the next.

A trial that takes its process with it (out of memory, a crash in a library) is one failed trial:
its process is replaced and the others do not notice.
"""

from dataclasses import dataclass, field
from multiprocessing.connection import wait

from cryptonn.tuning.engine import Ask, OnReport, Outcomes
from cryptonn.tuning.worker import Worker, take

__all__ = ["LocalEngine"]


@dataclass
class LocalEngine:
    """Runs trials in processes of this machine."""

    workers: int = 1
    name: str = field(default="local", init=False)
    reports_epochs: bool = field(default=True, init=False)

    def run(self, ask: Ask, on_report: OnReport) -> Outcomes:
        """Run every task; see ``Engine``."""
        idle: list[Worker] = []
        busy: list[Worker] = []
        try:
            while True:
                while len(busy) < self.workers and (task := ask()) is not None:
                    busy.append(take(idle, task["environment"]))
                    busy[-1].start(task)
                if not busy:
                    return
                ready = wait([worker.connection for worker in busy])
                for worker in [worker for worker in busy if worker.connection in ready]:
                    outcome = worker.answer(on_report)
                    if outcome is not None:
                        busy.remove(worker)
                        idle.append(worker)
                        yield outcome
        finally:
            for worker in (*idle, *busy):
                worker.stop()
