"""Which columns of ta look ahead, on real bars of 15 minutes: the table that the documents are made of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_market import quarter_hours

from cryptonn.errors import DataError
from cryptonn.learning import lookahead
from cryptonn.learning.indicators import INDICATORS, REFUSED, filled_indicators
from cryptonn.learning.lookahead import looking_ahead

EVEN_UNFILLED = {
    *(
        "trend_kst",
        "trend_kst_sig",
        "trend_kst_diff",
        "trend_visual_ichimoku_a",
        "trend_visual_ichimoku_b",
    ),
}
FROM_THE_WHOLE_SERIES = EVEN_UNFILLED | {
    *(
        "trend_vortex_ind_pos",
        "trend_vortex_ind_neg",
        "trend_vortex_ind_diff",
        "trend_trix",
        "trend_dpo",
    ),
    "momentum_kama",
}
FILLED_BACK = {"trend_psar_up", "trend_psar_down"}


@pytest.fixture(scope="module")
def candles(shared_data: Path) -> pd.DataFrame:
    return quarter_hours(shared_data, "2018", bars=800)


@pytest.fixture(scope="module")
def table(candles: pd.DataFrame) -> pd.DataFrame:
    return looking_ahead(candles).set_index("column")


def test_five_columns_look_ahead_as_they_are_and_eight_more_when_filled(
    table: pd.DataFrame,
) -> None:
    assert set(table.index[table["plain"]]) == EVEN_UNFILLED
    assert set(table.index[table["filled"]]) == FROM_THE_WHOLE_SERIES | FILLED_BACK
    assert len(table) == 13
    assert (table["reason"].str.len() > 20).all()


def test_only_first_rows_change(table: pd.DataFrame) -> None:
    assert (table["first_row"] <= 1).all()
    assert table["last_row"].drop("momentum_kama").max() == 51
    assert table.loc["momentum_kama", "last_row"] < 250, "the average forgets"
    assert table.loc["trend_psar_down", "last_row"] < 20


def test_none_of_them_can_be_traded_filled_and_none_is_offered_that_looks_ahead_unfilled(
    table: pd.DataFrame,
) -> None:
    assert {name for name, reason in REFUSED.items() if "looks ahead" in reason} == set(
        table.index[table["plain"]]
    )
    assert not set(table.index[table["plain"]]) & set(INDICATORS)


def test_cutting_off_tells_the_same_as_doubling(candles: pd.DataFrame) -> None:
    whole, part = filled_indicators(candles), filled_indicators(candles.iloc[:400])
    same = np.isclose(whole.iloc[:400], part, rtol=1e-9, atol=1e-9).all(axis=0)
    assert set(whole.columns[~same]) == FROM_THE_WHOLE_SERIES


def test_it_bites(candles: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that knows the last close is found, one that knows the first is not."""

    def biased(candles: pd.DataFrame, *, fillna: bool) -> pd.DataFrame:
        close = candles["close"]
        return pd.DataFrame({"last": close / close.iloc[-1], "first": close / close.iloc[0]})

    monkeypatch.setattr(lookahead, "ta_columns", biased)
    found = looking_ahead(candles)
    assert found[["column", "plain", "filled", "first_row", "last_row"]].to_numpy().tolist() == [
        ["last", True, True, 0, 399]
    ]


def test_too_few_bars(candles: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="199 bars are too few .* give 200 or more"):
        looking_ahead(candles.iloc[:199])
