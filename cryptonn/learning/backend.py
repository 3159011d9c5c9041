"""Keras on the backend wanted, imported without what we do not need: TensorFlow's first lines,
and other libraries.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cryptonn.errors import ConfigError
from cryptonn.garbage import garbage_left_alone
from cryptonn.versions import backend_name, check_backend

__all__ = ["JIT", "device_name", "keras"]


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Send what C++ code writes to stderr nowhere; Python's exceptions still come through."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _without(*libraries: str) -> Iterator[None]:
    """Let an import believe that these are not installed, unless they have been imported before."""
    hidden = [name for name in libraries if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


check_backend()
os.environ["KERAS_BACKEND"] = backend_name()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # later on it would report missing GPUs
# oneDNN picks its kernels by the CPU, so last bits depend on it;
# with 1, windows train up to 1.7 times faster
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# Keras takes these in for its wrappers, galleries and notebooks, and needs 1.5 times as long;
# a notebook may want them
_SPARED = () if "IPython" in sys.modules else ("sklearn", "matplotlib", "IPython")
try:
    with _silent_stderr(), _without(*_SPARED), garbage_left_alone():  # a seventh of its time
        import keras as _keras
except (ImportError, ValueError) as error:
    if backend_name() == "tensorflow":
        raise
    raise ConfigError(
        f"KERAS_BACKEND={backend_name()}: this library cannot be loaded ({error}). "
        "Mend its installation, or unset KERAS_BACKEND to compute with tensorflow."
    ) from error

# a session asks for one bar, then for stretches of others:
# TensorFlow would warn in the middle of what a person watches
logging.getLogger("tensorflow").setLevel(logging.ERROR)
keras = _keras

JIT = backend_name() == "jax"
"""Whether XLA compiles a step.

JAX is slow without it; TensorFlow runs an LSTM's loop over time four times slower on a CPU with it.
"""


def device_name() -> str:
    """Return what the networks are computed on, as the library under Keras calls it;
    JAX knows a card's name.
    """
    if backend_name() == "jax":
        import jax

        return str(jax.devices()[0].device_kind)
    return str(keras.distribution.list_devices()[0])
