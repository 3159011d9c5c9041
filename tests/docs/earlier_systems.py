"""Write docs/earlier-systems.md from run folders and searches: ``make earlier-systems``.

Every number and every sentence with a number comes from the latest run of each file and from the searches' folders.
What was not run here keeps what the page says of it: the whole of it is days of one machine. Of the searches that take
hours the trials themselves are kept, in docs/earlier-systems/: copy a folder to backtests/searches/ and ``tune`` goes
on with it.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn import open_run
from cryptonn.catalog import find_run
from cryptonn.cli.prediction import prediction_words
from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError
from cryptonn.latest import predict
from cryptonn.learning.lookahead import looking_ahead
from cryptonn.market.candles import Frame
from cryptonn.market.source import load_market
from cryptonn.output import whole_folder
from cryptonn.published import reproduce
from cryptonn.reporting.formatting import percent, signed_bp
from cryptonn.reporting.sections_forecast import forecast_words
from cryptonn.reporting.sections_published import make_published
from cryptonn.runs import Run
from cryptonn.settings import PublishedConfig
from tests.test_tutorial import unpredictable

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "earlier-systems.md"
IMAGES = ROOT / "docs" / "images"
BACKTESTS = ROOT / "backtests"
RECORDS = ROOT / "docs" / "earlier-systems"
QUICK = ("tutorial_15m-grid_published", "tutorial_15m-grid_ta_published")
"""Searches that do not take hours, so that their trials need not be kept."""
NOT_KEPT = shutil.ignore_patterns("*.png", "*.toml", "tensorboard", "running", "lock", "figures", ".*")
_NOT_RUN = "Not run yet."
_SO_FAR = "Not all run yet; so far:"
NOTE = "<!-- Made by `make earlier-systems` from run folders: run the commands again, do not edit this page. -->"

INTRO = """# The earlier systems

cryptonn was made from four systems that stopped at an accuracy, or at a plot. Here each is a run file. It states the
figure that was published, what the published way of measuring gives on our candles, what is left of it when the split
is honest, and what that earns. Nothing measured in a published way, with its leaks, was ever traded."""

SYSTEMS = {
    "capstone": ("lookback", "btc", "btc_10", "btc_honest", "leaks"),
    "tutorial_15m": ("grid_published", "grid_ta_published", "grid", "grid_ta"),
    "yahoo_close": (),
    "btc_tomorrow": (),
}
"""Run file to its searches, in the order of the page."""

MEANWHILE = {
    "capstone-lookback": (
        "100 minutes is what the run above reproduced, with the same settings. Trained on a graphics card with JAX "
        "under Keras (docs/search.md), so with other random numbers: 10 minutes gave 53.4 %, 25 minutes 55.5 %, 50 "
        "minutes 54.9 %. The same 25 minutes trained here, with the same settings, gave 54.0 %: a point and a half of "
        "the differences between lookbacks is luck."
    ),
    "capstone-btc": (
        "A trial of it trains for as long as the run above, which is the first of the four: with BTC, at 0.0001. The "
        "same question with ten minutes, and honestly split, stands in the two searches below. On a graphics card with "
        "JAX, so with other random numbers, the run without BTC gave 52.6 % at 0.0001, where it is 55.3 % with BTC. At "
        "0.001, the rate at which 0.5 was published, its validation loss was 0.7051, 0.6932, 0.6932, 0.7547 and 0.6995 "
        "after the first five epochs, never below ln 2 = 0.6931, and 0.6926 after the sixth: a training that fails at "
        "that rate, not proof that BTC is needed."
    ),
    "tutorial_15m-grid_ta": (
        "To be held against the figures around 0.80 above: the same networks with the columns of `ta` that do not look "
        "ahead, on all candles, split in time order and purged."
    ),
}
"""What to look at as long as a search has not ended."""


def page(backtests: Path = BACKTESTS) -> str:
    """Return the whole page, from the runs and searches in a folder; keeps pictures, and trials that take long."""
    runs, before = {name: _latest(name, backtests / "results") for name in SYSTEMS}, _Page.read()
    parts = [NOTE, INTRO, _overview(runs, before)]
    for name, searches in SYSTEMS.items():
        parts += _chapter(
            name, runs[name], {search: backtests / "searches" / f"{name}-{search}" for search in searches}, before
        )
    return "\n\n".join(parts) + "\n"


class _Page(dict[str, str]):
    """What a page says under each heading of the second and third level, the heading left out."""

    @classmethod
    def read(cls) -> "_Page":
        """Read the page as it stands."""
        parts = re.split(r"^(##+ .*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE) if PAGE.exists() else [""]
        found = cls(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))
        found[""] = parts[0].strip()
        return found

    def under(self, heading: str) -> str:
        """Return what stands there, or that it was not run yet."""
        return self.get(heading) or _NOT_RUN

    def row(self, name: str) -> str:
        """Return the row of a system in the overview."""
        rows = [line for line in self[""].splitlines() if f"](#{name})" in line]
        return rows[0] if rows else f"| [{name}](#{name}) | | not run yet | | |"


def _latest(name: str, results: Path) -> Run | None:
    try:
        return open_run(str(find_run(name, results=results)))
    except ConfigError:
        return None


def _overview(runs: dict[str, Run | None], before: _Page) -> str:
    rows = [
        "| system | published | reproduced as published | honest, on held-out bars | with fees |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join(rows + [_row(name, run, before) for name, run in runs.items()])


def _row(name: str, run: Run | None, before: _Page) -> str:
    if run is None or run.config.published is None:
        return before.row(name)
    link = f"[{run.config.published.system}](#{name})"
    claim, numbers = run.config.published, (run.published or {}).get("numbers")
    published = percent(claim.figure) if claim.figure is not None else claim.metric
    here = f"{percent(numbers['accuracy'])} ({_ends(numbers, 'accuracy')})" if numbers else "is the run itself"
    here = "not run yet" if run.published is None else here
    return f"| {link} | {published} | {here} | {'<br>'.join(_honest(run))} | {'<br>'.join(_fees(run))} |"


def _honest(run: Run) -> Iterator[str]:
    for period in run.config.data.test:
        found = run.assessments[period]["network"].metrics
        right = f"{percent(found['accuracy_on_moves'])} of moves ({_ends(found, 'accuracy_on_moves')})"
        scores = run.forecast_scores.get(period)
        ratio = f", errors {scores['rmse_ratio']:.2f} times persistence's" if scores else ""
        yield f"{period}: {right}{ratio}"


def _fees(run: Run) -> Iterator[str]:
    for period in run.config.data.test:
        rows = run.comparison[(run.comparison["period"] == period) & (run.comparison["strategy"] == run.strategy)]
        found = [f"{signed_bp(row['net_per_trade_bp'] / 1e4)} at {row['fees']}" for _, row in rows.iterrows()]
        yield f"{period}: {', '.join(found[:1] + found[1::2])} a trade"


def _ends(found: dict[str, Any], name: str) -> str:
    return f"{percent(found[f'{name}_low'])} to {percent(found[f'{name}_high'])}"


def _chapter(name: str, run: Run | None, searches: dict[str, Path], before: _Page) -> list[str]:
    parts = [f"## {name}", *(_run(name, run) if run else [before.under(f"## {name}")])]
    parts += [part for search, folder in searches.items() for part in _search(name, search, folder, before)]
    for heading, part in FURTHER.get(name, {}).items():
        parts += [f"### {heading}", *(part(run) if run else [before.under(f"### {heading}")])]
    return parts


def _run(name: str, run: Run) -> list[str]:
    parts = [_command(f"cryptonn run backtests/{name}.toml --data ../shared/data")]
    parts.append(f"{run.config.description}\n\n{_trained(run)}")
    found = make_published(run)
    if found is not None:
        parts.append("\n".join(f"- {line}" for line in found.sentences))
        if found.leaks:
            parts.append(f"What leaks when it is measured as published: {'; '.join(found.leaks)}.")
    if run.forecasts is not None:
        parts.append("\n".join(f"- **{role}**: {line}" for role, line in forecast_words(run)))
        parts.append(_picture(run.folder / "figures" / "forecasts.png", f"{name}_forecasts", "predicted and actual"))
    return [*parts, "\n".join(f"- **{period}, traded**: {one.headline}" for period, one in run.verdicts.items())]


def _tomorrow(run: Run) -> list[str]:
    """Say what `cryptonn predict` says."""
    said = prediction_words(predict(str(run.folder)))
    return [_command("cryptonn predict btc_tomorrow"), "```text\n" + "\n".join(said) + "\n```"]


def _trained(run: Run) -> str:
    rows, facts = run.facts["rows"], run.facts
    text = f"{rows['train']['rows']:,} train rows from {rows['train']['first'][:10]} on"
    text += f", {run.config.training.epochs} epochs, the best one {facts['best_epoch']}, seed {run.config.seed}"
    if run.published and run.published.get("rows"):
        seen, minutes = run.published["rows"], run.published["seconds"] / 60
        text += (
            f". As published: {seen['train']:,} windows to train on and {seen['validation']:,} to validate, "
            f"{run.published['epochs']} epochs in {minutes:,.0f} minutes"
        )
    return f"{text}."


def _search(name: str, search: str, here: Path, before: _Page) -> list[str]:
    heading, folder = f"### {name}: {search}", _folder(here, long=here.name not in QUICK)
    command = _command(f"cryptonn tune backtests/{name}.toml --search {search} --data ../shared/data --workers 2")
    meanwhile = [MEANWHILE[here.name]] if here.name in MEANWHILE else []
    if folder is None:
        told = before.under(heading)
        if told.endswith(_NOT_RUN):
            return [heading, command, *meanwhile, _NOT_RUN]
        missing = [words for words in meanwhile if _SO_FAR in told and words not in told]
        return [heading, told.replace(_SO_FAR, "\n\n".join([*missing, _SO_FAR]))]
    if not (folder / "summary.json").exists():
        return [heading, command, *meanwhile, _unfinished(folder)]
    found = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    axis = "axis" if (folder / "figures" / "axis.png").exists() else "settings"
    return [
        heading,
        found["description"],
        command,
        _trials(found),
        "\n".join(f"- {line}" for line in found["sentences"]),
        _picture(folder / "figures" / f"{axis}.png", f"{name}_{search}", f"search {search}"),
        _picture(folder / "figures" / "probabilities.png", f"{name}_{search}_probabilities", "probabilities"),
    ]


def _folder(here: Path, *, long: bool) -> Path | None:
    """Return the folder of a search: here, or as kept under RECORDS, whichever has more trials; None if neither.

    What is here of a search that takes long is kept.
    """
    kept = RECORDS / here.name
    if not _trials_in(here) or _trials_in(here) < _trials_in(kept):
        return kept if _trials_in(kept) else None
    if long:
        with whole_folder(kept) as partial:
            shutil.copytree(here, partial, ignore=NOT_KEPT, dirs_exist_ok=True)
    return here


def _trials_in(folder: Path) -> int:
    return len(list(folder.glob("trials/*/trial.json"))) if (folder / "table.csv").exists() else 0


def _unfinished(folder: Path) -> str:
    """Show the trials that have ended of a search that has not."""
    table = pd.read_csv(folder / "table.csv")
    names = list(table.columns[2 : table.columns.get_loc("metric")])
    trials = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    metric = table["metric"].iloc[0]
    return f"{_SO_FAR}\n\n{_trials({'axes': names, 'metric': metric, 'trials': trials})}"


def _trials(found: dict[str, Any]) -> str:
    axes = found["axes"]
    quoted = ["published"] if any(one.get("published") is not None for one in found["trials"]) else []
    head = [*axes, found["metric"], *quoted, "on moves", "95 % interval", "train loss", "validation loss", "best epoch"]
    head.append("minutes, other work beside")
    rows = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for one in found["trials"]:
        low, high = one.get("accuracy_on_moves_low"), one.get("accuracy_on_moves_high")
        cells = [
            *(str(one[axis]) for axis in axes),
            one["reason"] if one["value"] is None else f"{one['value']:.4f}",
            *("" if one.get(name) is None else f"{one[name]:.4g}" for name in quoted),
            "" if low is None else percent(one["accuracy_on_moves"]),
            "" if low is None else f"{percent(low)} to {percent(high)}",
            *("" if one.get(name) is None else f"{one[name]:.4f}" for name in ("loss", "val_loss")),
            "" if one["best_epoch"] is None else f"{one['best_epoch']} of {one['epochs']}",
            "" if one["seconds"] is None else f"{one['seconds'] / 60:.1f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _looking_ahead(run: Run) -> list[str]:
    """Name the columns of ta that look ahead on the run's own candles."""
    found = looking_ahead(run.config.data.train.select(run.frame.candles(run.config.data.target)))
    rows = ["| column of ta | as it comes | with `fillna=True` | rows that change | why |", "| --- " * 5 + "|"]
    for one in found.itertuples():
        extent = f"{one.first_row} to {one.last_row}" if one.last_row >= 0 else ""
        marks = ("looks ahead" if seen else "" for seen in (one.plain, one.filled))
        rows.append(f"| `{one.column}` | {' | '.join(marks)} | {extent} | {one.reason} |")
    text = (
        f"Found by experiment on the {run.facts['rows']['train']['rows']:,} train rows: from some bar on every price "
        "and volume is doubled, and a column that changes before that bar has looked ahead. "
        f"{found['plain'].sum()} columns do as they come, {found['filled'].sum()} with `fillna=True`. The former are "
        "left out, and the others made without filling, by "
        '`features.ta = ["all"]`.'
    )
    return [text, "\n".join(rows)]


def _shuffling(run: Run) -> list[str]:
    """Repeat the published evaluation on the same bars in random order, where nothing can be known."""
    rows = ["| bars | without `ta` | with `ta`, filled |", "| --- | --- | --- |"]
    frame = _market(run)
    mixed = unpredictable(frame.candles(run.config.data.target), seed=run.config.seed)
    for words, bars in (("as they were", frame), ("in random order", mixed)):
        cells = []
        for names in ([], ["all"]):
            numbers = reproduce(_with_ta(run.config, names), bars).numbers
            cells.append(f"{percent(numbers['accuracy'])} ({_ends(numbers, 'accuracy')})")
        rows.append(f"| {words} | {' | '.join(cells)} |")
    text = (
        "The published way of measuring, once on the 1,000 bars as they were and once on the same bars put in random "
        "order, where the next move cannot be known from the last ones. What it finds there is the shuffled split: "
        "windows and labels that overlap stand on both sides of it."
    )
    return [text, "\n".join(rows)]


def _with_ta(config: RunConfig, names: list[str]) -> RunConfig:
    published = config.published or PublishedConfig(system="")
    settings = published.settings | {"features": {"ta": names}}
    return config.model_copy(update={"published": published.model_copy(update={"settings": settings})})


def _market(run: Run) -> Frame:
    return load_market(run.config.as_published().data, horizon=run.config.labels.horizon).frame


def _picture(file: Path, name: str, words: str) -> str:
    if file.exists():
        shutil.copyfile(file, IMAGES / f"{name}.png")
    elif not (IMAGES / f"{name}.png").exists():
        return f"({words}: no picture yet)"
    return f"![{words}](images/{name}.png)"


def _command(text: str) -> str:
    return f"```console\n$ {text}\n```"


FURTHER: dict[str, dict[str, Callable[[Run], list[str]]]] = {
    "tutorial_15m": {
        "Where 0.60 and 0.80 come from": _shuffling,
        "Which columns of `ta` look ahead": _looking_ahead,
    },
    "btc_tomorrow": {"What it says of tomorrow": _tomorrow},
}
"""Run file to the sections after its searches, by heading."""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
