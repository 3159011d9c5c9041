"""How a long job tells where it stands: a callback that gets one ``Step`` after another."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OnStep", "Step", "silent"]


@dataclass(frozen=True)
class Step:
    """Where a job stands."""

    stage: str
    """What is being done, for example "train"; a new stage ends the one before."""
    done: float | None = None
    """Share of the stage that is done, in [0, 1]; None where it cannot be known."""
    text: str = ""
    """One line for a person, for example the losses of the last epoch."""


OnStep = Callable[[Step], None]


def silent(step: Step) -> None:
    """Show nothing."""
