"""Account and ledger compared: what halts, what is waited for, and how a session goes on afterwards."""

from decimal import Decimal

import pytest

from cryptonn.errors import DataError
from cryptonn.paper.executor import Executor
from cryptonn.paper.inquiry import Timing
from cryptonn.paper.ledger import Ledger
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import OrderRequest
from cryptonn.paper.reconcile import accept_venue, differences, reconcile
from tests.paper.model_exchange import FACTS, MINUTE, START, SYMBOL, ModelVenue, TestClock, decision

PRICE = Decimal(100)


@pytest.fixture
def venue():
    return ModelVenue(TestClock(START + MINUTE))


@pytest.fixture
def ledger(tmp_path, venue):
    with Ledger.open(tmp_path / "paper.db", FACTS) as ledger:
        assert reconcile(ledger, venue, venue.clock, price=PRICE) == "opened"
        yield ledger


@pytest.fixture
def executor(ledger, venue):
    return Executor(ledger, venue, venue.clock, timing=Timing())


def test_an_account_that_agrees(ledger, venue, executor):
    executor.act(decision(0, "5"))
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    assert {name for _, name, _, _ in ledger.snapshots()} == {"ETH", "USD", "BNB"}


@pytest.mark.parametrize("step", [Decimal("0.0001"), Decimal("-0.0001")])
def test_one_step_is_no_difference_and_two_are(ledger, venue, executor, step):
    executor.act(decision(0, "5"))
    venue.totals["ETH"] += step
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    venue.totals["ETH"] += step
    with pytest.raises(DataError, match=r"ETH: exchange .*, ledger 6 .*--accept-venue"):
        reconcile(ledger, venue, venue.clock, price=PRICE)


def test_a_withdrawal_halts_until_it_is_accepted(ledger, venue, executor):
    executor.act(decision(0, "5"))
    venue.totals["ETH"] = Decimal("4.5")
    with pytest.raises(DataError, match=r"-1\.5"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    assert [one.kind for one in ledger.incidents()] == ["difference"]
    cash = ledger.cash()
    accept_venue(ledger, venue, venue.clock)
    assert (ledger.position(), ledger.cash()) == (Decimal("4.5"), cash)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    venue.clock.now = decision(1, "5").close_ms
    executor.act(decision(1, "5"))
    assert ledger.position() == 5


def test_nothing_leaves_before_the_account_was_compared(ledger, venue, executor):
    """A start sent what was planned before the stop, and then halted saying that nothing was traded."""
    ledger.plan(decision(0, "5"), Move("buy", Decimal(5)), at_ms=venue.clock.now)
    venue.totals["USD"] -= 100
    executor.look_up()
    with pytest.raises(DataError, match="USD"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    assert not venue.posts
    assert ledger.orders()[0].state == "PLANNED"
    accept_venue(ledger, venue, venue.clock)
    assert [(order.state, order.reason) for order in ledger.orders()] == [
        ("DROPPED", "account accepted by hand")
    ]
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    assert executor.settle() and not venue.posts


def test_an_order_the_ledger_lost_is_found_before_the_account_is_compared(ledger, venue, executor):
    order = ledger.plan(decision(0, "5"), Move("buy", Decimal(5)), at_ms=venue.clock.now)
    venue.send(order.request(SYMBOL))
    executor.look_up()
    assert ledger.position() == 5
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"


def test_balances_that_lag_are_looked_at_again(ledger, venue, executor):
    executor.act(decision(0, "5"))
    right, looks = venue.balances, []

    def lagging():
        looks.append(venue.clock.now)
        return right() | ({"ETH": (Decimal(1), Decimal(0))} if len(looks) < 3 else {})

    venue.balances = lagging
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    assert len(looks) == 3


def test_a_sandbox_reset_begins_an_epoch(ledger, venue, executor):
    executor.act(decision(0, "5"))
    equity = ledger.equity(PRICE)
    venue.reset()
    venue.clock.now = decision(1, "5").close_ms
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert (ledger.position(), ledger.cash()) == (0, equity)
    executor.act(decision(1, "5"))  # the same ids of orders and trades come again
    assert ledger.position() == 5
    assert [order.venue_id for order in ledger.orders()] == ["1", "1"]
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"


def reset_meanwhile(venue, *, grant=Decimal(0)):
    """Reset the exchange, whose ids go on; ``grant`` is what it gives more than last time."""
    numbers = venue.numbers
    venue.reset()
    venue.numbers = numbers
    venue.totals["USD"] += grant


def act(executor, venue, wanted, *bars):
    for bar in bars:
        venue.clock.now = decision(bar, wanted).close_ms
        executor.act(decision(bar, wanted))


def test_orders_sent_since_a_reset_are_carried_into_the_new_epoch(ledger, venue, executor):
    """The newest order is known then: it was taken for a withdrawal."""
    act(executor, venue, "5", 0)
    act(executor, venue, "0", 1)
    reset_meanwhile(venue)
    act(executor, venue, "3", 2)
    act(executor, venue, "4", 3)
    equity = ledger.equity(PRICE)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert (ledger.position(), ledger.equity(PRICE)) == (4, equity)
    assert len(ledger.epochs()) == 2 and len(ledger.fills()) == len(
        {fill.trade_id for fill in ledger.fills()}
    )
    assert "before" in next(one.detail for one in ledger.incidents() if one.kind == "reset")
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    act(executor, venue, "4", 4)
    assert len(venue.posts) == 4
    act(executor, venue, "0", 5)
    assert ledger.position() == 0 and venue.totals["ETH"] == 1
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"


def test_ids_that_begin_anew_with_a_reset_are_those_of_other_orders_and_trades(
    ledger, venue, executor
):
    """Replies about the order after it were not believed, and it was given up for lost with its fills."""
    act(executor, venue, "5", 0)
    act(executor, venue, "0", 1)
    venue.reset()
    act(executor, venue, "3", 2)
    assert [(order.state, order.venue_id) for order in ledger.orders()] == [
        *(("CLOSED", "1"), ("CLOSED", "2")),
        ("CLOSED", "1"),
    ]
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert ledger.position() == 3 == venue.totals["ETH"] - 1
    act(executor, venue, "3", 3)
    assert len(venue.trades()) == len(ledger.fills()) - 4
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"


def test_an_order_that_the_exchange_has_is_never_taken_for_lost_in_a_reset(ledger, venue, executor):
    """No reply, and no answer to a look-up before the hourly look: its fills were nobody's, and bought again."""
    act(executor, venue, "5", 0)
    act(executor, venue, "0", 1)
    reset_meanwhile(venue)
    venue.script, venue.quirks.unreadable = ["lost"], 100
    act(executor, venue, "3", 2)
    venue.quirks.unreadable = 0
    assert ledger.orders()[-1].state == "SENDING"
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "pending"
    act(executor, venue, "3", 3)
    assert ledger.position() == 3 and len(venue.posts) == 3
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert ledger.position() == 3 == venue.totals["ETH"] - 1


def test_what_was_held_at_a_reset_is_gone_and_bought_again(ledger, venue, executor):
    act(executor, venue, "5", 0)
    reset_meanwhile(venue)
    act(executor, venue, "7", 1)  # two more
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert ledger.position() == 2
    act(executor, venue, "7", 2)
    assert ledger.position() == 7 == venue.totals["ETH"] - 1
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"


def test_a_sale_since_a_reset_was_of_what_the_account_was_given(ledger, venue, executor):
    act(executor, venue, "0.5", 0)
    reset_meanwhile(venue)
    act(executor, venue, "0", 1)
    equity = ledger.equity(PRICE)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert (ledger.position(), ledger.cash()) == (0, equity)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"


def test_a_second_reset_is_recognised_by_what_the_first_one_gave(ledger, venue, executor):
    act(executor, venue, "5", 0)
    reset_meanwhile(venue, grant=Decimal(7))
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    act(executor, venue, "5", 1)
    act(executor, venue, "0", 2)
    reset_meanwhile(venue, grant=Decimal(7))
    act(executor, venue, "2", 3)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert ledger.position() == 2


def test_orders_that_filled_nothing_do_not_hide_a_reset(ledger, venue, executor):
    act(executor, venue, "5", 0)
    venue.quirks.empty_book = True
    act(executor, venue, "6", 1)
    reset_meanwhile(venue)
    act(executor, venue, "6", 2)
    venue.quirks.empty_book = False
    act(executor, venue, "6", 3)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert ledger.position() == 1


@pytest.mark.parametrize("taken", ["before", "after", "instead"])
def test_a_withdrawal_is_never_taken_for_a_reset(ledger, venue, executor, taken):
    """With a reset in the same hour, or with old orders forgotten: what the balances do not explain halts."""
    act(executor, venue, "5", 0)
    act(executor, venue, "0", 1)
    if taken == "instead":
        venue.orders.clear()
    else:
        reset_meanwhile(venue, grant=Decimal(-50) if taken == "before" else Decimal(0))
    act(executor, venue, "3", 2)
    if taken != "before":
        venue.totals["USD"] -= 50
    with pytest.raises(DataError, match="differ"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    assert len(ledger.epochs()) == 1


def test_balances_as_after_a_reset_with_older_orders_known_halt(ledger, venue, executor):
    act(executor, venue, "5", 0)
    venue.totals = {"ETH": Decimal(1), "USD": Decimal(20_000), "BNB": Decimal(1)}
    act(executor, venue, "7", 1)
    with pytest.raises(DataError, match="differ"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    assert len(ledger.epochs()) == 1


def test_older_orders_that_are_not_found_for_a_moment_are_no_reset(ledger, venue, executor):
    act(executor, venue, "5", 0)
    venue.totals = {"ETH": Decimal(1), "USD": Decimal(20_000), "BNB": Decimal(1)}
    act(executor, venue, "7", 1)
    first, right = ledger.orders()[0].cid, venue.find
    asked = []

    def lagging(cid, symbol):
        asked.append(cid)
        return None if cid == first and asked.count(first) < 3 else right(cid, symbol)

    venue.find = lagging
    with pytest.raises(DataError, match="differ"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    assert asked.count(first) == 3


def test_a_reset_forgets_an_order_at_work(ledger, venue, executor):
    venue.quirks.rest_until_ms = START + 60 * MINUTE
    executor.act(decision(0, "5"))
    venue.reset()
    venue.totals["USD"] = Decimal(10_000)
    assert not executor.settle()
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "reset"
    assert [(order.state, order.reason) for order in ledger.orders()] == [("CLOSED", "reset")]
    assert executor.settle()


def test_a_forgotten_order_that_changed_nothing_ends(ledger, venue, executor):
    """A reset before anything was filled leaves the balances as they were."""
    venue.quirks.rest_until_ms = START + 60 * MINUTE
    executor.act(decision(0, "5"))
    venue.reset()
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    assert [(order.state, order.reason) for order in ledger.orders()] == [("CLOSED", "forgotten")]
    assert len(ledger.epochs()) == 1


def test_an_order_forgotten_alone_halts_until_the_account_is_accepted(ledger, venue, executor):
    executor.act(decision(0, "5"))
    venue.quirks.rest_until_ms = START + 60 * MINUTE
    venue.clock.now = decision(1, "7").close_ms
    executor.act(decision(1, "7"))
    del venue.orders["2"]
    with pytest.raises(DataError, match=r"unknown to it now.*--accept-venue"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    accept_venue(ledger, venue, venue.clock)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    assert ledger.position() == 5


@pytest.mark.parametrize(
    "quirk", [{"rest_until_ms": START + 60 * MINUTE}, {"fills_lag_ms": 30_000}]
)
def test_an_order_that_is_not_found_for_a_moment_is_still_there(ledger, venue, executor, quirk):
    """A look-up that lags would else end it, or open an epoch without a position, which is then bought again."""
    for name, value in quirk.items():
        setattr(venue.quirks, name, value)
    executor.act(decision(0, "5"))
    right, until_ms = venue.find, venue.clock.now + 5000
    venue.find = lambda *asked: None if venue.clock.now < until_ms else right(*asked)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "pending"
    assert [order.state for order in ledger.orders()] == ["OPEN"]
    assert len(ledger.epochs()) == 1


def test_an_order_on_its_way_outlives_a_reset(ledger, venue, executor):
    """Given up before the time fence, it would be accepted after all, and its successor would trade a second time."""
    executor.act(decision(0, "5"))
    venue.reset()
    venue.numbers = 1
    venue.clock.now = decision(1, "7").close_ms
    venue.script, venue.quirks.unreadable, venue.quirks.wait_s = ["late"], 1, 100.0
    executor.act(decision(1, "7"))
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "pending"
    venue.clock.now += 120_000
    assert executor.settle()
    assert [order.state for order in ledger.orders()] == ["CLOSED", "CLOSED"]


def test_unknown_orders_with_the_right_balances_are_no_reset(ledger, venue, executor):
    """Some exchanges forget old orders."""
    executor.act(decision(0, "5"))
    venue.orders.clear()
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    assert len(ledger.epochs()) == 1


def test_one_known_order_makes_a_difference_no_reset(ledger, venue, executor):
    executor.act(decision(0, "5"))
    venue.totals["ETH"] = Decimal(1)
    with pytest.raises(DataError, match="ETH"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    assert len(ledger.epochs()) == 1


def test_a_foreign_order_halts_and_can_be_cancelled(ledger, venue, executor):
    venue.quirks.rest_until_ms = START + 60 * MINUTE
    venue.send(OrderRequest("someone-else", SYMBOL, "buy", Decimal(5)))
    with pytest.raises(DataError, match=r"did not send: 1 \(someone-else\)"):
        reconcile(ledger, venue, venue.clock, price=PRICE)
    accept_venue(ledger, venue, venue.clock)
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"


def test_nothing_is_compared_or_accepted_while_an_order_is_at_work(ledger, venue, executor):
    venue.quirks.rest_until_ms = START + 60 * MINUTE
    executor.act(decision(0, "5"))
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "pending"
    with pytest.raises(DataError, match="still OPEN"):
        accept_venue(ledger, venue, venue.clock)


def test_a_commission_in_a_third_coin_is_compared_too(ledger, venue, executor):
    venue.quirks.fee_currency = "BNB"
    executor.act(decision(0, "5"))
    assert ledger.fees() == {"BNB": Decimal("0.005")}
    assert reconcile(ledger, venue, venue.clock, price=PRICE) == "agrees"
    venue.totals["BNB"] -= 1
    assert [one.currency for one in differences(ledger, venue.balances(), venue.market)] == ["BNB"]
