"""Exchanges that differ in what they make of ``since``, as a transport: ccxt's own classes ask, and parse the replies.

Each holds one table of minutes of ETH and answers as the genuine one does, without a network.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import requests
from requests.adapters import BaseAdapter

MINUTE = 60_000
SYMBOLS = {
    "kraken": "ETH/USD",
    "gemini": "ETH/USD",
    "bithumb": "ETH/KRW",
    "bitstamp": "ETH/USD",
    "coinbaseexchange": "ETH/USD",
    "okx": "ETH/USDT",
    "upbit": "ETH/KRW",
    "gate": "ETH/USDT",
    "mexc": "ETH/USDT",
    "bitfinex": "ETH/USD",
}

Query = dict[str, str]
Bar = list[float]


def minutes(start: str, end: str) -> pd.DataFrame:
    """Believable bars of every minute in [start, end)."""
    index = pd.date_range(start, end, freq="min", inclusive="left", tz="UTC", name="time")
    close = 100 + np.arange(len(index)) % 97 / 8
    values = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.5}
    return pd.DataFrame(values, index=pd.DatetimeIndex(index.as_unit("ns"), freq=None))


@dataclass(eq=False)
class StubExchange(BaseAdapter):
    """One exchange that holds ``table`` and is asked at ``now``.

    ``keeps`` is how many minutes back it knows (all by default), ``most`` the candles of one reply where it gives fewer
    than ccxt asks for, and ``exclusive`` whether it takes ``since`` for the bar before the first one wanted.
    """

    name: str
    table: pd.DataFrame
    now: pd.Timestamp
    keeps: int | None = None
    most: int | None = None
    exclusive: bool = False
    asked: list[Query] = field(default_factory=list)
    """The requests for candles."""

    def send(self, request: Any, **_: Any) -> requests.Response:  # type: ignore[override]
        """Answer a request."""
        parts = urlsplit(str(request.url))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, body = self._answer(parts.path, query)
        response = requests.Response()
        response.status_code = status
        response._content = json.dumps(body).encode()
        response.headers["Content-Type"] = "application/json"
        response.url = str(request.url)
        response.request = request
        response.reason = "OK" if status == 200 else "Bad Request"
        return response

    def close(self) -> None:
        """Nothing is open."""

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def _answer(self, path: str, query: Query) -> tuple[int, Any]:
        if any(word in path.lower() for word in ("ohlc", "candle", "kline")):
            self.asked.append(query)
            found = _CANDLES[self.name](self, query)
            return found if isinstance(found, tuple) else (200, found)
        for part, body in _FACTS[self.name].items():
            if path.endswith(part):
                return 200, body(self) if callable(body) else body
        return 404, {"error": f"no {path}"}

    def bars(self, start: float = 0, end: float = np.inf) -> list[Bar]:
        """Return the bars that open in [start, end] (ms), those it knows, up to the one in progress."""
        now = self.now_ms
        oldest = 0 if self.keeps is None else now - self.keeps * MINUTE
        start += MINUTE if self.exclusive else 0
        times = self.table.index.as_unit("ms").asi8
        wanted = (times >= max(start, oldest)) & (times <= min(end, now))
        rows = self.table.to_numpy()[wanted]
        return [[int(ms), *bar] for ms, bar in zip(times[wanted], rows.tolist(), strict=True)]

    def newest_of(self, bars: list[Bar], most: int) -> list[Bar]:
        """Return the newest bars of a window, as many as one reply has, the newest first."""
        return bars[-min(most, self.most or most) :][::-1]


def _texts(bar: Bar, *, unit: int = 1) -> list[Any]:
    return [int(bar[0]) // unit, *(str(value) for value in bar[1:])]


# Those that give their newest candles whatever is asked for


def _kraken(stub: StubExchange, query: Query) -> Any:
    rows = [_texts(bar, unit=1000) for bar in stub.bars()[-720:]]
    rows = [[*row[:5], row[4], row[5], 7] for row in rows]
    return {"error": [], "result": {"XETHZUSD": rows, "last": rows[-1][0] if rows else 0}}


def _gemini(stub: StubExchange, query: Query) -> Any:
    return stub.bars()[-1440:][::-1]


def _korean(bars: list[Bar]) -> list[dict[str, Any]]:
    return [
        {
            "candle_date_time_utc": pd.Timestamp(bar[0], unit="ms").strftime("%Y-%m-%dT%H:%M:%S"),
            "opening_price": bar[1],
            "high_price": bar[2],
            "low_price": bar[3],
            "trade_price": bar[4],
            "candle_acc_trade_volume": bar[5],
        }
        for bar in bars
    ]


def _bithumb(stub: StubExchange, query: Query) -> Any:
    return _korean(stub.bars()[-int(query["count"]) :][::-1])


# Those that give what lies in a window


def _bitstamp(stub: StubExchange, query: Query) -> Any:
    bars = stub.bars(int(query["start"]) * 1000, int(query["end"]) * 1000)
    names = ("timestamp", "open", "high", "low", "close", "volume")
    rows = [
        dict(zip(names, map(str, _texts(bar, unit=1000)), strict=True))
        for bar in bars[: int(query["limit"])]
    ]
    return {"data": {"pair": "ETH/USD", "ohlc": rows}}


def _coinbase(stub: StubExchange, query: Query) -> Any:
    start, end = (pd.Timestamp(query[name]).timestamp() * 1000 for name in ("start", "end"))
    rows = stub.newest_of(stub.bars(start, end), 300)
    return [[bar[0] // 1000, bar[3], bar[2], bar[1], bar[4], bar[5]] for bar in rows]


def _okx(stub: StubExchange, query: Query) -> Any:
    bars = stub.bars(int(query["before"]) + 1, int(query["after"]) - 1)
    rows = stub.newest_of(bars, int(query["limit"]))
    return {"code": "0", "msg": "", "data": [[*map(str, bar), "0", "0", "1"] for bar in rows]}


def _upbit(stub: StubExchange, query: Query) -> Any:
    end = pd.Timestamp(query["to"]).timestamp() * 1000 - 1
    return _korean(stub.newest_of(stub.bars(0, end), int(query["count"])))


def _gate(stub: StubExchange, query: Query) -> Any:
    start = int(query["from"]) * 1000
    if start < stub.now_ms - 10_000 * MINUTE:
        words = "Candlestick too long ago. Maximum 10000 points ago are allowed"
        return 400, {"label": "INVALID_PARAM_VALUE", "message": words}
    bars = stub.bars(start, int(query["to"]) * 1000)
    return [
        [str(value) for value in (bar[0] // 1000, 0, bar[4], bar[2], bar[3], bar[1], bar[5])]
        for bar in bars
    ]


def _mexc(stub: StubExchange, query: Query) -> Any:
    bars = stub.bars(int(query["startTime"]), int(query["endTime"]) - 1)[:500]
    return [[*_texts(bar), int(bar[0]) + MINUTE - 1, "0"] for bar in bars]


# One that gives what it has from a time on


def _bitfinex(stub: StubExchange, query: Query) -> Any:
    most = min(int(query["limit"]), stub.most or 10_000)
    return [
        [bar[0], bar[1], bar[4], bar[2], bar[3], bar[5]]
        for bar in stub.bars(int(query["start"]))[:most]
    ]


_CANDLES: dict[str, Callable[[StubExchange, Query], Any]] = {
    "kraken": _kraken,
    "gemini": _gemini,
    "bithumb": _bithumb,
    "bitstamp": _bitstamp,
    "coinbaseexchange": _coinbase,
    "okx": _okx,
    "upbit": _upbit,
    "gate": _gate,
    "mexc": _mexc,
    "bitfinex": _bitfinex,
}

_KRAKEN_MARKET = {
    "altname": "ETHUSD",
    "wsname": "ETH/USD",
    "aclass_base": "currency",
    "base": "XETH",
    "aclass_quote": "currency",
    "quote": "ZUSD",
    "pair_decimals": 2,
    "lot_decimals": 8,
    "lot_multiplier": 1,
    "leverage_buy": [],
    "leverage_sell": [],
    "fees": [[0, 0.26]],
    "fees_maker": [[0, 0.16]],
    "ordermin": "0.01",
    "status": "online",
}

_FACTS: dict[str, dict[str, Any]] = {
    "kraken": {
        "AssetPairs": {"error": [], "result": {"XETHZUSD": _KRAKEN_MARKET}},
        "Assets": {
            "error": [],
            "result": {
                "XETH": {"aclass": "currency", "altname": "ETH", "decimals": 10},
                "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4},
            },
        },
        "Time": lambda stub: {"error": [], "result": {"unixtime": stub.now_ms // 1000}},
        "SystemStatus": {"error": [], "result": {"status": "online"}},
    },
    "gemini": {"symbols": ["ethusd"]},
    "bithumb": {"market/all": [{"market": "KRW-ETH"}]},
    "bitstamp": {
        "markets/": [
            {
                "base_currency": "ETH",
                "counter_currency": "USD",
                "market_type": "SPOT",
                "market_symbol": "ethusd",
                "description": "Ether / US dollar",
                "minimum_order_value": "10 USD",
                "trading": "Enabled",
                "base_decimals": 8,
                "counter_decimals": 2,
            }
        ]
    },
    "coinbaseexchange": {
        "currencies": [],
        "products": [
            {
                "id": "ETH-USD",
                "base_increment": "0.0001",
                "quote_increment": "0.01",
                "status": "online",
            }
        ],
        "time": lambda stub: {"iso": stub.now.isoformat(), "epoch": stub.now.timestamp()},
    },
    "okx": {
        "instruments": {
            "code": "0",
            "msg": "",
            "data": [
                {
                    "instId": "ETH-USDT",
                    "instType": "SPOT",
                    "baseCcy": "ETH",
                    "quoteCcy": "USDT",
                    "state": "live",
                    "tickSz": "0.01",
                    "lotSz": "0.0001",
                    "minSz": "0.001",
                }
            ],
        },
        "time": lambda stub: {"code": "0", "msg": "", "data": [{"ts": str(stub.now_ms)}]},
    },
    "upbit": {"market/all": [{"market": "KRW-ETH"}]},
    "gate": {
        "spot/currencies": [],
        "margin/currency_pairs": [],
        "spot/currency_pairs": [
            {"id": "ETH_USDT", "fee": "0.2", "trade_status": "tradable", "precision": 2}
        ],
        "time": lambda stub: {"server_time": stub.now_ms},
    },
    "mexc": {
        "exchangeInfo": {
            "symbols": [
                {
                    "symbol": "ETHUSDT",
                    "status": "1",
                    "baseAsset": "ETH",
                    "quoteAsset": "USDT",
                    "isSpotTradingAllowed": True,
                }
            ]
        },
        "detail": {"success": True, "code": 0, "data": []},
        "time": lambda stub: {"serverTime": stub.now_ms},
    },
    "bitfinex": {
        "currency:margin": [["ETH", "USD"], *([[]] * 10)],
        "pair:margin": [[["ETHUSD", [None, None, None, "0.02", "2000"]]], [], [], []],
    },
}
