"""One process at a time for a database or an account: a lock the system takes back when its process ends."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from cryptonn.errors import ConfigError, OutputError

__all__ = ["signed_by", "signed_by_living", "take_lock"]

_SIGNATURE = "process"


def take_lock(path: Path, *, what: str, holder: str = "") -> TextIO:
    """Take the lock file ``path`` and return it open; closing it, or the end of the process, gives the lock back.

    Parameters
    ----------
    what
        What the lock stands for, in words for the message, such as "this session" or "this account of binance".
    holder
        Who takes it, in words for the message that somebody else will get.

    Raises
    ------
    ConfigError
        If another process that still runs holds it.
    OutputError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}). Nothing was sent. Make it writable."
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        told = ", ".join(file.read().split("\n")) or "another process"
        file.close()
        raise ConfigError(
            f"{told} is trading with {what}. Two at once would trade against each other: "
            "stop that one first (Ctrl-C there)."
        ) from error
    except OSError as error:
        file.close()
        raise OutputError(
            f"{path}: cannot be locked ({error.strerror}). Keep the session on a local disk."
        ) from error
    _sign(file, holder)
    return file


def signed_by(path: Path) -> int | None:
    """Return the number of the process that took the lock file ``path`` last; None if nobody signed it."""
    try:
        word, _, number = path.read_text(encoding="utf-8").partition("\n")[0].partition(" ")
        process = int(number)
    except (OSError, ValueError):
        return None
    return process if word == _SIGNATURE and process > 0 else None


def signed_by_living(path: Path) -> bool | None:
    """Tell whether the process that took the lock file ``path`` last still lives; None if nobody signed it.

    Only reads: to try the lock could refuse a process that takes it at that moment.
    """
    process = signed_by(path)
    if process is None:
        return None
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _sign(file: TextIO, holder: str) -> None:
    """Write whose lock it is; on a full disk it holds all the same."""
    try:
        file.truncate(0)
        file.write(f"{_SIGNATURE} {os.getpid()}" + (f"\n{holder}" if holder else ""))
        file.flush()
    except OSError:
        return
