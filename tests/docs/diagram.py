"""Reads a diagram of tables drawn with lines: its boxes, their rows, and which row leads to which."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Box", "boxes", "links"]

_OPEN = {
    "─": "lr",
    "│": "ud",
    "┌": "rd",
    "└": "ru",
    "┐": "ld",
    "┘": "lu",
    "┬": "lrd",
    "┴": "lru",
    "<": "lr",
    ">": "lr",
}
_STEPS = {"l": (0, -1, "r"), "r": (0, 1, "l"), "u": (-1, 0, "d"), "d": (1, 0, "u")}

Place = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A table: its name, and from which column of the text to which, and which line by line, it has which rows."""

    name: str
    left: int
    right: int
    rows: dict[int, str]

    @property
    def columns(self) -> list[str]:
        """Names of its rows, in order."""
        return [row.removeprefix("* ") for row in self.rows.values()]

    @property
    def key(self) -> list[str]:
        """Names of the rows with a star."""
        return [row.removeprefix("* ") for row in self.rows.values() if row.startswith("* ")]


def boxes(lines: Sequence[str]) -> list[Box]:
    """Return every box, a name in its upper edge."""
    return [
        Box(
            head[1], head.start(), head.end() - 1, dict(_rows(lines, top, head.start(), head.end()))
        )
        for top, line in enumerate(lines)
        for head in re.finditer(r"┌─ (\w+) ─*┐", line)
    ]


def _rows(lines: Sequence[str], top: int, left: int, end: int) -> Iterator[tuple[int, str]]:
    for number in range(top + 1, len(lines)):
        if lines[number][left] == "└":
            return
        yield number, lines[number][left + 1 : end - 1].strip()


def links(lines: Sequence[str]) -> set[tuple[str, str]]:
    """Return (from, to) for every row that a line leads from, and the row at its arrowhead, as "table.row"."""
    found, at = set(), _rows_beside(boxes(lines))
    inside = {
        (y, x) for box in boxes(lines) for y in _height(box) for x in range(box.left, box.right + 1)
    }
    for start, name in at.items():
        if start in inside or _mark(lines, start) != "─":
            continue
        ends = [
            place
            for place in _joined(lines, start, inside)
            if place in at and _mark(lines, place) in "<>"
        ]
        found |= {(name, at[place]) for place in ends}
    return found


def _rows_beside(found: Sequence[Box]) -> dict[Place, str]:
    return {
        (y, x): f"{box.name}.{row.removeprefix('* ')}"
        for box in found
        for y, row in box.rows.items()
        for x in (box.left - 1, box.right + 1)
    }


def _height(box: Box) -> range:
    return range(min(box.rows) - 1, max(box.rows) + 2)


def _mark(lines: Sequence[str], place: Place) -> str:
    y, x = place
    return lines[y][x] if 0 <= y < len(lines) and 0 <= x < len(lines[y]) else " "


def _joined(lines: Sequence[str], start: Place, inside: set[Place]) -> set[Place]:
    """Return the places of the line that goes through ``start``."""
    found, waiting = {start}, [start]
    while waiting:
        y, x = waiting.pop()
        for way in _OPEN[_mark(lines, (y, x))]:
            down, across, back = _STEPS[way]
            place = (y + down, x + across)
            if place not in found | inside and back in _OPEN.get(_mark(lines, place), ""):
                found.add(place)
                waiting.append(place)
    return found
