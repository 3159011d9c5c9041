"""Columns of the ``ta`` library by their names there, computed without its ``fillna``.

``ta`` computes all of them at once; here each name says which class and method it stands for,
so that a run pays only for the columns it asks for. ``fillna=True`` is for the repetition
of an earlier system alone (``filled_indicators``): it fills the warm-up of some columns with values
of later rows (``learning/lookahead.py`` shows which).
"""

import importlib
import inspect
import re
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from cryptonn.errors import ConfigError
from cryptonn.market.bars import FIELDS

__all__ = [
    "INDICATORS",
    "REFUSED",
    "check_indicators",
    "filled_indicators",
    "indicator_meant",
    "indicators",
    "ta_columns",
]

_LOOKS_AHEAD = "looks ahead: its first values are made from the mean of the whole series"
_COUNTS = "counts from the first bar on, so its value depends on where the data start"

REFUSED = {
    "trend_kst": _LOOKS_AHEAD,
    "trend_kst_sig": _LOOKS_AHEAD,
    "trend_kst_diff": _LOOKS_AHEAD,
    "trend_visual_ichimoku_a": _LOOKS_AHEAD,
    "trend_visual_ichimoku_b": _LOOKS_AHEAD,
    "volume_adi": _COUNTS,
    "volume_obv": _COUNTS,
    "volume_vpt": _COUNTS,
    "volume_nvi": _COUNTS,
    "others_cr": _COUNTS,
}
"""Columns of ``ta`` that are not computed, and why. The first five fail the truncation test."""

_KELTNER: dict[str, object] = {"window": 10}
_WITH_PARAMETERS: dict[str, tuple[str, dict[str, object]]] = {
    "volume_fi": ("volume.ForceIndexIndicator.force_index", {"window": 13}),
    "volatility_kcc": ("volatility.KeltnerChannel.keltner_channel_mband", _KELTNER),
    "volatility_kch": ("volatility.KeltnerChannel.keltner_channel_hband", _KELTNER),
    "volatility_kcl": ("volatility.KeltnerChannel.keltner_channel_lband", _KELTNER),
    "volatility_kcw": ("volatility.KeltnerChannel.keltner_channel_wband", _KELTNER),
    "volatility_kcp": ("volatility.KeltnerChannel.keltner_channel_pband", _KELTNER),
    "volatility_kchi": ("volatility.KeltnerChannel.keltner_channel_hband_indicator", _KELTNER),
    "volatility_kcli": ("volatility.KeltnerChannel.keltner_channel_lband_indicator", _KELTNER),
    "volatility_atr": ("volatility.AverageTrueRange.average_true_range", {"window": 10}),
    "trend_sma_fast": ("trend.SMAIndicator.sma_indicator", {"window": 12}),
    "trend_sma_slow": ("trend.SMAIndicator.sma_indicator", {"window": 26}),
    "trend_ema_fast": ("trend.EMAIndicator.ema_indicator", {"window": 12}),
    "trend_ema_slow": ("trend.EMAIndicator.ema_indicator", {"window": 26}),
}

_PLAIN = {
    "volume_cmf": "volume.ChaikinMoneyFlowIndicator.chaikin_money_flow",
    "volume_em": "volume.EaseOfMovementIndicator.ease_of_movement",
    "volume_sma_em": "volume.EaseOfMovementIndicator.sma_ease_of_movement",
    "volume_vwap": "volume.VolumeWeightedAveragePrice.volume_weighted_average_price",
    "volume_mfi": "volume.MFIIndicator.money_flow_index",
    "volatility_bbm": "volatility.BollingerBands.bollinger_mavg",
    "volatility_bbh": "volatility.BollingerBands.bollinger_hband",
    "volatility_bbl": "volatility.BollingerBands.bollinger_lband",
    "volatility_bbw": "volatility.BollingerBands.bollinger_wband",
    "volatility_bbp": "volatility.BollingerBands.bollinger_pband",
    "volatility_bbhi": "volatility.BollingerBands.bollinger_hband_indicator",
    "volatility_bbli": "volatility.BollingerBands.bollinger_lband_indicator",
    "volatility_dcl": "volatility.DonchianChannel.donchian_channel_lband",
    "volatility_dch": "volatility.DonchianChannel.donchian_channel_hband",
    "volatility_dcm": "volatility.DonchianChannel.donchian_channel_mband",
    "volatility_dcw": "volatility.DonchianChannel.donchian_channel_wband",
    "volatility_dcp": "volatility.DonchianChannel.donchian_channel_pband",
    "volatility_ui": "volatility.UlcerIndex.ulcer_index",
    "trend_macd": "trend.MACD.macd",
    "trend_macd_signal": "trend.MACD.macd_signal",
    "trend_macd_diff": "trend.MACD.macd_diff",
    "trend_vortex_ind_pos": "trend.VortexIndicator.vortex_indicator_pos",
    "trend_vortex_ind_neg": "trend.VortexIndicator.vortex_indicator_neg",
    "trend_vortex_ind_diff": "trend.VortexIndicator.vortex_indicator_diff",
    "trend_trix": "trend.TRIXIndicator.trix",
    "trend_mass_index": "trend.MassIndex.mass_index",
    "trend_dpo": "trend.DPOIndicator.dpo",
    "trend_ichimoku_conv": "trend.IchimokuIndicator.ichimoku_conversion_line",
    "trend_ichimoku_base": "trend.IchimokuIndicator.ichimoku_base_line",
    "trend_ichimoku_a": "trend.IchimokuIndicator.ichimoku_a",
    "trend_ichimoku_b": "trend.IchimokuIndicator.ichimoku_b",
    "trend_stc": "trend.STCIndicator.stc",
    "trend_adx": "trend.ADXIndicator.adx",
    "trend_adx_pos": "trend.ADXIndicator.adx_pos",
    "trend_adx_neg": "trend.ADXIndicator.adx_neg",
    "trend_cci": "trend.CCIIndicator.cci",
    "trend_aroon_up": "trend.AroonIndicator.aroon_up",
    "trend_aroon_down": "trend.AroonIndicator.aroon_down",
    "trend_aroon_ind": "trend.AroonIndicator.aroon_indicator",
    "trend_psar_up": "trend.PSARIndicator.psar_up",
    "trend_psar_down": "trend.PSARIndicator.psar_down",
    "trend_psar_up_indicator": "trend.PSARIndicator.psar_up_indicator",
    "trend_psar_down_indicator": "trend.PSARIndicator.psar_down_indicator",
    "momentum_rsi": "momentum.RSIIndicator.rsi",
    "momentum_stoch_rsi": "momentum.StochRSIIndicator.stochrsi",
    "momentum_stoch_rsi_k": "momentum.StochRSIIndicator.stochrsi_k",
    "momentum_stoch_rsi_d": "momentum.StochRSIIndicator.stochrsi_d",
    "momentum_tsi": "momentum.TSIIndicator.tsi",
    "momentum_uo": "momentum.UltimateOscillator.ultimate_oscillator",
    "momentum_stoch": "momentum.StochasticOscillator.stoch",
    "momentum_stoch_signal": "momentum.StochasticOscillator.stoch_signal",
    "momentum_wr": "momentum.WilliamsRIndicator.williams_r",
    "momentum_ao": "momentum.AwesomeOscillatorIndicator.awesome_oscillator",
    "momentum_roc": "momentum.ROCIndicator.roc",
    "momentum_ppo": "momentum.PercentagePriceOscillator.ppo",
    "momentum_ppo_signal": "momentum.PercentagePriceOscillator.ppo_signal",
    "momentum_ppo_hist": "momentum.PercentagePriceOscillator.ppo_hist",
    "momentum_pvo": "momentum.PercentageVolumeOscillator.pvo",
    "momentum_pvo_signal": "momentum.PercentageVolumeOscillator.pvo_signal",
    "momentum_pvo_hist": "momentum.PercentageVolumeOscillator.pvo_hist",
    "momentum_kama": "momentum.KAMAIndicator.kama",
    "others_dr": "others.DailyReturnIndicator.daily_return",
    "others_dlr": "others.DailyLogReturnIndicator.daily_log_return",
}

INDICATORS: dict[str, tuple[str, dict[str, object]]] = {
    **{name: (place, {}) for name, place in _PLAIN.items()},
    **_WITH_PARAMETERS,
}
"""Name in ``ta.add_all_ta_features`` to (module.class.method, parameters other
than the class's defaults).
"""


def indicators(candles: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return columns of ``ta`` by name, NaN in their warm-up.

    Where an indicator is undefined later on (most divide by a range, which is zero while the price
    stands still) it keeps its last value, which is known at that bar.

    Raises
    ------
    ConfigError
        If ``ta`` has no such column, or it is one of ``REFUSED``.
    """
    names = tuple(names)
    check_indicators(names)
    numbered = _numbered(candles)
    made = dict[str, Any]()
    columns = dict[str, pd.Series]()
    with np.errstate(divide="ignore", invalid="ignore"):
        for name in names:
            place, parameters = INDICATORS[name]
            kind, method = place.rsplit(".", 1)
            key = f"{kind} {parameters}"
            made[key] = made.get(key) or _made(numbered, kind, parameters)
            columns[name] = getattr(made[key], method)()
    table = pd.DataFrame(columns, dtype=np.float64).replace([np.inf, -np.inf], np.nan).ffill()
    return table.set_axis(candles.index, axis=0)


def filled_indicators(candles: pd.DataFrame) -> pd.DataFrame:
    """Return every column of ``ta`` with ``fillna=True``, as tutorials call it;
    for comparison, never for trading.

    Returns
    -------
    DataFrame
        float64, 86 columns without the candles themselves, on the index of ``candles``, no NaN.
        The first rows of the columns that ``looking_ahead`` names are made of later rows.
    """
    return ta_columns(candles, fillna=True)


def ta_columns(candles: pd.DataFrame, *, fillna: bool) -> pd.DataFrame:
    """Return what ``ta.add_all_ta_features`` adds to a candle table."""
    import ta

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # it divides by zero and assigns to copies
        table: pd.DataFrame = ta.add_all_ta_features(_numbered(candles), *FIELDS, fillna=fillna)
    return table.drop(columns=list(FIELDS)).astype(np.float64).set_axis(candles.index, axis=0)


def indicator_meant(word: str) -> str:
    """Ask whether a column of ``ta`` was meant, or say why the one that was meant is not computed.

    >>> indicator_meant("RSI_14")
    " Did you mean 'momentum_rsi'?"
    """
    names = _suggested(word)
    computed = [name for name in names if name in INDICATORS]
    if computed:
        return f" Did you mean {_either(computed)}?"
    return f" {names[0]} {REFUSED[names[0]]}." if names else ""


def _suggested(word: str) -> list[str]:
    """Return the columns of ``ta`` that a word may stand for, as ``EMA_20`` or ``bollinger``."""
    short = re.sub(r"[\W_\d]+$", "", word.lower())
    known = [*INDICATORS, *REFUSED]
    plain = {name: name.partition("_")[2] for name in known}  # without the group
    classes = {name: place.partition(".")[2].lower() for name, (place, _) in INDICATORS.items()}
    ways = (
        [name for name in known if short in (name, plain[name])],
        [name for name in known if len(short) > 1 and plain[name].startswith(short)],
        [name for name, kind in classes.items() if len(short) > 3 and short in kind],
        get_close_matches(word.lower(), known, n=1),
    )
    return next((names for names in ways if names), [])


def check_indicators(names: tuple[str, ...]) -> None:
    """Refuse names that are no columns of ``ta``, or of columns that are not computed,
    with ``ConfigError``.
    """
    for name in names:
        if name in REFUSED:
            raise ConfigError(f"features.ta: {name} {REFUSED[name]}. Take it out.")
        if name not in INDICATORS:
            raise ConfigError(
                f"features.ta: {name!r} is no column of ta.{indicator_meant(name)} "
                "docs/run-file.md lists all of them."
            )


def _either(names: list[str]) -> str:
    quoted = [repr(name) for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _numbered(candles: pd.DataFrame) -> pd.DataFrame:
    """Return a copy whose rows are numbered, not timed.

    On a table indexed by time the parabolic SAR of ta 0.11 loses some of its values and is eight
    times slower: it writes them by the number of the row where pandas expects a time
    (github.com/bukosabino/ta/issues/354).
    """
    return candles[list(FIELDS)].reset_index(drop=True)


def _made(candles: pd.DataFrame, kind: str, parameters: dict[str, object]) -> Any:
    """Return the indicator object of ``ta`` that ``kind`` (module.class) names."""
    module, name = kind.split(".")
    make = getattr(importlib.import_module(f"ta.{module}"), name)
    inputs = {
        field: candles[field] for field in FIELDS if field in inspect.signature(make).parameters
    }
    return make(**inputs, **parameters, fillna=False)
