"""Searches that lie beside one: what they tried on the same rows, and what they have trained already."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptonn.config import RunConfig, load_config
from cryptonn.errors import CryptonnError
from cryptonn.output import to_json
from cryptonn.records import read_json
from cryptonn.tuning.records import Record, load_record

__all__ = ["Beside", "outcome_of"]

_WORDS = {"name", "description", "search", "selection"}
"""Parts of a run file that no training depends on."""


@dataclass
class Beside:
    """The other searches in some places; what is no search, or is damaged, counts for nothing."""

    folder: Path
    """Of the search itself, which is left out."""
    places: tuple[Path, ...]
    """Folders in which searches lie."""
    _settings: dict[Path, str] = field(default_factory=dict)
    """By the folder of a trial: what it trained; a trial that has ended does not change."""

    def tried(self, *, run: str, but: Path | None) -> int:
        """Return how many honest settings of a run they tried, leaving one search out."""
        tried = 0
        for study, facts in self._studies():
            known = but is not None and study == but.resolve()
            if (facts["run"]["name"], facts["search"]["of"]) == (run, "run") and not known:
                tried += len(list(study.glob("trials/*/trial.json")))
        return tried

    def trained(
        self, config: RunConfig, *, of: str, data: Mapping[str, str], environment: Mapping[str, str]
    ) -> tuple[Record, Path] | None:
        """Return a trial that trained just this, and its folder; None if there is none.

        Parameters
        ----------
        config
            The run file of a trial, as it would be trained.
        of
            "run" or "published".
        data, environment
            Candles (sha256 by symbol), and what decides about last bits; both must be the same too.
        """
        wanted = _settings_of(config)
        for study, facts in self._studies():
            if (facts["search"]["of"], facts["data"], facts["environment"]) != (of, dict(data), dict(environment)):
                continue
            for trial in sorted(study.glob("trials/[0-9]*")):
                record = _complete(trial) if self._trained_in(trial) == wanted else None
                if record is not None:
                    return record, trial
        return None

    def _studies(self) -> list[tuple[Path, dict[str, Any]]]:
        """Return the folders of the searches and what they belong to."""
        paths = {path.resolve() for place in self.places for path in place.glob("*/study.json")}
        return [(path.parent, _facts(path)) for path in sorted(paths) if path.parent != self.folder.resolve()]

    def _trained_in(self, trial: Path) -> str:
        if trial not in self._settings:
            try:
                self._settings[trial] = _settings_of(load_config(trial / "config.toml"))
            except CryptonnError:  # a trial that was no valid run, or is of another version
                self._settings[trial] = ""
        return self._settings[trial]


def outcome_of(record: Record, folder: Path, *, number: int) -> dict[str, Any]:
    """Return the outcome of a trial that another search has trained, as if it had been trained here."""
    names = ("state", "metrics", "rows", "best_epoch", "seconds", "where")
    tables = {name: getattr(record, name).to_dict(orient="records") for name in ("history", "histogram")}
    own = {
        "number": number,
        "reason": f"trained already, as trial {record.number} of {folder.parents[1].name}: nothing was trained again",
        "trace": "",
        "files": {},
    }
    return {name: getattr(record, name) for name in names} | tables | own


def _facts(path: Path) -> dict[str, Any]:
    """Return what a search belongs to; nothing where that cannot be read."""
    nothing: dict[str, Any] = {"run": {"name": ""}, "search": {"of": ""}, "data": {}, "environment": {}}
    try:
        kept = read_json(path)
    except CryptonnError:
        return nothing
    return nothing | kept if isinstance(kept, dict) else nothing


def _complete(folder: Path) -> Record | None:
    try:
        record = load_record(folder)
    except CryptonnError:  # damaged: trained again here
        return None
    return record if record.state == "complete" else None


def _settings_of(config: RunConfig) -> str:
    plain = config.model_dump(mode="json", exclude=_WORDS)
    plain["data"].pop("folder")
    return to_json(plain)
