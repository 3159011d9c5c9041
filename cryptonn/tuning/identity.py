"""What a search folder belongs to: one run file, one search in it, one set of candles.
Others are refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError
from cryptonn.output import to_json, write_file
from cryptonn.records import read_json
from cryptonn.settings import SearchConfig

__all__ = ["identity_of", "settle"]

_FREE = {"description", "search", "selection"}
"""Parts of a run file that may change between two sittings."""
_WORDS = ("description", "trials", "published")
"""Keys of a search that may."""
_CLAIM = ("system", "figure", "metric")
"""Keys of `[published]` that may: what was quoted, which nothing is trained by."""
_EPOCHS = ("training.epochs", "training.full_epochs")
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
_FLAGS = {
    "run.seed": "--seed",
    **{f"run.{key}": "--epochs" for key in _EPOCHS},
    **{f"run.published.settings.{key}": "--epochs" for key in _EPOCHS},
    **{f"environment.{name}": "--threads" for name in _THREADS},
}
"""By place in the record: the option that lays its value over the run file's."""
_MOST = 6
"""Differences that are named."""


def identity_of(
    config: RunConfig, name: str, *, data: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return what must not change while a search goes on, as nested dicts; ``data`` has the sha256
    by symbol.

    The folder of the candles may change: their sha256 says whether they are the same. So may the
    number of trials: more of them go on where the others ended.
    """
    search = config.search[name].model_dump(mode="json", exclude=set(_WORDS))
    return {
        "run": _settings(config),
        "search": search,
        "axes": list(config.search[name].space),
        "data": dict(data),
        "environment": dict(environment),
    }


def settle(folder: Path, name: str, identity: dict[str, Any], facts: dict[str, Any]) -> None:
    """Begin the record of a search, or check that the one there is of the same run file, search and
    candles.

    Raises
    ------
    ConfigError
        If it is not; says what differs.
    """
    path = folder / "study.json"
    if not path.exists():
        write_file(path, to_json({"search_name": name, **identity, **facts}))
        return
    kept = read_json(path)
    there, here = (
        {key: one.get(key) for key in identity} for one in (_filled(kept), _plain(identity))
    )
    if there == here:
        return
    differences = _differences(there, here)
    more = f" and {len(differences) - _MOST} more" if len(differences) > _MOST else ""
    raise ConfigError(
        f"{folder}: holds a search of other settings or candles. "
        f"{'; '.join(differences[:_MOST])}{more}. Put them back to go on with it, choose another "
        "folder with --folder, or remove this one to start anew."
    )


def _settings(config: RunConfig) -> dict[str, Any]:
    run = config.model_dump(mode="json", exclude=_FREE)
    run["data"].pop("folder")
    if run["published"] is not None:
        for name in _CLAIM:
            run["published"].pop(name)
    return run


def _filled(kept: dict[str, Any]) -> dict[str, Any]:
    """Give settings that did not exist when the search was begun their defaults,
    which change nothing.
    """
    fields = SearchConfig.model_fields.items()
    defaults = {name: field.default for name, field in fields if name not in (*_WORDS, "space")}
    try:
        run = _settings(RunConfig.model_validate(kept["run"]))
    except (ValidationError, KeyError):  # of another version altogether: compared as it stands
        return kept
    return kept | {"run": _plain(run), "search": defaults | kept["search"]}


def _plain(identity: dict[str, Any]) -> Any:
    import json

    return json.loads(to_json(identity))


def _differences(there: Any, here: Any, *, path: str = "") -> list[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        keys = list(dict.fromkeys([*there, *here]))
        return [
            difference
            for key in keys
            for difference in _differences(
                there.get(key), here.get(key), path=f"{path}.{key}" if path else key
            )
        ]
    if there == here:
        return []
    flag = f" ({_FLAGS[path]})" if path in _FLAGS else ""
    return [f"{path.removeprefix('run.')}{flag}: {_short(there)} there, {_short(here)} now"]


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
