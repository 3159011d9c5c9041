"""Fractions of money as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptonn.errors import ConfigError
from cryptonn.units import in_bp, in_percent, parse_fraction


@pytest.mark.parametrize("text", ["0.001", "0.1%", "10bp", "10 bps", 0.001, "1e-3"])
def test_same_number_in_every_form(text: float | str) -> None:
    assert parse_fraction(text) == 0.001


@given(st.integers(min_value=0, max_value=1000))
def test_bp_and_percent_agree(number: int) -> None:
    assert parse_fraction(f"{number}bp") == pytest.approx(
        parse_fraction(f"{number / 100}%"), abs=1e-15
    )


@pytest.mark.parametrize("text", ["", "bp", "ten", "1 percent", "nan", "inf", True, "1bp%"])
def test_what_is_no_fraction(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a fraction"):
        parse_fraction(text)


def test_a_fee_of_ten() -> None:
    with pytest.raises(ConfigError, match=r"1000% of the notional.*Did you mean 10bp\?"):
        parse_fraction(10)


def test_a_rebate_is_refused() -> None:
    with pytest.raises(ConfigError, match="negative"):
        parse_fraction("-1bp")


def test_words() -> None:
    assert in_bp(0.00123) == "12.3 bp"
    assert in_percent(0.00123) == "0.12 %"
