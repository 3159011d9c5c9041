"""What the ledger's tables hold, one frozen record a row."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger.schema import OrderPhase
from cryptonn.paper.ports import OrderRequest, Side

__all__ = [
    "Added",
    "CandleRow",
    "DecisionRow",
    "EpochRow",
    "EventRow",
    "FillRow",
    "IncidentRow",
    "OrderRow",
    "SessionFacts",
    "client_id",
    "session_code",
]


class CandleRow(NamedTuple):
    """One closed candle as first seen; float64, time is its open in milliseconds UTC."""

    time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Added(NamedTuple):
    """What became of candles handed to the ledger: how many were new,
    and the times of those that differ now.
    """

    new: int
    revised: tuple[int, ...]


@dataclass(frozen=True)
class SessionFacts:
    """What a session is: its run, model and exchange. A database serves one session and refuses
    another.

    Parameters
    ----------
    run
        Name of the run.
    config, config_sha, model_sha
        The resolved configuration as JSON, its sha256 and that of the model's files.
    venue, symbol
        Exchange and market of the orders.
    cash
        Quote that the strategy trades with, whatever else the account holds.
    """

    run: str
    config: str
    config_sha: str
    model_sha: str
    code_version: str
    ccxt_version: str
    venue: str
    symbol: str
    cash: Decimal
    started_ms: int

    @property
    def code(self) -> str:
        """Four characters that mark the session's client ids."""
        return session_code(self.run, self.model_sha, str(self.started_ms))

    @property
    def target(self) -> str:
        """The run's own name of the market: the candles stand under it."""
        return self._of_data("target", self.symbol)

    @property
    def synthetic(self) -> bool:
        """Whether the candles are made up: those of a synthetic market, served on this machine."""
        return self.venue.startswith("local") and self._of_data("source", "") == "synthetic"

    @property
    def enter(self) -> float | None:
        """Probability at which the signal enters; None in a session that was begun before it was
        kept.
        """
        found = json.loads(self.config).get("enter")
        return None if found is None else float(found)

    @property
    def base(self) -> str:
        """Currency that is bought and sold."""
        return self.symbol.split("/")[0]

    @property
    def quote(self) -> str:
        """Currency that prices are in."""
        return self.symbol.split("/")[1]

    def _of_data(self, key: str, default: str) -> str:
        return str(json.loads(self.config).get("run", {}).get("data", {}).get(key, default))


@dataclass(frozen=True)
class DecisionRow:
    """A decision and when it was written down."""

    decision: Decision
    decided_ms: int


@dataclass(frozen=True)
class OrderRow:
    """One order: what was asked for, and how far it got. ``filled`` is what the exchange said at
    its end.
    """

    cid: str
    epoch: int
    time_ms: int
    seq: int
    side: Side
    amount: Decimal
    limit: Decimal | None
    state: OrderPhase
    signed_ms: int | None
    venue_id: str | None
    filled: Decimal
    reason: str

    def request(self, symbol: str) -> OrderRequest:
        """Return what goes to the exchange."""
        return OrderRequest(self.cid, symbol, self.side, self.amount, self.limit)


@dataclass(frozen=True)
class FillRow:
    """One execution as booked."""

    epoch: int
    trade_id: str
    cid: str
    side: Side
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    time_ms: int


@dataclass(frozen=True)
class EpochRow:
    """A stretch over which the account's balances follow from its opening and the fills.

    ``opening`` holds the account's totals, ``carried`` the part of its base that is the strategy's
    position, and ``cash`` the strategy's quote, each at its start.
    """

    n: int
    at_ms: int
    why: str
    opening: Mapping[str, Decimal]
    carried: Decimal
    cash: Decimal


@dataclass(frozen=True)
class EventRow:
    """One step of an order; where ``from_state`` equals ``to_state`` only something was learnt."""

    cid: str
    at_ms: int
    from_state: OrderPhase
    to_state: OrderPhase
    detail: str


@dataclass(frozen=True)
class IncidentRow:
    """Something a person should know of."""

    at_ms: int
    kind: str
    detail: str


def session_code(*words: str) -> str:
    """Return four characters that hardly any other session shares.

    >>> len(session_code("lstm", "0af3"))
    4
    """
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:4]


def client_id(code: str, time_ms: int, seq: int) -> str:
    """Return the client id of the ``seq``-th order after the bar that opened at ``time_ms``.

    >>> client_id("a1b2", 1_546_300_800_000, 1)
    'cna1b2-25771680-1'
    """
    return f"cn{code}-{time_ms // 60_000}-{seq}"
