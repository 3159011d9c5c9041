"""A session over real sockets and the backtest of the candles it recorded: every trade the same, to the last step."""

import contextlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from real_minutes import BTC, ETH, FIRST, cut, real_frame, real_minutes
from replayed_session import GRACE_MS, MINUTE, ReplayedSession, replaying, run
from session_cases import RULE, RULES, decider, drawn_model, milliseconds

from cryptonn.errors import DataError
from cryptonn.learning.prediction import FittedModel
from cryptonn.market.bars import times_of
from cryptonn.paper.decider import Decider
from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger import CandleRow, Ledger, LedgerReader, SessionFacts
from cryptonn.paper.parity import Parity, parity
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import VenueFill
from cryptonn.paper.trades import backtest_trades, planned_trades

DAYS = 2
BARS = 120
START = FIRST + pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> dict[str, pd.DataFrame]:
    return real_minutes(shared_data, DAYS)


@pytest.fixture(scope="module")
def model(shared_data: Path) -> FittedModel:
    return drawn_model(real_frame(shared_data, DAYS), signal=RULE)


def check_identical(found: Parity, *, bars: int, trades: int) -> None:
    assert (found.bars, found.decisions, found.flips) == (bars, bars, 0)
    assert found.trades >= trades
    assert found.same_trades == found.trades
    assert found.equity_difference < 1e-8
    assert found.proba_difference < 1e-6
    assert found.score == 1


@pytest.mark.parametrize("fee_in", ["quote", "base"])
def test_bar_by_bar_over_midnight_with_restarts(
    tables: dict[str, pd.DataFrame], model: FittedModel, tmp_path: Path, fee_in: str
) -> None:
    begin = START - pd.Timedelta(minutes=20)
    found, _ = run(tables, tmp_path, model, begin, 36, fee_in=fee_in, restarts={12, 21})
    check_identical(found, bars=36, trades=3)
    fees = set(found.table["fee_currency_paper"].dropna())
    assert fees == ({"ETH", "USD"} if fee_in == "base" else {"USD"})


def test_a_day_of_real_minutes(
    tables: dict[str, pd.DataFrame], model: FittedModel, tmp_path: Path
) -> None:
    """The decisions of one batch, each trade over the sockets: the bars between them ask the exchange for nothing."""
    start_ms, bars = milliseconds(START), 1440 - 5
    with (
        replaying(tables, model, start_ms, fee_in="quote") as port,
        contextlib.ExitStack() as stack,
    ):
        own = decider(model, START, enter=0.8)
        session = ReplayedSession(
            tmp_path / "s.sqlite",
            port,
            own,
            start_ms=start_ms,
            log_start_ms=start_ms - 1440 * MINUTE,
            fee_in="quote",
        )
        stack.callback(session.close)
        session.clock.advance(start_ms + (bars + 2) * MINUTE)
        session.read(start_ms)
    with (
        replaying(tables, model, start_ms, fee_in="quote") as port,
        contextlib.ExitStack() as stack,
    ):
        session = ReplayedSession(
            tmp_path / "s.sqlite",
            port,
            own,
            start_ms=start_ms,
            log_start_ms=start_ms,
            fee_in="quote",
        )
        stack.callback(session.close)
        held = Decimal(0)
        for time_ms, decision in batch(own, session.ledger, bars):
            if decision.wanted != held or session.ledger.unresolved() is not None:
                session.clock.advance(time_ms + MINUTE + GRACE_MS)
                session.executor.act(decision)
                held = decision.wanted
            else:
                session.ledger.plan(decision, None, at_ms=time_ms + MINUTE + GRACE_MS)
        session.clock.advance(start_ms + (bars + 2) * MINUTE)
        session.executor.settle()
        check_identical(parity(session.ledger, own), bars=bars, trades=50)


def batch(own: Decider, ledger: LedgerReader, bars: int) -> list[tuple[int, Decision]]:
    """The first decisions of the backtest of what the ledger holds."""
    from cryptonn.paper.candle_log import frame_of

    log = {symbol: ledger.candles(symbol) for symbol in (ETH, BTC)}
    table = own.replay(
        frame_of(log, timeframe="1m", until_ms=max(rows[-1].time_ms for rows in log.values()))
    )[1]
    times = (times_of(pd.DatetimeIndex(table.index)) // 1_000_000).tolist()
    decisions = [
        Decision(
            time_ms,
            time_ms + MINUTE,
            row.proba,
            int(row.signal),
            row.wanted,
            Decimal(str(row.close)),
            near=False,
        )
        for time_ms, row in zip(times, table.itertuples(), strict=True)
    ]
    return list(zip(times, decisions, strict=True))[:bars]


@pytest.mark.parametrize("fee_in", ["quote", "base"])
def test_the_planner_following_the_wishes_trades_as_the_backtest(
    model: FittedModel, shared_data: Path, fee_in: str
) -> None:
    frame = real_frame(shared_data, DAYS)
    own = decider(model, START, enter=0.8, rules=replace(RULES, fee_in=fee_in))
    result, table = own.replay(frame)
    candles = frame.candles(ETH).loc[table.index]
    planned = planned_trades(
        table, candles, rules=own.rules, costs=result.costs, base="ETH", quote="USD"
    )
    expected = backtest_trades(result, quote="USD")
    assert len(expected) > 50
    if fee_in == "quote":
        assert planned == expected
    else:
        assert [trade.filled_ms for trade in planned.values()] == [
            trade.filled_ms for trade in expected.values()
        ]
        buys = [trade for trade in planned.values() if trade.side == "buy"]
        assert {trade.fee_currency for trade in buys} == {"ETH"}
        assert sum(trade.amount for trade in planned.values() if trade.side == "sell") < sum(
            b.amount for b in buys
        )


# A session written by hand, in which one thing differs


class Written:
    """A session's ledger as a backtest would have written it, but for one change."""

    def __init__(
        self, folder: Path, model: FittedModel, replayed: Any, tables: dict[str, pd.DataFrame]
    ) -> None:
        self.decider, self.tables = decider(model, START, enter=0.8), tables
        self.result, self.table = replayed
        self.path, self.bars = folder / "written.sqlite", BARS
        self.trades = backtest_trades(self.result, quote="USD")

    def write(self, change: str, at: int) -> Parity:
        facts = SessionFacts(
            "w", "{}", "c", "m", "1", "4.5", "local", ETH, Decimal(100_000), milliseconds(START)
        )
        with Ledger.open(self.path, facts) as ledger:
            ledger.epoch(
                "begun",
                {"USD": Decimal(100_000)},
                carried=Decimal(0),
                cash=Decimal(100_000),
                at_ms=0,
            )
            end = self.table.index[self.bars + 3]
            for symbol, table in self.tables.items():
                part = table.loc[:end]
                times = (times_of(pd.DatetimeIndex(part.index)) // 1_000_000).tolist()
                rows = [
                    CandleRow(*row) for row in zip(times, *part.to_numpy().T.tolist(), strict=True)
                ]
                ledger.add_candles(symbol, rows, seen_ms=0)
            for bar, (time_ms, decision) in enumerate(batch(self.decider, ledger, self.bars)):
                self._decide(ledger, time_ms, decision, change if bar == at else "")
            return parity(ledger, self.decider)

    def _decide(self, ledger: Ledger, time_ms: int, decision: Decision, change: str) -> None:
        trade = self.trades.get(time_ms)
        if change == "missed":
            return
        if change == "flip":
            decision = replace(decision, signal=1 - decision.signal)
        move = None if trade is None or change == "not sent" else Move(trade.side, trade.amount)
        order = ledger.plan(decision, move, at_ms=time_ms)
        if order is None or trade is None:
            return
        amount = trade.amount - (RULES.amount_step if change == "amount" else 0)
        price = trade.price + (RULES.price_tick if change == "price" else 0)
        fee = trade.fee + (Decimal("1e-8") if change == "fee" else 0)
        currency = "BNB" if change == "currency" else "USD"
        filled_ms = trade.filled_ms + 1500 + (MINUTE if change == "time" else 0)
        ledger.mark(order.cid, "SENDING", at_ms=time_ms, signed_ms=time_ms)
        ledger.mark(order.cid, "OPEN", at_ms=time_ms, venue_id=order.cid)
        ledger.add_fills(
            order.cid,
            [VenueFill(order.cid, order.cid, trade.side, amount, price, fee, currency, filled_ms)],
        )
        ledger.mark(order.cid, "CLOSED", at_ms=time_ms, filled=amount)

    def bar_of_a_trade(self) -> int:
        times = (times_of(pd.DatetimeIndex(self.table.index)) // 1_000_000).tolist()
        return next(bar for bar in range(40, self.bars) if times[bar] in self.trades)


@pytest.fixture(scope="module")
def replayed(model: FittedModel, shared_data: Path) -> Any:
    frame = cut(real_frame(shared_data, 2), 1440 + BARS + 10)
    return decider(model, START, enter=0.8).replay(frame)


@pytest.fixture
def written(
    tmp_path: Path, model: FittedModel, replayed: Any, tables: dict[str, pd.DataFrame]
) -> Written:
    return Written(tmp_path, model, replayed, tables)


def test_written_as_the_backtest_has_it(written: Written) -> None:
    found = written.write("", 0)
    check_identical(found, bars=BARS, trades=8)
    assert "score 100.00%" in found.describe()


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ("flip", "signal"),
        ("missed", "decision"),
        ("amount", "amount"),
        ("price", "price"),
        ("fee", "fee"),
        ("currency", "fee_currency"),
        ("time", "filled_ms"),
    ],
)
def test_one_difference_is_found(written: Written, change: str, differs: str) -> None:
    at = written.bar_of_a_trade()
    found = written.write(change, at)
    assert found.table["differs"].tolist() == [differs if bar == at else "" for bar in range(BARS)]
    assert found.flips == (change == "flip")
    assert found.decisions == BARS - (change == "missed")
    assert found.trades - found.same_trades == (change != "flip")
    if change not in ("flip", "time"):
        assert found.equity_difference > 0


def test_an_order_that_was_not_sent(written: Written) -> None:
    at = written.bar_of_a_trade()
    found = written.write("not sent", at)
    assert found.table["differs"].iloc[at] == "side"
    assert found.equity_difference > 1


def test_a_session_without_decisions(tmp_path: Path, model: FittedModel) -> None:
    facts = SessionFacts(
        "w", "{}", "c", "m", "1", "4.5", "local", ETH, Decimal(100_000), milliseconds(START)
    )
    with (
        Ledger.open(tmp_path / "empty.sqlite", facts) as ledger,
        pytest.raises(DataError, match="decided on nothing yet"),
    ):
        parity(ledger, decider(model, START))
