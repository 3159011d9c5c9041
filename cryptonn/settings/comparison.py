"""The published figure a run is compared with, and the only place where settings
that leak may stand.
"""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cryptonn.settings.section import Count, Section

__all__ = ["LeaksConfig", "PublishedConfig"]


class LeaksConfig(Section):
    """``[published.leaks]``: what the published evaluation let through, repeated to compare
    with it, never traded.
    """

    scaling: Literal["train", "slice"] = "train"
    """Features scaled by the train rows, or each slice, validation too,
    by its own mean and deviation.
    """
    purge: Literal["horizon", "none"] = "horizon"
    """Rows dropped before validation, or none: the last train labels are made
    of validation prices.
    """
    untraded: Literal["keep", "drop"] = "keep"
    """Rows without volume are kept, or dropped after labelling: a window of 100 rows
    is then not 100 bars.
    """
    balance: Literal["train", "both"] = "train"
    """Rows of the larger class are dropped from train only, or from validation too."""
    split: Literal["time", "shuffled"] = "time"
    """Validation comes after train, or is drawn at random: windows that overlap stand in both,
    nothing is purged.
    """
    indicators: Literal["warm-up", "filled"] = "warm-up"
    """Warm-up rows of `ta` columns are left out, or filled as `fillna=True` does, in some columns
    from later rows; with `features.ta = ["all"]` the columns that look ahead are used too.
    """
    validation_rows: Count | None = None
    """Number of validation windows, in place of the share in `split.validation`."""

    @model_validator(mode="after")
    def _check(self) -> "LeaksConfig":
        if self.split == "shuffled" and (self.purge, self.scaling) != ("none", "train"):
            raise ValueError(
                'split = "shuffled" has no slices to purge between or to scale apart: '
                'write purge = "none"'
            )
        return self

    def words(self, *, indicators: bool = True, but: Collection[str] = ()) -> tuple[str, ...]:
        """Name each leak in force, in words for a report.

        Parameters
        ----------
        indicators
            Whether there are any to fill.
        but
            Keys to leave out.
        """
        said = {
            "scaling": ("slice", "each slice scaled by its own mean and deviation"),
            "purge": ("none", "no purge between train and validation"),
            "untraded": ("drop", "bars without volume dropped after labelling"),
            "balance": ("both", "validation balanced by dropping rows"),
            "split": ("shuffled", "overlapping windows shuffled before the split"),
            "indicators": ("filled", "indicators filled from later rows"),
        }
        unsaid = {*but, *(() if indicators else ("indicators",))}
        return tuple(
            text
            for name, (leaky, text) in said.items()
            if getattr(self, name) == leaky and name not in unsaid
        )


class PublishedConfig(Section):
    """``[published]``: the earlier system's own figure, and how it came about;
    trained beside the run, never traded.
    """

    system: str
    """What it is, in a few words."""
    figure: Annotated[float, Field(allow_inf_nan=True)] | None = None
    """The number it quoted; left out where it quoted none."""
    metric: str = ""
    """What the number is, in words."""
    reproduce: bool = True
    """Train it as published besides; false where the run already is what was published."""
    settings: dict[str, Any] = {}
    """Sections and keys that differ from the run's own, such as ``[published.settings.training]
    form = "windowed"``.
    """
    leaks: LeaksConfig = LeaksConfig()
