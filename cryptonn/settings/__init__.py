"""The sections of a run file, one class each: every field is a key, every default
the pessimistic choice.
"""

from cryptonn.settings.comparison import LeaksConfig, PublishedConfig
from cryptonn.settings.data import DataConfig, SyntheticConfig
from cryptonn.settings.learning import (
    FeaturesConfig,
    LabelsConfig,
    NetworkConfig,
    SplitConfig,
    TrainingConfig,
)
from cryptonn.settings.search import RangeConfig, SearchConfig, SelectionConfig
from cryptonn.settings.section import Section
from cryptonn.settings.trading import BacktestConfig, CostsConfig, ReportConfig, SignalConfig

__all__ = [
    "BacktestConfig",
    "CostsConfig",
    "DataConfig",
    "FeaturesConfig",
    "LabelsConfig",
    "LeaksConfig",
    "NetworkConfig",
    "PublishedConfig",
    "RangeConfig",
    "ReportConfig",
    "SearchConfig",
    "Section",
    "SelectionConfig",
    "SignalConfig",
    "SplitConfig",
    "SyntheticConfig",
    "TrainingConfig",
]
