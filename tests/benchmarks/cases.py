"""The benchmarks: each takes the folder of real candles and returns figures beside their targets."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from cryptonn.config import RunConfig, parse_config
from cryptonn.market.files.formats import read_candle_file
from cryptonn.market.resample import resample
from cryptonn.market.source import load_frame
from cryptonn.market.store.candle_store import Store

SYMBOLS = ("ETH/USD", "BTC/USD")


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    measured: str
    target: str
    met: bool


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Compare a value with its target."""
    met = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    target = f"≥ {at_least:,g} {unit}" if at_least is not None else f"≤ {at_most:,g} {unit}"
    return Figure(
        name, f"{value:,.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}", target, met
    )


def files(data: Path, *years: str) -> list[tuple[str, Path]]:
    """Return symbol and file of the Bitfinex minutes of these years."""
    return [
        (s, data / f"bitfinex_{s.replace('/', '')}_{year}_1m.csv.gz")
        for year in years
        for s in SYMBOLS
    ]


def fill_store(root: Path, data: Path, *years: str) -> int:
    """Import the Bitfinex minutes of these years; return the rows."""
    rows = 0
    for symbol, path in files(data, *years):
        read = read_candle_file(path, symbol=symbol)
        written = Store(root).write(
            read.candles,
            symbol=symbol,
            exchange="bitfinex",
            timeframe=read.timeframe,
            sources=[read.source],
        )
        rows += written.added
    return rows


def run_config(root: Path, **sections: object) -> RunConfig:
    """Return a run on 2018."""
    values = {
        "data": {"folder": str(root), "exchange": "bitfinex", "train": "20180101-20190101"},
        **sections,
    }
    return parse_config(values, source="bench")


def bench_import(data: Path) -> list[Figure]:
    """Both 2018 files: read, check, write; then load the aligned year."""
    with tempfile.TemporaryDirectory() as folder:
        rates, seconds = [], []
        for attempt in range(3):
            start = time.perf_counter()
            rows = fill_store(Path(folder) / str(attempt), data, "2018")
            rates.append(rows / (time.perf_counter() - start))
        for attempt in range(3):
            start = time.perf_counter()
            load_frame(run_config(Path(folder) / str(attempt)).data)
            seconds.append(time.perf_counter() - start)
    return [
        figure("import both 2018 files, median of 3", median(rates), "rows/s", at_least=500_000),
        figure(
            "load the aligned year from the store, median of 3", median(seconds), "s", at_most=0.5
        ),
    ]


def bench_bars(data: Path) -> list[Figure]:
    """A year of minutes made into days."""
    candles, seconds = eth_2018(data), []
    for _ in range(3):
        start = time.perf_counter()
        resample(candles, source_timeframe="1m", timeframe="1d")
        seconds.append(time.perf_counter() - start)
    return [figure("365 days of 2018's minutes, median of 3", median(seconds), "s", at_most=1.0)]


def bench_help(data: Path) -> list[Figure]:
    """``cryptonn --help`` as a person starts it."""
    command = [str(Path(sys.executable).parent / "cryptonn"), "--help"]
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        seconds.append(time.perf_counter() - start)
    return [figure("cryptonn --help, median of 7", median(seconds), "s", at_most=0.5)]


def eth_2018(data: Path) -> pd.DataFrame:
    """Return the traded ETH minutes of 2018."""
    return read_candle_file(dict(files(data, "2018"))["ETH/USD"], symbol="ETH/USD").candles


def entries_like_a_model(candles: pd.DataFrame, *, share: float = 0.974) -> pd.Series:
    """Return P(up)-like numbers with a little deliberate look-ahead, so that equity survives ten thousand trades."""
    opens = candles["open"].to_numpy()
    ahead = np.zeros(len(opens))
    ahead[:-6] = np.log(opens[6:] / opens[1:-5])
    noise = np.random.default_rng(7).standard_normal(len(opens))
    rank = pd.Series(noise + 60 * ahead).rank(pct=True).to_numpy()
    return pd.Series(np.where(rank >= share, 0.9, 0.5), index=candles.index)


def bench_backtrader(data: Path) -> list[Figure]:
    """A genuine run over the traded minutes of 2018 against a naive Cerebro; same orders, so the same bits."""
    from cryptonn.trading.backtest import run_backtest
    from cryptonn.trading.costs import Costs
    from cryptonn.trading.replay import replay
    from cryptonn.trading.signals import make_signal
    from cryptonn.trading.strategies import load_strategy
    from tests.trading.naive import naive_equity

    candles = eth_2018(data)
    signal = make_signal(entries_like_a_model(candles), enter=0.8, hold=5, renew=False)
    account = {"cash": 100_000.0, "fraction": 0.95}
    costs = Costs(commission=0.001)
    start = time.perf_counter()
    ours = run_backtest(
        candles,
        signal,
        strategy=load_strategy("lstm_signal"),
        costs=costs,
        symbol="ETH/USD",
        **account,
    )
    lean = time.perf_counter() - start
    start = time.perf_counter()
    replayed = replay(candles, signal, costs=costs, symbol="ETH/USD", **account)
    fast = time.perf_counter() - start
    start = time.perf_counter()
    naive = naive_equity(candles, signal, commission=0.001, **account)
    slow = time.perf_counter() - start
    equal = ours.final_equity == naive == replayed.final_equity
    same = f"{len(candles):,} bars, {len(ours.trades):,} trades: final equity"
    return [
        figure(
            f"naive Cerebro {slow:.1f} s over ours {lean:.1f} s", slow / lean, "times", at_least=2.5
        ),
        figure(f"naive Cerebro over replay {fast:.3f} s", slow / fast, "times", at_least=2.5),
        Figure(same, "equal bit for bit" if equal else "DIFFERENT", "equal bit for bit", equal),
    ]
