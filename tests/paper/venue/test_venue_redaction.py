"""Keys and signatures are taken out of texts and log records, however they are written."""

import base64
import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest

from cryptonn.paper.venue.keys import Credentials
from cryptonn.paper.venue.redaction import GONE, QUIET_LOGGERS, Redactor, redacted_logs
from tests.paper.venue.accounts import KEY, SECRET

SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
REDACTOR = Redactor(Credentials(KEY, SECRET))


@pytest.mark.parametrize(
    "spelling",
    [
        str,
        repr,
        quote,
        quote_plus,
        json.dumps,
        lambda word: quote(word, safe=""),
        lambda word: base64.b64encode(word.encode()).decode(),
    ],
)
@pytest.mark.parametrize("word", [KEY, SECRET])
def test_a_key_is_found_in_every_spelling(spelling, word: str) -> None:
    text = REDACTOR.text(f"before {spelling(word)} after")
    assert spelling(word).strip("\"'") not in text
    assert GONE in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        f"https://testnet.binance.vision/api/v3/order?symbol=ETHUSDT&timestamp=1&signature={SIGNATURE}",
        f"{{'X-MBX-APIKEY': '{SIGNATURE}', 'User-Agent': 'x'}}",
        f"X-GEMINI-SIGNATURE: {SIGNATURE}",
        f"b'X-GEMINI-PAYLOAD', b'{SIGNATURE}'",
        f'{{"signature": "{SIGNATURE}"}}',
        f"APCA-API-SECRET-KEY={SIGNATURE}",
        f"signature={SIGNATURE[:20]}",
        f"signature=%2B{SIGNATURE[:20]}%3D&timestamp=1",
        SIGNATURE,
        f"('{SIGNATURE.upper()}',)",
    ],
)
def test_signatures_are_found(text: str) -> None:
    assert SIGNATURE[:20] not in REDACTOR.text(text)
    assert SIGNATURE[:20].upper() not in REDACTOR.text(text)


@pytest.mark.parametrize(
    "text",
    ["order cn7-28400000-0 filled", "symbol=ETHUSDT&quantity=0.5", "", "a signature is missing"],
)
def test_everything_else_stays(text: str) -> None:
    assert REDACTOR.text(text) == text


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What a handler on the root writes that was there before anything was redacted, at DEBUG."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


def test_records_are_redacted_with_arguments_traceback_and_stack(stream: io.StringIO) -> None:
    logger = logging.getLogger("somewhere.else")
    with redacted_logs(REDACTOR):
        logger.debug("plain %s", SECRET)
        logger.debug("%(key)s", {"key": KEY})
        logger.debug("wrong %d", SECRET)
        logger.warning(ValueError(f"signature={SIGNATURE}"))
        try:
            raise ValueError(KEY)
        except ValueError:
            logger.exception("failed", stack_info=True)
    text = stream.getvalue()
    assert "plain [redacted]" in text
    assert "ValueError: [redacted]" in text
    assert "Stack (most recent call last)" in text
    assert not {KEY, SECRET, SIGNATURE} & set(text.replace("=", " ").replace("'", " ").split())
    assert all(word not in text for word in (KEY, SECRET, SIGNATURE))


def test_a_handler_that_is_added_later_sees_no_more(stream: io.StringIO) -> None:
    with redacted_logs(REDACTOR):
        late = io.StringIO()
        handler = logging.StreamHandler(late)
        logging.getLogger("ccxt.base.exchange").addHandler(handler)
        logging.getLogger("ccxt.base.exchange").setLevel(logging.DEBUG)
        logging.getLogger("ccxt.base.exchange").debug("%s", {"X-MBX-APIKEY": KEY})
        logging.getLogger("ccxt.base.exchange").removeHandler(handler)
        logging.getLogger("ccxt.base.exchange").setLevel(logging.NOTSET)
    assert KEY not in late.getvalue() + stream.getvalue()
    assert GONE in late.getvalue()


def test_loggers_are_quiet_meanwhile_and_everything_is_given_back() -> None:
    before = (
        logging.getLogRecordFactory(),
        [logging.getLogger(name).level for name in QUIET_LOGGERS],
    )
    with redacted_logs(REDACTOR):
        assert {logging.getLogger(name).getEffectiveLevel() for name in QUIET_LOGGERS} == {
            logging.WARNING
        }
        assert not logging.getLogger("ccxt.base.exchange").isEnabledFor(logging.DEBUG)
    assert before == (
        logging.getLogRecordFactory(),
        [logging.getLogger(name).level for name in QUIET_LOGGERS],
    )
