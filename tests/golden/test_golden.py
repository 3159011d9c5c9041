"""The key numbers of the tiny run are those of ``synthetic.json``, within what another processor may change."""

import json
from typing import Any

import pytest

from cryptonn.runs import Run
from tests.golden.rebuild import GOLDEN, numbers_of

HINT = "If the change was wanted, run `make golden`, look at the difference and commit it."


def differences(found: Any, kept: Any, place: str = "") -> list[str]:
    """Name every place where two JSON values differ; floats by more than 1e-4, absolute or relative."""
    if isinstance(kept, dict) and isinstance(found, dict):
        odd = [f"{place}/{key}: only in one" for key in kept.keys() ^ found.keys()]
        return odd + [
            text
            for key in kept
            if key in found
            for text in differences(found[key], kept[key], f"{place}/{key}")
        ]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        return [
            text
            for at, pair in enumerate(zip(found, kept, strict=True))
            for text in differences(*pair, f"{place}/{at}")
        ]
    numbers = isinstance(kept, float) and isinstance(found, (int, float))
    same = found == pytest.approx(kept, rel=1e-4, abs=1e-4) if numbers else found == kept
    return [] if same else [f"{place}: {kept!r} became {found!r}"]


def test_the_tiny_run_gives_the_numbers_that_are_kept(tiny: Run) -> None:
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = differences(json.loads(json.dumps(numbers_of(tiny))), kept)
    assert found == [], "\n".join([f"{len(found)} numbers changed. {HINT}", *found[:40]])


def test_the_comparison_bites() -> None:
    kept = {"a": [1, 0.5], "b": "x", "c": 3}
    assert differences({"a": [1, 0.50001], "b": "x", "c": 3}, kept) == []
    assert differences({"a": [1, 0.501], "b": "x", "c": 3}, kept) == ["/a/1: 0.5 became 0.501"]
    assert differences({"a": [2, 0.5], "b": "y"}, kept) == [
        "/c: only in one",
        "/a/0: 1 became 2",
        "/b: 'x' became 'y'",
    ]
    assert differences({"a": [1], "b": "x", "c": 3}, kept) == ["/a: [1, 0.5] became [1]"]
