"""The four systems of docs/earlier-systems.md: their numbers, which are kept in docs/earlier-systems/runs.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptonn.output import to_json, write_file
from cryptonn.reporting.formatting import percent, signed_bp, signed_percent
from cryptonn.runs import Run
from cryptonn.units import listed

__all__ = ["Systems", "accuracy_table", "in_short", "money_table", "recorded", "worth"]

Systems = Mapping[str, dict[str, Any]]
"""By run file: what was published, what it gives measured the same way, and each test period of the honest run."""


def recorded(runs: Mapping[str, Run | None], records: Path) -> Systems:
    """Return the numbers of every system: of its run where there is one, else as they were kept; keep them."""
    file = records / "runs.json"
    known: dict[str, dict[str, Any]] = (
        json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    )
    found = {name: _numbers(run) for name, run in runs.items() if run is not None}
    if found:
        write_file(file, to_json(known | found))
    merged = known | found
    return {name: merged[name] for name in runs if name in merged}


def _numbers(run: Run) -> dict[str, Any]:
    claim = run.config.published
    if claim is None:
        raise ValueError(f"{run.name}: a run without [published] is no earlier system")
    again = (run.published or {}).get("numbers")
    names = ("accuracy", "accuracy_low", "accuracy_high")
    return {
        "system": claim.system,
        "symbol": run.config.data.target,
        "figure": claim.figure,
        "quoted": claim.metric,
        "reproduced": {name: again[name] for name in names} if again else None,
        "periods": {name: _period(run, name) for name in run.config.data.test},
    }


def _period(run: Run, name: str) -> dict[str, Any]:
    scores, verdict, span = (
        run.assessments[name]["network"].metrics,
        run.verdicts[name],
        run.config.data.test[name],
    )
    rows = run.comparison.query("period == @name and strategy == @run.strategy").set_index("fees")
    return {
        "from": f"{span.start:%Y-%m-%d}",
        "to": f"{span.end:%Y-%m-%d}",
        **{
            key: scores[key]
            for key in ("accuracy_on_moves", "accuracy_on_moves_low", "accuracy_on_moves_high")
        },
        "rmse_ratio": run.forecast_scores.get(name, {}).get("rmse_ratio"),
        "trades": int(rows["trades"].iloc[0]),
        "gross_per_trade_bp": float(rows["gross_per_trade_bp"].iloc[0]),
        "cost_per_side": rows["cost_per_side"].to_dict(),
        "net_return": rows["net_return"].to_dict(),
        "buy_and_hold_return": float(rows["buy_and_hold_return"].iloc[0]),
        "case": verdict.numbers["case"],
        "certain": verdict.numbers["certain"],
    }


def accuracy_table(systems: Systems) -> str:
    """Show the figure that was quoted, the same measured here, and what is left of it."""
    rows = [
        "| system | quoted | measured the same way here | honestly, on rows kept for the test |",
        "| --- " * 4 + "|",
    ]
    for name, one in systems.items():
        honest = [
            f"{period}: {_right(found)} of moves{_errors(found)}"
            for period, found in one["periods"].items()
        ]
        rows.append(
            f"| {_link(name, one)} | {_quoted(one)} | {_again(one)} | {'<br>'.join(honest)} |"
        )
    return "\n".join(rows)


def money_table(systems: Systems) -> str:
    """Show what the account came to in every test period, by fee."""
    fees = (
        list(next(iter(next(iter(systems.values()))["periods"].values()))["net_return"])
        if systems
        else []
    )
    head = [
        "system",
        "period",
        "coin",
        "trades",
        "average trade before fees",
        *fees,
        "buy and hold, all in",
        "verdict",
    ]
    rows = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for name, one in systems.items():
        for period, found in one["periods"].items():
            cells = [
                _link(name, one),
                f"{period}, {found['from']} to {found['to']}",
                one["symbol"],
                f"{found['trades']:,}",
                signed_bp(found["gross_per_trade_bp"] / 1e4),
                *(signed_percent(found["net_return"][fee]) for fee in fees),
                signed_percent(found["buy_and_hold_return"]),
                _verdict(found),
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def worth(systems: Systems) -> list[str]:
    """Say of each system in a few sentences what it is worth."""
    return [
        f"**{one['system']}** ([{name}](#{name})). {' '.join(_worth(one))}"
        for name, one in systems.items()
    ]


def in_short(systems: Systems) -> str:
    """Say in three sentences what all of them are worth."""
    able = {name: one for name, one in systems.items() if _beats_a_toss(one) == len(one["periods"])}
    right = [
        found["accuracy_on_moves"] for one in able.values() for found in one["periods"].values()
    ]
    paid = [
        one["system"]
        for one in systems.values()
        if any(_pays(found) for found in one["periods"].values())
    ]
    few = "none" if not able else len(able)
    said = [
        f"**In short:** {few} of the {len(systems)} {'foresees' if len(able) == 1 else 'foresee'} something"
    ]
    if able:
        names = listed([_link(name, one) for name, one in able.items()])
        said[0] += f": {names}, right in {percent(min(right))} to {percent(max(right))} of moves"
    if len(able) < len(systems):
        said.append("What the others are right in, a coin toss could reach")
    said.append(
        f"After fees {listed(paid) if paid else 'none of them'} earned more than luck explains"
    )
    return ". ".join(said) + "."


def _worth(one: dict[str, Any]) -> list[str]:
    said, again, periods = [], one["reproduced"], list(one["periods"].values())
    if again and one["figure"] is not None:
        fits = again["accuracy_low"] <= one["figure"] <= again["accuracy_high"]
        said.append(
            f"{percent(one['figure'])} was quoted; measured the same way it is {_again(one)} here"
            + (
                ", and the quoted figure fits that."
                if fits
                else ". The luck of our windows does not explain that; other candles, a choice among settings or the "
                "luck of a training may."
            )
        )
    right = listed([percent(found["accuracy_on_moves"]) for found in periods])
    said.append(
        f"Honestly it is right in {right} of moves, {_toss(_beats_a_toss(one), len(periods))}."
    )
    ratios = [found["rmse_ratio"] for found in periods if found["rmse_ratio"] is not None]
    if ratios:
        off = listed([f"{ratio:.2f}" for ratio in ratios])
        end = ": nobody needs a network for it" if min(ratios) >= 1 else ""
        said.append(
            f"Its prices are {off} times as far off as saying that the price stays as it is{end}."
        )
    accounts = listed([_account(period, found) for period, found in one["periods"].items()])
    return [*said, f"At the lowest fee it made {accounts}."]


def _beats_a_toss(one: dict[str, Any]) -> int:
    """Return in how many periods it is right more often than a coin toss could be."""
    return sum(found["accuracy_on_moves_low"] > 0.5 for found in one["periods"].values())


def _toss(more: int, periods: int) -> str:
    if more in (0, periods):
        return "more than a coin toss" if more else "which a coin toss could reach"
    return f"more than a coin toss in {more} of {periods} periods"


def _pays(found: dict[str, Any]) -> bool:
    return bool(found["certain"] and _won(found))


def _account(period: str, found: dict[str, Any]) -> str:
    fee = min((cost, fee) for fee, cost in found["cost_per_side"].items() if cost > 0)[1]
    held = signed_percent(found["buy_and_hold_return"])
    return f"{signed_percent(found['net_return'][fee])} in {period} ({_luck(found)}; buying and holding {held})"


def _won(found: dict[str, Any]) -> list[str]:
    """Return the fees at which it gains."""
    return [
        fee
        for fee, cost in found["cost_per_side"].items()
        if cost > 0 and found["net_return"][fee] > 0
    ]


def _verdict(found: dict[str, Any]) -> str:
    case = f"gains at {listed(_won(found))}" if _won(found) else str(found["case"])
    return f"{case}, {_luck(found)}"


def _luck(found: dict[str, Any]) -> str:
    return "beyond luck" if found["certain"] else "perhaps by luck"


def _link(name: str, one: dict[str, Any]) -> str:
    return f"[{one['system']}](#{name})"


def _quoted(one: dict[str, Any]) -> str:
    return (
        str(one["quoted"])
        if one["figure"] is None
        else f"{percent(one['figure'])}, {one['quoted']}"
    )


def _again(one: dict[str, Any]) -> str:
    again = one["reproduced"]
    if not again:
        return "the honest run is what was published"
    ends = f"{percent(again['accuracy_low'])} to {percent(again['accuracy_high'])}"
    return f"{percent(again['accuracy'])} (95 % interval {ends})"


def _right(found: dict[str, Any]) -> str:
    ends = (
        f"{percent(found['accuracy_on_moves_low'])} to {percent(found['accuracy_on_moves_high'])}"
    )
    return f"{percent(found['accuracy_on_moves'])} ({ends})"


def _errors(found: dict[str, Any]) -> str:
    return (
        ""
        if found["rmse_ratio"] is None
        else f", errors {found['rmse_ratio']:.2f} times persistence's"
    )
