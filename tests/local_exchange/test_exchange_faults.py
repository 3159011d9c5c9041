"""Every fault that an exchange can produce, seen through the genuine ccxt class; is the order there then?"""

from collections.abc import Callable, Iterator
from typing import Any

import ccxt
import pytest
import requests

from cryptonn.local_exchange.faults import BODY_FAULTS
from tests.local_exchange.binance_client import ETH, binance_pair, buy
from tests.local_exchange.small_exchange import CANDLES, MINUTE, START_MS, control, wait_minutes

ORDER = "POST /api/v3/order"

Pair = tuple[Any, Any]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with binance_pair() as (server, client):
        yield server, client


def plan(server: Any, do: str, when: str = "before", match: str = ORDER, **facts: Any) -> None:
    control(server.port, "faults", plan=[{"match": match, "do": do, "when": when, **facts}])


def orders(server: Any) -> list[dict[str, Any]]:
    return control(server.port, "orders")["orders"]


WIRE = {
    "timeout": ccxt.RequestTimeout,
    "drop": ccxt.NetworkError,
    "reset": ccxt.NetworkError,
    "reset mid-body": ccxt.NetworkError,
}
STATUSES = {
    "401": ccxt.AuthenticationError,
    "403": ccxt.ExchangeNotAvailable,
    "418": ccxt.DDoSProtection,
    "429": ccxt.DDoSProtection,
    "500": ccxt.OperationFailed,
    "502": ccxt.ExchangeNotAvailable,
    "503": ccxt.OperationFailed,
    "504": ccxt.RequestTimeout,
}
CODES = {
    "-1000": ccxt.OperationFailed,
    "-1003": ccxt.DDoSProtection,
    "-1006": ccxt.OperationFailed,
    "-1007": ccxt.RequestTimeout,
    "-1008": ccxt.OperationFailed,
    "-1013": ccxt.BadRequest,
    "-1015": ccxt.DDoSProtection,
    "-1021": ccxt.InvalidNonce,
    "-1022": ccxt.AuthenticationError,
    "-2010": ccxt.InsufficientFunds,
    "-2011": ccxt.OrderNotFound,
    "-2013": ccxt.OrderNotFound,
    "-2015": ccxt.AuthenticationError,
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("do", "kind"), (WIRE | STATUSES | CODES).items())
def test_an_error_does_not_say_whether_the_order_is_there(
    pair: Pair, do: str, kind: type, when: str
) -> None:
    server, client = pair
    plan(server, do, when)
    patience = client.timeout
    client.timeout = 1_000 if do == "timeout" else patience
    with pytest.raises(kind):
        buy(client, "a")
    client.timeout = patience
    assert [order["client_id"] for order in orders(server)] == (["a"] if when == "after" else [])
    log = control(server.port, "log")
    assert log["posts"] == {"a": 1} and log["requests"][-1]["fault"] == f"{do}, {when}"
    assert buy(client, "b")["status"] == "closed", "the fault is used up"


BODIES = [do for do in BODY_FAULTS if do != "redirect"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("do", BODIES)
def test_a_reply_can_be_nonsense_without_any_error(pair: Pair, do: str, when: str) -> None:
    server, client = pair
    plan(server, do, when)
    try:
        reply = buy(client, "a")
    except (ccxt.BaseError, TypeError, AttributeError, ValueError):
        reply = None
    done = orders(server)
    assert len(done) == (1 if when == "after" else 0)
    if reply is not None and done:
        good = (
            reply["id"] == str(done[0]["id"])
            and reply["clientOrderId"] == "a"
            and reply["filled"] == 0.5
        )
        assert good == (do == "extra keys")


@pytest.mark.parametrize("do", BODIES)
@pytest.mark.parametrize(
    ("match", "ask", "good"),
    [
        (
            "GET /api/v3/klines",
            lambda client: client.fetch_ohlcv(ETH, "1m"),
            lambda rows: rows[0][1] > 0,
        ),
        (
            "GET /api/v3/account",
            lambda client: client.fetch_balance(),
            lambda found: found["USD"]["free"] == 10_000,
        ),
        (
            "GET /api/v3/time",
            lambda client: client.fetch_time(),
            lambda time: time == START_MS + 3 * MINUTE,
        ),
    ],
)
def test_reads_can_be_nonsense_too(
    pair: Pair, do: str, match: str, ask: Callable, good: Callable
) -> None:
    server, client = pair
    plan(server, do, match=match)
    try:
        found = good(ask(client))
    except (ccxt.BaseError, TypeError, AttributeError, ValueError, KeyError, IndexError):
        found = False
    untouched = {"extra keys", "other order", "wrong client id"} | (
        {"nan"} if "time" in match else set()
    )
    assert found == (do in untouched)
    assert good(ask(client))


def test_retry_after_can_be_read(pair: Pair) -> None:
    server, client = pair
    plan(server, "429", retry_after=7)
    with pytest.raises(ccxt.DDoSProtection):
        buy(client, "a")
    assert client.last_response_headers["Retry-After"] == "7"


def test_a_slow_reply(pair: Pair) -> None:
    server, client = pair
    plan(server, "slow", seconds=0.1)
    assert buy(client, "a")["status"] == "closed"
    plan(server, "slow", seconds=600)
    client.timeout = 500
    with pytest.raises(ccxt.RequestTimeout):
        buy(client, "b")
    assert [order["client_id"] for order in orders(server)] == ["a", "b"]


def test_a_redirect_leads_elsewhere(pair: Pair) -> None:
    server, _ = pair
    plan(
        server, "redirect", match="GET /api/v3/time", location="https://api.binance.com/api/v3/time"
    )
    reply = requests.get(
        f"http://127.0.0.1:{server.port}/api/v3/time", timeout=60, allow_redirects=False
    )
    assert (reply.status_code, reply.headers["Location"]) == (
        307,
        "https://api.binance.com/api/v3/time",
    )


# Accepted after the client gave up


def test_an_order_may_be_accepted_late(pair: Pair) -> None:
    server, client = pair
    plan(server, "drop", "late", late_ms=800)
    with pytest.raises(ccxt.NetworkError):
        buy(client, "a")
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order(None, ETH, {"origClientOrderId": "a"})
    now = server.exchange.clock.now_ms()
    wait_minutes(server.port, 1)
    found = client.fetch_order(None, ETH, {"origClientOrderId": "a"})
    assert (found["status"], found["timestamp"]) == ("closed", now + 800)


def test_an_order_that_comes_later_than_its_window_is_not_accepted(pair: Pair) -> None:
    server, client = pair
    client.options["recvWindow"] = 5000
    for late_ms, there in ((5000, True), (5001, False)):
        plan(server, "drop", "late", late_ms=late_ms)
        with pytest.raises(ccxt.NetworkError):
            buy(client, f"late-{late_ms}")
        wait_minutes(server.port, 1)
        assert (f"late-{late_ms}" in [order["client_id"] for order in orders(server)]) == there
    late = [
        entry["late_status"]
        for entry in control(server.port, "log")["requests"]
        if "late_status" in entry
    ]
    assert late == [200, 400]


def test_time_may_pass_while_the_client_waits(pair: Pair) -> None:
    server, client = pair
    before = server.exchange.clock.now_ms()
    plan(server, "drop", advance_ms=10_000)
    with pytest.raises(ccxt.NetworkError):
        buy(client, "a")
    assert server.exchange.clock.now_ms() == before + 10_000


# Nobody there


def test_down_for_an_hour(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", down_until_ms=server.exchange.clock.now_ms() + 60 * MINUTE)
    for _ in range(2):
        with pytest.raises(ccxt.NetworkError):
            client.fetch_ohlcv(ETH, "1m")
    wait_minutes(server.port, 59.99)
    with pytest.raises(ccxt.NetworkError):
        buy(client, "a")
    wait_minutes(server.port, 0.01)
    assert len(client.fetch_ohlcv(ETH, "1m")) > 50 and orders(server) == []
    assert [entry["fault"] for entry in control(server.port, "log")["requests"]][-4:] == [
        "down"
    ] * 3 + [None]


def test_connections_refused(pair: Pair) -> None:
    server, client = pair
    buy(client, "a")
    with server.offline(), pytest.raises(ccxt.NetworkError):
        client.fetch_balance()
    assert client.fetch_balance()["ETH"]["free"] == 5.5


# How plans are followed


def test_the_first_that_matches_counts(pair: Pair) -> None:
    server, client = pair
    faults = [
        {"match": "GET /api/v3/time", "do": "500", "skip": 1, "n": 2},
        {"match": "* /api/v3/*", "do": "502", "n": 1},
    ]
    control(server.port, "faults", plan=faults)
    seen = []
    for _ in range(5):
        try:
            client.fetch_time()
            seen.append("")
        except ccxt.BaseError as error:
            seen.append("502" if "502" in str(error) else "500")
    assert seen == ["", "500", "500", "502", ""]
    control(server.port, "faults", plan=faults)
    control(server.port, "faults", clear=True)
    assert control(server.port, "faults") == {"plan": []} and client.fetch_time()


@pytest.mark.parametrize(
    "entry",
    [
        {"do": "drop"},
        {"match": ORDER, "do": "explode"},
        {"match": ORDER, "do": "drop", "when": "sometimes"},
        {"match": ORDER, "do": "drop", "n": 0},
        {"match": ORDER, "do": "drop", "often": 3},
        "drop",
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_whole(pair: Pair, entry: object) -> None:
    url = f"http://127.0.0.1:{pair[0].port}/_ctl/faults"
    reply = requests.post(url, json={"plan": [{"match": ORDER, "do": "drop"}, entry]}, timeout=60)
    assert reply.status_code == 400 and "fault" in reply.json()["error"]
    assert control(pair[0].port, "faults") == {"plan": []}


# Candles


def rows_of(client: Any) -> list[list[float]]:
    return client.publicGetKlines({"symbol": "ETHUSD", "interval": "1m"})


def minutes_of(rows: list[list[Any]]) -> list[int]:
    return [(int(row[0]) - START_MS) // MINUTE for row in rows]


def test_a_feed_that_stands_still_for_one_symbol(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", frozen_feed={ETH: server.exchange.clock.now_ms()})
    wait_minutes(server.port, 20)
    assert client.fetch_ohlcv(ETH, "1m")[-1][0] == START_MS + 3 * MINUTE
    assert client.fetch_ohlcv("BTC/USD", "1m")[-1][0] == START_MS + 23 * MINUTE
    assert buy(client, "a")["average"] > 0, "the market goes on"


def test_a_feed_that_stands_still_from_now_on(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", frozen_feed=True)
    wait_minutes(server.port, 20)
    assert minutes_of(rows_of(client)) == [0, 1, 2, 3]
    control(server.port, "quirks", frozen_feed=False)
    assert minutes_of(rows_of(client))[-1] == 23


def test_candles_that_are_missing(pair: Pair) -> None:
    server, client = pair
    wait_minutes(server.port, 100)
    hole = [
        [START_MS + 10 * MINUTE, START_MS + 70 * MINUTE],
        [START_MS + 90 * MINUTE, START_MS + 91 * MINUTE],
    ]
    control(server.port, "quirks", missing_candles={ETH: hole})
    found = minutes_of(rows_of(client))
    assert not {*range(10, 70), 90} & set(found) and {9, 70, 89, 91} <= set(found)


def test_candles_that_are_doubled_or_out_of_order(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", duplicate_candles=True)
    assert minutes_of(rows_of(client)) == [0, 1, 2, 2, 3, 3]
    control(server.port, "quirks", duplicate_candles=False, disordered_candles=True)
    assert minutes_of(rows_of(client)) == [1, 0, 3, 2]


def test_candles_that_are_revised_or_spike(pair: Pair) -> None:
    server, client = pair
    revised = {
        ETH: {str(START_MS + MINUTE): {"close": 999.0, "high": 999.0}, str(START_MS): {"volume": 0}}
    }
    control(server.port, "quirks", revised_candles=revised)
    rows = client.fetch_ohlcv(ETH, "1m")
    assert (rows[1][4], rows[1][2], rows[0][5]) == (999.0, 999.0, 0.0)
    assert rows[1][1] == CANDLES[ETH]["open"].iloc[1]
    control(server.port, "quirks", revised_candles={})
    assert client.fetch_ohlcv(ETH, "1m")[1][4] == CANDLES[ETH]["close"].iloc[1]


def test_candles_of_a_clock_ahead_are_not_closed_yet(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", skew_ms=90_000)
    assert client.fetch_time() == START_MS + 3 * MINUTE + 90_000
    assert client.fetch_ohlcv(ETH, "1m")[-1][0] == START_MS + 3 * MINUTE


# Orders and the account


def test_fills_that_lag_and_come_twice(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", fills_lag_ms=2000, duplicate_trades=True, lookup_lag_ms=1000)
    order = buy(client, "a")
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order(order["id"], ETH)
    wait_minutes(server.port, 1 / 60)
    assert (
        client.fetch_order(order["id"], ETH)["filled"] == 0.5 and client.fetch_my_trades(ETH) == []
    )
    wait_minutes(server.port, 1 / 60)
    rows = client.privateGetMyTrades({"symbol": "ETHUSD"})
    assert len(rows) == 2 and rows[0] == rows[1]


def test_a_reply_that_says_nothing_but_the_name(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", short_reply=True)
    reply = buy(client, "a")
    assert (reply["clientOrderId"], reply["status"], reply["filled"], reply["trades"]) == (
        "a",
        None,
        0.0,
        [],
    )


def test_a_partial_fill_that_fills_while_it_is_cancelled(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", partial="0.5", remainder="cancel")
    order = client.create_order(ETH, "limit", "buy", 1, 500)
    assert (order["status"], order["filled"]) == ("open", 0.5)
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        client.cancel_order(order["id"], ETH)
    assert client.fetch_order(order["id"], ETH)["filled"] == 1.0
    assert len(client.fetch_my_trades(ETH)) == 2


def test_an_empty_book_lets_a_market_order_expire(pair: Pair) -> None:
    server, client = pair
    control(server.port, "quirks", empty_book=True)
    order = buy(client, "a")
    assert (order["status"], order["filled"], order["info"]["status"]) == (
        "expired",
        0.0,
        "EXPIRED",
    )
    assert client.fetch_order_book(ETH)["bids"] == []


def test_fees_in_a_third_coin(pair: Pair) -> None:
    server, client = pair
    control(server.port, "account", BNB="1")
    control(server.port, "quirks", fee_currency="BNB")
    assert buy(client, "a")["fee"]["currency"] == "BNB"
    assert control(server.port, "account")["audit"] == []


def test_money_that_comes_and_goes_from_outside(pair: Pair) -> None:
    server, client = pair
    control(server.port, "account", ETH="-0.1", USD="500")
    balance = client.fetch_balance()
    assert (balance["ETH"]["free"], balance["USD"]["free"]) == (4.9, 10_500.0)
    with pytest.raises(requests.HTTPError):
        control(server.port, "account", ETH="-5")
    assert control(server.port, "account")["audit"] == []


def test_an_order_from_elsewhere(pair: Pair) -> None:
    server, client = pair
    control(server.port, "orders", symbol=ETH, side="buy", amount="1", limit="300")
    (order,) = client.fetch_open_orders(ETH)
    assert order["amount"] == 1.0 and order["clientOrderId"] in (None, "")


def test_a_reset_of_the_testnet(pair: Pair) -> None:
    server, client = pair
    order = buy(client, "a")
    control(server.port, "account", reset=True)
    assert client.fetch_balance()["total"] == {"BTC": 0.0, "ETH": 5.0, "USD": 10_000.0}
    for ask in ({"orderId": order["id"]}, {"origClientOrderId": "a"}):
        with pytest.raises(ccxt.OrderNotFound):
            client.fetch_order(ask.get("orderId"), ETH, ask)
    assert client.fetch_my_trades(ETH) == []
