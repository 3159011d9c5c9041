"""Fixtures shared by all tests."""

import base64
import gc
import pickle
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

gc.disable()  # until all is imported: what TensorFlow and ccxt make stays, and is looked through in vain

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell has put aside
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "on a busy machine, too", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("on a busy machine, too")

sys.path.insert(0, str(ROOT))  # so that `tests.tiny_run` can be imported however pytest was started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that takes longest, of processes that wait: last, it would be waited for by all others."""
    items.sort(key=lambda item: item.path.name != "test_tune.py")


def pytest_collection_finish() -> None:
    """Collect garbage from here on, and leave alone what the imports have made: a seventh of all processor time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real market data; it is not part of the project, so tests that need it skip elsewhere."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real candles in {SHARED_DATA}, which are not part of the project")
    return SHARED_DATA


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of the tests share, for what one of them makes for all."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "together"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def once(together: Path) -> Callable[[str, Callable[[], Any]], Any]:
    """Make a thing once for all processes of the tests, under a name; what it leaves on disk stays as it is."""

    def made(name: str, make: Callable[[], Any]) -> Any:
        kept = together / f"{name}.pickle"
        with FileLock(together / f"{name}.lock"):
            if kept.exists():
                return pickle.loads(kept.read_bytes())
            value = make()
            kept.write_bytes(pickle.dumps(value))
            return value

    return made


@pytest.fixture(scope="session")
def tiny(together: Path, once: Callable[..., Any]):
    """The tiny run, done once from candles to report, as it is in memory; leave its folder as it is."""
    from cryptonn import pipeline
    from tests.tiny_run import tiny_config

    with blank():
        return once("tiny", lambda: pipeline.run(tiny_config(), results=together / "results"))


BLANK = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
)
"""A PNG of one white pixel."""


@contextmanager
def blank() -> Iterator[None]:
    """Write figures as one pixel: to render them takes most of a report's time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def print_png(canvas: FigureCanvasAgg, file: Any, **_: Any) -> None:
        file.write(BLANK)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "print_png", print_png)
        yield


@pytest.fixture(autouse=True)
def blank_pictures() -> Iterator[None]:
    """Render nothing but in the tests that are about figures and tear sheets, or that run the command by itself."""
    with blank():
        yield


@pytest.fixture
def results(tiny, tmp_path: Path) -> Path:
    """A results folder with a copy of the tiny run, to do with as one likes."""
    shutil.copytree(tiny.folder, tmp_path / "results" / tiny.folder.name)
    return tmp_path / "results"


@pytest.fixture(scope="session")
def stored(together: Path, once: Callable[..., Any]):
    """The tiny run on candles of a store that go on after its test period, trained for one epoch; leave its folder."""
    from cryptonn import pipeline
    from tests.tiny_run import fill_store, store_config, tiny_candles

    def make() -> Any:
        config = store_config(
            fill_store(together / "stored" / "data", tiny_candles()),
            data={"test": {"unseen": "20180105-20180106"}},
            training={"epochs": 1},
        )
        return pipeline.train(config, results=together / "stored" / "results")

    return once("stored", make)


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory):
    """The process that has everything imported and forks others: starting Python with TensorFlow takes 5 seconds."""
    from tests.paper.forked_commands import forking

    with forking(tmp_path_factory.mktemp("forks")) as found:
        yield found


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
