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
from cryptonn.reporting.meanings import METRICS

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
    gross_return: float | None = None,
    **other: Any,
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
        "gross_return": gross / 100 if gross_return is None else gross_return,
        "slippage_paid": 500.0 if fees.startswith("taker") else 0.0,
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
        **other,
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


def lead(points: float) -> dict[str, float]:
    """What ``compare_accuracy`` gives: the difference in points, its interval ± 0.4."""
    names = ("difference_low", "difference", "difference_high")
    return {name: (points + way * 0.4) / 100 for name, way in zip(names, (-1, 0, 1), strict=True)}


def text(found: Verdict) -> str:
    return " ".join(found.sentences)


class TestHeadline:
    def test_loses_after_fees(self) -> None:
        found = verdict(scenarios("none", "taker", gross=2.1))
        assert (
            found.headline
            == "Loses money after fees: gross +2.1 bp a trade against 42.0 bp of costs (taker)."
        )
        assert found.sentences[0] == (
            "It would pay below a cost of about 1.1 bp per side, commission, spread and slippage together "
            "(95 % interval 0.8 to 1.4 bp)."
        )
        assert found.numbers["case"] == "loses after fees"
        assert found.numbers["certain"] is True

    def test_loses_at_several_fees_names_the_cheapest_and_the_dearest(self) -> None:
        headline = verdict(scenarios(gross=2.1)).headline
        assert headline.endswith("against 20.0 bp of costs (maker) up to 46.0 bp (taker+slippage).")

    def test_gross_negative(self) -> None:
        found = verdict(scenarios(gross=-1.2, spread=0.01))
        assert found.headline == "Loses money even before fees: gross −1.2 bp a trade."
        assert "No cost is low enough: the break-even cost per side is −0.6 bp" in text(found)
        assert found.numbers["case"] == "loses before fees"
        assert found.numbers["certain"] is True

    def test_gross_barely_negative_is_not_certain(self) -> None:
        found = verdict(scenarios(gross=-0.2))
        assert found.headline == (
            "Loses money even before fees: gross −0.2 bp a trade. A gain cannot be ruled out: the interval of the "
            "return at no fee is −5.2 to +4.8 %."
        )
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
        assert (
            "The gain at maker cannot be told from luck: the interval of its return is −10.0 to +30.0 %."
            in (found.headline)
        )
        assert found.numbers["certain"] is False

    def test_pays_at_all_fees(self) -> None:
        found = verdict(scenarios("none", "taker", gross=60.0))
        assert (
            found.headline
            == "Makes money after fees: gross +60.0 bp a trade, net +18.0 bp at taker."
        )
        assert found.sentences[0].startswith("It pays below a cost of about 30.0 bp per side")
        assert (found.numbers["case"], found.numbers["certain"]) == ("pays", True)

    def test_pays_but_the_interval_covers_zero(self) -> None:
        found = verdict(scenarios("none", "taker", gross=60.0, spread=0.5))
        assert found.headline.startswith(
            "Ahead after fees, but cannot be told from luck: net +18.0 bp at taker a trade."
        )
        assert found.numbers["certain"] is False

    def test_pays_on_too_few_days(self) -> None:
        found = verdict(
            scenarios("none", "taker", gross=60.0, note="only 3 days: too few for an interval")
        )
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
        assert (
            found.headline
            == "Not known whether it pays: gross +2.0 bp a trade, but no fee was tried."
        )

    def test_nothing_to_judge(self) -> None:
        with pytest.raises(DataError, match="at least one fee scenario"):
            verdict({})

    def test_order_of_the_scenarios_does_not_matter(self) -> None:
        given = scenarios(gross=30.0)
        backwards = dict(reversed(given.items()))
        assert verdict(given).headline == verdict(backwards).headline


HEDGES = (
    "cannot be told from luck",
    "cannot be ruled out",
    "Too little data",
    "Not known",
    "No trades",
)


class TestCertain:
    """No sentence is said flatly that an interval leaves open."""

    def test_a_loss_whose_interval_covers_a_gain_is_hedged(self) -> None:
        found = verdict(
            scenarios("none", "taker", gross=41.0, spread=0.165, net_return=-0.01, gross_return=0.2)
        )
        assert found.numbers["case"] == "loses after fees"
        assert found.numbers["certain"] is False
        assert found.headline == (
            "Loses money after fees: gross +41.0 bp a trade against 42.0 bp of costs (taker). A gain at taker cannot "
            "be ruled out: the interval of its return is −17.5 to +15.5 %."
        )

    def test_one_doubtful_loss_among_sure_ones_is_enough(self) -> None:
        given = scenarios(gross=19.0, spread=0.05)
        found = verdict(given)
        assert (found.numbers["case"], found.numbers["certain"]) == ("loses after fees", False)
        assert (
            "A gain at maker cannot be ruled out: the interval of its return is −6.0 to +4.0 %."
            in found.headline
        )
        given["maker"]["net_return_high"] = -1e-6
        assert verdict(given).numbers["certain"] is True
        assert verdict(given).headline.endswith("(taker+slippage).")

    def test_a_sure_gain_beside_a_doubtful_loss_is_hedged(self) -> None:
        found = verdict(scenarios(gross=40.0))
        assert (found.numbers["case"], found.numbers["certain"]) == ("pays at some fees", False)
        assert found.headline.endswith(
            "a trade. A gain at taker cannot be ruled out: the interval of its return is −7.0 to +3.0 %."
        )

    def test_a_doubtful_gain_and_a_doubtful_loss_are_both_named(self) -> None:
        headline = verdict(scenarios(gross=30.0, spread=0.2)).headline
        assert "The gain at maker cannot be told from luck" in headline
        assert "A gain at taker cannot be ruled out" in headline

    @pytest.mark.parametrize(
        ("return_high", "even_high", "words"),
        [
            (-0.1, -0.1e-4, ""),
            (0.1, -0.1e-4, "A gain cannot be ruled out: the interval of the return at no fee is"),
            (
                -0.1,
                0.1e-4,
                "A gain cannot be ruled out: the interval of the break-even cost per side is",
            ),
            (-0.1, NAN, "Too little data to rule out a gain."),
            (NAN, -0.1e-4, "Too little data to rule out a gain."),
        ],
    )
    def test_a_loss_before_fees_is_sure_where_return_and_break_even_are(
        self, return_high: float, even_high: float, words: str
    ) -> None:
        ends = {"net_return_high": return_high, "break_even_fee_high": even_high}
        found = verdict(scenarios("none", "taker", gross=-20.0, **ends))
        assert found.numbers["certain"] is (words == "")
        assert words in found.headline

    @pytest.mark.parametrize("spread", [0.0, 0.05, 0.2, 1.0])
    @pytest.mark.parametrize("note", ["", "only 3 days: too few for an interval"])
    @pytest.mark.parametrize("fees", [("none",), ("maker",), ("none", "taker"), tuple(SIDES)])
    @pytest.mark.parametrize("gross", [-30.0, -0.2, 0.4, 19.0, 30.0, 41.0, 43.0, 60.0])
    def test_the_headline_hedges_just_where_it_is_not_certain(
        self, gross: float, fees: tuple[str, ...], note: str, spread: float
    ) -> None:
        found = verdict(scenarios(*fees, gross=gross, spread=spread, note=note))
        assert any(words in found.headline for words in HEDGES) is not found.numbers["certain"], (
            found.headline
        )


class TestMeanTradeAgainstTheAccount:
    """Losses compound: an account can lose by trades that gain on average. The account decides."""

    def test_a_mean_gain_that_compounds_to_a_loss_loses_before_fees(self) -> None:
        found = verdict(
            scenarios(
                "none",
                "taker",
                gross=1.0,
                gross_return=-0.3,
                net_return=-0.3,
                break_even_fee=-1e-4,
                spread=0.01,
            )
        )
        assert found.numbers["case"] == "loses before fees"
        assert found.headline.startswith(
            "Loses money even before fees: gross −30.0 % compounded (+1.0 bp a trade on average)."
        )
        assert "No cost is low enough: the break-even cost per side is −1.0 bp" in text(found)
        assert "after fees" not in found.headline

    def test_it_says_why_an_account_loses_by_trades_that_gain_on_average(self) -> None:
        given = {"gross": 52.9, "net_return": -0.05, "max_drawdown_bars": -0.488}
        why = "Its trades gain 52.9 bp on average and the account loses nevertheless"
        said = text(verdict(scenarios("none", "taker", gross_return=-0.0472, **given)))
        assert why in said and "after its deepest fall, 48.8 %, it takes +95.3 % to be back" in said
        assert "loses nevertheless" not in text(
            verdict(scenarios("none", "taker", **given | {"net_return": 0.05}))
        )

    def test_and_by_trades_that_gain_on_average_after_a_fee(self) -> None:
        """It said "Loses money after fees: gross +59.1 bp a trade against 20.0 bp of costs", which is a gain."""
        free = scenario("none", gross=59.1, gross_return=0.004, net_return=0.004)
        paid = {
            name: scenario(
                name, gross=59.1, gross_return=0.004, net_return=net, max_drawdown_bars=-0.491
            )
            for name, net in (("maker", -0.041), ("taker", -0.088))
        }
        found = verdict({"none": free, **paid})
        assert found.headline.startswith(
            "Loses money after fees: gross +59.1 bp a trade on average, but net −4.1 % at maker, −8.8 % at taker, "
            "compounded."
        )
        assert (
            "At maker its trades gain 39.1 bp on average and the account loses nevertheless"
            in text(found)
        )
        assert "after its deepest fall, 49.1 %, it takes +96.5 % to be back" in text(found)

    def test_a_mean_loss_that_compounds_to_a_gain_has_an_edge(self) -> None:
        found = verdict(
            scenarios(
                "none",
                "taker",
                gross=-1.0,
                gross_return=0.05,
                net_return=-0.5,
                break_even_fee=1e-4,
                spread=0.01,
            )
        )
        assert found.numbers["case"] == "loses after fees"
        assert (
            "gross +5.0 % compounded (−1.0 bp a trade on average) against 42.0 bp" in found.headline
        )
        assert "It would pay below a cost of about 1.0 bp" in text(found)

    def test_an_arithmetic_break_even_above_zero_promises_nothing_where_it_compounds_to_a_loss(
        self,
    ) -> None:
        found = verdict(
            scenarios(
                "none", "taker", gross=0.1, gross_return=-0.01, net_return=-0.01, spread=0.001
            )
        )
        assert found.numbers["case"] == "loses before fees"
        assert "It would pay" not in text(found)
        assert "would bear a cost of 0.1 bp per side" in text(found)
        assert "compounded they lose without any." in text(found)

    def test_nor_a_gain_below_it_where_the_account_loses_at_a_lower_cost(self) -> None:
        """It said "It would pay below a cost of about 27.9 bp" of a run that lost at 10 bp."""
        found = verdict(
            scenarios("none", "maker", gross=59.1, gross_return=0.004, net_return=-0.04)
        )
        assert found.numbers["case"] == "loses after fees"
        assert "It would pay" not in text(found)
        assert "Added up, its trades would bear a cost of 29.6 bp per side" in text(found)
        assert "compounded they lose at 10.0 bp already." in text(found)

    def test_nets_are_those_of_the_account_where_the_mean_trade_says_otherwise(self) -> None:
        found = verdict(
            scenarios(
                "none",
                "taker",
                gross=43.0,
                net_return=-0.02,
                gross_return=0.4,
                spread=0.01,
                size=80.0,
            )
        )
        assert "must be called right" not in text(found), "it already was"
        found = verdict(
            scenarios("none", "taker", gross=41.0, net_return=0.02, gross_return=0.4, spread=0.01)
        )
        assert (
            found.headline
            == "Makes money after fees: gross +41.0 bp a trade, net +2.0 % at taker, compounded."
        )


class TestRestingOrders:
    def test_a_gain_at_maker_alone_is_called_optimistic(self) -> None:
        sentences = text(verdict(scenarios(gross=30.0)))
        assert (
            "The gain at maker is optimistic: every order is taken to fill at the next open"
            in sentences
        )
        assert "a resting order may not fill" in sentences

    def test_a_gain_that_pays_the_spread_is_not(self) -> None:
        assert "optimistic" not in text(verdict(scenarios(gross=60.0)))

    def test_nor_a_loss(self) -> None:
        assert "optimistic" not in text(verdict(scenarios(gross=2.1)))


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
        assert (
            "Net return: no fee +2.1 % (95 % interval −2.9 to +7.1 %); taker −39.9 %" in sentences
        )
        assert "Buy and hold, all in and without costs: +118.0 %." in sentences
        assert "This rests on 181 days and 1,000 trades." in sentences

    @pytest.mark.parametrize(
        ("accuracy", "words"),
        [
            (0.556, "more than a coin toss, and more than always saying the same (50.4 %)"),
            (
                0.504,
                "more than a coin toss, but not clearly more than always saying the same (50.4 %)",
            ),
            (0.501, "which a coin toss could reach"),
            (0.492, "less than a coin toss"),
        ],
    )
    def test_accuracy_against_a_coin_toss(self, accuracy: float, words: str) -> None:
        assert words in text(verdict(scenarios(gross=2.1), network=assessed(accuracy)))

    @pytest.mark.parametrize(
        ("points", "words"),
        [
            (
                4.6,
                "It beats the logistic regression on the same rows by 4.6 points (95 % interval +4.2 to +5.0)",
            ),
            (0.2, "It cannot be told from the logistic regression on the same rows: +0.2 points"),
            (-1.5, "It is worse than the logistic regression on the same rows: −1.5 points"),
        ],
    )
    def test_against_the_logistic_regression(self, points: float, words: str) -> None:
        found = verdict(scenarios(gross=2.1), network=assessed(0.55), comparison=lead(points))
        assert words in text(found)
        assert found.numbers["logistic_difference_low"] == pytest.approx((points - 0.4) / 100)

    def test_a_strategy_without_a_network_is_judged_too(self) -> None:
        assert "logistic" not in text(verdict(scenarios(gross=2.1)))


class TestChosenByASearch:
    """A setting that is the best of many tried is not what one tried once is."""

    def chosen(self, *deflated: float, trials: float = 24) -> dict[str, dict[str, Any]]:
        given = scenarios("none", "taker", gross=60.0)
        for found, probability in zip(given.values(), deflated, strict=True):
            found |= {"trials": trials, "deflated_sharpe": probability}
        return given

    def test_the_number_of_trials_and_the_deflated_sharpe_ratio_are_said(self) -> None:
        found = verdict(self.chosen(0.93, 0.02))
        assert (
            "This setting is the best of 24 tried on the validation rows, so its validation figures are flattered; the "
            "search looked at them alone."
        ) in found.sentences
        assert "in 24 settings without skill (deflated Sharpe ratio" in text(found)
        assert "no fee 93.0 %; taker 2.0 %." in text(found)
        assert (found.numbers["trials"], found.numbers["deflated_sharpe: taker"]) == (24, 0.02)
        json.loads(to_json(found.numbers))

    def test_an_undefined_ratio_is_not_said(self) -> None:
        found = verdict(self.chosen(NAN, NAN))
        assert "best of 24" in text(found)
        assert "deflated" not in text(found)
        assert "nan" not in text(found)

    @pytest.mark.parametrize(
        "given", [{}, {"trials": NAN, "deflated_sharpe": NAN}], ids=["absent", "another's row"]
    )
    def test_without_a_search_nothing_changes(self, given: dict[str, float]) -> None:
        plain = scenarios("none", "taker", gross=60.0)
        found = verdict({name: one | given for name, one in plain.items()})
        assert found == verdict(plain)
        assert "trials" not in found.numbers


def test_numbers_are_flat_and_json() -> None:
    found = verdict(scenarios(gross=2.1), network=assessed(0.556), comparison=lead(4.6))
    assert all(isinstance(value, str | int | float | bool) for value in found.numbers.values())
    assert json.loads(to_json(found.numbers))["pays: taker"] is False
    assert found.numbers["accuracy_on_moves_low"] == pytest.approx(0.553)
