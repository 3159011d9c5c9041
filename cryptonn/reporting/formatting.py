"""Numbers as a trader reads them: 12.3 bp, −4.56 %, 1,234.50; what cannot be computed is n/a."""

import math
import re
from typing import Any

import pandas as pd

from cryptonn.units import in_bp, in_percent

__all__ = [
    "NOT_AVAILABLE",
    "bp",
    "count",
    "date",
    "keep_units",
    "money",
    "number",
    "percent",
    "signed_bp",
    "signed_percent",
    "slug",
]

NOT_AVAILABLE = "n/a"

_UNIT = re.compile(r"(\d) (bp|%)")


def bp(fraction: Any) -> str:
    """Write a fraction in basis points with one decimal.

    >>> bp(-0.00123)
    '−12.3 bp'
    """
    return NOT_AVAILABLE if _undefined(fraction) else _minus(in_bp(float(fraction)))


def percent(fraction: Any) -> str:
    """Write a fraction in per cent with two decimals.

    >>> percent(float("nan"))
    'n/a'
    """
    return NOT_AVAILABLE if _undefined(fraction) else _minus(in_percent(float(fraction)))


def signed_bp(fraction: Any) -> str:
    """Write a gain or loss in basis points, with its sign.

    >>> signed_bp(0.00052)
    '+5.2 bp'
    """
    return _signed(fraction, bp(fraction))


def signed_percent(fraction: Any) -> str:
    """Write a gain or loss in per cent, with its sign.

    >>> signed_percent(0.1234)
    '+12.34 %'
    """
    return _signed(fraction, percent(fraction))


def number(value: Any) -> str:
    """Write a plain ratio with two decimals, or four digits where it is small.

    >>> number(1234.5), number(0.00123)
    ('1,234.50', '0.00123')
    """
    if _undefined(value):
        return NOT_AVAILABLE
    value = float(value)
    return _minus(f"{value:,.2f}" if value == 0 or abs(value) >= 0.1 else f"{value:.3g}")


def money(value: Any) -> str:
    """Write an amount of the quote currency without decimals.

    >>> money(-98765.4)
    '−98,765'
    """
    return NOT_AVAILABLE if _undefined(value) else _minus(f"{float(value):,.0f}")


def count(value: Any) -> str:
    """Write how many.

    >>> count(525600)
    '525,600'
    """
    return NOT_AVAILABLE if _undefined(value) else _minus(f"{int(value):,}")


def date(time: pd.Timestamp) -> str:
    """Write the UTC day of an instant.

    >>> date(pd.Timestamp("2019-01-01 12:00", tz="UTC"))
    '2019-01-01'
    """
    return time.strftime("%Y-%m-%d")


def keep_units(text: str) -> str:
    """Tie a number to its unit, so that no line ends between them.

    >>> keep_units("95 %: 1.0 bp").count("\N{NO-BREAK SPACE}")
    2
    """
    return _UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)


def slug(text: str) -> str:
    """Write a name so that it can be part of a file name or an anchor.

    >>> slug("taker+slippage ETH/USD")
    'taker_slippage_ETH_USD'
    """
    return (
        "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in text).lstrip(
            "."
        )
        or "_"
    )


def _undefined(value: Any) -> bool:
    return value is None or value is pd.NA or not math.isfinite(float(value))


def _minus(text: str) -> str:
    negative_zero = text.startswith("-") and not any(digit in text for digit in "123456789")
    return (
        text.removeprefix("-")
        if negative_zero
        else text.replace("-", "−", 1)
        if text.startswith("-")
        else text
    )


def _signed(value: Any, text: str) -> str:
    shows_nothing = not any(digit in text for digit in "123456789")
    return text if _undefined(value) or float(value) <= 0 or shows_nothing else f"+{text}"
