"""Commands about runs: run, train, backtest, compare, report, predict, list."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryptonn.cli.console import AsJson, emit, loading, show_progress, show_table, stdout
from cryptonn.cli.paper_results import report_session
from cryptonn.cli.prediction import prediction_words
from cryptonn.cli.summary import own_verdicts, show_backtests, show_run, summary_of

if TYPE_CHECKING:
    from cryptonn.config import RunConfig
    from cryptonn.judging import Asked
    from cryptonn.market.timerange import TimeRange
    from cryptonn.runs import Run

__all__ = [
    "COMMANDS",
    "backtest",
    "compare",
    "configured",
    "predict",
    "report",
    "reproduce",
    "run",
    "runs",
    "train",
]

RunFile = Annotated[
    Path, typer.Argument(metavar="RUN.toml", help="A run file, such as backtests/synthetic.toml.")
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run: its folder, its folder's name, or its file's name for the latest.",
    ),
]
Results = Annotated[Path, typer.Option(help="Folder that keeps the runs.")]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Train so many epochs, whatever the file says.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed, whatever the file says.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder of the candle store or of the run's CSV files, whatever the file says.",
    ),
]
TimeRangeText = Annotated[
    str | None,
    typer.Option(
        "--timerange",
        help="Stretch to trade, for example 20190101-20190401; UTC, end not included.",
    ),
]
Json = Annotated[bool, AsJson]

_RESULTS = Path("backtests/results")
_STOPPED_TRAINING = (
    "A run is kept once it is trained: `cryptonn runs` lists it, and `cryptonn backtest` and "
    "`cryptonn report` go on from it."
)
_STOPPED_TRADING = "The run is kept as it was before, without these backtests."


def run(
    file: RunFile,
    data: Data = None,
    results: Results = _RESULTS,
    epochs: Epochs = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Do the whole job: train, validate, backtest with and without fees, report."""
    from cryptonn import pipeline

    config = configured(file, data=data, epochs=epochs, seed=seed)
    with show_progress(_STOPPED_TRAINING) as on_step:
        done = pipeline.run(config, results=results, on_step=on_step)
    _show_run(done, as_json=as_json)


def train(
    file: RunFile,
    data: Data = None,
    results: Results = _RESULTS,
    epochs: Epochs = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Train and validate; `backtest`, `compare` and `report` go on from there."""
    from cryptonn import pipeline

    config = configured(file, data=data, epochs=epochs, seed=seed)
    with show_progress(_STOPPED_TRAINING) as on_step:
        done = pipeline.train(config, results=results, on_step=on_step)
    _show_run(done, as_json=as_json)


def backtest(
    name: RunName,
    strategy: Annotated[
        str | None, typer.Option(help="Strategy by name or path; the run's own by default.")
    ] = None,
    timerange: TimeRangeText = None,
    fee: Annotated[
        str | None,
        typer.Option(
            help="A scenario (none, maker, taker, taker+slippage) or a bare commission: 10bp."
        ),
    ] = None,
    data: Data = None,
    results: Results = _RESULTS,
    as_json: Json = False,
) -> None:
    """Trade a trained run with one strategy, under one fee or those of the run's file."""
    from cryptonn.pipeline import run_config

    wanted = strategy or run_config(name, results=results).backtest.strategy
    done, asked = _traded(
        name, [wanted], _fees("--fee", fee), timerange, results=results, data=data
    )
    _show_backtests(done, asked, as_json=as_json)


def compare(
    name: RunName,
    strategies: Annotated[
        str | None, typer.Option(help="Names or paths, with commas; the run's by default.")
    ] = None,
    fees: Annotated[
        str | None, typer.Option(help="Scenarios, with commas, such as none,maker,taker,5bp.")
    ] = None,
    timerange: TimeRangeText = None,
    data: Data = None,
    results: Results = _RESULTS,
    as_json: Json = False,
) -> None:
    """Compare strategies under several fees in one table."""
    done, asked = _traded(
        name, _words(strategies), _fees("--fees", fees), timerange, results=results, data=data
    )
    _show_backtests(done, asked, as_json=as_json)


def report(
    name: RunName,
    session: Annotated[
        str | None,
        typer.Option("--session", help="Report of this paper session of the run, instead."),
    ] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Report of the run's only paper session, instead.")
    ] = False,
    data: Data = None,
    results: Results = _RESULTS,
    as_json: Json = False,
) -> None:
    """Write the HTML report of a run anew, with all that was traded since;
    or that of a paper session.
    """
    if paper or session is not None:
        report_session(name, session=session, results=results, as_json=as_json)
        return
    from cryptonn import pipeline

    with show_progress("The run is kept, and its report is as it was before.") as on_step:
        path = pipeline.report(pipeline.open_run(name, results=results, data=data), on_step=on_step)
    if as_json:
        emit({"report": str(path)})
    else:
        stdout.print(f"Report: {path}", soft_wrap=True)


def reproduce(
    name: RunName, data: Data = None, results: Results = _RESULTS, as_json: Json = False
) -> None:
    """Repeat the published evaluation a run is compared with, leaks included;
    nothing of it is traded.
    """
    from cryptonn import pipeline

    with show_progress("The same command goes on after the newest epoch.") as on_step:
        done = pipeline.reproduce(
            pipeline.open_run(name, results=results, data=data), on_step=on_step
        )
        pipeline.report(done, on_step=on_step)
    _show_run(done, as_json=as_json)


def predict(
    name: RunName,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the store or the files, if it is another by now."
        ),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="CSV file with the newest candles; SYMBOL=FILE if the run has several.",
        ),
    ] = None,
    download: Annotated[
        str | None,
        typer.Option(
            metavar="EXCHANGE", help="Fetch the newest candles from it; no account needed."
        ),
    ] = None,
    results: Results = _RESULTS,
    as_json: Json = False,
) -> None:
    """Print what the run's network says after the newest candle: P(up),
    and the price a regression forecasts.
    """
    import pandas as pd

    from cryptonn import pipeline

    now = pd.Timestamp.now(tz="UTC")
    with loading():
        latest = pipeline.predict(
            name, results=results, folder=data, files=file or (), download=download, now=now
        )
    if as_json:
        emit(latest)
    else:
        for sentence in prediction_words(latest):
            stdout.print(sentence, soft_wrap=True)


def runs(results: Results = _RESULTS, as_json: Json = False) -> None:
    """List the runs kept so far."""
    from cryptonn.catalog import list_runs

    listed = list_runs(results)
    if as_json:
        emit({"runs": listed})
    elif not listed:
        stdout.print(
            f"No run in {results} yet. Start with `cryptonn run backtests/synthetic.toml`."
        )
    else:
        rows = [
            (
                one["run"],
                one["source"],
                period,
                _verdict(one["verdicts"], period),
                _percent(accuracy),
            )
            for one in listed
            for period, accuracy in one["accuracy_on_moves"].items()
        ]
        show_table(
            f"Runs in {results}",
            ("run", "data", "period", "verdict", "accuracy on moves"),
            rows,
            left=4,
        )


def _verdict(verdicts: dict[str, str], period: str) -> str:
    return (
        verdicts.get(period, "")
        if verdicts
        else "no backtest yet: `cryptonn backtest RUN` makes it"
    )


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.2%}"


def configured(
    file: Path, *, data: Path | None, epochs: int | None, seed: int | None
) -> "RunConfig":
    """Read a run file and lay over it what the command line says."""
    from cryptonn.config import load_config

    config = load_config(file)
    if data is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"folder": data})})
    if epochs is not None:
        config = config.with_epochs(epochs)
    return config if seed is None else config.model_copy(update={"seed": seed})


def _period(timerange: str | None) -> "TimeRange | None":
    from cryptonn.market.timerange import TimeRange

    return TimeRange.parse(timerange) if timerange else None


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _fees(option: str, text: str | None) -> list[str]:
    """Return the fees of a list; ``0,1%`` would be two of them, no fee and 1 %."""
    from cryptonn.errors import ConfigError

    words = _words(text)
    if "0" in words[:-1]:
        raise ConfigError(
            f"{option} {text}: a comma separates fees, and the decimal sign is a point, as in "
            "0.1%. If no fee is meant, write none."
        )
    return words


def _traded(
    name: str,
    strategies: Sequence[str],
    fees: Sequence[str],
    timerange: str | None,
    *,
    results: Path,
    data: Path | None,
) -> "tuple[Run, Asked]":
    """Trade a run, and return it with what was traded; what cannot be is refused before its candles
    are read.
    """
    from cryptonn import pipeline
    from cryptonn.judging import asked_for
    from cryptonn.preflight import check_traders

    period = _period(timerange)
    config = pipeline.run_config(name, results=results)
    asked = asked_for(config, strategies=strategies, fees=fees, period=period)
    check_traders(config, asked)
    with show_progress(_STOPPED_TRADING) as on_step:
        opened = pipeline.open_run(name, results=results, period=period, data=data, on_step=on_step)
        done = pipeline.backtest(
            opened, strategies=asked.strategies, fees=asked.fees, period=period, on_step=on_step
        )
    return done, asked


def _show_run(done: "Run", *, as_json: bool) -> None:
    report = done.folder / "report.html"
    if as_json:
        there = report if report.exists() else None
        emit(summary_of(done, done.comparison, verdicts=own_verdicts(done), report=there))
    else:
        show_run(done, report=report)


def _show_backtests(done: "Run", asked: "Asked", *, as_json: bool) -> None:
    """Print the backtests of this command and what they say, and nothing of earlier ones."""
    from cryptonn.judging import verdicts_of

    table = asked.rows(done.comparison)
    verdicts = verdicts_of(done, asked)
    report = done.folder / "report.html"
    if as_json:
        there = report if report.exists() else None
        emit(summary_of(done, table, verdicts=verdicts, report=there))
    else:
        show_backtests(done, table, verdicts=verdicts, report=report)


COMMANDS = (run, train, backtest, compare, reproduce, report, predict, runs)
