"""What binance's replies look like: markets, candles, prices, orders, trades, the account."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cryptonn.local_exchange.account import Account
from cryptonn.local_exchange.exchange import Exchange
from cryptonn.local_exchange.market import Bar, Filters, Market
from cryptonn.local_exchange.matching import PRICE_BAND
from cryptonn.local_exchange.orders import Order, Trade

__all__ = [
    "accepted",
    "account_reply",
    "amount_text",
    "candle_row",
    "fill_row",
    "market_reply",
    "order_reply",
    "rate_limits",
    "ticker_reply",
    "trade_row",
]

Reply = dict[str, Any]

ZERO = "0.00000000"
STATUS = {
    "new": "NEW",
    "partial": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "canceled": "CANCELED",
    "expired": "EXPIRED",
}
RATE_LIMITS = (
    ("REQUEST_WEIGHT", "MINUTE", 1, 6000),
    ("ORDERS", "SECOND", 10, 100),
    ("ORDERS", "DAY", 1, 200_000),
)
RATE_KEYS = ("rateLimitType", "interval", "intervalNum", "limit")


def amount_text(amount: Decimal) -> str:
    """Write an amount or a price with 8 decimals."""
    return f"{amount:.8f}"


def candle_row(bar: Bar, *, bar_ms: int) -> list[Any]:
    """Return a row of klines; what the candles do not know is zero."""
    quote = bar.volume * (bar.open + bar.close) / 2
    return [
        bar.open_ms,
        *(_exact(value) for value in bar[1:]),
        bar.open_ms + bar_ms - 1,
        f"{quote:.8f}",
        1 if bar.volume else 0,
        ZERO,
        ZERO,
        "0",
    ]


def _exact(value: float) -> str:
    """Write a value of a candle with 8 decimals, or with more where those would change it."""
    text = f"{value:.8f}"
    return text if float(text) == value else repr(value)


def market_reply(market: Market, *, halted: bool) -> Reply:
    """Return a market as exchangeInfo lists it."""
    return {
        "symbol": market.base + market.quote,
        "status": "BREAK" if halted else "TRADING",
        "baseAsset": market.base,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(market.filters),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(filters: Filters) -> list[Reply]:
    amounts = {"minQty": amount_text(filters.min_amount), "maxQty": amount_text(filters.max_amount)}
    tick, step = amount_text(filters.price_tick), amount_text(filters.amount_step)
    up, down = f"{PRICE_BAND:f}", f"{1 / PRICE_BAND:f}"
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": "1000000.00000000",
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", **amounts, "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", **amounts, "stepSize": step},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": 1,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": amount_text(filters.min_cost),
            "applyMinToMarket": True,
            "maxNotional": amount_text(filters.max_cost),
            "applyMaxToMarket": True,
            "avgPriceMins": 1,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    ]


def rate_limits() -> list[Reply]:
    """Return the limits that exchangeInfo tells."""
    return [dict(zip(RATE_KEYS, limit, strict=True)) for limit in RATE_LIMITS]


def accepted(order: Order) -> Reply:
    """Return the shortest reply to a new order: what it is called, and when it came."""
    return {**_names(order), "transactTime": order.updated_ms}


def order_reply(order: Order, *, with_times: bool = False) -> Reply:
    """Return what all replies about an order have in common,
    and what lookups and lists tell besides.
    """
    asked = order.asked
    times = {
        "stopPrice": ZERO,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
    }
    return {
        **_names(order),
        "price": ZERO if asked.limit is None else amount_text(asked.limit),
        "origQty": amount_text(order.amount),
        "executedQty": amount_text(order.filled),
        "origQuoteOrderQty": amount_text(asked.quote_amount or Decimal(0)),
        "cummulativeQuoteQty": amount_text(order.cost),
        "status": STATUS[order.status],
        "timeInForce": asked.time_in_force,
        "type": "MARKET" if asked.limit is None else "LIMIT_MAKER" if asked.post_only else "LIMIT",
        "side": asked.side.upper(),
        "icebergQty": ZERO,
        "workingTime": order.created_ms,
        "selfTradePreventionMode": "NONE",
        **(times if with_times else {}),
    }


def _names(order: Order) -> Reply:
    asked = order.asked
    return {
        "symbol": asked.symbol.replace("/", ""),
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": asked.client_id,
    }


def fill_row(trade: Trade) -> Reply:
    """Return a fill as the reply to a new order lists it."""
    return {
        "price": amount_text(trade.price),
        "qty": amount_text(trade.amount),
        "commission": amount_text(trade.fee),
        "commissionAsset": trade.fee_currency,
        "tradeId": trade.id,
    }


def trade_row(trade: Trade) -> Reply:
    """Return a row of myTrades."""
    return {
        "symbol": trade.symbol.replace("/", ""),
        "id": trade.id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": amount_text(trade.price),
        "qty": amount_text(trade.amount),
        "quoteQty": amount_text(trade.cost),
        "commission": amount_text(trade.fee),
        "commissionAsset": trade.fee_currency,
        "time": trade.time_ms,
        "isBuyer": trade.side == "buy",
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def account_reply(exchange: Exchange, *, omit_zero: bool) -> Reply:
    """Return balances, rates and permissions."""
    account = exchange.account
    rates = {
        "maker": exchange.rates.maker,
        "taker": exchange.rates.taker,
        "buyer": Decimal(0),
        "seller": Decimal(0),
    }
    return {
        "makerCommission": int(exchange.rates.maker * 10_000),
        "takerCommission": int(exchange.rates.taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {name: amount_text(rate) for name, rate in rates.items()},
        "canTrade": not exchange.quirks.read_only_key,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": exchange.server_ms,
        "accountType": "SPOT",
        "balances": [
            _balance(account, name) for name in account.free if account.total(name) or not omit_zero
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def _balance(account: Account, name: str) -> Mapping[str, str]:
    return {
        "asset": name,
        "free": amount_text(account.free[name]),
        "locked": amount_text(account.locked[name]),
    }


def ticker_reply(
    market: Market, bars: Iterable[Bar], *, bid: Decimal, ask: Decimal, last: Decimal
) -> Reply:
    """Return the last day in numbers; ``bars`` are its candles, oldest first."""
    day = list(bars)
    first = day[0].open
    volume = sum(bar.volume for bar in day)
    quote = sum(bar.volume * (bar.open + bar.close) / 2 for bar in day)
    change = float(last) - first
    numbers = {
        "priceChange": change,
        "priceChangePercent": 100 * change / first,
        "weightedAvgPrice": quote / volume if volume else float(last),
        "prevClosePrice": first,
        "lastPrice": float(last),
        "lastQty": 1.0,
        "bidPrice": float(bid),
        "bidQty": 1000.0,
        "askPrice": float(ask),
        "askQty": 1000.0,
        "openPrice": first,
        "highPrice": max(bar.high for bar in day),
        "lowPrice": min(bar.low for bar in day),
        "volume": volume,
        "quoteVolume": quote,
    }
    return {
        "symbol": market.base + market.quote,
        **{name: f"{value:.8f}" for name, value in numbers.items()},
        "openTime": day[0].open_ms,
        "closeTime": day[-1].open_ms + market.bar_ms - 1,
        "firstId": 1,
        "lastId": len(day),
        "count": len(day),
    }
