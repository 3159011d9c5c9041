"""What the earlier systems' searches and runs come to, for somebody who has never trained a network.

Every lesson is said of numbers that are handed in, and its words follow from them.
"""

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from cryptonn.reporting.formatting import percent

__all__ = ["lessons"]

Tables = Mapping[str, pd.DataFrame]
"""Searches that are done, by the name of their folder: a row for each trial that ended well, as in summary.json."""

_VERDICT = re.compile(r"^- \*\*(\w+), traded\*\*: (.*)$", re.MULTILINE)
_ERRORS = re.compile(r"\]\(#(\w+)\).*errors (\d+\.\d+) times persistence's")
_STILL = re.compile(r"^- (.* of its windows do not move .*)$", re.MULTILINE)
_TOSS = 0.5
"""An accuracy whose interval holds it may be that of a coin toss."""
INTRO = (
    "In plain words, from the figures below. A 95 % interval says how far off a figure may be by luck alone; the best "
    "of many settings is always a little lucky, and one whose figure lies inside its interval cannot be told from it."
)


def lessons(tables: Tables, rows: Iterable[str], chapters: Mapping[str, str]) -> str:
    """Return what was learned, as a list with a sentence before it.

    Parameters
    ----------
    tables
        Searches.
    rows
        The systems' rows of the page's first table.
    chapters
        By system, what the page says of its run.
    """
    found = [
        _paying(chapters),
        _forecasts(rows),
        _lookback(tables.get("capstone-lookback")),
        _others(tables),
        _still("\n".join(chapters.values())),
        _leaks(tables.get("capstone-leaks")),
        _grids(tables),
    ]
    return "\n\n".join([INTRO, "\n".join(f"- {one}" for one in found if one)])


def _paying(chapters: Mapping[str, str]) -> str:
    verdicts = [(name, *one) for name, text in chapters.items() for one in _VERDICT.findall(text)]
    if not verdicts:
        return ""
    kept = [one for one in verdicts if not one[2].startswith("Loses money")]
    lost = f"in {len(verdicts) - len(kept)} of {len(verdicts)} periods they had not seen they lose money after fees"
    rest = "".join(f" {name}, {period}: {verdict}" for name, period, verdict in kept)
    return f"**Do they make money?** {lost.capitalize()}.{rest}"


def _still(text: str) -> str:
    found = _STILL.search(text)
    return f"**Does it recognise minutes that will not move?** {found[1]}" if found else ""


def _forecasts(rows: Iterable[str]) -> str:
    found = [(name, ratio) for row in rows for name, ratio in _ERRORS.findall(row)]
    if not found:
        return ""
    better = [name for name, ratio in found if float(ratio) < 1]
    said = _list([f"{ratio} ({name})" for name, ratio in found])
    end = f"only {_list(better)} is worth listening to" if better else "nobody needs a network for that"
    return (
        f"**Can it say tomorrow's price?** Its errors are {said} times those of saying that the price stays as it is: "
        f"{end}."
    )


def _lookback(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    axis = "training.lookback"
    table = table.astype({axis: str})
    best, equal = _best(table), _as_good(table)
    first = [minutes for minutes in equal[axis] if minutes != best[axis]]
    worse = [f"{row[axis]} ({percent(row['value'])})" for _, row in table.drop(equal.index).iterrows()]
    return (
        f"**How many minutes should the network see?** {best[axis]} came first: right in {_interval(best)}. "
        + (f"{_list(first)} cannot be told from it. " if first else "")
        + (f"Further behind than luck is likely to put one: {_list(worse)}. " if worse else "")
        + f"Published were {_range(table, 'published')}, with 100 minutes in front."
    )


def _others(tables: Tables) -> str:
    names = {
        "capstone-btc": "As published",
        "capstone-btc_10": "With 10 minutes",
        "capstone-btc_honest": "Honestly split",
    }
    parts, ahead = [], []
    for name, words in names.items():
        if name in tables:
            sides = tables[name].pivot_table("value", index="training.learning_rate", columns="data.others")
            told = {side: _list([percent(value) for value in sides[side]]) for side in ("BTC/USD", "none")}
            rates = _list([f"{rate:g}" for rate in sides.index])
            parts.append(
                f"{words} it is right in {told['BTC/USD']} of cases with BTC and in {told['none']} without (trained at "
                f"a rate of {rates})."
            )
            ahead += list(sides["BTC/USD"] > sides["none"])
    if not parts:
        return ""
    end = f"With BTC it is right more often in {sum(ahead)} of {len(ahead)} pairs."
    return f"**Does ETH's network need BTC?** {' '.join(parts)} {end} {_half(tables.get('capstone-btc'))}".strip()


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
    none, *single, together = [row for _, row in table.iterrows()]
    apart = max((abs(row["value"] - none["value"]) for row in single), default=0.0)
    inside = none["low"] <= together["value"] <= none["high"]
    end = "which luck can make" if inside else "more than luck makes"
    return (
        f"**What were the leaks worth?** Without any, {_interval(none)} of moves; one at a time changes that by "
        f"{100 * apart:.1f} points at most; all together give {percent(together['value'])}, {end}."
    )


def _grids(tables: Tables) -> str:
    names = ("grid_published", "grid_ta_published", "grid", "grid_ta")
    plain, filled, honest, with_ta = (tables.get(f"tutorial_15m-{name}") for name in names)
    parts = []
    if plain is not None and filled is not None:
        parts.append(
            f"Judged as published, on 100 windows shuffled before the split, the {len(plain)} networks are right in "
            f"{_range(plain)} of cases, and with `ta` in {_range(filled)}."
        )
    if honest is not None:
        parts.append(
            f"Split in time order, on candles they had not seen, the same {len(honest)} are right in {_range(honest)} "
            f"of moves{_alike(honest)}."
        )
    if with_ta is not None:
        parts.append(
            "Split in time order, with the columns of `ta` that do not look ahead, they are right in "
            f"{_range(with_ta)} of moves{_alike(with_ta)}: what was there before is the leak, not the indicators."
        )
    return f"**Where did 0.60 and 0.80 go?** {' '.join(parts)}" if parts else ""


def _alike(table: pd.DataFrame) -> str:
    inside = len(_as_good(table)) - 1
    return f", {inside} of the other {len(table) - 1} within what luck does to the best one"


def _best(table: pd.DataFrame) -> pd.Series:
    return table.loc[table["value"].idxmax()]


def _as_good(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials inside the best one's 95 % interval, itself among them."""
    return table[table["value"] >= _best(table)["low"]]


def _interval(row: pd.Series) -> str:
    return f"{percent(row['value'])} (95 % interval {percent(row['low'])} to {percent(row['high'])})"


def _range(table: pd.DataFrame, name: str = "value") -> str:
    return f"{percent(table[name].min())} to {percent(table[name].max())}"


def _list(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
