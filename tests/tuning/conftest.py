"""Each test keeps its searches in a folder of its own: searches that lie side by side know of each other."""

from pathlib import Path

import pytest


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    folder = tmp_path / "search"
    folder.mkdir()
    return folder
