"""Replies and failures by themselves: whatever comes, an order's state makes sense or is not believed."""

import inspect
from decimal import Decimal
from typing import Any

import pytest
from ccxt.base import errors as ccxt_errors
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import ConfigError
from cryptonn.paper.ports import ClockOff, OrderState, Rejected, Unknown, VenueFill
from cryptonn.paper.venue.exchanges import EXCHANGES
from cryptonn.paper.venue.guard import Guard, Reply
from cryptonn.paper.venue.keys import Credentials
from cryptonn.paper.venue.markets import Market, market_from
from cryptonn.paper.venue.outcomes import (
    DEFINITE,
    Failure,
    attempt,
    reading_outcome,
    sending_outcome,
)
from cryptonn.paper.venue.redaction import Redactor
from cryptonn.paper.venue.replies import Garbled, checked, checked_fills, millis, money, text
from cryptonn.trading.rules import MarketRules
from tests.paper.venue.accounts import ETH, KEY, SECRET, order

MARKET = Market(ETH, "ETHUSD", "ETH", "USD", MarketRules(Decimal("0.0001"), Decimal("0.01")))
ORDERS: dict[str, dict[str, Any]] = {
    "binance": {
        **{
            "symbol": "ETHUSD",
            "orderId": 7,
            "clientOrderId": "cn7-1-0",
            "origQty": "0.50000000",
            "side": "BUY",
        },
        **{"executedQty": "0.50000000", "status": "FILLED"},
    },
    "gemini": {
        **{
            "symbol": "ETHUSD",
            "order_id": "7",
            "client_order_id": "cn7-1-0",
            "side": "buy",
            "original_amount": "0.5",
        },
        **{
            "executed_amount": "0.5",
            "remaining_amount": "0",
            "is_live": False,
            "is_cancelled": False,
        },
    },
    "alpaca": {
        **{
            "symbol": "ETH/USD",
            "id": "7",
            "client_order_id": "cn7-1-0",
            "side": "buy",
            "qty": "0.5",
        },
        **{"filled_qty": "0.5", "status": "filled"},
    },
}
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "NaN",
            "inf",
            "-0.5",
            "0.5",
            "0",
            "1e99",
            "0.25",
            "buy",
            "SELL",
            "open",
            "CANCELED",
            "canceled",
            "ETHUSD",
            "BTCUSD",
            "",
        ]
    )
)
JUNK = (
    LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=3), LEAVES, max_size=2)
)


@pytest.mark.parametrize("name", ORDERS)
def test_a_sound_reply_is_read(name: str) -> None:
    state, side = EXCHANGES[name].order(ORDERS[name], MARKET)
    assert (state, side) == (
        OrderState("cn7-1-0", "7", "closed", Decimal("0.5"), Decimal("0.5")),
        "buy",
    )


@pytest.mark.parametrize("name", ORDERS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spoilt_reply_is_not_believed_or_still_makes_sense(
    name: str, data: st.DataObject
) -> None:
    keys = data.draw(st.lists(st.sampled_from(sorted(ORDERS[name])), min_size=1, max_size=4))
    reply: Any = {**ORDERS[name], **{key: data.draw(JUNK) for key in keys}}
    try:
        state, side = EXCHANGES[name].order(reply, MARKET)
    except Garbled:
        return
    assert side in ("buy", "sell")
    assert state.amount > 0
    assert 0 <= state.filled <= state.amount
    assert (state.status == "closed") == (state.filled == state.amount)
    assert isinstance(state.venue_id, str)
    assert state.venue_id


@pytest.mark.parametrize("name", ORDERS)
@settings(max_examples=100, deadline=None)
@given(reply=JUNK)
def test_no_reply_at_all_is_not_believed(name: str, reply: Any) -> None:
    with pytest.raises(Garbled):
        EXCHANGES[name].order(reply, MARKET)


@pytest.mark.parametrize("name", ORDERS)
def test_every_field_is_needed(name: str) -> None:
    for key in ORDERS[name]:
        lacking = {field: value for field, value in ORDERS[name].items() if field != key}
        if key in ("clientOrderId", "client_order_id"):  # an order from elsewhere may have none
            assert EXCHANGES[name].order(lacking, MARKET)[0].cid is None
            continue
        with pytest.raises(Garbled):
            EXCHANGES[name].order(lacking, MARKET)


@pytest.mark.parametrize(
    ("live", "cancelled", "executed", "status"),
    [
        (True, False, "0", "open"),
        (True, False, "0.2", "open"),
        (False, True, "0", "canceled"),
        (False, True, "0.2", "canceled"),
        (False, False, "0.2", "canceled"),
        (False, False, "0", "canceled"),
        (False, True, "0.5", "closed"),
        (True, True, "0", None),
        (True, False, "0.5", None),
    ],
)
def test_gemini_is_read_by_what_is_filled_and_whether_it_is_live(
    live: bool, cancelled: bool, executed: str, status: str | None
) -> None:
    rest = str(Decimal("0.5") - Decimal(executed))
    reply = {
        **ORDERS["gemini"],
        "is_live": live,
        "is_cancelled": cancelled,
        "executed_amount": executed,
        "remaining_amount": rest,
    }
    if status is None:
        with pytest.raises(Garbled):
            EXCHANGES["gemini"].order(reply, MARKET)
    else:
        state, _ = EXCHANGES["gemini"].order(reply, MARKET)
        assert (state.status, state.filled) == (status, Decimal(executed))


@pytest.mark.parametrize(
    "bad",
    [None, "", "x", "NaN", "Infinity", "-1", True, [], {}, float("nan"), "1e40", "0." + "1" * 40],
)
def test_what_is_no_amount(bad: Any) -> None:
    with pytest.raises(Garbled):
        money({"qty": bad}, "qty")


@pytest.mark.parametrize(
    ("good", "amount"),
    [("0.50", "0.50"), (3, "3"), (1e-06, "0.000001"), ("0", "0"), ("1E-8", "0.00000001")],
)
def test_what_is_an_amount_is_taken_exactly(good: Any, amount: str) -> None:
    assert money({"qty": good}, "qty") == Decimal(amount)


@pytest.mark.parametrize("bad", [None, 0, 1, "x", 1_700_000_000, 1.7e12, "17000000000000", True])
def test_what_is_no_time(bad: Any) -> None:
    with pytest.raises(Garbled):
        millis({"time": bad}, "time")


@pytest.mark.parametrize("bad", [None, "", " ", True, 1.5, [], "x" * 201])
def test_what_is_no_identifier(bad: Any) -> None:
    with pytest.raises(Garbled):
        text({"id": bad}, "id")


def state(filled: str = "0.5", status: Any = "closed") -> OrderState:
    return OrderState("c", "7", status, Decimal("0.5"), Decimal(filled))


def fill(**changes: Any) -> VenueFill:
    known: dict[str, Any] = {
        "trade_id": "1",
        "venue_id": "7",
        "side": "buy",
        "amount": Decimal("0.25"),
        "price": Decimal(9),
    }
    return VenueFill(**{**known, "fee": Decimal(0), "fee_currency": "USD", "time_ms": 5, **changes})


def test_fills_come_once_and_in_order_of_time() -> None:
    later, first = fill(trade_id="1", time_ms=9), fill(trade_id="2", time_ms=8)
    assert checked_fills([later, first, later], state()) == [first, later]


@pytest.mark.parametrize(
    "fills",
    [
        [fill(venue_id="8")],
        [fill(), fill(price=Decimal(10))],
        [fill(), fill(trade_id="2", side="sell")],
        [fill(), fill(trade_id="2"), fill(trade_id="3")],
    ],
)
def test_fills_that_cannot_be_of_one_order_are_not_believed(fills: list[VenueFill]) -> None:
    with pytest.raises(Garbled):
        checked_fills(fills, state())


@pytest.mark.parametrize(
    "bad",
    [
        state("0.5", "open"),
        state("0.4"),
        state("0.6", "expired"),
        state("0.1", "rejected"),
        state("0.5", "canceled"),
    ],
)
def test_states_that_contradict_themselves_are_not_believed(bad: OrderState) -> None:
    with pytest.raises(Garbled):
        checked(bad)


@pytest.mark.parametrize(
    "spoilt", [{"amount": None}, {"amount": 0}, {"price": None}, {"price": "x"}, {"amount": True}]
)
def test_a_market_without_steps_is_not_believed(spoilt: dict[str, Any]) -> None:
    found = {
        **{
            "symbol": ETH,
            "id": "ETHUSD",
            "base": "ETH",
            "quote": "USD",
            "spot": True,
            "active": True,
        },
        **{
            "precision": {"amount": 0.0001, "price": 0.01},
            "limits": {"amount": {"min": 0.0001}, "cost": None},
        },
    }
    assert market_from(found, exchange="binance", fee_in="base").rules.min_cost == 0
    for closed in ({"active": False}, {"spot": False}):
        with pytest.raises(ConfigError, match="no spot market"):
            market_from({**found, **closed}, exchange="binance", fee_in="base")
    with pytest.raises(Garbled):
        market_from(
            {**found, "precision": {**found["precision"], **spoilt}},
            exchange="binance",
            fee_in="base",
        )


# Failures

CLASSES = [
    kind
    for _, kind in inspect.getmembers(ccxt_errors, inspect.isclass)
    if issubclass(kind, Exception)
]
FOREIGN = [
    ValueError,
    KeyError,
    AttributeError,
    OSError,
    ConnectionResetError,
    MemoryError,
    RecursionError,
    TimeoutError,
]
BINANCE = EXCHANGES["binance"].codes
GUARD, REDACTOR = Guard(EXCHANGES["binance"].sandbox), Redactor(Credentials(KEY, SECRET))


def failure(kind: type[Exception], reply: Reply | None, *, left: bool = True) -> Failure:
    names = tuple(one.__name__ for one in kind.__mro__)
    return Failure(names, "words", reply, left, BINANCE)


def outcome(kind: type[Exception], reply: Reply | None, *, left: bool = True) -> Any:
    return sending_outcome(failure(kind, reply, left=left), exchange="binance", cid=order().cid)


@pytest.mark.parametrize("kind", [*CLASSES, *FOREIGN], ids=lambda kind: kind.__name__)
def test_only_what_the_exchange_itself_refused_with_a_reason_is_rejected(
    kind: type[Exception],
) -> None:
    uncertain = [
        None,
        Reply(200, {}, {"code": -2010, "msg": "x"}),
        Reply(500, {}, {"code": -2010, "msg": "x"}),
        Reply(503, {}, None),
        Reply(400, {}, None),
        Reply(403, {}, "<html>"),
        Reply(400, {}, {"msg": "no code"}),
        *(Reply(status, {}, {"code": -1013}) for status in (408, 409, 418, 425, 429)),
    ]
    for reply in uncertain:
        assert isinstance(outcome(kind, reply), Unknown), reply
    told = outcome(kind, Reply(400, {}, {"code": -1013, "msg": "x"}))
    names = {one.__name__ for one in kind.__mro__}
    speaks_of_an_order = names & {"OrderNotFound", "OrderNotCached", "DuplicateOrderId"}
    assert isinstance(told, Rejected if names & DEFINITE and not speaks_of_an_order else Unknown)
    assert isinstance(outcome(kind, None, left=False), Rejected)
    assert isinstance(outcome(kind, Reply(400, {}, {"code": -1021})), ClockOff)


def test_a_ban_that_ccxt_takes_for_a_passing_one_halts() -> None:
    told = outcome(ccxt_errors.DDoSProtection, Reply(401, {}, {"code": -2015}))
    assert isinstance(told, Rejected)
    assert told.halts


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {"Retry-After": "7"}, 7),
        (418, {"retry-after": "300"}, 300),
        (503, {"Retry-After": "5"}, 5),
        (503, {}, 0),
        (429, {}, 10),
        (418, {"Retry-After": "soon"}, 120),
        (500, {"Retry-After": "5"}, 0),
        (200, {"Retry-After": "5"}, 0),
    ],
)
def test_how_long_an_exchange_wants_to_be_left_alone(
    status: int, headers: dict[str, str], wait_s: float
) -> None:
    def refused() -> None:
        GUARD.last = Reply(status, headers, None)
        raise ccxt_errors.RateLimitExceeded("x")

    found = attempt(refused, guard=GUARD, redactor=REDACTOR, codes=BINANCE)
    assert isinstance(found, Failure)
    assert reading_outcome(found, exchange="binance", what="x").wait_s == wait_s


def test_an_attempt_gives_what_the_call_gives_even_nothing() -> None:
    assert attempt(lambda: None, guard=GUARD, redactor=REDACTOR, codes=BINANCE) is None
    assert attempt(lambda: [1], guard=GUARD, redactor=REDACTOR, codes=BINANCE) == [1]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_goes_through(stop: type[BaseException]) -> None:
    def stopped() -> None:
        raise stop

    with pytest.raises(stop):
        attempt(stopped, guard=GUARD, redactor=REDACTOR, codes=BINANCE)
