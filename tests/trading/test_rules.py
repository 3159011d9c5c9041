"""A market with steps and limits: what amounts, prices and commissions become, and which position is wanted."""

from dataclasses import replace
from decimal import Decimal

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading_tables import (
    EVERY_COST,
    FREE,
    STRATEGIES,
    backtest,
    random_market,
    random_signal,
    table,
    wanted,
)

from cryptonn.errors import ConfigError, StrategyError
from cryptonn.trading.costs import Costs
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.strategies import load_strategy
from cryptonn.trading.wish import Wish

RULES = MarketRules(Decimal("0.0001"), Decimal("0.01"), min_cost=Decimal(10))
COSTS = Costs(commission=0.001, spread=0.0001, slippage=0.0002)
FINE = MarketRules(Decimal("1e-15"), Decimal("1e-15"))
"""Steps so small that they hardly show."""


def exact(value: float) -> Decimal:
    return Decimal(str(value))


@pytest.mark.parametrize(
    ("units", "step", "amount"),
    [
        (1.23456, "0.0001", "1.2345"),
        (0.7 + 0.1, "0.1", "0.8"),  # 0.7999999999999999
        (0.1 + 0.2, "0.1", "0.3"),  # 0.30000000000000004
        (0.29999, "0.1", "0.2"),
        (Decimal("0.299999999999999999999"), "0.1", "0.2"),
        (Decimal("0.00009"), "0.0001", "0.0000"),
        (-1.23456, "0.0001", "-1.2345"),
        (-0.00001, "0.0001", "0.0000"),
        (1234.5, "10", "1230"),
        (0.00001234, "0.00000100", "0.000012"),
        (1.9, "0.25", "1.75"),
    ],
)
def test_an_amount_is_cut_to_the_step(units: float, step: str, amount: str) -> None:
    assert str(replace(RULES, amount_step=Decimal(step)).amount(units)) == amount


@pytest.mark.parametrize(
    ("opening", "side", "concession", "price"),
    [
        (737.94, "buy", 0.0, "737.94"),
        (737.94, "sell", 0.0, "737.94"),
        (737.941, "buy", 0.0, "737.95"),
        (737.949, "sell", 0.0, "737.94"),
        (100.0, "buy", 0.0001 + 0.0002, "100.03"),  # 0.00030000000000000003 would make it 100.04
        (100.0, "sell", 0.0001 + 0.0002, "99.97"),
        (Decimal("100.01"), "buy", 0.0003, "100.05"),
        (np.float64(100.01), "sell", 0.0003, "99.97"),
    ],
)
def test_a_price_is_on_the_tick_against_the_trader(
    opening: float, side: str, concession: float, price: str
) -> None:
    assert str(RULES.fill_price(opening, side=side, concession=concession)) == price


def test_a_commission_has_eight_decimals_and_half_is_up() -> None:
    assert RULES.commission(Decimal("0.0001"), Decimal("0.05"), rate=0.001) == Decimal(
        "0.00000001"
    )  # half of it
    assert str(RULES.commission(Decimal("0.5"), Decimal("100.03"), rate=0.002)) == "0.10003000"
    assert RULES.base_commission(Decimal("0.0003"), rate=0.00005) == Decimal("0.00000002")


def test_what_an_exchange_takes() -> None:
    limits = replace(RULES, min_amount=Decimal("0.01"))
    assert limits.sendable(Decimal("0.1"), Decimal(100))
    assert not limits.sendable(Decimal("0.0999"), Decimal(100))
    assert not limits.sendable(Decimal("0.0099"), Decimal(10_000))
    assert not replace(RULES, min_cost=Decimal(0)).sendable(Decimal(0), Decimal(100))


@pytest.mark.parametrize(
    "wrong",
    [{"amount_step": Decimal(0)}, {"price_tick": Decimal("NaN")}, {"min_cost": Decimal(-1)}],
)
def test_rules_that_make_no_sense(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(RULES, **wrong)


def test_a_round_trip_by_hand() -> None:
    # 0.5 * 1000 / 110 = 4.54545… units, cut to 4.5454; 120 and 140.005 with 3 bp against us, on the cent
    candles = table([(100, 100), (100, 110), (120, 125), (130, 130), (140.005, 140), (150, 150)])
    result = backtest(candles, wanted(candles, [0, 1, 1, 0, 0, 0]), COSTS, rules=RULES)
    assert result.fills["amount"].tolist() == [4.5454, 4.5454]
    assert result.fills["price"].tolist() == [120.04, 139.96]
    assert result.fills["commission"].tolist() == [0.54562982, 0.63617418]
    assert result.position.tolist() == [0, 0, 4.5454, 4.5454, 0, 0]
    cash = Decimal(1000) - Decimal("4.5454") * Decimal("120.04") - Decimal("0.54562982")
    cash += Decimal("4.5454") * Decimal("139.96") - Decimal("0.63617418")
    assert result.final_equity == float(cash)


def test_every_fill_is_on_the_steps_and_the_equity_exact() -> None:
    candles = random_market(5, 3000)
    signal = random_signal(candles, 6, lowest=0)
    result = backtest(candles, signal, COSTS, rules=RULES, cash=100_000.0, fraction=0.95)
    assert len(result.fills) > 300
    cash, units = Decimal(100_000), Decimal(0)
    for fill in result.fills.itertuples():
        amount, price, side = exact(fill.amount), exact(fill.price), 1 if fill.side == "buy" else -1
        opening = candles["open"].loc[fill.time]
        assert amount % RULES.amount_step == 0
        assert price == RULES.fill_price(opening, side=fill.side, concession=COSTS.concession)
        assert exact(fill.commission) == RULES.commission(amount, price, rate=COSTS.commission)
        assert amount * exact(candles["close"].loc[fill.decided]) >= RULES.min_cost
        cash, units = cash - side * amount * price - exact(fill.commission), units + side * amount
        assert exact(result.position.loc[fill.time]) == units
        assert result.equity.loc[fill.time] == pytest.approx(
            float(cash + units * exact(candles["close"].loc[fill.time])), abs=1e-10
        )
        if not units:
            assert result.equity.loc[fill.time] == float(cash)
    assert units in (0, exact(result.position.iloc[-1]))


@pytest.mark.parametrize(
    "strategy", ["lstm_signal", "momentum", "contrarian", "sma_cross", "random_entry"]
)
@pytest.mark.parametrize("direction", ["long", "long-short"])
def test_tiny_steps_are_no_steps(strategy: str, direction: str) -> None:
    candles = random_market(7, 1500)
    signal = random_signal(candles, 8, lowest=0 if direction == "long" else -1)
    changes = {
        "strategy": load_strategy(strategy, folder=STRATEGIES),
        "defaults": {"direction": direction},
    }
    free, ruled = (
        backtest(candles, signal, EVERY_COST, rules=rules, **changes) for rules in (None, FINE)
    )
    assert ruled.fills["time"].tolist() == free.fills["time"].tolist()
    np.testing.assert_allclose(
        ruled.fills[["amount", "price", "commission"]],
        free.fills[["amount", "price", "commission"]],
        rtol=1e-6,
        atol=1e-8,
    )
    np.testing.assert_allclose(ruled.equity, free.equity, rtol=1e-8)


class Saver(bt.Strategy):
    """Buys 0.1 at every close until it holds 0.3."""

    def next(self) -> None:
        if self.position.size < 0.3:
            self.buy(size=0.1)


def test_sums_of_amounts_stay_on_the_step() -> None:
    candles = table([(100, 100)] * 20)
    result = backtest(
        candles,
        wanted(candles, [0] * 20),
        FREE,
        strategy=Saver,
        rules=replace(RULES, min_cost=Decimal(0)),
    )
    assert result.position.iloc[-1] == 0.3
    assert len(result.fills) == 3


def test_an_order_below_the_limits_is_rejected_and_the_strategy_told() -> None:
    candles = table([(100, 100)] * 5)
    told: list[int] = []

    class Small(bt.Strategy):
        """Buys for 9.99."""

        def next(self) -> None:
            order = self.buy(size=0.0999)
            assert not order.alive()

        def notify_order(self, order: bt.Order) -> None:
            told.append(order.status)

    result = backtest(candles, wanted(candles, [0] * 5), FREE, strategy=Small, rules=RULES)
    assert result.fills.empty
    assert result.rejections == 5
    assert told == [bt.Order.Rejected] * 4  # the last is told at the next bar, which there is not


def wishes(
    candles: pd.DataFrame, signal: pd.Series, costs: Costs = COSTS, **changes: object
) -> list[float]:
    told: list[Wish] = []
    backtest(candles, signal, costs, on_close=told.append, **{"rules": RULES, **changes})
    return [wish.units for wish in told]


def test_the_wish_is_what_is_held_and_what_waits() -> None:
    # the order of close 1 waits over the untraded minutes 2 and 3; that of the last close is never filled
    rows = [
        (100, 100),
        (100, 110),
        (110, 110, 0),
        (110, 110, 0),
        (140, 140),
        (150, 150),
        (150, 150),
    ]
    candles = table(rows)
    assert wishes(candles, wanted(candles, [0, 1, 1, 1, 1, 0, 1])) == [
        0,
        4.5454,
        4.5454,
        4.5454,
        4.5454,
        0,
        3.4789,
    ]  # 0.5 * 1043.6813 / 150


def test_a_wish_the_cash_cannot_pay_is_none() -> None:
    candles = table([(100, 100)] * 5)

    class Rich(bt.Strategy):
        """Buys more than it can pay, then what it can."""

        def next(self) -> None:
            self.buy(size=20 if len(self) < 3 else 2)

    told = wishes(candles, wanted(candles, [0] * 5), FREE, strategy=Rich)
    assert told == [0, 0, 2, 4, 6]


def test_an_order_that_cannot_be_sent_goes_with_the_wish() -> None:
    """It was dropped without a word, so nothing said why nothing was traded."""
    sizes = {1: 0.00004, 2: 0.0999, 3: 20.0, 4: 2.0}

    class Tries(bt.Strategy):
        """Buys too little in two ways, then more than it can pay, then what it can."""

        def next(self) -> None:
            self.buy(size=sizes[len(self)])

    candles = table([(100, 100)] * 4)
    told: list[Wish] = []
    given = {"strategy": Tries, "rules": RULES, "on_close": told.append}
    backtest(candles, wanted(candles, [0] * 4), FREE, **given)
    assert [
        [(one.side, float(one.amount), one.why, float(one.limit)) for one in wish.refused]
        for wish in told
    ] == [
        [("buy", 0.00004, "less than one step", 0.0001)],
        [("buy", 0.0999, "below the least worth", 10)],
        [("buy", 20.0, "not enough cash", 1000)],
        [],
    ]


def test_wishes_are_the_positions_that_follow() -> None:
    candles = random_market(9, 2000, untraded=0.0)
    signal = random_signal(candles, 10)
    told: list[Wish] = []
    result = backtest(candles, signal, COSTS, rules=RULES, on_close=told.append)
    assert [wish.units for wish in told[:-1]] == result.position.iloc[1:].tolist()


@pytest.mark.parametrize(
    "strategy", ["lstm_signal", "momentum", "contrarian", "sma_cross", "buy_and_hold"]
)
@settings(max_examples=12, deadline=None)
@given(cut=st.integers(1, 299), seed=st.integers(0, 5))
def test_wishes_of_cut_candles_are_the_cut_wishes(strategy: str, cut: int, seed: int) -> None:
    candles = random_market(seed, 300)
    signal = random_signal(candles, seed + 50, lowest=0)
    changes = {"strategy": load_strategy(strategy, folder=STRATEGIES)}
    whole = wishes(candles, signal, **changes)
    assert wishes(candles.iloc[:cut], signal.iloc[:cut], **changes) == whole[:cut]


def test_a_limit_order_has_no_wish() -> None:
    class Patient(bt.Strategy):
        """Buys below the close at the third bar."""

        def next(self) -> None:
            if len(self) == 3:
                self.buy(size=1, exectype=bt.Order.Limit, price=90)

    candles = table([(100, 100)] * 6)
    with pytest.raises(
        StrategyError, match=r"'Patient' sends a Limit order at the close of 2018-01-01 00:02Z"
    ):
        wishes(candles, wanted(candles, [0] * 6), strategy=Patient)


def test_watching_changes_nothing() -> None:
    candles = random_market(11, 1000)
    signal = random_signal(candles, 12)
    for rules in (None, RULES):
        plain, watched = (
            backtest(candles, signal, EVERY_COST, rules=rules, **more)
            for more in ({}, {"on_close": [].append})
        )
        pd.testing.assert_frame_equal(plain.fills, watched.fills)
        assert plain.equity.tolist() == watched.equity.tolist()
        assert plain.rejections == watched.rejections


@pytest.mark.parametrize("bars", [1, 2, 5, 119])
@pytest.mark.parametrize("strategy", ["momentum", "sma_cross"])
def test_fewer_bars_than_an_indicator_needs(strategy: str, bars: int) -> None:
    candles = random_market(13, bars)
    result = backtest(
        candles,
        wanted(candles, [0] * bars),
        FREE,
        strategy=load_strategy(strategy, folder=STRATEGIES),
    )
    assert len(result.equity) == bars
    assert result.fills.empty or (strategy, bars) == ("momentum", 119)
