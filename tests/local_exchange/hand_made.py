"""Exchanges over candles written by hand, without a socket."""

from decimal import Decimal
from typing import Any

import pandas as pd

from cryptonn.local_exchange.clock import ReplayClock
from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.fees import Rates
from cryptonn.local_exchange.market import Filters, Market
from cryptonn.local_exchange.orders import NewOrder, Order

MINUTE = 60_000
START_MS = 1_514_764_800_000  # 2018-01-01
ETH = "ETH/USD"

D = Decimal


def table(rows: list[tuple[float, ...]]) -> pd.DataFrame:
    """Candles of one minute each from (open, high, low, close, volume), the first at ``START_MS``."""
    times = pd.to_datetime(
        [START_MS + MINUTE * place for place in range(len(rows))], unit="ms", utc=True
    )
    columns = ["open", "high", "low", "close", "volume"]
    return pd.DataFrame(rows, columns=columns, index=times.rename("time"), dtype="float64")


def flat(*prices: float, volume: float = 1.0) -> pd.DataFrame:
    """Candles whose four prices are the same."""
    return table([(price, price, price, price, volume) for price in prices])


def hand_made(candles: pd.DataFrame, **changes: Any) -> Exchange:
    """An exchange of ETH/USD that stands at the first candle's open; costs are zero unless given."""
    known = {"taker": "0", "maker": "0", "spread": "0", "slippage": "0"}
    costs = {name: D(str(changes.pop(name, zero))) for name, zero in known.items()}
    market = Market(ETH, candles, bar_ms=MINUTE, filters=changes.pop("filters", Filters()))
    clock = ReplayClock(start_ms=START_MS, end_ms=market.end_ms, wall=lambda: 0.0)
    balances = {"USD": D(10_000), "ETH": D(0)} | changes.pop("balances", {})
    return Exchange(
        {ETH: market},
        clock,
        rates=Rates(**costs, fee_in=changes.pop("fee_in", "quote")),
        balances=balances,
        **changes,
    )


def at(exchange: Exchange, minutes: float) -> int:
    """Let it be so many minutes after the first open; return the time."""
    exchange.settle(exchange.clock.advance(START_MS + int(minutes * MINUTE)))
    return exchange.now_ms


def send(
    exchange: Exchange, side: str, amount: str, limit: str | None = None, **facts: Any
) -> Order:
    """Place an order now."""
    asked = NewOrder(ETH, side, D(amount), None if limit is None else D(limit), **facts)  # type: ignore[arg-type]
    return exchange.matching.place(asked, now_ms=exchange.now_ms)
