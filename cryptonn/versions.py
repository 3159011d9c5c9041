"""Which library computes the networks, and the versions of what a result follows from."""

import os
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from cryptonn.errors import ConfigError, did_you_mean

__all__ = ["backend_name", "check_backend", "versions_of"]


_BACKENDS = ("tensorflow", "jax")
"""Libraries under Keras that the networks are computed with."""


def backend_name() -> str:
    """Return the library under Keras: what the environment variable KERAS_BACKEND says,
    "tensorflow" without it.

    Keras would also look into a file of the user's home; here it does not, so that a result
    depends on no such file.

    Raises
    ------
    ConfigError
        If it is none of those that are supported.
    """
    name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in _BACKENDS:
        raise ConfigError(
            f"KERAS_BACKEND={name} is not supported: networks are computed "
            f"with {' or '.join(_BACKENDS)}.{did_you_mean(name.lower(), _BACKENDS)} Unset "
            "it to compute with tensorflow."
        )
    return name


def check_backend() -> None:
    """Refuse a library under Keras that is not supported, or not installed, without loading it.

    Raises
    ------
    ConfigError
        If networks cannot be computed with it.
    """
    name = backend_name()
    if find_spec(name) is None:
        raise ConfigError(
            f"KERAS_BACKEND={name}: this library is not installed. Install it with `pip install "
            f"{name}`, or unset KERAS_BACKEND to compute with tensorflow."
        )


def versions_of(names: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of packages by name; None for one that is not installed.

    Another library under Keras stands in TensorFlow's place.
    """
    return {
        name: _version(name)
        for name in (backend_name() if one == "tensorflow" else one for one in names)
    }


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
