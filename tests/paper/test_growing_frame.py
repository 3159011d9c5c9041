"""A frame that grows is the frame made anew, to the bit."""

import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import DataError
from cryptonn.paper.candle_log import frame_of
from cryptonn.paper.growing_frame import GrowingFrame
from cryptonn.paper.ledger import CandleRow

MINUTE = 60_000
T0 = 1_546_300_800_000
BARS = 70


def rows(seed: int, *, missing: float) -> list[CandleRow]:
    """A walk in which bars are missing, single ones and long holes; the first is there."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(0.01 * rng.standard_normal(BARS + 1).cumsum())
    there = rng.random(BARS) >= missing
    there[[0, 1]] = True
    there[40:52] = False
    return [
        CandleRow(
            T0 + bar * MINUTE,
            *(close[bar], max(close[bar : bar + 2]), min(close[bar : bar + 2]), close[bar + 1]),
            float(rng.integers(0, 3)),
        )
        for bar in range(BARS)
        if there[bar]
    ]


@pytest.mark.parametrize(
    ("seed", "missing", "stride"), [(1, 0.0, 3), (2, 0.4, 2), (3, 0.6, 7), (4, 0.2, 20)]
)
def test_bar_by_bar_it_is_the_frame_made_anew(seed: int, missing: float, stride: int) -> None:
    whole = {
        "ETH/USD": rows(seed, missing=missing),
        "BTC/USD": rows(seed + 50, missing=missing)[1:],
    }
    growing, log = GrowingFrame(timeframe="1m"), {symbol: [] for symbol in whole}
    for bar in range(3, BARS, stride):
        until_ms = T0 + bar * MINUTE
        for symbol, known in log.items():
            known += [row for row in whole[symbol][len(known) :] if row.time_ms <= until_ms]
        found, expected = (
            growing.at(log, until_ms=until_ms),
            frame_of(log, timeframe="1m", until_ms=until_ms),
        )
        pd.testing.assert_frame_equal(found.table, expected.table, check_exact=True)
        pd.testing.assert_frame_equal(found.filled, expected.filled)
        assert found.index.dtype == expected.index.dtype
        if bar % 3:
            growing.settle(found, until_ms=until_ms)
        assert growing.at(log, until_ms=until_ms).index[-1] == found.index[-1]


def test_a_row_that_comes_before_its_bar_is_settled_still_counts() -> None:
    growing, log = GrowingFrame(timeframe="1m"), {"ETH/USD": rows(1, missing=0.0)[:4]}
    growing.settle(growing.at(log, until_ms=T0 + 3 * MINUTE), until_ms=T0 + 3 * MINUTE)
    assert growing.at(log, until_ms=T0 + 4 * MINUTE).filled["ETH/USD"].iloc[-1]
    log["ETH/USD"].append(rows(1, missing=0.0)[4])
    assert not growing.at(log, until_ms=T0 + 4 * MINUTE).filled["ETH/USD"].iloc[-1]


def test_an_earlier_bar_and_an_empty_log() -> None:
    growing, log = GrowingFrame(timeframe="1m"), {"ETH/USD": rows(1, missing=0.0)[:9]}
    growing.settle(growing.at(log, until_ms=T0 + 8 * MINUTE), until_ms=T0 + 8 * MINUTE)
    assert len(growing.at(log, until_ms=T0 + 5 * MINUTE).index) == 6
    with pytest.raises(DataError, match="no candle up to"):
        GrowingFrame(timeframe="1m").at({"ETH/USD": []}, until_ms=T0)
