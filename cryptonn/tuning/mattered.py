"""Which trials learned anything, and how much of their differences goes with each setting."""

import math
from collections import defaultdict
from statistics import fmean

from cryptonn.tuning.advisor import fanova
from cryptonn.tuning.records import Record
from cryptonn.tuning.space import Axis
from cryptonn.tuning.study import Study

__all__ = ["is_whole_grid", "learned", "shares", "unlearned"]

_CHANCE = {"crossentropy": math.log(2), "mse": 0.25}
"""Loss of a classifier that always says one half."""
_LEARNED = 0.9985
"""A train loss above this share of that has not moved."""
_DIVERGED = 2.0
"""One above this multiple of it has gone astray."""
_LEAST = 10
"""Trials from which fANOVA, a forest of trees, has something to estimate from."""


def unlearned(study: Study) -> dict[str, list[Record]]:
    """Return the trials that ended although their training failed, by how:
    "diverged" or "learned nothing".
    """
    found: dict[str, list[Record]] = {"diverged": [], "learned nothing": []}
    if study.base.is_regression:
        return found
    for record in study.done:
        reached = _reached(study, record)
        if reached > _LEARNED and record.metrics.get("accuracy_on_moves_low", 0.0) <= 0.5:
            found["diverged" if reached > _DIVERGED else "learned nothing"].append(record)
    return found


def learned(study: Study) -> list[Record]:
    """Return the other trials that ended well: those whose value says something about their
    settings.
    """
    failed = {record.number for records in unlearned(study).values() for record in records}
    return [record for record in study.done if record.number not in failed]


def shares(study: Study) -> dict[str, float]:
    """Return the share of the differences in value that goes with each setting alone.

    What is missing from 1 goes with several settings together, and with luck. Of a whole grid it is
    each setting's sum of squares over the total one, as in the analysis of variance of a balanced
    design; otherwise fANOVA's estimate (Hutter, Hoos and Leyton-Brown 2014). Failed trainings are
    left out. Empty where it cannot be said: fewer than two axes, too few trials, or all equally
    good.
    """
    records = learned(study)
    axes = [
        axis
        for axis in study.varied
        if len({str(record.choices[axis.name]) for record in records}) > 1
    ]
    if len(axes) < 2 or len({record.value for record in records}) < 2:
        return {}
    if is_whole_grid(study):
        return {axis.name: _explained(records, axis) for axis in axes}
    if len(records) < _LEAST:
        return {}
    tried = [(record.choices, float(record.value or 0)) for record in records]
    return fanova(study.varied, tried, wanted=[axis.name for axis in axes], seed=study.base.seed)


def is_whole_grid(study: Study) -> bool:
    """Tell whether every combination of the choices was tried and learned something."""
    if any(axis.range is not None for axis in study.varied):
        return False
    tried = {
        tuple(str(record.choices[axis.name]) for axis in study.varied) for record in learned(study)
    }
    return (
        len(tried) == len(learned(study)) == math.prod(len(axis.choices) for axis in study.varied)
    )


def _explained(records: list[Record], axis: Axis) -> float:
    """Return the share of the sum of squares that lies between the means of an axis' choices."""
    values = defaultdict(list)
    for record in records:
        values[str(record.choices[axis.name])].append(float(record.value or 0))
    middle = fmean(value for of_choice in values.values() for value in of_choice)
    total = sum((value - middle) ** 2 for of_choice in values.values() for value in of_choice)
    return (
        sum(len(of_choice) * (fmean(of_choice) - middle) ** 2 for of_choice in values.values())
        / total
    )


def _reached(study: Study, record: Record) -> float:
    """Return the lowest train loss, as a multiple of that of always saying one half."""
    chance = _CHANCE[record.settings.get("training.loss", study.base.training.loss)]
    return float(record.history["loss"].min()) / chance if len(record.history) else 0.0
