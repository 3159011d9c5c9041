"""What the report says in words whatever the run: the clock rule, the definitions,
the facts laid out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cryptonn.market.candles import Frame
from cryptonn.reporting.formatting import count, date, percent

__all__ = [
    "CLOCK",
    "IN_SAMPLE",
    "WORDS",
    "candle_facts",
    "flatten",
    "told_facts",
    "validation_words",
]

IN_SAMPLE = "IN-SAMPLE"
"""Mark of a stretch that holds bars the network was fitted to."""

CLOCK = (
    "A bar is stamped by its open time (UTC) and known at its close. The features of bar t use "
    "bars up to t. A signal decided at the close of bar t is filled at the open of t+1, or of the "
    "next bar that really traded. The label of t uses bars t+1 to t+horizon; at least horizon bars "
    "are dropped between train and validation and before each test period. Scaling is fitted on "
    "the train rows only."
)

_VALIDATION = (
    "Validation is the last share of the train range; it chose the epoch, and the entry threshold "
    "unless the run file gives one, so it flatters a little."
)
_TEST = (
    "The test periods were not used for the fit, the kept epoch or the entry threshold. Whether "
    "settings were changed after looking at them only the reader knows: each look makes a lucky "
    "result likelier."
)
_ACCURACIES = (
    "Balanced accuracy as published counts ties as ups, and part of it is telling quiet minutes "
    "from moving ones, which cannot be traded. The accuracy on moves leaves ties out and is the "
    "number to trust. The logistic regression is judged on the same rows."
)

WORDS = (
    ("bp", "basis point: 0.01 %, a fraction of 0.0001"),
    ("cost per side", (
        "commission, half the spread and slippage of one fill, as a fraction of its notional"
    )),
    ("round trip", "entry and exit together: twice the cost per side"),
    ("gross, net", "profit at the open prices before any cost; profit after all costs"),
    ("break-even fee", (
        "cost per side at which the net return is zero; n/a with fewer than 10 trades. Arithmetic, "
        "under the verdict and in tables: the trades' returns added up. Compounded, in the figure "
        "of every fee: what is left in the account, which is lower the more the equity swings"
    )),
    ("no fee, maker, taker, taker + slippage", (
        "commission zero; a resting order's commission, no spread, and a fill at the next open for "
        "sure, which is optimistic: a resting order may not fill; a crossing order's commission "
        "and half the spread; the same with slippage on top"
    )),
    ("P(up)", (
        "probability, known at the close of a bar, that the close is higher after the horizon"
    )),
    ("tie", "the close after the horizon equals the close now"),
    ("required accuracy", (
        "accuracy weighted by the size of the moves at which gross would just pay the costs"
    )),
    ("trade", "from entering a position to leaving it"),
    ("exposure", "share of bars with a position"),
    ("turnover", "traded value over equity at the start of the day, mean over days"),
    ("drawdown", (
        "fraction of equity below its highest value so far; bar by bar in figures and tables, on "
        "daily equity in the tear sheets"
    )),
    ("buy and hold, all in, no costs", (
        "buying at the first open with everything and holding to the last close, free; the "
        "strategy buy_and_hold enters one bar later, with the run's share of equity, and pays"
    )),
    ("Sharpe ratio", (
        "mean over standard deviation of daily returns, times the root of 365: crypto trades every "
        "day"
    )),
    ("95 % interval", (
        "for accuracies it allows for overlapping labels; for money whole days are resampled"
    )),
)  # fmt: skip


def validation_words(in_sample: Sequence[str] = (), *, trials: int = 0) -> str:
    """Say what the accuracies are worth.

    Parameters
    ----------
    in_sample
        Stretches that hold bars the network was fitted to.
    trials
        Settings of which the validation rows chose this one; 0 where no search was made.
    """
    names = ", ".join(in_sample)
    seen = (
        f"That does not hold in-sample, for {names}: those numbers are no evidence."
        if in_sample
        else ""
    )
    chosen = f"It also chose this setting among {trials:,}, so it flatters more." if trials else ""
    return " ".join(part for part in (_VALIDATION, chosen, _TEST, seen, _ACCURACIES) if part)


def candle_facts(frame: Frame) -> list[tuple[str, str]]:
    """Say how many minutes of each symbol there are and how many were filled."""
    reach = f"{date(frame.index[0])} to {date(frame.index[-1])}"
    facts = [("candles", f"{count(len(frame.index))} bars of {frame.timeframe}, {reach} (UTC)")]
    for symbol, row in frame.counts.iterrows():
        filled = (
            f"{count(row['filled'])} filled flat because absent "
            f"({percent(row['filled'] / len(frame.index))})"
        )
        said = (
            f"{filled}, {count(row['untraded'])} without a trade, longest gap "
            f"{count(row['longest_gap'])} bars"
        )
        facts.append((str(symbol), said))
    return facts


def told_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say when the run was made and what its training settled, as far as it is recorded."""
    written = (
        ("started", "started (UTC)", str),
        ("trained", "trained (UTC)", str),
        ("best_epoch", "epoch kept", str),
        ("enter", "enters from P(up)", percent),
        ("ties_share", "ties among the labels", percent),
    )
    return [
        (title, write(facts[key])) for key, title, write in written if facts.get(key) is not None
    ]


def flatten(facts: Mapping[str, Any], *, before: str = "") -> list[tuple[str, str]]:
    """Lay nested facts out as one list of names and texts; empty ones are left out."""
    laid: list[tuple[str, str]] = []
    for key, value in facts.items():
        name = f"{before} · {key}" if before else str(key).replace("_", " ")
        if isinstance(value, Mapping):
            laid += flatten(value, before=name)
        elif value is not None and value != "":
            laid.append((name, _text(value)))
    return laid


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
