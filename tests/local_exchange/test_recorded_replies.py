"""The outside check: replies that real exchanges gave, as ccxt's own tests recorded them.

ccxt reads each of them as was recorded, and the local exchange says at least what the real one said, in the same form.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cryptonn.local_exchange.signatures import binance_signature_ok
from tests.local_exchange.genuine import KEYS, genuine
from tests.local_exchange.recorded_server import replying
from tests.local_exchange.small_exchange import control, small_exchange

REPLIES = {
    "binance": ("response_binance_spot.json", 5),
    "gemini": ("response_gemini.json", 3),
    "kraken": ("response_kraken_spot.json", 2),
}


def cases_of(recordings: Path, name: str) -> list[dict[str, Any]]:
    file, count = REPLIES[name]
    cases = json.loads((recordings / file).read_text())["cases"]
    assert len(cases) == count
    return cases


def market(exchange, symbol: str, **facts: Any) -> dict[str, Any]:
    base, quote = symbol.split("/")
    known = {
        "id": base + quote,
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "baseId": base,
        "quoteId": quote,
    }
    return exchange.safe_market_structure({**known, "type": "spot", "spot": True, **facts})


def give_markets(exchange, recordings: Path) -> None:
    if exchange.id == "gemini":
        exchange.set_markets(
            json.loads((recordings / "markets_gemini.json").read_text())["markets"]
        )
        return
    facts = {
        "precision": {"amount": 0.001, "price": 0.01},
        "limits": {"amount": {"min": 0.001}, "cost": {"min": 5}},
        "info": {"orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"]},
    }
    fine = facts | {"precision": {"amount": 0.00001, "price": 0.01}}
    markets = {"LTC/USDT": facts, "SOL/USDT": facts, "BTC/USDT": fine}
    exchange.set_markets([market(exchange, symbol, **of_it) for symbol, of_it in markets.items()])


def differences(ours: Any, recorded: Any, where: str = "") -> list[str]:
    """List where ``ours`` lacks something that was recorded, or says it otherwise."""
    if isinstance(recorded, dict):
        found = [f"{where}.{key} is missing" for key in recorded if key not in ours]
        return found + [
            line
            for key in recorded
            if key in ours
            for line in differences(ours[key], recorded[key], f"{where}.{key}")
        ]
    if isinstance(recorded, list):
        if len(ours) != len(recorded):
            return [f"{where} has {len(ours)} entries for {len(recorded)}"]
        return [
            line
            for i, want in enumerate(recorded)
            for line in differences(ours[i], want, f"{where}[{i}]")
        ]
    return [] if ours == recorded else [f"{where}: {ours!r} for {recorded!r}"]


def as_ccxt_reads(case: dict[str, Any], name: str, recordings: Path) -> Any:
    with (
        replying(case["httpResponse"]) as server,
        genuine(name, server.port, sandbox=name != "kraken") as exchange,
    ):
        give_markets(exchange, recordings)
        return getattr(exchange, case["method"])(*case["input"])


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for name, (_, n) in REPLIES.items() for i in range(n)]
)
def test_ccxt_reads_every_recorded_reply_as_recorded(
    recordings: Path, name: str, place: int
) -> None:
    case = cases_of(recordings, name)[place]
    assert differences(as_ccxt_reads(case, name, recordings), case["parsedResponse"]) == []


def test_a_reply_that_says_something_else_is_noticed(recordings: Path) -> None:
    case = cases_of(recordings, "binance")[1]
    other = case | {
        "httpResponse": case["httpResponse"] | {"executedQty": "0.09000000", "status": "EXPIRED"}
    }
    noticed = " ".join(
        differences(as_ccxt_reads(other, "binance", recordings), case["parsedResponse"])
    )
    assert ".filled: 0.09 for 0.1" in noticed
    assert ".status: 'expired' for 'closed'" in noticed


@pytest.mark.parametrize("place", range(5))
def test_ccxt_asks_as_recorded_and_our_check_accepts_its_signature(
    recordings: Path, place: int
) -> None:
    recorded = json.loads((recordings / "request_binance_spot.json").read_text())
    case = recorded["cases"][place]
    with (
        replying({"symbol": "LTCUSDT", "orderId": 1}) as server,
        genuine("binance", server.port) as exchange,
    ):
        give_markets(exchange, recordings)
        getattr(exchange, case["method"])(*case["input"])
    [(path, headers, body)] = server.asked
    assert path == urlsplit(case["url"]).path
    assert headers["X-MBX-APIKEY"] == KEYS["binance"]["apiKey"]
    ours, theirs = (
        {key: value for key, value in parse_qsl(text) if key not in recorded["skipKeys"]}
        for text in (body, case["output"])
    )
    assert ours == theirs
    before, signature = body.rsplit("&signature=", 1)
    assert binance_signature_ok(before, signature, KEYS["binance"]["secret"])


# What the local exchange says of the same, as it went over the wire


def form(value: Any, *, digits: bool) -> str:
    """Say what kind of value it is; ccxt's recordings have whole numbers in quotes."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return "whole"
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+\.[0-9]+", value):
        return (
            f"text with {len(value.partition('.')[2])} decimals" if digits else "text with decimals"
        )
    return "whole" if type(value) is int else type(value).__name__


def lacking(ours: Any, recorded: Any, where: str = "reply", *, digits: bool) -> list[str]:
    """List what was recorded and ours lacks or writes in another form; of a list the first entry counts.

    ``digits``: numbers in words must have as many decimals, as those of binance always have.
    """
    if isinstance(recorded, dict) and isinstance(ours, dict):
        common = [key for key in recorded if key in ours]
        return [f"{where} has no {key}" for key in recorded if key not in ours] + [
            line
            for key in common
            for line in lacking(ours[key], recorded[key], f"{where}.{key}", digits=digits)
        ]
    if isinstance(recorded, list) and isinstance(ours, list):
        return (
            lacking(ours[0], recorded[0], f"{where}[0]", digits=digits) if ours and recorded else []
        )
    same = form(ours, digits=digits) == form(recorded, digits=digits)
    return [] if same else [f"{where} is {ours!r}, recorded {recorded!r}"]


def wire(exchange: Any) -> Any:
    """Return the last reply as it came, numbers and all."""
    return json.loads(exchange.last_http_response)


def limit_order(exchange: Any) -> None:
    changes = {"selfTradePrevention": "expire_maker", "icebergAmount": 0.03}
    exchange.create_order("ETH/USD", "limit", "buy", 0.5, 390, changes)


def market_order(exchange: Any) -> None:
    order = exchange.create_order("ETH/USD", "market", "sell", 0.1)
    exchange.fetch_order(order["id"], "ETH/USD")


def open_orders(exchange: Any) -> None:
    exchange.create_order("ETH/USD", "limit", "buy", 0.2, 350, {"postOnly": True})
    exchange.fetch_open_orders("ETH/USD")


def own_trades(exchange: Any) -> None:
    exchange.create_order("ETH/USD", "market", "sell", 0.2)
    exchange.fetch_my_trades("ETH/USD")


ASKED = (
    limit_order,
    market_order,
    open_orders,
    own_trades,
    lambda exchange: exchange.fetch_balance(),
)


@pytest.mark.parametrize("place", range(5))
def test_the_local_exchange_says_what_binance_said(recordings: Path, place: int) -> None:
    case = cases_of(recordings, "binance")[place]
    with small_exchange() as local, genuine("binance", local.port) as exchange:
        exchange.milliseconds = lambda: control(local.port, "clock")["now_ms"]
        exchange.load_markets()
        ASKED[place](exchange)
        ours = wire(exchange)
    assert lacking(ours, case["httpResponse"], digits=True) == []


@pytest.mark.parametrize("place", range(3))
def test_the_local_exchange_says_what_gemini_said(recordings: Path, place: int) -> None:
    case = cases_of(recordings, "gemini")[place]
    with small_exchange() as local, genuine("gemini", local.port) as exchange:
        exchange.load_markets()
        symbol, timeframe = (
            case["input"][0].replace("USDT", "USD"),
            ["1m"] * (case["method"] == "fetchOHLCV"),
        )
        getattr(exchange, case["method"])(symbol, *timeframe)
        ours = wire(exchange)
    recorded = json.loads(json.dumps(case["httpResponse"]).replace('"USDT"', '"USD"'))
    assert lacking(ours, recorded, digits=False) == []


def test_what_is_lacking_or_written_otherwise_is_noticed() -> None:
    recorded = {"id": "17", "price": "1.00000000", "live": True, "fills": [{"qty": "2.50000000"}]}
    right = {"id": 4, "price": "2.50000000", "live": False, "fills": [], "more": 1}
    assert lacking(right, recorded, digits=True) == []
    assert lacking({"price": "2.5", "live": 1, "fills": [{"qty": 2.5}]}, recorded, digits=True) == [
        "reply has no id",
        "reply.price is '2.5', recorded '1.00000000'",
        "reply.live is 1, recorded True",
        "reply.fills[0].qty is 2.5, recorded '2.50000000'",
    ]
