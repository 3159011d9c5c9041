"""The outside check: replies that real exchanges gave, as ccxt's own tests recorded them.

ccxt reads each of them as was recorded, and the local exchange says at least what the real one said, in the same form.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cryptonn.local_exchange.signatures import binance_signature_ok
from tests.local_exchange.genuine import KEYS, genuine
from tests.local_exchange.recorded_server import replying

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
    known = {"id": base + quote, "symbol": symbol, "base": base, "quote": quote, "baseId": base, "quoteId": quote}
    return exchange.safe_market_structure({**known, "type": "spot", "spot": True, **facts})


def give_markets(exchange, recordings: Path) -> None:
    if exchange.id == "gemini":
        exchange.set_markets(json.loads((recordings / "markets_gemini.json").read_text())["markets"])
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
            line for key in recorded if key in ours for line in differences(ours[key], recorded[key], f"{where}.{key}")
        ]
    if isinstance(recorded, list):
        if len(ours) != len(recorded):
            return [f"{where} has {len(ours)} entries for {len(recorded)}"]
        return [line for i, want in enumerate(recorded) for line in differences(ours[i], want, f"{where}[{i}]")]
    return [] if ours == recorded else [f"{where}: {ours!r} for {recorded!r}"]


def as_ccxt_reads(case: dict[str, Any], name: str, recordings: Path) -> Any:
    with replying(case["httpResponse"]) as server, genuine(name, server.port, sandbox=name != "kraken") as exchange:
        give_markets(exchange, recordings)
        return getattr(exchange, case["method"])(*case["input"])


@pytest.mark.parametrize(("name", "place"), [(name, i) for name, (_, n) in REPLIES.items() for i in range(n)])
def test_ccxt_reads_every_recorded_reply_as_recorded(recordings: Path, name: str, place: int) -> None:
    case = cases_of(recordings, name)[place]
    assert differences(as_ccxt_reads(case, name, recordings), case["parsedResponse"]) == []


def test_a_reply_that_says_something_else_is_noticed(recordings: Path) -> None:
    case = cases_of(recordings, "binance")[1]
    other = case | {"httpResponse": case["httpResponse"] | {"executedQty": "0.09000000", "status": "EXPIRED"}}
    noticed = " ".join(differences(as_ccxt_reads(other, "binance", recordings), case["parsedResponse"]))
    assert ".filled: 0.09 for 0.1" in noticed
    assert ".status: 'expired' for 'closed'" in noticed


@pytest.mark.parametrize("place", range(5))
def test_ccxt_asks_as_recorded_and_our_check_accepts_its_signature(recordings: Path, place: int) -> None:
    recorded = json.loads((recordings / "request_binance_spot.json").read_text())
    case = recorded["cases"][place]
    with replying({"symbol": "LTCUSDT", "orderId": 1}) as server, genuine("binance", server.port) as exchange:
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
