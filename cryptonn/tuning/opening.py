"""Opening a search: its combinations are checked, its folder is held,
and what earlier sittings left is read.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, DataError
from cryptonn.facts import code_facts
from cryptonn.settings import SearchConfig
from cryptonn.tuning.advisor import Advisor, random_choices
from cryptonn.tuning.identity import identity_of, settle
from cryptonn.tuning.lock import locked
from cryptonn.tuning.records import now
from cryptonn.tuning.space import (
    Axis,
    Choices,
    check_all,
    combinations,
    configured,
    read_axes,
    settings_of,
    words_of,
)
from cryptonn.tuning.study import Study
from cryptonn.tuning.trial import check_trial, market_of
from cryptonn.tuning.worker import environment_of
from cryptonn.versions import check_backend

__all__ = ["Sitting", "open_study"]


@dataclass(frozen=True)
class Sitting:
    """How a search is gone on with this time."""

    threads: int = 1
    """That TensorFlow computes with in each trial. Their number decides about the last bits of a
    result.
    """
    retry_failed: bool = False
    """Run trials that failed in an earlier sitting again."""


@contextmanager
def open_study(
    config: RunConfig, name: str, *, folder: Path, at_once: int, sitting: Sitting
) -> Iterator[Study]:
    """Open a search for this process alone: begin it, or take it up where it stopped.

    Parameters
    ----------
    config
        The run file; ``name`` is one of its searches.
    folder
        Of the search.
    at_once
        Trials that run at the same time.

    Raises
    ------
    ConfigError
        If a combination is no valid run, another process is at it, the folder is that of another
        search, or Keras's backend is none to compute with.
    DataError
        If the candles are not there.
    """
    check_backend()
    search = config.search[name]
    source = f"{config.name}, search {name}"
    axes = read_axes(search, source=source)
    plan = _plan(search, axes, seed=config.seed)
    wanted = plan if plan is not None else _corners(axes)
    check_all(config, search, axes, wanted, source=source)
    base = config if search.of == "run" else config.as_published()
    data = {symbol: str(facts["sha256"]) for symbol, facts in market_of(base).facts.items()}
    begun = (folder / "trials").is_dir()
    if search.of == "run" and not begun:
        _check_some(config, search, axes, wanted, source=source)
    environment = environment_of(sitting.threads)
    with locked(folder):
        _clear(folder)
        code = code_facts()
        identity = identity_of(config, name, data=data, environment=environment)
        settle(folder, name, identity, {"begun": now(), "code": code})
        advisor = Advisor(
            search,
            axes,
            seed=config.seed,
            epochs=config.training.epochs,
            at_once=at_once,
            name=f"{config.name}-{name}",
        )
        known = {} if _other_candles(axes) else data
        study = Study(folder, config, name, axes, plan, known, advisor, environment, code)
        study.load(retry_failed=sitting.retry_failed)
        yield study


def _check_some(
    config: RunConfig,
    search: SearchConfig,
    axes: tuple[Axis, ...],
    wanted: Sequence[Choices],
    *,
    source: str,
) -> None:
    """Refuse a search none of whose settings can be trained and judged; a trial alone may fail.

    Raises
    ------
    DataError
        With what is wrong with the first of them.
    """
    refusals: list[str] = []
    for choices in wanted:
        settings = settings_of(axes, choices)
        try:
            check_trial(configured(config, search, settings, source=source))
        except DataError as error:
            refusals.append(f"with {words_of(choices)}: {error}")
        else:
            return
    raise DataError(f"{source}: none of its settings can be tried. The first one, {refusals[0]}")


def _clear(folder: Path) -> None:
    """Remove what a sitting that was killed had half written;
    nobody else writes while the folder is held.
    """
    for place in (folder, folder / "trials", folder / "running"):
        for left in (
            *place.glob(".*.partial"),
            *place.glob(".*.partial.lock"),
            *place.glob(".*.old"),
        ):
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()


def _plan(search: SearchConfig, axes: tuple[Axis, ...], *, seed: int) -> list[Choices] | None:
    if search.method == "grid":
        plan = combinations(axes)
        if search.published and len(search.published) != len(plan):
            raise ConfigError(
                f"search: published names {len(search.published)} figures for {len(plan)} "
                "combinations. Name one for each, in the order of the grid (the last axis changes "
                "fastest); nan where there was none."
            )
        return plan
    if search.method == "random":
        return random_choices(axes, trials=int(search.trials or 0), seed=seed)
    return None


def _corners(axes: tuple[Axis, ...]) -> list[Choices]:
    """Return every value of every axis once, the other axes at their first."""
    values = {
        axis.name: list(axis.choices) if axis.range is None else [axis.range.low, axis.range.high]
        for axis in axes
    }
    whole = {axis.name for axis in axes if axis.whole}
    ends = {
        name: [int(one) for one in given] if name in whole else given
        for name, given in values.items()
    }
    first = {name: given[0] for name, given in ends.items()}
    return [first | {name: value} for name, given in ends.items() for value in given]


def _other_candles(axes: tuple[Axis, ...]) -> bool:
    """Tell whether trials differ in their candles, so that the sha256 of the run file's says
    nothing about theirs.
    """
    return any(
        key.startswith("data.") and key != "data.others" for axis in axes for key in axis.keys
    )
