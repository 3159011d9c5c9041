"""The page of a session in a real browser: narrow and wide, light and dark, live, and deaf to what it is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptonn.paper.ledger import Ledger
from cryptonn.paper.view.web import web_page
from tests.paper.view.filled_session import (
    MINUTE,
    START_MS,
    facts,
    fill_session,
    open_epoch,
    session,
)
from tests.paper.view.headless import Browser, browser

NOW_MS = START_MS + 62 * MINUTE
DRAWN = "!!document.querySelector('#chart path.line')"
TEXT = "document.body.innerText"
TOO_WIDE = """[...document.querySelectorAll('.page *')].filter(e => !e.closest('.box'))
    .filter(e => e.getBoundingClientRect().right > innerWidth
              || e.matches('.number *, .banner, h1, li') && e.scrollWidth > e.clientWidth)
    .map(e => e.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def shown() -> Iterator[Browser]:
    with browser() as tab:
        yield tab


EXTENT = """(() => {
  const ys = [...document.querySelectorAll('#chart line.grid')].map((line) => line.y1.baseVal.value);
  const curve = document.querySelector('#chart path.line').getBBox();
  return [Math.min(...ys), Math.max(...ys), curve.y, curve.y + curve.height];
})()"""


def now_ms() -> int:
    return NOW_MS


@pytest.mark.parametrize("width", [360, 500, 1400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_is_there_and_fits(shown: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    with session(tmp_path, bars=60) as ledger, web_page(ledger.path, now_ms=now_ms) as page:
        ledger.incident("unreadable", "w" * 300, at_ms=START_MS)
        shown.open(page.url, width=width, dark=dark)
        shown.wait_for(DRAWN)
        text = shown.ask(TEXT)
        for words in (
            "lstm_eth_5m · session ",
            "Equity",
            "Fees paid",
            "Position",
            "2019-01-01 01:02:00",
        ):
            assert words in text
        assert shown.ask("document.querySelectorAll('.number').length") == 12
        assert shown.ask("document.documentElement.scrollWidth <= innerWidth")
        assert shown.ask(TOO_WIDE) == []
        assert shown.ask("document.querySelector('#chart path.line').getTotalLength()") > 100
        top, bottom, highest, lowest = shown.ask(EXTENT)
        assert top < highest and lowest < bottom, "the curve leaves the lines that have a label"
        columns = shown.ask(
            "getComputedStyle(document.querySelector('#readings')).gridTemplateColumns"
        )
        assert len(columns.split(" ")) == (4 if width == 1400 else 2)
        background = shown.ask("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in background[4:-1].split(",")) < 200) is dark
    assert shown.complaints == []


def test_it_keeps_itself_up_to_date(shown: Browser, tmp_path: Path) -> None:
    path = tmp_path / "session.sqlite"
    with web_page(path, now_ms=now_ms) as page:
        shown.open(page.url, width=1400)
        shown.wait_for(f"{TEXT}.includes('there is no paper session')")
        with Ledger.open(path, facts()) as ledger:
            open_epoch(ledger)
            fill_session(ledger, 10)
            shown.wait_for(f"{DRAWN} && !{TEXT}.includes('there is no paper session')")
            before = shown.ask("document.querySelector('#chart path.line').getAttribute('d')")
            assert before.count(",") == 10
            fill_session(ledger, 30, first=10)
            shown.wait_for(
                "document.querySelector('#chart path.line').getAttribute('d').split(',').length === 41"
            )
            shown.wait_for(f"{TEXT}.includes('2 closed')")
        assert shown.complaints == []
        assert shown.ask("document.getElementById('link').dataset.state") == "live"
    shown.wait_for("document.getElementById('link').dataset.state === 'lost'")


def test_what_an_exchange_says_is_text(shown: Browser, tmp_path: Path) -> None:
    with session(tmp_path, bars=3) as ledger, web_page(ledger.path, now_ms=now_ms) as page:
        ledger.incident(
            "<b>kind</b>",
            "<img src=x onerror='document.title=1'><script>document.title=2</script>",
            at_ms=1,
        )
        shown.open(page.url, width=500)
        shown.wait_for(f"{TEXT}.includes('<img src=x')")
        assert (
            shown.ask(
                "document.querySelectorAll('#incidents b, #incidents img, #incidents script').length"
            )
            == 0
        )
        assert shown.ask("document.title").startswith("+0.00 %")
    assert shown.complaints == []


def test_pointing_at_the_curve_tells_time_and_equity(shown: Browser, tmp_path: Path) -> None:
    with session(tmp_path, bars=60) as ledger, web_page(ledger.path, now_ms=now_ms) as page:
        shown.open(page.url, width=1400)
        shown.wait_for(DRAWN)
        assert "01-01 01:00 UTC" in shown.ask("document.getElementById('readout').textContent")
        left, top = shown.ask(
            "(b => [b.left, b.top])(document.getElementById('chart').getBoundingClientRect())"
        )
        shown.move(left + 80, top + 50)
        shown.wait_for("document.getElementById('readout').textContent.includes('01-01 00:0')")
        assert "10,000.00 USD (+0.00 %)" in shown.ask(
            "document.getElementById('readout').textContent"
        )
        assert shown.ask("document.querySelectorAll('#chart .cross').length") == 1
        shown.move(5, 5)
        shown.wait_for("document.querySelectorAll('#chart .cross').length === 0")


def test_a_name_made_to_point_here_learns_nothing(shown: Browser, tmp_path: Path) -> None:
    with session(tmp_path, bars=3) as ledger, web_page(ledger.path, now_ms=now_ms) as page:
        shown.open(f"http://evil.example:{page.port}/", width=500)
        shown.wait_for(f"{TEXT}.includes('127.0.0.1 and localhost alone')")
        assert shown.ask("fetch('/status.json').then(reply => reply.status)") == 403
