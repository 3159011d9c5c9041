"""The tables of a session's report: metrics of both sides, decisions that differ, orders, fees,
incidents, epochs.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, fields
from decimal import Decimal
from itertools import islice
from typing import Any

import pandas as pd

from cryptonn.paper.ledger import LedgerReader, OrderRow
from cryptonn.paper.parity import Parity
from cryptonn.paper.refused import RefusedCount
from cryptonn.paper.report.compared import Compared
from cryptonn.paper.report.differences import HEADINGS, decision_lines
from cryptonn.paper.report.words import outcome_words
from cryptonn.paper.tally import Outcome, outcome, tally
from cryptonn.paper.view.formats import clean, moment, money, units
from cryptonn.reporting.formatting import bp, count, number, percent, signed_bp, signed_percent
from cryptonn.reporting.formatting import money as whole_money
from cryptonn.reporting.grid import Cell, Grid, tone_of
from cryptonn.reporting.meanings import METRICS
from cryptonn.units import BP

__all__ = [
    "MOST_ROWS",
    "differences_grid",
    "epochs_grid",
    "fees_grid",
    "incidents_grid",
    "metrics_grid",
    "orders_grid",
    "refused_grid",
]

MOST_ROWS = 200
"""Of a table on the page; its CSV has all."""

_OUTCOMES: dict[Outcome, str] = {
    "PLANNED": "written down, not sent yet",
    "SENDING": "sent; whether the exchange took it is being asked",
    "OPEN": "taken by the exchange, not at its end",
    "CLOSED": "at its end: filled, in part or not at all",
    "REJECTED": "refused by the exchange, at once or after it had taken it",
    "NOT_SENT": "never left: the exchange wanted no request, or could not be asked",
    "NOT_ACCEPTED": "never reached the exchange, which is certain",
    "DROPPED": "planned before a stop, too old to be sent after it",
}


_REFUSED = [one.name for one in fields(RefusedCount)]
"""Columns of the file of what came to nothing."""


def _in_bp(value: float) -> str:
    return signed_bp(value * BP)


_METRICS: tuple[tuple[str, str, Callable[[Any], str], bool], ...] = (
    ("net_return", "net return", signed_percent, True),
    ("gross_return", "gross return", signed_percent, True),
    ("final_equity", "final equity", whole_money, False),
    ("trades", "round trips", count, False),
    ("gross_per_trade_bp", "gross per trade", _in_bp, True),
    ("cost_per_trade_bp", "cost per trade", _in_bp, False),
    ("net_per_trade_bp", "net per trade", _in_bp, True),
    ("break_even_fee", "break-even fee per side", bp, False),
    ("fees_paid", "commissions", whole_money, False),
    ("slippage_paid", "spread and slippage", whole_money, False),
    ("accuracy_of_trades", "accuracy of trades", percent, False),
    ("win_rate", "win rate", percent, False),
    ("max_drawdown_bars", "deepest drawdown, bar by bar", percent, False),
    ("exposure", "exposure", percent, False),
    ("turnover_per_day", "turnover a day", number, False),
    ("mean_holding_bars", "bars held, mean", number, False),
    ("sharpe", "Sharpe ratio (365)", number, False),
    ("annual_volatility", "volatility a year", percent, False),
    ("best_day", "best day", signed_percent, True),
    ("worst_day", "worst day", signed_percent, True),
    ("rejections", "orders refused", count, False),
)
"""Name of the metric, its title, how it is written, whether its sign is news."""


def metrics_grid(found: Compared) -> Grid:
    """Lay the metrics of both ledgers side by side; the table beside the page has every one there
    is.
    """
    sides = (found.metrics["venue"], found.metrics["model"])
    rows = tuple(
        (Cell(title), *(_value(side[key], write, news) for side in sides))
        for key, title, write, news in _METRICS
    )
    frame = pd.DataFrame(
        {"exchange": sides[0], "backtest": sides[1], "meaning": METRICS}
    ).rename_axis("metric")
    note = sides[0]["interval_note"]
    return Grid(
        name="metrics",
        title="Metrics of both ledgers",
        note="Undefined is n/a." + (f" No intervals: {note}." if note else ""),
        head=(
            ("", ""),
            ("exchange", "what its fills came to"),
            ("backtest", "of the same candles"),
        ),
        rows=rows,
        frame=frame,
    )


def _value(value: Any, write: Callable[[Any], str], news: bool) -> Cell:
    if pd.isna(value):
        return Cell("n/a")
    return Cell(write(value), tone=tone_of(value) if news else "")


def differences_grid(parity: Parity) -> Grid:
    """List the decisions on which session and backtest differ;
    the table beside the page has every decision.
    """
    lines = list(islice(decision_lines(parity.table), MOST_ROWS + 1))
    more = " More of them are in the file." if len(lines) > MOST_ROWS else ""
    said = (
        "Where two values stand, the first is the session's."
        if parity.score < 1
        else "Every decision agrees."
    )
    return Grid(
        name="decisions",
        title="Decisions that differ, and bars that were missed",
        note=f"{said}{more} The file has every decision.",
        head=tuple((heading, "") for heading in HEADINGS),
        rows=tuple(
            tuple(Cell(text, note=note) for text, note in line.cells) for line in lines[:MOST_ROWS]
        ),
        frame=parity.table,
        words=len(HEADINGS),
    )


def orders_grid(ledger: LedgerReader) -> Grid:
    """Count the orders by what became of them, with the reasons that were given."""
    orders = ledger.orders()
    counts = tally(orders)
    rows = tuple(
        (
            Cell(outcome_words(one)),
            Cell(count(counts[one])),
            Cell(_reasons(orders, one)),
            Cell(meaning),
        )
        for one, meaning in _OUTCOMES.items()
        if one in counts
    )
    return Grid(
        name="orders",
        title="Orders by outcome",
        note="The file has every order." if orders else "No order was planned.",
        head=(("outcome", ""), ("orders", ""), ("reasons", ""), ("meaning", "")),
        rows=rows,
        frame=pd.DataFrame([_order(ledger, order) for order in orders]),
        words=4,
    )


def refused_grid(parity: Parity) -> Grid:
    """Lay what could not be sent in the backtest beside what the session noted of it,
    and what its exchange refused.
    """
    rows = tuple(
        (
            Cell(f"{one.what} to {one.side}"),
            Cell(clean(one.why)),
            Cell(count(one.backtest)),
            Cell(count(one.noted)),
            Cell(count(one.exchange)),
        )
        for one in parity.refused
    )
    return Grid(
        name="refused",
        title="What could not be sent, and what was refused",
        note="A rest lies between the position held and the one wanted." if rows else "Nothing.",
        head=(
            ("what", ""),
            ("reason", ""),
            ("backtest", "orders too small, or not to be paid for"),
            ("session", "incidents about it"),
            ("exchange", "orders refused"),
        ),
        rows=rows,
        frame=pd.DataFrame(map(asdict, parity.refused), columns=_REFUSED),
        words=2,
    )


def _reasons(orders: list[OrderRow], which: Outcome) -> str:
    reasons = Counter(
        clean(order.reason) for order in orders if outcome(order) == which and order.reason
    )
    told = [f"{reason} ({many:,})" for reason, many in reasons.most_common(5)]
    return ", ".join(told) + (" …" if len(reasons) > len(told) else "")


def _order(ledger: LedgerReader, order: OrderRow) -> dict[str, Any]:
    return {
        "client_id": order.cid,
        "decided": _iso(order.time_ms),
        "side": order.side,
        "amount": order.amount,
        "state": order.state,
        "outcome": outcome(order),
        "filled": order.filled,
        "sent": "" if order.signed_ms is None else _iso(order.signed_ms),
        "fills": " + ".join(
            f"{units(fill.amount)} at {units(fill.price)}" for fill in ledger.fills(order.cid)
        ),
        "reason": clean(order.reason),
        "epoch": order.epoch,
    }


def fees_grid(ledger: LedgerReader) -> Grid:
    """Add the commissions up by currency, and what they are in quote at the prices
    of their fills.
    """
    base, quote = ledger.facts.base, ledger.facts.quote
    paid: dict[str, list[Decimal]] = {}
    for fill in ledger.fills():
        worth = fill.fee * fill.price if fill.fee_currency == base else fill.fee
        sums = paid.setdefault(fill.fee_currency, [Decimal(0)] * 3)
        paid[fill.fee_currency] = [sums[0] + 1, sums[1] + fill.fee, sums[2] + worth]
    valued = {name: sums[2] if name in (base, quote) else None for name, sums in paid.items()}
    rows = tuple(
        (
            Cell(name),
            Cell(count(many)),
            Cell(units(round(fee, 8))),
            Cell("n/a" if valued[name] is None else money(worth)),
        )
        for name, (many, fee, worth) in sorted(paid.items())
    )
    frame = pd.DataFrame(
        [
            {"currency": name, "fills": int(many), "paid": fee, "worth_in_quote": valued[name]}
            for name, (many, fee, _) in sorted(paid.items())
        ]
    )
    note = (
        "A fee in base at the price of its fill; one in a third currency is in no balance of the "
        "strategy."
    )
    head = (("currency", ""), ("fills", ""), ("paid", ""), (f"worth in {quote}", ""))
    return Grid(
        "fees", "Commissions by currency", note if rows else "None were paid.", head, rows, frame
    )


def incidents_grid(ledger: LedgerReader) -> Grid:
    """List what a person should know of, the newest first."""
    incidents = [
        (_iso(one.at_ms), clean(one.kind), clean(one.detail)) for one in ledger.incidents()
    ]
    newest = incidents[: -MOST_ROWS - 1 : -1]
    said = (
        f"The newest {MOST_ROWS} of {count(len(incidents))}."
        if len(incidents) > MOST_ROWS
        else "The newest first."
    )
    return Grid(
        name="incidents",
        title="Incidents",
        note=said if incidents else "None was noted.",
        head=(("time (UTC)", ""), ("kind", ""), ("detail", "")),
        rows=tuple(tuple(Cell(text) for text in row) for row in newest),
        frame=pd.DataFrame(incidents, columns=["time", "kind", "detail"]),
        words=3,
    )


def epochs_grid(ledger: LedgerReader) -> Grid:
    """List the epochs: stretches over which the account follows from its opening and the fills."""
    facts = ledger.facts
    rows = [
        (epoch.n, _iso(epoch.at_ms), epoch.why, epoch.carried, epoch.cash)
        for epoch in ledger.epochs()
    ]
    return Grid(
        name="epochs",
        title="Epochs",
        note=(
            "A new one begins when the sandbox was reset, or the account was taken as it is by "
            "hand."
        ),
        head=(
            ("epoch", ""),
            ("began (UTC)", ""),
            ("why", ""),
            (f"{facts.base} carried", ""),
            (f"{facts.quote} cash", ""),
        ),
        rows=tuple(
            (Cell(str(n)), Cell(began), Cell(clean(why)), Cell(units(carried)), Cell(money(cash)))
            for n, began, why, carried, cash in rows
        ),
        frame=pd.DataFrame(rows, columns=["epoch", "began", "why", "carried", "cash"]),
        words=3,
    )


def _iso(time_ms: int) -> str:
    return moment(time_ms, form="%Y-%m-%d %H:%M:%S")
