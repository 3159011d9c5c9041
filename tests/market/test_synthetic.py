"""The synthetic market: its candles are candles, and its probabilities are true."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from cryptonn.errors import ConfigError, DataError
from cryptonn.market.candles import align, check_candles
from cryptonn.market.synthetic import SyntheticMarket, best_accuracy, synthetic_market
from cryptonn.settings import SyntheticConfig

ETH, BTC = "ETH/USD", "BTC/USD"
HORIZON = 5
LAG_OVERLAP = 3.5
"""Hits of neighbouring bars overlap: N bars tell as much as about N / 3.5 independent ones."""


@lru_cache(maxsize=8)
def make(*, horizon: int = HORIZON, **settings: float) -> SyntheticMarket:
    config = SyntheticConfig.model_validate({"days": 20, **settings})
    return synthetic_market(config, target=ETH, other=BTC, horizon=horizon)


def moves(market: SyntheticMarket) -> pd.DataFrame:
    """Proba and realised log move over the horizon of every bar with a label, ties out."""
    close = align(market.candles, timeframe="1m").candles(market.target)["close"]
    table = pd.DataFrame(
        {"move": np.log(close.shift(-market.horizon) / close), "proba": market.proba}
    ).dropna()
    return table[table["move"] != 0]


def standard_error(rows: int) -> float:
    return 0.5 * np.sqrt(LAG_OVERLAP / rows)


@pytest.fixture(scope="module")
def year() -> SyntheticMarket:
    return make(days=365, seed=2)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    first, again, other = make(seed=3), make.__wrapped__(seed=3), make(seed=4)
    for symbol in (ETH, BTC):
        assert (
            first.candles[symbol].to_numpy().tobytes() == again.candles[symbol].to_numpy().tobytes()
        )
        assert first.candles[symbol].index.equals(again.candles[symbol].index)
        assert not first.candles[symbol].equals(other.candles[symbol])
    assert first.proba.equals(again.proba)
    assert not first.proba.equals(other.proba)


def test_candles_are_candles_of_2018_levels(year: SyntheticMarket) -> None:
    assert list(year.candles) == [ETH, BTC]
    for symbol, price in ((ETH, 750), (BTC, 14_000)):
        table = check_candles(year.candles[symbol], timeframe="1m", source=symbol)
        assert table["open"].iloc[0] == pytest.approx(price, rel=0.01)
        assert (table["volume"] > 0).all(), "a minute without a trade is absent"
        prices = table[["open", "high", "low", "close"]].to_numpy()
        assert np.allclose(prices * 100, np.round(prices * 100), atol=1e-4), "prices are in cents"
        assert (table["high"] > table[["open", "close"]].max(axis=1)).mean() > 0.5, (
            "the minute has wicks"
        )


@pytest.mark.parametrize("quiet", [0.0, 0.03, 0.2])
def test_the_share_of_quiet_minutes_is_as_asked(quiet: float) -> None:
    market = make(days=120, quiet=quiet)
    for symbol in (ETH, BTC):
        share = 1 - len(market.candles[symbol]) / len(market.proba)
        assert share == pytest.approx(quiet, rel=0.2, abs=0)


def test_the_first_minute_trades_so_that_the_aligned_grid_is_the_whole_grid() -> None:
    for seed in range(20):
        market = make(days=1, quiet=0.5, seed=seed)
        assert all(table.index[0] == market.proba.index[0] for table in market.candles.values())


def test_volatility_clusters_volume_follows_it_and_tails_are_fat(year: SyntheticMarket) -> None:
    candles = year.candles[ETH]
    returns = np.log(candles["close"]).diff().dropna()
    size = returns.abs()
    assert size.autocorr(1) > 0.2
    assert size.autocorr(60) > 0.1
    assert returns.kurt() > 3
    assert size.corr(np.log(candles["volume"]).loc[size.index]) > 0.3
    shuffled = size.sample(frac=1, random_state=1)
    assert abs(shuffled.autocorr(1)) < 0.01, (
        "the measure itself finds nothing where there is nothing"
    )


def test_quiet_minutes_prefer_quiet_times() -> None:
    market = make(days=120, quiet=0.1)
    close = align(market.candles, timeframe="1m").candles(ETH)
    quiet = close["volume"] == 0
    size = np.log(close["close"]).diff().abs()[~quiet]
    before_quiet = size[quiet.shift(-1, fill_value=False)[size.index]]
    assert before_quiet.mean() < 0.8 * size.mean()


def test_some_five_minute_moves_are_ties(year: SyntheticMarket) -> None:
    close = align(year.candles, timeframe="1m").candles(ETH)["close"]
    assert 0.003 < (close.diff(HORIZON) == 0).mean() < 0.05


@pytest.mark.parametrize("lead", [0.5, 1.0, 2.0])
def test_proba_is_calibrated(lead: float) -> None:
    table = moves(make(days=365, lead=lead, seed=2))
    edges = np.quantile(table["proba"], np.linspace(0, 1, 21))
    for low, high in pairwise(edges):
        rows = table[(table["proba"] >= low) & (table["proba"] < high)]
        realised, promised = (rows["move"] > 0).mean(), rows["proba"].mean()
        assert realised == pytest.approx(promised, abs=4 * standard_error(len(rows))), (
            f"bin {low:.3f} to {high:.3f}"
        )
    lean, miss = table["proba"] - 0.5, (table["move"] > 0) - table["proba"]
    slope = (miss * lean).sum() / (lean**2).sum()
    error = (
        np.sqrt(LAG_OVERLAP * (table["proba"] * (1 - table["proba"]) * lean**2).sum())
        / (lean**2).sum()
    )
    assert slope == pytest.approx(0, abs=4 * error), (
        "probabilities are neither too bold nor too shy"
    )
    assert error < 0.03, "the market is long enough to tell"


@pytest.mark.parametrize("horizon", [1, 2, 15])
def test_proba_is_calibrated_at_other_horizons(horizon: int) -> None:
    table = moves(make(days=180, horizon=horizon, quiet=0.3, seed=5))
    error = 0.5 * np.sqrt(horizon / (len(table) / 10))
    for _, rows in table.groupby(pd.qcut(table["proba"], 10, duplicates="drop"), observed=True):
        assert (rows["move"] > 0).mean() == pytest.approx(rows["proba"].mean(), abs=4 * error)


@pytest.mark.parametrize(("lead", "best"), [(0.5, 0.559), (1.0, 0.603), (2.0, 0.656), (4.0, 0.699)])
def test_the_best_accuracy_is_as_documented_and_knowing_p_reaches_it(
    lead: float, best: float
) -> None:
    market = make(days=365, lead=lead, seed=2)
    table = moves(market)
    hits = ((table["proba"] > 0.5) == (table["move"] > 0)).mean()
    assert best_accuracy(market) == pytest.approx(best, abs=0.003)
    assert hits == pytest.approx(
        best_accuracy(market, pd.DatetimeIndex(table.index)), abs=4 * standard_error(len(table))
    )


def test_the_best_accuracy_is_reached_from_prices_alone() -> None:
    market = make(days=180)
    btc = np.log(align(market.candles, timeframe="1m").candles(BTC)["close"]).diff()
    signal = sum(0.7**lag * btc.shift(lag) for lag in range(20))
    table = moves(market).assign(signal=signal).dropna()
    hits = ((table["signal"] > 0) == (table["move"] > 0)).mean()
    assert hits == pytest.approx(best_accuracy(market), abs=4 * standard_error(len(table)))


def test_the_null_market_is_a_coin_toss() -> None:
    market = make(days=180, lead=0.0)
    assert (market.proba == 0.5).all()
    assert best_accuracy(market) == 0.5
    table = moves(market)
    assert (table["move"] > 0).mean() == pytest.approx(0.5, abs=4 * standard_error(len(table)))
    btc = np.log(align(market.candles, timeframe="1m").candles(BTC)["close"]).diff()
    agree = (np.sign(btc.loc[table.index]) == np.sign(table["move"])).mean()
    assert agree < 0.5 + 4 * standard_error(len(table))


def test_the_signal_pays_without_a_fee_and_not_with_a_taker_fee(year: SyntheticMarket) -> None:
    opens = np.log(align(year.candles, timeframe="1m").candles(ETH)["open"])
    gross = (opens.shift(-1 - HORIZON) - opens.shift(-1)) * np.sign(
        year.proba.loc[opens.index] - 0.5
    )
    sure = (year.proba - 0.5).abs().loc[opens.index]
    for share in (1.0, 0.1, 0.01):
        mean = gross[sure >= sure.quantile(1 - share)].mean()
        assert 0.0005 < mean < 2 * 0.002, f"the surest {share:.0%}: {mean * 1e4:.1f} bp a trade"


def test_a_longer_market_begins_with_the_shorter_one() -> None:
    short, long = make(days=3), make(days=8)
    for symbol in (ETH, BTC):
        head = long.candles[symbol].loc[: short.proba.index[-1]]
        pd.testing.assert_frame_equal(short.candles[symbol], head, check_exact=True)
    pd.testing.assert_series_equal(
        short.proba, long.proba.iloc[: len(short.proba)], rtol=1e-12, check_freq=False
    )


def test_the_candles_do_not_depend_on_the_horizon() -> None:
    one, fifteen = make(horizon=1), make(horizon=15)
    assert all(one.candles[symbol].equals(fifteen.candles[symbol]) for symbol in (ETH, BTC))
    assert not one.proba.equals(fifteen.proba)


def test_the_lead_is_the_other_coin_s_alone() -> None:
    none, strong = make(lead=0.0), make(lead=2.0)
    assert none.candles[BTC].equals(strong.candles[BTC])
    assert not none.candles[ETH].equals(strong.candles[ETH])


def test_best_accuracy_of_chosen_bars() -> None:
    market = make()
    index = pd.DatetimeIndex(market.proba.index)
    sure = index[(market.proba - 0.5).abs() > 0.2]
    assert best_accuracy(market, sure) > 0.7 > best_accuracy(market)
    with pytest.raises(DataError, match="lie outside"):
        best_accuracy(market, index + pd.Timedelta(days=1))


def test_two_names_are_needed() -> None:
    with pytest.raises(ConfigError, match="both ETH/USD"):
        synthetic_market(SyntheticConfig(days=1), target=ETH, other=ETH, horizon=5)


def test_a_horizon_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="horizon = 0"):
        make(horizon=0)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed = -1"):
        make(seed=-1)


def test_a_lead_that_makes_prices_explode_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"price of the target coin.*smaller lead"):
        make(lead=1000.0, days=60)
