"""Which candles a run uses, and which of them train and test."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cryptonn.settings.section import NAME, Count, Period, Proportion, Section
from cryptonn.units import listed

__all__ = ["DataConfig", "SyntheticConfig"]


class SyntheticConfig(Section):
    """The built-in market: BTC leads ETH by a planted amount, so the best possible
    accuracy is known.
    """

    days: Count = 60
    """Length, in days of 1,440 one-minute bars, from 2018-01-01."""
    lead: Annotated[float, Field(ge=0.0)] = 1.0
    """Strength of the planted BTC to ETH lead; 0 is the null market, where nothing
    can be predicted.
    """
    quiet: Proportion = 0.03
    """Share of minutes without a trade."""
    seed: int = 7
    """Another seed is another market; it has nothing to do with the seed of the run."""


class DataConfig(Section):
    """``[data]``: which candles, and which of them train and test."""

    source: Literal["store", "files", "synthetic"] = "store"
    """Candles from the store, from CSV files, or the built-in synthetic market."""
    folder: Path = Path("data")
    """Root of the candle store; where the files lie."""
    files: dict[str, tuple[str, ...]] = {}
    """Under `source = "files"`: the CSV files of each symbol, in `folder` or by a path
    of their own.
    """
    dialect: str | None = None
    """Under `source = "files"`: the layout that is expected, such as yahoo;
    another one is refused.
    """
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    """Under `source = "files"`: what comes first in dates such as 05/01/2020, where the spacing
    of the bars does not tell: the day (dmy), the month (mdy) or the year (ymd).
    """
    timezone: str | None = None
    """Under `source = "files"`: of times without a zone, such as Europe/Berlin or UTC+8;
    UTC by default.
    """
    where: dict[str, dict[str, str]] = {}
    """Under `source = "files"`: by symbol, which rows of a file of several coins are its own, as in
    `where."ETH/USD" = { pair = "ETHUSDT" }`."""
    extras: bool = False
    """Under `source = "files"`: read also `quote_volume`, `trades`, `taker_base` and `taker_quote`
    of Binance's kline files, for ``features.columns``. The store has none of them:
    it keeps the five columns of a candle.
    """
    exchange: str | None = None
    """Under `source = "store"`: the exchange whose candles are read;
    may be left out while the store holds just one.
    """
    target: str = "ETH/USD"
    """Symbol that is predicted and traded."""
    others: tuple[str, ...] = ("BTC/USD",)
    """Further symbols the network sees."""
    timeframe: str = "1m"
    """Length of a bar: 1m, 5m, 15m, 30m, 1h, 4h, 1d.

    Longer than that of the candles, it is made from them.
    """
    gaps: Literal["fill", "refuse"] = "fill"
    """Minutes without a trade: fill them flat with volume 0 and count them, or refuse the data."""
    jumps: Literal["refuse", "accept"] = "refuse"
    """A jump of the price that no market makes (another unit from some bar on,
    a jump over a hole, a print that comes back) in the bars a run uses: refuse the data,
    or accept it and say so in the report.
    """
    shifts: Literal["refuse", "accept"] = "refuse"
    """A coin whose returns fit those of the target best in an earlier or later bar,
    as where one file is stamped by the close of the bar and another by its open: refuse the data,
    or accept it and say so in the report.
    """
    leave_out: tuple[Period, ...] = ()
    """Stretches such as "20180515-20180516" or "20180515T0300-20180515T0400" (UTC,
    the end is not included) whose bars count as absent, for every symbol:
    `gaps` fills them flat, nothing trades in them. For a false print its own bars are enough;
    where the price stays at another level, all before it or all after it must go.
    """
    train: Period
    """Train and validation bars (see ``[split]``)."""
    test: dict[str, Period] = {}
    """Held-out periods by name; nothing of them reaches the fit."""
    synthetic: SyntheticConfig = SyntheticConfig()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The target first, then the others."""
        return (self.target, *self.others)

    @model_validator(mode="after")
    def _check(self) -> "DataConfig":
        if self.target in self.others:
            raise ValueError(f"others must not repeat the target {self.target}")
        missing = [symbol for symbol in self.symbols if not self.files.get(symbol)]
        if self.source == "files" and missing:
            other = (
                ", or leave it out: others = []"
                if missing[0] in self.others
                else ", or set target to one of them"
            )
            raise ValueError(
                f"files names none for {missing[0]}: add [data.files] "
                f'"{missing[0]}" = ["FILE.csv"]{other}'
            )
        about_files = ("files", "dialect", "date_order", "timezone", "where")
        given = [name for name in about_files if getattr(self, name)]
        if self.source != "files" and given:
            raise ValueError(f'{listed(given)} need source = "files"')
        strangers = [symbol for symbol in self.where if symbol not in self.symbols]
        if strangers:
            raise ValueError(
                f"where names {strangers[0]}, which the run does not read (it reads "
                f'{listed(self.symbols)}): write where."{self.target}" = {{ COLUMN = "VALUE" }}, '
                "or add it to others"
            )
        if self.source != "store" and self.exchange is not None:
            raise ValueError(
                'exchange needs source = "store": files, and the synthetic market, are of none'
            )
        if self.source != "files" and self.extras:
            raise ValueError(
                'extras = true needs source = "files": only Binance\'s kline files have them'
            )
        if self.train.end is None:
            raise ValueError("train needs an end, for example 20180101-20190101")
        for name, period in self.test.items():
            if not NAME.match(name) or name == "validation":
                raise ValueError(
                    f"test period {name!r} needs another name: letters, digits and _.+- (it names "
                    "a folder), and not validation, which is the end of train"
                )
            if period.start is None or period.start < self.train.end:
                raise ValueError(
                    f"test period {name!r} ({period}) must start at or after the end "
                    f"of train ({self.train})"
                )
        return self
