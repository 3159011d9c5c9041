"""A process that has everything imported and forks a genuine process for each command or script it is told of.

Starting Python with TensorFlow takes longer than what most of the tests do with it.
"""

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]


class Command:
    """A running command; its standard output and error are files, to be read once it has ended."""

    def __init__(self, forks: "Forks", pid: int, folder: Path) -> None:
        self._forks, self.pid, self._folder = forks, pid, folder

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, *, seconds: float = 400) -> int:
        """Return the exit code, negative for a signal; a command that takes longer is killed."""
        return self._forks.ended(self.pid, seconds=seconds)

    @property
    def output(self) -> str:
        return self._read("out")

    @property
    def errors(self) -> str:
        return self._read("err")

    def _read(self, name: str) -> str:
        path = self._folder / name
        return path.read_text() if path.exists() else ""


class Forks:
    """The process that forks."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.paper.forked_commands"],
            cwd=ROOT,
            env=os.environ
            | {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "COLUMNS": "200"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        *words: object,
        script: str = "",
        debug: bool = False,
        largest_file: int = 0,
        **environment: str,
    ) -> Command:
        """Start ``cryptonn`` with some words, or a script.

        Parameters
        ----------
        script
            Lines of Python to run instead, with the words in ``sys.argv``.
        debug
            Log everything at DEBUG to standard error, also what is kept quiet otherwise.
        largest_file
            Bytes after which a file cannot grow, as on a disk that is full; 0: none.
        """
        self._number += 1
        folder = self._folder / str(self._number)
        folder.mkdir()
        job = {
            "words": [str(word) for word in words],
            "folder": str(folder),
            "script": script,
            "environment": environment,
        }
        return Command(
            self, self._told(job | {"debug": debug, "largest_file": largest_file}), folder
        )

    def run(self, *words: object, **more: Any) -> tuple[int, Command]:
        """Run a command to its end; return its exit code with it."""
        command = self.start(*words, **more)
        return command.wait(), command

    def ended(self, pid: int, *, seconds: float) -> int:
        until = time.monotonic() + seconds
        while (status := self._told({"wait": pid})) is None:
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
                raise TimeoutError(f"the command still ran after {seconds} s")
            time.sleep(0.02)
        return status

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=300)
        self._process.stdout.close()

    def _told(self, job: dict[str, Any]) -> Any:
        self._process.stdin.write(f"{json.dumps(job)}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def forking(folder: Path) -> Iterator[Forks]:
    """Run the process that forks."""
    forks = Forks(folder)
    try:
        yield forks
    finally:
        forks.close()


def _child(job: dict[str, Any]) -> NoReturn:
    from cryptonn.cli import main

    for number, name, mode in ((0, os.devnull, "r"), (1, "out", "w"), (2, "err", "w")):
        with Path(job["folder"], name).open(mode) as file:
            os.dup2(file.fileno(), number)
    os.environ.update(job["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored, put aside by a shell
    if job["debug"]:
        import logging

        from cryptonn.paper.venue import redaction

        redaction.QUIET_LOGGERS = ()  # those which log whole requests
        logging.basicConfig(level=logging.DEBUG, force=True)
    if job["largest_file"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"], resource.RLIM_INFINITY))
    sys.argv, code = ["cryptonn", *job["words"]], None
    try:
        if job["script"]:
            exec(compile(job["script"], "<script>", "exec"), {"__name__": "__main__"})
        else:
            main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        if code is None:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1 if code is None else code)


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def main() -> None:
    """Fork for each job, and tell of each process that is asked about whether it has ended, and how."""

    import cryptonn.cli
    import cryptonn.cli.paper
    import cryptonn.cli.runs
    import cryptonn.cli.tuning
    import cryptonn.learning.checkpoint
    import cryptonn.learning.stepping
    import cryptonn.learning.training
    import cryptonn.paper.loop
    import cryptonn.paper.view.terminal
    import cryptonn.paper.view.web
    import cryptonn.pipeline  # noqa: F401
    from tests.conftest import blank

    gc.collect()
    gc.freeze()
    with blank():
        _serve()


def _serve() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        if "wait" in job:
            answer: int | None = _ended(job["wait"])
        else:
            answer = os.fork()
            if answer == 0:
                _child(job)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
