"""What changes a trial's result changes its fingerprint; what does not, does not."""

from pathlib import Path
from typing import Any

import pytest

from cryptonn.config import RunConfig
from cryptonn.tuning.fingerprint import _CODE, _PACKAGE, fingerprint_of
from tests.tiny_run import tiny_config

DATA = {"ETH/USD": "1" * 64, "BTC/USD": "2" * 64}
THREADS = {"OMP_NUM_THREADS": "1"}
PUBLISHED = {
    "system": "an old one",
    "settings": {"training": {"lookback": 5}},
    "leaks": {"purge": "none"},
}


def of(
    config: RunConfig, *, what: str = "run", data: Any = None, environment: Any = None
) -> str | None:
    return fingerprint_of(config, of=what, data=data or DATA, environment=environment or THREADS)


CHANGED: list[dict[str, Any]] = [
    {"seed": 2},
    {"training": {"epochs": 3}},
    {"network": {"layers": [4]}},
    {"labels": {"horizon": 4}},
    {"features": {"clip": 3.0}},
    {"data": {"train": "20180101-20180104"}},
]
FREE: list[dict[str, Any]] = [
    {"name": "another"},
    {"costs": {"taker": "1%"}},
    {"signal": {"enter": "top 1%"}},
    {"report": {"resamples": 60}},
    {"published": PUBLISHED},
]


@pytest.mark.parametrize("change", CHANGED, ids=str)
def test_what_is_trained_counts(change: dict[str, Any]) -> None:
    assert of(tiny_config(**change)) != of(tiny_config())


@pytest.mark.parametrize("change", FREE, ids=str)
def test_what_is_not_trained_does_not(change: dict[str, Any]) -> None:
    assert of(tiny_config(**change)) == of(tiny_config())


def test_where_the_candles_lie_does_not_count_but_what_they_are() -> None:
    config = tiny_config()
    moved = config.model_copy(
        update={"data": config.data.model_copy(update={"folder": Path("/elsewhere")})}
    )
    assert of(moved) == of(config)
    assert of(config, data=DATA | {"BTC/USD": "3" * 64}) != of(config)
    assert of(config, data=DATA | {"LTC/USD": "3" * 64}) == of(config), "it is not one of the run's"
    assert of(config, data={"ETH/USD": "1" * 64}) is None, "unknown candles"
    assert of(config, environment={"OMP_NUM_THREADS": "2"}) != of(config)


def test_an_earlier_system_is_what_its_settings_come_to_with_its_leaks() -> None:
    config = tiny_config(published=PUBLISHED)
    other_leaks = tiny_config(published=PUBLISHED | {"leaks": {"purge": "horizon"}})
    same = tiny_config(
        published=PUBLISHED
        | {"figure": 0.6, "settings": {"training": {"lookback": 5, "epochs": 2}}}
    )
    assert of(config, what="published") not in (of(config), of(other_leaks, what="published"), None)
    assert of(config, what="published") == of(same, what="published"), (
        "2 epochs are the run's own anyway"
    )


def test_the_code_of_a_trial_is_there() -> None:
    assert all(list(_PACKAGE.glob(pattern)) for pattern in _CODE)
