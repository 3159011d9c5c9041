"""The exchange's clock: the time of the replay, moved by hand (lockstep) or a multiple of the
wall's (running).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cryptonn.errors import ConfigError

__all__ = ["Replay", "ReplayClock"]


@dataclass(frozen=True)
class Replay:
    """How candles are replayed."""

    start_ms: int | None = None
    """Where the replay starts (candles before that are history); by default the first bar's open.
    """
    end_ms: int | None = None
    """Where its data ends, which only the clock's readers are told; by default the last one's
    close.
    """
    untraded: Literal["omit", "serve"] = "omit"
    """Whether bars with volume 0 are left out, as on real exchanges, or served."""
    mode: Literal["lockstep", "running"] = "lockstep"
    """Whether the clock moves only through ``/_ctl/clock``, or runs by itself."""
    speed: float = 60.0
    """So many times as fast as ``wall`` a running clock is."""
    wall: Callable[[], float] = time.monotonic
    """Seconds of a monotonic clock."""


class ReplayClock:
    """Time of the replay in UTC milliseconds.

    Parameters
    ----------
    start_ms, end_ms
        Where the replay starts, and where its last candle closes; the clock may run on after that.
    mode
        "lockstep": the time stands still until ``advance``. "running": it passes ``speed`` times as
        fast as ``wall``.
    wall
        Seconds of a monotonic clock.
    """

    def __init__(
        self,
        *,
        start_ms: int,
        end_ms: int,
        mode: Literal["lockstep", "running"] = "lockstep",
        speed: float = 60.0,
        wall: Callable[[], float],
    ) -> None:
        if mode == "running" and not 0 < speed <= 1_000_000:
            raise ConfigError(
                f"speed is {speed}; it must be above 0. Write 60 for a minute of candles each "
                "second."
            )
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.mode = mode
        self.speed = speed
        self._wall = wall
        self._wall_start = wall()
        self._ms = start_ms

    def now_ms(self) -> int:
        """Return the time of the replay."""
        if self.mode == "lockstep":
            return self._ms
        return self.start_ms + int((self._wall() - self._wall_start) * self.speed * 1000)

    def advance(self, to_ms: int) -> int:
        """Move a lockstep clock forward and return its time; an earlier time leaves it where it is.

        Raises
        ------
        ConfigError
            If the clock runs by itself.
        """
        if self.mode != "lockstep":
            raise ConfigError(
                "The clock runs by itself; only a lockstep clock can be moved. Wait, or raise the "
                "speed."
            )
        self._ms = max(self._ms, to_ms)
        return self._ms
