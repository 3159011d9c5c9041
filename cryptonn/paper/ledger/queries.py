"""Read a session's ledger: its rows, and position, cash and equity as sums over its fills."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptonn.errors import DataError
from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger.connection import connect_reading, translated
from cryptonn.paper.ledger.holding import Holding, effects, held
from cryptonn.paper.ledger.rows import (
    CandleRow,
    DecisionRow,
    EpochRow,
    EventRow,
    FillRow,
    IncidentRow,
    OrderRow,
    SessionFacts,
)
from cryptonn.paper.ledger.schema import UNRESOLVED, OrderPhase

__all__ = ["LedgerReader"]

_FACTS = (
    "run, config, config_sha, model_sha, code_version, ccxt_version, venue, symbol, cash, "
    "started_ms"
)
_ORDER = (
    "cid, epoch, time_ms, seq, side, amount, limit_price, state, signed_ms, venue_id, filled, "
    "reason"
)
_FILL = "epoch, trade_id, cid, side, amount, price, fee, fee_currency, time_ms"
_DECISION = "time_ms, close_ms, proba, signal, wanted, close, near, decided_ms"


class LedgerReader:
    """A session's database, to read; ``LedgerReader.open(path)`` also while the session runs."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._held: dict[
            Decimal, tuple[int, int, Holding]
        ] = {}  # (epoch, last fill, sum up to it): fills only come
        self.path = path

    @classmethod
    def open(cls, path: Path) -> "LedgerReader":
        """Open a session's database; DataError if there is none that can be read."""
        return LedgerReader(connect_reading(path), path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Read as of one moment within the block, whatever a session writes meanwhile;
        write nothing in it.
        """
        self._rows("BEGIN")
        try:
            yield
        finally:
            if self._db.in_transaction:
                self._rows("ROLLBACK")

    @property
    def facts(self) -> SessionFacts:
        """What the session is."""
        rows = self._rows(f"SELECT {_FACTS} FROM session")
        if not rows:
            raise DataError(
                f"{self.path}: the session never started. `cryptonn paper RUN` starts it."
            )
        row = dict(zip(_FACTS.split(", "), rows[0], strict=True))
        return SessionFacts(**row | {"cash": Decimal(row["cash"])})

    def candles(self, symbol: str, *, since_ms: int = 0) -> list[CandleRow]:
        """Return the closed candles of a symbol as first seen, in time order."""
        query = (
            "SELECT time_ms, open, high, low, close, volume FROM candle WHERE symbol = ? AND "
            "time_ms >= ?"
        )
        return [
            CandleRow(*row) for row in self._rows(f"{query} ORDER BY time_ms", symbol, since_ms)
        ]

    def newest_candle(self, symbol: str) -> CandleRow | None:
        """Return the newest closed candle of a symbol."""
        query = (
            "SELECT time_ms, open, high, low, close, volume FROM candle WHERE symbol = ? ORDER BY "
            "time_ms DESC"
        )
        rows = self._rows(f"{query} LIMIT 1", symbol)
        return CandleRow(*rows[0]) if rows else None

    def closes(self, symbol: str, *, since_ms: int, every_ms: int) -> list[tuple[int, float]]:
        """Return (open time, close) of the closed candles that open at multiples of ``every_ms``,
        in time order.
        """
        query = (
            "SELECT time_ms, close FROM candle WHERE symbol = ? AND time_ms >= ? AND time_ms % ? = "
            "0"
        )
        return [
            (row[0], row[1])
            for row in self._rows(f"{query} ORDER BY time_ms", symbol, since_ms, every_ms)
        ]

    def decisions(self, *, since_ms: int = 0) -> list[DecisionRow]:
        """Return the decisions in time order."""
        query = f"SELECT {_DECISION} FROM decision WHERE time_ms >= ? ORDER BY time_ms"
        return [_decision(row) for row in self._rows(query, since_ms)]

    def newest_decision(self) -> DecisionRow | None:
        """Return the decision of the newest bar."""
        rows = self._rows(f"SELECT {_DECISION} FROM decision ORDER BY time_ms DESC LIMIT 1")
        return _decision(rows[0]) if rows else None

    def decision(self, time_ms: int) -> DecisionRow:
        """Return the decision of the bar that opened at ``time_ms``; KeyError if there is none."""
        rows = self._rows(f"SELECT {_DECISION} FROM decision WHERE time_ms = ?", time_ms)
        if not rows:
            raise KeyError(time_ms)
        return _decision(rows[0])

    def decided(self, time_ms: int) -> bool:
        """Tell whether the bar that opened at ``time_ms`` was decided on."""
        return bool(self._rows("SELECT 1 FROM decision WHERE time_ms = ?", time_ms))

    def order(self, cid: str) -> OrderRow:
        """Return one order; KeyError if there is none."""
        rows = self._rows(f"SELECT {_ORDER} FROM orders WHERE cid = ?", cid)
        if not rows:
            raise KeyError(cid)
        return _order(rows[0])

    def orders(self, *, since_ms: int = 0) -> list[OrderRow]:
        """Return the orders in the order in which they were planned,
        those for bars from ``since_ms`` on.
        """
        query = f"SELECT {_ORDER} FROM orders WHERE time_ms >= ? ORDER BY time_ms, seq"
        return [_order(row) for row in self._rows(query, since_ms)]

    def orders_of(self, time_ms: int) -> list[OrderRow]:
        """Return the orders for one bar, in the order in which they were planned."""
        query = f"SELECT {_ORDER} FROM orders WHERE time_ms = ? ORDER BY seq"
        return [_order(row) for row in self._rows(query, time_ms)]

    def accepted(self, *, newest: int = -1) -> list[OrderRow]:
        """Return the orders of the epoch that the exchange gave an id, or so many of them,
        the newest first.
        """
        query = f"SELECT {_ORDER} FROM orders WHERE epoch = ? AND venue_id IS NOT NULL"
        rows = self._rows(
            f"{query} ORDER BY time_ms DESC, seq DESC LIMIT ?", self.epoch_now().n, newest
        )
        return [_order(row) for row in rows]

    def cid_of(self, venue_id: str) -> str | None:
        """Return the client id of the epoch's newest order that has this id at the exchange."""
        query = (
            "SELECT cid FROM orders WHERE epoch = ? AND venue_id = ? ORDER BY time_ms DESC, seq "
            "DESC"
        )
        rows = self._rows(query, self.epoch_now().n, venue_id)
        return str(rows[0][0]) if rows else None

    def order_counts(self) -> dict[OrderPhase, int]:
        """Return how many orders there are in each state that occurs."""
        return {
            row[0]: row[1]
            for row in self._rows("SELECT state, count(*) FROM orders GROUP BY state")
        }

    def trades_closed(self) -> int:
        """Return how many times a position was sold whole, because none was wanted any more."""
        whole = "side = 'sell' AND state = 'CLOSED' AND CAST(filled AS REAL) = CAST(amount AS REAL)"
        query = (
            f"SELECT count(*) FROM orders JOIN decision USING (time_ms) WHERE {whole} AND "
            "CAST(wanted AS REAL) = 0"
        )
        return int(self._rows(query)[0][0])

    def unresolved(self) -> OrderRow | None:
        """Return the order that has no end yet; there is never more than one."""
        rows = self._rows(f"SELECT {_ORDER} FROM orders WHERE state IN {UNRESOLVED}")
        return _order(rows[0]) if rows else None

    def events(self, cid: str) -> list[EventRow]:
        """Return what happened to one order."""
        query = (
            "SELECT cid, at_ms, from_state, to_state, detail FROM order_event WHERE cid = ? ORDER "
            "BY id"
        )
        return [EventRow(*row) for row in self._rows(query, cid)]

    def fills(
        self, cid: str | None = None, *, epoch: int | None = None, trade_id: str | None = None
    ) -> list[FillRow]:
        """Return executions as booked, all or those of an order,
        an epoch or an id at the exchange.
        """
        asked = {"cid": cid, "epoch": epoch, "trade_id": trade_id}
        given = {name: value for name, value in asked.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given) or "TRUE"
        return [
            _fill(row)
            for row in self._rows(
                f"SELECT {_FILL} FROM fill WHERE {where} ORDER BY rowid", *given.values()
            )
        ]

    def fill(self, cid: str, trade_id: str) -> FillRow:
        """Return one execution of an order; KeyError if it is not booked."""
        rows = self._rows(f"SELECT {_FILL} FROM fill WHERE cid = ? AND trade_id = ?", cid, trade_id)
        if not rows:
            raise KeyError(trade_id)
        return _fill(rows[0])

    def booked(self, cid: str) -> Decimal:
        """Return what the fills of an order come to, base, before commissions."""
        return sum((fill.amount for fill in self.fills(cid)), Decimal(0))

    def incidents(self) -> list[IncidentRow]:
        """Return what a person should know of, in time order."""
        return [
            IncidentRow(*row)
            for row in self._rows("SELECT at_ms, kind, detail FROM incident ORDER BY id")
        ]

    def epochs(self) -> list[EpochRow]:
        """Return the epochs, the newest last; none before the first balances were read."""
        return [
            _epoch(row)
            for row in self._rows(
                "SELECT n, at_ms, why, opening, carried, cash FROM epoch ORDER BY n"
            )
        ]

    def snapshots(self) -> list[tuple[int, str, Decimal, Decimal]]:
        """Return (time, currency, free, used) of the balances noted, in time order."""
        rows = self._rows("SELECT at_ms, currency, free, used FROM snapshot ORDER BY rowid")
        return [
            (at_ms, currency, Decimal(free), Decimal(used)) for at_ms, currency, free, used in rows
        ]

    def holding(self, *, step: Decimal) -> Holding:
        """Return the strategy's position; ``step`` is the market's amount step."""
        epoch = self.epoch_now()
        known, last, before = self._held.get(step, (0, 0, Holding(Decimal(0), Decimal(0))))
        if known != epoch.n:
            last = 0
            before = Holding(epoch.carried, Decimal(0))
        rows = self._rows(
            f"SELECT {_FILL}, rowid FROM fill WHERE epoch = ? AND rowid > ? ORDER BY rowid",
            epoch.n,
            last,
        )
        found = held(before, [_fill(row[:-1]) for row in rows], base=self.facts.base, step=step)
        self._held[step] = (epoch.n, rows[-1][-1] if rows else last, found)
        return found

    def position(self) -> Decimal:
        """Return what the account holds of the strategy's position, base."""
        epoch = self.epoch_now()
        base = self.facts.base
        return epoch.carried + self._effects(epoch)[base]

    def cash(self) -> Decimal:
        """Return the strategy's cash, quote."""
        epoch = self.epoch_now()
        quote = self.facts.quote
        return epoch.cash + self._effects(epoch)[quote]

    def equity(self, price: Decimal) -> Decimal:
        """Return cash and the position's worth at ``price``, quote."""
        return self.cash() + self.position() * price

    def fees(self) -> dict[str, Decimal]:
        """Return the commissions paid over the whole session, by currency."""
        paid: dict[str, Decimal] = {}
        for fill in self.fills():
            paid[fill.fee_currency] = paid.get(fill.fee_currency, Decimal(0)) + fill.fee
        return paid

    def expected(self) -> dict[str, Decimal]:
        """Return what the account's totals must be: those at the epoch's opening and what its fills
        changed.
        """
        epoch = self.epoch_now()
        changed = self._effects(epoch)
        return {
            currency: epoch.opening.get(currency, Decimal(0)) + change
            for currency, change in changed.items()
        }

    def epoch_now(self) -> EpochRow:
        """Return the epoch that is on; DataError before the first."""
        epochs = self.epochs()
        if not epochs:
            raise DataError(
                f"{self.path}: the session has not read its account yet. `cryptonn paper RUN` does."
            )
        return epochs[-1]

    def dump(self) -> str:
        """Return every row as SQL text: the same input gives the same text, byte for byte."""
        with translated(self.path):
            return "\n".join(self._db.iterdump()) + "\n"

    def _effects(self, epoch: EpochRow) -> dict[str, Decimal]:
        facts = self.facts
        return effects(self.fills(epoch=epoch.n), base=facts.base, quote=facts.quote)

    def _rows(self, query: str, *values: object) -> list[Sequence[Any]]:
        with translated(self.path):
            return self._db.execute(query, values).fetchall()


def _decision(row: Sequence[Any]) -> DecisionRow:
    time_ms, close_ms, proba, signal, wanted, close, near, decided_ms = row
    chance = float("nan") if proba is None else proba
    return DecisionRow(
        Decision(time_ms, close_ms, chance, signal, Decimal(wanted), Decimal(close), bool(near)),
        decided_ms,
    )


def _order(row: Sequence[Any]) -> OrderRow:
    cid, epoch, time_ms, seq, side, amount, limit, state, signed_ms, venue_id, filled, reason = row
    return OrderRow(
        cid=cid,
        epoch=epoch,
        time_ms=time_ms,
        seq=seq,
        side=side,
        amount=Decimal(amount),
        limit=None if limit is None else Decimal(limit),
        state=state,
        signed_ms=signed_ms,
        venue_id=venue_id,
        filled=Decimal(filled),
        reason=reason,
    )


def _fill(row: Sequence[Any]) -> FillRow:
    epoch, trade_id, cid, side, amount, price, fee, fee_currency, time_ms = row
    return FillRow(
        epoch,
        trade_id,
        cid,
        side,
        Decimal(amount),
        Decimal(price),
        Decimal(fee),
        fee_currency,
        int(time_ms),
    )


def _epoch(row: Sequence[Any]) -> EpochRow:
    n, at_ms, why, opening, carried, cash = row
    totals = {currency: Decimal(total) for currency, total in json.loads(opening).items()}
    return EpochRow(n, at_ms, why, totals, Decimal(carried), Decimal(cash))
