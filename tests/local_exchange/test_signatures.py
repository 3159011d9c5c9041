"""The signature checks of the local exchange against examples that the exchanges published, and against damage."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from cryptonn.local_exchange.signatures import binance_signature_ok, gemini_signature_ok


@pytest.fixture(scope="module")
def vectors(recordings: Path) -> dict[str, dict[str, str]]:
    return json.loads((recordings / "signatures.json").read_text())


def test_the_published_binance_example_agrees(vectors) -> None:
    example = vectors["binance"]
    assert binance_signature_ok(example["payload"], example["signature"], example["secret"])


def test_the_published_gemini_example_agrees(vectors) -> None:
    example = vectors["gemini"]
    assert gemini_signature_ok(example["payload"], example["signature"], example["secret"])


@pytest.mark.parametrize(
    ("check", "algorithm"), [(binance_signature_ok, "sha256"), (gemini_signature_ok, "sha384")]
)
def test_anything_changed_is_noticed(check, algorithm: str) -> None:
    right = hmac.new(b"secret", b"amount=1&price=2", algorithm).hexdigest()
    assert check("amount=1&price=2", right, "secret")
    assert not check("amount=1&price=3", right, "secret")
    assert not check("amount=1&price=2", right, "another")
    assert not check("amount=1&price=2", right[:-1], "secret")
    assert not check("amount=1&price=2", right.swapcase(), "secret")
    assert not check("amount=1&price=2", "", "secret")
    assert not check("amount=1&price=2", "\N{SNOWMAN}", "secret")


def test_the_two_exchanges_use_different_hashes() -> None:
    of_binance = hmac.new(b"secret", b"text", hashlib.sha256).hexdigest()
    assert binance_signature_ok("text", of_binance, "secret")
    assert not gemini_signature_ok("text", of_binance, "secret")
