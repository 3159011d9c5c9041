"""How the results of a run are kept in files: tables as CSV (Parquet where there is one row a bar),
numbers as JSON.

What is read back equals what was written, to the bit and with the same types;
only JSON lacks NaN and infinity, which are both read back as NaN.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.errors import DataError
from cryptonn.evaluation.accuracy import Assessment
from cryptonn.evaluation.verdict import Verdict
from cryptonn.output import to_json, write_file
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult

__all__ = [
    "load_assessment",
    "load_forecasts",
    "load_result",
    "load_verdicts",
    "read_json",
    "read_table",
    "readable",
    "save_assessment",
    "save_forecasts",
    "save_result",
    "save_verdicts",
]

_TABLES = ("confusion", "reliability", "histogram")
_NUMBERS = ("strategy", "fees", "symbol", "cash", "rejections", "borrow")
_TIMES = ("time", "decided", "entry_time", "exit_time")
_KINDS = {
    **dict.fromkeys(("amount", "price", "commission", "slippage"), "float64"),
    **dict.fromkeys(("entry_price", "exit_price", "gross", "costs", "net"), "float64"),
    **{"side": "str", "bars": "int64", "open": "bool"},
}
"""Types of fills and trades, which a table without rows does not tell."""


def save_assessment(assessment: Assessment, folder: Path) -> None:
    """Write metrics.json, confusion.csv, reliability.csv and histogram.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(to_json(assessment.metrics), encoding="utf-8")
    for name in _TABLES:
        getattr(assessment, name).to_csv(folder / f"{name}.csv", index=name == "confusion")


def load_assessment(folder: Path) -> Assessment:
    """Read what ``save_assessment`` wrote."""
    confusion = pd.read_csv(folder / "confusion.csv", index_col=0).rename_axis(columns="predicted")
    others = {name: read_table(folder / f"{name}.csv") for name in _TABLES if name != "confusion"}
    return Assessment(
        metrics=_with_nan(read_json(folder / "metrics.json")), confusion=confusion, **others
    )


def save_forecasts(
    forecasts: pd.DataFrame, scores: dict[str, dict[str, float]], folder: Path
) -> None:
    """Write forecasts.parquet and forecast_scores.json."""
    write_file(folder / "forecasts.parquet", forecasts.to_parquet(compression="zstd"))
    write_file(folder / "forecast_scores.json", to_json(scores))


def load_forecasts(folder: Path) -> tuple[pd.DataFrame | None, dict[str, dict[str, float]]]:
    """Read what ``save_forecasts`` wrote; None and nothing where it wrote nothing."""
    if not (folder / "forecasts.parquet").exists():
        return None, {}
    with readable(folder / "forecasts.parquet") as path:
        forecasts = pd.read_parquet(path)
    scores = read_json(folder / "forecast_scores.json")
    return forecasts, {role: _with_nan(numbers) for role, numbers in scores.items()}


def save_verdicts(verdicts: dict[str, Verdict], path: Path) -> None:
    """Write the verdicts by period."""
    write_file(path, to_json({name: asdict(verdict) for name, verdict in verdicts.items()}))


def load_verdicts(path: Path) -> dict[str, Verdict]:
    """Read what ``save_verdicts`` wrote."""
    return {
        name: Verdict(_with_nan(kept["numbers"]), kept["headline"], tuple(kept["sentences"]))
        for name, kept in read_json(path).items()
    }


def save_result(result: BacktestResult, folder: Path) -> None:
    """Write result.json, fills.csv, trades.csv, returns.csv, positions.csv and equity.parquet
    (equity and position).
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: getattr(result, name) for name in _NUMBERS}
    (folder / "result.json").write_text(
        to_json({**numbers, "costs": asdict(result.costs)}), encoding="utf-8"
    )
    result.fills.to_csv(folder / "fills.csv", index=False)
    result.trades.to_csv(folder / "trades.csv", index=False)
    result.returns.to_csv(folder / "returns.csv")
    result.positions.to_csv(folder / "positions.csv")
    bars = pd.DataFrame({"equity": result.equity, "position": result.position})
    bars.to_parquet(folder / "equity.parquet", compression="zstd")


def load_result(folder: Path) -> BacktestResult:
    """Read what ``save_result`` wrote."""
    numbers = read_json(folder / "result.json")
    numbers["costs"] = Costs(**numbers["costs"])
    with readable(folder / "equity.parquet") as path:
        bars = pd.read_parquet(path)
    days = {name: _by_day(folder / f"{name}.csv") for name in ("returns", "positions")}
    return BacktestResult(
        **numbers,
        equity=bars["equity"],
        position=bars["position"],
        returns=days["returns"].iloc[:, 0],
        positions=days["positions"],
        fills=read_table(folder / "fills.csv"),
        trades=read_table(folder / "trades.csv"),
    )


def read_table(path: Path, *, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a CSV table as it was written; the columns in ``text`` hold words,
    also where these look like numbers.
    """
    with readable(path):
        return _read_table(path, text)


def _read_table(path: Path, text: Collection[str]) -> pd.DataFrame:
    names = pd.read_csv(path, nrows=0).columns
    kinds = {
        name: kind for name, kind in (_KINDS | dict.fromkeys(text, "str")).items() if name in names
    }
    empty = {name: [""] for name in names if kinds.get(name) != "str"}
    table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=empty)
    times = {
        name: pd.to_datetime(table[name], utc=True).dt.as_unit("ns")
        for name in _TIMES
        if name in names
    }
    return table.assign(**times)


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    with readable(path):
        return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """Give back the path; a failure to read it becomes a DataError that names it."""
    try:
        yield path
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise DataError(
            f"{path}: cannot be read ({first}). Restore the file, or train the run again."
        ) from error


def _by_day(path: Path) -> pd.DataFrame:
    return read_table(path).set_index("time")


def _with_nan(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: float("nan") if value is None else value for name, value in numbers.items()}
