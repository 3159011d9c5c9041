"""Bad input at the command line: one message that says what, where and what to do; exit code 2; nothing lost.

Each test is one mistake. The stages' own tests know more variants of each.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cryptonn.market.store.candle_store import Store
from tests.tiny_run import (
    OTHER,
    TARGET,
    fill_store,
    store_config,
    tiny_candles,
    tiny_config,
    write_run_file,
)

START = 1514764800
HEADER = "timestamp,open,high,low,close,volume"
ROWS = [f"{1000 * (START + 60 * minute)},100,101,99,{100 + minute / 8},2" for minute in range(6)]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def refused(cli, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must be refused, and return its message; no file below tmp_path may change."""

    def run(*words: object) -> str:
        before = tree(tmp_path)
        answer = cli(*words)
        assert answer.code == 2, answer.output + answer.errors
        assert answer.output == "", "nothing but results belongs on standard output"
        assert [line[:7] for line in answer.errors.splitlines()].count("Error: ") == 1
        assert "Traceback" not in answer.errors
        assert tree(tmp_path) == before
        message = answer.errors[answer.errors.index("Error: ") :].strip()
        assert message.endswith((".", "?")) or "\n" in message or " --" in message, message
        return message

    return run


@pytest.fixture
def import_refused(refused, cli, tmp_path: Path) -> Callable[[list[str]], str]:
    """Import rows that must be refused into a store that already holds good ones."""
    good = tmp_path / "good.csv"
    good.write_text("\n".join([HEADER, *ROWS]))
    assert cli("import-data", good, "--symbol", TARGET, "--data", tmp_path / "data").code == 0

    def run(rows: list[str], *, header: str = HEADER) -> str:
        (tmp_path / "bad.csv").write_text("\n".join([header, *rows]))
        message = refused(
            "import-data", tmp_path / "bad.csv", "--symbol", TARGET, "--data", tmp_path / "data"
        )
        assert f"{tmp_path / 'bad.csv'}" in message, "where"
        assert len(Store(tmp_path / "data").read(TARGET, timeframe="1m")) == len(ROWS)
        return message

    return run


def imported(cli, tmp_path: Path, rows: list[str]) -> dict[str, object]:
    (tmp_path / "candles.csv").write_text("\n".join([HEADER, *rows]))
    words = ("--symbol", TARGET, "--data", tmp_path / "data", "--json")
    answer = cli("import-data", tmp_path / "candles.csv", *words)
    assert answer.code == 0, answer.errors
    return json.loads(answer.output)["imported"][0]


# Candle files


def test_missing_candle_file(refused, tmp_path: Path) -> None:
    (tmp_path / "eth_2018.csv").write_text("x")
    message = refused("import-data", tmp_path / "eth_2019.csv", "--data", tmp_path / "data")
    assert "no such file" in message and "Did you mean" in message and "eth_2018.csv" in message


def test_unknown_dialect(import_refused) -> None:
    message = import_refused(["a,b,c"], header="one,two,three")
    assert "one" in message and "CryptoDataDownload" in message and "Binance" in message


def test_mixed_seconds_milliseconds_and_microseconds_are_read_and_counted(
    cli, tmp_path: Path
) -> None:
    rows = [
        f"{(START + 60 * minute) * 1000 ** (minute % 3)},100,101,99,100,2" for minute in range(6)
    ]
    found = imported(cli, tmp_path, rows)
    assert found["rows"] == 6 and found["repairs"] == {"mixed_units": 4}
    assert Store(tmp_path / "data").read(TARGET, timeframe="1m").index[0] == pd.Timestamp(
        START, unit="s", tz="UTC"
    )


def test_newest_first_is_turned_and_counted(cli, tmp_path: Path) -> None:
    found = imported(cli, tmp_path, ROWS[::-1])
    assert (
        found["repairs"]
        and Store(tmp_path / "data").read(TARGET, timeframe="1m").index.is_monotonic_increasing
    )


def test_duplicate_rows_are_dropped_and_counted(cli, tmp_path: Path) -> None:
    found = imported(cli, tmp_path, [*ROWS, ROWS[2]])
    assert found["rows"] == 6 and 1 in found["repairs"].values()


def test_conflicting_rows_in_a_file(import_refused) -> None:
    message = import_refused([*ROWS, ROWS[2].replace(",100,", ",100.5,")])
    assert "2018-01-01 00:02" in message


def test_rows_that_contradict_the_store(import_refused) -> None:
    message = import_refused([*ROWS[:2], ROWS[2].replace(",101,", ",102,")])
    assert "2018-01-01 00:02" in message and "102" in message and "--replace" in message


def test_non_numeric_cells(import_refused) -> None:
    message = import_refused([*ROWS[:3], ROWS[3].replace(",99,", ",cheap,")])
    assert "'cheap'" in message and "row 5" in message


@pytest.mark.parametrize("price", ["0", "-99"])
def test_negative_or_zero_prices(import_refused, price: str) -> None:
    message = import_refused([*ROWS[:3], ROWS[3].replace(",99,", f",{price},")])
    assert (
        "1 impossible bar" in message
        and "2018-01-01 00:03" in message
        and "--drop-bad-bars" in message
    )


def test_high_below_low(import_refused) -> None:
    message = import_refused([*ROWS[:3], ROWS[3].replace(",101,", ",98,")])
    assert "2018-01-01 00:03" in message and "98" in message and "--drop-bad-bars" in message


def test_mixed_time_zones(import_refused) -> None:
    times = ["2018-01-01 00:00:00", "2018-01-01 00:01:00+00:00", "2018-01-01 00:02:00"]
    message = import_refused([f"{time},100,101,99,100,2" for time in times])
    assert "with a time zone" in message and "00:01:00+00:00" in message


def test_times_without_a_zone_are_utc_and_said_so(cli, tmp_path: Path) -> None:
    found = imported(
        cli, tmp_path, [f"2018-01-01 00:0{minute}:00,100,101,99,100,2" for minute in range(4)]
    )
    assert any("UTC" in note for note in found["notes"])


def test_a_symbol_that_is_not_given(refused, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join([HEADER, *ROWS]))
    assert "--symbol ETH/USD" in refused(
        "import-data", tmp_path / "a.csv", "--data", tmp_path / "data"
    )


def test_one_bad_file_of_two_says_which_is_in(refused, cli, tmp_path: Path) -> None:
    """The good file before it stays imported: running the command again finds it identical."""
    (tmp_path / "a.csv").write_text("\n".join([HEADER, *ROWS]))
    (tmp_path / "b.csv").write_text("nonsense")
    words = (
        tmp_path / "a.csv",
        tmp_path / "b.csv",
        "--symbol",
        TARGET,
        "--data",
        tmp_path / "data",
    )
    assert cli("import-data", *words).code == 2
    assert str(tmp_path / "b.csv") in refused("import-data", *words)


# What the store holds


@pytest.fixture
def config_of(tmp_path: Path) -> Callable[..., Path]:
    """Write a run file on a store with these candles."""

    def write(candles: dict[str, pd.DataFrame], **sections: dict[str, object]) -> Path:
        return write_run_file(
            tmp_path, store_config(fill_store(tmp_path / "data", candles), **sections)
        )

    return write


def test_gaps_where_they_are_to_be_refused(refused, config_of, tmp_path: Path) -> None:
    path = config_of(tiny_candles(), data={"gaps": "refuse"})
    message = refused("train", path, "--results", tmp_path / "results")
    assert (
        "absent, first at 2018-01-01 00:21Z" in message
        and "longest gap" in message
        and 'gaps = "fill"' in message
    )


def test_a_symbol_the_store_lacks(refused, config_of, tmp_path: Path) -> None:
    path = config_of(tiny_candles(), data={"target": "ETH/EUR", "others": ["BTC/EUR"]})
    message = refused("train", path, "--results", tmp_path / "results")
    assert (
        "ETH/EUR" in message
        and "cryptonn import-data" in message
        and "cryptonn download-data" in message
    )


def test_a_range_the_store_lacks(refused, config_of, tmp_path: Path) -> None:
    path = config_of(tiny_candles(), data={"test": {"unseen": "20180105-20180201"}})
    message = refused("train", path, "--results", tmp_path / "results")
    assert "20180201" in message and "not stored" in message and "--timerange" in message


def test_one_coin_present_and_the_other_not(refused, config_of, tmp_path: Path) -> None:
    path = config_of({TARGET: tiny_candles()[TARGET]})
    message = refused("train", path, "--results", tmp_path / "results")
    assert "ETH/USD is stored, BTC/USD is not" in message and "--symbol BTC/USD" in message


def test_an_empty_store(refused, tmp_path: Path) -> None:
    path = write_run_file(tmp_path, store_config(tmp_path / "data"))
    message = refused("train", path, "--results", tmp_path / "results")
    assert "ETH/USD" in message and "cryptonn import-data" in message


def test_a_symbol_nobody_stored_cannot_be_checked(refused, config_of, tmp_path: Path) -> None:
    config_of(tiny_candles(days=1))
    message = refused("check-data", "ETH/USF", "--data", tmp_path / "data")
    assert "Did you mean 'ETH/USD'" in message and "list-data" in message


# What cannot be learnt from


def test_too_few_rows_for_the_lookback(refused, tmp_path: Path) -> None:
    path = write_run_file(
        tmp_path, tiny_config(data={"train": "20180101-20180101T0030", "test": {}})
    )
    message = refused("train", path, "--results", tmp_path / "results")
    assert "too few" in message and "lookback of 20" in message and "longer range" in message


def test_a_constant_label(refused, config_of, tmp_path: Path) -> None:
    rising = tiny_candles(days=2)
    close = (
        700.0
        + np.arange(len(rising[TARGET]))
        + np.random.default_rng(1).random(len(rising[TARGET]))
    )
    rising[TARGET] = rising[TARGET].assign(open=close, high=close, low=close, close=close)
    path = config_of(rising, data={"train": "20180101-20180103", "test": {}})
    message = refused("train", path, "--results", tmp_path / "results")
    assert (
        "constant label" in message and "0 rows down" in message and "longer train range" in message
    )


def test_nan_in_a_feature(refused, config_of, tmp_path: Path) -> None:
    silent = tiny_candles()
    volume = np.zeros(len(silent[OTHER]))
    volume[[5000, -1]] = (
        1.0  # a trade in each period; before the first there is no change of volume
    )
    silent[OTHER] = silent[OTHER].assign(volume=volume)
    path = config_of(silent, features={"columns": ["log_return", "volume_pct_change"]})
    message = refused("train", path, "--results", tmp_path / "results")
    assert "BTC/USD volume_pct_change" in message and "no value" in message


def test_infinity_in_a_feature(refused, config_of, tmp_path: Path) -> None:
    candles = tiny_candles()
    volume = candles[TARGET]["volume"].to_numpy().copy()
    volume[[500, 501]] = 1e-300, 1e300
    path = config_of(
        candles | {TARGET: candles[TARGET].assign(volume=volume)},
        features={"columns": ["volume_pct_change"]},
    )
    message = refused("train", path, "--results", tmp_path / "results")
    time = candles[TARGET].index[501]
    assert "ETH/USD volume_pct_change" in message and "inf" in message and str(time) in message


def test_an_unknown_feature(refused, tmp_path: Path) -> None:
    path = write_run_file(tmp_path, tiny_config(features={"columns": ["log_retrun"]}))
    assert "Did you mean 'log_return'" in refused("train", path, "--results", tmp_path / "results")


# Run files


def test_missing_run_file(refused, tmp_path: Path) -> None:
    write_run_file(tmp_path, tiny_config())
    message = refused("run", tmp_path / "tinny.toml", "--results", tmp_path / "results")
    assert "no such run file" in message and "tiny.toml'?" in message


def test_unknown_keys_of_a_run_file(refused, tmp_path: Path) -> None:
    path = write_run_file(tmp_path, tiny_config())
    path.write_text(path.read_text().replace("lookback =", "lookbak ="))
    message = refused("run", path, "--results", tmp_path / "results")
    assert "training.lookbak is not a setting" in message and "Did you mean 'lookback'" in message


@pytest.mark.parametrize("name", ["validation", "2019/Q1", "../elsewhere", ""])
def test_a_test_period_that_cannot_be_a_folder(refused, tmp_path: Path, name: str) -> None:
    """A period called "validation" took the place of the validation rows, one with a slash was lost on reading."""
    path = write_run_file(tmp_path, tiny_config())
    path.write_text(path.read_text().replace("unseen =", f'"{name}" ='))
    message = refused("run", path, "--results", tmp_path / "results")
    assert f"test period {name!r} needs another name" in message


def test_a_fee_of_ten_in_a_run_file(refused, tmp_path: Path) -> None:
    path = write_run_file(tmp_path, tiny_config())
    path.write_text(path.read_text().replace("taker = 0.002", "taker = 10"))
    message = refused("run", path, "--results", tmp_path / "results")
    assert "costs.taker" in message and "Did you mean 10bp?" in message


def test_a_run_file_that_is_no_toml(refused, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[data\n")
    assert "not valid TOML" in refused(
        "train", tmp_path / "run.toml", "--results", tmp_path / "results"
    )


# Runs


def test_an_unknown_run(refused, results: Path) -> None:
    assert "Did you mean 'tiny'?" in refused("backtest", "tinny", "--results", results)
    assert "There is none yet" in refused("report", "tiny", "--results", results / "nowhere")


def test_a_fee_of_ten_on_the_command_line(refused, results: Path) -> None:
    for fee, meant in (("10", "10bp"), ("0.1", "0.1%"), ("0.2", "0.2%"), ("5", "5bp")):
        said = refused("backtest", "tiny", "--results", results, "--fee", fee)
        assert f"Did you mean {meant}?" in said
    said = refused("compare", "tiny", "--results", results, "--fees", "maker,0,1%")
    assert "the decimal sign is a point" in said, "it would be no fee, and one of 1 %"


@pytest.mark.parametrize(
    ("fee", "words"),
    [
        ("takr", "Did you mean 'taker'?"),
        ("-5bp", "negative"),
        ("50%", "above 10%"),
        ("10pb", "Write 0.001, 0.1% or"),
    ],
)
def test_a_fee_that_is_none(refused, results: Path, fee: str, words: str) -> None:
    assert words in refused("compare", "tiny", "--results", results, f"--fees=none,{fee}")


@pytest.mark.parametrize(
    ("timerange", "words"),
    [
        ("2018", "must look like 20180101-20190101"),
        ("20180132-20180201", "20180132 is not a date"),
        ("20180106-20180105", "the start must lie before the end"),
        ("20190101-20190102", "There is no candle in 20190101-20190102"),
    ],
)
def test_a_timerange_that_is_none(refused, results: Path, timerange: str, words: str) -> None:
    assert words in refused("backtest", "tiny", "--results", results, "--timerange", timerange)


@pytest.mark.parametrize(
    ("option", "words"),
    [("--fee=takr", "Did you mean 'taker'?"), ("--strategy=momentun", "Did you mean 'momentum'?")],
)
def test_what_cannot_be_traded_is_refused_before_the_candles_are_read(
    refused, results: Path, option: str, words: str
) -> None:
    """The candles are not even there."""
    nowhere = results / "nowhere"
    (folder,) = results.glob("tiny-*")
    source = (folder / "config.toml").read_text()
    (folder / "config.toml").write_text(source.replace('"synthetic"', '"store"', 1))
    command = ("backtest", "tiny", "--results", results, "--data", nowhere)
    assert words in refused(*command, option)
    assert words not in refused(*command)


def test_an_unknown_strategy(refused, results: Path) -> None:
    message = refused("backtest", "tiny", "--results", results, "--strategy", "momentun")
    assert "Did you mean 'momentum'?" in message


def test_a_strategy_with_a_syntax_error(refused, results: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import backtrader as bt\n\n\nclass Mine(bt.Strategy:\n    pass\n"
    )
    message = refused("backtest", "tiny", "--results", results, "--strategy", tmp_path / "mine.py")
    assert "mine.py, line 4" in message and "Mend the strategy" in message


def test_a_strategy_file_without_a_strategy(refused, results: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    message = refused("backtest", "tiny", "--results", results, "--strategy", tmp_path / "mine.py")
    assert "mine.py: holds no strategy" in message and "bt.Strategy" in message


def test_a_strategy_that_fails_while_it_trades(refused, results: Path, tmp_path: Path) -> None:
    code = "import backtrader as bt\n\n\nclass Mine(bt.Strategy):\n    def next(self):\n        self.nothing.here\n"
    (tmp_path / "mine.py").write_text(code)
    message = refused("backtest", "tiny", "--results", results, "--strategy", tmp_path / "mine.py")
    assert "mine" in message and "line 6" in message


def test_a_model_saved_with_other_features(refused, results: Path) -> None:
    (folder,) = results.iterdir()
    config = (folder / "config.toml").read_text()
    (folder / "config.toml").write_text(config.replace("log_volume_change", "volume_pct_change"))
    message = refused("predict", "tiny", "--results", results)
    assert "trained on the features" in message and "missing: ETH/USD log_volume_change" in message
    message = refused("backtest", "tiny", "--results", results, "--timerange", "20180105-20180106")
    assert "trained on the features" in message


def test_a_damaged_model(refused, results: Path) -> None:
    (folder,) = results.iterdir()
    (folder / "model" / "weights.npz").write_bytes(b"nothing")
    assert "Train it again" in refused("predict", "tiny", "--results", results)


@pytest.mark.parametrize(
    "name", ["run.json", "config.toml", "predictions.parquet", "comparison.csv", "verdicts.json"]
)
def test_a_damaged_run_folder(refused, results: Path, name: str) -> None:
    (folder,) = results.iterdir()
    (folder / name).write_bytes(b"\x00[{")
    message = refused("report", "tiny", "--results", results)
    assert name in message and ("cannot be read" in message or "not valid TOML" in message)


def test_candles_that_are_not_those_of_the_run(refused, cli, config_of, tmp_path: Path) -> None:
    results, candles = tmp_path / "results", tiny_candles()
    assert cli("train", config_of(candles), "--results", results, "--epochs", 1).code == 0
    for path in (tmp_path / "data").rglob("*.*"):
        path.unlink()
    fill_store(tmp_path / "data", candles | {OTHER: candles[OTHER].assign(volume=1.0)})
    message = refused("backtest", "tiny", "--results", results)
    assert "BTC/USD are no longer those the run was made from" in message


def test_a_results_folder_that_cannot_be_written(refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = write_run_file(tmp_path, tiny_config())
    message = refused("run", path, "--results", tmp_path / "file")
    assert "cannot be written" in message and "--results" in message


# Words the command line does not know: the message of the option parser, not ours


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("bactest", "tiny"), "No such command 'bactest'"),
        (("run",), "Missing argument 'RUN.toml'"),
        (("backtest", "tiny", "--fees", "none"), "No such option: --fees"),
        (("train", "x.toml", "--epochs", "0"), "--epochs"),
        (("train", "x.toml", "--seed", "-1"), "--seed"),
    ],
)
def test_unknown_words(cli, words: tuple[str, ...], part: str) -> None:
    answer = cli(*words)
    assert answer.code == 2 and part in answer.errors and answer.output == ""
