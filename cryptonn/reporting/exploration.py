"""A look at the candles themselves: price, log price, volume, how the coins move together,
basic statistics.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter

from cryptonn.market.candles import Frame, timeframe_delta
from cryptonn.reporting.formatting import number, slug
from cryptonn.reporting.picture import (
    MUTED,
    Picture,
    canvas,
    date_axis,
    legend_above,
    picture,
    thin,
)

__all__ = ["explore", "statistics"]

DAYS_A_YEAR = 365
_COLORS = ("#2457d6", "#e08a00", "#7a4bd0", "#0e8ca8", "#a23b72")
_MEAN_DAYS = 30
_MOST_DOTS = 6000
_HOUR = pd.Timedelta(hours=1)


def explore(frame: Frame) -> list[Picture]:
    """Draw price with its 30-day mean, log price, volume and the scatter of returns
    of every coin.
    """
    closes = _closes(frame)
    hourly = closes.resample("1h").last() if timeframe_delta(frame.timeframe) < _HOUR else closes
    pictures = [_draw_price(hourly), _draw_log_price(hourly), _draw_volume(frame)]
    return [*pictures, *_draw_scatter(closes)]


def statistics(frame: Frame) -> pd.DataFrame:
    """Return basic statistics, one row a symbol.

    Returns
    -------
    DataFrame
        Index symbol; columns ``first``, ``last``, ``bars``, ``without_trade`` (share of bars),
        ``close_first``, ``close_last``, ``low``, ``high``, ``change`` (fraction over the whole
        range), ``mean_move`` (mean absolute log return of one bar), ``volatility`` (standard
        deviation of daily log returns times the root of 365), ``worst_day``, ``best_day``,
        ``kurtosis`` (excess, of daily returns) and ``volume`` (base).
    """
    return pd.DataFrame(
        {symbol: _statistics_of(frame.candles(symbol)) for symbol in frame.symbols}
    ).T.rename_axis("symbol")


def _statistics_of(candles: pd.DataFrame) -> dict[str, object]:
    close = candles["close"]
    daily = np.log(close.resample("1D").last()).diff().dropna()
    return {
        "first": close.index[0],
        "last": close.index[-1],
        "bars": len(close),
        "without_trade": float((candles["volume"] == 0).mean()),
        "close_first": float(close.iloc[0]),
        "close_last": float(close.iloc[-1]),
        "low": float(candles["low"].min()),
        "high": float(candles["high"].max()),
        "change": float(close.iloc[-1] / close.iloc[0] - 1),
        "mean_move": float(np.abs(np.diff(np.log(close.to_numpy()))).mean())
        if len(close) > 1
        else float("nan"),
        "volatility": float(daily.std() * np.sqrt(DAYS_A_YEAR)),
        "worst_day": float(np.expm1(daily.min())),
        "best_day": float(np.expm1(daily.max())),
        "kurtosis": float(daily.kurt()),
        "volume": float(candles["volume"].sum()),
    }


def _closes(frame: Frame) -> pd.DataFrame:
    return pd.DataFrame({symbol: frame.candles(symbol)["close"] for symbol in frame.symbols})


def _log(prices: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(np.log(prices.to_numpy(float)), index=prices.index, columns=prices.columns)


def _color(place: int) -> str:
    return _COLORS[place % len(_COLORS)]


def _draw_price(hourly: pd.DataFrame) -> Picture:
    symbols = list(hourly)
    means = hourly.rolling(f"{_MEAN_DAYS}D", min_periods=min(24, len(hourly))).mean()
    figure, all_axes = canvas(len(symbols), size=(11, 2.6 * len(symbols)))
    for place, (symbol, axes) in enumerate(zip(symbols, all_axes, strict=True)):
        axes.plot(thin(hourly[symbol]), color=_color(place), linewidth=1.0, label="close")
        axes.plot(
            thin(means[symbol]), color="#1c2430", linewidth=1.4, label=f"{_MEAN_DAYS}-day mean"
        )
        axes.set_title(str(symbol))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        date_axis(axes)
        axes.legend(loc="best", ncols=2)
    table = thin(hourly.join(means.add_suffix(" mean")))
    return picture(
        figure,
        table.rename_axis("time").reset_index(),
        name="exploration_price",
        title="Price and 30-day mean",
        caption=(
            "Last close of each hour (of each bar, if longer), in the quote currency; the mean of "
            "30 days before."
        ),
    )


def _draw_log_price(hourly: pd.DataFrame) -> Picture:
    shown = thin(hourly)
    figure, (axes,) = canvas(size=(11, 3.4))
    for place, symbol in enumerate(shown):
        axes.plot(shown[symbol], color=_color(place), linewidth=1.2, label=symbol)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("price, logarithmic")
    date_axis(axes)
    legend_above(axes)
    return picture(
        figure,
        _log(shown).rename_axis("time").reset_index(),
        name="exploration_log_price",
        title="Log price",
        caption=(
            "Equal distances are equal percentages. The table beside it holds natural logarithms."
        ),
    )


def _draw_volume(frame: Frame) -> Picture:
    turnover = {
        symbol: (table := frame.candles(symbol))["close"] * table["volume"]
        for symbol in frame.symbols
    }
    daily = pd.DataFrame(turnover).resample("1D").sum() / 1e6
    figure, all_axes = canvas(len(daily.columns), size=(11, 2.1 * len(daily.columns)))
    for place, (symbol, axes) in enumerate(zip(daily, all_axes, strict=True)):
        axes.fill_between(
            daily.index, daily[symbol], step="mid", color=_color(place), alpha=0.65, linewidth=0
        )
        axes.set_title(str(symbol))
        axes.set_ylabel("million a day")
        axes.set_ylim(bottom=0)
        date_axis(axes)
    return picture(
        figure,
        daily.rename_axis("time").reset_index(),
        name="exploration_volume",
        title="Volume",
        caption=(
            "Traded value a day, in millions of the quote currency (close times base volume of "
            "every bar)."
        ),
    )


def _draw_scatter(closes: pd.DataFrame) -> list[Picture]:
    if closes.shape[1] < 2:
        return []
    return [
        _draw_pair(closes, target=str(closes.columns[0]), other=str(other))
        for other in closes.columns[1:]
    ]


def _draw_pair(closes: pd.DataFrame, *, target: str, other: str) -> Picture:
    spans: Sequence[tuple[str, str]] = (("5min", "5 minutes"), ("1h", "1 hour"), ("1D", "1 day"))
    figure, all_axes = canvas(1, len(spans), size=(11, 3.7))
    drawn: list[pd.DataFrame] = []
    for (span, words), axes in zip(spans, all_axes, strict=True):
        returns = _log(closes[[other, target]].resample(span).last()).diff().dropna() * 100
        together = float(returns[other].corr(returns[target])) if len(returns) > 2 else float("nan")
        shown = thin(returns, most=_MOST_DOTS)
        axes.scatter(shown[other], shown[target], s=7, alpha=0.25, color=_COLORS[0], linewidths=0)
        axes.axline((0, 0), slope=1, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_title(f"{words}: correlation {number(together)}")
        axes.set_xlabel(f"{other} (%)")
        axes.set_ylabel(f"{target} (%)")
        drawn.append(shown.rename_axis("time").reset_index().assign(span=span))
    return picture(
        figure,
        pd.concat(drawn, ignore_index=True),
        name=f"exploration_scatter_{slug(other)}",
        title=f"{target} against {other}",
        caption=(
            "Log returns of the same stretch of time, in per cent; the dashed line is equal "
            "movement."
        ),
    )
