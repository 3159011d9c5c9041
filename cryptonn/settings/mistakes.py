"""What is wrong in a run file, in our words: what must stand at a key, what stands there,
what was likely meant.
"""

import json
import re
import types
from collections.abc import Sequence
from datetime import date, time
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from cryptonn.errors import did_you_mean
from cryptonn.market.timerange import TimeRange
from cryptonn.settings.section import Section

__all__ = ["mistakes_of", "unknown_key"]

_LONGEST = 60
"""Characters of a value that an error shows."""

_BOUNDS = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "above {}"),
    "less_than_equal": ("le", "{} or less"),
    "less_than": ("lt", "below {}"),
}
_WORDS: dict[Any, str] = {
    Path: "a path in quotes",
    TimeRange: 'a timerange in quotes, such as "20180101-20190101"',
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "text in quotes",
}
_UNKNOWN = object()
"""Stands for the value of a key where nothing is known of it."""


def mistakes_of(error: ValidationError, root: type[Section]) -> list[str]:
    """Say each mistake once, in the order of the file's sections.

    Where a key may hold values of several kinds, pydantic names a mistake for each of them.

    Parameters
    ----------
    error
        What pydantic found.
    root
        The section that was read, of which the places are counted.
    """
    found: dict[tuple[Any, ...], Any] = {}
    for item in error.errors():
        place = _place(item, root)
        if place not in found or _is_of_kind(found[place]):
            found[place] = item
    return [
        _mistake(item, place, root)
        for place, item in found.items()
        if not (_is_of_whole(item) and _has_deeper(place, found))
    ]


def unknown_key(key: str, root: type[Section]) -> str:
    """Say that a dotted key is no setting, and which one may be meant; nothing if it is one."""
    kind: Any = root
    parts = key.split(".")
    for place, part in enumerate(parts):
        before = parts[:place]
        if get_origin(kind) is dict:  # its keys are free
            return ""
        if _section_of(kind) is None:
            return f"{key} is not a setting: {'.'.join(before)} is no section."
        if part not in _keys_at(before, root):
            # of a dotted key the hint names the section too
            hint = re.sub(r"'(\w+)'", rf"'{'.'.join([*before, ''])}\1'", _hint(part, before, root))
            return f"{'.'.join([*before, part])} is not a setting.{hint}"
        kind = _inside(kind, part)
    return ""


def _place(item: Any, root: type[Section]) -> tuple[Any, ...]:
    """Return the keys that lead to a mistake, without the kinds of value that pydantic
    tried there.
    """
    kind: Any = root
    keys = []
    for number, part in enumerate(item["loc"]):
        inner = _inside(kind, part)
        is_unknown = item["type"] == "extra_forbidden" and number == len(item["loc"]) - 1
        if inner is not None or is_unknown:
            keys.append(part)
            kind = inner
    return tuple(keys)


def _has_deeper(place: tuple[Any, ...], others: Any) -> bool:
    return any(len(other) > len(place) and other[: len(place)] == place for other in others)


def _is_of_kind(item: Any) -> bool:
    """Tell whether the mistake is that the value is of another kind."""
    known = {*_BOUNDS, "extra_forbidden", "missing", "value_error", "literal_error"}
    return item["type"] not in known | {"finite_number", "string_pattern_mismatch", "too_short"}


def _is_of_whole(item: Any) -> bool:
    """Tell whether the mistake follows from what is wrong inside the value, where something is."""
    return _is_of_kind(item) or item["type"] == "too_short"


def _mistake(item: Any, place: tuple[Any, ...], root: type[Section]) -> str:
    key = _written(place)
    kind = reduce(_inside, place, root)
    value = item.get("input")
    if item["type"] == "extra_forbidden":
        return f"{key} is not a setting.{_hint(str(place[-1]), place[:-1], root, value=value)}"
    if item["type"] == "missing":
        return f"{key} is missing. Add it to the file: {_wanted(kind, key)}."
    if item["type"] == "value_error":  # our own words, which name the value where that helps
        text = str(item["ctx"]["error"])
        begins = place and text.startswith(f"{place[-1]} = ")
        return (
            f"{_written((*place[:-1], ''))}{text}"
            if begins
            else _ended(f"{key}: " * bool(key), text)
        )
    return f"{key} must be {_needed(item, kind, key)} (it is {_shown(value)}).{_near(value, kind)}"


def _ended(start: str, text: str) -> str:
    return f"{start}{text}" if text.endswith((".", "?")) else f"{start}{text}."


def _needed(item: Any, kind: Any, key: str) -> str:
    """Say what must stand at a key."""
    kind_of_mistake = item["type"]
    if kind_of_mistake in _BOUNDS:
        name, words = _BOUNDS[kind_of_mistake]
        return words.format(f"{item['ctx'][name]:g}")
    if kind_of_mistake == "finite_number":
        return "a finite number"
    if kind_of_mistake == "string_pattern_mismatch":  # that of a name, the only one there is
        return "letters, digits and _.- only, the first one a letter or a digit"
    if kind_of_mistake == "too_short":
        return "a list of at least one value"
    return _wanted(kind, key)


def _wanted(kind: Any, key: str) -> str:
    """Say what may stand at a key: how its table is written, or the kind of its value."""
    section = _section_of(kind)
    free = next((one for one in _alternatives(kind) if get_origin(one) is dict), None)
    if free is not None:
        inner = get_args(free)[1]
        if inner is not Any and _words(inner) == "a table":
            return f"a table: write [{key}.NAME] and its keys below it"
        return f"a table: write [{key}] and below it lines NAME = VALUE{_each(inner)}"
    if section is not None and len(_alternatives(kind)) == 1:
        keys = ", ".join(section.model_fields)
        return f"a table: write [{key}] and its keys below it, which may be {keys}"
    return _words(kind)


def _words(kind: Any) -> str:
    """Say in words what kind of value it is."""
    if get_origin(kind) is Annotated:
        return _words(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_words(one) for one in _alternatives(kind))
    if get_origin(kind) is Literal:
        choices = [json.dumps(choice) for choice in get_args(kind)]
        return " or ".join([", ".join(choices[:-1]), choices[-1]])
    if get_origin(kind) in (list, tuple):
        return f"a list{_each(get_args(kind)[0])}"
    return _WORDS.get(kind, "a table")


def _each(kind: Any) -> str:
    return "" if kind is Any else f", each value {_words(kind)}"


def _alternatives(kind: Any) -> list[Any]:
    """Return the kinds of value that may stand somewhere; that nothing may is left out."""
    if get_origin(kind) not in (Union, types.UnionType):
        return [kind]
    return [one for one in get_args(kind) if one is not types.NoneType]


def _near(value: Any, kind: Any) -> str:
    """Name the choice that a text is near to."""
    choices = [
        str(choice)
        for one in _alternatives(kind)
        if get_origin(one) is Literal
        for choice in get_args(one)
    ]
    return did_you_mean(value, choices).replace("'", '"') if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    """Write a value as it stands in a run file, or the beginning of it."""
    if isinstance(value, (date, time)):
        text = str(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
        text = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(text, text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _written(place: Sequence[Any]) -> str:
    """Write the way to a value: its keys with points, its number in a list in brackets."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(parts).removeprefix(".")


def _keys_at(location: Sequence[Any], root: type[Section]) -> list[str]:
    section = _section_of(reduce(_inside, location, root))
    return list(section.model_fields) if section is not None else []


def _inside(kind: Any, part: Any) -> Any:
    """Return what kind of value stands at a key of another; None where nothing does."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if isinstance(part, int):
        lists = [one for one in _alternatives(kind) if get_origin(one) in (list, tuple)]
        return get_args(lists[0])[0] if lists else None
    field = getattr(_section_of(kind), "model_fields", {}).get(part)
    return None if field is None else field.annotation


def _section_of(kind: Any) -> type[Section] | None:
    """Return the section that a kind of value is, or may be."""
    kinds = [kind] if get_origin(kind) is dict else [kind, *get_args(kind)]
    return next((one for one in kinds if isinstance(one, type) and issubclass(one, Section)), None)


def _hint(word: str, location: Sequence[Any], root: type[Section], *, value: Any = _UNKNOWN) -> str:
    """Name the setting that was meant: one like it at this place, the same word elsewhere;
    else say what there is.
    """
    here = did_you_mean(word, _keys_at(location, root))
    keys = {
        f"{section}.{key}": key
        for section in root.model_fields
        for key in _keys_at((section,), root)
        if _may_hold(_inside(_inside(root, section), key), value)
    }
    near = did_you_mean(word, keys.values())
    same = [place for place, key in keys.items() if key == word]
    like = [place for place, key in keys.items() if near and f"'{key}'" in near]
    if same or (like and not here):
        return f" Did you mean {[*same, *like][0]}?"
    return here or f" {_there_is(location, root)}"


def _may_hold(kind: Any, value: Any) -> bool:
    """Tell whether a value may be meant for a key: of a choice it must be one of those
    there are.
    """
    return value is _UNKNOWN or get_origin(kind) is not Literal or value in get_args(kind)


def _there_is(location: Sequence[Any], root: type[Section]) -> str:
    """Say what a section is, and which keys it has."""
    keys = ", ".join(_keys_at(location, root))
    section = _section_of(reduce(_inside, location, root))
    if not location or section is None:
        return f"There are: {keys}."
    about = re.sub(r"^``\[.*?\]``: ", "", " ".join(str(section.__doc__).split()))
    return f"[{_written(location)}]: {about} Its keys: {keys}."
