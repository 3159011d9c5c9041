"""What a strategy wants at a close: the position, and which of its orders cannot be sent,
with the reason.
"""

from dataclasses import dataclass

from cryptonn.trading.rules import RefusedOrder

__all__ = ["Wish"]


@dataclass(frozen=True)
class Wish:
    """What a strategy wants at one close.

    Parameters
    ----------
    units
        Position once the waiting market orders are filled, signed, base.
    refused
        Orders of this close that are among them for no longer: the market would not take them.
    """

    units: float
    refused: tuple[RefusedOrder, ...] = ()
