"""pyfolio's tear sheet of one backtest: its figures as PNG and its tables as HTML. The only place
that knows pyfolio.

pyfolio counts 252 periods a year and 21 days a month, and offers no setting for it; crypto trades
on 365 days. Its annual numbers are left as they come and are labelled so. The project's own table
is in ``metrics.py``.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from cryptonn.output import write_file
from cryptonn.reporting.picture import png_of
from cryptonn.trading.result import BacktestResult

__all__ = ["ANNUALISATION_NOTE", "TearSheet", "table_cells", "write_tear_sheet"]

ANNUALISATION_NOTE = (
    "pyfolio annualises with 252 periods a year and counts a month as 21 days. Crypto trades on "
    "365 days, so its annual return, volatility, Sharpe and Sortino ratios differ from this "
    "report's own tables, which use 365."
)

_ESTIMATE_NOTE = (
    "Where most days end flat, pyfolio guesses positions within the day: exposure and turnover are "
    "estimates."
)
_DPI = 65
_FEW_DAYS = 30
_FEWEST_DAYS = 3
"""pandas tells a daily index by three days; with fewer pyfolio mixes times with and
without a zone.
"""

_KNOWN_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    (r'Module "zipline\.assets" not found', UserWarning),
    (r"Detected intraday strategy", UserWarning),
    (r"Passed returns do not overlap", UserWarning),
    (r"Unable to generate turnover plot", UserWarning),
    (r"\s*Fewer than 5 round-trip trades", UserWarning),
    (r"Attempting to set identical low and high", UserWarning),
    (r"The \W?(inplace|lsuffix|rsuffix|sort)\W.*keywords? in ", DeprecationWarning),
    (r"Sorting by default when concatenating", DeprecationWarning),
    (r"The set_bad function will be deprecated", PendingDeprecationWarning),
    (r"vert: bool was deprecated", DeprecationWarning),
    (r"(invalid value|divide by zero|overflow) encountered", RuntimeWarning),
    (r"Mean of empty slice", RuntimeWarning),
    (r"Degrees of freedom", RuntimeWarning),
)
"""What pyfolio, seaborn and empyrical say with today's pandas and matplotlib;
anything else is let through.
"""

_UNDEFINED = re.compile(r"<td>(?:nan|NaN|inf|NaT)%?</td>")
_NAMES = {
    "Cumulative returns": "returns",
    "Exposure": "positions",
    "Daily turnover": "transactions",
}


@dataclass(frozen=True)
class TearSheet:
    """A tear sheet as it goes into the report."""

    images: tuple[Path, ...]
    """PNG files in pyfolio's order; empty where there is nothing to draw."""
    tables: tuple[str, ...]
    """pyfolio's tables as HTML; ``table_cells`` gives their text."""
    note: str
    """What a reader must know of this sheet, in sentences."""


def write_tear_sheet(
    result: BacktestResult, folder: Path, *, benchmark: pd.Series, round_trips: bool = False
) -> TearSheet:
    """Let pyfolio draw its full tear sheet of a backtest into a folder, without a display.

    Parameters
    ----------
    result
        Its daily UTC returns, end-of-day positions and fills are what pyfolio gets.
    folder
        Where the PNG files go: ``1_returns.png``, ``2_positions.png`` and so on, in pyfolio's
        order.
    benchmark
        Simple daily UTC returns of buying and holding.
    round_trips
        Add pyfolio's round-trip sheet: seconds more for each thousand trades.

    Returns
    -------
    TearSheet
        Without fills it holds the returns sheet alone, of fewer than three days nothing; its note
        says so.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    if len(result.returns) < _FEWEST_DAYS:
        return TearSheet((), (), f"Only {len(result.returns)} days: too few for a tear sheet.")
    returns = result.returns.astype(float)
    held = benchmark.reindex(returns.index).fillna(0.0)
    full = len(result.fills) > 0 and len(result.positions) > 0
    with _quiet(), _agg() as opened, _tables() as tables:
        import pyfolio

        if full:
            pyfolio.create_full_tear_sheet(
                returns,
                positions=result.positions,
                transactions=_transactions(result),
                benchmark_rets=held,
                round_trips=round_trips,
            )
        else:
            pyfolio.create_returns_tear_sheet(returns, benchmark_rets=held)
        pages = [_render(figure, number) for number, figure in enumerate(opened(), start=1)]
    images = []
    for name, png in pages:
        write_file(folder / f"{name}.png", png)
        images.append(folder / f"{name}.png")
    return TearSheet(tuple(images), tuple(tables), _note(result, full=full))


class _Cells(HTMLParser):
    """Reads the rows of a table that pandas wrote as HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def table_cells(html: str) -> list[list[str]]:
    """Return the text of every cell of one of pyfolio's tables, row by row."""
    return _Cells(html).rows


def _transactions(result: BacktestResult) -> pd.DataFrame:
    # Fills of one side at one instant become one row: pyfolio averages rows of one instant where
    # it should add them.
    fills = result.fills
    table = pd.DataFrame(
        {
            "time": fills["time"],
            "amount": fills["amount"].where(fills["side"] == "buy", -fills["amount"]),
            "value": fills["amount"] * fills["price"],
            "side": fills["side"],
        }
    )
    merged = table.groupby(["time", "side"], sort=True, as_index=False)[["amount", "value"]].sum()
    merged["price"] = merged["value"] / merged["amount"].abs()
    merged["symbol"] = result.symbol
    return merged.set_index("time")[["amount", "price", "symbol"]]


def _note(result: BacktestResult, *, full: bool) -> str:
    said = [ANNUALISATION_NOTE, _ESTIMATE_NOTE] if full else [ANNUALISATION_NOTE]
    if not full:
        said.insert(
            0,
            (
                "No order was filled, so there are no positions or transactions: this is the "
                "returns sheet alone."
            ),
        )
    if len(result.returns) < _FEW_DAYS:
        said.insert(
            0,
            (
                f"Only {len(result.returns)} days: annual numbers and rolling windows mean little "
                "here."
            ),
        )
    return " ".join(said)


def _render(figure: Figure, number: int) -> tuple[str, bytes]:
    first = figure.axes[0].get_title() if figure.axes else ""
    height = (
        figure.get_figheight()
    )  # margins in inches: bbox_inches="tight" would draw everything once more
    figure.subplots_adjust(left=0.08, right=0.97, bottom=0.8 / height, top=1 - 0.6 / height)
    return f"{number}_{_NAMES.get(first, 'more')}", png_of(figure, dpi=_DPI)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        for message, category in _KNOWN_WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=category)
        yield


@contextlib.contextmanager
def _agg() -> Iterator[Callable[[], list[Figure]]]:
    """Draw without a display; gives the figures opened meanwhile, which are closed at the end."""
    from matplotlib import pyplot

    backend = mpl.get_backend()
    before = set(pyplot.get_fignums())

    def opened() -> list[Figure]:
        return [pyplot.figure(number) for number in pyplot.get_fignums() if number not in before]

    pyplot.switch_backend("agg")
    try:
        with mpl.rc_context():
            mpl.rcdefaults()  # pyfolio brings its own look; a caller's would mix with it
            yield opened
    finally:
        for figure in opened():
            pyplot.close(figure)
        pyplot.switch_backend(backend)


@contextlib.contextmanager
def _tables() -> Iterator[list[str]]:
    """Catch the tables that pyfolio would show in a notebook."""
    import pyfolio.utils

    tables: list[str] = []

    def catch(shown: Any) -> None:
        tables.append(_UNDEFINED.sub("<td>n/a</td>", str(shown.data)))

    notebook_display = pyfolio.utils.display
    pyfolio.utils.display = catch
    try:
        yield tables
    finally:
        pyfolio.utils.display = notebook_display
