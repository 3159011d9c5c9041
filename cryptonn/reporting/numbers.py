"""The big numbers under a verdict: what was predicted, what it earned, what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cryptonn.evaluation.accuracy import Assessment
from cryptonn.evaluation.significance import MIN_TRADES
from cryptonn.reporting.figures_equity import HELD, fee_words
from cryptonn.reporting.formatting import bp, percent, signed_bp, signed_percent
from cryptonn.reporting.grid import tone_of
from cryptonn.units import BP, counted

__all__ = ["BigNumber", "big_numbers"]


@dataclass(frozen=True)
class BigNumber:
    """One number in large type."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


def big_numbers(own: pd.DataFrame, models: Mapping[str, Assessment]) -> list[BigNumber]:
    """Return the numbers of one test period.

    Parameters
    ----------
    own
        Rows of the comparison table of this period and the strategy that leads it, one a fee
        scenario.
    models
        Assessments of this period by model; empty where the strategy does not trade on them.
    """
    numbers = [_accuracy(name, models[name]) for name in ("network", "logistic") if name in models]
    if own.empty:
        return numbers
    ordered = own.sort_values("cost_per_side", kind="stable")
    free = ordered.iloc[0]
    dear = ordered.iloc[-1]
    return [
        *numbers,
        *_per_trade(free, dear, ordered),
        _break_even(free),
        *_returns(ordered),
        _held(free),
    ]


def _accuracy(model: str, found: Assessment) -> BigNumber:
    metrics = found.metrics
    label = {"network": "accuracy on moves, network", "logistic": "accuracy on moves, logistic"}[
        model
    ]
    return BigNumber(
        label,
        percent(metrics.get("accuracy_on_moves")),
        _range(metrics, "accuracy_on_moves", percent),
    )


def _per_trade(free: Any, dear: Any, ordered: pd.DataFrame) -> list[BigNumber]:
    gross, net = (
        _from_bp(row[name])
        for row, name in ((free, "gross_per_trade_bp"), (dear, "net_per_trade_bp"))
    )
    others = [
        f"{fee_words(str(row['fees']))} {bp(2 * row['cost_per_side'])}"
        for _, row in ordered.iloc[1:-1].iterrows()
    ]
    words = fee_words(str(dear["fees"]))
    trades = f"{counted(int(free['trades']), 'trade')}, before any cost"
    return [
        BigNumber("gross per trade", signed_bp(gross), trades, tone_of(gross)),
        BigNumber(
            "cost per round trip", bp(2 * dear["cost_per_side"]), "; ".join([words, *others])
        ),
        BigNumber("net per trade", signed_bp(net), words, tone_of(net)),
    ]


def _break_even(free: Any) -> BigNumber:
    label = "break-even fee per side"
    fee = free["break_even_fee"]
    if free["trades"] < MIN_TRADES:
        return BigNumber(label, bp(fee), f"fewer than {MIN_TRADES} trades: too few to say")
    lost = "not even at zero cost; " if fee < 0 else ""
    known = _range(free, "break_even_fee", bp) or "no interval: too few days"
    return BigNumber(label, bp(fee), f"{lost}arithmetic: trades added up; {known}")


def _returns(ordered: pd.DataFrame) -> list[BigNumber]:
    return [
        BigNumber(
            f"net return, {fee_words(str(row['fees']))}",
            signed_percent(row["net_return"]),
            _range(row, "net_return", signed_percent),
            tone_of(row["net_return"]),
        )
        for _, row in ordered.iterrows()
    ]


def _held(free: Any) -> BigNumber:
    held = free["buy_and_hold_return"]
    return BigNumber(HELD, signed_percent(held), "first open to last close", tone_of(held))


def _range(values: Any, name: str, write: Any) -> str:
    low, high = values.get(f"{name}_low"), values.get(f"{name}_high")
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return ""
    return f"95 %: {write(low)} to {write(high)}"


def _from_bp(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value) * BP
