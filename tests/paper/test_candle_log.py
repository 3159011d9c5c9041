"""The log of closed candles: the frame is that of a backtest on the same rows, and it only grows at its end."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from real_minutes import BTC, ETH, real_minutes

from cryptonn.errors import DataError
from cryptonn.market.candles import align
from cryptonn.paper.candle_log import (
    Taken,
    clean_from_ms,
    frame_of,
    missing,
    newest_closed_ms,
    take,
)
from cryptonn.paper.ledger.rows import CandleRow

MINUTE = 60_000
T0 = 1_546_300_800_000  # 2019-01-01 00:00 UTC


def row(bar: int, price: float = 100.0, volume: float = 1.0) -> list[float]:
    return [T0 + bar * MINUTE, price, price + 1, price - 1, price, volume]


def taken(given: list[list[float]], *held: int, now: float = 10, settled: int = -1) -> Taken:
    """Take rows of one symbol; bars in minutes after T0."""
    log = {ETH: [CandleRow(*row(bar)) for bar in held]}
    now_ms, settled_ms = T0 + round(now * MINUTE), T0 + settled * MINUTE
    return take({ETH: given}, log, timeframe="1m", now_ms=now_ms, settled_ms=settled_ms)


def bars(found: Taken) -> list[int]:
    return [(one.time_ms - T0) // MINUTE for one in found.rows[ETH]]


def kinds(found: Taken) -> list[str]:
    return [notice.kind for notice in found.notices]


def test_closed_rows_enter_and_the_one_in_progress_does_not() -> None:
    found = taken([row(bar) for bar in range(5)], now=4.9)
    assert bars(found) == [0, 1, 2, 3]
    assert found.notices == []
    assert bars(taken([row(0)], now=1)) == [0]
    assert bars(taken([row(0)], now=0.99999)) == []


def test_what_is_there_does_not_enter_again() -> None:
    found = taken([row(2), row(3), row(4)], 1, 2, 3, now=5)
    assert bars(found) == [4]
    assert found.notices == []


def test_a_revised_row_is_noticed_and_the_first_kept() -> None:
    found = taken([row(2, 105), row(3), row(4)], 1, 2, 3, now=5)
    assert bars(found) == [4]
    assert [(notice.kind, notice.symbol, notice.time_ms) for notice in found.notices] == [
        ("revised", ETH, T0 + 2 * MINUTE)
    ]
    assert "105" in found.notices[0].detail


def test_rows_out_of_order_and_repeated() -> None:
    found = taken([row(1), row(0), row(2), row(2), row(3), row(3, 120)], now=4)
    assert bars(found) == [0, 1, 2, 3]
    assert kinds(found) == ["unordered", "repeated", "repeated"]
    assert found.rows[ETH][3].open == 100
    assert [notice.detail == "the same" for notice in found.notices[1:]] == [True, False]


def test_a_row_for_a_settled_bar_stays_out() -> None:
    found = taken([row(2), row(3), row(5)], 0, 1, 4, now=6, settled=4)
    assert bars(found) == [5]
    assert kinds(found) == ["late", "late"]
    assert bars(taken([row(2), row(3)], 0, 1, now=4, settled=2)) == [3]


def test_a_row_before_the_newest_stays_out() -> None:
    assert kinds(taken([row(1)], 0, 2, now=3)) == ["late"]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ([T0, 100, 99, 98, 100, 1], "impossible"),
        ([T0, 100, 101, 99, float("nan"), 1], "impossible"),
        ([T0, 100, 101, 99, 100, -1], "impossible"),
        ([T0 + 1, 100, 101, 99, 100, 1], "off grid"),
    ],
)
def test_a_row_that_cannot_be(wrong: list[float], kind: str) -> None:
    found = taken([wrong, row(1)], now=2)
    assert bars(found) == [1]
    assert kinds(found) == [kind]


def test_a_feed_that_stands_still() -> None:
    assert kinds(taken([row(3)], now=4)) == []
    found = taken([row(3)], now=7.5)
    assert kinds(found) == ["stale"]
    assert "3 bars old" in found.notices[0].detail
    assert kinds(taken([], 0, 1, now=4)) == ["stale"]


def test_one_symbol_may_be_quiet() -> None:
    log = {ETH: [CandleRow(*row(0))], BTC: [CandleRow(*row(0))]}
    given: dict[str, Any] = {ETH: [], BTC: [row(1)]}
    assert take(given, log, timeframe="1m", now_ms=T0 + 2 * MINUTE, settled_ms=T0).notices == []
    assert missing(log | {BTC: [CandleRow(*row(1))]}, T0 + MINUTE) == (ETH,)
    assert missing(log, T0) == ()


def test_newest_closed() -> None:
    assert newest_closed_ms(T0, timeframe="1m") == T0 - MINUTE
    assert newest_closed_ms(T0 + MINUTE - 1, timeframe="1m") == T0 - MINUTE
    assert newest_closed_ms(T0 + MINUTE, timeframe="1m") == T0
    assert newest_closed_ms(T0 + 20 * MINUTE, timeframe="15m") == T0


def rows_of(table: pd.DataFrame) -> list[list[float]]:
    times = table.index.as_unit("ms").asi8
    return [
        [int(time), *values] for time, values in zip(times, table.to_numpy().tolist(), strict=True)
    ]


def test_real_minutes_polled_one_by_one_make_the_frame_of_align(shared_data: Path) -> None:
    tables = real_minutes(shared_data, 1)
    given = {symbol: rows_of(table) for symbol, table in tables.items()}
    log: dict[str, list[CandleRow]] = {ETH: [], BTC: []}
    for now in range(T0 + MINUTE, T0 + 200 * MINUTE, MINUTE):
        recent = {
            symbol: [one for one in rows if now - 6 * MINUTE <= one[0] <= now]
            for symbol, rows in given.items()
        }
        found = take(recent, log, timeframe="1m", now_ms=now + 1500, settled_ms=now - 2 * MINUTE)
        assert {notice.kind for notice in found.notices} <= {"stale"}
        for symbol, new in found.rows.items():
            log[symbol] += new
        if all(log.values()) and now % (10 * MINUTE) == 0:
            frame = frame_of(log, timeframe="1m", until_ms=now - MINUTE)
            assert frame.index[-1] == pd.Timestamp(now - MINUTE, unit="ms", tz="UTC")
    end = frame.index[-1]
    whole = align(tables, timeframe="1m")
    pd.testing.assert_frame_equal(frame.table, whole.table.loc[:end], check_freq=False)
    pd.testing.assert_frame_equal(frame.filled, whole.filled.loc[:end], check_freq=False)
    assert frame.filled.to_numpy().sum() > 10


def test_a_symbol_that_is_quiet_at_the_end_is_filled_flat() -> None:
    log = {
        ETH: [CandleRow(*row(0)), CandleRow(*row(1, 105))],
        BTC: [CandleRow(*row(bar)) for bar in range(5)],
    }
    frame = frame_of(log, timeframe="1m", until_ms=T0 + 4 * MINUTE)
    assert frame.table[(ETH, "close")].tolist() == [100, 105, 105, 105, 105]
    assert frame.table[(ETH, "volume")].tolist() == [1, 1, 0, 0, 0]
    assert frame.filled[ETH].tolist() == [False, False, True, True, True]
    assert not frame.filled[BTC].any()
    shorter = frame_of(log, timeframe="1m", until_ms=T0 + 2 * MINUTE)
    pd.testing.assert_frame_equal(shorter.table, frame.table.iloc[:3], check_freq=False)


def test_a_symbol_without_any_row() -> None:
    with pytest.raises(DataError, match="BTC/USD: there is no candle up to 2019-01-01 00:01Z"):
        frame_of({ETH: [CandleRow(*row(0))], BTC: []}, timeframe="1m", until_ms=T0 + MINUTE)


@pytest.mark.parametrize(("gap", "clean"), [(5, None), (6, 3 + 6 + 10 - 1)])
def test_decisions_wait_after_a_long_gap(gap: int, clean: int | None) -> None:
    held = [CandleRow(*row(bar)) for bar in (0, 1, 2, *range(3 + gap, 60))]
    full = [CandleRow(*row(bar)) for bar in range(60)]
    frame = frame_of({ETH: full, BTC: held}, timeframe="1m", until_ms=T0 + 59 * MINUTE)
    found = clean_from_ms(frame, lookback=10, max_gap=5)
    assert found == (None if clean is None else T0 + clean * MINUTE)
    if clean is not None:
        seen = frame.filled.iloc[clean - 9 : clean + 1].to_numpy()
        assert not seen.any()
        assert frame.filled.iloc[clean - 10 : clean].to_numpy().any()


def test_values_stay_as_they_came() -> None:
    awkward = [T0, 0.1 + 0.2, 1 / 3 + 0.3, 0.1, 0.2, 1e-9]
    frame = frame_of({ETH: taken([awkward], now=1).rows[ETH]}, timeframe="1m", until_ms=T0)
    np.testing.assert_array_equal(frame.table.to_numpy()[0], awkward[1:])
