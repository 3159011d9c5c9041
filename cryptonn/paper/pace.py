"""How long the loop of a paper session waits, and how often it looks at what."""

from dataclasses import dataclass

__all__ = ["Pace"]


@dataclass(frozen=True)
class Pace:
    """Times in seconds, unless told otherwise.

    Attributes
    ----------
    grace_s
        After a close before the candles are read: exchanges publish a little late.
    patience_s
        For a candle that is not there yet, before the minute counts as one without a trade.
    poll_s
        Between two looks for it.
    slice_s
        After which a wait looks whether it is to be stopped.
    fresh_s
        After a close within which a bar is still decided on.
    look_over_bars
        Decisions between two looks at clocks and balances.
    warn_skew_ms, most_skew_ms
        Difference of the clocks that is noted, and the one beyond which no order is sent.
    """

    grace_s: float = 1.0
    patience_s: float = 2.5
    poll_s: float = 1.25
    slice_s: float = 0.2
    fresh_s: float = 30.0
    look_over_bars: int = 60
    warn_skew_ms: int = 500
    most_skew_ms: int = 2_500
