"""The lessons of docs/earlier-systems.md: their words follow from the figures."""

from typing import Any

import pandas as pd
import pytest

from cryptonn.units import counted
from tests.docs.lessons import lessons
from tests.docs.page import Page
from tests.docs.searches import finished

RATES = "training.learning_rate"
BOTH = (("grid", 0.56), ("grid_ta", 0.55))


def search(**columns: list[Any]) -> pd.DataFrame:
    """Trials whose interval is one point to either side."""
    table = pd.DataFrame(columns)
    return table.assign(low=table["value"] - 0.01, high=table["value"] + 0.01)


def lookbacks(*values: float) -> pd.DataFrame:
    minutes = [1, 5, 100][: len(values)]
    columns = {"training.lookback": minutes, "value": values, "published": [0.552, 0.543, 0.565][: len(values)]}
    return search(**columns)


def lookback(*values: float) -> list[str]:
    return lessons({"capstone-lookback": lookbacks(*values)}, "")


def test_a_lookback_inside_the_interval_of_the_best_cannot_be_told_from_it() -> None:
    (said,) = lookback(0.51, 0.545, 0.55)
    assert "100 came first: 55.00 % (95 % interval 54.00 % to 56.00 %). 5 cannot be told from it." in said
    assert "Further behind than luck is likely to put one: 1 (51.00 %)." in said
    assert said.endswith("Published were 54.30 % to 56.50 %, with 100 minutes in front.")
    tables = {"capstone-lookback": lookbacks(0.51, 0.545, 0.55), "capstone-btc": with_and_without(0.54, 0.5, 0.5, 0.5)}
    again = " 100 minutes trained with other random numbers: 54.00 % (95 % interval 53.00 % to 55.00 %)."
    assert lessons(tables, "")[0] == said + again
    (said,) = lookback(0.549, 0.545, 0.55)
    assert "1 and 5 cannot be told from it." in said and "Further behind" not in said


def with_and_without(*values: float) -> pd.DataFrame:
    rates = [1e-4, 1e-3] * 2
    return search(
        **{"data.others": ["BTC/USD"] * 2 + ["none"] * 2, RATES: rates, "value": values, "val_loss": [0.69] * 4}
    )


@pytest.mark.parametrize(
    ("fast", "words"),
    [
        (0.505, "The published 0.5 was a training that failed, no proof that BTC is needed: at the rate"),
        (0.53, "Of the published 0.5: at the rate"),
    ],
)
def test_a_training_that_failed_is_told_from_one_that_did_not(fast: float, words: str) -> None:
    (said,) = lessons({"capstone-btc": with_and_without(0.55, 0.52, 0.526, fast)}, "")
    assert "As published: right in 55.00 % and 52.00 % with BTC and in 52.60 % and " in said
    assert "With 10 minutes: not run yet. Honestly split: not run yet." in said
    learned = 1 + (fast > 0.51)
    pairs = f"the {counted(learned, 'pair')} in which both sides beat a coin toss"
    assert f"more often in 1 of {pairs}, in 1 of them so clearly that the intervals lie apart." in said
    assert words in said


def test_without_the_published_length_nothing_is_said_of_its_half() -> None:
    (said,) = lessons({"capstone-btc_10": with_and_without(0.55, 0.52, 0.545, 0.515)}, "")
    assert "As published: not run yet." in said
    pairs = "the 2 pairs in which both sides beat a coin toss"
    assert said.endswith(f"With BTC it is right more often in 2 of {pairs}, never clearly.")


@pytest.mark.parametrize(("together", "words"), [(0.535, "which luck can make"), (0.56, "more than luck makes")])
def test_leaks_are_worth_more_than_luck_or_not(together: float, words: str) -> None:
    (said,) = lessons({"capstone-leaks": search(value=[0.54, 0.545, 0.537, 0.54, together])}, "")
    assert "Without any it is right in 54.00 % (95 % interval 53.00 % to 55.00 %) of moves" in said
    assert "with one at a time in 53.70 % to 54.50 %" in said and said.endswith(f": {words}.")


def test_what_the_shuffled_split_finds_in_random_order_stands_beside_what_is_left() -> None:
    grids = {f"tutorial_15m-{name}": search(value=[0.59, 0.69]) for name in ("grid_published", "grid_ta_published")}
    text = "| in random order | 74.00 % (63.61 % to 82.25 %) | 76.00 % (65.85 % to 83.87 %) |"
    (said,) = lessons(grids | {"tutorial_15m-grid_ta": search(value=[0.54, 0.545, 0.52])}, f"x\n{text}\ny")
    assert "its 2 networks are right in 59.00 % to 69.00 % of cases, and with `ta` in 59.00 % to 69.00 %." in said
    assert "one of them still gets 74.00 % and 76.00 %" in said and "Honestly, without `ta`: not run yet." in said
    behind = "1 of 3 further behind the best one than luck is likely to put it."
    assert f"they are right in 52.00 % to 54.50 % of moves, {behind}" in said and "adds nothing" not in said
    (said,) = lessons(grids | {f"tutorial_15m-{name}": search(value=[worth]) for name, worth in BOTH}, "")
    assert said.endswith("`ta` adds nothing to it.")


def test_where_nothing_was_run_nothing_is_learned() -> None:
    assert lessons({}, "") == []


def test_every_search_that_is_done_is_in_a_lesson() -> None:
    said = Page.read()["## What we learned"]
    for name, table in finished().items():
        values = [f"{100 * value:.2f} %" for value in (table["value"].min(), table["value"].max())]
        assert any(value in said for value in values), f"no lesson says anything of {name}"
