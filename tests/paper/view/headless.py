"""A real browser without a window, asked and told over its DevTools pipe."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-sync",
    ),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
    ),
    "--host-resolver-rules=MAP *.example 127.0.0.1",  # a name that an attacker has made to point at this machine
)
_LINK = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"
"""The browser reads its orders from descriptor 3 and answers on 4."""
_PATIENCE_S = 300.0


class Browser:
    """One tab; ``complaints`` gathers what the page logs as errors, and exceptions nobody caught."""

    def __init__(self, orders: int, answers: int) -> None:
        self._orders, self._answers, self._buffer, self._count = orders, answers, b"", 0
        self.complaints: list[str] = []
        pages = self._call("Target.getTargets", session="")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self._session = ""
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str, *, width: int, height: int = 1000, dark: bool = False) -> None:
        """Show a page in a window of a size; complaints of the page before are forgotten."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=scheme)
        self._call("Page.navigate", url=url)
        self.complaints.clear()

    def ask(self, expression: str) -> Any:
        """Return what a JavaScript expression comes to on the page."""
        found = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true on the page; while that loads, the page may be empty."""
        stop = time.monotonic() + _PATIENCE_S
        while not self.ask(f"document.body !== null && ({expression})"):
            assert time.monotonic() < stop, (
                f"{expression} did not come true: {self.ask('document.body.innerText')}"
            )
            time.sleep(0.05)

    def move(self, x: float, y: float) -> None:
        """Move the pointer."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def picture(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        self._call("Browser.close", session="")

    def _call(self, method: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        self._count += 1
        order: dict[str, Any] = {"id": self._count, "method": method, "params": given}
        session = self._session if session is None else session
        os.write(
            self._orders,
            json.dumps(order | ({"sessionId": session} if session else {})).encode() + b"\0",
        )
        while True:
            said = self._next()
            if said.get("id") == self._count:
                assert "error" not in said, said
                return dict(said["result"])
            self._overhear(said)

    def _overhear(self, said: dict[str, Any]) -> None:
        if said.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(said["params"]["exceptionDetails"]))
        elif said.get("method") == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
            self.complaints.append(str(said["params"]["entry"]["text"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], _PATIENCE_S)
            piece = os.read(self._answers, 1 << 16) if ready else b""
            assert piece, "the browser says nothing any more"
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(line))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser for the block; the test skips where none is installed."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("needs chromium, to look at the page in a real browser")
    with (
        _pipes() as (theirs, ours),
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        words = (
            sys.executable,
            "-c",
            _LINK,
            *map(str, theirs),
            program,
            *_FLAGS,
            f"--user-data-dir={profile}",
        )
        process = subprocess.Popen(
            (*words, "--remote-debugging-pipe", "about:blank"),
            pass_fds=theirs,
            stderr=subprocess.DEVNULL,
        )
        try:
            shown = Browser(*ours)
            yield shown
            shown.close()
            process.wait(timeout=_PATIENCE_S)
        finally:
            process.kill()
            process.wait()


@contextmanager
def _pipes() -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Give (orders to read, answers to write) for the browser and (orders to write, answers to read) for us."""
    (orders_out, orders_in), (answers_out, answers_in) = os.pipe(), os.pipe()
    try:
        yield (orders_out, answers_in), (orders_in, answers_out)
    finally:
        for end in (orders_out, orders_in, answers_out, answers_in):
            os.close(end)
