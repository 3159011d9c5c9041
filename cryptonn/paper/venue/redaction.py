"""Keys, secrets and signatures taken out of every text: log records, exceptions, tracebacks."""

import base64
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

from cryptonn.paper.venue.keys import Credentials

__all__ = ["GONE", "QUIET_LOGGERS", "Redactor", "redacted_logs"]

GONE = "[redacted]"
QUIET_LOGGERS = ("ccxt", "urllib3", "requests")
"""They log whole requests at DEBUG, keys included."""

_HEADER = r"X-MBX-APIKEY|X-GEMINI-[A-Z]+|APCA-API-[A-Z-]+"
_PATTERNS = (
    (
        re.compile(rf"((?:{_HEADER})['\"]?\s*[:=,]\s*b?['\"]?)[^'\",}}\s]+", re.IGNORECASE),
        rf"\1{GONE}",
    ),
    (re.compile(r"(signature['\"]?\s*[:=]\s*b?['\"]?)[^&\s'\",})]+", re.IGNORECASE), rf"\1{GONE}"),
    (re.compile(r"\b[0-9a-f]{64,}\b", re.IGNORECASE), GONE),
)


class Redactor:
    """Takes the given credentials, and whatever looks like a signature, out of texts."""

    def __init__(self, credentials: Credentials) -> None:
        spellings = {
            form for word in (credentials.key, credentials.secret) for form in _spellings(word)
        }
        self._known = sorted(spellings, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Redactor()"

    def text(self, text: str) -> str:
        """Return the text without them."""
        for word in self._known:
            text = text.replace(word, GONE)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def record(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return a log record whose message and traceback are text without them."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError, IndexError):
            message = f"{record.msg} {record.args}"
        record.msg = self.text(message)
        record.args = None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = self.text(
                "".join(traceback.format_exception(*record.exc_info))
            ).rstrip("\n")
        record.exc_info = None
        record.stack_info = self.text(record.stack_info) if record.stack_info else None
        return record


def _spellings(word: str) -> set[str]:
    """Return the ways a secret is written in URLs, JSON and Python, and in base64."""
    plain = {
        word,
        quote(word),
        quote(word, safe=""),
        quote_plus(word),
        json.dumps(word)[1:-1],
        repr(word)[1:-1],
    }
    return plain | {base64.b64encode(word.encode()).decode()}


@contextmanager
def redacted_logs(redactor: Redactor) -> Iterator[None]:
    """Redact every log record that is made meanwhile, whichever logger and handler it is for.

    The records are changed where they are made, not in handlers: so none can be added that sees
    more.
    """
    inner: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()
    levels = {name: logging.getLogger(name).level for name in QUIET_LOGGERS}

    def factory(*facts: Any, **more: Any) -> logging.LogRecord:
        return redactor.record(inner(*facts, **more))

    logging.setLogRecordFactory(factory)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        if logging.getLogRecordFactory() is factory:
            logging.setLogRecordFactory(inner)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
