"""The verdict in words: one plain headline, what would have to be true for another one,
and how sure all this is.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from cryptonn.evaluation.accuracy import Assessment
from cryptonn.evaluation.outcome import Metrics, Outcome
from cryptonn.units import BP, counted, listed

__all__ = ["headline", "sentences"]


def headline(found: Outcome) -> str:
    """Say in a sentence whether it pays; a second one follows wherever the intervals
    leave that open.
    """
    case = found.case
    gross = _gross(found.free)
    if case == "no trades":
        return "No trades: the signal never called for a position, so there is nothing to judge."
    if case == "no fees tried":
        return f"Not known whether it pays: {gross}, but no fee was tried."
    if case == "loses before fees":
        return f"Loses money even before fees: {gross}.{_edge(found)}"
    if case == "loses after fees":
        if any(
            _gains_and_loses(one) for one in found.paid
        ):  # "+59 bp against 20 bp of costs" would be a gain
            return (
                f"Loses money after fees: {gross} on average, "
                f"but {_net(found.paid)}.{_doubt(found)}"
            )
        return f"Loses money after fees: {gross} against {_costs(found.paid)}.{_doubt(found)}"
    if case == "pays at some fees":
        won, lost = (listed([_name(one) for one in ones]) for ones in (found.won, found.lost))
        return f"Pays at {won} but not at {lost}: {_net(found.paid)}.{_doubt(found)}"
    if not found.certain:
        return f"Ahead after fees, but cannot be told from luck: {_net(found.paid)}.{_doubt(found)}"
    return f"Makes money after fees: {gross}, {_net(found.paid).removesuffix(' a trade')}."


def sentences(
    found: Outcome, *, network: Assessment | None = None, lead: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    """Say what would have to be true, and how sure it is.

    Parameters
    ----------
    network
        How good the network was on the period, where the strategy trades on it.
    lead
        ``difference``, ``difference_low`` and ``difference_high`` of its accuracy over
        the logistic regression's.
    """
    return (
        *_optimistic(found),
        *_mean_and_account(found),
        *_break_even(found),
        *_required(found),
        _returns(found.scenarios),
        *(_accuracy(network) if network else []),
        *(_lead(lead) if network and lead else []),
        *_chosen(found),
        _data(found.free),
    )


def _gross(free: Metrics) -> str:
    trade = float(free["gross_per_trade_bp"])
    total = float(free["gross_return"])
    if (trade > 0) == (total > 0):
        return f"gross {_bp(trade)} a trade"
    return f"gross {_percent(total)} compounded ({_bp(trade)} a trade on average)"


def _net(paid: Sequence[Metrics]) -> str:
    if all((found["net_per_trade_bp"] > 0) == (found["net_return"] > 0) for found in paid):
        parts = [f"{_bp(found['net_per_trade_bp'])} at {_name(found)}" for found in paid]
        return f"net {', '.join(parts)} a trade"
    parts = [f"{_percent(found['net_return'])} at {_name(found)}" for found in paid]
    return f"net {', '.join(parts)}, compounded"


def _costs(paid: Sequence[Metrics]) -> str:
    first, last = (
        f"{2 * found['cost_per_side'] / BP:.1f} bp of costs ({_name(found)})"
        for found in (paid[0], paid[-1])
    )
    return first if len(paid) == 1 else f"{first} up to {last.replace(' of costs', '')}"


def _edge(found: Outcome) -> str:
    """Say that a gain before fees cannot be ruled out, where it cannot."""
    free = found.free
    if found.certain:
        return ""
    if free["net_return_high"] >= 0:
        span = f"return at {_name(free)} is {_range(free, 'net_return', _percent)}"
    elif free["break_even_fee_high"] >= 0:
        span = f"break-even cost per side is {_range(free, 'break_even_fee', _fee)}"
    else:
        return " Too little data to rule out a gain."
    return f" A gain cannot be ruled out: the interval of the {span}."


def _doubt(found: Outcome) -> str:
    """Name the first gain that may be luck and the first loss that may be bad luck."""
    gain = next((one for one in found.won if not one["net_return_low"] > 0), None)
    loss = next((one for one in found.lost if not one["net_return_high"] < 0), None)
    text = ""
    if gain is not None:
        span = _range(gain, "net_return", _percent)
        sure = (
            f" The gain at {_name(gain)} cannot be told from luck: the interval "
            f"of its return is {span}."
        )
        text += sure if span else f" Too little data to tell the gain at {_name(gain)} from luck."
    if loss is not None:
        span = _range(loss, "net_return", _percent)
        sure = (
            f" A gain at {_name(loss)} cannot be ruled out: the interval of its return is {span}."
        )
        text += sure if span else f" Too little data to rule out a gain at {_name(loss)}."
    return text


def _optimistic(found: Outcome) -> list[str]:
    """Warn of gains that rest on resting orders alone."""
    if not found.won or any(one["slippage_paid"] > 0 for one in found.won):
        return []
    names = listed([_name(one) for one in found.won])
    return [
        f"The gain at {names} is optimistic: every order is taken to fill at the next open "
        "without any spread, but a resting order may not fill, and one that is filled "
        "at once pays the spread."
    ]


def _gains_and_loses(one: Metrics) -> bool:
    """Whether its trades gain on average and the account loses nevertheless."""
    return bool(one["net_per_trade_bp"] > 0 > one["net_return"])


def _mean_and_account(found: Outcome) -> list[str]:
    """Say why trades that gain on average can leave less than there was, where they do."""
    one = next((one for one in found.scenarios if _gains_and_loses(one)), None)
    fall = -float(one["max_drawdown_bars"]) if one else 0.0
    if one is None or not 0 < fall < 1:
        return []
    start = "Its trades" if one is found.free else f"At {_name(one)} its trades"
    back = (
        f"after its deepest fall, {_share(fall)}, it takes {_percent(fall / (1 - fall))} to be back"
    )
    return [
        f"{start} gain {_bp(one['net_per_trade_bp']).removeprefix('+')} on average and the account "
        "loses nevertheless: an average adds gains and losses up, an account must win a loss back "
        f"from what the loss has left ({back}). The account decides."
    ]


def _break_even(found: Outcome) -> list[str]:
    free = found.free
    fee = float(found.free["break_even_fee"])
    if math.isnan(fee):
        return []
    span = _range(free, "break_even_fee", _fee)
    sure = f" (95 % interval {span})" if span else ""
    if fee <= 0:
        return [f"No cost is low enough: the break-even cost per side is {_fee(fee)}{sure}."]
    below = [one for one in found.lost if one["cost_per_side"] < fee]
    zero = (
        " As the interval reaches zero, there may be no edge at all."
        if free["break_even_fee_low"] <= 0
        else ""
    )
    if found.case == "loses before fees" or below:
        lose = (
            "without any"
            if found.case == "loses before fees"
            else f"at {_fee(below[0]['cost_per_side'])} already"
        )
        added = f"Added up, its trades would bear a cost of {_fee(fee)} per side{sure}"
        return [f"{added}; compounded they lose {lose}.{zero}"]
    words = "It pays" if found.case == "pays" else "It would pay"
    together = "commission, spread and slippage together"
    return [f"{words} below a cost of about {_fee(fee)} per side, {together}{sure}.{zero}"]


def _required(found: Outcome) -> list[str]:
    """Say what accuracy, or what size of move, the cheapest losing scenario would have needed."""
    if found.case == "no trades" or not found.lost:
        return []
    lost = found.lost[0]
    needed = float(lost["required_weighted_accuracy"])
    had = float(lost["weighted_accuracy_of_trades"])
    if not had < needed:  # undefined, or it is not for the accuracy of the mean trade that it lost
        return []
    size = f"a trade moves {lost['mean_absolute_move_of_trades_bp']:.1f} bp on average"
    if needed > 1:
        cost = f"{lost['cost_per_trade_bp']:.1f} bp"
        said = f"{size} and costs {cost}, and {_share(had)} of that move is called right"
        text = f"At {_name(lost)} no accuracy is enough: {said}"
    else:
        text = (
            f"To pay at {_name(lost)}, {_share(needed)} of the trades' move must be called right, "
            f"where {size}; "
        )
        text += f"it is {_share(had)}"
    move = float(lost["required_move_bp"])
    return [
        f"{text}. At that accuracy trades must move {move:,.0f} bp."
        if math.isfinite(move)
        else f"{text}."
    ]


def _returns(scenarios: Sequence[Metrics]) -> str:
    parts = []
    for found in scenarios:
        span = _range(found, "net_return", _percent)
        parts.append(
            f"{_name(found)} {_percent(found['net_return'])}"
            + (f" (95 % interval {span})" if span else "")
        )
    held = _percent(scenarios[0]["buy_and_hold_return"])
    return f"Net return: {'; '.join(parts)}. Buy and hold, all in and without costs: {held}."


def _accuracy(network: Assessment) -> list[str]:
    found = network.metrics
    low, high = found["accuracy_on_moves_low"], found["accuracy_on_moves_high"]
    base = found["base_rate_on_moves"]
    if low > base:
        words = f"more than a coin toss, and more than always saying the same ({_share(base)})"
    elif low > 0.5:
        words = (
            "more than a coin toss, but not clearly more than always saying the same "
            f"({_share(base)})"
        )
    elif high < 0.5:
        words = "less than a coin toss"
    else:
        words = "which a coin toss could reach"
    span = _range(found, "accuracy_on_moves", _share)
    return [
        f"The network gets {_share(found['accuracy_on_moves'])} of moves right (95 % "
        f"interval {span}), {words}."
    ]


def _lead(lead: Mapping[str, float]) -> list[str]:
    points, low, high = (
        100 * lead[name] for name in ("difference", "difference_low", "difference_high")
    )
    span = f"{_signed(points)} points (95 % interval {_signed(low)} to {_signed(high)})"
    if low > 0:
        return [f"It beats the logistic regression on the same rows by {span.removeprefix('+')}."]
    if high < 0:
        return [f"It is worse than the logistic regression on the same rows: {span}."]
    return [f"It cannot be told from the logistic regression on the same rows: {span}."]


def _chosen(found: Outcome) -> list[str]:
    """Warn of a setting that a search chose, and say what is left of its Sharpe ratio
    for luck to explain.
    """
    if not found.trials:
        return []
    tried = f"{found.trials:,} tried on the validation rows"
    words = (
        f"This setting is the best of {tried}, so its validation figures are flattered; "
        "the search looked at them "
    )
    parts = [
        f"{_name(one)} {_share(float(one['deflated_sharpe']))}"
        for one in found.scenarios
        if not math.isnan(one["deflated_sharpe"])
    ]
    said = [f"{words}alone."]
    if parts:
        said.append(
            "Chance that the true Sharpe ratio is above the best that luck would show "
            f"in {found.trials:,} settings without skill (deflated Sharpe ratio, "
            f"Bailey & López de Prado 2014): {'; '.join(parts)}. That is strict: "
            "it takes the setting for the best of all on these very bars."
        )
    return said


def _data(free: Metrics) -> str:
    days = int(free["days"])
    trades = int(free["trades"])
    text = f"This rests on {counted(days, 'day')} and {counted(trades, 'trade')}"
    return f"{text}; {free['interval_note']}." if free["interval_note"] else f"{text}."


def _name(found: Metrics) -> str:
    return "no fee" if found["fees"] == "none" else str(found["fees"])


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
