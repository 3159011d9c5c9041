"""How long the network takes for one bar, and how far its answer is from that of the batch.

python -m tests.paper.inference            three layers of 128, as large as any run so far
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cryptonn.learning.features import make_features
from cryptonn.learning.prediction import predict_proba
from cryptonn.learning.stepping import SteppingNetwork
from cryptonn.market.candles import align
from cryptonn.market.synthetic import synthetic_market
from cryptonn.settings import SyntheticConfig

WARM_UP = 200
"""Bars before the clock runs: the first ones compile the network."""


def main(words: Sequence[str] | None = None) -> None:
    """Step through two synthetic days and print the figures."""
    sys.path.insert(0, str(Path(__file__).parent))
    from real_minutes import BTC, ETH
    from session_cases import drawn_model

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=int, nargs="+", default=[128, 128, 128])
    parser.add_argument("--lookback", type=int, default=100)
    parser.add_argument("--form", choices=("streaming", "windowed"), default="streaming")
    given = parser.parse_args(words)
    frame = align(
        synthetic_market(SyntheticConfig(days=2), target=ETH, other=BTC, horizon=5).candles,
        timeframe="1m",
    )
    model = drawn_model(
        frame,
        network={"layers": given.layers},
        training={"lookback": given.lookback, "form": given.form},
    )
    features = make_features(frame, target=ETH, config=model.config.features).iloc[
        : given.lookback + WARM_UP + 1500
    ]
    network, told, seconds = SteppingNetwork(model), [], []
    for row in range(len(features)):
        began = time.perf_counter()
        told.append(network.extend(features.iloc[row : row + 1]))
        seconds.append(time.perf_counter() - began)
    taken = 1000 * np.array(seconds[given.lookback + WARM_UP :])
    away = (pd.concat(told)["proba"] - predict_proba(model, features)).abs().max()
    print(
        f"{len(given.layers)} layers {given.layers}, {given.form}, lookback {given.lookback}: one bar takes "
        f"{np.median(taken):.1f} ms (median), {np.quantile(taken, 0.99):.1f} ms (99 %); "
        f"at most {away:.1e} from the batch over {len(features):,} bars"
    )


if __name__ == "__main__":
    main()
