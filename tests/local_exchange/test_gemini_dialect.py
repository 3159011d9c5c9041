"""Gemini's dialect: what ccxt's own class sees, and the words for everything that can be asked wrongly."""

from collections.abc import Iterator
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import ccxt
import pytest
import requests

from tests.local_exchange.genuine import genuine
from tests.local_exchange.small_exchange import (
    CANDLES,
    MINUTE,
    OPENING,
    START_MS,
    control,
    gemini_post,
    small_exchange,
    wait_minutes,
)

ORDER: dict[str, Any] = {
    "symbol": "ethusd",
    "amount": "0.5",
    "price": "500.00",
    "side": "buy",
    "type": "exchange limit",
    "options": ["immediate-or-cancel"],
    "client_order_id": "cn1-1-0",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """One exchange for all that changes nothing; what is signed here has nonces from 1 on."""
    with small_exchange() as exchange:
        yield exchange


@pytest.fixture
def port() -> Iterator[int]:
    """A fresh exchange, for what changes it."""
    with small_exchange() as exchange:
        yield exchange.port


def ioc(exchange: Any, side: str, amount: float, price: float, cid: str = "a-1") -> dict[str, Any]:
    return exchange.create_order(
        "ETH/USD", "limit", side, amount, price, {"timeInForce": "IOC", "clientOrderId": cid}
    )


# What ccxt sees


def test_markets_carry_their_steps_and_minimum(running) -> None:
    with genuine("gemini", running.port) as exchange:
        markets = exchange.load_markets()
    assert set(markets) == {"ETH/USD", "BTC/USD"}
    assert markets["ETH/USD"]["id"] == "ethusd"
    assert markets["ETH/USD"]["precision"] == {"amount": 0.0001, "price": 0.01}
    assert markets["ETH/USD"]["limits"]["amount"]["min"] == 0.0001


def test_candles_come_sorted_and_the_last_one_is_in_progress(running) -> None:
    with genuine("gemini", running.port) as exchange:
        rows = exchange.fetch_ohlcv("ETH/USD", "1m")
    bars = CANDLES["ETH/USD"].iloc[:4]
    assert [row[0] for row in rows] == [START_MS + i * MINUTE for i in range(4)]
    assert [row[1:] for row in rows[:3]] == bars.iloc[:3].to_numpy().tolist()
    assert rows[3][1:5] == [bars["open"].iloc[3]] * 4


def test_a_ticker_and_the_latest_trades(running) -> None:
    with genuine("gemini", running.port) as exchange:
        ticker, trades = exchange.fetch_ticker("ETH/USD"), exchange.fetch_trades("ETH/USD")
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert [trade["price"] for trade in trades] == CANDLES["ETH/USD"]["close"].iloc[:3].tolist()


def test_an_order_through_the_spread_fills_at_once(port: int) -> None:
    with genuine("gemini", port) as exchange:
        ask = exchange.fetch_ticker("ETH/USD")["ask"]
        order = ioc(exchange, "buy", 0.5, ask + 10)
        [trade] = exchange.fetch_my_trades("ETH/USD")
        balance = exchange.fetch_balance()
    assert (order["status"], order["filled"], order["average"], order["timeInForce"]) == (
        "closed",
        0.5,
        ask,
        "IOC",
    )
    assert (trade["order"], trade["amount"], trade["price"]) == (order["id"], 0.5, ask)
    assert (trade["side"], trade["fee"]["currency"]) == ("buy", "USD")
    assert balance["total"]["ETH"] == 5.5
    paid = Decimal(str(ask)) * Decimal("0.5") + Decimal(trade["info"]["fee_amount"])
    held = {row["currency"]: Decimal(row["amount"]) for row in balance["info"]}
    assert held == OPENING | {"USD": OPENING["USD"] - paid, "ETH": OPENING["ETH"] + Decimal("0.5")}


def test_an_order_that_would_not_fill_at_once_is_cancelled_whole(port: int) -> None:
    with genuine("gemini", port) as exchange:
        order = ioc(exchange, "buy", 0.5, 100.0)
        again = exchange.fetch_order(order["id"])
        assert exchange.fetch_my_trades("ETH/USD") == []
        assert exchange.fetch_balance()["free"]["USD"] == 10_000.0
    assert (order["status"], order["filled"], order["info"]["reason"]) == (
        "canceled",
        0.0,
        "ImmediateOrCancelWouldPost",
    )
    assert again["info"] == order["info"]


def test_a_resting_order_holds_its_money_back_until_it_is_cancelled(port: int) -> None:
    with genuine("gemini", port) as exchange:
        order = exchange.create_order(
            "ETH/USD", "limit", "buy", 2, 100, {"clientOrderId": "rest-1"}
        )
        assert order["status"] == "open"
        [listed] = exchange.fetch_open_orders("ETH/USD")
        assert (listed["id"], listed["clientOrderId"], listed["remaining"]) == (
            order["id"],
            "rest-1",
            2.0,
        )
        assert exchange.fetch_balance()["USD"]["used"] >= 200
        assert exchange.cancel_order(order["id"])["status"] == "canceled"
        assert exchange.cancel_order(order["id"])["info"]["reason"] == "Requested"
        assert exchange.fetch_open_orders("ETH/USD") == []
        assert exchange.fetch_balance()["free"]["USD"] == 10_000.0


def test_a_lookup_by_client_id_answers_with_a_list(port: int) -> None:
    with genuine("gemini", port) as exchange:
        order = ioc(exchange, "buy", 0.5, 900, "cn1-5-0")
        [found] = exchange.privatePostV1OrderStatus({"client_order_id": "cn1-5-0"})
        assert found["order_id"] == order["id"]
        with pytest.raises(ccxt.OrderNotFound, match="Order cn1-6-0 not found"):
            exchange.privatePostV1OrderStatus({"client_order_id": "cn1-6-0"})


def test_trades_are_listed_newest_first_from_a_time_on(port: int) -> None:
    with genuine("gemini", port) as exchange:
        for i in range(3):
            ioc(exchange, "buy", 0.1 * (i + 1), 900, f"t-{i}")
            wait_minutes(port, 1)
        amounts = [
            trade["amount"] for trade in exchange.privatePostV1Mytrades({"symbol": "ethusd"})
        ]
        newest = exchange.privatePostV1Mytrades({"symbol": "ethusd", "limit_trades": 1})
        late = exchange.fetch_my_trades("ETH/USD", since=START_MS + 4 * MINUTE)
    assert amounts == ["0.3", "0.2", "0.1"]
    assert [trade["amount"] for trade in newest] == ["0.3"]
    assert [trade["amount"] for trade in late] == [0.2, 0.3]


def test_the_date_of_a_reply_is_the_time_of_the_replay(port: int) -> None:
    wait_minutes(port, 60)
    reply = requests.get(f"http://127.0.0.1:{port}/v1/symbols", timeout=60)
    assert "," not in reply.headers["Date"].replace(", ", " ", 1), "one Date alone"
    seconds = parsedate_to_datetime(reply.headers["Date"]).timestamp()
    assert seconds == (START_MS + 63 * MINUTE) // 1000


def test_fees_are_told_in_basis_points(port: int) -> None:
    with genuine("gemini", port) as exchange:
        fees = exchange.fetch_trading_fees()["ETH/USD"]
    assert (fees["maker"], fees["taker"]) == (0.001, 0.002)


def test_there_is_no_minimum_but_that_of_the_amount(port: int) -> None:
    with genuine("gemini", port) as exchange:
        assert ioc(exchange, "buy", 0.0001, 900)["filled"] == 0.0001


def test_an_order_that_may_only_rest_is_cancelled_where_it_would_take(port: int) -> None:
    with genuine("gemini", port) as exchange:
        order = exchange.create_order("ETH/USD", "limit", "buy", 1, 900, {"postOnly": True})
        assert exchange.fetch_open_orders("ETH/USD") == exchange.fetch_my_trades("ETH/USD") == []
        resting = exchange.create_order("ETH/USD", "limit", "buy", 1, 300, {"postOnly": True})
    assert (order["status"], order["filled"], order["postOnly"]) == ("canceled", 0.0, True)
    assert order["info"]["reason"] == "MakerOrCancelWouldTake"
    assert (resting["status"], resting["info"]["options"]) == ("open", ["maker-or-cancel"])


# How it misbehaves when told to


def test_an_order_filled_in_part_comes_back_cancelled(port: int) -> None:
    control(port, "quirks", partial="0.4")
    with genuine("gemini", port) as exchange:
        order = ioc(exchange, "buy", 0.5, 900)
        whole_or_not = exchange.create_order(
            "ETH/USD", "limit", "buy", 0.5, 900, {"timeInForce": "FOK"}
        )
    assert (order["status"], order["filled"], order["remaining"]) == ("canceled", 0.2, 0.3)
    assert (whole_or_not["status"], whole_or_not["filled"]) == ("canceled", 0.0)
    assert whole_or_not["info"]["reason"] == "FillOrKillWouldNotFill"


def test_an_order_may_fill_while_it_is_cancelled(port: int) -> None:
    control(port, "quirks", partial="0.4", remainder="cancel")
    with genuine("gemini", port) as exchange:
        order = exchange.create_order("ETH/USD", "limit", "buy", 0.5, 900)
        assert (order["status"], order["filled"]) == ("open", 0.2)
        order = exchange.cancel_order(order["id"])
    assert (order["status"], order["filled"]) == ("closed", 0.5)


def test_a_late_order_is_let_in_only_while_nothing_else_was_asked(port: int) -> None:
    late = [{"match": "POST /v1/order/new", "when": "late", "do": "drop", "late_ms": 800, "n": 2}]
    control(port, "faults", plan=late)
    for cid, lookups in (("alone", 0), ("beaten", 1)):
        with pytest.raises(requests.ConnectionError):
            gemini_post(port, "/v1/order/new", **(ORDER | {"client_order_id": cid}))
        for _ in range(lookups):
            assert gemini_post(port, "/v1/order/status", client_order_id=cid).status_code == 404
        wait_minutes(port, 0.1)
    orders = gemini_post(port, "/v1/mytrades", symbol="ethusd").json()
    assert [order["client_order_id"] for order in orders] == ["alone"]


def test_a_short_reply_has_only_the_ids(port: int) -> None:
    control(port, "quirks", short_reply=True)
    reply = gemini_post(port, "/v1/order/new", **ORDER).json()
    assert set(reply) == {"order_id", "id", "client_order_id"}


def test_a_key_that_may_only_read(port: int) -> None:
    control(port, "quirks", read_only_key=True)
    for path in ("/v1/order/new", "/v1/order/cancel"):
        reply = gemini_post(port, path, **ORDER)
        assert (reply.status_code, reply.json()["reason"]) == (403, "MissingRole")
    assert gemini_post(port, "/v1/balances").status_code == 200


def test_a_revoked_key_and_a_halted_market(port: int) -> None:
    control(port, "quirks", halted=True)
    assert gemini_post(port, "/v1/order/new", **ORDER).json()["reason"] == "MarketNotOpen"
    control(port, "quirks", revoked_key=True)
    assert gemini_post(port, "/v1/balances").json()["reason"] == "InvalidSignature"


def test_a_new_order_may_be_found_late_and_a_client_id_twice(port: int) -> None:
    control(port, "quirks", lookup_lag_ms=3000)
    number = gemini_post(port, "/v1/order/new", **ORDER).json()["order_id"]
    for asked in ({"order_id": number}, {"client_order_id": "cn1-1-0"}):
        assert gemini_post(port, "/v1/order/status", **asked).status_code == 404
    wait_minutes(port, 0.05)
    again = gemini_post(port, "/v1/order/new", **ORDER).json()["order_id"]
    wait_minutes(port, 0.05)
    found = gemini_post(port, "/v1/order/status", client_order_id="cn1-1-0").json()
    assert [order["order_id"] for order in found] == [again, number]


# What is refused, and how

WRONG_ORDERS = {
    "unknown symbol": (
        {"symbol": "dogeusd"},
        400,
        "InvalidSymbol",
        "Received unsupported symbol 'dogeusd'",
    ),
    "no symbol": ({"symbol": 7}, 400, "InvalidSymbol", "Received unsupported symbol '7'"),
    "market order": (
        {"type": "market"},
        400,
        "InvalidOrderType",
        "Invalid order type for symbol ETHUSD: 'market'",
    ),
    "side": ({"side": "hold"}, 400, "InvalidSide", "Invalid side for symbol ETHUSD: 'hold'"),
    "below the minimum": (
        {"amount": "0.00001"},
        400,
        "InvalidQuantity",
        "Invalid quantity for symbol ETHUSD: 0.00001",
    ),
    "no amount": ({"amount": "0"}, 400, "InvalidQuantity", "Invalid quantity for symbol ETHUSD: 0"),
    "negative amount": (
        {"amount": "-1"},
        400,
        "InvalidQuantity",
        "Invalid quantity for symbol ETHUSD: -1",
    ),
    "empty amount": (
        {"amount": ""},
        400,
        "InvalidQuantity",
        "Invalid quantity for symbol ETHUSD: ",
    ),
    "amount off the step": (
        {"amount": "0.50005"},
        400,
        "InvalidQuantity",
        "Invalid quantity for symbol ETHUSD: 0.50005",
    ),
    "amount in words": (
        {"amount": "NaN"},
        400,
        "InvalidQuantity",
        "Invalid quantity for symbol ETHUSD: NaN",
    ),
    "amount as a number": (
        {"amount": 0.5},
        400,
        "InvalidQuantity",
        "Invalid quantity for symbol ETHUSD: 0.5",
    ),
    "too large": (
        {"amount": "99999999"},
        400,
        "InvalidQuantity",
        "Invalid quantity for symbol ETHUSD: 99999999",
    ),
    "price off the tick": (
        {"price": "400.001"},
        400,
        "InvalidPrice",
        "Invalid price for symbol ETHUSD: 400.001",
    ),
    "negative price": ({"price": "-1"}, 400, "InvalidPrice", "Invalid price for symbol ETHUSD: -1"),
    "no price": ({"price": None}, 400, "InvalidPrice", "Invalid price for symbol ETHUSD: None"),
    "two options": (
        {"options": ["fill-or-kill", "immediate-or-cancel"]},
        400,
        "ConflictingOptions",
        "A single order supports at most one of these options: ['maker-or-cancel', 'immediate-or-cancel', "
        "'auction-only', 'fill-or-kill']",
    ),
    "unknown option": (
        {"options": ["soon"]},
        400,
        "UnsupportedOption",
        "Option 'soon' is not supported.",
    ),
    "option in an option": (
        {"options": [["soon"]]},
        400,
        "UnsupportedOption",
        "Option '['soon']' is not supported.",
    ),
    "no list of options": (
        {"options": "fill-or-kill"},
        400,
        "OptionsMustBeArray",
        "The options parameter must be an array.",
    ),
    "auction": (
        {"options": ["auction-only"]},
        400,
        "AuctionNotOpen",
        "No auction is open for this symbol.",
    ),
    "client id no text": (
        {"client_order_id": 5},
        400,
        "ClientOrderIdMustBeString",
        "The client_order_id must be a string.",
    ),
    "client id too long": (
        {"client_order_id": "x" * 101},
        400,
        "ClientOrderIdTooLong",
        "The client_order_id must be under 100 characters.",
    ),
    "too little money": (
        {"amount": "3000", "price": "1400.00"},
        406,
        "InsufficientFunds",
        "Failed to place buy order on symbol 'ETHUSD' for price $1,400.00 and quantity 3,000 ETH due to insufficient "
        "funds",
    ),
    "too few coins": (
        {"amount": "5.0001", "price": "100.00", "side": "sell"},
        406,
        "InsufficientFunds",
        "Failed to place sell order on symbol 'ETHUSD' for price $100.00 and quantity 5.0001 ETH due to insufficient "
        "funds",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_ORDERS)
def test_a_wrong_order_is_refused_in_geminis_words(running, wrong: str) -> None:
    changes, status, reason, message = WRONG_ORDERS[wrong]
    reply = gemini_post(running.port, "/v1/order/new", **(ORDER | changes))
    assert (reply.status_code, reply.json()) == (
        status,
        {"result": "error", "reason": reason, "message": message},
    )
    assert gemini_post(running.port, "/v1/orders").json() == []
    assert gemini_post(running.port, "/v1/mytrades", symbol="ethusd").json() == []


WRONG_HEADERS = {
    "no key": (
        {"X-GEMINI-APIKEY": None},
        "MissingApikeyHeader",
        "Must provide 'X-GEMINI-APIKEY' header",
    ),
    "no payload": (
        {"X-GEMINI-PAYLOAD": None},
        "MissingPayloadHeader",
        "Must provide 'X-GEMINI-PAYLOAD' header",
    ),
    "no signature": (
        {"X-GEMINI-SIGNATURE": None},
        "MissingSignatureHeader",
        "Must provide 'X-GEMINI-SIGNATURE' header",
    ),
    "wrong signature": ({"X-GEMINI-SIGNATURE": "0" * 96}, "InvalidSignature", "InvalidSignature"),
    "unknown key": ({"X-GEMINI-APIKEY": "account-another"}, "InvalidSignature", "InvalidSignature"),
    "other payload": ({"X-GEMINI-PAYLOAD": "e30="}, "InvalidSignature", "InvalidSignature"),
}


@pytest.mark.parametrize("wrong", WRONG_HEADERS)
def test_a_request_with_wrong_headers_is_refused(running, wrong: str) -> None:
    headers, reason, message = WRONG_HEADERS[wrong]
    reply = gemini_post(running.port, "/v1/balances", headers=headers)
    assert (reply.status_code, reply.json()) == (
        400,
        {"result": "error", "reason": reason, "message": message},
    )


def test_a_wrong_secret_is_an_authentication_error_to_ccxt(running) -> None:
    with (
        genuine("gemini", running.port, secret="another") as exchange,
        pytest.raises(ccxt.AuthenticationError),
    ):
        exchange.fetch_balance()


def test_a_payload_for_another_path_is_refused(running) -> None:
    reply = gemini_post(running.port, "/v1/orders", sent_to="/v1/balances")
    assert (reply.status_code, reply.json()["reason"]) == (400, "EndpointMismatch")


@pytest.mark.parametrize(
    ("nonce", "reason", "message"),
    [
        (None, "MissingNonce", "Must provide 'nonce'"),
        ("", "InvalidNonce", "Nonce '\"\"' was not parseable as a number."),
        ("soon", "InvalidNonce", "Nonce '\"soon\"' was not parseable as a number."),
        (True, "InvalidNonce", "Nonce 'true' was not parseable as a number."),
        ("9" * 5000, "InvalidNonce", ""),
    ],
)
def test_a_nonce_that_is_no_number_is_refused(
    running, nonce: Any, reason: str, message: str
) -> None:
    reply = gemini_post(running.port, "/v1/balances", nonce=nonce)
    assert (reply.status_code, reply.json()["reason"]) == (400, reason)
    assert message in reply.json()["message"]


def test_a_request_sent_again_is_refused_and_does_not_order_twice(port: int) -> None:
    words = {"result": "error", "reason": "InvalidNonce"}
    assert gemini_post(port, "/v1/order/new", nonce="900", **ORDER).status_code == 200
    again = gemini_post(port, "/v1/order/new", nonce="900", **ORDER)
    assert again.status_code == 400
    assert again.json() == words | {
        "message": "Nonce '900' has not increased since your last call to the Gemini API."
    }
    assert gemini_post(port, "/v1/order/new", nonce=899, **ORDER).json()["reason"] == "InvalidNonce"
    assert len(gemini_post(port, "/v1/mytrades", nonce="901", symbol="ethusd").json()) == 1


def test_a_refused_order_has_used_its_nonce_up(port: int) -> None:
    assert (
        gemini_post(port, "/v1/order/new", nonce="900", **(ORDER | {"side": "hold"})).status_code
        == 400
    )
    assert (
        gemini_post(port, "/v1/order/new", nonce="900", **ORDER).json()["reason"] == "InvalidNonce"
    )


def test_a_request_that_was_not_let_in_has_not_used_a_nonce_up(port: int) -> None:
    assert (
        gemini_post(port, "/v1/order/new", nonce="900", secret="another", **ORDER).status_code
        == 400
    )
    assert gemini_post(port, "/v1/order/new", nonce="900", **ORDER).status_code == 200


@pytest.mark.parametrize("path", ["/v1/order/status", "/v1/order/cancel"])
@pytest.mark.parametrize(
    ("order_id", "status", "reason"),
    [
        ("12345678", 404, "OrderNotFound"),
        (12345678, 404, "OrderNotFound"),
        ("none", 404, "OrderNotFound"),
        ("9" * 30, 404, "OrderNotFound"),
        ({"a": 1}, 404, "OrderNotFound"),
        (None, 400, "MissingOrderField"),
    ],
)
def test_an_unknown_order_is_not_found(
    running, path: str, order_id: Any, status: int, reason: str
) -> None:
    reply = gemini_post(running.port, path, **({} if order_id is None else {"order_id": order_id}))
    assert (reply.status_code, reply.json()["reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"symbol": "dogeusd"}, "InvalidSymbol"),
        ({}, "InvalidSymbol"),
        ({"symbol": "ethusd", "timestamp": "soon"}, "InvalidTimestampInPayload"),
    ],
)
def test_trades_of_nonsense_are_refused(running, payload: dict[str, Any], reason: str) -> None:
    reply = gemini_post(running.port, "/v1/mytrades", **payload)
    assert (reply.status_code, reply.json()["reason"]) == (400, reason)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/candles/dogeusd/1m",
        "/v2/candles/ethusd/2m",
        "/v2/candles/ethusd/5m",
        "/v1/symbols/details/dogeusd",
    ],
)
def test_public_nonsense_is_refused(running, path: str) -> None:
    reply = requests.get(f"http://127.0.0.1:{running.port}{path}", timeout=60)
    assert (reply.status_code, reply.json()["result"]) == (400, "error")


# Injected errors


@pytest.mark.parametrize(
    ("do", "error"),
    [
        ("400", ccxt.InvalidOrder),
        ("401", ccxt.AuthenticationError),
        ("403", ccxt.AuthenticationError),
        ("404", ccxt.OrderNotFound),
        ("406", ccxt.InsufficientFunds),
        ("418", ccxt.DDoSProtection),
        ("429", ccxt.RateLimitExceeded),
        ("RateLimit", ccxt.RateLimitExceeded),
        ("500", ccxt.ExchangeError),
        ("502", ccxt.ExchangeNotAvailable),
        ("503", ccxt.OnMaintenance),
        ("504", ccxt.RequestTimeout),
        ("Maintenance", ccxt.OnMaintenance),
        ("InvalidNonce", ccxt.InvalidNonce),
        ("InvalidSignature", ccxt.AuthenticationError),
        ("MissingRole", ccxt.AuthenticationError),
        ("InsufficientFunds", ccxt.InsufficientFunds),
        ("MarketNotOpen", ccxt.InvalidOrder),
    ],
)
@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_an_injected_error_is_what_ccxt_makes_of_the_real_one(
    port: int, do: str, error, when: str, orders: int
) -> None:
    with genuine("gemini", port) as exchange:
        exchange.load_markets()
        control(
            port, "faults", plan=[{"match": "POST /v1/order/new", "when": when, "do": do, "n": 1}]
        )
        with pytest.raises(error):
            ioc(exchange, "buy", 0.5, 900)
        assert len(exchange.fetch_my_trades("ETH/USD")) == orders


def test_the_log_knows_the_client_id_of_an_order(port: int) -> None:
    gemini_post(port, "/v1/order/new", **ORDER)
    gemini_post(port, "/v1/order/new", headers={"X-GEMINI-PAYLOAD": "no base64!"}, **ORDER)
    log = control(port, "log")
    rows = [
        row
        for row in (log["requests"] if isinstance(log, dict) else log)
        if row["path"] == "/v1/order/new"
    ]
    assert [(row["client_id"], row["status"]) for row in rows] == [("cn1-1-0", 200), (None, 400)]
