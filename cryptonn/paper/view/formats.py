"""Times, amounts and money as a watching person reads them;
what came from outside is made harmless.
"""

from datetime import UTC, datetime
from decimal import Decimal

__all__ = ["age", "clean", "moment", "money", "signed_money", "signed_percent", "units"]


def clean(text: str) -> str:
    """Return text on one line and without control characters: what an exchange says is shown, never
    obeyed.

    >>> clean("no\\x1b[2J funds\\n")
    'no [2J funds'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def moment(time_ms: int, *, form: str = "%Y-%m-%d %H:%M") -> str:
    """Write a time in UTC.

    >>> moment(1_546_300_800_000)
    '2019-01-01 00:00'
    """
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime(form)


def age(span_ms: int) -> str:
    """Write how long something lasts, in its two largest units.

    >>> age(3_000), age(125_000), age(9_000_000), age(200_000_000)
    ('3 s', '2 min 5 s', '2 h 30 min', '2 d 7 h')
    """
    seconds = max(0, span_ms) // 1000
    steps = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
    for length, name, below, part in steps:
        if seconds >= length:
            rest = seconds % length // below
            return f"{seconds // length} {name}" + (f" {rest} {part}" if rest else "")
    return f"{seconds} s"


def units(amount: Decimal) -> str:
    """Write an amount of the base as exactly as it is known.

    >>> units(Decimal("7.4750")), units(Decimal("0E-4"))
    ('7.475', '0')
    """
    return _trimmed(amount)


def money(value: Decimal) -> str:
    """Write an amount of a currency: to the cent, and small ones to four or eight decimals.

    >>> money(Decimal("10012.3456")), money(Decimal("-0.35")), money(Decimal("0.00001234"))
    ('10,012.35', '−0.35', '0.00001234')
    """
    if value == 0 or abs(value) >= 1:
        return f"{value:,.2f}".replace("-", "−")
    return _trimmed(round(value, 4 if abs(value) >= Decimal("0.01") else 8))


def signed_money(value: Decimal) -> str:
    """Write a gain or loss with its sign.

    >>> signed_money(Decimal(12))
    '+12.00'
    """
    return f"+{money(value)}" if value > 0 else money(value)


def signed_percent(fraction: Decimal) -> str:
    """Write a gain or loss in per cent with its sign.

    >>> signed_percent(Decimal("-0.0123"))
    '−1.23 %'
    """
    return f"{100 * fraction:+,.2f} %".replace("-", "−")


def _trimmed(value: Decimal) -> str:
    text = f"{value:,f}".replace("-", "−")
    return text.rstrip("0").rstrip(".") if "." in text else text
