"""The sections of a run file, one class each: every field is a key, every default the pessimistic choice."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cryptonn.errors import ConfigError
from cryptonn.market.timerange import TimeRange
from cryptonn.units import parse_fraction

__all__ = [
    "BacktestConfig",
    "CostsConfig",
    "DataConfig",
    "FeaturesConfig",
    "LabelsConfig",
    "NetworkConfig",
    "ReportConfig",
    "Section",
    "SignalConfig",
    "SplitConfig",
    "SyntheticConfig",
    "TrainingConfig",
]


def _fraction(value: float | str, info: ValidationInfo, *, limit: float = 0.1) -> float:
    try:
        return parse_fraction(value, name=str(info.field_name), limit=limit)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _yearly(value: float | str, info: ValidationInfo) -> float:
    return _fraction(value, info, limit=2.0)


def _timerange(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return TimeRange.parse(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error


_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
_TOP = re.compile(r"^top (\d+(?:\.\d+)?)%$")

Fraction = Annotated[float, BeforeValidator(_fraction)]
YearlyFraction = Annotated[float, BeforeValidator(_yearly)]
Period = Annotated[TimeRange, BeforeValidator(_timerange), PlainSerializer(str)]
Proportion = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the run file: unknown keys are refused, nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class SyntheticConfig(Section):
    """The built-in market: BTC leads ETH by a planted amount, so the best possible accuracy is known."""

    days: Count = 60
    """Length, in days of 1,440 one-minute bars, from 2018-01-01."""
    lead: Annotated[float, Field(ge=0.0)] = 1.0
    """Strength of the planted BTC to ETH lead; 0 is the null market, where nothing can be predicted."""
    quiet: Proportion = 0.03
    """Share of minutes without a trade."""
    seed: int = 7
    """Another seed is another market; it has nothing to do with the seed of the run."""


class DataConfig(Section):
    """``[data]``: which candles, and which of them train and test."""

    source: Literal["store", "synthetic"] = "store"
    """Candles from the store, or the built-in synthetic market."""
    folder: Path = Path("data")
    """Root of the candle store."""
    exchange: str | None = None
    """Exchange whose candles are read; may be left out while the store holds just one."""
    target: str = "ETH/USD"
    """Symbol that is predicted and traded."""
    others: tuple[str, ...] = ("BTC/USD",)
    """Further symbols the network sees."""
    timeframe: str = "1m"
    """Length of a bar: 1m, 5m, 15m, 30m, 1h, 4h, 1d."""
    gaps: Literal["fill", "refuse"] = "fill"
    """Minutes without a trade: fill them flat with volume 0 and count them, or refuse the data."""
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
        if self.train.end is None:
            raise ValueError("train needs an end, for example 20180101-20190101")
        for name, period in self.test.items():
            if not _NAME.match(name) or name == "validation":
                raise ValueError(
                    f"test period {name!r} needs another name: letters, digits and _.+- (it names a folder), and not "
                    "validation, which is the end of train"
                )
            if period.start is None or period.start < self.train.end:
                raise ValueError(
                    f"test period {name!r} ({period}) must start at or after the end of train ({self.train})"
                )
        return self


class FeaturesConfig(Section):
    """``[features]``: the columns the network sees. The names are those of ``learning/features.py``."""

    columns: tuple[str, ...] = ("log_return", "log_volume_change")
    """Computed for every symbol. The published pipeline: ``close_pct_change``, ``volume_pct_change``."""
    ta: tuple[str, ...] = ()
    """Columns of the ``ta`` library, computed on the target."""
    clip: Annotated[float, Field(ge=0.0)] = 5.0
    """After scaling, values beyond this many standard deviations are cut to it; 0 cuts nothing."""


class LabelsConfig(Section):
    """``[labels]``: what is predicted."""

    horizon: Count = 5
    """Bars ahead: label 1 if close[t + horizon] is above close[t]."""
    ties: Literal["exclude", "up", "down"] = "exclude"
    """What a close that does not move is: no example, or counted as up or as down."""
    balance: Literal["weights", "undersample", "none"] = "weights"
    """Ups and downs count the same by weights, or by leaving rows of the larger class out, or not at all."""


class SplitConfig(Section):
    """``[split]``: how the train range is divided, in time order."""

    validation: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """Last share of the train range, kept for choosing the epoch and the entry threshold."""
    purge: Count | None = None
    """Bars dropped between train and validation; at least the horizon, which is the default."""


class NetworkConfig(Section):
    """``[network]``: stacked LSTM layers, each followed by dropout and normalisation, a dense layer, P(up)."""

    layers: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 64)
    """Units of each LSTM layer."""
    dropout: Proportion = 0.3
    """Share of each LSTM layer's outputs that a training step leaves out."""
    normalization: Literal["none", "batch", "layer"] = "none"
    """After each LSTM layer."""
    dense: Annotated[int, Field(ge=0)] = 32
    """Units of the relu layer before the output; 0 leaves it out."""
    output: Literal["sigmoid", "softmax"] = "sigmoid"
    """One unit with P(up), or two with P(down) and P(up), as published."""


class TrainingConfig(Section):
    """``[training]``: how the network is fitted."""

    form: Literal["streaming", "windowed"] = "streaming"
    """One label at every bar of a long sequence, or one label for each lookback window."""
    lookback: Count = 100
    """Bars the network sees before its first label."""
    sequence: Count = 400
    """Labelled bars in one streaming sequence."""
    epochs: Count = 16
    """Times the train rows are gone through; the epoch with the lowest validation loss is kept."""
    batch_size: Count = 32
    """Sequences (streaming) or windows (windowed) in one step."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """As Keras has them."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 3e-3
    """At the start."""
    schedule: Literal["constant", "cosine", "inverse_time"] = "constant"
    """How the learning rate falls over the steps."""
    decay: Annotated[float, Field(ge=0.0)] = 0.0
    """Decay a step of the inverse_time schedule: rate / (1 + decay * step)."""
    averaging: Proportion = 0.98
    """The model's weights are a moving average over the steps: at each, this share of the average so far and the rest
    of the newest weights. 0 takes the newest weights as they are."""
    loss: Literal["crossentropy", "mse"] = "crossentropy"
    """What is made small."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after so many epochs without a better validation loss; 0 never stops early."""
    tensorboard: bool = True
    """Write the losses for TensorBoard into the run folder."""


class SignalConfig(Section):
    """``[signal]``: from P(up) to the wanted direction."""

    enter: float | str = "top 1%"
    """Enter at or above this probability; "top 1%" takes the threshold from the validation probabilities."""
    exit: Literal["hold", "threshold"] = "hold"
    """Leave after ``hold`` bars, or once the probability falls below ``exit_threshold``."""
    exit_threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Under `exit = "threshold"`: leave a long position below this probability, a short one above its complement."""
    hold: Count | None = None
    """Bars a position is held; the horizon by default."""
    renew: bool = True
    """An entry signal while the position is held starts the holding time anew."""
    direction: Literal["long", "long-short"] = "long"
    """Long only, or also short, which pays `borrow`."""

    @property
    def top_share(self) -> float | None:
        """The share of bars of ``enter = "top 1%"`` as a fraction (0.01), or None where ``enter`` is a probability."""
        found = _TOP.match(self.enter) if isinstance(self.enter, str) else None
        return float(found[1]) / 100 if found else None

    @field_validator("enter")
    @classmethod
    def _check_enter(cls, value: float | str) -> float | str:
        if isinstance(value, str):
            found = _TOP.match(value)
            if not found or not 0 < float(found[1]) <= 100:
                raise ValueError('must be a probability such as 0.55, or a share such as "top 1%"')
        elif not 0.5 <= value < 1:
            raise ValueError("the probability must lie in [0.5, 1)")
        return value


class CostsConfig(Section):
    """``[costs]``: each a fraction of notional for each fill; write 0.001, "0.1%" or "10bp"."""

    maker: Fraction = 0.001
    """Commission of a resting order."""
    taker: Fraction = 0.002
    """Commission of an order that is filled at once."""
    spread: Fraction = 0.0001
    """Half the quoted bid-ask spread, paid at each fill."""
    slippage: Fraction = 0.0002
    """Further price concession at each fill."""
    borrow: YearlyFraction = 0.10
    """Yearly rate charged on the notional of a short position while it is open."""


class BacktestConfig(Section):
    """``[backtest]``: which strategies trade, with how much money, under which costs."""

    strategy: str = "lstm_signal"
    """Name of a file in ``strategies/``, or a path to one."""
    compare: tuple[str, ...] = ("buy_and_hold", "momentum", "contrarian", "sma_cross", "random_entry")
    """Strategies beside it in the comparison table."""
    parameters: dict[str, dict[str, Any]] = {}
    """Parameters by strategy, for example ``[backtest.parameters.sma_cross] fast = 30``."""
    cash: Annotated[float, Field(gt=0.0)] = 100_000.0
    """Starting money, in the quote currency."""
    fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """Share of equity in a position; the rest pays costs and the move from the close to the next open."""
    fees: Annotated[tuple[str, ...], Field(min_length=1)] = ("none", "maker", "taker", "taker+slippage")
    """Cost scenarios: none, maker, taker, taker+slippage, or a commission such as "10bp"."""


class ReportConfig(Section):
    """``[report]``: what the report shows."""

    chart_days: Count = 3
    """Length of the stretch in the interactive price chart."""
    round_trips: bool = False
    """pyfolio's round-trip sheet (slow with many trades)."""
    resamples: Count = 1000
    """Bootstrap resamples behind each interval."""
