"""The latest prediction of a run in a sentence or two."""

from typing import Any

__all__ = ["prediction_words"]

_FRESH = 3
"""Bars that may have closed since the newest candle before it is called old: sources lag a little,
or nobody traded.
"""
_WANTED = {1: "go long (signal +1)", 0: "no position (signal 0)", -1: "go short (signal -1)"}


def prediction_words(latest: dict[str, Any]) -> list[str]:
    """Say what ``pipeline.predict`` returned."""
    from cryptonn.units import counted

    bars = counted(latest["horizon"], "bar")
    wanted = f"enter at {latest['enter']:.4f}: {_WANTED[latest['signal']]}."
    proba = (
        f"P({latest['symbol']} up in {bars}) = {latest['proba']:.4f}, known at "
        f"{_time(latest['known_at'])}; {wanted}"
    )
    if "forecast" not in latest:
        return [*_stale_words(latest), *_far_words(latest), proba]
    said = latest["forecast"]
    price, low, high, persistence = (
        _price(said[name]) for name in ("price", "low", "high", "persistence")
    )
    return [
        *_stale_words(latest),
        *_far_words(latest),
        (
            f"{latest['symbol']} at {_time(said['at'])}, {bars} of {latest['timeframe']} after "
            f"the newest close: {price} (95 % interval {low} to {high}, from the errors on the "
            f"validation rows). Persistence, which says that the price stays, says {persistence}."
        ),
        f"That is a move of {said['move']:+.2%}; {proba}",
        *_record_words(latest),
    ]


def _record_words(latest: dict[str, Any]) -> list[str]:
    """Say how such forecasts did on bars the network had not seen."""
    return [
        (
            f"Held out, on {period}: its errors were {found['rmse_ratio']:.2f} times those of "
            f"persistence ({_compared(found['rmse_ratio'])}), {found['directional_accuracy']:.1%} "
            f"of directions were right, and {found['inside']:.1%} of prices lay inside its 95 % "
            "interval."
        )
        for period, found in latest.get("held_out", {}).items()
    ]


def _compared(ratio: float) -> str:
    if ratio < 1:
        return "better than saying that the price stays"
    return "no better than saying that the price stays: do not take its P(up) for odds"


def _stale_words(latest: dict[str, Any]) -> list[str]:
    """Say that the newest candle is old, if it is."""
    from cryptonn.units import counted

    stale = latest["stale_bars"]
    filled = latest["filled_bars"]
    missing = (
        f"{counted(filled, 'bar')} among those the network saw had no candle and were filled flat."
    )
    gaps = [missing] if filled and latest["timeframe"] != "1m" else []
    if stale is None or stale <= _FRESH:
        return gaps
    return [
        *gaps,
        (
            f"STALE: the newest candle closed at {_time(latest['known_at'])}, "
            f"{counted(stale, 'bar')} of {latest['timeframe']} ago. What follows was to be known "
            "then, not now. Give newer candles with --file, or fetch them with --download."
        ),
    ]


def _far_words(latest: dict[str, Any]) -> list[str]:
    """Say which prices are nowhere near those the network knows, if some are."""
    return [
        (
            f"FAR OFF: {symbol} closed at {_price(found['close'])}, and the network was trained "
            f"and validated on closes from {_price(found['low'])} to {_price(found['high'])}. Are "
            f"these candles of another coin, or in another currency? Give those of {symbol}; if "
            "they are, train a run on newer ones: this one knows no such prices."
        )
        for symbol, found in latest["far"].items()
    ]


def _time(text: str) -> str:
    """Return a time as ISO 8601 gives it, in UTC, to the minute."""
    return f"{text[:16]} UTC"


def _price(value: float) -> str:
    """Return a price with two decimals, a small one with six digits."""
    return f"{value:,.2f}" if value >= 100 else f"{value:,.6g}"
