"""How far the exchanges' clocks are from ours: enough to say so, or too far to trade?"""

from collections.abc import Callable

__all__ = ["ClockWatch"]

_SECOND_MS = 1_000


class ClockWatch:
    """Keeps, for each clock, by how much it is ahead of ours.

    A question takes a while, so its answer bounds the difference only. What is kept moves no
    further than it must.

    Parameters
    ----------
    warn_ms, most_ms
        Difference that is worth a note, and the one beyond which nothing may be traded.
    note
        Told in words of a difference above ``warn_ms``, once until it is gone or has passed
        ``most_ms``.
    """

    def __init__(self, *, warn_ms: int, most_ms: int, note: Callable[[str], None]) -> None:
        self._warn_ms = warn_ms
        self._most_ms = most_ms
        self._note = note
        self._ahead: dict[str, int] = {}
        self._level: dict[str, int] = {}

    def ahead_ms(self, whose: str) -> int:
        """Return by how many milliseconds a clock is ahead of ours;
        0 as long as nothing else is certain.
        """
        return self._ahead.get(whose, 0)

    def saw(self, whose: str, server_ms: int, *, asked_ms: int, answered_ms: int) -> None:
        """Take in the time of a clock, told somewhen between two times of ours.

        Where exchanges tell whole seconds, they tell their start.
        """
        grain_ms = _SECOND_MS - 1 if server_ms % _SECOND_MS == 0 else 0
        most, least = (
            server_ms + grain_ms - min(asked_ms, answered_ms),
            server_ms - max(asked_ms, answered_ms),
        )
        ahead = self._ahead[whose] = min(max(self.ahead_ms(whose), least), most)
        level = (abs(ahead) > self._warn_ms) + (abs(ahead) > self._most_ms)
        if level > self._level.get(whose, 0):
            self._note(f"the clock of {whose} is {_apart(ahead)} this machine's")
        self._level[whose] = level

    def is_far(self, whose: str) -> bool:
        """Tell whether a clock is too far from ours to trade by it."""
        return self._level.get(whose, 0) == 2

    def too_far(self) -> str | None:
        """Return in words which clock is too far from ours, or None."""
        for whose, ahead in self._ahead.items():
            if self.is_far(whose):
                return (
                    f"the clock of {whose} is {_apart(ahead)} this machine's: set this machine's "
                    "clock"
                )
        return None


def _apart(ahead_ms: int) -> str:
    return f"{abs(ahead_ms):,} ms {'ahead of' if ahead_ms > 0 else 'behind'}"
