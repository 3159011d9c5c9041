"""Keras, imported without the lines TensorFlow's libraries write to stderr while they load."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["keras"]


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Send what C++ code writes to stderr nowhere; Python's exceptions still come through."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # later on it would report missing GPUs
# oneDNN picks its kernels by the CPU, so last bits depend on it; with 1, windows train up to 1.7 times faster
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
with _silent_stderr():
    import keras as _keras

# a session asks for one bar, then for stretches of others: TensorFlow would warn in the middle of what a person watches
logging.getLogger("tensorflow").setLevel(logging.ERROR)
keras = _keras
