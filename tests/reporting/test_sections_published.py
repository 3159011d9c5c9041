"""An earlier system's figure beside ours: what is said follows the numbers, and the leaks are named."""

import json
import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fakes import make_run, write

from cryptonn.cli.console import stdout
from cryptonn.cli.summary import show_run, summary_of
from cryptonn.evaluation.published import PUBLISHED_MEANINGS
from cryptonn.output import to_json
from cryptonn.reporting.sections_published import make_published, published_line
from cryptonn.runs import Run

CLAIM = {
    "system": "5-minute <b>classifier</b>",
    "figure": 0.5744,
    "metric": "balanced accuracy, ties up",
}
LEAKS = {"scaling": "slice", "balance": "both"}
NUMBERS = {
    "windows": 11_446,
    "accuracy": 0.566,
    "accuracy_low": 0.548,
    "accuracy_high": 0.584,
    "effective_windows": 3000.0,
    "balanced_accuracy": 0.566,
    "accuracy_on_moves": 0.556,
    "accuracy_on_moves_low": 0.538,
    "accuracy_on_moves_high": 0.574,
    "ties_share": 0.05,
    "accuracy_on_ties": 0.75,
    "moves_called_up": 0.48,
    "ties_called_up": 0.75,
    "loss_start": 0.6925,
    "loss_end": 0.6851,
    "best_epoch": 7,
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    published = {
        **CLAIM,
        "leaks": LEAKS,
        "settings": {"labels": {"ties": "up"}, "training": {"form": "windowed"}},
    }
    return make_run(tmp_path_factory.mktemp("published") / "run", published=published)


def reproduced(run: Run, **numbers: float | None) -> Run:
    """The run after the published evaluation was repeated."""
    assert run.config.published is not None
    record: dict[str, Any] = {
        **CLAIM,
        "leaks": list(run.config.published.leaks.words()),
        "numbers": NUMBERS | numbers,
    }
    return replace(
        run, published={**record, "rows": {"train": 240_418, "validation": 11_446}, "seconds": 60.0}
    )


def said(run: Run) -> str:
    found = make_published(run)
    assert found is not None
    return " ".join(found.sentences)


def with_published(run: Run, **changes: Any) -> Run:
    assert run.config.published is not None
    published = run.config.published.model_copy(update=changes)
    return replace(run, config=run.config.model_copy(update={"published": published}))


class TestSentences:
    def test_published_reproduced_honest(self, plain: Run) -> None:
        found, honest = (
            make_published(reproduced(plain)),
            plain.assessments["2019Q1"]["network"].metrics,
        )
        assert found is not None
        assert found.sentences[0] == "Published: 57.44 % (balanced accuracy, ties up)."
        assert found.sentences[1] == (
            "Reproduced as published here: 56.60 % (95 % interval 54.80 % to 58.40 %, 11,446 windows); the figure that "
            "was quoted lies inside that interval."
        )
        assert found.sentences[2].startswith(
            "This run, honestly split and judged (the same data and network; labels, training of its own): "
            f"{100 * honest['accuracy_on_moves']:.2f} % of moves right on 2019Q1 (95 % interval "
        )
        alike = f"as earlier systems count, that is {100 * honest['balanced_accuracy_published']:.2f} % on 2019Q1."
        assert found.sentences[2].endswith(alike)
        assert found.sentences[-1].startswith("Nothing of the reproduction was traded")
        assert found.leaks == (
            "each slice scaled by its own mean and deviation",
            "validation balanced by dropping rows",
        )

    def test_another_network_is_not_called_the_same(self, plain: Run) -> None:
        other = with_published(plain, settings={"network": {"layers": [8]}})
        assert "judged (the same data; network of its own)" in said(reproduced(other))

    def test_a_shorter_training_is_told(self, plain: Run) -> None:
        run = reproduced(plain)
        short = replace(run, published={**(run.published or {}), "epochs": 2, "full_epochs": 10})
        assert "Reproduced as published here (trained for 2 of its 10 epochs): 56.60 %" in said(
            short
        )
        assert "trained for 2 of its 10 epochs" in published_line(short)
        full = replace(run, published={**(run.published or {}), "epochs": 10, "full_epochs": 10})
        assert "of its" not in said(full).split(".")[1]

    def test_without_a_test_period_validation_speaks(self, plain: Run) -> None:
        data = plain.config.data.model_copy(update={"test": {}})
        run = replace(plain, config=plain.config.model_copy(update={"data": data}))
        assert "of moves right on validation" in said(reproduced(run))

    def test_an_interval_that_is_not_known(self, plain: Run) -> None:
        """JSON has no NaN: what was undefined comes back as nothing."""
        text = said(reproduced(plain, accuracy_low=None, accuracy_high=None))
        assert "56.60 % (no interval, 11,446 windows)" in text
        assert "nan" not in text.lower().replace("finance", "")

    def test_a_run_that_is_what_was_published(self, plain: Run) -> None:
        claim = {"system": "close price", "figure": None, "metric": "none: only a plot"}
        run = replace(plain, published=claim)
        assert said(run).startswith(
            "Published: none: only a plot. It is not trained apart: this run is what was"
        )
        assert "traded" not in said(run)
        found = make_published(run)
        assert found is not None
        assert (found.grid, found.leaks, found.meanings) == (None, (), ())

    def test_a_figure_that_is_no_share_has_no_per_cent(self, plain: Run) -> None:
        assert "Published: 312.50 (RMSE)." in said(
            replace(plain, published=CLAIM | {"figure": 312.5, "metric": "RMSE"})
        )


class TestTies:
    def test_recognising_quiet_minutes_is_told(self, plain: Run) -> None:
        assert (
            "5.00 % of its windows do not move and count as up. It says up of 75.00 % of these and of 48.00 % of those "
            "that move, so part of the figure is recognising minutes that will not move, which cannot be traded: "
            "+1.35 % (95 % interval +0.99 % to +1.71 %) of windows. On moves alone it is right in 55.60 % (95 % "
            "interval 53.80 % to 57.40 %), where always saying down gets 52.63 %."
        ) in said(reproduced(plain))

    @pytest.mark.parametrize(
        ("ties", "recognised"), [(0.75, True), (0.50, False), (0.48, False), (0.30, False)]
    )
    def test_only_where_ties_are_called_up_more_often(
        self, plain: Run, ties: float, recognised: bool
    ) -> None:
        text = said(reproduced(plain, ties_called_up=ties))
        assert ("so part of the figure is recognising minutes" in text) is recognised
        assert ("too little a difference to say that it recognises them" in text) is not recognised

    def test_three_ties_tell_nothing(self, plain: Run) -> None:
        text = said(reproduced(plain, ties_share=0.002, windows=1552, effective_windows=1500.0))
        assert "too few to tell them apart" in text
        assert "recognising" not in text

    def test_ties_down_are_the_other_way_about(self, plain: Run) -> None:
        down = with_published(plain, settings={"labels": {"ties": "down"}})
        text = said(reproduced(down, ties_called_up=0.30))
        assert "count as down" in text
        assert "so part of the figure is recognising minutes" in text
        assert "always saying up gets 52.63 %" in text

    def test_always_saying_the_same_is_known_of_balanced_windows_only(self, plain: Run) -> None:
        assert plain.config.published is not None
        unbalanced = plain.config.published.leaks.model_copy(update={"balance": "train"})
        assert "always saying" not in said(reproduced(with_published(plain, leaks=unbalanced)))

    @pytest.mark.parametrize(
        "numbers", [{"ties_share": 0.0, "ties_called_up": None}, {"moves_called_up": None}]
    )
    def test_nothing_is_said_of_ties_that_are_not_there(
        self, plain: Run, numbers: dict[str, Any]
    ) -> None:
        assert "count as" not in said(reproduced(plain, **numbers)).replace(
            "as earlier systems count", ""
        )


class TestFailedTraining:
    def test_a_loss_that_never_left_ln_2_is_evidence_of_nothing(self, plain: Run) -> None:
        text = said(
            reproduced(
                plain, loss_start=0.6934, loss_end=0.6930, accuracy_low=0.49, accuracy_high=0.52
            )
        )
        assert (
            "Its train loss did not come below ln 2 = 0.6931, that of always saying one half (0.6934 after the first "
            "epoch, 0.6930 after the last), and its accuracy is one that a coin reaches: a failed training"
        ) in text

    def test_dropout_may_hold_the_train_loss_of_a_good_network_up(self, plain: Run) -> None:
        """A network right in 62.8 % was once said to have learnt nothing: its loss with dropout was 0.7188."""
        assert "ln 2" not in said(reproduced(plain, loss_start=0.80, loss_end=0.7188))

    @pytest.mark.parametrize("loss", [0.6925, 0.60])
    def test_a_loss_that_fell_is(self, plain: Run, loss: float) -> None:
        assert "ln 2" not in said(reproduced(plain, loss_end=loss, accuracy_low=0.49))

    def test_another_loss_has_no_such_value(self, plain: Run) -> None:
        squared = with_published(plain, settings={"training": {"loss": "mse"}})
        assert "ln 2" not in said(reproduced(squared, loss_end=0.6931))


class TestTable:
    def test_published_above_reproduced_above_honest(self, plain: Run) -> None:
        found = make_published(reproduced(plain))
        assert found is not None
        assert found.grid is not None
        frame, honest = found.grid.frame, plain.assessments["2019Q1"]["network"].metrics
        assert list(frame.index) == [
            "published",
            "reproduced here, as published",
            "this run, validation",
            "this run, 2019Q1",
        ]
        assert frame["as_published"].tolist()[:2] == [0.5744, 0.566]
        assert frame.loc["this run, 2019Q1", "accuracy_on_moves"] == honest["accuracy_on_moves"]
        assert (
            frame.loc["this run, 2019Q1", "as_published"] == honest["balanced_accuracy_published"]
        )
        assert found.grid.own == {2, 3}
        assert math.isnan(frame.loc["published", "rows"])
        assert [cell.text for cell in found.grid.rows[0]] == [
            "published",
            "n/a",
            "57.44 %",
            "n/a",
            "n/a",
        ]
        assert found.grid.rows[1][2].note == "54.80 % to 58.40 %"


class TestPage:
    def test_the_section_stands_before_the_accuracies_and_shows_what_it_is_given(
        self, plain: Run, tmp_path: Path
    ) -> None:
        run = replace(reproduced(plain), backtests={}, verdicts={}, folder=tmp_path / "run")
        html = write(run, run.folder).html
        sections = re.findall(r'<section id="(\w+)"', html)
        assert sections.index("published") == sections.index("validation") - 1
        assert '<a href="#published">' in html
        assert "<b>classifier" not in html
        text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html))).replace(
            "\N{NO-BREAK SPACE}", " "
        )
        assert "Published: 57.44 % (balanced accuracy, ties up)." in text
        assert "What the published evaluation let through" in text
        assert "each slice scaled by its own mean and deviation" in text
        assert PUBLISHED_MEANINGS["ties_called_up"] in text
        assert pd.read_csv(run.folder / "tables" / "published.csv")["what"].iloc[0] == "published"

    def test_a_run_without_an_earlier_system_has_none(self, plain: Run) -> None:
        assert make_published(plain) is None
        assert published_line(plain) == ""


class TestTerminal:
    def test_one_line(self, plain: Run) -> None:
        run, honest = (
            reproduced(plain),
            plain.assessments["2019Q1"]["network"].metrics["accuracy_on_moves"],
        )
        line = (
            "Published: 57.44 % (balanced accuracy, ties up); reproduced as published 56.60 % (95 % "
            "interval 54.80 % to 58.40 %); honestly, on moves: "
            f"2019Q1 {100 * honest:.2f} %."
        )
        assert published_line(run) == line
        with stdout.capture() as captured:
            show_run(run, report=run.folder / "none.html")
        assert line in re.sub(r"\s+", " ", captured.get())

    def test_the_json_holds_the_record(self, plain: Run) -> None:
        run = reproduced(plain)
        found = json.loads(to_json(summary_of(run, run.comparison, verdicts={}, report=None)))
        assert found["published"]["numbers"]["accuracy"] == 0.566
        assert (
            json.loads(to_json(summary_of(plain, plain.comparison, verdicts={}, report=None)))[
                "published"
            ]
            is None
        )
