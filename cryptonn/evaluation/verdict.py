"""Does it pay? The answer in numbers, one plain sentence, and what would have to be true
for another answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptonn.errors import DataError
from cryptonn.evaluation.accuracy import Assessment
from cryptonn.evaluation.outcome import Metrics, Outcome
from cryptonn.evaluation.sentences import headline, sentences

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True)
class Verdict:
    """Whether a strategy pays on one period.

    Attributes
    ----------
    numbers
        What the sentences rest on, flat and JSON-able: ``case`` (an ``outcome.Case``),
        ``certain`` (whether the intervals bear the headline out), the trades' numbers, accuracy and
        its lead over the logistic regression, returns and whether it pays by fee scenario (``"pays:
        taker"``); of a setting that a search chose, ``trials`` and its deflated Sharpe ratios.
        NaN where undefined.
    headline
        One plain sentence, and a second one wherever ``certain`` is False.
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
    comparison: Mapping[str, float] | None = None,
) -> Verdict:
    """Judge one strategy on one period.

    Parameters
    ----------
    metrics
        By fee scenario, what ``reporting.metrics.metrics_of`` returned.
    network
        Assessment of the period, where the strategy trades on the network's probabilities.
    comparison
        What ``accuracy.compare_accuracy`` returned for network and logistic regression.

    Raises
    ------
    DataError
        If there is no scenario.
    """
    if not metrics:
        raise DataError("no backtest to judge: run at least one fee scenario.")
    found = Outcome(tuple(sorted(metrics.values(), key=lambda one: float(one["cost_per_side"]))))
    said = sentences(found, network=network, lead=comparison)
    return Verdict(_numbers(found, network, comparison or {}), headline(found), said)


def _numbers(
    found: Outcome, network: Assessment | None, lead: Mapping[str, float]
) -> dict[str, Any]:
    kept = (
        "strategy",
        "days",
        "trades",
        "gross_per_trade_bp",
        "gross_per_trade_low_bp",
        "gross_per_trade_high_bp",
        "gross_return",
        "break_even_fee",
        "break_even_fee_low",
        "break_even_fee_high",
        "weighted_accuracy_of_trades",
    )
    numbers = {
        "case": found.case,
        "certain": found.certain,
        **{name: found.free[name] for name in kept},
    }
    if network is not None:
        names = ("accuracy_on_moves", "accuracy_on_moves_low", "accuracy_on_moves_high")
        numbers |= {name: network.metrics[name] for name in names}
    names = ("difference", "difference_low", "difference_high")
    numbers |= {f"logistic_{name}": float(lead[name]) for name in names if name in lead}
    if found.trials:
        numbers["trials"] = found.trials
        numbers |= {
            f"deflated_sharpe: {one['fees']}": float(one["deflated_sharpe"])
            for one in found.scenarios
        }
    by_fee = (
        "net_return",
        "net_return_low",
        "net_return_high",
        "net_per_trade_bp",
        "required_weighted_accuracy",
    )
    for one in found.scenarios:
        numbers |= {f"{name}: {one['fees']}": one[name] for name in by_fee}
        numbers[f"pays: {one['fees']}"] = bool(one["net_return"] > 0)
    return numbers
