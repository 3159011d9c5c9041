"""A session's result rebuilt from its fills: exact where the ledger is exact, and nothing invented."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from written_session import CASH, Mishaps, Writer

from cryptonn.paper.accounts import account_steps, accounts
from cryptonn.paper.ledger import EpochRow, FillRow, LedgerReader
from cryptonn.paper.ledger.holding import effects
from cryptonn.paper.recorded import open_recorded
from cryptonn.paper.report.compared import Compared, compare
from cryptonn.paper.trades import open_times

BARS = 700


@contextmanager
def compared(writer: Writer, **given: object) -> Iterator[tuple[Compared, LedgerReader]]:
    writer.write("local", **{"bars": BARS, **given})  # type: ignore[arg-type]
    with open_recorded(writer.run) as session:
        yield compare(session), session.ledger


def exact_equity(ledger: LedgerReader, candles: pd.DataFrame) -> list[float]:
    """Cash and position at each close, summed up from the ledger's rows alone."""
    found, step = [], 60_000
    for time_ms, close in zip(open_times(candles), candles["close"], strict=True):
        epoch = [epoch for epoch in ledger.epochs() if epoch.at_ms < time_ms + step][-1]
        fills = [fill for fill in ledger.fills(epoch=epoch.n) if fill.time_ms < time_ms + step]
        changed = effects(fills, base="ETH", quote="USD")
        units, cash = epoch.carried + changed["ETH"], epoch.cash + changed["USD"]
        found.append(float(cash + units * Decimal(str(close))))
    return found


def test_a_session_without_mishap_is_its_backtest(run_folder: Path) -> None:
    with compared(Writer(run_folder)) as (found, ledger):
        assert len(found.venue.fills) == len(ledger.fills()) > 20
        pd.testing.assert_series_equal(found.venue.equity, found.model.equity, rtol=0, atol=1e-8)
        pd.testing.assert_frame_equal(found.venue.fills, found.model.fills, rtol=0, atol=1e-8)
        pd.testing.assert_frame_equal(found.venue.trades, found.model.trades, rtol=0, atol=1e-6)
        assert found.gap.total == pytest.approx(0, abs=1e-8)
        assert found.left_out == 0


def test_commissions_in_base_are_less_bought_and_dust_is_no_position(run_folder: Path) -> None:
    with compared(Writer(run_folder, fee_in="base")) as (found, ledger):
        assert {fill.fee_currency for fill in ledger.fills() if fill.side == "buy"} == {"ETH"}
        assert found.venue.equity.tolist() == pytest.approx(
            exact_equity(ledger, found.candles), abs=1e-8
        )
        assert ledger.position() > 0, "dust is left, or this test shows nothing"
        trades = found.venue.trades
        assert len(trades) == len(found.model.trades) and not trades["open"].iloc[:-1].any()
        assert trades["net"].sum() == pytest.approx(found.venue.final_equity - float(CASH), abs=0.2)
        flat = found.model.position == 0
        assert (found.venue.position[flat] == 0).all() and flat.any()
        assert found.parity.score == 1


def test_a_reset_ends_the_position_without_an_invented_fill(run_folder: Path) -> None:
    writer = Writer(run_folder)
    with compared(writer, mishaps=Mishaps(reset_after=4)) as (found, ledger):
        assert [epoch.why for epoch in ledger.epochs()] == ["start", "reset"]
        assert len(found.venue.fills) == len(ledger.fills())
        assert found.venue.equity.tolist() == pytest.approx(
            exact_equity(ledger, found.candles), abs=1e-8
        )


@pytest.mark.parametrize("reset_after", [4, 5])
def test_parity_knows_the_books_after_a_reset(run_folder: Path, reset_after: int) -> None:
    """The position that a reset had wiped out was valued for ever."""
    with compared(Writer(run_folder), mishaps=Mishaps(reset_after=reset_after)) as (found, ledger):
        own = pd.Series(exact_equity(ledger, found.candles), index=found.candles.index)
        apart = (own - found.model.equity).loc[found.parity.table.index].abs().max()
        assert found.parity.equity_difference == pytest.approx(apart, abs=1e-8)
        assert (apart > 1) == (reset_after == 4), "after a sale nothing is held that could be lost"


def test_an_execution_counts_within_its_epoch() -> None:
    """Whatever its time is: the exchange's clock is not ours, and some are booked late."""
    one, other = (
        EpochRow(n, 1_000 * n, "", {}, carried=Decimal(0), cash=Decimal(n)) for n in (1, 2)
    )
    late, early = (
        FillRow(n, "t", "c", "buy", Decimal(n), Decimal(10), Decimal(0), "USD", time_ms)
        for n, time_ms in ((1, 2_500), (2, 1_500))
    )
    steps = list(account_steps([one, other], [early, late], base="ETH", quote="USD"))
    assert [(step.at_ms, step.fill) for step in steps] == [
        (1_000, None),
        (1_500, late),
        (1_500, None),
        (1_500, early),
    ]
    assert [step.account for step in steps] == [(0, 1), (1, -9), (0, 2), (2, -18)]
    times = [0, 1_499, 1_500, 3_000]
    assert (
        list(accounts(times, [one, other], [early, late], base="ETH", quote="USD"))
        == [(0, 1)] * 2 + [(2, -18)] * 2
    )


def test_an_epoch_written_down_by_a_clock_that_was_ahead_begins_with_its_first_execution() -> None:
    """The curve stood still until that time came, and a report left out what was filled before it."""
    epoch = EpochRow(1, 86_400_000, "", {}, carried=Decimal(0), cash=Decimal(50))
    fill = FillRow(1, "t", "c", "buy", Decimal(2), Decimal(10), Decimal(0), "USD", 60_000)
    steps = list(account_steps([epoch], [fill], base="ETH", quote="USD"))
    assert [(step.at_ms, step.account) for step in steps] == [(60_000, (0, 50)), (60_000, (2, 30))]


def test_a_fee_in_a_third_currency_is_in_no_balance(run_folder: Path) -> None:
    with compared(Writer(run_folder), mishaps=Mishaps(third_currency={0})) as (found, _):
        assert found.venue.fills["commission"].iloc[0] == 0
        first = found.model.fills["commission"].iloc[0]
        assert found.gap.fees == pytest.approx(first) and found.gap.total == pytest.approx(first)


def test_what_was_filled_after_the_last_candle_is_left_out(run_folder: Path) -> None:
    writer = Writer(run_folder)
    last = next(
        bar
        for bar, (time_ms, _) in enumerate(writer._decisions(BARS))
        if time_ms in writer.trades() and bar
    )
    with compared(writer, bars=last + 1, after=0) as (found, ledger):
        assert (len(ledger.fills()), len(found.venue.fills), found.left_out) == (1, 0, 1)
        assert found.venue.final_equity == float(CASH)


def test_dearer_fills_are_the_gap_by_prices(run_folder: Path) -> None:
    with compared(Writer(run_folder), mishaps=Mishaps(dearer={0, 1, 2, 3})) as (found, _):
        amounts = found.venue.fills["amount"].iloc[:4]
        assert found.gap.prices == pytest.approx(-amounts.sum())
        assert found.gap.largest == "prices"
        assert found.gap.total == pytest.approx(found.venue.final_equity - found.model.final_equity)
        assert abs(found.gap.trades) < 1e-6


def test_a_refused_round_trip_is_the_gap_by_trades(run_folder: Path) -> None:
    with compared(Writer(run_folder), mishaps=Mishaps(refused={2})) as (found, _):
        missing = found.model.trades["net"].iloc[1]
        assert (found.gap.prices, found.gap.fees) == (0, 0)
        assert found.gap.trades == pytest.approx(-missing)
        assert found.venue.rejections == 1


def test_a_refusal_counts_whenever_it_came_and_not_if_the_order_never_left(
    run_folder: Path,
) -> None:
    mishaps = Mishaps(refused={2}, refused_later={6, 10}, not_sent={14})
    with compared(Writer(run_folder), mishaps=mishaps) as (found, _):
        assert found.venue.rejections == found.metrics["venue"]["rejections"] == 3


def test_the_parts_of_the_gap_add_up(run_folder: Path) -> None:
    mishaps = Mishaps(
        dearer={0, 5}, refused={2}, halved={6}, third_currency={8}, missed=range(300, 420)
    )
    with compared(Writer(run_folder), mishaps=mishaps) as (found, ledger):
        gap = found.gap
        assert gap.prices + gap.fees + gap.trades == pytest.approx(
            found.venue.final_equity - found.model.final_equity
        )
        assert min(map(abs, (gap.prices, gap.fees, gap.trades))) > 0.1
        assert found.venue.equity.tolist() == pytest.approx(
            exact_equity(ledger, found.candles), abs=1e-8
        )
        assert np.isfinite(found.metrics["venue"]["net_return"])
