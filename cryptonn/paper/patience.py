"""Ask an exchange again, a few times, before a start is given up."""

from collections.abc import Callable
from typing import TypeVar

from cryptonn.paper.clock import Clock
from cryptonn.paper.ports import Unreadable

__all__ = ["patiently"]

Answer = TypeVar("Answer")

TRIES = 3
PAUSE_S = 2.0
LONGEST_S = 15.0
"""A longer wait asked for by the exchange is left to the user."""


def patiently(ask: Callable[[], Answer], clock: Clock) -> Answer:
    """Return the answer to a question that changes nothing, or not more when asked twice.

    Raises
    ------
    Unreadable
        If there is still none, or asking again cannot help: keys, permissions, a long ban.
    """
    for _ in range(TRIES - 1):
        try:
            return ask()
        except Unreadable as error:
            if error.halts or error.wait_s > LONGEST_S:
                raise
            clock.sleep(max(error.wait_s, PAUSE_S))
    return ask()
