"""What runs trials: it asks for the next one while it has room,
and hands back the outcome of each as it comes.
"""

from collections.abc import Callable, Generator
from typing import Any, Protocol

__all__ = ["Ask", "Engine", "OnReport", "Outcomes", "lost"]

Ask = Callable[[], dict[str, Any] | None]
"""Gives the next task, or None when there is no further one."""

OnReport = Callable[[int, dict[str, Any]], bool]
"""Told the number of a trial and how far it is, see ``trial.OnEpoch``; True ends the trial."""


Outcomes = Generator[dict[str, Any], None, None]
"""Gives the outcome of one trial after another, see ``run_trial``;
closing it ends those that still run.
"""


class Engine(Protocol):
    """Something that runs trials."""

    name: str
    """As the user names it."""
    workers: int
    """Trials at a time."""
    reports_epochs: bool
    """Whether it tells how a running trial goes, which pruning needs."""

    def run(self, ask: Ask, on_report: OnReport) -> Outcomes:
        """Run every task there is and give each outcome, in the order in which they end.

        Raises
        ------
        ConfigError
            If the machinery is not there; what is done is kept by whoever took the outcomes.
        """
        ...


def lost(number: int, reason: str) -> dict[str, Any]:
    """Return the outcome of a trial whose process came to an end under it."""
    return {
        "number": number,
        "state": "failed",
        "metrics": {},
        "histogram": [],
        "rows": {},
        "history": [],
        "files": {},
        "reason": reason,
        "trace": "",
        "best_epoch": None,
        "seconds": None,
        "where": {},
    }
