"""The command line: help everywhere, one JSON object on standard output, nothing slow where nothing slow is needed."""

import inspect
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest

from cryptonn.cli import data, local_exchange, paper, paper_results, runs
from cryptonn.pipeline import backtest, open_run
from cryptonn.runs import Run
from tests.conftest import BLANK
from tests.test_runs import same_runs
from tests.tiny_run import (
    TARGET,
    command,
    environment,
    python,
    tiny_candles,
    tiny_config,
    write_run_file,
)

COMMANDS = {
    command.__name__.replace("_", "-"): command
    for command in (
        *runs.COMMANDS,
        *data.COMMANDS,
        *local_exchange.COMMANDS,
        *paper.COMMANDS,
        *paper_results.COMMANDS,
    )
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(name: str, cli) -> None:
    answer = cli(name, "--help")
    assert answer.code == 0 and answer.errors == ""
    first = inspect.getdoc(COMMANDS[name]).splitlines()[0]
    assert " ".join(first.split()[:4]) in answer.output
    assert "--json" in answer.output
    options = [line for line in answer.output.splitlines() if line.startswith("  --")]
    assert [line for line in options if len(line.split()) < 2] == []


def test_the_first_help_names_every_command(cli) -> None:
    answer = cli("--help")
    assert answer.code == 0
    assert [name for name in COMMANDS if f"  {name} " not in answer.output] == []
    assert cli().code == 2 and "Usage: cryptonn [OPTIONS] COMMAND" in cli().errors, (
        "without a word the help is shown"
    )
    assert "..." not in answer.output.partition("Commands:")[2], (
        "each is described in a whole sentence"
    )


def test_version(cli) -> None:
    assert cli("--version").output == f"cryptonn {version('cryptonn')}\n"


SLOW = (
    "tensorflow",
    "keras",
    "pandas",
    "numpy",
    "ccxt",
    "backtrader",
    "matplotlib",
    "sklearn",
    "scipy",
)

LOADED = """
import sys
for line in {first!r}:
    exec(line)
from cryptonn.cli import main
for words in {commands!r}:
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, (words, stop.code)
    print("LOADED", *(name for name in {names!r} if name in sys.modules))
"""


def loaded(
    names: tuple[str, ...], *commands: tuple[str, ...], first: tuple[str, ...] = ()
) -> list[set[str]]:
    """Which of the modules there are after each command, all of them run in one process, after some lines."""
    answer = python(LOADED.format(names=names, commands=commands, first=first))
    assert answer.returncode == 0, answer.stderr
    said = [line for line in answer.stdout.splitlines() if line.startswith("LOADED")]
    return [set(line.split()[1:]) for line in said]


def test_help_loads_nothing_slow() -> None:
    asked = (("--help",), ("--version",), ("run", "--help"), ("import-data", "-h"))
    assert loaded(SLOW, *asked) == [set()] * 4


def test_what_needs_no_network_loads_no_tensorflow(results: Path) -> None:
    asked = (
        ("backtest", "tiny", "--fee", "5bp"),
        ("compare", "tiny", "--strategies", "momentum", "--fees", "none"),
        ("runs",),
        ("report", "tiny"),
    )
    commands = [(*words, "--results", str(results)) for words in asked]
    blank = (  # to render the figures would take most of the time
        "from matplotlib.backends.backend_agg import FigureCanvasAgg",
        f"FigureCanvasAgg.print_png = lambda self, file, **_: file.write({BLANK!r})",
    )
    assert loaded(("tensorflow", "keras", "ccxt"), *commands, first=blank) == [set()] * 4


# One JSON object


def payload(answer) -> dict[str, object]:
    assert answer.code == 0, answer.errors
    found = json.loads(answer.output)
    assert isinstance(found, dict)
    assert "NaN" not in answer.output and "Infinity" not in answer.output
    return found


def test_run_prints_one_json_object_and_progress_apart(tmp_path: Path) -> None:
    """In a process of its own: TensorFlow's libraries write past Python's standard output."""
    config = tiny_config(
        data={
            "train": "20180101-20180103",
            "test": {"unseen": "20180103-20180104"},
            "synthetic": {"days": 3, "lead": 2.0},
        },
        training={"epochs": 1},
        backtest={"compare": [], "fees": ["none", "taker"]},
    )
    answer = command("run", write_run_file(tmp_path, config), "--results", tmp_path, "--json")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found["synthetic"] is True and found["notes"] == []
    assert [(row["strategy"], row["fees"]) for row in found["backtests"]] == [
        ("lstm_signal", "none"),
        ("lstm_signal", "taker"),
    ]
    assert Path(found["report"]).is_file() and Path(found["folder"]).is_dir()
    assert (
        set(found["accuracy"])
        == set(found["facts"]["best_possible_accuracy"])
        == {"validation", "unseen"}
    )
    assert found["verdicts"]["unseen"]["headline"] and found["verdicts"]["unseen"]["sentences"]
    for stage in ("candles", "train", "epoch 1/1", "validate", "trained", "backtest", "report"):
        assert stage in answer.stderr
    foreign = [line for line in answer.stderr.splitlines() if line and " s  " not in line[:12]]
    assert foreign == [], "only our own lines stand on standard error"


def test_train_takes_epochs_and_seed_from_the_command_line(cli, tmp_path: Path) -> None:
    path = write_run_file(tmp_path, tiny_config(data={"test": {}}))
    found = payload(cli("train", path, "--results", tmp_path, "--epochs", 1, "--seed", 5, "--json"))
    assert found["facts"]["seed"] == 5 and found["facts"]["best_epoch"] == 1
    assert found["backtests"] == [] and found["verdicts"] == {} and found["report"] is None
    table = cli("train", path, "--results", tmp_path, "--epochs", 1)
    one, other = open_run(found["folder"]), open_run("tiny", results=tmp_path)
    assert (one.config.seed, other.config.seed) == (5, 1)
    files = [(run.folder / "model" / "weights.npz").read_bytes() for run in (one, other)]
    assert files[0] != files[1], "another seed gives another network"
    assert not one.predictions["proba"].equals(other.predictions["proba"])
    known = ["label", "move", "tie"]
    pd.testing.assert_frame_equal(one.predictions[known], other.predictions[known])
    assert "SYNTHETIC MARKET" in table.output and "Accuracy" in table.output
    nothing = cli("backtest", "tiny", "--results", tmp_path, "--strategy", "momentum")
    assert nothing.code == 0, nothing.errors
    done = backtest(open_run("tiny", results=tmp_path), strategies=["momentum"])
    assert done.comparison.empty and list(done.comparison.columns) == ["period", "strategy", "fees"]
    same_runs(open_run("tiny", results=tmp_path), done)


def test_backtest(cli, results: Path, tiny: Run) -> None:
    found = payload(cli("backtest", "tiny", "--results", results, "--fee", "maker", "--json"))
    (row,) = found["backtests"]
    again = tiny.comparison.set_index(["strategy", "fees"]).loc["lstm_signal", "maker"]
    assert (row["strategy"], row["fees"], row["period"]) == ("lstm_signal", "maker", "unseen")
    assert row["net_return"] == again["net_return"] and row["trades"] == again["trades"]


def test_compare(cli, results: Path) -> None:
    words = ("--strategies", "momentum, contrarian", "--fees", "none,5bp", "--json")
    found = payload(cli("compare", "tiny", "--results", results, *words))
    pairs = [(row["strategy"], row["fees"]) for row in found["backtests"]]
    assert pairs == [(name, fee) for name in ("momentum", "contrarian") for fee in ("none", "5bp")]
    assert [one["strategy"] for one in found["headlines"]] == ["momentum", "contrarian"]
    table = cli("compare", "tiny", "--results", results)
    for word in ("lstm_signal", "buy_and_hold", "random_entry", "taker+slippage"):
        assert word in table.output
    for word in ("momentum", "contrarian", "5bp"):
        assert word not in table.output, "of an earlier command"
    report = (next(results.iterdir()) / "comparison.csv").read_text()
    assert "momentum" in report and "5bp" in report, "and nothing of it is lost"


def headlines(output: str) -> list[str]:
    """Beginnings of the headlines below the tables: "momentum on unseen"."""
    lines = [line.partition(": ")[0] for line in output.splitlines() if " on unseen: " in line]
    return [line for line in lines if not line.startswith("Note")]


def test_the_headline_is_of_the_strategies_that_were_asked_for(cli, results: Path) -> None:
    """Under dip's table stood what stop2, traded by an earlier command, came to."""
    words = ("compare", "tiny", "--results", results, "--strategies", "momentum,contrarian")
    both = cli(*words, "--fees", "none,maker")
    assert headlines(both.output) == ["momentum on unseen", "contrarian on unseen"]
    backtest = ("backtest", "tiny", "--results", results, "--fee", "none", "--strategy")
    assert headlines(cli(*backtest, "contrarian").output) == ["contrarian on unseen"]
    found = payload(cli(*backtest, "contrarian", "--json"))
    assert found["verdicts"]["unseen"]["strategy"] == "contrarian"
    assert found["verdicts"]["unseen"]["numbers"]["strategy"] == "contrarian"
    own = cli("backtest", "tiny", "--results", results)
    assert headlines(own.output) == ["lstm_signal on unseen"]
    path = Path("strategies/contrarian.py").resolve()
    assert headlines(cli(*backtest, path).output) == ["contrarian on unseen"], "given by its path"
    twice = cli(*words[:-1], f"contrarian,{path}", "--fees", "none")
    assert headlines(twice.output) == ["contrarian on unseen"]
    assert twice.output.count("contrarian") == 2, "in the table, and in its headline"


def test_a_fee_tried_later_is_judged_by_the_command_that_tried_it(
    cli, stored, tmp_path: Path
) -> None:
    """Below a table with a loss of 30 % at 10 bp stood that no fee was tried."""
    shutil.copytree(stored.folder, tmp_path / stored.folder.name)
    backtest = ("backtest", "tiny", "--results", tmp_path, "--fee")
    assert cli(*backtest, "none").code == 0
    later = cli(*backtest, "50bp")
    (headline,) = (line for line in later.output.splitlines() if " on unseen: " in line)
    assert "50bp" in headline and "no fee was tried" not in headline
    again = payload(cli(*backtest, "none", "--json"))
    assert "50bp" not in str(again["verdicts"]), "nor does a later command speak of it"
    kept = open_run("tiny", results=tmp_path).verdicts["unseen"]
    assert {"pays: none", "pays: 50bp"} <= set(kept.numbers), "the report knows all of them"
    assert cli("backtest", "tiny", "--results", tmp_path).code == 0
    kept = open_run("tiny", results=tmp_path).verdicts["unseen"]
    assert "pays: 50bp" not in kept.numbers, "until the fees of the run file are traded"


def test_a_stretch_of_an_earlier_command_is_not_spoken_of(cli, results: Path) -> None:
    words = ("backtest", "tiny", "--results", results)
    assert cli(*words, "--timerange", "20180105-20180106").code == 0
    found = payload(cli(*words, "--json"))
    assert [*found["verdicts"]] == ["unseen"]
    assert {row["period"] for row in found["backtests"]} == {"unseen"}
    assert "20180105-20180106" not in cli(*words).output


def test_a_stretch_of_ones_own(cli, results: Path) -> None:
    words = ("backtest", "tiny", "--results", results, "--timerange", "20180104-20180105")
    found = payload(cli(*words, "--json"))
    assert {row["period"] for row in found["backtests"]} == {"20180104-20180105"}
    assert "IN-SAMPLE: 100% of these bars" in found["notes"][0]
    assert found["verdicts"]["20180104-20180105"]["headline"].startswith("IN-SAMPLE")
    assert cli(*words).output.count("IN-SAMPLE: 100%") == 2, (
        "once before the tables, once in the verdict"
    )


def test_a_users_strategy_by_path(cli, results: Path, tmp_path: Path) -> None:
    code = (
        "import backtrader as bt\n\n\nclass Once(bt.Strategy):\n"
        "    def next(self):\n        if len(self) == 10:\n            self.buy()\n"
    )
    (tmp_path / "once.py").write_text(code)
    words = ("--strategy", tmp_path / "once.py", "--fee", "none", "--json")
    (row,) = payload(cli("backtest", "tiny", "--results", results, *words))["backtests"]
    assert row["strategy"] == "once" and row["trades"] == 1


def test_report_and_predict_and_runs(cli, results: Path, tiny: Run) -> None:
    (folder,) = results.iterdir()
    (folder / "report.html").unlink()
    assert payload(cli("report", "tiny", "--results", results, "--json")) == {
        "report": str(folder / "report.html")
    }
    assert (folder / "report.html").is_file()
    latest = payload(cli("predict", "tiny", "--results", results, "--json"))
    assert latest["proba"] == pytest.approx(tiny.predictions["proba"].iloc[-1], abs=1e-9)
    assert (
        f"= {latest['proba']:.4f}, known at 2018-01-07 00:00"
        in cli("predict", "tiny", "--results", results).output
    )
    (listed,) = payload(cli("runs", "--results", results, "--json"))["runs"]
    assert listed["run"] == folder.name
    assert folder.name in cli("runs", "--results", results).output
    assert "No run in" in cli("runs", "--results", results / "nowhere").output
    assert payload(cli("runs", "--results", results / "nowhere", "--json")) == {"runs": []}


def test_a_run_without_an_accuracy_can_be_listed(cli, results: Path) -> None:
    """A period whose every bar is a tie has no accuracy on moves; the list of runs stumbled over it."""
    (folder,) = results.iterdir()
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["accuracy"]["unseen"]["network"]["accuracy_on_moves"] = None
    (folder / "metrics.json").write_text(json.dumps(metrics))
    answer = cli("runs", "--results", results)
    assert answer.code == 0 and "n/a" in answer.output and "no backtest yet" not in answer.output


def test_a_run_that_was_stopped_before_its_backtests_is_listed_as_that(cli, results: Path) -> None:
    (folder,) = results.iterdir()
    (folder / "verdicts.json").unlink()
    assert "no backtest yet" in cli("runs", "--results", results).output


def test_candles_in_list_and_check(cli, tmp_path: Path) -> None:
    table = tiny_candles(days=1)[TARGET]
    rows = table.assign(timestamp=[int(when.timestamp()) for when in table.index])
    for name, part in {"a.csv": rows.iloc[:800], "b.csv.gz": rows.iloc[700:]}.items():
        part.to_csv(tmp_path / name, index=False, columns=["timestamp", *table.columns])
    words = ("--symbol", TARGET, "--exchange", "gemini", "--data", tmp_path / "data", "--json")
    found = payload(cli("import-data", tmp_path / "a.csv", tmp_path / "b.csv.gz", *words))[
        "imported"
    ]
    assert [(one["added"], one["identical"]) for one in found] == [
        (800, 0),
        (len(table) - 800, 100),
    ]
    (entry,) = payload(cli("list-data", "--data", tmp_path / "data", "--json"))["data"]
    assert (entry["symbol"], entry["exchange"], entry["rows"]) == (TARGET, "gemini", len(table))
    (health,) = payload(cli("check-data", "ETH/USD", "--data", tmp_path / "data", "--json"))["data"]
    assert health["missing"] == 1440 - len(table) and len(health["sha256"]) == 64
    for name in ("list-data", "check-data"):
        assert "gemini" in cli(name, "--data", tmp_path / "data").output
    assert cli("list-data", "--data", tmp_path / "none").output.startswith(
        f"{tmp_path / 'none'} holds no candles yet"
    )


def test_the_same_from_the_store(cli, stored: Run, tmp_path: Path) -> None:
    shutil.copytree(stored.folder, tmp_path / stored.folder.name)
    words = ("--strategy", "buy_and_hold", "--fee", "taker", "--json")
    found = payload(cli("backtest", "tiny", "--results", tmp_path, *words))
    assert found["synthetic"] is False and found["facts"]["data"]["ETH/USD"]["exchange"] == "local"
    assert found["facts"]["best_possible_accuracy"] is None


def test_the_installed_command_works() -> None:
    program = Path(sys.executable).with_name("cryptonn")
    if not program.exists():
        pytest.skip(f"{program} is not installed")
    answer = subprocess.run(
        [program, "--version"], capture_output=True, text=True, env=environment(), check=True
    )
    assert answer.stdout.startswith("cryptonn ")
