"""Numbers as text."""

import math

import pandas as pd
import pytest

from cryptonn.reporting.formatting import (
    bp,
    count,
    money,
    number,
    percent,
    signed_bp,
    signed_percent,
    slug,
)


@pytest.mark.parametrize("write", [bp, percent, signed_bp, signed_percent, number, money, count])
@pytest.mark.parametrize("undefined", [None, math.nan, math.inf, pd.NA])
def test_what_is_undefined_is_not_available(write, undefined) -> None:  # type: ignore[no-untyped-def]
    assert write(undefined) == "n/a"


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (bp, 0.00123, "12.3 bp"),
        (signed_bp, -0.5, "−5,000.0 bp"),
        (percent, -0.12345, "−12.35 %"),
        (percent, -1e-9, "0.00 %"),
        (signed_percent, 1e-9, "0.00 %"),
        (signed_percent, 0.1, "+10.00 %"),
        (money, 1234567.8, "1,234,568"),
        (number, -0.00012, "−0.00012"),
        (number, 0, "0.00"),
    ],
)
def test_numbers_as_a_trader_reads_them(write, value: float, text: str) -> None:  # type: ignore[no-untyped-def]
    assert write(value) == text


def test_a_file_name_holds_no_path() -> None:
    assert slug("../a b/c") == "_a_b_c"
    assert slug("") == "_"
