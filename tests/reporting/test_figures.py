"""Figures: that they draw the numbers they claim to, whatever the numbers are."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import COSTS, Written, make_candles, make_result, spaced_entries
from matplotlib.colors import to_hex

from cryptonn.evaluation.accuracy import assess
from cryptonn.market.candles import align
from cryptonn.market.files.formats import read_candle_file
from cryptonn.reporting.chart import busiest_stretch, draw_chart
from cryptonn.reporting.exploration import explore, statistics
from cryptonn.reporting.figures_accuracy import (
    draw_accuracy,
    draw_histograms,
    draw_learning,
    draw_ups_and_downs,
)
from cryptonn.reporting.figures_equity import (
    buy_and_hold,
    daily_returns,
    draw_drawdown,
    draw_equity,
    draw_fee_sweep,
    monthly_returns,
)
from cryptonn.reporting.picture import DOWN, UP, canvas, fee_color, thin

INDEX = pd.date_range("2019-01-30", periods=4 * 1440, freq="min", tz="UTC", name="time")
CANDLES = make_candles(INDEX, seed=5, start=140)
RESULTS = [
    make_result(CANDLES, spaced_entries(len(CANDLES), trades=50), fees=fees) for fees in COSTS
]
HELD = buy_and_hold(CANDLES, cash=1e5).rename("buy_and_hold")


@pytest.fixture(autouse=True)
def blank_pictures() -> None:
    """Render them: what cannot be drawn often shows only then."""


def test_equity_ends_where_the_backtests_end_and_is_thinned() -> None:
    drawn = draw_equity(RESULTS, HELD, period="p")
    assert drawn.png.startswith(b"\x89PNG")
    assert len(drawn.table) == 3000
    for result in RESULTS:
        assert drawn.table[result.fees].iloc[-1] == result.equity.iloc[-1] / 1e5
    assert "Grey: buy and hold, all in, no costs." in drawn.caption
    assert (
        drawn.table["buy_and_hold"].iloc[-1] == CANDLES["close"].iloc[-1] / CANDLES["open"].iloc[0]
    )


def test_the_axis_turns_logarithmic_when_equity_explodes() -> None:
    ruined = make_result(CANDLES, spaced_entries(len(CANDLES), trades=700), fees="taker+slippage")
    assert "logarithmic" in draw_equity([ruined], HELD, period="p").caption
    assert "as a multiple of the starting cash" in draw_equity([ruined], HELD, period="p").caption
    assert "as return since the start. " in draw_equity(RESULTS[:1], HELD, period="p").caption


def test_probabilities_of_true_ups_are_green_and_of_true_downs_red() -> None:
    rng = np.random.default_rng(0)
    move = pd.Series(rng.normal(size=4000), index=INDEX[:4000])
    proba = 0.5 + 1e-5 * (np.sign(move) + rng.normal(size=4000))
    found = assess(proba, pd.DataFrame({"move": move, "tie": False}), horizon=5, resamples=10)
    figure, (axes,) = canvas(size=(4, 3))
    draw_ups_and_downs(axes, found.histogram)
    figure.draw_without_rendering()
    lines = {
        patch.get_label(): patch for patch in axes.patches if patch.get_label().startswith("true")
    }
    assert {label: to_hex(patch.get_edgecolor()) for label, patch in lines.items()} == {
        "true ups": UP,
        "true downs": DOWN,
    }
    mean = {}
    for label, column in (("true ups", "ups"), ("true downs", "downs")):
        counts, edges, _ = lines[label].get_data()
        assert counts.tolist() == found.histogram[column].tolist()
        mean[column] = np.average(edges[:-1], weights=counts)
    assert mean["ups"] > 0.5 > mean["downs"]
    assert axes.xaxis.get_offset_text().get_text() == ""
    drawn = draw_histograms({"validation": {"network": found}})
    assert drawn.png.startswith(b"\x89PNG") and "up (green) and down (red)" in drawn.caption


def test_equity_at_or_below_zero_is_drawn() -> None:
    gone = RESULTS[0].equity.copy()
    gone.iloc[2000:] = -50.0
    broken = make_result(CANDLES, np.array([5]), fees="none")
    object.__setattr__(broken, "equity", gone)
    assert draw_equity([broken], HELD, period="p").png
    assert draw_drawdown([broken], HELD, period="p").png


def test_drawdown_keeps_the_deepest_point_of_every_stretch() -> None:
    drawn = draw_drawdown(RESULTS, HELD, period="p").table
    equity = RESULTS[2].equity / 1e5
    assert drawn["taker"].min() == pytest.approx(
        (equity / equity.cummax().clip(lower=1) - 1).min(), abs=1e-15
    )
    assert len(drawn) <= 3000


def test_drawdown_counts_from_the_starting_cash() -> None:
    fallen = make_result(CANDLES, np.array([5]), fees="none")
    object.__setattr__(fallen, "equity", pd.Series(0.8e5, INDEX))
    assert draw_drawdown([fallen], HELD, period="p").table["none"].min() == pytest.approx(-0.2)


def test_the_fee_sweep_names_the_break_even_fee() -> None:
    drawn = draw_fee_sweep(RESULTS, period="p", interval=(0.00001, 0.0002))
    assert "at any cost per side, compounded. They " in drawn.caption
    assert (
        "The break-even fee under the verdict is arithmetic: trades added up, not compounded"
        in drawn.caption
    )
    assert "shaded: its 95 % interval" in drawn.caption
    assert drawn.table["net_return"].is_monotonic_decreasing
    assert draw_fee_sweep(RESULTS[2:3], period="p", interval=(float("nan"), float("nan"))).png


def test_trades_that_lose_without_any_cost_do_not_break_even_at_a_negative_fee() -> None:
    falling = CANDLES.assign(
        open=np.linspace(200, 100, len(CANDLES)), close=np.linspace(200, 100, len(CANDLES))
    )
    lost = make_result(falling, spaced_entries(len(falling), trades=50), fees="none")
    caption = draw_fee_sweep([lost], period="p", interval=None).caption
    assert "They do not break even, not even at zero cost (break-even −" in caption
    assert "They break even at" not in caption


def test_the_fee_sweep_of_a_handful_of_trades_says_that_it_means_nothing() -> None:
    few = make_result(CANDLES, np.array([100]), fees="none")
    caption = draw_fee_sweep([few], period="p", interval=None).caption
    assert "break-even fee is n/a: with 1 of them, fewer than 10, it means nothing." in caption


def test_months_multiply_to_the_whole() -> None:
    months = monthly_returns(RESULTS, HELD)
    assert months.index.tolist() == ["2019-01", "2019-02"]
    for result in RESULTS:
        assert (1 + months[result.fees]).prod() == pytest.approx(result.equity.iloc[-1] / 1e5)
    assert (1 + months["buy_and_hold"]).prod() == pytest.approx(HELD.iloc[-1] / 1e5)


def test_daily_returns_count_the_first_day_from_the_cash() -> None:
    equity = pd.Series(
        [110.0, 121.0], pd.to_datetime(["2019-01-01 23:59", "2019-01-02 10:00"], utc=True)
    )
    assert daily_returns(equity, cash=100).tolist() == pytest.approx([0.1, 0.1])


def test_the_busiest_stretch_holds_the_most_entries() -> None:
    times = pd.to_datetime(
        ["2019-01-31 01:00", "2019-02-01 05:00", "2019-02-01 06:00", "2019-02-02 07:00"], utc=True
    )
    start, end = busiest_stretch(pd.Series(times), INDEX, days=2)
    assert (start, end) == (
        pd.Timestamp("2019-01-31", tz="UTC"),
        pd.Timestamp("2019-02-02", tz="UTC"),
    )
    assert busiest_stretch(pd.Series(times[:0]), INDEX, days=30) == (
        INDEX[0],
        pd.Timestamp("2019-02-03", tz="UTC"),
    )


def test_the_chart_holds_just_the_trades_of_its_stretch() -> None:
    proba = pd.Series(0.5, INDEX)
    chart = draw_chart(
        CANDLES,
        proba,
        RESULTS,
        period="p",
        days=1,
        thresholds={"long from": 0.55, "short below": 0.45},
    )
    assert len(chart.bars) == 1440
    assert chart.trades["entry_time"].between(chart.bars.index[0], chart.bars.index[-1]).all()
    assert len(chart.trades) == RESULTS[0].trades["entry_time"].dt.floor("D").value_counts().max()
    assert "net, taker" in chart.html
    assert "short below 0.450" in chart.html
    empty = [make_result(CANDLES, np.array([], dtype=int), fees="none")]
    assert draw_chart(CANDLES, proba, empty, period="p", days=3, thresholds={}).html


def test_a_fee_scenario_keeps_its_colour() -> None:
    assert len({fee_color(name, list(COSTS)) for name in COSTS}) == 4
    assert fee_color("10bp", ["10bp", "none"]) == fee_color("10bp", ["none", "10bp"])


def test_the_legend_of_a_chart_lies_below_it_where_no_tool_bar_is() -> None:
    """On a narrow screen plotly's tool bar, at the top right, lay over the legend."""
    proba = pd.Series(0.5, INDEX)
    chart = draw_chart(CANDLES, proba, RESULTS, period="p", days=1, thresholds={})
    legend = json.loads(chart.json)["layout"]["legend"]
    assert legend["y"] < 0 and legend["yanchor"] == "top"


def test_thinning_keeps_first_and_last() -> None:
    values = pd.Series(range(10_001))
    assert thin(values, most=100).iloc[[0, -1]].tolist() == [0, 10_000]
    assert len(thin(values, most=100)) == 100
    assert len(thin(values.iloc[:50], most=100)) == 50


def test_exploration_shows_every_coin(written: Written) -> None:
    names = [drawn.name for drawn in explore(written.run.frame)]
    assert names == [
        "exploration_price",
        "exploration_log_price",
        "exploration_volume",
        "exploration_scatter_BTC_USD",
    ]
    table = statistics(written.run.frame)
    eth = written.run.frame.candles("ETH/USD")
    assert table.index.tolist() == ["ETH/USD", "BTC/USD"]
    assert table.loc["ETH/USD", "without_trade"] == (eth["volume"] == 0).mean()
    assert table.loc["ETH/USD", "change"] == pytest.approx(
        eth["close"].iloc[-1] / eth["close"].iloc[0] - 1
    )


def test_the_traded_value_of_a_yahoo_file_is_what_the_file_says(tmp_path: Path) -> None:
    """Yahoo's volume is quote money; it was multiplied by the price once more."""
    lines = [
        f"2018-01-{day:02},100,140,50,{100 + day},{100 + day},{day * 1e6}" for day in range(1, 31)
    ]
    (tmp_path / "yahoo.csv").write_text(
        "\n".join(["Date,Open,High,Low,Close,Adj Close,Volume", *lines])
    )
    frame = align(
        {"BTC/USD": read_candle_file(tmp_path / "yahoo.csv", symbol="BTC/USD").candles},
        timeframe="1d",
    )
    (volume,) = [drawn for drawn in explore(frame) if drawn.name == "exploration_volume"]
    assert volume.table["BTC/USD"].tolist() == pytest.approx(list(range(1, 31)))


def test_the_best_possible_accuracy_is_marked_where_it_is_known(written: Written) -> None:
    assert "diamond" in draw_accuracy(written.run.assessments, best_possible={"first": 0.6}).caption
    assert "diamond" not in draw_accuracy(written.run.assessments, best_possible={}).caption


def test_a_learning_curve_needs_no_validation_loss() -> None:
    assert draw_learning(pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.69]})).png
    assert draw_learning(
        pd.DataFrame(
            {"loss": [0.7], "val_loss": [np.nan], "accuracy": [0.5], "val_accuracy": [0.5]}
        )
    ).png
