"""The flow end to end: in pieces as at once, the same again from the same seed, and no look ahead."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cryptonn
from cryptonn.errors import ConfigError, DataError, StrategyError
from cryptonn.evaluation.baselines import logistic_baseline
from cryptonn.learning.rows import make_rows
from cryptonn.market.fitness import use_of
from cryptonn.market.source import load_market
from cryptonn.market.timerange import TimeRange
from cryptonn.pipeline import _baseline, backtest, open_run, predict, report, train
from cryptonn.runs import Run, read_facts
from tests.paper.forked_commands import Forks
from tests.test_records import equal
from tests.test_runs import same_runs
from tests.tiny_run import (
    TARGET,
    fill_store,
    hourly,
    scrambled,
    store_config,
    tiny_candles,
    tiny_config,
    write_run_file,
)

END_OF_TRAIN = pd.Timestamp("2018-01-05", tz="UTC")


def weights(run: Run) -> dict[str, np.ndarray]:
    with np.load(run.folder / "model" / "weights.npz") as kept:
        return dict(kept)


def same_weights(one: Run, other: Run) -> bool:
    first, second = weights(one), weights(other)
    return [*first] == [*second] and all(np.array_equal(first[key], second[key]) for key in first)


def period(run: Run, name: str) -> pd.DataFrame:
    return run.predictions[run.predictions["period"] == name]


# One command or several


AGAIN = """
import sys
from pathlib import Path
from cryptonn import pipeline
pipeline.train(pipeline.load_config(sys.argv[1]), results=Path(sys.argv[2]))
"""


def test_in_another_process_and_piece_by_piece_the_same_seed_gives_the_same(
    tiny: Run, forks: Forks, tmp_path: Path
) -> None:
    threads = {"TF_NUM_INTRAOP_THREADS": os.environ.get("TF_NUM_INTRAOP_THREADS", "0")}
    code, ended = forks.run(
        write_run_file(tmp_path, tiny.config), tmp_path, script=AGAIN, **threads
    )
    assert code == 0, ended.errors
    trained = open_run("tiny", results=tmp_path)
    assert same_weights(trained, tiny) and trained.comparison.empty
    backtest(open_run("tiny", results=tmp_path), strategies=["lstm_signal"])
    backtest(
        open_run("tiny", results=tmp_path), strategies=["buy_and_hold"], fees=["none", "maker"]
    )
    backtest(open_run("tiny", results=tmp_path), strategies=["random_entry", "buy_and_hold"])
    done = open_run("tiny", results=tmp_path)
    equal(done.predictions, tiny.predictions)
    key = ["period", "strategy", "fees"]
    equal(done.comparison.set_index(key).sort_index(), tiny.comparison.set_index(key).sort_index())
    assert repr(done.verdicts) == repr(tiny.verdicts)


def test_a_run_from_python_gives_tables(tiny: Run) -> None:
    run = tiny
    assert run.comparison["net_return"].notna().all()
    assert {"proba", "logistic", "label", "move", "tie", "signal", "period"} == set(run.predictions)
    assert run.backtests["unseen"][0].equity.index.equals(period(run, "unseen").index)
    same_runs(cryptonn.open_run("tiny", results=run.folder.parent), run)


def test_a_backtest_of_its_own_replaces_only_its_rows(results: Path, tiny: Run) -> None:
    done = backtest(
        open_run("tiny", results=results), strategies=["buy_and_hold"], fees=["maker", "7bp"]
    )
    assert len(done.comparison) == len(tiny.comparison) + 1
    same_runs(open_run("tiny", results=results), done)
    fees = done.comparison.groupby("strategy", sort=False)["fees"].agg(list)
    assert list(fees.index) == ["lstm_signal", "buy_and_hold", "random_entry"], (
        "the run's own strategy first"
    )
    assert fees["buy_and_hold"] == ["none", "7bp", "maker", "taker+slippage"], (
        "from the cheapest to the costliest"
    )
    found = [(result.strategy, result.fees) for result in done.backtests["unseen"]]
    assert found == list(done.comparison[["strategy", "fees"]].itertuples(index=False, name=None))


def test_a_fee_tried_later_does_not_turn_the_verdict(results: Path, tiny: Run) -> None:
    """One backtest at 1 bp once made a losing run "Pays at 1bp"."""
    done = backtest(open_run("tiny", results=results), strategies=["lstm_signal"], fees=["1bp"])
    assert "1bp" in set(done.comparison["fees"])
    assert done.verdicts["unseen"].headline == tiny.verdicts["unseen"].headline


def test_a_strategy_that_has_changed_takes_the_place_of_its_earlier_results(
    results: Path, tmp_path: Path
) -> None:
    """One name stands for one strategy: two fees of one file and one of another made one verdict."""
    path = tmp_path / "mine.py"
    path.write_text(Path("strategies/momentum.py").read_text())
    backtest(open_run("tiny", results=results), strategies=[str(path)], fees=["none", "maker"])
    same = backtest(open_run("tiny", results=results), strategies=[str(path)], fees=["1bp"])
    fees = same.comparison.groupby("strategy", sort=False)["fees"].agg(list)
    assert fees["mine"] == ["none", "1bp", "maker"]
    path.write_text(Path("strategies/contrarian.py").read_text())
    done = backtest(open_run("tiny", results=results), strategies=[str(path)], fees=["maker"])
    fees = done.comparison.groupby("strategy", sort=False)["fees"].agg(list)
    assert fees["mine"] == ["maker"] and len(fees["lstm_signal"]) == 3
    same_runs(open_run("tiny", results=results), done)


def test_a_stretch_traded_by_another_strategy_is_judged_by_that_one(results: Path) -> None:
    stretch = TimeRange.parse("20180105T1200-20180106T1200")
    done = backtest(
        open_run("tiny", results=results, period=stretch), strategies=["momentum"], period=stretch
    )
    assert done.leading(str(stretch)) == "momentum" and done.leading("unseen") == "lstm_signal"
    assert "trades" in done.verdicts[str(stretch)].sentences[-1]
    assert not any("network" in sentence for sentence in done.verdicts[str(stretch)].sentences)
    again = backtest(open_run("tiny", results=results), strategies=["lstm_signal"], fees=["maker"])
    assert list(again.backtests) == ["unseen", str(stretch)], (
        "further stretches come after those of the run file"
    )
    assert list(again.comparison["period"].unique()) == ["unseen", str(stretch)]
    same_runs(open_run("tiny", results=results), again)


def test_a_run_gives_one_backtest_by_name_and_is_short_in_a_notebook(tiny: Run) -> None:
    free = tiny.backtest("unseen")
    assert (free.strategy, free.fees) == ("lstm_signal", "none")
    assert tiny.backtest("unseen", fees="maker", strategy="buy_and_hold").fees == "maker"
    with pytest.raises(
        ConfigError,
        match="lstm_signal at 3bp did not trade unseen. Traded there: lstm_signal at none",
    ):
        tiny.backtest("unseen", fees="3bp")
    assert len(repr(tiny)) < 600 and tiny.verdicts["unseen"].headline in repr(tiny)
    assert len(repr(free)) < 200


def test_a_misspelt_strategy_is_found_before_training(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="Did you mean 'momentum'"):
        cryptonn.run(tiny_config(backtest={"compare": ["momentun"]}), results=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_random_entries_alone_still_match_the_trades_of_the_run(results: Path, tiny: Run) -> None:
    """Alone, random_entry made its default hundred trades instead of as many as the network."""
    done = backtest(open_run("tiny", results=results), strategies=["random_entry"], fees=["none"])
    trades = tiny.comparison.set_index(["strategy", "fees"])["trades"]
    found = done.comparison.set_index(["strategy", "fees"])["trades"]
    assert (
        found["random_entry", "none"]
        == trades["random_entry", "none"]
        == trades["lstm_signal", "none"]
    )


# The latest probability


def test_the_latest_probability_is_that_of_the_batch(tiny: Run) -> None:
    latest = predict(str(tiny.folder))
    last = period(tiny, "unseen").iloc[-1]
    assert latest["proba"] == pytest.approx(last["proba"], abs=1e-9)
    assert latest["time"] == "2018-01-06 23:59:00+00:00"
    assert latest["known_at"] == "2018-01-07 00:00:00+00:00"
    assert latest["signal"] == int(latest["proba"] >= tiny.enter)
    assert latest["enter"] == tiny.enter and latest["horizon"] == 5 and latest["symbol"] == TARGET


def test_of_windows_the_latest_probability_is_that_of_the_batch_and_the_baseline_sees_the_same(
    tmp_path: Path,
) -> None:
    """The batch starts weeks before; features with a long memory must not notice.

    The baseline's features are scaled within each window where the network's are.
    """
    config = store_config(
        fill_store(tmp_path / "data", tiny_candles(days=6)),
        data={"test": {"unseen": "20180105-20180106T1517"}},
        features={
            "columns": ["close", "volume"],
            "ta": ["trend_macd", "momentum_rsi"],
            "scaling": "window",
        },
        labels={"balance": "none"},
        training={"form": "windowed", "epochs": 1, "batch_size": 64},
    )
    trained = train(config, results=tmp_path)
    rows = make_rows(trained.frame, config)
    found = period(trained, "validation")["logistic"]
    same, other = (
        logistic_baseline(
            rows.features, rows.labels, rows.split, clip=config.features.limit, scaling=scaling
        ).loc[found.index]
        for scaling in ("window", "standard")
    )
    np.testing.assert_allclose(found, same, atol=1e-6)
    assert np.abs(found - other).max() > 0.01
    cut = {
        symbol: table[: pd.Timestamp("2018-01-06 15:16", tz="UTC")]
        for symbol, table in tiny_candles().items()
    }
    for path in (tmp_path / "data").rglob("*.*"):
        path.unlink()
    fill_store(tmp_path / "data", cut)
    last = period(trained, "unseen")["proba"]
    assert predict("tiny", results=tmp_path)["proba"] == pytest.approx(last.iloc[-1], abs=1e-6)


def test_the_latest_probability_of_long_bars_is_that_of_the_batch(tmp_path: Path) -> None:
    """A day was read to spare: 24 bars of an hour, fewer than MACD or ADX need to forget their start."""
    candles = hourly(tiny_candles(days=120))
    config = store_config(
        fill_store(tmp_path / "data", candles, timeframe="1h"),
        data={
            "timeframe": "1h",
            "train": "20180101-20180415",
            "test": {"unseen": "20180415-20180430"},
        },
        features={"ta": ["trend_macd_diff", "trend_adx", "trend_trix"]},
        training={"lookback": 24, "sequence": 48, "epochs": 1},
    )
    last = period(train(config, results=tmp_path), "unseen")["proba"]
    for hour in (5, 12, 23):
        end = pd.Timestamp("2018-04-20", tz="UTC") + pd.Timedelta(hours=hour)
        for path in (tmp_path / "data").rglob("*.*"):
            path.unlink()
        fill_store(
            tmp_path / "data",
            {symbol: table[:end] for symbol, table in candles.items()},
            timeframe="1h",
        )
        assert predict("tiny", results=tmp_path)["proba"] == pytest.approx(last[end], abs=1e-5), (
            hour
        )


def test_the_run_says_which_files_traded_and_when(tiny: Run) -> None:
    found = read_facts(tiny.folder)["traded"]["unseen"]
    assert set(found) == {"lstm_signal", "buy_and_hold", "random_entry"}
    content = Path("strategies/lstm_signal.py").read_bytes()
    assert found["lstm_signal"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["lstm_signal"]["at"] and "git_commit" in found["lstm_signal"]


def test_a_file_that_calls_itself_the_runs_strategy_is_refused(
    results: Path, tmp_path: Path
) -> None:
    """It once took the place of the run's own results and verdict."""
    stray = tmp_path / "lstm_signal.py"
    stray.write_text(Path("strategies/buy_and_hold.py").read_text())
    with pytest.raises(StrategyError, match="two strategies are called 'lstm_signal'"):
        backtest(open_run("tiny", results=results), strategies=[str(stray)])


def test_the_baseline_is_balanced_like_the_network() -> None:
    """With ties up most labels are ups: a baseline without weights would mostly say up, and lose to anything."""
    quiet = {"source": "synthetic", "synthetic": {"days": 6, "lead": 2.0, "quiet": 0.7}}
    share = {}
    for balance in ("weights", "none"):
        config = tiny_config(data=quiet, labels={"ties": "up", "balance": balance})
        frame = load_market(config.data, horizon=config.labels.horizon, use=use_of(config)).frame
        rows = make_rows(frame, config)
        held_out = _baseline(rows, config).iloc[rows.split.validation.start :]
        share[balance] = (held_out > 0.5).mean()
    assert share["weights"] < 0.75 < 0.9 < share["none"]


# A stretch of one's own


def test_a_stretch_inside_a_test_period_gives_the_same_signals(results: Path, tiny: Run) -> None:
    stretch = TimeRange.parse("20180105T1200-20180106T1800")
    done = backtest(
        open_run("tiny", results=results, period=stretch),
        strategies=["lstm_signal"],
        period=stretch,
    )
    own, batch = period(done, str(stretch)), period(tiny, "unseen")
    batch = batch.loc[own.index]
    assert len(own) == 30 * 60
    equal(own["proba"], batch["proba"])
    flat = int(
        (batch["signal"] == 0).to_numpy().argmax()
    )  # what was held when the stretch began is not known in it
    equal(own["signal"].iloc[flat:], batch["signal"].iloc[flat:])
    assert (own["signal"] != 0).sum() > 20
    assert (
        done.in_sample(str(stretch)) == ""
        and "IN-SAMPLE" not in done.verdicts[str(stretch)].headline
    )
    same_runs(open_run("tiny", results=results), done)


def test_stretches_the_network_was_fitted_to_or_beyond_the_run_file_are_reported(
    stored: Run, tmp_path: Path
) -> None:
    """The report failed on candles after the last test period: only those of the run file were loaded."""
    shutil.copytree(stored.folder, tmp_path / stored.folder.name)
    inside, beyond = map(
        TimeRange.parse, ("20180104T1200-20180105T1200", "20180106T0600-20180106T1800")
    )
    first = backtest(
        open_run("tiny", results=tmp_path, period=inside),
        strategies=["lstm_signal"],
        fees=["none", "taker"],
        period=inside,
    )
    headline = first.verdicts[str(inside)].headline
    assert headline.startswith(
        "IN-SAMPLE: 50% of these bars lie in the train range 20180101-20180105"
    )
    assert first.notes == (f"{inside}: {first.in_sample(str(inside))}",)
    assert open_run("tiny", results=tmp_path).notes == first.notes
    opened = open_run("tiny", results=tmp_path, period=beyond)
    done = backtest(opened, strategies=["lstm_signal"], fees=["none", "taker"], period=beyond)
    assert period(done, str(beyond))["proba"].notna().all()
    assert "IN-SAMPLE" not in done.verdicts[str(beyond)].headline
    again = open_run("tiny", results=tmp_path)
    same_runs(again, done)
    assert again.verdicts[str(inside)].headline == headline and again.notes == first.notes
    written = report(again).read_text()
    assert "IN-SAMPLE: 50% of these bars" in written and str(beyond) in written


def test_a_stretch_without_candles_is_refused(results: Path) -> None:
    stretch = TimeRange.parse("20190101-20190102")
    with pytest.raises(DataError, match="20190101-20190102"):
        backtest(open_run("tiny", results=results, period=stretch), period=stretch)


# No look ahead


@pytest.fixture(scope="module")
def from_store(once: Callable[..., Run], together: Path) -> Run:
    """A run trained on candles of a store."""
    folder = together / "from-store"
    return once(
        "from-store",
        lambda: train(
            store_config(fill_store(folder / "data", tiny_candles())), results=folder / "results"
        ),
    )


def test_candles_of_later_change_nothing_of_before(from_store: Run, tmp_path: Path) -> None:
    """Truncation: what was said before T does not depend on candles after T; the signal turns in the last bar left."""
    candles, whole = tiny_candles(), from_store
    signal = whole.predictions["signal"]
    turns = signal.index[(signal != 0) & (signal.shift(1) == 0)]
    time = turns[turns > pd.Timestamp("2018-01-06 10:37", tz="UTC")][0] + pd.Timedelta(minutes=1)
    until = f"{time:%Y%m%dT%H%M}"
    cut = {symbol: table[table.index < time] for symbol, table in candles.items()}
    short_config = store_config(
        fill_store(tmp_path / "cut", cut), data={"test": {"unseen": f"20180105-{until}"}}
    ).model_copy(update={"name": "short"})
    short = train(short_config, results=tmp_path)
    before = whole.predictions.loc[whole.predictions.index < time]
    assert len(short.predictions) == len(before)
    for name in ("proba", "logistic"):
        np.testing.assert_allclose(short.predictions[name], before[name], rtol=0, atol=1e-6)
    equal(short.predictions["signal"], before["signal"])
    assert short.predictions["signal"].iloc[-1] != 0
    assert (before["signal"] != 0).sum() > 50
    assert short.enter == whole.enter


def test_nothing_of_the_test_period_reaches_the_fit(from_store: Run, tmp_path: Path) -> None:
    """Candles after the train range replaced by noise: same weights, threshold and validation to the bit."""
    candles = tiny_candles()
    noise = {symbol: scrambled(table, since=END_OF_TRAIN) for symbol, table in candles.items()}
    real = from_store
    config = store_config(fill_store(tmp_path / "noise", noise)).model_copy(
        update={"name": "noise"}
    )
    other = train(config, results=tmp_path)
    assert same_weights(other, real) and other.enter == real.enter
    same = ["proba", "logistic", "signal", "label", "move", "tie"]
    equal(period(other, "validation")[same], period(real, "validation")[same])
    equal(other.history.drop(columns="seconds"), real.history.drop(columns="seconds"))
    assert repr(other.assessments["validation"]) == repr(real.assessments["validation"])
    assert not period(other, "unseen")["proba"].equals(period(real, "unseen")["proba"])


def test_the_scaler_and_the_fit_see_the_train_rows_alone(stored: Run, tmp_path: Path) -> None:
    """Of validation only the choice of the epoch may depend: with one epoch nothing of it reaches the network."""
    first = pd.Timestamp(
        "2018-01-04 14:24", tz="UTC"
    )  # of the validation rows: the last tenth of four days
    noise = {symbol: scrambled(table, since=first) for symbol, table in tiny_candles().items()}
    data = stored.config.data.model_copy(update={"folder": fill_store(tmp_path / "noise", noise)})
    other = train(stored.config.model_copy(update={"data": data}), results=tmp_path)
    assert stored.config.training.epochs == 1
    assert period(stored, "validation").index[0] == first
    assert not period(other, "validation")["proba"].equals(period(stored, "validation")["proba"])
    assert same_weights(other, stored)
    model = (
        (stored.folder / "model" / "model.json").read_text(),
        (other.folder / "model" / "model.json").read_text(),
    )
    assert model[0].split('"config"')[0] == model[1].split('"config"')[0], "scaler"


# What was planted is found, and no more


def market_run(lead: float, *, days: int, epochs: int, results: Path, market: int = 7) -> Run:
    return train(
        tiny_config(
            data={
                "synthetic": {"days": days, "lead": lead, "seed": market},
                "train": f"20180101-201801{days - 3:02d}",
                "test": {"unseen": f"201801{days - 3:02d}-"},
            },
            network={"layers": [16], "dense": 16},
            training={
                "lookback": 30,
                "sequence": 200,
                "epochs": epochs,
                "batch_size": 16,
                "learning_rate": 5e-3,
            },
            report={"resamples": 200},
        ),
        results=results,
    )


def test_nothing_is_found_in_the_null_market(tmp_path: Path) -> None:
    """The interval misses 50 % once in twenty times by chance, one half as wide again once in three hundred."""
    run = market_run(0.0, days=12, epochs=2, results=tmp_path, market=1)
    found = run.assessments["unseen"]["network"].metrics
    low, high = found["accuracy_on_moves_low"], found["accuracy_on_moves_high"]
    assert run.facts["best_possible_accuracy"]["unseen"] == pytest.approx(0.5, abs=1e-9)
    assert high - low < 0.05, "else the test says nothing"
    assert abs((low + high) / 2 - 0.5) <= 1.5 * (high - low) / 2


def test_the_planted_lead_is_found(tmp_path: Path) -> None:
    run = market_run(2.0, days=24, epochs=5, results=tmp_path)
    best = run.facts["best_possible_accuracy"]["unseen"]
    found = run.assessments["unseen"]["network"].metrics["accuracy_on_moves"]
    assert best > 0.63
    assert best - 0.03 <= found <= best + 0.02


def test_a_run_that_was_interrupted_says_so(tiny: Run) -> None:
    stopped = replace(tiny, facts=tiny.facts | {"interrupted": True, "best_epoch": 1})
    assert stopped.notes == (
        "Training was interrupted: the network is that of epoch 1, the best so far.",
    )
    assert tiny.notes == ()
