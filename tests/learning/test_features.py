import numpy as np
import pandas as pd
import pytest
from small_market import OTHER, TARGET, candle_table, small_extras

from cryptonn.config import parse_config
from cryptonn.errors import ConfigError, DataError
from cryptonn.learning.features import FEATURES, features_of, make_features
from cryptonn.learning.indicators import INDICATORS, REFUSED
from cryptonn.market.candles import Frame, align
from cryptonn.market.extras import EXTRAS
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import FeaturesConfig

ALL = FeaturesConfig(
    columns=tuple(FEATURES),
    ta=("momentum_rsi", "trend_macd", "volatility_bbw", "trend_psar_up"),
    clip=0,
)


def candles(close: list[float], volume: list[float]) -> pd.DataFrame:
    return candle_table(
        np.array(close, dtype=float),
        volume=np.array(volume, dtype=float),
        rng=np.random.default_rng(0),
    )


def test_columns_are_named_by_symbol_with_the_target_first(frame: Frame) -> None:
    features = make_features(frame, target=OTHER, config=FeaturesConfig(ta=("momentum_rsi",)))
    assert list(features.columns) == [
        "BTC/USD log_return",
        "BTC/USD log_volume_change",
        "ETH/USD log_return",
        "ETH/USD log_volume_change",
        "BTC/USD momentum_rsi",
    ]
    assert features.index.equals(frame.index)
    assert (features.dtypes == np.float64).all()


def test_values_by_hand() -> None:
    table = candles([100, 110, 99, 99], [1, 3, 0, 7])
    assert FEATURES["log_return"](table)[1:] == pytest.approx(np.log([1.1, 0.9, 1.0]))
    assert FEATURES["log_volume_change"](table)[1:] == pytest.approx(np.log([4 / 2, 1 / 4, 8 / 1]))
    assert FEATURES["close_pct_change"](table)[1:] == pytest.approx([0.1, -0.1, 0.0])


def test_published_volume_change_skips_bars_without_a_trade() -> None:
    table = candles([100.0] * 6, [0, 4, 0, 0, 6, 3])
    change = FEATURES["volume_pct_change"](table)
    assert np.isnan(change[:2]).all(), "there is no traded bar to compare with yet"
    assert change[2:] == pytest.approx([-1, -1, 0.5, -0.5])


def test_candles_as_they_are(frame: Frame) -> None:
    fields = ("open", "high", "low", "close", "volume")
    features = make_features(frame, target=TARGET, config=FeaturesConfig(columns=fields, clip=0))
    assert list(features.columns) == [
        f"{symbol} {field}" for symbol in (TARGET, OTHER) for field in fields
    ]
    np.testing.assert_array_equal(features.iloc[:, :5], frame.candles(TARGET)[list(fields)])
    assert features.notna().all(axis=None), "no warm-up"


def test_extras_as_they_are(frame: Frame) -> None:
    features = make_features(frame, target=OTHER, config=FeaturesConfig(columns=EXTRAS, clip=0))
    assert list(features.columns) == [
        f"{symbol} {field}" for symbol in (OTHER, TARGET) for field in EXTRAS
    ]
    np.testing.assert_array_equal(features.iloc[:, :4], small_extras(frame.candles(OTHER)))
    np.testing.assert_array_equal(features.iloc[:, 4:], small_extras(frame.candles(TARGET)))


def test_extras_that_did_not_come_are_refused(frame: Frame) -> None:
    tables = {symbol: frame.candles(symbol) for symbol in frame.symbols}
    wanted = FeaturesConfig(columns=("close", "trades", "taker_base"), clip=0)
    with pytest.raises(
        DataError,
        match=r"of ETH/USD came without trades, taker_base: only .* extras = true under \[d",
    ):
        make_features(align(tables, timeframe="1m"), target=TARGET, config=wanted)
    with pytest.raises(DataError, match="of BTC/USD came without trades"):
        features_of(tables | {TARGET: frame.all_columns(TARGET)}, target=TARGET, config=wanted)


def test_all_of_ta_is_every_column_that_does_not_look_ahead(frame: Frame) -> None:
    frame = frame.select(TimeRange(None, frame.index[300]))
    features = make_features(
        frame, target=TARGET, config=FeaturesConfig(columns=("close",), ta=("all",), clip=0)
    )
    names = [
        name.removeprefix(f"{TARGET} ") for name in features.columns if name != f"{OTHER} close"
    ]
    assert names == ["close", *INDICATORS]
    assert not set(names) & set(REFUSED)
    same = make_features(
        frame,
        target=TARGET,
        config=FeaturesConfig(columns=("close",), ta=tuple(INDICATORS), clip=0),
    )
    pd.testing.assert_frame_equal(features, same)


def test_all_of_ta_beside_names_is_refused() -> None:
    data = {"train": "20180101-20180105"}
    with pytest.raises(
        ConfigError,
        match=r'features: ta: "all" already holds the other names: write ta = \["all"\]',
    ):
        parse_config({"name": "x", "data": data, "features": {"ta": ["all", "momentum_rsi"]}})


@pytest.fixture(scope="module")
def whole(frame: Frame) -> pd.DataFrame:
    return make_features(frame, target=TARGET, config=ALL)


@pytest.mark.parametrize("cut", [1, 2, 50, 777, 3000])
def test_features_of_cut_data_are_the_cut_features(
    frame: Frame, whole: pd.DataFrame, cut: int
) -> None:
    part = make_features(
        frame.select(TimeRange(None, frame.index[cut - 1] + pd.Timedelta(minutes=1))),
        target=TARGET,
        config=ALL,
    )
    pd.testing.assert_frame_equal(part, whole.iloc[:cut], rtol=0, atol=1e-12)


def test_nan_only_in_the_warm_up(whole: pd.DataFrame) -> None:
    assert np.isfinite(whole.iloc[60:].to_numpy()).all()
    for name, column in whole.items():
        assert column.isna().sum() == column.notna().to_numpy().argmax(), name


def test_unknown_feature_is_refused_with_a_hint(frame: Frame) -> None:
    with pytest.raises(
        ConfigError, match=r"'log_retrun' is no feature\. Did you mean 'log_return'\?"
    ):
        make_features(frame, target=TARGET, config=FeaturesConfig(columns=("log_retrun",)))


def test_no_feature_at_all_is_refused(frame: Frame) -> None:
    with pytest.raises(ConfigError, match="both empty"):
        make_features(frame, target=TARGET, config=FeaturesConfig(columns=()))


def test_zero_volume_everywhere_stays_finite() -> None:
    tables = {symbol: candles([100.0, 101.0, 102.0], [0, 0, 0]) for symbol in (TARGET, OTHER)}
    features = make_features(align(tables, timeframe="1m"), target=TARGET, config=FeaturesConfig())
    assert np.isfinite(features.iloc[1:].to_numpy()).all()


def test_an_indicator_among_the_columns_is_told_its_name_and_its_key(frame: Frame) -> None:
    with pytest.raises(
        ConfigError, match=r"'rsi' is no feature\. Did you mean 'momentum_rsi'\? Col.*under feat"
    ):
        make_features(frame, target=TARGET, config=FeaturesConfig(columns=("rsi",)))


def test_a_feature_under_ta_is_told_its_key(frame: Frame) -> None:
    with pytest.raises(
        ConfigError, match=r"'log_return' is no column of ta but a feature: write it under col"
    ):
        make_features(frame, target=TARGET, config=FeaturesConfig(ta=("log_return",)))
