"""A run that trains on all a Binance kline file holds: opened again, predicted with, refused once an extra differs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cryptonn import pipeline
from cryptonn.errors import ConfigError, DataError
from cryptonn.market.bars import FIELDS
from cryptonn.market.extras import EXTRAS
from cryptonn.progress import Step
from tests.tiny_run import TARGET, tiny_candles, tiny_config, write_run_file

COLUMNS = (*FIELDS, *EXTRAS)
QUICK: dict[str, Any] = {"epochs": 1, "batch_size": 8}


def write_klines(path: Path, candles: pd.DataFrame) -> None:
    """Write candles as Binance's archive does since 2025: no header, microseconds."""
    opened = candles.index.as_unit("us").asi8
    quote, share = candles["volume"] * candles["close"], 0.5 + 0.4 * np.sin(np.arange(len(candles)))
    others = {
        "quote": quote,
        "trades": np.ceil(candles["volume"]),
        "base": candles["volume"] * share,
    }
    rows = pd.DataFrame(
        {"time": opened, **candles, "end": opened + 59_999_999, **others, "bought": quote * share}
    )
    rows.assign(ignore=0).to_csv(path, index=False, header=False, lineterminator="\n")


def data_of(folder: Path, **changes: Any) -> dict[str, Any]:
    files = {
        "source": "files",
        "folder": str(folder),
        "files": {TARGET: ["klines.csv"]},
        "dialect": "binance",
    }
    return files | {"others": [], "timeframe": "5m", "extras": True} | changes


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Run:
    root = tmp_path_factory.mktemp("klines")
    write_klines(root / "klines.csv", tiny_candles()[TARGET])
    published = {
        **{"system": "an earlier one", "figure": 0.6, "leaks": {"untraded": "drop"}},
        "settings": {"training": {"form": "windowed", "batch_size": 64, "epochs": 3}},
    }
    config = tiny_config(
        data=data_of(root),
        features={"columns": COLUMNS, "clip": 0},
        training=QUICK,
        published=published,
    )
    return pipeline.train(config, results=root / "results")


def test_the_network_sees_every_column_of_the_file(trained: pipeline.Run) -> None:
    assert trained.facts["features"] == [f"{TARGET} {name}" for name in COLUMNS]
    facts = trained.facts["data"][TARGET]
    assert facts["extras"] == list(EXTRAS) and facts["resampled_from"] == "1m"
    table = pd.read_csv(trained.config.data.folder / "klines.csv", header=None, usecols=[0, 8])
    by_hand = table.groupby(table[0] // 300_000_000)[8].sum()
    trades = trained.frame.extras[(TARGET, "trades")]
    np.testing.assert_array_equal(trades[~trained.frame.filled[TARGET]], by_hand.to_numpy())
    assert len(trades) > len(by_hand) and (trades[trained.frame.filled[TARGET]] == 0).all()


def test_it_is_opened_again_traded_and_predicted_with(trained: pipeline.Run) -> None:
    results = trained.folder.parent
    opened = pipeline.open_run("tiny", results=results)
    pd.testing.assert_frame_equal(opened.frame.extras, trained.frame.extras)
    traded = pipeline.backtest(opened, strategies=["buy_and_hold"], fees=["none"])
    assert traded.backtest("unseen", strategy="buy_and_hold").fees == "none"
    latest = pipeline.predict("tiny", results=results)
    last = trained.predictions.iloc[-1]
    assert latest["time"] == str(trained.predictions.index[-1])
    assert latest["proba"] == pytest.approx(last["proba"], abs=1e-3)


def test_the_earlier_system_sees_them_too_and_interrupted_goes_on_with_the_same_command(
    trained: pipeline.Run,
) -> None:
    whole = pipeline.reproduce(trained).published
    assert whole is not None and 0 <= whole["numbers"]["accuracy"] <= 1

    def stop(step: Step) -> None:
        if step.stage == "published" and (step.done or 0) > 0.5:
            raise KeyboardInterrupt

    cut = pipeline.reproduce(trained, on_step=stop).published
    assert cut is not None and cut["epochs"] == 1 and (trained.folder / "published.npz").exists()
    done = pipeline.reproduce(trained).published
    assert whole is not None and done is not None
    assert done["numbers"] == whole["numbers"] and done["epochs"] == 3
    assert not (trained.folder / "published.npz").exists()


def test_a_run_outlives_an_earlier_system_that_is_interrupted_at_once(
    trained: pipeline.Run, tmp_path: Path
) -> None:
    """It was said that there is no model, and the run's own was there, traded, and not reported on."""
    told = []

    def stop(step: Step) -> None:
        told.append(step.text)
        if step.stage == "published" and 0 < (step.done or 0) < 1:
            raise KeyboardInterrupt

    done = pipeline.run(trained.config, results=tmp_path, on_step=stop)
    assert done.published is None and (done.folder / "report.html").exists()
    assert any(f"`cryptonn reproduce {done.name}`" in (text or "") for text in told)


def test_an_extra_that_changed_is_refused(trained: pipeline.Run) -> None:
    file = trained.config.data.folder / "klines.csv"
    before = file.read_text()
    lines = before.splitlines()
    cells = lines[3000].split(",")
    lines[3000] = ",".join([*cells[:8], str(float(cells[8]) + 1), *cells[9:]])
    try:
        file.write_text("\n".join(lines))
        with pytest.raises(DataError, match="are no longer those the run was made from"):
            pipeline.open_run("tiny", results=trained.folder.parent)
    finally:
        file.write_text(before)


def test_a_download_or_a_file_without_them_is_refused(
    trained: pipeline.Run, tmp_path: Path
) -> None:
    results, now = trained.folder.parent, pd.Timestamp("2018-02-01", tz="UTC")
    with pytest.raises(ConfigError, match=r"a download has none of them"):
        pipeline.predict("tiny", results=results, download="binance", now=now)
    tiny_candles()[TARGET].rename_axis("timestamp").to_csv(tmp_path / "plain.csv")
    with pytest.raises(DataError, match=rf"plain\.csv: {TARGET} has no quote_volume"):
        pipeline.predict("tiny", results=results, files=[str(tmp_path / "plain.csv")])


@pytest.mark.parametrize("source", ["files", "synthetic"])
def test_features_nobody_reads(cli, trained: pipeline.Run, tmp_path: Path, source: str) -> None:
    data = data_of(trained.config.data.folder, extras=False) if source == "files" else {}
    config = tiny_config(
        data=data, features={"columns": ["close", "trades"], "clip": 0}, training=QUICK
    )
    answer = cli("train", write_run_file(tmp_path, config), "--results", tmp_path / "results")
    assert answer.code == 2
    assert (
        f"the candles of {TARGET} came without trades: only Binance's kline files have them"
        in answer.errors
    )
    assert "extras = true under [data]" in answer.errors
    assert not list((tmp_path / "results").glob("*")), "nothing half-done is left behind"
