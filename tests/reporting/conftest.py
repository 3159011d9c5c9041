"""Made-up runs for the tests of the report, each made and written once."""

import pytest
from fakes import Written, make_run, write


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A report of two test periods on real candles (so it says)."""
    folder = tmp_path_factory.mktemp("report") / "fake-20190101T000000"
    tests = {"first": "20190105-20190109", "second": "20190109-20190113"}
    return write(make_run(folder, tests=tests), folder)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A report of one synthetic test period without a trade, by somebody hostile."""
    folder = tmp_path_factory.mktemp("synthetic") / "fake-20190101T000000"
    hostile = '<script>alert("1")</script><img src=x onerror=alert(2)> & "quoted"'
    return write(
        make_run(folder, trades=0, description=hostile, data={"source": "synthetic"}), folder
    )
