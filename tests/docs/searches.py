"""The searches of docs/earlier-systems.md: a section for each, and their trials, which take days and are kept."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.evaluation.published import PUBLISHED_MEANINGS
from cryptonn.output import whole_folder
from cryptonn.published import Reproduction
from cryptonn.records import read_json
from cryptonn.reporting.formatting import percent
from cryptonn.settings import LeaksConfig, SearchConfig
from cryptonn.tuning.fingerprint import fingerprint_of
from cryptonn.tuning.records import Record, load_record
from cryptonn.tuning.space import configured
from cryptonn.tuning.trial import trial_config
from cryptonn.units import counted
from tests.docs.page import NOT_RUN, ROOT, Page, kept_picture, shown

RECORDS = ROOT / "docs" / "earlier-systems"
_NOT_KEPT = shutil.ignore_patterns(
    "*.png", "*.toml", "tensorboard", "running", "lock", "figures", ".*"
)


def search_section(
    name: str, search: str, here: Path, before: Page, *, records: Path = RECORDS
) -> list[str]:
    """Return what the page says of a search.

    Parameters
    ----------
    name, search
        Run file and search.
    here
        The search's folder, if it was run here; its trials are then kept.
    before
        The page as it stands, which is repeated where there are no trials at all.
    records
        Where trials are kept.
    """
    heading, folder = f"### {name}: {search}", _kept(here, records)
    command = shown(
        f"{_set(folder)}cryptonn tune backtests/{name}.toml --search {search} --data ../shared/data --workers 2"
    )
    if folder is None:
        return [heading, command, NOT_RUN] if before.lacks(heading) else [heading, before[heading]]
    if not (folder / "summary.json").exists():
        return [heading, command, *_computed(folder), _unfinished(folder)]
    found = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    axis = "axis" if (folder / "figures" / "axis.png").exists() else "settings"
    return [
        heading,
        found["description"],
        command,
        *_computed(folder),
        _trials(found),
        "\n".join(f"- {line}" for line in found["sentences"]),
        kept_picture(folder / "figures" / f"{axis}.png", f"{name}_{search}", f"search {search}"),
        kept_picture(
            folder / "figures" / "probabilities.png",
            f"{name}_{search}_probabilities",
            "probabilities",
        ),
    ]


def same_training(
    config: RunConfig, searches: Iterable[str], *, data: Mapping[str, str], records: Path = RECORDS
) -> tuple[str, Record] | None:
    """Return the kept trial that trained a run's earlier system as published, and the name of its search.

    Same are all settings, leaks and candles; threads and versions, on which last digits depend, may differ.

    Parameters
    ----------
    config
        A run with a section ``[published]``.
    searches
        Names of its searches; the first that has one is taken.
    data
        By symbol: sha256 of the candles that the earlier system sees.
    records
        Where trials are kept.
    """
    wanted = fingerprint_of(trial_config(config), of="published", data=data, environment={})
    for name in searches:
        folder = records / f"{config.name}-{name}"
        study = read_json(folder / "study.json")
        base, search = (
            RunConfig.model_validate(study["run"]),
            SearchConfig.model_validate(study["search"]),
        )
        for trial in sorted(folder.glob("trials/*")) if search.of == "published" else []:
            record = load_record(trial)
            tried = trial_config(configured(base, search, record.settings, source=config.name))
            found = fingerprint_of(tried, of="published", data=study["data"], environment={})
            if record.state == "complete" and found == wanted:
                return name, record
    return None


def published_by(trial: Record, config: RunConfig) -> dict[str, Any]:
    """Return what a run would keep of the training that a trial has done, see ``Reproduction.record``."""
    earlier, leaks = (
        config.as_published(),
        config.published.leaks if config.published else LeaksConfig(),
    )
    return Reproduction(
        config=earlier,
        history=trial.history,
        predictions=pd.DataFrame(),  # a trial keeps none
        numbers={name: trial.metrics[name] for name in PUBLISHED_MEANINGS},
        windows=trial.rows,
        leaks=leaks.words(indicators=bool(earlier.features.ta)),
        seconds=trial.seconds or 0.0,
    ).record(config)


def finished(records: Path = RECORDS) -> dict[str, pd.DataFrame]:
    """Return the trials that ended well of each search that is kept and done, by the name of its folder."""
    tables = {}
    for file in sorted(records.glob("*/summary.json")):
        trials = pd.DataFrame(json.loads(file.read_text(encoding="utf-8"))["trials"])
        tables[file.parent.name] = trials[trials["state"] == "complete"]
    return tables


def _kept(here: Path, records: Path) -> Path | None:
    """Keep the trials of a search that was run here; return its folder, or that of more trials that were kept before.

    None where there are neither.
    """
    kept = records / here.name
    if not _trials_in(here) or _trials_in(here) < _trials_in(kept):
        return kept if _trials_in(kept) else None
    with whole_folder(kept) as partial:
        shutil.copytree(here, partial, ignore=_NOT_KEPT, dirs_exist_ok=True)
    return here


def _trials_in(folder: Path) -> int:
    return len(list(folder.glob("trials/*/trial.json"))) if (folder / "table.csv").exists() else 0


def _unfinished(folder: Path) -> str:
    """Show the trials that have ended of a search that has not."""
    table = pd.read_csv(folder / "table.csv")
    names = list(table.columns[2 : table.columns.get_loc("metric")])
    trials = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    metric = table["metric"].iloc[0]
    return f"Not all run yet; so far:\n\n{_trials({'axes': names, 'metric': metric, 'trials': trials})}"


def _set(folder: Path | None) -> str:
    """Return what was set in the environment and decides about last bits, as it is written before a command."""
    file = (folder or Path()) / "study.json"
    known = json.loads(file.read_text(encoding="utf-8"))["environment"] if file.exists() else {}
    chosen = {
        "TF_ENABLE_ONEDNN_OPTS": known.get("TF_ENABLE_ONEDNN_OPTS"),
        "KERAS_BACKEND": known.get("KERAS_BACKEND"),
    }
    return "".join(f"{name}={value} " for name, value in chosen.items() if value not in (None, "0"))


def _computed(folder: Path) -> list[str]:
    """Say what computed the trials, if it was not TensorFlow: it draws other random numbers."""
    trials = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("trials/*/trial.json"))
    ]
    found = {
        one["where"]["backend"]: one["where"]["device"]
        for one in trials
        if "backend" in one["where"]
    }
    return [
        f"Trained with `{library}` under Keras, on {card} (docs/search.md): other random numbers than TensorFlow's."
        for library, card in found.items()
    ]


def _trials(found: dict[str, Any]) -> str:
    """Show a row a trial; a long table is folded."""
    right = f"right, {'as published' if found['metric'] == 'accuracy' else _ALSO}"
    columns = {axis: [str(one[axis]) for one in found["trials"]] for axis in found["axes"]}
    columns |= {
        head or right: [write(one) for one in found["trials"]] for head, write in _COLUMNS.items()
    }
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    if columns.get(_ALSO) == columns.get(right):
        columns.pop(_ALSO, None)
    rows = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    rows += [f"| {' | '.join(cells)} |" for cells in zip(*columns.values(), strict=True)]
    table = "\n".join(rows)
    if len(found["trials"]) <= _LONG:
        return table
    return f"<details><summary>{counted(len(found['trials']), 'network')}, a row each</summary>\n\n{table}\n\n</details>"


def _number(name: str, form: str = ".4f") -> Callable[[dict[str, Any]], str]:
    return lambda one: "" if one.get(name) is None else format(one[name], form)


def _interval(one: dict[str, Any]) -> str:
    low, high = one.get("low"), one.get("high")
    return "" if low is None or high is None else f"{percent(low)} to {percent(high)}"


_ALSO = "on moves"
_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "quoted": lambda one: "" if one.get("published") is None else percent(one["published"]),
    "": lambda one: one["reason"] if one["value"] is None else percent(one["value"]),
    "95 % interval": _interval,
    _ALSO: lambda one: (
        "" if one.get("accuracy_on_moves") is None else percent(one["accuracy_on_moves"])
    ),
    "train loss": _number("loss"),
    "validation loss": _number("val_loss"),
    "best epoch": lambda one: (
        "" if one["best_epoch"] is None else f"{one['best_epoch']} of {one['epochs']}"
    ),
    "minutes": lambda one: "" if one["seconds"] is None else f"{one['seconds'] / 60:.1f}",
}
"""Columns after those of the settings; the one without a name is that of the search's metric."""
_LONG = 12
"""Trials above which a table is folded."""
