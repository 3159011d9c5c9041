"""A search on disk: what it goes on with after it was stopped, what it refuses, what it leaves behind.

The trials are made up (``MadeUp``), so that every order of events can be tried; real ones are in ``test_tune.py``.
"""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cryptonn.config import RunConfig, load_config
from cryptonn.errors import ConfigError, DataError, ModelError, OutputError
from cryptonn.progress import Step
from cryptonn.tuning.beside import Beside
from cryptonn.tuning.engine import lost
from cryptonn.tuning.opening import Sitting, open_study
from cryptonn.tuning.progress import Progress
from cryptonn.tuning.search import tune
from cryptonn.tuning.study import Study
from tests.conftest import BLANK
from tests.tiny_run import environment, tiny_config, write_run_file
from tests.tuning.small_search import GRID, MadeUp, folders, search_config, told

DROPOUT = {"network.dropout": {"low": 0.0, "high": 0.9}}
SEARCHES: dict[str, dict[str, Any]] = {
    "grid": {"space": GRID},
    "random": {"space": DROPOUT | {"seed": [1, 2, 3]}, "method": "random", "trials": 7},
    "tpe": {"space": DROPOUT, "method": "tpe", "trials": 14},
    "median": {
        "space": DROPOUT,
        "method": "random",
        "trials": 12,
        "pruning": "median",
        "training": {"epochs": 4},
    },
    "hyperband": {
        "space": DROPOUT,
        "method": "tpe",
        "trials": 16,
        "pruning": "hyperband",
        "training": {"epochs": 9},
    },
}


def searched(config: RunConfig, folder: Path, **options: Any) -> Study:
    return tune(config, folder=folder, **({"engine": MadeUp()} | options))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The small search, ended; leave its folder as it is and begin from a copy."""
    return searched(search_config(), tmp_path_factory.mktemp("finished") / "search")


def copied(study: Study, folder: Path) -> Path:
    return Path(shutil.copytree(study.folder, folder, dirs_exist_ok=True))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no figures: most of a made-up search's time. Where a search of another kind ends they are drawn."""
    monkeypatch.setattr("cryptonn.tuning.figures.draw_all", lambda study: [])


@pytest.fixture(scope="module", params=list(SEARCHES))
def of_each_kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunConfig, Study]:
    """A search of each kind in one sitting, with its figures drawn, and those of the richest rendered."""
    config = search_config(**SEARCHES[request.param])
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "hyperband":
            patch.setattr(FigureCanvasAgg, "print_png", lambda canvas, file, **_: file.write(BLANK))
        return config, searched(config, tmp_path_factory.mktemp("whole") / "search")


@pytest.mark.usefixtures("undrawn")
def test_stopped_after_any_trial_it_comes_to_the_same_trials(
    of_each_kind: tuple[RunConfig, Study], tmp_path: Path
) -> None:
    config, whole = of_each_kind
    assert len(whole.records) == whole.total
    drawn = {path.stem for path in (whole.folder / "figures").glob("*.png")}
    of_axes = {"axis"} if len(whole.varied) == 1 else {"settings", "parallel"}
    assert drawn >= {"trials", "curves"} | of_axes
    if config.search["small"].pruning != "none":
        assert {"complete", "pruned"} == {record.state for record in whole.records.values()}
    run: list[int] = []
    while True:
        engine = MadeUp(stop_after=2)
        try:
            study = searched(config, tmp_path / "parts" / "search", engine=engine)
        except KeyboardInterrupt:
            run += [task["number"] for task in engine.tasks]
            continue
        run += [task["number"] for task in engine.tasks]
        break
    assert told(study) == told(whole)
    assert sorted(run) == list(range(whole.total)), "a trial ran twice, or not at all"
    assert not list((tmp_path / "parts" / "search" / "running").iterdir())


def test_ctrl_c_shows_the_table_so_far_and_how_to_go_on(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said that `cryptonn runs` lists what was finished, which it does not, and showed nothing."""
    monkeypatch.setattr("cryptonn.cli.tuning._engine", lambda *_, **__: MadeUp(stop_after=2))
    file = write_run_file(tmp_path, search_config())
    answer = cli("tune", file, "--folder", tmp_path / "search")
    assert answer.code == 130
    assert "Stopped. The same command goes on with the search." in answer.errors
    assert "cryptonn runs" not in answer.errors
    assert "Search small of tiny" in answer.output
    assert "2 of 4 settings tried: 2 complete." in answer.output
    assert str(tmp_path / "search") in answer.output.replace("\n", "")


def test_ctrl_c_before_the_first_trial_has_ended_says_so(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptonn.cli.tuning._engine", lambda *_, **__: MadeUp(stop_after=0))
    file = write_run_file(tmp_path, search_config())
    answer = cli("tune", file, "--folder", tmp_path / "search")
    assert answer.code == 130
    assert "0 of 4 settings tried: none has ended yet." in answer.output


def test_a_finished_search_runs_nothing_again(finished: Study, tmp_path: Path) -> None:
    engine = MadeUp()
    again = searched(search_config(), copied(finished, tmp_path), engine=engine)
    assert engine.tasks == [] and told(again) == told(finished)


def test_what_was_half_written_when_it_was_killed_is_cleared_away(
    finished: Study, tmp_path: Path
) -> None:
    copied(finished, tmp_path)
    (tmp_path / "trials" / "0002").rename(tmp_path / "trials" / ".0002.4711.partial")
    (tmp_path / ".figures.4711.old").mkdir()
    (tmp_path / ".table.csv.4711.partial").write_text("half")
    engine = MadeUp()
    assert told(searched(search_config(), tmp_path, engine=engine)) == told(finished)
    assert [task["number"] for task in engine.tasks] == [2]
    assert not list(tmp_path.rglob("*.partial")) and not list(tmp_path.rglob("*.old"))


@pytest.mark.usefixtures("undrawn")
def test_a_trial_folder_that_is_gone_is_run_again_at_its_place(tmp_path: Path) -> None:
    config = search_config(**SEARCHES["random"])
    first = searched(config, tmp_path)
    shutil.rmtree(tmp_path / "trials" / "0003")
    engine = MadeUp()
    assert told(searched(config, tmp_path, engine=engine)) == told(first)
    assert [task["number"] for task in engine.tasks] == [3]


@pytest.mark.usefixtures("undrawn")
def test_more_trials_go_on_where_the_others_ended(tmp_path: Path) -> None:
    few, many = (search_config(space=DROPOUT, method="random", trials=trials) for trials in (3, 5))
    first, engine = searched(few, tmp_path), MadeUp()
    more = searched(many, tmp_path, engine=engine)
    assert [task["number"] for task in engine.tasks] == [3, 4]
    assert {number: told(more)[number] for number in (0, 1, 2)} == told(first)


def test_tpe_does_not_train_the_same_settings_twice(tmp_path: Path) -> None:
    engine = MadeUp()
    config = search_config({"network.dropout": [0.0, 0.4]}, method="tpe", trials=6)
    study = searched(config, tmp_path, engine=engine)
    assert len(study.records) == 6 and len(engine.tasks) == 2
    copies = [record for record in study.records.values() if record.same_as is not None]
    assert len(copies) == 4 and "nothing was trained" in copies[0].reason
    assert all(copy.value == study.records[copy.same_as].value for copy in copies)


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"training": {"epochs": 2}}, "training.epochs (--epochs): 1 there, 2 now"),
    ({"seed": 5}, "seed (--seed): 1 there, 5 now"),
    ({"space": {"seed": [1, 2]}}, "search.space.seed: absent there"),
    ({"split": {"validation": 0.2}}, "split.validation: 0.1 there, 0.2 now"),
    ({"space": {"network.dropout": [0.0, 0.2]}}, "search.space.network.layers"),
    ({"space": dict(reversed(GRID.items()))}, "axes: ['network.dropout', 'network.layers'] there"),
    ({"metric": "auc"}, "search.metric: val_loss there, auc now"),
]


@pytest.mark.parametrize(("change", "words"), OTHERS, ids=[words[:24] for _, words in OTHERS])
@pytest.mark.usefixtures("undrawn")
def test_the_folder_of_another_search_is_refused(
    change: dict[str, Any], words: str, finished: Study, tmp_path: Path
) -> None:
    copied(finished, tmp_path)
    with pytest.raises(ConfigError) as caught:
        searched(search_config(**change), tmp_path)
    assert f"{tmp_path}: holds a search of other settings or candles" in str(caught.value)
    assert words in str(caught.value) and "choose another folder with --folder" in str(caught.value)
    assert told(searched(search_config(), tmp_path)) == told(finished)


def test_other_candles_and_other_threads_are_refused(finished: Study, tmp_path: Path) -> None:
    copied(finished, tmp_path)
    with pytest.raises(ConfigError, match=r"TF_NUM_INTRAOP_THREADS \(--threads\): 1 there, 2 now"):
        searched(search_config(), tmp_path, sitting=Sitting(threads=2))
    kept = json.loads((tmp_path / "study.json").read_text())
    kept["data"]["ETH/USD"] = "0" * 64
    (tmp_path / "study.json").write_text(json.dumps(kept))
    with pytest.raises(ConfigError, match="data.ETH/USD: 0{37}… there"):
        searched(search_config(), tmp_path)


@pytest.mark.usefixtures("undrawn")
def test_settings_that_came_later_do_not_matter_where_they_have_their_defaults(
    finished: Study, tmp_path: Path
) -> None:
    copied(finished, tmp_path)
    kept = json.loads((tmp_path / "study.json").read_text())
    del kept["run"]["network"]["activation"], kept["search"]["pruning"]
    (tmp_path / "study.json").write_text(json.dumps(kept))
    engine = MadeUp()
    searched(search_config(), tmp_path, engine=engine)
    assert engine.tasks == []


@pytest.mark.usefixtures("undrawn")
def test_words_and_the_place_of_the_candles_may_change(finished: Study, tmp_path: Path) -> None:
    copied(finished, tmp_path)
    config = search_config(description="in other words")
    moved = config.model_copy(update={"data": config.data.model_copy(update={"folder": tmp_path})})
    engine = MadeUp()
    searched(moved, tmp_path, engine=engine)
    assert engine.tasks == []


HOLD = """
import sys, time
from pathlib import Path
from cryptonn.tuning.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(3600)
"""


@pytest.mark.usefixtures("undrawn")
def test_a_second_search_in_a_folder_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, env=environment()
    )
    assert first.stdout is not None and first.stdout.readline() == b"held\n"
    with pytest.raises(ConfigError) as caught:
        searched(search_config(), tmp_path)
    assert f"{tmp_path}: process {first.pid} on " in str(caught.value)
    assert "is searching there" in str(caught.value) and "--folder" in str(caught.value)
    first.kill()  # its lock file stays
    first.wait()
    first.stdout.close()
    assert (tmp_path / "lock").read_text().startswith(f"process {first.pid}")
    assert len(searched(search_config(), tmp_path).records) == 4


class Failing(MadeUp):
    """Fails on some trials, for a reason of its own."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.numbers = numbers

    def _outcome(self, task: dict[str, Any], on_report: Any) -> dict[str, Any]:
        if task["number"] in self.numbers:
            return lost(task["number"], "the moon was full") | {"trace": "somewhere"}
        return super()._outcome(task, on_report)


def test_failed_trials_are_kept_counted_and_run_again_only_if_asked_for(
    finished: Study, tmp_path: Path
) -> None:
    study = searched(search_config(), tmp_path, engine=Failing(1, 2))
    assert [record.state for record in study.records.values()] == [
        "complete",
        "failed",
        "failed",
        "complete",
    ]
    table = pd.read_csv(tmp_path / "table.csv")
    assert (
        table.loc[[1, 2], "reason"].tolist() == ["the moon was full"] * 2
        and table["value"].isna().sum() == 2
    )
    assert (tmp_path / "trials" / "0001" / "trace.txt").read_text() == "somewhere"
    assert tomllib.loads((tmp_path / "best.toml").read_text())["selection"]["trials"] == 4
    engine = MadeUp()
    searched(search_config(), tmp_path, engine=engine)
    assert engine.tasks == []
    again = searched(search_config(), tmp_path, engine=engine, sitting=Sitting(retry_failed=True))
    assert [task["number"] for task in engine.tasks] == [1, 2]
    assert told(again) == told(finished)


def test_when_every_trial_failed_there_is_no_best(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="every trial failed.*The first one: the moon was full"):
        searched(search_config(), tmp_path, engine=Failing(0, 1, 2, 3))
    assert (
        folders(tmp_path) == ["0000", "0001", "0002", "0003"]
        and not (tmp_path / "best.toml").exists()
    )


@pytest.mark.usefixtures("undrawn")
def test_the_best_setting_is_a_run_file_with_the_test_periods_and_the_number_of_trials(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "one"
    study = searched(search_config(), folder)
    best = load_config(folder / "best.toml")
    assert (best.network.dropout, best.network.layers) == (0.0, (4,))
    assert best.data.test == study.config.data.test and best.search == {} and best.published is None
    assert best.selection is not None
    assert (best.selection.trials, best.selection.metric, best.selection.value) == (
        4,
        "val_loss",
        study.best.value,
    )
    assert best.selection.study == str(folder) and best.name == "tiny-small"
    rest = {"network", "name", "search", "selection"}
    assert best.model_dump(exclude=rest) == study.config.model_dump(exclude=rest)


@pytest.mark.usefixtures("undrawn")
def test_settings_tried_before_on_the_same_rows_count_too(finished: Study, tmp_path: Path) -> None:
    """A second search once counted its own trials alone, and the first one's best came out of 4, not of 8."""
    copied(finished, tmp_path / "one")
    searched(search_config({"training.learning_rate": [0.1, 0.2]}), tmp_path / "two")
    second = load_config(tmp_path / "two" / "best.toml")
    assert second.selection is not None and second.selection.trials == 2 + 4
    further = search_config().model_copy(update={"selection": second.selection})
    searched(further, tmp_path / "three")
    third = load_config(tmp_path / "three" / "best.toml")
    assert third.selection is not None and third.selection.trials == 4 + 4 + 6, (
        "own, beside, and the run file's"
    )


WIDER = GRID | {"network.layers": [[4], [8], [16]]}


def test_what_a_search_beside_it_has_trained_is_not_trained_again(
    finished: Study, tmp_path: Path
) -> None:
    copied(finished, tmp_path / "one")
    engine = MadeUp()
    wider, said = search_config(WIDER, metric="val_accuracy"), []
    study = searched(
        wider, tmp_path / "two", engine=engine, on_step=lambda step: said.append(step.text)
    )
    assert [task["number"] for task in engine.tasks] == [2, 5], "only the layers of 16 are new"
    taken = study.records[4]
    assert (
        taken.settings == finished.records[3].settings
        and taken.metrics == finished.records[3].metrics
    )
    assert taken.value == taken.metrics["accuracy_on_moves"], (
        "its value is by the search's own metric"
    )
    assert taken.reason == "trained already, as trial 3 of one: nothing was trained again"
    line = "trial 4 complete: val_accuracy 0.5750; trained already, as trial 3 of one: nothing was trained again"
    assert sum(line in text for text in said) == 1
    assert told(study) == told(searched(wider, tmp_path / "apart" / "two")), (
        "as if it had been trained"
    )


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"training": {"epochs": 2}}, {"pruning": "median"}], ids=str
)
@pytest.mark.usefixtures("undrawn")
def test_other_settings_are_trained(
    change: dict[str, Any], finished: Study, tmp_path: Path
) -> None:
    copied(finished, tmp_path / "one")
    engine = MadeUp()
    searched(search_config(**change), tmp_path / "two", engine=engine)
    assert len(engine.tasks) == 4


@pytest.mark.usefixtures("undrawn")
def test_other_threads_and_another_run_are_trained(finished: Study, tmp_path: Path) -> None:
    copied(finished, tmp_path / "one")
    renamed = search_config().model_copy(
        update={"name": "another"}
    )  # its trials would not be counted as tried
    for name, config, options in (
        ("two", search_config(), {"sitting": Sitting(threads=2)}),
        ("three", renamed, {}),
    ):
        engine = MadeUp()
        searched(config, tmp_path / name, engine=engine, **options)
        assert len(engine.tasks) == 4


@pytest.mark.usefixtures("undrawn")
def test_failed_damaged_and_half_trials_beside_it_are_trained(tmp_path: Path) -> None:
    searched(search_config(), tmp_path / "one", engine=Failing(1))
    (tmp_path / "one" / "trials" / "0002" / "trial.json").write_text("{")
    (tmp_path / "one" / "trials" / "0003" / "history.csv").unlink()
    engine = MadeUp()
    searched(search_config(), tmp_path / "two", engine=engine)
    assert [task["number"] for task in engine.tasks] == [1, 2, 3]


@pytest.mark.usefixtures("undrawn")
def test_a_trial_beside_it_that_lacks_the_number_asked_for_is_trained(
    finished: Study, tmp_path: Path
) -> None:
    copied(finished, tmp_path / "one")
    for path in (tmp_path / "one").glob("trials/*/trial.json"):
        kept = json.loads(path.read_text())
        del kept["metrics"]["auc"]
        path.write_text(json.dumps(kept))
    engine = MadeUp()
    searched(search_config(metric="auc"), tmp_path / "two", engine=engine)
    assert len(engine.tasks) == 4


@pytest.mark.usefixtures("undrawn")
def test_a_search_beside_it_that_began_anew_is_not_mistaken(
    finished: Study, tmp_path: Path
) -> None:
    """What was known of a folder was once kept for days, and handed out a trial of other settings."""
    copied(finished, tmp_path / "one")
    beside, wanted = (
        Beside("tiny", tmp_path / "two", (tmp_path,)),
        str(finished.records[2].fingerprint),
    )
    found = beside.trained(wanted, metric="val_loss")
    assert found is not None and found[0].number == 2
    shutil.rmtree(tmp_path / "one")
    searched(search_config({"network.dropout": [0.5, 0.6, 0.7]}), tmp_path / "one")
    assert beside.trained(wanted, metric="val_loss") is None


@pytest.mark.usefixtures("undrawn")
def test_what_was_trained_by_other_code_keeps_its_commit_and_is_trained_again(
    finished: Study, tmp_path: Path
) -> None:
    copied(finished, tmp_path / "one")
    for path, change in zip(
        sorted((tmp_path / "one").glob("trials/*/trial.json")),
        ({"git_commit": "abc"}, {"fingerprint": "0" * 64}, {"fingerprint": None}, {}),
        strict=True,
    ):
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    engine = MadeUp()
    study = searched(search_config(), tmp_path / "two", engine=engine)
    assert [task["number"] for task in engine.tasks] == [1, 2]
    assert study.records[0].git_commit == "abc"


def test_where_a_failed_trial_stood_stays_for_another_try(tmp_path: Path) -> None:
    sitting: dict[str, Any] = {"at_once": 1, "sitting": Sitting()}
    with open_study(search_config(), "small", folder=tmp_path, **sitting) as study:
        for stays in (True, False):
            task = study.ask()
            assert task is not None
            standing = Path(task["checkpoint"])
            standing.write_bytes(b"here it stood")
            good = MadeUp()._outcome(task, lambda *_: False)
            study.tell(lost(task["number"], "killed") if stays else good)
            assert standing.exists() is stays


def test_a_trial_never_sees_the_test_periods(finished: Study, tmp_path: Path) -> None:
    assert (
        tomllib.loads((finished.folder / "trials" / "0002" / "config.toml").read_text())[
            "data"
        ].get("test", {})
        == {}
    )
    space = {"data.train": ["20180101-20180104", "20180101-20180105"]}
    with pytest.raises(ConfigError, match="must start at or after the end of train"):
        searched(search_config(space), tmp_path / "other")


def test_a_published_search_compares_and_selects_nothing(tmp_path: Path) -> None:
    class Published(MadeUp):
        def _outcome(self, task: dict[str, Any], on_report: Any) -> dict[str, Any]:
            known = super()._outcome(task, on_report)
            lookback = task["config"]["published"]["settings"]["training"]["lookback"]
            return known | {"metrics": known["metrics"] | {"accuracy": 0.5 + lookback / 100}}

    published = {"system": "an old one", "leaks": {"purge": "none"}}
    section = {"of": "published", "metric": "accuracy", "space": {"training.lookback": [5, 10]}}
    config = tiny_config(
        published=published, search={"s": section | {"published": [0.7, float("nan")]}}
    )
    study = searched(config, tmp_path, engine=Published())
    assert study.best is not None and study.best.value == 0.6
    assert not (tmp_path / "best.toml").exists()
    from cryptonn.tuning.words import sentences

    assert "THESE NUMBERS LEAK" in sentences(study)[-1] and "no purge" in sentences(study)[-1]
    assert pd.read_csv(tmp_path / "table.csv")["published"].tolist()[0] == 0.7
    assert [study.search.quoted(number) for number in range(3)] == [0.7, None, None]
    short = tiny_config(published=published, search={"s": section | {"published": [0.7]}})
    with pytest.raises(ConfigError, match="published names 1 figures for 2 combinations"):
        searched(short, tmp_path / "short", engine=Published())


def test_a_damaged_trial_is_named(finished: Study, tmp_path: Path) -> None:
    copied(finished, tmp_path)
    (tmp_path / "trials" / "0001" / "trial.json").write_text("{")
    with pytest.raises(DataError, match="0001/trial.json: cannot be read"):
        searched(search_config(), tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/here: cannot be written"):
        searched(search_config(), tmp_path / "file" / "here")


@pytest.mark.usefixtures("undrawn")
def test_progress_says_finished_running_failed_best_and_time_left(tmp_path: Path) -> None:
    steps: list[Step] = []
    searched(search_config(), tmp_path, engine=Failing(1), on_step=steps.append)
    said = [step.text for step in steps if step.stage == "search"]
    assert "0/4 finished, 1 running; trial 0 begins: dropout 0, layers 4" in said
    assert any(
        text.startswith("2/4 finished, 0 running, 1 failed, best val_loss 1.5000 (trial 0), ")
        for text in said
    )
    assert any(text.endswith("trial 1 failed: the moon was full") for text in said)
    assert steps[-1].stage == "results" and max(step.done or 0 for step in steps) == 1.0


def words_while_running(folder: Path, reports: list[tuple[float, dict[str, Any]]]) -> list[str]:
    """What is said of the first of two trials after each report, given with the second at which it comes."""
    now, steps = [0.0], list[Step]()
    sitting: dict[str, Any] = {"at_once": 1, "sitting": Sitting()}
    with open_study(search_config({"seed": [1, 2]}), "small", folder=folder, **sitting) as study:
        progress = Progress(study, steps.append, workers=1, clock=lambda: now[0])
        assert study.ask() is not None
        progress.begun(0)
        for now[0], report in reports:
            progress.epoch(0, report)
    return [step.text for step in steps[1:] if step.text]


ENDED = {"epoch": 1, "epochs": 2, "done": 1.0, "loss": 0.7, "val_loss": 0.69, "val_accuracy": 0.5}


def test_epochs_of_an_earlier_sitting_do_not_count_as_fast(tmp_path: Path) -> None:
    """Told again within a second they made hours look like seconds."""
    again = [(0.5, ENDED | {"epochs": 10, "epoch": epoch, "again": True}) for epoch in range(1, 8)]
    reports = [
        *again,
        (31.0, {"epoch": 8, "epochs": 10, "done": 0.1}),
        (62.0, {"epoch": 8, "epochs": 10, "done": 0.6}),
    ]
    last = words_while_running(tmp_path, reports)[-1]
    assert "trial 0 epoch 8/10 is 60% done" in last and last.endswith(
        ", 4 min left"
    )  # 62 s for 6 %, 24 % are left
    assert "21 min left; trial 0" in last


def test_a_long_trial_says_how_far_it_is_at_most_every_half_a_minute(tmp_path: Path) -> None:
    reports = [
        (second, {"epoch": 1, "epochs": 2, "done": second / 100})
        for second in (10.0, 20.0, 31.0, 41.0, 60.0)
    ]
    reports += [
        (100.0, ENDED),
        (110.0, {"epoch": 2, "epochs": 2, "done": 0.1}),
        (130.0, ENDED | {"epoch": 2}),
    ]
    assert words_while_running(tmp_path, reports) == [
        "0/2 finished, 1 running, 6 min left; trial 0 epoch 1/2 is 31% done, 3 min left",
        "0/2 finished, 1 running, 5 min left; trial 0 epoch 1/2 is 100% done, loss 0.7000, val_loss 0.6900 after "
        "epoch 1, 2 min left",
        "0/2 finished, 1 running, 2 min left; trial 0 epoch 2/2 is 100% done, loss 0.7000, val_loss 0.6900 after "
        "epoch 2",
    ]


def test_a_quick_trial_says_nothing_of_its_epochs(tmp_path: Path) -> None:
    assert words_while_running(tmp_path, [(14.0, ENDED), (29.0, ENDED | {"epoch": 2})]) == []


def test_pruning_needs_an_engine_that_shows_epochs(tmp_path: Path) -> None:
    engine = MadeUp()
    engine.reports_epochs = False
    with pytest.raises(ConfigError, match="pruning needs to see every epoch"):
        searched(search_config(pruning="median"), tmp_path, engine=engine)


class Learning(MadeUp):
    """Trials with the train losses that are given, and an accuracy on moves with its interval."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        self.losses = losses

    def _outcome(self, task: dict[str, Any], on_report: Any) -> dict[str, Any]:
        known, loss = super()._outcome(task, on_report), self.losses[task["number"]]
        right = 0.5 if loss > 0.69 else 0.56
        ends = {
            "accuracy_on_moves": right,
            "accuracy_on_moves_low": right - 0.02,
            "accuracy_on_moves_high": right + 0.02,
        }
        return known | {
            "metrics": {"val_loss": loss} | ends,
            "history": [{"epoch": 1, "loss": loss, "val_loss": loss, "val_accuracy": right}],
        }


def test_sentences_tell_a_failed_training_from_a_bad_setting(tmp_path: Path) -> None:
    from cryptonn.tuning.words import sentences

    study = searched(search_config(), tmp_path, engine=Learning(0.68, 0.6931, 0.6932, 5e11))
    said = " ".join(sentences(study))
    assert (
        "The lowest validation loss, 0.68000, came with dropout 0, layers 4 (trial 0): 56.00% of the moves"
        in said
    )
    assert "lie inside that interval" not in said, "one alone is left to compare"
    assert (
        "Trial 1 (dropout 0, layers 8) and trial 2 learned nothing: no train loss came below 0.6931"
        in said
    )
    assert "Trial 3 (dropout 0.2, layers 8) diverged" in said
    assert "The best of 4 was chosen on the very rows it is quoted on" in said


def test_the_first_of_many_equals_is_as_good_as_luck_makes_it(tmp_path: Path) -> None:
    from cryptonn.tuning.words import sentences

    config = search_config({"seed": list(range(1, 25))}, metric="val_accuracy")
    study = searched(config, tmp_path, engine=Learning(*[0.68] * 24))
    # 24 draws around 56 % with a standard error of 0.02 / 1.96: the largest is 1.95 errors above on average
    said = "at their median of 56.00%, and each judged on rows of its own, luck would put the best of them at about 57.99%"
    assert said in " ".join(sentences(study))


class Early(MadeUp):
    """Trials that are best after the epochs that are given."""

    def __init__(self, *best: int) -> None:
        super().__init__()
        self.best = best

    def _outcome(self, task: dict[str, Any], on_report: Any) -> dict[str, Any]:
        return super()._outcome(task, on_report) | {"best_epoch": self.best[task["number"]]}


@pytest.mark.parametrize(
    ("epochs", "best", "words"),
    [
        (
            20,
            (1, 2, 1, 20),
            "3 of 4 were best after one of the first 2 of 20 epochs: from then on they learn the",
        ),
        (20, (1, 1, 1, 1), "4 of 4 were best after the first of 20 epochs"),
        (20, (1, 2, 3, 20), ""),
        (9, (1, 1, 1, 1), ""),
    ],
)
def test_networks_that_are_best_at_once_are_told(
    tmp_path: Path, epochs: int, best: tuple[int, ...], words: str
) -> None:
    from cryptonn.tuning.words import sentences

    said = " ".join(
        sentences(
            searched(search_config(training={"epochs": epochs}), tmp_path, engine=Early(*best))
        )
    )
    assert words in said and ("by heart" in said) is bool(words)


def test_settings_that_change_the_question_are_named(tmp_path: Path) -> None:
    from cryptonn.tuning.words import sentences

    study = searched(search_config({"labels.horizon": [3, 5]}), tmp_path)
    assert "labels.horizon changes which rows are judged or what is asked of them" in " ".join(
        sentences(study)
    )


def test_an_axis_of_one_value_is_no_axis_of_the_figures(tmp_path: Path) -> None:
    config = search_config({"network.layers": [[4], [8]], "network.dropout": [0.1]})
    study = searched(config, tmp_path)
    assert [axis.name for axis in study.varied] == ["network.layers"]
    assert {record.settings["network.dropout"] for record in study.done} == {0.1}
    names = {file.stem for file in (tmp_path / "figures").glob("*.png")}
    assert "axis" in names and "settings" not in names
