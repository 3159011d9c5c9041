"""Results on disk: a file or a folder appears whole, under its name, or not at all."""

import errno
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptonn.errors import OutputError
from cryptonn.locks import Lock, try_lock

__all__ = ["to_json", "whole_folder", "write_file"]

_UNWRITABLE = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EFBIG,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """Give a folder to fill; on success it takes the place of ``final``, on any error
    nothing is left of it.

    What processes that were killed left half filled beside it is removed.

    Raises
    ------
    OutputError
        If the disk is full or the place cannot be written. What stood at ``final`` before is kept.
    """
    old = final.with_name(f".{final.name}.{os.getpid()}.old")
    _clear_leftovers(final.parent)
    try:
        partial, held = _held_folder(final)
    except OSError as error:
        raise _unwritable(final, error) from error
    try:
        yield partial
        if final.exists():
            final.replace(old)
        partial.replace(final)
    except OSError as error:
        raise _output_error(final, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if old.exists() and not final.exists():
            old.replace(final)
        shutil.rmtree(old, ignore_errors=True)
        if held is not None:
            held.remove()


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OutputError
        If the disk is full or the place cannot be written. What stood at ``path`` before is kept.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise _output_error(path, error) from error
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)


def to_json(value: Any) -> str:
    """Return indented JSON; NaN and infinity, which JSON lacks, become null,
    and a path or time its text.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str)


def _clear_leftovers(place: Path) -> None:
    """Remove the folders in ``place`` that ``whole_folder`` was filling when
    its process was killed.

    The system takes back the lock beside a folder when its process ends, however it ends.
    A folder that is still held, or on a disk that knows no locks, is left alone.
    """
    for left in place.glob(".*.partial"):
        if left.is_dir():
            _clear(left, _lock_of(left))
    for alone in place.glob(".*.partial.lock"):
        if not alone.with_suffix("").exists():
            _clear(None, alone)


def _clear(folder: Path | None, lock: Path) -> None:
    """Remove a folder and its lock, unless somebody holds it."""
    try:
        held = try_lock(lock)
    except OSError:
        return
    if held is not None:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        held.remove()


def _held_folder(final: Path) -> tuple[Path, Lock | None]:
    """Make a folder to fill, and hold the lock beside it: ``_clear_leftovers`` then
    leaves it alone.

    The lock lies beside it, as Windows renames no folder with an open file in it.
    It comes first and goes last, and its name is used once: a lock that another has removed
    as nobody's, before it was held, holds nothing.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    while True:
        name = f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}.partial"
        partial = final.with_name(name)
        try:
            held = try_lock(_lock_of(partial))
        except OSError:  # no locks on this disk: nothing there is cleared away either
            partial.mkdir()
            return partial, None
        if held is not None and held.path.exists():
            try:
                partial.mkdir()
            except OSError:
                held.remove()
                raise
            return partial, held
        if held is not None:
            held.remove()


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _output_error(path: Path, error: OSError) -> Exception:
    if error.errno is not None and error.errno not in _UNWRITABLE:
        return error
    return _unwritable(path, error)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written ({error.strerror or error}). Nothing was changed. "
        "Make room or choose another folder with --results, then run again."
    )
