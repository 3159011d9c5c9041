"""Which runs there are: found by folder, by name, or as the latest of a run file;
listed with what they came to.
"""

from pathlib import Path
from typing import Any

from cryptonn.errors import ConfigError, did_you_mean
from cryptonn.records import read_json
from cryptonn.runs import RESULTS, is_waiting, read_facts, read_fit, read_run_config

__all__ = ["find_run", "list_runs"]

_MARKS = ("run.json", "fit.json")
"""A folder with one of these files is a run, or a trained network that will be one."""


def find_run(name: str, *, results: Path = RESULTS) -> Path:
    """Return the folder of a run, given by path, by folder name, or by the name in its file
    (then the latest).

    Raises
    ------
    ConfigError
        If there is no such run; the nearest names are given.
    """
    if (Path(name) / "run.json").exists() or is_waiting(Path(name)):
        return Path(name)
    runs = {folder.name: folder for folder in _folders(results)}
    if name in runs:
        return runs[name]
    latest = {folder.name.rsplit("-", 1)[0]: folder for folder in runs.values()}
    if name in latest:
        return latest[name]
    known = [*latest, *runs]
    there = (
        f" There are: {', '.join(latest)}."
        if latest
        else " There is none yet: start with `cryptonn run RUN.toml`."
    )
    raise ConfigError(f"no run {name!r} in {results}.{did_you_mean(name, known) or there}")


def list_runs(results: Path = RESULTS) -> list[dict[str, Any]]:
    """Return name, start, data, accuracy and net return of every run, oldest first."""
    return [_waiting(one) if is_waiting(one) else _summary(one) for one in _folders(results)]


def _folders(results: Path) -> list[Path]:
    """Return the folders of runs, and of trained networks that wait to be judged, oldest first."""
    return sorted({path.parent for name in _MARKS for path in results.glob(f"*/{name}")})


def _waiting(folder: Path) -> dict[str, Any]:
    """Return what is known of a trained network that was not judged."""
    _, started, _ = read_fit(folder)
    return {
        "run": folder.name,
        "started": started.isoformat(timespec="seconds"),
        "source": read_run_config(folder).data.source,
        "accuracy_on_moves": {"validation": None},
        "verdicts": {},
        "report": None,
    }


def _summary(folder: Path) -> dict[str, Any]:
    facts = read_facts(folder)
    metrics = read_json(folder / "metrics.json")
    accuracy = metrics["accuracy"]
    verdicts = read_json(folder / "verdicts.json") if (folder / "verdicts.json").exists() else {}
    return {
        "run": folder.name,
        "started": facts["started"],
        "source": facts["source"],
        "accuracy_on_moves": {
            period: models["network"]["accuracy_on_moves"] for period, models in accuracy.items()
        },
        "verdicts": {period: verdict["headline"] for period, verdict in verdicts.items()},
        "report": str(folder / "report.html") if (folder / "report.html").exists() else None,
    }
