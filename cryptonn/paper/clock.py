"""Time as paper trading sees it: the machine's, or that of a local exchange which replays candles."""

import json
import time
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol

from cryptonn.errors import ExchangeError

__all__ = ["Clock", "LocalClock", "WallClock"]

_TIMEOUT_S = 10.0


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
    """The clock of a local exchange on 127.0.0.1.

    In lockstep the exchange's time stands still but for us: to sleep is to move it on, and takes no time. Otherwise it
    runs ``speed`` times as fast as the wall, and to sleep is to wait that much less.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    def now_ms(self) -> int:
        """Return the exchange's time."""
        return int(self._state()["now_ms"])

    def sleep(self, seconds: float) -> None:
        """Wait, or move the exchange's time on."""
        if seconds <= 0:
            return
        state = self._state()
        if state["mode"] == "lockstep":
            self.advance(int(state["now_ms"]) + round(seconds * 1000))
        else:
            time.sleep(seconds / float(state["speed"]))

    def advance(self, to_ms: int) -> None:
        """Move the time of an exchange in lockstep on; a time in its past is no move."""
        self._call("POST", {"to_ms": to_ms})

    def _state(self) -> dict[str, Any]:
        return self._call("GET", None)

    def _call(self, method: str, body: dict[str, int] | None) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, "/_ctl/clock", None if body is None else json.dumps(body))
            reply = connection.getresponse()
            found: Any = json.loads(reply.read())
        except (OSError, HTTPException, ValueError) as error:
            raise ExchangeError(
                f"The local exchange does not answer on 127.0.0.1:{self._port} ({type(error).__name__}). "
                "Start it with `cryptonn local-exchange`, and give its port."
            ) from error
        finally:
            connection.close()
        if reply.status >= 400 or not isinstance(found, dict):
            raise ExchangeError(f"The local exchange on port {self._port} refused to move its clock: {found}")
        return found
