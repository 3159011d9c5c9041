"""What was traded after each decision: by the session, by its backtest,
and by a backtest that pays fees in base.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from cryptonn.market.bars import time_index, times_of
from cryptonn.paper.accounts import accounts
from cryptonn.paper.ledger import EpochRow, FillRow, LedgerReader
from cryptonn.paper.ledger.holding import Holding, held
from cryptonn.paper.planner import Move, plan
from cryptonn.paper.ports import Side
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.rules import MarketRules

__all__ = ["Trade", "backtest_trades", "equity_of", "open_times", "paper_trades", "planned_trades"]

_NONE = Decimal(0)
_MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Trade:
    """What the decision on one bar led to.

    Parameters
    ----------
    decided_ms
        Open of the bar decided on.
    filled_ms
        Open of the bar in which it was filled, the last one if there were several.
    price
        Mean price, exact unless the fills do not divide.
    fee, fee_currency
        Commission; where there were several currencies, the last one's, and the sum would mean
        nothing.
    """

    decided_ms: int
    filled_ms: int
    side: Side
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str

    def as_fill(self) -> FillRow:
        """Return it as one execution, of the first epoch."""
        return FillRow(
            1,
            "",
            "",
            self.side,
            self.amount,
            self.price,
            self.fee,
            self.fee_currency,
            self.filled_ms,
        )


def open_times(table: pd.DataFrame) -> list[int]:
    """Return the opens of the bars of a time-indexed table, milliseconds."""
    return _milliseconds(time_index(table))


def _milliseconds(index: pd.DatetimeIndex) -> list[int]:
    times: list[int] = (times_of(index) // _MILLISECOND).tolist()
    return times


def paper_trades(ledger: LedgerReader, *, step_ms: int) -> dict[int, Trade]:
    """Return the session's own trades by the bar decided on:
    the executions of its orders together.
    """
    bar_of = {order.cid: order.time_ms for order in ledger.orders()}
    fills: dict[int, list[FillRow]] = {}
    for fill in ledger.fills():
        fills.setdefault(bar_of[fill.cid], []).append(fill)
    return {time_ms: _together(time_ms, rows, step_ms) for time_ms, rows in fills.items()}


def _together(time_ms: int, fills: list[FillRow], step_ms: int) -> Trade:
    signed = sum((fill.amount if fill.side == "buy" else -fill.amount for fill in fills), _NONE)
    traded = sum((fill.amount for fill in fills), _NONE)
    return Trade(
        decided_ms=time_ms,
        filled_ms=max(fill.time_ms for fill in fills) // step_ms * step_ms,
        side="buy" if signed > 0 else "sell",
        amount=abs(signed),
        price=sum((fill.amount * fill.price for fill in fills), _NONE) / traded,
        fee=sum((fill.fee for fill in fills), _NONE),
        fee_currency=fills[-1].fee_currency,
    )


def backtest_trades(result: BacktestResult, *, quote: str) -> dict[int, Trade]:
    """Return the backtest's trades by the bar decided on."""
    fills: dict[int, list[FillRow]] = {}
    table = result.fills
    filled, decided = (_milliseconds(pd.DatetimeIndex(table[name])) for name in ("time", "decided"))
    for row, fill in enumerate(table.itertuples()):
        amount, price, fee = (
            Decimal(str(value)) for value in (fill.amount, fill.price, fill.commission)
        )
        side: Side = "buy" if fill.side == "buy" else "sell"
        made = FillRow(0, "", "", side, amount, price, fee, quote, filled[row])
        fills.setdefault(decided[row], []).append(made)
    return {decided_ms: _together(decided_ms, made, 1) for decided_ms, made in fills.items()}


def planned_trades(
    decisions: pd.DataFrame,
    candles: pd.DataFrame,
    *,
    rules: MarketRules,
    costs: Costs,
    base: str,
    quote: str,
) -> dict[int, Trade]:
    """Return the trades of an account that follows a backtest's wishes and pays its buys'
    commissions in base.

    The planner rounds what that leaves, exactly as in a session; a market order fills at the next
    traded open.

    Parameters
    ----------
    decisions
        Columns wanted (Decimal) and close, one row a bar; see ``Decider.replay``.
    candles
        Of the target, on the same index.
    """
    trades: dict[int, Trade] = {}
    holding = Holding(_NONE, _NONE)
    waiting: tuple[int, Move] | None = None
    columns = (candles["open"], candles["volume"], decisions["wanted"], decisions["close"])
    for time_ms, opening, volume, wanted, close in zip(open_times(candles), *columns, strict=True):
        if waiting is not None and volume > 0:
            decided_ms, move = waiting
            price = rules.fill_price(opening, side=move.side, concession=costs.concession)
            fee, currency = _fee(
                move, price, rules=rules, rate=costs.commission, base=base, quote=quote
            )
            trade = trades[decided_ms] = Trade(
                decided_ms, time_ms, move.side, move.amount, price, fee, currency
            )
            holding = held(holding, [trade.as_fill()], base=base, step=rules.amount_step)
            waiting = None
        if waiting is None:
            planned = plan(wanted, holding.net, rules, Decimal(str(close)), owed=holding.owed)
            waiting = None if planned is None else (time_ms, planned)
    return trades


def _fee(
    move: Move, price: Decimal, *, rules: MarketRules, rate: float, base: str, quote: str
) -> tuple[Decimal, str]:
    if rules.fee_in == "base" and move.side == "buy":
        return rules.base_commission(move.amount, rate=rate), base
    return rules.commission(move.amount, price, rate=rate), quote


def equity_of(
    epochs: Sequence[EpochRow],
    fills: Iterable[FillRow],
    candles: pd.DataFrame,
    *,
    step_ms: int,
    base: str,
    quote: str,
) -> pd.Series:
    """Return the equity of an account at each close, worked out exactly and rounded at the end;
    quote.
    """
    before_next = [time_ms + step_ms - 1 for time_ms in open_times(candles)]
    known = accounts(before_next, epochs, fills, base=base, quote=quote)
    equity = [
        float(account.cash + account.position * Decimal(str(close)))
        for account, close in zip(known, candles["close"], strict=True)
    ]
    return pd.Series(equity, index=candles.index, name="equity", dtype=float)
