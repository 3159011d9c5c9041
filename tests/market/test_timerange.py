"""Stretches of time, half-open and in UTC."""

import pandas as pd
import pytest

from cryptonn.errors import ConfigError
from cryptonn.market.timerange import TimeRange


@pytest.mark.parametrize(
    "text", ["20180101-20190101", "20180101-", "-20190101", "-", "20180101T0930-20180101T1000"]
)
def test_reads_back_what_it_writes(text: str) -> None:
    assert str(TimeRange.parse(text)) == text


def test_the_end_is_not_included() -> None:
    table = pd.DataFrame(
        {"x": range(4)}, index=pd.date_range("2018-01-01 23:58", periods=4, freq="min", tz="UTC")
    )
    assert TimeRange.parse("-20180102").select(table)["x"].tolist() == [0, 1]
    assert TimeRange.parse("20180102-").select(table)["x"].tolist() == [2, 3]
    assert not TimeRange.parse("-20180102").contains(pd.Timestamp("2018-01-02", tz="UTC"))


@pytest.mark.parametrize(
    "text", ["2018", "20180101", "2018-01-01:2019-01-01", "20180231-", "20190101-20180101"]
)
def test_mistakes(text: str) -> None:
    with pytest.raises(ConfigError, match="timerange"):
        TimeRange.parse(text)
