"""Users' strategies: the ones that come with the project, how they are loaded, and what a broken one is told."""

import re
import sys
from pathlib import Path

import backtrader as bt
import pandas as pd
import pytest
from naive import naive_cerebro, naive_equity
from trading_tables import FREE, STRATEGIES, backtest, random_market, random_signal, table, wanted

from cryptonn.errors import StrategyError
from cryptonn.trading.costs import Costs
from cryptonn.trading.strategies import (
    check_strategies,
    load_strategy,
    strategy_files,
    strategy_names,
)

NAMES = ("buy_and_hold", "contrarian", "lstm_signal", "momentum", "random_entry", "sma_cross")


def load(name: str) -> type:
    return load_strategy(name, folder=STRATEGIES)


def run(name: str, candles: pd.DataFrame, signal: pd.Series | None = None, **changes: object):
    if signal is None:
        signal = wanted(candles, [0] * len(candles))
    return backtest(candles, signal, FREE, strategy=load(name), **changes)


class Largest(bt.Analyzer):
    """The largest position and the number of filled orders."""

    largest, orders = 0, 0

    def notify_order(self, order: bt.Order) -> None:
        self.orders += order.status == order.Completed

    def next(self) -> None:
        self.largest = max(self.largest, abs(self.strategy.position.size))


def steps(closes: list[float]) -> pd.DataFrame:
    return table([(close, close) for close in closes])


def test_the_names() -> None:
    assert set(NAMES) <= set(strategy_names(STRATEGIES))  # a user's own may lie beside them


@pytest.mark.parametrize("name", NAMES)
def test_runs_unchanged_in_a_bare_cerebro(name: str) -> None:
    candles = random_market(1, 400, untraded=0.0)
    cerebro = naive_cerebro(candles, random_signal(candles, 2))
    cerebro.addstrategy(load(name))
    cerebro.broker.setcash(1000.0)
    cerebro.addanalyzer(Largest)
    (strategy,) = cerebro.run()
    assert strategy.analyzers[0].orders >= 1
    assert strategy.analyzers[0].largest == 1  # the default sizer: one unit, never two


@pytest.mark.parametrize("direction", ["long", "long-short"])
@pytest.mark.parametrize("name", ["contrarian", "momentum", "sma_cross", "random_entry"])
def test_never_doubles_a_position(name: str, direction: str) -> None:
    candles = random_market(1, 1500, untraded=0.3)
    result = run(name, candles, defaults={"direction": direction, "hold": 3, "trades": 50})
    assert len(result.trades) > 3
    assert (result.position.min() < 0) == (direction == "long-short")
    exposure = (result.position.abs() * candles["close"] / result.equity).max()
    assert exposure < 0.6  # half of equity, moved a little by the price


def test_buy_and_hold() -> None:
    candles = steps([100, 100, 110, 120])
    result = run("buy_and_hold", candles)
    assert result.final_equity == pytest.approx(1000 + 5 * 20)
    assert len(result.fills) == 1


def test_momentum_and_contrarian_look_again_after_hold_bars() -> None:
    # lookback 1, hold 2. Up at row 1: momentum in at 2; looks again at row 3 (down): out at 4
    closes = [100, 101, 102, 101, 100, 99, 98, 97]
    follow = run("momentum", steps(closes), parameters={"lookback": 1, "hold": 2})
    assert follow.position.gt(0).astype(int).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    oppose = run("contrarian", steps(closes), parameters={"lookback": 1, "hold": 2})
    assert oppose.position.gt(0).astype(int).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    both = run(
        "momentum", steps(closes), parameters={"lookback": 1, "hold": 2, "direction": "long-short"}
    )
    assert both.position.apply(lambda units: (units > 0) - (units < 0)).tolist() == [
        0,
        0,
        1,
        1,
        -1,
        -1,
        -1,
        -1,
    ]


def test_sma_cross() -> None:
    closes = [10.0] * 4 + [11, 12, 13, 12, 9, 8, 7]
    result = run("sma_cross", steps(closes), parameters={"fast": 1, "slow": 3})
    mean = pd.Series(closes).rolling(3).mean()
    above = (pd.Series(closes) > mean).shift(fill_value=False)
    assert result.position.gt(0).tolist() == above.tolist()


@pytest.mark.parametrize(
    ("bars", "trades", "hold"), [(400, 40, 5), (400, 66, 5), (60, 8, 1), (30, 0, 3)]
)
def test_random_entry_makes_the_trades_it_is_told(bars: int, trades: int, hold: int) -> None:
    candles = random_market(2, bars, untraded=0.0)
    result = run("random_entry", candles, defaults={"trades": trades, "hold": hold, "seed": 3})
    assert len(result.trades) == trades
    assert (result.trades["bars"] == hold).all()
    assert not result.trades["open"].any()


def test_random_entry_is_fixed_by_its_seed() -> None:
    candles = random_market(2, 400)
    first, again, other = (
        run("random_entry", candles, parameters={"seed": seed}) for seed in (1, 1, 2)
    )
    assert first.fills.equals(again.fills)
    assert not first.fills.equals(other.fills)


def test_random_entry_does_what_fits_when_asked_too_much() -> None:
    candles = random_market(2, 100, untraded=0.0)
    assert len(run("random_entry", candles, parameters={"trades": 1000, "hold": 4}).trades) == 19


def test_the_users_parameter_beats_the_runs() -> None:
    candles = random_market(2, 400, untraded=0.0)
    result = run(
        "random_entry",
        candles,
        parameters={"hold": 7},
        defaults={"hold": 3, "trades": 9, "nonsense": 1},
    )
    assert (result.trades["bars"] == 7).all()


def test_lstm_signal_is_the_naive_strategy_to_the_last_bit() -> None:
    candles = random_market(5, 4000, untraded=0.0)
    signal = random_signal(candles, 6, lowest=0)
    ours = backtest(candles, signal, Costs(commission=0.001), fraction=0.95)
    assert len(ours.trades) > 300
    assert ours.final_equity == naive_equity(
        candles, signal, cash=1000.0, fraction=0.95, commission=0.001
    )


def test_the_strategy_of_the_readme() -> None:
    text = (STRATEGIES / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code
    namespace: dict = {"__name__": __name__}
    exec(code[1], namespace)
    candles = random_market(9, 600, step=0.004)
    assert (
        len(backtest(candles, wanted(candles, [0] * 600), strategy=namespace["MyIdea"]).trades) > 2
    )


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


GOOD = "import backtrader as bt\n\nclass {name}(bt.Strategy):\n    params = (('fast', 1),)\n"


def test_missing_strategy_lists_what_there_is() -> None:
    with pytest.raises(
        StrategyError, match=r"Did you mean 'momentum'\? There are: buy_and_hold, contrarian"
    ):
        load("momentun")


def test_missing_path(tmp_path: Path) -> None:
    written(tmp_path, GOOD.format(name="Mine"))
    with pytest.raises(
        StrategyError, match=r"mien\.py: no such strategy file\. Did you mean .*mine\.py"
    ):
        load_strategy(tmp_path / "mien.py")
    with pytest.raises(StrategyError, match="There is no strategy in .*nowhere"):
        load_strategy("mine", folder=tmp_path / "nowhere")


def test_loaded_by_path_or_name_and_no_trace_left(tmp_path: Path) -> None:
    before = set(sys.modules)
    path = written(tmp_path, GOOD.format(name="Mine"))
    assert load_strategy(path).__name__ == load_strategy("mine", folder=tmp_path).__name__ == "Mine"
    assert set(sys.modules) == before


def test_files_of_equal_name_do_not_meet(tmp_path: Path) -> None:
    text = (
        GOOD
        + "    factor = {factor}\n    def next(self):\n        self.buy(size=self.factor * helper())\n"
    )
    text += "def helper():\n    return {factor}\n"
    one = load_strategy(written(tmp_path, text.format(name="Mine", factor=1), "a/mine.py"))
    two = load_strategy(written(tmp_path, text.format(name="Mine", factor=2), "b/mine.py"))
    candles = steps([100, 100, 100])
    amounts = [
        backtest(candles, wanted(candles, [0] * 3), strategy=cls).fills["amount"].iloc[0]
        for cls in (one, two)
    ]
    assert amounts == [1, 4]


def test_a_file_may_define_more_than_its_strategy(tmp_path: Path) -> None:
    text = "import backtrader as bt\nfrom backtrader import SignalStrategy, Strategy\n\n"
    text += "class Gap(bt.Indicator):\n    lines = ('gap',)\n    params = (('wide', 2),)\n"
    text += "    def __init__(self):\n        self.lines.gap = self.data.close - self.data.open\n\n"
    text += "class Mine(Strategy):\n    def __init__(self):\n        self.gap = Gap(self.data)\n"
    text += "    def next(self):\n        if not self.position and self.gap[0] > 0:\n            self.buy()\n"
    text += "Alias = Mine\n"
    candles = table([(100, 100), (100, 101), (101, 101), (101, 101)])
    strategy = load_strategy(written(tmp_path, text))
    assert issubclass(strategy, bt.Strategy)
    assert len(backtest(candles, wanted(candles, [0] * 4), strategy=strategy).fills) == 1


def test_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, "import backtrader as bt\n\nclass Mine(bt.Strategy)\n    pass\n")
    with pytest.raises(StrategyError, match=rf"{re.escape(str(path))}, line 3: expected ':'"):
        load_strategy(path)


def test_a_file_without_a_strategy(tmp_path: Path) -> None:
    path = written(tmp_path, "from backtrader import Strategy\n\nclass Mine:\n    pass\n")
    with pytest.raises(StrategyError, match=r"holds no strategy.*derives from bt\.Strategy"):
        load_strategy(path)


def test_a_file_with_two_strategies(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.format(name="One") + GOOD.format(name="Two"))
    with pytest.raises(StrategyError, match=r"holds 2 strategies \(One, Two\)"):
        load_strategy(path)


def test_a_file_that_fails_on_loading(tmp_path: Path) -> None:
    path = written(tmp_path, "import backtrader as bt\nimport no_such_library\n")
    with pytest.raises(
        StrategyError, match=rf"{re.escape(str(path))}, line 2: ModuleNotFoundError"
    ) as caught:
        load_strategy(path)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StrategyError, match=r"mine\.py"):
        load_strategy(path)


def test_unknown_parameter_suggests_one() -> None:
    with pytest.raises(
        StrategyError,
        match=r"'SmaCross' has no parameter 'fst'.*'fast'.*It has: fast, slow, direction",
    ):
        run("sma_cross", steps([100] * 5), parameters={"fst": 3})


def test_a_strategy_without_parameters_says_so() -> None:
    with pytest.raises(StrategyError, match="It has none"):
        run("lstm_signal", steps([100] * 5), parameters={"fast": 3})


def test_an_exception_names_file_line_and_bar(tmp_path: Path) -> None:
    text = (
        GOOD.format(name="Mine")
        + "    def next(self):\n        if len(self) == 3:\n            self.data.nothing[0]\n"
    )
    path = written(tmp_path, text)
    candles = steps([100] * 5)
    expected = rf"failed at the bar of 2018-01-01 00:02Z: AttributeError.*\({re.escape(str(path))}, line 7\)"
    with pytest.raises(StrategyError, match=expected) as caught:
        backtest(candles, wanted(candles, [0] * 5), strategy=load_strategy(path))
    assert isinstance(caught.value.__cause__, AttributeError)


def test_an_exception_before_the_first_bar() -> None:
    with pytest.raises(
        StrategyError, match=r"before the first bar: ValueError: fast = 9 .*sma_cross\.py, line \d+"
    ):
        run("sma_cross", steps([100] * 5), parameters={"fast": 9, "slow": 3})


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """The results of one once replaced those of the other."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            "import backtrader as bt\n\n\nclass Mine(bt.Strategy):\n    pass\n"
        )
    one, other = (str(tmp_path / folder / "mine.py") for folder in ("a", "b"))
    assert strategy_files([one, one]) == {"mine": Path(one)}
    with pytest.raises(StrategyError, match="two strategies are called 'mine'.*Rename one file"):
        strategy_files([one, other])


def test_strategies_and_parameters_are_checked_before_anything_runs(tmp_path: Path) -> None:
    """A misspelt one was found only after minutes of training."""
    path = written(tmp_path, GOOD.format(name="Mine"))
    check_strategies([str(path), "momentum"], {"momentum": {"lookback": 5}}, folder=STRATEGIES)
    with pytest.raises(StrategyError, match="no such strategy file. Did you mean 'momentum'"):
        check_strategies(["momentun"], {}, folder=STRATEGIES)
    with pytest.raises(StrategyError, match="no parameter 'lookbak'. Did you mean 'lookback'"):
        check_strategies(["momentum"], {"momentum": {"lookbak": 5}}, folder=STRATEGIES)
    with pytest.raises(
        StrategyError, match=r"parameters\.momentun: no such strategy is traded. Did you mean"
    ):
        check_strategies(["momentum"], {"momentun": {"lookback": 5}}, folder=STRATEGIES)
