"""How orders fill, bar by bar: the clock rule of the backtest, seen from the exchange's side."""

from decimal import Decimal

import pytest

from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.orders import Refused
from tests.local_exchange.hand_made import (
    ETH,
    MINUTE,
    START_MS,
    D,
    at,
    flat,
    hand_made,
    send,
    table,
)

WALK = [
    (100.0, 101.0, 99.0, 100.5, 5.0),
    (100.5, 102.0, 100.0, 101.5, 5.0),
    (101.5, 101.5, 101.5, 101.5, 0.0),
    (101.5, 101.5, 101.5, 101.5, 0.0),
    (103.0, 104.0, 97.0, 98.0, 5.0),
    (98.0, 98.5, 97.5, 98.0, 5.0),
]


def facts(exchange: Exchange) -> list[tuple[int, str, Decimal, Decimal, Decimal, str]]:
    """Trades as (minute, side, amount, price, fee, currency)."""
    return [
        ((t.time_ms - START_MS) // MINUTE, t.side, t.amount, t.price, t.fee, t.fee_currency)
        for t in exchange.matching.trades[ETH]
    ]


def test_a_market_order_fills_at_once_at_the_open_of_the_bar_in_progress() -> None:
    exchange = hand_made(table(WALK))
    at(exchange, 1.7)
    order = send(exchange, "buy", "0.5")
    assert (order.status, order.filled, order.cost) == ("filled", D("0.5"), D("50.25"))
    assert order.trades[0].time_ms == exchange.now_ms
    assert exchange.account.free == {"ETH": D("0.5"), "USD": D("9949.75")}


def test_spread_and_slippage_go_against_the_trader_and_so_does_the_tick() -> None:
    exchange = hand_made(table(WALK), spread="0.0001", slippage="0.0002", balances={"ETH": D(1)})
    at(exchange, 1)
    assert send(exchange, "buy", "0.2").trades[0].price == D("100.54"), "100.53015 up"
    assert send(exchange, "sell", "0.2").trades[0].price == D("100.46"), "100.46985 down"


def test_an_order_in_a_bar_without_a_trade_waits_for_the_open_of_the_next_that_has_one() -> None:
    exchange = hand_made(table(WALK), taker="0.001")
    at(exchange, 2.5)
    order = send(exchange, "buy", "0.5")
    assert order.status == "new" and exchange.account.locked["USD"] == D("50.80075")
    at(exchange, 3.99)
    assert order.status == "new"
    at(exchange, 5.5)
    assert facts(exchange) == [(4, "buy", D("0.5"), D("103.00"), D("0.0515"), "USD")]
    assert exchange.account.locked["USD"] == 0 and exchange.audit() == []


def test_a_missing_bar_is_a_bar_without_a_trade() -> None:
    exchange = hand_made(table(WALK).drop(table(WALK).index[2:4]))
    at(exchange, 2)
    order = send(exchange, "buy", "0.5")
    assert order.status == "new"
    at(exchange, 4)
    assert facts(exchange) == [(4, "buy", D("0.5"), D("103.00"), D(0), "USD")]


def test_a_waiting_order_ends_when_the_price_runs_away_from_the_money() -> None:
    exchange = hand_made(
        table([*WALK[:3], (150.0, 150.0, 150.0, 150.0, 1.0)]), balances={"USD": D(105)}
    )
    at(exchange, 2)
    order = send(exchange, "buy", "1")
    at(exchange, 3)
    assert (order.status, order.filled) == ("expired", 0)
    assert exchange.account.free["USD"] == 105 and exchange.audit() == []


def test_a_limit_order_that_the_price_allows_is_a_market_order() -> None:
    exchange = hand_made(table(WALK), spread="0.0003", taker="0.001")
    at(exchange, 1)
    order = send(exchange, "buy", "0.5", "105")
    assert facts(exchange) == [(1, "buy", D("0.5"), D("100.54"), D("0.05027"), "USD")]
    assert not order.trades[0].maker


@pytest.mark.parametrize(
    ("side", "limit", "sent", "filled", "price"),
    [
        ("buy", "99.00", 0.5, 5, "99.00"),  # bar 4 reaches 97 within: known at its close
        ("buy", "98.00", 4.5, 5, "98.00"),  # bar 5 opens there
        ("buy", "96.00", 0.5, None, None),
        (
            "buy",
            "99.00",
            4.5,
            5,
            "99.00",
        ),  # the bar in progress at arrival does not count, the next opens below
        ("sell", "102.00", 0.5, 2, "102.00"),  # bar 1 reaches 102: at its close
        ("sell", "103.00", 0.5, 4, "103.00"),  # bar 4 opens there
        ("sell", "103.50", 0.5, 5, "103.50"),
    ],
)
def test_a_limit_order_fills_at_its_limit_when_a_later_bar_reaches_it(
    side, limit, sent, filled, price
) -> None:
    exchange = hand_made(table(WALK), maker="0.001", taker="0.002", balances={"ETH": D(1)})
    at(exchange, sent)
    order = send(exchange, side, "0.5", limit)
    assert order.status == "new"
    for minute in range(1, 9):
        if minute > sent:
            at(exchange, minute)
    if filled is None:
        assert order.status == "new"
    else:
        fee = D("0.5") * D(price) / 1000
        assert facts(exchange) == [(filled, side, D("0.5"), D(price), fee, "USD")]
        assert order.trades[0].maker
    assert exchange.audit() == []


def test_it_does_not_matter_how_the_time_passes() -> None:
    books = []
    for steps in ([9], range(1, 10), [0.6 + step / 3 for step in range(28)]):
        exchange = hand_made(table(WALK), maker="0.001", balances={"ETH": D(1)})
        at(exchange, 0.5)
        orders = [
            send(exchange, "buy", "0.5", "99"),
            send(exchange, "sell", "0.5", "102"),
            send(exchange, "buy", "1"),
        ]
        for step in steps:
            at(exchange, step)
        books.append(([order.status for order in orders], facts(exchange), exchange.account.free))
    assert books[0] == books[1] == books[2]


def test_cancel_gives_back_what_was_held() -> None:
    exchange = hand_made(table(WALK), taker="0.001")
    order = send(exchange, "buy", "1", "90")
    assert exchange.account.locked["USD"] == D("90.09")
    exchange.matching.cancel(order, now_ms=at(exchange, 1))
    assert order.status == "canceled" and exchange.account.free["USD"] == 10_000
    with pytest.raises(Refused, match="not_open"):
        exchange.matching.cancel(order, now_ms=exchange.now_ms)


def test_time_in_force() -> None:
    exchange = hand_made(table(WALK))
    assert send(exchange, "buy", "1", "99.99", time_in_force="IOC").status == "expired"
    assert send(exchange, "buy", "1", "100", time_in_force="IOC").status == "filled"
    assert send(exchange, "buy", "1", "100", time_in_force="FOK").status == "filled"
    with pytest.raises(Refused, match="would_take"):
        send(exchange, "buy", "1", "100", post_only=True)
    assert send(exchange, "buy", "1", "99.99", post_only=True).status == "new"


def test_an_immediate_order_needs_only_what_it_costs() -> None:
    exchange = hand_made(table(WALK), balances={"USD": D(100)})
    assert send(exchange, "buy", "1", "105", time_in_force="IOC").status == "filled"


def test_fees_in_base_leave_less_than_was_bought() -> None:
    exchange = hand_made(flat(100, 100), taker="0.0015", fee_in="base")
    send(exchange, "buy", "0.3333")
    assert exchange.account.free["ETH"] == D("0.3333") - D("0.00049995")
    send(exchange, "sell", "0.3328")
    assert exchange.account.free["USD"] == D(10_000) - D("33.33") + D("33.28") - D("0.04992")
    assert exchange.audit() == []


def test_a_fee_is_rounded_half_up_to_eight_decimals() -> None:
    exchange = hand_made(flat(100.03, 100.03), taker="0.00000150")
    assert send(exchange, "buy", "1.0000").trades[0].fee == D("0.00015005"), "0.000150045"


def test_fees_in_a_third_currency_while_there_is_enough_of_it() -> None:
    exchange = hand_made(flat(100, 100), taker="0.001", balances={"BNB": D("0.0005")})
    exchange.quirks.change(
        {"fee_currency": "BNB", "fee_currency_price": "250"}, now_ms=exchange.now_ms
    )
    trade = send(exchange, "buy", "1").trades[0]
    assert (trade.fee, trade.fee_currency) == (D("0.0004"), "BNB")
    assert send(exchange, "buy", "1").trades[0].fee_currency == "USD"
    assert exchange.account.free["BNB"] == D("0.0001") and exchange.audit() == []


@pytest.mark.parametrize(
    ("side", "amount", "limit", "reason"),
    [
        ("buy", "0.00005", None, "amount_step"),
        ("buy", "0", None, "amount_range"),
        ("buy", "9001", None, "amount_range"),
        ("buy", "1", "99.999", "price_tick"),
        ("buy", "1", "501.00", "price_range"),
        ("buy", "1", "19.99", "price_range"),
        ("buy", "0.0999", None, "min_cost"),
        ("buy", "0.1", "99.99", "min_cost"),
        ("buy", "100.01", None, "insufficient"),
        ("sell", "0.1", None, "insufficient"),
        ("buy", "100.01", "100", "insufficient"),
    ],
)
def test_what_the_market_does_not_take(side, amount, limit, reason) -> None:
    exchange = hand_made(flat(100, 100))
    with pytest.raises(Refused, match=f"^{reason}$"):
        send(exchange, side, amount, limit)
    assert exchange.matching.orders == {} and exchange.audit() == []
    assert exchange.account.free["USD"] == 10_000


def test_the_least_cost_is_that_at_the_last_close() -> None:
    exchange = hand_made(table([(100, 100, 100, 100, 1), (99, 99, 99, 99, 1)]))
    at(exchange, 1)
    assert send(exchange, "buy", "0.1").status == "filled", "10 at the close, 9.9 now"


def test_no_order_before_the_first_trade_nor_in_a_halted_market() -> None:
    exchange = hand_made(table([(100, 100, 100, 100, 0.0), *WALK]))
    with pytest.raises(Refused, match="market_closed"):
        send(exchange, "buy", "1")
    at(exchange, 1)
    exchange.quirks.change({"halted": True}, now_ms=exchange.now_ms)
    with pytest.raises(Refused, match="market_closed"):
        send(exchange, "buy", "1")


# Quirks of filling


def quirky(**quirks: object) -> Exchange:
    exchange = hand_made(flat(*[100] * 9), taker="0.001")
    exchange.quirks.change(quirks, now_ms=exchange.now_ms)
    return exchange


def test_the_rest_of_a_partial_fill_comes_later() -> None:
    exchange = quirky(partial="0.5", remainder_ms=3000)
    order = send(exchange, "buy", "0.3333")
    assert (order.status, order.filled) == ("partial", D("0.1666"))
    exchange.settle(START_MS + 2999)
    assert order.status == "partial"
    exchange.settle(START_MS + 3000)
    assert (order.status, order.filled) == ("filled", D("0.3333")) and exchange.audit() == []


def test_the_rest_of_a_partial_fill_waits_to_be_cancelled() -> None:
    exchange = quirky(partial="0.5", remainder="rest")
    order = send(exchange, "buy", "1")
    exchange.matching.cancel(order, now_ms=at(exchange, 5))
    assert (order.status, order.filled) == ("canceled", D("0.5")) and exchange.audit() == []


def test_the_rest_of_a_partial_fill_expires() -> None:
    exchange = quirky(partial="0.25", remainder="expire")
    order = send(exchange, "buy", "1")
    assert (order.status, order.filled) == ("expired", D("0.25")) and exchange.audit() == []


def test_the_rest_of_a_partial_fill_comes_while_it_is_cancelled() -> None:
    exchange = quirky(partial="0.5", remainder="cancel")
    order = send(exchange, "buy", "1")
    with pytest.raises(Refused, match="not_open"):
        exchange.matching.cancel(order, now_ms=at(exchange, 5))
    assert (order.status, order.filled) == ("filled", D(1)) and exchange.audit() == []


def test_an_immediate_order_keeps_what_filled() -> None:
    exchange = quirky(partial="0.5")
    order = send(exchange, "buy", "1", "100", time_in_force="IOC")
    assert (order.status, order.filled) == ("expired", D("0.5"))
    assert send(exchange, "buy", "1", "100", time_in_force="FOK").filled == 0


def test_an_empty_book() -> None:
    exchange = quirky(empty_book=True)
    order = send(exchange, "buy", "1")
    assert (order.status, order.filled) == ("expired", 0)
    assert send(exchange, "buy", "1", "100", time_in_force="IOC").status == "expired"
    assert send(exchange, "buy", "1", "100").status == "new"


def test_a_fill_in_pieces() -> None:
    exchange = quirky(pieces=3)
    order = send(exchange, "buy", "1")
    assert [trade.amount for trade in order.trades] == [D("0.3333"), D("0.3333"), D("0.3334")]
    assert len({trade.id for trade in order.trades}) == 3 and exchange.audit() == []


def test_lookups_and_lists_of_trades_lag() -> None:
    exchange = quirky(lookup_lag_ms=3000, fills_lag_ms=2000, duplicate_trades=True)
    now, matching = exchange.now_ms, exchange.matching
    order = send(exchange, "buy", "1", client_id="a")
    assert len(order.trades) == 1, "the reply knows"
    assert matching.by_id(order.id, now_ms=now + 2999) is None
    assert matching.by_client_id("a", now_ms=now + 2999) is None
    assert matching.by_client_id("a", now_ms=now + 3000) is order
    assert matching.trades_of(ETH, now_ms=now + 1999) == []
    assert matching.trades_of(ETH, now_ms=now + 2000, order_id=order.id) == order.trades * 2
    assert matching.orders_of(ETH, now_ms=now + 2999) == []


def test_a_testnet_reset() -> None:
    exchange = hand_made(flat(*[100] * 9))
    old = send(exchange, "buy", "1", client_id="a")
    send(exchange, "buy", "1", "90")
    exchange.account.adjust("ETH", D("-0.5"))
    exchange.reset_account()
    assert exchange.account.free == {"ETH": 0, "USD": 10_000} and exchange.account.locked == {
        "ETH": 0,
        "USD": 0,
    }
    assert exchange.matching.by_client_id("a", now_ms=exchange.now_ms) is None
    assert send(exchange, "buy", "1").id > old.id and exchange.audit() == []
    exchange.reset_account(restart_ids=True)
    assert send(exchange, "buy", "1").id == old.id
