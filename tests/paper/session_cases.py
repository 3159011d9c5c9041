"""A network drawn at random and deciders with it, for the tests of what paper trading decides."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from real_minutes import ETH

from cryptonn.config import RunConfig, parse_config
from cryptonn.learning.backend import keras
from cryptonn.learning.features import make_features
from cryptonn.learning.network import build_network
from cryptonn.learning.prediction import FittedModel
from cryptonn.learning.scaling import fit_scaler
from cryptonn.market.candles import Frame
from cryptonn.paper.decider import Decider, Terms
from cryptonn.trading.rules import MarketRules
from cryptonn.trading.strategies import load_strategy

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
RULES = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.0001"), Decimal(10))
LOOKBACK = 20
RULE = {"enter": 0.8, "hold": 4}


def config(**sections: dict[str, Any]) -> RunConfig:
    values: dict[str, dict[str, Any]] = {
        "data": {"train": "20180101-20190101"},
        "labels": {"horizon": 5},
        "network": {"layers": [8], "dropout": 0.0, "dense": 0, "normalization": "layer"},
        "training": {"lookback": LOOKBACK, "sequence": 60, "tensorboard": False},
        "signal": {"enter": 0.55, "hold": 7},
        "costs": {"taker": "0.1%", "spread": "1bp", "slippage": "2bp"},
        "backtest": {"cash": 100_000.0, "fraction": 0.95},
    }
    merged = {name: values.get(name, {}) | sections.get(name, {}) for name in values | sections}
    return parse_config({"name": "drawn", **merged})


def drawn_model(frame: Frame, **sections: dict[str, Any]) -> FittedModel:
    """A network with weights drawn at random: it knows nothing, and says something else every minute."""
    run = config(**sections)
    features = make_features(frame, target=ETH, config=run.features)
    keras.utils.set_random_seed(4)
    rng = np.random.default_rng(4)
    network = build_network(run.network, n_features=features.shape[1], form=run.training.form)
    network.set_weights(
        [weight + 0.1 * rng.normal(size=weight.shape) for weight in network.get_weights()]
    )
    return FittedModel(network, fit_scaler(features, clip=10), tuple(features.columns), run)


def milliseconds(time: pd.Timestamp) -> int:
    return round(time.timestamp() * 1000)


def decider(model: FittedModel, start: pd.Timestamp, **changes: Any) -> Decider:
    terms = Terms(
        rules=changes.pop("rules", RULES),
        fees="taker+slippage",
        cash=Decimal(100_000),
        start_ms=milliseconds(start),
    )
    settings: dict[str, Any] = {
        "enter": 0.55,
        "strategy": load_strategy("lstm_signal", folder=STRATEGIES),
        "name": "lstm_signal",
        "reads_proba": False,
    }
    return Decider(model, terms=terms, **(settings | changes))
