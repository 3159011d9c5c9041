"""The lessons of docs/earlier-systems.md: their words follow from the figures."""

from typing import Any

import pandas as pd
import pytest

from cryptonn.units import counted
from tests.docs.lessons import lessons
from tests.docs.page import Page
from tests.docs.searches import finished

RATES = "training.learning_rate"


def search(**columns: list[Any]) -> pd.DataFrame:
    """Trials whose interval is one point to either side."""
    table = pd.DataFrame(columns)
    return table.assign(low=table["value"] - 0.01, high=table["value"] + 0.01)


def lookbacks(*values: float) -> pd.DataFrame:
    minutes = [1, 5, 100][: len(values)]
    columns = {
        "training.lookback": minutes,
        "value": values,
        "published": [0.552, 0.543, 0.565][: len(values)],
    }
    return search(**columns)


def test_a_lookback_that_luck_can_put_behind_the_best_cannot_be_told_from_it() -> None:
    (said,) = lessons({"capstone-lookback": lookbacks(0.51, 0.537, 0.55)}, "")
    assert (
        "100 came first: 55.00 % (95 % interval 54.00 % to 56.00 %). 5 cannot be told from it."
        in said
    )
    assert "Further behind than luck is likely to put one: 1 (51.00 %)." in said
    assert "2 of 2 steps to more minutes brought more." in said
    quoted = "Quoted was 100 as the best, with 56.50 %; the quoted figure lies inside our interval for 5 of them."
    assert said.endswith(quoted)
    tables = {
        "capstone-lookback": lookbacks(0.51, 0.537, 0.55),
        "capstone-btc": with_and_without(0.54, 0.5, 0.5, 0.5),
    }
    again = " 100 minutes trained with other random numbers: 54.00 % (95 % interval 53.00 % to 55.00 %)."
    assert lessons(tables, "")[-1] == said + again
    (said,) = lessons({"capstone-lookback": lookbacks(0.541, 0.532, 0.54)}, "")
    assert (
        "1 came first" in said
        and "5 and 100 cannot be told from it." in said
        and "Further behind" not in said
    )
    assert "1 of 2 steps to more minutes brought more." in said
    assert "our interval for none of them" in said


def with_and_without(*values: float) -> pd.DataFrame:
    rates = [1e-4, 1e-3] * 2
    return search(
        **{
            "data.others": ["BTC/USD"] * 2 + ["none"] * 2,
            RATES: rates,
            "value": values,
            "val_loss": [0.69] * 4,
        }
    )


@pytest.mark.parametrize(
    ("fast", "words"),
    [
        (0.505, "The quoted 0.5 was most likely a training that failed: at the rate"),
        (0.53, "Of the quoted 0.5: at the rate"),
    ],
)
def test_a_training_that_failed_is_told_from_one_that_did_not(fast: float, words: str) -> None:
    (said,) = lessons({"capstone-btc": with_and_without(0.55, 0.52, 0.526, fast)}, "")
    failed = fast < 0.51
    helps = (
        "It seems to help" if failed else "Whether it helps cannot be told"
    )  # 0.52 with, 0.53 without
    assert (
        f"{helps}, and without it {2 - failed} of 2 trainings are right more often than a coin toss."
        in said
    )
    pairs, least = counted(2 - failed, "pair"), "2.4" if failed else "-1.0"
    assert (
        f"In the {pairs} where both sides are, BTC adds {least} to 2.4 points, in 1 of them" in said
    )
    assert "Not run yet: with 10 minutes and honestly." in said and words in said


def test_the_rate_that_failed_is_held_against_the_same_elsewhere() -> None:
    tables = {"capstone-btc": with_and_without(0.55, 0.55, 0.53, 0.5)}
    tables |= {
        "capstone-btc_10": with_and_without(0.54, 0.54, 0.53, 0.527),
        "capstone-btc_honest": tables["capstone-btc"],
    }
    assert lessons(tables, "")[0].endswith(
        ", and at the quoted rate with 10 minutes or honestly 52.70 %."
    )


def test_without_the_published_length_nothing_is_said_of_its_half() -> None:
    (said,) = lessons({"capstone-btc_10": with_and_without(0.55, 0.52, 0.545, 0.515)}, "")
    assert "Not run yet: as published and honestly." in said and "quoted 0.5" not in said
    assert "BTC adds 0.5 to 0.5 points, in 0 of them" in said
    (said,) = lessons({"capstone-btc_10": with_and_without(0.5, 0.5, 0.5, 0.5)}, "")
    assert (
        "Whether it helps cannot be told, and without it 0 of 2 trainings" in said
        and "BTC adds" not in said
    )


def test_windows_that_stay_still_add_what_is_known_of_them() -> None:
    known = {
        "ties_share": [0.02] * 3,
        "effective_windows": [5000.0] * 3,
        "moves_called_up": [0.45, 0.44, 0.43],
    }
    known |= {"value": [0.55] * 3, "accuracy_on_moves_low": [0.52, 0.52, 0.49]}
    (said,) = lessons({"capstone-x": search(**known, ties_called_up=[0.65, 0.45, 1.0])}, "")
    assert "Little of it, here: 2 of 2 trainings as published say up more often" in said, (
        "the third learned nothing"
    )
    assert (
        "1 of them more than luck is likely to make. As 2.00 % of windows stay still, telling them apart is worth"
        in said
    )
    (said,) = lessons(
        {
            "capstone-x": search(
                **known | {"ties_share": [0.1] * 3}, ties_called_up=[0.65, 0.4, 1.0]
            )
        },
        "",
    )
    assert "Part of it: 1 of 2 trainings" in said and "at most 2.0 points" in said


@pytest.mark.parametrize(
    ("together", "answer"),
    [
        (0.535, "Nothing that could be measured"),
        (0.56, "More than luck makes"),
        (0.52, "They cost it more than luck does"),
    ],
)
def test_leaks_are_worth_more_than_luck_or_not(together: float, answer: str) -> None:
    (said,) = lessons({"capstone-leaks": search(value=[0.54, 0.545, 0.537, 0.54, together])}, "")
    assert (
        f"{answer}: without three of them it is right in 54.00 % (95 % interval 53.00 % to 55.00 %) of"
        in said
    )
    assert (
        f"with one of the three in 53.70 % to 54.50 %, with all three in {100 * together:.2f} %."
        in said
    )
    assert said.endswith("less than 1.4 points would not show.")


def grid(*values: float) -> pd.DataFrame:
    names = ("dropout", "hidden", "training.optimizer", "training.loss")
    return search(value=list(values), **{name: list(range(len(values))) for name in names})


def test_what_the_shuffled_split_finds_in_random_order_stands_beside_what_is_left() -> None:
    grids = {
        f"tutorial_15m-{name}": grid(0.59, 0.69) for name in ("grid_published", "grid_ta_published")
    }
    text = "| in random order | 74.00 % (63.61 % to 82.25 %) | 76.00 % (65.85 % to 83.87 %) |"
    (said,) = lessons(grids | {"tutorial_15m-grid_ta": grid(0.54, 0.545, 0.52)}, f"x\n{text}\ny")
    assert (
        "the 2 networks are right in 59.00 % to 69.00 % of cases, and with `ta` in 59.00 % to 69.00 %."
        in said
    )
    assert "the same measure still finds 74.00 % without `ta` and 76.00 % with it." in said
    assert "purged, without `ta`: not run yet. There, with the" in said
    behind = "(1 of the 3 further behind the best than luck is likely to put one)."
    assert (
        f"they are right in 52.00 % to 54.50 % of moves {behind}" in said
        and "often with `ta`" not in said
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            (0.55, 0.53),
            "There 1 of 2 settings are right less often with `ta`, on average of all by 1.0 points.",
        ),
        ((0.56, 0.57), "There 2 of 2 settings are right at least as often with `ta`."),
    ],
)
def test_the_same_setting_is_compared_with_and_without_ta(
    values: tuple[float, float], words: str
) -> None:
    honest = {"tutorial_15m-grid": grid(0.55, 0.55), "tutorial_15m-grid_ta": grid(*values)}
    assert lessons(honest, "")[0].endswith(words)


def test_where_nothing_was_run_nothing_is_learned() -> None:
    assert lessons({}, "") == []


def test_every_search_that_is_done_is_in_a_lesson() -> None:
    said = Page.read()["## What we learned"]
    for name, table in finished().items():
        values = [f"{100 * value:.2f} %" for value in (table["value"].min(), table["value"].max())]
        assert any(value in said for value in values), f"no lesson says anything of {name}"
