"""What happens in a session, one line each: its decisions and incidents."""

from decimal import Decimal
from typing import NamedTuple

from cryptonn.paper.accounts import Account, accounts
from cryptonn.paper.ledger import DecisionRow, LedgerReader, OrderRow
from cryptonn.paper.view.formats import moment, money, signed_percent, units
from cryptonn.paper.view.words import incident_words, signal_words

__all__ = ["Mark", "lines_since", "newest_mark"]


class Mark(NamedTuple):
    """How far a session has been told: from which bar on decisions are new,
    and how many incidents are not.
    """

    since_ms: int = 0
    incidents: int = 0


def newest_mark(reader: LedgerReader) -> Mark:
    """Return the mark after which nothing has happened yet."""
    with reader.at_once():
        newest = reader.newest_decision()
        return Mark(0 if newest is None else newest.decision.time_ms + 1, len(reader.incidents()))


def lines_since(reader: LedgerReader, mark: Mark) -> tuple[list[str], Mark]:
    """Return a line for each decision and incident after ``mark``, in their order, and the mark
    after them.

    Position and equity are those at the close of the bar decided on, before the order that it asked
    for.
    """
    with reader.at_once():
        incidents = reader.incidents()
        epochs = reader.epochs()
        decisions = reader.decisions(since_ms=mark.since_ms) if epochs else []
        orders = {order.time_ms: order for order in reader.orders(since_ms=mark.since_ms)}
        fills = reader.fills() if decisions else []
        facts = reader.facts
    times = [row.decision.close_ms for row in decisions]
    held = accounts(times, epochs, fills, base=facts.base, quote=facts.quote)
    told = [
        (
            row.decided_ms,
            _line(row, account, orders.get(row.decision.time_ms), start_cash=facts.cash),
        )
        for row, account in zip(decisions, held, strict=True)
    ]
    told += [
        (row.at_ms, "! " + "  ".join(incident_words(row))) for row in incidents[mark.incidents :]
    ]
    since_ms = decisions[-1].decision.time_ms + 1 if decisions else mark.since_ms
    return [line for _, line in sorted(told, key=lambda pair: pair[0])], Mark(
        since_ms, len(incidents)
    )


def _line(
    row: DecisionRow, account: Account, order: OrderRow | None, *, start_cash: Decimal
) -> str:
    decision = row.decision
    proba = (
        "n/a   " if decision.proba != decision.proba else f"{decision.proba:.4f}"
    )  # NaN while warming up
    equity = account.cash + account.position * decision.close
    share = equity / start_cash - 1 if start_cash else Decimal(0)
    words = (
        f"{moment(decision.time_ms)}  close {money(decision.close)}",
        f"P(up) {proba}  signal {signal_words(decision.signal)}",
        f"wanted {units(decision.wanted)}  held {units(account.position)}",
        f"equity {money(equity)} ({signed_percent(share)})",
        "" if order is None else f"{order.side} {units(order.amount)}",
    )
    return "  ".join(words).rstrip()
