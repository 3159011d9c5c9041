"""Fixtures of the local exchange's tests."""

from pathlib import Path

import pytest

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "ccxt"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of recorded exchange replies; it is not part of the project, so tests that need it skip elsewhere."""
    if not RECORDINGS.is_dir():
        pytest.skip(
            f"needs the recorded replies in {RECORDINGS}, which are not part of the project"
        )
    return RECORDINGS
