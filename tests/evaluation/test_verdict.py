"""The verdict, case by case: what the headline says, what would have to be true, and how sure it is."""

import json
import math
from typing import Any

import pandas as pd
import pytest

from cryptonn.errors import DataError
from cryptonn.evaluation.accuracy import MEANINGS, Assessment
from cryptonn.evaluation.verdict import Verdict, verdict
from cryptonn.output import to_json
from cryptonn.reporting.metrics import METRICS

NAN = math.nan
SIDES = {"none": 0.0, "maker": 0.001, "taker": 0.0021, "taker+slippage": 0.0023}


def scenario(
    fees: str,
    *,
    gross: float,
    net_return: float | None = None,
    spread: float = 0.05,
    trades: int = 1000,
    size: float = 21.0,
    note: str = "",
) -> dict[str, Any]:
    """What ``metrics_of`` gives for trades that earn ``gross`` bp and move ``size`` bp; intervals are ± ``spread``."""
    cost = 2 * SIDES[fees] / 1e-4
    net = gross - cost
    total = net / 100 if net_return is None else net_return
    weighted = 0.5 + gross / (2 * size)
    wide = NAN if note else spread
    found: dict[str, Any] = dict.fromkeys(METRICS, 0.0)
    return found | {
        "strategy": "lstm_signal",
        "fees": fees,
        "cost_per_side": SIDES[fees],
        "days": 181,
        "trades": trades,
        "gross_per_trade_bp": gross,
        "gross_per_trade_low_bp": gross - 10 * wide,
        "gross_per_trade_high_bp": gross + 10 * wide,
        "cost_per_trade_bp": cost,
        "net_per_trade_bp": net,
        "net_return": total,
        "net_return_low": total - wide,
        "net_return_high": total + wide,
        "buy_and_hold_return": 1.18,
        "break_even_fee": gross / 2 * 1e-4,
        "break_even_fee_low": (gross / 2 - 6 * wide) * 1e-4,
        "break_even_fee_high": (gross / 2 + 6 * wide) * 1e-4,
        "weighted_accuracy_of_trades": weighted,
        "required_weighted_accuracy": 0.5 + cost / (2 * size),
        "mean_absolute_move_of_trades_bp": size,
        "required_move_bp": cost / (2 * weighted - 1) if weighted > 0.5 else math.inf,
        "interval_note": note,
    }


def scenarios(*fees: str, **given: Any) -> dict[str, dict[str, Any]]:
    return {name: scenario(name, **given) for name in fees or SIDES}


def assessed(accuracy: float, half: float = 0.003, *, base: float = 0.504) -> Assessment:
    metrics = dict.fromkeys(MEANINGS, 0.0) | {
        "accuracy_on_moves": accuracy,
        "accuracy_on_moves_low": accuracy - half,
        "accuracy_on_moves_high": accuracy + half,
        "base_rate_on_moves": base,
    }
    return Assessment(metrics, pd.DataFrame(), pd.DataFrame(), pd.DataFrame())


def text(found: Verdict) -> str:
    return " ".join(found.sentences)


class TestHeadline:
    def test_loses_after_fees(self) -> None:
        found = verdict(scenarios("none", "taker", gross=2.1))
        assert found.headline == "Loses money after fees: gross +2.1 bp a trade against 42.0 bp of costs (taker)."
        assert found.sentences[0] == (
            "It would pay below a cost of 1.1 bp per side, commission, spread and slippage together "
            "(95 % interval 0.8 to 1.4 bp)."
        )
        assert found.numbers["case"] == "loses after fees"
        assert found.numbers["certain"] is True

    def test_loses_at_several_fees_names_the_cheapest_and_the_dearest(self) -> None:
        headline = verdict(scenarios(gross=2.1)).headline
        assert headline.endswith("against 20.0 bp of costs (maker) up to 46.0 bp (taker+slippage).")

    def test_gross_negative(self) -> None:
        found = verdict(scenarios(gross=-1.2))
        assert found.headline == "Loses money even before fees: gross −1.2 bp a trade."
        assert "No cost is low enough: the break-even cost per side is −0.6 bp" in text(found)
        assert found.numbers["case"] == "loses before fees"
        assert found.numbers["certain"] is True

    def test_gross_barely_negative_is_not_certain(self) -> None:
        found = verdict(scenarios(gross=-0.2))
        assert found.headline.endswith("A small edge cannot be ruled out, nor told from luck.")
        assert found.numbers["certain"] is False

    def test_pays_at_maker_but_not_at_taker(self) -> None:
        found = verdict(scenarios(gross=30.0))
        assert found.headline == (
            "Pays at maker but not at taker and taker+slippage: net +10.0 bp at maker, −12.0 bp at taker, "
            "−16.0 bp at taker+slippage a trade."
        )
        assert found.numbers["pays: maker"] is True
        assert found.numbers["pays: taker"] is False

    def test_pays_at_maker_perhaps(self) -> None:
        found = verdict(scenarios(gross=30.0, spread=0.2))
        assert "The gain at maker cannot be told from luck: the interval of its return is −10.0 to +30.0 %." in (
            found.headline
        )
        assert found.numbers["certain"] is False

    def test_pays_at_all_fees(self) -> None:
        found = verdict(scenarios("none", "taker", gross=60.0))
        assert found.headline == "Makes money after fees: gross +60.0 bp a trade, net +18.0 bp at taker."
        assert found.sentences[0].startswith("It pays below a cost of 30.0 bp per side")
        assert (found.numbers["case"], found.numbers["certain"]) == ("pays", True)

    def test_pays_but_the_interval_covers_zero(self) -> None:
        found = verdict(scenarios("none", "taker", gross=60.0, spread=0.5))
        assert found.headline.startswith(
            "Ahead after fees, but cannot be told from luck: net +18.0 bp at taker a trade."
        )
        assert found.numbers["certain"] is False

    def test_pays_on_too_few_days(self) -> None:
        found = verdict(scenarios("none", "taker", gross=60.0, note="only 3 days: too few for an interval"))
        assert "Too little data to tell the gain at taker from luck." in found.headline
        assert "only 3 days" in found.sentences[-1]
        assert "95 % interval" not in text(found)

    def test_no_trades(self) -> None:
        empty = {
            fees: {name: 0.0 if name in ("net_return", "trades") else NAN for name in METRICS}
            | {
                "strategy": "s",
                "fees": fees,
                "cost_per_side": side,
                "days": 30,
                "interval_note": "no trades, so no interval",
            }
            | {"buy_and_hold_return": 0.1}
            for fees, side in SIDES.items()
        }
        found = verdict(empty, network=assessed(0.55))
        assert found.headline.startswith("No trades: the signal never called for a position")
        assert found.numbers["case"] == "no trades"
        assert "nan" not in text(found)
        assert "0 trades; no trades, so no interval" in found.sentences[-1]

    def test_no_fee_was_tried(self) -> None:
        found = verdict(scenarios("none", gross=2.0))
        assert found.headline == "Not known whether it pays: gross +2.0 bp a trade, but no fee was tried."

    def test_nothing_to_judge(self) -> None:
        with pytest.raises(DataError, match="at least one fee scenario"):
            verdict({})

    def test_order_of_the_scenarios_does_not_matter(self) -> None:
        given = scenarios(gross=30.0)
        backwards = dict(reversed(given.items()))
        assert verdict(given).headline == verdict(backwards).headline


class TestWhatWouldHaveToBeTrue:
    def test_required_against_achieved_accuracy(self) -> None:
        sentences = text(verdict(scenarios(gross=2.1)))
        assert (
            "To pay at maker, 97.6 % of the trades' move must be called right, where a trade moves 21.0 bp on average; "
            "it is 55.0 %. At that accuracy trades must move 200 bp."
        ) in sentences

    def test_no_accuracy_is_enough(self) -> None:
        sentences = text(verdict(scenarios("none", "taker", gross=2.1)))
        assert (
            "At taker no accuracy is enough: a trade moves 21.0 bp on average and costs 42.0 bp, and 55.0 % of that "
            "move is called right. At that accuracy trades must move 420 bp."
        ) in sentences

    def test_direction_wrong_more_often_than_right_asks_for_no_move(self) -> None:
        sentences = text(verdict(scenarios(gross=-1.2)))
        assert "must move" not in sentences
        assert "inf" not in sentences

    def test_nothing_is_required_of_what_pays(self) -> None:
        assert "must" not in text(verdict(scenarios("none", "taker", gross=60.0)))

    def test_break_even_that_may_be_nothing(self) -> None:
        assert "there may be no edge at all" in text(verdict(scenarios(gross=0.4)))


class TestHowSure:
    def test_returns_of_every_scenario_beside_buy_and_hold(self) -> None:
        sentences = text(verdict(scenarios("none", "taker", gross=2.1)))
        assert "Net return: no fee +2.1 % (95 % interval −2.9 to +7.1 %); taker −39.9 %" in sentences
        assert "Buy and hold: +118.0 %." in sentences
        assert "This rests on 181 days and 1,000 trades." in sentences

    @pytest.mark.parametrize(
        ("accuracy", "words"),
        [
            (0.556, "more than a coin toss, and more than always saying the same (50.4 %)"),
            (0.504, "more than a coin toss, but not clearly more than always saying the same (50.4 %)"),
            (0.501, "which a coin toss could reach"),
        ],
    )
    def test_accuracy_against_a_coin_toss(self, accuracy: float, words: str) -> None:
        assert words in text(verdict(scenarios(gross=2.1), network=assessed(accuracy)))

    @pytest.mark.parametrize(
        ("network", "logistic", "words"),
        [
            (
                0.556,
                0.510,
                "It beats the logistic regression on the same rows by 4.6 points (95 % interval +4.2 to +5.0)",
            ),
            (0.512, 0.510, "It cannot be told from the logistic regression on the same rows: +0.2 points"),
            (0.505, 0.520, "It is worse than the logistic regression on the same rows: −1.5 points"),
        ],
    )
    def test_against_the_logistic_regression(self, network: float, logistic: float, words: str) -> None:
        found = verdict(scenarios(gross=2.1), network=assessed(network), logistic=assessed(logistic))
        assert words in text(found)

    def test_row_by_row_comparison_goes_before_the_two_intervals(self) -> None:
        lead = {"difference": 0.002, "difference_low": 0.001, "difference_high": 0.003}
        found = verdict(scenarios(gross=2.1), network=assessed(0.512), logistic=assessed(0.510), comparison=lead)
        assert "It beats the logistic regression on the same rows by 0.2 points" in text(found)
        assert found.numbers["logistic_difference_low"] == 0.001

    def test_a_strategy_without_a_network_is_judged_too(self) -> None:
        assert "logistic" not in text(verdict(scenarios(gross=2.1)))


def test_numbers_are_flat_and_json() -> None:
    found = verdict(scenarios(gross=2.1), network=assessed(0.556), logistic=assessed(0.51))
    assert all(isinstance(value, str | int | float | bool) for value in found.numbers.values())
    assert json.loads(to_json(found.numbers))["pays: taker"] is False
    assert found.numbers["accuracy_on_moves_low"] == pytest.approx(0.553)
