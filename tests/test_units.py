"""Fractions of money as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptonn.errors import ConfigError
from cryptonn.units import OF_A_YEAR, in_bp, in_percent, parse_fraction, written_fraction


@pytest.mark.parametrize(
    "text", ["0.001", "0.1%", "0.1 %", "10bp", "10 bps", "10BP", 0.001, "1e-3"]
)
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


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (0.1, "0.1%"),
        (0.2, "0.2%"),
        (0.02, "0.02%"),
        (0.05, "0.05%"),
        (0.75, "0.75%"),
        ("0.26", "0.26%"),
        ("1e-1", "0.1%"),
        (1, "1% or 1bp"),
        ("1", "1% or 1bp"),
        (5, "5bp"),
        (10, "10bp"),
        (25, "25bp"),
        ("20%", "20bp"),
        ("2000bp", "20bp"),
    ],
)
def test_a_fee_above_one_per_cent_is_asked_for_its_unit(value: float | str, meant: str) -> None:
    """``taker = 0.1``, meant as 0.1 %, traded at 10 % without a word."""
    with pytest.raises(ConfigError, match=rf"of the notional.*Did you mean {meant}\?"):
        parse_fraction(value)


@pytest.mark.parametrize(("text", "fraction"), [("2%", 0.02), ("150bp", 0.015), ("10%", 0.1)])
def test_whoever_writes_the_unit_means_it(text: str, fraction: float) -> None:
    assert parse_fraction(text) == fraction


@pytest.mark.parametrize("number", [0.02, 0.05, 0.1])
def test_the_way_out_that_an_error_shows_is_taken(number: float) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_fraction(number)
    *_, really = re.findall(r'"(.+?)"', str(caught.value))
    assert parse_fraction(really) == number == parse_fraction(written_fraction(number))


@pytest.mark.parametrize("number", [0.0, 0.001, 0.01])
def test_a_believable_fraction_is_written_as_a_number(number: float) -> None:
    assert written_fraction(number) == number == parse_fraction(number)


def test_a_year_of_borrowing_may_cost_more() -> None:
    assert parse_fraction(0.1, limits=OF_A_YEAR) == 0.1
    assert parse_fraction("150%", limits=OF_A_YEAR) == 1.5
    with pytest.raises(ConfigError, match=r"1000% of the notional a year.*Did you mean 10%\?"):
        parse_fraction(10, limits=OF_A_YEAR)


def test_a_decimal_comma_is_named() -> None:
    with pytest.raises(ConfigError, match=r"The decimal sign is a point: 0\.1%"):
        parse_fraction("0,1%")


def test_a_rebate_is_refused() -> None:
    with pytest.raises(ConfigError, match="negative"):
        parse_fraction("-1bp")


def test_words() -> None:
    assert in_bp(0.00123) == "12.3 bp"
    assert in_percent(0.00123) == "0.12 %"
