"""The metrics of a backtest: by hand on six bars, against empyrical, and in their limiting cases."""

import importlib
import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import DataError
from cryptonn.output import to_json
from cryptonn.reporting.daily import MONTHS, daily_metrics
from cryptonn.reporting.fees import break_even
from cryptonn.reporting.meanings import COMPARISON, METRICS
from cryptonn.reporting.metrics import comparison_table, drawdowns, metrics_of, monthly_table
from cryptonn.trading.costs import Costs
from cryptonn.trading.replay import replay
from cryptonn.trading.result import BacktestResult

TAKER = Costs(commission=0.002, spread=0.0001, slippage=0.0002, borrow=0.1)


def market(bars: int, *, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 200 * np.exp(np.cumsum(rng.normal(0, 0.001, bars)))
    opens = np.concatenate([[200.0], close[:-1]])
    index = pd.date_range("2019-01-01", periods=bars, freq="1min", tz="UTC", name="time")
    high, low = np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999
    return pd.DataFrame(
        {"open": opens, "high": high, "low": low, "close": close, "volume": 1.0}, index=index
    )


def spells(
    candles: pd.DataFrame, *, edge: float = 0.55, shorts: bool = False, seed: int = 2
) -> pd.Series:
    """Five-bar positions every 20 bars, right a little more often than not (by looking ahead: this is no strategy)."""
    rng = np.random.default_rng(seed)
    signal = np.zeros(len(candles), dtype=np.int8)
    close = candles["close"].to_numpy()
    for bar in range(10, len(candles) - 30, 20):
        up = close[bar + 5] > close[bar]
        said_up = up == (rng.random() < edge)
        signal[bar : bar + 5] = 1 if said_up else (-1 if shorts else 0)
    return pd.Series(signal, index=candles.index, name="signal")


def traded(
    candles: pd.DataFrame, signal: pd.Series, costs: Costs, *, fees: str = "x"
) -> BacktestResult:
    return replay(
        candles, signal, costs=costs, cash=100_000.0, fraction=0.95, symbol="ETH/USD", fees=fees
    )


@pytest.fixture(scope="module")
def candles() -> pd.DataFrame:
    return market(30 * 1440)


class TestByHand:
    """Long from the open of bar 1 to the open of bar 4; a commission of 1 %, no concession.

    bar      0    1    2    3    4    5
    open   100  100  110  105  120  120
    close  100  110  105  120  120  120
    signal   1    1    1    0    0    0
    """

    def measured(self, *, times: int = 1) -> dict[str, float]:
        opens = np.tile([100, 100, 110, 105, 120, 120.0], times)
        closes = np.tile([100, 110, 105, 120, 120, 120.0], times)
        index = pd.date_range("2019-01-01", periods=6 * times, freq="1min", tz="UTC", name="time")
        high, low = np.maximum(opens, closes), np.minimum(opens, closes)
        table = pd.DataFrame(
            {"open": opens, "high": high, "low": low, "close": closes, "volume": 1.0}, index=index
        )
        signal = pd.Series(
            np.tile([1, 1, 1, 0, 0, 0], times).astype(np.int8), index=index, name="signal"
        )
        result = replay(
            table, signal, costs=Costs(commission=0.01), cash=1000.0, fraction=0.5, symbol="ETH/USD"
        )
        return metrics_of(result, table)

    @pytest.fixture
    def found(self) -> dict[str, float]:
        return self.measured()

    def test_money(self, found: dict[str, float]) -> None:
        assert found["trades"] == 1
        assert found["fees_paid"] == pytest.approx(0.01 * 5 * (100 + 120))
        assert found["net_return"] == pytest.approx((100 - 11) / 1000)
        assert found["final_equity"] == pytest.approx(1089)
        assert found["buy_and_hold_return"] == pytest.approx(0.2)

    def test_per_trade_on_notional(self, found: dict[str, float]) -> None:
        assert found["gross_per_trade_bp"] == pytest.approx(2000)
        assert found["cost_per_trade_bp"] == pytest.approx(11 / 500 * 1e4)
        assert found["net_per_trade_bp"] == pytest.approx(89 / 500 * 1e4)
        assert found["mean_holding_bars"] == 3

    def test_gross_gives_each_bars_costs_back(self, found: dict[str, float]) -> None:
        after_entry, after_two, after_three = 1045.0, 1020.0, 1095.0
        expected = (
            (1050 / 1000)
            * (after_two / after_entry)
            * (after_three / after_two)
            * (1095 / after_three)
        )
        assert found["gross_return"] == pytest.approx(expected - 1)

    def test_break_even_is_gain_over_traded(self) -> None:
        """Ten times the same: equity grows, but shares of equity stay what they are."""
        gain = 50 / 1000 - 25 / 1045 + 75 / 1020
        assert self.measured(times=10)["break_even_fee"] == pytest.approx(
            gain / (500 / 1000 + 600 / 1095)
        )

    def test_a_handful_of_trades_has_no_break_even_fee(self) -> None:
        found = self.measured(times=9)
        assert found["trades"] == 9
        for name in (
            "break_even_fee",
            "break_even_fee_low",
            "gross_per_trade_low_bp",
            "gross_per_trade_high_bp",
        ):
            assert math.isnan(found[name]), name
        assert found["gross_per_trade_bp"] == pytest.approx(2000)
        assert found["interval_note"].endswith(
            "; only 9 trades: too few for a break-even fee, which needs 10"
        )

    def test_exposure_turnover_drawdown(self, found: dict[str, float]) -> None:
        assert found["exposure"] == pytest.approx(3 / 6)
        assert found["turnover_per_day"] == pytest.approx(1100 / 1000)
        assert found["max_drawdown_bars"] == pytest.approx(1020 / 1045 - 1)
        assert found["max_drawdown"] == 0.0

    def test_one_day_gives_no_interval_and_says_why(self, found: dict[str, float]) -> None:
        assert math.isnan(found["net_return_low"])
        assert found["interval_note"].startswith(
            "only 1 day: too few for an interval, which needs 10; only 1 trade:"
        )


class TestLimits:
    def test_without_costs_gross_is_net(self, candles: pd.DataFrame) -> None:
        found = metrics_of(traded(candles, spells(candles, shorts=True), Costs()), candles)
        assert found["gross_return"] == pytest.approx(found["net_return"], rel=1e-9)
        assert found["gross_per_trade_bp"] == found["net_per_trade_bp"]
        assert (found["fees_paid"], found["slippage_paid"], found["borrow_paid"]) == (0, 0, 0)
        assert found["required_weighted_accuracy"] == 0.5

    @pytest.mark.parametrize("shorts", [False, True])
    def test_gross_does_not_depend_on_the_fee(self, candles: pd.DataFrame, shorts: bool) -> None:
        """At the taker fee the account is nearly gone at the end; its gross is that of the account that paid none."""
        signal = spells(candles, shorts=shorts)
        free, dear = (
            metrics_of(traded(candles, signal, costs), candles) for costs in (Costs(), TAKER)
        )
        assert dear["net_return"] < -0.9
        assert math.log1p(dear["gross_return"]) == pytest.approx(
            math.log1p(free["gross_return"]), rel=0.02
        )
        assert dear["break_even_fee"] == pytest.approx(free["break_even_fee"], rel=0.02)
        assert dear["gross_per_trade_bp"] == pytest.approx(free["gross_per_trade_bp"], abs=0.05)

    def test_borrow_is_given_back_in_the_gross(self, candles: pd.DataFrame) -> None:
        """Short for 30 days at 200 % a year: 16 % of the notional goes, and the gross must not see it."""
        signal = pd.Series(
            np.full(len(candles), -1, dtype=np.int8), index=candles.index, name="signal"
        )
        free, dear = (
            metrics_of(traded(candles, signal, costs), candles)
            for costs in (Costs(), Costs(borrow=2.0))
        )
        assert free["net_return"] - dear["net_return"] == pytest.approx(
            dear["borrow_paid"] / 100_000
        )
        assert free["net_return"] - dear["net_return"] > 0.14
        assert math.log1p(dear["gross_return"]) == pytest.approx(
            math.log1p(free["gross_return"]), abs=0.02
        )

    def test_costs_split_into_what_was_paid(self, candles: pd.DataFrame) -> None:
        result = traded(candles, spells(candles, shorts=True), TAKER)
        found = metrics_of(result, candles)
        paid = found["fees_paid"] + found["slippage_paid"] + found["borrow_paid"]
        assert paid == pytest.approx(result.trades["costs"].sum())
        assert result.trades["gross"].sum() - paid == pytest.approx(
            found["final_equity"] - result.cash
        )

    def test_paying_the_break_even_fee_earns_nothing(self, candles: pd.DataFrame) -> None:
        signal = spells(candles)
        fee = metrics_of(traded(candles, signal, Costs()), candles)["break_even_fee"]
        assert fee > 0
        paid = metrics_of(traded(candles, signal, Costs(commission=fee)), candles)
        assert paid["net_per_trade_bp"] == pytest.approx(0, abs=0.01 * paid["gross_per_trade_bp"])
        assert paid["weighted_accuracy_of_trades"] == pytest.approx(
            paid["required_weighted_accuracy"], abs=1e-3
        )

    def test_break_even_agrees_with_the_sweeps(self, candles: pd.DataFrame) -> None:
        result = traded(candles, spells(candles, shorts=True), Costs())
        assert metrics_of(result, candles)["break_even_fee"] == pytest.approx(
            break_even(result), rel=0.02
        )

    def test_accuracy_to_profit_identity(self, candles: pd.DataFrame) -> None:
        found = metrics_of(traded(candles, spells(candles, shorts=True), TAKER), candles)
        share, size = found["weighted_accuracy_of_trades"], found["mean_absolute_move_of_trades_bp"]
        assert (2 * share - 1) * size == pytest.approx(found["gross_per_trade_bp"])
        gap = (share - found["required_weighted_accuracy"]) * 2 * size
        assert gap == pytest.approx(found["net_per_trade_bp"])
        assert (2 * share - 1) * found["required_move_bp"] == pytest.approx(
            found["cost_per_trade_bp"]
        )

    def test_always_long_is_buy_and_hold(self, candles: pd.DataFrame) -> None:
        signal = pd.Series(np.ones(len(candles), dtype=np.int8), index=candles.index, name="signal")
        result = replay(candles, signal, costs=Costs(), cash=1e5, fraction=0.99, symbol="ETH/USD")
        found = metrics_of(result, candles)
        assert found["net_return"] == pytest.approx(found["buy_and_hold_return"], rel=0.05)
        assert found["exposure"] > 0.999
        assert found["trades"] == 1

    def test_a_trade_still_open_has_no_break_even_fee_but_a_return_with_an_interval(
        self, candles: pd.DataFrame
    ) -> None:
        """It has not paid its exit yet: gain over the entry alone made buying and holding bear thousands of bp."""
        signal = pd.Series(np.ones(len(candles), dtype=np.int8), index=candles.index, name="signal")
        result = traded(candles, signal, TAKER)
        found = metrics_of(result, candles)
        assert bool(result.trades["open"].iloc[-1])
        assert math.isnan(found["break_even_fee"])
        assert math.isnan(break_even(result)), "nor in the figure"
        assert found["net_return_low"] < found["net_return"] < found["net_return_high"]
        assert (
            found["interval_note"] == "only 1 trade: too few for a break-even fee, which needs 10"
        )

    def test_borrow_is_named_only_where_a_short_was_held(self, candles: pd.DataFrame) -> None:
        long, short = (
            metrics_of(traded(candles, spells(candles, shorts=way), TAKER), candles)
            for way in (False, True)
        )
        assert long["costs"] == "0.23 % per side, 46.0 bp round trip"
        assert short["costs"].endswith("10.00 % a year on shorts")

    def test_no_trades_is_no_exception(self, candles: pd.DataFrame) -> None:
        signal = pd.Series(
            np.zeros(len(candles), dtype=np.int8), index=candles.index, name="signal"
        )
        found = metrics_of(traded(candles, signal, TAKER), candles)
        assert (
            found["trades"],
            found["net_return"],
            found["exposure"],
            found["turnover_per_day"],
        ) == (0, 0, 0, 0)
        for name in (
            "break_even_fee",
            "win_rate",
            "required_weighted_accuracy",
            "net_per_trade_bp",
            "sharpe",
        ):
            assert math.isnan(found[name]), name
        assert found["interval_note"] == "no trades, so no interval"
        assert json.loads(to_json(found))["break_even_fee"] is None

    def test_an_account_that_dies_is_measured_without_a_warning(
        self, candles: pd.DataFrame
    ) -> None:
        signal = pd.Series(
            (np.arange(len(candles)) % 4 < 2).astype(np.int8), index=candles.index, name="signal"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = metrics_of(traded(candles, signal, Costs(commission=0.02)), candles)
        assert found["net_return"] == pytest.approx(-1.0)
        assert -1 <= found["max_drawdown_bars"] <= found["max_drawdown"] < -0.99
        assert np.isfinite(found["break_even_fee"])


class TestIntervals:
    def test_point_lies_inside_and_the_seed_decides(self, candles: pd.DataFrame) -> None:
        result = traded(candles, spells(candles, shorts=True), Costs())
        first, again, other = (
            metrics_of(result, candles, resamples=300, seed=seed) for seed in (1, 1, 2)
        )
        assert first == again
        assert first["break_even_fee_low"] != other["break_even_fee_low"]
        for name in ("break_even_fee", "net_return", "sharpe"):
            assert first[f"{name}_low"] < first[name] < first[f"{name}_high"]
        assert (
            first["gross_per_trade_low_bp"]
            < first["gross_per_trade_bp"]
            < first["gross_per_trade_high_bp"]
        )
        assert first["interval_note"] == ""

    def test_an_edgeless_signal_has_a_break_even_interval_that_covers_zero(
        self, candles: pd.DataFrame
    ) -> None:
        found = metrics_of(traded(candles, spells(candles, edge=0.5, shorts=True), TAKER), candles)
        assert found["break_even_fee_low"] < 0 < found["break_even_fee_high"]


class TestAgainstEmpyrical:
    @pytest.mark.parametrize("drift", [-0.003, 0.0, 0.004])
    def test_yearly_figures_with_365_days(self, drift: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            empyrical = importlib.import_module("empyrical")
        values = np.random.default_rng(3).normal(drift, 0.02, 400)
        returns = pd.Series(values, index=pd.date_range("2018-01-01", periods=400, tz="UTC"))
        found = daily_metrics(returns)
        year = {"annualization": 365}
        assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns, **year))
        assert found["sortino"] == pytest.approx(empyrical.sortino_ratio(returns, **year))
        assert found["annual_return"] == pytest.approx(empyrical.annual_return(returns, **year))
        assert found["annual_volatility"] == pytest.approx(
            empyrical.annual_volatility(returns, **year)
        )
        assert found["max_drawdown"] == pytest.approx(empyrical.max_drawdown(returns))
        assert found["calmar"] == pytest.approx(empyrical.calmar_ratio(returns, **year))

    def test_252_days_would_be_another_number(self) -> None:
        returns = pd.Series(
            [0.01, -0.005, 0.02], index=pd.date_range("2018-01-01", periods=3, tz="UTC")
        )
        per_day = returns.mean() / returns.std()
        assert daily_metrics(returns)["sharpe"] == pytest.approx(per_day * math.sqrt(365))


class TestTables:
    def test_drawdowns_by_hand(self) -> None:
        returns = pd.Series(
            [-0.1, 1 / 9, 0.1, -0.2, -0.5, 2.0, -0.05],
            index=pd.date_range("2019-01-01", periods=7, tz="UTC"),
        )
        table = drawdowns(returns)
        assert table["depth"].to_list() == pytest.approx([-0.6, -0.1, -0.05])
        assert table["days"].to_list() == [3, 2, 1]
        assert [str(day.date()) for day in table["start"]] == [
            "2019-01-03",
            "2018-12-31",
            "2019-01-06",
        ]
        assert [str(day.date()) for day in table["trough"]] == [
            "2019-01-05",
            "2019-01-01",
            "2019-01-07",
        ]
        assert table["recovery"].isna().to_list() == [False, False, True]

    def test_at_most_five_and_none_without_a_loss(self) -> None:
        index = pd.date_range("2019-01-01", periods=40, tz="UTC")
        assert len(drawdowns(pd.Series(np.tile([0.1, -0.01], 20), index=index))) == 5
        assert drawdowns(pd.Series(0.01, index=index)).empty

    def test_months_compound_to_the_year(self) -> None:
        index = pd.date_range("2018-11-15", "2019-02-10", tz="UTC")
        returns = pd.Series(np.random.default_rng(4).normal(0, 0.02, len(index)), index=index)
        table = monthly_table(returns)
        assert list(table.index) == [2018, 2019]
        assert list(table.columns) == [*MONTHS, "Year"]
        assert table.loc[2018, "Nov"] == pytest.approx((1 + returns["2018-11"]).prod() - 1)
        assert math.isnan(table.loc[2018, "Jan"])
        assert (1 + table["Year"]).prod() == pytest.approx((1 + returns).prod())

    def test_comparison_has_one_row_a_backtest_in_a_fixed_order(
        self, candles: pd.DataFrame
    ) -> None:
        signal = spells(candles)
        rows = [
            {
                "period": "2019H1",
                **metrics_of(traded(candles, signal, costs, fees=fees), candles, resamples=50),
            }
            for fees, costs in (("none", Costs()), ("taker", TAKER))
        ]
        table = comparison_table(rows)
        assert list(table.columns) == list(COMPARISON)
        assert table["fees"].to_list() == ["none", "taker"]
        assert table["net_return"].is_monotonic_decreasing
        assert (
            "period"
            not in comparison_table([metrics for metrics in rows if metrics.pop("period")]).columns
        )
        assert comparison_table([]).empty


class TestBorder:
    def test_every_metric_is_documented_and_json(self, candles: pd.DataFrame) -> None:
        found = metrics_of(traded(candles, spells(candles), TAKER), candles, resamples=50)
        assert list(found) == list(METRICS)
        assert all(isinstance(value, int | float | str) for value in found.values())
        json.loads(to_json(found))
        assert set(COMPARISON) - {"period"} <= set(METRICS)

    def test_a_longer_candle_table_will_do_a_shorter_will_not(self, candles: pd.DataFrame) -> None:
        part = candles.iloc[2000:20_000]
        result = traded(part, spells(part), TAKER)
        assert metrics_of(result, candles) == metrics_of(result, part)
        with pytest.raises(DataError, match="lack 100 bars of the backtest, first 2019-01-02"):
            metrics_of(result, part.iloc[100:])
