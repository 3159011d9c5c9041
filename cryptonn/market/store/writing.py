"""Files written whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from cryptonn.errors import OutputError

__all__ = ["write_together"]


def write_together(contents: Mapping[Path, bytes | pa.Buffer]) -> None:
    """Write several files beside each other: first all under temporary names,
    then each put in its place.

    A full disk shows while the temporary files are written, so what stood there before gives way
    only to a complete successor.

    Raises
    ------
    OutputError
        If a folder cannot be made or written, or the disk is full.
    """
    ready: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
            ready[path] = Path(name)
            _fill(handle, content)
            ready[path].chmod(0o644)  # mkstemp gives 0600, which would hide the store from others
        for path, temporary in ready.items():
            temporary.replace(path)
    except OSError as error:
        folder = next(iter(contents)).parent
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}). "
            "What was stored is unchanged. Make room, or choose a folder that can be written."
        ) from error
    finally:
        for temporary in ready.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _fill(handle: int, content: bytes | pa.Buffer) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
