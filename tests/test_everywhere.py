"""What holds on every system that a trader works on: no module of one system alone, and text that says its encoding."""

import ast
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptonn.cli.plain import write_plainly
from cryptonn.errors import ConfigError
from cryptonn.paper.venue.keys import load_credentials
from cryptonn.tuning.worker import environment_of
from tests.tiny_run import tiny_config

PACKAGE = Path(__file__).resolve().parents[1] / "cryptonn"
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
POSIX = (
    *("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix"),
    *("curses", "readline", "spwd", "crypt", "nis"),
)
"""Modules that Windows does not have."""
POSIX_NAMES = {
    *("os.fork", "os.getuid", "os.geteuid", "os.fchmod", "os.fchown", "os.mkfifo", "os.uname"),
    *("os.O_DIRECTORY", "os.O_NOFOLLOW", "os.O_NONBLOCK", "os.O_CLOEXEC", "os.killpg", "os.setsid"),
    *("signal.SIGKILL", "signal.SIGHUP", "signal.SIGUSR1", "signal.SIGALRM", "signal.alarm"),
    *("signal.pthread_sigmask", "socket.AF_UNIX", "time.tzset", "os.sched_getaffinity"),
    *("os.getloadavg", "os.statvfs", "os.register_at_fork", "os.waitpid", "os.WNOHANG"),
}
"""Names of modules that Windows has, without these."""


def at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when a module is imported: not what stands in functions, or is for mypy alone."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from at_import(node)


def modules_of(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return (
        {node.module.split(".")[0]} if isinstance(node, ast.ImportFrom) and node.module else set()
    )


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"


def test_no_module_of_one_system_is_imported_with_the_package() -> None:
    assert [
        place(path, node)
        for path, tree in TREES.items()
        for node in at_import(tree)
        if modules_of(node) & set(POSIX)
    ] == []


def test_no_name_of_one_system_is_asked_for_at_import() -> None:
    assert [
        place(path, node)
        for path, tree in TREES.items()
        for node in at_import(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in POSIX_NAMES
    ] == []


def _needs_encoding(node: ast.AST) -> bool:
    """Tell whether a call opens text without saying how it is encoded: Windows would take its code page."""
    if not isinstance(node, ast.Call) or any(key.arg == "encoding" for key in node.keywords):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    words = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    if name in ("read_text", "write_text"):
        return "utf-8" not in words
    if name in ("run", "Popen", "check_output"):
        return any(key.arg in ("text", "universal_newlines") for key in node.keywords)
    is_file = isinstance(node.func, ast.Name) or len(node.args) == len(words)
    return name == "open" and is_file and not any("b" in str(word) for word in words)


def test_text_says_its_encoding() -> None:
    assert [
        place(path, node)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if _needs_encoding(node)
    ] == []


HIDDEN = f"""
import sys
sys.modules.update(dict.fromkeys({set(POSIX) - {"posix"}!r}))  # which Python itself takes here
from cryptonn.cli import app, write_plainly
write_plainly()
for words in (
    ["--help"],
    ["import-data", "candles.csv", "--symbol", "ETH/USD", "--exchange", "made-up"],
    ["train", "tiny.toml"],
    ["backtest", "tiny", "--strategy", "momentum", "--fee", "10bp"],
):
    assert not app(words, standalone_mode=False), words
"""
CANDLES = "time,open,high,low,close,volume\n" + "".join(
    f"2020-01-01 00:{minute:02d}:00,100,101,99,100.5,3\n" for minute in range(10)
)


def test_the_command_line_works_without_the_modules_of_one_system(tmp_path: Path) -> None:
    """Locks, process figures and file modes: help, an import, a training and a backtest need none of them."""
    (tmp_path / "candles.csv").write_text(CANDLES, encoding="utf-8")
    data = {
        "train": "20180101-20180103",
        "test": {"unseen": "20180103-20180104"},
        "synthetic": {"days": 3, "lead": 2.0},
    }
    config = tiny_config(data=data, training={"epochs": 1})
    (tmp_path / "tiny.toml").write_text(config.to_toml(), encoding="utf-8")
    (tmp_path / "strategies").symlink_to(PACKAGE.parent / "strategies")
    answer = subprocess.run(
        [sys.executable, "-c", HIDDEN],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent), "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        encoding="cp1252",
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    said = ("money after fees?", "ETH/USD", "validation", "momentum on unseen")
    assert [words for words in said if words not in answer.stdout] == []
    left = [path for path in (tmp_path / "backtests").rglob("*") if path.name.startswith(".")]
    assert left == [], "locks that stay among the results"


def test_a_minus_stays_a_minus_where_it_cannot_be_written() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="cp1252")
    write_plainly(stream)
    stream.write("net −4.3 bp … 57.5–61.8% ▁")
    stream.flush()
    assert written.getvalue().decode("cp1252") == "net -4.3 bp … 57.5–61.8% ?"


def test_keys_of_a_file_are_refused_where_nobody_can_tell_who_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "geteuid")
    with pytest.raises(ConfigError, match="cannot be told on this system.*CRYPTONN_KEY"):
        load_credentials("binance", environ={}, path=tmp_path / "keys.ini")


def test_a_search_is_refused_on_windows_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigError, match="Windows does not have: run `cryptonn tune` on Linux"):
        environment_of(1)
