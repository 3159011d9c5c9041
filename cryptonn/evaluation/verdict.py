"""Does it pay? The answer in numbers, one plain sentence, and what would have to be true for another answer."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cryptonn.errors import DataError
from cryptonn.evaluation.accuracy import Assessment
from cryptonn.units import BP

__all__ = ["Case", "Verdict", "verdict"]

Case = Literal["no trades", "loses before fees", "loses after fees", "pays at some fees", "pays", "no fees tried"]
Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether a strategy pays on one period.

    Attributes
    ----------
    numbers
        What the sentences rest on, flat and JSON-able: ``case`` (a ``Case``), ``certain`` (whether the intervals bear
        the headline out), the trades' numbers, accuracy and its lead over the logistic regression, returns and whether
        it pays by fee scenario (``"pays: taker"``). NaN where undefined.
    headline
        One plain sentence.
    sentences
        What would have to be true for it to pay, and how sure all this is.
    """

    numbers: dict[str, Any]
    headline: str
    sentences: tuple[str, ...]


def verdict(
    metrics: Mapping[str, Metrics],
    *,
    network: Assessment | None = None,
    logistic: Assessment | None = None,
    comparison: Mapping[str, float] | None = None,
) -> Verdict:
    """Judge one strategy on one period.

    Parameters
    ----------
    metrics
        By fee scenario, what ``reporting.metrics.metrics_of`` returned.
    network, logistic
        Assessments of the period, where the strategy trades on the network's probabilities.
    comparison
        What ``accuracy.compare_accuracy`` returned for the two. Without it the difference is taken from the two
        intervals, which is wider than need be.

    Raises
    ------
    DataError
        If there is no scenario.
    """
    if not metrics:
        raise DataError("no backtest to judge: run at least one fee scenario.")
    scenarios = sorted(metrics.values(), key=lambda found: float(found["cost_per_side"]))
    case = _case(scenarios)
    lead = _lead(network, logistic, comparison)
    certain = _certain(case, scenarios)
    sentences = (
        *_break_even(case, scenarios[0]),
        *_required(case, scenarios),
        _returns(scenarios),
        *_accuracy(network, lead),
        _data(scenarios[0]),
    )
    return Verdict(_numbers(case, certain, scenarios, network, lead), _headline(case, certain, scenarios), sentences)


def _case(scenarios: Sequence[Metrics]) -> Case:
    paid = [found for found in scenarios if found["cost_per_side"] > 0]
    won = [found for found in paid if found["net_return"] > 0]
    if not any(found["trades"] for found in scenarios):
        return "no trades"
    if not paid:
        return "no fees tried" if scenarios[0]["gross_per_trade_bp"] > 0 else "loses before fees"
    if won:
        return "pays" if len(won) == len(paid) else "pays at some fees"
    return "loses after fees" if scenarios[0]["gross_per_trade_bp"] > 0 else "loses before fees"


def _certain(case: Case, scenarios: Sequence[Metrics]) -> bool:
    """Tell whether the intervals bear out the headline: each return it names lies on one side of zero."""
    paid = [found for found in scenarios if found["cost_per_side"] > 0]
    if case in ("no trades", "no fees tried"):
        return False
    if case == "loses before fees":
        return bool(scenarios[0]["gross_per_trade_high_bp"] < 0)
    won = [found["net_return_low"] > 0 for found in paid if found["net_return"] > 0]
    lost = [found["net_return_high"] < 0 for found in paid if found["net_return"] <= 0]
    return all(won + lost)


def _headline(case: Case, certain: bool, scenarios: Sequence[Metrics]) -> str:
    free, paid = scenarios[0], [found for found in scenarios if found["cost_per_side"] > 0]
    gross = f"gross {_bp(free['gross_per_trade_bp'])} a trade"
    if case == "no trades":
        return "No trades: the signal never called for a position, so there is nothing to judge."
    if case == "no fees tried":
        return f"Not known whether it pays: {gross}, but no fee was tried."
    if case == "loses before fees":
        luck = "" if certain else " A small edge cannot be ruled out, nor told from luck."
        return f"Loses money even before fees: {gross}.{luck}"
    if case == "loses after fees":
        return f"Loses money after fees: {gross} against {_costs(paid)}."
    won = [found for found in paid if found["net_return"] > 0]
    nets = ", ".join(f"{_bp(found['net_per_trade_bp'])} at {_name(found)}" for found in paid)
    if case == "pays at some fees":
        lost = _listed([_name(found) for found in paid if found["net_return"] <= 0])
        return f"Pays at {_listed([_name(f) for f in won])} but not at {lost}: net {nets} a trade.{_luck(won)}"
    if _luck(won):
        return f"Ahead after fees, but cannot be told from luck: net {nets} a trade.{_luck(won)}"
    return f"Makes money after fees: {gross}, net {nets}."


def _luck(won: Sequence[Metrics]) -> str:
    """Return a sentence about the first scenario whose gain may be luck, or nothing."""
    doubtful = [found for found in won if not found["net_return_low"] > 0]
    if not doubtful:
        return ""
    found = doubtful[0]
    if math.isnan(found["net_return_low"]):
        return f" Too little data to tell the gain at {_name(found)} from luck."
    span = _range(found, "net_return", _percent)
    return f" The gain at {_name(found)} cannot be told from luck: the interval of its return is {span}."


def _costs(paid: Sequence[Metrics]) -> str:
    first, last = (
        f"{2 * found['cost_per_side'] / BP:.1f} bp of costs ({_name(found)})" for found in (paid[0], paid[-1])
    )
    return first if len(paid) == 1 else f"{first} up to {last.replace(' of costs', '')}"


def _break_even(case: Case, free: Metrics) -> list[str]:
    fee = float(free["break_even_fee"])
    if math.isnan(fee):
        return []
    span = _range(free, "break_even_fee", _fee)
    sure = f" (95 % interval {span})" if span else ""
    if fee <= 0:
        return [f"No cost is low enough: the break-even cost per side is {_fee(fee)}{sure}."]
    words = "It pays" if case == "pays" else "It would pay"
    zero = " As the interval reaches zero, there may be no edge at all." if free["break_even_fee_low"] <= 0 else ""
    together = "commission, spread and slippage together"
    return [f"{words} below a cost of {_fee(fee)} per side, {together}{sure}.{zero}"]


def _required(case: Case, scenarios: Sequence[Metrics]) -> list[str]:
    """Say what accuracy, or what size of move, the cheapest losing scenario would have needed."""
    lost = [found for found in scenarios if found["cost_per_side"] > 0 and found["net_return"] <= 0]
    if case == "no trades" or not lost or math.isnan(lost[0]["required_weighted_accuracy"]):
        return []
    found = lost[0]
    need, have = (_share(found[name]) for name in ("required_weighted_accuracy", "weighted_accuracy_of_trades"))
    size = f"a trade moves {found['mean_absolute_move_of_trades_bp']:.1f} bp on average"
    if found["required_weighted_accuracy"] > 1:
        cost = f"{found['cost_per_trade_bp']:.1f} bp"
        text = (
            f"At {_name(found)} no accuracy is enough: {size} and costs {cost}, and {have} of that move is called right"
        )
    else:
        text = f"To pay at {_name(found)}, {need} of the trades' move must be called right, where {size}; it is {have}"
    move = float(found["required_move_bp"])
    return [f"{text}. At that accuracy trades must move {move:,.0f} bp." if math.isfinite(move) else f"{text}."]


def _returns(scenarios: Sequence[Metrics]) -> str:
    parts = []
    for found in scenarios:
        span = _range(found, "net_return", _percent)
        parts.append(f"{_name(found)} {_percent(found['net_return'])}" + (f" (95 % interval {span})" if span else ""))
    return f"Net return: {'; '.join(parts)}. Buy and hold: {_percent(scenarios[0]['buy_and_hold_return'])}."


def _accuracy(network: Assessment | None, lead: Mapping[str, float]) -> list[str]:
    if network is None:
        return []
    found = network.metrics
    low, base = found["accuracy_on_moves_low"], found["base_rate_on_moves"]
    if low > base:
        words = f"more than a coin toss, and more than always saying the same ({_share(base)})"
    elif low > 0.5:
        words = f"more than a coin toss, but not clearly more than always saying the same ({_share(base)})"
    else:
        words = "which a coin toss could reach"
    span = _range(found, "accuracy_on_moves", _share)
    return [
        f"The network gets {_share(found['accuracy_on_moves'])} of moves right (95 % interval {span}), {words}."
    ] + ([_lead_words(lead)] if lead else [])


def _lead_words(lead: Mapping[str, float]) -> str:
    points, low, high = (100 * lead[name] for name in ("difference", "difference_low", "difference_high"))
    span = f"{_signed(points)} points (95 % interval {_signed(low)} to {_signed(high)})"
    if low > 0:
        return f"It beats the logistic regression on the same rows by {span.removeprefix('+')}."
    if high < 0:
        return f"It is worse than the logistic regression on the same rows: {span}."
    return f"It cannot be told from the logistic regression on the same rows: {span}."


def _lead(
    network: Assessment | None, logistic: Assessment | None, comparison: Mapping[str, float] | None
) -> dict[str, float]:
    names = ("difference", "difference_low", "difference_high")
    if comparison is not None:
        return {name: float(comparison[name]) for name in names}
    if network is None or logistic is None:
        return {}
    ends = ("accuracy_on_moves", "accuracy_on_moves_low", "accuracy_on_moves_high")
    own, low, high = (network.metrics[name] for name in ends)
    other, other_low, other_high = (logistic.metrics[name] for name in ends)
    # Newcombe 1998, method 10: the intervals of two shares combined, as if the rows were not the same
    below, above = math.hypot(own - low, other_high - other), math.hypot(high - own, other - other_low)
    return dict(zip(names, (own - other, own - other - below, own - other + above), strict=True))


def _data(free: Metrics) -> str:
    days, trades = int(free["days"]), int(free["trades"])
    text = f"This rests on {days:,} day{'' if days == 1 else 's'} and {trades:,} trade{'' if trades == 1 else 's'}"
    return f"{text}; {free['interval_note']}." if free["interval_note"] else f"{text}."


def _numbers(
    case: Case, certain: bool, scenarios: Sequence[Metrics], network: Assessment | None, lead: Mapping[str, float]
) -> dict[str, Any]:
    kept = (
        *("strategy", "days", "trades", "gross_per_trade_bp", "gross_per_trade_low_bp", "gross_per_trade_high_bp"),
        *("break_even_fee", "break_even_fee_low", "break_even_fee_high", "weighted_accuracy_of_trades"),
    )
    found = {"case": case, "certain": certain, **{name: scenarios[0][name] for name in kept}}
    if network is not None:
        names = ("accuracy_on_moves", "accuracy_on_moves_low", "accuracy_on_moves_high")
        found |= {name: network.metrics[name] for name in names}
    found |= {f"logistic_{name}": value for name, value in lead.items()}
    for scenario in scenarios:
        for name in (
            "net_return",
            "net_return_low",
            "net_return_high",
            "net_per_trade_bp",
            "required_weighted_accuracy",
        ):
            found[f"{name}: {scenario['fees']}"] = scenario[name]
        found[f"pays: {scenario['fees']}"] = bool(scenario["net_return"] > 0)
    return found


def _name(found: Metrics) -> str:
    return "no fee" if found["fees"] == "none" else str(found["fees"])


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _range(found: Metrics, name: str, write: Callable[[float], str]) -> str:
    low, high = float(found[f"{name}_low"]), float(found[f"{name}_high"])
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{write(low).split()[0]} to {write(high)}"  # the unit stands once


def _signed(value: float) -> str:
    text = f"{abs(value):,.1f}"
    sign = "" if not any(digit in text for digit in "123456789") else "−" if value < 0 else "+"
    return sign + text


def _bp(value: float) -> str:
    return f"{_signed(value)} bp"


def _fee(fraction: float) -> str:
    return f"{_signed(fraction / BP).removeprefix('+')} bp"


def _percent(fraction: float) -> str:
    return f"{_signed(100 * fraction)} %"


def _share(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
