"""Opens the account on a sandbox: ccxt's genuine class, sandbox mode on, behind the guard,
with the keys given.
"""

from typing import Any

from cryptonn.errors import ConfigError
from cryptonn.paper.clock import Clock
from cryptonn.paper.venue.account import FeeIn, SandboxVenue
from cryptonn.paper.venue.exchanges import LOCAL, Dialect, dialect_of
from cryptonn.paper.venue.guard import Guard, GuardError, guarded_session
from cryptonn.paper.venue.keys import LOCAL_KEYS, Credentials
from cryptonn.paper.venue.redaction import Redactor

__all__ = ["SandboxVenue", "open_venue"]


def open_venue(
    exchange: str,
    *,
    credentials: Credentials | None = None,
    clock: Clock,
    port: int | None = None,
    timeout_s: float = 10.0,
    fee_in: FeeIn | None = None,
) -> SandboxVenue:
    """Return the account on an exchange's sandbox; nothing is sent yet.

    Parameters
    ----------
    exchange
        "binance", "gemini" or "alpaca"; or the exchange on this machine, "local" (it speaks as
        binance does) or "local-gemini".
    credentials
        Keys of a sandbox account; the local exchange has its own.
    clock
        The time requests are signed with.
    port
        Of the local exchange; no other may have one.
    timeout_s
        How long a reply is waited for, at most 30 s.
    fee_in
        Currency of a buy's commission, for the rules of the markets; by default what the exchange
        does.

    Raises
    ------
    ConfigError
        If the exchange has no sandbox that can be guarded, or keys or port do not fit it.
    ExchangeError
        If ccxt's sandbox is not the one that is known here.
    """
    dialect = dialect_of(exchange)
    keys = _fitting_keys(exchange, credentials, port)
    guard = Guard(dialect.sandbox, port=port)
    redactor = Redactor(keys)
    api = _sandboxed(
        dialect, keys, guard, clock=clock, timeout_s=timeout_s, paced=exchange not in LOCAL
    )
    own = "quote" if exchange in LOCAL else dialect.fee_in
    venue = SandboxVenue(
        exchange,
        api=api,
        dialect=dialect,
        guard=guard,
        redactor=redactor,
        clock=clock,
        fee_in=fee_in or own,
    )
    try:
        venue.check()
    except GuardError:
        venue.close()
        raise
    return venue


def _fitting_keys(exchange: str, credentials: Credentials | None, port: int | None) -> Credentials:
    if (exchange in LOCAL) != (port is not None):
        wants = "needs the port of" if exchange in LOCAL else "is not"
        raise ConfigError(
            f"{exchange} {wants} the local exchange. Name a port with --exchange local, and only "
            "then."
        )
    keys = (
        Credentials(*LOCAL_KEYS[exchange])
        if credentials is None and exchange in LOCAL
        else credentials
    )
    if keys is None:
        raise ConfigError(
            f"{exchange} needs the keys of a sandbox account. Set CRYPTONN_KEY and CRYPTONN_SECRET."
        )
    if exchange.endswith("gemini") and not keys.key.startswith("account-"):
        raise ConfigError(
            "A key for gemini begins with 'account-' (one for a group of accounts will not do). "
            "Make one."
        )
    return keys


def _sandboxed(
    dialect: Dialect,
    keys: Credentials,
    guard: Guard,
    *,
    clock: Clock,
    timeout_s: float,
    paced: bool,
) -> Any:
    """Return the genuine ccxt class with sandbox mode on, behind the guard."""
    import ccxt

    api = getattr(ccxt, dialect.sandbox.exchange)(
        {
            "apiKey": keys.key,
            "secret": keys.secret,
            "session": guarded_session(guard),
            "timeout": int(timeout_s * 1000),
            "enableRateLimit": paced,
            "options": {**dialect.settings(), "maxRetriesOnFailure": 0},
        }
    )
    api.set_sandbox_mode(True)
    api.milliseconds = clock.now_ms
    api.throttle = lambda cost=None: _pace(api, clock, cost)
    api.log = _say_nothing
    return api


def _pace(api: Any, clock: Clock, cost: float | None) -> None:
    """Keep requests apart as ccxt does, but by the given clock,
    and never longer than that if it was set back.
    """
    apart_ms = api.rateLimit * (1 if cost is None else cost)
    since_ms = clock.now_ms() - api.lastRestRequestTimestamp
    clock.sleep(min(max(apart_ms - since_ms, 0), apart_ms) / 1000)


def _say_nothing(*_: object) -> None:
    """ccxt's verbose mode would print requests."""
