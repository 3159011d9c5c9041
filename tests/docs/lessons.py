"""What the earlier systems' searches and runs come to, for somebody who has never trained a network.

Every lesson is said of numbers that are handed in, and its words follow from them.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cryptonn.evaluation.published import worth_of_ties
from cryptonn.reporting.formatting import percent
from cryptonn.units import counted, listed

__all__ = ["lessons"]

Tables = Mapping[str, pd.DataFrame]
"""Searches that are done, by the name of their folder: a row for each trial that ended well, as in summary.json."""

_IN_RANDOM_ORDER = re.compile(r"^\| in random order \| (\S+ %) .* \| (\S+ %) ", re.MULTILINE)
_TOSS = 0.5
"""An accuracy whose interval holds it may be that of a coin toss."""
_SURE = 1.96
"""Standard errors on either side of an interval of 95 %."""
_QUOTED_RATE = 1e-3
"""The learning rate at which 0.5 was quoted."""
_LITTLE = 0.01
"""An addition to an accuracy that is a small one."""
_GRID = ("dropout", "hidden", "training.optimizer", "training.loss")


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
        _grids(tables, text),
        _others(tables),
        _still(tables),
        _leaks(tables.get("capstone-leaks")),
        _lookback(tables.get("capstone-lookback"), tables.get("capstone-btc")),
    ]
    return [one for one in found if one]


def _grids(tables: Tables, text: str) -> str:
    names = ("grid_published", "grid_ta_published", "grid", "grid_ta")
    plain, filled, honest, with_ta = found = [tables.get(f"tutorial_15m-{name}") for name in names]
    if all(table is None for table in found):
        return ""
    parts = []
    shuffled = _IN_RANDOM_ORDER.search(text)
    if shuffled:
        parts.append(
            "Shuffling windows that overlap can make them: train and validation share many bars. On bars put in random "
            f"order, where nothing can be foreseen, the same measure still finds {shuffled[1]} without `ta` and "
            f"{shuffled[2]} with it."
        )
    if plain is not None and filled is not None:
        parts.append(
            f"Judged as published, on 100 windows, the {len(plain)} networks are right in {_range(plain)} of cases, "
            f"and with `ta` in {_range(filled)}."
        )
    rows = "On validation rows in time order and purged"
    for table, words in (
        (honest, "without `ta`"),
        (with_ta, "with the columns of `ta` that do not look ahead"),
    ):
        if table is None:
            parts.append(f"{rows}, {words}: not run yet.")
        else:
            parts.append(
                f"{rows}, {words}, they are right in {_range(table)} of moves{_alike(table)}."
            )
        rows = "There"
    if honest is not None and with_ta is not None:
        parts.append(_paired(honest, with_ta))
    return f"**Where did the tutorial's 0.60 and 0.80 go?** {' '.join(parts)}"


def _paired(plain: pd.DataFrame, with_ta: pd.DataFrame) -> str:
    """Hold each setting with ta against the same without."""
    both = (
        plain.set_index(list(_GRID))["value"]
        .to_frame("plain")
        .join(with_ta.set_index(list(_GRID))["value"])
    )
    gain = (both["value"] - both["plain"]).dropna()
    lower = int((gain < 0).sum())
    return (
        f"There {lower} of {counted(len(gain), 'setting')} are right less often with `ta`, on average of all by "
        f"{_points(-gain.mean())} points."
        if gain.mean() < 0
        else f"There {len(gain) - lower} of {counted(len(gain), 'setting')} are right at least as often with `ta`."
    )


def _others(tables: Tables) -> str:
    names = {
        "capstone-btc": "as published",
        "capstone-btc_10": "with 10 minutes",
        "capstone-btc_honest": "honestly",
    }
    pairs = [pair for name in names if name in tables for pair in _pairs(tables[name]).values()]
    if not pairs:
        return ""
    fair = [(both, alone) for both, alone in pairs if min(both["low"], alone["low"]) > _TOSS]
    able = sum(alone["low"] > _TOSS for _, alone in pairs)
    gains = [both["value"] - alone["value"] for both, alone in fair]
    helps = "It seems to help" if gains and min(gains) > 0 else "Whether it helps cannot be told"
    said = [
        f"{helps}, and without it {able} of {counted(len(pairs), 'training')} are right more often than a coin toss."
    ]
    if fair:
        clear = sum(_apart(both, alone) for both, alone in fair)
        said.append(
            f"In the {counted(len(fair), 'pair')} where both sides are, BTC adds {_points(min(gains))} to "
            f"{_points(max(gains))} points, in {clear} of them more than luck is likely to. Each is one training, and "
            "all are judged on the same days."
        )
    missing = [words for name, words in names.items() if name not in tables]
    said += [f"Not run yet: {listed(missing)}."] if missing else []
    return f"**Does the 5-minute classifier of ETH need BTC?** {' '.join([*said, _half(tables)]).strip()}"


def _pairs(table: pd.DataFrame) -> dict[float, tuple[Any, Any]]:
    """Return, by learning rate, the trial with BTC and the one without."""
    sides = table.set_index("training.learning_rate").groupby("data.others")
    both, alone = sides.get_group("BTC/USD"), sides.get_group("none")
    return {rate: (both.loc[rate], alone.loc[rate]) for rate in both.index}


def _half(tables: Tables) -> str:
    """Say what the 0.5 was that the earlier system got without BTC."""
    if "capstone-btc" not in tables:
        return ""
    (_, fast), (_, slow) = (_pairs(tables["capstone-btc"])[rate] for rate in (_QUOTED_RATE, 1e-4))
    facts = (
        f"at the rate at which 0.5 was quoted ({_QUOTED_RATE:g}) the network without BTC gets {_interval(fast)} and a "
        f"validation loss of {fast['val_loss']:.4f}, where always saying one half has 0.6931; at a tenth of that rate "
        f"it gets {_interval(slow)}"
    )
    if not fast["low"] <= _TOSS < slow["low"]:
        return f"Of the quoted 0.5: {facts}."
    others = [tables[name] for name in ("capstone-btc_10", "capstone-btc_honest") if name in tables]
    found = [_pairs(table)[_QUOTED_RATE][1] for table in others]
    elsewhere = [percent(alone["value"]) for alone in found if alone["low"] > _TOSS]
    more = (
        f", and at the quoted rate with 10 minutes or honestly {listed(elsewhere)}"
        if elsewhere
        else ""
    )
    return f"The quoted 0.5 was most likely a training that failed: {facts}{more}."


def _still(tables: Tables) -> str:
    """Say what the searches' trainings know of windows that do not move."""
    published = [
        table
        for name, table in tables.items()
        if name.startswith("capstone") and "ties_called_up" in table
    ]
    if not published:
        return ""
    found = pd.concat(published).drop_duplicates(["ties_called_up", "moves_called_up"])
    found = found[found["accuracy_on_moves_low"] > _TOSS]
    worth = pd.DataFrame(
        [worth_of_ties(one, ties="up") for one in found.to_dict(orient="records")],
        columns=["value", "low", "high"],
    )
    begin = "Little of it, here" if worth["value"].max() < _LITTLE else "Part of it"
    return (
        "**Does the 5-minute classifier owe its figure to minutes that do not move, which count as up?** "
        f"{begin}: {(worth['value'] > 0).sum()} of {counted(len(worth), 'training')} as published say up more often of "
        f"windows that stay still than of those that move, {(worth['low'] > 0).sum()} of them more than luck is likely "
        f"to make. As {percent(found['ties_share'].max())} of windows stay still, telling them apart is worth at most "
        f"{_points(worth['value'].max())} points here. The quoted figure is of candles with many more minutes "
        "without a trade; what it was worth there is not known."
    )


def _leaks(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    none, together, single = table.iloc[0], table.iloc[-1], table.iloc[1:-1]
    gain = together["value"] - none["value"]
    if not _apart(none, together):
        answer = "Nothing that could be measured"
    else:
        answer = "More than luck makes" if gain > 0 else "They cost it more than luck does"
    least = _SURE * math.hypot(_error(none), _error(together))
    return (
        f"**What were the leaks of the 5-minute classifier worth?** {answer}: without three of them it is right in "
        f"{_interval(none)} of moves, with one of the three in {_range(single)}, with all three in "
        f"{percent(together['value'])}. That was with 10 minutes of history, not 100; the fourth leak, a balanced "
        f"validation, stayed in throughout; less than {_points(least)} points would not show."
    )


def _lookback(table: pd.DataFrame | None, again: pd.DataFrame | None) -> str:
    """Say which lookback came first, and what another search's training of 100 minutes came to."""
    if table is None:
        return ""
    axis = "training.lookback"
    rises = int((table.sort_values(axis)["value"].diff().dropna() > 0).sum())
    table = table.astype({axis: str})
    best, equal = _best(table), _as_good(table)
    first = [minutes for minutes in equal[axis] if minutes != best[axis]]
    worse = [
        f"{row[axis]} ({percent(row['value'])})" for _, row in table.drop(equal.index).iterrows()
    ]
    quoted = table.loc[table["published"].idxmax()]
    fits = table[(table["low"] <= table["published"]) & (table["published"] <= table["high"])]
    return (
        f"**How many minutes should the 5-minute classifier see?** {best[axis]} came first: {_interval(best)}. "
        + (f"{listed(first)} cannot be told from it. " if first else "")
        + (f"Further behind than luck is likely to put one: {listed(worse)}. " if worse else "")
        + f"{rises} of {counted(len(table) - 1, 'step')} to more minutes brought more. "
        + f"Quoted was {quoted[axis]} as the best, with {percent(quoted['published'])}; the quoted figure lies inside "
        f"our interval for {listed(list(fits[axis])) if len(fits) else 'none'} of them."
        + (
            ""
            if again is None
            else f" 100 minutes trained with other random numbers: {_interval(again.iloc[0])}."
        )
    )


def _alike(table: pd.DataFrame) -> str:
    behind = len(table) - len(_as_good(table))
    return f" ({behind or 'none'} of the {len(table)} further behind the best than luck is likely to put one)"


def _best(table: pd.DataFrame) -> pd.Series:
    return table.loc[table["value"].idxmax()]


def _as_good(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that cannot be told from the best one, itself among them."""
    best = _best(table)
    return table[[not _apart(best, row) for _, row in table.iterrows()]]


def _apart(one: Any, other: Any) -> bool:
    """Whether two trials differ by more than luck is likely to make, as if each were judged on rows of its own."""
    return bool(abs(one["value"] - other["value"]) > _SURE * math.hypot(_error(one), _error(other)))


def _error(row: Any) -> float:
    return float(row["high"] - row["low"]) / 2 / _SURE


def _interval(row: pd.Series) -> str:
    return (
        f"{percent(row['value'])} (95 % interval {percent(row['low'])} to {percent(row['high'])})"
    )


def _points(difference: float) -> str:
    return f"{100 * difference:.1f}"


def _range(table: pd.DataFrame, name: str = "value") -> str:
    return f"{percent(table[name].min())} to {percent(table[name].max())}"
