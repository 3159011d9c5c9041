"""docs/earlier-systems.md: made from what was run, and no column of a table that says nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cryptonn.tuning.search import tune
from tests.docs.earlier_systems import page
from tests.docs.page import PAGE
from tests.docs.searches import _trials
from tests.tiny_run import tiny_config
from tests.tuning.small_search import MadeUp


def test_where_nothing_was_run_the_page_stays_and_is_what_the_kept_trials_say(tmp_path: Path) -> None:
    assert page(tmp_path) == PAGE.read_text(encoding="utf-8")


def test_a_search_that_was_run_replaces_what_the_page_says_of_it(tmp_path: Path) -> None:
    space = {"training.optimizer": ["rmsprop", "adam"]}
    config = tiny_config(
        name="tutorial_15m", search={"grid_published": {"space": space, "description": "Two of them."}}
    )
    folder = tmp_path / "searches" / "tutorial_15m-grid_published"
    tune(config, folder=folder, engine=MadeUp())
    shutil.rmtree(folder / "figures")  # they would be copied into docs/
    before, after = PAGE.read_text(encoding="utf-8"), page(tmp_path, records=tmp_path / "records")
    heading = "### tutorial_15m: grid_published\n"
    start, end = after.index(heading), after.index("### tutorial_15m: grid_ta_published\n")
    assert "Two of them." in after[start:end] and "- 2 of 2 settings tried: 2 complete." in after[start:end]
    assert "| adam | 1.0000 |" in after[start:end]
    first = "## capstone\n"
    assert after[after.index(first) : start] == before[before.index(first) : before.index(heading)]
    assert (tmp_path / "records" / folder.name / "trials" / "0001" / "trial.json").exists()
    assert after[end:] == before[before.index("### tutorial_15m: grid_ta_published\n") :]


def trial(**changed: Any) -> dict[str, Any]:
    known = {"network.dropout": 0.1, "value": 0.55, "reason": "", "best_epoch": 2, "epochs": 3, "seconds": 90.0}
    interval = {"accuracy_on_moves": 0.55, "accuracy_on_moves_low": 0.5, "accuracy_on_moves_high": 0.6}
    return known | interval | changed


@pytest.mark.parametrize(
    ("figures", "cells"),
    [
        ([{}, {}], []),
        ([{"published": None}, {"published": None}], []),
        ([{"published": 0.552}, {"published": None}], ["0.552", ""]),
    ],
)
def test_published_figures_have_a_column_where_a_search_states_some(
    figures: list[dict[str, Any]], cells: list[str]
) -> None:
    trials = [trial(**figure) for figure in figures]
    head, _, *rows = _trials({"axes": ["network.dropout"], "metric": "accuracy", "trials": trials}).splitlines()
    assert ("published" in head) is bool(cells)
    assert [row.split(" | ")[2].strip() for row in rows] == (cells or ["55.00 %"] * 2)
    assert {line.count("|") for line in (head, *rows)} == {10 if cells else 9}
