"""From ``[search.NAME]`` to run files: the axes of a search, their combinations,
and the run each one stands for.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptonn.config import RunConfig, parse_config
from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.settings import RangeConfig, SearchConfig
from cryptonn.tuning.checks import problems_of

__all__ = [
    "Axis",
    "Choices",
    "check_all",
    "choice_text",
    "choices_of",
    "choose_search",
    "combinations",
    "configured",
    "read_axes",
    "settings_of",
    "words_of",
]

Choices = dict[str, Any]
"""By axis: what was chosen on it, a number, a truth value or a text."""

_MOST = 10_000
"""Combinations of a grid."""


@dataclass(frozen=True)
class Axis:
    """One thing that a search varies."""

    name: str
    """A setting, such as "network.dropout", or a name for several settings that vary together."""
    choices: Mapping[Any, Mapping[str, Any]]
    """By choice: the settings it stands for. Empty where the axis is a range."""
    range: RangeConfig | None = None

    @property
    def keys(self) -> set[str]:
        """The settings it touches."""
        return {key for settings in self.choices.values() for key in settings} or {self.name}

    @property
    def whole(self) -> bool:
        """Whether the numbers of a range are whole."""
        given = self.range
        return given is not None and all(
            float(x).is_integer() for x in (given.low, given.high, given.step or 1.0)
        )

    @property
    def steps(self) -> list[float]:
        """The values of a range that has a step, from the lowest on."""
        given = self.range
        if given is None or given.step is None:
            return []
        count = math.floor((given.high - given.low) / given.step + 1e-9) + 1
        values = [round(given.low + place * given.step, 12) for place in range(count)]
        return [int(value) for value in values] if self.whole else values

    def settings(self, choice: Any) -> dict[str, Any]:
        """Return the settings a choice stands for."""
        return {self.name: choice} if self.range is not None else dict(self.choices[choice])


def choose_search(config: RunConfig, name: str | None) -> str:
    """Return the name of the search that is meant: the one that is named, or the only one there is.

    Raises
    ------
    ConfigError
        If the run file has none, several and none is named, or none of that name.
    """
    there = ", ".join(config.search)
    if not config.search:
        raise ConfigError(
            f"{config.name}: the run file has no search. Add one, for example [search.grid.space] "
            '"network.dropout" = [0.1, 0.2]; docs/search.md says more.'
        )
    if name is None and len(config.search) > 1:
        raise ConfigError(f"{config.name}: which search? Name one with --search: {there}.")
    if name is not None and name not in config.search:
        raise ConfigError(
            f"{config.name}: no search {name!r}.{did_you_mean(name, config.search)} There are: "
            f"{there}."
        )
    chosen = name or next(iter(config.search))
    if config.search[chosen].of == "published" and config.published is None:
        raise ConfigError(
            f'{config.name}: search {chosen!r} has of = "published", but the run file has no '
            "section [published]."
        )
    return chosen


def read_axes(search: SearchConfig, *, source: str = "search") -> tuple[Axis, ...]:
    """Return the axes of a search in the order of the file; ``source`` names it in errors.

    Raises
    ------
    ConfigError
        If something is wrong with it; every problem is named, see ``problems_of``.
    """
    problems = problems_of(search)
    if problems:
        raise ConfigError(f"{source}: " + "\n".join(problems))
    return tuple(_axis(name, values) for name, values in search.space.items())


def _axis(name: str, values: list[Any] | RangeConfig) -> Axis:
    if isinstance(values, RangeConfig):
        return Axis(name, {}, values)
    settings = [value if isinstance(value, dict) else {name: value} for value in values]
    labels = [_label(value) for value in values]
    if len(set(labels)) < len(labels):  # tables of the same values under other keys
        labels = [
            ", ".join(f"{key} {_label(value)}" for key, value in one.items()) for one in settings
        ]
    return Axis(name, dict(zip(labels, settings, strict=True)))


def _label(value: Any) -> Any:
    """Return a value as it stands in tables and figures: a number,
    a truth value or a short text.
    """
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        alone = {_label(item) for item in value.values()}
        words = [f"{key.rsplit('.', 1)[-1]} {_label(item)}" for key, item in value.items()]
        return alone.pop() if len(alone) == 1 else ", ".join(words)
    if isinstance(value, list) and len(value) == 1:
        return _label(value[0])
    if isinstance(value, list):
        return " ".join(str(_label(item)) for item in value) or "none"
    return str(value)


def combinations(axes: Sequence[Axis]) -> list[Choices]:
    """Return every combination, the last axis changing fastest.

    Raises
    ------
    ConfigError
        If an axis is a range without a step, or there are too many.
    """
    values = [_grid_values(axis) for axis in axes]
    count = math.prod(len(one) for one in values)
    if count > _MOST:
        raise ConfigError(
            f"search: the grid has {count:,} combinations, more than {_MOST:,}. Set method = "
            '"random" or "tpe" and trials, or leave values out.'
        )
    return [
        dict(zip([axis.name for axis in axes], one, strict=True))
        for one in itertools.product(*values)
    ]


def _grid_values(axis: Axis) -> list[Any]:
    if axis.range is None:
        return list(axis.choices)
    if not axis.steps:
        raise ConfigError(
            f"search: {axis.name} is a range without step, which a grid cannot walk. Add step, or "
            'set method = "random" or "tpe".'
        )
    return axis.steps


def settings_of(axes: Sequence[Axis], choices: Choices) -> dict[str, Any]:
    """Return the settings that the choices stand for, by dotted key."""
    return {key: value for axis in axes for key, value in axis.settings(choices[axis.name]).items()}


def choices_of(axes: Sequence[Axis], settings: Mapping[str, Any]) -> Choices:
    """Return the choices that settings stand for: how choices read may change between versions,
    settings do not.

    Raises
    ------
    DataError
        If no choice of an axis stands for these settings.
    """
    found = {}
    for axis in axes:
        named = [
            one
            for one, wanted in axis.choices.items()
            if dict(wanted).items() <= dict(settings).items()
        ]
        if not named and (axis.range is None or axis.name not in settings):
            raise DataError(
                f"the settings {dict(settings)} are none of {axis.name}. Was the folder changed by "
                "hand?"
            )
        found[axis.name] = (
            max(named, key=lambda one: len(axis.choices[one])) if named else settings[axis.name]
        )
    return found


def configured(
    config: RunConfig, search: SearchConfig, settings: Mapping[str, Any], *, source: str
) -> RunConfig:
    """Return the run file with these settings; searches and selection are left out.

    Under ``of = "published"`` they are laid over ``[published.settings]``, else ``[published]`` is
    left out too.

    Raises
    ------
    ConfigError
        If a key is no setting, or a value is wrong; every problem is listed.
    """
    plain = {key: value for key, value in settings.items() if not key.startswith("published.")}
    run = config if search.of == "run" else config.as_published()
    checked = parse_config(
        _laid_over(run, plain, {"search", "selection", "published"}), source=source
    )
    if search.of == "run":
        return checked
    inner = {f"published.settings.{key}": value for key, value in plain.items()}
    return parse_config(
        _laid_over(config, dict(settings) | inner, {"search", "selection"}, plain), source=source
    )


def _laid_over(
    config: RunConfig,
    settings: Mapping[str, Any],
    left_out: set[str],
    ignored: Collection[str] = (),
) -> dict[str, Any]:
    values = config.model_dump(mode="json", exclude_unset=True, exclude=left_out)
    for key, value in settings.items():
        if key not in ignored:
            _put(values, key, value)
    return values


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{key} is not a setting: {section} is no section.")
    values[last] = value


def check_all(
    config: RunConfig,
    search: SearchConfig,
    axes: Sequence[Axis],
    wanted: Sequence[Choices],
    *,
    source: str = "search",
) -> None:
    """Build the run of every combination before anything is trained; ``source`` names the search in
    errors.

    Raises
    ------
    ConfigError
        If one is not valid; every different problem is named, with the first combination that has
        it.
    """
    problems: dict[str, Choices] = {}
    for choices in wanted:
        try:
            configured(config, search, settings_of(axes, choices), source="search")
        except ConfigError as error:
            for line in str(error).removeprefix("search: ").splitlines():
                problems.setdefault(line, choices)
    if problems:
        found = [f"{line} (first with {words_of(choices)})" for line, choices in problems.items()]
        raise ConfigError(f"{source}: " + "\n".join(found))


def words_of(choices: Choices) -> str:
    """Return choices as a person reads them: "dropout 0.1, hidden 32"."""
    return ", ".join(
        f"{name.rsplit('.', 1)[-1]} {choice_text(value)}" for name, value in choices.items()
    )


def choice_text(choice: Any) -> str:
    """Return one choice as a person reads it."""
    return f"{choice:.4g}" if isinstance(choice, float) else str(choice)
