"""The database of a session: what it refuses, what it keeps, and what is left of it when the disk or a file fails."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, DataError, OutputError
from cryptonn.paper.ledger import CandleRow, FillRow, Ledger, LedgerReader
from cryptonn.paper.ledger.holding import Holding, effects, held
from cryptonn.paper.ledger.schema import EDGES, SCHEMA_VERSION, OrderPhase
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import VenueFill
from tests.conftest import ROOT
from tests.paper.model_exchange import FACTS, MINUTE, START, decision

BUY = Move("buy", Decimal("5.0"))
STATES = OrderPhase.__args__


@pytest.fixture
def path(tmp_path):
    return tmp_path / "paper.db"


@pytest.fixture
def ledger(path):
    with Ledger.open(path, FACTS) as ledger:
        ledger.epoch(
            "start", {"ETH": Decimal(1)}, carried=Decimal(0), cash=Decimal(100), at_ms=START
        )
        yield ledger


def fill(trade_id: str = "t1", **changes: object) -> VenueFill:
    found = VenueFill(
        trade_id, "1", "buy", Decimal("2.5"), Decimal(100), Decimal("0.25"), "USD", START
    )
    return replace(found, **changes)


def bar(minute: int, close: float = 100.0) -> CandleRow:
    return CandleRow(START + minute * MINUTE, 100.0, 101.0, 99.0, close, 0.1)


def test_settings_that_keep_it_safe(ledger):
    asked = {
        name: ledger._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    }
    assert asked == {"journal_mode": "wal", "synchronous": 2}
    assert ledger._db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert "STRICT" in ledger.dump()


def test_what_was_written_is_there_after_a_kill(path):
    """Each call is on the disk when it returns: the process that wrote it dies the moment after."""
    script = """
        import os, signal
        from decimal import Decimal
        from pathlib import Path
        from cryptonn.paper.ledger import Ledger
        from cryptonn.paper.planner import Move
        from tests.paper.model_exchange import FACTS, START, decision
        ledger = Ledger.open(Path({path!r}), FACTS)
        ledger.epoch("start", {{}}, carried=Decimal(0), cash=Decimal(100), at_ms=START)
        order = ledger.plan(decision(0, "5"), Move("buy", Decimal(5)), at_ms=START)
        ledger.mark(order.cid, "SENDING", at_ms=START, signed_ms=START)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run_script(script.format(path=str(path))).returncode == -signal.SIGKILL
    with Ledger.open(path, FACTS) as ledger:
        assert ledger.unresolved().state == "SENDING"


def test_candles_seen_first_stay(ledger):
    assert ledger.add_candles("ETH/USD", [bar(0), bar(1), bar(1)], seen_ms=START) == (2, ())
    assert ledger.add_candles("ETH/USD", [bar(1, 100.5), bar(2)], seen_ms=START) == (
        1,
        (START + MINUTE,),
    )
    assert ledger.candles("ETH/USD") == [bar(0), bar(1), bar(2)]
    assert ledger.candles("ETH/USD", since_ms=START + 2 * MINUTE) == [bar(2)]
    assert ledger.candles("BTC/USD") == []


def test_a_bar_is_decided_on_once(ledger):
    """I6: the table's key refuses a second decision, and with it its order."""
    ledger.plan(decision(0, "5"), BUY, at_ms=START)
    with pytest.raises(sqlite3.IntegrityError):
        ledger.plan(decision(0, "5"), None, at_ms=START)
    assert len(ledger.decisions()) == len(ledger.orders()) == 1


def test_two_orders_without_an_end_are_refused(ledger):
    """I5."""
    ledger.plan(decision(0, "5"), BUY, at_ms=START)
    with pytest.raises(sqlite3.IntegrityError, match="one_unresolved"):
        ledger.plan(decision(1, "5"), BUY, at_ms=START)
    assert len(ledger.decisions()) == 1, "the decision goes with its order, or not at all"


WAYS: dict[str, tuple[str, ...]] = {
    "PLANNED": (),
    "SENDING": ("SENDING",),
    "OPEN": ("SENDING", "OPEN"),
    "CLOSED": ("SENDING", "OPEN", "CLOSED"),
    "REJECTED": ("SENDING", "REJECTED"),
    "NOT_ACCEPTED": ("SENDING", "NOT_ACCEPTED"),
    "DROPPED": ("DROPPED",),
}


@pytest.mark.parametrize("start", STATES)
def test_orders_move_along_their_edges_only(ledger, start):
    """I10: held by the database itself, whoever writes to it."""
    cid = ledger.plan(decision(0, "5"), BUY, at_ms=START).cid
    for state in WAYS[start]:
        ledger.mark(cid, state, at_ms=START)
    for end in STATES:
        if (start, end) not in EDGES:
            with pytest.raises(sqlite3.IntegrityError, match="no such change of state"):
                ledger.mark(cid, end, at_ms=START)
    assert ledger.order(cid).state == start
    assert [event.to_state for event in ledger.events(cid)] == ["PLANNED", *WAYS[start]]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET amount = '6'",
        "UPDATE order_event SET detail = 'x'",
        "DELETE FROM order_event",
        "DELETE FROM orders",
        "UPDATE fill SET amount = '9'",
        "UPDATE decision SET wanted = '9'",
        "INSERT INTO orders SELECT 'x', epoch, time_ms, 9, side, amount, NULL, 'OPEN', 0, NULL, '0', '' FROM orders",
    ],
)
def test_history_cannot_be_rewritten(ledger, statement):
    cid = ledger.plan(decision(0, "5"), BUY, at_ms=START).cid
    ledger.mark(cid, "SENDING", at_ms=START)
    ledger.mark(cid, "OPEN", at_ms=START, venue_id="1")
    ledger.add_fills(cid, [fill()])
    with pytest.raises(sqlite3.IntegrityError):
        ledger._db.execute(statement)


def test_fills_count_once_and_never_differ(ledger):
    cid = ledger.plan(decision(0, "5"), BUY, at_ms=START).cid
    assert ledger.add_fills(cid, [fill(), fill(), fill("t2")]) == 2
    assert ledger.add_fills(cid, [fill(amount=Decimal("2.50"), time_ms=START + 1)]) == 0
    assert ledger.booked(cid) == 5
    with pytest.raises(DataError, match="trade t1"):
        ledger.add_fills(cid, [fill("t3"), fill(amount=Decimal(3))])
    assert ledger.booked(cid) == 5, "nothing of a batch that does not fit is booked"


def test_another_orders_trade_is_refused(ledger):
    first = ledger.plan(decision(0, "5"), BUY, at_ms=START).cid
    ledger.add_fills(first, [fill()])
    ledger.mark(first, "DROPPED", at_ms=START)
    second = ledger.plan(decision(1, "5"), BUY, at_ms=START).cid
    with pytest.raises(DataError, match=first):
        ledger.add_fills(second, [fill()])


def test_a_further_order_has_an_id_of_its_own(ledger):
    first = ledger.plan(decision(0, "5"), BUY, at_ms=START)
    ledger.mark(first.cid, "DROPPED", at_ms=START)
    second = ledger.plan_again(first.time_ms, BUY, at_ms=START)
    assert (second.seq, second.cid) == (2, f"{first.cid[:-1]}2")
    assert len(second.cid) <= 36


trades = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 10_000).map(lambda steps: steps * Decimal("0.0001")),
        st.integers(1, 10**6).map(lambda ticks: ticks * Decimal("0.01")),
        st.integers(0, 10**8).map(lambda units: units * Decimal("1e-8")),
        st.sampled_from(["ETH", "USD", "BNB"]),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(rows=trades)
def test_sums_over_fills_are_exact(rows):
    """I4: every currency changes by what was bought, sold and paid, to the last digit."""
    fills = [FillRow(1, str(place), "c", *row[:2], *row[2:], 0) for place, row in enumerate(rows)]
    found = effects(fills, base="ETH", quote="USD")
    signed = [(1 if row[0] == "buy" else -1, *row[1:]) for row in rows]
    assert found["ETH"] == sum(
        s * amount - (fee if ccy == "ETH" else 0) for s, amount, _, fee, ccy in signed
    )
    assert found["USD"] == sum(
        -s * amount * price - (fee if ccy == "USD" else 0) for s, amount, price, fee, ccy in signed
    )
    assert found.get("BNB", 0) == -sum(fee for *_, fee, ccy in signed if ccy == "BNB")
    holding = held(Holding(Decimal(0), Decimal(0)), fills, base="ETH", step=Decimal("0.0001"))
    assert holding.net == found["ETH"]
    assert 0 <= holding.owed <= sum(fee for *_, fee, ccy in signed if ccy == "ETH")


# --- other files, other processes, other disks


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("run", "other"),
            ("config_sha", "x"),
            ("model_sha", "x"),
            ("venue", "gemini"),
            ("symbol", "BTC/USD"),
        ),
        ("cash", Decimal(5)),
    ],
)
def test_another_session_is_refused(path, ledger, name, value):
    ledger.close()
    with pytest.raises(DataError, match=rf"{name.replace('_', ' ')}.*another folder"):
        Ledger.open(path, replace(FACTS, **{name: value}))
    with Ledger.open(path, FACTS) as again:
        assert len(again.epochs()) == 1


def test_a_newer_program_goes_on_and_says_so(path, ledger):
    ledger.close()
    with Ledger.open(path, replace(FACTS, ccxt_version="4.6")) as again:
        assert again.incidents()[0].detail == "ccxt_version 4.6, begun with 4.5"


def test_another_version_of_the_tables_is_refused(path, ledger):
    ledger._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    ledger.close()
    for opening in (lambda: Ledger.open(path, FACTS), lambda: LedgerReader.open(path)):
        with pytest.raises(DataError, match=f"version {SCHEMA_VERSION + 1}, this cryptonn writes"):
            opening()


def test_a_database_of_another_program_is_refused(path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(DataError, match="no paper session"):
        Ledger.open(path, FACTS)


def test_nothing_there_to_read(path):
    with pytest.raises(DataError, match="no paper session"):
        LedgerReader.open(path)
    with pytest.raises(DataError, match="no session yet"):
        Ledger.open(path)


def test_an_empty_file_is_begun(path):
    """What a kill leaves before the tables are made."""
    path.touch()
    Ledger.open(path, FACTS).close()
    with LedgerReader.open(path) as reader:
        assert reader.facts == FACTS


def test_two_processes_at_once(path, ledger):
    with pytest.raises(
        ConfigError, match=rf"process {os.getpid()} on \S+ is trading with this session"
    ):
        Ledger.open(path, FACTS)
    ledger.close()
    Ledger.open(path, FACTS).close()


def test_reading_while_it_is_written(path, ledger):
    with LedgerReader.open(path) as reader:
        assert reader.decisions() == []
        ledger.plan(decision(0, "5"), None, at_ms=START)
        assert [row.decision for row in reader.decisions()] == [decision(0, "5")]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._db.execute("DELETE FROM decision")


def test_a_damaged_file(path, ledger):
    ledger.add_candles("ETH/USD", [bar(minute) for minute in range(2000)], seen_ms=START)
    ledger.close()
    content = bytearray(path.read_bytes())
    content[8192:12_288] = b"\x7f" * 4096
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        Ledger.open(path, FACTS)
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(DataError, match="damaged or is none"):
        Ledger.open(path, FACTS)


def test_a_database_held_by_another_program(path, ledger):
    ledger._db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutputError, match="another program holds"):
        ledger.incident("x", "y", at_ms=START)
    other.close()
    ledger.incident("x", "y", at_ms=START)
    assert len(ledger.incidents()) == 1


def test_a_database_that_may_hold_no_more(path, ledger):
    """Full: the write fails whole, what was booked stays, and with room again it goes on."""
    before = ledger.dump()
    ledger._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(OutputError, match="disk is full"):
        ledger.add_candles("ETH/USD", [bar(minute) for minute in range(5000)], seen_ms=START)
    assert ledger.dump() == before
    ledger._db.execute("PRAGMA max_page_count = 100000")
    assert ledger.add_candles("ETH/USD", [bar(0)], seen_ms=START).new == 1


def test_a_file_that_may_not_grow(path):
    """The same from the system: a limit of 200 kB on the size of files, as a full disk would be."""
    script = f"""
        import resource, signal
        from pathlib import Path
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        from cryptonn.errors import OutputError
        from cryptonn.paper.ledger import Ledger
        from tests.paper.model_exchange import FACTS, START, decision
        with Ledger.open(Path({str(path)!r}), FACTS) as ledger:
            bar = 0
            try:
                while bar < 5000:
                    ledger.plan(decision(bar, "0"), None, at_ms=START)
                    bar += 1
            except OutputError as error:
                print(bar, "the disk is full" in str(error))
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(len(ledger.decisions()))
            ledger.plan(decision(bar, "0"), None, at_ms=START)
    """
    done = run_script(script)
    booked, told, kept = done.stdout.split()
    assert (int(booked) > 10, told, kept) == (True, "True", booked), done.stderr
    with Ledger.open(path, FACTS) as ledger:
        assert len(ledger.decisions()) == int(booked) + 1


def test_a_file_that_may_not_be_written():
    """For root nothing is read-only, so the process gives its rights up before it tries."""
    script = """
        import os, sys
        from pathlib import Path
        from cryptonn.errors import OutputError
        from cryptonn.paper.ledger import Ledger
        from cryptonn.paper.ledger.connection import connect, transaction
        path = Path(sys.argv[1])
        if os.geteuid() == 0:
            os.setgid(65534), os.setuid(65534)
        for attempt in (lambda: Ledger.open(path), lambda: db_write(connect(path))):
            try:
                attempt()
            except OutputError as error:
                print("Make " in str(error) and " writable" in str(error))
    """
    write = """
        def db_write(db):
            with transaction(db, path):
                db.execute("INSERT INTO incident (at_ms, kind, detail) VALUES (1, 'x', 'y')")
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "paper.db"
        Ledger.open(path, FACTS).close()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        done = run_script(textwrap.dedent(write) + textwrap.dedent(script), str(path))
        path.parent.chmod(0o755)
    assert done.stdout.split() == ["True", "True"], done.stderr


def run_script(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST")
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *words],
        cwd=ROOT,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_out_of_file_handles(path):
    """No handle left: a clear message, and no lock that stays behind."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = os.open("/dev/null", os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 1, hard))
    try:
        with pytest.raises(OutputError):
            Ledger.open(path, FACTS)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(held)
    Ledger.open(path, FACTS).close()
