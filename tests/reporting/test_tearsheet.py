"""pyfolio's sheets: drawn without a display, with and without trades, nothing left behind."""

import warnings
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fakes import make_candles, make_result, spaced_entries

from cryptonn.errors import OutputError
from cryptonn.reporting.figures_equity import buy_and_hold, daily_returns
from cryptonn.reporting.tearsheet import TearSheet, table_cells, write_tear_sheet
from cryptonn.trading.result import BacktestResult
from tests.conftest import blank


@pytest.fixture(autouse=True)
def blank_pictures() -> None:
    """Render the sheets: what cannot be drawn often shows only then."""


def setting(days: int, *, trades: int, fees: str = "taker") -> tuple[BacktestResult, pd.Series]:
    index = pd.date_range("2019-01-01", periods=days * 1440, freq="min", tz="UTC", name="time")
    candles = make_candles(index, seed=5, start=140)
    result = make_result(candles, spaced_entries(len(candles), trades=trades), fees=fees)
    return result, daily_returns(buy_and_hold(candles, cash=result.cash), cash=result.cash)


@pytest.fixture(scope="module")
def forty() -> tuple[BacktestResult, pd.Series]:
    return setting(40, trades=120)


@pytest.fixture(scope="module")
def sheet(
    forty: tuple[BacktestResult, pd.Series], tmp_path_factory: pytest.TempPathFactory
) -> TearSheet:
    """The full sheet of forty days."""
    result, benchmark = forty
    return write_tear_sheet(result, tmp_path_factory.mktemp("sheet"), benchmark=benchmark)


def test_the_full_sheet_shows_returns_positions_and_transactions(sheet: TearSheet) -> None:
    assert [path.name for path in sheet.images] == [
        "1_returns.png",
        "2_positions.png",
        "3_transactions.png",
    ]
    for path in sheet.images:
        assert path.read_bytes().startswith(b"\x89PNG")
        shades = plt.imread(path)[..., :3]
        assert np.ptp(shades) > 0.5, "an empty page"
    assert "Annual return" in sheet.tables[0]
    assert "252" in sheet.note
    assert "365" in sheet.note


def test_the_sheet_is_fed_what_the_backtest_returned(
    forty: tuple[BacktestResult, pd.Series], sheet: TearSheet
) -> None:
    said = {row[0]: row[1] for row in table_cells(sheet.tables[0])}
    assert float(said["Cumulative returns"].rstrip("%")) == pytest.approx(
        100 * (forty[0].equity.iloc[-1] / 1e5 - 1), abs=0.06
    )


def test_bought_and_sold_are_not_mixed_up(sheet: TearSheet) -> None:
    longest = [cells for cells in map(table_cells, sheet.tables) if "long positions" in cells[0][0]]
    assert float(longest[0][-1][1].rstrip("%")) > 90, "95 % of equity, long only"


def test_without_a_fill_the_returns_sheet_comes_alone_and_says_so(tmp_path: Path) -> None:
    result, benchmark = setting(35, trades=0)
    sheet = write_tear_sheet(result, tmp_path, benchmark=benchmark)
    assert [path.name for path in sheet.images] == ["1_returns.png"]
    assert "No order was filled" in sheet.note


@pytest.mark.parametrize("days", [1, 2])
def test_of_one_or_two_days_there_is_no_sheet_but_a_sentence(days: int, tmp_path: Path) -> None:
    result, benchmark = setting(days, trades=4)
    sheet = write_tear_sheet(result, tmp_path, benchmark=benchmark)
    assert sheet.images == sheet.tables == ()
    assert f"Only {days} days" in sheet.note


def test_a_strategy_that_loses_everything_is_drawn_with_its_round_trips_on_request(
    tmp_path: Path,
) -> None:
    result, benchmark = setting(10, trades=300, fees="taker+slippage")
    assert result.equity.iloc[-1] < 40_000
    sheet = write_tear_sheet(result, tmp_path, benchmark=benchmark, round_trips=True)
    assert len(sheet.images) == 4
    assert any("Winning round_trips" in table or "round_trips" in table for table in sheet.tables)


def test_of_a_few_days_there_is_a_warning_and_nothing_is_printed_or_stays_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where this is the first test of its process to load it
        import pyfolio.utils

    mine = plt.figure()
    before = (dict(mpl.rcParams), warnings.filters[:], mpl.get_backend(), pyfolio.utils.display)
    result, benchmark = setting(3, trades=4)
    sheet = write_tear_sheet(result, tmp_path, benchmark=benchmark)
    assert "Only 3 days" in sheet.note
    assert len(sheet.images) == 3, "the figure that was open before is not part of the sheet"
    assert (
        dict(mpl.rcParams),
        warnings.filters[:],
        mpl.get_backend(),
        pyfolio.utils.display,
    ) == before
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)
    assert capsys.readouterr().out == ""


def test_an_unwritable_folder_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result, benchmark = setting(3, trades=0)
    with blank(), pytest.raises(OutputError, match="cannot be written"):
        write_tear_sheet(result, tmp_path / "file" / "sheet", benchmark=benchmark)
    assert plt.get_fignums() == []
