"""What Optuna is asked: which settings to try next, whether a trial has fallen behind, which
settings mattered.

Optuna's study lives in memory and is built anew from the trials on disk, so there is one record of
a search, not two that could disagree after a crash. Its samplers get a seed of their own for every
trial: what is suggested for trial 17 follows from the settings and results of the trials before it,
not from how often the search was interrupted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna

from cryptonn.settings import SearchConfig
from cryptonn.tuning.space import Axis, Choices

__all__ = ["Advisor", "best_is_lowest", "fanova", "random_choices"]

_STATES = {"complete": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
_DRAWS = 100
"""Attempts at a combination that was not drawn before."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def best_is_lowest(metric: str) -> bool:
    """Tell whether a lower value of the metric is the better one."""
    return metric == "val_loss"


def random_choices(axes: Sequence[Axis], *, trials: int, seed: int) -> list[Choices]:
    """Draw combinations at random, each one once; fewer than asked for where there are no more.

    The draw of a trial depends on the seed and on the draws before it.
    """
    drawn: list[Choices] = []
    for number in range(trials):
        for attempt in range(_DRAWS):
            sampler = optuna.samplers.RandomSampler(seed=_seed(seed, number, attempt))
            choices = {
                axis.name: sampler.sample_independent(None, None, axis.name, _distribution(axis))
                for axis in axes
            }
            if choices not in drawn:
                drawn.append(choices)
                break
    return drawn


class Advisor:
    """Optuna's view of a search; trials are added, in the order of their numbers,
    as they were or are begun.
    """

    def __init__(
        self,
        search: SearchConfig,
        axes: Sequence[Axis],
        *,
        seed: int,
        epochs: int,
        at_once: int,
        name: str,
    ) -> None:
        direction = "minimize" if best_is_lowest(search.metric) else "maximize"
        self._study = optuna.create_study(
            study_name=name, direction=direction, pruner=_pruner(search, epochs)
        )
        self._distributions = {axis.name: _distribution(axis) for axis in axes}
        self._seed = seed
        self._at_once = at_once
        self._running: dict[int, optuna.trial.Trial] = {}

    def add(
        self,
        number: int,
        choices: Choices,
        *,
        state: str,
        value: float | None,
        steps: Mapping[int, float],
    ) -> None:
        """Add a trial that has ended; ``steps`` holds the value after each epoch.

        The pruner is asked again after each epoch, and not obeyed: it keeps notes of what it was
        asked.
        """
        self.begin(number, choices)
        for epoch, reached in steps.items():
            self.falls_behind(number, epoch=epoch, value=reached)
        self.end(number, state=state, value=value)

    def begin(self, number: int, choices: Choices) -> None:
        """Add a trial whose settings are known."""
        self._study.enqueue_trial(choices)
        self._running[number] = self._study.ask(self._distributions)

    def suggest(self, number: int) -> Choices:
        """Add a trial and return the settings it should have."""
        self._study.sampler = optuna.samplers.TPESampler(
            seed=_seed(self._seed, number, 0), constant_liar=self._at_once > 1
        )
        self._running[number] = self._study.ask(self._distributions)
        return dict(self._running[number].params)

    def falls_behind(self, number: int, *, epoch: int, value: float) -> bool:
        """Note the value after an epoch and tell whether the trial should end there."""
        trial = self._running[number]
        trial.report(value, epoch)
        return bool(trial.should_prune())

    def end(self, number: int, *, state: str, value: float | None) -> None:
        """Note how a trial that was begun has ended."""
        trial = self._running.pop(number)
        if state == "complete" and value is not None and np.isfinite(value):
            self._study.tell(trial, value)
        else:
            self._study.tell(trial, state=_STATES.get(state, optuna.trial.TrialState.FAIL))


def fanova(
    axes: Sequence[Axis],
    tried: Sequence[tuple[Choices, float]],
    *,
    wanted: Sequence[str],
    seed: int,
) -> dict[str, float]:
    """Return the share of the differences in value that goes with each axis alone, as a forest of
    trees estimates it.

    After Hutter, Hoos and Leyton-Brown (2014), An Efficient Approach for Assessing Hyperparameter
    Importance.
    """
    distributions = {axis.name: _distribution(axis) for axis in axes}
    study = optuna.create_study()
    for choices, value in tried:
        params = {name: choices[name] for name in distributions}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=value)
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return {
        name: float(share) for name, share in evaluator.evaluate(study, params=list(wanted)).items()
    }


def _distribution(axis: Axis) -> Any:
    given = axis.range
    if given is None:
        return optuna.distributions.CategoricalDistribution(list(axis.choices))
    high = given.high if given.step is None else axis.steps[-1]
    if axis.whole:
        return optuna.distributions.IntDistribution(
            int(given.low), int(high), log=given.log, step=int(given.step or 1)
        )
    return optuna.distributions.FloatDistribution(given.low, high, log=given.log, step=given.step)


def _pruner(search: SearchConfig, epochs: int) -> Any:
    if search.pruning == "median":
        return optuna.pruners.MedianPruner()
    if search.pruning == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(epochs, 1))
    return optuna.pruners.NopPruner()


def _seed(seed: int, number: int, attempt: int) -> int:
    return int(np.random.SeedSequence([seed, number, attempt]).generate_state(1)[0])
