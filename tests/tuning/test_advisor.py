"""Draws that do not depend on how often a search was interrupted; trials that fall behind."""

from typing import Any

from cryptonn.settings import SearchConfig
from cryptonn.tuning.advisor import Advisor, random_choices
from cryptonn.tuning.space import Axis, Choices, read_axes

SPACE = {
    "network.dropout": [0.0, 0.1, 0.2],
    "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "training.lookback": {"low": 5, "high": 30, "step": 5},
}


def search(**values: Any) -> SearchConfig:
    return SearchConfig.model_validate({"method": "tpe", "trials": 30, "space": SPACE} | values)


def advisor(**values: Any) -> Advisor:
    one = search(**values)
    return Advisor(one, read_axes(one), seed=1, epochs=9, at_once=1, name="x")


def axes() -> tuple[Axis, ...]:
    return read_axes(search())


def loss(choices: Choices) -> float:
    return float(choices["network.dropout"] + 100 * choices["training.learning_rate"])


def test_random_draws_are_a_prefix_of_more_draws_and_stay_inside() -> None:
    few, many = (random_choices(axes(), trials=trials, seed=3) for trials in (5, 12))
    assert many[:5] == few and len({str(one) for one in many}) == 12
    assert many != random_choices(axes(), trials=12, seed=4)
    assert {one["network.dropout"] for one in many} <= {0.0, 0.1, 0.2}
    assert {one["training.lookback"] for one in many} <= {5, 10, 15, 20, 25, 30}
    assert all(1e-4 <= one["training.learning_rate"] <= 1e-2 for one in many)


def test_random_draws_end_where_a_space_has_no_more() -> None:
    small = read_axes(search(space={"network.dropout": [0.0, 0.1], "seed": [1, 2]}))
    assert len(random_choices(small, trials=20, seed=1)) == 4


def run_tpe(trials: int, *, interrupted: int) -> list[Choices]:
    asked, one = advisor(), 0
    done: list[Choices] = []
    while one < trials:
        if one == interrupted:
            asked = advisor()
            for number, choices in enumerate(done):
                asked.add(number, choices, state="complete", value=loss(choices), steps={})
        done.append(asked.suggest(one))
        asked.end(one, state="complete", value=loss(done[-1]))
        one += 1
    return done


def test_tpe_goes_on_after_an_interruption_as_if_there_had_been_none() -> None:
    whole = run_tpe(20, interrupted=99)
    assert run_tpe(20, interrupted=14) == whole
    later = [loss(one) for one in whole[12:]]
    assert sum(later) / len(later) < sum(loss(one) for one in whole[:8]) / 8, (
        "it has learned nothing from its trials"
    )


def test_a_trial_that_falls_behind_is_pruned_and_one_that_leads_is_not() -> None:
    asked = advisor(pruning="median")
    for number in range(6):
        asked.suggest(number)
        for epoch in (1, 2, 3):
            assert not asked.falls_behind(number, epoch=epoch, value=0.6 - 0.01 * epoch)
        asked.end(number, state="complete", value=0.57)
    asked.suggest(6)
    assert not asked.falls_behind(6, epoch=1, value=0.5)
    asked.suggest(7)
    assert asked.falls_behind(7, epoch=1, value=0.9)
