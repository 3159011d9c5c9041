"""Every column of ta, by the truncation test: a value at bar t must not change when later bars are taken away."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import ta
from small_market import TARGET, quarter_hours, small_frame

from cryptonn.errors import ConfigError
from cryptonn.learning.indicators import (
    INDICATORS,
    REFUSED,
    filled_indicators,
    indicator_meant,
    indicators,
)

ROWS, CUT = 420, 200

FILLED_FROM_THE_FUTURE = {
    *(
        "trend_vortex_ind_pos",
        "trend_vortex_ind_neg",
        "trend_vortex_ind_diff",
        "trend_trix",
        "trend_dpo",
    ),
    *(
        "trend_kst",
        "trend_kst_sig",
        "trend_kst_diff",
        "trend_visual_ichimoku_a",
        "trend_visual_ichimoku_b",
    ),
    "momentum_kama",
}
"""Columns that look ahead with fillna=True, as the tutorials call it."""
LOOK_AHEAD = {name for name, reason in REFUSED.items() if "looks ahead" in reason}


@pytest.fixture(scope="module")
def candles() -> pd.DataFrame:
    return small_frame(ROWS).candles(TARGET)


def all_of_ta(candles: pd.DataFrame, *, fillna: bool) -> pd.DataFrame:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        numbered = candles.reset_index(drop=True)  # ta's parabolic SAR goes wrong on times
        table = ta.add_all_ta_features(
            numbered, "open", "high", "low", "close", "volume", fillna=fillna
        )
    return table.drop(columns=candles.columns).set_axis(candles.index, axis=0)


def indicator(candles: pd.DataFrame, name: str) -> pd.Series:
    return indicators(candles, [name])[name]


@pytest.fixture(scope="module")
def published(candles: pd.DataFrame) -> pd.DataFrame:
    return all_of_ta(candles, fillna=False)


def changed_by_truncation(whole: pd.DataFrame, part: pd.DataFrame) -> set[str]:
    same = np.isclose(whole.iloc[: len(part)], part, rtol=1e-9, atol=1e-9, equal_nan=True).all(
        axis=0
    )
    return set(whole.columns[~same])


def test_every_column_of_ta_is_known(published: pd.DataFrame) -> None:
    assert set(published.columns) == set(INDICATORS) | set(REFUSED)
    assert not set(INDICATORS) & set(REFUSED)


def test_exactly_the_columns_that_look_ahead_are_refused(
    candles: pd.DataFrame, published: pd.DataFrame
) -> None:
    part = all_of_ta(candles.iloc[:CUT], fillna=False)
    assert changed_by_truncation(published, part) == LOOK_AHEAD


def test_filling_would_make_eleven_columns_look_ahead(candles: pd.DataFrame) -> None:
    whole, part = all_of_ta(candles, fillna=True), all_of_ta(candles.iloc[:CUT], fillna=True)
    assert changed_by_truncation(whole, part) == FILLED_FROM_THE_FUTURE


@pytest.mark.parametrize("name", INDICATORS)
def test_column_is_that_of_ta_and_of_the_past(
    candles: pd.DataFrame, published: pd.DataFrame, name: str
) -> None:
    column = indicator(candles, name)
    expected = published[name].replace([np.inf, -np.inf], np.nan).ffill()
    np.testing.assert_allclose(column, expected, rtol=1e-12)
    np.testing.assert_allclose(
        indicator(candles.iloc[:CUT], name), column.iloc[:CUT], rtol=1e-9, atol=1e-9
    )


def test_undefined_later_on_keeps_its_last_value(candles: pd.DataFrame) -> None:
    flat = candles.copy()
    flat.iloc[100:200, :4] = flat["close"].iloc[100]
    column = indicator(flat, "momentum_stoch")
    assert column.iloc[20:].notna().all()
    assert column.iloc[199] == column.iloc[120]


def test_many_at_once_are_each_by_itself(candles: pd.DataFrame) -> None:
    together = indicators(candles, INDICATORS)
    assert list(together.columns) == list(INDICATORS)
    assert (together.dtypes == np.float64).all()
    pd.testing.assert_frame_equal(
        together, pd.concat([indicator(candles, name) for name in INDICATORS], axis=1)
    )


def test_none_at_all_is_an_empty_table(candles: pd.DataFrame) -> None:
    assert indicators(candles, []).shape == (ROWS, 0)


def test_parabolic_sar_of_a_downtrend_stays_above_the_last_two_highs(candles: pd.DataFrame) -> None:
    """ta writes this bound by row number: on a table of times it is lost (bukosabino/ta issue 354)."""
    down = ta_on_times = indicator(candles, "trend_psar_down")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ta_on_times = ta.trend.PSARIndicator(
            candles["high"], candles["low"], candles["close"]
        ).psar_down()
    highs = candles["high"].rolling(2).max().shift(1)
    falling = ta_on_times.notna() & ta_on_times.shift(1).notna() & down.notna()
    assert falling.sum() > 100
    assert (down[falling] >= highs[falling]).all()
    assert (ta_on_times[falling] < highs[falling]).any(), (
        "ta has been mended: rows need not be numbered any more"
    )


def test_filled_is_what_the_tutorials_call(candles: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # those of ta stay inside
        filled = filled_indicators(candles)
    pd.testing.assert_frame_equal(filled, all_of_ta(candles, fillna=True), check_dtype=False)
    assert filled.shape == (ROWS, 86)
    assert filled.notna().all(axis=None)
    assert filled.index.equals(candles.index)


def test_of_the_past_on_real_quarter_hours(shared_data: Path) -> None:
    candles = quarter_hours(shared_data, "2019H1", bars=3000)
    whole, part = indicators(candles, INDICATORS), indicators(candles.iloc[:1500], INDICATORS)
    pd.testing.assert_frame_equal(part, whole.iloc[:1500], rtol=1e-9, atol=1e-9)
    warm_up = whole.isna().sum().max()
    assert 50 < warm_up < 100, "stc needs some 75 bars"
    assert np.isfinite(whole.iloc[warm_up:]).all(axis=None)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(candles: pd.DataFrame, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"features\.ta: {name} .*Take it out"):
        indicator(candles, name)


def test_unknown_name_gets_a_hint(candles: pd.DataFrame) -> None:
    with pytest.raises(
        ConfigError, match=r"'momentum_rsy' is no column of ta\. Did you mean 'momentum_rsi'\?"
    ):
        indicator(candles, "momentum_rsy")


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("rsi", ["momentum_rsi"]),
        ("RSI_14", ["momentum_rsi"]),
        ("MACD", ["trend_macd"]),
        ("EMA20", ["trend_ema_fast", "trend_ema_slow"]),
        ("bollinger", ["volatility_bbm", "volatility_bbh"]),
        ("williams", ["momentum_wr"]),
    ],
)
def test_an_indicator_by_its_usual_name_is_told_its_name_here(word: str, names: list[str]) -> None:
    said = indicator_meant(word)
    assert said.startswith(" Did you mean ") and all(f"'{name}'" in said for name in names)


@pytest.mark.parametrize("word", ["obv", "volume_obv"])
def test_an_indicator_that_is_not_computed_is_told_why(word: str) -> None:
    assert indicator_meant(word).startswith(" volume_obv counts from the first bar on")
