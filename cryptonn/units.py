"""Numbers and lists as people write them: of money, 0.001, 0.1% and 10bp are the same fraction."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptonn.errors import ConfigError

__all__ = [
    "BP",
    "OF_A_FILL",
    "OF_A_YEAR",
    "FractionLimits",
    "counted",
    "in_bp",
    "in_percent",
    "listed",
    "parse_fraction",
    "written_fraction",
]

BP = 0.0001
"""One basis point."""

_FORM = re.compile(
    r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%|bps?)?\s*$", re.IGNORECASE
)
_SCALE: dict[str | None, float] = {None: 1.0, "%": 0.01, "bp": BP, "bps": BP}


@dataclass(frozen=True)
class FractionLimits:
    """Up to where a fraction is believed.

    Attributes
    ----------
    bare
        Largest number without a unit: above it a unit was most likely forgotten.
    with_unit
        Largest with a unit, as ``"2%"`` or ``"200bp"``: whoever writes it means it.
    of
        What it is a fraction of.
    forgotten
        Units that may have been forgotten.
    """

    bare: float
    with_unit: float
    of: str
    forgotten: tuple[str, ...] = ("%", "bp")


OF_A_FILL = FractionLimits(bare=0.01, with_unit=0.1, of="of the notional of every fill")
"""Commission, spread and slippage: exchanges take less than 1 % a side."""
OF_A_YEAR = FractionLimits(bare=0.5, with_unit=2.0, of="of the notional a year", forgotten=("%",))
"""What borrowing costs."""


def parse_fraction(
    value: float | str, *, name: str = "fee", limits: FractionLimits = OF_A_FILL
) -> float:
    """Read a fraction of notional.

    Parameters
    ----------
    value
        ``0.001``, ``"0.001"``, ``"0.1%"`` or ``"10bp"``: all mean one thousandth.
    name
        What the number is, for the error.
    limits
        Up to where it is believed; above, the writer most likely forgot the unit.

    Raises
    ------
    ConfigError
        If the text is no number, or the number is negative or above its limit. A number without a
        unit is refused with what was likely meant, and with the way to write what it says.

    >>> parse_fraction("10bp")
    0.001
    """
    found = _FORM.match(str(value))
    if isinstance(value, bool) or not found:
        raise ConfigError(
            f"{name} = {_quoted(value)} is not a fraction. Write 0.001, 0.1% or 10bp."
            f"{_with_a_point(value)}"
        )
    number = float(found[1])
    unit = found[2] and found[2].lower()
    fraction = round(number * _SCALE[unit], 15)
    if fraction < 0:
        raise ConfigError(
            f"{name} = {_quoted(value)} is negative. A cost takes money away: write it as a "
            "positive fraction."
        )
    if fraction > limits.with_unit or (unit is None and fraction > limits.bare):
        raise ConfigError(
            f"{name} = {_quoted(value)} would be {_percent(fraction)} {limits.of}; "
            f"{_above(unit, limits)}. {_meant(number, unit, fraction, limits)}"
        )
    return fraction


def written_fraction(fraction: float, *, limits: FractionLimits = OF_A_FILL) -> float | str:
    """Return a fraction as ``parse_fraction`` reads it: with its unit where a bare
    number is refused.

    >>> written_fraction(0.001), written_fraction(0.025)
    (0.001, '2.5%')
    """
    return _percent(fraction) if fraction > limits.bare else fraction


def _meant(number: float, unit: str | None, fraction: float, limits: FractionLimits) -> str:
    """Ask for what was likely meant, and say how to write what stands there if it is meant."""
    if unit is not None:
        likely = [f"{number:g}bp" if unit == "%" else f"{number / 100:g}bp"]
    elif "bp" in limits.forgotten:
        likely = [f"{number:g}%"] if number <= 1 else []
        likely += [f"{number:g}bp"] if number >= 1 else []
    else:
        likely = [f"{number:g}%"]
    likely = [text for text in likely if _is_believed(text, limits)]
    if not likely:
        return "Write 0.001, 0.1% or 10bp."
    quoted = " or ".join(f'"{text}"' for text in likely)
    question = f"Did you mean {' or '.join(likely)}? Then write {quoted}"
    if unit is None and fraction <= limits.with_unit:
        question += f'; if it really is that much, write "{_percent(fraction)}"'
    return f"{question}."


def _above(unit: str | None, limits: FractionLimits) -> str:
    if unit is None:
        return f"above {_percent(limits.bare)} it needs its unit"
    return f"above {_percent(limits.with_unit)} it is refused"


def _is_believed(text: str, limits: FractionLimits) -> bool:
    number, unit = _FORM.match(text).groups()  # type: ignore[union-attr]
    return float(number) * _SCALE[unit] <= limits.with_unit


def _with_a_point(value: object) -> str:
    """Ask for a decimal point where a comma stands."""
    text = str(value).replace(",", ".")
    if "," not in str(value) or not _FORM.match(text):
        return ""
    return f" The decimal sign is a point: {text.strip()}."


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.12g}%"


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def in_bp(fraction: float, *, digits: int = 1) -> str:
    """Write a fraction in basis points.

    >>> in_bp(0.002)
    '20.0 bp'
    """
    return f"{fraction / BP:,.{digits}f} bp"


def in_percent(fraction: float, *, digits: int = 2) -> str:
    """Write a fraction in per cent.

    >>> in_percent(0.001)
    '0.10 %'
    """
    return f"{100 * fraction:,.{digits}f} %"


def counted(number: int, noun: str) -> str:
    """Write a number and its noun.

    >>> counted(1200, "bar")
    '1,200 bars'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Write words one after another.

    >>> listed(["maker", "taker", "slippage"])
    'maker, taker and slippage'
    """
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
