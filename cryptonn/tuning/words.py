"""What a search came to, in sentences for somebody who has never seen one."""

import math
from collections import Counter
from statistics import NormalDist, median

from cryptonn.tuning.advisor import best_is_lowest
from cryptonn.tuning.mattered import is_whole_grid, learned, shares, unlearned
from cryptonn.tuning.records import Record
from cryptonn.tuning.space import choice_text, words_of
from cryptonn.tuning.study import Study

__all__ = ["sentences", "tried", "value_text"]

_NAMES = {
    "val_loss": "validation loss",
    "val_accuracy": "accuracy on moves",
    "auc": "AUC",
    "accuracy": "accuracy counted as published",
}
_CHANCE_WORDS = "0.6931 (crossentropy, ln 2) or 0.25 (mse)"
_EARLY = 10
"""A best epoch within this part of all of them is an early one."""
_YARDSTICK = ("labels.", "split.", "data.train", "data.target", "data.timeframe")
"""Settings that change which rows are judged, or what is asked of them."""


def value_text(metric: str, value: float | None) -> str:
    """Return a value of a metric as it is printed."""
    if value is None:
        return "n/a"
    return f"{value:.2%}" if metric in ("val_accuracy", "accuracy") else f"{value:.5f}"


def sentences(study: Study) -> list[str]:
    """Say what was tried, what is best, how sure that is, what mattered,
    and what must not be read into it.
    """
    best = study.best
    if best is None:
        return [tried(study)]
    found = [
        tried(study),
        _best(study, best),
        *_unlearned(study),
        _luck(study, best),
        _mattered(study),
    ]
    return [
        one
        for one in (*found, *_medians(study), _early(study), _yardstick(study), _caveat(study))
        if one
    ]


def tried(study: Study) -> str:
    """Say how many settings were tried, and what failed."""
    counts = Counter(record.state for record in study.records.values())
    states = ", ".join(
        f"{counts[name]} {name}" for name in ("complete", "pruned", "failed") if counts[name]
    )
    reasons = Counter(
        record.reason for record in study.records.values() if record.state == "failed"
    )
    failed = "".join(
        f" Failed: {reason}" + (f" ({many} times)" if many > 1 else "")
        for reason, many in reasons.items()
    )
    return (
        f"{len(study.records)} of {study.total} settings tried: "
        f"{states or 'none has ended yet'}.{failed}"
    )


def _best(study: Study, best: Record) -> str:
    metric = study.search.metric
    way = "lowest" if best_is_lowest(metric) else "highest"
    words = f"The {way} {_NAMES[metric]}, {value_text(metric, best.value)}"
    came = f"came with {words_of(best.choices)} (trial {best.number})"
    name, low, high = _measured(study, best)
    if low is None or high is None:
        return f"{words}, {came}."
    if name == study.metric:
        return f"{words} (95 % interval {low:.2%} to {high:.2%}), {came}."
    right = best.metrics[name]
    return (
        f"{words}, {came}: {right:.2%} of the moves in the validation rows were called right, 95 % "
        f"interval {low:.2%} to {high:.2%}."
    )


def _measured(study: Study, record: Record) -> tuple[str, float | None, float | None]:
    """Return a number of a trial that has an interval, and that: its value where it has one,
    or what comes nearest.
    """
    name = study.metric if study.interval(record)[0] is not None else "accuracy_on_moves"
    return name, record.metrics.get(f"{name}_low"), record.metrics.get(f"{name}_high")


def _luck(study: Study, best: Record) -> str:
    """Say how far ahead of the others luck alone would put the best of so many."""
    name, low, high = _measured(study, best)
    values = [one.metrics.get(name, math.nan) for one in learned(study)]
    if len(values) < 2 or low is None or high is None or best not in learned(study):
        return ""
    inside = sum(low <= value <= high for value in values) - 1
    count = len(values)
    middle = median(values)
    error = (high - low) / 2 / NormalDist().inv_cdf(0.975)
    first = middle + error * NormalDist().inv_cdf(
        (count - 0.375) / (count + 0.25)
    )  # mean of the largest (Blom 1958)
    return (
        f"{inside} of the other {count - 1} lie inside that interval. Were all {count} equally "
        f"good, at their median of {middle:.2%}, and each judged on rows of its own, luck would "
        f"put the best of them at about {first:.2%} on average; on rows they share it does less."
    )


def _mattered(study: Study) -> str:
    found = shares(study)
    if not found:
        return ""
    parts = [
        f"{name} {share:.0%}" for name, share in sorted(found.items(), key=lambda one: -one[1])
    ]
    how = "analysis of variance" if is_whole_grid(study) else "an estimate, fANOVA"
    rest = max(1 - sum(found.values()), 0)
    return (
        f"Of the differences between trials so much goes with one setting alone ({how}): "
        f"{', '.join(parts)}; the other {rest:.0%} with several together, and with luck."
    )


def _medians(study: Study) -> list[str]:
    """Give the median value by choice of each axis, where others vary besides."""
    lines = []
    for axis in study.varied:
        by_choice: dict[object, list[float]] = {choice: [] for choice in axis.choices}
        for record in learned(study):
            by_choice.setdefault(record.choices[axis.name], []).append(float(record.value or 0))
        by_choice = {choice: values for choice, values in by_choice.items() if values}
        if len(study.varied) > 1 and 1 < len(by_choice) < len(learned(study)):
            metric = study.search.metric
            middle = [
                f"{choice_text(choice)}: {value_text(metric, median(values))} (of {len(values)})"
                for choice, values in by_choice.items()
            ]
            lines.append(f"{axis.name}, median {_NAMES[metric]}: {'; '.join(middle)}.")
    return lines


def _unlearned(study: Study) -> list[str]:
    """Name the trials whose training failed although it ended:
    their value says nothing about their settings.
    """
    return [
        _failed_trainings(what, records) for what, records in unlearned(study).items() if records
    ]


def _failed_trainings(what: str, records: list[Record]) -> str:
    first = f"Trial {records[0].number} ({words_of(records[0].choices)})"
    more = [f"trial {record.number}" for record in records[1:]]
    names = f"{', '.join([first, *more[:-1]])} and {more[-1]}" if more else first
    lowest = min(float(record.history["loss"].min()) for record in records)
    return (
        f"{names} {what}: no train loss came below {lowest:.5g}, and always saying one half has "
        f"{_CHANCE_WORDS}. That is a failed training, no evidence about settings: it is left out "
        "of what follows."
    )


def _early(study: Study) -> str:
    """Say so where most networks were best before a tenth of their epochs was over."""
    epochs = max(len(record.history) for record in study.done)
    early = [record for record in study.done if (record.best_epoch or epochs) * _EARLY <= epochs]
    if epochs < _EARLY or 2 * len(early) <= len(study.done):
        return ""
    last = max(record.best_epoch or 0 for record in early)
    when = "the first" if last == 1 else f"one of the first {last}"
    return (
        f"{len(early)} of {len(study.done)} were best after {when} of {epochs} epochs: from then "
        "on they learn the train rows by heart, so a search over smaller networks or learning "
        "rates may say more than further epochs."
    )


def _yardstick(study: Study) -> str:
    changed = sorted(key for axis in study.axes for key in axis.keys if key.startswith(_YARDSTICK))
    if not changed:
        return ""
    return (
        f"{', '.join(changed)} changes which rows are judged or what is asked of them: the trials "
        "answer different questions, and the best answer may only be that to the easiest one."
    )


def _caveat(study: Study) -> str:
    if study.search.of == "published":
        let = _leaks(study)
        return (
            f"THESE NUMBERS LEAK: they repeat an earlier system's own evaluation{let}. They are a "
            "comparison with what it published; nothing is selected by them and no run file is "
            "written."
        )
    before = study.tried_before
    many = (
        f"{len(study.records)} (and of {before} others tried on the same rows)"
        if before
        else len(study.records)
    )
    return (
        f"The best of {many} was chosen on the very rows it is quoted on, so expect less "
        f"elsewhere. No test row was looked at: `cryptonn run {study.folder / 'best.toml'}` judges "
        "it on those."
    )


def _leaks(study: Study) -> str:
    """Name the leaks that every trial has, and that there are some that not all have."""
    published = study.config.published
    prefix = "published.leaks."
    if published is None:
        return ""
    keys = [key for axis in study.axes for key in axis.keys]
    varied = [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
    indicators = any(one.settings.get("features.ta", study.base.features.ta) for one in study.done)
    found = [*published.leaks.words(indicators=indicators, but=varied)]
    found += ["and what the trials vary"] if varied else []
    return f" ({'; '.join(found)})" if found else ""
