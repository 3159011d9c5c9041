"""What came of a download, held against what was asked: the stretches without a candle,
and why that may be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from cryptonn.market.bars import bar_step, time_text
from cryptonn.market.exchange.history import History, Lost, LostKind
from cryptonn.market.exchange.pages import Stretch
from cryptonn.market.exchange.shelf import Shelf, joined
from cryptonn.units import counted

__all__ = ["Missing", "MissingKind", "coverage_words", "missing_candles"]

MOST_TOLD = 3
"""Stretches that are named one by one; further ones are counted."""

MissingKind = LostKind | Literal["all", "hole", "end"]
"""Why candles may be missing: the three of ``LostKind``; the range has none;
none between two candles; none after the last one.
"""

_AGAIN = "The same command asks for them again."
_ELSEWHERE = (
    "Import them from files (cryptonn import-data), or download from an exchange that keeps them; "
)
_ADVICE: dict[MissingKind, str] = {
    "newest only": f"{_ELSEWHERE}as many bars of a longer timeframe reach further back.",
    "refused": f"{_ELSEWHERE}or choose a later start.",
    "older": f"{_ELSEWHERE}if it was not traded before, choose a later start.",
    "all": "Choose a later range or another exchange.",
    "hole": _AGAIN,
    "end": _AGAIN,
}


@dataclass(frozen=True)
class Missing:
    """A stretch of the range for which no candle came, longer than a quiet market has."""

    start: pd.Timestamp
    end: pd.Timestamp
    """Not included."""
    bars: int
    kind: MissingKind
    why: str
    """The same in a sentence."""

    def __str__(self) -> str:
        return f"{time_text(self.start)} to {time_text(self.end)} ({counted(self.bars, 'bar')})"


def missing_candles(shelf: Shelf, history: History, *, span: Stretch) -> tuple[Missing, ...]:
    """Return the stretches of a span that the store lacks after a download, oldest first.

    A short one counts only where it is sure that candles were kept back: the exchange gave
    its newest ones instead.
    """
    kept_back = [lost.stretch for lost in history.lost if lost.kind == "newest only"]
    held = shelf.held(span)
    found = []
    for start, end in joined([*shelf.uncovered(span), *kept_back]):
        lost = next((lost for lost in history.lost if _meet(lost.stretch, (start, end))), None)
        kind: MissingKind
        if lost is not None:
            kind = lost.kind
        elif not len(held):
            kind = "all" if history.refusal is None else "refused"
        elif start < held[0]:
            kind = "older"
        elif start > held[-1]:
            kind = "end"
        else:
            kind = "hole"
        found.append(
            Missing(
                start=_instant(start),
                end=_instant(end),
                bars=(end - start) // bar_step(shelf.timeframe),
                kind=kind,
                why=_why(kind, shelf, history, lost),
            )
        )
    return tuple(found)


def coverage_words(exchange: str, symbol: str, timeframe: str, missing: Sequence[Missing]) -> str:
    """Say what is missing of one symbol, why that may be, and what to do; "" if nothing is."""
    parts = []
    for kind in dict.fromkeys(part.kind for part in missing):
        alike = [part for part in missing if part.kind == kind]
        named = ", ".join(str(part) for part in alike[:MOST_TOLD])
        rest = alike[MOST_TOLD:]
        more = f" and {len(rest):,} more, {sum(part.bars for part in rest):,} bars" if rest else ""
        whys = " ".join(dict.fromkeys(part.why for part in alike))
        parts.append(
            f"{exchange} gave no {timeframe} candle of {symbol} from {named}{more}. "
            f"{whys} {_ADVICE[kind]}"
        )
    return " ".join(parts)


def _why(kind: MissingKind, shelf: Shelf, history: History, lost: Lost | None) -> str:
    exchange = shelf.exchange
    symbol = shelf.symbol
    if kind == "newest only" and lost is not None:
        return (
            f"Asked for them, it gave its newest {counted(lost.newest, 'candle')}: "
            f"it keeps no older ones of {shelf.timeframe}, or {symbol} was first traded then."
        )
    if kind == "refused" and history.refusal is not None:
        said = str(history.refusal.__cause__).partition("\n")[0][:200]
        return f"It refuses to give them, and may keep none as old: {said}."
    if kind == "older":
        return f"{symbol} was not traded there before, or {exchange} keeps no older candles."
    if kind == "end":
        return f"{symbol} was not traded any more, or {exchange} has not given these out yet."
    if kind == "hole":
        return f"Nobody traded, or {exchange} was down, or it has lost them."
    return "It was not traded there then, or the exchange gives only recent candles."


def _meet(one: Stretch, other: Stretch) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _instant(ns: int) -> pd.Timestamp:
    return pd.Timestamp(ns, unit="ns", tz="UTC")
