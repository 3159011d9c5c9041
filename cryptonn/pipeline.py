"""The whole flow, one line a stage: start reading here.

    candles → frame → features + labels → windows → network → probability
    → signal → orders, fills → returns → report

``train`` publishes a run folder, ``backtest`` adds trades to it, ``report`` turns it into
one HTML file; ``run`` does all three. What needs the network is imported where it is used:
a backtest or a report does without TensorFlow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cryptonn import published
from cryptonn.catalog import find_run
from cryptonn.config import RunConfig, load_config
from cryptonn.errors import ConfigError, CryptonnError, DataError, InterruptedFit
from cryptonn.evaluation.baselines import logistic_baseline
from cryptonn.facts import run_facts, with_traded
from cryptonn.heldout import (
    assess_periods,
    forecast_periods,
    forecast_scores,
    predict_periods,
    with_signal,
)
from cryptonn.judging import asked_for, judged, trade_period, without_outdated
from cryptonn.latest import predict
from cryptonn.learning.features import make_features
from cryptonn.learning.labels import balance_weights, make_labels
from cryptonn.learning.rows import Rows, make_rows
from cryptonn.market.candles import Frame
from cryptonn.market.fitness import use_of
from cryptonn.market.source import Market, load_market
from cryptonn.market.timerange import TimeRange
from cryptonn.output import whole_folder
from cryptonn.preflight import (
    check_room,
    check_rows,
    check_settings,
    check_starts,
    check_traders,
    room_needed,
)
from cryptonn.progress import OnStep, Step, silent
from cryptonn.published import check_reproduction, published_claim
from cryptonn.reporting.html import write_report
from cryptonn.runs import (
    RESULTS,
    Run,
    check_same_candles,
    is_waiting,
    load_run,
    new_folder,
    read_fit,
    read_run_config,
    read_start,
    save_backtests,
    save_fit,
    save_published,
    save_training,
)
from cryptonn.trading.result import BacktestResult
from cryptonn.trading.signals import entry_threshold
from cryptonn.trading.strategies import strategy_files
from cryptonn.units import counted

if TYPE_CHECKING:
    from cryptonn.learning.prediction import FittedModel

__all__ = [
    "backtest",
    "open_run",
    "predict",
    "report",
    "reproduce",
    "run",
    "run_config",
    "train",
]


def run(
    source: RunConfig | Path | str, *, results: Path = RESULTS, on_step: OnStep = silent
) -> Run:
    """Do the whole job of a run file: train, validate, backtest with and without fees, report.

    Parameters
    ----------
    source
        A run file, or its configuration.
    results
        Folder that gets the run's folder.
    on_step
        Called with a ``Step`` whenever there is something to show.

    Raises
    ------
    CryptonnError
        If something the user can mend is wrong; nothing half-done is left behind.
    """
    config = source if isinstance(source, RunConfig) else load_config(source)
    trained = train(config, results=results, on_step=on_step)
    on_step(
        Step(
            "trained",
            1.0,
            f"{trained.folder}; `cryptonn backtest` and `report` can go on from here",
        )
    )
    done = backtest(trained, on_step=on_step)
    if config.published is not None:
        try:
            done = reproduce(done, on_step=on_step)
        except InterruptedFit:
            on_step(
                Step(
                    "published",
                    1.0,
                    f"stopped; the run is whole, and `cryptonn reproduce {done.name}` does it",
                )
            )
    report(done, on_step=on_step)
    return done


def train(config: RunConfig, *, results: Path = RESULTS, on_step: OnStep = silent) -> Run:
    """Fit the network on the train rows, judge it on validation and test,
    and publish the run's folder.

    What can be known to fail is found before anything is trained.
    Should it fail afterwards nevertheless, the trained network stays in the run's folder,
    and ``open_run`` goes on from there.
    """
    started = datetime.now(UTC)
    check_settings(config)
    folder = new_folder(results, config.name, started)
    with whole_folder(folder) as partial:
        on_step(Step("candles", text=f"{', '.join(config.data.symbols)}, {config.data.source}"))
        market = load_market(
            config.data,
            horizon=config.labels.horizon,
            use=use_of(config),
            now=pd.Timestamp(started),
        )
        rows = make_rows(market.frame, config)
        _check_before_fit(market.frame, rows, config, place=partial)
        on_step(Step("baseline", text="a logistic regression on the same rows"))
        baseline = _baseline(rows, config)
        model, history = _fit(rows, config, log_dir=partial / "tensorboard", on_step=on_step)
        if history["interrupted"].any():
            on_step(
                Step(
                    "stopped",
                    text="the best epoch so far is kept and the run goes on; Ctrl-C again ends it",
                )
            )
        model.save(partial / "model")
        save_fit(partial, config, history, started=started, data=market.facts)
    fitted = _Fitted(folder, config, market, model, history, started)
    try:
        return _judge(fitted, rows, baseline, on_step=on_step)
    except CryptonnError as error:
        kept = f"The trained network is kept: `cryptonn backtest {folder.name}` goes on from there."
        raise type(error)(f"{error} {kept}") from error


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A trained network in its folder, before it is judged."""

    folder: Path
    config: RunConfig
    market: Market
    model: "FittedModel"
    history: pd.DataFrame
    started: datetime


def _check_before_fit(frame: Frame, rows: Rows, config: RunConfig, *, place: Path) -> None:
    """Refuse what would fail after the training: the disk, rows, strategies,
    the published evaluation.
    """
    check_room(place, needed=room_needed(rows, config))
    check_rows(rows, config)
    check_starts(frame, config)
    if config.published is not None and config.published.reproduce:
        check_reproduction(config, _published_frame(config, frame))


def _judge(fitted: _Fitted, rows: Rows, baseline: pd.Series, *, on_step: OnStep) -> Run:
    """Judge a trained network on validation and test, and make its folder a run."""
    config = fitted.config
    model = fitted.model
    on_step(Step("validate", text=f"{', '.join(rows.held_out)}, beside a logistic regression"))
    predictions = predict_periods(
        model, rows.features, rows.labels, rows.held_out, close=rows.close
    )
    predictions["logistic"] = baseline
    forecasts = forecast_periods(model, rows.features, rows.roles, close=rows.close)
    enter = entry_threshold(
        config.signal, predictions.loc[predictions["period"] == "validation", "proba"]
    )
    facts = run_facts(
        config,
        fitted.market,
        rows,
        history=fitted.history,
        predictions=predictions,
        started=fitted.started,
    )
    done = Run(
        folder=fitted.folder,
        config=config,
        facts={"enter": enter, **facts},
        frame=fitted.market.frame,
        predictions=with_signal(predictions, config, enter=enter),
        history=fitted.history,
        assessments=assess_periods(predictions, config),
        forecasts=forecasts,
        forecast_scores=forecast_scores(forecasts, config),
    )
    save_training(done)
    return done


def _judge_now(folder: Path, config: RunConfig, market: Market, *, on_step: OnStep) -> Run:
    """Judge a network whose training ended before it was judged; see ``train``."""
    from cryptonn.learning.prediction import load_model

    history, started, data = read_fit(folder)
    check_same_candles(folder, data, market.facts)
    rows = make_rows(market.frame, config)
    fitted = _Fitted(folder, config, market, load_model(folder / "model"), history, started)
    return _judge(fitted, rows, _baseline(rows, config), on_step=on_step)


def backtest(
    run: Run,
    *,
    strategies: Iterable[str] = (),
    fees: Sequence[str] = (),
    period: TimeRange | None = None,
    on_step: OnStep = silent,
) -> Run:
    """Trade a trained run, judge it, and add the results to its folder.

    Parameters
    ----------
    strategies
        Names or paths; by default the run's strategy and those it is compared with.
    fees
        Cost scenarios; by default those of the run file.
    period
        Stretch to trade; by default the run's test periods.
    """
    now = datetime.now(UTC)
    asked = asked_for(run.config, strategies=strategies, fees=fees, period=period)
    check_traders(run.config, asked)
    own = [run.config.backtest.strategy] if run.strategy in asked.names else []
    files = strategy_files([*own, *asked.strategies])
    if period is not None:
        run = _with_period(run, period)
    names = asked.periods
    run = without_outdated(run, names, files)
    for place, name in enumerate(names):

        def on_result(result: BacktestResult, *, place: int = place, name: str = name) -> None:
            on_step(
                Step("backtest", place / len(names), f"{name}: {result.strategy}, {result.fees}")
            )

        traders = [str(files[one]) for one in asked.names]
        results = trade_period(run, name, traders, asked.fees, on_result=on_result)
        run = judged(run, name, results)
    run = replace(run, facts=with_traded(run.facts, periods=names, files=files, traded=now))
    save_backtests(run)
    return run


def reproduce(run: Run, *, on_step: OnStep = silent) -> Run:
    """Repeat the published evaluation that a run is compared with, leaks included,
    and keep its numbers beside it.

    It may take hours. One that was killed, or interrupted, goes on after its newest epoch.

    Raises
    ------
    ConfigError
        If the run file has no section ``[published]``.
    """
    config = run.config
    if config.published is None:
        raise ConfigError(
            f"{run.name}: its file has no section [published], so there is nothing to reproduce."
        )
    record = published_claim(config)
    history = None
    standing = run.folder / "published.npz"
    if config.published.reproduce:
        from cryptonn.learning.checkpoint import Checkpoint

        epochs = config.as_published().training.epochs
        own = f"{counted(epochs, 'epoch')} of the earlier system's own training"
        on_step(Step("published", text=f"{own}; Ctrl-C keeps the run"))
        found = published.reproduce(
            config,
            _published_frame(config, run.frame),
            on_epoch=lambda epoch: on_step(Step("published", epoch.epoch / epochs, str(epoch))),
            on_progress=lambda epoch, share: on_step(
                Step("published", (epoch - 1 + share) / epochs)
            ),
            checkpoint=Checkpoint(standing),
        )
        record = found.record(config)
        history = found.history
    save_published(run.folder, record, history)
    if history is None or not history["interrupted"].any():  # after Ctrl-C the same command goes on
        standing.unlink(missing_ok=True)
    return replace(run, published=record)


def report(run: Run, *, on_step: OnStep = silent) -> Path:
    """Write the HTML report of a run into its folder and return its path."""
    return write_report(run, run.folder, on_step=on_step)


def run_config(name: str, *, results: Path = RESULTS) -> RunConfig:
    """Return the resolved run file of a run.

    Raises
    ------
    ConfigError
        If there is no such run.
    """
    return read_run_config(find_run(name, results=results))


def open_run(
    name: str,
    *,
    results: Path = RESULTS,
    period: TimeRange | None = None,
    data: Path | None = None,
    on_step: OnStep = silent,
) -> Run:
    """Read a run from disk, with the candles it was made from, and those of ``period`` besides.

    ``data`` is the folder of the candles where it is no longer the one the run was made with.
    A network whose training ended before it was judged is judged now; ``on_step`` is told.

    Raises
    ------
    ConfigError
        If there is no such run.
    DataError
        If the candles are no longer there, or no longer the same.
    """
    folder = find_run(name, results=results)
    config = read_run_config(folder)
    if data is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"folder": data})})
    started = read_start(folder)
    horizon = config.labels.horizon
    market = load_market(config.data, horizon=horizon, use=use_of(config), now=started)
    if is_waiting(folder):
        opened = _judge_now(folder, config, market, on_step=on_step)
    else:
        opened = load_run(folder, config=config, frame=market.frame)
        check_same_candles(folder, opened.facts["data"], market.facts)
    further = opened.added | ({} if period is None else {str(period): period})
    if not further:
        return opened
    return replace(opened, frame=_wider_frame(config, further, now=pd.Timestamp.now("UTC")))


def _wider_frame(config: RunConfig, further: dict[str, TimeRange], *, now: pd.Timestamp) -> Frame:
    """Return the candles of the run and of stretches that its file does not name."""
    data = config.data
    starts = [period.start for period in (data.train, *further.values())]
    start = None if None in starts else min(start for start in starts if start is not None)
    wider = {"train": TimeRange(start, data.train.end), "test": data.test | further}
    wide = data.model_copy(update=wider)
    return load_market(wide, horizon=config.labels.horizon, use=use_of(config), now=now).frame


def _fit(
    rows: Rows, config: RunConfig, *, log_dir: Path, on_step: OnStep
) -> tuple["FittedModel", pd.DataFrame]:
    from cryptonn.learning.training import Hooks, fit_model

    epochs = config.training.epochs
    on_step(Step("train", 0.0, f"{counted(epochs, 'epoch')}; Ctrl-C keeps the best so far"))
    hooks = Hooks(
        on_epoch=lambda epoch: on_step(Step("train", epoch.epoch / epochs, str(epoch))),
        on_progress=lambda epoch, share: on_step(Step("train", (epoch - 1 + share) / epochs)),
        log_dir=log_dir,
    )
    return fit_model(rows.features, rows.labels, rows.split, config, close=rows.close, hooks=hooks)


def _published_frame(config: RunConfig, frame: Frame) -> Frame:
    """Return the candles the earlier system saw: the run's own, unless
    ``[published.settings.data]`` differs.
    """
    earlier = config.as_published()
    if earlier.data == config.data.model_copy(update={"test": {}}):
        return frame
    horizon = config.labels.horizon
    return load_market(earlier.data, horizon=horizon, use=use_of(earlier)).frame


def _baseline(rows: Rows, config: RunConfig) -> pd.Series:
    """Return P(up) of a logistic regression fitted to the same rows, balanced the same way."""
    train = rows.labels["label"].iloc[rows.split.train]
    weights = balance_weights(train, balance=config.labels.balance, seed=config.seed)
    wanted = config.features
    return logistic_baseline(
        rows.features,
        rows.labels,
        rows.split,
        clip=wanted.limit,
        scaling=wanted.scaling,
        weights=weights,
    )


def _with_period(run: Run, period: TimeRange) -> Run:
    """Predict and judge a stretch that the run file does not name."""
    from cryptonn.learning.prediction import load_model

    config = run.config
    target = run.config.data.target
    close = run.frame.candles(target)["close"]
    labels = make_labels(close, horizon=config.labels.horizon, ties=config.labels.ties)
    features = make_features(run.frame, target=target, config=config.features)
    bars = period.select(features)
    if bars.empty:
        raise DataError(
            f"There is no candle in {period}. `cryptonn list-data` shows what is stored."
        )
    start = int(features.index.searchsorted(bars.index[0]))
    model = load_model(run.folder / "model")
    rows = {str(period): slice(start, start + len(bars))}
    found = predict_periods(model, features, labels, rows, close=close)
    found = with_signal(found.assign(logistic=float("nan")), config, enter=run.enter)
    others = run.predictions[run.predictions["period"] != str(period)]
    run = _with_forecasts(run, forecast_periods(model, features, rows, close=close))
    assessments = run.assessments | assess_periods(found, config)
    return replace(run, predictions=pd.concat([others, found]), assessments=assessments)


def _with_forecasts(run: Run, found: pd.DataFrame | None) -> Run:
    if found is None or run.forecasts is None:
        return run
    others = run.forecasts[~run.forecasts["role"].isin(found["role"])]
    scores = run.forecast_scores | forecast_scores(found, run.config)
    return replace(run, forecasts=pd.concat([others, found]), forecast_scores=scores)
