"""What came to nothing, counted: orders that the backtest could not send beside what its session
met with.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cryptonn.paper.ledger import IncidentRow, OrderRow
from cryptonn.paper.refusals import is_refused, kind_of
from cryptonn.paper.unsendable import Whose, told_of
from cryptonn.trading.rules import RefusedOrder
from cryptonn.units import counted

__all__ = ["RefusedCount", "refused_counts"]

_What = Literal["order", "rest"]
_WHAT: dict[Whose, _What] = {"backtest": "order", "rest": "rest"}


@dataclass(frozen=True)
class RefusedCount:
    """How often one kind of order came to nothing, on either side.

    Parameters
    ----------
    what
        An "order", or a "rest" between the position held and the one wanted.
    side, why
        "buy" or "sell"; kind of reason.
    backtest
        Orders that the backtest could not send, at bars that the session decided on.
    noted
        Incidents of the session about them.
    exchange
        Orders of the session that its exchange refused, or that never left.
    """

    what: _What
    side: str
    why: str
    backtest: int
    noted: int
    exchange: int

    @property
    def words(self) -> str:
        """Say it in a line."""
        if self.exchange:
            orders = counted(self.exchange, "order")
            return f"refused by the exchange: {orders} to {self.side}, {self.why}"
        noted = f"noted {counted(self.noted, 'time')} in the session"
        if self.what == "rest":
            return f"could not be traded: a rest to {self.side}, {self.why}; {noted}"
        orders = counted(self.backtest, "order")
        return f"could not be sent: {orders} of the backtest to {self.side}, {self.why}; {noted}"


def refused_counts(
    backtest: Iterable[RefusedOrder], incidents: Iterable[IncidentRow], orders: Iterable[OrderRow]
) -> tuple[RefusedCount, ...]:
    """Count what came to nothing, by what it was, its side and the kind of reason."""
    told = filter(None, map(told_of, incidents))
    refused = filter(is_refused, orders)
    sides: tuple[Counter[tuple[_What, str, str]], ...] = (
        Counter(("order", order.side, order.why) for order in backtest),
        Counter((_WHAT[one.whose], one.side, one.why) for one in told),
        Counter(("order", order.side, kind_of(order)) for order in refused),
    )
    keys = dict.fromkeys(key for counts in sides for key in counts)
    return tuple(RefusedCount(*key, *(counts[key] for counts in sides)) for key in keys)
