"""How much to buy or sell: a share of today's equity, small enough for the costs
to fit in the cash.
"""

__all__ = ["SHAVE", "YEAR_SECONDS", "account_value", "order_units"]

SHAVE = 1.0 - 1e-12
"""Keeps an order for all the money from being refused because of the last bit of a rounding."""

YEAR_SECONDS = 365 * 86_400.0


def order_units(
    *,
    equity: float,
    close: float,
    reversed_units: float,
    fraction: float,
    commission: float,
    concession: float,
) -> float:
    """Return the units of an order that opens a position, base.

    Parameters
    ----------
    equity
        Cash and position at the close at which the order is decided, quote.
    close
        That close, quote.
    reversed_units
        Units of the opposite position that are closed first (0 from flat):
        its costs leave the same cash.
    fraction
        Wanted share of equity in the position.
    commission, concession
        Fractions of notional at each fill: to the exchange, and by the distance
        of the fill from the open.

    Notes
    -----
    The order is ``fraction · equity / close``, or what the cash can pay for at an open equal to
    the close. A higher open can still make the broker refuse an order for nearly all of the money;
    such rejections are counted.
    """
    if equity <= 0.0:
        return 0.0
    side = (1.0 + concession) * (1.0 + commission)
    affordable = (1.0 - reversed_units * close * (side - 1.0) / equity) / side * SHAVE
    return max(0.0, min(fraction, affordable) * equity / close)


def account_value(cash: float, units: float, entry_price: float, close: float) -> float:
    """Return cash and position at ``close`` in backtrader's own order of floating-point steps.

    >>> account_value(100.0, 2.0, 10.0, 11.0)
    122.0
    """
    value = units * close
    if units > 0:
        unrealized = units * (close - entry_price)
        return cash + ((value - unrealized) + unrealized)
    return cash + value
