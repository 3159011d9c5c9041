"""Orders, trades, balances and prices as gemini writes them: amounts without trailing zeros,
prices to the tick.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from cryptonn.local_exchange.account import Account
from cryptonn.local_exchange.market import Bar, Market
from cryptonn.local_exchange.orders import Order, Trade

__all__ = [
    "balances_reply",
    "details_reply",
    "market_name",
    "order_reply",
    "plain",
    "public_trades_reply",
    "ticker_reply",
    "to_tick",
    "trade_reply",
]

DAY_MS = 86_400_000
OPTIONS = {"IOC": "immediate-or-cancel", "FOK": "fill-or-kill"}
REASONS = {"IOC": "ImmediateOrCancelWouldPost", "FOK": "FillOrKillWouldNotFill", "GTC": "Requested"}


def plain(value: Decimal) -> str:
    """Write an amount without exponent and without trailing zeros.

    >>> plain(Decimal("0.5000")), plain(Decimal("1E+2")), plain(Decimal("0.0000"))
    ('0.5', '100', '0')
    """
    return format(value.normalize(), "f")


def to_tick(price: Decimal, tick: Decimal) -> str:
    """Write a price with the digits of the tick; an average between two ticks keeps its own.

    >>> to_tick(Decimal("2800"), Decimal("0.01")), to_tick(Decimal("2800.125"), Decimal("0.01"))
    ('2800.00', '2800.125')
    """
    return format(price.quantize(tick), "f") if price % tick == 0 else plain(price)


def market_name(market: Market) -> str:
    """Return a market's name, as in ETHUSD; in most places gemini writes it in lower case."""
    return f"{market.base}{market.quote}"


def details_reply(market: Market) -> dict[str, Any]:
    """Describe a market. What gemini calls tick_size is the step of the amount."""
    return {
        "symbol": market_name(market),
        "base_currency": market.base,
        "quote_currency": market.quote,
        "tick_size": float(market.filters.amount_step),
        "quote_increment": float(market.filters.price_tick),
        "min_order_size": plain(market.filters.min_amount),
        "status": "open",
        "wrap_enabled": False,
    }


def order_reply(order: Order, market: Market) -> dict[str, Any]:
    """Describe an order; ``reason`` says why one was cancelled."""
    asked = order.asked
    tick = market.filters.price_tick
    ended = order.status in ("canceled", "expired")
    average = order.cost / order.filled if order.filled else Decimal(0)
    return {
        "order_id": str(order.id),
        "id": str(order.id),
        "symbol": market_name(market).lower(),
        "exchange": "gemini",
        "avg_execution_price": to_tick(average, tick),
        "side": asked.side,
        "type": "exchange limit" if asked.limit is not None else f"market {asked.side}",
        "timestamp": str(order.created_ms // 1000),
        "timestampms": order.created_ms,
        "is_live": order.is_open,
        "is_cancelled": ended,
        "is_hidden": False,
        "was_forced": False,
        "executed_amount": plain(order.filled),
        **({"client_order_id": asked.client_id} if asked.client_id else {}),
        **({"reason": _reason(order)} if ended else {}),
        "options": _options(order),
        **({"price": to_tick(asked.limit, tick)} if asked.limit is not None else {}),
        "original_amount": plain(order.amount),
        "remaining_amount": plain(order.remaining),
    }


def _reason(order: Order) -> str:
    """Say why an order ended early; what may only rest is cancelled at once (it got no id) or on
    request.
    """
    return REASONS[order.asked.time_in_force] if order.id else "MakerOrCancelWouldTake"


def _options(order: Order) -> list[str]:
    if order.asked.post_only:
        return ["maker-or-cancel"]
    return [OPTIONS[order.asked.time_in_force]] if order.asked.time_in_force in OPTIONS else []


def trade_reply(trade: Trade, market: Market) -> dict[str, Any]:
    """Describe one fill of an own order."""
    return {
        "price": to_tick(trade.price, market.filters.price_tick),
        "amount": plain(trade.amount),
        "timestamp": trade.time_ms // 1000,
        "timestampms": trade.time_ms,
        "type": trade.side.capitalize(),
        "aggressor": not trade.maker,
        "fee_currency": trade.fee_currency,
        "fee_amount": plain(trade.fee),
        "tid": trade.id,
        "order_id": str(trade.order_id),
        "exchange": "gemini",
        "is_auction_fill": False,
        "is_clearing_fill": False,
        "symbol": market_name(market),
        **({"client_order_id": trade.client_id} if trade.client_id else {}),
    }


def balances_reply(account: Account) -> list[dict[str, str]]:
    """List what the account holds; ``amount`` includes what open orders hold back."""
    return [
        {
            "type": "exchange",
            "currency": currency,
            "amount": plain(free + account.locked.get(currency, Decimal(0))),
            "available": plain(free),
            "availableForWithdrawal": plain(free),
        }
        for currency, free in account.free.items()
    ]


def ticker_reply(
    market: Market, bars: Sequence[Bar], *, bid: Decimal | None, ask: Decimal | None, now_ms: int
) -> dict[str, Any]:
    """Give the best prices, the last one, and the volume of the last day: base,
    then quote at the closes.
    """
    day = [bar for bar in bars if bar.open_ms > now_ms - DAY_MS]
    base = sum((Decimal(str(bar.volume)) for bar in day), Decimal(0))
    quote = sum((Decimal(str(bar.volume)) * Decimal(str(bar.close)) for bar in day), Decimal(0))
    prices = {"bid": bid, "ask": ask, "last": market.last_price(now_ms=now_ms)}
    return {
        **{
            name: price and to_tick(price, market.filters.price_tick)
            for name, price in prices.items()
        },
        "volume": {market.base: plain(base), market.quote: plain(quote), "timestamp": now_ms},
    }


def public_trades_reply(bars: Sequence[Bar], *, bar_ms: int) -> list[dict[str, Any]]:
    """List one trade for each closed candle, all its volume at its close, newest first:
    the replay knows no others.
    """
    return [
        {
            "timestamp": (bar.open_ms + bar_ms - 1) // 1000,
            "timestampms": bar.open_ms + bar_ms - 1,
            "tid": bar.open_ms // bar_ms,
            "price": plain(Decimal(str(bar.close))),
            "amount": plain(Decimal(str(bar.volume))),
            "exchange": "gemini",
            "type": "buy" if bar.close >= bar.open else "sell",
        }
        for bar in reversed(bars)
        if bar.volume > 0
    ]
