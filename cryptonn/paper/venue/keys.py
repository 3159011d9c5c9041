"""API keys: from the environment or a private file, never shown."""

import configparser
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from cryptonn.errors import ConfigError

__all__ = ["LOCAL_KEYS", "Credentials", "load_credentials"]

KEY_VARIABLE, SECRET_VARIABLE = "CRYPTONN_KEY", "CRYPTONN_SECRET"
LOCAL_KEYS = {
    "local": ("local-key", "local-secret"),
    "local-gemini": ("account-local-key", "local-secret"),
}
"""Keys of the exchange on this machine; they open nothing else."""
LARGEST_FILE = 64 * 1024
SHORTEST = 8
_SHOWN = "********"


class Credentials:
    """A key and its secret. They show in no ``repr`` or ``str``, and cannot be pickled, copied or
    compared.

    Raises
    ------
    ConfigError
        If one is shorter than 8 characters or holds anything but visible ASCII.
    """

    __slots__ = ("key", "secret")

    def __init__(self, key: str, secret: str) -> None:
        for name, value in (("key", key), ("secret", secret)):
            if not re.fullmatch(rf"[!-~]{{{SHORTEST},8192}}", value):
                raise ConfigError(
                    f"The API {name} is no {name}: it must be {SHORTEST} or more visible "
                    "characters without blanks. Copy it again from the exchange's sandbox."
                )
        self.key, self.secret = key, secret

    def __repr__(self) -> str:
        return f"Credentials(key={_SHOWN}, secret={_SHOWN})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Credentials cannot be pickled or copied")


def load_credentials(
    exchange: str, *, environ: Mapping[str, str], path: Path | None = None
) -> Credentials:
    """Return the sandbox keys of an exchange, from a private file if one is named, else from the
    environment.

    Parameters
    ----------
    exchange
        Such as "binance"; the section of the file that is read. The local exchange has keys of its
        own, whatever the environment holds.
    environ
        Where ``CRYPTONN_KEY`` and ``CRYPTONN_SECRET`` are looked up.
    path
        An ini file with a section for each exchange, and in it ``key = …`` and ``secret = …``.

    Raises
    ------
    ConfigError
        If a key is missing; if a file of keys is named for the local exchange; or if the file can
        be read by others, belongs to somebody else, is a link, or lies in a git repository.
    """
    if exchange in LOCAL_KEYS:
        if path is not None:
            raise ConfigError(
                f"--exchange {exchange} takes no --keys: it has keys of its own, and no use for "
                "yours."
            )
        return Credentials(*LOCAL_KEYS[exchange])
    if path is not None:
        return Credentials(*_from_file(exchange, path.expanduser()))
    key, secret = (environ.get(name, "").strip() for name in (KEY_VARIABLE, SECRET_VARIABLE))
    missing = [
        name for name, value in ((KEY_VARIABLE, key), (SECRET_VARIABLE, secret)) if not value
    ]
    if missing:
        lacking = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        raise ConfigError(
            f"{exchange} needs the keys of a sandbox account, and {lacking}. Set both "
            f"{KEY_VARIABLE} and {SECRET_VARIABLE}, or name a private file (mode 600) with --keys. "
            "Without an account: --exchange local."
        )
    return Credentials(key, secret)


def _from_file(exchange: str, path: Path) -> tuple[str, str]:
    text = _private_text(path)
    parser = configparser.ConfigParser(interpolation=None)
    readable = True
    try:
        parser.read_string(text)
    except configparser.Error:  # its words would quote the file
        readable = False
    if not readable:
        raise ConfigError(
            f"{path}: no ini file. Write [{exchange}], then key = … and secret = … on lines of "
            "their own."
        )
    if not parser.has_section(exchange):
        raise ConfigError(
            f"{path}: no section [{exchange}]. It has: {', '.join(parser.sections()) or 'none'}."
        )
    key, secret = (parser.get(exchange, name, fallback="").strip() for name in ("key", "secret"))
    if not key or not secret:
        raise ConfigError(f"{path}: section [{exchange}] needs both key = … and secret = ….")
    return key, secret


def _private_text(path: Path) -> str:
    """Read a file that only its owner can read; the file that is checked is the one
    that is read.
    """
    _refuse_repository(path)
    if not hasattr(os, "geteuid"):
        raise ConfigError(
            f"{path}: whether others may read it cannot be told on this system. Give the keys by "
            f"{KEY_VARIABLE} and {SECRET_VARIABLE} instead of --keys."
        )
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        link = " It is a link: name the file itself." if path.is_symlink() else ""
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).{link}") from None
    try:
        _refuse_shared(path, os.fstat(handle))
        data = os.read(handle, LARGEST_FILE + 1)
    finally:
        os.close(handle)
    if len(data) > LARGEST_FILE or not data.isascii():
        raise ConfigError(f"{path}: no file of keys: it is larger than 64 KiB, or not plain ASCII.")
    return data.decode("ascii")


def _refuse_shared(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        raise ConfigError(
            f"{path}: no file of its own (a folder, pipe, device or hard link). Keep keys in a "
            "plain file."
        )
    if facts.st_uid != os.geteuid():
        raise ConfigError(f"{path}: belongs to another user. Keep your keys in a file of your own.")
    mode = stat.S_IMODE(facts.st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"{path}: others may read it (mode {mode:03o}). Close it: chmod 600 {path}"
        )


def _refuse_repository(path: Path) -> None:
    """Keys in a repository end up in a commit."""
    # Path.absolute keeps "..", Path.resolve follows the last link
    literal = Path(os.path.abspath(path))  # noqa: PTH100
    parents = {*literal.parents, *literal.parent.resolve().parents, literal.parent.resolve()}
    for folder in sorted(parents):
        if (folder / ".git").exists():
            raise ConfigError(
                f"{path}: lies in the git repository {folder}. Keep keys outside, such as in "
                "~/.config."
            )
