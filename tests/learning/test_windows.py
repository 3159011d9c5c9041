import tracemalloc

import numpy as np
import pandas as pd

from cryptonn.learning.windows import sequence_starts, window_times, window_view

VALUES = np.arange(20, dtype=np.float32).reshape(10, 2)


def test_window_is_named_by_its_last_bar() -> None:
    index = pd.date_range("2018-01-01", periods=10, freq="min", tz="UTC")
    view, times = window_view(VALUES, 4), window_times(index, 4)
    assert view.shape == (7, 4, 2)
    assert len(times) == 7
    for place, time in enumerate(times):
        row = index.get_loc(time)
        np.testing.assert_array_equal(view[place], VALUES[row - 3 : row + 1])


def test_windows_share_the_rows_memory() -> None:
    values = np.zeros((200_000, 4), dtype=np.float32)
    tracemalloc.start()
    view = window_view(values, 100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.shares_memory(view, values)
    assert view.nbytes > 90 * values.nbytes, "a copy would take this much"
    assert peak < 100_000
    assert not view.flags.writeable


def test_sequences_follow_each_other_from_a_random_offset() -> None:
    rng = np.random.default_rng(0)
    offsets = set()
    for _ in range(50):
        starts = np.sort(sequence_starts(1000, lookback=30, sequence=40, rng=rng))
        assert (np.diff(starts) == 40).all()
        assert starts[0] < 40
        assert starts[-1] + 70 <= 1000 < starts[-1] + 70 + 40
        offsets.add(int(starts[0]))
    assert len(offsets) > 20


def test_the_order_is_shuffled_and_seeded() -> None:
    first, again, other = (
        sequence_starts(5000, lookback=30, sequence=40, rng=np.random.default_rng(seed)).tolist()
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first != sorted(first)


def test_one_sequence_that_fits_exactly() -> None:
    assert sequence_starts(70, lookback=30, sequence=40, rng=np.random.default_rng(0)).tolist() == [
        0
    ]
