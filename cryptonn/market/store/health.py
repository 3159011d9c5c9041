"""How healthy stored candles are: what is missing, what did not trade, where the price jumps."""

import hashlib

import numpy as np
import pandas as pd

from cryptonn.market.bars import bar_step, check_candles, time_index, time_text, times_of, traded
from cryptonn.market.jumps import Jump, find_jumps, jumps_text

__all__ = ["LARGE", "NO_VOLUME", "candle_notes", "candles_sha256", "health"]

LARGE = 0.10
"""A log return between neighbouring rows beyond this is a large move."""
NO_VOLUME = (
    "No bar has a volume above 0: these look like mark or index prices, "
    "or like an export without volume, on which no order can fill. Use the candles of trades: "
    "of Binance the files named klines, not markPriceKlines or indexPriceKlines."
)
"""What is said of candles in which nothing traded."""


def candles_sha256(candles: pd.DataFrame) -> str:
    """Return the sha256 of a candle table's content: its times (int64 ns), then its values
    (float64, row by row).

    It does not depend on how the table is stored.
    """
    digest = hashlib.sha256(np.ascontiguousarray(times_of(time_index(candles)), dtype="<i8").data)
    digest.update(np.ascontiguousarray(candles.to_numpy(), dtype="<f8").data)
    return digest.hexdigest()


def health(candles: pd.DataFrame, *, timeframe: str) -> dict[str, object]:
    """Describe a candle table in numbers and texts that fit into JSON.

    Returns
    -------
    dict
        ``first``, ``last`` (UTC texts), ``rows``; ``missing`` bars between them, ``missing_share``
        of the complete grid, ``longest_gap`` (bars absent in a row) and ``longest_gap_after``
        (the bar before it, None without a gap); ``zero_volume`` rows and ``zero_volume_share``
        of the rows; ``large_moves`` (log returns between neighbouring rows beyond ``LARGE``),
        ``largest_move`` (signed log return) and ``largest_move_at`` (None with one row);
        ``jumps``, ``wicks`` (how many there are, see ``jumps.py``) and ``jumps_found`` (a text
        on both, None without); ``sha256`` of the content.
    """
    check_candles(candles, timeframe=timeframe, source="health")
    times = times_of(time_index(candles))
    absent = np.diff(times) // bar_step(timeframe) - 1
    missing = int(absent.sum())
    untraded = int((~traded(candles)).sum())
    return {
        "first": time_text(candles.index[0]),
        "last": time_text(candles.index[-1]),
        "rows": len(candles),
        "missing": missing,
        "missing_share": missing / (len(candles) + missing),
        "longest_gap": int(absent.max(initial=0)),
        "longest_gap_after": time_text(candles.index[int(absent.argmax())]) if missing else None,
        "zero_volume": untraded,
        "zero_volume_share": untraded / len(candles),
        **_moves(candles),
        **_jumps(find_jumps(candles, timeframe=timeframe)),
        "sha256": candles_sha256(candles),
    }


def candle_notes(candles: pd.DataFrame, *, timeframe: str) -> tuple[str, ...]:
    """Say what a reader of results made from these candles should know of them: no volume,
    jumps, absurd wicks.
    """
    found = find_jumps(candles, timeframe=timeframe)
    jumps = [jump for jump in found if jump.kind != "wick"]
    wicks = [jump for jump in found if jump.kind == "wick"]
    notes = [] if traded(candles).any() else [NO_VOLUME]
    if jumps:
        notes.append(
            f"The price jumps {jumps_text(jumps)}: a run over that is refused unless it leaves "
            "it out (data.leave_out) or accepts it (data.jumps)."
        )
    if wicks:
        notes.append(f"An absurd high or low: {jumps_text(wicks)}.")
    return tuple(notes)


def _moves(candles: pd.DataFrame) -> dict[str, object]:
    moves = np.diff(np.log(candles["close"].to_numpy()))
    if not len(moves):
        return {"large_moves": 0, "largest_move": 0.0, "largest_move_at": None}
    largest = int(np.abs(moves).argmax())
    return {
        "large_moves": int((np.abs(moves) > LARGE).sum()),
        "largest_move": float(moves[largest]),
        "largest_move_at": time_text(candles.index[largest + 1]),
    }


def _jumps(found: list[Jump]) -> dict[str, object]:
    wicks = sum(jump.kind == "wick" for jump in found)
    return {
        "jumps": len(found) - wicks,
        "wicks": wicks,
        "jumps_found": jumps_text(found) or None,
    }
