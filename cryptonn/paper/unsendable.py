"""What is wanted and cannot be sent, as it is too small for the market or not to be paid for: noted
once.

Two kinds are told apart: an order of the strategy that its own backtest could not send, so that
nothing was planned; and a rest between the position held and the one wanted. Nothing of this is
state: what was noted is read from the ledger's incidents, so a restart goes on as if there had been
none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger import IncidentRow, LedgerReader, OrderRow
from cryptonn.paper.view.formats import money, units
from cryptonn.trading.rules import RefusedOrder

__all__ = ["UNSENDABLE", "Told", "Whose", "new_notes", "standing", "told_of"]

UNSENDABLE = "unsendable"
"""Kind of these incidents."""

Whose = Literal["backtest", "rest"]
"""Whether the backtest could not send an order, or a rest cannot be traded away."""

_HEADS: dict[Whose, str] = {"backtest": "the strategy's order", "rest": "the rest"}
_HEAD = re.compile(rf"({'|'.join(_HEADS.values())}) to (buy|sell), ([^:]+):")
_DUST = "less than one step"


@dataclass(frozen=True)
class Told:
    """What an incident of this kind is about: whose order, which side, and the kind of reason."""

    whose: Whose
    side: str
    why: str

    @property
    def words(self) -> str:
        """Name it; an incident's detail begins so, and is known by it."""
        return f"{_HEADS[self.whose]} to {self.side}, {self.why}"

    @property
    def is_dust(self) -> bool:
        """Whether it is less than one step that stays behind:
        every sale after a fee in base may leave some.
        """
        return self.whose == "rest" and self.why == _DUST


def told_of(incident: IncidentRow) -> Told | None:
    """Return what an incident is about; None if it is of another kind."""
    found = _HEAD.match(incident.detail) if incident.kind == UNSENDABLE else None
    if found is None:
        return None
    whose = next(whose for whose, head in _HEADS.items() if head == found[1])
    return Told(whose, found[2], found[3])


def new_notes(
    ledger: LedgerReader, decision: Decision, rest: RefusedOrder | None
) -> list[tuple[str, str]]:
    """Return the incidents of a decision, kind and detail: what was not told yet, or was possible
    since it was.

    Parameters
    ----------
    rest
        What lies between the position held and the one wanted and cannot be traded, if anything.
    """
    found: dict[Told, RefusedOrder] = {
        Told("backtest", order.side, order.why): order for order in decision.refused
    }
    if rest is not None:
        found[Told("rest", rest.side, rest.why)] = rest
    if not found:
        return []
    told = [one for _, one in _standing(ledger, bar_ms=decision.close_ms - decision.time_ms)]
    facts = ledger.facts
    return [
        (
            UNSENDABLE,
            f"{one.words}: {decision.bar}: {_explained(one, order, facts.base, facts.quote)}",
        )
        for one, order in found.items()
        if one not in told
    ]


def _standing(ledger: LedgerReader, *, bar_ms: int) -> list[tuple[IncidentRow, Told]]:
    incidents = ledger.incidents()
    return standing(incidents, ledger.orders(), since_ms=ledger.epoch_now().at_ms, bar_ms=bar_ms)


def standing(
    incidents: Sequence[IncidentRow],
    orders: Sequence[OrderRow],
    *,
    since_ms: int,
    bar_ms: int,
) -> list[tuple[IncidentRow, Told]]:
    """Return what was noted last, of each kind of order and side, and has not been possible since.

    Possible it was once an order of that side was planned at a later bar. Dust of less than one
    step stays told.

    Parameters
    ----------
    since_ms
        Start of the epoch: what was told before it no longer counts.
    bar_ms
        Length of a bar.
    """
    newest: dict[tuple[Whose, str], tuple[IncidentRow, Told]] = {}
    for incident in incidents:
        told = told_of(incident) if incident.at_ms >= since_ms else None
        if told is not None:
            newest[told.whose, told.side] = (incident, told)
    return [
        (incident, told)
        for incident, told in newest.values()
        if told.is_dust
        or not any(
            order.side == told.side and order.time_ms + bar_ms > incident.at_ms for order in orders
        )
    ]


def _explained(told: Told, order: RefusedOrder, base: str, quote: str) -> str:
    amount = f"{units(order.amount)} {base}"
    limit = units(order.limit)
    worth = f"{money(order.amount * order.price)} {quote}"
    reasons = {
        "less than one step": f"{amount}, and amounts are multiples of {limit}",
        "below the least amount": f"{amount}, and an order must be {limit} {base} or more",
        "below the least worth": (
            f"{amount} is worth {worth}, and an order must be worth {limit} or more"
        ),
        "not enough cash": f"{amount} costs {worth}, and there are {limit} {quote}",
    }
    ends = {
        "backtest": "The backtest cannot send it either, so no order goes out",
        "rest": "It stays as it is until an order of that side is large enough",
    }
    return f"{reasons[told.why]}. {ends[told.whose]}; this is noted once"
