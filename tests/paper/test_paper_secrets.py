"""A genuine session under faults, with every logger at DEBUG: neither key nor signature is in anything it leaves."""

import base64
import json
import re
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from forked_commands import Forks
from served_run import Played, changed_copy, served

from cryptonn.local_exchange.front import Front

POST = {"local": "POST /api/v3/order", "local-gemini": "POST /v1/order/new"}
READS = {"local": "GET /api/v3/order", "local-gemini": "POST /v1/order/status"}
FAULTS = ("500", "drop", "html", "truncated", "429", "nulls")


class Overheard:
    """What the exchange was sent that nobody else may see."""

    def __init__(self) -> None:
        self.secrets = {"local-key", "local-secret", "account-local-key"}
        self.secrets |= {base64.b64encode(word.encode()).decode() for word in self.secrets}
        self.signatures = 0

    def take(self, target: str, headers: Any, body: str) -> None:
        signed = re.findall(r"signature=([0-9a-f]+)", f"{target}&{body}")
        signed += [
            value
            for name, value in headers.items()
            if name in ("x-gemini-signature", "x-gemini-payload")
        ]
        self.signatures += len(signed)
        self.secrets |= set(signed)

    def hits(self, texts: dict[str, str]) -> list[tuple[str, str]]:
        return [
            (name, word) for name, text in texts.items() for word in self.secrets if word in text
        ]


@pytest.fixture
def overheard(monkeypatch: pytest.MonkeyPatch) -> Overheard:
    found, genuine = Overheard(), Front.answer

    def answer(self: Front, method: str, target: str, headers: Any, body: str) -> Any:
        found.take(target, headers, body)
        return genuine(self, method, target, headers, body)

    monkeypatch.setattr(Front, "answer", answer)
    return found


def files(folder: Path) -> dict[str, str]:
    return {
        str(path): path.read_bytes().decode("latin-1")
        for path in folder.rglob("*")
        if path.is_file()
    }


def until(is_so: Callable[[], Any], *, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("exchange", ["local", "local-gemini"])
def test_a_session_under_faults(
    tiny: Any, tmp_path: Path, forks: Forks, overheard: Overheard, exchange: str
) -> None:
    run = changed_copy(tiny.folder, tmp_path)
    words = (run.name, "--results", run.parent, "--session", exchange)
    seen: dict[str, str] = {}
    with served(tiny.frame, tiny.config) as server:
        played = Played(run, server, exchange)
        for do in FAULTS:
            played.fault(
                POST[exchange], do, when="after", **({"retry_after": 1} if do == "429" else {})
            )
            played.fault(READS[exchange], do, skip=3)
        trading = ("paper", *words, "--exchange", exchange, "--port", server.port)
        command = forks.start(*trading, "--web", 0, debug=True)
        until(lambda: "Page: " in command.errors and len(played.posts()) > 6)
        url = re.search(r"Page: (\S+)", command.errors)[1].rstrip("/")
        for name in (
            "",
            "/status.json",
            *re.findall(r'(?:href|src)="([^":]+)"', requests.get(url, timeout=120).text),
        ):
            seen[f"page {name}"] = requests.get(f"{url}/{name.lstrip('/')}", timeout=120).text
        command.send(signal.SIGINT)
        assert command.wait() == 0, command.errors[-2000:]
        seen |= {"output": command.output, "errors": command.errors}
        assert "DEBUG:ccxt.base.exchange" in seen["errors"] and "DEBUG:urllib3" in seen["errors"]
        assert "[redacted]" in seen["errors"]
        played.quirk(revoked_key=True)
        code, ended = forks.run(*trading, debug=True)
        assert code == 2 and "Look at the keys" in ended.errors
        seen["keys refused"] = ended.output + ended.errors
    code, reported = forks.run("report", *words, debug=True)
    assert code == 0, reported.errors[-2000:]
    seen["report"] = reported.output + reported.errors
    with played.ledger() as ledger:
        seen["dump"] = ledger.dump()
        assert len(ledger.fills()) >= 2 and "HTTP 500" in seen["dump"]
    seen |= files(run)
    assert overheard.signatures > 20 and len(seen) > 15
    assert overheard.hits(seen) == []


def test_a_traceback_out_of_the_middle_of_a_session(
    tiny: Any, tmp_path: Path, overheard: Overheard
) -> None:
    with served(tiny.frame, tiny.config) as server:
        played = Played(changed_copy(tiny.folder, tmp_path), server, "trace")
        played.fault(POST["local"], "500", when="after", n=3)

        def fail(decision: Any) -> None:
            if len(played.posts()) > 1:
                raise RuntimeError(json.dumps({"a bug": decision.time_ms}))

        with pytest.raises(RuntimeError) as caught:
            played.play(20, on_decision=fail)
        trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        text = "".join(trace.format())
        frames = [
            line
            for line in text.splitlines()
            if "self = " in line or "session = " in line or "credentials" in line
        ]
    assert frames and overheard.signatures > 3
    assert overheard.hits({"traceback": text}) == []
