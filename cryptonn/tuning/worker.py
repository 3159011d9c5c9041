"""A process for trials, one after another: nothing else happens in it, so nothing else touches its
random numbers.

Keras draws its seeds from Python's own generator, which every thread of a process shares; in the
process of a dask worker, say, two runs of the same trial differ. Here they are equal to the bit,
whoever started the process: the search itself, or a worker of a cluster. It ends when the one that
started it ends, however that ends.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from cryptonn.errors import ConfigError
from cryptonn.tuning.engine import OnReport, lost
from cryptonn.versions import backend_name

__all__ = ["Worker", "environment_of", "take"]

_TRIALS = 16
"""Trials in one process: each leaves about 12 MB behind that TensorFlow does not give back."""
_PATIENCE = 5.0
"""Seconds a process gets to end."""
_ATTEMPTS = 100
"""To clear a folder that is being written to."""


def environment_of(threads: int) -> dict[str, str]:
    """Return the environment that decides about the last bits of a result: in which order sums are
    added up.

    Raises
    ------
    ConfigError
        On Windows, where a process for trials cannot be given the ends of its lines yet.
    """
    if sys.platform == "win32":
        raise ConfigError(
            "a search starts processes in a way that Windows does not have: run `cryptonn tune` on "
            "Linux, or under WSL."
        )
    other = {} if backend_name() == "tensorflow" else {"KERAS_BACKEND": backend_name()}
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "0")
    return {**dict.fromkeys(names, str(threads)), "TF_ENABLE_ONEDNN_OPTS": onednn, **other}


class Worker:
    """A process for trials, as seen by the one that started it."""

    def __init__(self, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        theirs_alive, self._alive = (
            os.pipe()
        )  # only this process holds the end for writing: it closes when we end
        given = [theirs.fileno(), theirs_alive]
        self._folder = mkdtemp(prefix="cryptonn-trials-")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cryptonn.tuning.worker", *map(str, given), self._folder],
            env=os.environ | environment | {"TMPDIR": self._folder},
            pass_fds=given,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        os.close(theirs_alive)
        self.connection = Connection(ours.detach())
        self.number = -1
        self.trials = 0

    @property
    def fit(self) -> bool:
        """Whether the process is there and may have another trial."""
        return self.trials < _TRIALS and self.process.poll() is None

    def start(self, task: dict[str, Any]) -> None:
        """Give the process a trial."""
        self.number = task["number"]
        self.trials += 1
        try:
            self.connection.send(task)
        except OSError:  # it has died since; its end of the line says so when it is asked
            return

    def answer(self, on_report: OnReport) -> dict[str, Any] | None:
        """Take what the process says: the outcome of its trial, also if that is its own death;
        None after an epoch.
        """
        try:
            kind, content = self.connection.recv()
            if kind == "outcome":
                return dict(content)
            self.connection.send(on_report(self.number, content))
        except (EOFError, OSError):
            return lost(self.number, _end(self._wait()))
        return None

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.connection.close()
        os.close(self._alive)
        self.process.kill()
        self._wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> int | None:
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return None


def take(idle: list[Worker], environment: dict[str, str]) -> Worker:
    """Take a process for a trial: an idle one, or a new one where none may have another trial."""
    while idle:
        worker = idle.pop()
        if worker.fit:
            return worker
        worker.stop()
    return Worker(environment)


def _end(code: int | None) -> str:
    name = signal.Signals(-code).name if code is not None and code < 0 else ""
    if name == "SIGKILL":
        return "its process was killed (SIGKILL), as a system does that is out of memory"
    if name:
        return f"its process crashed ({name})"
    return f"its process ended without an answer (exit code {code})"


def _serve(connection: Connection) -> None:
    """Run one trial after another until the other end is closed."""
    from cryptonn.tuning.trial import run_trial

    def on_epoch(report: dict[str, Any]) -> bool:
        connection.send(("epoch", report))
        return bool(connection.recv())

    try:
        while True:
            connection.send(("outcome", run_trial(connection.recv(), on_epoch=on_epoch)))
    except (EOFError, OSError):
        return


def _end_with(alive: int, folder: Path) -> None:
    """Wait until the process that started this one has ended: no trial goes on that nobody waits
    for.

    Nobody is left either to clear the folder of temporary files, which a trial may be writing to.
    """
    os.read(alive, 1)
    for _ in range(_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
    os._exit(1)


if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the search: a fit would end at its best so far
    watch = (int(sys.argv[2]), Path(sys.argv[3]))
    threading.Thread(target=_end_with, args=watch, daemon=True).start()
    _serve(Connection(int(sys.argv[1])))
