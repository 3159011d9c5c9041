"""Write a session's ledger: one process, one thread, each call one transaction that is on the disk
when it returns.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptonn.errors import DataError
from cryptonn.locks import Lock
from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger.connection import connect, transaction
from cryptonn.paper.ledger.lock import take_lock
from cryptonn.paper.ledger.queries import LedgerReader
from cryptonn.paper.ledger.rows import (
    Added,
    CandleRow,
    EpochRow,
    FillRow,
    OrderRow,
    SessionFacts,
    client_id,
)
from cryptonn.paper.ledger.schema import OrderPhase
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import VenueFill

__all__ = ["Ledger"]

_SAME = ("run", "config_sha", "model_sha", "venue", "symbol", "cash")
"""What must be equal for a session to go on."""


class Ledger(LedgerReader):
    """The ledger of the session that runs; a second process is refused.

    Amounts, prices and fees are exact decimals; times milliseconds UTC, always handed in.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, lock: Lock) -> None:
        super().__init__(db, path)
        self._lock = lock

    @classmethod
    def open(cls, path: Path, facts: SessionFacts | None = None) -> "Ledger":
        """Open the database of a session, or make it.

        Parameters
        ----------
        facts
            What the session is; None takes the word of the database, which must then be there.

        Raises
        ------
        ConfigError
            If another process has it open.
        DataError
            If it belongs to another run, model, exchange, market or version, or is damaged.
        OutputError
            If it cannot be written.
        """
        lock = take_lock(path.with_name(f"{path.name}.lock"), what="this session")
        try:
            ledger = cls(connect(path), path, lock)
        except BaseException:
            lock.close()
            raise
        try:
            ledger._begin(facts)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Close the file and let another process have it."""
        super().close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add_candles(
        self, symbol: str, rows: Iterable[CandleRow], *, seen_ms: int, source: str = ""
    ) -> Added:
        """Keep closed candles. What was seen first stays; the times of those that came otherwise
        later are returned.
        """
        new = 0
        revised = []
        with transaction(self._db, self.path) as db:
            for row in rows:
                kept = db.execute(
                    (
                        "SELECT time_ms, open, high, low, close, volume FROM candle WHERE symbol "
                        "= ? AND time_ms = ?"
                    ),
                    (symbol, row[0]),
                ).fetchone()
                if kept is None:
                    db.execute(
                        "INSERT INTO candle VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (symbol, *row, source, seen_ms),
                    )
                    new += 1
                elif tuple(kept) != tuple(row):
                    revised.append(int(row[0]))
        return Added(new, tuple(revised))

    def plan(
        self,
        decision: Decision,
        move: Move | None,
        *,
        at_ms: int,
        incidents: Iterable[tuple[str, str]] = (),
    ) -> OrderRow | None:
        """Write down a decision and, in the same transaction, the order it asks for; return that
        order.

        A bar is decided on once: a second decision breaks the table's key.

        Parameters
        ----------
        incidents
            Kind and detail of what a person should know of it.
        """
        row = asdict(decision) | {
            "wanted": str(decision.wanted),
            "close": str(decision.close),
            "decided_ms": at_ms,
        }
        names = ("time_ms", "close_ms", "decided_ms", "proba", "signal", "wanted", "close", "near")
        with transaction(self._db, self.path) as db:
            db.execute(
                "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [row[name] for name in names],
            )
            cid = None if move is None else self._insert_order(decision.time_ms, move, at_ms)
            for kind, detail in incidents:
                self._insert_incident(kind, detail, at_ms)
        return None if cid is None else self.order(cid)

    def plan_again(self, time_ms: int, move: Move, *, at_ms: int) -> OrderRow:
        """Write down a further order for a bar that was decided on,
        under a client id of its own.
        """
        with transaction(self._db, self.path):
            cid = self._insert_order(time_ms, move, at_ms)
        return self.order(cid)

    def mark(
        self,
        cid: str,
        state: OrderPhase,
        *,
        at_ms: int,
        signed_ms: int | None = None,
        venue_id: str | None = None,
        filled: Decimal | None = None,
        reason: str | None = None,
    ) -> OrderRow:
        """Move an order along one of the allowed edges, with what is known by then;
        the database refuses others.
        """
        known = {"signed_ms": signed_ms, "venue_id": venue_id, "reason": reason}
        known |= {"filled": None if filled is None else str(filled)}
        given = {name: value for name, value in known.items() if value is not None}
        before = self.order(cid).state
        with transaction(self._db, self.path) as db:
            columns = ", ".join(f"{name} = ?" for name in ("state", *given))
            db.execute(f"UPDATE orders SET {columns} WHERE cid = ?", (state, *given.values(), cid))
            self._event(cid, at_ms, before, state, reason or "")
        return self.order(cid)

    def note(self, cid: str, detail: str, *, at_ms: int) -> None:
        """Write down something learnt of an order that does not change its state."""
        state = self.order(cid).state
        with transaction(self._db, self.path):
            self._event(cid, at_ms, state, state, detail)

    def add_fills(self, cid: str, fills: Iterable[VenueFill]) -> int:
        """Book executions of an order; one that is known by its trade id counts once. Return how
        many were new.

        Raises
        ------
        DataError
            If a trade id is known with other contents, or the same trade as another order's:
            booking it would lose or invent money.
        """
        order = self.order(cid)
        before = len(self.fills(cid))
        with transaction(self._db, self.path):
            for fill in fills:
                self._insert_fill(order, fill)
        return len(self.fills(cid)) - before

    def incident(self, kind: str, detail: str, *, at_ms: int) -> None:
        """Write down something a person should know of."""
        with transaction(self._db, self.path):
            self._insert_incident(kind, detail, at_ms)

    def epoch(
        self,
        why: str,
        opening: Mapping[str, Decimal],
        *,
        carried: Decimal,
        cash: Decimal,
        at_ms: int,
    ) -> EpochRow:
        """Begin an epoch: from here on the account's totals follow from ``opening`` and the fills
        that come.
        """
        totals = json.dumps({currency: str(opening[currency]) for currency in sorted(opening)})
        with transaction(self._db, self.path) as db:
            db.execute(
                "INSERT INTO epoch (at_ms, why, opening, carried, cash) VALUES (?, ?, ?, ?, ?)",
                (at_ms, why, totals, str(carried), str(cash)),
            )
        return self.epoch_now()

    def snapshot(self, balances: Mapping[str, tuple[Decimal, Decimal]], *, at_ms: int) -> None:
        """Write down (free, used) of each currency."""
        rows = [
            (at_ms, name, str(free), str(used)) for name, (free, used) in sorted(balances.items())
        ]
        with transaction(self._db, self.path) as db:
            db.executemany("INSERT INTO snapshot VALUES (?, ?, ?, ?)", rows)

    def _begin(self, facts: SessionFacts | None) -> None:
        if not self._rows("SELECT 1 FROM session"):
            if facts is None:
                raise DataError(
                    f"{self.path}: there is no session yet. `cryptonn paper RUN` starts one."
                )
            self._write_facts(facts)
        elif facts is not None:
            self._check_same(facts)

    def _write_facts(self, facts: SessionFacts) -> None:
        row: dict[str, Any] = asdict(facts) | {
            "cash": str(facts.cash),
            "code": facts.code,
            "id": 1,
            "sandbox": 1,
        }
        with transaction(self._db, self.path) as db:
            marks = ", ".join("?" * len(row))
            db.execute(
                f"INSERT INTO session ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
            )

    def _check_same(self, facts: SessionFacts) -> None:
        kept = self.facts
        for name in _SAME:
            old, new = getattr(kept, name), getattr(facts, name)
            if old != new:
                raise DataError(
                    f"{self.path}: this session has {name.replace('_', ' ')} {_short(old)}, now it "
                    f"would be {_short(new)}. Give the same run, model and settings, or another "
                    "folder for a new session."
                )
        for name in ("code_version", "ccxt_version"):
            old, new = getattr(kept, name), getattr(facts, name)
            if old != new:
                self.incident("version", f"{name} {new}, begun with {old}", at_ms=facts.started_ms)

    def _insert_order(self, time_ms: int, move: Move, at_ms: int) -> str:
        seq = 1 + self._rows("SELECT count(*) FROM orders WHERE time_ms = ?", time_ms)[0][0]
        cid = client_id(self.facts.code, time_ms, seq)
        row = (
            cid,
            self.epoch_now().n,
            time_ms,
            seq,
            move.side,
            str(move.amount),
            "PLANNED",
            "0",
            "",
        )
        self._db.execute(
            "INSERT INTO orders (cid, epoch, time_ms, seq, side, amount, state, filled, reason) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        self._event(cid, at_ms, "PLANNED", "PLANNED", "")
        return cid

    def _insert_incident(self, kind: str, detail: str, at_ms: int) -> None:
        self._db.execute(
            "INSERT INTO incident (at_ms, kind, detail) VALUES (?, ?, ?)", (at_ms, kind, detail)
        )

    def _insert_fill(self, order: OrderRow, fill: VenueFill) -> None:
        told = FillRow(
            order.epoch,
            fill.trade_id,
            order.cid,
            fill.side,
            fill.amount,
            fill.price,
            fill.fee,
            fill.fee_currency,
            fill.time_ms,
        )
        self._db.execute(
            (
                "INSERT INTO fill VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (cid, trade_id) "
                "DO NOTHING"
            ),
            [str(value) if isinstance(value, Decimal) else value for value in astuple(told)],
        )
        kept = self.fill(order.cid, fill.trade_id)
        others = self.fills(epoch=order.epoch, trade_id=fill.trade_id)
        twice = [
            one for one in others if one.cid != order.cid and replace(one, cid=order.cid) == told
        ]
        if twice or replace(kept, time_ms=told.time_ms) != told:
            kept = (twice or [kept])[0]
            raise DataError(
                f"{self.path}: trade {fill.trade_id} is booked as {kept}, and now the exchange "
                f"says {told}. Compare with the exchange's own list before going on."
            )

    def _event(self, cid: str, at_ms: int, start: OrderPhase, end: OrderPhase, detail: str) -> None:
        self._db.execute(
            (
                "INSERT INTO order_event (cid, at_ms, from_state, to_state, detail) VALUES (?, ?, "
                "?, ?, ?)"
            ),
            (cid, at_ms, start, end, detail),
        )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"
