"""Run a strategy over candles in backtrader, with real costs, and rebuild the account
from its fills.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import MappingProxyType, TracebackType
from typing import Any

import backtrader as bt
import pandas as pd

from cryptonn.errors import CryptonnError, StrategyError
from cryptonn.garbage import garbage_left_alone
from cryptonn.trading.account import build_result
from cryptonn.trading.costs import Costs
from cryptonn.trading.engine import (
    FractionSizer,
    OneFeedCerebro,
    RecordingBroker,
    SignalFeed,
    make_broker,
    make_feed,
)
from cryptonn.trading.inputs import check_inputs
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.ruled import OnClose, Watcher, make_ruled_broker
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.strategies import strategy_parameters

__all__ = ["check_start", "named_failures", "run_backtest"]

_NONE: Mapping[str, Any] = MappingProxyType({})


def run_backtest(
    candles: pd.DataFrame,
    signal: pd.Series,
    *,
    strategy: type,
    parameters: Mapping[str, Any] = _NONE,
    defaults: Mapping[str, Any] = _NONE,
    costs: Costs,
    cash: float,
    fraction: float,
    symbol: str,
    proba: pd.Series | None = None,
    name: str = "",
    fees: str = "",
    rules: MarketRules | None = None,
    on_close: OnClose | None = None,
) -> BacktestResult:
    """Trade ``candles`` with a backtrader strategy.

    An order sent at the close of bar t fills at the open of the next bar that traded (volume > 0),
    spread and slippage away from it. Sizes are a ``fraction`` of equity at the close of t unless
    the strategy gives its own.

    Parameters
    ----------
    candles
        Columns open, high, low, close, volume; UTC index of the bars' opens.
    signal
        Wanted direction −1, 0, 1 on the same index; the feed's line ``signal``.
    strategy
        A ``bt.Strategy`` class, as ``load_strategy`` returns it.
    parameters
        Given by the user; an unknown name is refused.
    defaults
        Given by the run (``hold``, ``trades``, ``seed``, ``direction``, …): used where the strategy
        declares the name and the user did not set it.
    costs
        Fractions of notional.
    cash
        Starting money, quote.
    proba
        P(up) on the same index; the feed's line ``proba``.
    name, fees
        Labels of the result; the class's name by default.
    rules
        Steps and limits of the market: amounts are cut to the step, prices and commissions rounded,
        and an order that the exchange would not take at the close is rejected.
        Without them any amount and price is traded. A commission is booked in quote also
        where ``rules.fee_in`` is "base".
    on_close
        Called after each bar with what is wanted at its close: the position held once the waiting
        market orders are filled, and the orders that the market would not take.

    Raises
    ------
    StrategyError
        If a parameter is unknown or the strategy fails; says where and at which bar.
        With ``on_close`` also if it sends anything but market orders.
    DataError, ConfigError
        If the inputs cannot be traded.
    """
    check_inputs(candles, signal, cash=cash, fraction=fraction)
    name = name or strategy.__name__
    index = pd.DatetimeIndex(candles.index)
    broker = _broker(costs, cash=cash, index=index, rules=rules)
    feed = make_feed(candles, signal, proba)
    cerebro = OneFeedCerebro(stdstats=False)
    cerebro.broker = broker
    cerebro.adddata(feed)
    cerebro.addsizer(FractionSizer, fraction=fraction)
    cerebro.addstrategy(strategy, **strategy_parameters(strategy, parameters, defaults, name=name))
    if on_close is not None:
        cerebro.addanalyzer(Watcher, on_close=on_close, name=name)
    _run(cerebro, feed, index, name)
    if len(feed) < len(index):
        last = index[len(feed) - 1]
        raise StrategyError(
            f"strategy {name!r} stopped the run at {last:%Y-%m-%d %H:%M}Z. "
            "Let it run to the last bar."
        )
    result = build_result(
        candles,
        broker.fills,
        strategy=name,
        fees=fees,
        symbol=symbol,
        costs=costs,
        cash=cash,
        rejections=broker.rejections,
    )
    _check_agrees(result, broker)
    return result


class _Started(Exception):
    """A strategy was made, and its first bar is next."""


class _Stop(bt.Analyzer):  # type: ignore[misc]
    """Ends a backtest before its first bar."""

    def start(self) -> None:
        """End it; called by backtrader once every strategy is made."""
        raise _Started


def check_start(
    candles: pd.DataFrame,
    *,
    strategy: type,
    parameters: Mapping[str, Any],
    defaults: Mapping[str, Any],
    name: str,
) -> None:
    """Make a strategy as ``run_backtest`` does, and stop before its first bar.

    Raises
    ------
    StrategyError
        If a parameter is unknown or the constructor fails; says where.
    """
    index = pd.DatetimeIndex(candles.index)
    feed = make_feed(candles, pd.Series(0, index=index), None)
    cerebro = OneFeedCerebro(stdstats=False)
    cerebro.broker = make_broker(Costs(), cash=1.0, index=index)
    cerebro.adddata(feed)
    cerebro.addsizer(FractionSizer, fraction=1.0)
    cerebro.addstrategy(strategy, **strategy_parameters(strategy, parameters, defaults, name=name))
    cerebro.addanalyzer(_Stop)
    with contextlib.suppress(_Started):
        _run(cerebro, feed, index, name)


def _broker(
    costs: Costs, *, cash: float, index: pd.DatetimeIndex, rules: MarketRules | None
) -> RecordingBroker:
    if rules is None:
        return make_broker(costs, cash=cash, index=index)
    return make_ruled_broker(costs, cash=cash, index=index, rules=rules)


def _run(cerebro: Any, feed: SignalFeed, index: pd.DatetimeIndex, name: str) -> None:
    def newest() -> pd.Timestamp | None:
        return index[min(len(feed), len(index)) - 1] if len(feed) else None

    with (
        named_failures(name, newest),
        garbage_left_alone(),
    ):  # backtrader's list of orders only grows
        cerebro.run()


@contextmanager
def named_failures(name: str, time: Callable[[], pd.Timestamp | None]) -> Iterator[None]:
    """Turn what fails in a user's strategy into an error that says where,
    and at which bar (``time``).
    """
    try:
        yield
    except CryptonnError:
        raise
    except Exception as error:  # the border of a user's code, which may raise anything
        place = _place(error.__traceback__)
        if place is None:
            raise
        bar = time()
        when = "before the first bar" if bar is None else f"at the bar of {bar:%Y-%m-%d %H:%M}Z"
        text = (
            f"strategy {name!r} failed {when}: {type(error).__name__}: {error} ({place}). "
            "Mend the strategy."
        )
        raise StrategyError(text) from error


def _place(trace: TracebackType | None) -> str | None:
    """Return "file, line n" of the user's file in a traceback: the first that is neither
    backtrader's nor ours.

    Where there is none, that of an indicator of backtrader's in which it failed;
    None if it failed in our own code.
    """
    theirs = str(Path(bt.__file__).parent)
    own = str(Path(__file__).parent)
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(trace)]
    users = [(file, line) for file, line in frames if not file.startswith((theirs, own))]
    if not users:
        file, line = frames[-1]
        return f"backtrader's {Path(file).name}, line {line}" if file.startswith(theirs) else None
    file = users[0][0]
    return f"{file}, line {[line for other, line in users if other == file][-1]}"


def _check_agrees(result: BacktestResult, broker: RecordingBroker) -> None:
    """Refuse an account rebuilt from the fills that is not the broker's own."""
    pairs = {
        "equity": (result.final_equity, float(broker.getvalue())),
        "borrow": (result.borrow, float(sum(broker.d_credit.values()))),
    }
    for what, (rebuilt, genuine) in pairs.items():
        if not math.isclose(rebuilt, genuine, rel_tol=1e-9, abs_tol=1e-9 * result.cash):
            raise StrategyError(
                f"strategy {result.strategy!r}: {what} is {rebuilt!r} by its fills, {genuine!r} "
                "by the broker. A strategy may send orders, but not add cash or change the broker; "
                "if it does neither, report a bug."
            )
