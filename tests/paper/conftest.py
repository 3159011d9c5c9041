"""A small trained run, for the tests of what became of its paper sessions."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of six synthetic days, trained for one epoch; leave it as it is."""
    from cryptonn import pipeline
    from tests.tiny_run import tiny_config

    return pipeline.train(
        tiny_config(training={"epochs": 1}), results=tmp_path_factory.mktemp("trained")
    ).folder


@pytest.fixture
def run_folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of it in a folder of results, to do with as one likes."""
    folder = tmp_path / "results" / trained.name
    for part in ("config.toml", "run.json", "metrics.json"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(trained / part, folder / part)
    shutil.copytree(trained / "model", folder / "model")
    return folder
