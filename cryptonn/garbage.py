"""Python's garbage collector, kept from work that comes to nothing."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["garbage_left_alone"]


@contextmanager
def garbage_left_alone() -> Iterator[None]:
    """Keep the collector still while many objects are made that all stay: it would walk
    them again and again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
