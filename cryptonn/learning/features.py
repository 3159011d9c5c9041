"""The columns the network sees. Row t depends on bars up to t, never on later ones."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cryptonn.errors import ConfigError, DataError, did_you_mean
from cryptonn.learning.indicators import INDICATORS, check_indicators, indicator_meant, indicators
from cryptonn.market.bars import FIELDS
from cryptonn.market.candles import Frame
from cryptonn.market.extras import EXTRAS
from cryptonn.settings import FeaturesConfig

__all__ = [
    "FEATURES",
    "check_features",
    "close_pct_change",
    "features_of",
    "log_return",
    "log_volume_change",
    "make_features",
    "volume_pct_change",
]

Column = NDArray[np.float64]


def log_return(candles: pd.DataFrame) -> Column:
    """Return log(close[t] / close[t-1]); NaN in the first row."""
    return _change(np.log(_values(candles, "close")))


def log_volume_change(candles: pd.DataFrame) -> Column:
    """Return log((1 + volume[t]) / (1 + volume[t-1])), finite at zero volume;
    NaN in the first row.
    """
    return _change(np.log1p(_values(candles, "volume")))


def close_pct_change(candles: pd.DataFrame) -> Column:
    """Return close[t] / close[t-1] - 1, as published; NaN in the first row."""
    close = _values(candles, "close")
    return _after_first(close[1:] / close[:-1] - 1)


def volume_pct_change(candles: pd.DataFrame) -> Column:
    """Return volume[t] / (volume of the last bar before t that traded) - 1.

    The published pipeline drops bars without volume, so its per-cent change is from one traded
    bar to the next; on our complete grid a bar without a trade is a change of -1 and the next
    traded bar is compared with the traded bar before the pause. So nothing is divided by zero.
    NaN up to the first bar after a traded one. The values reach 10⁶ and more: standard scaling
    flattens them, which is why ``log_volume_change`` is the default.
    """
    volume = candles["volume"]
    before = volume.where(volume > 0).ffill().shift(1)
    return np.asarray(volume / before - 1, dtype=np.float64)


def _values(candles: pd.DataFrame, field: str) -> Column:
    return candles[field].to_numpy(dtype=np.float64)


FEATURES: dict[str, Callable[[pd.DataFrame], Column]] = {
    "log_return": log_return,
    "log_volume_change": log_volume_change,
    "close_pct_change": close_pct_change,
    "volume_pct_change": volume_pct_change,
    **{field: partial(_values, field=field) for field in (*FIELDS, *EXTRAS)},
}
"""Name in ``[features] columns`` to its function of one symbol's candle table,
with the extras where they are read.
"""


def make_features(frame: Frame, *, target: str, config: FeaturesConfig) -> pd.DataFrame:
    """Compute the features of every symbol, and the ``ta`` columns of the target.

    Returns
    -------
    DataFrame
        float64, on the frame's index; columns such as ``"ETH/USD log_return"``, the target's first.
        NaN only in the warm-up, the first rows of each column.

    Raises
    ------
    ConfigError
        If a name is unknown, or names a column that would look ahead.
    DataError
        If a name is one of ``EXTRAS``, and the candles came without.
    """
    candles = {symbol: frame.all_columns(symbol) for symbol in frame.symbols}
    return features_of(candles, target=target, config=config)


def check_features(config: FeaturesConfig) -> None:
    """Refuse names that are no features, and columns of ``ta`` that are not computed,
    with ``ConfigError``.
    """
    for name in config.columns:
        if name not in FEATURES:
            raise ConfigError(f"features.columns: {name!r} is no feature.{_meant(name)} {_known()}")
    for name in config.ta:
        if name in FEATURES:
            raise ConfigError(
                f"features.ta: {name!r} is no column of ta but a feature: write it under columns."
            )
    if config.ta != ("all",):
        check_indicators(config.ta)
    if not config.columns and not config.ta:
        raise ConfigError(
            "features.columns and features.ta are both empty: the network would see nothing. "
            f"{_known()}"
        )


def features_of(
    candles: Mapping[str, pd.DataFrame], *, target: str, config: FeaturesConfig
) -> pd.DataFrame:
    """Compute the features of candle tables on one index, which need not be a complete grid;
    see ``make_features``.
    """
    check_features(config)
    symbols = [target, *(symbol for symbol in candles if symbol != target)]
    for symbol in symbols:
        _refuse_absent(
            [name for name in config.columns if name in EXTRAS and name not in candles[symbol]],
            symbol,
        )
    columns = {
        f"{symbol} {name}": FEATURES[name](candles[symbol])
        for symbol in symbols
        for name in config.columns
    }
    features = pd.DataFrame(columns, index=candles[target].index)
    names = tuple(INDICATORS) if config.ta == ("all",) else config.ta
    if not names:
        return features
    return features.join(indicators(candles[target], names).add_prefix(f"{target} "))


def _refuse_absent(names: list[str], symbol: str) -> None:
    if names:
        raise DataError(
            f"features.columns: the candles of {symbol} came without "
            f"{', '.join(names)}: only Binance's kline files have them. "
            'Set source = "files" and extras = true under [data], or take them out.'
        )


def _meant(word: str) -> str:
    """Ask for the feature that was meant, or the column of ``ta``, which has a key of its own."""
    near = did_you_mean(word.lower(), FEATURES)
    of_ta = indicator_meant(word)
    return near or (of_ta and f"{of_ta} Columns of ta stand under features.ta.")


def _known() -> str:
    return f"There are: {', '.join(FEATURES)}."


def _change(values: Column) -> Column:
    return _after_first(np.diff(values))


def _after_first(values: Column) -> Column:
    return np.concatenate([[np.nan], values])
