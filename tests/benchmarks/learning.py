"""Benchmarks of the learning stage: training in both forms, and a year of probabilities."""

import tempfile
import time
from pathlib import Path

from cryptonn.config import RunConfig
from cryptonn.learning.prediction import FittedModel, predict_proba
from cryptonn.learning.rows import make_rows
from cryptonn.learning.training import Hooks, fit_model
from cryptonn.market.source import load_frame
from tests.benchmarks.cases import Figure, figure, fill_store, run_config

WARM_UP = 0.3
"""Share of the epoch that is not timed: the first steps compile."""


def bench_training(data: Path) -> list[Figure]:
    """2×128 at lookback 100: labels a second in both forms, the length of an epoch of 2018, a year predicted."""
    with tempfile.TemporaryDirectory() as folder:
        fill_store(Path(folder), data, "2018")
        year = run_config(Path(folder), network={"layers": [128, 128]}, training={"epochs": 2})
        streaming, seconds, model = _rate(year)
        days = {"folder": folder, "exchange": "bitfinex", "train": "20181201-20181213"}
        windowed, _, _ = _rate(
            run_config(
                Path(folder),
                data=days,
                network={"layers": [128, 128]},
                training={"form": "windowed", "epochs": 1, "batch_size": 64},
            )
        )
        start = time.perf_counter()
        frame, _ = load_frame(year.data)
        predict_proba(model, make_rows(frame, year).features)
        predicted = time.perf_counter() - start
    return [
        figure(
            f"streaming {streaming:,.0f} over windowed {windowed:,.0f} labels/s",
            streaming / windowed,
            "times",
            at_least=40,
        ),
        figure("an epoch of 2018, streaming 2×128, with its validation", seconds, "s", at_most=25),
        figure("probabilities of 2018 from candles, 2×128", predicted, "s", at_most=20),
    ]


def _rate(config: RunConfig) -> tuple[float, float, FittedModel]:
    """Return labels a second after the first steps, the seconds of the last epoch, and the model."""
    frame, _ = load_frame(config.data)
    rows = make_rows(frame, config)
    marks: list[tuple[float, float]] = []
    hooks = Hooks(
        on_progress=lambda epoch, share: marks.append((epoch - 1 + share, time.perf_counter()))
    )
    model, history = fit_model(rows.features, rows.labels, rows.split, config, hooks=hooks)
    first = next(mark for mark in marks if mark[0] >= WARM_UP)
    last = next(mark for mark in marks if mark[0] >= 1.0)
    labels = (rows.split.train.stop - rows.split.train.start) * (last[0] - first[0])
    return labels / (last[1] - first[1]), float(history["seconds"].iloc[-1]), model


def bench_memory(data: Path) -> list[Figure]:
    """Peak memory of a streaming training of 2018, in a process that does nothing else."""
    import resource

    with tempfile.TemporaryDirectory() as folder:
        fill_store(Path(folder), data, "2018")
        _rate(run_config(Path(folder), network={"layers": [128, 128]}, training={"epochs": 1}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return [
        figure("peak memory: import and a streaming epoch of 2018, 2×128", peak, "GiB", at_most=2.5)
    ]
