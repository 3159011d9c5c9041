"""What a run needs, looked at before anything is trained: an hour of training is not lost
to a short test period.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import DataError, OutputError
from cryptonn.evaluation.rows import rows_of
from cryptonn.judging import Asked
from cryptonn.learning.features import check_features
from cryptonn.learning.material import material_of
from cryptonn.learning.rows import Rows
from cryptonn.learning.scaling import warm_up
from cryptonn.market.candles import Frame
from cryptonn.published import check_claim
from cryptonn.trading.backtest import check_start
from cryptonn.trading.costs import costs_for
from cryptonn.trading.strategies import (
    check_strategies,
    load_strategy,
    strategy_files,
    strategy_parameters,
)
from cryptonn.units import counted
from cryptonn.versions import check_backend

__all__ = [
    "check_judged",
    "check_room",
    "check_rows",
    "check_settings",
    "check_starts",
    "check_traders",
    "room_needed",
]

_MIB = 1024**2
_ROOM = 64 * _MIB
"""Network, log of the training and report, in bytes."""
_PER_BAR = 64
"""Predictions of a held-out bar, in bytes."""
_PER_BAR_TRADED = 24
"""Time, equity and position at a bar of one backtest, in bytes."""
_STARTING_BARS = 1000
"""A strategy is made on so many bars; it trades none of them."""


def check_settings(config: RunConfig) -> None:
    """Refuse what the run file names and nobody could do, candles aside: strategies,
    fees, features, claims.

    Raises
    ------
    StrategyError
        If a strategy cannot be loaded, or does not know a parameter.
    ConfigError
        If a fee or a feature is none, ``[published]`` asks for what cannot be reproduced,
        or the library under Keras is not supported.
    """
    wanted = config.backtest
    check_backend()
    check_strategies((wanted.strategy, *wanted.compare), wanted.parameters)
    _check_fees(config, wanted.fees)
    check_features(config.features)
    check_claim(config)


def check_traders(config: RunConfig, asked: Asked) -> None:
    """Refuse strategies and fees of a command that cannot trade the run of ``config``;
    see ``check_settings``.
    """
    parameters = config.backtest.parameters
    for name, file in strategy_files(asked.strategies).items():
        strategy_parameters(load_strategy(file), parameters.get(name, {}), {}, name=name)
    _check_fees(config, asked.fees)


def _check_fees(config: RunConfig, fees: Iterable[str]) -> None:
    for label in fees:
        costs_for(config.costs, label)


def check_rows(rows: Rows, config: RunConfig) -> None:
    """Refuse rows that cannot be learnt from, and held-out periods that cannot be judged.

    Raises
    ------
    DataError
        As ``fit_model``; or if a period has no row with both a probability and a move,
        or moves one way only.
    """
    material_of(rows.features, rows.labels, rows.split, config, rows.close)
    check_judged(rows, config)


def check_judged(rows: Rows, config: RunConfig) -> None:
    """Refuse held-out periods that cannot be judged, whatever the network will say;
    see ``check_rows``.
    """
    known = (
        warm_up(rows.features) + config.training.lookback - 1
    )  # the first bar with a probability
    proba = pd.Series(0.5, index=rows.features.index)
    proba.iloc[:known] = np.nan
    for name, period in rows.held_out.items():
        try:
            rows_of(proba.iloc[period], rows.labels[["move", "tie"]].iloc[period])
        except DataError as error:
            raise DataError(
                f"{_period_words(name, config)}: {error} Here lookback is "
                f"{counted(config.training.lookback, 'bar')} and horizon "
                f"{counted(config.labels.horizon, 'bar')}."
            ) from error


def _period_words(name: str, config: RunConfig) -> str:
    if name in config.data.test:
        return f"test period {name!r} ({config.data.test[name]})"
    share = f"{100 * config.split.validation:g} %"
    return f"validation (split.validation, the last {share} of train {config.data.train})"


def check_starts(frame: Frame, config: RunConfig) -> None:
    """Make every strategy of the run once, as a backtest does before its first bar.

    Raises
    ------
    StrategyError
        If the constructor of one fails; says where.
    """
    wanted = config.backtest
    candles = frame.candles(config.data.target).iloc[:_STARTING_BARS]
    defaults = {
        "hold": config.hold,
        "seed": config.seed,
        "direction": config.signal.direction,
        "trades": 1,
    }
    for name, file in strategy_files((wanted.strategy, *wanted.compare)).items():
        check_start(
            candles,
            strategy=load_strategy(file),
            parameters=wanted.parameters.get(name, {}),
            defaults=defaults,
            name=name,
        )


def room_needed(rows: Rows, config: RunConfig) -> int:
    """Return about how many bytes the folder of a run takes."""
    bars = {name: len(rows.close.iloc[period]) for name, period in rows.held_out.items()}
    tested = sum(bars[name] for name in rows.split.test)
    wanted = config.backtest
    backtests = len({wanted.strategy, *wanted.compare}) * len(set(wanted.fees))
    return _ROOM + _PER_BAR * sum(bars.values()) + _PER_BAR_TRADED * backtests * tested


def check_room(folder: Path, *, needed: int) -> None:
    """Refuse a disk that has no room for a run; ``folder`` exists, ``needed`` is in bytes.

    Raises
    ------
    OutputError
        If less than ``needed`` is free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder.parent}: a run like this takes about {_mib(needed)}, and {_mib(free)} are "
            "free on that disk. Make room or choose another folder with --results, then run again."
        )


def _mib(size: int) -> str:
    return f"{size / _MIB:,.0f} MiB"
