"""The SQLite file of a session: opened safely, written in whole transactions,
its errors told in our words.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptonn.errors import CryptonnError, DataError, OutputError
from cryptonn.paper.ledger.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION

__all__ = ["connect", "connect_reading", "transaction", "translated"]

_BUSY_S = 5.0

_MEND = (
    "Put back a copy with its -wal file, or move it away to start a new session; the exchange "
    "still has the orders."
)

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_TOOBIG}
_CLOSED = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BROKEN = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_SCHEMA,
}


def connect(path: Path) -> sqlite3.Connection:
    """Open the database of a session for writing; make it, with its tables, if it is not there or
    empty.

    Raises
    ------
    DataError
        If the file is damaged, of another program or of another version of the tables.
    OutputError
        If it cannot be written.
    """
    with translated(path):
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            if _tables(db) == 0:
                _make(db)
            _check(db, path)
            _configure(db)
        except BaseException:
            db.close()
            raise
        return db


def connect_reading(path: Path) -> sqlite3.Connection:
    """Open the database of a session to read it, also while a session writes to it.

    Raises
    ------
    DataError
        If there is none, or it is damaged, of another program or of another version.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no paper session. `cryptonn paper RUN` starts one.")
    with translated(path):
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None
        )
        try:
            _check(db, path, whole=False)
        except BaseException:
            db.close()
            raise
        return db


@contextmanager
def transaction(db: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Write all or nothing, on the disk once the block has ended."""
    with translated(path):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Tell what SQLite says of the file in our words; what it says of our own mistakes stays as it
    is.
    """
    try:
        yield
    except sqlite3.Error as error:
        own = _own_error(path, error)
        if own is None:
            raise
        raise own from error


def _own_error(path: Path, error: sqlite3.Error) -> CryptonnError | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if code in _FULL:
        return OutputError(
            f"{path}: the disk is full or cannot be written ({error}). What was booked before is "
            "kept and nothing was half written. Make room, then start again: an order in flight is "
            "looked up first."
        )
    if code in _CLOSED:
        return OutputError(
            f"{path}: cannot be opened for writing ({error}). Make file and folder writable."
        )
    if code in _HELD:
        return OutputError(
            f"{path}: another program holds the database ({error}). Close it, then start again."
        )
    if code in _BROKEN:
        return DataError(f"{path}: the database is damaged or is none ({error}). {_MEND}")
    return None


def _tables(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])


def _make(db: sqlite3.Connection) -> None:
    """Make the tables in one transaction: a kill leaves none, and the next start makes them."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
    try:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {marks} COMMIT;")
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _check(db: sqlite3.Connection, path: Path, *, whole: bool = True) -> None:
    mark, version = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if mark != APPLICATION_ID:
        raise DataError(f"{path}: this is no paper session of cryptonn. Choose another folder.")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path}: its tables are version {version}, this cryptonn writes version "
            f"{SCHEMA_VERSION}. Go on with the cryptonn that made it, or start a new session."
        )
    if not whole:
        return
    found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise DataError(f"{path}: the database is damaged ({found}). {_MEND}")


def _configure(db: sqlite3.Connection) -> None:
    mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise OutputError(
            f"the database cannot keep a write-ahead log here (mode {mode}). Keep it on a local "
            "disk."
        )
    for setting in ("synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
        db.execute(f"PRAGMA {setting}")
