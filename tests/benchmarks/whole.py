"""Benchmarks of whole commands: the run on real candles, and its report."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cryptonn
from cryptonn import pipeline
from tests.benchmarks.cases import Figure, figure, fill_store

ROOT = Path(__file__).resolve().parents[2]


def bench_whole(data: Path) -> list[Figure]:
    """``cryptonn run backtests/eth_5m_2018.toml``, then its report once more."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        fill_store(work / "data", data, "2018", "2019H1")
        for name in ("strategies", "backtests"):
            (work / name).symlink_to(ROOT / name)
        seconds, found = _cryptonn(
            work, "run", "backtests/eth_5m_2018.toml", "--results", "results"
        )
        os.chdir(work)  # the run's candles are in data/
        done = cryptonn.open_run(found["run"], results="results")
        start = time.perf_counter()
        pipeline.report(done)
        reporting = time.perf_counter() - start
        os.chdir(ROOT)
    accuracy = {
        period: models["network"]["accuracy_on_moves"]
        for period, models in found["accuracy"].items()
    }
    words = ", ".join(f"{period} {value:.2%}" for period, value in accuracy.items())
    return [
        figure("cryptonn run backtests/eth_5m_2018.toml", seconds / 60, "min", at_most=8),
        figure("its report with four tear sheets", reporting, "s", at_most=20),
        Figure("accuracy on moves of that run", words, "≥ 54.5 %", min(accuracy.values()) >= 0.545),
    ]


def _cryptonn(folder: Path, *words: str) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    command = [str(Path(sys.executable).parent / "cryptonn"), *words, "--json"]
    answer = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - start, json.loads(answer.stdout)
