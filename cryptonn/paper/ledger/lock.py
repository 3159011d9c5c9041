"""One process at a time for a database or an account."""

from pathlib import Path

from cryptonn.errors import ConfigError, OutputError
from cryptonn.locks import HeldElsewhere, Lock, take_signed

__all__ = ["take_lock"]


def take_lock(path: Path, *, what: str, holder: str = "") -> Lock:
    """Take the lock ``path`` and return it; closing it, or the end of the process, gives it back.

    Parameters
    ----------
    what
        What the lock stands for, in words for the message, such as "this session" or "this account
        of binance".
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
        return take_signed(path, holder=holder)
    except HeldElsewhere as error:
        raise ConfigError(
            f"{error.holder} is trading with {what}. Two at once would trade against each other: "
            "stop that one first (Ctrl-C there)."
        ) from error
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written or locked ({error.strerror}). Nothing was sent. Make it "
            "writable, and keep the session on a local disk."
        ) from error
