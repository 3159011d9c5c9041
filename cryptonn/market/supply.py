"""All candles there are of one symbol, wherever they lie, and whether they reach
as far as a run needs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.errors import DataError
from cryptonn.market.bars import time_index, time_text, timeframe_delta, times_of
from cryptonn.market.store.health import candles_sha256
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig
from cryptonn.units import counted

__all__ = [
    "HOLE",
    "SLACK",
    "Supply",
    "left_in",
    "refuse_hole",
    "select",
    "supplied",
    "whole_range",
]

SLACK = pd.Timedelta(days=1)
"""So much of a range (or one bar, if that is longer) may be absent at either end before the range
counts as lacking: nobody traded, or the bar was not whole.
"""
HOLE = pd.Timedelta(days=7)
"""A hole longer than this (or one bar) inside a train or test range is candles that were never
fetched, not an outage.
"""


@dataclass(frozen=True, eq=False)
class Supply:
    """Candles of one symbol at the timeframe of the run."""

    name: str
    """Where from, which symbol, which timeframe: "bitfinex ETH/USD 1m"."""
    place: str
    """Ends the sentence "the range is not …": "stored", "in the files"."""
    holder: str
    """Begins the sentence that says what there is: "The store holds", "The files hold"."""
    candles: pd.DataFrame
    timeframe: str
    origin: Mapping[str, Any]
    """What a run records of where they come from: exchange, repairs, notes; fit for JSON."""
    remedy: Callable[[TimeRange], str]
    """Says how to get the candles of a range."""
    extras: pd.DataFrame | None = None
    """Of Binance's klines, on the times of the candles, if the run reads them."""

    def __str__(self) -> str:
        first, last = time_text(self.candles.index[0]), time_text(self.candles.index[-1])
        return f"{self.name}, {first} to {last} ({counted(len(self.candles), 'bar')})"


def whole_range(config: DataConfig) -> TimeRange:
    """Return the stretch from the start of a run's train range to the end of its last
    test range.
    """
    ends = [period.end for period in (config.train, *config.test.values())]
    return TimeRange(
        config.train.start, None if None in ends else max(end for end in ends if end is not None)
    )


def supplied(supply: Supply, config: DataConfig) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the candles a run uses and what is to be known of them.

    Between the train and test ranges candles may be lacking, within them they may not.
    What ``data.leave_out`` takes away may be of any length.

    Returns
    -------
    candles
        Those that open in the stretch of ``whole_range``, without those left out.
    facts
        ``exchange``, ``rows``, ``first``, ``last`` (UTC texts) and ``sha256`` of the candles,
        and the rest of their origin. With extras the sha256 is over both, and ``extras``
        names their columns.

    Raises
    ------
    DataError
        If a range is not covered (see ``SLACK``), or has a hole (see ``HOLE``).
    """
    candles = select(supply, whole_range(config))
    for name, period in {"train": config.train, **config.test}.items():
        refuse_hole(select(supply, period), supply, f"{name} ({period})")
    extras = supply.extras
    candles = left_in(candles, config, source=supply.name)
    return candles, {
        "exchange": supply.origin["exchange"],
        "rows": len(candles),
        "first": time_text(candles.index[0]),
        "last": time_text(candles.index[-1]),
        "sha256": candles_sha256(candles if extras is None else candles.join(extras)),
        **({} if extras is None else {"extras": list(extras.columns)}),
        **supply.origin,
    }


def left_in(table: pd.DataFrame, config: DataConfig, *, source: str) -> pd.DataFrame:
    """Return the rows of a time-indexed table that lie in no stretch of ``data.leave_out``.

    Raises
    ------
    DataError
        If none does; the message names the source.
    """
    left = table
    for stretch in config.leave_out:
        left = left.drop(index=stretch.select(left).index)
    if left.empty and not table.empty:
        said = ", ".join(str(stretch) for stretch in config.leave_out)
        raise DataError(
            f"{source}: data.leave_out ({said}) leaves no candle. Leave out less, "
            "or choose other dates."
        )
    return left


def select(supply: Supply, timerange: TimeRange) -> pd.DataFrame:
    """Return the candles of a range; raises ``DataError`` if it is not covered."""
    part = timerange.select(supply.candles)
    bar = timeframe_delta(supply.timeframe)
    slack = max(SLACK, bar)
    late = timerange.start is not None and (part.empty or part.index[0] > timerange.start + slack)
    early = timerange.end is not None and (
        part.empty or part.index[-1] + bar < timerange.end - slack
    )
    if part.empty or late or early:
        inside = (
            f"nearest {time_text(part.index[0])} to {time_text(part.index[-1])}"
            if len(part)
            else "nothing in it"
        )
        raise DataError(
            f"The range {timerange} is not {supply.place} ({inside}). {supply.holder} {supply}. "
            f"{supply.remedy(timerange)}"
        )
    return part


def refuse_hole(candles: pd.DataFrame, supply: Supply, period: str) -> None:
    """Raise ``DataError`` if candles of a supply have a hole (see ``HOLE``);
    the message begins with the period.
    """
    spacings = np.diff(times_of(time_index(candles)))
    longest = int(spacings.argmax()) if len(spacings) else 0
    if len(spacings) and pd.Timedelta(int(spacings[longest]), "ns") > max(
        HOLE, timeframe_delta(supply.timeframe)
    ):
        start = candles.index[longest]
        end = candles.index[longest + 1]
        raise DataError(
            f"{period}: {supply.name} has no candle between {time_text(start)} "
            f"and {time_text(end)}. {supply.remedy(TimeRange(start, end))}"
        )
