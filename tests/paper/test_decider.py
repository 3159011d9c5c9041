"""What paper trading decides is what the backtest decides: bar by bar, after restarts, near thresholds."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from real_minutes import ETH, cut, real_frame
from session_cases import RULES, STRATEGIES, config, decider, drawn_model, milliseconds

from cryptonn.errors import ConfigError, DataError, StrategyError
from cryptonn.learning.prediction import FittedModel, predict_proba
from cryptonn.market.candles import Frame
from cryptonn.paper.decider import Decider, Terms, log_start_ms, open_decider
from cryptonn.paper.decision import Decision
from cryptonn.paper.probabilities import Probabilities
from cryptonn.paper.wishes import YOUNG_BARS
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.strategies import load_strategy

START = 1440 - 24
"""Row of the session's first bar: some minutes before the second midnight."""
BARS = 50
RULE = {"enter": 0.8, "hold": 4}


@pytest.fixture(scope="module")
def frame(shared_data: Path) -> Frame:
    return real_frame(shared_data, 2)


@pytest.fixture(scope="module")
def model(frame: Frame) -> FittedModel:
    return drawn_model(frame, signal=RULE)


@pytest.fixture(scope="module")
def start(frame: Frame) -> pd.Timestamp:
    return frame.index[START]


@pytest.fixture(scope="module")
def whole(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> tuple[BacktestResult, pd.DataFrame]:
    """The backtest of all bars, and what it wanted at each."""
    return decider(model, start, enter=0.8).replay(frame)


def decided(one: Decider, frame: Frame, rows: range) -> list[Decision]:
    return [one.decide(cut(frame, row + 1)) for row in rows]


def check_same(decisions: list[Decision], table: pd.DataFrame, frame: Frame) -> None:
    rows = table.loc[[pd.Timestamp(one.time_ms, unit="ms", tz="UTC") for one in decisions]]
    assert [one.signal for one in decisions] == rows["signal"].tolist()
    assert [one.wanted for one in decisions] == rows["wanted"].tolist()
    assert [float(one.close) for one in decisions] == frame.table[(ETH, "close")].loc[
        rows.index
    ].tolist()
    assert [one.close_ms - one.time_ms for one in decisions] == [60_000] * len(decisions)
    np.testing.assert_allclose([one.proba for one in decisions], rows["proba"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("young_bars", [YOUNG_BARS, 16, 0])
def test_bar_by_bar_is_the_backtest(
    whole: tuple[BacktestResult, pd.DataFrame],
    model: FittedModel,
    frame: Frame,
    start: pd.Timestamp,
    young_bars: int,
) -> None:
    one = decider(model, start, enter=0.8, young_bars=young_bars)
    decisions = decided(one, frame, range(START, START + BARS))
    result, table = whole
    check_same(decisions, table, frame)
    assert len({decision.wanted for decision in decisions}) > 3
    assert len(result.fills) > 20
    assert all(decision.wanted % RULES.amount_step == 0 for decision in decisions)


@pytest.mark.parametrize("young_bars", [YOUNG_BARS, 10, 0])
def test_an_order_that_its_backtest_cannot_send_goes_with_the_decision(
    model: FittedModel, frame: Frame, start: pd.Timestamp, young_bars: int
) -> None:
    """A least worth above all the cash: nothing was ever wanted, and nothing said why."""
    rules = replace(RULES, min_cost=Decimal(10**9))
    one = decider(model, start, enter=0.8, young_bars=young_bars, rules=rules)
    decisions = decided(one, frame, range(START, START + 14))
    _, table = decider(model, start, enter=0.8, rules=rules).replay(frame)
    assert [decision.refused for decision in decisions] == table["refused"].tolist()[:14]
    refused = {(order.side, order.why) for decision in decisions for order in decision.refused}
    assert refused == {("buy", "below the least worth")}
    assert {decision.wanted for decision in decisions} == {0}


@pytest.mark.parametrize(
    ("at", "young_bars"),
    [*((at, YOUNG_BARS) for at in (0, 1, 23, 24, 25, 26)), (26, 0), (60, 30)],
)
def test_a_restart_goes_on_the_same(
    whole: tuple[BacktestResult, pd.DataFrame],
    model: FittedModel,
    frame: Frame,
    start: pd.Timestamp,
    at: int,
    young_bars: int,
) -> None:
    """Rows 24 and 25 of the session are midnight and the bar after it."""
    rows = range(START + at, START + at + 4)
    fresh = decided(decider(model, start, enter=0.8, young_bars=young_bars), frame, rows)
    check_same(fresh, whole[1], frame)


def test_bars_passed_over_change_nothing(
    whole: tuple[BacktestResult, pd.DataFrame],
    model: FittedModel,
    frame: Frame,
    start: pd.Timestamp,
) -> None:
    one, rows = (
        decider(model, start, enter=0.8),
        [START, START + 1, START + 20, START + 35, START + 36],
    )
    decisions = [one.decide(cut(frame, row + 1)) for row in rows]
    check_same(decisions, whole[1], frame)


def test_the_same_bar_twice(model: FittedModel, frame: Frame, start: pd.Timestamp) -> None:
    one = decider(model, start, enter=0.8)
    for row in (START + 3, START + 4):
        assert one.decide(cut(frame, row + 1)) == one.decide(cut(frame, row + 1))


@pytest.mark.parametrize("form", ["streaming", "windowed"])
def test_probabilities_at_a_threshold(frame: Frame, start: pd.Timestamp, form: str) -> None:
    """The threshold is the batch's own number, to the bit: stepped alone, about every second would fall below it."""
    model = drawn_model(frame, signal=RULE, training={"form": form})
    known = Probabilities(model, start=start, thresholds=()).at_once(frame)
    stepped = Probabilities(model, start=start, thresholds=())
    stepped.of(cut(frame, START + 1))
    flips = 0
    for row in range(START + 1, START + 18):
        enter = float(known.iloc[row - START])
        flips += stepped.of(cut(frame, row + 1))[0].iloc[-1] < enter
        careful = Probabilities(model, start=start, thresholds=(enter, 1 - enter))
        if row % 8 == 0:
            careful.of(cut(frame, row))
            proba, near = careful.of(cut(frame, row + 1))
            assert near
            assert proba.iloc[-1] == enter
    assert flips > 0


def test_a_decision_says_that_it_was_near(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> None:
    enter = float(Probabilities(model, start=start, thresholds=()).at_once(frame).iloc[20])
    one = decider(model, start, enter=enter)
    decisions = decided(one, frame, range(START + 18, START + 22))
    assert [decision.near for decision in decisions] == [False, False, True, False]
    assert decisions[2].proba == enter
    check_same(decisions, decider(model, start, enter=enter).replay(frame)[1], frame)


@pytest.mark.parametrize(
    "name", ["lstm_signal", "momentum", "contrarian", "sma_cross", "buy_and_hold"]
)
def test_decisions_of_a_cut_log_are_the_cut_decisions(
    model: FittedModel, frame: Frame, start: pd.Timestamp, name: str
) -> None:
    one = decider(
        model, start, enter=0.8, name=name, strategy=load_strategy(name, folder=STRATEGIES)
    )
    frame = cut(frame, START + 500)
    whole = one.replay(frame)[1]
    for end in np.random.default_rng(6).integers(START + 1, len(frame.index), 2).tolist():
        part = one.replay(cut(frame, end))[1]
        pd.testing.assert_frame_equal(part, whole.loc[: part.index[-1]], check_freq=False)


class Prophet(bt.Strategy):
    """Buys where it knows that the price will be higher; where it does not, it waits."""

    def next(self) -> None:
        later, now = self.data.close.array, len(self) - 1
        if now + 2 < len(later) and later[now + 2] > self.data.close[0] and not self.position:
            self.buy()
        elif self.position:
            self.close()


def test_a_strategy_that_looks_ahead_is_caught(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> None:
    one = decider(model, start, strategy=Prophet, name="prophet")
    with pytest.raises(
        StrategyError,
        match=r"'prophet' looks ahead: at the close of 2019-01-01 23:\d\dZ it wanted 0, ",
    ):
        decided(one, frame, range(START, START + 24))


def test_in_an_old_session_it_is_caught_at_the_next_look(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> None:
    """Bar by bar it has no later bars to look at; its backtest, which it is to mirror, has."""
    one = decider(model, start, strategy=Prophet, name="prophet", young_bars=0)
    decided(one, frame, range(START, START + 20))
    with pytest.raises(
        StrategyError,
        match=r"'prophet' looks ahead: at the close of 2019-01-01 23:\d\dZ it wanted 0, ",
    ):
        one.check(cut(frame, START + 20))


def test_an_honest_strategy_passes_the_look(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> None:
    one = decider(model, start, enter=0.8, young_bars=0)
    decided(one, frame, range(START, START + 20))
    one.check(cut(frame, START + 20))


def test_random_entry_looks_ahead(model: FittedModel, frame: Frame, start: pd.Timestamp) -> None:
    one = decider(
        model, start, strategy=load_strategy("random_entry", folder=STRATEGIES), name="random_entry"
    )
    with pytest.raises(StrategyError, match="'random_entry' looks ahead"):
        decided(one, frame, range(START, START + 60))


def past(decisions: list[Decision]) -> dict[int, Decimal]:
    return {decision.time_ms: decision.wanted for decision in decisions}


def test_what_was_decided_before_a_restart_is_held_against_the_log(
    whole: tuple[BacktestResult, pd.DataFrame],
    model: FittedModel,
    frame: Frame,
    start: pd.Timestamp,
) -> None:
    told = decided(decider(model, start, enter=0.8), frame, range(START, START + 12))
    same, other, notes = (
        decider(model, start, enter=0.8),
        decider(model, start, enter=0.8),
        list[str](),
    )
    same.recall(past(told), note=notes.append)
    decided(same, frame, range(START + 12, START + 14))
    assert notes == []
    other.recall(
        past(told) | {told[7].time_ms: told[7].wanted + Decimal("0.0001")}, note=notes.append
    )
    decisions = decided(other, frame, range(START + 12, START + 14))
    (note,) = notes
    assert (
        "at the close of 2019-01-01 23:43Z it wanted" in note
        and "a replay of the same bars wants" in note
    )
    check_same(decisions, whole[1], frame)


@pytest.mark.parametrize("young_bars", [YOUNG_BARS, 0])
def test_one_that_looked_ahead_starts_again_once_it_is_mended(
    model: FittedModel, frame: Frame, start: pd.Timestamp, young_bars: int
) -> None:
    first, as_it_was = (decider(model, start, strategy=Prophet, name="prophet") for _ in range(2))
    honest = {"strategy": load_strategy("buy_and_hold", folder=STRATEGIES), "name": "prophet"}
    mended, told, notes = (
        decider(model, start, young_bars=young_bars, **honest),
        dict[int, Decimal](),
        list[str](),
    )
    with pytest.raises(StrategyError, match="'prophet' looks ahead"):
        while True:
            told |= past(decided(first, frame, range(START + len(told), START + len(told) + 1)))
    for one in (as_it_was, mended):
        one.recall(told, note=notes.append)
    rows = range(START + len(told), START + len(told) + 3)
    with pytest.raises(StrategyError, match="'prophet' looks ahead"):
        decided(as_it_was, frame, rows)
    assert notes == []
    check_same(
        decided(mended, frame, rows), decider(model, start, **honest).replay(frame)[1], frame
    )
    assert len(notes) == 1


class Forgetful(bt.Indicator):
    """Bar by bar it comes to something else than at once from the 12th bar on, though neither looks ahead."""

    lines = ("odd",)

    def next(self) -> None:
        self.lines.odd[0] = len(self) // 4 % 2 if len(self) < 12 else 0.0

    def once(self, start: int, end: int) -> None:
        for bar in range(start, end):
            self.lines.odd.array[bar] = (bar + 1) // 4 % 2


class Alternating(bt.Strategy):
    order = None

    def __init__(self) -> None:
        self.indicator = Forgetful(self.data)

    def next(self) -> None:
        if bool(self.indicator.odd[0]) != bool(self.position) and not (
            self.order and self.order.alive()
        ):
            self.order = self.close() if self.position else self.buy()


def test_one_that_differs_bar_by_bar_is_replayed_from_the_next_look_on(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> None:
    settings = {"strategy": Alternating, "name": "alternating", "young_bars": 0}
    one, again, notes = (
        decider(model, start, **settings),
        decider(model, start, **settings),
        list[str](),
    )
    one.recall({}, note=notes.append)
    table = decider(model, start, **settings).replay(frame)[1]
    told = decided(one, frame, range(START, START + 20))
    assert [decision.wanted for decision in told] != table["wanted"].tolist()[:20]
    one.check(cut(frame, START + 20))
    (note,) = notes
    assert "strategy 'alternating': at the close of 2019-01-01 23:" in note
    again.recall(past(told), note=notes.append)
    for later in (one, again):
        check_same(decided(later, frame, range(START + 20, START + 28)), table, frame)
        later.check(cut(frame, START + 28))
    assert len(notes) == 3
    assert "replayed for each decision" in "".join(notes)


class Sure(bt.Strategy):
    """Long while the probability is above a threshold of its own."""

    order = None

    def next(self) -> None:
        if (self.data.proba[0] > 0.8) != bool(self.position) and not (
            self.order and self.order.alive()
        ):
            self.order = self.close() if self.position else self.buy()


def test_a_strategy_with_a_threshold_of_its_own_sees_the_probability_of_the_batch(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> None:
    one = decider(model, start, strategy=Sure, name="sure", reads_proba=True)
    decisions = decided(one, frame, range(START + 20, START + 28))
    table = decider(model, start, strategy=Sure, name="sure", reads_proba=True).replay(frame)[1]
    check_same(decisions, table, frame)
    assert [decision.proba for decision in decisions] == table["proba"].iloc[20:28].tolist()


def test_a_short_is_refused(model: FittedModel, frame: Frame, start: pd.Timestamp) -> None:
    settings = {"backtest": {"parameters": {"momentum": {"direction": "long-short"}}}}
    short = replace(model, config=config(**settings))
    one = decider(
        short, start, strategy=load_strategy("momentum", folder=STRATEGIES), name="momentum"
    )
    with pytest.raises(
        StrategyError, match=r"'momentum' wants to be short at the close of 2019-01-01 23:\d\dZ"
    ):
        decided(one, frame, range(START, START + 20))
    with pytest.raises(ConfigError, match='signal.direction = "long-short"'):
        decider(replace(model, config=config(signal={"direction": "long-short"})), start)


def test_kline_extras_are_refused(model: FittedModel, start: pd.Timestamp) -> None:
    files = {"files": {ETH: ["eth.csv"], "BTC/USD": ["btc.csv"]}, "source": "files", "extras": True}
    run = config(data={"train": "20180101-20190101", **files})
    with pytest.raises(ConfigError, match="extras"):
        decider(replace(model, config=run), start)


def test_a_log_that_is_too_short(model: FittedModel, frame: Frame, start: pd.Timestamp) -> None:
    with pytest.raises(
        DataError, match="too few to decide on the bar of 2019-01-01 23:35Z. The session begins at"
    ):
        decider(model, start).decide(cut(frame, START))
    late = Frame(
        frame.table.iloc[START - 10 : START + 1],
        frame.timeframe,
        frame.filled.iloc[START - 10 : START + 1],
    )
    with pytest.raises(DataError, match="its log at 2018-12-30 22:40Z or earlier"):
        decider(model, start).decide(late)


def test_a_log_begins_early_enough(model: FittedModel, start: pd.Timestamp) -> None:
    first = pd.Timestamp(log_start_ms(model.config, milliseconds(start)), unit="ms", tz="UTC")
    assert first == start.normalize() - pd.Timedelta(minutes=1500 + 20)


def test_a_decider_of_a_run_folder(
    whole: tuple[BacktestResult, pd.DataFrame],
    model: FittedModel,
    frame: Frame,
    start: pd.Timestamp,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "drawn-20190101"
    folder.mkdir()
    model.save(folder / "model")
    (folder / "config.toml").write_text(model.config.to_toml())
    (folder / "run.json").write_text(json.dumps({"enter": 0.8}))
    terms = Terms(
        rules=RULES,
        fees="taker+slippage",
        cash=Decimal(100_000),
        start_ms=milliseconds(start),
    )
    one = open_decider(folder, terms, strategies=STRATEGIES)
    decisions = decided(one, frame, range(START, START + 5))
    check_same(decisions, whole[1], frame)
    with pytest.raises(StrategyError, match="no such strategy file"):
        open_decider(folder, terms, strategies=tmp_path)


def test_the_probabilities_are_those_of_the_run(
    model: FittedModel, frame: Frame, start: pd.Timestamp
) -> None:
    """A log of the whole market asks the network no other question than a prediction of all its bars."""
    from cryptonn.learning.features import make_features

    features = make_features(frame, target=ETH, config=model.config.features)
    whole = predict_proba(model, features)
    asked = Probabilities(model, start=start, thresholds=()).at_once(frame)
    pd.testing.assert_series_equal(asked, whole.loc[start:], check_freq=False)
