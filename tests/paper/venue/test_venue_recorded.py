"""The venue against replies that real exchanges gave, as ccxt's own tests recorded them, and the requests they saw."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import ccxt
import pytest

from cryptonn.paper.ports import OrderRequest, OrderState, VenueFill
from cryptonn.paper.venue.exchanges import EXCHANGES
from cryptonn.paper.venue.markets import Market
from cryptonn.paper.venue.replies import Garbled
from cryptonn.trading.rules import MarketRules
from tests.paper.venue.accounts import Scripted, order, scripted, scripted_account

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "fixtures" / "ccxt"
LTC, SOL = "LTC/USDT", "SOL/USDT"


@pytest.fixture(scope="module")
def recordings() -> dict[str, Any]:
    """Recorded replies by file; they are not part of the project, so tests that need them skip elsewhere."""
    if not RECORDINGS.is_dir():
        pytest.skip(
            f"needs the recorded replies in {RECORDINGS}, which are not part of the project"
        )
    return {path.stem: json.loads(path.read_text()) for path in RECORDINGS.glob("*.json")}


def recorded(recordings: dict[str, Any], name: str, method: str) -> Any:
    (case,) = [case for case in recordings[name]["cases"] if case["method"] == method]
    return case["httpResponse"]


def listed(symbol: str) -> dict[str, Any]:
    base, quote = symbol.split("/")
    filters = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "0.01",
            "maxPrice": "100000.00",
            "tickSize": "0.01000000",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": "0.00100000",
            "maxQty": "90000.0",
            "stepSize": "0.00100000",
        },
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000.0"},
    ]
    return {
        **{"symbol": base + quote, "status": "TRADING", "baseAsset": base, "quoteAsset": quote},
        **{
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        },
        **{
            "permissions": ["SPOT"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": filters,
        },
    }


def binance(recordings: dict[str, Any]) -> dict[str, Any]:
    """What the server answers: everything that was recorded of binance."""
    found = {
        "POST /api/v3/order": "createOrder",
        "GET /api/v3/order": "fetchOrder",
        "GET /api/v3/openOrders": "fetchOpenOrders",
        "GET /api/v3/myTrades": "fetchMyTrades",
        "GET /api/v3/account": "fetchBalance",
    }
    answers = {
        line: (200, {}, recorded(recordings, "response_binance_spot", what))
        for line, what in found.items()
    }
    markets = {"symbols": [listed(LTC), listed(SOL)]}
    return {**answers, "GET /api/v3/exchangeInfo": (200, {}, markets)}


def test_every_recorded_reply_of_binance_is_understood(recordings: dict[str, Any]) -> None:
    with scripted(**binance(recordings)) as script, scripted_account("binance", script) as venue:
        rules = venue.rules(LTC)
        assert rules == MarketRules(
            Decimal("0.001"), Decimal("0.01"), Decimal("0.001"), Decimal(5), fee_in="base"
        )
        filled = OrderState(
            "x-R4BD3S825806ed40c861260428a48c",
            "3397148653",
            "closed",
            Decimal("0.1"),
            Decimal("0.1"),
        )
        assert venue.find(filled.cid or "", LTC) == filled
        resting = OrderState(
            "x-R4BD3S82102a551f8c1642bba06728", "3811057334", "open", Decimal("0.2"), Decimal(0)
        )
        assert venue.open_orders(LTC) == [resting]
        state = OrderState("cn", "3784695242", "closed", Decimal("0.2"), Decimal("0.2"))
        sold = VenueFill(
            *(
                "309520010",
                "3784695242",
                "sell",
                Decimal("0.2"),
                Decimal("69.63"),
                Decimal("0.013926"),
                "USDT",
            ),
            time_ms=1698138992358,
        )
        assert venue.fills(state, LTC) == [sold]
        assert venue.balances() == {
            "LTC": (Decimal("0.919741"), 0),
            "ETH": (Decimal("0.02229833"), 0),
        }
        assert venue.key_warnings() == ["the key may withdraw"]


def test_the_recorded_reply_to_an_order_is_taken_for_that_order_only(
    recordings: dict[str, Any],
) -> None:
    with scripted(**binance(recordings)) as script, scripted_account("binance", script) as venue:
        script.answers["GET /api/v3/order"] = script.answers["POST /api/v3/order"]
        asked = OrderRequest(
            "x-R4BD3S824d31be3228a348eaa0a303", SOL, "buy", Decimal("0.05"), Decimal("241.00")
        )
        assert venue.send(asked) == OrderState(
            asked.cid, "9780331417", "open", Decimal("0.05"), Decimal(0)
        )


def form(script: Scripted) -> dict[str, str]:
    (body,) = [body for line, _, body in script.seen if line == "POST /api/v3/order"]
    return dict(parse_qsl(body))


def test_requests_are_as_recorded_and_a_market_order_says_how_much_not_for_how_much(
    recordings: dict[str, Any],
) -> None:
    spec = recordings["request_binance_spot"]
    cases = {case["description"]: case for case in spec["cases"]}
    wanted = dict(parse_qsl(cases["Spot limit buy order"]["output"]))
    for limit in (Decimal(50), None):
        with (
            scripted(**binance(recordings)) as script,
            scripted_account("binance", script) as venue,
        ):
            with pytest.raises(Exception, match="may or may not"):
                venue.send(OrderRequest("cn7-1-0", LTC, "buy", Decimal("0.2"), limit))
            sent = form(script)
        assert sent["newClientOrderId"] == "cn7-1-0"
        assert sent["recvWindow"] == "5000"
        assert sent["quantity"] == "0.2"
        assert "quoteOrderQty" not in sent
        if limit is not None:
            assert {key: sent[key] for key in sent if key not in spec["skipKeys"]} == {
                key: wanted[key] for key in wanted if key not in spec["skipKeys"]
            }


def test_recorded_candles_of_gemini_give_the_newest_price(recordings: dict[str, Any]) -> None:
    cases = {
        case["method"]: case["httpResponse"] for case in recordings["response_gemini"]["cases"]
    }
    eth = recordings["markets_gemini"]["markets"]["ETH/USD"]
    details = {
        **{"symbol": "ETHUSD", "base_currency": "ETH", "quote_currency": "USD", "status": "open"},
        **{"tick_size": eth["precision"]["amount"], "quote_increment": eth["precision"]["price"]},
        **{"min_order_size": str(eth["limits"]["amount"]["min"]), "wrap_enabled": False},
    }
    answers = {
        "GET /v1/symbols": (200, {}, ["btcusd", "ethusd"]),
        "GET /v1/symbols/details/ethusd": (200, {}, details),
        "GET /v2/candles/ethusd/1m": (200, {}, cases["fetchOHLCV"]),
    }
    with scripted(**answers) as script, scripted_account("gemini", script) as venue:
        rules = venue.rules("ETH/USD")
        assert rules == MarketRules(
            Decimal("0.000001"), Decimal("0.01"), Decimal("0.001"), fee_in="quote"
        )
        newest = max(cases["fetchOHLCV"])
        assert venue.price("ETH/USD") == Decimal(str(newest[4]))


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_recorded_reply_without_a_status_is_no_state_of_an_order(
    name: str, recordings: dict[str, Any]
) -> None:
    """Kraken acknowledges an order without saying what became of it; ccxt makes an order without a status of that."""
    dialect = EXCHANGES[name]
    market = Market(LTC, "LTCUSDT", "LTC", "USDT", MarketRules(Decimal("0.001"), Decimal("0.01")))
    reply = recorded(recordings, "response_kraken_spot", "createOrder")
    parsed = ccxt.kraken().parse_order(reply["result"])
    assert parsed["status"] is None
    for told in (
        reply,
        reply["result"],
        parsed,
        {**parsed, "clientOrderId": order().cid, "symbol": "LTCUSDT"},
    ):
        with pytest.raises(Garbled):
            dialect.order(told, market)
