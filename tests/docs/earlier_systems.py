"""Write docs/earlier-systems.md from run folders and searches: ``make earlier-systems``.

Every number and every sentence with a number comes from the latest run of each file and from the searches' folders.
What was not run here keeps what the page says of it: the whole of it is days of one machine. The trials of searches are
kept, in docs/earlier-systems/: copy a folder to backtests/searches/ and ``tune`` goes on with it.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptonn import open_run
from cryptonn.catalog import find_run
from cryptonn.cli.prediction import prediction_words
from cryptonn.config import RunConfig
from cryptonn.errors import ConfigError, CryptonnError
from cryptonn.latest import predict
from cryptonn.learning.lookahead import looking_ahead
from cryptonn.market.candles import Frame
from cryptonn.market.source import load_market
from cryptonn.published import reproduce
from cryptonn.reporting.formatting import percent
from cryptonn.reporting.sections_forecast import forecast_words
from cryptonn.reporting.sections_published import make_published
from cryptonn.runs import Run
from cryptonn.settings import PublishedConfig
from cryptonn.tuning.trial import market_of
from cryptonn.units import counted
from tests.docs.lessons import lessons
from tests.docs.page import PAGE, ROOT, Page, kept_picture, shown
from tests.docs.searches import RECORDS, finished, published_by, same_training, search_section
from tests.docs.systems import accuracy_table, in_short, money_table, recorded, worth
from tests.test_tutorial import unpredictable

BACKTESTS = ROOT / "backtests"
NOTE = "<!-- Made by `make earlier-systems` from run folders: run the commands again, do not edit this page. -->"

INTRO = """# The earlier systems

cryptonn was made from four systems that stopped at an accuracy, or at a plot. Here each is a run file, and below a
chapter: the figure that was quoted, what that way of measuring gives on our candles, how often it is right *honestly*
(split in time order, purged, judged on rows that nothing was chosen by), and what that earns. Nothing measured in a
published way, with its leaks, was ever traded. Intervals are those of 95 %: how far off a figure may be by luck
alone."""

MONEY = """And what became of an account that put 95 % of itself into each trade on those rows, at the open after a
signal. `maker` waits in the order book and pays 10 bp a fill (1 bp is 0.01 %), `taker` takes what is there and pays
20 bp and 1 bp of spread, `taker+slippage` 2 bp more; a trade has two fills. That a maker's order is filled is taken for
granted, which is optimistic. Classifiers buy from the probability on that 1 % of validation rows reach, the others
from one half on; none sells short. A verdict is *beyond luck* where the 95 % intervals of the returns it speaks of
hold no return of the other sign. Trades that gain on average may leave an account with less than it had, because
losses compound."""

LEARNED = """## What we learned

From the tables above and below: what each system is worth, then what its searches say. The best of many settings is
always a little lucky."""

WORDS = """## Words

- *Ties up, balanced*: how earlier systems counted. A window whose price does not move counts as up; windows are
  dropped until there are as many ups as downs. *On moves*: windows that do not move are left out.
- *Train, validation, test*: rows to learn from, to choose by, and to judge on at the end. *Purge*: rows left out
  between them, so that no label reaches from one into the next.
- *Epoch*: one pass over the train rows. The *best* one has the lowest validation loss; its weights are kept.
- *Loss*: what training makes small. A classifier that always says one half has 0.6931 (ln 2; 0.25 where the loss is
  mse): a training that stays there has failed, one whose validation loss rises from there learns by heart. A train
  loss is taken with dropout, which holds it up.
- *Persistence*: saying that the price stays as it is. The *Diebold-Mariano test* tells whether the errors of two
  forecasts differ by more than luck. *Analysis of variance* shares out the differences between trials among settings.
- *Pictures of searches*: a dot is a training, the bar a choice's median without failed ones, grey the best one's
  95 % interval.
- *Minutes*: a training had other work beside it, so they compare little.
- *`TF_ENABLE_ONEDNN_OPTS=1`, `KERAS_BACKEND=jax`* before a command: how it was computed ([search.md](search.md)).
  Without them it gives other last digits, or other random numbers."""

SYSTEMS = {
    "capstone": ("lookback", "btc", "btc_10", "btc_honest", "leaks"),
    "tutorial_15m": ("grid_published", "grid_ta_published", "grid", "grid_ta"),
    "yahoo_close": (),
    "btc_tomorrow": (),
}
"""Run file to its searches, in the order of the page."""


def page(backtests: Path = BACKTESTS, *, records: Path = RECORDS) -> str:
    """Return the whole page, from the runs and searches in a folder; keeps pictures and trials."""
    runs, before = (
        {name: _latest(name, backtests / "results", records) for name in SYSTEMS},
        Page.read(),
    )
    chapters = {name: "\n\n".join(_chapter(name, run, before)) for name, run in runs.items()}
    further = {name: "\n\n".join(_further(name, run, before)) for name, run in runs.items()}
    parts = []
    for name, searches in SYSTEMS.items():
        parts.append(chapters[name])
        for search in searches:
            folder = backtests / "searches" / f"{name}-{search}"
            parts += search_section(name, search, folder, before, records=records)
        parts += [further[name]] if further[name] else []
    systems = recorded(runs, records)  # from here on every trial and number is kept
    learned = [
        *worth(systems),
        *lessons(finished(records), "\n".join([*chapters.values(), *further.values()])),
    ]
    head = [NOTE, INTRO, in_short(systems), accuracy_table(systems), MONEY, money_table(systems)]
    return (
        "\n\n".join([*head, LEARNED, "\n".join(f"- {one}" for one in learned), WORDS, *parts])
        + "\n"
    )


def _latest(name: str, results: Path, records: Path) -> Run | None:
    try:
        run = open_run(str(find_run(name, results=results)))
    except ConfigError:
        return None
    return with_earlier(run, SYSTEMS[name], records=records)


def with_earlier(run: Run, searches: Iterable[str], *, records: Path = RECORDS) -> Run:
    """Return a run with what its earlier system gives: its own training's numbers, else those of a kept trial.

    That training takes hours, and a search may have done it already.

    Raises
    ------
    ConfigError
        If neither has, or the run was trained for fewer epochs than its file says.
    """
    own, training = run.published, run.config.training
    if training.full_epochs is not None:
        few = f"{training.epochs} of its {counted(training.full_epochs, 'epoch')}"
        raise ConfigError(
            f"{run.name}: trained for {few}. Remove it, or run its file without --epochs."
        )
    if run.config.published is None or (
        own is not None and own.get("epochs") == own.get("full_epochs")
    ):
        return run
    data = {
        symbol: facts["sha256"]
        for symbol, facts in market_of(run.config.as_published()).facts.items()
    }
    found = same_training(run.config, searches, data=data, records=records)
    if found is None:
        again = f"Run `cryptonn reproduce {run.name}`."
        raise ConfigError(f"{run.name}: its earlier system was not trained in full. {again}")
    search, trial = found
    return replace(
        run, published=published_by(trial, run.config) | {"search": search, "trial": trial.number}
    )


def _ends(found: dict[str, Any], name: str) -> str:
    return f"{percent(found[f'{name}_low'])} to {percent(found[f'{name}_high'])}"


def _chapter(name: str, run: Run | None, before: Page) -> list[str]:
    return [f"## {name}", *([before.under(f"## {name}")] if run is None else _run(name, run))]


def _further(name: str, run: Run | None, before: Page) -> list[str]:
    parts = []
    for heading, part in FURTHER.get(name, {}).items():
        parts += [f"### {heading}", *(part(run) if run else [before.under(f"### {heading}")])]
    return parts


def _run(name: str, run: Run) -> list[str]:
    parts = [shown(f"cryptonn run backtests/{name}.toml --data ../shared/data")]
    parts.append(f"{run.config.description}\n\n{_trained(run)}")
    found = make_published(run)
    if found is not None:
        parts.append("\n".join(f"- {line}" for line in found.sentences))
        if found.leaks:
            parts.append(f"What leaks when it is measured as published: {'; '.join(found.leaks)}.")
    if run.forecasts is not None:
        parts.append("\n".join(f"- **{role}**: {line}" for role, line in forecast_words(run)))
        parts.append(
            kept_picture(
                run.folder / "figures" / "forecasts.png",
                f"{name}_forecasts",
                "predicted and actual",
            )
        )
    return [
        *parts,
        "\n".join(
            f"- **{period}, traded**: {one.headline}" for period, one in run.verdicts.items()
        ),
    ]


def _tomorrow(run: Run) -> list[str]:
    """Say what `cryptonn predict` says."""
    said = prediction_words(predict(str(run.folder)))
    return [shown("cryptonn predict btc_tomorrow"), "```text\n" + "\n".join(said) + "\n```"]


def _trained(run: Run) -> str:
    rows, facts = run.facts["rows"], run.facts
    text = f"{rows['train']['rows']:,} train rows from {rows['train']['first'][:10]} on"
    text += f", {run.config.training.epochs} epochs, the best one {facts['best_epoch']}, seed {run.config.seed}"
    if run.published and run.published.get("rows"):
        seen, minutes = run.published["rows"], run.published["seconds"] / 60
        text += (
            f". As published: {seen['train']:,} windows to train on and {seen['validation']:,} to validate, "
            f"{run.published['epochs']} epochs in {counted(max(round(minutes), 1), 'minute')}"
        )
        if "trial" in run.published:
            where = f"trial {run.published['trial']} of the search {run.published['search']} below"
            text += f" ({where}, which is the same training)"
    return f"{text}."


def _looking_ahead(run: Run) -> list[str]:
    """Name the columns of ta that look ahead on the run's own candles."""
    found = looking_ahead(run.config.data.train.select(run.frame.candles(run.config.data.target)))
    rows = [
        "| column of ta | as it comes | with `fillna=True` | rows that change | why |",
        "| --- " * 5 + "|",
    ]
    for one in found.itertuples():
        extent = f"{one.first_row} to {one.last_row}" if one.last_row >= 0 else ""
        marks = ("looks ahead" if seen else "" for seen in (one.plain, one.filled))
        rows.append(f"| `{one.column}` | {' | '.join(marks)} | {extent} | {one.reason} |")
    text = (
        f"Found by experiment on the {run.facts['rows']['train']['rows']:,} train rows: from some bar on every price "
        "and volume is doubled, and a column that changes before that bar has looked ahead. "
        f"{found['plain'].sum()} columns look ahead even without filling, {found['filled'].sum()} with `fillna=True`. "
        'The former are left out, and the others made without filling, by `features.ta = ["all"]`.'
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
    return config.model_copy(
        update={"published": published.model_copy(update={"settings": settings})}
    )


def _market(run: Run) -> Frame:
    return load_market(run.config.as_published().data, horizon=run.config.labels.horizon).frame


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
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except CryptonnError as error:
        sys.exit(f"Error: {error}")
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
