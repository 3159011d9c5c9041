"""A status in words: what the terminal and the page both show,
so that they never say different things.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from cryptonn.paper.ledger import IncidentRow
from cryptonn.paper.view.formats import (
    age,
    clean,
    moment,
    money,
    signed_money,
    signed_percent,
    units,
)
from cryptonn.paper.view.status import Status
from cryptonn.units import counted

__all__ = [
    "Notice",
    "Reading",
    "Tone",
    "incident_words",
    "notices",
    "readings",
    "signal_words",
    "title",
    "watching",
]

Tone = Literal["", "good", "bad", "warn"]

_UNCLEAR_MS = 5_000
"""An order without an answer for so long is worth a word."""


@dataclass(frozen=True)
class Reading:
    """One thing to watch: its label, its value, and what else belongs to it."""

    key: str
    label: str
    text: str
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Notice:
    """One sentence that a person should not overlook."""

    text: str
    tone: Tone = "warn"


def title(status: Status) -> str:
    """Name the session: its run, itself, exchange and market;
    first of all whether the market is made up.
    """
    facts = status.facts
    made_up = "SYNTHETIC MARKET · " if facts.synthetic else ""
    session = (
        f"session {status.name} on {facts.venue}"
        if status.name != facts.venue
        else f"session {status.name}"
    )
    return clean(f"{made_up}{facts.run} · {session} · {facts.symbol}")


def readings(status: Status) -> tuple[Reading, ...]:
    """Return what there is to watch, the most asked for first."""
    return (
        *_money_readings(status),
        *_market_readings(status),
        *_order_readings(status),
        _session(status),
    )


def signal_words(signal: int) -> str:
    """Write a wanted direction with its sign.

    >>> signal_words(1), signal_words(0), signal_words(-1)
    ('+1', '0', '−1')
    """
    return f"{signal:+d}".replace("-", "−") if signal else "0"


def watching(status: Status) -> bool:
    """Tell whether a next decision is to be waited for."""
    return status.freshness.running is not False


def notices(status: Status) -> tuple[Notice, ...]:
    """Return what a person should not overlook now."""
    fresh = status.freshness
    found = []
    if fresh.running is False:
        found.append(
            Notice(
                "The session is not running. Start it again and it goes on from its ledger.", "bad"
            )
        )
    elif fresh.feed_stale:
        found.append(
            Notice(
                f"No candle {_since(fresh.feed_age_ms)}: a quiet market, or the feed stands still."
            )
        )
    elif fresh.session_stale:
        found.append(Notice(f"Candles come, but no decision {_since(fresh.decision_age_ms)}."))
    if (
        status.order is not None
        and status.order.state == "SENDING"
        and status.order.age_ms > _UNCLEAR_MS
    ):
        found.append(
            Notice(
                f"Whether order {status.order.cid} was accepted is unclear: it is looked up, never "
                "sent again."
            )
        )
    return (*found, *_unsendable(status))


def _unsendable(status: Status) -> Iterator[Notice]:
    """Say which orders cannot be sent; dust is said beside the position alone,
    as every sale may leave some.
    """
    for at_ms, told in status.reach.told:
        if told.whose == "backtest" or (status.reach.rest is not None and not told.is_dust):
            since = moment(at_ms, form="%m-%d %H:%M")
            yield Notice(f"Cannot be sent since {since}: {told.words}.")


def incident_words(incident: IncidentRow) -> tuple[str, str, str]:
    """Return time, kind and detail of an incident."""
    return (
        moment(incident.at_ms, form="%m-%d %H:%M:%S"),
        clean(incident.kind),
        clean(incident.detail),
    )


def _money_readings(status: Status) -> Sequence[Reading]:
    funds = status.funds
    quote = status.facts.quote
    tone: Tone = "good" if funds.profit > 0 else "bad" if funds.profit < 0 else ""
    fees = " + ".join(f"{money(fee)} {currency}" for currency, fee in sorted(funds.fees.items()))
    invested = (
        f"and {money(funds.equity - funds.cash)} in {status.facts.base}" if funds.position else ""
    )
    gained = f"{signed_money(funds.profit)} {quote}"
    return (
        Reading(
            "equity",
            "Equity",
            f"{money(funds.equity)} {quote}",
            f"begun with {money(funds.start_cash)}",
        ),
        Reading("profit", "Since the start", gained, signed_percent(funds.profit_share), tone),
        Reading("cash", "Cash", f"{money(funds.cash)} {quote}", invested),
        Reading("fees", "Fees paid", fees or f"0.00 {quote}", counted(status.fills, "fill")),
    )


def _market_readings(status: Status) -> Sequence[Reading]:
    left = (status.next_close_ms - status.now_ms + 999) // 1000
    countdown = f"{left // 60}:{left % 60:02d}" if watching(status) else "–"
    return (
        _candle(status),
        _proba(status),
        _position(status),
        Reading("next", "Next close in", countdown),
    )


def _candle(status: Status) -> Reading:
    candle = status.candle
    if candle is None:
        return Reading("candle", "Last candle", "none yet")
    closed = (
        f"{moment(candle.time_ms, form='%H:%M')} UTC, closed {_ago(status.freshness.feed_age_ms)}"
    )
    price = f"{money(Decimal(str(candle.close)))} {status.facts.quote}"
    return Reading(
        "candle", "Last candle", price, closed, "warn" if status.freshness.feed_stale else ""
    )


def _proba(status: Status) -> Reading:
    row = status.decision
    if row is None:
        return Reading("proba", "P(up)", "none yet")
    proba = row.decision.proba
    signal = signal_words(row.decision.signal)
    enters = "" if status.facts.enter is None else f", enters at {status.facts.enter:.4f}"
    known = "n/a" if proba != proba else f"{proba:.4f}"  # NaN while the network warms up
    return Reading("proba", "P(up)", known, f"signal {signal}{enters}")


def _position(status: Status) -> Reading:
    held = f"{units(status.funds.position)} {status.facts.base}"
    if status.decision is None:
        return Reading("position", "Position", held)
    wanted = f"wanted {units(status.decision.decision.wanted)}"
    rest = status.reach.rest
    owed = status.reach.owed
    if rest is not None:
        done = {"buy": "bought", "sell": "sold"}[rest.side]
        wanted += f"; {units(rest.amount)} cannot be {done}: {rest.why}"
    elif owed:
        wanted += f"; {units(owed)} of it went as commission"
    return Reading("position", "Position", held, wanted)


def _order_readings(status: Status) -> Sequence[Reading]:
    states = ", ".join(
        f"{many} {state.lower().replace('_', ' ')}" for state, many in sorted(status.orders.items())
    )
    return (
        _open_order(status),
        Reading("orders", "Orders", f"{sum(status.orders.values()):,}", states),
        Reading("trades", "Round trips", f"{status.trades:,}", "positions closed"),
    )


def _open_order(status: Status) -> Reading:
    order = status.order
    if order is None:
        return Reading("order", "Open order", "none")
    part = f", {units(order.booked)} filled" if order.booked else ""
    asked = f"{order.side} {units(order.amount)} {status.facts.base}"
    return Reading(
        "order",
        "Open order",
        asked,
        f"{order.state} for {age(order.age_ms)}{part} · {clean(order.cid)}",
    )


def _session(status: Status) -> Reading:
    lasted = "not running" if not watching(status) else age(status.now_ms - status.facts.started_ms)
    tone: Tone = "bad" if not watching(status) else "warn" if status.freshness.session_stale else ""
    since = f"since {moment(status.facts.started_ms)} UTC"
    process = f", process {status.freshness.process}" if status.freshness.running else ""
    return Reading("session", "Session", lasted, f"{since}{process}", tone)


def _ago(span_ms: int | None) -> str:
    return "" if span_ms is None else f"{age(span_ms)} ago"


def _since(span_ms: int | None) -> str:
    return "yet" if span_ms is None else f"for {age(span_ms)}"
