"""Benchmarks of paper trading: from a candle's close to the order, and the network's part of it."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.cases import Figure, figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "paper"))

MINUTE = 60_000
LARGE, SMALL = [128, 128, 128], [64]
WARM_UP, TIMED = 200, 1_000
OFTEN, SELDOM = {"hold": 2, "renew": False}, {"hold": 5}
FREE = {"taker": "0%", "maker": "0%", "spread": "0bp", "slippage": "0bp"}
"""Costs: a month of so many trades would else leave too little for an order."""
NOTHING: dict[str, Any] = dict.fromkeys(FREE, 0.0)
RUNNING: dict[str, Any] = {"mode": "running", "speed": 1.0}


class Skipping:
    """A clock at the pace of the wall, but for its waits, which take no time at all."""

    def __init__(self) -> None:
        self.skipped_s = 0.0
        self.exchange: Any = None

    def wall(self) -> float:
        return time.monotonic() + self.skipped_s

    def now_ms(self) -> int:
        now_ms: int = self.exchange.exchange.clock.now_ms()
        return now_ms

    def sleep(self, seconds: float) -> None:
        self.skipped_s += max(seconds, 0.0)


def bench_paper(data: Path) -> list[Figure]:
    """Candle close → order on loopback, a decision in a month's log, and one bar through networks of two sizes."""
    from real_minutes import real_minutes

    found = []
    with tempfile.TemporaryDirectory() as folder:
        day = _traded(
            Path(folder) / "day",
            real_minutes(data, 4),
            days=1,
            bars=240,
            entering=0.15,
            signal=OFTEN,
        )
        orders = _until_order(day)
        month = _traded(
            Path(folder) / "month",
            real_minutes(data, 33),
            days=30,
            bars=60,
            entering=0.02,
            signal=SELDOM,
        )
        for what, seconds in (
            (f"candle close → order, {len(orders)} orders, 3×128, log of a day", orders),
            ("candle close → decision, 60 bars, 3×128, log of 30 d", _until_decision(month)),
        ):
            found += [
                figure(f"{what}, p50", float(np.median(seconds)), "s", at_most=2),
                figure(f"{what}, p99", float(np.quantile(seconds, 0.99)), "s", at_most=5),
            ]
    for layers in (SMALL, LARGE):
        taken = 1000 * np.array(_inference(real_minutes(data, 3), layers))
        name = f"one bar through {len(layers)}×{layers[0]} (p50 {np.median(taken):.1f} ms), p99"
        found.append(figure(name, float(np.quantile(taken, 0.99)), "ms", at_most=50))
    return found


def _traded(
    folder: Path,
    tables: dict[str, pd.DataFrame],
    *,
    days: int,
    bars: int,
    entering: float,
    signal: dict[str, Any],
) -> tuple[Any, list[int]]:
    """Trade so many bars of a session that began ``days`` before them; return it, and when its orders came."""
    from served_run import Played

    from tests.paper.processes import drawn_run

    sections = {
        "network": {"layers": LARGE},
        "training": {"lookback": 100},
        "signal": signal,
        "costs": FREE,
    }
    run = drawn_run(folder, tables, entering=entering, **sections)
    begin_ms = round(tables["ETH/USD"].index[0].normalize().timestamp() * 1000) + 1440 * MINUTE
    with _running(tables, begin_ms) as clock:
        played = Played(run, clock.exchange, "local")
        played.play(1, clock=clock)
        clock.skipped_s += days * 86_400
        played.play(bars, clock=clock)
        posts = [
            entry["now_ms"]
            for entry in clock.exchange.front.log.entries
            if entry["method"] == "POST"
        ]
    return played, posts


def _until_order(traded: tuple[Any, list[int]]) -> list[float]:
    """Return the seconds from each close to the order that follows, by the exchange's own log, the grace included."""
    played, posts = traded
    first_ms = (
        played.decisions()[1][0] + 2 * MINUTE
    )  # the bar before it closed while the session was starting
    return [now_ms % MINUTE / 1000 for now_ms in posts if now_ms >= first_ms]


def _until_decision(traded: tuple[Any, list[int]]) -> list[float]:
    """Return the seconds from each close until its decision was about to be written, the grace included."""
    with traded[0].ledger() as ledger:
        rows = ledger.decisions()[2:]  # as above
    return [(row.decided_ms - row.decision.close_ms) / 1000 for row in rows]


@contextmanager
def _running(tables: dict[str, pd.DataFrame], start_ms: int) -> Iterator[Skipping]:
    from cryptonn.local_exchange.clock import Replay
    from cryptonn.local_exchange.fees import Rates
    from cryptonn.local_exchange.server import local_exchange

    clock = Skipping()
    with local_exchange(
        tables,
        replay=Replay(start_ms=start_ms, wall=clock.wall, **RUNNING),
        rates=Rates.of(**NOTHING),
    ) as exchange:
        clock.exchange = exchange
        yield clock


def _inference(tables: dict[str, pd.DataFrame], layers: list[int]) -> list[float]:
    """Return the seconds that each bar took, once the network is compiled."""
    from real_minutes import ETH
    from session_cases import drawn_model

    from cryptonn.learning.features import make_features
    from cryptonn.learning.stepping import SteppingNetwork
    from cryptonn.market.candles import align

    frame = align(tables, timeframe="1m")
    model = drawn_model(frame, network={"layers": layers}, training={"lookback": 100})
    features = make_features(frame, target=ETH, config=model.config.features)
    network, seconds = SteppingNetwork(model), []
    for row in range(WARM_UP + TIMED):
        start = time.perf_counter()
        network.extend(features.iloc[row : row + 1])
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]
