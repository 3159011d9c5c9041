"""What the checker of run files says: our words at every key, for every kind of value that TOML knows."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, get_args, get_origin

import pytest

from cryptonn.config import RunConfig, parse_config
from cryptonn.errors import ConfigError
from cryptonn.settings import Section

RUN: dict[str, Any] = {
    "data": {"train": "20180101-20190101"},
    "published": {"system": "one"},
    "search": {"fine": {"space": {"seed": [1]}}},
    "selection": {"study": "fine", "trials": 1, "metric": "auc", "value": 0.5},
}
WRONG = {
    "text": "quite-wrong",
    "empty text": "",
    "whole number": 987654,
    "negative": -987654,
    "number": 98765.25,
    "truth": True,
    "list": ["quite-wrong"],
    "list of tables": [{"quite": "wrong"}],
    "empty list": [],
    "table": {"quite": "wrong"},
    "date": date(1987, 6, 5),
    "time": time(4, 3, 2),
    "date and time": datetime(1987, 6, 5, 4, 3, 2),
    "infinite": float("inf"),
    "nan": float("nan"),
}
SHOWN = ("quite-wrong", "987654", "-987654", "98765.25", "1987-06-05")
"""Texts by which a value is found again in a message."""
FOREIGN = re.compile(
    r"Input should|Value error|valid (dictionary|list|string|number|integer)|instance of|unable to|"
    r"type=|For further|pydantic|datetime|\bTrue\b|\bFalse\b|\bNone\b|TimeRange|Config\b"
)
"""Words of the library's messages, and of Python."""


def places(section: type[Section], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of the run file, those of tables by name with a name."""
    for name, field in section.model_fields.items():
        here = (*before, name)
        yield here
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Section):
                named = get_origin(field.annotation) is dict
                yield from places(kind, (*here, "fine") if named else here)


PLACES = [
    *places(RunConfig),
    ("data", "test", "q1"),
    ("search", "fine"),
    ("backtest", "parameters", "x"),
]


def run_with(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The run file with this value at a key."""
    values = dict(RUN)
    at = values
    for key in place[:-1]:
        at[key] = dict(at.get(key, {}))
        at = at[key]
    at[place[-1]] = value
    return values


def refusals(value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    for place in PLACES:
        try:
            parse_config(run_with(place, value), source="x.toml")
        except ConfigError as error:
            yield place, str(error).removeprefix("x.toml: ")


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
def test_every_refusal_is_in_our_words_and_names_key_and_value_once(value: Any) -> None:
    refused = dict(refusals(value))
    assert len(refused) > len(PLACES) // 4
    for place, said in refused.items():
        where = f"{'.'.join(place)}: {said}"
        assert not FOREIGN.search(said), where
        assert ".".join(place[-2:]) in said or place[-1] in said, where
        assert said.count("(it is ") <= len(said.splitlines()), where
        for text in SHOWN:
            found = re.findall(rf"(?<![\w.-]){text}(?![\w.])", said)
            assert len(found) <= len(said.splitlines()), where


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("network",), "lstm", r'network must be a table: write \[network\] .* \(it is "lstm"\)'),
        (("features",), ["log_return"], r"features must be a table: write \[features\]"),
        (("data",), [{"train": "x"}], r"data must be a table: write \[data\]"),
        (("data", "test"), "20190101-20190201", r"write \[data\.test\] and below it lines NAME ="),
        (
            ("data", "test"),
            ["20190101-20190201"],
            r"write \[data\.test\] and below it lines NAME =",
        ),
        (("data", "train"), date(2018, 1, 1), r'such as "20180101-20190101" \(it is 2018-01-01\)'),
        (
            ("network", "layers"),
            [64, "a"],
            r'network\.layers\[1\] must be a whole number \(it is "a"',
        ),
        (("training", "epochs"), True, r"epochs must be a whole number \(it is true\)"),
        (("training", "epochs"), 1.5, r"epochs must be a whole number \(it is 1\.5\)"),
        (("training", "learning_rate"), float("inf"), r"must be a finite number \(it is inf\)"),
        (("backtest", "fees"), [0.001], r"fees\[0\] must be text in quotes \(it is 0\.001\)"),
        (("backtest", "fees"), [], "fees must be a list of at least one value"),
        (("labels", "ties"), "exclde", r'\(it is "exclde"\)\. Did you mean "exclude"\?'),
        (("signal", "enter"), "0.55", r'0\.55, without quotes.*\(it is "0\.55"\)'),
        (("backtest", "parameters", "sma_cross"), 3, r"\[backtest\.parameters\.sma_cross\] and"),
        (("backtest", "parameters"), 3, r"\[backtest\.parameters\.NAME\] and its keys"),
        (("search", "fine", "space"), 3, r"search\.fine\.space must be a table"),
    ],
)
def test_what_must_stand_there_is_said(place: tuple[str, ...], value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_config(run_with(place, value), source="x.toml")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("key", ["kind", "type", "cell", "units", "model"])
def test_a_network_of_another_kind_is_told_what_there_is(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(run_with(("network", key), "gru"), source="x.toml")
    said = str(caught.value)
    assert said.startswith(
        f"x.toml: network.{key} is not a setting. [network]: stacked LSTM layers"
    )
    assert "Its keys: layers, activation, dropout" in said and "labels.kind" not in said


def test_a_section_that_there_is_not_is_told_which_there_are() -> None:
    with pytest.raises(ConfigError, match="model is not a setting. There are: .*network, training"):
        parse_config({**RUN, "model": {"kind": "gru"}})
