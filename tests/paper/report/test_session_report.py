"""The report of a session as a file: what it says, what stands beside it, and when there is none."""

import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from written_session import START, Mishaps, Writer

from cryptonn.errors import ConfigError, CryptonnError, DataError
from cryptonn.paper.ledger import LedgerReader
from cryptonn.paper.recorded import open_recorded
from cryptonn.paper.report import tables
from cryptonn.paper.report.differences import decision_lines
from cryptonn.paper.report.page import write_session_report
from cryptonn.paper.view.status import read_status
from cryptonn.paper.view.words import readings
from cryptonn.progress import Step

BARS = 400
MISHAPS = Mishaps(dearer={0}, refused={2}, missed=range(300, 380))


def report(run: Path, name: str | None = None) -> tuple[Path, str]:
    with open_recorded(run, name) as session:
        path = write_session_report(session)
    return path, path.read_text(encoding="utf-8")


def text_of(html: str) -> str:
    body = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.S)
    return " ".join(
        unescape(re.sub(r"<[^>]+>", " ", body)).replace("\N{NO-BREAK SPACE}", " ").split()
    )


def test_an_agreeing_session(run_folder: Path) -> None:
    Writer(run_folder).write("local", bars=BARS)
    path, html = report(run_folder)
    text = text_of(html)
    assert path == run_folder / "paper" / "local" / "report.html"
    assert re.search(
        r"On the local exchange the session (earned|lost) [\d.]+ %; the backtest of the same", text
    )
    assert "they agree on every decision" in text
    assert "Every decision agrees." in text
    assert "SYNTHETIC MARKET" in text
    assert "2 UTC days: pyfolio's tear sheet needs 3." in text
    assert "ccxt 4.5.90" in text and "amounts on 0.0001, prices on 0.01" in text
    assert "2018-01-03 23:30 to 2018-01-04 06:10 (UTC)" in text
    for anchor in (
        "verdict",
        "money",
        "metrics",
        "differences",
        "orders",
        "incidents",
        "tearsheets",
        "facts",
    ):
        assert f'<section id="{anchor}">' in html and f'href="#{anchor}"' in html
    assert not re.search(r'(src|href)="(?!data:|#)', html), "the page needs no network"


def test_a_commission_in_base_is_no_order_that_was_missed(run_folder: Path) -> None:
    Writer(run_folder, fee_in="base").write("local", bars=BARS)
    text = text_of(report(run_folder)[1])
    assert "by the smaller amounts that a commission in ETH leaves." in text
    assert "A buy's commission was taken in ETH" in text
    assert "missed, refused" not in text
    assert "Every decision agrees." in text


def test_what_went_wrong_is_told(run_folder: Path) -> None:
    Writer(run_folder).write("local", bars=BARS, mishaps=MISHAPS)
    path, html = report(run_folder)
    text = text_of(html)
    assert "of the starting cash apart; most of it comes from orders missed, refused" in text
    assert "320 decisions on 400 bars, 80 were missed" in text
    assert "1 rejected" in text and "not decided on" in text and "fill price" in text
    assert "&lt;b&gt;Insufficient&lt;/b&gt;" in html and "<b>Insufficient" not in html, (
        "shown, not obeyed"
    )
    assert "\x1b" not in html
    whole = pd.read_csv(path.parent / "tables" / "decisions.csv")
    assert len(whole) == BARS and (whole["differs"] == "decision").sum() == 80
    orders = pd.read_csv(path.parent / "tables" / "orders.csv")
    assert (orders["state"] == "REJECTED").sum() == 1
    equity = pd.read_csv(path.parent / "tables" / "equity.csv")
    assert equity["difference"].abs().max() > 1
    named = re.findall(r"\((?:figures/(\w+)\.png, )?tables/(\w+)\.csv\)", html)
    assert len(named) == 8
    refused = pd.read_csv(path.parent / "tables" / "refused.csv")
    assert refused["exchange"].tolist() == [1]
    for figure, table in named:
        assert (path.parent / "tables" / f"{table}.csv").exists()
        assert not figure or (path.parent / "figures" / f"{figure}.png").exists()


def test_orders_are_counted_by_what_became_of_them(run_folder: Path) -> None:
    """One that was taken and then refused counted as closed, one that never left as refused by the exchange."""
    mishaps = Mishaps(refused={0}, refused_later={2, 4}, not_sent={6})
    Writer(run_folder).write("local", bars=BARS, mishaps=mishaps)
    path, html = report(run_folder)
    text = text_of(html)
    assert re.search(r"orders: \d+ closed, 1 not sent, 3 rejected\.", text)
    assert (
        "rejected 3 rejected (2), <b>Insufficient</b> balance (1) refused by the exchange, at once or"
        in text
    )
    assert "not sent 1 not sent: Resting: it asked to be left alone (1) never left" in text
    assert "orders refused 3 0" in text
    orders = pd.read_csv(path.parent / "tables" / "orders.csv")
    assert set(orders.loc[orders["outcome"] == "REJECTED", "state"]) == {"REJECTED", "CLOSED"}
    with LedgerReader.open(path.parent / "session.sqlite") as ledger:
        shown = {one.key: one.note for one in readings(read_status(ledger, now_ms=0))}["orders"]
    assert shown.endswith(" closed, 1 not sent, 3 rejected"), "the views count as the report does"


def test_the_page_has_so_many_differences_and_the_file_all(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Writer(run_folder).write("local", bars=BARS, mishaps=Mishaps(dearer=range(100)))
    monkeypatch.setattr(tables, "MOST_ROWS", 5)
    with open_recorded(run_folder) as session:
        from cryptonn.paper.parity import parity

        found = parity(session.ledger, session.decider)
    grid = tables.differences_grid(found)
    assert len(grid.rows) == 5 < len(list(decision_lines(found.table)))
    assert "More of them are in the file" in grid.note and len(grid.frame) == BARS


def test_bars_that_nobody_decided_on_make_one_line(run_folder: Path) -> None:
    writer = Writer(run_folder)
    quiet = writer.quiet_bars(3, before=BARS)
    writer.write("local", bars=BARS, mishaps=Mishaps(missed=quiet))
    with open_recorded(run_folder) as session:
        from cryptonn.paper.parity import parity

        lines = list(decision_lines(parity(session.ledger, session.decider).table))
    first = START + pd.Timedelta(minutes=quiet.start)
    last = first + pd.Timedelta(minutes=2)
    assert [line.texts[:2] for line in lines] == [
        (f"{first:%Y-%m-%d %H:%M}", f"not decided on, 3 bars, to {last:%Y-%m-%d %H:%M}")
    ]


def test_three_days_have_tear_sheets_of_both_ledgers(run_folder: Path) -> None:
    Writer(run_folder).write("local", bars=1500)
    steps: list[Step] = []
    with open_recorded(run_folder) as session:
        path = write_session_report(session, on_step=steps.append)
    html = path.read_text(encoding="utf-8")
    for name in ("exchange", "backtest"):
        assert sorted((path.parent / "figures" / f"tearsheet_{name}").glob("*.png"))
        assert (path.parent / "tables" / f"tearsheet_{name}_1.csv").exists()
    assert html.count("<summary>") == 2 and "pyfolio annualises with 252" in text_of(html)
    assert [step.done for step in steps] == sorted(step.done or 0 for step in steps) and steps[
        -1
    ].done == 1


def test_a_session_that_never_traded(run_folder: Path) -> None:
    Writer(run_folder).write("local", bars=2)
    text = text_of(report(run_folder)[1])
    assert "the session made no trade, and neither did the backtest" in text
    assert "No order was planned." in text and "None were paid." in text


@pytest.mark.parametrize(
    ("prepare", "name", "error", "says"),
    [
        (
            lambda writer: None,
            None,
            ConfigError,
            "has no paper session. There is none yet: `cryptonn paper RUN`",
        ),
        (
            lambda writer: writer.write("local", bars=1),
            "lokal",
            ConfigError,
            "Did you mean 'local'?",
        ),
        (
            lambda writer: [writer.write(name, bars=1) for name in ("one", "two")],
            None,
            ConfigError,
            "has 2 paper sessions. Name one with --session. There are: one, two.",
        ),
        (lambda writer: writer.write("local", bars=0), None, DataError, "decided on nothing yet"),
        (
            lambda writer: writer.write("local", bars=1, mishaps=Mishaps(rules_kept=False)),
            None,
            DataError,
            "begun before the rules of its market were kept",
        ),
        (
            lambda writer: writer.write("local", bars=1, model_sha="another"),
            None,
            DataError,
            "traded with another model than the one in",
        ),
    ],
    ids=["none", "misspelt", "several", "no decision", "no rules", "other model"],
)
def test_refused_in_words(
    run_folder: Path, prepare, name: str | None, error: type[CryptonnError], says: str
) -> None:
    prepare(Writer(run_folder))
    with pytest.raises(error) as found:
        report(run_folder, name)
    assert says in str(found.value)
    assert not list(run_folder.glob("paper/*/report.html"))
