"""The page of a session over real sockets: what it says, whom it answers, and that it can only be read."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from cryptonn.errors import ConfigError, ExchangeError
from cryptonn.paper.ledger import Ledger
from cryptonn.paper.planner import Move
from cryptonn.paper.view import web
from cryptonn.paper.view.web import WebPage, web_page
from tests.paper.view.filled_session import (
    AMOUNT,
    CASH,
    MINUTE,
    START_MS,
    decision,
    facts,
    fill_session,
    open_epoch,
    session,
)

NOW_MS = START_MS + 62 * MINUTE


def ask(
    page: WebPage, path: str = "/", *, method: str = "GET", host: str | None = None
) -> tuple[int, Any, str]:
    """Return status, headers and body of a reply."""
    connection = HTTPConnection("127.0.0.1", page.port, timeout=60)
    try:
        connection.request(method, path, headers={} if host is None else {"Host": host})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()
    finally:
        connection.close()


def ask_raw(page: WebPage, request: str) -> str:
    with socket.create_connection(("127.0.0.1", page.port), timeout=60) as connection:
        connection.sendall(request.encode())
        said = b""
        while piece := connection.recv(4096):
            said += piece
    return said.decode()


def status_of(page: WebPage) -> dict[str, Any]:
    code, _, body = ask(page, "/status.json")
    assert code == 200
    return dict(json.loads(body))


@contextmanager
def served(folder: Path, *, bars: int = 60) -> Iterator[WebPage]:
    with session(folder, bars=bars) as ledger, web_page(ledger.path, now_ms=lambda: NOW_MS) as page:
        yield page


def test_the_page_and_its_status(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        assert page.url == f"http://127.0.0.1:{page.port}/"
        code, headers, body = ask(page)
        assert code == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
        assert body.startswith("<!doctype html>") and "{{" not in body
        status = status_of(page)
    assert (
        status["ready"]
        and status["title"] == f"lstm_eth_5m · session {tmp_path.name} on binance testnet · ETH/USD"
    )
    readings = {reading["key"]: reading["text"] for reading in status["readings"]}
    assert readings["position"] == "50 ETH" and readings["trades"] == "1"
    assert len(status["curve"]) == 60 and status["curve"][0] == [START_MS + MINUTE, "10000.00"]


def test_money_is_exact_text_and_a_missing_probability_null(tmp_path: Path) -> None:
    with session(tmp_path, bars=30) as ledger, web_page(ledger.path, now_ms=lambda: NOW_MS) as page:
        exact = status_of(page)["exact"]
        assert (exact["cash"], exact["position"]) == (str(ledger.cash()), "50.0000")
        assert Decimal(exact["profit"]) == Decimal(exact["equity"]) - CASH
        plan = decision(30, 133.0, wanted=Decimal(0), proba=float("nan"))
        order = ledger.plan(plan, Move("sell", AMOUNT), at_ms=plan.close_ms)
        assert order is not None
        exact = status_of(page)["exact"]
    assert exact["decision"]["proba"] is None and exact["decision"]["wanted"] == "0"
    assert (exact["order"]["cid"], exact["order"]["state"]) == (order.cid, "PLANNED")


def test_a_browser_may_take_nothing_from_elsewhere(tmp_path: Path) -> None:
    with served(tmp_path, bars=1) as page:
        _, headers, body = ask(page)
    rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert (
        rules["default-src"] == rules["frame-ancestors"] == "'none'"
        and rules["connect-src"] == "'self'"
    )
    assert all(rules[kind].startswith("'sha256-") for kind in ("script-src", "style-src"))
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert "://" not in body.replace("http://www.w3.org/2000/svg", ""), (
        "no address of anything outside"
    )


def test_what_is_nobodys_business_is_not_served(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        said = "".join(ask(page, path)[2] for path in ("/", "/status.json"))
    kept = facts()
    assert "nobody's business" not in said
    assert not any(f'"{value}"' in said for value in (kept.config_sha, kept.model_sha))


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LocalHost:{port}"])
def test_it_answers_to_its_own_names(tmp_path: Path, host: str) -> None:
    with served(tmp_path, bars=1) as page:
        assert ask(page, "/status.json", host=host.format(port=page.port))[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "evil.example",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{port}",
        "localhost:{port}.evil.example",
        "127.0.0.1:{port}@evil.example",
        "0.0.0.0:{port}",
        "[::1]:{port}",
        "",
    ],
)
def test_it_answers_to_no_other_name(tmp_path: Path, host: str) -> None:
    with served(tmp_path, bars=1) as page:
        for path in ("/", "/status.json", "/else"):
            code, _, body = ask(page, path, host=host.format(port=page.port))
            assert (code, "equity" in body) == (403, False)


def test_requests_without_a_host_or_with_two_are_refused(tmp_path: Path) -> None:
    with served(tmp_path, bars=1) as page:
        own = f"Host: 127.0.0.1:{page.port}\r\n"
        assert " 200 " in ask_raw(page, f"GET /status.json HTTP/1.1\r\n{own}\r\n")
        assert " 403 " in ask_raw(page, "GET /status.json HTTP/1.1\r\n\r\n")
        assert " 403 " in ask_raw(
            page, f"GET /status.json HTTP/1.1\r\n{own}Host: evil.example\r\n\r\n"
        )
        assert " 404 " in ask_raw(
            page, f"GET http://evil.example/status.json HTTP/1.1\r\n{own}\r\n"
        )
        for request in ("GET /status.json\r\n\r\n", "nonsense\r\n\r\n", "\x00\x16\x03\r\n\r\n"):
            assert "equity" not in ask_raw(page, request)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"]
)
def test_it_can_only_be_read(tmp_path: Path, method: str) -> None:
    with served(tmp_path, bars=1) as page:
        code, headers, body = ask(page, "/status.json", method=method)
    assert (code, headers["Allow"]) == (405, "GET")
    assert "equity" not in body and (body == "") is (method == "HEAD")


@pytest.mark.parametrize(
    "path",
    ["/session.sqlite", "/../session.sqlite", "/status.json/", "/status.json?x=1", "/%2e%2e/", "*"],
)
def test_there_is_nothing_else(tmp_path: Path, path: str) -> None:
    with served(tmp_path, bars=1) as page:
        assert ask(page, path)[0] == 404


def test_it_listens_on_127_0_0_1_alone(tmp_path: Path) -> None:
    with served(tmp_path, bars=1) as page, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", page.port), timeout=60).close()


def test_a_port_that_cannot_be_had_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "session.sqlite"
    with web_page(path, now_ms=lambda: NOW_MS) as page:
        for port in (page.port, 70_000):
            with (
                pytest.raises(ConfigError, match=f"127.0.0.1:{port}.*0 for a free one"),
                web_page(path, port=port, now_ms=lambda: NOW_MS),
            ):
                pass


def test_a_database_that_comes_later_and_one_that_breaks(tmp_path: Path) -> None:
    path = tmp_path / "session.sqlite"
    with web_page(path, now_ms=lambda: NOW_MS) as page:
        assert "there is no paper session" in status_of(page)["message"]
        path.touch()
        assert status_of(page)["ready"] is False
        with Ledger.open(path, facts()) as ledger:
            assert status_of(page)["ready"] is True
            open_epoch(ledger)
            fill_session(ledger, 3)
            assert len(status_of(page)["curve"]) == 3
        assert status_of(page)["exact"]["orders"] == {}, (
            "a session that has ended is shown as it ended"
        )
        path.write_bytes(b"no database at all" * 100)
        assert status_of(page)["ready"] is False


def test_a_clock_that_is_lost_is_said_in_words(tmp_path: Path) -> None:
    def lost() -> int:
        raise ExchangeError("The local exchange does not answer.")

    with session(tmp_path, bars=3) as ledger, web_page(ledger.path, now_ms=lost) as page:
        assert status_of(page) == {"ready": False, "message": "The local exchange does not answer."}


def test_each_status_is_of_one_moment_while_the_session_writes(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    with session(tmp_path) as ledger, web_page(ledger.path, now_ms=lambda: NOW_MS) as page:
        done = threading.Event()

        def keep_asking() -> None:
            while not done.is_set():
                seen.append(status_of(page)["exact"])

        reader = threading.Thread(target=keep_asking)
        reader.start()
        for bar in range(0, 100, 10):
            told = len(seen)
            fill_session(ledger, 10, hold=1, first=bar)
            while len(seen) == told and reader.is_alive():
                time.sleep(0.001)  # until it was asked: the bars may all come before
        done.set()
        reader.join()
    assert len({exact["fills"] for exact in seen}) > 5, "it was asked while fills came"
    for exact in seen:
        assert Decimal(exact["position"]) == (AMOUNT if exact["fills"] % 2 else 0)
        price = Decimal(str(exact["candle"]["close"])) if exact["candle"] else Decimal(0)
        assert (
            Decimal(exact["equity"]) == Decimal(exact["cash"]) + Decimal(exact["position"]) * price
        )
        assert exact["orders"].get("CLOSED", 0) in (exact["fills"], exact["fills"] - 1)


def test_an_idle_connection_holds_nothing_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web._Handler, "timeout", 3600.0)
    with socket.socket() as idle:
        with served(tmp_path, bars=1) as page:
            idle.connect(("127.0.0.1", page.port))
            assert status_of(page)["ready"] is True
        assert "web page" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", page.port), timeout=60).close()
    assert capfd.readouterr() == ("", ""), "the terminal belongs to the session"
