"""Candles as clients see them: the market's own, with whatever is wrong with the feed."""

from collections.abc import Mapping
from typing import Any

from cryptonn.local_exchange.market import Bar, Market
from cryptonn.local_exchange.quirks import Quirks

__all__ = ["seen_bars"]


def seen_bars(
    market: Market,
    quirks: Quirks,
    *,
    now_ms: int,
    start_ms: int | None,
    end_ms: int | None,
    limit: int,
) -> list[Bar]:
    """Return candles known by now, oldest first, as the quirks of the feed leave them;
    see ``Market.bars``.
    """
    bars = market.bars(
        now_ms=_frozen(market, quirks, now_ms), start_ms=start_ms, end_ms=end_ms, limit=limit
    )
    holes = quirks.missing_candles.get(market.symbol, [])
    bars = [bar for bar in bars if not any(start <= bar.open_ms < end for start, end in holes)]
    revised = quirks.revised_candles.get(market.symbol, {})
    bars = [_revised(bar, revised.get(bar.open_ms, {})) for bar in bars] if revised else bars
    if quirks.duplicate_candles:
        bars = [*bars[:-2], *(bar for bar in bars[-2:] for _ in range(2))]
    if quirks.disordered_candles:
        bars = [
            bar for place in range(0, len(bars), 2) for bar in reversed(bars[place : place + 2])
        ]
    return bars


def _revised(bar: Bar, values: Mapping[Any, float]) -> Bar:
    return Bar(
        bar.open_ms,
        *(values.get(name, old) for name, old in zip(Bar._fields[1:], bar[1:], strict=True)),
    )


def _frozen(market: Market, quirks: Quirks, now_ms: int) -> int:
    """Return the moment at which the feed stands still, or now."""
    frozen = quirks.frozen_feed
    if isinstance(frozen, dict):
        return min(now_ms, frozen.get(market.symbol, now_ms))
    return now_ms if isinstance(frozen, bool) else min(now_ms, frozen)
