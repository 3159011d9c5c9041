"""Keys, secrets and signatures show nowhere: logs at DEBUG, exceptions with all they drag along, output, reprs."""

import base64
import io
import logging
import re
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import requests

from cryptonn.paper.ports import Unreadable
from cryptonn.paper.venue.exchanges import EXCHANGES
from cryptonn.paper.venue.guard import Guard
from cryptonn.paper.venue.keys import LOCAL_KEYS
from tests.local_exchange.small_exchange import control, wait_minutes
from tests.paper.venue.accounts import (
    BALANCES_PATH,
    ETH,
    FILLS_PATH,
    KEY,
    LOCAL,
    LOOKUP_PATH,
    OPEN_PATH,
    ORDER_PATH,
    SECRET,
    accepted,
    faults,
    impatient,
    local_account,
    order,
    scripted,
    scripted_account,
)

FAULTS = (
    *(
        "timeout",
        "drop",
        "reset",
        "reset mid-body",
        "500",
        "502",
        "503",
        "429",
        "truncated",
        "empty",
        "html",
        "nulls",
    ),
    *("nan", "wrong type", "other order", "wrong client id", "redirect"),
)
CODES = {
    "local": ("-1021", "-1022", "-2015", "-1007", "-2010", "403"),
    "local-gemini": ("InvalidNonce", "MissingRole", "System"),
}


class Leaks:
    """Everything that somebody could come to see, and the words that must not be in it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.secrets: set[str] = set()

    def add(self, error: BaseException) -> None:
        """Take an exception in: its chain, suppressed or not, and the values of all variables of its frames."""
        kept: BaseException | None = error
        while kept is not None:
            self.seen += [str(kept), repr(kept), repr(kept.args), repr(vars(kept))]
            self.seen += traceback.format_exception(kept)
            frames = (
                None if kept.__traceback__ is None else kept.__traceback__.tb_next
            )  # without the test's own
            told = traceback.TracebackException(type(kept), kept, frames, capture_locals=True)
            self.seen += told.format()
            kept = kept.__cause__ or kept.__context__

    def add_secret(self, *words: str) -> None:
        for word in words:
            self.secrets |= {
                word,
                quote(word),
                quote(word, safe=""),
                quote_plus(word),
                repr(word)[1:-1],
            }
            self.secrets.add(base64.b64encode(word.encode()).decode())

    def found(self) -> set[str]:
        text = "\n".join(self.seen)
        assert len(text) > 1000
        return {word for word in self.secrets if word in text}


@pytest.fixture
def leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Leaks]:
    """Listens to every logger at DEBUG, and to what the guard sends, for the signatures."""
    leaks, stream, genuine = Leaks(), io.StringIO(), Guard.send
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(pathname)s"))
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    logging.Logger.manager._clear_cache()

    def overheard(
        self: Guard, request: requests.PreparedRequest, *rest: Any, **more: Any
    ) -> requests.Response:
        text = f"{request.url} {request.body!r} {dict(request.headers)}"
        leaks.secrets.update(re.findall(r"[0-9a-f]{64,}", text))
        leaks.secrets.update(
            value for name, value in request.headers.items() if name.upper().startswith("X-GEMINI")
        )
        return genuine(self, request, *rest, **more)

    monkeypatch.setattr(Guard, "send", overheard)
    yield leaks
    leaks.seen.append(stream.getvalue())
    logging.getLogger().removeHandler(handler)
    assert leaks.found() == set()
    assert any(
        re.fullmatch(r"[0-9a-f]{64,}", word) for word in leaks.secrets
    ) or "alpaca" in "".join(leaks.seen)


def loud(venue: Any) -> None:
    """Turn on, within the session, whatever would log requests."""
    for name in ("ccxt", "ccxt.base.exchange", "urllib3", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    venue._api.logger.setLevel(logging.DEBUG)


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    names = ("ccxt", "ccxt.base.exchange", "urllib3", "urllib3.connectionpool", "requests")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def tried(leaks: Leaks, call: Any) -> None:
    try:
        leaks.seen.append(repr(call()))
    except Exception as error:
        leaks.add(error)
        logging.getLogger("cryptonn.paper").exception("It went wrong: %s", error)


@pytest.mark.parametrize("name", LOCAL)
def test_a_session_with_every_fault_tells_no_secret(
    name: str, leaks: Leaks, capfd: pytest.CaptureFixture[str]
) -> None:
    leaks.add_secret(*LOCAL_KEYS[name])
    with local_account(name) as (venue, port):
        loud(venue)
        state = venue.send(order("cn7-0-0"))
        reads = {
            BALANCES_PATH[name]: venue.balances,
            LOOKUP_PATH[name]: lambda: venue.find("cn7-0-0", ETH),
            FILLS_PATH[name]: lambda: venue.fills(state, ETH),
            OPEN_PATH[name]: lambda: venue.open_orders(ETH),
        }
        for number, do in enumerate((*FAULTS, *CODES[name]), 1):
            faults(port, ORDER_PATH[name], do, when="after")
            with impatient(venue, do):
                tried(leaks, lambda number=number: venue.send(order(f"cn7-{number}-0", "0.01")))
            wait_minutes(port, 3)
            path, read = list(reads.items())[number % 4]
            faults(port, path, do, when="after")
            with impatient(venue, do):
                tried(leaks, read)
            wait_minutes(port, 3)
        venue._api.secret = "another-secret-1"
        leaks.add_secret("another-secret-1")
        tried(leaks, venue.balances)
        leaks.seen += [
            repr(venue),
            str(venue),
            repr(vars(venue)),
            repr(venue._api),
            repr(venue._guard),
            repr(venue._redactor),
        ]
        venue._api.verbose = True
        tried(leaks, venue.check)
        tried(leaks, venue.balances)
        leaks.seen.append(str(control(port, "log")))
    leaks.seen += capfd.readouterr()


def test_debug_logs_were_really_on(leaks: Leaks, caplog: pytest.LogCaptureFixture) -> None:
    """The other tests would find nothing if nothing was logged."""
    leaks.add_secret("local-key", "local-secret")
    with local_account("local") as (venue, _):
        loud(venue)
        venue.send(order())
        leaks.seen += [record.getMessage() for record in caplog.records] * 3
    names = {record.name for record in caplog.records if record.levelno == logging.DEBUG}
    assert {"ccxt.base.exchange", "urllib3.connectionpool"} <= names
    text = caplog.text
    assert "X-MBX-APIKEY': '[redacted]'" in text
    assert "signature=[redacted]" in text


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize(
    "reply",
    [
        (200, {}, ""),
        (401, {}, {"code": 40110000, "message": "no"}),
        (500, {}, "<html>"),
        (302, {"Location": "https://api.binance.com"}, ""),
    ],
)
def test_unusual_keys_do_not_show_either(name: str, reply: Any, leaks: Leaks) -> None:
    leaks.add_secret(KEY, SECRET)

    class Everything(dict):  # type: ignore[type-arg]
        def get(self, key: str, default: Any = None) -> Any:
            return reply

    with scripted() as script, scripted_account(name, script) as venue:
        script.answers = Everything()
        loud(venue)
        for call in (
            venue.balances,
            venue.server_ms,
            venue.key_warnings,
            lambda: venue.rules(ETH),
            lambda: venue.send(order()),
        ):
            tried(leaks, call)
    with scripted_account(name, script) as venue:
        loud(venue)
        tried(leaks, venue.balances)
        leaks.seen.append("alpaca" if name == "alpaca" else "")
    leaks.seen.append(" " * 1000)


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_exchange_that_repeats_the_key_in_its_words_is_not_repeated(
    name: str, leaks: Leaks
) -> None:
    leaks.add_secret(KEY, SECRET)
    words = f"the key {KEY} with {quote(SECRET)} and signature={'ab' * 32} may not do that"
    reply = (
        400,
        {},
        {
            "code": -2015,
            "msg": words,
            "message": words,
            "result": "error",
            "reason": "InvalidSignature",
        },
    )
    with scripted() as script, scripted_account(name, script) as venue:
        paths = ("GET /api/v3/account", "POST /v1/balances", "GET /v2/account")
        script.answers.update(dict.fromkeys(paths, reply))
        with pytest.raises(Unreadable, match=r"\[redacted\] may not do that") as caught:
            venue.balances()
        leaks.add(caught.value)
    leaks.seen.append("alpaca" * 200 if name == "alpaca" else " " * 1000)


@pytest.mark.parametrize("name", LOCAL)
def test_an_interrupt_in_the_middle_of_an_order_drags_nothing_along(
    name: str, leaks: Leaks
) -> None:
    leaks.add_secret(*LOCAL_KEYS[name])
    with local_account(name) as (venue, port):
        loud(venue)
        faults(port, ORDER_PATH[name], "timeout", when="after", seconds=60)
        venue._api.timeout = 300_000
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)

        def interrupt() -> None:
            while not accepted(port, order().cid):
                time.sleep(0.01)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

        watcher = threading.Thread(target=interrupt)
        try:
            watcher.start()
            with pytest.raises(KeyboardInterrupt) as caught:
                venue.send(order())
            watcher.join()
        finally:
            signal.signal(signal.SIGALRM, before)
        venue._api.timeout = 10_000
        leaks.add(caught.value)
        state = venue.find(order().cid, ETH)
        assert state is not None
        leaks.seen.append(repr(state) * 20)
