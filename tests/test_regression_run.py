"""A regression as a whole run: forecasts kept, traded as probabilities, and asked for the next price."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cryptonn.cli.prediction import prediction_words
from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, DataError, ExchangeError
from cryptonn.learning.prediction import load_model
from cryptonn.market.store.candle_store import Store
from cryptonn.market.timerange import TimeRange
from cryptonn.pipeline import backtest, open_run, predict, train
from cryptonn.runs import Run
from tests.autoregression import COIN, returning, trending
from tests.market.binance_server import BinanceServer, ToServer, serving
from tests.test_records import equal
from tests.test_runs import same_runs
from tests.tiny_run import fill_store, tiny_config

ROWS = 3000
CANDLES = returning(ROWS)
UNTIL = "20180506"
"""The test period ends with the stored candles: 125 days of hours."""


def regression(folder: Path, *, kind: str = "price", **sections: dict[str, object]) -> RunConfig:
    """A run on hourly candles in a store."""
    given: dict[str, dict[str, object]] = {
        "data": {
            **{
                "source": "store",
                "folder": str(folder),
                "target": COIN,
                "others": [],
                "timeframe": "1h",
            },
            **{"train": "20180101-20180401", "test": {"later": f"20180401-{UNTIL}"}},
        },
        "features": {"columns": ["close" if kind == "price" else "log_return"], "clip": 0},
        "labels": {"kind": kind, "horizon": 1},
        "split": {"validation": 0.2},
        "network": {"output": "linear", "normalization": "none"},
        "training": {
            "lookback": 10,
            "sequence": 48,
            "epochs": 6,
            "batch_size": 4,
            "loss": "mse",
            "averaging": 0.8,
        },
        "backtest": {"compare": ["buy_and_hold"], "fees": ["none", "taker"]},
        "signal": {"enter": "top 20%"},
    }
    merged = {name: given.get(name, {}) | sections.get(name, {}) for name in given | sections}
    return tiny_config(name="prices", **merged)


def stored(folder: Path, candles: pd.DataFrame = CANDLES) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return fill_store(folder, {COIN: candles}, timeframe="1h")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run, from candles to trades; leave it as it is."""
    place = tmp_path_factory.mktemp("regression")
    return backtest(train(regression(stored(place / "data")), results=place / "results"))


@pytest.fixture
def results(made: Run, tmp_path: Path) -> Path:
    """A copy of its folder, to do with as one likes."""
    shutil.copytree(made.folder, tmp_path / "results" / made.folder.name)
    return tmp_path / "results"


def csv(path: Path, candles: pd.DataFrame) -> Path:
    rows = candles.assign(timestamp=[int(time.timestamp()) for time in candles.index])
    rows.to_csv(path, index=False, columns=["timestamp", *candles.columns])
    return path


# What a run keeps


def test_forecasts_and_scores_are_kept_and_read_back(made: Run) -> None:
    assert made.forecasts is not None
    assert (
        list(made.forecasts["role"].unique())
        == ["train", "validation", "later"]
        == [*made.forecast_scores]
    )
    assert made.forecast_scores["later"]["rmse_ratio"] < 0.95
    opened = open_run(str(made.folder))
    same_runs(opened, made)
    equal(opened.forecasts, made.forecasts)
    assert repr(opened.forecast_scores) == repr(made.forecast_scores)
    metrics = json.loads((made.folder / "metrics.json").read_text())
    assert metrics["forecasts"]["later"]["rmse"] == made.forecast_scores["later"]["rmse"]


def test_what_is_traded_follows_from_the_forecast(made: Run) -> None:
    """P(up) above one half where the price is forecast higher, in the same order; and it trades."""
    assert made.forecasts is not None
    model = load_model(made.folder / "model")
    assert model.regression is not None
    rows = made.predictions[made.predictions["period"] == "later"]
    forecasts = made.forecasts[made.forecasts["role"] == "later"]
    moves = np.log(forecasts["predicted"] / forecasts["close"]).to_numpy()
    np.testing.assert_allclose(
        rows["proba"], model.regression.proba(moves), atol=1e-6
    )  # single precision, twice
    assert (rows["proba"].to_numpy() > 0.5).tolist() == (moves > 0).tolist()
    assert made.assessments["later"]["network"].metrics["accuracy_on_moves"] > 0.6
    assert made.assessments["later"]["logistic"].metrics["accuracy_on_moves"] > 0.6, (
        "the baseline stays beside it"
    )
    free = made.backtest("later")
    assert len(free.fills) > 20 and free.equity.iloc[-1] > free.equity.iloc[0]
    assert made.backtest("later", fees="taker").equity.iloc[-1] < free.equity.iloc[-1]


def test_a_classifier_keeps_no_forecasts(tiny: Run) -> None:
    assert tiny.forecasts is None and tiny.forecast_scores == {}
    assert not list(tiny.folder.glob("forecast*"))


def test_a_stretch_of_ones_own_is_forecast_too(results: Path) -> None:
    stretch = TimeRange.parse("20180410-20180420")
    done = backtest(
        open_run("prices", results=results, period=stretch),
        strategies=["lstm_signal"],
        period=stretch,
    )
    assert done.forecasts is not None
    own = done.forecasts[done.forecasts["role"] == str(stretch)]
    batch = done.forecasts[done.forecasts["role"] == "later"].loc[own.index]
    equal(own.drop(columns="role"), batch.drop(columns="role"))
    assert done.forecast_scores[str(stretch)]["rows"] == 240
    again = backtest(
        open_run("prices", results=results, period=stretch),
        strategies=["lstm_signal"],
        period=stretch,
    )
    same_runs(open_run("prices", results=results), again)
    equal(again.forecasts, done.forecasts)


def test_a_forecast_file_that_is_damaged(results: Path) -> None:
    (folder,) = results.iterdir()
    (folder / "forecasts.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"forecasts\.parquet: cannot be read"):
        open_run("prices", results=results)


def test_forecasts_that_were_cut_are_noted(made: Run) -> None:
    assert made.notes == ()
    assert made.forecasts is not None
    wild = made.forecasts.assign(
        predicted=made.forecasts["predicted"].where(made.forecasts["role"] != "later", 3.0)
    )
    (note,) = replace(made, forecasts=wild).notes
    assert "forecasts lay below a hundredth" in note


@pytest.fixture(scope="module")
def of_returns(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of another kind, form and horizon; leave it as it is."""
    place = tmp_path_factory.mktemp("returns")
    windowed = {"form": "windowed", "batch_size": 64, "epochs": 4}
    data = stored(place / "data", trending(ROWS))
    wanted = regression(data, kind="return", labels={"horizon": 2}, training=windowed)
    return backtest(train(wanted, results=place / "results"), strategies=["lstm_signal"])


def test_a_run_of_returns_has_forecasts_in_price_units(of_returns: Run, tmp_path: Path) -> None:
    done = of_returns
    assert done.forecasts is not None
    assert (done.forecasts["predicted"] / done.forecasts["close"]).dropna().between(0.9, 1.1).all()
    assert done.forecasts["actual"].isna().sum() == 2, "the candles end"
    assert done.forecast_scores["later"]["rmse_ratio"] < 0.95
    assert done.verdicts["later"].headline
    said = predict(str(done.folder))
    assert said["forecast"]["at"] == str(pd.Timestamp(said["known_at"]) + pd.Timedelta(hours=2)), (
        "two bars ahead"
    )


# The next price


def test_the_next_price_is_that_of_the_batch(made: Run) -> None:
    assert made.forecasts is not None
    said, last = predict(str(made.folder)), made.forecasts.iloc[-1]
    forecast = said["forecast"]
    assert said["time"] == "2018-05-05 23:00:00+00:00" == str(made.forecasts.index[-1])[:25]
    assert (said["known_at"], forecast["at"]) == (
        "2018-05-06 00:00:00+00:00",
        "2018-05-06 01:00:00+00:00",
    )
    assert forecast["price"] == pytest.approx(last["predicted"], rel=1e-9)
    assert forecast["persistence"] == last["close"]
    assert forecast["move"] == pytest.approx(last["predicted"] / last["close"] - 1, abs=1e-9)
    assert forecast["low"] < forecast["price"] < forecast["high"]
    assert said["proba"] == pytest.approx(made.predictions["proba"].iloc[-1], abs=1e-9)
    assert (said["proba"] > 0.5) == (forecast["move"] > 0)
    assert said["timeframe"] == "1h" and said["horizon"] == 1


@pytest.mark.parametrize(
    ("now", "bars"), [("2018-05-06 00:59", 0), ("2018-05-06 03:00", 3), ("2018-05-07 01:10", 25)]
)
def test_how_old_the_newest_candle_is(made: Run, now: str, bars: int) -> None:
    said = predict(str(made.folder), now=pd.Timestamp(now, tz="UTC"))
    assert said["stale_bars"] == bars
    stale = [sentence for sentence in prediction_words(said) if sentence.startswith("STALE: ")]
    assert len(stale) == (bars > 3) and all("25 bars of 1h ago" in sentence for sentence in stale)
    assert predict(str(made.folder))["stale_bars"] is None, "nobody knows"


def test_the_interval_held_19_of_20_validation_prices(made: Run) -> None:
    assert made.forecasts is not None
    regression = load_model(made.folder / "model").regression
    assert regression is not None
    rows = made.forecasts[made.forecasts["role"] == "validation"].dropna()
    low, high = np.array([regression.interval(price) for price in rows["predicted"]]).T
    assert rows["actual"].between(low, high).mean() == pytest.approx(0.95, abs=0.005)


def test_other_files_are_read_where_they_are_given(made: Run, tmp_path: Path) -> None:
    """Thirty rows of a file are enough, and say what the same candles say in the store."""
    end = pd.Timestamp("2018-04-20 12:00", tz="UTC")
    newer = csv(tmp_path / "newest.csv", CANDLES[:end].iloc[-60:])
    found = predict(str(made.folder), files=[str(newer)])
    assert made.forecasts is not None
    last = made.forecasts[made.forecasts["role"] == "later"].loc[end]
    assert found["time"] == str(end)
    assert found["forecast"]["price"] == pytest.approx(last["predicted"], rel=1e-6)
    assert predict(str(made.folder), files=[f"{COIN}={newer}"]) == found


def test_prices_nowhere_near_those_it_was_trained_on_are_pointed_out(
    made: Run, results: Path, tmp_path: Path
) -> None:
    """A file of another coin was taken for the run's own without a word."""
    seen = CANDLES["close"]["2018-01-01":"2018-03-31"]  # type: ignore[misc]
    for factor, words in ((2.9, 0), (1 / 2.9, 0), (3.5, 1), (1 / 3.5, 1)):
        close = seen.max() * factor if factor > 1 else seen.min() * factor
        prices = ["open", "high", "low", "close"]
        other = CANDLES.iloc[-60:].copy()
        other[prices] *= close / other["close"].iloc[-10:].agg("max" if factor > 1 else "min")
        found = predict(str(made.folder), files=[str(csv(tmp_path / "other.csv", other))])
        said = [
            sentence
            for sentence in prediction_words(found)
            if sentence.startswith("FAR OFF: ETH/USDT closed at ")
        ]
        assert len(said) == len(found["far"]) == words
        if words:
            assert found["far"][COIN] == pytest.approx(
                {"close": close, "low": seen.min(), "high": seen.max()}
            )
            assert "Are these candles of another coin" in said[0]
    run = results / made.folder.name / "run.json"
    run.write_text(
        json.dumps(
            {name: fact for name, fact in json.loads(run.read_text()).items() if name != "closes"}
        )
    )
    older = predict(made.folder.name, results=results, files=[str(tmp_path / "other.csv")])
    assert older["far"] == {}, "a run of before the range was kept says nothing"


def test_another_folder_is_read_where_it_is_given(made: Run, tmp_path: Path) -> None:
    end = pd.Timestamp("2018-04-20 12:00", tz="UTC")
    found = predict(str(made.folder), folder=stored(tmp_path / "moved", CANDLES[:end]))
    assert found["time"] == str(end)


@pytest.mark.parametrize("rows", [2, 9])
def test_fewer_candles_than_the_network_looks_back(made: Run, tmp_path: Path, rows: int) -> None:
    short = csv(tmp_path / "short.csv", CANDLES.iloc[:rows])
    with pytest.raises(
        DataError,
        match=rf"{rows} candles? of ETH/USDT 1h, 2018-01-01 00:00Z to .* too few: .* over 10\.",
    ):
        predict(str(made.folder), files=[str(short)])


def test_candles_that_the_features_use_up(of_returns: Run, tmp_path: Path) -> None:
    made = of_returns
    enough, short = (csv(tmp_path / f"{rows}.csv", CANDLES.iloc[:rows]) for rows in (11, 10))
    assert predict(str(made.folder), files=[str(enough)])["forecast"]["price"] > 0
    with pytest.raises(
        DataError, match="10 candles .* over 10 after those in which the features have no value yet"
    ):
        predict(str(made.folder), files=[str(short)])


def test_a_file_for_no_symbol_of_the_run(made: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the run has no XRP/USD; it reads ETH/USDT"):
        predict(str(made.folder), files=[f"XRP/USD={tmp_path / 'x.csv'}"])
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        predict(str(made.folder), files=["nowhere.csv"])


def test_a_synthetic_run_has_no_newer_candles(tiny: Run, tmp_path: Path) -> None:
    for places in (
        {"files": ["x.csv"]},
        {"download": "binance", "now": pd.Timestamp("2018-02-01", tz="UTC")},
    ):
        with pytest.raises(ConfigError, match="the run's market is synthetic"):
            predict(str(tiny.folder), **places)


# Fetched now

NOW = pd.Timestamp("2018-05-07 10:17", tz="UTC")
SERVED = returning(ROWS + 34)
"""The same candles as in the store, and 34 hours more; the last has not closed."""


@pytest.fixture
def transport() -> Iterator[ToServer]:
    with serving(BinanceServer({COIN: SERVED}, now=NOW)) as adapter:
        yield adapter


def fetched(name: str, transport: ToServer, **options: object) -> dict[str, object]:
    settings = {
        "download": "binance",
        "now": NOW,
        "transport": transport,
        "sleep": lambda seconds: None,
    }
    return predict(name, **{**settings, **options})  # type: ignore[arg-type]


def test_the_newest_closed_candles_are_fetched_and_kept(
    made: Run, tmp_path: Path, transport: ToServer
) -> None:
    assert SERVED.iloc[: len(CANDLES)].equals(CANDLES)
    folder = stored(tmp_path / "data")
    found = fetched(str(made.folder), transport, folder=folder)
    assert found["time"] == "2018-05-07 09:00:00+00:00", "the bar of 10:00 has not closed"
    assert found["forecast"]["at"] == "2018-05-07 11:00:00+00:00"
    assert found["forecast"]["persistence"] == pytest.approx(SERVED["close"].loc[found["time"]])
    kept = Store(folder).read(COIN, timeframe="1h", exchange="binance")
    assert str(kept.index[-1]) == found["time"]
    whole = predict(
        str(made.folder), files=[str(csv(tmp_path / "all.csv", SERVED[: str(found["time"])]))]
    )
    assert found["forecast"]["price"] == pytest.approx(whole["forecast"]["price"], rel=1e-6)


def test_a_run_of_files_forgets_what_it_fetched(
    made: Run, tmp_path: Path, transport: ToServer
) -> None:
    files = {"source": "files", "files": {COIN: [csv(tmp_path / "eth.csv", CANDLES).name]}}
    folder = shutil.copytree(made.folder, tmp_path / "results" / made.folder.name)
    (folder / "config.toml").write_text(regression(tmp_path, data=files).to_toml())
    assert open_run(str(folder)).config.data.source == "files"
    before = sorted(tmp_path.rglob("*"))
    assert fetched(str(folder), transport)["time"] == "2018-05-07 09:00:00+00:00"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("exchange", "kept"), [(None, False), ("local", False), ("binance", True)])
def test_only_a_run_of_that_exchange_keeps_what_was_fetched_in_its_store(
    made: Run, tmp_path: Path, transport: ToServer, exchange: str | None, kept: bool
) -> None:
    """Two exchanges in the store of a run that names none, and it could not be opened any more."""
    folder, rows = (
        shutil.copytree(made.folder, tmp_path / "results" / made.folder.name),
        CANDLES.iloc[-200:],
    )
    data = stored(tmp_path / "data")
    if exchange == "binance":
        Store(data).write(rows, symbol=COIN, exchange=exchange, timeframe="1h")
    config = made.config.model_copy(
        update={"data": made.config.data.model_copy(update={"folder": data, "exchange": exchange})}
    )
    (folder / "config.toml").write_text(config.to_toml())
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert fetched(str(folder), transport)["time"] == "2018-05-07 09:00:00+00:00"
    after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert (after != before) == kept
    if not kept:
        assert open_run(str(folder)).name == made.name


def test_an_exchange_without_the_symbol_or_out_of_reach(made: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with (
        serving(BinanceServer({"ETH/USDC": SERVED}, now=NOW)) as other,
        pytest.raises(ConfigError, match="binance has no ETH/USDT. Did you mean 'ETH/USDC'"),
    ):
        fetched(str(made.folder), other, folder=folder)
    down = BinanceServer({COIN: SERVED}, now=NOW)
    down.always = "500"
    with (
        serving(down) as failing,
        pytest.raises(ExchangeError, match="binance, candles of ETH/USDT"),
    ):
        fetched(str(made.folder), failing, folder=folder)


def test_one_place_for_the_newest_candles(made: Run) -> None:
    with pytest.raises(ConfigError, match="--download and --file exclude each other"):
        predict(str(made.folder), files=["x.csv"], download="binance", now=NOW)


# At the command line


def test_the_next_price_in_two_sentences(made: Run, cli) -> None:
    said, words = predict(str(made.folder)), cli("predict", made.folder).output
    forecast = said["forecast"]
    stale, first, second, record = words.strip().splitlines()
    (period,) = said["held_out"]
    assert record.startswith(
        f"Held out, on {period}: its errors were {said['held_out'][period]['rmse_ratio']:.2f} times"
    )
    inside = made.forecasts.query("role == @period")
    low, high = (np.log(forecast[end] / forecast["price"]) for end in ("low", "high"))
    held = (
        np.log(inside["actual"] / inside["predicted"])
        .dropna()
        .between(low - 1e-12, high + 1e-12)
        .mean()
    )
    assert (
        said["held_out"][period]["inside"] == held
        and f"{held:.1%} of prices lay inside its 95 % int" in record
    )
    assert made.forecast_scores[period]["rmse_ratio"] == said["held_out"][period]["rmse_ratio"]
    assert stale.startswith("STALE: the newest candle closed at 2018-05-06 00:00 UTC, ")
    assert first.startswith(
        "ETH/USDT at 2018-05-06 01:00 UTC, 1 bar of 1h after the newest close: "
    )
    numbers = [f"{forecast[name]:,.2f}" for name in ("price", "low", "high", "persistence")]
    assert [first.index(number) for number in numbers] == sorted(
        first.index(number) for number in numbers
    )
    assert second.startswith(
        f"That is a move of {forecast['move']:+.2%}; P(ETH/USDT up in 1 bar) = {said['proba']:.4f}"
    )
    assert "known at 2018-05-06 00:00 UTC; enter at" in second and "(signal" in second
    printed = json.loads(cli("predict", made.folder, "--json").output)
    assert (
        printed == said | {"stale_bars": printed["stale_bars"]} and printed["stale_bars"] > 10_000
    )


def test_bars_that_were_missing_are_told(made: Run, tmp_path: Path) -> None:
    lookback = made.config.training.lookback
    newest = CANDLES.iloc[:500].drop(CANDLES.index[500 - lookback // 2])
    said = predict(str(made.folder), files=[str(csv(tmp_path / "hole.csv", newest))])
    assert said["filled_bars"] == 1
    assert (
        "1 bar among those the network saw had no candle and were filled flat."
        in prediction_words(said)
    )


def test_predict_takes_files_and_folders(made: Run, cli, tmp_path: Path) -> None:
    newer = csv(tmp_path / "newest.csv", CANDLES.iloc[:500])
    answer = cli("predict", made.folder, "--file", newer, "--json")
    assert json.loads(answer.output)["time"] == str(CANDLES.index[499])
    answer = cli("predict", made.folder, "--data", tmp_path / "nowhere")
    assert answer.code == 2 and "nowhere" in answer.errors
    assert cli("predict", made.folder, "--download", "binanse").errors.startswith(
        "Error: exchange 'binanse' is unknown"
    )
