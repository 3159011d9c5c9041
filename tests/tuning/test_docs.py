"""docs/search.md: its run files are valid, its options exist, its arithmetic is right."""

import math
import re
import tomllib
from pathlib import Path

import pytest

from cryptonn.tuning.opening import _corners
from cryptonn.tuning.space import check_all, combinations, read_axes
from tests.benchmarks.searching import EPOCHS, MODELS, ROWS, WORKERS, in_words
from tests.tiny_run import tiny_config

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_examples_are_valid_searches(text: str) -> None:
    config = tiny_config(**tomllib.loads(text))
    for search in config.search.values():
        axes = read_axes(search)
        check_all(
            config, search, axes, combinations(axes) if search.method == "grid" else _corners(axes)
        )


def test_options_exist() -> None:
    known = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    named = {
        word for word in re.findall(r"--[a-z][a-z-]+", PAGE) if word not in ("--nthreads", "--head")
    }
    assert named >= {
        "--workers",
        "--engine",
        "--address",
        "--folder",
        "--retry-failed",
        "--threads",
    }
    assert [word for word in named if word not in known] == []


def test_times_of_128_models_follow_from_the_measured_rates() -> None:
    assert f"{ROWS * EPOCHS:,} labels" in PAGE and f"{ROWS:,} windows" in PAGE
    rows = re.findall(r"^\| (\w+), ([\d,]+) labels/s \| (.*) \|$", PAGE, flags=re.MULTILINE)
    assert [form for form, _, _ in rows] == ["windowed", "streaming"]
    for _, rate, cells in rows:
        seconds = ROWS * EPOCHS / float(rate.replace(",", ""))
        times = [seconds, *(math.ceil(MODELS / workers) * seconds for workers in WORKERS)]
        assert cells.split(" | ") == [in_words(time) for time in times]
