"""Made-up runs for the tests of the report, each made and written once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import Written, make_run, write

from tests.conftest import blank


@pytest.fixture(scope="session")
def written(together: Path, once: Callable[..., Any]) -> Written:
    """A report of two test periods on real candles (so it says); the second is too short for a tear sheet."""
    folder = together / "report" / "fake-20190101T000000"
    tests = {"first": "20190105-20190109", "second": "20190109-20190111"}
    with blank():
        return once("report", lambda: write(make_run(folder, tests=tests), folder))


@pytest.fixture(scope="session")
def synthetic(together: Path, once: Callable[..., Any]) -> Written:
    """A report of one synthetic test period without a trade, by somebody hostile."""
    folder = together / "synthetic" / "fake-20190101T000000"
    hostile = '<script>alert("1")</script><img src=x onerror=alert(2)> & "quoted"'
    days, data = {"2019Q1": "20190105-20190107"}, {"source": "synthetic"}
    run = make_run(folder, trades=0, tests=days, description=hostile, data=data)
    with blank():
        return once("synthetic", lambda: write(run, folder))
