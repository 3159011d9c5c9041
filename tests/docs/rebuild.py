"""Write the pages of docs/ that are made from the program itself: ``make docs``.

``docs/cli.md`` is what ``--help`` says; ``docs/run-file.md`` is made from the sections in ``cryptonn/settings``, the
meanings being the texts below their keys.
"""

import ast
import json
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.testing import CliRunner

from cryptonn.cli import app, data, local_exchange, paper, paper_results, runs, tuning
from cryptonn.config import RunConfig
from cryptonn.learning.features import FEATURES
from cryptonn.learning.indicators import INDICATORS, REFUSED
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import Section

ROOT = Path(__file__).resolve().parents[2]
NOTE = "<!-- Made by `make docs`: change the program, not this page. -->"

TYPES = {
    "Any": "anything",
    "Count": "whole number, 1 or more",
    "Fraction": 'fraction of notional: `0.001`, `"0.1%"` or `"10bp"`; above 1 % with its unit',
    "Path": "path",
    "Period": 'timerange, such as `"20180101-20190101"` (UTC, the end not included)',
    "RangeConfig": "table of low, high, step, log",
    "Proportion": "number from 0 up to, not including, 1",
    "Units": "list of (whole number, 1 or more)",
    "YearlyFraction": 'fraction a year: `0.1` or `"10%"`; above 50 % with its unit',
    "bool": "true or false",
    "float": "number",
    "int": "whole number",
    "str": "text",
}
FILLED_IN = {"name": "the file's name"}
"""Keys that ``load_config`` fills in."""
BOUNDS = {
    "ge": "{} or more",
    "gt": "above {}",
    "le": "{} or less",
    "lt": "below {}",
    "min_length": "at least {}",
}


def pages() -> dict[Path, str]:
    """Return every generated page by its place."""
    return {ROOT / "docs" / "cli.md": cli_page(), ROOT / "docs" / "run-file.md": run_file_page()}


def cli_page() -> str:
    """Return the help of every command."""
    modules = (runs, tuning, data, local_exchange, paper, paper_results)
    names = [
        command.__name__.replace("_", "-") for module in modules for command in module.COMMANDS
    ]
    parts = [
        NOTE,
        "# The command line",
        _block(_help()),
        *(f"## {name}\n\n{_block(_help(name))}" for name in names),
    ]
    return "\n\n".join(parts) + "\n"


def _help(*words: str) -> str:
    answer = CliRunner().invoke(
        app, [*words, "--help"], prog_name="cryptonn", env={"COLUMNS": "80"}
    )
    if answer.exit_code:
        raise RuntimeError(answer.output)
    return answer.output.strip()


def _block(text: str) -> str:
    return "```text\n" + "\n".join(line.rstrip() for line in text.splitlines()) + "\n```"


def run_file_page() -> str:
    """Return a table of keys for each section of a run file."""
    intro = (
        "One TOML file is one run. Every key may be left out unless its default says **required**; an unknown key is "
        "refused. The run folder keeps the resolved file: every key with the value in force."
    )
    sections = {
        name: section_of(field.annotation) for name, field in RunConfig.model_fields.items()
    }
    top = [name for name, section in sections.items() if section is None]
    parts = [NOTE, "# The run file", intro, "## Top of the file", _table(RunConfig, top)]
    for name, section in sections.items():
        if section is not None:
            parts += _section(f"{name}.NAME" if name == "search" else name, section)
        if name == "features":
            parts += _feature_names()
    return "\n\n".join(parts) + "\n"


def _feature_names() -> list[str]:
    """Return what may stand in the two lists of ``[features]``, and what ``ta`` has besides."""
    groups: dict[str, list[str]] = {}
    for name in sorted(INDICATORS):
        groups.setdefault(name.partition("_")[0], []).append(name)
    reasons: dict[str, list[str]] = {}
    for name, reason in REFUSED.items():
        reasons.setdefault(reason, []).append(name)
    return [
        f"### Names for columns\n\n{_names(FEATURES)}",
        "### Names for ta",
        "\n".join(f"- {group}: {_names(names)}" for group, names in groups.items()),
        "Columns of `ta` that are not computed:",
        "\n".join(f"- {_names(names)}: {reason}" for reason, names in reasons.items()),
    ]


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _section(name: str, model: Any) -> list[str]:
    inner = {key: section_of(field.annotation) for key, field in model.model_fields.items()}
    inner = {key: section for key, section in inner.items() if section is not None}
    words = " ".join(model.__doc__.split()).removeprefix(f"``[{name}]``: ").replace("``", "`")
    keys = [key for key in model.model_fields if key not in inner]
    parts = [f"## [{name}]", words[0].upper() + words[1:], _table(model, keys)]
    for key, other in inner.items():
        parts += _section(f"{name}.{key}", other)
    return parts


def _table(model: type[BaseModel], keys: list[str]) -> str:
    declared = _declared(model)
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for key in keys:
        kind, meaning = declared[key]
        default = FILLED_IN.get(key) if model is RunConfig else None
        cells = (
            f"`{key}`",
            type_words(kind),
            default or _default(model.model_fields[key].default),
            meaning,
        )
        rows.append(
            "| " + " | ".join(cell.replace("|", "\\|").replace("``", "`") for cell in cells) + " |"
        )
    return "\n".join(rows)


def _declared(model: type[BaseModel]) -> dict[str, tuple[ast.expr, str]]:
    """Return the annotation of each key and the text below it."""
    tree = ast.parse(Path(str(sys.modules[model.__module__].__file__)).read_text(encoding="utf-8"))
    (body,) = [
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == model.__name__
    ]
    found = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = (
                after.value.value
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                else ""
            )
            found[node.target.id] = (node.annotation, " ".join(str(text).split()))
    return found


def type_words(kind: ast.expr) -> str:
    """Say in words what may stand at a key; a type without words here is an error."""
    if isinstance(kind, ast.Name):
        return TYPES[kind.id]
    if isinstance(kind, ast.BinOp):
        return " or ".join(
            type_words(part) for part in (kind.left, kind.right) if not _is_none(part)
        )
    if not isinstance(kind, ast.Subscript) or not isinstance(kind.value, ast.Name):
        raise TypeError(f"no words for {ast.unparse(kind)}")
    inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
    if kind.value.id == "Literal":
        return " or ".join(f"`{json.dumps(ast.literal_eval(value))}`" for value in inner)
    if kind.value.id == "Annotated":
        return ", ".join([type_words(inner[0]), *_bounds(inner[1:])])
    return {"tuple": "list of {}", "list": "list of {}", "dict": "table of {}"}[
        kind.value.id
    ].format(f"({type_words(inner[-1 if kind.value.id == 'dict' else 0])})")


def _bounds(extras: list[ast.expr]) -> list[str]:
    keywords = [
        keyword for extra in extras if isinstance(extra, ast.Call) for keyword in extra.keywords
    ]
    given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in keywords}
    pattern = ["letters, digits and `_.-`"] if "pattern" in given else []
    return pattern + [
        BOUNDS[name].format(f"{value:g}") for name, value in given.items() if name in BOUNDS
    ]


def _is_none(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def section_of(annotation: Any) -> Any:
    """Return the section that stands at a key: itself, left out, or one of several by name; None for a plain value."""
    kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    return next((kind for kind in kinds if issubclass(kind, Section)), None)


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "**required**"
    if value is None:
        return "none"
    if isinstance(value, (Path, TimeRange, Enum)):
        value = str(value)
    return f"`{json.dumps(value)}`"


def main() -> None:
    for place, text in pages().items():
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
        print(place.relative_to(ROOT))


if __name__ == "__main__":
    main()
