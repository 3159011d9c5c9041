"""docs/earlier-systems.md: made from what was run, and no column of a table that says nothing."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cryptonn.config import load_config
from cryptonn.errors import ConfigError
from cryptonn.runs import Run
from cryptonn.tuning.search import tune
from tests.docs.earlier_systems import page, with_earlier
from tests.docs.page import PAGE, ROOT
from tests.docs.searches import RECORDS, _trials, same_training
from tests.reporting.fakes import make_run
from tests.tiny_run import tiny_config
from tests.tuning.small_search import MadeUp


def test_where_nothing_was_run_the_page_stays_and_is_what_the_kept_trials_say(
    tmp_path: Path,
) -> None:
    assert page(tmp_path) == PAGE.read_text(encoding="utf-8")


def test_a_search_that_was_run_replaces_what_the_page_says_of_it(tmp_path: Path) -> None:
    space = {"training.optimizer": ["rmsprop", "adam"]}
    config = tiny_config(
        name="tutorial_15m",
        search={"grid_published": {"space": space, "description": "Two of them."}},
    )
    folder = tmp_path / "searches" / "tutorial_15m-grid_published"
    tune(config, folder=folder, engine=MadeUp())
    shutil.rmtree(folder / "figures")  # they would be copied into docs/
    before, after = PAGE.read_text(encoding="utf-8"), page(tmp_path, records=tmp_path / "records")
    heading = "### tutorial_15m: grid_published\n"
    start, end = after.index(heading), after.index("### tutorial_15m: grid_ta_published\n")
    assert (
        "Two of them." in after[start:end]
        and "- 2 of 2 settings tried: 2 complete." in after[start:end]
    )
    assert "| adam |" in after[start:end]
    first = "## capstone\n"
    assert after[after.index(first) : start] == before[before.index(first) : before.index(heading)]
    assert (tmp_path / "records" / folder.name / "trials" / "0001" / "trial.json").exists()
    assert after[end:] == before[before.index("### tutorial_15m: grid_ta_published\n") :]


def untrained(folder: Path, candles: Path, **training: Any) -> Run:
    """A run of capstone.toml that was stopped before its earlier system; ``training`` changes that one's."""
    config = load_config(ROOT / "backtests" / "capstone.toml")
    config = config.model_copy(update={"data": config.data.model_copy(update={"folder": candles})})
    assert config.published is not None
    settings = config.published.settings | {
        "training": config.published.settings["training"] | training
    }
    published = config.published.model_copy(update={"settings": settings})
    return replace(
        make_run(folder), config=config.model_copy(update={"published": published}), published=None
    )


def test_a_run_stopped_before_its_earlier_system_has_that_of_the_trial_that_trained_it(
    tmp_path: Path, shared_data: Path
) -> None:
    found = with_earlier(untrained(tmp_path / "run", shared_data), ("lookback", "btc")).published
    assert found is not None
    folder = RECORDS / f"capstone-{found['search']}" / "trials" / f"{found['trial']:04d}"
    kept = json.loads((folder / "trial.json").read_text(encoding="utf-8"))
    assert kept["settings"] == {"training.lookback": 100} and found["rows"] == kept["rows"]
    assert found["numbers"]["accuracy"] == kept["value"] and found["seconds"] == kept["seconds"]
    assert found["epochs"] == found["full_epochs"] == 10 and len(found["leaks"]) == 4


@pytest.mark.parametrize("changed", [{"lookback": 99}, {"learning_rate": 2e-4}, {"epochs": 11}])
def test_a_trial_of_another_training_does_not_stand_for_it(
    changed: dict[str, Any], tmp_path: Path, shared_data: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"its earlier system was not trained in full. Run `cryptonn reproduce"
    ):
        with_earlier(untrained(tmp_path / "run", shared_data, **changed), ("lookback",))


def test_nor_does_one_on_other_candles(tmp_path: Path, shared_data: Path) -> None:
    config = untrained(tmp_path / "run", shared_data).config
    assert (
        same_training(config, ("lookback",), data={"ETH/USD": "0" * 64, "BTC/USD": "0" * 64})
        is None
    )


def test_a_run_of_fewer_epochs_is_refused(tmp_path: Path) -> None:
    run = untrained(tmp_path / "run", tmp_path)
    with pytest.raises(
        ConfigError, match=r"trained for 1 of its 12 epochs. Remove it, or run its file without"
    ):
        with_earlier(replace(run, config=run.config.with_epochs(1)), ("lookback",))


def test_a_run_that_trained_it_keeps_its_own_numbers(tmp_path: Path) -> None:
    run = replace(
        untrained(tmp_path / "run", tmp_path), published={"epochs": 10, "full_epochs": 10}
    )
    assert with_earlier(run, ("lookback",)) is run


def test_but_not_those_of_a_training_that_was_cut_short(tmp_path: Path, shared_data: Path) -> None:
    run = replace(
        untrained(tmp_path / "run", shared_data), published={"epochs": 2, "full_epochs": 10}
    )
    assert (with_earlier(run, ("lookback",)).published or {})["epochs"] == 10


def trial(**changed: Any) -> dict[str, Any]:
    known = {
        "network.dropout": 0.1,
        "value": 0.55,
        "reason": "",
        "best_epoch": 2,
        "epochs": 3,
        "seconds": 90.0,
    }
    return known | {"low": 0.5, "high": 0.6, "accuracy_on_moves": 0.55} | changed


def shown(*trials: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The head and the cells of a table."""
    lines = _trials(
        {"axes": ["network.dropout"], "metric": "accuracy", "trials": list(trials)}
    ).splitlines()
    head, *rows = (
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in lines
        if "---" not in line
    )
    return head, rows


def test_a_column_that_says_nothing_is_left_out() -> None:
    head, rows = shown(trial(), trial(published=None))
    assert head == [
        "network.dropout",
        "right, as published",
        "95 % interval",
        "best epoch",
        "minutes",
    ]
    assert rows == [["0.1", "55.00 %", "50.00 % to 60.00 %", "2 of 3", "1.5"]] * 2


def test_what_differs_from_the_accuracy_that_decides_has_a_column() -> None:
    head, rows = shown(trial(published=0.552), trial(accuracy_on_moves=0.56, loss=0.69))
    assert (
        head[1:5] == ["quoted", "right, as published", "95 % interval", "on moves"]
        and "train loss" in head
    )
    assert [row[1] for row in rows] == ["55.20 %", ""] and [row[4] for row in rows] == [
        "55.00 %",
        "56.00 %",
    ]


def test_many_trials_are_folded() -> None:
    table = _trials({"axes": ["network.dropout"], "metric": "accuracy", "trials": [trial()] * 24})
    assert table.startswith(
        "<details><summary>24 networks, a row each</summary>\n\n| network.dropout |"
    )
    assert table.endswith("\n\n</details>")
