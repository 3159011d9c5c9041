"""What a search came to, as files: table, figures, and the best setting as a run file."""

from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.output import to_json, whole_folder, write_file
from cryptonn.settings import SelectionConfig
from cryptonn.tuning.mattered import shares
from cryptonn.tuning.records import Record
from cryptonn.tuning.study import Study
from cryptonn.tuning.words import sentences

__all__ = ["best_run", "summary_of", "table_of", "write_results", "write_table"]


def table_of(study: Study) -> pd.DataFrame:
    """Return one row a trial, by number.

    Returns
    -------
    DataFrame
        Columns trial, state, one for each axis, metric, value, low and high (95 %, where the metric
        has an interval), published (the figure the earlier system quoted, where the search names
        them), best_epoch, epochs, seconds, seed, reason, then every metric, and the number of rows
        of each role.
    """
    rows = [_row(study, record) for _, record in sorted(study.records.items())]
    table = pd.DataFrame(rows)
    return (
        table.drop(columns=[] if study.search.published else ["published"]) if len(table) else table
    )


def _row(study: Study, record: Record) -> dict[str, Any]:
    low, high = study.interval(record)
    return {
        "trial": record.number,
        "state": record.state,
        **record.choices,
        "metric": record.metric,
        "value": record.value,
        "low": low,
        "high": high,
        "published": study.search.quoted(record.number),
        "best_epoch": record.best_epoch,
        "epochs": len(record.history),
        "seconds": record.seconds,
        "seed": record.seed,
        "reason": record.reason,
        **record.metrics,
        **{f"rows_{role}": count for role, count in record.rows.items()},
    }


def best_run(study: Study) -> RunConfig | None:
    """Return the best setting as a run file with the test periods of the original;
    None of a search that leaks.
    """
    best = study.best
    if best is None or study.search.of == "published":
        return None
    selection = SelectionConfig(
        study=str(study.folder),
        trials=len(study.records) + study.tried_before,
        metric=study.search.metric,
        value=float(best.value or 0),
    )
    found = study.run_file(best.settings)
    found = found.with_epochs(found.training.full_epochs or found.training.epochs)
    return found.model_copy(
        update={"name": f"{study.config.name}-{study.name}", "selection": selection}
    )


def summary_of(study: Study) -> dict[str, Any]:
    """Return what a search came to as one JSON object: its trials, the best, what mattered,
    and that in sentences.
    """
    best = study.best
    file = study.folder / "best.toml"
    return {
        "search": study.name,
        "description": study.search.description,
        "folder": str(study.folder),
        "metric": study.search.metric,
        "axes": [axis.name for axis in study.varied],
        "trials": table_of(study).to_dict(orient="records"),
        "best": None
        if best is None
        else {"trial": best.number, "value": best.value, "settings": best.settings},
        "best_file": str(file) if file.exists() else None,
        "importance": shares(study),
        "sentences": sentences(study),
    }


def write_table(study: Study) -> None:
    """Write table.csv and best.toml as they stand."""
    write_file(study.folder / "table.csv", table_of(study).to_csv(index=False))
    found = best_run(study)
    if found is not None:
        head = (
            f"# The best of {len(study.records)} trials of search {study.name!r} of "
            f"{study.config.name}.\n"
            "\n"
        )
        write_file(study.folder / "best.toml", head + found.to_toml())


def write_results(study: Study) -> Path:
    """Write table, best setting, summary and figures; return the folder of the figures."""
    from cryptonn.tuning.figures import draw_all

    write_table(study)
    write_file(study.folder / "summary.json", to_json(summary_of(study)))
    with whole_folder(study.folder / "figures") as partial:
        for drawn in draw_all(study):
            (partial / f"{drawn.name}.png").write_bytes(drawn.png)
            drawn.table.to_csv(partial / f"{drawn.name}.csv", index=False)
    return study.folder / "figures"
