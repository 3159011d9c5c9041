"""One search at a time in a folder: a lock that the system takes back when its process ends, however it ends."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptonn.errors import ConfigError, OutputError

__all__ = ["locked"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder; it is made if it is not there.

    Raises
    ------
    ConfigError
        If another process that still runs holds it.
    OutputError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}). Choose another with --folder."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise ConfigError(
                f"{folder}: {holder} is searching there. Wait for it, end it, or choose another folder with --folder; "
                "more workers for one search: --workers."
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
