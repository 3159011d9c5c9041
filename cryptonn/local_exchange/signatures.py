"""Is a request signed with the key's secret, as binance and gemini ask? Pure functions, no ccxt."""

import hmac

__all__ = ["binance_signature_ok", "gemini_signature_ok"]


def binance_signature_ok(raw_before_signature: str, signature: str, secret: str) -> bool:
    """Check the HMAC-SHA256 (hex) of a query or form body, as it came, up to ``&signature=``.

    >>> binance_signature_ok("symbol=ETHUSD", "0" * 64, "secret")
    False
    """
    return _agrees(raw_before_signature, signature, secret, algorithm="sha256")


def gemini_signature_ok(payload_b64: str, signature: str, secret: str) -> bool:
    """Check the HMAC-SHA384 (hex) of the payload header, taken over its base64 text and not over
    the JSON inside.

    >>> gemini_signature_ok("e30=", "0" * 96, "secret")
    False
    """
    return _agrees(payload_b64, signature, secret, algorithm="sha384")


def _agrees(signed: str, signature: str, secret: str, *, algorithm: str) -> bool:
    wanted = hmac.new(secret.encode(), signed.encode(), algorithm).hexdigest()
    return hmac.compare_digest(wanted.encode(), signature.encode())
