"""A paper session, opened: ledger, account, candles, decider and executor of one run, closed together."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, did_you_mean
from cryptonn.market.exchange.live import LiveCandles
from cryptonn.paper.candle_log import bar_ms
from cryptonn.paper.clock import Clock, LocalClock, WallClock
from cryptonn.paper.decider import Decider, log_start_ms, open_decider
from cryptonn.paper.executor import Executor
from cryptonn.paper.feed import Feed
from cryptonn.paper.ledger import Ledger, LedgerReader, SessionFacts, take_lock
from cryptonn.paper.settings import PORT, PaperSettings
from cryptonn.paper.venue.keys import Credentials, load_credentials
from cryptonn.paper.venue.venue import SandboxVenue, open_venue
from cryptonn.runs import read_run_config

__all__ = ["Session", "find_session", "open_session", "session_file", "settings_of"]


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


def session_file(run: Path, name: str) -> Path:
    """Return the database of a session of a run; the session is called like its exchange unless told otherwise."""
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
    listed = f" There are: {', '.join(there)}." if there else " There is none yet: `cryptonn paper RUN` starts one."
    if name is None and there:
        raise ConfigError(f"{run.name} has {len(there)} paper sessions. Name one with --session.{listed}")
    raise ConfigError(
        f"{run.name} has no paper session{f' {name!r}' if name else ''}.{did_you_mean(name or '', there)}{listed}"
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

    Raises
    ------
    CryptonnError
        If anything is missing or does not fit: keys, the symbol, the model, another process, another run's database.
    """
    config = read_run_config(run)
    credentials = load_credentials(settings.exchange, environ=environ, path=keys)
    clock: Clock = LocalClock(port) if settings.is_local else WallClock()
    with ExitStack() as stack:
        place = f"{settings.exchange} on port {port}" if settings.is_local else settings.exchange
        stack.enter_context(take_lock(_account_lock(settings, credentials, port), what=f"this account of {place}"))
        venue = stack.enter_context(
            open_venue(
                settings.exchange, credentials=credentials, clock=clock, port=port if settings.is_local else None
            )
        )
        facts = _facts(run, config, settings, started_ms=clock.now_ms())
        ledger = stack.enter_context(Ledger.open(session_file(run, name), facts))
        yield _assembled(run, config, settings, ledger=ledger, venue=venue, clock=clock, port=port, stack=stack)


def _assembled(
    run: Path,
    config: RunConfig,
    settings: PaperSettings,
    *,
    ledger: Ledger,
    venue: SandboxVenue,
    clock: Clock,
    port: int,
    stack: ExitStack,
) -> Session:
    """Put the parts of an open ledger and an open account together."""
    step, facts = bar_ms(config.data.timeframe), ledger.facts
    start_ms = facts.started_ms // step * step
    decider = open_decider(run, rules=venue.rules(facts.symbol), fees=settings.fees, cash=facts.cash, start_ms=start_ms)
    decider.recall({row.decision.time_ms: row.decision.wanted for row in ledger.decisions()})
    names = {symbol: settings.market(symbol) for symbol in config.data.symbols}
    candles = stack.enter_context(
        LiveCandles(
            settings.candle_exchange,
            symbols=tuple(names.values()),
            timeframe=config.data.timeframe,
            port=port if settings.is_local and settings.candles is None else None,
            sleep=clock.sleep,
        )
    )
    feed = Feed(
        *(ledger, candles, clock),
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
        executor=Executor(ledger, venue, clock),
        clock=clock,
        start_ms=start_ms,
    )


def _facts(run: Path, config: RunConfig, settings: PaperSettings, *, started_ms: int) -> SessionFacts:
    """Return what the session is, as it would begin now."""
    plain = {"run": config.model_dump(mode="json"), "paper": settings.plain()}
    text = json.dumps(plain, sort_keys=True)
    return SessionFacts(
        run=run.name,
        config=text,
        config_sha=_sha256(text.encode()),
        model_sha=_sha256(*(path.read_bytes() for path in sorted((run / "model").iterdir()))),
        code_version=version("cryptonn"),
        ccxt_version=version("ccxt"),
        venue=settings.exchange,
        symbol=settings.market(config.data.target),
        cash=settings.cash if settings.cash is not None else Decimal(str(config.backtest.cash)),
        started_ms=started_ms,
    )


def _account_lock(settings: PaperSettings, credentials: Credentials, port: int) -> Path:
    """Return the lock file of an account; its name tells nothing of the key."""
    account = f"{settings.exchange} {port if settings.is_local else ''} {credentials.key}"
    return Path(tempfile.gettempdir()) / "cryptonn" / f"account-{_sha256(account.encode())[:16]}.lock"


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
