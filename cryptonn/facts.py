"""Where a result comes from: data, rows, settings that were found, code and package versions,
machine, seed.
"""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.learning.labels import tie_share
from cryptonn.learning.rows import Rows
from cryptonn.market.source import Market
from cryptonn.market.synthetic import best_accuracy
from cryptonn.versions import backend_name, versions_of

__all__ = ["code_facts", "numeric_facts", "peak_memory_mib", "run_facts", "with_traded"]

_PACKAGES = (
    "cryptonn",
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "backtrader",
    "pyfolio-reloaded",
    "scikit-learn",
    "arch",
    "ta",
    "ccxt",
)


def run_facts(
    config: RunConfig,
    market: Market,
    rows: Rows,
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    started: datetime,
) -> dict[str, Any]:
    """Return what one must know to trust, or repeat, a trained run; fit for JSON."""
    best = history.loc[history["best"]].iloc[-1]
    return {
        "name": config.name,
        "source": config.data.source,
        "seed": config.seed,
        "started": started.isoformat(timespec="seconds"),
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "best_epoch": int(best["epoch"]),
        "interrupted": bool(history["interrupted"].any()),
        "ties_share": tie_share(rows.labels),
        "features": list(rows.features.columns),
        "rows": {role: _stretch(rows, part) for role, part in rows.roles.items()},
        "data": market.facts,
        "closes": _closes(market, rows),
        "filled": market.frame.counts.to_dict(orient="index"),
        "best_possible_accuracy": _best_possible(market, predictions),
        "numeric": numeric_facts(),
        **code_facts(),
    }


def _closes(market: Market, rows: Rows) -> dict[str, dict[str, float]]:
    """Return by symbol the lowest and highest close that the network was trained
    and validated on.
    """
    seen = slice(rows.split.train.start, rows.split.validation.stop)
    closes = {
        symbol: market.frame.candles(symbol)["close"].iloc[seen] for symbol in market.frame.symbols
    }
    return {
        symbol: {"low": float(close.min()), "high": float(close.max())}
        for symbol, close in closes.items()
    }


def _stretch(rows: Rows, part: slice) -> dict[str, Any]:
    index = rows.features.index[part]
    return {"first": str(index[0]), "last": str(index[-1]), "rows": len(index)}


def _best_possible(market: Market, predictions: pd.DataFrame) -> dict[str, float] | None:
    """Return by period the accuracy on moves that nobody can beat on average;
    known for a synthetic market only.
    """
    if market.synthetic is None:
        return None
    judged = predictions[predictions["move"].notna() & ~predictions["tie"]]
    periods = judged.groupby("period", sort=False)
    return {
        str(name): best_accuracy(market.synthetic, pd.DatetimeIndex(part.index))
        for name, part in periods
    }


def with_traded(
    facts: dict[str, Any], *, periods: Iterable[str], files: Mapping[str, Path], traded: datetime
) -> dict[str, Any]:
    """Add to a run's facts which strategy files traded which periods, when,
    and with which code of this project.
    """
    commit = _git_commit()
    at = traded.isoformat(timespec="seconds")
    found = {
        name: {
            "file": str(file),
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "at": at,
            "git_commit": commit,
        }
        for name, file in files.items()
    }
    before = facts.get("traded", {})
    return facts | {
        "traded": before | {period: before.get(period, {}) | found for period in periods}
    }


def numeric_facts() -> dict[str, str]:
    """Return what decides about the last bits of a result: TensorFlow's threads and oneDNN,
    kind of processor, or the other library under Keras and what it computes on.
    """
    other = {}
    if backend_name() != "tensorflow":
        from cryptonn.learning.backend import device_name

        other = {"backend": backend_name(), "device": device_name()}
    return {
        **other,
        "threads": os.environ.get("TF_NUM_INTRAOP_THREADS") or str(os.cpu_count()),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
        "machine": platform.machine(),
    }


def peak_memory_mib() -> int:
    """Return the most memory that this process has held so far, MiB."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset) // 2**20
    # Only here: psutil knows the peak on Windows alone, and Windows has no such module.
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def code_facts() -> dict[str, Any]:
    """Return git commit (with "+changes" if the tree differs from it), Python and package
    versions, platform.
    """
    return {
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions_of(_PACKAGES),
    }


def _git_commit() -> str | None:
    folder = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        answer = subprocess.run(
            ["git", *words],
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=True,
        )
        return answer.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return commit + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None
