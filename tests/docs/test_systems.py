"""What each earlier system is worth: the words follow from its numbers."""

from typing import Any

import pytest

from tests.docs.systems import accuracy_table, in_short, money_table, worth


def system(**changed: Any) -> dict[str, Any]:
    """A classifier that gains before fees and loses after."""
    known = {
        "from": "2019-01-01",
        "to": "2019-04-01",
        "accuracy_on_moves": 0.55,
        "accuracy_on_moves_low": 0.545,
    }
    known |= {
        "accuracy_on_moves_high": 0.555,
        "rmse_ratio": None,
        "trades": 1200,
        "gross_per_trade_bp": 5.5,
    }
    known |= {
        "cost_per_side": {"none": 0.0, "maker": 0.001, "taker": 0.0021},
        "buy_and_hold_return": 0.0712,
    }
    known |= {
        "net_return": {"none": 0.3, "maker": -0.2, "taker": -0.5},
        "case": "loses after fees",
        "certain": True,
    }
    again = {"accuracy": 0.5532, "accuracy_low": 0.5394, "accuracy_high": 0.5669}
    one = {
        "system": "A classifier",
        "symbol": "ETH/USD",
        "figure": 0.5744,
        "quoted": "balanced",
        "reproduced": again,
    }
    return one | {"periods": {"2019Q1": known | changed}}


def said(one: dict[str, Any]) -> str:
    (words,) = worth({"capstone": one})
    return words


def test_a_system_in_words() -> None:
    assert said(system()) == (
        "**A classifier** ([capstone](#capstone)). 57.44 % was quoted; measured the same way it is 55.32 % (95 % "
        "interval 53.94 % to 56.69 %) here. The luck of our windows does not explain that; other candles, a choice "
        "among settings or the luck of a training may. Honestly it is right in 55.00 % of moves, more than a coin "
        "toss. At the lowest fee it made −20.00 % in 2019Q1 (beyond luck; buying and holding +7.12 %)."
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"accuracy_on_moves_low": 0.49}, "which a coin toss could reach"),
        (
            {"rmse_ratio": 1.25},
            "1.25 times as far off as saying that the price stays as it is: nobody needs a network",
        ),
        ({"rmse_ratio": 0.97}, "0.97 times as far off as saying that the price stays as it is. At"),
        ({"certain": False}, "−20.00 % in 2019Q1 (perhaps by luck;"),
        (
            {"net_return": {"none": 0.3, "maker": 0.1, "taker": -0.5}},
            "it made +10.00 % in 2019Q1 (beyond luck;",
        ),
    ],
)
def test_other_numbers_have_other_words(changed: dict[str, Any], words: str) -> None:
    assert words in said(system(**changed))


def test_a_quoted_figure_may_be_within_reach_of_luck_or_none_at_all() -> None:
    assert "(95 % interval 53.94 % to 56.69 %) here, and the quoted figure fits that." in said(
        system() | {"figure": 0.56}
    )
    only = said(system() | {"figure": None, "quoted": "only a plot", "reproduced": None})
    assert only.startswith("**A classifier** ([capstone](#capstone)). Honestly it is right")


def test_one_quarter_of_two_beats_a_toss() -> None:
    one = system()
    one["periods"]["2019Q2"] = one["periods"]["2019Q1"] | {"accuracy_on_moves_low": 0.49}
    assert (
        "right in 55.00 % and 55.00 % of moves, more than a coin toss in 1 of 2 periods."
        in said(one)
    )


def test_all_of_them_in_short() -> None:
    worse = system(accuracy_on_moves_low=0.49)
    both = in_short({"capstone": system(), "other": worse})
    assert both == (
        "**In short:** 1 of the 2 foresees something: [A classifier](#capstone), right in 55.00 % to 55.00 % of moves. "
        "What the others are right in, a coin toss could reach. After fees none of them earned more than luck explains."
    )
    gains = {"net_return": {"none": 0.3, "maker": 0.1, "taker": -0.5}}
    assert in_short({"capstone": system(**gains)}).endswith(
        "After fees A classifier earned more than luck explains."
    )
    assert "none of them" in in_short({"capstone": system(**gains, certain=False)})
    assert in_short({"other": worse}).startswith(
        "**In short:** none of the 1 foresee something. What"
    )


def test_the_tables_have_a_row_a_system_and_a_row_a_period() -> None:
    systems = {"capstone": system()}
    assert accuracy_table(systems).splitlines()[-1] == (
        "| [A classifier](#capstone) | 57.44 %, balanced | 55.32 % (95 % interval 53.94 % to 56.69 %) | "
        "2019Q1: 55.00 % (54.50 % to 55.50 %) of moves |"
    )
    assert money_table(systems).splitlines()[-1] == (
        "| [A classifier](#capstone) | 2019Q1, 2019-01-01 to 2019-04-01 | ETH/USD | 1,200 | +5.5 bp | +30.00 % | "
        "−20.00 % | −50.00 % | +7.12 % | loses after fees, beyond luck |"
    )
