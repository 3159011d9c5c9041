"""Which library computes the networks, and what is told of it."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from cryptonn.errors import ConfigError
from cryptonn.tuning.worker import environment_of
from cryptonn.versions import backend_name, check_backend, versions_of
from tests.tiny_run import environment, process, write_run_file
from tests.tuning.small_search import search_config


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


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("torch", ""),
        ("numpy", ""),
        ("openvino", ""),
        ("nonsense", ""),
        ("JAX", " Did you mean 'jax'?"),
        ("tensorflw", " Did you mean 'tensorflow'?"),
    ],
)
def test_a_library_that_is_not_supported_is_named_with_those_that_are(
    name: str, meant: str
) -> None:
    words, given = [sys.executable, "-c", LOADING], os.environ | {"KERAS_BACKEND": name}
    answer = subprocess.run(words, env=given, capture_output=True, text=True, check=True)
    assert answer.stdout == (
        f"KERAS_BACKEND={name} is not supported: networks are computed with tensorflow or jax.{meant} "
        "Unset it to compute with tensorflow.\n"
    )


def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(
        ConfigError, match=r"KERAS_BACKEND=jax: .* not installed.*unset KERAS_BACKEND"
    ):
        check_backend()


@pytest.mark.parametrize(("command", "place"), [("run", "--results"), ("tune", "--folder")])
def test_no_training_begins_with_a_library_that_is_not_supported(
    command: str, place: str, tmp_path: Path
) -> None:
    words = process(command, write_run_file(tmp_path, search_config()), place, tmp_path / "kept")
    given = environment() | {"KERAS_BACKEND": "torch"}
    answer = subprocess.run(words, env=given, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 2 and answer.stdout == ""
    assert answer.stderr.splitlines()[-1].startswith("Error: KERAS_BACKEND=torch is not supported")
    assert "epoch" not in answer.stderr and "trial" not in answer.stderr
    kept = tmp_path / "kept"
    assert not kept.exists() or list(kept.iterdir()) == []
