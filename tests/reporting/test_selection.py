"""A setting that a search chose: every number that the choice flatters says so, and nothing else changes."""

import dataclasses
import re
from pathlib import Path

import pytest
from fakes import make_run, write

from cryptonn.evaluation.significance import deflated_sharpe, moments, probabilistic_sharpe
from cryptonn.judging import judged
from cryptonn.reporting.meanings import CHOSEN, METRICS
from cryptonn.reporting.metrics import metrics_of
from cryptonn.reporting.sections import make_money, make_validation
from cryptonn.runs import Run

SELECTION = {"study": "grid-20260101T000000", "trials": 24, "metric": "val_loss", "value": 0.6871}
PERIOD = "2019Q1"
TESTS = {PERIOD: "20190105-20190107"}  # too short for a tear sheet, which takes seconds


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("plain") / "run", tests=TESTS)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("chosen") / "run"
    run = make_run(folder, tests=TESTS, selection=SELECTION)
    return judged(
        dataclasses.replace(run, comparison=run.comparison[:0]), PERIOD, run.backtests[PERIOD]
    )


def test_the_metrics_of_a_chosen_setting_hold_its_deflated_sharpe_ratio(plain: Run) -> None:
    result, candles = plain.backtests[PERIOD][0], plain.frame.candles("ETH/USD")
    found = metrics_of(result, candles, resamples=10, trials=24)
    assert list(found) == [*METRICS, *CHOSEN]
    returns = moments(result.returns.to_numpy())
    assert found["trials"] == 24
    assert found["deflated_sharpe"] == deflated_sharpe(
        returns, trials=24, variance=1 / (len(result.returns) - 1)
    )
    assert found["deflated_sharpe"] < found["probabilistic_sharpe"]
    once = metrics_of(result, candles, resamples=10, trials=1)
    assert once["deflated_sharpe"] == probabilistic_sharpe(returns)
    assert list(metrics_of(result, candles, resamples=10)) == list(METRICS)


def test_only_the_runs_own_strategy_was_chosen(chosen: Run) -> None:
    own = chosen.comparison["strategy"] == chosen.strategy
    assert (chosen.comparison.loc[own, "trials"] == 24).all()
    assert chosen.comparison.loc[own, "deflated_sharpe"].notna().all()
    assert chosen.comparison.loc[~own, ["trials", "deflated_sharpe"]].isna().all(axis=None)
    assert (~own).any()


def test_the_verdict_says_it(chosen: Run) -> None:
    found = chosen.verdicts[PERIOD]
    assert any(
        "best of 24 tried on the validation rows" in sentence for sentence in found.sentences
    )
    assert 0 <= found.numbers["deflated_sharpe: none"] <= 1


def test_the_run_says_it_first_of_all(chosen: Run, plain: Run) -> None:
    assert chosen.notes == (
        "This setting is the best of 24 tried on the validation rows (by val_loss, in grid-20260101T000000), so its "
        "validation figures are flattered; test periods were not looked at in choosing.",
    )
    assert plain.notes == ()


def test_the_report_says_it(chosen: Run, tmp_path: Path) -> None:
    html = write(chosen, tmp_path / "run").html
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))
    assert text.index("Note: This setting is the best of 24") < text.index("Does it pay?")
    assert "It also chose this setting among 24, so it flatters more." in text
    assert "P(Sharpe beats luck)" in html
    assert CHOSEN["deflated_sharpe"].split("(")[0] in html, "the heading explains itself"


def test_without_a_search_nothing_speaks_of_one(plain: Run) -> None:
    run = judged(plain, PERIOD, plain.backtests[PERIOD])
    assert not {"trials", "deflated_sharpe"} & set(run.comparison.columns)
    grid = make_money(run, PERIOD).comparison
    assert grid is not None
    assert "P(Sharpe beats luck)" not in [title for title, _ in grid.head]
    assert "tried on the validation rows" not in " ".join(run.verdicts[PERIOD].sentences)
    assert "It also chose this setting" not in make_validation(run).words
