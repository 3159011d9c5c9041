"""Numbers and lists as people write them: of money, 0.001, 0.1% and 10bp are the same fraction."""

import re
from collections.abc import Sequence

from cryptonn.errors import ConfigError

__all__ = ["BP", "counted", "in_bp", "in_percent", "listed", "parse_fraction"]

BP = 0.0001
"""One basis point."""

_FORM = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%|bp|bps)?\s*$")
_SCALE = {None: 1.0, "%": 0.01, "bp": BP, "bps": BP}


def parse_fraction(value: float | str, *, name: str = "fee", limit: float = 0.1) -> float:
    """Read a fraction of notional.

    Parameters
    ----------
    value
        ``0.001``, ``"0.001"``, ``"0.1%"`` or ``"10bp"``: all mean one thousandth.
    name
        What the number is, for the error.
    limit
        Largest believable value; above it the writer most likely forgot the unit.

    Raises
    ------
    ConfigError
        If the text is no number, or the number is negative or above ``limit``.

    >>> parse_fraction("10bp")
    0.001
    """
    found = _FORM.match(str(value))
    if isinstance(value, bool) or not found:
        raise ConfigError(f"{name} = {value!r} is not a fraction. Write 0.001, 0.1% or 10bp.")
    number, unit = found.groups()
    fraction = float(number) * _SCALE[unit]
    fraction = round(fraction, 15)
    if fraction < 0:
        raise ConfigError(
            f"{name} = {value!r} is negative. A cost takes money away: write it as a positive fraction."
        )
    if fraction > limit:
        hint = f" Did you mean {number}bp?" if unit is None else ""
        raise ConfigError(
            f"{name} = {value!r} is {fraction:.0%} of the notional, above {limit:.0%}.{hint}"
        )
    return fraction


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
