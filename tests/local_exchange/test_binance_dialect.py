"""Binance's dialect, as the genuine ccxt class sees it: what works."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from cryptonn.local_exchange.clock import Replay
from cryptonn.local_exchange.server import local_exchange
from tests.local_exchange.binance_client import ETH, binance_pair, buy, on_the_clock
from tests.local_exchange.genuine import genuine
from tests.local_exchange.small_exchange import (
    CANDLES,
    MINUTE,
    START_MS,
    control,
    small_exchange,
    wait_minutes,
)


@pytest.fixture(scope="module")
def still() -> Iterator[tuple[Any, Any]]:
    """An exchange and its client, for what changes nothing."""
    with binance_pair() as pair:
        yield pair


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    with binance_pair() as pair:
        yield pair


def test_markets_carry_their_filters(still) -> None:
    client = still[1]
    assert set(client.markets) == {"ETH/USD", "BTC/USD"} and client.isSandboxModeEnabled
    market = client.market(ETH)
    assert (market["id"], market["base"], market["quote"], market["active"]) == (
        "ETHUSD",
        "ETH",
        "USD",
        True,
    )
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.0001, 0.01)
    assert market["limits"]["amount"] == {"min": 0.0001, "max": 9000.0}
    assert market["limits"]["cost"]["min"] == 10.0
    assert client.amount_to_precision(ETH, 0.12349) == "0.1234"


def test_the_time_is_that_of_the_replay(still) -> None:
    assert still[1].fetch_time() == START_MS + 3 * MINUTE


def test_candles_are_the_stored_ones_and_the_last_is_in_progress(still) -> None:
    rows = still[1].fetch_ohlcv(ETH, "1m")
    assert [row[0] for row in rows] == [START_MS + place * MINUTE for place in range(4)]
    assert [row[1:] for row in rows[:3]] == CANDLES[ETH].iloc[:3].to_numpy().tolist()
    assert rows[3][1:] == [CANDLES[ETH]["open"].iloc[3]] * 4 + [0.0]


def test_candles_by_start_and_limit_and_none_without_a_trade(pair) -> None:
    server, client = pair
    wait_minutes(server.port, 40)
    rows = client.fetch_ohlcv(ETH, "1m", since=START_MS + 6 * MINUTE, limit=3)
    assert [(row[0] - START_MS) // MINUTE for row in rows] == [6, 9, 10], (
        "7 and 8 are without a trade"
    )
    assert len(client.fetch_ohlcv(ETH, "1m", limit=1000)) == 44 - 3
    assert client.fetch_ohlcv(ETH, "1m", since=START_MS + 600 * MINUTE) == []
    assert [row[0] for row in client.fetch_ohlcv(ETH, "1m", limit=1)] == [START_MS + 43 * MINUTE]


def test_candles_without_a_trade_where_they_are_wanted() -> None:
    with binance_pair(untraded="serve", start_ms=START_MS + 9 * MINUTE) as (_, client):
        rows = client.fetch_ohlcv(ETH, "1m")
    assert [(row[0] - START_MS) // MINUTE for row in rows] == list(range(10)) and rows[7][5] == 0.0


def test_a_candle_of_many_digits_keeps_them() -> None:
    odd = {symbol: table.assign(volume=table["volume"] / 3) for symbol, table in CANDLES.items()}
    with (
        local_exchange(odd, replay=Replay(start_ms=START_MS + 3 * MINUTE)) as server,
        on_the_clock(server) as client,
    ):
        assert client.fetch_ohlcv(ETH, "1m")[0][5] == odd[ETH]["volume"].iloc[0]


def test_prices(still) -> None:
    client, opened = still[1], CANDLES[ETH]["open"].iloc[3]
    ticker, book = client.fetch_ticker(ETH), client.fetch_order_book(ETH)
    assert ticker["bid"] < ticker["last"] == opened < ticker["ask"]
    assert (book["bids"][0][0], book["asks"][0][0]) == (ticker["bid"], ticker["ask"])
    assert set(client.fetch_tickers()) == set(client.fetch_bids_asks()) == set(client.markets)
    assert client.fetch_last_prices()[ETH]["price"] == opened


def test_balances(still) -> None:
    balance = still[1].fetch_balance()
    assert (
        balance["total"] == {"BTC": 0.0, "ETH": 5.0, "USD": 10_000.0}
        and balance["used"]["USD"] == 0.0
    )


def test_a_market_order_and_everything_that_tells_of_it(pair) -> None:
    server, client = pair
    order = buy(client, "cnabcd-1-0")
    opened = Decimal(str(CANDLES[ETH]["open"].iloc[3]))
    price = (opened * Decimal("1.0003")).quantize(Decimal("0.01"), "ROUND_CEILING")
    assert (order["status"], order["filled"], order["clientOrderId"]) == (
        "closed",
        0.5,
        "cnabcd-1-0",
    )
    assert order["average"] == float(price)
    assert order["fee"] == {"currency": "USD", "cost": float(price * Decimal("0.001"))}, (
        "0.2 % of half of it"
    )
    looked_up = (
        client.fetch_order(order["id"], ETH),
        client.fetch_order(None, ETH, {"origClientOrderId": "cnabcd-1-0"}),
    )
    for again in looked_up:
        assert (again["id"], again["status"], again["filled"]) == (order["id"], "closed", 0.5)
        assert again["fee"] is None, "a lookup knows no fees"
    (trade,) = client.fetch_my_trades(ETH)
    assert (trade["order"], trade["amount"], trade["price"], trade["side"]) == (
        order["id"],
        0.5,
        float(price),
        "buy",
    )
    assert trade["fee"] == order["fee"] and trade["takerOrMaker"] == "taker"
    assert client.fetch_order_trades(order["id"], ETH) == [trade]
    assert client.fetch_open_orders(ETH) == [] and len(client.fetch_orders(ETH)) == 1
    assert client.fetch_balance()["ETH"]["free"] == 5.5
    assert control(server.port, "account")["audit"] == []


def test_a_fee_in_base_is_what_one_does_not_get() -> None:
    with binance_pair(fee_in="base") as (_, client):
        assert buy(client, "a")["fee"] == {"currency": "ETH", "cost": 0.001}
        assert client.fetch_balance()["ETH"]["free"] == 5.499
        sold = client.create_order(ETH, "market", "sell", 0.499)
        assert sold["fee"]["currency"] == "USD" and client.fetch_balance()["ETH"]["free"] == 5.0


def test_a_limit_order_rests_and_is_cancelled(pair) -> None:
    _, client = pair
    order = client.create_order(ETH, "limit", "buy", 1, 300.005, {"newClientOrderId": "l-1"})
    assert (order["status"], order["price"], order["filled"]) == ("open", 300.01, 0.0)
    assert client.fetch_balance()["USD"]["used"] == pytest.approx(300.01 * 1.002)
    assert [found["id"] for found in client.fetch_open_orders(ETH)] == [order["id"]]
    assert client.cancel_order(order["id"], ETH)["status"] == "canceled"
    assert client.fetch_order(order["id"], ETH)["status"] == "canceled"
    assert client.fetch_balance()["USD"]["used"] == 0.0


def test_cancel_by_client_id_and_all(pair) -> None:
    _, client = pair
    for cid in ("l-1", "l-2", "l-3"):
        client.create_order(ETH, "limit", "buy", 1, 300, {"newClientOrderId": cid})
    client.cancel_order(None, ETH, {"origClientOrderId": "l-2"})
    assert [order["clientOrderId"] for order in client.fetch_open_orders(ETH)] == ["l-1", "l-3"]
    assert len(client.cancel_all_orders(ETH)) == 2 and client.fetch_open_orders(ETH) == []


def test_a_limit_order_fills_when_a_bar_reaches_it(pair) -> None:
    server, client = pair
    low = float(CANDLES[ETH]["low"].iloc[4:60].min())
    order = client.create_order(ETH, "limit", "buy", 1, low)
    wait_minutes(server.port, 60)
    again = client.fetch_order(order["id"], ETH)
    assert (again["status"], again["average"]) == ("closed", low)
    assert client.fetch_my_trades(ETH)[0]["takerOrMaker"] == "maker"


def test_an_order_in_a_minute_without_a_trade_fills_at_the_next_open(pair) -> None:
    server, client = pair
    wait_minutes(server.port, 4.2)
    order = buy(client, "a")
    assert order["status"] == "open" and client.fetch_balance()["USD"]["used"] > 0
    wait_minutes(server.port, 1.7)
    assert client.fetch_order(order["id"], ETH)["status"] == "open"
    wait_minutes(server.port, 0.2)
    (trade,) = client.fetch_my_trades(ETH)
    price = Decimal(str(CANDLES[ETH]["open"].iloc[9])) * Decimal("1.0003")
    assert trade["price"] == float(price.quantize(Decimal("0.01"), "ROUND_CEILING"))
    assert trade["timestamp"] == START_MS + 9 * MINUTE


def test_time_in_force_and_post_only(pair) -> None:
    _, client = pair
    for tif in ("IOC", "FOK"):
        assert (
            client.create_order(ETH, "limit", "buy", 1, 300, {"timeInForce": tif})["status"]
            == "expired"
        )
        assert (
            client.create_order(ETH, "limit", "buy", 1, 500, {"timeInForce": tif})["status"]
            == "closed"
        )
    assert client.create_order(ETH, "limit", "buy", 1, 300, {"postOnly": True})["type"] == "limit"


def test_a_price_makes_a_market_order_one_for_so_much_quote(pair) -> None:
    _, client = pair
    order = client.create_order(ETH, "market", "buy", 0.5, 200)
    assert order["info"]["origQuoteOrderQty"] == "100.00000000"
    assert 99 < order["cost"] <= 100


def test_client_ids_are_unique_among_open_orders_only(pair) -> None:
    _, client = pair
    assert buy(client, "same")["id"] != buy(client, "same")["id"], "a filled one does not count"
    client.create_order(ETH, "limit", "buy", 1, 300, {"newClientOrderId": "same"})
    newest = client.fetch_order(None, ETH, {"origClientOrderId": "same"})
    assert newest["status"] == "open"


def test_a_client_that_starts_anew_finds_everything() -> None:
    with small_exchange() as server:
        with on_the_clock(server) as client:
            buy(client, "first")
            client.create_order(ETH, "limit", "buy", 1, 300, {"newClientOrderId": "second"})
        with on_the_clock(server) as client:
            assert (
                client.fetch_order(None, ETH, {"origClientOrderId": "first"})["status"] == "closed"
            )
            assert [order["clientOrderId"] for order in client.fetch_open_orders(ETH)] == ["second"]
            assert len(client.fetch_my_trades(ETH)) == 1


def test_pages_of_trades_and_orders(pair) -> None:
    server, client = pair
    times = []
    for place in range(4):
        buy(client, f"a-{place}", 0.1)
        times.append(server.exchange.clock.now_ms())
        wait_minutes(server.port, 1)
    ids = [trade["id"] for trade in client.fetch_my_trades(ETH)]
    assert [trade["id"] for trade in client.fetch_my_trades(ETH, limit=2)] == ids[2:]
    assert [trade["id"] for trade in client.fetch_my_trades(ETH, since=times[1], limit=2)] == ids[
        1:3
    ]
    assert [trade["id"] for trade in client.fetch_my_trades(ETH, params={"fromId": ids[1]})] == ids[
        1:
    ]
    assert (
        len(client.fetch_orders(ETH, since=times[2])) == 2
        and len(client.fetch_orders(ETH, limit=3)) == 3
    )


def test_production_hosts_lead_here_too_where_a_client_asks_without_keys(still) -> None:
    with genuine("binance", still[0].port, sandbox=False, apiKey="", secret="") as client:
        assert len(client.fetch_ohlcv(ETH, "1m")) == 4
