"""What the earlier systems' searches and runs come to, for somebody who has never trained a network.

Every lesson is said of numbers that are handed in, and its words follow from them.
"""

import re
from collections.abc import Mapping

import pandas as pd

from cryptonn.reporting.formatting import percent
from cryptonn.units import counted, listed

__all__ = ["lessons"]

Tables = Mapping[str, pd.DataFrame]
"""Searches that are done, by the name of their folder: a row for each trial that ended well, as in summary.json."""

_STILL = re.compile(r"^- (.* of its windows do not move .*)$", re.MULTILINE)
_IN_RANDOM_ORDER = re.compile(r"^\| in random order \| (\S+ %) .* \| (\S+ %) ", re.MULTILINE)
_TOSS = 0.5
"""An accuracy whose interval holds it may be that of a coin toss."""


def lessons(tables: Tables, text: str) -> list[str]:
    """Return what was learned, a paragraph a question.

    Parameters
    ----------
    tables
        Searches.
    text
        What the page says of the systems' runs.
    """
    found = [
        _lookback(tables.get("capstone-lookback"), tables.get("capstone-btc")),
        _others(tables),
        _still(text),
        _leaks(tables.get("capstone-leaks")),
        _grids(tables, text),
    ]
    return [one for one in found if one]


def _still(text: str) -> str:
    found = _STILL.search(text)
    question = "Does the 5-minute classifier owe its figure to minutes that do not move, which count as up?"
    return f"**{question}** {found[1]}" if found else ""


def _lookback(table: pd.DataFrame | None, again: pd.DataFrame | None) -> str:
    """Say which lookback came first, and what another search's training of 100 minutes came to."""
    if table is None:
        return ""
    axis = "training.lookback"
    table = table.astype({axis: str})
    best, equal = _best(table), _as_good(table)
    first = [minutes for minutes in equal[axis] if minutes != best[axis]]
    worse = [f"{row[axis]} ({percent(row['value'])})" for _, row in table.drop(equal.index).iterrows()]
    return (
        f"**How many minutes should the 5-minute classifier see?** {best[axis]} came first: {_interval(best)}. "
        + (f"{listed(first)} cannot be told from it. " if first else "")
        + (f"Further behind than luck is likely to put one: {listed(worse)}. " if worse else "")
        + f"Published were {_range(table, 'published')}, with 100 minutes in front."
        + ("" if again is None else f" 100 minutes trained with other random numbers: {_interval(again.iloc[0])}.")
    )


def _others(tables: Tables) -> str:
    names = {
        "capstone-btc": "As published",
        "capstone-btc_10": "With 10 minutes",
        "capstone-btc_honest": "Honestly split",
    }
    parts, pairs, ahead, clear = [], 0, 0, 0
    for name, words in names.items():
        if name not in tables:
            parts += [f"{words}: not run yet."]
            continue
        sides = tables[name].set_index("training.learning_rate").groupby("data.others")
        both, alone = sides.get_group("BTC/USD"), sides.get_group("none")
        told = [listed([percent(value) for value in side["value"]]) for side in (both, alone)]
        rates = listed([f"{rate:g}" for rate in both.index])
        parts += [f"{words}: right in {told[0]} with BTC and in {told[1]} without, trained at a rate of {rates}."]
        learned = (both["low"] > _TOSS) & (alone["low"] > _TOSS)
        pairs += int(learned.sum())
        ahead += int((learned & (both["value"] > alone["value"])).sum())
        clear += int((learned & ((both["low"] > alone["high"]) | (both["high"] < alone["low"]))).sum())
    if not any(name in tables for name in names):
        return ""
    clearly = f"in {clear} of them so clearly that the intervals lie apart" if clear else "never clearly"
    both_learned = f"{counted(pairs, 'pair')} in which both sides beat a coin toss"
    said = [*parts, f"With BTC it is right more often in {ahead} of the {both_learned}, {clearly}."]
    half = _half(tables.get("capstone-btc"))
    return f"**Does the 5-minute classifier of ETH need BTC?** {' '.join([*said, half]).strip()}"


def _half(table: pd.DataFrame | None) -> str:
    """Say what the 0.5 was that the earlier system got without BTC."""
    if table is None:
        return ""
    alone = table[table["data.others"] == "none"].set_index("training.learning_rate")
    fast, slow = alone.loc[1e-3], alone.loc[1e-4]
    facts = (
        f"at the rate at which 0.5 was published (0.001) the network without BTC gets {_interval(fast)} and a "
        f"validation loss of {fast['val_loss']:.4f} (a coin toss has 0.6931); at a tenth of that rate it gets "
        f"{_interval(slow)} and {slow['val_loss']:.4f}"
    )
    if fast["low"] <= _TOSS < slow["low"]:
        return f"The published 0.5 was a training that failed, no proof that BTC is needed: {facts}."
    return f"Of the published 0.5: {facts}."


def _leaks(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    none, together, single = table.iloc[0], table.iloc[-1], table.iloc[1:-1]
    inside = none["low"] <= together["value"] <= none["high"]
    end = "which luck can make" if inside else "more than luck makes"
    return (
        f"**What were the leaks of the 5-minute classifier worth?** Without any it is right in {_interval(none)} of "
        f"moves, with one at a time in {_range(single)}, with all of them in {percent(together['value'])}: {end}."
    )


def _grids(tables: Tables, text: str) -> str:
    names = ("grid_published", "grid_ta_published", "grid", "grid_ta")
    plain, filled, honest, with_ta = found = [tables.get(f"tutorial_15m-{name}") for name in names]
    if all(table is None for table in found):
        return ""
    parts = []
    if plain is not None and filled is not None:
        parts.append(
            f"Judged as published, on 100 windows shuffled before the split, its {len(plain)} networks are right in "
            f"{_range(plain)} of cases, and with `ta` in {_range(filled)}."
        )
    shuffled = _IN_RANDOM_ORDER.search(text)
    if shuffled:
        parts.append(
            "Judged so on the same bars in random order, where nothing can be known, one of them still gets "
            f"{shuffled[1]} and {shuffled[2]}: the shuffling measures itself."
        )
    for table, words in ((honest, "without `ta`"), (with_ta, "with those columns of `ta` that do not look ahead")):
        if table is None:
            parts.append(f"Honestly, {words}: not run yet.")
        else:
            parts.append(f"Honestly, {words}, they are right in {_range(table)} of moves{_alike(table)}.")
    if honest is not None and with_ta is not None and with_ta["value"].max() < honest["value"].max():
        parts.append("`ta` adds nothing to it.")
    return f"**Where did the tutorial's 0.60 and 0.80 go?** {' '.join(parts)}"


def _alike(table: pd.DataFrame) -> str:
    behind = len(table) - len(_as_good(table))
    return f", {behind or 'none'} of {len(table)} further behind the best one than luck is likely to put it"


def _best(table: pd.DataFrame) -> pd.Series:
    return table.loc[table["value"].idxmax()]


def _as_good(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials inside the best one's 95 % interval, itself among them."""
    return table[table["value"] >= _best(table)["low"]]


def _interval(row: pd.Series) -> str:
    return f"{percent(row['value'])} (95 % interval {percent(row['low'])} to {percent(row['high'])})"


def _range(table: pd.DataFrame, name: str = "value") -> str:
    return f"{percent(table[name].min())} to {percent(table[name].max())}"
