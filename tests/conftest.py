"""Fixtures shared by all tests."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

sys.path.insert(0, str(ROOT))  # so that `tests.tiny_run` can be imported however pytest was started


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real market data; it is not part of the project, so tests that need it skip elsewhere."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real candles in {SHARED_DATA}, which are not part of the project")
    return SHARED_DATA


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory):
    """The tiny run, done once from candles to report, as it is in memory; leave its folder as it is."""
    from cryptonn import pipeline
    from tests.tiny_run import tiny_config

    return pipeline.run(tiny_config(), results=tmp_path_factory.mktemp("results"))


@pytest.fixture
def results(tiny, tmp_path: Path) -> Path:
    """A results folder with a copy of the tiny run, to do with as one likes."""
    shutil.copytree(tiny.folder, tmp_path / "results" / tiny.folder.name)
    return tmp_path / "results"


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    output: str
    errors: str


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """The command line, in this process."""
    from cryptonn.cli import main

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["cryptonn", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Answer(code, *capsys.readouterr())

    return run
