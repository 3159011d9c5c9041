"""The order that moves what is held to what is wanted: a table of cases, and what holds for all."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.paper.planner import plan
from cryptonn.trading.rules import MarketRules

RULES = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.001"), Decimal(10))
PRICE = Decimal(100)

# wanted, held, owed -> signed amount; the least cost of 10 is 0.1 at a price of 100
CASES = [
    ("0", "0", "0", "0"),
    ("0.5", "0", "0", "0.5"),
    ("0.5", "0.5", "0", "0"),
    ("0.8", "0.5", "0", "0.3"),
    ("0.3", "0.5", "0", "-0.2"),
    ("0", "0.5", "0", "-0.5"),
    ("0.5", "0.4995", "0.0005", "0"),  # the commission took it: nothing to buy back
    ("0.8", "0.4995", "0.0005", "0.3"),
    ("0.3", "0.4995", "0.0005", "-0.2"),
    ("0", "0.4995", "0.0005", "-0.4995"),  # closing sells what is there
    ("0", "0.49955", "0.00045", "-0.4995"),  # less than a step cannot be sold
    ("0.5", "0.00005", "0", "0.5"),  # nor is it bought around: the next position is a whole one
    ("0.0001", "0.4995", "0.0005", "-0.4995"),  # not more than there is
    ("0.45", "0.5", "0", "0"),  # 0.05 costs 5: too small to be sent
    ("0", "0.05", "0", "0"),
    ("0.05", "0", "0", "0"),
    ("0.2", "-0.00003", "0", "0.2"),
    ("0.50005", "0", "0", "0.5"),  # wanted under a finer step than the market's now
    ("0.00005", "0.5", "0", "-0.5"),
]


@pytest.mark.parametrize(("wanted", "held", "owed", "amount"), CASES)
def test_table(wanted, held, owed, amount):
    move = plan(Decimal(wanted), Decimal(held), RULES, PRICE, owed=Decimal(owed))
    found = Decimal(0) if move is None else move.amount if move.side == "buy" else -move.amount
    assert found == Decimal(amount)


amounts = st.integers(0, 50_000).map(lambda steps: steps * RULES.amount_step)
units = st.integers(0, 10**9).map(lambda units: units * Decimal("1e-8"))


@settings(deadline=None)
@given(wanted=amounts, held=units, owed=units)
def test_every_order_can_be_sent_and_none_sells_what_is_not_there(wanted, held, owed):
    """I9: on the step, not below the exchange's limits, and never more than is held."""
    move = plan(wanted, held, RULES, PRICE, owed=owed)
    if move is not None:
        assert move.amount % RULES.amount_step == 0
        assert RULES.sendable(move.amount, PRICE)
        assert move.side == "buy" or move.amount <= held


@settings(deadline=None)
@given(wanted=amounts, held=amounts)
def test_one_order_is_enough(wanted, held):
    """After it, nothing is left to do: what stays apart could not be sent."""
    move = plan(wanted, held, RULES, PRICE)
    after = held if move is None else held + (move.amount if move.side == "buy" else -move.amount)
    assert plan(wanted, after, RULES, PRICE) is None
    assert after == wanted or not RULES.sendable(abs(wanted - held), PRICE)
