"""How the results of a run are kept in files: tables as CSV (Parquet where there is one row a bar), numbers as JSON."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from cryptonn.evaluation.accuracy import Assessment
from cryptonn.output import to_json
from cryptonn.trading.costs import Costs
from cryptonn.trading.result import BacktestResult

__all__ = ["load_assessment", "load_result", "save_assessment", "save_result"]

_TABLES = ("confusion", "reliability", "histogram")
_NUMBERS = ("strategy", "fees", "symbol", "cash", "rejections", "borrow")
_TIMES = ["time", "decided", "entry_time", "exit_time"]


def save_assessment(assessment: Assessment, folder: Path) -> None:
    """Write metrics.json, confusion.csv, reliability.csv and histogram.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(to_json(assessment.metrics))
    for name in _TABLES:
        getattr(assessment, name).to_csv(folder / f"{name}.csv", index=name == "confusion")


def load_assessment(folder: Path) -> Assessment:
    """Read what ``save_assessment`` wrote."""
    metrics = {
        name: float("nan") if value is None else value
        for name, value in json.loads((folder / "metrics.json").read_text()).items()
    }
    confusion = pd.read_csv(folder / "confusion.csv", index_col=0).rename_axis(columns="predicted")
    others = {name: pd.read_csv(folder / f"{name}.csv") for name in _TABLES if name != "confusion"}
    return Assessment(metrics=metrics, confusion=confusion, **others)


def save_result(result: BacktestResult, folder: Path) -> None:
    """Write result.json, fills.csv, trades.csv, returns.csv, positions.csv and equity.parquet (equity and position)."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: getattr(result, name) for name in _NUMBERS}
    (folder / "result.json").write_text(to_json({**numbers, "costs": asdict(result.costs)}))
    result.fills.to_csv(folder / "fills.csv", index=False)
    result.trades.to_csv(folder / "trades.csv", index=False)
    result.returns.to_csv(folder / "returns.csv")
    result.positions.to_csv(folder / "positions.csv")
    bars = pd.DataFrame({"equity": result.equity, "position": result.position})
    bars.to_parquet(folder / "equity.parquet", compression="zstd")


def load_result(folder: Path) -> BacktestResult:
    """Read what ``save_result`` wrote."""
    numbers = json.loads((folder / "result.json").read_text())
    bars = pd.read_parquet(folder / "equity.parquet")
    returns = _read(folder / "returns.csv", index_col=0)
    return BacktestResult(
        **{**numbers, "costs": Costs(**numbers["costs"])},
        equity=bars["equity"],
        position=bars["position"],
        returns=returns.iloc[:, 0],
        positions=_read(folder / "positions.csv", index_col=0),
        fills=_read(folder / "fills.csv"),
        trades=_read(folder / "trades.csv"),
    )


def _read(path: Path, *, index_col: int | None = None) -> pd.DataFrame:
    table = pd.read_csv(path, index_col=index_col)
    if index_col is not None:
        table.index = pd.to_datetime(table.index, utc=True)
    for name in table.columns.intersection(_TIMES):
        table[name] = pd.to_datetime(table[name], utc=True)
    return table
