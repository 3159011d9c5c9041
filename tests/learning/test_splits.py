import pandas as pd
import pytest

from cryptonn.errors import DataError
from cryptonn.learning.splits import split_rows
from cryptonn.market.timerange import TimeRange

INDEX = pd.date_range("2018-01-01", periods=4 * 1440, freq="min", tz="UTC", name="time")
TRAIN = TimeRange.parse("20180101-20180103")


def test_purge_before_validation_and_before_the_test_period() -> None:
    split = split_rows(
        INDEX,
        train=TRAIN,
        test={"a": TimeRange.parse("20180103-20180104")},
        validation=0.1,
        purge=5,
    )
    assert split.validation.start == 2880 - 288
    assert split.train == slice(0, split.validation.start - 5)
    assert split.validation.stop == 2880 - 5
    assert split.test == {"a": slice(2880, 4320)}


def test_no_label_reaches_into_a_later_role() -> None:
    split = split_rows(
        INDEX, train=TRAIN, test={"a": TimeRange.parse("20180103-")}, validation=0.3, purge=7
    )
    assert split.train.stop - 1 + 7 < split.validation.start
    assert split.validation.stop - 1 + 7 < split.test["a"].start


def test_a_test_period_far_away_costs_no_validation_row() -> None:
    split = split_rows(
        INDEX, train=TRAIN, test={"a": TimeRange.parse("20180104-")}, validation=0.1, purge=5
    )
    assert split.validation.stop == 2880


def test_too_few_train_rows_with_numbers() -> None:
    with pytest.raises(DataError, match=r"95 train rows.*lookback of 100.*of 5.*at least 106"):
        split_rows(INDEX[:112], train=TimeRange(), test={}, validation=0.11, purge=5, lookback=100)


def test_no_validation_row_left() -> None:
    with pytest.raises(DataError, match="validation rows are left"):
        split_rows(
            INDEX, train=TRAIN, test={"a": TimeRange.parse("20180103-")}, validation=0.001, purge=5
        )


def test_empty_test_period() -> None:
    with pytest.raises(DataError, match=r"test period 'b' \(20190101-20190201\) holds no row"):
        split_rows(
            INDEX,
            train=TRAIN,
            test={"b": TimeRange.parse("20190101-20190201")},
            validation=0.1,
            purge=5,
        )


def test_range_the_data_do_not_reach() -> None:
    with pytest.raises(DataError, match="0 train rows are too few"):
        split_rows(
            INDEX, train=TimeRange.parse("20200101-20200201"), test={}, validation=0.1, purge=5
        )
