"""One search at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptonn.errors import ConfigError, OutputError
from cryptonn.locks import HeldElsewhere, take_signed

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
        lock = take_signed(folder / "lock")
    except HeldElsewhere as error:
        raise ConfigError(
            f"{folder}: {error.holder} is searching there. Wait for it, end it, or choose another "
            "folder with --folder; more workers for one search: --workers."
        ) from error
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}). Choose another with --folder."
        ) from error
    with lock:
        yield
