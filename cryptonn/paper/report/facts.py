"""The facts of a session: where it traded, with what, under which rules, with which versions."""

from cryptonn.paper.identity import recorded_rules
from cryptonn.paper.recorded import RecordedSession
from cryptonn.paper.report.compared import Compared
from cryptonn.paper.report.words import span
from cryptonn.paper.view.formats import clean, moment, money, units
from cryptonn.reporting.formatting import count, percent
from cryptonn.reporting.words import candle_facts
from cryptonn.trading.rules import MarketRules
from cryptonn.units import in_percent

__all__ = ["fact_list", "facts_line"]


def facts_line(session: RecordedSession, found: Compared) -> list[tuple[str, str]]:
    """Return the few facts under the title."""
    facts = session.ledger.facts
    start_ms, end_ms = span(session)
    return [
        ("run", facts.run),
        ("session", session.name),
        ("exchange", facts.venue),
        ("market", f"{facts.symbol}, {session.decider.config.data.timeframe}"),
        ("strategy", found.venue.strategy),
        ("cash", f"{money(facts.cash)} {facts.quote}"),
        ("from", f"{moment(start_ms)} to {moment(end_ms)} (UTC)"),
    ]


def fact_list(session: RecordedSession, found: Compared) -> list[tuple[str, str]]:
    """Return the other facts that a reader asks for."""
    facts = session.ledger.facts
    settings = session.settings
    ledger = session.ledger
    costs = found.venue.costs
    newest = ledger.epoch_now()
    parts = (
        ("commission", costs.commission),
        ("half the spread", costs.spread),
        ("slippage", costs.slippage),
    )
    names = {own: name for own, name in settings.symbols.items() if own != name}
    told = [
        ("begun", f"{moment(facts.started_ms)} (UTC)"),
        (
            "costs of the backtest",
            f"{settings.fees}: {', '.join(f'{name} {in_percent(value)}' for name, value in parts)}",
        ),
        ("costs in all", found.metrics["model"]["costs"]),
        ("share of equity in a position", percent(found.config.backtest.fraction)),
        ("rules of the market", _rules_words(recorded_rules(ledger.facts))),
        (
            "currency of a buy's commission",
            {"base": facts.base, "quote": facts.quote}[session.decider.rules.fee_in],
        ),
        (
            "candles from",
            settings.candle_exchange if not settings.is_local else f"{facts.venue} exchange",
        ),
        ("bars without a candle before it holds", f"more than {count(settings.max_gap)}"),
        ("epochs", f"{newest.n}, the newest since {moment(newest.at_ms)}: {clean(newest.why)}"),
        ("code", f"cryptonn {facts.code_version}, ccxt {facts.ccxt_version}"),
        ("model sha256", facts.model_sha),
        ("configuration sha256", facts.config_sha),
        ("mark of its orders", f"client ids begin with cn{facts.code}-"),
    ]
    told += (
        [("names at the exchange", ", ".join(f"{own} = {name}" for own, name in names.items()))]
        if names
        else []
    )
    return [*told, *candle_facts(found.frame)]


def _rules_words(rules: MarketRules) -> str:
    least = f"an order at least {units(rules.min_amount)} and worth {units(rules.min_cost)}"
    return f"amounts on {units(rules.amount_step)}, prices on {units(rules.price_tick)}, {least}"
