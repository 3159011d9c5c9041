"""What binance's dialect refuses, in binance's words, and the class of error ccxt makes of each."""

from collections.abc import Iterator
from typing import Any

import ccxt
import pytest
import requests

from tests.local_exchange.binance_client import ETH, binance_pair, buy, on_the_clock, signed
from tests.local_exchange.genuine import KEYS
from tests.local_exchange.small_exchange import control, small_exchange, wait_minutes


@pytest.fixture(scope="module")
def still() -> Iterator[tuple[Any, Any]]:
    with binance_pair() as pair:
        yield pair


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    with binance_pair() as pair:
        yield pair


def code_of(error: pytest.ExceptionInfo[BaseException]) -> str:
    return str(error.value).partition('"code":')[2].partition(",")[0].strip()


# Keys, signatures, clocks


@pytest.mark.parametrize(
    ("changes", "code", "kind"),
    [
        ({"secret": "another-secret"}, "-1022", ccxt.AuthenticationError),
        ({"apiKey": "another-key"}, "-2015", ccxt.AuthenticationError),
        ({"apiKey": "no key!"}, "-2014", ccxt.AuthenticationError),
    ],
)
def test_wrong_keys(changes, code, kind) -> None:
    with small_exchange() as server, on_the_clock(server, **changes) as client:
        for ask in (client.fetch_balance, lambda: buy(client, "a")):
            with pytest.raises(kind) as error:
                ask()
            assert type(error.value) is kind and code_of(error) == code
        assert server.exchange.matching.orders == {}


@pytest.mark.parametrize(
    ("off_ms", "window", "fits"),
    [
        (0, None, True),
        (-5000, None, True),
        (-5001, None, False),
        (999, None, True),
        (1000, None, False),
        (-60_000, None, False),
        (-9000, 10_000, True),
        (-2001, 2000, False),
    ],
)
def test_the_window_of_time_for_a_signature(still, off_ms, window, fits) -> None:
    server = still[0]
    signed_ms = server.exchange.clock.now_ms() + off_ms
    reply = signed(server, "GET", "/api/v3/account", timestamp=signed_ms, recvWindow=window)
    assert (reply.status_code, reply.json().get("code")) == ((200, None) if fits else (400, -1021))


@pytest.mark.parametrize("skew_ms", [2000, -2000, 60_000, -60_000])
def test_a_clock_that_is_off_and_its_cure(pair, skew_ms) -> None:
    server, client = pair
    client.options["recvWindow"] = 1500
    control(server.port, "quirks", skew_ms=skew_ms)
    with pytest.raises(ccxt.InvalidNonce) as error:
        buy(client, "a")
    assert code_of(error) == "-1021" and server.exchange.matching.orders == {}
    assert client.load_time_difference() == -skew_ms
    assert buy(client, "a")["status"] == "closed"


def test_half_a_second_off_does_no_harm(pair) -> None:
    server, client = pair
    for skew_ms in (500, -500):
        control(server.port, "quirks", skew_ms=skew_ms)
        assert buy(client, f"a{skew_ms}")["status"] == "closed"


def test_a_key_that_may_only_read(pair) -> None:
    server, client = pair
    control(server.port, "quirks", read_only_key=True)
    with pytest.raises(ccxt.AuthenticationError) as error:
        buy(client, "a")
    assert code_of(error) == "-2015"
    assert client.fetch_balance()["info"]["canTrade"] is False


def test_a_key_that_is_revoked_after_it_worked(pair) -> None:
    server, client = pair
    client.fetch_balance()
    control(server.port, "quirks", revoked_key=True)
    with pytest.raises(ccxt.DDoSProtection) as error:  # ccxt takes it for a temporary ban
        buy(client, "a")
    assert code_of(error) == "-2015"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"timestamp": None}, -1102),
        ({"timestamp": "soon"}, -1100),
        ({"recvWindow": "60001"}, -1131),
        ({"recvWindow": "-1"}, -1100),
    ],
)
def test_parameters_of_a_signed_request(still, params, code) -> None:
    assert signed(still[0], "GET", "/api/v3/account", **params).json()["code"] == code


def test_a_signature_covers_query_and_body_and_nothing_may_change(still) -> None:
    server = still[0]
    url = f"http://127.0.0.1:{server.port}/api/v3/account"
    headers = {"X-MBX-APIKEY": KEYS["binance"]["apiKey"]}
    good = signed(server, "GET", "/api/v3/account").request.url
    assert requests.get(good, headers=headers, timeout=60).status_code == 200
    tampered = good.replace("timestamp=", "omitZeroBalances=true&timestamp=")
    assert requests.get(tampered, headers=headers, timeout=60).json()["code"] == -1022
    assert requests.get(url, headers=headers, timeout=60).json()["code"] == -1102
    assert requests.get(good, timeout=60).json() == {
        "code": -2014,
        "msg": "API-key format invalid.",
    }


# Orders


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"quantity": "0.00005"}, -1013, "LOT_SIZE"),
        ({"quantity": "9001"}, -1013, "LOT_SIZE"),
        (
            {"quantity": "0.5", "type": "LIMIT", "timeInForce": "GTC", "price": "400.001"},
            -1013,
            "PRICE_FILTER",
        ),
        (
            {"quantity": "0.5", "type": "LIMIT", "timeInForce": "GTC", "price": "40.00"},
            -1013,
            "PERCENT_PRICE_BY_SIDE",
        ),
        ({"quantity": "0.02"}, -1013, "NOTIONAL"),
        ({"quantity": "500"}, -2010, "insufficient balance"),
        ({"quantity": "0"}, -1013, "Invalid quantity"),
        ({"quantity": "-1"}, -1100, "quantity"),
        ({"quantity": "1e2"}, -1100, "quantity"),
        ({"quantity": "0.123456789"}, -1111, "precision"),
        ({}, -1102, "quantity"),
        ({"quantity": "0.5", "price": "400"}, -1106, "price"),
        ({"quantity": "0.5", "quoteOrderQty": "100"}, -1106, "quantity"),
        ({"quantity": "0.5", "type": "LIMIT", "price": "400"}, -1102, "timeInForce"),
        ({"quantity": "0.5", "type": "LIMIT", "timeInForce": "GTC"}, -1102, "price"),
        (
            {"quantity": "0.5", "type": "LIMIT", "timeInForce": "DAY", "price": "400"},
            -1115,
            "timeInForce",
        ),
        ({"quantity": "0.5", "type": "STOP_LOSS"}, -1116, "orderType"),
        ({"quantity": "0.5", "side": "HOLD"}, -1117, "side"),
        ({"quantity": "0.5", "symbol": "DOGEUSD"}, -1121, "symbol"),
        ({"quantity": "0.5", "newClientOrderId": "a b"}, -1100, "newClientOrderId"),
        ({"quantity": "0.5", "newClientOrderId": "a" * 37}, -1100, "newClientOrderId"),
        ({"quantity": "5.5", "side": "SELL"}, -2010, "insufficient balance"),
        ({"quantity": "1", "type": "LIMIT_MAKER", "price": "500"}, -2010, "immediately match"),
    ],
)
def test_orders_that_are_refused(still, params, code, words) -> None:
    server = still[0]
    known = {"symbol": "ETHUSD", "side": "BUY", "type": "MARKET"}
    reply = signed(server, "POST", "/api/v3/order", **(known | params))
    assert (reply.status_code, reply.json()["code"]) == (400, code) and words in reply.json()["msg"]
    assert server.exchange.matching.orders == {} and server.exchange.audit() == []


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (("market", "buy", 500), ccxt.InsufficientFunds),
        (("market", "buy", 0.02), ccxt.BadRequest),
        (("limit", "buy", 0.02, 400), ccxt.BadRequest),
    ],
)
def test_what_ccxt_makes_of_refused_orders(still, order, kind) -> None:
    with pytest.raises(kind) as error:
        still[1].create_order(ETH, *order)
    assert type(error.value) is kind


def test_a_client_id_of_an_open_order_is_taken(pair) -> None:
    _, client = pair
    client.create_order(ETH, "limit", "buy", 1, 300, {"newClientOrderId": "same"})
    with pytest.raises(ccxt.ExchangeError, match="Duplicate order sent"):
        buy(client, "same")


def test_orders_that_are_not_there(pair) -> None:
    _, client = pair
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        client.fetch_order("77", ETH)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        client.fetch_order(None, ETH, {"origClientOrderId": "nobody"})
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        client.cancel_order("77", ETH)
    done = buy(client, "a")
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        client.cancel_order(done["id"], ETH)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        client.fetch_order(done["id"], "BTC/USD")


def test_a_halted_market(pair) -> None:
    server, client = pair
    control(server.port, "quirks", halted=True)
    with pytest.raises(ccxt.BaseError, match="Market is closed"):
        buy(client, "a")
    assert client.load_markets(True)[ETH]["active"] is False


# Candles and paths


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("klines?symbol=ETHUSD&interval=5m", 400, -1120),
        ("klines?symbol=ETHUSD&interval=7m", 400, -1120),
        ("klines?symbol=ETHUSD", 400, -1120),
        ("klines?interval=1m", 400, -1102),
        ("klines?symbol=XXX&interval=1m", 400, -1121),
        ("klines?symbol=ETHUSD&interval=1m&limit=x", 400, -1100),
        ("klines?symbol=ETHUSD&symbol=ETHUSD&interval=1m", 400, -1100),
        ("exchangeInfo?symbol=XXX", 400, -1121),
        ("nothing", 404, -1),
        ("order", 401, -2014),
    ],
)
def test_questions_without_an_answer(still, path, status, code) -> None:
    reply = requests.get(f"http://127.0.0.1:{still[0].port}/api/v3/{path}", timeout=60)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_too_many_requests_in_a_minute(pair) -> None:
    server, client = pair
    control(server.port, "quirks", weight_limit=50)
    with pytest.raises(ccxt.DDoSProtection) as error:
        for _ in range(4):
            client.fetch_balance()
    assert code_of(error) == "-1003"
    assert 0 < int(client.last_response_headers["Retry-After"]) <= 60
    wait_minutes(server.port, 1)
    assert client.fetch_balance()["ETH"]["free"] == 5.0
