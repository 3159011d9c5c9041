"""How healthy stored candles are: what is missing, what did not trade, where the price jumps."""

import hashlib

import numpy as np
import pandas as pd

from cryptonn.market.bars import bar_step, check_candles, time_index, time_text, times_of, traded

__all__ = ["JUMP", "candles_sha256", "health"]

JUMP = 0.10
"""A log return between neighbouring rows beyond this is a price jump."""


def candles_sha256(candles: pd.DataFrame) -> str:
    """Return the sha256 of a candle table's content: its times (int64 ns), then its values (float64, row by row).

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
        ``first``, ``last`` (UTC texts), ``rows``; ``missing`` bars between them, ``missing_share`` of the complete
        grid, ``longest_gap`` (bars absent in a row) and ``longest_gap_after`` (the bar before it, None without a gap);
        ``zero_volume`` rows and ``zero_volume_share`` of the rows; ``jumps`` (log returns between neighbouring rows
        beyond ``JUMP``), ``largest_jump`` (signed log return) and ``largest_jump_at`` (None with one row); ``sha256``
        of the content.
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
        **_jumps(candles),
        "sha256": candles_sha256(candles),
    }


def _jumps(candles: pd.DataFrame) -> dict[str, object]:
    moves = np.diff(np.log(candles["close"].to_numpy()))
    if not len(moves):
        return {"jumps": 0, "largest_jump": 0.0, "largest_jump_at": None}
    largest = int(np.abs(moves).argmax())
    return {
        "jumps": int((np.abs(moves) > JUMP).sum()),
        "largest_jump": float(moves[largest]),
        "largest_jump_at": time_text(candles.index[largest + 1]),
    }
