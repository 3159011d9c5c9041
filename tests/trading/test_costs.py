"""Costs: the scenarios by name, fees as people write them, and what is refused."""

import pytest

from cryptonn.errors import ConfigError
from cryptonn.settings import CostsConfig
from cryptonn.trading.costs import Costs, costs_for

CONFIG = CostsConfig(maker="10bp", taker="20bp", spread="1bp", slippage="2bp", borrow="10%")


@pytest.mark.parametrize(
    ("fees", "expected"),
    [
        ("none", Costs()),
        ("maker", Costs(commission=0.001, borrow=0.1)),
        ("taker", Costs(commission=0.002, spread=0.0001, borrow=0.1)),
        ("taker+slippage", Costs(commission=0.002, spread=0.0001, slippage=0.0002, borrow=0.1)),
        ("10bp", Costs(commission=0.001, borrow=0.1)),
        ("0.1%", Costs(commission=0.001, borrow=0.1)),
        ("0.001", Costs(commission=0.001, borrow=0.1)),
    ],
)
def test_scenarios(fees: str, expected: Costs) -> None:
    assert costs_for(CONFIG, fees) == expected


def test_in_words() -> None:
    assert Costs(commission=0.001).describe() == "0.10 % per side, 20.0 bp round trip"
    assert (
        Costs(0.001, 0.0001, 0.0002, 0.1)
        .describe()
        .endswith("26.0 bp round trip, 10.00 % a year on shorts")
    )
    assert Costs(0.001, 0.0001, 0.0002).round_trip == pytest.approx(0.0026)


def test_fee_of_ten_asks_for_the_unit() -> None:
    with pytest.raises(ConfigError, match=r'fee = "10" .*Did you mean 10bp\?'):
        costs_for(CONFIG, "10")


def test_a_fee_of_a_tenth_asks_for_the_unit() -> None:
    with pytest.raises(ConfigError, match=r'fee = "0\.1" .*Did you mean 0\.1%\?'):
        costs_for(CONFIG, "0.1")


def test_a_fee_of_two_per_cent_with_its_unit_is_taken() -> None:
    assert costs_for(CONFIG, "2%").commission == 0.02
    assert costs_for(CostsConfig(taker="2%"), "taker").commission == 0.02


def test_negative_fee_is_refused() -> None:
    with pytest.raises(ConfigError, match="negative"):
        costs_for(CONFIG, "-5bp")


def test_unknown_scenario_suggests_one() -> None:
    with pytest.raises(ConfigError, match=r"none, maker, taker.*Did you mean 'taker'\?"):
        costs_for(CONFIG, "takr")


@pytest.mark.parametrize("name", ["commission", "spread", "slippage"])
def test_costs_refuse_percent_numbers(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name} = 10 .*10bp"):
        Costs(**{name: 10})
