"""The first minutes of 2019 as they were recorded, for the tests of paper trading."""

from functools import cache
from pathlib import Path

import pandas as pd

from cryptonn.market.candles import Frame, align

ETH, BTC = "ETH/USD", "BTC/USD"
FIRST = pd.Timestamp("2019-01-01", tz="UTC")


@cache
def real_minutes(folder: Path, days: int) -> dict[str, pd.DataFrame]:
    """The first days of 2019 as they were recorded: a minute without a trade is absent."""
    tables = {}
    for symbol in (ETH, BTC):
        name = f"bitfinex_{symbol.replace('/', '')}_2019H1_1m.csv.gz"
        table = pd.read_csv(folder / name, nrows=days * 1440)
        table.index = (
            pd.to_datetime(table["timestamp"], unit="ms", utc=True)
            .astype("datetime64[ns, UTC]")
            .rename("time")
        )
        columns = ["open", "high", "low", "close", "volume"]
        tables[symbol] = table.loc[
            : FIRST + pd.Timedelta(days=days) - pd.Timedelta(1, "ns"), columns
        ].astype(float)
    return tables


def real_frame(folder: Path, days: int) -> Frame:
    return align(real_minutes(folder, days), timeframe="1m")


def cut(frame: Frame, end: int) -> Frame:
    """The frame as it was when its row ``end - 1`` was the newest."""
    return Frame(frame.table.iloc[:end], frame.timeframe, frame.filled.iloc[:end])
