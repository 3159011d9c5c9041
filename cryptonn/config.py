"""One TOML file is one run: which data, features, network, strategy, dates, costs and seed.

Every section below is a table of the file, every field a key. Unknown keys are refused. Defaults are the pessimistic
choice.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cryptonn.errors import ConfigError, did_you_mean
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
    "RunConfig",
    "SignalConfig",
    "SplitConfig",
    "SyntheticConfig",
    "TrainingConfig",
    "load_config",
    "parse_config",
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


_TOP = re.compile(r"^top (\d+(?:\.\d+)?)%$")

Fraction = Annotated[float, BeforeValidator(_fraction)]
YearlyFraction = Annotated[float, BeforeValidator(_yearly)]
Period = Annotated[TimeRange, BeforeValidator(_timerange), PlainSerializer(str)]
Proportion = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class SyntheticConfig(_Section):
    """The built-in market: BTC leads ETH by a planted amount, so the best possible accuracy is known."""

    days: Count = 60
    """Length, in days of 1,440 one-minute bars, from 2018-01-01."""
    lead: Annotated[float, Field(ge=0.0)] = 1.0
    """Strength of the planted BTC to ETH lead; 0 is the null market, where nothing can be predicted."""
    quiet: Proportion = 0.03
    """Share of minutes without a trade."""
    seed: int = 7


class DataConfig(_Section):
    """``[data]``: which candles, and which of them train and test."""

    source: Literal["store", "synthetic"] = "store"
    folder: Path = Path("data")
    """Root of the candle store."""
    exchange: str | None = None
    """Exchange whose candles are read; may be left out while the store holds just one."""
    target: str = "ETH/USD"
    """Symbol that is predicted and traded."""
    others: tuple[str, ...] = ("BTC/USD",)
    """Further symbols the network sees."""
    timeframe: str = "1m"
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
            if period.start is None or period.start < self.train.end:
                raise ValueError(
                    f"test period {name!r} ({period}) must start at or after the end of train ({self.train})"
                )
        return self


class FeaturesConfig(_Section):
    """``[features]``: the columns the network sees. The names are those of ``learning/features.py``."""

    columns: tuple[str, ...] = ("log_return", "log_volume_change")
    """Computed for every symbol. The published pipeline: ``close_pct_change``, ``volume_pct_change``."""
    ta: tuple[str, ...] = ()
    """Columns of the ``ta`` library, computed on the target."""
    clip: Annotated[float, Field(ge=0.0)] = 5.0
    """After scaling, values beyond this many standard deviations are cut to it; 0 cuts nothing."""


class LabelsConfig(_Section):
    """``[labels]``: what is predicted."""

    horizon: Count = 5
    """Bars ahead: label 1 if close[t + horizon] is above close[t]."""
    ties: Literal["exclude", "up", "down"] = "exclude"
    balance: Literal["weights", "undersample", "none"] = "weights"


class SplitConfig(_Section):
    """``[split]``: how the train range is divided, in time order."""

    validation: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """Last share of the train range, kept for choosing the epoch and the entry threshold."""
    purge: Count | None = None
    """Bars dropped between train and validation; at least the horizon, which is the default."""


class NetworkConfig(_Section):
    """``[network]``: stacked LSTM layers, each followed by dropout and normalisation, a dense layer, P(up)."""

    layers: Annotated[tuple[Count, ...], Field(min_length=1)] = (64,)
    """Units of each LSTM layer."""
    dropout: Proportion = 0.0
    normalization: Literal["none", "batch", "layer"] = "layer"
    dense: Annotated[int, Field(ge=0)] = 32
    """Units of the relu layer before the output; 0 leaves it out."""
    output: Literal["sigmoid", "softmax"] = "sigmoid"


class TrainingConfig(_Section):
    """``[training]``: how the network is fitted."""

    form: Literal["streaming", "windowed"] = "streaming"
    """One label at every bar of a long sequence, or one label for each lookback window."""
    lookback: Count = 100
    """Bars the network sees before its first label."""
    sequence: Count = 400
    """Labelled bars in one streaming sequence."""
    epochs: Count = 10
    batch_size: Count = 64
    """Sequences (streaming) or windows (windowed) in one step."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    schedule: Literal["constant", "cosine", "inverse_time"] = "cosine"
    decay: Annotated[float, Field(ge=0.0)] = 0.0
    """Decay a step of the inverse_time schedule: rate / (1 + decay * step)."""
    loss: Literal["crossentropy", "mse"] = "crossentropy"
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after so many epochs without a better validation loss; 0 never stops early."""
    tensorboard: bool = True


class SignalConfig(_Section):
    """``[signal]``: from P(up) to the wanted direction."""

    enter: float | str = "top 1%"
    """Enter at or above this probability; "top 1%" takes the threshold from the validation probabilities."""
    exit: Literal["hold", "threshold"] = "hold"
    """Leave after ``hold`` bars, or once the probability falls below ``exit_threshold``."""
    exit_threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    hold: Count | None = None
    """Bars a position is held; the horizon by default."""
    renew: bool = True
    """An entry signal while the position is held starts the holding time anew."""
    direction: Literal["long", "long-short"] = "long"

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


class CostsConfig(_Section):
    """``[costs]``: each a fraction of notional for each fill; write 0.001, "0.1%" or "10bp"."""

    maker: Fraction = 0.001
    taker: Fraction = 0.002
    spread: Fraction = 0.0001
    """Half the quoted bid-ask spread, paid at each fill."""
    slippage: Fraction = 0.0002
    """Further price concession at each fill."""
    borrow: YearlyFraction = 0.10
    """Yearly rate charged on the notional of a short position while it is open."""


class BacktestConfig(_Section):
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


class ReportConfig(_Section):
    """``[report]``: what the report shows."""

    chart_days: Count = 3
    """Length of the stretch in the interactive price chart."""
    round_trips: bool = False
    """pyfolio's round-trip sheet (slow with many trades)."""
    resamples: Count = 1000
    """Bootstrap resamples behind each interval."""


class RunConfig(_Section):
    """A whole run file."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    description: str = ""
    seed: Annotated[int, Field(ge=0)] = 1
    data: DataConfig
    features: FeaturesConfig = FeaturesConfig()
    labels: LabelsConfig = LabelsConfig()
    split: SplitConfig = SplitConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    signal: SignalConfig = SignalConfig()
    costs: CostsConfig = CostsConfig()
    backtest: BacktestConfig = BacktestConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _check(self) -> "RunConfig":
        if self.split.purge is not None and self.split.purge < self.labels.horizon:
            raise ValueError(
                f"split.purge = {self.split.purge} is below labels.horizon = {self.labels.horizon}: labels would leak "
                "from validation into train"
            )
        return self

    @property
    def purge(self) -> int:
        """Bars dropped between train and validation."""
        return self.split.purge or self.labels.horizon

    @property
    def hold(self) -> int:
        """Bars a position is held."""
        return self.signal.hold or self.labels.horizon

    def to_toml(self) -> str:
        """Return the resolved run file: every key, with the value in force."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def load_config(path: Path | str) -> RunConfig:
    """Read and check a run file.

    Raises
    ------
    ConfigError
        If the file is missing, is no TOML, or a key or value is wrong; every problem is listed at once.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        others = sorted(str(file) for file in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        hint = did_you_mean(str(path), others) or (f" There are: {', '.join(others)}." if others else "")
        raise ConfigError(f"{path}: no such run file.{hint}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from error
    return parse_config(values, source=str(path))


def parse_config(values: dict[str, Any], *, source: str = "run") -> RunConfig:
    """Check a run given as nested dicts, as ``load_config`` does; ``source`` names it in errors."""
    try:
        return RunConfig.model_validate({"name": Path(source).stem, **values})
    except ValidationError as error:
        problems = [_problem(item) for item in error.errors()]
        raise ConfigError(f"{source}: " + "\n".join(problems)) from error


def _problem(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        word = str(error["loc"][-1])
        return f"{key} is not a setting.{did_you_mean(word, _keys_at(error['loc'][:-1])) or _elsewhere(word)}"
    if error["type"] == "missing":
        return f"{key} is missing. Add it to the file."
    text = str(error["msg"]).removeprefix("Value error, ")
    given = "" if isinstance(error.get("input"), dict) else f" (it is {error.get('input')!r})"
    return f"{key}: {text}{given}." if key else f"{text}."


def _keys_at(location: tuple[Any, ...]) -> list[str]:
    model: Any = RunConfig
    for part in location:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        model = field.annotation if field is not None else None
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def _elsewhere(word: str) -> str:
    keys = {f"{section}.{key}": key for section in RunConfig.model_fields for key in _keys_at((section,))}
    near = did_you_mean(word, keys.values())
    places = [place for place, key in keys.items() if near and f"'{key}'" in near]
    return f" Did you mean {places[0]}?" if places else ""
