"""The commands about a finished session: parity and its exit code, and the report."""

import json
from pathlib import Path

from written_session import Mishaps, Writer

BARS = 300


def test_parity_of_an_agreeing_session(cli, run_folder: Path) -> None:
    Writer(run_folder).write("local", bars=BARS)
    answer = cli("parity", run_folder.name, "--results", run_folder.parent)
    assert answer.code == 0, answer.errors
    assert "paper session local (SYNTHETIC MARKET): every decision agrees." in answer.output
    assert "score 100.00% of the decisions" in answer.output
    whole = cli("parity", run_folder.name, "--results", run_folder.parent, "--all", "--json")
    found = json.loads(whole.output)
    assert whole.code == 0 and found["agrees"] is True and found["score"] == 1
    assert len(found["rows"]) == found["bars"] == found["decisions"] == BARS
    assert found["equity_difference"] < 1e-8 and found["proba_difference"] < 1e-6


def test_parity_of_one_that_differs_ends_with_1(cli, run_folder: Path) -> None:
    Writer(run_folder).write("sandbox", bars=BARS, mishaps=Mishaps(dearer={1}))
    answer = cli("parity", run_folder.name, "--session", "sandbox", "--results", run_folder.parent)
    assert answer.code == 1 and answer.errors == ""
    assert "decisions that differ" in answer.output and "fill price" in answer.output
    found = json.loads(cli("parity", run_folder, "--json").output)
    assert found["agrees"] is False and found["session"] == "sandbox"
    assert [row["differs"] for row in found["rows"]] == ["price"]
    assert float(found["rows"][0]["price_paper"]) == float(found["rows"][0]["price_backtest"]) - 1
    assert found["trades"] - found["same_trades"] == 1 and found["equity_difference"] > 1


def test_bars_that_were_missed_are_told_beside_the_score(cli, run_folder: Path) -> None:
    writer = Writer(run_folder)
    writer.write("local", bars=BARS, mishaps=Mishaps(missed=writer.quiet_bars(3, before=BARS)))
    answer = cli("parity", run_folder)
    assert answer.code == 0, "what was done agrees"
    assert f"{BARS - 3} decisions on {BARS} bars, 3 missed" in answer.output
    assert "score 100.00% of the decisions" in answer.output and "not decided on" in answer.output
    assert (
        "every decision agrees; some bars were missed" in answer.output
        and "that differ" not in answer.output
    )
    found = json.loads(cli("parity", run_folder, "--json").output)
    assert (found["agrees"], found["score"], found["missed"]) == (True, 1, 3)


def test_a_trade_that_was_missed_is_a_difference(cli, run_folder: Path) -> None:
    writer = Writer(run_folder)
    writer.write("local", bars=BARS, mishaps=Mishaps(missed=writer.bars_of_a_trade()))
    answer = cli("parity", run_folder)
    assert answer.code == 1 and "score 100.00%" in answer.output
    assert "every signal agrees; trades differ where bars were missed" in answer.output
    found = json.loads(cli("parity", run_folder, "--json").output)
    assert found["agrees"] is False and found["trades"] - found["same_trades"] > 0


def test_a_trade_that_makes_up_for_missed_bars_is_called_that(cli, run_folder: Path) -> None:
    writer = Writer(run_folder)
    (bar,) = writer.bars_of_a_trade()
    writer.write(
        "local", bars=BARS, mishaps=Mishaps(missed=range(bar - 1, bar + 1), made_up_for=True)
    )
    answer = cli("parity", run_folder)
    assert (
        answer.code == 1
        and "every signal agrees; trades differ where bars were missed" in answer.output
    )
    assert "makes up for missed bars" in answer.output
    found = json.loads(cli("parity", run_folder, "--json").output)
    assert [row["differs"] for row in found["rows"]] == ["decision", "decision", "late"]
    assert found["trades"] - found["same_trades"] == 2
    assert f"{found['same_trades']} of {found['trades']} trades identical" in answer.output
    assert "those of either side are counted" in answer.output


def test_a_trade_that_is_left_out_as_its_counterpart_was_missed_is_no_disagreement(
    cli, run_folder: Path
) -> None:
    writer = Writer(run_folder)
    (last,) = writer.bars_of_a_trade()
    first = max(
        bar
        for bar, (time_ms, _) in enumerate(writer._decisions(last))
        if time_ms in writer.trades()
    )
    writer.write("local", bars=BARS, mishaps=Mishaps(missed=range(first, last)))
    found = json.loads(cli("parity", run_folder, "--json").output)
    told = [row["differs"] for row in found["rows"]]
    assert set(told[:-1]) == {"decision"} and told[-1] == "late", (
        "bought while it was down, sold when it was back"
    )
    assert "trades differ where bars were missed" in cli("parity", run_folder).output


def test_parity_refuses_with_2(cli, run_folder: Path) -> None:
    answer = cli("parity", run_folder)
    assert answer.code == 2 and "has no paper session" in answer.errors


def test_report_of_a_session_leaves_that_of_the_run_alone(cli, run_folder: Path) -> None:
    Writer(run_folder).write("local", bars=BARS)
    for words in (("--paper",), ("--session", "local")):
        answer = cli("report", run_folder, *words, "--json")
        assert answer.code == 0, answer.errors
        path = Path(json.loads(answer.output)["report"])
        assert path == run_folder / "paper" / "local" / "report.html" and path.is_file()
    assert not (run_folder / "report.html").exists()
    assert "Report: " in cli("report", run_folder, "--paper").output
    assert cli("report", run_folder, "--session", "other").code == 2
