"""Which settings a search tries, and how the settings of a run were chosen."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cryptonn.settings.section import Count, Section

__all__ = ["RangeConfig", "SearchConfig", "SelectionConfig"]


class RangeConfig(Section):
    """``{ low = …, high = … }`` in a search space: a number between two bounds."""

    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    step: Annotated[float, Field(gt=0.0)] | None = None
    """Distance of the values; any number between the bounds without it.

    Whole numbers stay whole.
    """
    log: bool = False
    """Draw the logarithm evenly."""

    @model_validator(mode="after")
    def _check(self) -> "RangeConfig":
        if self.low >= self.high:
            raise ValueError(f"low = {self.low:g} must lie below high = {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low = {self.low:g} must be above 0 under log = true")
        return self


def _dotted(space: dict[str, Any]) -> dict[str, Any]:
    """Take ``network.dropout = [...]``, which TOML reads as a table in a table,
    for ``"network.dropout" = [...]``.
    """
    flat: dict[str, Any] = {}
    for name, values in space.items():
        if isinstance(values, dict) and not {"low", "high"} & set(values):
            flat |= {f"{name}.{key}": value for key, value in _dotted(values).items()}
        elif isinstance(values, (list, dict, RangeConfig)):
            flat[name] = values
        else:
            raise ValueError(
                f"{name} takes a list of values, or a table of low and high (it is {values!r})"
            )
    return flat


class SearchConfig(Section):
    """``[search.NAME]``: settings to try with `cryptonn tune`; they are judged on the
    validation rows alone.
    """

    description: str = ""
    """Stands above the table."""
    method: Literal["grid", "random", "tpe"] = "grid"
    """Every combination, random draws, or Optuna's tree-structured Parzen estimator."""
    of: Literal["run", "published"] = "run"
    """Try the run's own, honest settings, or those of `[published]`, leaks included:
    a comparison, no selection.
    """
    metric: Literal["val_loss", "val_accuracy", "auc", "accuracy"] = "val_loss"
    """What the best is chosen by: lowest validation loss, or highest accuracy on moves, AUC or, for
    `of = "published"`, accuracy counted as published.
    """
    trials: Count | None = None
    """How many to try under random and tpe."""
    published: list[Annotated[float, Field(allow_inf_nan=True)]] = []
    """Figures an earlier system quoted, one for each combination of a grid in its order;
    shown beside ours.
    """
    pruning: Literal["none", "median", "hyperband"] = "none"
    """Stop trials that fall behind the others."""
    space: dict[str, list[Any] | RangeConfig]
    """Setting, such as `"network.dropout"`, to the values it takes.

    A value that is a table sets several at once: `"hidden" = [{ "network.layers" = [32],
    "network.dense" = 32 }]`.
    """

    @field_validator("published", mode="before")
    @classmethod
    def _read_published(cls, figures: object) -> object:
        """Take null, which JSON has for nan, as "none was quoted"."""
        return (
            [math.nan if figure is None else figure for figure in figures]
            if isinstance(figures, list)
            else figures
        )

    @field_validator("space", mode="before")
    @classmethod
    def _read_space(cls, space: object) -> object:
        return _dotted(space) if isinstance(space, dict) else space

    @model_validator(mode="after")
    def _check(self) -> "SearchConfig":
        if self.method != "grid" and self.trials is None:
            raise ValueError(f"method = {self.method!r} needs trials, for example trials = 50")
        if self.method == "grid" and self.trials is not None:
            raise ValueError("a grid tries every combination: leave trials out, or set method")
        if not self.space:
            raise ValueError("space has no value for any setting: there is nothing to try")
        return self

    def quoted(self, number: int) -> float | None:
        """Return the figure that was quoted for a trial; None if none was."""
        figure = self.published[number] if number < len(self.published) else math.nan
        return None if math.isnan(figure) else figure


class SelectionConfig(Section):
    """``[selection]``: how these settings were chosen; written by `cryptonn tune`,
    carried into every report.
    """

    study: str
    """Folder of the search."""
    trials: Count
    """Settings that were tried, failed ones included."""
    metric: str
    """What the best was chosen by."""
    value: float
    """Its value on the validation rows."""

    @property
    def words(self) -> str:
        """Say what the choice does to the figures."""
        return (
            f"This setting is the best of {self.trials:,} tried on the validation rows (by "
            f"{self.metric}, in {self.study}), so its validation figures are flattered; "
            "test periods were not looked at in choosing."
        )
