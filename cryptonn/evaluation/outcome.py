"""What a strategy came to on one period under every fee: which case it is, and whether
the intervals bear it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Case", "Metrics", "Outcome"]

Case = Literal[
    "no trades",
    "loses before fees",
    "loses after fees",
    "pays at some fees",
    "pays",
    "no fees tried",
]
Metrics = Mapping[str, Any]
"""What ``reporting.metrics.metrics_of`` returned for one fee scenario."""


@dataclass(frozen=True)
class Outcome:
    """One strategy on one period: its fee scenarios, cheapest first."""

    scenarios: tuple[Metrics, ...]

    @property
    def free(self) -> Metrics:
        """The cheapest scenario, without any cost where that was tried."""
        return self.scenarios[0]

    @property
    def paid(self) -> list[Metrics]:
        """The scenarios that cost something."""
        return [found for found in self.scenarios if found["cost_per_side"] > 0]

    @property
    def won(self) -> list[Metrics]:
        """Those of them that end above the starting cash."""
        return [found for found in self.paid if found["net_return"] > 0]

    @property
    def lost(self) -> list[Metrics]:
        """Those of them that do not."""
        return [found for found in self.paid if not found["net_return"] > 0]

    @property
    def trials(self) -> int:
        """Settings of which this one is the best; 0 where no search chose it."""
        trials = float(self.free.get("trials", 0))
        return int(trials) if trials > 0 else 0  # NaN beside a row that was chosen

    @property
    def case(self) -> Case:
        """Which case it is; the compounded return decides, for that is what is left
        in the account.
        """
        if not any(found["trades"] for found in self.scenarios):
            return "no trades"
        if self.won:
            return "pays at some fees" if self.lost else "pays"
        if not self.free["gross_return"] > 0:
            return "loses before fees"
        return "loses after fees" if self.paid else "no fees tried"

    @property
    def certain(self) -> bool:
        """Whether the intervals bear the case out: each return it speaks of lies
        on one side of zero.
        """
        if self.case in ("no trades", "no fees tried"):
            return False
        if self.case == "loses before fees":
            return bool(self.free["net_return_high"] < 0 and self.free["break_even_fee_high"] < 0)
        return all(found["net_return_low"] > 0 for found in self.won) and all(
            found["net_return_high"] < 0 for found in self.lost
        )
