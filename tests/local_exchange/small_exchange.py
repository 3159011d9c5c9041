"""A local exchange over ten hours of made-up minutes, with ways to ask it by hand."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import requests

from cryptonn.local_exchange.server import local_exchange
from tests.local_exchange.genuine import KEYS
from tests.local_exchange.parts import parts

MINUTE = 60_000
START_MS = 1_600_000_020_000
BARS = 600
UNTRADED = (7, 8, 30)
"""Bars without volume."""

OPENING = {"USD": Decimal("10000"), "ETH": Decimal("5"), "BTC": Decimal(0)}
NONCES = count(1)


def candles(*, base: float, seed: int) -> pd.DataFrame:
    """A random walk in ticks; the bars of ``UNTRADED`` stay at the close before them."""
    random = np.random.default_rng(seed)
    opens = np.round(base * np.exp(np.cumsum(random.normal(0, 0.001, BARS + 1))), 2)
    bars = pd.DataFrame({"open": opens[:-1], "close": opens[1:]})
    bars["high"] = bars[["open", "close"]].max(axis=1) + 0.25
    bars["low"] = bars[["open", "close"]].min(axis=1) - 0.25
    bars["volume"] = np.round(random.uniform(0.5, 9, BARS), 4)
    for bar in UNTRADED:
        bars.loc[bar, ["open", "high", "low", "close"]] = bars.loc[bar - 1, "close"]
        bars.loc[bar, "volume"] = 0.0
    times = pd.to_datetime(START_MS + np.arange(BARS) * MINUTE, unit="ms", utc=True)
    return bars[["open", "high", "low", "close", "volume"]].set_index(
        pd.DatetimeIndex(times, name="time")
    )


CANDLES = {"ETH/USD": candles(base=400.0, seed=1), "BTC/USD": candles(base=11_000.0, seed=2)}


@contextmanager
def small_exchange(**changes: Any) -> Iterator[Any]:
    """Run the exchange in lockstep, three minutes after the first bar opened."""
    known = {"start_ms": START_MS + 3 * MINUTE, "balances": OPENING, "mode": "lockstep"}
    with local_exchange(CANDLES, **parts(**(known | changes))) as exchange:
        yield exchange


def control(port: int, what: str, **body: Any) -> dict[str, Any]:
    """Ask the control interface: a GET without a body, else a POST."""
    url = f"http://127.0.0.1:{port}/_ctl/{what}"
    reply = requests.post(url, json=body, timeout=60) if body else requests.get(url, timeout=60)
    reply.raise_for_status()
    return reply.json()


def wait_minutes(port: int, minutes: float) -> None:
    now = control(port, "clock")["now_ms"]
    control(port, "clock", to_ms=int(now + minutes * MINUTE))


def gemini_post(
    port: int,
    path: str,
    *,
    sent_to: str = "",
    secret: str = "",
    headers: Any = None,
    **payload: Any,
):
    """Ask gemini's dialect by hand, with a nonce of its own unless one is given."""
    full = {"request": path, "nonce": f"{next(NONCES)}", **payload}
    encoded = base64.b64encode(json.dumps(full).encode()).decode()
    secret = secret or KEYS["gemini"]["secret"]
    known = {
        "X-GEMINI-APIKEY": KEYS["gemini"]["apiKey"],
        "X-GEMINI-PAYLOAD": encoded,
        "X-GEMINI-SIGNATURE": hmac.new(
            secret.encode(), encoded.encode(), hashlib.sha384
        ).hexdigest(),
    }
    wanted = {name: value for name, value in (known | (headers or {})).items() if value is not None}
    return requests.post(f"http://127.0.0.1:{port}{sent_to or path}", headers=wanted, timeout=60)
