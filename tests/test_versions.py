"""Which library computes the networks, and what is told of it."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from cryptonn.tuning.worker import environment_of
from cryptonn.versions import backend_name, versions_of


def test_tensorflow_computes_unless_another_library_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for said in (None, ""):
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        if said is not None:
            monkeypatch.setenv("KERAS_BACKEND", said)
        assert backend_name() == "tensorflow"
        assert "KERAS_BACKEND" not in environment_of(1), "searches begun before go on"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert backend_name() == "jax"
    assert environment_of(1)["KERAS_BACKEND"] == "jax", (
        "a trial of another library is another trial"
    )


def test_the_other_library_stands_in_tensorflows_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    names = ("tensorflow", "numpy", "no-such-package")
    assert versions_of(names) == {
        "tensorflow": version("tensorflow"),
        "numpy": version("numpy"),
        "no-such-package": None,
    }
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert list(versions_of(names)) == ["jax", "numpy", "no-such-package"]


LOADING = """
from cryptonn.errors import ConfigError
try:
    import cryptonn.learning.backend
except ConfigError as error:
    print(error)
"""


def test_a_library_that_is_not_there_is_named() -> None:
    words, given = [sys.executable, "-c", LOADING], os.environ | {"KERAS_BACKEND": "nonsense"}
    answer = subprocess.run(words, env=given, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("KERAS_BACKEND=nonsense: this library cannot be loaded")
    assert "unset KERAS_BACKEND" in answer.stdout
