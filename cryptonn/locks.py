"""One process at a time: locks that the system takes back when their process ends, however it ends.

A lock is a file, held by the system's own means on each system (``filelock``). Who holds
it is written beside it, in a file of its own: on Windows a held file cannot be read by others.
"""

import contextlib
import errno
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import BaseFileLock, FileLock, Timeout

__all__ = ["HeldElsewhere", "Lock", "signer_lives", "signer_of", "take_signed", "try_lock"]

_SIGNATURE = "process"
_STARTED = "started"
_SAME_START_S = 60.0
"""Two readings of a process's start may differ by what the machine's clock was set meanwhile."""


class HeldElsewhere(Exception):
    """Another process that still runs holds the lock; ``holder`` says which, in words."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class Lock:
    """A lock that is held until it is closed, or the process ends;
    made by ``try_lock`` or ``take_signed``.
    """

    def __init__(self, path: Path, held: BaseFileLock) -> None:
        self.path = path
        self._held = held

    def close(self) -> None:
        """Give the lock back; its file stays, so that all who come later wait for the same one."""
        self._held.release()

    def remove(self) -> None:
        """Give the lock back and remove its file: for a name that nobody uses again."""
        with contextlib.suppress(OSError):  # Windows removes no file that is open
            self.path.unlink()
        with contextlib.suppress(OSError):
            self._held.release()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def try_lock(path: Path) -> Lock | None:
    """Hold the file ``path``, which is made if it is not there; None if another holds it.

    Raises
    ------
    OSError
        If the file cannot be written, or the disk knows no locks.
    """
    held = FileLock(path, timeout=0, thread_local=False)
    try:
        held.acquire()
    except Timeout:  # which is an OSError too
        return None
    except NotImplementedError as error:
        raise OSError(errno.ENOTSUP, "this disk knows no locks", str(path)) from error
    return Lock(path, held)


def take_signed(path: Path, *, holder: str = "") -> Lock:
    """Take a lock, and write into ``path`` who holds it; what is held is the file
    ``path`` + ".held".

    Parameters
    ----------
    holder
        Who takes it, in words for the message that somebody else will get.

    Raises
    ------
    HeldElsewhere
        If another process that still runs holds it.
    OSError
        If the place cannot be written, or the disk knows no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8"):
        pass  # it says at once whether it can be written
    lock = try_lock(path.with_name(f"{path.name}.held"))
    if lock is None:
        raise HeldElsewhere(_told(path))
    with contextlib.suppress(OSError):  # on a full disk it holds all the same
        path.write_text(_signature(holder), encoding="utf-8")
    return lock


def signer_lives(path: Path) -> bool | None:
    """Tell whether the process that signed ``path`` last still lives; None if that cannot be known.

    It only reads: to try the lock could refuse a process that takes it at that moment.
    """
    process = signer_of(path)
    if process is None:
        return None
    lines = _lines(path)
    words = lines[0].split()
    if len(words) > 3 and words[3] != socket.gethostname():
        return None  # signed on another machine
    started = next((line for line in lines if line.startswith(f"{_STARTED} ")), None)
    return _lives(process, started=None if started is None else float(started.split()[1]))


def signer_of(path: Path) -> int | None:
    """Return the number of the process that signed ``path`` last; None if nobody did."""
    lines = _lines(path)
    words = lines[0].split() if lines else []
    if len(words) < 2 or words[0] != _SIGNATURE or not words[1].isdecimal():
        return None
    return int(words[1]) or None


def _lives(pid: int, *, started: float | None) -> bool:
    """Tell whether a process runs, and began when ``started`` says: a number is given
    to another one some day.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return started is None or abs(process.create_time() - started) < _SAME_START_S
    except (psutil.NoSuchProcess, OverflowError):
        return False
    except psutil.AccessDenied:
        return True


def _signature(holder: str) -> str:
    import psutil  # only where a process is asked about: a folder of results needs none of it

    own = psutil.Process()
    first = f"{_SIGNATURE} {own.pid} on {socket.gethostname()}"
    return "\n".join((first, *([holder] if holder else ()), f"{_STARTED} {own.create_time():.2f}"))


def _told(path: Path) -> str:
    lines = [line for line in _lines(path) if line and not line.startswith(f"{_STARTED} ")]
    return ", ".join(lines) or "another process"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
