"""How much of the differences between trials goes with each setting, and which trials learned nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from cryptonn.tuning.mattered import is_whole_grid, learned, shares
from cryptonn.tuning.search import tune
from cryptonn.tuning.study import Study
from cryptonn.tuning.words import sentences
from tests.tuning.small_search import MadeUp, search_config

GRID = {"network.dropout": [0.0, 0.2], "network.layers": [[4], [8], [16]]}
WIDE = {
    "network.dropout": {"low": 0.0, "high": 0.5},
    "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
}


class Right(MadeUp):
    """Trials with the accuracies given, by number; one of a half has learned nothing."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = values

    def _outcome(self, task: dict[str, Any], on_report: Any) -> dict[str, Any]:
        known, value = super()._outcome(task, on_report), self.values[task["number"]]
        loss = 0.6932 if value == 0.5 else 0.68
        numbers = {
            "accuracy_on_moves": value,
            "accuracy_on_moves_low": value - 0.01,
            "accuracy_on_moves_high": value + 0.01,
        }
        epoch = {"epoch": 1, "loss": loss, "val_loss": loss, "val_accuracy": value}
        return known | {
            "metrics": {"val_loss": loss, "val_accuracy": value} | numbers,
            "history": [epoch],
        }


class Dropping(MadeUp):
    """Trials whose validation loss follows from the dropout alone."""

    def _outcome(self, task: dict[str, Any], on_report: Any) -> dict[str, Any]:
        known = super()._outcome(task, on_report)
        return known | {"history": [epoch | {"loss": 0.6} for epoch in known["history"]]}


def grid(folder: Path, *values: float) -> Study:
    return tune(search_config(GRID, metric="val_accuracy"), folder=folder, engine=Right(*values))


def test_a_whole_grid_is_taken_apart_exactly(tmp_path: Path) -> None:
    # by dropout 0.54, 0.56; by layers 0.55, 0.55, 0.55; the squares: 6 × 0.01² between dropouts, 4 × 0.01² within
    study = grid(tmp_path, 0.55, 0.54, 0.53, 0.55, 0.56, 0.57)
    assert is_whole_grid(study)
    assert shares(study) == pytest.approx(
        {"network.dropout": 0.6, "network.layers": 0.0}, abs=1e-12
    )
    said = "so much goes with one setting alone (analysis of variance): network.dropout 60%, network.layers 0%; the other"
    assert f"{said} 40% with several together, and with luck." in " ".join(sentences(study))
    assert json.loads((tmp_path / "summary.json").read_text())["importance"] == pytest.approx(
        shares(study)
    )


def test_a_training_that_failed_says_nothing_of_its_settings(tmp_path: Path) -> None:
    study = grid(tmp_path, 0.55, 0.54, 0.53, 0.55, 0.5, 0.57)
    assert [record.number for record in learned(study)] == [0, 1, 2, 3, 5]
    assert shares(study) == {} and not is_whole_grid(study)
    said = sentences(study)
    assert "Trial 4 (dropout 0.2, layers 8) learned nothing" in said[2] and said[2].endswith(
        "left out of what follows."
    )
    assert (
        "0 of the other 4 lie inside that interval. Were all 5 equally good, at their median of 55.00%"
        in said[3]
    )
    assert (
        "network.dropout, median accuracy on moves: 0: 54.00% (of 3); 0.2: 56.00% (of 2)." in said
    )


@pytest.mark.parametrize(("trials", "said"), [(9, False), (16, True)])
def test_of_random_draws_fanova_estimates_it_if_there_are_enough(
    tmp_path: Path, trials: int, said: bool
) -> None:
    config = search_config(WIDE, method="random", trials=trials)
    study = tune(config, folder=tmp_path, engine=Dropping())
    found = shares(study)
    assert bool(found) is said
    assert not said or (found["network.dropout"] > 0.6 and found["training.learning_rate"] < 0.2)
    assert any("(an estimate, fANOVA)" in line for line in sentences(study)) is said
