"""Features and labels on the first days of the real minutes, where some minutes have no trade."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cryptonn.learning.features import FEATURES, make_features
from cryptonn.learning.labels import make_labels, tie_share
from cryptonn.market.candles import FIELDS, Frame, align
from cryptonn.market.extras import EXTRAS
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import FeaturesConfig

SYMBOLS = ("ETH/USD", "BTC/USD")
COLUMNS = tuple(name for name in FEATURES if name not in EXTRAS)
CONFIG = FeaturesConfig(
    columns=COLUMNS, ta=("momentum_rsi", "volatility_bbp", "trend_macd_diff"), clip=0
)


@pytest.fixture(scope="module")
def frame(shared_data: Path) -> Frame:
    tables = {}
    for symbol in SYMBOLS:
        path = shared_data / f"bitfinex_{symbol.replace('/', '')}_2019H1_1m.csv.gz"
        table = pd.read_csv(path, nrows=8000)
        table.index = pd.to_datetime(table["timestamp"], unit="ms", utc=True).rename("time")
        tables[symbol] = table[list(FIELDS)].astype(np.float64)
    return align(tables, timeframe="1m")


def test_features_are_finite_and_of_the_past(frame: Frame) -> None:
    assert frame.counts["untraded"].sum() > 0, "else this tests nothing"
    whole = make_features(frame, target="ETH/USD", config=CONFIG)
    assert np.isfinite(whole.iloc[50:].to_numpy()).all()
    for cut in (1000, 5001):
        part = frame.select(TimeRange(None, frame.index[cut]))
        pd.testing.assert_frame_equal(
            make_features(part, target="ETH/USD", config=CONFIG),
            whole.iloc[:cut],
            rtol=1e-9,
            atol=1e-9,
        )


def test_a_few_per_cent_of_the_labels_are_ties(frame: Frame) -> None:
    labels = make_labels(frame.candles("ETH/USD")["close"], horizon=5)
    assert 0.005 < tie_share(labels) < 0.1
    assert 0.4 < labels["label"].mean() < 0.6
