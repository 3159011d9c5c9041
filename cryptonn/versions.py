"""Which library computes the networks, and the versions of what a result follows from."""

import os
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

__all__ = ["backend_name", "versions_of"]


def backend_name() -> str:
    """Return the library under Keras: what the environment variable KERAS_BACKEND says, "tensorflow" without it.

    Keras would also look into a file of the user's home; here it does not, so that a result depends on no such file.
    """
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def versions_of(names: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of packages by name; None for one that is not installed.

    Another library under Keras stands in TensorFlow's place.
    """
    return {
        name: _version(name)
        for name in (backend_name() if one == "tensorflow" else one for one in names)
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
