"""Searches of the same run that lie beside one: how much they tried on the same rows,
and what they have trained.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptonn.errors import CryptonnError
from cryptonn.records import read_json, readable
from cryptonn.tuning.records import Record, load_record

__all__ = ["Beside", "outcome_of"]


@dataclass
class Beside:
    """The other searches of a run in some places."""

    run: str
    """Name of the run."""
    folder: Path
    """Of the search itself, which is left out."""
    places: tuple[Path, ...]
    """Folders in which searches lie."""
    _fingerprints: dict[Path, str | None] = field(default_factory=dict)
    """By trial.json; read once each, so a hit is read again before it counts."""

    def tried(self, *, but: Path | None) -> int:
        """Return how many honest settings they tried, leaving one search out.

        Raises
        ------
        DataError
            If what a search belongs to cannot be read: what it tried must not be forgotten.
        """
        tried = 0
        for path in self._studies():
            kept = read_json(path)
            with readable(path):
                counts = (kept["run"]["name"], kept["search"]["of"]) == (self.run, "run")
            if counts and (but is None or path.parent != but.resolve()):
                tried += len(list(path.parent.glob("trials/*/trial.json")))
        return tried

    def trained(self, fingerprint: str, *, metric: str) -> tuple[Record, Path] | None:
        """Return a trial with a fingerprint that ended well, and its folder; None if there is none.

        Parameters
        ----------
        metric
            Name of a number that it must have.
        """
        for path in self._studies():
            for trial in sorted(path.parent.glob("trials/[0-9]*/trial.json")):
                if trial not in self._fingerprints:
                    self._fingerprints[trial] = _fingerprint(trial)
                if self._fingerprints[trial] == fingerprint and self._is_of_run(path):
                    record = _whole(trial.parent, fingerprint, metric=metric)
                    if record is not None:
                        return record, trial.parent
        return None

    def _studies(self) -> list[Path]:
        """Return the study.json of each."""
        paths = {path.resolve() for place in self.places for path in place.glob("*/study.json")}
        return sorted(path for path in paths if path.parent != self.folder.resolve())

    def _is_of_run(self, study: Path) -> bool:
        """Tell whether a search is counted among those tried: what is taken from it must be."""
        try:
            kept = read_json(study)
            with readable(study):
                return bool(kept["run"]["name"] == self.run)
        except CryptonnError:
            return False


def outcome_of(record: Record, folder: Path, *, number: int) -> dict[str, Any]:
    """Return the outcome of a trial that another search has trained,
    as if it had been trained here.
    """
    names = ("state", "metrics", "rows", "best_epoch", "seconds", "where")
    tables = {
        name: getattr(record, name).to_dict(orient="records") for name in ("history", "histogram")
    }
    own = {
        "number": number,
        "reason": (
            f"trained already, as trial {record.number} of {folder.parents[1].name}: nothing was "
            "trained again"
        ),
        "git_commit": record.git_commit,
        "trace": "",
        "files": {},
    }
    return {name: getattr(record, name) for name in names} | tables | own


def _fingerprint(trial: Path) -> str | None:
    try:
        kept = read_json(trial)
    except CryptonnError:
        return None
    return kept.get("fingerprint") if isinstance(kept, dict) else None


def _whole(folder: Path, fingerprint: str, *, metric: str) -> Record | None:
    """Return a trial that ended well and lacks nothing."""
    try:
        record = load_record(folder)
    except CryptonnError:  # damaged, or gone since: trained again here
        return None
    is_whole = (
        record.state == "complete" and record.fingerprint == fingerprint and len(record.history) > 0
    )
    return record if is_whole and math.isfinite(record.metrics.get(metric, math.nan)) else None
