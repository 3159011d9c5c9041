"""What is too small to be sent, on entry and exit: noted once, shown while it lasts, counted beside the backtest."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from cryptonn.paper.executor import Executor
from cryptonn.paper.identity import session_config
from cryptonn.paper.ledger import IncidentRow, Ledger, LedgerReader
from cryptonn.paper.planner import out_of_reach
from cryptonn.paper.reconcile import reconcile
from cryptonn.paper.refused import refused_counts
from cryptonn.paper.settings import PaperSettings
from cryptonn.paper.unsendable import Told, told_of
from cryptonn.paper.view.status import read_status
from cryptonn.paper.view.words import notices, readings
from cryptonn.trading.rules import MarketRules, RefusedOrder
from tests.paper.model_exchange import FACTS, MINUTE, START, ModelVenue, TestClock, decision
from tests.tiny_run import tiny_config

RULES = ModelVenue(TestClock()).market
SMALL = RefusedOrder("buy", Decimal("0.0999"), Decimal(100), "below the least worth", Decimal(10))
FEW = replace(SMALL, amount=Decimal("0.0005"), why="below the least amount", limit=Decimal("0.001"))
NO_EXIT = replace(SMALL, side="sell")


class Trading:
    """A session of an executor on an exchange in memory, a minute at a time."""

    def __init__(self, path: Path, *, fee_in: str = "quote") -> None:
        self.path, self.venue = path, ModelVenue(TestClock(START + MINUTE), fee_in=fee_in)
        config, _ = session_config(
            tiny_config(), PaperSettings(exchange="local"), self.venue.market, enter=0.5
        )
        self.facts = replace(FACTS, config=config)
        with self.ledger() as ledger:
            reconcile(ledger, self.venue, self.venue.clock, price=Decimal(100))
        self.bars = 0

    def ledger(self) -> Ledger:
        return Ledger.open(self.path, self.facts)

    def decide(self, wanted: str, *refused: RefusedOrder) -> None:
        """Open the session as after a restart, and act on the next minute."""
        self.venue.clock.now = START + (self.bars + 1) * MINUTE
        with self.ledger() as ledger:
            executor = Executor(ledger, self.venue, self.venue.clock)
            executor.act(replace(decision(self.bars, wanted), refused=refused))
        self.bars += 1

    def told(self) -> list[str]:
        with LedgerReader.open(self.path) as ledger:
            return [one.words for one in filter(None, map(told_of, ledger.incidents()))]

    def shown(self) -> tuple[str, list[str]]:
        """What panel and page say of the position, and their notices."""
        with LedgerReader.open(self.path) as ledger:
            status = read_status(ledger, now_ms=self.venue.clock.now)
        (position,) = (one.note for one in readings(status) if one.key == "position")
        return position, [one.text for one in notices(status) if "Cannot be sent" in one.text]


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Trading]:
    yield Trading(tmp_path / "session.sqlite")


def test_an_entry_below_the_least_worth_is_noted_once_and_shown(trading: Trading) -> None:
    for _ in range(3):
        trading.decide("0", SMALL)
        trading.decide("0")
    assert trading.told() == ["the strategy's order to buy, below the least worth"]
    assert trading.shown() == (
        "wanted 0",
        ["Cannot be sent since 01-01 00:01: the strategy's order to buy, below the least worth."],
    )
    with LedgerReader.open(trading.path) as ledger:
        assert (ledger.orders(), [one.kind for one in ledger.incidents()]) == ([], ["unsendable"])
        assert "0.0999 ETH is worth 9.99 USD, and an order must be worth 10 or more" in (
            ledger.incidents()[0].detail
        )


def test_it_is_noted_again_for_another_reason_and_once_it_was_possible(trading: Trading) -> None:
    for refused in (SMALL, SMALL, FEW, FEW):
        trading.decide("0", refused)
    assert [words.split(", ")[1] for words in trading.told()] == [SMALL.why, FEW.why]
    trading.decide("5")
    assert trading.shown()[1] == [], "an order of that side went out since"
    trading.decide("0")
    for _ in range(2):
        trading.decide("0", FEW)
    assert [words.split(", ")[1] for words in trading.told()] == [SMALL.why, FEW.why, FEW.why]


def test_an_exit_that_the_backtest_cannot_send(trading: Trading) -> None:
    """The price fell below what makes the position worth an order: wanted and held agree, and no word was said."""
    trading.decide("5")
    for _ in range(3):
        trading.decide("5", NO_EXIT)
    assert trading.told() == ["the strategy's order to sell, below the least worth"]
    assert len(trading.shown()[1]) == 1


def test_a_remainder_below_the_least_amount(trading: Trading) -> None:
    """A sale filled in part leaves 0.0003, which cannot be sold: wanted 0, held 0.0003."""
    trading.decide("3")
    trading.venue.quirks.partial = Decimal("0.9999")
    trading.decide("0")
    trading.venue.quirks.partial = None
    for _ in range(3):
        trading.decide("0")
    assert trading.told() == ["the rest to sell, below the least amount"]
    position, said = trading.shown()
    assert position == "wanted 0; 0.0003 cannot be sold: below the least amount"
    assert said == ["Cannot be sent since 01-01 00:03: the rest to sell, below the least amount."]
    trading.decide("3")
    trading.decide("0")
    assert trading.shown() == ("wanted 0", []), "sold with the next position"


def test_a_purchase_filled_in_part_leaves_too_little_to_buy(trading: Trading) -> None:
    trading.venue.quirks.partial = Decimal("0.99")
    for _ in range(3):
        trading.decide("5")
    assert trading.told() == ["the rest to buy, below the least worth"]
    assert trading.shown()[0] == "wanted 5; 0.05 cannot be bought: below the least worth"


def test_dust_of_a_commission_in_base_is_noted_once_however_often_it_comes(tmp_path: Path) -> None:
    trading = Trading(tmp_path / "session.sqlite", fee_in="base")
    for wanted in ("3.0001", "3.0001", "0", "0"):
        trading.decide(wanted)
    assert trading.shown()[0] == "wanted 0; 0.0000999 cannot be sold: less than one step"
    for wanted in ("2.0003", "0", "0"):
        trading.decide(wanted)
    assert trading.told() == ["the rest to sell, less than one step"]
    assert trading.shown()[1] == [], "it stands beside the position"


def test_what_a_commission_in_base_took_of_a_position_is_said(tmp_path: Path) -> None:
    trading = Trading(tmp_path / "session.sqlite", fee_in="base")
    trading.decide("5")
    trading.decide("5")
    assert trading.shown() == ("wanted 5; 0.005 of it went as commission", [])
    assert trading.told() == []


def test_a_new_epoch_is_told_anew(trading: Trading) -> None:
    trading.decide("0", SMALL)
    with trading.ledger() as ledger:
        now = {"at_ms": trading.venue.clock.now + 1, "carried": Decimal(0), "cash": Decimal(10)}
        ledger.epoch("reset", {"USD": Decimal(10)}, **now)
    trading.decide("0", SMALL)
    assert len(trading.told()) == 2


def test_both_sides_are_counted_beside_each_other(trading: Trading) -> None:
    trading.venue.script[:] = ["rejected"]
    trading.decide("5")
    trading.decide("0", SMALL)
    trading.decide("0", SMALL)
    with LedgerReader.open(trading.path) as ledger:
        found = refused_counts([SMALL, SMALL, SMALL], ledger.incidents(), ledger.orders())
    assert [one.words for one in found] == [
        "could not be sent: 3 orders of the backtest to buy, below the least worth; noted 1 time in the session",
        "refused by the exchange: 1 order to buy, insufficient",
    ]


@pytest.mark.parametrize(
    ("wanted", "held", "owed", "found"),
    [
        ("0", "0", "0", None),
        ("0.5", "0", "0", None),
        ("0.5", "0.4995", "0.0005", None),
        ("0", "0.00005", "0", ("sell", "0.00005", "less than one step")),
        ("0", "0.0003", "0", ("sell", "0.0003", "below the least amount")),
        ("0", "0.05", "0", ("sell", "0.05", "below the least worth")),
        ("0.45", "0.5", "0", ("sell", "0.05", "below the least worth")),
        ("0.0005", "0", "0", ("buy", "0.0005", "below the least amount")),
        ("0.5", "0.4998", "0", ("buy", "0.0002", "below the least amount")),
        ("0", "-0.00003", "0", None),
    ],
)
def test_what_no_order_can_change(wanted, held, owed, found) -> None:
    rest = out_of_reach(Decimal(wanted), Decimal(held), RULES, Decimal(100), owed=Decimal(owed))
    assert (None if rest is None else (rest.side, str(rest.amount), rest.why)) == found


def test_a_market_without_limits_refuses_nothing_but_what_is_less_than_a_step() -> None:
    free = MarketRules(Decimal("0.1"), Decimal("0.01"))
    assert free.refused("sell", Decimal("0.1"), Decimal(1)) is None
    refused = free.refused("sell", Decimal("0.09"), Decimal(1))
    assert refused is not None and refused.why == "less than one step"


def test_other_incidents_are_none_of_these() -> None:
    assert (
        told_of(IncidentRow(0, "rejected", "the rest to sell, below the least amount: x")) is None
    )
    assert told_of(IncidentRow(0, "unsendable", "the rest to sell, less than one step: x")) == Told(
        "rest", "sell", "less than one step"
    )
