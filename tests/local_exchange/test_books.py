"""Whatever is sent, the books balance; and orders fill as those of a backtest in the same market do."""

from contextlib import suppress
from decimal import Decimal

import hypothesis.strategies as some
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from cryptonn.local_exchange.orders import Refused
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.costs import Costs
from cryptonn.trading.rules import MarketRules
from tests.local_exchange.hand_made import ETH, MINUTE, START_MS, D, at, hand_made, send, table
from tests.trading.trading_tables import LSTM_SIGNAL, random_signal

BARS = 40


def random_bars(seed: int, bars: int = BARS) -> pd.DataFrame:
    """Candles in ticks, some of them without a trade."""
    random = np.random.default_rng(seed)
    prices = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.01, bars + 1))), 2)
    rows, last = [], float(prices[0])
    for first, close in zip(prices[:-1].tolist(), prices[1:].tolist(), strict=True):
        if random.random() < 0.15:
            rows.append((last, last, last, last, 0.0))
            continue
        rows.append((first, max(first, close) + 0.3, min(first, close) - 0.3, close, 2.0))
        last = close
    return table(rows)


ORDERS = some.tuples(
    some.just("order"),
    some.sampled_from(["buy", "sell"]),
    some.integers(1, 400_000).map(lambda steps: str(Decimal(steps) / 10_000)),
    some.none() | some.integers(9000, 11_000).map(lambda ticks: str(Decimal(ticks) / 100)),
    some.sampled_from(["GTC", "IOC", "FOK"]),
)
QUIRKS = some.fixed_dictionaries(
    {
        "partial": some.none() | some.sampled_from(["0.1", "0.5", "0.999"]),
        "remainder": some.sampled_from(["later", "rest", "expire", "cancel"]),
        "pieces": some.integers(1, 4),
        "empty_book": some.booleans(),
        "fee_currency": some.sampled_from([None, "BNB", "ETH"]),
    }
)
ACTIONS = (
    ORDERS
    | some.just(("cancel",))
    | some.just(("wait",))
    | some.tuples(some.just("quirks"), QUIRKS)
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=some.integers(0, 50),
    fee_in=some.sampled_from(["quote", "base"]),
    actions=some.lists(ACTIONS, min_size=5, max_size=60),
)
def test_the_books_balance_whatever_is_sent(seed, fee_in, actions) -> None:
    balances = {"USD": D(5000), "ETH": D(20), "BNB": D("0.01")}
    exchange = hand_made(
        random_bars(seed),
        taker="0.002",
        maker="0.001",
        spread="0.0004",
        fee_in=fee_in,
        balances=balances,
    )
    minute = 2.0
    at(exchange, minute)
    for action in actions:
        match action:
            case ("order", side, amount, limit, tif):
                with suppress(Refused):
                    send(exchange, side, amount, limit, time_in_force=tif if limit else "GTC")
            case ("cancel",):
                for order in exchange.matching.open_orders(now_ms=exchange.now_ms)[:1]:
                    try:
                        exchange.matching.cancel(order, now_ms=exchange.now_ms)
                    except Refused:
                        assert order.status == "filled"
            case ("wait",):
                minute += 0.7
                at(exchange, minute)
            case ("quirks", quirks):
                exchange.quirks.change(quirks, now_ms=exchange.now_ms)
        exchange.account.check()
        assert exchange.audit() == []
        for currency, locked in exchange.account.locked.items():
            orders = exchange.matching.open_orders(now_ms=exchange.now_ms)
            assert locked == sum(
                order.locked for order in orders if order.locked_currency == currency
            )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_orders_sent_at_each_close_fill_as_in_the_backtest(seed) -> None:
    candles = random_bars(seed, 400)
    rules = MarketRules(D("0.0001"), D("0.01"), D("0.0001"), D(10))
    costs = Costs(commission=0.002, spread=0.0001, slippage=0.0002)
    signal = random_signal(candles, seed, lowest=0)
    result = run_backtest(
        candles,
        signal,
        strategy=LSTM_SIGNAL,
        costs=costs,
        cash=10_000.0,
        fraction=0.95,
        symbol=ETH,
        rules=rules,
    )
    exchange = hand_made(candles, taker="0.002", spread="0.0001", slippage="0.0002")
    assert len(result.fills) > 40
    for fill in result.fills.itertuples():
        sent_ms = int(fill.decided.timestamp() * 1000) + MINUTE
        exchange.settle(exchange.clock.advance(sent_ms + 700))
        send(exchange, fill.side, str(rules.nearest(fill.amount)))
        exchange.settle(exchange.clock.advance(int(fill.time.timestamp() * 1000)))
    trades = exchange.matching.trades[ETH]
    assert [(trade.time_ms - START_MS) // MINUTE for trade in trades] == [
        (int(time.timestamp() * 1000) - START_MS) // MINUTE for time in result.fills["time"]
    ]
    assert [float(trade.price) for trade in trades] == result.fills["price"].tolist()
    assert [float(trade.fee) for trade in trades] == result.fills["commission"].tolist()
    assert exchange.audit() == []
