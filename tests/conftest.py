"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real market data; it is not part of the project, so tests that need it skip elsewhere."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real candles in {SHARED_DATA}, which are not part of the project")
    return SHARED_DATA
