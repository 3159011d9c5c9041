"""The clock rule and the costs, on candles written by hand.

A row of a table is one minute: (open, close) or (open, close, volume); volume 0 is a minute without a trade. A signal
decided at the close of row t is filled at the open of the next row that traded. Starting cash 1000, half of it traded.
"""

import math

import numpy as np
import pandas as pd
import pytest
from trading_tables import EVERY_COST, backtest, random_market, random_signal, table, wanted

from cryptonn.errors import ConfigError, DataError
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import FILL_COLUMNS, TRADE_COLUMNS, BacktestResult

SIX = [(100, 100), (100, 110), (120, 125), (130, 130), (140, 140), (150, 150)]


def fills_of(result: BacktestResult) -> list[tuple[int, str, float, float]]:
    """Each fill as (row, side, amount, price)."""
    rows = result.equity.index.get_indexer(result.fills["time"])
    return list(
        zip(
            rows.tolist(),
            *(result.fills[name].tolist() for name in ("side", "amount", "price")),
            strict=True,
        )
    )


def test_filled_at_the_next_open() -> None:
    # decided at close 1 (110): 0.5 * 1000 / 110 units, bought at open 2 (120); out decided at close 3, sold at open 4
    candles = table(SIX)
    result = backtest(candles, wanted(candles, [0, 1, 1, 0, 0, 0]))
    units = 0.5 * 1000 / 110
    assert fills_of(result) == [(2, "buy", units, 120.0), (4, "sell", units, 140.0)]
    assert result.fills["decided"].tolist() == candles.index[[1, 3]].tolist()
    assert result.final_equity == pytest.approx(1000 + units * 20)
    assert result.equity.tolist() == pytest.approx(
        [1000, 1000] + [1000 + units * gain for gain in (5, 10, 20, 20)]
    )
    assert result.position.tolist() == pytest.approx([0, 0, units, units, 0, 0])


def test_an_untraded_minute_cannot_fill() -> None:
    # minutes 2 and 3 did not trade: the order of close 1 waits for open 4, the close of row 4 sends the exit to open 5
    rows = [(100, 100), (100, 110), (110, 110, 0), (110, 110, 0), (140, 140), (150, 150)]
    candles = table(rows)
    result = backtest(candles, wanted(candles, [0, 1, 1, 1, 0, 0]))
    units = 0.5 * 1000 / 110
    assert fills_of(result) == [(4, "buy", units, 140.0), (5, "sell", units, 150.0)]


def test_a_waiting_exit_is_sent_once() -> None:
    # the exit of close 1 waits over three untraded minutes; sent anew each minute it would end up short
    rows = [(100, 100), (100, 100), (100, 100, 0), (100, 100, 0), (100, 100, 0), (90, 90), (90, 90)]
    candles = table(rows)
    result = backtest(candles, wanted(candles, [1, 0, 0, 0, 0, 0, 0]))
    assert fills_of(result) == [(1, "buy", 5.0, 100.0), (5, "sell", 5.0, 90.0)]
    assert result.position.iloc[-1] == 0


def test_a_waiting_reversal_is_sent_once() -> None:
    rows = [(100, 100), (100, 100), (100, 100, 0), (100, 100, 0), (90, 90), (90, 90)]
    candles = table(rows)
    result = backtest(candles, wanted(candles, [1, -1, -1, -1, -1, -1]))
    assert fills_of(result) == [
        (1, "buy", 5.0, 100.0),
        (4, "sell", 5.0, 90.0),
        (4, "sell", 5.0, 90.0),
    ]


def test_a_reversal_is_sized_from_todays_equity() -> None:
    # long 5 at 100; at close 2 (200) equity is 1500, so the short has 0.5 * 1500 / 200 = 3.75 units, not 5
    candles = table([(100, 100), (100, 200), (200, 200), (200, 200)])
    result = backtest(candles, wanted(candles, [1, 1, -1, -1]))
    assert fills_of(result) == [
        (1, "buy", 5.0, 100.0),
        (3, "sell", 5.0, 200.0),
        (3, "sell", 3.75, 200.0),
    ]
    assert result.position.iloc[-1] == -3.75


def test_an_order_of_the_last_bar_comes_to_nothing() -> None:
    candles = table(SIX)
    result = backtest(candles, wanted(candles, [0, 0, 0, 0, 0, 1]))
    assert result.fills.empty
    assert result.trades.empty
    assert list(result.fills.columns) == list(FILL_COLUMNS)
    assert list(result.trades.columns) == list(TRADE_COLUMNS)
    assert (result.rejections, result.final_equity) == (0, 1000.0)


def test_a_position_open_at_the_end_is_marked_to_the_last_close() -> None:
    candles = table(SIX)
    result = backtest(candles, wanted(candles, [1, 1, 1, 1, 1, 1]))
    trade = result.trades.iloc[0]
    assert trade["open"]
    assert (trade["exit_time"], trade["exit_price"], trade["bars"]) == (candles.index[-1], 150.0, 4)
    assert trade["net"] == pytest.approx(5 * 50)


def test_every_cost_of_a_fill() -> None:
    # buy at open 100 and sell at open 120: the fills are 0.05 % worse than the open, also in flat minutes
    candles = table([(100, 100), (100, 100), (120, 120), (120, 120)])
    result = backtest(candles, wanted(candles, [1, 0, 0, 0]), EVERY_COST)
    assert result.fills["price"].tolist() == pytest.approx([100 * 1.0005, 120 * 0.9995])
    assert result.fills["slippage"].tolist() == pytest.approx([5 * 0.05, 5 * 0.06])
    assert result.fills["commission"].tolist() == pytest.approx(
        [5 * 100.05 * 0.001, 5 * 119.94 * 0.001]
    )
    trade = result.trades.iloc[0]
    assert trade["gross"] == pytest.approx(100)
    assert trade["costs"] == pytest.approx(result.fills[["commission", "slippage"]].sum().sum())
    assert result.borrow == 0


def test_slippage_is_not_capped_at_the_high() -> None:
    candles = table([(100, 100), (100, 99), (99, 99)])
    result = backtest(candles, wanted(candles, [1, 1, 1]), Costs(slippage=0.01))
    assert candles["high"].iloc[1] == 100
    assert result.fills["price"].iloc[0] == pytest.approx(101)


def test_borrow_is_charged_by_the_minute() -> None:
    # short 5 at 100 from open 1 to open 4: three minutes at 50 % a year
    candles = table([(100, 100)] * 6)
    result = backtest(candles, wanted(candles, [-1, -1, -1, 0, 0, 0]), Costs(borrow=0.5))
    expected = 5 * 100 * 0.5 * 3 / (365 * 24 * 60)
    assert result.borrow == pytest.approx(expected)
    assert result.final_equity == pytest.approx(1000 - expected, rel=1e-14)
    assert result.trades["costs"].tolist() == pytest.approx([expected])
    assert (result.fills["commission"] == 0).all()


def test_borrow_runs_on_through_missing_minutes() -> None:
    # as before, but an hour is missing between rows 3 and 4: 63 minutes
    candles = table([(100, 100)] * 6)
    late = candles.index[:4].append(candles.index[4:] + pd.Timedelta(hours=1))
    candles = candles.set_index(late)
    result = backtest(candles, wanted(candles, [-1, -1, -1, 0, 0, 0]), Costs(borrow=0.5))
    assert result.borrow == pytest.approx(5 * 100 * 0.5 * 63 / (365 * 24 * 60))
    assert result.final_equity == pytest.approx(1000 - result.borrow, rel=1e-14)


def test_a_long_position_pays_no_borrow() -> None:
    candles = table([(100, 100)] * 6)
    assert (
        backtest(candles, wanted(candles, [1, 1, 1, 1, 1, 1]), Costs(borrow=0.5)).final_equity
        == 1000
    )


def test_zero_costs_are_no_costs() -> None:
    candles = random_market(3, 300)
    signal = random_signal(candles, 4)
    free = backtest(candles, signal, Costs())
    assert (free.fills["commission"] == 0).all()
    assert (free.fills["slippage"] == 0).all()
    assert free.fills["price"].tolist() == candles["open"].loc[free.fills["time"]].tolist()
    assert free.trades["costs"].eq(0).all()
    zero = backtest(candles, signal, Costs(commission=0, spread=0.0, slippage=-0.0, borrow=0.0))
    assert zero.equity.tolist() == free.equity.tolist()


def test_signal_0_leaves_the_cash_alone() -> None:
    candles = random_market(3, 50)
    result = backtest(candles, wanted(candles, [0] * 50), EVERY_COST)
    assert (result.equity == 1000).all()
    assert (result.returns == 0).all()


def test_always_long_with_all_the_money_is_buy_and_hold() -> None:
    candles = random_market(5, 3000, untraded=0.0)
    candles["open"] = candles["close"].shift(fill_value=candles["open"].iloc[0])
    candles["high"], candles["low"] = (
        candles[["open", "close"]].max(axis=1),
        candles[["open", "close"]].min(axis=1),
    )
    result = backtest(candles, wanted(candles, [1] * 3000), fraction=1.0)
    assert result.rejections == 0
    held = 1000 * candles["close"] / candles["close"].iloc[0]
    np.testing.assert_allclose(result.equity, held, rtol=1e-9)


@pytest.mark.parametrize("signal", [[1, 1, 0, 0], [1, -1, -1, 1], [-1, 1, 1, 1]])
def test_all_the_money_with_costs_is_not_rejected(signal: list[int]) -> None:
    candles = table([(100, 100)] * 5)
    result = backtest(candles, wanted(candles, [*signal, 0]), Costs(0.01, 0.01, 0.01), fraction=1.0)
    assert result.rejections == 0
    assert len(result.trades) == 1 + (-1 in signal) + (signal == [1, -1, -1, 1])


def test_rejections_are_counted_and_tried_again() -> None:
    # all the money at close 100, but open 1 is at 101: refused; the close of row 1 tries again at its own price
    candles = table([(100, 100), (101, 101), (101, 101), (101, 101)])
    result = backtest(candles, wanted(candles, [1, 1, 1, 1]), fraction=1.0)
    assert result.rejections == 1
    assert fills_of(result)[0][:2] == (2, "buy")


def test_days() -> None:
    # three UTC days of 1440 minutes, long from the first minute of the second day at 100, 150 at the end of the third
    candles = table([(100, 100)] * 2880 + [(150, 150)] * 1440)
    signal = wanted(candles, [0] * 1440 + [1] * 2880)
    result = backtest(candles, signal)
    days = pd.date_range("2018-01-01", periods=3, tz="UTC")
    assert result.returns.index.tolist() == result.positions.index.tolist() == days.tolist()
    assert result.returns.tolist() == pytest.approx([0, 0, 0.25])
    assert result.positions["ETH/USD"].tolist() == pytest.approx([0, 500, 750])
    assert result.positions["cash"].tolist() == pytest.approx([1000, 500, 500])


def test_money_adds_up() -> None:
    candles = random_market(6, 3000)
    result = backtest(candles, random_signal(candles, 7), EVERY_COST)
    assert len(result.trades) > 300
    assert result.trades["net"].sum() == pytest.approx(result.final_equity - 1000, rel=1e-9)
    spent = result.fills[["commission", "slippage"]].sum().sum() + result.borrow
    assert result.trades["costs"].sum() == pytest.approx(spent)
    assert math.prod(1 + result.returns) * 1000 == pytest.approx(result.final_equity)
    assert result.positions.sum(axis=1).iloc[-1] == pytest.approx(result.final_equity)


def test_a_signal_on_other_bars_is_refused() -> None:
    candles = table(SIX)
    with pytest.raises(DataError, match="5 bars and the candles 6"):
        backtest(candles, wanted(candles.iloc[1:], [0] * 5))


def test_a_probability_is_no_signal() -> None:
    candles = table(SIX)
    with pytest.raises(DataError, match="make_signal"):
        backtest(candles, pd.Series(0.7, index=candles.index))


def test_no_candles_are_refused() -> None:
    candles = table(SIX).iloc[:0]
    with pytest.raises(DataError, match="no candles"):
        backtest(candles, wanted(candles, []))


@pytest.mark.parametrize("changes", [{"cash": 0.0}, {"fraction": 1.5}, {"fraction": 0.0}])
def test_money_out_of_range(changes: dict) -> None:
    candles = table(SIX)
    with pytest.raises(ConfigError, match=next(iter(changes))):
        backtest(candles, wanted(candles, [0] * 6), **changes)
