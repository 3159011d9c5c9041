"""A session beside the backtest of the candles it recorded: decision by decision, trade by trade,
to the last step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pandas as pd

from cryptonn.errors import DataError
from cryptonn.paper.candle_log import bar_ms, frame_of
from cryptonn.paper.decider import Decider
from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger import EpochRow, LedgerReader
from cryptonn.paper.refused import RefusedCount, refused_counts
from cryptonn.paper.trades import (
    Trade,
    backtest_trades,
    equity_of,
    open_times,
    paper_trades,
    planned_trades,
)

__all__ = ["Parity", "parity"]

_TRADE = ("side", "amount", "price", "fee", "fee_currency", "filled_ms")


@dataclass(frozen=True, eq=False)
class Parity:
    """How far a session and its backtest agree, from the session's first decision to its last.

    Attributes
    ----------
    table
        One row a bar. Index time; ``decided`` whether the session decided on it; proba, signal,
        wanted and what was traded (side, amount, price, fee, fee_currency, filled_ms; None where
        nothing was) with the endings ``_paper`` and ``_backtest``; ``differs`` names the first
        thing that differs, "" where nothing does: decision (there was none), signal, wanted, late
        (another trade, or none, as the session came from bars on which the backtest had traded
        without it), or one of the trade.
    bars, decisions
        Bars from first to last decision, and how many of them were decided on.
    flips
        Decisions whose signal is not the backtest's.
    trades, same_trades
        Trades of either, and those that are equal in time, side, amount, price and fee. The trade
        after the last bar of the log counts as neither: its fill is not in the log.
    equity_difference
        Largest difference of equity at a close, quote. The session's is that of its books, epoch by
        epoch: what was held at a reset of the sandbox counts as cash from then on.
    proba_difference
        Largest difference of a probability.
    refused
        What came to nothing in the backtest and in the session, counted by kind.
    """

    table: pd.DataFrame
    bars: int
    decisions: int
    flips: int
    trades: int
    same_trades: int
    equity_difference: float
    proba_difference: float
    refused: tuple[RefusedCount, ...] = ()

    @property
    def missed(self) -> int:
        """Bars between first and last decision that were not decided on."""
        return self.bars - self.decisions

    @property
    def score(self) -> float:
        """Share of the decisions on which everything agrees;
        bars that were missed are counted beside it.
        """
        return float((self.table.loc[self.table["decided"], "differs"] == "").mean())

    @property
    def only_late(self) -> bool:
        """Whether all that differs comes from bars that were missed: trades on them,
        or made up for after them.
        """
        return set(self.table["differs"]) <= {"", "decision", "late"}

    @property
    def agrees(self) -> bool:
        """Whether every decision agrees, and every trade: the backtest made none on a bar that was
        missed.
        """
        return self.score == 1 and self.same_trades == self.trades

    def describe(self) -> str:
        """Say it in words, one line each."""
        missed = f", {self.missed:,} missed" if self.missed else ""
        equal = f"{self.same_trades:,} of {self.trades:,} trades"
        either = "" if self.same_trades == self.trades else "; those of either side are counted"
        return "\n".join(
            [
                f"{self.decisions:,} decisions on {self.bars:,} bars{missed}; "
                f"{self.flips:,} with another signal than the backtest",
                f"{equal} identical in time, side, amount, price and fee{either}",
                f"largest difference of equity {self.equity_difference:.3g}, of a probability "
                f"{self.proba_difference:.1e}",
                f"score {self.score:.2%} of the decisions without any difference",
                *(one.words for one in self.refused),
            ]
        )


def parity(ledger: LedgerReader, decider: Decider) -> Parity:
    """Replay the candles that a session recorded through the backtest, and compare.

    Where the market takes a buy's commission in base, the account holds a little less than the
    backtest, which pays in quote: what is compared with are then the trades of the planner
    following the backtest's wishes.

    Raises
    ------
    DataError
        If the session has not decided on anything.
    """
    decisions = {row.decision.time_ms: row.decision for row in ledger.decisions()}
    if not decisions:
        raise DataError(
            f"{ledger.path}: the session has decided on nothing yet. Let it run for some minutes."
        )
    facts = ledger.facts
    timeframe = decider.config.data.timeframe
    log = {symbol: ledger.candles(symbol) for symbol in decider.config.data.symbols}
    newest = [rows[-1].time_ms for rows in log.values() if rows]
    frame = frame_of(log, timeframe=timeframe, until_ms=max(*decisions, *newest))
    result, replayed = decider.replay(frame)
    candles = frame.candles(decider.config.data.target).loc[replayed.index]
    step_ms = bar_ms(timeframe)
    currencies = {"base": facts.base, "quote": facts.quote}
    told = paper_trades(ledger, step_ms=step_ms)
    expected = backtest_trades(result, quote=facts.quote)
    equity = result.equity
    if decider.rules.fee_in == "base":
        expected = planned_trades(
            replayed, candles, rules=decider.rules, costs=result.costs, **currencies
        )
        start = EpochRow(1, 0, "start", {}, carried=Decimal(0), cash=facts.cash)
        equity = equity_of(
            [start],
            [trade.as_fill() for trade in expected.values()],
            candles,
            step_ms=step_ms,
            **currencies,
        )
    table = _compared(decisions, replayed, told, expected, last_traded=_last_traded(candles))
    own = equity_of(ledger.epochs(), ledger.fills(), candles, step_ms=step_ms, **currencies)
    found = _summed(table, (own - equity).loc[table.index])
    return replace(
        found,
        refused=refused_counts(
            [one for row in replayed.loc[_decided(table), "refused"] for one in row],
            ledger.incidents(),
            ledger.orders(),
        ),
    )


def _decided(table: pd.DataFrame) -> pd.Index:
    return table.index[table["decided"].to_numpy(dtype=bool)]


def _last_traded(candles: pd.DataFrame) -> int:
    """Return the newest bar in which anything could be filled; 0 if none."""
    return max(open_times(candles[candles["volume"] > 0]), default=0)


def _compared(
    decisions: Mapping[int, Decision],
    replayed: pd.DataFrame,
    told: Mapping[int, Trade],
    expected: Mapping[int, Trade],
    *,
    last_traded: int,
) -> pd.DataFrame:
    """Return the table of ``Parity``; trades decided on from ``last_traded`` on are not in the log.

    A session is behind from a trade that it missed until the first decision on which either side
    trades.
    """
    rows = []
    behind = False
    for time_ms, bar in zip(open_times(replayed), replayed.itertuples(), strict=True):
        if time_ms > max(decisions):
            break
        ours, theirs = (
            trades.get(time_ms) if time_ms < last_traded else None for trades in (told, expected)
        )
        decision = decisions.get(time_ms)
        rows.append(_row(bar, decision, ours, theirs, behind=behind))
        behind = (
            (behind or theirs is not None)
            if decision is None
            else (behind and ours is None and theirs is None)
        )
    return pd.DataFrame(rows, index=replayed.index[: len(rows)])


def _row(
    bar: Any, decision: Decision | None, ours: Trade | None, theirs: Trade | None, *, behind: bool
) -> dict[str, Any]:
    """Return one row: what differs first, and both sides."""
    pairs: dict[str, tuple[Any, Any]] = {
        "signal": (None if decision is None else decision.signal, int(bar.signal)),
        "wanted": (None if decision is None else decision.wanted, bar.wanted),
        **{name: (getattr(ours, name, None), getattr(theirs, name, None)) for name in _TRADE},
    }
    differs = next((name for name, (paper, backtest) in pairs.items() if paper != backtest), "")
    if differs in _TRADE and behind:
        differs = "late"
    row: dict[str, Any] = {
        "decided": decision is not None,
        "differs": differs if decision is not None else "decision",
    }
    pairs["proba"] = (float("nan") if decision is None else decision.proba, float(bar.proba))
    for name, (paper, backtest) in pairs.items():
        row |= {f"{name}_paper": paper, f"{name}_backtest": backtest}
    return row


def _summed(table: pd.DataFrame, differences: pd.Series) -> Parity:
    decided = table["decided"].to_numpy(dtype=bool)
    either = table["side_paper"].notna() | table["side_backtest"].notna()
    same = either.copy()
    for name in _TRADE:
        same &= pd.Series(
            [
                ours == theirs
                for ours, theirs in zip(
                    table[f"{name}_paper"], table[f"{name}_backtest"], strict=True
                )
            ],
            index=table.index,
        )
    return Parity(
        table=table,
        bars=len(table),
        decisions=int(decided.sum()),
        flips=int((table["signal_paper"] != table["signal_backtest"]).to_numpy()[decided].sum()),
        trades=int(either.sum()),
        same_trades=int(same.sum()),
        equity_difference=float(differences.abs().max()),
        proba_difference=float((table["proba_paper"] - table["proba_backtest"]).abs().max()),
    )
