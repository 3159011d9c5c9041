"""The tables of a session's database, the states of an order, and the rules the database itself
enforces.

    PLANNED ─┬─> SENDING ─┬─> OPEN ──> CLOSED
             │            ├─> REJECTED
             │            └─> NOT_ACCEPTED
             └─> DROPPED

    CLOSED          filled, in part or not at all: see ``filled`` and ``reason``
    REJECTED        the exchange refused
    NOT_ACCEPTED    the time fence passed, and the exchange knows no such order
    DROPPED         planned before a stop, too old to be sent after it

PLANNED is committed with its decision and SENDING before the request leaves, so a SENDING that a
start finds is an order whose fate only the exchange knows. Amounts and prices are decimal text,
times milliseconds UTC. The ids that the exchange gives may begin anew when a sandbox is reset, so a
trade is known by its id and our client id of the order.
"""

from typing import Literal, get_args

__all__ = ["APPLICATION_ID", "EDGES", "SCHEMA", "SCHEMA_VERSION", "UNRESOLVED", "OrderPhase"]

OrderPhase = Literal["PLANNED", "SENDING", "OPEN", "CLOSED", "REJECTED", "NOT_ACCEPTED", "DROPPED"]

EDGES: tuple[tuple[OrderPhase, OrderPhase], ...] = (
    ("PLANNED", "SENDING"),
    ("PLANNED", "DROPPED"),
    ("SENDING", "OPEN"),
    ("SENDING", "REJECTED"),
    ("SENDING", "NOT_ACCEPTED"),
    ("OPEN", "CLOSED"),
)
"""Every change of state there is."""

UNRESOLVED: tuple[OrderPhase, ...] = ("PLANNED", "SENDING", "OPEN")

SCHEMA_VERSION = 2
APPLICATION_ID = 0x43724E4E
"""Marks the file as a cryptonn session (SQLite's ``application_id``)."""


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_EDGE_ROWS = ", ".join(f"('{start}', '{end}')" for start, end in EDGES)

SCHEMA = f"""
CREATE TABLE session (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    run TEXT NOT NULL, code TEXT NOT NULL, config TEXT NOT NULL,
    config_sha TEXT NOT NULL, model_sha TEXT NOT NULL,
    code_version TEXT NOT NULL, ccxt_version TEXT NOT NULL,
    venue TEXT NOT NULL, symbol TEXT NOT NULL, cash TEXT NOT NULL, started_ms INTEGER NOT NULL,
    sandbox INTEGER NOT NULL CHECK (sandbox = 1)
) STRICT;
CREATE TABLE epoch (
    n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, why TEXT NOT NULL, opening TEXT NOT NULL,
    carried TEXT NOT NULL, cash TEXT NOT NULL
) STRICT;
CREATE TABLE candle (
    symbol TEXT NOT NULL, time_ms INTEGER NOT NULL,
    open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL,
    close REAL NOT NULL, volume REAL NOT NULL, source TEXT NOT NULL, seen_ms INTEGER NOT NULL,
    PRIMARY KEY (symbol, time_ms)
) STRICT, WITHOUT ROWID;
CREATE TABLE decision (
    time_ms INTEGER PRIMARY KEY, close_ms INTEGER NOT NULL, decided_ms INTEGER NOT NULL, proba REAL,
    signal INTEGER NOT NULL, wanted TEXT NOT NULL, close TEXT NOT NULL, near INTEGER NOT NULL
) STRICT;
CREATE TABLE edge (
    from_state TEXT NOT NULL, to_state TEXT NOT NULL, PRIMARY KEY (from_state, to_state)
) STRICT, WITHOUT ROWID;
INSERT INTO edge VALUES {_EDGE_ROWS};
CREATE TABLE orders (
    cid TEXT PRIMARY KEY, epoch INTEGER NOT NULL REFERENCES epoch (n),
    time_ms INTEGER NOT NULL REFERENCES decision (time_ms), seq INTEGER NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')), amount TEXT NOT NULL, limit_price TEXT,
    state TEXT NOT NULL CHECK (state IN ({_words(get_args(OrderPhase))})),
    signed_ms INTEGER, venue_id TEXT, filled TEXT NOT NULL, reason TEXT NOT NULL,
    UNIQUE (time_ms, seq)
) STRICT;
CREATE UNIQUE INDEX one_unresolved ON orders ((1)) WHERE state IN ({_words(UNRESOLVED)});
CREATE TABLE order_event (
    id INTEGER PRIMARY KEY, cid TEXT NOT NULL REFERENCES orders (cid), at_ms INTEGER NOT NULL,
    from_state TEXT NOT NULL, to_state TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE TABLE fill (
    epoch INTEGER NOT NULL REFERENCES epoch (n), trade_id TEXT NOT NULL,
    cid TEXT NOT NULL REFERENCES orders (cid),
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    amount TEXT NOT NULL, price TEXT NOT NULL, fee TEXT NOT NULL,
    fee_currency TEXT NOT NULL, time_ms INTEGER NOT NULL, PRIMARY KEY (cid, trade_id)
) STRICT;
CREATE INDEX fills_of_trade ON fill (epoch, trade_id);
CREATE INDEX events_of_order ON order_event (cid);
CREATE TABLE snapshot (
    at_ms INTEGER NOT NULL, currency TEXT NOT NULL, free TEXT NOT NULL, used TEXT NOT NULL
) STRICT;
CREATE TABLE incident (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE TRIGGER orders_start BEFORE INSERT ON orders WHEN NEW.state <> 'PLANNED'
    BEGIN SELECT RAISE (ABORT, 'an order starts as PLANNED'); END;
CREATE TRIGGER orders_edge BEFORE UPDATE OF state ON orders
    WHEN NOT EXISTS (SELECT 1 FROM edge WHERE from_state = OLD.state AND to_state = NEW.state)
    BEGIN SELECT RAISE (ABORT, 'no such change of state'); END;
CREATE TRIGGER orders_keep
    BEFORE UPDATE OF cid, epoch, time_ms, seq, side, amount, limit_price ON orders
    BEGIN SELECT RAISE (ABORT, 'an order is never rewritten'); END;
"""

_KEPT = (
    "orders",
    "decision",
    "candle",
    "fill",
    "order_event",
    "incident",
    "epoch",
    "snapshot",
    "session",
)
SCHEMA += "".join(
    (
        f"CREATE TRIGGER {table}_stays BEFORE DELETE ON {table} BEGIN SELECT RAISE (ABORT, "
        "'nothing is deleted'); END;\n"
    )
    for table in _KEPT
)
SCHEMA += "".join(
    (
        f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} BEGIN SELECT RAISE (ABORT, "
        "'nothing is rewritten'); END;\n"
    )
    for table in _KEPT
    if table != "orders"
)
