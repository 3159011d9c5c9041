"""From probability to signal.

Each table is a row of probabilities and the signal wanted after it. 5 = 0.5 (nothing), 9 = 0.9 (up), 1 = 0.1 (down),
n = NaN; the signal is written + for long, - for short, . for out. Enter at 0.6, hold 3 bars.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, DataError
from cryptonn.settings import SignalConfig
from cryptonn.trading.signals import entry_threshold, make_signal

MARK = {"+": 1, "-": -1, ".": 0}


def proba_of(text: str) -> pd.Series:
    return pd.Series([np.nan if mark == "n" else int(mark) / 10 for mark in text])


def check(probabilities: str, expected: str, **settings: object) -> None:
    signal = make_signal(proba_of(probabilities), **({"enter": 0.6, "hold": 3} | settings))
    assert (
        "".join({value: mark for mark, value in MARK.items()}[value] for value in signal)
        == expected
    )
    assert signal.dtype == np.int8
    assert signal.name == "signal"


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ("555555", "......"),  # nothing to do
        (
            "595555",
            ".+++..",
        ),  # in for three bars: decided at 1, filled at open 2, out at open 5 = open[1 + 1 + 3]
        ("595955", ".+++++"),  # a renewal at 3 starts the clock anew
        ("5955955", ".++++++"),  # an entry on the very bar of the exit: the position stays
        ("59n5555", ".+++..."),  # NaN: the clock runs on
        ("5n5n9nnnnn", "....+++..."),  # NaN: no entry, but an open position still times out
        ("6555", "+++."),  # enter is reached at equality
        ("155555", "......"),  # long only: a low probability is nothing
    ],
)
def test_hold_and_renew(probabilities: str, expected: str) -> None:
    check(probabilities, expected)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ("595955", ".+++.."),  # no renewal
        ("59555955", ".+++.+++"),  # the next after a bar out
        ("99999999", "+++.+++."),  # each position lasts exactly three bars
    ],
)
def test_hold_without_renewal(probabilities: str, expected: str) -> None:
    check(probabilities, expected, renew=False)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ("5155555", ".---..."),
        ("5951555", ".++---."),  # the other way at once, with a clock of its own
        ("4555", "---."),  # 0.4 = 1 - 0.6: reached at equality in spite of rounding
    ],
)
@pytest.mark.parametrize("renew", [True, False])
def test_long_short(probabilities: str, expected: str, renew: bool) -> None:
    check(probabilities, expected, direction="long-short", renew=renew)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ("5975555547", ".+++++++.+"),  # stays while the probability is at least 0.5
        ("597n55", ".++..."),  # NaN is no reason to stay
    ],
)
def test_threshold_exit(probabilities: str, expected: str) -> None:
    check(probabilities, expected, exit="threshold", exit_threshold=0.5)


def test_threshold_exit_short() -> None:
    check("5135565", ".----..", exit="threshold", direction="long-short", enter=0.7)


probabilities = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=60)
settings = st.fixed_dictionaries(
    {
        "enter": st.floats(0.5, 1),
        "hold": st.integers(1, 6),
        "renew": st.booleans(),
        "exit": st.sampled_from(["hold", "threshold"]),
        "exit_threshold": st.floats(0.3, 0.6),
        "direction": st.sampled_from(["long", "long-short"]),
    }
)


@given(probabilities, settings, st.integers(0, 59))
def test_signals_do_not_look_ahead(values: list[float], settings: dict, cut: int) -> None:
    proba = pd.Series(values)
    whole = make_signal(proba, **settings)
    pd.testing.assert_series_equal(make_signal(proba.iloc[:cut], **settings), whole.iloc[:cut])


@given(probabilities, settings)
def test_long_short_is_symmetric(values: list[float], settings: dict) -> None:
    proba = pd.Series(np.round(values, 3))
    settings |= {"direction": "long-short", "enter": 0.5005 + settings["enter"] / 3}
    if settings["exit"] == "threshold":
        settings["exit_threshold"] = 0.4995
    mirrored = make_signal(1 - proba, **settings)
    assert (mirrored == -make_signal(proba, **settings)).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enter": 0.4}, "enter = 0.4"),
        ({"hold": 0}, "hold = 0"),
        ({"exit_threshold": 1.2}, "exit_threshold = 1.2"),
    ],
)
def test_settings_out_of_range(changes: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_signal(proba_of("555"), **({"enter": 0.6, "hold": 3} | changes))


def test_scores_are_no_probabilities() -> None:
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        make_signal(pd.Series([0.2, 3.0]), enter=0.6, hold=1)


def test_entry_threshold() -> None:
    proba = pd.Series(np.append(np.linspace(0, 1, 101), np.nan))
    assert entry_threshold(SignalConfig(enter=0.55), proba) == 0.55
    assert entry_threshold(SignalConfig(enter="top 1%"), proba) == pytest.approx(0.99)
    assert entry_threshold(
        SignalConfig(enter="top 10%", direction="long-short"), proba
    ) == pytest.approx(0.95)
    assert entry_threshold(SignalConfig(enter="top 90%"), proba) == 0.5
    with pytest.raises(DataError, match="validation"):
        entry_threshold(SignalConfig(enter="top 1%"), pd.Series([np.nan]))
