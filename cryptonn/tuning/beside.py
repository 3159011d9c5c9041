"""Searches that lie beside one: what they tried on the same rows, and what they have trained already."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptonn.config import RunConfig, load_config
from cryptonn.errors import CryptonnError
from cryptonn.output import to_json
from cryptonn.records import read_json
from cryptonn.tuning.records import Record, load_record

__all__ = ["outcome_of", "studies_in", "trained_beside", "tried_in"]

_WORDS = {"name", "description", "search", "selection"}
"""Parts of a run file that no training depends on."""


def studies_in(*places: Path) -> list[Path]:
    """Return the folders of searches in some places, each once."""
    return sorted({path.resolve().parent for place in places for path in place.glob("*/study.json")})


def tried_in(studies: list[Path], *, run: str, but: Path | None) -> int:
    """Return how many honest settings of a run were tried in some searches, leaving one search out."""
    tried = 0
    for study in studies:
        kept, known = read_json(study / "study.json"), but is not None and study == but.resolve()
        if (kept["run"]["name"], kept["search"]["of"]) == (run, "run") and not known:
            tried += len(list(study.glob("trials/*/trial.json")))
    return tried


def trained_beside(
    studies: list[Path], config: RunConfig, *, of: str, data: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Record, Path] | None:
    """Return a trial of another search that trained just this, and its folder; None if there is none.

    Parameters
    ----------
    studies
        Folders of searches to look in.
    config
        The run file of a trial, as it would be trained.
    of
        "run" or "published".
    data, environment
        Candles (sha256 by symbol) and threads, which must be the same too.
    """
    wanted = _trained(config)
    for study in studies:
        kept = read_json(study / "study.json")
        if (kept["search"]["of"], kept["data"], kept["environment"]) != (of, dict(data), dict(environment)):
            continue
        for folder in sorted(study.glob("trials/[0-9]*")):
            record = _complete(folder)
            if record is not None and _trained_in(folder) == wanted:
                return record, folder
    return None


def _complete(folder: Path) -> Record | None:
    try:
        record = load_record(folder)
    except CryptonnError:  # damaged: trained again here
        return None
    return record if record.state == "complete" else None


def _trained_in(folder: Path) -> Any:
    try:
        return _trained(load_config(folder / "config.toml"))
    except CryptonnError:  # of another version
        return None


def _trained(config: RunConfig) -> Any:
    plain = config.model_dump(mode="json", exclude=_WORDS)
    plain["data"].pop("folder")
    return json.loads(to_json(plain))


def outcome_of(record: Record, folder: Path, *, number: int) -> dict[str, Any]:
    """Return the outcome of a trial that another search has trained, as if it had been trained here."""
    names = ("state", "metrics", "rows", "best_epoch", "seconds", "where")
    tables = {name: getattr(record, name).to_dict(orient="records") for name in ("history", "histogram")}
    reason = f"trained already, as trial {record.number} of {folder.parents[1].name}: nothing was trained again"
    return (
        {name: getattr(record, name) for name in names}
        | tables
        | {
            "number": number,
            "reason": reason,
            "trace": "",
            "files": {},
        }
    )
