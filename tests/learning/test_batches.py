import numpy as np
import pytest

from cryptonn.learning.batches import Streaming, TrainRows, Windowed

LOOKBACK = 10


def rows(number: int, *, unlabelled: int = 7) -> TrainRows:
    """The only feature and the target of a row are its number, so a batch tells which rows it holds."""
    count = np.arange(number, dtype=np.float32)
    return TrainRows(
        bars=count[:, None], target=count, weight=(count % unlabelled != 0).astype(np.float32)
    )


def labelled(batches: list, last_only: bool = False) -> np.ndarray:
    return np.concatenate([batch.target[batch.weight > 0] for batch in batches])


def test_streaming_labels_every_row_once_but_for_the_ends() -> None:
    given = rows(500)
    counts = np.zeros(500)
    for seed in range(40):
        once = labelled(
            list(Streaming(given, LOOKBACK, 30, 4).epoch(np.random.default_rng(seed)))
        ).astype(int)
        assert len(set(once)) == len(once)
        assert len(once) >= (500 - LOOKBACK - 2 * 30) * 6 / 7 - 1
        counts[once] += 1
    assert (counts[:LOOKBACK] == 0).all(), "no label without the lookback before it"
    assert (counts[np.arange(500) % 7 == 0] == 0).all()
    inner = counts[LOOKBACK + 30 : -30]
    assert (inner[np.arange(LOOKBACK + 30, 470) % 7 != 0] == 40).all()
    assert counts[-29:].any(), "the random offset reaches the last rows too"


def test_streaming_batches_have_one_shape_and_their_own_bars() -> None:
    batches = list(Streaming(rows(333), LOOKBACK, 30, 4).epoch(np.random.default_rng(0)))
    assert {batch.bars.shape for batch in batches} == {(4, 40, 1)}
    for batch in batches:
        np.testing.assert_array_equal(batch.bars[..., 0], batch.target)
        assert (batch.weight[:, :LOOKBACK] == 0).all()
        assert (np.diff(batch.target, axis=1) == 1).all()


def test_streaming_with_fewer_rows_than_a_sequence() -> None:
    examples = Streaming(rows(25), LOOKBACK, 400, 64)
    (batch,) = examples.epoch(np.random.default_rng(0))
    assert batch.bars.shape == (1, 25, 1)
    assert examples.steps == 1


def test_training_rows_are_not_changed() -> None:
    given = rows(200)
    list(Streaming(given, LOOKBACK, 30, 4).epoch(np.random.default_rng(0)))
    list(Windowed(given, LOOKBACK, 16).epoch(np.random.default_rng(0)))
    np.testing.assert_array_equal(given.weight, rows(200).weight)


def test_windowed_labels_every_row_with_its_lookback_exactly_once() -> None:
    examples = Windowed(rows(200), LOOKBACK, 16)
    batches = list(examples.epoch(np.random.default_rng(0)))
    assert sorted(labelled(batches)) == [row for row in range(LOOKBACK - 1, 200) if row % 7]
    assert len(batches) == examples.steps
    for batch in batches:
        assert batch.bars.shape == (16, LOOKBACK, 1)
        np.testing.assert_array_equal(batch.bars[:, -1, 0], batch.target[:, 0])
        np.testing.assert_array_equal(batch.bars[:, 0, 0], batch.target[:, 0] - LOOKBACK + 1)


@pytest.mark.parametrize(
    "form", [Streaming(rows(900), LOOKBACK, 30, 4), Windowed(rows(900), LOOKBACK, 16)]
)
def test_order_depends_on_the_seed_alone(form: Streaming | Windowed) -> None:
    first, again, other = (
        labelled(list(form.epoch(np.random.default_rng(seed)))).tolist() for seed in (1, 1, 2)
    )
    assert first == again != other
