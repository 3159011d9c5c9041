"""The report as a file: what is in it, in which order, that it opens offline, and what stands beside it."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from fakes import Written, make_run, write

from cryptonn.errors import OutputError
from cryptonn.evaluation.verdict import Verdict
from cryptonn.market.timerange import TimeRange
from cryptonn.reporting.formatting import keep_units
from cryptonn.reporting.grid import comparison_grid
from cryptonn.reporting.html import write_report
from cryptonn.reporting.numbers import big_numbers
from cryptonn.reporting.sections import (
    fact_list,
    facts_line,
    make_chart,
    make_money,
    make_verdict,
    own_results,
    recorded_facts,
)
from cryptonn.runs import Run

SECTIONS = [
    "verdict",
    "money",
    "compare",
    "validation",
    "chart",
    "tearsheets",
    "exploration",
    "facts",
]


class Page(HTMLParser):
    """Collects the tags of a page and the text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else self._inside

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.text.append(data)

    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]


@pytest.fixture(scope="module")
def page(written: Written) -> Page:
    return Page(written.html)


def test_every_section_is_there_and_the_verdict_comes_first(page: Page) -> None:
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == SECTIONS


def test_the_verdict_of_each_period_is_said_before_any_figure(written: Written) -> None:
    first_figure = written.html.index("<figure")
    for period, verdict in written.run.verdicts.items():
        assert 0 < written.html.index(f"{period} ·") < first_figure
        assert 0 < written.html.index(keep_units(verdict.headline)) < first_figure


def test_big_numbers_are_those_of_the_tables(written: Written) -> None:
    own = written.run.comparison.query("period == 'first' and strategy == 'lstm_signal'").set_index(
        "fees"
    )
    said = re.sub(r"<[^>]+>", "", written.html).replace("\N{NO-BREAK SPACE}", " ")
    assert f"{100 * own.loc['maker', 'net_return']:+.2f} %".replace("-", "−") in said
    assert f"{own.loc['none', 'gross_per_trade_bp']:+.1f} bp".replace("-", "−") in said
    accuracy = written.run.assessments["first"]["network"].metrics["accuracy_on_moves"]
    assert f"{100 * accuracy:.2f} %" in said
    assert "46.0 bp" in said, "a round trip at taker + slippage: 2 x (20 + 1 + 2) bp"


@pytest.mark.parametrize("report", ["written", "synthetic"])
def test_nothing_is_loaded_from_elsewhere(report: str, request: pytest.FixtureRequest) -> None:
    html = request.getfixturevalue(report).html
    for tag, attributes in Page(html).tags:
        for name in ("src", "href", "srcset", "data", "poster", "action"):
            value = attributes.get(name)
            if value is not None:
                assert value.startswith(("data:image/png;base64,", "#")), (
                    f"<{tag} {name}={value[:60]}>"
                )
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles


def test_links_inside_the_page_lead_somewhere(page: Page) -> None:
    targets = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert targets == {f"#{name}" for name in SECTIONS}
    assert len(set(page.ids())) == len(page.ids())


def test_no_figure_is_wider_than_a_narrow_screen_unless_it_was_tapped(written: Written) -> None:
    """Below 640 px every figure was 640 px wide, so its right end was cropped."""
    css = written.html[written.html.index("<style>") : written.html.index("</style>")]
    rules = re.findall(r"([^{}]*img[^{}]*)\{([^{}]*)\}", css)
    wide = [
        selector.strip()
        for selector, what in rules
        if re.search(r"max-width: none|[^-]width: \d+px", what)
    ]
    assert wide == ["figure .box.large img"]
    assert (
        'box.classList.toggle("large")' in written.html
        and '<figure id="equity_first">\n  <div class="box">' in written.html
    )


def test_plotly_is_inlined_once(written: Written, synthetic: Written) -> None:
    assert written.html.count("plotly.js v") == 1
    assert written.html.count('class="plotly-graph-div"') == 2
    assert len(written.html) < 15e6


def test_every_figure_and_table_lies_beside_it(written: Written) -> None:
    pictures = re.findall(r"figures/([\w.+-]+\.png)", written.html)
    tables = re.findall(r"tables/([\w.+-]+\.csv)", written.html)
    assert {
        "equity_first.png",
        "fee_sweep_second.png",
        "accuracy.png",
        "exploration_price.png",
    } <= set(pictures)
    for name in pictures:
        assert (written.folder / "figures" / name).read_bytes().startswith(b"\x89PNG")
    for name in tables:
        assert len(pd.read_csv(written.folder / "tables" / name)) > 0, name
    assert len(set(pictures)) == len(pictures), "two figures share a file"
    assert json.loads((written.folder / "figures" / "price_chart_first.json").read_text())["data"]


def test_the_tear_sheets_have_pyfolios_own_look(written: Written) -> None:
    sheets = sorted(
        path.relative_to(written.folder / "figures")
        for path in (written.folder / "figures").glob("*/*")
    )
    folders = [f"tearsheet_first_{fees}" for fees in ("none", "taker_slippage")]
    pages = ("1_returns.png", "2_positions.png", "3_transactions.png")
    assert [str(path) for path in sheets] == [
        f"{folder}/{page}" for folder in folders for page in pages
    ]


def test_the_facts_are_there(written: Written, page: Page) -> None:
    text = " ".join(page.text)
    assert "ab" * 32 in text
    assert "c" * 40 in text
    assert 'target = "ETH/USD"' in text
    assert "filled flat" in text
    assert "open of t+1" in text


def said(report: Written) -> str:
    return re.sub(r"\s+", " ", " ".join(Page(report.html).text)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_two_ways_to_buy_and_hold_are_told_apart(written: Written) -> None:
    assert "Buy and hold, all in, no costs: " in said(written)
    assert '<div class="label">buy and hold, all in, no costs</div>' in written.html
    assert "The strategy buy_and_hold enters" not in said(written), "nobody ran it here"


def test_small_print_belongs_to_the_strategies_that_ran() -> None:
    table = pd.DataFrame(
        {"strategy": ["buy_and_hold", "random_entry"], "fees": "none", "buy_and_hold_return": 0.1}
    )
    note = comparison_grid(table, period="p", own="lstm_signal", name="n").note
    assert "Buy and hold, all in, no costs: +10.00 % from the first open" in note
    assert (
        "The strategy buy_and_hold enters at the second open, with its share of equity, and pays."
        in note
    )
    assert "random_entry is one draw of one seed" in note
    assert "never renewed" in note


def test_makers_fill_is_called_optimistic_in_the_words(written: Written) -> None:
    assert (
        "a fill at the next open for sure, which is optimistic: a resting order may not fill"
        in said(written)
    )


def test_what_the_test_periods_were_used_for_is_not_overstated(written: Written) -> None:
    text = said(written)
    assert "seen by nothing" not in text
    assert (
        "The test periods were not used for the fit, the kept epoch or the entry threshold." in text
    )
    assert "each look makes a lucky result likelier" in text
    assert "in-sample" not in text


def test_an_in_sample_stretch_is_not_called_held_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tests={"20190105-20190107": "20190105-20190107"}, days=6)
    data = run.config.data.model_copy(
        update={"test": {}, "train": TimeRange.parse("20181001-20190106")}
    )
    run = dataclasses.replace(
        run, config=run.config.model_copy(update={"data": data}), backtests={}, verdicts={}
    )
    report = said(write(run, tmp_path / "run"))
    assert (
        "That does not hold in-sample, for 20190105-20190107: those numbers are no evidence."
        in report
    )
    assert report.index("Note: 20190105-20190107: IN-SAMPLE: ") < report.index("Does it pay?")


def momentum_alone(run: Run, period: str, **data: object) -> Run:
    """The run as it is when its own strategy did not trade a period, and two others did."""
    momentum = [result for result in run.backtests[period] if result.strategy == "momentum"]
    third = [dataclasses.replace(result, strategy="contrarian") for result in momentum]
    rows = run.comparison.query("period == @period and strategy == 'momentum'")
    config = run.config.model_copy(update={"data": run.config.data.model_copy(update=data)})
    return dataclasses.replace(
        run,
        config=config,
        backtests={period: momentum[::-1] + third},
        comparison=pd.concat([rows.assign(strategy="contrarian"), rows[::-1]]),
        verdicts={period: Verdict({"case": "pays", "certain": True}, "It pays, for once.", ())},
    )


def test_only_the_strategy_that_leads_a_period_speaks_for_it(written: Written) -> None:
    run = momentum_alone(written.run, "first")
    assert [(result.strategy, result.fees) for result in own_results(run, "first")] == [
        ("momentum", fees) for fees in ("none", "maker", "taker", "taker+slippage")
    ]
    card = make_verdict(run, "first")
    assert (card.strategy, card.headline) == ("momentum", "It pays, for once.")
    assert not [number.label for number in card.numbers if "accuracy" in number.label]
    assert [number.label for number in card.numbers if "net return" in number.label] == [
        f"net return, {fees}" for fees in ("no fee", "maker", "taker", "taker + slippage")
    ]
    money = make_money(run, "first")
    assert money.pictures[0].caption.startswith("Equity of momentum under each fee scenario")
    assert {shown.title.rpartition(", first, ")[2] for shown in money.pictures} == {"momentum"}
    assert {shown.name for shown in money.pictures} == {
        "equity_first",
        "fee_sweep_first",
        "drawdown_first",
    }
    assert "momentum under each fee scenario" in money.months.note
    assert make_chart(run, "first").title == "Price and trades, first, momentum"


def test_the_runs_own_strategy_needs_no_name(written: Written) -> None:
    assert make_verdict(written.run, "first").strategy == ""
    assert (
        make_money(written.run, "first").pictures[0].title == "Equity with and without fees, first"
    )
    assert "not the run's own" not in said(written)


def test_a_leading_stranger_is_named_on_the_page_and_in_sample_is_a_badge(
    written: Written, tmp_path: Path
) -> None:
    run = momentum_alone(written.run, "second", train=TimeRange.parse("20181001-20190201"))
    report = write(run, tmp_path / "run")
    assert "strategy <b>momentum</b>, not the run's own" in report.html
    assert report.html.count('<strong class="badge">IN-SAMPLE</strong>') == 1
    text = said(report)
    assert "second, momentum, IN-SAMPLE, no fee" in text, (
        "the title of a tear sheet that cannot be drawn"
    )
    assert "second, IN-SAMPLE, network" in text, "a column of the accuracies"
    assert "validation, network" in text
    assert "Strategies and fees, second, IN-SAMPLE" in text
    assert "the run's own strategy under each fee" not in text.lower()


def test_nothing_in_sample_is_green(written: Written) -> None:
    def tones(run: Run) -> set[str]:
        money, card = make_money(run, "first"), make_verdict(run, "first")
        cells = [
            cell
            for grid in (money.months, money.comparison)
            if grid
            for row in grid.rows
            for cell in row
        ]
        return {thing.tone for thing in (card, *card.numbers, *cells)}

    rising = written.run.comparison.assign(buy_and_hold_return=0.2, gross_return=0.1)
    run = dataclasses.replace(written.run, comparison=rising)
    assert "good" in tones(run)
    data = run.config.data.model_copy(update={"train": TimeRange.parse("20181001-20190201")})
    seen = dataclasses.replace(run, config=run.config.model_copy(update={"data": data}))
    assert tones(seen) == {"", "bad"}


def test_the_comparison_begins_with_the_leading_strategy_and_goes_from_cheap_to_dear(
    written: Written,
) -> None:
    run = momentum_alone(written.run, "first")
    grid = make_money(run, "first").comparison
    assert grid is not None
    fees = ("no fee", "maker", "taker", "taker + slippage")
    order = [(row[0].text, row[1].text) for row in grid.rows]
    assert order == [(strategy, name) for strategy in ("momentum", "contrarian") for name in fees]
    assert grid.own == {0, 1, 2, 3}
    assert list(grid.frame["strategy"]) == [strategy for strategy, _ in order]


def test_the_drawdown_of_the_table_is_that_of_the_figure(written: Written) -> None:
    money = make_money(written.run, "first")
    assert money.comparison is not None
    place = [title for title, _ in money.comparison.head].index("deepest drawdown, bar by bar")
    figure = next(shown for shown in money.pictures if shown.name == "drawdown_first")
    assert money.comparison.rows[0][place].value == pytest.approx(figure.table["none"].min())
    assert "max drawdown" not in {title for title, _ in money.comparison.head}


def test_a_negative_break_even_fee_is_put_in_words(written: Written) -> None:
    own = written.run.comparison.query("period == 'first' and strategy == 'lstm_signal'")
    lost = own.assign(
        break_even_fee=-0.00014, break_even_fee_low=-0.0003, break_even_fee_high=0.0001
    )
    card = next(
        number for number in big_numbers(lost, {}) if number.label == "break-even fee per side"
    )
    assert (card.value, card.note) == (
        "−1.4 bp",
        "not even at zero cost; arithmetic: trades added up; 95 %: −3.0 bp to 1.0 bp",
    )


def test_the_seed_is_said_once_and_hashes_are_folded(written: Written) -> None:
    facts = {"seed": 7, "started": "2019-02-01T00:00:00+00:00", **written.run.facts}
    run = dataclasses.replace(written.run, facts=facts)
    names = [name for name, _ in [*facts_line(run), *fact_list(run), *recorded_facts(run)]]
    assert names.count("seed") == 1
    assert ("started (UTC)", "2019-02-01T00:00:00+00:00") in fact_list(run)
    assert written.html.index("Every fact as recorded") < written.html.index("ab" * 32)


def test_notes_stand_at_the_top_and_are_shown_not_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tests={}, days=5)
    facts = run.facts | {"interrupted": True, "best_epoch": "<b>3</b>"}
    report = write(
        dataclasses.replace(run, backtests={}, verdicts={}, facts=facts), tmp_path / "run"
    )
    note = report.html.index(
        "Training was interrupted: the network is that of epoch &lt;b&gt;3&lt;/b&gt;"
    )
    assert note < report.html.index("<nav")
    assert "<b>3</b>" not in report.html


def test_a_run_without_notes_has_none(written: Written) -> None:
    assert "<strong>Note:</strong>" not in written.html


@pytest.mark.parametrize(
    ("case", "certain", "tone"),
    [
        ("pays", True, "good"),
        ("pays", False, ""),
        ("pays at some fees", True, ""),
        ("loses after fees", True, "bad"),
        ("loses before fees", False, "bad"),
        ("no trades", False, ""),
    ],
)
def test_only_a_gain_beyond_doubt_is_green(
    written: Written, case: str, certain: bool, tone: str
) -> None:
    verdicts = {"first": Verdict({"case": case, "certain": certain}, "It is so.", ())}
    assert make_verdict(dataclasses.replace(written.run, verdicts=verdicts), "first").tone == tone


def test_a_gain_on_bars_the_network_has_seen_is_not_green(written: Written) -> None:
    data = written.run.config.data.model_copy(
        update={"train": TimeRange.parse("20181001-20190201")}
    )
    config = written.run.config.model_copy(update={"data": data})
    verdicts = {"first": Verdict({"case": "pays", "certain": True}, "It is so.", ())}
    assert (
        make_verdict(
            dataclasses.replace(written.run, config=config, verdicts=verdicts), "first"
        ).tone
        == ""
    )


def test_a_handful_of_trades_shows_no_break_even_fee(written: Written) -> None:
    own = written.run.comparison.query("period == 'first' and strategy == 'lstm_signal'")
    few = own.assign(trades=3, break_even_fee=float("nan"), break_even_fee_low=float("nan"))
    card = next(
        number for number in big_numbers(few, {}) if number.label == "break-even fee per side"
    )
    assert (card.value, card.note) == ("n/a", "fewer than 10 trades: too few to say")


def test_one_own_strategy_is_highlighted_and_the_table_sorts(written: Written) -> None:
    assert written.html.count('<tr class="own">') == 2 * 4
    assert written.html.count('<table class="sortable">') == 2


def test_a_real_market_has_no_banner(written: Written) -> None:
    assert "SYNTHETIC MARKET" not in written.html


def test_a_synthetic_market_says_so_before_everything_else(synthetic: Written) -> None:
    banner = synthetic.html.index("SYNTHETIC MARKET:")
    assert banner < synthetic.html.index('id="verdict"')
    assert "these candles are made up" in synthetic.html


def test_a_hostile_description_is_shown_not_run(synthetic: Written) -> None:
    assert "&lt;script&gt;alert(" in synthetic.html
    assert '<script>alert("1")' not in synthetic.html
    assert not any("onerror" in attributes for _, attributes in Page(synthetic.html).tags)


def test_a_run_without_trades_still_has_a_report(synthetic: Written) -> None:
    text = " ".join(Page(synthetic.html).text)
    assert "No trades" in text
    assert "Only 2 days: too few for a tear sheet." in text
    assert "n/a" in text
    assert "nan" not in re.findall(r"\b\w+\b", text.lower())


def test_a_run_that_is_only_trained_has_a_report(tmp_path: Path) -> None:
    run = dataclasses.replace(
        make_run(tmp_path / "run", tests={}, days=5), backtests={}, verdicts={}
    )
    report = write(dataclasses.replace(run, comparison=pd.DataFrame()), tmp_path / "run")
    sections = [attributes["id"] for tag, attributes in Page(report.html).tags if tag == "section"]
    assert sections == ["verdict", "validation", "exploration", "facts"]
    assert "holds no backtest yet" in report.html


def test_steps_are_told_and_reach_the_end(written: Written) -> None:
    done = [step.done for step in written.steps if step.done is not None]
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert {step.stage for step in written.steps} == {"report"}


def test_no_figure_stays_open(written: Written) -> None:
    assert plt.get_fignums() == []


def test_a_report_again_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    run = dataclasses.replace(
        make_run(tmp_path / "run", tests={}, days=5), backtests={}, verdicts={}
    )
    for name in ("figures", "tables"):
        (tmp_path / "run" / name).mkdir(parents=True)
        (tmp_path / "run" / name / "stale.csv").write_text("old")
    write_report(dataclasses.replace(run, comparison=pd.DataFrame()), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("stale.csv"))
    assert not list((tmp_path / "run").rglob("*partial*"))


def test_an_unwritable_folder_is_an_output_error(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tests={}, days=5)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        OutputError, match=r"cannot be written.*[Mm]ake room or choose another folder"
    ):
        write_report(run, tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_failed_report_leaves_the_old_one(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tests={}, days=5)
    broken = dataclasses.replace(run, history=pd.DataFrame({"epoch": [1], "val_loss": ["x"]}))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.html").write_text("old")
    with pytest.raises(ValueError, match="could not convert"):
        write_report(broken, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["report.html"]
    assert (tmp_path / "run" / "report.html").read_text() == "old"
