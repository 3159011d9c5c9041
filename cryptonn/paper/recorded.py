"""A session as it lies on the disk, opened to be looked at: its ledger,
and the decider that can replay it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cryptonn.errors import DataError
from cryptonn.paper.candle_log import bar_ms
from cryptonn.paper.decider import Decider, Terms, open_decider
from cryptonn.paper.identity import model_sha, recorded_rules
from cryptonn.paper.ledger import LedgerReader
from cryptonn.paper.session import find_session, settings_of
from cryptonn.paper.settings import PaperSettings
from cryptonn.runs import read_run_config
from cryptonn.trading.rules import MarketRules

__all__ = ["RecordedSession", "open_recorded"]


@dataclass(frozen=True)
class RecordedSession:
    """A session that can be replayed without its exchange.

    Attributes
    ----------
    name, run
        Of the session, and the folder of its run.
    decider
        With the market's rules as they were at the session's start; the currency of a buy's
        commission is the one that was really charged.
    """

    name: str
    run: Path
    settings: PaperSettings
    ledger: LedgerReader
    decider: Decider

    @property
    def folder(self) -> Path:
        """Where the session lies."""
        return self.ledger.path.parent

    @property
    def step_ms(self) -> int:
        """Length of a bar."""
        return bar_ms(self.decider.config.data.timeframe)


@contextmanager
def open_recorded(run: Path, name: str | None = None) -> Iterator[RecordedSession]:
    """Open a session of a run to look at it, also while it runs; within the block it stays as of
    one moment.

    Parameters
    ----------
    run
        Folder of the run.
    name
        Of the session; may be left out where there is only one.

    Raises
    ------
    ConfigError
        If there is no such session.
    DataError
        If it never decided on anything, or the run's model is another by now.
    """
    path = find_session(run, name)
    with LedgerReader.open(path) as ledger, ledger.at_once():
        settings = settings_of(ledger)
        facts = ledger.facts
        if ledger.newest_decision() is None:
            raise DataError(
                f"{path}: the session has decided on nothing yet. Let `cryptonn paper {run.name} "
                f"--session {path.parent.name}` run for some minutes."
            )
        if model_sha(run) != facts.model_sha:
            raise DataError(
                f"{path}: the session was traded with another model than the one in "
                f"{run / 'model'} now, so its decisions cannot be repeated. Give the run folder "
                "that it was begun with."
            )
        step = bar_ms(read_run_config(run).data.timeframe)
        terms = Terms(
            rules=_charged(ledger, recorded_rules(ledger.facts)),
            fees=settings.fees,
            cash=facts.cash,
            start_ms=facts.started_ms // step * step,
        )
        decider = open_decider(run, terms)
        yield RecordedSession(path.parent.name, run, settings, ledger, decider)


def _charged(ledger: LedgerReader, rules: MarketRules) -> MarketRules:
    """Return the rules with the currency that commissions of buys were really taken in,
    where that is base or quote.
    """
    charged = {fill.fee_currency for fill in ledger.fills() if fill.side == "buy"}
    if ledger.facts.base in charged:
        return replace(rules, fee_in="base")
    return replace(rules, fee_in="quote") if ledger.facts.quote in charged else rules
