"""What a person may say of a candle file besides its path, where the file leaves it open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["PLAIN_READING", "DateOrder", "FileOptions"]

DateOrder = Literal["dmy", "mdy", "ymd"]
"""Which of day, month and year comes first, second and last in a date of numbers."""


@dataclass(frozen=True)
class FileOptions:
    """How to read a candle file; everything has a default that refuses what is not plain."""

    dialect: str | None = None
    """The one that is expected, by its first word (``"yahoo"``); any by default."""
    date_order: DateOrder | None = None
    """Of dates such as 05/01/2020, where the spacing of the bars does not tell."""
    timezone: str | None = None
    """Of times without a zone, such as ``"Europe/Berlin"`` or ``"UTC+8"``; UTC by default."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Value by column (``{"pair": "BTCUSDT"}``): only such rows are read."""
    bad_bars: Literal["refuse", "drop"] = "refuse"
    """An impossible bar (a price not above 0, high below low, a negative volume) is refused,
    or dropped and counted.
    """
    extras: bool = False
    """Read the extras of Binance's klines too; a file without them is refused."""


PLAIN_READING = FileOptions()
"""Nothing is said of the file."""
