"""A stretch of time, written 20180101-20190101: from the first instant up to, not including,
the second (UTC).
"""

import re
from dataclasses import dataclass

import pandas as pd

from cryptonn.errors import ConfigError

__all__ = ["TimeRange"]

_INSTANT = r"\d{8}(?:T\d{4})?"
_FORM = re.compile(rf"^({_INSTANT})?-({_INSTANT})?$")


@dataclass(frozen=True)
class TimeRange:
    """Half-open UTC range ``[start, end)``; ``None`` leaves that side open.

    >>> TimeRange.parse("20180101-20180102").contains(pd.Timestamp("2018-01-01 23:59", tz="UTC"))
    True
    """

    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ConfigError(
                f"timerange {self}: the start must lie before the end. Swap the two dates."
            )

    @classmethod
    def parse(cls, text: str) -> "TimeRange":
        """Read ``YYYYMMDD-YYYYMMDD``; either side may be left out, and may carry ``THHMM``.

        Raises
        ------
        ConfigError
            If the text has another form, a date that does not exist, or a start after its end.
        """
        found = _FORM.match(text.strip())
        if not found:
            raise ConfigError(
                f"timerange {text!r} must look like 20180101-20190101 (UTC, "
                "the end is not included)."
            )
        start, end = (None if part is None else _instant(part, text) for part in found.groups())
        return cls(start, end)

    def contains(self, time: pd.Timestamp) -> bool:
        """Tell whether the instant lies in the range."""
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)

    def select(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a time-indexed table that lie in the range (a view
        where pandas can).
        """
        first = 0 if self.start is None else int(table.index.searchsorted(self.start, side="left"))
        last = (
            len(table) if self.end is None else int(table.index.searchsorted(self.end, side="left"))
        )
        return table.iloc[first:last]

    def __str__(self) -> str:
        return f"{_text(self.start)}-{_text(self.end)}"


def _instant(text: str, whole: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(text, tz="UTC")
    except ValueError as error:
        raise ConfigError(f"timerange {whole!r}: {text} is not a date. Write YYYYMMDD.") from error


def _text(time: pd.Timestamp | None) -> str:
    if time is None:
        return ""
    return time.strftime("%Y%m%d" if time == time.normalize() else "%Y%m%dT%H%M")
