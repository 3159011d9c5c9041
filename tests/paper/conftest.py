"""A small trained run, for the tests of what became of its paper sessions."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def remembered_models() -> Iterator[None]:
    """Read each model once, wherever its files lie: half of what a start takes is TensorFlow's tracing of a new one.

    Models of one network that differ in their other settings share it.
    """
    from cryptonn.learning.prediction import load_model
    from cryptonn.paper import decider

    models: dict[tuple[tuple[str, bytes], ...], Any] = {}
    networks: dict[tuple[Any, ...], Any] = {}

    def remembered(folder: Path) -> Any:
        content = tuple(
            (path.name, path.read_bytes()) for path in sorted(folder.glob("*")) if path.is_file()
        )
        if content not in models:
            model = load_model(folder)
            layers = str(model.network.get_config()["layers"])
            weights = tuple(weight.tobytes() for weight in model.network.get_weights())
            network = networks.setdefault((layers, weights), model.network)
            models[content] = replace(model, network=network)
        return models[content]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decider, "load_model", remembered)
        yield


@pytest.fixture(scope="session")
def trained(together: Path, once: Callable[..., Any]) -> Path:
    """The folder of a run of six synthetic days, trained for one epoch; leave it as it is."""
    from cryptonn import pipeline
    from tests.tiny_run import tiny_config

    config = tiny_config(name="trained", training={"epochs": 1})
    return once("trained", lambda: pipeline.train(config, results=together / "trained").folder)


@pytest.fixture
def run_folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of it in a folder of results, to do with as one likes."""
    folder = tmp_path / "results" / trained.name
    for part in ("config.toml", "run.json", "metrics.json"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(trained / part, folder / part)
    shutil.copytree(trained / "model", folder / "model")
    return folder
