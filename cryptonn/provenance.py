"""Where a result comes from: code version, package versions, machine, seed."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["code_facts"]

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


def code_facts() -> dict[str, Any]:
    """Return git commit (with "+changes" if the tree differs from it), Python and package versions, platform."""
    return {
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _git_commit() -> str | None:
    folder = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        answer = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
        return answer.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return commit + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
