"""A paper session, opened: ledger, account, candles, decider and executor of one run,
closed together.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.market.bars import time_text
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.paper.candle_log import bar_ms
from cryptonn.paper.clock import Clock, LocalClock, WallClock
from cryptonn.paper.decider import Decider, Terms, log_start_ms, open_decider
from cryptonn.paper.executor import Executor
from cryptonn.paper.feed import Feed
from cryptonn.paper.identity import model_sha, recorded_rules, session_config, sha256
from cryptonn.paper.inquiry import Timing
from cryptonn.paper.ledger import Ledger, LedgerReader, SessionFacts, take_lock
from cryptonn.paper.patience import patiently
from cryptonn.paper.settings import PORT, PaperSettings
from cryptonn.paper.venue.exchanges import dialect_of
from cryptonn.paper.venue.keys import Credentials, load_credentials
from cryptonn.paper.venue.venue import SandboxVenue, open_venue
from cryptonn.runs import read_facts, read_run_config
from cryptonn.trading.costs import costs_for
from cryptonn.trading.rules import MarketRules

__all__ = ["Session", "find_session", "open_session", "session_file", "settings_of"]

_MOMENT_S = 0.2


@dataclass(frozen=True)
class Session:
    """Everything that trades one run on one account."""

    config: RunConfig
    settings: PaperSettings
    ledger: Ledger
    venue: SandboxVenue
    feed: Feed
    decider: Decider
    executor: Executor
    clock: Clock
    start_ms: int
    """Open of the first bar to decide on."""

    @property
    def step_ms(self) -> int:
        """Length of a bar."""
        return bar_ms(self.config.data.timeframe)

    @property
    def slice_s(self) -> float:
        """Seconds after which a wait should look whether it is to be stopped:
        a moment of the wall.
        """
        speed = self.clock.speed if isinstance(self.clock, LocalClock) else 1.0
        return min(_MOMENT_S * speed, self.step_ms / 1000)


def session_file(run: Path, name: str) -> Path:
    """Return the database of a session of a run; the session is called like its exchange unless
    told otherwise.
    """
    return run / "paper" / name / "session.sqlite"


def find_session(run: Path, name: str | None) -> Path:
    """Return the database of a session: the one named, or the only one there is.

    Raises
    ------
    ConfigError
        If there is none of that name, or several and none is named.
    """
    there = sorted(path.parent.name for path in run.glob("paper/*/session.sqlite"))
    if name is None and len(there) == 1:
        name = there[0]
    if name in there:
        return session_file(run, str(name))
    listed = (
        f" There are: {', '.join(there)}."
        if there
        else " There is none yet: `cryptonn paper RUN` starts one."
    )
    if name is None and there:
        raise ConfigError(
            f"{run.name} has {len(there)} paper sessions. Name one with --session.{listed}"
        )
    raise ConfigError(
        f"{run.name} has no paper "
        f"session{f' {name!r}' if name else ''}.{did_you_mean(name or '', there)}{listed}"
    )


def settings_of(ledger: LedgerReader) -> PaperSettings:
    """Return the settings that a session was begun with."""
    return PaperSettings.from_plain(json.loads(ledger.facts.config)["paper"])


@contextmanager
def open_session(
    run: Path,
    name: str,
    settings: PaperSettings,
    *,
    environ: Mapping[str, str],
    keys: Path | None = None,
    port: int = PORT,
    clock: Clock | None = None,
) -> Iterator[Session]:
    """Open a session of a run, or begin it.

    Parameters
    ----------
    run
        Folder of the run.
    name
        Of the session.
    environ, keys
        Where the keys of the sandbox account are: the environment, or a private file.
    port
        Of the local exchange.
    clock
        Time and waiting; by default the machine's, or the local exchange's.

    Raises
    ------
    CryptonnError
        If anything is missing or does not fit: keys, the symbol, the model, another process,
        another run's database.
    """
    config = read_run_config(run)
    _check_settings(config, settings, name)
    credentials = load_credentials(settings.exchange, environ=environ, path=keys)
    clock = clock or (LocalClock(port) if settings.is_local else WallClock())
    own_port = port if settings.is_local else None
    with ExitStack() as stack:
        place = f"{settings.exchange} on port {port}" if settings.is_local else settings.exchange
        lock = _account_lock(settings, credentials, port)
        holder = f"session {name} of {run.name}"
        stack.enter_context(take_lock(lock, what=f"this account of {place}", holder=holder))
        venue = stack.enter_context(
            open_venue(
                settings.exchange,
                credentials=credentials,
                clock=clock,
                port=own_port,
                fee_in=settings.fee_in,
            )
        )
        names = {symbol: settings.market(symbol) for symbol in config.data.symbols}
        candles = stack.enter_context(
            LiveCandles(
                settings.candle_exchange,
                symbols=tuple(names.values()),
                timeframe=config.data.timeframe,
                port=own_port if settings.is_replay else None,
                sleep=clock.sleep,
            )
        )
        rules = patiently(lambda: venue.rules(names[config.data.target]), clock)
        facts = _facts(run, config, settings, rules, started_ms=candles.server_ms())
        begun = _begun(session_file(run, name))
        _check_same_settings(begun, facts, name)
        decider = _decider(run, settings, begun or facts)
        ledger = stack.enter_context(
            Ledger.open(session_file(run, name), facts)
        )  # last: nothing is made in vain
        _check_time_went_on(ledger, facts.started_ms, name, is_replay=settings.is_replay)
        decider.recall(
            {row.decision.time_ms: row.decision.wanted for row in ledger.decisions()},
            note=lambda words: ledger.incident("replayed", words, at_ms=clock.now_ms()),
        )
        if decider.rules != rules:
            ledger.incident("rules", f"the market's rules are {rules} now", at_ms=facts.started_ms)
        yield _assembled(settings, ledger, venue, decider, candles, clock, names=names)


def _check_settings(config: RunConfig, settings: PaperSettings, name: str) -> None:
    """Refuse what can be told to be wrong without asking anybody."""
    dialect_of(settings.exchange)
    costs_for(config.costs, settings.fees)
    if settings.cash is not None and not (settings.cash.is_finite() and settings.cash > 0):
        raise ConfigError(
            f"cash is {settings.cash}; it must be above 0. Leave it out to trade with the run's "
            "own."
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise ConfigError(
            f"session {name!r}: a name has up to 64 letters, digits, dots, dashes and underscores."
        )


def _begun(path: Path) -> SessionFacts | None:
    """Return what a session was begun as; None if it was not, or its database is not whole,
    which is told later.
    """
    try:
        with LedgerReader.open(path) as reader:
            return reader.facts
    except DataError:
        return None


def _check_same_settings(begun: SessionFacts | None, now: SessionFacts, name: str) -> None:
    """Refuse to go on with a session under other settings than it was begun with, and name them."""
    if begun is None or begun.run != now.run:
        return
    old, new = (json.loads(facts.config)["paper"] for facts in (begun, now))
    changed = [
        f"{key} was {_plain(old.get(key))}, now it is {_plain(new[key])}"
        for key in new
        if old.get(key) != new[key]
    ]
    if changed:
        raise ConfigError(
            f"The session {name!r} was begun with other settings: {'; '.join(changed)}. Give it "
            "the same ones, or begin another session with --session NAME."
        )


def _check_time_went_on(ledger: LedgerReader, now_ms: int, name: str, *, is_replay: bool) -> None:
    """Refuse an exchange that stands before what the session has decided:
    it would wait for that time to come again.
    """
    newest = ledger.newest_decision()
    if newest is None or now_ms > newest.decision.time_ms:
        return
    now, then = (
        time_text(pd.Timestamp(at_ms, unit="ms", tz="UTC"))
        for at_ms in (now_ms, newest.decision.time_ms)
    )
    how = (
        (
            "It was served again since, with new books, and replays from its start. Begin a "
            f"session of its own with --session NAME: {name!r} stays as it is, for parity and "
            "report."
        )
        if is_replay
        else "Its clock went back; look at what it says of itself before trading on it."
    )
    raise DataError(
        f"At the exchange it is {now}, but the session {name!r} has decided up to {then}. {how}"
    )


def _plain(value: object) -> str:
    return "not given" if value is None or value == {} else str(value)


def _decider(run: Path, settings: PaperSettings, facts: SessionFacts) -> Decider:
    """Return what decides, under the market's rules at the session's start:
    a replay under others would differ.
    """
    step = bar_ms(read_run_config(run).data.timeframe)
    terms = Terms(
        rules=recorded_rules(facts),
        fees=settings.fees,
        cash=facts.cash,
        start_ms=facts.started_ms // step * step,
    )
    return open_decider(run, terms)


def _assembled(
    settings: PaperSettings,
    ledger: Ledger,
    venue: SandboxVenue,
    decider: Decider,
    candles: LiveCandles,
    clock: Clock,
    *,
    names: Mapping[str, str],
) -> Session:
    """Put the parts of an open ledger and an open account together."""
    config = decider.config
    step = bar_ms(config.data.timeframe)
    start_ms = ledger.facts.started_ms // step * step
    feed = Feed(
        ledger,
        candles,
        clock,
        names=names,
        timeframe=config.data.timeframe,
        log_start_ms=log_start_ms(config, start_ms),
    )
    return Session(
        config=config,
        settings=settings,
        ledger=ledger,
        venue=venue,
        feed=feed,
        decider=decider,
        executor=Executor(ledger, venue, clock, timing=_timing(settings, step)),
        clock=clock,
        start_ms=start_ms,
    )


def _timing(settings: PaperSettings, step_ms: int) -> Timing:
    """Return the executor's waits.

    On a replay an order that was not accepted is sent anew within its bar, as it fills at the same
    open then; a real market has moved on.
    """
    return Timing(resend_within_s=step_ms / 1000) if settings.is_local else Timing()


def _facts(
    run: Path, config: RunConfig, settings: PaperSettings, rules: MarketRules, *, started_ms: int
) -> SessionFacts:
    """Return what the session is, as it would begin now."""
    text, config_sha = session_config(
        config, settings, rules, enter=float(read_facts(run)["enter"])
    )
    return SessionFacts(
        run=run.name,
        config=text,
        config_sha=config_sha,
        model_sha=model_sha(run),
        code_version=version("cryptonn"),
        ccxt_version=version("ccxt"),
        venue=settings.exchange,
        symbol=settings.market(config.data.target),
        cash=settings.cash if settings.cash is not None else Decimal(str(config.backtest.cash)),
        started_ms=started_ms,
    )


def _account_lock(settings: PaperSettings, credentials: Credentials, port: int) -> Path:
    """Return the lock file of an account; its name tells nothing of the key."""
    account = f"local {port}" if settings.is_local else f"{settings.exchange} {credentials.key}"
    return (
        Path(tempfile.gettempdir()) / "cryptonn" / f"account-{sha256(account.encode())[:16]}.lock"
    )
