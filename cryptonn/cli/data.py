"""Commands about candles: import, download, list, check."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cryptonn.cli.console import AsJson, emit, show_progress, show_table, stdout
from cryptonn.units import counted

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from cryptonn.market.files.formats import CandleFile
    from cryptonn.market.store.candle_store import Store, Written
    from cryptonn.market.store.manifest import StoreEntry

__all__ = ["COMMANDS", "check_data", "download_data", "import_data", "list_data"]

Root = Annotated[Path, typer.Option("--data", help="Root of the candle store.")]
Json = Annotated[bool, AsJson]

_ROOT = Path("data")


def import_data(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="CSV files of one symbol, also .gz or .zip."),
    ],
    symbol: Annotated[
        str | None, typer.Option(help="Such as ETH/USD, where the file does not say it.")
    ] = None,
    exchange: Annotated[
        str, typer.Option(help="Exchange the candles come from, such as bitfinex.")
    ] = "local",
    replace: Annotated[
        bool, typer.Option("--replace", help="Let new values replace stored ones that differ.")
    ] = False,
    drop_bad_bars: Annotated[
        bool,
        typer.Option(
            "--drop-bad-bars",
            help="Drop impossible bars and count them, instead of refusing the file.",
        ),
    ] = False,
    date_order: Annotated[
        Literal["dmy", "mdy", "ymd"] | None,
        typer.Option(help="What comes first in dates such as 05/01/2020: day, month or year."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Of times without a zone, such as Europe/Berlin or UTC+8; else UTC."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Read only such rows, of a file of several coins: pair=BTCUSDT.",
        ),
    ] = None,
    root: Root = _ROOT,
    as_json: Json = False,
) -> None:
    """Import candle files into the store: the dialect is recognised, every repair counted.

    Dialects: CryptoDataDownload (minute, hourly, daily), Yahoo Finance (old and new), Binance
    klines (old and new), Kraken's OHLCVT, CoinMarketCap, FTX, Investing.com, and plain tables whose
    header names time, open, high, low, close and volume, in any order. Of several volumes the one
    in base is taken; one in quote is divided by the close.
    """
    import pandas as pd

    from cryptonn.errors import ConfigError, DataError
    from cryptonn.market.files.formats import read_candle_file
    from cryptonn.market.files.options import FileOptions
    from cryptonn.market.store.candle_store import Store
    from cryptonn.progress import Step

    options = FileOptions(
        date_order=date_order,
        timezone=timezone,
        where=_conditions(where or []),
        bad_bars="drop" if drop_bad_bars else "refuse",
    )
    store = Store(root)
    done = []
    now = pd.Timestamp.now(tz="UTC")
    with show_progress(
        "Files that were done are in the store; the same command imports the rest."
    ) as on_step:
        for position, file in enumerate(files):
            on_step(Step("import", position / len(files), file.name))
            conflicts: Literal["refuse", "replace"] = "replace" if replace else "refuse"
            try:
                read = read_candle_file(file, symbol=symbol, options=options, now=now)
                done.append((read, _store(store, read, exchange=exchange, conflicts=conflicts)))
            except (ConfigError, DataError) as error:
                raise DataError(f"{error}{_became(files, done)}") from error
    if as_json:
        emit({"imported": [_imported(read, written) for read, written in done]})
        return
    rows = [_import_row(read, written) for read, written in done]
    columns = (
        "file",
        "dialect",
        "symbol",
        "timeframe",
        "rows",
        "new",
        "same",
        "replaced",
        "repairs",
    )
    show_table("Imported", columns, rows, left=4)
    stored = {written.entry.path: written.entry for _, written in done}
    notes = [note for read, _ in done for note in read.notes]
    notes += [note for entry in stored.values() for note in entry.notes]
    for note in dict.fromkeys(notes):
        stdout.print(f"Note: {note}", soft_wrap=True, markup=False)


def _conditions(texts: list[str]) -> dict[str, str]:
    from cryptonn.errors import ConfigError

    pairs = [text.partition("=") for text in texts]
    wrong = next((text for text, pair in zip(texts, pairs, strict=True) if not all(pair)), None)
    if wrong is not None:
        raise ConfigError(
            f"--where {wrong!r} must look like COLUMN=VALUE, for example pair=BTCUSDT."
        )
    return {column.strip(): value.strip() for column, _, value in pairs}


def _became(files: "list[Path]", done: "list[tuple[CandleFile, Written]]") -> str:
    """Say what became of each file, where one of several could not be imported."""
    if len(files) == 1:
        return ""
    fates = [
        f"{read.path} was imported ({len(read.candles):,} rows, {written.added:,} new)"
        for read, written in done
    ]
    bad = len(done)
    fates.append(f"{files[bad]} was not")
    rest = files[bad + 1 :]
    if rest:
        were = "was" if len(rest) == 1 else "were"
        fates.append(f"{', '.join(str(file) for file in rest)} {were} not read")
    return f"\nOf the files given: {'; '.join(fates)}."


def _store(
    store: "Store", read: "CandleFile", *, exchange: str, conflicts: Literal["refuse", "replace"]
) -> "Written":
    from cryptonn.errors import DataError

    try:
        return store.write(
            read.candles,
            symbol=read.symbol,
            exchange=exchange,
            timeframe=read.timeframe,
            sources=[read.source],
            conflicts=conflicts,
        )
    except DataError as error:
        raise DataError(f"{read.path}: {error}") from error


def download_data(
    exchange: Annotated[
        str, typer.Option(help="Exchange by its ccxt name, such as binance; no account needed.")
    ],
    symbols: Annotated[list[str], typer.Option(help="Symbols, such as BTC/USDT ETH/USDT.")],
    timerange: Annotated[
        str, typer.Option(help="Stretch, such as 20180101-20190101; UTC, the end is not included.")
    ],
    timeframe: Annotated[str, typer.Option(help="Length of a bar.")] = "1m",
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Further symbols.")
    ] = None,
    root: Root = _ROOT,
    as_json: Json = False,
) -> None:
    """Download candles through ccxt into the store: public, rate-limited, goes on where it stopped.

    What came is held against what was asked. Not every exchange gives all that it is asked for:
    kraken, for example, gives its newest 720 bars alone. The exit code is 0 if the range is
    covered, and 1 if candles are missing: what came is stored all the same, and the next download
    asks for the rest again. Short stretches in which nobody traded are not missing.
    """
    import pandas as pd

    from cryptonn.market.exchange.coverage import coverage_words
    from cryptonn.market.exchange.download import NothingCame, download_candles
    from cryptonn.market.store.candle_store import Store
    from cryptonn.market.timerange import TimeRange
    from cryptonn.progress import Step

    with show_progress(
        "What came is in the store; the same command goes on from there."
    ) as on_step:

        def on_page(symbol: str, reached: Any, start: Any, end: Any, rows: int) -> None:
            on_step(
                Step(
                    symbol,
                    (reached - start) / (end - start),
                    f"{reached:%Y-%m-%d %H:%M}  {rows:,} rows",
                )
            )

        try:
            table = download_candles(
                Store(root),
                exchange=exchange,
                symbols=[*symbols, *(more or [])],
                timeframe=timeframe,
                timerange=TimeRange.parse(timerange),
                now=pd.Timestamp.now(tz="UTC"),
                on_page=on_page,
            )
        except NothingCame as nothing:
            table = nothing.report
    found = table.reset_index().to_dict(orient="records")
    words = [coverage_words(exchange, row["symbol"], timeframe, row["missing"]) for row in found]
    if as_json:
        emit({"downloaded": [_downloaded(row, why) for row, why in zip(found, words, strict=True)]})
    else:
        columns = ("symbol", "rows", "start", "end", "missing")
        show_table("Downloaded", columns, [_download_row(row) for row in found])
        for why in filter(None, words):
            stdout.print(f"NOT COVERED: {why}", soft_wrap=True, markup=False)
    if any(words):
        raise typer.Exit(1)


def _downloaded(row: "Mapping[Hashable, Any]", why: str) -> dict[str, Any]:
    return {
        "symbol": row["symbol"],
        "rows": row["rows"],
        "start": row["start"],
        "end": row["end"],
        "missing": [[part.start, part.end] for part in row["missing"]],
        "why": why,
    }


def _download_row(row: "Mapping[Hashable, Any]") -> tuple[object, ...]:
    bars = sum(part.bars for part in row["missing"])
    missing = counted(bars, "bar") if bars else "none"
    return row["symbol"], f"{row['rows']:,}", row["start"], row["end"], missing


def list_data(root: Root = _ROOT, as_json: Json = False) -> None:
    """List the candles in the store."""
    from cryptonn.market.store.candle_store import Store

    entries = Store(root).entries()
    if as_json:
        emit({"data": [_entry(entry) for entry in entries]})
    elif not entries:
        stdout.print(
            f"{root} holds no candles yet. Fill it with `cryptonn import-data` or `cryptonn "
            "download-data`."
        )
    else:
        rows = [
            (
                e.exchange,
                e.symbol,
                e.timeframe,
                f"{e.first:%Y-%m-%d %H:%M}",
                f"{e.last:%Y-%m-%d %H:%M}",
                f"{e.rows:,}",
            )
            for e in entries
        ]
        show_table(
            f"Candles in {root} (UTC)",
            ("exchange", "symbol", "timeframe", "first", "last", "rows"),
            rows,
            left=3,
        )


def check_data(
    symbol: Annotated[
        str | None, typer.Argument(metavar="[SYMBOL]", help="One symbol; all by default.")
    ] = None,
    exchange: Annotated[str | None, typer.Option(help="One exchange; all by default.")] = None,
    root: Root = _ROOT,
    as_json: Json = False,
) -> None:
    """Show how healthy the stored candles are: range, missing and quiet minutes, jumps, repairs,
    sha256.
    """
    from cryptonn.errors import DataError, did_you_mean
    from cryptonn.market.store.candle_store import Store
    from cryptonn.market.store.health import health

    store = Store(root)
    entries = [
        e for e in store.entries() if symbol in (None, e.symbol) and exchange in (None, e.exchange)
    ]
    if not entries:
        near = did_you_mean(symbol or "", {entry.symbol for entry in store.entries()})
        wanted = f"{symbol or 'anything'}{f' from {exchange}' if exchange else ''}"
        raise DataError(
            f"{root} holds no candles of {wanted}.{near} `cryptonn list-data` shows what there is."
        )
    reports = []
    for entry in entries:
        candles = store.read(entry.symbol, timeframe=entry.timeframe, exchange=entry.exchange)
        reports.append({**_entry(entry), **health(candles, timeframe=entry.timeframe)})
    if as_json:
        emit({"data": reports})
        return
    for report in reports:
        title = f"{report['exchange']} {report['symbol']} {report['timeframe']}"
        show_table(
            title, ("", ""), [(name.replace("_", " "), _cell(report[name])) for name in _HEALTH]
        )


_HEALTH = (
    "first",
    "last",
    "rows",
    "missing",
    "missing_share",
    "longest_gap",
    "longest_gap_after",
    "zero_volume",
    "zero_volume_share",
    "large_moves",
    "largest_move",
    "largest_move_at",
    "jumps",
    "wicks",
    "jumps_found",
    "repairs",
    "notes",
    "sha256",
)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:,}" for name, number in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return " ".join(value) or "none"
    if isinstance(value, float):
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else str(value or "none")


def _entry(entry: "StoreEntry") -> dict[str, Any]:
    facts = {
        name: value for name, value in asdict(entry).items() if name not in ("path", "sources")
    }
    return {
        **facts,
        "repairs": entry.repairs,
        "files": [source.get("file") for source in entry.sources],
    }


def _imported(read: "CandleFile", written: "Written") -> dict[str, Any]:
    return {
        "file": str(read.path),
        "dialect": read.dialect,
        "symbol": read.symbol,
        "timeframe": read.timeframe,
        "rows": len(read.candles),
        "added": written.added,
        "identical": written.identical,
        "replaced": written.replaced,
        "repairs": read.repairs,
        "notes": list(dict.fromkeys((*read.notes, *written.entry.notes))),
    }


def _import_row(read: "CandleFile", written: "Written") -> tuple[str, ...]:
    counts = (len(read.candles), written.added, written.identical, written.replaced)
    return (
        read.path.name,
        read.dialect,
        read.symbol,
        read.timeframe,
        *(f"{number:,}" for number in counts),
        _cell(read.repairs),
    )


COMMANDS = (import_data, download_data, list_data, check_data)
