"""What a session came to, in words and in large numbers."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from cryptonn.evaluation.significance import MIN_DAYS
from cryptonn.paper.ledger import LedgerReader
from cryptonn.paper.parity import Parity
from cryptonn.paper.recorded import RecordedSession
from cryptonn.paper.report.compared import Compared
from cryptonn.paper.tally import Outcome, tally
from cryptonn.paper.view.formats import age, moment, money, signed_money
from cryptonn.reporting.formatting import bp, count, percent, signed_bp, signed_percent
from cryptonn.reporting.grid import tone_of
from cryptonn.reporting.numbers import BigNumber
from cryptonn.units import counted

__all__ = [
    "banner",
    "exchange_words",
    "headline",
    "large_numbers",
    "outcome_words",
    "sentences",
    "span",
    "tone",
]

_NEAR = 5e-7
"""Share of the starting cash below which two equities count as the same:
what pictures and per cents cannot show.
"""
_PARTS = {"prices": "fill prices", "fees": "commissions"}


def exchange_words(session: RecordedSession) -> str:
    """Name where the orders went."""
    return (
        "the local exchange"
        if session.settings.is_local
        else f"the sandbox of {session.settings.exchange}"
    )


def banner(session: RecordedSession) -> tuple[str, str]:
    """Return what kind of money and market this was, in a word and in a sentence."""
    data = session.decider.config.data
    if session.settings.is_local and data.source == "synthetic":
        told = (
            "the exchange ran on this machine and its candles are made up: the numbers test the "
            "program, no market."
        )
        return "SYNTHETIC MARKET", told
    if session.settings.is_local:
        told = (
            "the exchange ran on this machine and replayed stored candles; nothing here happened "
            "live."
        )
        return "REPLAYED MARKET", told
    told = (
        "orders went to a sandbox, whose order book is its own: what its fills earned tests the "
        "handling of orders. What the market would have paid, the backtest on the real candles "
        "tells better."
    )
    return "PLAY MONEY", told


def span(session: RecordedSession) -> tuple[int, int]:
    """Return open of the first and close of the last bar decided on, milliseconds."""
    decisions = session.ledger.decisions()
    return decisions[0].decision.time_ms, decisions[-1].decision.close_ms


def headline(session: RecordedSession, found: Compared) -> str:
    """Say what the session earned, what its backtest earned, and how far they are apart."""
    where = exchange_words(session)
    if found.venue.fills.empty and found.model.fills.empty:
        told = (
            f"On {where} the session made no trade, and neither did the backtest of the same "
            "candles"
        )
        small = sum(one.backtest for one in found.parity.refused)
        why = f": none of its {counted(small, 'order')} could be sent" if small else ""
        return f"{told}{why}."
    first = (
        f"On {where} the session {_earned(found.venue.net_return)}; the backtest of the same "
        f"candles {_earned(found.model.net_return)}"
    )
    if _apart(found) < _NEAR:
        same = (
            "they agree on every decision"
            if found.parity.agrees
            else "the same, though not on every decision"
        )
        return f"{first}: {same}."
    most = _PARTS.get(found.gap.largest) or _rest(session, found)
    return (
        f"{first}. They are {bp(_apart(found))} of the starting cash apart; most of it comes from "
        f"{most}."
    )


def tone(found: Compared) -> str:
    """Return "bad" for a loss; a gain in a session is no proof of anything."""
    return "bad" if found.venue.net_return < 0 else ""


def sentences(session: RecordedSession, found: Compared) -> list[str]:
    """Return what stands below the headline."""
    told = [_agreement(session, found), _gap(session, found), _paid_in_base(session)]
    told += [_orders(session.ledger), _unsendable(found.parity), _costs(session, found)]
    told += [
        _incidents(session.ledger),
        _left_out(found),
        _unvalued(session.ledger),
        _few_days(found),
    ]
    return [sentence for sentence in told if sentence]


def large_numbers(session: RecordedSession, found: Compared) -> list[BigNumber]:
    """Return the numbers under the headline."""
    parity = found.parity
    quote = session.ledger.facts.quote
    venue = found.venue
    model = found.model
    same = f"{count(parity.same_trades)} of {count(parity.trades)}"
    return [
        BigNumber(
            "net return, exchange",
            signed_percent(venue.net_return),
            _final(venue.final_equity, quote),
            tone_of(venue.net_return),
        ),
        BigNumber(
            "net return, backtest",
            signed_percent(model.net_return),
            _final(model.final_equity, quote),
            tone_of(model.net_return),
        ),
        BigNumber(
            "exchange less backtest",
            signed_bp(_signed_apart(found)),
            "of the starting cash, at the end",
        ),
        BigNumber(
            "largest difference of equity",
            money(Decimal(str(round(parity.equity_difference, 8)))),
            f"{quote}, at any close",
        ),
        BigNumber(
            "decisions",
            count(parity.decisions),
            (
                f"{count(parity.missed)} of {count(parity.bars)} bars missed, "
                f"{count(parity.flips)} signals differ"
            ),
        ),
        BigNumber(
            "trades identical", same, "each buy and sell in time, side, amount, price and fee"
        ),
        BigNumber(
            "decisions without a difference", percent(parity.score), f"of {count(parity.decisions)}"
        ),
        BigNumber(
            "buy and hold", signed_percent(found.held.iloc[-1] / venue.cash - 1), "all in, no costs"
        ),
    ]


def _earned(share: float) -> str:
    if abs(share) < _NEAR:
        return "earned nothing"
    return f"{'earned' if share > 0 else 'lost'} {percent(abs(share))}"


def _signed_apart(found: Compared) -> float:
    share = found.gap.total / found.venue.cash
    return share if abs(share) >= _NEAR else 0.0


def _apart(found: Compared) -> float:
    return abs(_signed_apart(found))


def _final(equity: float, quote: str) -> str:
    return f"{money(Decimal(str(round(equity, 2))))} {quote} at the end"


def _agreement(session: RecordedSession, found: Compared) -> str:
    parity = found.parity
    start_ms, end_ms = span(session)
    late = f", {count(parity.missed)} were missed" if parity.missed else ", none was missed"
    lasted = f"{age(end_ms - start_ms)}, {moment(start_ms)} to {moment(end_ms)} (UTC)"
    return (
        f"{lasted}: {count(parity.decisions)} decisions on {count(parity.bars)} bars{late}; "
        f"{count(parity.flips)} with another signal than the backtest; {count(parity.same_trades)} "
        f"of {count(parity.trades)} trades identical in time, side, amount, price and fee."
    )


def _gap(session: RecordedSession, found: Compared) -> str:
    gap = found.gap
    quote = session.ledger.facts.quote
    if max(abs(gap.prices), abs(gap.fees), abs(gap.trades)) < _NEAR * found.venue.cash:
        return ""
    parts = (
        (gap.prices, "fill prices"),
        (gap.fees, "commissions"),
        (gap.trades, _rest(session, found)),
    )
    told = ", ".join(
        f"{signed_money(Decimal(str(round(value, 2))))} by {words}" for value, words in parts
    )
    total = signed_money(Decimal(str(round(gap.total, 2))))
    return f"Exchange less backtest, {total} {quote} at the end: {told}."


def _rest(session: RecordedSession, found: Compared) -> str:
    """Say what differs beside prices and commissions."""
    others = "trades that came late or not at all, as bars were missed"
    if not found.parity.only_late:
        others = "orders missed, refused, filled in part or made by one side alone"
    if session.decider.rules.fee_in == "quote":
        return others
    smaller = f"the smaller amounts that a commission in {session.ledger.facts.base} leaves"
    return smaller if found.parity.agrees else f"{smaller}, and {others}"


def _paid_in_base(session: RecordedSession) -> str:
    if session.decider.rules.fee_in == "quote":
        return ""
    facts = session.ledger.facts
    return (
        f"A buy's commission was taken in {facts.base}: after a buy the account holds that much "
        f"less than the backtest, which pays in {facts.quote}. Trades and the equity at each close "
        "are therefore compared with those of an account that follows the backtest's wishes and "
        f"pays in {facts.base} as well."
    )


def _orders(ledger: LedgerReader) -> str:
    counts = tally(ledger.orders())
    if not counts:
        return "No order was planned."
    outcomes = ", ".join(
        f"{count(many)} {outcome_words(outcome)}" for outcome, many in sorted(counts.items())
    )
    total = sum(counts.values())
    return f"{counted(total, 'order')}: {outcomes}."


def _unsendable(parity: Parity) -> str:
    """Say what was wanted and could not be sent, in the backtest and in the session."""
    return " ".join(f"{one.words.capitalize()}." for one in parity.refused if not one.exchange)


def outcome_words(outcome: Outcome) -> str:
    """Write what became of an order."""
    return outcome.lower().replace("_", " ")


def _costs(session: RecordedSession, found: Compared) -> str:
    paid = _amounts(session.ledger.fees())
    if not paid:
        return ""
    metrics = found.metrics["venue"]
    conceded = (
        f"{money(Decimal(str(round(metrics['slippage_paid'], 2))))} {session.ledger.facts.quote}"
    )
    gross = signed_percent(metrics["gross_return"])
    return (
        f"Commissions of {paid} were paid, and {conceded} lay between the fills and the opens of "
        f"their bars; before both, the positions returned {gross}."
    )


def _amounts(values: Mapping[str, Decimal]) -> str:
    return " and ".join(f"{money(value)} {currency}" for currency, value in sorted(values.items()))


def _incidents(ledger: LedgerReader) -> str:
    kinds = Counter(incident.kind for incident in ledger.incidents())
    if not kinds:
        return "No incident was noted."
    total = sum(kinds.values())
    told = ", ".join(f"{count(many)} {kind}" for kind, many in kinds.most_common())
    return f"{counted(total, 'incident')} noted: {told}."


def _left_out(found: Compared) -> str:
    if not found.left_out:
        return ""
    return (
        f"{counted(found.left_out, 'execution')} after the last candle known here: in the ledger, "
        "not in these numbers."
    )


def _unvalued(ledger: LedgerReader) -> str:
    others = {
        name: fee
        for name, fee in ledger.fees().items()
        if name not in (ledger.facts.base, ledger.facts.quote)
    }
    return (
        (
            f"Commissions of {_amounts(others)} are not in the equity: they were paid in a third "
            "currency."
        )
        if others
        else ""
    )


def _few_days(found: Compared) -> str:
    days = len(found.venue.returns)
    if days >= MIN_DAYS:
        return ""
    return f"{counted(days, 'day')} of trading cannot tell skill from luck, whatever was earned."
