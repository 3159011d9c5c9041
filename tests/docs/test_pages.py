"""The generated pages of docs/ say what the program says today, and every key and command stands in them."""

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import cryptonn
from cryptonn.cli import data, runs
from cryptonn.config import RunConfig
from cryptonn.learning.features import FEATURES
from cryptonn.learning.indicators import INDICATORS, REFUSED
from tests.docs.rebuild import pages, run_file_page, section_of, type_words

PAGES = pages()


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
def test_the_page_is_up_to_date(place: Path) -> None:
    assert place.exists() and place.read_text(encoding="utf-8") == PAGES[place], (
        "run `make docs` and look at the change"
    )


def test_every_command_stands_in_the_page() -> None:
    (text,) = [text for place, text in PAGES.items() if place.name == "cli.md"]
    for command in (*runs.COMMANDS, *data.COMMANDS):
        assert f"\n## {command.__name__.replace('_', '-')}\n" in text


def test_every_key_stands_in_the_page_with_its_meaning() -> None:
    text = run_file_page()
    for name, field in RunConfig.model_fields.items():
        section = section_of(field.annotation)
        for key, inner in section.model_fields.items() if section else [(name, field)]:
            if section_of(inner.annotation) is None:
                assert f"\n| `{key}` | " in text
    assert [line for line in text.splitlines() if line.endswith("|  |")] == [], (
        "a key without a meaning"
    )


def test_every_feature_and_every_column_of_ta_stands_in_the_page() -> None:
    text = run_file_page()
    assert [name for name in (*FEATURES, *INDICATORS, *REFUSED) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Annotated[int, Field(ge=1)] | None", "whole number, 1 or more"),
        ("Literal['a', 'b']", '`"a"` or `"b"`'),
        ("tuple[str, ...]", "list of (text)"),
        ("dict[str, Any]", "table of (anything)"),
        ("Annotated[float, Field(gt=0.0, lt=1.0)]", "number, above 0, below 1"),
    ],
)
def test_types_in_words(kind: str, words: str) -> None:
    assert type_words(ast.parse(kind, mode="eval").body) == words


def test_the_examples_in_docstrings_run() -> None:
    modules = [info.name for info in pkgutil.walk_packages(cryptonn.__path__, "cryptonn.")]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    finder = doctest.DocTestFinder(exclude_empty=True)
    wrong: list[str] = []
    for module in ("cryptonn", *modules):
        for example in finder.find(importlib.import_module(module)):
            runner.run(example, out=wrong.append)
    assert wrong == []
    assert runner.tries > 10, "there are examples in docstrings"
