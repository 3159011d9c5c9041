"""The command that serves an exchange on this machine."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryptonn.cli.console import AsJson, emit, stderr, stdout

if TYPE_CHECKING:
    import pandas as pd

    from cryptonn.local_exchange.server import LocalExchange
    from cryptonn.market.timerange import TimeRange
    from cryptonn.settings import CostsConfig
    from cryptonn.trading.costs import Costs

__all__ = ["COMMANDS", "ClockMode", "FeeIn", "local_exchange"]

PORT = 8765
LOOK_SECONDS = 0.2


class ClockMode(StrEnum):
    """How the exchange's time passes."""

    running = "running"
    lockstep = "lockstep"


class FeeIn(StrEnum):
    """Currency of a buy's commission."""

    quote = "quote"
    base = "base"


@dataclass(frozen=True)
class _Replay:
    """What is replayed: candles by symbol, history included, and where the replay starts."""

    candles: "dict[str, pd.DataFrame]"
    timeframe: str
    start_ms: int | None
    costs: "CostsConfig"
    cash: float | None = None
    synthetic: bool = False
    """Whether the candles are made up."""


def local_exchange(
    replay: Annotated[
        list[str] | None, typer.Option(help="Symbols, such as ETH/USD BTC/USD.")
    ] = None,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Further symbols.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Symbols, candles and costs of a run, instead.")
    ] = None,
    timerange: Annotated[
        str | None,
        typer.Option(
            help="Stretch to replay, such as 20190101-20190108; a run's first test period."
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.001, help="Minutes of candles in a minute of real time.")
    ] = 60.0,
    clock: Annotated[
        ClockMode, typer.Option(help="running: by itself; lockstep: only as its client moves it.")
    ] = ClockMode.running,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = PORT,
    fees: Annotated[
        str,
        typer.Option(
            help="A scenario (none, maker, taker, taker+slippage) or a bare commission: 10bp."
        ),
    ] = "taker+slippage",
    fee_in: Annotated[
        FeeIn, typer.Option(help="Currency of a buy's commission on binance.")
    ] = FeeIn.quote,
    cash: Annotated[
        float | None, typer.Option(min=0, help="Opening balance of each quote currency.")
    ] = None,
    history: Annotated[
        int, typer.Option(min=0, help="Days of candles before the replay that clients may ask.")
    ] = 30,
    exchange: Annotated[
        str | None, typer.Option(help="Exchange the stored candles come from.")
    ] = None,
    timeframe: Annotated[str, typer.Option(help="Length of a bar.")] = "1m",
    root: Annotated[
        Path | None, typer.Option("--data", help="Root of the candle store; data, or the run's.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder that keeps the runs.")] = Path(
        "backtests/results"
    ),
    as_json: Annotated[bool, AsJson] = False,
) -> None:
    """Serve an exchange on 127.0.0.1 that replays stored candles, for paper trading without keys or
    internet.

    It speaks as binance and gemini do: ccxt's own classes trade on it. Ctrl-C stops it; nothing is
    kept.
    """
    from cryptonn.errors import ConfigError
    from cryptonn.local_exchange import server
    from cryptonn.local_exchange.clock import Replay
    from cryptonn.local_exchange.fees import Rates
    from cryptonn.trading.costs import costs_for

    symbols = [*(replay or []), *(more or [])]
    if bool(symbols) == (run is not None):
        raise ConfigError("Name either symbols, --replay ETH/USD BTC/USD, or a run, --run RUN.")
    wanted = _period(timerange)
    place = root or Path("data")
    found = (
        _stored(
            symbols, wanted, root=place, exchange=exchange, timeframe=timeframe, history=history
        )
        if run is None
        else _of_run(run, wanted, results=results, root=root, history=history)
    )
    costs = replace(costs_for(found.costs, fees), borrow=0.0)  # spot: nobody lends
    money = cash if cash is not None else found.cash if found.cash is not None else 100_000.0
    with (
        _stopped_by_signals() as is_stopped,
        server.local_exchange(
            found.candles,
            replay=Replay(start_ms=found.start_ms, mode=clock.value, speed=speed),
            rates=Rates.of(
                taker=costs.commission,
                maker=found.costs.maker
                if fees in ("taker", "taker+slippage")
                else costs.commission,
                spread=costs.spread,
                slippage=costs.slippage,
                fee_in=fee_in.value,
            ),
            balances=dict.fromkeys((symbol.split("/")[-1] for symbol in found.candles), money),
            timeframe=found.timeframe,
            port=port,
        ) as served,
    ):
        _tell(served, costs, money, synthetic=found.synthetic, as_json=as_json)
        _wait(served, is_stopped)
    stderr.print(
        f"Stopped after {served.front.log.total:,} requests; "
        f"{len(served.exchange.matching.orders):,} orders."
    )


def _period(timerange: str | None) -> "TimeRange | None":
    from cryptonn.market.timerange import TimeRange

    return None if timerange is None else TimeRange.parse(timerange)


def _stored(
    symbols: list[str],
    timerange: "TimeRange | None",
    *,
    root: Path,
    exchange: str | None,
    timeframe: str,
    history: int,
) -> _Replay:
    """Read the candles of each symbol from the store."""
    from cryptonn.market.store.candle_store import Store, supply_of
    from cryptonn.market.supply import select
    from cryptonn.market.timerange import TimeRange
    from cryptonn.settings import CostsConfig

    store = Store(root)
    period = timerange or TimeRange()
    candles = {}
    for symbol in dict.fromkeys(symbols):
        entry = store.find_source(
            symbol, timeframe=timeframe, exchange=exchange, timerange=timerange
        )
        supply = supply_of(entry, timeframe=timeframe)
        select(supply, period)
        candles[entry.symbol] = _with_history(supply.candles, period, history=history)
    return _Replay(candles, timeframe, _start_ms(period), CostsConfig())


def _of_run(
    name: str, timerange: "TimeRange | None", *, results: Path, root: Path | None, history: int
) -> _Replay:
    """Read symbols, candles and costs of a run; its first test period is replayed unless another is
    named.
    """
    from cryptonn import pipeline
    from cryptonn.errors import ConfigError, DataError

    opened = pipeline.open_run(name, results=results, period=timerange, data=root)
    config = opened.config
    if timerange is None and not config.data.test:
        raise ConfigError(
            f"{name}: its file names no test period. Say which stretch to replay: --timerange."
        )
    period = timerange or next(iter(config.data.test.values()))
    candles = {
        symbol: _with_history(opened.frame.candles(symbol), period, history=history)
        for symbol in opened.frame.symbols
    }
    synthetic = config.data.source == "synthetic"
    if any(table.empty for table in candles.values()):
        raise DataError(
            f"There is no candle in {period}. `cryptonn list-data` shows what is stored."
        )
    return _Replay(
        candles,
        config.data.timeframe,
        _start_ms(period),
        config.costs,
        config.backtest.cash,
        synthetic,
    )


def _with_history(candles: "pd.DataFrame", period: "TimeRange", *, history: int) -> "pd.DataFrame":
    """Return the candles of a stretch and some days before it, in a table of their own."""
    import pandas as pd

    from cryptonn.market.timerange import TimeRange

    start = None if period.start is None else period.start - pd.Timedelta(days=history)
    wanted = (
        candles
        if start is None and period.end is None
        else TimeRange(start, period.end).select(candles)
    )
    return wanted.copy()


def _start_ms(period: "TimeRange") -> int | None:
    return None if period.start is None else int(period.start.timestamp() * 1000)


def _tell(
    served: "LocalExchange", costs: "Costs", cash: float, *, synthetic: bool, as_json: bool
) -> None:
    """Say where the exchange is and what it replays."""
    clock = served.exchange.clock
    symbols = list(served.exchange.markets)
    if as_json:
        facts: dict[str, Any] = {
            "port": served.port,
            "symbols": symbols,
            "mode": clock.mode,
            "speed": clock.speed,
        }
        facts["synthetic"] = synthetic
        emit({**facts, "start_ms": clock.start_ms, "end_ms": clock.end_ms, "cash": cash})
        sys.stdout.flush()  # whoever reads the port waits for it
        return
    pace = (
        f"{clock.speed:g} times as fast"
        if clock.mode == "running"
        else "as its client moves the clock"
    )
    lines = (
        f"Exchange on http://127.0.0.1:{served.port}: {', '.join(symbols)}",
        f"Replays     {_utc(clock.start_ms)} to {_utc(clock.end_ms)}, {pace}",
        f"Costs       {costs.describe()}; a buy's commission in {served.exchange.rates.fee_in}",
        f"Account     {cash:,.2f} {symbols[0].split('/')[-1]}",
        "Keys        local-key (gemini: account-local-key), secret local-secret",
        (
            "Trade on it with `cryptonn paper RUN --exchange local` in another terminal; Ctrl-C "
            "stops it."
        ),
    )
    for line in lines:
        stdout.print(line, soft_wrap=True)
    if synthetic:
        stdout.print(
            "SYNTHETIC MARKET: its candles are made up, with a planted lead.", style="bold yellow"
        )


def _utc(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(ms / 1000))


def _wait(served: "LocalExchange", is_stopped: Callable[[float], bool]) -> None:
    """Serve until stopped; say once that the replay has ended."""
    clock = served.exchange.clock
    told = False
    while not is_stopped(LOOK_SECONDS):
        if not told and clock.now_ms() >= clock.end_ms:
            told = True
            stderr.print(
                "The replay has ended: there are no further candles. Ctrl-C stops the exchange."
            )


@contextmanager
def _stopped_by_signals() -> Iterator[Callable[[float], bool]]:
    """Give a question that waits a while and tells whether Ctrl-C or SIGTERM came."""
    received: list[int] = []

    def is_stopped(seconds: float) -> bool:
        time.sleep(seconds)
        return bool(received)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, _: received.append(number))
    try:
        yield is_stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMANDS = (local_exchange,)
