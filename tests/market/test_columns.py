"""Which columns and rows of a candle file are read: volume in base, bars without a trade, one coin of several.

One market runs through the file: row ``k`` has its own prices and ``base`` coins traded, worth ``quote``. Each case
writes it in another layout; what is read must be the market, or the refusal must say what to do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from cryptonn.errors import CryptonnError, DataError
from cryptonn.market.files.formats import CandleFile, read_candle_file
from cryptonn.market.files.numbers import form_of
from cryptonn.market.files.options import FileOptions
from cryptonn.market.source import load_frame
from cryptonn.market.store.candle_store import Store
from cryptonn.market.symbols import parse_symbol
from cryptonn.settings import DataConfig

START = 1578182400  # 2020-01-05 00:00 UTC, in seconds
HOUR = 3600
BARS = "time,open,high,low,close"
PLAIN = f"{BARS},volume"


@dataclass(frozen=True)
class Bar:
    """One hour of the market."""

    k: int

    @property
    def time(self) -> int:
        return START + HOUR * self.k

    @property
    def day(self) -> str:
        return f"{pd.Timestamp('2020-01-05') + pd.Timedelta(days=self.k):%Y-%m-%d}"

    @property
    def open(self) -> float:
        return 7400.25 + 10 * self.k

    @property
    def high(self) -> float:
        return self.open + 20

    @property
    def low(self) -> float:
        return self.open - 20

    @property
    def close(self) -> float:
        return self.open + (10 if self.k % 3 else -10)

    @property
    def mean(self) -> float:
        return self.open + 2.5

    @property
    def base(self) -> float:
        return 1.5 + 0.25 * (self.k % 7)

    @property
    def quote(self) -> float:
        return self.base * self.close

    def cells(self, names: str) -> list[str]:
        """The values of what ``names`` lists; what is none of the market's stands as it is."""
        cents = {"contracts": 100 * self.base, "ms": 1000 * self.time}
        return [str(cents.get(name, getattr(self, name, name))) for name in names.split()]


OHLC = "time open high low close"
COUNT = 30


def save(folder: Path, lines: list[str], *, name: str = "candles.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def table(header: str, names: str, *, mark: str = ",", count: int = COUNT) -> list[str]:
    """A file's lines: the header, and a row a bar with the cells ``names`` lists."""
    rows = [mark.join(Bar(k).cells(names)) for k in range(count)]
    return [*([header] if header else []), *rows]


def read(
    folder: Path, lines: list[str], *, symbol: str | None = "BTC/USD", **where: str
) -> CandleFile:
    return read_candle_file(save(folder, lines), symbol=symbol, options=FileOptions(where=where))


def refused(folder: Path, lines: list[str], *, symbol: str | None = "BTC/USD", **where: str) -> str:
    with pytest.raises(CryptonnError) as caught:
        read(folder, lines, symbol=symbol, **where)
    return str(caught.value)


def is_the_market(file: CandleFile, *, count: int = COUNT, relative: float = 1e-9) -> None:
    bars = [Bar(k) for k in range(count)]
    assert file.candles["open"].tolist() == [bar.open for bar in bars]
    assert file.candles["high"].tolist() == [bar.high for bar in bars]
    assert file.candles["low"].tolist() == [bar.low for bar in bars]
    assert file.candles["close"].tolist() == [bar.close for bar in bars]
    assert file.candles["volume"].tolist() == pytest.approx(
        [bar.base for bar in bars], rel=relative
    )


# ---- volume


@pytest.mark.parametrize(
    "volumes",
    [
        "volume_usd,volume_btc",
        "Volume USDT,Volume BTC",
        "Volume (USD),Volume (BTC)",
        "Volume_(Currency),Volume_(BTC)",
        "usd_volume,btc_volume",
        "vol_usd,vol_btc",
        "volume_usd,volume_xbt",
        "volumeUsd,volumeBtc",
        "volumeusd,volumebtc",
        "turnover,volume",
        "value,vol",
        "notional,v",
        "money,Vol.",
        "Volume ($),Volume",
        "dollar volume,volume",
        "volume_quote,volume_base",
        "quoteVolume,baseVolume",
        "Quote asset volume,Volume",
        "quote_volume,base asset volume",
        "volumeto,volumefrom",
        "Volume To,Volume From",
        "foreignNotional,homeNotional",
        "quote_qty,base_qty",
        "amount,volume",
        "vol,amount",
    ],
)
def test_the_volume_in_base_is_found_whatever_stands_first(tmp_path: Path, volumes: str) -> None:
    """volume_usd,volume_btc stored dollars as coins."""
    quote, base = volumes.split(",")
    file = read(tmp_path, table(f"{BARS},{volumes}", f"{OHLC} quote base"))
    is_the_market(file)
    assert file.repairs == {}
    assert f"The volume is column {base}." in file.notes
    is_the_market(read(tmp_path, table(f"{BARS},{base},{quote}", f"{OHLC} base quote")))


@pytest.mark.parametrize(
    "name",
    [
        "volume_usd",
        "volume USDT",
        "Volume ($)",
        "volume_quote",
        "quoteVolume",
        "turnover",
        "notional",
        "volumeto",
        "Volume_(Currency)",
        "dollar_volume",
    ],
)
def test_a_volume_in_quote_alone_is_converted_said_and_counted(tmp_path: Path, name: str) -> None:
    file = read(tmp_path, table(f"{BARS},{name}", f"{OHLC} quote"))
    is_the_market(file)
    assert file.repairs == {"converted_volume": COUNT}
    assert any(f"{name} counts quote money: it was divided by the" in note for note in file.notes)


@pytest.mark.parametrize(
    ("volumes", "cells"),
    [
        ("volume_contracts,volume_base,volume_quote", "contracts base quote"),
        ("vol,volCcy,volCcyQuote", "contracts base quote"),
        ("vol,volCcy,volCcyQuote", "base quote quote"),
        ("contracts,volume", "contracts base"),
        ("volume,volume_btc", "contracts base"),
        ("Volume,Volume MA", "base contracts"),
    ],
    ids=["okx", "okx swap", "okx spot", "contracts", "plain beside named", "mean"],
)
def test_contracts_are_never_base(tmp_path: Path, volumes: str, cells: str) -> None:
    is_the_market(read(tmp_path, table(f"{BARS},{volumes}", f"{OHLC} {cells}")))


def test_contracts_beside_quote_are_left_and_quote_is_converted(tmp_path: Path) -> None:
    header = f"{BARS},volume_contracts,volume_quote"
    file = read(tmp_path, table(header, f"{OHLC} contracts quote"))
    is_the_market(file)
    assert file.repairs == {"converted_volume": COUNT}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("contracts", "contracts is not known to count BTC or USD"),
        ("volume_contracts", "volume_contracts is not known to count BTC or USD"),
        ("lots", "lots is not known to count BTC or USD"),
        ("Volume (EUR)", "Volume (EUR) is not known to count BTC or USD"),
        ("volume_eth", "volume_eth is not known to count BTC or USD"),
        ("total_volume", "total_volume is not known"),
        ("taker buy volume", "taker buy volume is not known"),
        ("trades", "no column counts what was traded"),
        ("amount", "what amount counts is not known. Rename the column"),
    ],
)
def test_a_volume_that_is_neither_base_nor_quote_is_refused(
    tmp_path: Path, name: str, words: str
) -> None:
    message = refused(tmp_path, table(f"{BARS},{name}", f"{OHLC} contracts"))
    assert words in message
    assert "volume_quote" in message


def test_the_symbol_decides_what_is_base(tmp_path: Path) -> None:
    lines = table(f"{BARS},volume_btc,volume_eth", f"{OHLC} quote base")
    is_the_market(read(tmp_path, lines, symbol="ETH/BTC"))
    plain = table(f"{BARS},volume_btc,volume", f"{OHLC} quote base")
    is_the_market(read(tmp_path, plain, symbol="ETH/BTC"))


@pytest.mark.parametrize(
    ("volumes", "cells", "words"),
    [
        ("volume_usd,volume_btc", "base quote", "They fit the other way round"),
        ("volume,turnover", "quote base", "They fit the other way round"),
        ("volume,volume_quote", "contracts quote", "volume may count contracts"),
        ("volume,vol", "base contracts", "two columns may be the volume, and they differ"),
        ("Volume,volume", "base contracts", "two columns may be the volume, and they differ"),
    ],
)
def test_volumes_that_contradict_the_prices_or_one_another_are_refused(
    tmp_path: Path, volumes: str, cells: str, words: str
) -> None:
    message = refused(tmp_path, table(f"{BARS},{volumes}", f"{OHLC} {cells}"))
    assert words in message
    assert "in row 2" in message


def swapped(rows: range, *, count: int = 60) -> list[str]:
    """The market with base and quote in the other's column in some rows."""
    lines = [f"{BARS},Volume BTC,Volume USD"]
    for bar in map(Bar, range(count)):
        amounts = "quote base" if bar.k in rows else "base quote"
        lines.append(",".join(bar.cells(f"{OHLC} {amounts}")))
    return lines


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        (range(20), "20 of 60 rows, first in row 2"),
        (range(40, 60), "20 of 60 rows, first in row 42"),
        (range(10, 20), "10 of 60 rows, first in row 12"),
        (range(30), "30 of 60 rows, first in row 2"),
        (range(30, 60), "30 of 60 rows, first in row 32"),
    ],
    ids=["at the start", "at the end", "inside", "the first half", "the second half"],
)
def test_a_volume_swapped_in_part_of_the_file_is_refused(
    tmp_path: Path, rows: range, first: str
) -> None:
    """Dollars were stored as coins in the part that was swapped."""
    message = refused(tmp_path, swapped(rows))
    assert f"in {first}, Volume BTC counts quote money" in message
    assert "swapped in part of the file" in message


def test_a_volume_swapped_in_most_of_the_file_is_refused(tmp_path: Path) -> None:
    assert "They fit the other way round" in refused(tmp_path, swapped(range(45)))


def test_a_volume_that_counts_quote_in_part_of_the_file_is_refused(tmp_path: Path) -> None:
    rows = [
        ",".join(bar.cells(f"{OHLC} {'quote' if bar.k < 15 else 'base'} quote"))
        for bar in map(Bar, range(60))
    ]
    message = refused(tmp_path, [f"{BARS},volume,volume_usd", *rows])
    assert "in 15 of 60 rows, first in row 2, volume counts quote money" in message


@pytest.mark.parametrize("first", ["contracts base", "base contracts"])
def test_contracts_called_volume_beside_an_amount_are_refused(tmp_path: Path, first: str) -> None:
    """OKX's swaps of seven columns: vol counts contracts, volCcy counts base."""
    message = refused(tmp_path, table("ts,o,h,l,c,vol,volCcy", f"{OHLC} {first}"))
    assert "vol or volCcy may count base, and they differ: in row 2 vol is " in message
    assert "Rename the one that counts base to volume_base, and the other to contracts" in message
    renamed = ["volume_base" if name == "base" else name for name in first.split()]
    is_the_market(read(tmp_path, table(f"{BARS},{','.join(renamed)}", f"{OHLC} {first}")))


@pytest.mark.parametrize("cell", ["0", "0.0", "NaN", ""])
@pytest.mark.parametrize("name", ["volume", "volume_btc", "amount"])
def test_an_empty_volume_in_base_gives_way_to_the_one_in_quote(
    tmp_path: Path, name: str, cell: str
) -> None:
    """Every bar was stored with a volume of 0."""
    rows = [
        f"{bar.time},{','.join(bar.cells('open high low close'))},{cell},{bar.quote}"
        for bar in map(Bar, range(COUNT))
    ]
    file = read(tmp_path, [f"{BARS},{name},volume_usd", *rows])
    is_the_market(file)
    assert file.repairs == {"converted_volume": COUNT}


def test_klines_of_coin_margined_futures_are_refused(tmp_path: Path) -> None:
    """Their volume counts contracts of 100 dollars, their quote volume coins."""
    rows = []
    for bar in map(Bar, range(COUNT)):
        prices = ",".join(bar.cells("open high low close"))
        number = round(bar.quote / 100)
        rows.append(f"{bar.time * 1000},{prices},{number},{bar.time * 1000 + 1},{bar.base},5,0,0,0")
    assert "They fit the other way round" in refused(tmp_path, rows, symbol="BTC/USD")


def test_no_volume_is_refused_with_advice(tmp_path: Path) -> None:
    for lines in (table(BARS, OHLC), table(PLAIN, f"{OHLC} NaN")):
        message = refused(tmp_path, lines)
        assert "mark or index prices" in message
        assert "not trade on them" in message


def test_more_than_all_markets_trade_is_noted(tmp_path: Path) -> None:
    """Yahoo's billions of dollars in a plain file: nothing says that they are dollars but their size."""
    file = read(tmp_path, table(PLAIN, f"{OHLC} 28838360000"))
    assert any("more than all markets trade" in note for note in file.notes)


# ---- layouts


YAHOO_ROW = "day close high low open quote"
TICKERS = f"Ticker{',BTC-USD' * 5}"


@pytest.mark.parametrize(
    "lines",
    [
        table("Date,Close,High,Low,Open,Volume", YAHOO_ROW),
        table(",Date,Close,High,Low,Open,Volume", f"k {YAHOO_ROW}"),
        table("Date,Adj Close,Close,High,Low,Open,Volume", f"day close {YAHOO_ROW[4:]}"),
        table(
            "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
            "day open high low close quote 0.0 0.0",
        ),
        ["Price,Close,High,Low,Open,Volume", TICKERS, "Date,,,,,", *table("", YAHOO_ROW)],
        [TICKERS, "Price,Close,High,Low,Open,Volume", "Date,,,,,", *table("", YAHOO_ROW)],
        [
            TICKERS,
            "Price,Open,High,Low,Close,Volume",
            "Date,,,,,",
            *table("", "day open high low close quote"),
        ],
    ],
    ids=["yfinance", "index", "adjusted", "history", "two heads", "by ticker", "plain order"],
)
def test_yahoo_counts_quote_in_every_layout(tmp_path: Path, lines: list[str]) -> None:
    file = read(tmp_path, lines)
    is_the_market(file)
    assert (file.dialect, file.timeframe) == ("Yahoo", "1d")
    assert file.repairs == {"converted_volume": COUNT}
    assert any("quote money" in note for note in file.notes)


def test_yahoo_by_the_hour(tmp_path: Path) -> None:
    lines = table("Datetime,Close,High,Low,Open,Volume", YAHOO_ROW.replace("day", "ms"))
    file = read(tmp_path, lines)
    is_the_market(file)
    assert (file.dialect, file.timeframe) == ("Yahoo", "1h")


def test_the_old_plain_order_is_base(tmp_path: Path) -> None:
    lines = table("Date,Open,High,Low,Close,Volume", "day open high low close base")
    file = read(tmp_path, lines)
    is_the_market(file)
    assert file.dialect == "plain OHLCV"


def test_the_ticker_of_yfinance_is_the_symbol(tmp_path: Path) -> None:
    lines = ["Price,Close,High,Low,Open,Volume", TICKERS, "Date,,,,,", *table("", YAHOO_ROW)]
    assert read(tmp_path, lines, symbol=None).symbol == "BTC/USD"
    assert "the file holds BTC/USD, not ETH/USD" in refused(tmp_path, lines, symbol="ETH/USD")
    two = [line.replace("Ticker,BTC-USD", "Ticker,ETH-USD") for line in lines]
    assert "several symbols in one file, side by side: ETH-USD, BTC-USD" in refused(tmp_path, two)


@pytest.mark.parametrize(
    ("header", "names", "dialect"),
    [
        ("", f"{OHLC} base 17", "Kraken OHLCVT"),
        ("time,low,high,open,close,volume", "time low high open close base", "plain OHLCV"),
        (
            "time,open,close,high,low,volume,turnover",
            "time open close high low base quote",
            "plain OHLCV",
        ),
        ("startTime,open,high,low,close,volume,turnover", f"{OHLC} base quote", "plain OHLCV"),
        ("t,o,h,l,c,v", f"{OHLC} base", "plain OHLCV"),
        (
            "ts,o,h,l,c,vol,volCcy,volCcyQuote,confirm",
            f"{OHLC} base quote quote 1",
            "plain OHLCV",
        ),
        ("Open Time,Open (USD),High(USD),Low_USD,close_usd,Volume", f"{OHLC} base", "plain OHLCV"),
        (
            "time,open_eur,open_usd,high_eur,high_usd,low_usd,close_usd,volume",
            "time 1 open 1 high low close base",
            "plain OHLCV",
        ),
        ("startTime,time,open,high,low,close,volume", f"day {OHLC} quote", "FTX"),
        (
            "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
            "time x BTC/USD open high low close base quote",
            "CryptoDataDownload hourly",
        ),
    ],
)
def test_layouts_of_exchanges(tmp_path: Path, header: str, names: str, dialect: str) -> None:
    file = read(tmp_path, table(header, names))
    is_the_market(file)
    assert file.dialect == dialect


def test_coinmarketcap_is_stamped_by_its_open_and_counts_quote(tmp_path: Path) -> None:
    header = (
        "timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp"
    )
    rows = []
    for bar in map(Bar, range(COUNT)):
        cells = ";".join(bar.cells("open high low close quote"))
        opened = f'"{bar.day}T00:00:00.000Z"'
        closed = f'"{bar.day}T23:59:59.999Z"'
        rows.append(f'{opened};{closed};{opened};{opened};"2781";{cells};1500000;{closed}')
    file = read(tmp_path, [header, *rows])
    is_the_market(file)
    assert (file.dialect, str(file.candles.index[0])) == (
        "CoinMarketCap",
        "2020-01-05 00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Date,Open,High,Low,Close,Volume,Market Cap", "day open high low close quote 9"),
        ("Date,Open*,High,Low,Close**,Volume,Market Cap", "day open high low close quote 9"),
        (
            "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap",
            "k Bitcoin BTC day high low open close quote 9",
        ),
        (
            "slug,symbol,name,date,ranknow,open,high,low,close,volume,market,close_ratio,spread",
            "bitcoin BTC Bitcoin day 1 open high low close quote k 0.5 40",
        ),
        (
            "slug,symbol,name,date,ranknow,open,high,low,close,volume,market,close_ratio,spread",
            "bitcoin BTC Bitcoin day 1 open high low close quote 0 0.5 40",
        ),
    ],
    ids=["table", "with stars", "Kaggle, a file a coin", "Kaggle, all coins", "without a cap"],
)
def test_tables_of_coinmarketcap_count_quote(tmp_path: Path, header: str, names: str) -> None:
    """Dollars were stored as coins."""
    file = read(tmp_path, table(header, names))
    is_the_market(file)
    assert (file.dialect, file.timeframe) == ("CoinMarketCap", "1d")
    assert file.repairs == {"converted_volume": COUNT}


def test_investing_com_has_thousands_and_rounded_volumes(tmp_path: Path) -> None:
    rows = []
    for bar in map(Bar, range(COUNT)):
        prices = (bar.close, bar.open, bar.high, bar.low)
        cells = ",".join(f'"{price:,}"' for price in prices)
        rows.append(f'"{bar.day}",{cells},"{bar.base:.2f}K","-0.53%"')
    file = read(tmp_path, ['"Date","Price","Open","High","Low","Vol.","Change %"', *rows])
    assert file.candles["close"].tolist() == [Bar(k).close for k in range(COUNT)]
    assert file.candles["volume"].tolist() == [1000 * Bar(k).base for k in range(COUNT)]
    assert file.repairs == {"rounded_volume": COUNT}
    assert any("rounded" in note for note in file.notes)


@pytest.mark.parametrize(
    ("names", "order"),
    [
        ("time open high low close base", "time,open,high,low,close,volume"),
        ("ms open close high low base", "time,open,close,high,low,volume"),
        ("time low high open close base", "time,low,high,open,close,volume"),
        ("time open close high low base quote", "time,open,close,high,low,volume,other1"),
    ],
    ids=["kraken", "bitfinex", "coinbase", "kucoin"],
)
def test_without_a_header_the_order_is_asked_for(tmp_path: Path, names: str, order: str) -> None:
    message = refused(tmp_path, table("", names))
    assert "The first line looks like a candle: add a header that names the columns" in message
    assert f"\n  {order}\n" in message
    is_the_market(read(tmp_path, table(order, names)))


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (f"{OHLC} mean base k", "time,open,high,low,close,vwap,volume,other1"),
        (f"{OHLC} base k mean", "time,open,high,low,close,?,?,vwap"),
        (f"{OHLC} contracts base quote 1", "time,open,high,low,close,other1,volume,other2,other3"),
        (f"{OHLC} base quote quote 1", "time,open,high,low,close,volume,other1,other2,other3"),
        (f"{OHLC} contracts base", "time,open,high,low,close,?,?"),
        (f"{OHLC} base ms quote", "time,open,high,low,close,volume,other1,other2"),
    ],
    ids=["Kraken's API", "Alpaca", "OKX's swaps", "OKX", "older swaps", "klines cut"],
)
def test_without_a_header_the_volume_is_told_by_its_values(
    tmp_path: Path, names: str, order: str
) -> None:
    """The header that was to be put before the first candle called the mean price, or contracts, volume."""
    message = refused(tmp_path, table("", names))
    assert f"\n  {order}\n" in message
    if "?" in order:
        assert "write volume for the column that counts base" in message
    else:
        is_the_market(read(tmp_path, table(order, names)))


@pytest.mark.parametrize("index", ["", "k "])
def test_the_numbers_that_pandas_gives_to_columns_are_no_candle(tmp_path: Path, index: str) -> None:
    """What ccxt returns, saved by pandas: done as the message said, the next one was "row 2: 0 is no time"."""
    start = "," if index else ""
    rows = table("", f"{index}{OHLC} base")
    right = f"{start}{PLAIN}"
    numbers = f"{start}0,1,2,3,4,5"
    message = refused(tmp_path, [numbers, *rows])
    assert f"row 1, '{numbers}', holds the numbers that pandas gives to columns" in message
    assert f"Replace it with one that names the columns, for the candles of ccxt '{right}'" in (
        message
    )
    assert f"row 2, '{numbers}', holds" in refused(tmp_path, [right, numbers, *rows])
    is_the_market(read(tmp_path, [right, *rows]))


@pytest.mark.parametrize("volume", ["volume", "volume_btc", "volume_quote"])
def test_a_volume_that_is_a_price_is_refused(tmp_path: Path, volume: str) -> None:
    message = refused(tmp_path, table(f"{BARS},{volume},other1,trades", f"{OHLC} mean base k"))
    assert f"column {volume} is a price, not a volume" in message
    assert "as in row 2: 7402.75" in message


def test_a_steady_volume_between_low_and_high_is_no_price(tmp_path: Path) -> None:
    rows = [f"{bar.time},7000,9000,6000,{8000 + bar.k},7400" for bar in map(Bar, range(COUNT))]
    assert set(read(tmp_path, [PLAIN, *rows]).candles["volume"]) == {7400.0}


def test_prices_in_another_money_are_refused(tmp_path: Path) -> None:
    header = "time,Open (EUR),High (EUR),Low (EUR),Close (EUR),volume"
    message = refused(tmp_path, table(header, f"{OHLC} base"))
    assert "the prices are not in USD: open stands in column Open (EUR)" in message


# ---- cells


def german(value: float) -> str:
    return f"{value:,}".translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("mark", "write"),
    [
        (";", str),
        ("\t", str),
        ("|", str),
        (",", '"{}"'.format),
        (",", '"{:,}"'.format),
        (";", "{:,}".format),
        (";", lambda value: str(value).replace(".", ",")),
        (";", german),
        (",", lambda value: f'"{german(value)}"'),
    ],
)
def test_marks_between_cells_and_in_numbers(
    tmp_path: Path, mark: str, write: Callable[[float], str]
) -> None:
    bars = [Bar(k) for k in range(COUNT)]
    rows = [
        mark.join([str(b.time), *map(write, (b.open, b.high, b.low, b.close, b.base))])
        for b in bars
    ]
    is_the_market(read(tmp_path, [PLAIN.replace(",", mark), *rows]))


def test_a_comma_that_may_mean_two_things_is_refused(tmp_path: Path) -> None:
    rows = [f"{START + HOUR * k};7,345;7,345;7,345;7,345;1,234" for k in range(5)]
    assert "the comma in '7,345' may be the decimal mark" in refused(
        tmp_path, [PLAIN.replace(",", ";"), *rows]
    )
    with pytest.raises(DataError, match="some mean it as the decimal mark, some do not"):
        form_of([["7345,1", "7,345.1"]], source="a.csv")


@pytest.mark.parametrize("volume", ["74274", "06815", "1.250"])
def test_a_point_that_may_stand_between_thousands_is_refused(tmp_path: Path, volume: str) -> None:
    """7.400 between semicolons was read as 7.4."""
    rows = [f"{START + HOUR * k};7.40{k};7.425;7.385;7.410;{volume}" for k in range(5)]
    message = refused(tmp_path, [PLAIN.replace(",", ";"), *rows])
    assert "the point in '7.400' may be the decimal mark or stand between thousands" in message
    with_commas = [row.replace(";", ",") for row in [PLAIN, *rows]]
    assert read(tmp_path, with_commas).candles["close"].iloc[0] == 7.41


@pytest.mark.parametrize(
    ("price", "volume", "read_as"),
    [
        ("7.410", "1.5", 7.41),
        ("7.41", "1.234", 7.41),
        ("0.410", "1.234", 0.41),
        ("7.410", "1,5", 7410.0),
        ("7410", "12", 7410.0),
    ],
)
def test_one_number_tells_what_the_points_are(
    tmp_path: Path, price: str, volume: str, read_as: float
) -> None:
    rows = [f"{START + HOUR * k};{price};{price};{price};{price};{volume}" for k in range(5)]
    file = read(tmp_path, [PLAIN.replace(",", ";"), *rows])
    assert file.candles["close"].iloc[0] == read_as


def test_decimal_commas_between_commas_are_refused(tmp_path: Path) -> None:
    rows = [row.replace(".", ",") for row in table("", f"{OHLC} base")]
    message = refused(tmp_path, [PLAIN, *rows])
    assert "if numbers are written with a comma in this file, put semicolons" in message


@pytest.mark.parametrize(
    ("before", "header", "names"),
    [
        (["# exported by hand", "# BTC, of mine, by the hour, in dollars, all"], PLAIN, OHLC),
        ([], f"# {PLAIN}", OHLC),
        (["sep=,"], PLAIN, OHLC),
        (["", "My candles"], PLAIN, OHLC),
        ([], f",{PLAIN}", f"k {OHLC}"),
        ([], f"Unnamed: 0,{PLAIN}", f"k {OHLC}"),
        ([], f"\ufeff{PLAIN}", OHLC),
        ([], PLAIN.replace("time", ""), OHLC),
        ([], '"time","open","high","low","close","volume"', OHLC),
    ],
)
def test_what_stands_around_the_table(
    tmp_path: Path, before: list[str], header: str, names: str
) -> None:
    is_the_market(read(tmp_path, [*before, *table(header, f"{names} base")]))


@pytest.mark.parametrize("header", [f"{PLAIN},", PLAIN])
def test_a_delimiter_at_the_end_of_lines(tmp_path: Path, header: str) -> None:
    rows = [f"{row}," for row in table("", f"{OHLC} base")]
    is_the_market(read(tmp_path, [header, *rows]))


# ---- bars without a trade


NULLS = (
    *("NaN", "nan", "NAN", "nAn", "null", "NULL", "nUlL", "None", "none", "N/A", "n/a", "NA"),
    *("#N/A", "-", "--", "<NA>", "NaT", "\\N", "", " ", "  NaN"),
)


def without_trade(cells: Callable[[int], list[str]], *, every: int = 3) -> list[str]:
    """The market with a trade in every third bar alone; ``cells`` are those of the others."""
    rows = [PLAIN]
    for k in range(COUNT):
        values = Bar(k).cells("open high low close base") if k % every == 0 else cells(k)
        rows.append(",".join([str(Bar(k).time), *values]))
    return rows


def is_every_third(file: CandleFile) -> None:
    bars = [Bar(k) for k in range(0, COUNT, 3)]
    assert file.candles["close"].tolist() == [bar.close for bar in bars]
    assert file.candles["volume"].tolist() == [bar.base for bar in bars]
    assert file.repairs == {"null_rows": COUNT - len(bars)}
    assert file.timeframe == "1h", "of all rows, before those without a trade are dropped"


@pytest.mark.parametrize("volume", [None, "0", "0.0", ""])
@pytest.mark.parametrize("cell", NULLS)
def test_a_bar_without_a_trade_is_a_null_row(tmp_path: Path, cell: str, volume: str | None) -> None:
    """Cells of nan passed as numbers, and the file was refused; those of null were left out."""
    values = [*[cell] * 4, cell if volume is None else volume]
    is_every_third(read(tmp_path, without_trade(lambda _: values)))


@pytest.mark.parametrize("shift", range(4))
def test_any_mixture_is_a_null_row(tmp_path: Path, shift: int) -> None:
    lines = without_trade(lambda k: [NULLS[(k * (shift + 3) + i) % len(NULLS)] for i in range(5)])
    is_every_third(read(tmp_path, lines))


def test_prices_and_volume_of_0_are_a_null_row(tmp_path: Path) -> None:
    is_every_third(read(tmp_path, without_trade(lambda _: ["0", "0", "0.0", "0", "0"])))


def test_null_rows_with_dates_for_times(tmp_path: Path) -> None:
    lines = table("Date,Open,High,Low,Close,Volume", "day open high low close base")
    lines[5] = f"{Bar(4).day},NaN,NaN,NaN,NaN,NaN"
    file = read(tmp_path, lines)
    assert (len(file.candles), file.repairs) == (COUNT - 1, {"null_rows": 1})


def test_a_file_in_which_most_minutes_are_empty_stays_of_minutes(tmp_path: Path) -> None:
    lines = without_trade(lambda _: ["NaN"] * 5, every=10)
    assert read(tmp_path, lines).timeframe == "1h"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["NaN", "NaN", "NaN", "NaN", "5"], "open is missing"),
        (["7400", "NaN", "7300", "7400", "0"], "high is missing"),
        (["inf", "inf", "inf", "inf", "0"], "open is infinite"),
        (["0", "0", "0", "0", "5"], "open 0 is not above 0"),
    ],
)
def test_what_is_no_null_row_is_an_impossible_bar(
    tmp_path: Path, cells: list[str], words: str
) -> None:
    message = refused(tmp_path, without_trade(lambda _: cells))
    assert f"first in row 3 at 2020-01-05 01:00Z: {words}" in message


@pytest.mark.parametrize("cell", ["-", "", "NaN", "null", "--"])
@pytest.mark.parametrize(
    "cells", ["open high low close", "open open open open"], ids=["moved", "flat"]
)
def test_a_bar_with_prices_and_without_a_volume_has_0(
    tmp_path: Path, cells: str, cell: str
) -> None:
    """It was an impossible bar, and the advice threw its prices away."""
    file = read(tmp_path, without_trade(lambda k: [*Bar(k).cells(cells), cell]))
    bars = [Bar(k) for k in range(COUNT)]
    assert file.candles["open"].tolist() == [bar.open for bar in bars]
    volumes = [0.0 if bar.k % 3 else bar.base for bar in bars]
    assert file.candles["volume"].tolist() == volumes
    assert file.repairs == {"missing_volume": 20}
    assert (
        "Column volume has no amount in 20 of the bars that have prices: their volume was set to 0."
        in (file.notes)
    )


def test_investing_com_and_coinmarketcap_lack_volumes(tmp_path: Path) -> None:
    """A "-" on single days, and in the first months of 2013."""
    rows = [
        f"{bar.day},{bar.close},{bar.open},{bar.high},{bar.low},{'-' if bar.k == 7 else '1.50K'},1%"
        for bar in map(Bar, range(COUNT))
    ]
    file = read(tmp_path, ["Date,Price,Open,High,Low,Vol.,Change %", *rows])
    assert file.candles["volume"].tolist() == [0.0 if k == 7 else 1500.0 for k in range(COUNT)]
    assert file.repairs == {"rounded_volume": COUNT - 1, "missing_volume": 1}
    assert any("Column Vol. has no amount in 1 of the bars" in note for note in file.notes)
    rows = [
        f"{bar.day},{','.join(bar.cells('open high low close'))},{'-' if bar.k < 10 else bar.quote},9"
        for bar in map(Bar, range(COUNT))
    ]
    file = read(tmp_path, ["Date,Open,High,Low,Close,Volume,Market Cap", *rows])
    assert file.candles["volume"].iloc[9] == 0
    assert file.candles["volume"].iloc[10] == pytest.approx(Bar(10).base)
    assert file.repairs == {"converted_volume": COUNT, "missing_volume": 10}


@pytest.mark.parametrize("cell", ["0", "NaN", ""])
def test_where_base_is_missing_the_volume_in_quote_is_taken(tmp_path: Path, cell: str) -> None:
    rows = [
        f"{bar.time},{','.join(bar.cells('open high low close'))},"
        f"{bar.base if bar.k % 3 else cell},{bar.quote}"
        for bar in map(Bar, range(COUNT))
    ]
    file = read(tmp_path, [f"{BARS},volume,volume_usd", *rows])
    is_the_market(file)
    assert file.repairs == {"converted_volume": 10}
    assert any("it was taken from volume_usd" in note for note in file.notes)


def test_a_file_of_null_rows_alone_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, table(PLAIN, "time NaN NaN NaN NaN NaN"))
    assert "no row has a price: all 30 rows are empty, null or 0" in message
    assert "--drop-bad-bars" not in message


def test_a_null_row_beside_a_bar_of_the_same_time_is_no_conflict(tmp_path: Path) -> None:
    lines = [*table(PLAIN, f"{OHLC} base"), f"{START},NaN,NaN,NaN,NaN,NaN"]
    file = read(tmp_path, lines)
    is_the_market(file)
    assert file.repairs == {"null_rows": 1}


def test_null_rows_of_listed_files_are_filled_flat(tmp_path: Path) -> None:
    lines = without_trade(lambda _: ["NaN"] * 5)
    save(tmp_path, lines, name="nan.csv")
    frame, facts = load_frame(listed(tmp_path, "nan.csv"))
    assert facts["BTC/USD"]["repairs"] == {"null_rows": 20}
    assert set(frame.index.diff()[1:]) == {pd.Timedelta("1h")}
    assert frame.candles("BTC/USD")["close"].iloc[1] == Bar(0).close


# ---- several coins


def coins(
    name: str, values: tuple[str, str] = ("BTCUSDT", "ETHUSDT"), *, order: str = "blocks"
) -> list[str]:
    """The market, and one of a fiftieth of its prices beside it, told apart by a column."""
    one = [(bar, values[0], 1.0) for bar in map(Bar, range(COUNT))]
    other = [(bar, values[1], 0.02) for bar in map(Bar, range(COUNT))]
    rows = [*one, *other]
    if order == "mixed":
        rows = [row for pair in zip(one, other, strict=True) for row in pair]
    if order == "alternating":
        rows = [(other if k % 2 else one)[k] for k in range(COUNT)]
    if order == "disjoint":
        rows = [*one[:15], *other[15:]]
    lines = [f"time,{name},open,high,low,close,volume"]
    for bar, value, scale in rows:
        prices = (bar.open * scale, bar.high * scale, bar.low * scale, bar.close * scale)
        lines.append(",".join([str(bar.time), value, *map(str, prices), str(bar.base)]))
    return lines


@pytest.mark.parametrize("order", ["blocks", "mixed", "alternating", "disjoint"])
@pytest.mark.parametrize(
    "name", ["pair", "Ticker", "COIN", "name", "asset", "instrument", "market", "code", "what"]
)
def test_several_coins_are_seen_and_one_can_be_chosen(
    tmp_path: Path, name: str, order: str
) -> None:
    """Two coins were joined into one series that fell from 7,400 to 148."""
    message = refused(tmp_path, coins(name, order=order))
    assert f"several values of {name} in one file: " in message
    assert f"--where {name}=BTCUSDT" in message
    assert f'where."BTC/USD" = {{ {name} = "BTCUSDT" }}' in message
    file = read(tmp_path, coins(name, order=order), **{name.lower(): "btcusdt"})
    assert (file.candles["open"] > 7000).all()
    assert set(file.repairs) == {"other_rows"}
    assert any(f"Only the rows with {name} = BTCUSDT were read" in note for note in file.notes)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("coin_id", ("1", "2")),
        ("xyz", ("1", "2")),
        ("interval", ("1h", "1d")),
        ("granularity", ("60", "3600")),
        ("side", ("bid", "ask")),
        ("type", ("mark", "index")),
        ("exchange", ("kraken", "bitstamp")),
        ("Venue", ("kraken", "bitstamp")),
    ],
)
@pytest.mark.parametrize("order", ["blocks", "mixed"])
def test_other_series_are_told_apart_too(
    tmp_path: Path, name: str, values: tuple[str, str], order: str
) -> None:
    lines = coins(name, values, order=order)
    message = refused(tmp_path, lines)
    assert f"several values of {name} in one file: {values[0]}, {values[1]} (30 and 30 rows)" in (
        message
    )
    is_the_market(read(tmp_path, lines, **{name: values[0]}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("exchange", ("kraken", "bitstamp")),
        ("venue", ("kraken", "bitstamp")),
        ("type", ("trade", "mark")),
    ],
)
def test_rows_of_two_exchanges_by_turns_are_not_merged(
    tmp_path: Path, name: str, values: tuple[str, str]
) -> None:
    """Nothing but the column tells them apart: prices alike, no time twice."""
    rows = [f"{row},{values[k % 2]}" for k, row in enumerate(table("", f"{OHLC} base"))]
    message = refused(tmp_path, [f"{PLAIN},{name}", *rows])
    assert f"several values of {name} in one file: {values[0]}, {values[1]} (15 and 15 rows)" in (
        message
    )


@pytest.mark.parametrize(
    ("volumes", "names", "symbol"),
    [
        ("Volume_(BTC),Volume_(Currency)", "base quote", "ETH/USD"),
        ("Volume BTC,Volume USD", "base quote", "ETH/USD"),
        ("volume_xbt,volume_usd", "base quote", "ETH/USD"),
        ("Volume ADA,Volume USDT", "base quote", "SOL/USDT"),
        ("volumebtc,turnover", "base quote", "ETH/USD"),
        ("volume_btc,volume", "base base", "ETH/USD"),
    ],
)
def test_a_volume_named_after_another_coin_is_refused(
    tmp_path: Path, volumes: str, names: str, symbol: str
) -> None:
    """The prices of BTC were stored as those of ETH/USD."""
    lines = table(f"{BARS},{volumes}", f"{OHLC} {names}")
    message = refused(tmp_path, lines, symbol=symbol)
    assert f"so the file seems to hold {named_of(volumes)}, not {symbol}" in message
    assert "Give the symbol that it holds" in message
    its_own = f"{named_of(volumes)}/{symbol.split('/')[1]}"
    is_the_market(read(tmp_path, lines, symbol=its_own))


def named_of(volumes: str) -> str:
    coins = ("BTC", "XBT", "ADA")
    return next(coin for coin in coins if coin in volumes.upper())


def test_a_volume_in_another_coin_beside_its_own_is_no_reason_to_refuse(tmp_path: Path) -> None:
    lines = table(f"{BARS},volume_eth,volume_btc,volume_usd", f"{OHLC} base 1 quote")
    is_the_market(read(tmp_path, lines, symbol="ETH/USD"))


def test_a_column_of_numbers_is_named_in_a_conflict(tmp_path: Path) -> None:
    rows = table("", f"{OHLC} base 1")
    higher = [
        row.replace(f",{Bar(k).base},1", f",{Bar(k).base + 1},2") for k, row in enumerate(rows)
    ]
    message = refused(tmp_path, [f"{PLAIN},book", *rows, *higher])
    assert "30 rows in conflict with another of the same time" in message
    assert "column book is '1' and '2'" in message
    assert "--where book=1" in message


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("weekday", ("Mon", "Tue")),
        ("month", ("January", "Feb")),
        ("closed", ("true", "False")),
        ("Change %", ("-0.5%", "0.5%")),
        ("Market Cap", ("1.3B", "1.4B")),
        ("date", ("2020-01-01", "2020-01-02")),
        ("confirm", ("1", "0")),
    ],
)
def test_a_column_that_tells_no_coins_apart_is_no_reason_to_refuse(
    tmp_path: Path, name: str, values: tuple[str, str]
) -> None:
    rows = table("", f"{OHLC} base")
    lines = [f"{row},{values[k // 15]}" for k, row in enumerate(rows)]
    is_the_market(read(tmp_path, [f"{PLAIN},{name}", *lines]))


def test_an_index_is_no_coin(tmp_path: Path) -> None:
    is_the_market(read(tmp_path, table(f"id,{PLAIN}", f"k {OHLC} base")))


def test_at_most_five_values_are_listed(tmp_path: Path) -> None:
    rows = [f"{row},C{k % 7}USDT" for k, row in enumerate(table("", f"{OHLC} base"))]
    message = refused(tmp_path, [f"{PLAIN},pair", *rows])
    assert "C0USDT, C1USDT, C2USDT, C3USDT, C4USDT and 2 more (5, 5, 4, 4 and 4 rows)" in message


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"piar": "BTCUSDT"}, "the file has no such column. It has: pair. Did you mean 'pair'?"),
        ({"pair": "BTCUDST"}, "no row has pair = 'BTCUDST'. Column pair holds BTCUSDT, ETHUSDT"),
        ({"pair": "ETHUSDT"}, "the file holds ETH/USDT, not BTC/USD (column pair)"),
    ],
)
def test_a_choice_that_cannot_be(tmp_path: Path, where: Mapping[str, str], words: str) -> None:
    assert words in refused(tmp_path, coins("pair"), **where)


def test_conditions_hold_at_once(tmp_path: Path) -> None:
    lines = coins("pair")
    two = [f"{lines[0]},exchange", *(f"{line},a" for line in lines[1:])]
    two += [f"{line},b" for line in lines[1:]]
    file = read(tmp_path, two, pair="BTCUSDT", exchange="b")
    is_the_market(file)
    assert file.repairs == {"other_rows": 3 * COUNT}
    assert "several values of exchange" in refused(tmp_path, two, pair="BTCUSDT")


def test_what_stands_in_the_rows_of_others_does_not_matter(tmp_path: Path) -> None:
    lines = coins("pair")
    broken = [line.replace("148", "n.v.") if "ETH" in line else line for line in lines]
    is_the_market(read(tmp_path, broken, pair="BTCUSDT"))


def test_a_symbol_may_be_chosen(tmp_path: Path) -> None:
    lines = coins("symbol")
    assert "several symbols in one file: BTCUSDT, ETHUSDT" in refused(tmp_path, lines)
    chosen = read_candle_file(
        save(tmp_path, lines),
        symbol="BTC/USD",
        options=FileOptions(where={"Symbol": "BTCUSDT"}),
    )
    is_the_market(chosen)


@pytest.mark.parametrize(
    ("name", "value", "agrees"),
    [
        ("pair", "BTCUSDT", True),
        ("pair", "ETHUSDT", False),
        ("pair", "BTCEUR", False),
        ("pair", "XBTUSD", True),
        ("pair", "tETHUSD", False),
        ("ticker", "BINANCE:BTCUSDT", True),
        ("ticker", "ETH", False),
        ("coin", "bitcoin", True),
        ("coin", "Ethereum", False),
        ("instrument", "BTC-USDT-SWAP", True),
        ("instrument", "ETH-PERP", False),
        ("symbol", "BTC", True),
        ("symbol", "BTCUSDT", False),
        ("market", "SPOT", True),
        ("exchange", "ETHX", True),
        ("quote_asset", "USDT", True),
        ("base_asset", "ETH", False),
        ("pair", "XXBTZUSD", True),
        ("pair", "XETHZUSD", False),
        ("Currency", "USD", True),
        ("Currency", "USDT", True),
        ("Currency", "BTC", True),
        ("Currency", "ETH", False),
        ("name", "Bitcoin", True),
        ("name", "Ethereum", False),
        ("name", "eth", False),
        ("name", "2781", True),
        ("slug", "ethereum", False),
        ("asset", "eth", False),
        ("market", "ETH", False),
        ("market", "USDT", True),
    ],
)
def test_a_column_that_says_another_coin(
    tmp_path: Path, name: str, value: str, agrees: bool
) -> None:
    lines = table(f"{PLAIN},{name}", f"{OHLC} base {value}")
    if agrees:
        is_the_market(read(tmp_path, lines))
    else:
        assert f"not BTC/USD (column {name})" in refused(tmp_path, lines)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("DOTUSD", "DOT/USD"),
        ("SHIBUSD", "SHIB/USD"),
        ("XBTUSD", "XBT/USD"),
        ("BTCBUSD", "BTC/BUSD"),
        ("BTCTUSD", "BTC/TUSD"),
        ("BNBUSD", "BNB/USD"),
        ("XXBTZUSD", "XBT/USD"),
        ("XETHXXBT", "ETH/XBT"),
        ("XTZUSD", "XTZ/USD"),
    ],
)
def test_symbols_that_end_in_usd(text: str, symbol: str) -> None:
    """DOTUSD was read as DO/TUSD."""
    assert parse_symbol(text) == symbol


def listed(folder: Path, name: str, **changes: object) -> DataConfig:
    values = {
        "source": "files",
        "folder": folder,
        "files": {"BTC/USD": [name]},
        "target": "BTC/USD",
        "others": (),
        "timeframe": "1h",
        "train": "20200105-20200106",
    }
    return DataConfig.model_validate(values | changes)


def test_a_run_of_files_chooses_by_symbol(tmp_path: Path) -> None:
    save(tmp_path, coins("pair"), name="both.csv")
    both = {
        "files": {"BTC/USD": ["both.csv"], "ETH/USD": ["both.csv"]},
        "others": ("ETH/USD",),
        "where": {"BTC/USD": {"pair": "BTCUSDT"}, "ETH/USD": {"pair": "ETHUSDT"}},
    }
    frame, facts = load_frame(listed(tmp_path, "both.csv", **both))
    assert frame.candles("BTC/USD")["close"].iloc[0] == Bar(0).close
    assert frame.candles("ETH/USD")["close"].iloc[0] == pytest.approx(Bar(0).close * 0.02)
    assert facts["ETH/USD"]["repairs"] == {"other_rows": COUNT}


def test_a_choice_for_a_coin_that_the_run_has_not_is_refused(tmp_path: Path) -> None:
    """It was ignored without a word."""
    where = {"BTC/USD": {"pair": "BTCUSDT"}, "DOGE/USD": {"pair": "DOGEUSDT"}}
    with pytest.raises(ValueError, match="where names DOGE/USD, which the run does not read"):
        listed(tmp_path, "both.csv", where=where)


# ---- the command


def test_the_command_chooses_rows(tmp_path: Path, cli) -> None:
    path = save(tmp_path, coins("pair"))
    root = tmp_path / "store"
    options = ("--symbol", "BTC/USD", "--data", root)
    answer = cli("import-data", path, *options, "--where", "pair=BTCUSDT")
    assert answer.code == 0
    assert "other_rows 30" in answer.output
    assert len(Store(root).read("BTC/USD", timeframe="1h", exchange="local")) == COUNT


def test_of_several_files_it_is_said_what_became_of_each(tmp_path: Path, cli) -> None:
    """Of a good and a bad file nobody learned that the good one was stored."""
    good = save(tmp_path, table(PLAIN, f"{OHLC} base"), name="good.csv")
    bad = save(tmp_path, table(BARS, OHLC), name="bad.csv")
    more = save(tmp_path, table(PLAIN, f"{OHLC} base"), name="more.csv")
    other = save(tmp_path, table(PLAIN, f"{OHLC} 77"), name="other.csv")
    options = ("--symbol", "BTC/USD", "--data", tmp_path / "store")
    for second, words in ((bad, "the layout is unknown"), (other, "stored with other values")):
        answer = cli("import-data", good, second, more, *options)
        assert answer.code == 2
        assert words in answer.errors
        assert f"{good} was imported (30 rows, " in answer.errors
        assert f"{second} was not; {more} was not read." in answer.errors


def test_a_single_bad_file_is_not_listed(tmp_path: Path, cli) -> None:
    bad = save(tmp_path, table(BARS, OHLC))
    answer = cli("import-data", bad, "--symbol", "BTC/USD", "--data", tmp_path / "store")
    assert answer.code == 2
    assert "Of the files given" not in answer.errors
