"""Who asks, and is the question genuine? Gemini's headers, payload and nonce."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from cryptonn.local_exchange.signatures import gemini_signature_ok

__all__ = ["GeminiRefusal", "Sessions", "decoded"]

HEADERS = ("Apikey", "Payload", "Signature")


class GeminiRefusal(Exception):
    """A request that gemini refuses: HTTP status, reason (one word) and message (a sentence)."""

    def __init__(self, status: int, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.status = status
        self.reason = reason

    @property
    def reply(self) -> dict[str, str]:
        """The JSON that says so."""
        return {"result": "error", "reason": self.reason, "message": str(self)}


class Sessions:
    """The keys that may ask, and the newest nonce of each: a request that was seen before is
    refused.

    Parameters
    ----------
    secret_of
        Gives the secret of a key, or None where there is no such key.
    """

    def __init__(self, secret_of: Callable[[str], str | None]) -> None:
        self._secret_of = secret_of
        self._nonces: dict[str, int] = {}

    def payload_of(self, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return what is asked of ``path``, or raise ``GeminiRefusal``; the nonce is then used up.

        ``headers`` has its names in lower case.
        """
        key, encoded, signature = (_header(headers, name) for name in HEADERS)
        secret = self._secret_of(key)
        if secret is None or not gemini_signature_ok(encoded, signature, secret):
            raise GeminiRefusal(400, "InvalidSignature")
        payload = decoded(encoded)
        if payload.get("request") != path:
            raise GeminiRefusal(400, "EndpointMismatch")
        self._use(key, payload.get("nonce"))
        return payload

    def _use(self, key: str, nonce: object) -> None:
        number = _number(nonce)
        if number <= self._nonces.get(key, -1):
            words = f"Nonce '{number}' has not increased since your last call to the Gemini API."
            raise GeminiRefusal(400, "InvalidNonce", words)
        self._nonces[key] = number


def _header(headers: Mapping[str, str], name: str) -> str:
    header = f"X-GEMINI-{name.upper()}"
    value = headers.get(header.lower())
    if not value:
        raise GeminiRefusal(400, f"Missing{name}Header", f"Must provide '{header}' header")
    return value


def decoded(encoded: str) -> dict[str, Any]:
    """Return the JSON object in a payload header, signed or not."""
    try:
        payload = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise GeminiRefusal(400, "InvalidJson", "The payload is not JSON in base64.") from error
    if not isinstance(payload, dict):
        raise GeminiRefusal(400, "InvalidJson", "The payload is not a JSON object.")
    return payload


def _number(nonce: object) -> int:
    if nonce is None:
        raise GeminiRefusal(400, "MissingNonce", "Must provide 'nonce'")
    text = str(nonce)
    if isinstance(nonce, bool) or not re.fullmatch(r"[0-9]{1,19}", text):
        raise GeminiRefusal(
            400, "InvalidNonce", f"Nonce {json.dumps(nonce)!r} was not parseable as a number."
        )
    return int(text)
