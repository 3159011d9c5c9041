"""One TOML file is one run: which data, features, network, strategy, dates, costs and seed."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from cryptonn.errors import ConfigError, did_you_mean
from cryptonn.settings import (
    BacktestConfig,
    CostsConfig,
    DataConfig,
    FeaturesConfig,
    LabelsConfig,
    NetworkConfig,
    PublishedConfig,
    ReportConfig,
    SearchConfig,
    Section,
    SelectionConfig,
    SignalConfig,
    SplitConfig,
    TrainingConfig,
)
from cryptonn.settings.mistakes import mistakes_of, unknown_key

__all__ = ["RunConfig", "load_config", "parse_config", "unknown_setting"]


class RunConfig(Section):
    """A whole run file."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    """Begins the name of the run folder; the name of the file by default."""
    description: str = ""
    """Stands in the report."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Of the network, its batches, the bootstrap and the random strategy."""
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
    published: PublishedConfig | None = None
    search: dict[str, SearchConfig] = {}
    selection: SelectionConfig | None = None

    @model_validator(mode="after")
    def _check(self) -> "RunConfig":
        if self.split.purge is not None and self.split.purge < self.labels.horizon:
            raise ValueError(
                f"split.purge = {self.split.purge} is below "
                f"labels.horizon = {self.labels.horizon}: labels would leak "
                "from validation into train"
            )
        if self.labels.kind == "direction":
            if self.network.output == "linear":
                raise ValueError(
                    'labels.kind = "direction" needs network.output = "sigmoid" or "softmax"'
                )
        elif self.network.output != "linear" or self.training.loss != "mse":
            raise ValueError(
                f'labels.kind = "{self.labels.kind}" needs network.output = "linear", '
                'training.loss = "mse"'
            )
        if self.labels.kind == "price" and self.features.limit:
            raise ValueError(
                f'labels.kind = "price" with features.clip = {self.features.clip:g}: prices beyond '
                "so many deviations of the train rows would all look the same to the network. "
                "Set features.clip = 0"
            )
        if self.labels.kind == "price" and self.features.scaling == "window":
            raise ValueError(
                'labels.kind = "price" with features.scaling = "window": '
                "within a window scaled like that the network does not see how high the price is. "
                'Set labels.kind = "return"'
            )
        if self.features.scaling == "window" and self.training.form != "windowed":
            raise ValueError('features.scaling = "window" needs training.form = "windowed"')
        if self.published is not None:
            self._check_published()
        return self

    def _check_published(self) -> None:
        try:
            self.as_published()
        except ValidationError as error:
            problems = [
                f"published.settings: {problem}" for problem in mistakes_of(error, RunConfig)
            ]
            raise ValueError("\n".join(problems)) from error

    @property
    def purge(self) -> int:
        """Bars dropped between train and validation."""
        return self.split.purge or self.labels.horizon

    @property
    def hold(self) -> int:
        """Bars a position is held."""
        return self.signal.hold or self.labels.horizon

    @property
    def is_regression(self) -> bool:
        """Whether the network gives a number, not a probability."""
        return self.labels.kind != "direction"

    def as_published(self) -> "RunConfig":
        """Return the settings of the earlier system: this run's, but for what
        ``[published.settings]`` changes.

        The leaks of ``[published.leaks]`` are no settings of a run: only ``learning/published.py``
        knows them.
        """
        values = self.model_dump(
            mode="json", exclude_unset=True, exclude={"published", "search", "selection"}
        )
        values["data"].pop("test", None)  # it looks at train and validation only
        changed = self.published.settings if self.published is not None else {}
        return RunConfig.model_validate(_merged(values, changed))

    def with_epochs(self, epochs: int) -> "RunConfig":
        """Return the same run, trained for so many epochs, also as published;
        it keeps in mind how many there were.
        """
        changed: dict[str, Any] = {
            "training": self.training.model_copy(update=_shortened(self.training, epochs))
        }
        if self.published is not None:
            training = _shortened(self.as_published().training, epochs)
            settings = _merged(self.published.settings, {"training": training})
            changed["published"] = self.published.model_copy(update={"settings": settings})
        return self.model_copy(update=changed)

    def to_toml(self) -> str:
        """Return the resolved run file: every key, with the value in force."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def _shortened(training: TrainingConfig, epochs: int) -> dict[str, Any]:
    full = training.full_epochs or training.epochs
    return {"epochs": epochs, "full_epochs": full if full != epochs else None}


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the values with the changes laid over them, table by table."""
    inner = {
        key: _merged(values.get(key) or {}, change) if isinstance(change, dict) else change
        for key, change in changes.items()
    }
    return values | inner


def load_config(path: Path | str) -> RunConfig:
    """Read and check a run file.

    Raises
    ------
    ConfigError
        If the file is missing, is no TOML, or a key or value is wrong;
        every problem is listed at once.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        folders = dict.fromkeys((path.parent, Path("backtests")))
        found = sorted(str(file) for folder in folders for file in folder.glob("*.toml"))
        others = [name for name in found if Path(name).name != "pyproject.toml"]
        same = next(
            (f" Did you mean {name!r}?" for name in others if Path(name).stem == path.stem), ""
        )
        hint = (
            same
            or did_you_mean(str(path), others)
            or (f" There are: {', '.join(others)}." if others else "")
        )
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
        raise ConfigError(f"{source}: " + "\n".join(mistakes_of(error, RunConfig))) from error


def unknown_setting(key: str) -> str:
    """Say that a dotted key is no setting, and which one may be meant; nothing if it is one.

    >>> unknown_setting("network.dropuot")
    "network.dropuot is not a setting. Did you mean 'network.dropout'?"
    """
    return unknown_key(key, RunConfig)
