"""docs/earlier-systems.md: made from what was run, and no column of a table that says nothing."""

from pathlib import Path
from typing import Any

import pytest

from tests.docs.earlier_systems import PAGE, _trials, page


def test_the_page_is_what_its_records_say_where_nothing_was_run(tmp_path: Path) -> None:
    assert page(tmp_path) == PAGE.read_text(encoding="utf-8")


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
