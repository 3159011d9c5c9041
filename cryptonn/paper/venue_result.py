"""What a session's fills earned at its exchange, as the same kind of result that a backtest leaves
behind.

    ledger's fills and epochs → account after each → build_result → equity, returns, trades

The ledger is exact; a result is float64, for pictures and metrics. A commission in base counts as
that much less bought, paid at the fill's price. One in a third currency is in no balance of the
strategy: it is left out.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pandas as pd

from cryptonn.paper.accounts import Account, account_steps
from cryptonn.paper.ledger import FillRow, LedgerReader
from cryptonn.paper.tally import tally
from cryptonn.paper.trades import open_times
from cryptonn.trading.account import Fill, build_result
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult

__all__ = ["venue_result"]

_NONE = Decimal(0)


@dataclass(frozen=True)
class _Step:
    """The account just after a fill, or after an epoch began with another position (``made`` is
    then False).
    """

    bar: int
    decided: int
    amount: Decimal
    price: Decimal
    commission: Decimal
    cash: Decimal
    units: Decimal
    made: bool = True


def venue_result(
    ledger: LedgerReader,
    candles: pd.DataFrame,
    *,
    costs: Costs,
    fees: str,
    strategy: str,
    amount_step: Decimal,
    step_ms: int,
) -> BacktestResult:
    """Rebuild a session's result from its fills.

    Parameters
    ----------
    candles
        Of the target, from the session's first bar on; a fill after their last bar is left out.
    costs, fees
        What was expected, for the labels; what was paid is in the fills.
    strategy
        Its name.
    amount_step
        Of the market: a position of less is dust, and counts as none in ``position`` and
        ``trades``.
    step_ms
        Length of a bar.

    Returns
    -------
    BacktestResult
        ``fills`` are the exchange's; ``rejections`` the orders that it refused, at once or later.
    """
    opens = open_times(candles)
    steps = list(_steps(ledger, opens, end_ms=opens[-1] + step_ms))
    cash = ledger.epochs()[0].cash
    rejected = tally(ledger.orders())["REJECTED"]

    def built(chosen: Sequence[_Step]) -> BacktestResult:
        return build_result(
            candles,
            _fills(chosen),
            strategy=strategy,
            fees=fees,
            symbol=ledger.facts.symbol,
            costs=costs,
            cash=float(cash),
            rejections=rejected,
        )

    exact = built(steps)
    flat = built(_without_dust(steps, cash, least=amount_step))
    made = np.array([one.made for one in steps], dtype=bool)
    fills = exact.fills.loc[made].reset_index(drop=True)
    return replace(exact, fills=fills, position=flat.position, trades=flat.trades)


def _steps(ledger: LedgerReader, opens: Sequence[int], *, end_ms: int) -> Iterator[_Step]:
    """Give the account after each fill within the bars that open at ``opens`` (ms),
    and after each change of epoch.
    """
    base, quote = ledger.facts.base, ledger.facts.quote
    decided = {order.cid: order.time_ms for order in ledger.orders()}
    epochs = ledger.epochs()
    before = Account(epochs[0].carried, epochs[0].cash)
    for at_ms, fill, now in account_steps(epochs, ledger.fills(), base=base, quote=quote):
        row = _row(opens, at_ms)
        if at_ms < end_ms and fill is not None:
            amount, commission = _effect(fill, base=base, quote=quote)
            yield _Step(
                row,
                _row(opens, decided[fill.cid]),
                amount,
                fill.price,
                commission,
                now.cash,
                now.position,
            )
        elif at_ms < end_ms and now.position != before.position:
            yield _rebased(before, now, row)
        before = now


def _row(opens: Sequence[int], time_ms: int) -> int:
    return max(0, bisect_right(opens, time_ms) - 1)


def _effect(fill: FillRow, *, base: str, quote: str) -> tuple[Decimal, Decimal]:
    """Return the signed amount that a fill moved the position by, and its commission in quote.

    >>> from decimal import Decimal as D
    >>> fill = FillRow(1, "t", "c", "buy", D(2), D(100), D("0.002"), "ETH", 0)
    >>> _effect(fill, base="ETH", quote="USD")
    (Decimal('1.998'), Decimal('0.200'))
    """
    amount = fill.amount if fill.side == "buy" else -fill.amount
    if fill.fee_currency == base:
        return amount - fill.fee, fill.fee * fill.price
    return amount, fill.fee if fill.fee_currency == quote else _NONE


def _rebased(before: Account, now: Account, row: int) -> _Step:
    """Return the step to an epoch's opening: what left the position did so for the cash that came,
    or for nothing.
    """
    amount = now.position - before.position
    return _Step(
        row,
        row,
        amount,
        (before.cash - now.cash) / amount,
        _NONE,
        now.cash,
        now.position,
        made=False,
    )


def _without_dust(steps: Sequence[_Step], cash: Decimal, *, least: Decimal) -> list[_Step]:
    """Return the steps with every position below ``least`` closed,
    what it was worth being a cost.
    """
    found = []
    before = _NONE
    for one in steps:
        units = one.units if abs(one.units) >= least else _NONE
        amount = units - before
        paid = cash - one.cash - amount * one.price
        if amount:
            found.append(replace(one, amount=amount, units=units, commission=paid))
            before = units
            cash = one.cash
    return found


def _fills(steps: Sequence[_Step]) -> list[Fill]:
    """Return the steps as ``build_result`` takes them, with the mean price of the position."""
    fills = []
    before = 0.0
    entry = 0.0
    for one in steps:
        amount = float(one.amount)
        price = float(one.price)
        units = float(one.units)
        if abs(units) > abs(before) and units:
            entry = (before * entry + amount * price) / units
        entry = entry if units else 0.0
        fills.append(
            Fill(
                one.bar,
                one.decided,
                amount,
                price,
                float(one.commission),
                float(one.cash),
                units,
                entry,
            )
        )
        before = units
    return fills
