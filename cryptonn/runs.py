"""A run: everything one TOML file led to, in memory as tables and on disk as one folder.

    config.toml the resolved run file run.json facts: data, code, versions, seeds,
    times model/ the fitted model history.csv losses by epoch predictions.parquet one row
    a held-out bar accuracy/ tables by period and model forecasts.parquet of a regression: one row
    a bar forecast_scores.json by role backtests/ by period, strategy and fees comparison.csv
    verdicts.json published.json the earlier system's evaluation published_history.csv metrics.json
    every number of the run report.html figures/ tables/ written by the report fit.json of a network
    that waits to be judged: when it was begun, and on which candles

Each part is written whole or not at all, so a run that is only trained is a run too.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig, load_config
from cryptonn.errors import ConfigError, DataError, OutputError
from cryptonn.evaluation.accuracy import Assessment
from cryptonn.evaluation.verdict import Verdict
from cryptonn.learning.regression import cut_words
from cryptonn.market.candles import Frame
from cryptonn.market.timerange import TimeRange
from cryptonn.output import to_json, whole_folder, write_file
from cryptonn.records import (
    load_assessment,
    load_forecasts,
    load_result,
    load_verdicts,
    read_json,
    read_table,
    readable,
    save_assessment,
    save_forecasts,
    save_result,
    save_verdicts,
)
from cryptonn.trading.result import BacktestResult

__all__ = [
    "RESULTS",
    "Run",
    "check_same_candles",
    "is_waiting",
    "load_run",
    "new_folder",
    "read_facts",
    "read_fit",
    "read_run_config",
    "read_start",
    "save_backtests",
    "save_fit",
    "save_published",
    "save_training",
]

RESULTS = Path("backtests/results")
"""Where runs are kept unless told otherwise."""

_MODELS = ("network", "logistic")
_WORDS = ("period", "strategy", "fees", "costs", "interval_note")
"""Columns of the comparison that hold words."""


@dataclass(frozen=True, repr=False)
class Run:
    """A run file and what came of it; see the module's text for the folder."""

    folder: Path
    config: RunConfig
    facts: dict[str, Any]
    frame: Frame
    """The aligned candles of train and test."""
    predictions: pd.DataFrame
    """One row a bar of validation and test.

    Index time; columns period, proba, logistic, label, move, tie, signal.
    """
    history: pd.DataFrame
    """One row an epoch."""
    assessments: dict[str, dict[str, Assessment]]
    """By period ("validation" or the name of a test period), then by model ("network",
    "logistic").
    """
    backtests: dict[str, list[BacktestResult]] = field(default_factory=dict)
    """By period: every strategy under every fee scenario."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """By period: whether the run's strategy pays."""
    comparison: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["period", "strategy", "fees"])
    )
    """One row a period, strategy and fee scenario."""
    forecasts: pd.DataFrame | None = None
    """Of a regression: one row a bar of train, validation and test.

    Index time; columns role, close (now), predicted and actual (both ``horizon`` bars later).
    """
    forecast_scores: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of a regression: by role, the numbers of ``evaluation/forecasts.py``."""
    published: dict[str, Any] | None = None
    """What the earlier system's own evaluation gives here; see ``published.py``."""

    @property
    def name(self) -> str:
        """Name of the run folder."""
        return self.folder.name

    @property
    def strategy(self) -> str:
        """Name of the run's own strategy, as it stands in the results."""
        return Path(self.config.backtest.strategy).stem

    def leading(self, period: str) -> str:
        """Return the strategy a period is judged by: the run's own, or the first traded
        there if that one is not.
        """
        traded = [result.strategy for result in self.backtests.get(period, [])]
        return self.strategy if self.strategy in traded or not traded else traded[0]

    def backtest(
        self, period: str, *, fees: str = "none", strategy: str | None = None
    ) -> BacktestResult:
        """Return one backtest; of the strategy the period is judged by unless another is named.

        Raises
        ------
        ConfigError
            If it was not traded; says what was.
        """
        wanted = (strategy or self.leading(period), fees)
        there = {
            (result.strategy, result.fees): result for result in self.backtests.get(period, [])
        }
        if wanted not in there:
            known = ", ".join(f"{name} at {fee}" for name, fee in there) or "nothing"
            raise ConfigError(
                f"{self.name}: {wanted[0]} at {wanted[1]} did not trade {period}. "
                f"Traded there: {known}."
            )
        return there[wanted]

    def __repr__(self) -> str:
        judged = [
            f"{self.leading(period)} on {period}: {verdict.headline}"
            for period, verdict in self.verdicts.items()
        ]
        return "\n".join([f"Run {self.name}", *(judged or ["not traded yet"])])

    @property
    def enter(self) -> float:
        """Probability at which the run's strategy enters."""
        return float(self.facts["enter"])

    @property
    def added(self) -> dict[str, TimeRange]:
        """Stretches that were traded although the run file does not name them."""
        named = {"validation", *self.config.data.test}
        return {
            name: TimeRange.parse(name)
            for name in self.predictions["period"].unique()
            if name not in named
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known before any number of the run is believed; mostly nothing."""
        stopped = (
            f"Training was interrupted: the network is that of epoch {self.facts['best_epoch']}, "
            "the best so far."
        )
        seen = [f"{name}: {self.in_sample(name)}" for name in self.added if self.in_sample(name)]
        epochs = self.config.training.epochs
        full = self.config.training.full_epochs
        short = (
            [f"Trained for {epochs} of the {full} epochs of its run file (--epochs)."]
            if full
            else []
        )
        chosen = [self.config.selection.words] if self.config.selection else []
        cut = cut_words(self.forecasts) if self.forecasts is not None else []
        return (
            *([stopped] if self.facts["interrupted"] else []),
            *short,
            *chosen,
            *cut,
            *seen,
            *self._warnings,
        )

    @property
    def _warnings(self) -> tuple[str, ...]:
        """What its candles have that must be known: jumps that were accepted, bars left out,
        nothing traded.
        """
        facts = self.facts.get("data", {}).values()
        return tuple(word for symbol in facts for word in symbol.get("warnings", ()))

    def in_sample(self, period: str) -> str:
        """Say how much of a period the network was fitted to; nothing where it saw none of it."""
        index = self.predictions.index[self.predictions["period"] == period]
        train = self.config.data.train
        seen = len(train.select(pd.DataFrame(index=index)))
        if period == "validation" or not seen:
            return ""
        return (
            f"IN-SAMPLE: {seen / len(index):.0%} of these bars lie in the train range {train}, "
            "which the network has seen; the numbers are no evidence."
        )


def new_folder(results: Path, name: str, started: datetime) -> Path:
    """Return a folder for a run that no other run has, or is about to have."""
    stem = f"{name}-{started:%Y%m%dT%H%M%S}"
    for suffix in ("", *(f"_{number}" for number in range(2, 1000))):
        folder = results / f"{stem}{suffix}"
        if not folder.exists() and not any(results.glob(f".{folder.name}.*.partial")):
            return folder
    raise OutputError(
        f"{results}: holds a thousand runs of this second. Choose another folder with --results."
    )


def save_fit(
    folder: Path,
    config: RunConfig,
    history: pd.DataFrame,
    *,
    started: datetime,
    data: dict[str, Any],
) -> None:
    """Write what is known once a network is trained into a folder that is being filled
    (it is there already).

    ``data`` are the facts of the candles, by symbol. ``save_training`` makes a run of it.
    """
    write_file(folder / "config.toml", config.to_toml())
    write_file(folder / "history.csv", history.to_csv(index=False))
    kept = {"started": started.isoformat(timespec="seconds"), "data": data}
    write_file(folder / "fit.json", to_json(kept))


def save_training(run: Run) -> None:
    """Write how good a trained network is into its folder; with ``run.json``,
    the last file, it is a run.
    """
    folder = run.folder
    write_file(folder / "predictions.parquet", run.predictions.to_parquet())
    if run.forecasts is not None:
        save_forecasts(run.forecasts, run.forecast_scores, folder)
    with whole_folder(folder / "accuracy") as partial:
        _save_accuracy(run, partial)
    write_file(folder / "metrics.json", to_json(_metrics(run)))
    write_file(folder / "run.json", to_json(run.facts))
    (folder / "fit.json").unlink(missing_ok=True)


def save_backtests(run: Run) -> None:
    """Write the backtests of a run that is on disk, and renew what sums them up."""
    if run.added:
        with whole_folder(run.folder / "accuracy") as folder:
            _save_accuracy(run, folder)
        write_file(run.folder / "predictions.parquet", run.predictions.to_parquet())
        if run.forecasts is not None:
            save_forecasts(run.forecasts, run.forecast_scores, run.folder)
    with whole_folder(run.folder / "backtests") as folder:
        for period, results in run.backtests.items():
            for result in results:
                save_result(result, folder / period / result.strategy / result.fees)
    write_file(run.folder / "run.json", to_json(run.facts))
    if len(run.comparison):
        write_file(run.folder / "comparison.csv", run.comparison.to_csv(index=False))
    save_verdicts(run.verdicts, run.folder / "verdicts.json")
    write_file(run.folder / "metrics.json", to_json(_metrics(run)))


def save_published(folder: Path, record: dict[str, Any], history: pd.DataFrame | None) -> None:
    """Write what the published evaluation gave into a run folder;
    ``history`` is that of its training, if there was.
    """
    if history is not None:
        write_file(folder / "published_history.csv", history.to_csv(index=False))
    write_file(folder / "published.json", to_json(record))


def load_run(folder: Path, *, config: RunConfig, frame: Frame) -> Run:
    """Read a run folder; ``frame`` holds the candles that ``config``, the run's own, names."""
    verdicts = folder / "verdicts.json"
    comparison = _read_comparison(folder)
    with readable(folder / "predictions.parquet") as path:
        predictions = pd.read_parquet(path)
    forecasts, scores = load_forecasts(folder)
    return Run(
        folder=folder,
        config=config,
        facts=read_facts(folder),
        frame=frame,
        predictions=predictions,
        history=read_table(folder / "history.csv"),
        assessments=_load_accuracy(folder / "accuracy", list(predictions["period"].unique())),
        backtests=_load_backtests(folder / "backtests", comparison),
        verdicts=load_verdicts(verdicts) if verdicts.exists() else {},
        comparison=comparison,
        forecasts=forecasts,
        forecast_scores=scores,
        published=read_json(folder / "published.json")
        if (folder / "published.json").exists()
        else None,
    )


def _save_accuracy(run: Run, folder: Path) -> None:
    for period, models in run.assessments.items():
        for model, assessment in models.items():
            save_assessment(assessment, folder / period / model)


def _load_accuracy(folder: Path, periods: list[str]) -> dict[str, dict[str, Assessment]]:
    there = {
        name: [model for model in _MODELS if (folder / name / model).is_dir()] for name in periods
    }
    return {
        name: {model: load_assessment(folder / name / model) for model in there[name]}
        for name in periods
    }


def _load_backtests(folder: Path, comparison: pd.DataFrame) -> dict[str, list[BacktestResult]]:
    backtests: dict[str, list[BacktestResult]] = {}
    for period, strategy, fees in comparison[["period", "strategy", "fees"]].to_numpy():
        backtests.setdefault(period, []).append(load_result(folder / period / strategy / fees))
    return backtests


def _read_comparison(folder: Path) -> pd.DataFrame:
    path = folder / "comparison.csv"
    names = ["period", "strategy", "fees"]
    if not path.exists():
        return pd.DataFrame(columns=names)
    table = read_table(path, text=_WORDS)
    with readable(path):
        return table.astype(dict.fromkeys(names, "str"))


def read_run_config(folder: Path) -> RunConfig:
    """Return the resolved run file of a run folder."""
    return load_config(folder / "config.toml")


def read_facts(folder: Path) -> dict[str, Any]:
    """Return the facts of a run folder."""
    if is_waiting(folder):
        raise DataError(
            f"{folder}: holds a trained network that was not judged, because the training was "
            f"stopped after its last epoch. `cryptonn backtest {folder.name}` goes on from there."
        )
    facts: dict[str, Any] = read_json(folder / "run.json")
    return facts


def is_waiting(folder: Path) -> bool:
    """Tell whether a folder holds a trained network that was not judged: it is not yet a run."""
    return (folder / "fit.json").exists() and not (folder / "run.json").exists()


def read_fit(folder: Path) -> tuple[pd.DataFrame, datetime, dict[str, Any]]:
    """Return what ``save_fit`` wrote beside the run file: history, start, facts of the candles."""
    kept = read_json(folder / "fit.json")
    with readable(folder / "fit.json"):
        started = datetime.fromisoformat(kept["started"])
    return read_table(folder / "history.csv"), started, kept["data"]


def read_start(folder: Path) -> pd.Timestamp:
    """Return when the training of a run folder began: its candles are those that had
    closed by then.
    """
    if is_waiting(folder):
        return pd.Timestamp(read_fit(folder)[1])
    return pd.Timestamp(read_facts(folder)["started"])


def check_same_candles(
    folder: Path, known: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]]
) -> None:
    """Refuse candles that are not those a run was made from.

    Parameters
    ----------
    folder
        Of the run.
    known, found
        Facts of the candles, by symbol: then, and now.

    Raises
    ------
    DataError
        If the sha256 of a symbol differs.
    """
    for symbol, facts in known.items():
        if found.get(symbol, {}).get("sha256") != facts["sha256"]:
            raise DataError(
                f"{folder}: the candles of {symbol} are no longer those the run was made "
                "from (sha256 differs). Import the same data again, or train a new run on these."
            )


def _metrics(run: Run) -> dict[str, Any]:
    return {
        "accuracy": {
            period: {model: assessment.metrics for model, assessment in models.items()}
            for period, models in run.assessments.items()
        },
        "forecasts": run.forecast_scores,
        "backtests": run.comparison.to_dict(orient="records"),
    }
