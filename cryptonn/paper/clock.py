"""Time as paper trading sees it: the machine's, or that of a local exchange
which replays candles.
"""

import json
import threading
import time
import weakref
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from math import inf
from typing import Any, NamedTuple, Protocol

from cryptonn.errors import ExchangeError

__all__ = ["Clock", "LocalClock", "WallClock"]

_TIMEOUT_S = 10.0
_LOOK_S = 10.0
"""Of the wall, after which an exchange whose clock runs by itself is asked for its time again."""


class Clock(Protocol):
    """Milliseconds UTC now, and waiting."""

    def now_ms(self) -> int:
        """Return the time now."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; nothing at all for a time that is not above 0."""
        ...


class WallClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return the time now."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Wait as long."""
        if seconds > 0:
            time.sleep(seconds)


class LocalClock:
    """The clock of a local exchange on 127.0.0.1; may be asked by several threads.

    In lockstep the exchange's time stands still but for its clients: to sleep is to move it on, and
    takes no time. Otherwise it runs ``speed`` times as fast as the wall, and to sleep is to wait
    that much less; it is then asked now and then only and reckoned in between, also while the
    exchange does not answer.

    Parameters
    ----------
    port
        Of the exchange.
    wall, wait
        Seconds of a monotonic clock, and waiting for some of them.
    """

    def __init__(
        self,
        port: int,
        *,
        wall: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._port = port
        self._wall = wall
        self._wait = wait
        self._seen: _Seen | None = None
        self._lock = threading.Lock()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        weakref.finalize(self, self._connection.close)

    @property
    def speed(self) -> float:
        """Seconds of the exchange in a second of the wall; infinite in lockstep."""
        return self._now().speed

    def now_ms(self) -> int:
        """Return the exchange's time."""
        seen = self._now()
        return (
            seen.now_ms
            if seen.speed == inf
            else seen.now_ms + int(seen.speed * 1000 * (self._wall() - seen.wall))
        )

    def sleep(self, seconds: float) -> None:
        """Wait, or move the exchange's time on."""
        if seconds <= 0:
            return
        seen = self._now()
        if seen.speed == inf:
            self.advance(seen.now_ms + round(seconds * 1000))
        else:
            self._wait(seconds / seen.speed)

    def advance(self, to_ms: int) -> None:
        """Move the time of an exchange in lockstep on; a time in its past is no move."""
        with self._lock:
            self._call("POST", {"to_ms": to_ms})

    def _now(self) -> "_Seen":
        """Return what the exchange said last; ask it anew if that is old,
        or time stands still until somebody acts.
        """
        with self._lock:
            old = self._seen
            if old is not None and old.speed < inf and self._wall() - old.wall < _LOOK_S:
                return old
            try:
                self._seen = self._asked()
            except ExchangeError:
                if old is None or old.speed == inf:
                    raise
                wall = self._wall()
                self._seen = _Seen(
                    old.now_ms + int(old.speed * 1000 * (wall - old.wall)), wall, old.speed
                )
            return self._seen

    def _asked(self) -> "_Seen":
        before = self._wall()
        state = self._call("GET", None)
        speed = inf if state["mode"] == "lockstep" else float(state["speed"])
        return _Seen(int(state["now_ms"]), (before + self._wall()) / 2, speed)

    def _call(self, method: str, body: dict[str, int] | None) -> dict[str, Any]:
        try:
            status, found = self._replied(method, body)
        except (OSError, HTTPException, ValueError) as error:
            raise ExchangeError(
                f"The local exchange does not answer on 127.0.0.1:{self._port} "
                f"({type(error).__name__}). Start it in another terminal, `cryptonn local-exchange "
                "--run RUN`; another port is named with --port."
            ) from error
        if status >= 400 or not isinstance(found, dict):
            raise ExchangeError(
                f"The local exchange on port {self._port} refused to move its clock: {found}"
            )
        return found

    def _replied(self, method: str, body: dict[str, int] | None) -> tuple[int, Any]:
        """Ask over the connection that is open; once more over a new one if the exchange had closed
        that.
        """
        was_open = self._connection.sock is not None
        try:
            return self._sent(method, body)
        except (OSError, HTTPException):
            self._connection.close()
            if not was_open:
                raise
        try:
            return self._sent(method, body)
        except (OSError, HTTPException):
            self._connection.close()
            raise

    def _sent(self, method: str, body: dict[str, int] | None) -> tuple[int, Any]:
        self._connection.request(method, "/_ctl/clock", None if body is None else json.dumps(body))
        reply = self._connection.getresponse()
        return reply.status, json.loads(reply.read())


class _Seen(NamedTuple):
    """What the exchange said of its time, and when by the wall."""

    now_ms: int
    wall: float
    speed: float
