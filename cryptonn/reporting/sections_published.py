"""The part of the report about an earlier system: its own figure, what that gives here,
and what is left of it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from cryptonn.evaluation.published import PUBLISHED_MEANINGS, worth_of_ties
from cryptonn.reporting.formatting import count, number, percent, signed_percent
from cryptonn.reporting.grid import Cell, Grid
from cryptonn.reporting.words import IN_SAMPLE
from cryptonn.runs import Run

__all__ = ["Published", "make_published", "published_line"]

_FAILED = 5e-4
"""A train loss that ends no further than this below ln 2 has not come down;
dropout alone may hold it there.
"""
_NEVER_TRADED = (
    "Nothing of the reproduction was traded, nor could it be: its leaks are known to this "
    "comparison alone. Only the run's own network trades."
)


@dataclass(frozen=True)
class Published:
    """An earlier system's figure beside ours."""

    system: str
    sentences: tuple[str, ...]
    leaks: tuple[str, ...]
    grid: Grid | None
    meanings: tuple[tuple[str, str], ...]


def make_published(run: Run) -> Published | None:
    """Lay the earlier system's figure beside what it gives here and what is left of it;
    None without one.
    """
    if run.published is None:
        return None
    numbers = _numbers(run)
    return Published(
        system=str(run.published["system"]),
        sentences=tuple(_sentences(run, numbers)),
        leaks=tuple(run.published.get("leaks") or ()),
        grid=_grid(run, numbers) if numbers or _figure(run) is not None else None,
        meanings=tuple(PUBLISHED_MEANINGS.items()) if numbers else (),
    )


def published_line(run: Run) -> str:
    """Say in one line what was published, what it gives here, and what is left;
    nothing without a published system.
    """
    if run.published is None:
        return ""
    numbers = _numbers(run)
    here = (
        [f"reproduced as published{_shortened(run)} {percent(numbers['accuracy'])}"]
        if numbers
        else []
    )
    here = [f"{text} ({_span(numbers, 'accuracy')})" for text in here]
    honest = [
        f"{period} {percent(found['accuracy_on_moves'])}" for period, found in _honest(run).items()
    ]
    judged = [f"honestly, on moves: {', '.join(honest)}"] if honest else []
    return f"{'; '.join([_claim(run), *here, *judged])}."


def _numbers(run: Run) -> dict[str, float]:
    kept: Mapping[str, float | None] = (run.published or {}).get("numbers") or {}
    return {name: math.nan if value is None else float(value) for name, value in kept.items()}


def _figure(run: Run) -> float | None:
    figure = (run.published or {}).get("figure")
    return None if figure is None else float(figure)


def _claim(run: Run) -> str:
    figure = _figure(run)
    metric = str((run.published or {}).get("metric") or "")
    if figure is None:
        return f"Published: {metric or 'no figure'}"
    return f"Published: {_share_or_number(figure)}{f' ({metric})' if metric else ''}"


def _share_or_number(figure: float) -> str:
    return percent(figure) if 0 < figure <= 1 else number(figure)


def _honest(run: Run) -> dict[str, Mapping[str, float]]:
    """Return the network's metrics on the run file's test periods,
    or on validation where it names none.
    """
    names = [name for name in run.config.data.test if name in run.assessments] or ["validation"]
    found = {name: run.assessments.get(name, {}).get("network") for name in names}
    return {
        name: assessment.metrics for name, assessment in found.items() if assessment is not None
    }


def _sentences(run: Run, numbers: Mapping[str, float]) -> Iterator[str]:
    yield f"{_claim(run)}."
    if numbers:
        span = (
            f"({_span(numbers, 'accuracy')}, {count(numbers['windows'])} "
            f"windows){_fits(run, numbers)}"
        )
        yield (
            f"Reproduced as published here{_shortened(run)}: {percent(numbers['accuracy'])} {span}."
        )
    else:
        yield (
            "It is not trained apart: this run is what was published, split in time order and "
            "purged."
        )
    honest = _honest(run)
    if honest:
        yield _judged(run, honest)
    if numbers:
        yield from _ties(run, numbers)
        yield from _failure(run, numbers)
        yield _NEVER_TRADED


def _fits(run: Run, numbers: Mapping[str, float]) -> str:
    """Say whether the figure that was quoted lies within what so many windows can tell."""
    figure = _figure(run)
    low = numbers["accuracy_low"]
    high = numbers["accuracy_high"]
    if figure is None or math.isnan(low) or not 0 < figure <= 1:
        return ""
    return (
        f"; the figure that was quoted lies {'inside' if low <= figure <= high else 'outside'} "
        "that interval"
    )


def _shortened(run: Run) -> str:
    """Say for how many epochs the earlier system was trained,
    where that is not as many as it had.
    """
    record = run.published or {}
    epochs = record.get("epochs")
    full = record.get("full_epochs")
    return (
        f" (trained for {epochs} of its {full} epochs)"
        if epochs and full and epochs != full
        else ""
    )


def _judged(run: Run, honest: Mapping[str, Mapping[str, float]]) -> str:
    found = [
        (
            f"{percent(metrics['accuracy_on_moves'])} of moves right on {period} "
            f"({_span(metrics, 'accuracy_on_moves')})"
        )
        for period, metrics in honest.items()
    ]
    text = f"This run, honestly split and judged{_own(run)}: {'; '.join(found)}."
    if run.config.is_regression:
        return text
    alike = [
        f"{percent(metrics['balanced_accuracy_published'])} on {period}"
        for period, metrics in honest.items()
    ]
    return (
        f"{text} With ties up and both classes balanced, as earlier systems count, that is "
        f"{', '.join(alike)}."
    )


def _own(run: Run) -> str:
    """Name the sections in which the run differs from the earlier system besides its leaks."""
    if run.config.published is None or not run.config.published.reproduce:
        return ""
    sections = ("data", "features", "labels", "network", "training")
    ours = run.config.model_copy(update={"data": run.config.data.model_copy(update={"test": {}})})
    earlier = run.config.as_published()
    own = [name for name in sections if getattr(ours, name) != getattr(earlier, name)]
    same = [name for name in ("data", "network") if name not in own]
    parts = [f"the same {' and '.join(same)}"] if same else []
    parts += [f"{', '.join(own)} of its own"] if own else []
    return f" ({'; '.join(parts)})" if parts else ""


def _ties(run: Run, numbers: Mapping[str, float]) -> Iterator[str]:
    """Say how much of the figure is telling windows that will not move from those that will."""
    labels = run.config.as_published().labels
    share, moves, ties = (
        numbers[name] for name in ("ties_share", "moves_called_up", "ties_called_up")
    )
    if labels.ties == "exclude" or not share > 0 or math.isnan(moves) or math.isnan(ties):
        return
    yield (
        f"{percent(share)} of its windows do not move and count as {labels.ties}. It says up of "
        f"{percent(ties)} of these and of {percent(moves)} of those that "
        f"move{_recognised(numbers, ties=labels.ties)}. On moves alone it is right in "
        f"{percent(numbers['accuracy_on_moves'])} "
        f"({_span(numbers, 'accuracy_on_moves')}){_base(run, share)}."
    )


def _recognised(numbers: Mapping[str, float], *, ties: str) -> str:
    """Say whether the network tells windows that will not move from those that will,
    and what that is worth.
    """
    worth, low, high = worth_of_ties(numbers, ties=ties)
    if math.isnan(worth):
        return ", too few to tell them apart"
    ends = (
        f"{signed_percent(worth)} (95 % interval {signed_percent(low)} to {signed_percent(high)})"
    )
    if low > 0:
        return (
            ", so part of the figure is recognising minutes that will not move, which cannot be "
            f"traded: {ends} of windows"
        )
    return (
        ", too little a difference to say that it recognises them; telling them apart is worth "
        f"{ends} of windows"
    )


def _base(run: Run, ties_share: float) -> str:
    """Say what always saying the same gets on the moves of windows balanced with their ties."""
    published = run.config.published
    if published is None or published.leaks.balance != "both" or not 0 < ties_share < 0.5:
        return ""
    other = "down" if run.config.as_published().labels.ties == "up" else "up"
    return f", where always saying {other} gets {percent(0.5 / (1 - ties_share))}"


def _failure(run: Run, numbers: Mapping[str, float]) -> Iterator[str]:
    first = numbers["loss_start"]
    last = numbers["loss_end"]
    toss = math.log(2)
    learnt = numbers["accuracy_low"] > 0.5 or last < toss - _FAILED
    if run.config.as_published().training.loss != "crossentropy" or learnt:
        return
    yield (
        f"Its train loss did not come below ln 2 = {toss:.4f}, that of always saying one half "
        f"({first:.4f} after the first epoch, {last:.4f} after the last), and its accuracy is one "
        "that a coin reaches: a failed training, evidence of nothing."
    )


def _span(found: Mapping[str, float], name: str) -> str:
    low, high = found[f"{name}_low"], found[f"{name}_high"]
    return (
        "no interval"
        if math.isnan(low) or math.isnan(high)
        else f"95 % interval {percent(low)} to {percent(high)}"
    )


_HEAD = (
    ("", ""),
    ("bars or windows", "as many as were judged"),
    ("as published", "accuracy as it was published: ties labelled, classes balanced"),
    (
        "on moves",
        "share of moves predicted right: ties left out, no class dropped from an honest run",
    ),
    ("ties", "share of bars or windows whose close does not change"),
)
_KEYS = (
    "rows",
    "as_published",
    "accuracy_on_moves",
    "accuracy_on_moves_low",
    "accuracy_on_moves_high",
    "ties_share",
)


def _grid(run: Run, numbers: Mapping[str, float]) -> Grid:
    lines: dict[str, dict[str, float]] = {}
    figure = _figure(run)
    if figure is not None:
        lines["published"] = {"as_published": figure}
    if numbers:
        here = {"rows": numbers["windows"], "as_published": numbers["accuracy"]}
        lines["reproduced here, as published"] = {**numbers, **here}
    for period, metrics in _judged_periods(run):
        lines[f"this run, {period}"] = {
            **metrics,
            "as_published": metrics["balanced_accuracy_published"],
        }
    frame = pd.DataFrame.from_records(list(lines.values()), columns=list(_KEYS))
    frame.index = pd.Index(lines, name="what")
    rows = tuple((Cell(what), *_cells(found)) for what, found in lines.items())
    return Grid(
        name="published",
        title="Published, reproduced, honest",
        note="Small print: 95 % intervals, allowing for overlap.",
        head=_HEAD,
        rows=rows,
        frame=frame,
        own=frozenset(place for place, what in enumerate(lines) if what.startswith("this run")),
    )


def _judged_periods(run: Run) -> Iterator[tuple[str, Mapping[str, float]]]:
    for period in ("validation", *(name for name in run.assessments if name != "validation")):
        assessment = run.assessments.get(period, {}).get("network")
        if assessment is not None:
            yield (
                (f"{period}, {IN_SAMPLE}" if run.in_sample(period) else period),
                assessment.metrics,
            )


def _cells(found: Mapping[str, float]) -> Iterator[Cell]:
    yield Cell(count(found.get("rows")))
    yield (
        _with_span(found, "as_published", stem="accuracy")
        if "windows" in found
        else _plain(found, "as_published")
    )
    yield _with_span(found, "accuracy_on_moves", stem="accuracy_on_moves")
    yield _plain(found, "ties_share")


def _plain(found: Mapping[str, float], name: str) -> Cell:
    return Cell(percent(found.get(name)))


def _with_span(found: Mapping[str, float], name: str, *, stem: str) -> Cell:
    low, high = found.get(f"{stem}_low", math.nan), found.get(f"{stem}_high", math.nan)
    return Cell(
        percent(found.get(name)),
        note="" if math.isnan(low) else f"{percent(low)} to {percent(high)}",
    )
