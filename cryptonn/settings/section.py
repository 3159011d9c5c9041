"""What every section of a run file is made of: a strict table, and the kinds of values
that need words of their own.
"""

import re
from functools import partial
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from cryptonn.errors import ConfigError
from cryptonn.market.timerange import TimeRange
from cryptonn.units import OF_A_FILL, OF_A_YEAR, FractionLimits, parse_fraction, written_fraction

__all__ = ["NAME", "Count", "Fraction", "Period", "Proportion", "Section", "YearlyFraction"]


def _fraction(
    value: float | str, info: ValidationInfo, *, limits: FractionLimits = OF_A_FILL
) -> float:
    try:
        return parse_fraction(value, name=str(info.field_name), limits=limits)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _yearly(value: float | str, info: ValidationInfo) -> float:
    return _fraction(value, info, limits=OF_A_YEAR)


def _timerange(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return TimeRange.parse(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error


NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
"""What may name a folder."""

Fraction = Annotated[
    float, BeforeValidator(_fraction), PlainSerializer(written_fraction, when_used="json")
]
YearlyFraction = Annotated[
    float,
    BeforeValidator(_yearly),
    PlainSerializer(partial(written_fraction, limits=OF_A_YEAR), when_used="json"),
]
Period = Annotated[TimeRange, BeforeValidator(_timerange), PlainSerializer(str)]
Proportion = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the run file: unknown keys are refused, nothing changes once read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth(cls, value: object, info: ValidationInfo) -> object:
        """Refuse true and false where they would be taken for 1 and 0."""
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        values = value if isinstance(value, (list, tuple)) else [value]
        if any(isinstance(one, bool) for one in values) and not kinds & {bool, Any}:
            raise PydanticCustomError("truth_value", "true and false are no numbers")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """Return the kinds of value that an annotation speaks of, at whatever depth."""
    return {annotation}.union(*map(_kinds, get_args(annotation)))
