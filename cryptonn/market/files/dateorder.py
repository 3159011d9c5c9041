"""Which of the numbers of a day is the day, the month, the year: told by what makes
one steady series.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryptonn.errors import DataError
from cryptonn.market.files.datetexts import Days

__all__ = ["DatedRows", "order_of", "times_in"]

_DAY = 24 * 3600 * 10**9
"""In nanoseconds."""
_FEWEST = 3
"""Times that can show a spacing at all."""
_ON_GRID = 0.95
"""Share of the times that lie on the grid of the most common spacing, at least,
if a series is steady.
"""
_ONE_WAY = 0.9
"""Share of the steps from row to row that go the same way, at least."""
_FILLED = 0.25
"""Share of the places between first and last that hold a bar, at least.

Of twelve days read as twelve months one place in thirty is filled.
"""
_LAST_OF_2000 = 69
"""A year of two digits below it is of this century."""
_WORDS = {"dmy": "day first", "mdy": "month first", "ymd": "year first", "ydm": "day last"}


@dataclass(frozen=True)
class DatedRows:
    """The days of the rows of a file, their order still open."""

    days: Days
    places: NDArray[np.int64]
    """Of each row, which of the distinct days is its own; shape (n,)."""
    clocks: NDArray[np.int64]
    """Of each row, the time since its midnight in UTC, nanoseconds; shape (n,)."""


def times_in(rows: DatedRows, order: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the time of each row in nanoseconds since 1970, and whether it is one in this order;
    both shape (n,).
    """
    days, possible = _dates(rows.days.numbers, order)
    return days[rows.places] * _DAY + rows.clocks, possible[rows.places]


def order_of(rows: DatedRows, *, given: str | None, source: str) -> tuple[str, str | None]:
    """Return the order of the days, and a note if it was found by the spacing.

    An order in which a day is impossible is out. Where several are left,
    the one counts in which the times follow each other at one steady spacing.
    Where none is left, the one with the fewest impossible days is returned.

    Parameters
    ----------
    given
        What a person says of it.

    Raises
    ------
    DataError
        If several orders are steady, or none, and nothing is said; if what is said cannot be,
        or another order alone is steady; if a year-month-day is steady only as year-day-month.
    """
    orders = rows.days.orders
    example = rows.days.example
    if given is not None and len(orders) > 1:
        if given not in orders:
            raise DataError(
                f"{source}: {example!r} cannot be read {given} ({_WORDS[given]}). It can be "
                f"{' or '.join(orders)}: change --date-order (date_order under [data])."
            )
        _refuse_against_spacing(rows, given, source)
        return given, None
    read = {order: times_in(rows, order) for order in orders}
    wrong = {order: int((~possible).sum()) for order, (_, possible) in read.items()}
    open_orders = [order for order in orders if not wrong[order]]
    if orders == ("ymd",) and open_orders:
        _refuse_day_last(rows, read["ymd"][0], source)
    if len(open_orders) < 2:
        if not open_orders and len(orders) > 1:
            _refuse_both(rows, source)
        return min(orders, key=lambda order: wrong[order]), None
    if all((read[order][0] == read[open_orders[0]][0]).all() for order in open_orders):
        return open_orders[0], None
    steady = [order for order in open_orders if _is_steady(rows, order)]
    if len(steady) == 1:
        order = steady[0]
        return order, (
            f"Dates such as {example} were read {_WORDS[order]} ({order}): in that order alone "
            "the bars follow each other at one spacing."
        )
    why = (
        f"in each of these orders the bars follow each other at one spacing: {', '.join(steady)}"
        if steady
        else "in none of these orders do the bars follow each other at one spacing: "
        + ", ".join(open_orders)
    )
    offers = " or ".join(f"--date-order {order} ({_WORDS[order]})" for order in open_orders)
    raise DataError(
        f"{source}: it is not known what comes first in dates such as {example!r}: {why}. "
        f"Say it: {offers}; in a run file date_order under [data]."
    )


def _refuse_against_spacing(rows: DatedRows, given: str, source: str) -> None:
    """Refuse an order that a person gives where another one alone makes a steady series."""
    times, possible = times_in(rows, given)
    if not possible.all() or _is_steady(rows, given):
        return
    others = {order: times_in(rows, order) for order in rows.days.orders if order != given}
    fitting = [
        order
        for order, (other, is_day) in others.items()
        if is_day.all() and (other != times).any() and _is_steady(rows, order)
    ]
    if fitting:
        raise DataError(
            f"{source}: read {_WORDS[given]} ({given}), the bars do not follow "
            f"each other at one spacing; read {_WORDS[fitting[0]]} they do. "
            f"Give --date-order {fitting[0]} (date_order under [data]), or leave it out."
        )


def _refuse_day_last(rows: DatedRows, times: NDArray[np.int64], source: str) -> None:
    """Refuse year-month-day where year-day-month alone makes a steady series."""
    if _is_steady(rows, "ymd"):
        return
    other, possible = times_in(rows, "ydm")
    if possible.all() and (other != times).any() and _is_steady(rows, "ydm"):
        raise DataError(
            f"{source}: the dates look like year, day, month: read so, the bars follow each "
            f"other at one spacing, and as year, month, day ({rows.days.example!r}) they do not. "
            "Write them as year-month-day."
        )


def _refuse_both(rows: DatedRows, source: str) -> None:
    """Refuse a column in which some days are day first only and others month first only."""
    dmy = times_in(rows, "dmy")[1]
    mdy = times_in(rows, "mdy")[1]
    if (dmy | mdy).all():
        raise DataError(
            f"{source}: some dates can only be day first and others only month first, "
            f"such as {_first_day(rows, dmy & ~mdy)!r} and {_first_day(rows, mdy & ~dmy)!r}. "
            "A spreadsheet may have turned some of them round: fetch the file again and do "
            "not save it in between."
        )


def _first_day(rows: DatedRows, marks: NDArray[np.bool_]) -> str:
    numbers = rows.days.numbers[rows.places[int(marks.argmax())]]
    return "/".join(f"{number:02d}" for number in numbers)


def _is_steady(rows: DatedRows, order: str) -> bool:
    """Tell whether the times of an order make one series: one spacing, one direction,
    most bars there.

    The first of every month counts as one spacing, too, though months are not equally long.
    """
    times = times_in(rows, order)[0]
    steps = np.diff(times)
    steps = steps[steps != 0]
    forward = (steps > 0).mean() if len(steps) else 0.0
    if max(forward, 1 - forward) < _ONE_WAY:
        return False
    return _has_one_spacing(np.unique(times)) or _is_of_months(np.unique(times))


def _has_one_spacing(times: NDArray[np.int64]) -> bool:
    if len(times) < _FEWEST:
        return False
    spacings, numbers = np.unique(np.diff(times), return_counts=True)
    step = int(spacings[numbers.argmax()])
    on_grid = ((times - times[0]) % step == 0).mean()
    filled = len(times) * step / (int(times[-1] - times[0]) + step)
    return bool(on_grid >= _ON_GRID and filled >= _FILLED)


def _is_of_months(times: NDArray[np.int64]) -> bool:
    if len(times) < _FEWEST or len(np.unique(times % _DAY)) > 1:
        return False
    days = (times // _DAY).astype("M8[D]")
    months = days.astype("M8[M]")
    is_first = (days == months.astype("M8[D]")).all()
    return bool(is_first and len(np.unique(np.diff(months.astype(np.int64)))) == 1)


def _dates(numbers: NDArray[np.int64], order: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return days since 1970 and whether there is such a day, both shape (n,)."""
    years = numbers[:, order.index("y")]
    months = numbers[:, order.index("m")]
    days = numbers[:, order.index("d")]
    short = (years >= 0) & (years < 100)
    years = years + np.where(short, np.where(years < _LAST_OF_2000, 2000, 1900), 0)
    possible = (years >= 1000) & (months >= 1) & (months <= 12) & (days >= 1)
    month = np.where(possible, (years - 1970) * 12 + months - 1, 0).astype("M8[M]")
    first = month.astype("M8[D]").astype(np.int64)
    length = (month + 1).astype("M8[D]").astype(np.int64) - first
    possible &= days <= length
    return np.where(possible, first + days - 1, 0), possible
