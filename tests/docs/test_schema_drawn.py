"""The drawing of a session's database in docs/paper-trading.md is the database."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptonn.paper.ledger.schema import EDGES, SCHEMA
from tests.docs.diagram import boxes, links

PAGE = (Path(__file__).resolve().parents[2] / "docs/paper-trading.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
(DRAWN,) = (block.splitlines() for block in BLOCKS if "┌─ orders" in block)
(STATES,) = (block for block in BLOCKS if "PLANNED ─> SENDING" in block)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(":memory:") as opened:
        opened.executescript(SCHEMA)
        yield opened
    opened.close()


def test_every_table_with_its_columns_and_its_key(database: sqlite3.Connection) -> None:
    tables = [
        name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    ]
    drawn = {box.name: box for box in boxes(DRAWN)}
    assert sorted(drawn) == sorted(tables)
    for table in tables:
        columns = database.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
        assert sorted(drawn[table].columns) == sorted(name for name, _ in columns)
        assert drawn[table].key == [name for name, key in columns if key]


def test_every_reference(database: sqlite3.Connection) -> None:
    references = {
        (f"{box.name}.{column}", f"{table}.{key}")
        for box in boxes(DRAWN)
        for table, column, key in database.execute(
            'SELECT "table", "from", "to" FROM pragma_foreign_key_list(?)', (box.name,)
        )
    }
    assert links(DRAWN) == references


def test_every_state() -> None:
    assert set(re.findall(r"[A-Z]{2,}[A-Z_]*", STATES)) == {
        state for edge in EDGES for state in edge
    }


def test_a_line_is_followed_to_its_arrowhead() -> None:
    drawing = [
        "┌─ a ─┐    ┌─ b ─┐",
        "│ * x │<─┬─│   y │",
        "│   z │  └─│   w │",
        "└─────┘    └─────┘",
    ]
    assert links(drawing) == {("b.y", "a.x"), ("b.w", "a.x")}
    assert [(box.name, box.columns, box.key) for box in boxes(drawing)] == [
        ("a", ["x", "z"], ["x"]),
        ("b", ["y", "w"], []),
    ]
