"""The 15-minute tutorial's run file: its grids, and what its way of judging makes of prices nobody can predict."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cryptonn.config import RunConfig, load_config, parse_config
from cryptonn.market.candles import Frame, align
from cryptonn.published import reproduce
from cryptonn.tuning.space import combinations, configured, read_axes, settings_of
from tests.learning.small_market import quarter_hours

FILE = Path(__file__).resolve().parents[1] / "backtests" / "tutorial_15m.toml"


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return load_config(FILE)


@pytest.mark.parametrize(
    ("name", "of", "ta"),
    [
        ("grid", "run", ()),
        ("grid_ta", "run", ("all",)),
        ("grid_published", "published", ()),
        ("grid_ta_published", "published", ("all",)),
    ],
)
def test_each_grid_is_the_24_networks(
    config: RunConfig, name: str, of: str, ta: tuple[str, ...]
) -> None:
    search = config.search[name]
    axes = read_axes(search)
    trials = [
        configured(config, search, settings_of(axes, choices), source=name)
        for choices in combinations(axes)
    ]
    seen = [trial.as_published() if of == "published" else trial for trial in trials]
    networks = {
        (n.dropout, n.dense_dropout, n.layers, n.dense, t.optimizer, t.loss)
        for n, t in ((one.network, one.training) for one in seen)
    }
    assert networks == {
        (dropout, dropout, (hidden,), (hidden,), optimizer, loss)
        for dropout in (0.1, 0.2)
        for hidden in (32, 64, 128)
        for optimizer in ("rmsprop", "adam")
        for loss in ("mse", "crossentropy")
    }
    assert search.of == of
    assert all(one.features.ta == ta for one in seen)
    for one in seen:
        assert (one.network.activation, one.network.output) == ("relu", "sigmoid")
        assert (one.training.lookback, one.training.epochs, one.training.batch_size) == (10, 60, 64)
        assert one.features.scaling == "window" and one.labels.horizon == 5


def unpredictable(candles: pd.DataFrame, *, seed: int) -> Frame:
    """The same bars in a random order: what comes next has nothing to do with what came before."""
    order = np.random.default_rng(seed).permutation(np.arange(1, len(candles)))
    before = candles["close"].shift(1).to_numpy()
    moves = np.log(candles[["open", "high", "low", "close"]].to_numpy() / before[:, None])[order]
    start = np.concatenate([[0.0], moves[:-1, 3].cumsum()])[:, None]
    table = pd.DataFrame(
        300 * np.exp(start + moves),
        index=candles.index[1:],
        columns=["open", "high", "low", "close"],
    )
    return align(
        {"ETH/USD": table.assign(volume=candles["volume"].to_numpy()[order])}, timeframe="15m"
    )


def test_as_published_it_finds_skill_where_there_is_none(
    config: RunConfig, shared_data: Path
) -> None:
    """Quoted: around 0.80 with the columns of ta. Windows that overlap stand on both sides of a shuffled split."""
    frame = unpredictable(quarter_hours(shared_data, "2018").loc["2018-10-25":], seed=1)
    values: dict[str, Any] = config.model_dump(mode="json", exclude_unset=True)
    values["features"]["ta"] = ["all"]
    values["published"]["settings"]["training"] = {"epochs": 10}
    shuffled = reproduce(parse_config(values), frame)
    assert shuffled.windows["validation"] == 100
    assert shuffled.numbers["accuracy"] > 0.65
    values["published"]["leaks"] = {"purge": "horizon"}
    values["published"]["settings"]["data"] = {"train": "20181101-20190101"}
    values["published"]["settings"]["training"] = {"epochs": 3}  # as many steps, on more windows
    in_order = reproduce(parse_config(values), frame)
    assert in_order.windows["validation"] > 1000
    assert in_order.numbers["accuracy"] < 0.56
