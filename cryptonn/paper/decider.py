"""What to hold after a closed candle: what the run's backtest over the whole log of candles wants.

    candles → features → probability → signal → the backtest's strategy → the position it wants at
    the newest close

Nothing of a decision is state: a restart replays the log and wants the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, DataError, StrategyError
from cryptonn.heldout import signal_of
from cryptonn.learning.prediction import FittedModel, load_model
from cryptonn.market.bars import time_text, timeframe_delta
from cryptonn.market.candles import Frame
from cryptonn.market.source import reach
from cryptonn.paper.decision import Decision
from cryptonn.paper.past import Past
from cryptonn.paper.probabilities import Probabilities
from cryptonn.paper.wishes import YOUNG_BARS, Inputs, Wishes, backtest_settings
from cryptonn.runs import read_facts, read_run_config
from cryptonn.trading.backtest import run_backtest
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.running import RunningBacktest
from cryptonn.trading.strategies import load_strategy, strategy_files
from cryptonn.trading.wish import Wish

__all__ = ["Decider", "Terms", "log_start_ms", "open_decider"]

_MILLISECOND = 1_000_000
"""Nanoseconds."""


@dataclass(frozen=True)
class Terms:
    """What a session trades on."""

    rules: MarketRules
    fees: str
    """Cost scenario, such as "taker+slippage"."""
    cash: Decimal
    """Starting money, quote."""
    start_ms: int
    """Open of the first bar that is decided on. The log begins earlier, see ``log_start_ms``; those
    candles carry no decision and the backtest begins after them.
    """


def log_start_ms(config: RunConfig, start_ms: int) -> int:
    """Return the open of the first candle that a log needs for decisions from the bar of
    ``start_ms`` on.

    The network starts ``lookback`` bars before a midnight, and features with a memory need bars
    before that.
    """
    midnight = _instant(start_ms).normalize()
    return _ms(midnight - reach(config.data.timeframe, bars=config.training.lookback))


def open_decider(run: Path, terms: Terms, *, strategies: Path = Path("strategies")) -> "Decider":
    """Load model, settings and strategy of a run.

    Parameters
    ----------
    run
        Its folder.
    terms
        Of the session.
    strategies
        Folder of the strategies.

    Raises
    ------
    ConfigError
        If the run goes short, or reads more than candles.
    ModelError, StrategyError
        If model or strategy cannot be loaded.
    """
    config = read_run_config(run)
    file = strategy_files([config.backtest.strategy], folder=strategies)
    name, path = next(iter(file.items()))
    return Decider(
        load_model(run / "model"),
        enter=float(read_facts(run)["enter"]),
        strategy=load_strategy(path),
        name=name,
        reads_proba="proba" in path.read_text(encoding="utf-8"),
        terms=terms,
    )


class Decider:
    """Decides on one bar after another of a session.

    Parameters
    ----------
    model
        With the run's configuration.
    enter
        Probability at which the signal enters.
    strategy, name
        The backtrader class, and its name in errors and in ``[backtest.parameters]``.
    reads_proba
        The strategy looks at the line ``proba`` itself, so at thresholds of its own: the network is
        then always asked as the backtest does, which takes longer.
    terms
        Of the session.
    young_bars
        So many bars long the backtest is replayed whole for each decision; then it runs on, see
        ``Wishes``.

    Raises
    ------
    ConfigError
        If the run goes short, which no spot account can, or reads the extras of kline files.
    """

    def __init__(
        self,
        model: FittedModel,
        *,
        enter: float,
        strategy: type,
        name: str,
        reads_proba: bool,
        terms: Terms,
        young_bars: int = YOUNG_BARS,
    ) -> None:
        _check_config(model.config)
        self.config = model.config
        self.rules = terms.rules
        self._enter = enter
        self._start = _instant(terms.start_ms)
        self._name = name
        self._fees = terms.fees
        self._settings = backtest_settings(
            model.config, strategy, name, fees=terms.fees, cash=terms.cash, rules=terms.rules
        )
        minutes = timeframe_delta(model.config.data.timeframe) // pd.Timedelta("1min")
        self._wishes = Wishes(
            self._at_once,
            lambda: RunningBacktest(**self._settings, minutes=minutes),
            note=lambda words: self._past.note(words),
            rules=terms.rules,
            young_bars=young_bars,
        )
        self._past = Past(self._at_once, name=name, rules=terms.rules)
        leave = self.config.signal.exit_threshold
        thresholds = None if reads_proba else (enter, 1 - enter, leave, 1 - leave)
        self._probabilities = Probabilities(model, start=self._start, thresholds=thresholds)

    def decide(self, frame: Frame) -> Decision:
        """Return the decision of the newest bar of the log.

        Parameters
        ----------
        frame
            All candles of the session so far, every one of them closed; see
            ``candle_log.frame_of``.

        Raises
        ------
        DataError
            If the log begins too late for a probability, or ends before the session's first bar.
        StrategyError
            If the strategy fails, sends anything but market orders, goes short, or looks ahead:
            what it wants at an earlier bar is not what a replay wants that ends there.
        """
        newest = frame.index[-1]
        if newest < self._start:
            raise self._too_short(frame)
        proba, near = self._probabilities.of(frame)
        if np.isnan(proba.iloc[-1]):
            raise self._too_short(frame)
        inputs = self._inputs(frame, proba)
        wishes = self._wishes.of(inputs)
        table = self._table(inputs, wishes)
        self._past.check(inputs, table["wanted"])
        row = table.iloc[-1]
        return Decision(
            time_ms=_ms(newest),
            close_ms=_ms(newest + timeframe_delta(frame.timeframe)),
            proba=float(row["proba"]),
            signal=int(row["signal"]),
            wanted=self.rules.nearest(row["wanted"]),
            close=Decimal(str(row["close"])),
            near=near,
            refused=wishes[-1].refused,
        )

    def prepare(self, frame: Frame) -> None:
        """Work out what the next decision needs of the bars before it, which takes longer than one
        bar does.

        Parameters
        ----------
        frame
            All candles so far; it may end before the session's first bar.
        """
        shorter = Frame(frame.table.iloc[:-1], frame.timeframe, frame.filled.iloc[:-1])
        for known in (shorter, frame):  # the second asks the network as every further bar will
            proba, _ = self._probabilities.of(known)
        if frame.index[-1] >= self._start:
            self._wishes.of(self._inputs(frame, proba))

    def check(self, frame: Frame) -> None:
        """Replay a session that has grown old as a whole, and hold what it wanted against that; it
        takes a while.

        Where a replay of the same bars would have wanted something else, it is replayed for good.

        Raises
        ------
        StrategyError
            If the strategy looks ahead.
        """
        if self._wishes.is_running:
            inputs = self._inputs(frame, self._probabilities.of(frame)[0])
            if not self._past.check(inputs, self._table(inputs, self._at_once(inputs))["wanted"]):
                self._wishes.replay_for_good()

    def replay(self, frame: Frame) -> tuple[BacktestResult, pd.DataFrame]:
        """Return the session's backtest and what it decides at each bar, the network asked in one
        batch.

        Returns
        -------
        result
        decisions
            Index time, from the session's first bar on; columns proba, signal, wanted (Decimal,
            base), close, refused (the orders of that close that could not be sent, a tuple of
            ``RefusedOrder``).
        """
        if frame.index[-1] < self._start:
            raise self._too_short(frame)
        inputs = self._inputs(frame, self._probabilities.at_once(frame))
        result, wishes = self._replayed(inputs)
        table = self._table(inputs, wishes)
        exact = {units: self.rules.nearest(units) for units in set(table["wanted"])}
        refused = pd.Series([wish.refused for wish in wishes], index=table.index, dtype=object)
        wanted = table["wanted"].map(exact).astype(object)
        return result, table.assign(wanted=wanted, refused=refused)

    def recall(self, wanted: Mapping[int, Decimal], *, note: Callable[[str], None]) -> None:
        """Say what was wanted at bars decided on before a restart, by their open in ms; it is held
        against the log.

        ``note`` is told in words where something else is wanted now, though the strategy does not
        look ahead.
        """
        self._past.recall(wanted, note=note)

    def _inputs(self, frame: Frame, proba: pd.Series) -> Inputs:
        """Return candles, signal and P(up) from the session's first bar on."""
        proba = proba.loc[self._start :]
        signal = signal_of(proba, self.config, enter=self._enter)
        return frame.candles(self.config.data.target).loc[self._start :], signal, proba

    def _replayed(self, inputs: Inputs) -> tuple[BacktestResult, list[Wish]]:
        """Run the backtest over all bars; also give what it wants at each."""
        candles, signal, proba = inputs
        wishes: list[Wish] = []
        labels: dict[str, Any] = {"symbol": self.config.data.target, "fees": self._fees}
        result = run_backtest(
            candles, signal, proba=proba, on_close=wishes.append, **labels, **self._settings
        )
        return result, wishes

    def _at_once(self, inputs: Inputs) -> list[Wish]:
        return self._replayed(inputs)[1]

    def _table(self, inputs: Inputs, wishes: list[Wish]) -> pd.DataFrame:
        """Return columns proba, signal, wanted (float) and close."""
        candles, signal, proba = inputs
        wanted = [wish.units for wish in wishes]
        table = pd.DataFrame(
            {"proba": proba, "signal": signal, "wanted": wanted, "close": candles["close"]}
        )
        self._check_long(table["wanted"])
        return table

    def _check_long(self, wanted: pd.Series) -> None:
        if (wanted < 0).any():
            when = time_text(wanted.index[int((wanted < 0).to_numpy().argmax())])
            raise StrategyError(
                f"strategy {self._name!r} wants to be short at the close of {when}: a spot account "
                "cannot. Give it a parameter that keeps it long, or paper-trade another strategy."
            )

    def _too_short(self, frame: Frame) -> DataError:
        first, last, start = (
            time_text(time) for time in (frame.index[0], frame.index[-1], self._start)
        )
        needed = time_text(_instant(log_start_ms(self.config, _ms(self._start))))
        return DataError(
            f"the candles reach from {first} to {last}: too few to decide on the bar of {last}. "
            f"The session begins at {start} and its log at {needed} or earlier. Fetch the candles "
            "from then on."
        )


def _check_config(config: RunConfig) -> None:
    if config.signal.direction != "long":
        raise ConfigError(
            f'signal.direction = "{config.signal.direction}": a spot account cannot go short. '
            'Paper-trade a run with direction = "long".'
        )
    if config.data.extras:
        raise ConfigError(
            "data.extras = true: candles from an exchange have none of them. Train a run without."
        )


def _instant(time_ms: int) -> pd.Timestamp:
    return pd.Timestamp(time_ms, unit="ms", tz="UTC")


def _ms(time: pd.Timestamp) -> int:
    return int(time.as_unit("ns").value) // _MILLISECOND
