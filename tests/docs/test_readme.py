"""What the pages for users tell them to type is understood, and the Python they show runs."""

import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import typer

import cryptonn
from cryptonn.cli import app
from tests.tiny_run import tiny_config, write_run_file

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "data/README.md", "backtests/README.md")
    ),
    ROOT / "docs/paper-trading.md",
    ROOT / "docs/a-real-run.md",
    ROOT / "docs/performance.md",
    ROOT / "docs/where-things-are.md",
]

COMMANDS = [
    (page.name, line)
    for page in PAGES
    for line in re.findall(
        r"(?:^\$ |`)(cryptonn [a-z][^`\n]*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
]


def test_the_readme_shows_every_command() -> None:
    shown = {line.split()[1] for name, line in COMMANDS if name == "README.md"}
    group = typer.main.get_command(app)
    assert shown == set(group.commands)


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_a_command_shown_is_understood(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    group = typer.main.get_command(app)
    command = group.commands[words[0]]
    if len(words) > 1:
        command.make_context(words[0], words[1:], resilient_parsing=False)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_on_a_page_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_python_in_the_readme_runs(tmp_path: Path) -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    data = {
        "train": "20180101-20180103",
        "test": {"unseen": "20180103-20180104"},
        "synthetic": {"days": 3, "lead": 2.0},
    }
    config = tiny_config(data=data, training={"epochs": 1}, backtest={"compare": []})
    file = write_run_file(tmp_path, config)
    code = code.replace('"backtests/eth_5m_2018.toml"', f"{str(file)!r}, results={str(tmp_path)!r}")
    code = code.replace('"2019Q1"', '"unseen"')
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    plt.close("all")  # the figure of equity.plot()
    result = names["result"]
    assert isinstance(result, cryptonn.runs.Run)
    assert result.comparison.equals(cryptonn.open_run("tiny", results=tmp_path).comparison)
    assert list(result.comparison["fees"]) == list(config.backtest.fees)


def test_make_targets_shown_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for words in re.findall(
            r"(?:^\$ |`)make ([a-z -]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE
        ):
            assert all(
                re.search(rf"^{word}:", makefile, flags=re.MULTILINE) for word in words.split()
            ), words
