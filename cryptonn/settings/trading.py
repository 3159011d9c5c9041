"""From a probability to orders, what they cost, and what is reported."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from cryptonn.settings.section import Count, Fraction, Section, YearlyFraction

__all__ = ["BacktestConfig", "CostsConfig", "ReportConfig", "SignalConfig"]

_TOP = re.compile(r"^top (\d+(?:\.\d+)?)%$")


class SignalConfig(Section):
    """``[signal]``: from P(up) to the wanted direction."""

    enter: float | str = "top 1%"
    """Enter at or above this probability; "top 1%" takes the threshold from the validation
    probabilities.
    """
    exit: Literal["hold", "threshold"] = "hold"
    """Leave after ``hold`` bars, or once the probability falls below ``exit_threshold``."""
    exit_threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Under `exit = "threshold"`: leave a long position below this probability,
    a short one above its complement.
    """
    hold: Count | None = None
    """Bars a position is held; the horizon by default."""
    renew: bool = True
    """An entry signal while the position is held starts the holding time anew."""
    direction: Literal["long", "long-short"] = "long"
    """Long only, or also short, which pays `borrow`."""

    @property
    def top_share(self) -> float | None:
        """The share of bars of ``enter = "top 1%"`` as a fraction (0.01), or None where ``enter``
        is a probability.
        """
        found = _TOP.match(self.enter) if isinstance(self.enter, str) else None
        return float(found[1]) / 100 if found else None

    @field_validator("enter")
    @classmethod
    def _check_enter(cls, value: float | str) -> float | str:
        if isinstance(value, str):
            found = _TOP.match(value)
            if not found or not 0 < float(found[1]) <= 100:
                raise ValueError(
                    'must be a probability such as 0.55, without quotes, or a share such as "top '
                    f'1%" (it is "{value}")'
                )
        elif not 0.5 <= value < 1:
            raise ValueError(f"the probability must lie in [0.5, 1) (it is {value})")
        return value


class CostsConfig(Section):
    """``[costs]``: each a fraction of notional for each fill; write 0.001, "0.1%" or "10bp"."""

    maker: Fraction = 0.001
    """Commission of a resting order."""
    taker: Fraction = 0.002
    """Commission of an order that is filled at once."""
    spread: Fraction = 0.0001
    """Half the quoted bid-ask spread, paid at each fill."""
    slippage: Fraction = 0.0002
    """Further price concession at each fill."""
    borrow: YearlyFraction = 0.10
    """Yearly rate charged on the notional of a short position while it is open."""


class BacktestConfig(Section):
    """``[backtest]``: which strategies trade, with how much money, under which costs."""

    strategy: str = "lstm_signal"
    """Name of a file in ``strategies/``, or a path to one."""
    compare: tuple[str, ...] = (
        "buy_and_hold",
        "momentum",
        "contrarian",
        "sma_cross",
        "random_entry",
    )
    """Strategies beside it in the comparison table."""
    parameters: dict[str, dict[str, Any]] = {}
    """Parameters by strategy, for example ``[backtest.parameters.sma_cross] fast = 30``."""
    cash: Annotated[float, Field(gt=0.0)] = 100_000.0
    """Starting money, in the quote currency."""
    fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """Share of equity in a position; the rest pays costs and the move from the close
    to the next open.
    """
    fees: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "none",
        "maker",
        "taker",
        "taker+slippage",
    )
    """Cost scenarios: none, maker, taker, taker+slippage, or a commission such as "10bp"."""


class ReportConfig(Section):
    """``[report]``: what the report shows."""

    chart_days: Count = 3
    """Length of the stretch in the interactive price chart; at least 120 bars are shown."""
    round_trips: bool = False
    """pyfolio's round-trip sheet (slow with many trades)."""
    resamples: Count = 1000
    """Bootstrap resamples behind each interval."""
