"""What the report says of a regression: errors beside persistence, two lines at the right place, and the interval."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import Written, make_regression, make_run, write

from cryptonn.cli.console import stdout
from cryptonn.cli.summary import show_run, summary_of
from cryptonn.evaluation.forecasts import MEANINGS
from cryptonn.output import to_json
from cryptonn.reporting.figures_forecast import draw_forecast_chart, draw_forecasts
from cryptonn.reporting.sections_forecast import Forecasts, forecast_words, make_forecasts
from cryptonn.runs import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_regression(tmp_path_factory.mktemp("regression") / "run")


@pytest.fixture(scope="module")
def report(run: Run) -> Written:
    """Of a run that has not been traded yet: its forecasts stand for themselves."""
    return write(replace(run, backtests={}, verdicts={}), run.folder)


@pytest.fixture(scope="module")
def found(run: Run) -> Forecasts:
    made = make_forecasts(run)
    assert made is not None
    return made


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html))).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def rows(*prices: tuple[float, float, float]) -> pd.DataFrame:
    """Forecasts of one role, daily: close, predicted, actual."""
    index = pd.date_range("2019-01-02", periods=len(prices), tz="UTC", name="due")
    return pd.DataFrame(prices, columns=["close", "predicted", "actual"], index=index).assign(
        role="test"
    )


class TestThePage:
    def test_forecasts_come_before_the_validation_of_their_probabilities(
        self, report: Written
    ) -> None:
        sections = re.findall(r'<section id="(\w+)"', report.html)
        assert sections[sections.index("forecasts") + 1] == "validation"
        assert '<a href="#forecasts">' in report.html

    def test_a_classifier_has_none(self, tmp_path: Path) -> None:
        made = make_run(tmp_path / "run", tests={}, days=5)
        assert make_forecasts(made) is None
        assert "forecasts" not in re.findall(
            r'<section id="(\w+)"', write(made, tmp_path / "run").html
        )

    def test_what_is_said_of_each_role_but_the_fitted_one(self, run: Run, report: Written) -> None:
        assert [role for role, _ in forecast_words(run)] == ["validation", "2019Q1"]
        for role, sentence in forecast_words(run):
            assert f"{role}: {sentence}" in text(report.html)
        assert (
            "larger than those of saying that the price stays as it is"
            in dict(forecast_words(run))["2019Q1"]
        )

    def test_days_are_spoken_of_as_days(self, run: Run) -> None:
        data = run.config.data.model_copy(update={"timeframe": "1d"})
        labels = run.config.labels.model_copy(update={"horizon": 1})
        config = run.config.model_copy(update={"data": data, "labels": labels})
        assert (
            "those of saying that tomorrow is like today"
            in forecast_words(replace(run, config=config))[0][1]
        )

    def test_figures_and_tables_lie_beside_it(self, run: Run, report: Written) -> None:
        assert (report.folder / "figures" / "forecasts.png").read_bytes().startswith(b"\x89PNG")
        scores = pd.read_csv(report.folder / "tables" / "forecast_scores.csv", index_col="role")
        assert list(scores.index) == ["train", "validation", "2019Q1"]
        assert list(scores.columns) == [*MEANINGS, "interval_held"]
        assert scores.loc["2019Q1", "rmse"] == pytest.approx(run.forecast_scores["2019Q1"]["rmse"])
        chart = pd.read_csv(report.folder / "tables" / "forecast_chart_2019Q1.csv")
        assert list(chart.columns) == ["due", "close", "predicted", "actual", "low", "high"]
        assert json.loads((report.folder / "figures" / "forecast_chart_2019Q1.json").read_text())[
            "data"
        ]

    def test_an_interactive_chart_brings_plotly_even_without_a_trade_chart(
        self, report: Written
    ) -> None:
        assert report.html.count("plotly.js v") == 1
        assert report.html.count('class="plotly-graph-div"') == 1

    def test_every_number_explains_itself(self, report: Written) -> None:
        assert f"<dd>{MEANINGS['rmse_ratio']}</dd>" in report.html


class TestTheTable:
    def test_errors_stand_beside_those_of_persistence(self, run: Run, found: Forecasts) -> None:
        head, line = [title for title, _ in found.grid.head], found.grid.rows[2]
        scores = run.forecast_scores["2019Q1"]
        said = dict(zip(head, line, strict=True))
        assert said["ratio of RMSE"].text == f"{scores['rmse_ratio']:.3f}"
        assert said["p"].text == "< 0.001"
        assert said["direction right"].note.endswith(
            f"to {100 * scores['directional_accuracy_high']:.2f} %"
        )

    @pytest.mark.parametrize(("skill", "tone"), [(0.0, "bad"), (0.9, "good")])
    def test_only_a_sure_difference_has_a_colour_and_the_fitted_rows_never(
        self, skill: float, tone: str, tmp_path: Path
    ) -> None:
        found = make_forecasts(make_regression(tmp_path / "run", skill=skill))
        assert found is not None
        place = [title for title, _ in found.grid.head].index("ratio of RMSE")
        assert [row[place].tone for row in found.grid.rows] == ["", tone, tone]

    def test_the_share_of_prices_inside_the_interval_is_counted(
        self, run: Run, found: Forecasts
    ) -> None:
        forecasts = run.forecasts
        assert forecasts is not None
        own = forecasts[forecasts["role"] == "2019Q1"].dropna()
        error = np.log(own["actual"] / own["predicted"])
        assert found.grid.frame.loc["2019Q1", "interval_held"] == pytest.approx(
            (error.abs() <= 0.004).mean()
        )

    def test_the_interval_lies_about_the_prediction_and_not_about_the_price(
        self, tmp_path: Path
    ) -> None:
        """Turned round, an interval that reaches further up than down would hold prices that came in lower."""
        made = make_regression(tmp_path / "run", band=(-0.001, 0.01))
        assert made.forecasts is not None
        missed = np.where(made.forecasts["role"] == "2019Q1", 0.009, -0.009)
        actual = made.forecasts["predicted"] * np.exp(missed)
        found = make_forecasts(replace(made, forecasts=made.forecasts.assign(actual=actual)))
        assert found is not None
        assert found.grid.frame["interval_held"].to_dict() == {
            "train": 0.0,
            "validation": 0.0,
            "2019Q1": 1.0,
        }

    def test_without_an_interval_none_is_claimed(self, tmp_path: Path) -> None:
        found = make_forecasts(make_regression(tmp_path / "run", band=None))
        assert found is not None
        assert "inside 95 %" not in [title for title, _ in found.grid.head]
        assert "Shaded" not in found.charts[0].caption
        assert "low" not in found.charts[0].bars


class TestTheFigures:
    def test_a_forecast_stands_at_the_time_of_its_price(self, run: Run, found: Forecasts) -> None:
        """Five minutes after it was made; a price that came later is not drawn earlier."""
        forecasts = run.forecasts
        assert forecasts is not None
        table = found.pictures[0].table.set_index(["role", "due"])
        close = run.frame.candles("ETH/USD")["close"]
        drawn = table.loc["2019Q1"].dropna()
        assert (drawn["actual"] == close.reindex(drawn.index)).all()
        assert len(drawn) > 100

    def test_the_end_of_each_role_is_drawn_bar_by_bar(self, run: Run, found: Forecasts) -> None:
        forecasts = run.forecasts
        assert forecasts is not None
        table = found.pictures[0].table
        for role, own in forecasts.groupby("role"):
            due = table.loc[table["role"] == role, "due"].iloc[-60:]
            assert list(due) == list(own.index[-60:] + pd.Timedelta(minutes=5))

    def test_a_figure_has_a_row_a_role(self) -> None:
        given = pd.concat(
            [rows(*[(10, 11, 12)] * 80), rows(*[(10, 11, 12)] * 5).assign(role="other")]
        )
        one = draw_forecasts(given, labels=[("test", "test")], quote="USD")
        two = draw_forecasts(given, labels=[("test", "test"), ("other", "other")], quote="USD")
        assert two.height - one.height == pytest.approx(2.75 * 96, abs=1)
        assert set(two.table["role"]) == {"test", "other"}

    def test_the_interval_is_that_of_the_model(self) -> None:
        chart = draw_forecast_chart(
            rows((10, 11, 12), (12, 13, 12.5)),
            role="test",
            label="test",
            band=(-0.1, 0.2),
            quote="USD",
        )
        assert chart.bars["low"].tolist() == pytest.approx([11 * np.exp(-0.1), 13 * np.exp(-0.1)])
        assert chart.bars["high"].tolist() == pytest.approx([11 * np.exp(0.2), 13 * np.exp(0.2)])
        assert "2019-01-02 to 2019-01-03 (UTC), all bars" in chart.caption
        assert [trace["name"] for trace in json.loads(chart.json)["data"]] == [
            "low",
            "95 %",
            "observed",
            "predicted",
            "persistence",
        ]

    def test_a_forecast_of_what_has_not_come_yet_is_shown_one_never_made_is_not(self) -> None:
        given = rows((10, np.nan, 12), (12, 13, 12.5), (12.5, 12.6, np.nan))
        chart = draw_forecast_chart(given, role="test", label="test", band=None, quote="USD")
        assert chart.bars["predicted"].tolist() == [13, 12.6]
        assert chart.bars["actual"].isna().tolist() == [False, True]

    def test_a_long_role_is_cut_to_its_end_and_says_so(self) -> None:
        chart = draw_forecast_chart(
            rows(*[(10, 11, 12)] * 3001), role="test", label="test", band=None, quote="USD"
        )
        assert len(chart.bars) == 3000
        assert "the last 3,000 of 3,001 bars" in chart.caption


class TestTheTerminal:
    def test_the_table_and_the_words_are_printed(self, run: Run) -> None:
        with stdout.capture() as captured:
            show_run(run, report=run.folder / "none.html")
        said = re.sub(r"\s+", " ", captured.get())
        assert "Forecasts of the price in USD" in said
        assert f"2019Q1 {run.forecast_scores['2019Q1']['rmse']:.2f}" in said
        assert "2019Q1: The network's errors are" in said
        assert "train: The" not in said

    def test_the_json_holds_every_number(self, run: Run) -> None:
        found = json.loads(to_json(summary_of(run, run.comparison, verdicts={}, report=None)))
        assert list(found["forecasts"]["2019Q1"]) == list(MEANINGS)
