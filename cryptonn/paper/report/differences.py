"""The table of parity as lines to read: one a decision, what differs named,
both sides beside each other.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cryptonn.paper.view.formats import moment, money, units
from cryptonn.paper.view.words import signal_words

__all__ = ["HEADINGS", "DecisionLine", "decision_lines"]

HEADINGS = (
    "bar (UTC)",
    "what differs",
    "P(up)",
    "signal",
    "wanted",
    "on the exchange",
    "in the backtest",
)
"""Of the columns of a line."""

_NOTHING = "–"
_MISSED = "not decided on"
_WORDS = {
    "": "",
    "signal": "signal",
    "wanted": "position wanted",
    "late": "makes up for missed bars",
    "side": "traded on one side alone",
    "amount": "amount",
    "price": "fill price",
    "fee": "fee",
    "fee_currency": "currency of the fee",
    "filled_ms": "bar of the fill",
}


@dataclass(frozen=True)
class DecisionLine:
    """One decision, or a stretch of bars that nobody decided on and nobody traded: text and small
    print a cell.

    One cell for each of ``HEADINGS``; the small print may be empty.
    """

    cells: tuple[tuple[str, str], ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Each cell as one text."""
        return tuple(f"{text}, {note}" if note else text for text, note in self.cells)


def decision_lines(table: pd.DataFrame, *, whole: bool = False) -> Iterator[DecisionLine]:
    """Give the lines of ``Parity.table``: of the decisions that differ, or of all if ``whole``.

    Neighbouring bars that were not decided on, and on which the backtest traded nothing, make one
    line.
    """
    missed: list[Any] = []
    for row in table.itertuples():
        idle = row.differs == "decision" and not isinstance(row.side_backtest, str)
        if missed and not idle:
            yield _missed(missed)
            missed = []
        if idle:
            missed.append(row)
        elif row.differs or whole:
            yield _line(row)
    if missed:
        yield _missed(missed)


def _missed(rows: list[Any]) -> DecisionLine:
    several = f"{len(rows):,} bars, to {_bar(rows[-1].Index)}" if len(rows) > 1 else ""
    return DecisionLine(
        ((_bar(rows[0].Index), ""), (_MISSED, several), *[(_NOTHING, "")] * (len(HEADINGS) - 2))
    )


def _line(row: Any) -> DecisionLine:
    decided = bool(row.decided)
    signal = signal_words(int(row.signal_paper)) if decided else _NOTHING
    wanted = units(row.wanted_paper) if decided else _NOTHING
    proba = f"{row.proba_paper:.4f}" if decided else _NOTHING
    return DecisionLine(
        (
            (_bar(row.Index), ""),
            (_WORDS.get(row.differs, row.differs) if decided else _MISSED, ""),
            (_both(proba, f"{row.proba_backtest:.4f}"), ""),
            (_both(signal, signal_words(row.signal_backtest)), ""),
            (_both(wanted, units(row.wanted_backtest)), ""),
            _trade(row, "paper"),
            _trade(row, "backtest"),
        )
    )


def _both(paper: str, backtest: str) -> str:
    """Write a value once where both sides have it, else that of the session and that of the
    backtest.
    """
    return paper if paper == backtest else f"{paper} / {backtest}"


def _trade(row: Any, whose: str) -> tuple[str, str]:
    side, amount, price, fee, currency, filled = (
        getattr(row, f"{name}_{whose}")
        for name in ("side", "amount", "price", "fee", "fee_currency", "filled_ms")
    )
    if not isinstance(side, str):
        return _NOTHING, ""
    paid = units(fee) if row.differs == "fee" else money(fee)
    told = f"fee {paid} {currency}, {moment(int(filled), form='%H:%M')}"
    return f"{side} {units(amount)} at {units(round(price, 8))}", told


def _bar(time: Hashable) -> str:
    return pd.Timestamp(str(time)).strftime("%Y-%m-%d %H:%M")
