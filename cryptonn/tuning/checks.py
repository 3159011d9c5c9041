"""What is wrong with the space of a search, all of it at once, before anything is trained."""

from collections.abc import Collection, Iterator
from typing import Any

from cryptonn.config import unknown_setting
from cryptonn.settings import RangeConfig, SearchConfig

__all__ = ["NOT_TRAINED", "problems_of"]

NOT_TRAINED = (
    "name",
    "description",
    "signal",
    "costs",
    "backtest",
    "report",
    "search",
    "selection",
    "data.test",
)
"""What no training depends on."""

_STRATEGIES = "On a trained run, `cryptonn compare RUN --strategies` tries strategies."
_COMMISSIONS = "On a trained run, `cryptonn compare RUN --fees 5bp,10bp` tries commissions."
_TRIED_BY = {
    "backtest.strategy": _STRATEGIES,
    "backtest.compare": _STRATEGIES,
    "backtest.fees": "On a trained run, `cryptonn compare RUN --fees` tries fees.",
    "costs.maker": _COMMISSIONS,
    "costs.taker": _COMMISSIONS,
    "data.test": "On a trained run, `cryptonn compare RUN --timerange` trades other stretches.",
}
"""What of it a command tries on a run that is trained already."""


def problems_of(search: SearchConfig) -> list[str]:
    """Name what cannot be: an axis that has no value, repeats one or mixes tables and values, a key
    that is no setting, is set by two axes or changes nothing that is trained, a metric that cannot
    compare the trials.
    """
    owners: dict[str, str] = {}
    found: list[str] = []
    for axis, values in search.space.items():
        found += _of_values(axis, values)
        for key in _keys(axis, values):
            found += _of_key(key, axis, of=search.of)
            if owners.setdefault(key, axis) != axis:
                found.append(
                    f"{key} is set by two axes, {owners[key]} and {axis}. Keep one of them."
                )
    return [*found, *_of_yardstick(search, owners)]


def _keys(axis: str, values: list[Any] | RangeConfig) -> list[str]:
    """Return the settings that an axis touches."""
    tables = (
        []
        if isinstance(values, RangeConfig)
        else [value for value in values if isinstance(value, dict)]
    )
    return list(dict.fromkeys(key for table in tables for key in table)) or [axis]


def _of_values(axis: str, values: list[Any] | RangeConfig) -> Iterator[str]:
    if isinstance(values, RangeConfig):
        if values.log and values.step is not None:
            yield f"{axis} has both step and log = true. Keep one of them."
        return
    if not values:
        yield f"{axis} has no value: there is nothing to try."
    if len({isinstance(value, dict) for value in values}) > 1:
        yield f"{axis} mixes tables with plain values. Make every value a table, or none."
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        yield f"{axis} has {twice[0]} twice. Leave one out: equal settings give equal results."


def _of_key(key: str, axis: str, *, of: str) -> Iterator[str]:
    where = key if key == axis else f"{key} (of {axis})"
    unknown = unknown_setting(key)
    if unknown:
        yield unknown
    elif any(key == one or key.startswith(f"{one}.") for one in NOT_TRAINED):
        yield (
            f"{where} changes nothing that is trained, so every trial would give the same. "
            f"{_instead(key)}"
        )
    elif key.split(".")[0] == "published" and of == "run":
        yield f'{where} belongs to the earlier system. Set of = "published" to vary it.'


def _instead(key: str) -> str:
    """Say what tries such a setting: a command that takes it, or run files."""
    found = [words for place, words in _TRIED_BY.items() if f"{key}.".startswith(f"{place}.")]
    return found[0] if found else "Give each value a run file of its own, and `cryptonn run` it."


def _of_yardstick(search: SearchConfig, keys: Collection[str]) -> Iterator[str]:
    if search.metric == "val_loss" and "training.loss" in keys:
        yield (
            'metric = "val_loss" cannot compare trials of different training.loss: an mse of 0.25 '
            'and a crossentropy of 0.69 are equally bad. Set metric = "val_accuracy" or "auc".'
        )
    if search.of == "published" and search.pruning != "none" and search.metric == "val_accuracy":
        yield (
            "as published, an epoch has the accuracy counted as published, but metric = "
            '"val_accuracy" is that on moves. Set pruning = "none", or metric = "val_loss".'
        )
    if search.of == "published" and search.metric == "auc":
        yield 'metric = "auc" is for of = "run"; trials as published have accuracy and val_loss.'
    if search.pruning != "none" and search.metric not in ("val_loss", "val_accuracy"):
        yield (
            f'pruning = "{search.pruning}" compares epochs, and after an epoch only val_loss and '
            f'val_accuracy are known. Set metric to one of them (it is "{search.metric}").'
        )
