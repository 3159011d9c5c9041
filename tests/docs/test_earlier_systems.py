"""docs/earlier-systems.md: made from what was run, and no column of a table that says nothing."""

import shutil
from pathlib import Path
from typing import Any

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
    assert "| adam |" in after[start:end]
    first = "## capstone\n"
    assert after[after.index(first) : start] == before[before.index(first) : before.index(heading)]
    assert (tmp_path / "records" / folder.name / "trials" / "0001" / "trial.json").exists()
    assert after[end:] == before[before.index("### tutorial_15m: grid_ta_published\n") :]


def trial(**changed: Any) -> dict[str, Any]:
    known = {"network.dropout": 0.1, "value": 0.55, "reason": "", "best_epoch": 2, "epochs": 3, "seconds": 90.0}
    return known | {"low": 0.5, "high": 0.6, "accuracy_on_moves": 0.55} | changed


def shown(*trials: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The head and the cells of a table."""
    lines = _trials({"axes": ["network.dropout"], "metric": "accuracy", "trials": list(trials)}).splitlines()
    head, *rows = ([cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if "---" not in line)
    return head, rows


def test_a_column_that_says_nothing_is_left_out() -> None:
    head, rows = shown(trial(), trial(published=None))
    assert head == ["network.dropout", "right, as published", "95 % interval", "best epoch", "minutes"]
    assert rows == [["0.1", "55.00 %", "50.00 % to 60.00 %", "2 of 3", "1.5"]] * 2


def test_what_differs_from_the_accuracy_that_decides_has_a_column() -> None:
    head, rows = shown(trial(published=0.552), trial(accuracy_on_moves=0.56, loss=0.69))
    assert head[1:5] == ["quoted", "right, as published", "95 % interval", "on moves"] and "train loss" in head
    assert [row[1] for row in rows] == ["55.20 %", ""] and [row[4] for row in rows] == ["55.00 %", "56.00 %"]


def test_many_trials_are_folded() -> None:
    table = _trials({"axes": ["network.dropout"], "metric": "accuracy", "trials": [trial()] * 24})
    assert table.startswith("<details><summary>24 networks, a row each</summary>\n\n| network.dropout |")
    assert table.endswith("\n\n</details>")
