"""What was wanted at the bars decided on so far, held against what would be wanted of them now."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import pandas as pd

from cryptonn.errors import StrategyError
from cryptonn.market.bars import time_index, time_text, times_of
from cryptonn.paper.wishes import Inputs
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.wish import Wish

__all__ = ["Past"]

_MILLISECOND = 1_000_000
"""Nanoseconds."""


class Past:
    """Remembers what was wanted at each bar, and tells a strategy that looks ahead from one that
    wants something else.

    Parameters
    ----------
    replay
        Gives what the backtest of all bars wants at each.
    name
        Of the strategy, in errors.
    """

    def __init__(
        self, replay: Callable[[Inputs], list[Wish]], *, name: str, rules: MarketRules
    ) -> None:
        self._replay = replay
        self._name = name
        self._rules = rules
        self._wanted: dict[int, float] = {}
        self.note: Callable[[str], None] = lambda words: None

    def recall(self, wanted: Mapping[int, Decimal], *, note: Callable[[str], None]) -> None:
        """Take over what was wanted before a restart; see ``Decider.recall``."""
        self._wanted |= {time_ms: float(units) for time_ms, units in wanted.items()}
        self.note = note

    def check(self, inputs: Inputs, wanted: pd.Series) -> bool:
        """Tell whether at earlier bars the same is wanted as was, and remember what is wanted now.

        A wish that changed is held against a replay of the bars up to its own. Where that comes to
        what is wanted now, no later bar has a part in it, and the change is noted.

        Parameters
        ----------
        wanted
            At every bar of ``inputs``, base; index time.

        Raises
        ------
        StrategyError
            If a wish has changed with later bars: the strategy looks ahead.
        """
        times = (times_of(time_index(wanted.to_frame())) // _MILLISECOND).tolist()
        now: dict[int, float] = dict(zip(times, wanted.tolist(), strict=True))
        others = (
            time_ms for time_ms, units in self._wanted.items() if now.get(time_ms, units) != units
        )
        first = next(
            (time_ms for time_ms in others if not self._same(now[time_ms], self._wanted[time_ms])),
            None,
        )
        if first is not None:
            self._judge(
                inputs, pd.Timestamp(first, unit="ms", tz="UTC"), self._wanted[first], wanted
            )
        self._wanted |= now
        return first is None

    def _judge(self, inputs: Inputs, time: pd.Timestamp, before: float, wanted: pd.Series) -> None:
        """Note a wish of then that changed, or refuse the strategy."""
        candles, signal, proba = inputs
        then = self._replay((candles.loc[:time], signal.loc[:time], proba.loc[:time]))
        known_then = then[-1].units
        told = f"at the close of {time_text(time)} it wanted {before:.12g}"
        units = float(wanted[time])
        if not self._same(known_then, units):
            raise StrategyError(
                f"strategy {self._name!r} looks ahead: {told}, and with the bars up to "
                f"{time_text(wanted.index[-1])} known it would have wanted {units:.12g} then. What "
                "is decided at a close must not depend on later bars: mend the strategy."
            )
        self.note(
            f"strategy {self._name!r}: {told}, and a replay of the same bars wants {units:.12g}. "
            "Bar by bar it comes to something else than at once, or it was changed since; from now "
            "on it is traded as the replay says."
        )

    def _same(self, one: float, other: float) -> bool:
        return self._rules.nearest(one) == self._rules.nearest(other)
