"""The command that trades a run on a sandbox."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryptonn.cli.console import AsJson, emit, loading, stderr, stdout
from cryptonn.cli.local_exchange import FeeIn
from cryptonn.units import counted

if TYPE_CHECKING:
    from cryptonn.paper.settings import PaperSettings

__all__ = ["COMMANDS", "paper"]

_RESULTS = Path("backtests/results")

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run: its folder, its folder's name, or its file's name for the latest.",
    ),
]
SessionName = Annotated[
    str | None,
    typer.Option("--session", help="Name of the session; that of its exchange by default."),
]
Results = Annotated[Path, typer.Option(help="Folder that keeps the runs.")]
Json = Annotated[bool, AsJson]


def paper(
    name: RunName,
    exchange: Annotated[
        str,
        typer.Option(
            help="Sandbox that gets the orders: binance, gemini, alpaca, local or local-gemini."
        ),
    ] = "local",
    session: SessionName = None,
    fee_in: Annotated[
        FeeIn | None,
        typer.Option(
            help="Currency of a buy's commission; what the exchange usually does by default."
        ),
    ] = None,
    fees: Annotated[
        str,
        typer.Option(
            help="Cost scenario of the backtest that is mirrored; or a commission such as 10bp."
        ),
    ] = "taker+slippage",
    cash: Annotated[
        float | None,
        typer.Option(min=0, help="Quote to trade with; the run's own cash by default."),
    ] = None,
    symbols: Annotated[
        list[str] | None,
        typer.Option(help="Names at the exchange, such as ETH/USD=ETH/USDT; may be repeated."),
    ] = None,
    candles: Annotated[
        str | None,
        typer.Option(
            help="Exchange whose public candles are read; by default the one of the orders."
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help=(
                "Private ini file (mode 600) with the sandbox keys; else the environment. Not for "
                "the local exchange."
            )
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the local exchange.")] = 8765,
    bars: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many decisions of this start.")
    ] = None,
    max_gap: Annotated[
        int, typer.Option(min=0, help="Bars in a row without a candle after which it holds.")
    ] = 5,
    web: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve a page on this port; 0: any.")
    ] = None,
    accept_venue: Annotated[
        bool,
        typer.Option(
            "--accept-venue",
            help="Go on from the account as it is where it differs from the ledger.",
        ),
    ] = False,
    results: Results = _RESULTS,
    as_json: Json = False,
) -> None:
    """Trade a run on an exchange's sandbox, bar by bar, with play money only.

    Keys of the sandbox account come from CRYPTONN_KEY and CRYPTONN_SECRET, or from a file. Ctrl-C
    stops it once the order in flight is in a known state; the same command goes on. There is no way
    to trade real money with it.
    """
    from decimal import Decimal

    from cryptonn.catalog import find_run
    from cryptonn.paper.settings import PaperSettings, symbols_of
    from cryptonn.runs import read_run_config

    folder = find_run(name, results=results)
    settings = PaperSettings(
        exchange=exchange,
        fees=fees,
        cash=None if cash is None else Decimal(str(cash)),
        symbols=symbols_of(symbols or [], known=read_run_config(folder).data.symbols),
        candles=candles,
        fee_in=None if fee_in is None else fee_in.value,
        max_gap=max_gap,
    )
    facts = _traded(
        folder,
        session or exchange,
        settings,
        keys=keys,
        port=port,
        bars=bars,
        web=web,
        accept=accept_venue,
        quiet=as_json,
    )
    if as_json:
        emit(facts)
    else:
        stdout.print(
            (
                f"{counted(facts['decisions'], 'decision')} now; "
                f"{counted(facts['orders'], 'order')} and {counted(facts['fills'], 'fill')} in "
                f"the session so far, {counted(facts['incidents'], 'incident')} noted; it holds "
                f"{facts['holds']}."
            ),
            soft_wrap=True,
        )
        stdout.print(f"Session: {facts['database']}", soft_wrap=True)


def _traded(
    folder: Path,
    name: str,
    settings: "PaperSettings",
    *,
    keys: Path | None,
    port: int,
    bars: int | None,
    web: int | None,
    accept: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Trade until stopped or done; return what it came to."""
    from cryptonn.paper.view.web import check_port

    if web:
        check_port(web)  # before there is a session
    with loading():
        from cryptonn.paper.loop import PaperTrader
        from cryptonn.paper.pace import Pace
        from cryptonn.paper.session import open_session
    with (
        _stopped_by_signals() as stop,
        open_session(folder, name, settings, environ=os.environ, keys=keys, port=port) as session,
    ):
        pace = Pace(slice_s=session.slice_s)
        trader = PaperTrader(session, is_stopped=lambda: stop.asked, on_decision=_sweep, pace=pace)
        stderr.print(
            f"{folder.name}, session {name}: {_AGREEMENTS[trader.start(accept=accept)]}",
            soft_wrap=True,
        )
        with (
            _frozen(),
            _watched(session.ledger.path, stop, now_ms=session.clock.now_ms, web=web, quiet=quiet),
        ):
            made = trader.trade(bars=bars)
        return {
            "run": folder.name,
            "session": name,
            "database": str(session.ledger.path),
            "decisions": made,
            "orders": len(session.ledger.orders()),
            "fills": len(session.ledger.fills()),
            "incidents": len(session.ledger.incidents()),
            "holds": f"{session.ledger.position().normalize():f} {session.ledger.facts.base}",
        }


@contextmanager
def _frozen() -> Iterator[None]:
    """Leave what was made before out of every ``_sweep``: it stays anyhow,
    and looking at it takes long.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _sweep(_: object) -> None:
    """Give back what a decision leaves behind: a backtest is full of cycles,
    and those of hours would pile up.
    """
    gc.collect()


_AGREEMENTS = {
    "opened": "a new session; the account's balances were noted.",
    "agrees": "goes on; account and ledger agree.",
    "pending": "goes on; an order is still open at the exchange.",
    "reset": "goes on; the sandbox was reset, so a new epoch begins without a position.",
}


class _Stop:
    """Whether Ctrl-C or SIGTERM came, and where that is said."""

    _WORDS = "Stopping once the order in flight is in a known state; Ctrl-C again stops at once."

    def __init__(self) -> None:
        self.asked = False
        self.in_panel = False

    def ask(self) -> None:
        """Note that it came; a panel says so itself, since it draws over what is
        written beside it.
        """
        self.asked = True
        if not self.in_panel:
            stderr.print(self._WORDS)

    def note(self) -> str:
        """Return what the panel is to say."""
        return self._WORDS if self.asked and self.in_panel else ""


@contextmanager
def _watched(
    path: Path, stop: _Stop, *, now_ms: Callable[[], int], web: int | None, quiet: bool
) -> Iterator[None]:
    """Show the session on the terminal and, if wanted, on a page."""
    with ExitStack() as stack:
        address = ""
        if web is not None:
            from cryptonn.paper.view.web import web_page

            address = stack.enter_context(web_page(path, port=web, now_ms=now_ms)).url
            stderr.print(f"Page: {address}")
        if not quiet:
            from cryptonn.paper.view.terminal import terminal_view

            view = terminal_view(path, now_ms=now_ms, address=address, note=stop.note)
            stop.in_panel = stack.enter_context(view)
        try:
            yield
        finally:
            stop.in_panel = (
                False  # the last look comes after this, and what was in flight is settled
            )


@contextmanager
def _stopped_by_signals() -> Iterator[_Stop]:
    """Give what tells whether Ctrl-C or SIGTERM came; a second Ctrl-C interrupts at once."""
    stop = _Stop()

    def note(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.ask()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMANDS = (paper,)
