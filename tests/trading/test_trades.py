"""Round trips of strategies that scale in and out, or reverse with a single order.

The strategy sends the orders of a script: amount by row, signed, 0 for none. Opens are 100, 101, 102, …; no cost but a
commission of 1 % where said.
"""

import backtrader as bt
import pandas as pd
import pytest
from trading_tables import FREE, backtest, table, wanted

from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult


class Script(bt.Strategy):
    """Sends one order a row."""

    params = (("amounts", ()),)

    def next(self) -> None:
        amount = self.p.amounts[len(self) - 1]
        if amount:
            (self.buy if amount > 0 else self.sell)(size=abs(amount))


def scripted(amounts: list[float], costs: Costs = FREE) -> BacktestResult:
    candles = table([(100 + row, 100 + row) for row in range(len(amounts))])
    flat = wanted(candles, [0] * len(candles))
    result = backtest(candles, flat, costs, strategy=Script, parameters={"amounts": amounts})
    assert result.trades["net"].sum() == pytest.approx(result.final_equity - 1000)
    return result


def rows_of(trades: pd.DataFrame) -> list[tuple]:
    return list(
        trades[["side", "amount", "entry_price", "exit_price", "gross", "bars", "open"]].itertuples(
            index=False
        )
    )


def test_scaling_in_and_out_is_one_trade() -> None:
    # bought 1 at 101 and 3 at 102 (mean 101.75), sold 2 at 103 and 2 at 105 (mean 104)
    assert rows_of(scripted([1, 3, -2, 0, -2, 0, 0]).trades) == [
        ("long", 4.0, 101.75, 104.0, 9.0, 4, False)
    ]


def test_one_order_that_reverses_is_two_trades() -> None:
    # long 2 at 101, minus 5 at 103 is short 3, bought back at 104: +4 and -3; the commission is shared 2 to 3
    result = scripted([2, 0, -5, 3, 0, 0], Costs(commission=0.01))
    assert rows_of(result.trades) == [
        ("long", 2.0, 101.0, 103.0, 4.0, 2, False),
        ("short", 3.0, 103.0, 104.0, -3.0, 1, False),
    ]
    assert result.trades["costs"].tolist() == pytest.approx(
        [0.01 * (202 + 206), 0.01 * (309 + 312)]
    )


def test_a_part_left_open_is_marked_to_the_last_close() -> None:
    # short 4 at 101, 1 bought back at 103; 3 left at the last close, 105: mean exit 104.5
    assert rows_of(scripted([-4, 0, 1, 0, 0, 0]).trades) == [
        ("short", 4.0, 101.0, 104.5, -14.0, 4, True)
    ]


def test_borrow_of_a_reversal_falls_on_the_short() -> None:
    result = scripted([2, 0, -5, 0, 3, 0, 0], Costs(borrow=1.0))
    assert result.trades["costs"].tolist() == pytest.approx([0.0, 3 * 103 * 2 / (365 * 24 * 60)])
    assert result.borrow == pytest.approx(result.trades["costs"].sum())
