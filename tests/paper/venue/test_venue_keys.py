"""Keys: where they may come from, which files are refused, and that they never show."""

import copy
import json
import os
import pickle
import subprocess
from pathlib import Path

import pytest

from cryptonn.errors import ConfigError
from cryptonn.paper.venue.keys import Credentials, load_credentials
from tests.paper.venue.accounts import KEY, SECRET

INI = f"[binance]\nkey = {KEY}\nsecret = {SECRET}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert not any((parent / ".git").exists() for parent in [tmp_path, *tmp_path.parents])
    return tmp_path


def ini(folder: Path, text: str = INI, *, mode: int = 0o600) -> Path:
    path = folder / "keys.ini"
    path.write_text(text)
    path.chmod(mode)
    return path


def refused(path: Path, words: str, *, exchange: str = "binance") -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_credentials(exchange, environ={}, path=path)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_keys_come_from_the_environment() -> None:
    keys = load_credentials(
        "binance", environ={"CRYPTONN_KEY": f" {KEY}\n", "CRYPTONN_SECRET": SECRET}
    )
    assert (keys.key, keys.secret) == (KEY, SECRET)


def test_keys_come_from_a_private_file_percent_signs_and_all(folder: Path) -> None:
    keys = load_credentials("binance", environ={"CRYPTONN_KEY": "something-else"}, path=ini(folder))
    assert (keys.key, keys.secret) == (KEY, SECRET)


@pytest.mark.parametrize(
    ("environ", "missing"),
    [({}, "CRYPTONN_KEY and CRYPTONN_SECRET"), ({"CRYPTONN_KEY": KEY}, "CRYPTONN_SECRET is")],
)
def test_missing_variables_are_named(environ: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        load_credentials("binance", environ=environ)


def test_the_local_exchange_never_gets_keys_of_the_environment() -> None:
    keys = load_credentials("local", environ={"CRYPTONN_KEY": KEY, "CRYPTONN_SECRET": SECRET})
    assert (keys.key, keys.secret) == ("local-key", "local-secret")


@pytest.mark.parametrize("exchange", ["local", "local-gemini"])
def test_the_local_exchange_takes_no_file_of_keys(exchange: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"--exchange {exchange} takes no --keys"):
        load_credentials(exchange, environ={}, path=tmp_path / "keys.ini")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o660, 0o666, 0o777])
def test_a_file_that_others_can_touch_is_refused(folder: Path, mode: int) -> None:
    refused(ini(folder, mode=mode), "chmod 600")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_taken(folder: Path, mode: int) -> None:
    assert load_credentials("binance", environ={}, path=ini(folder, mode=mode)).key == KEY


def test_a_link_is_refused(folder: Path) -> None:
    link = folder / "link.ini"
    link.symlink_to(ini(folder))
    refused(link, "link")


def test_a_hard_link_is_refused(folder: Path) -> None:
    os.link(ini(folder), folder / "other.ini")
    refused(folder / "other.ini", "hard link")


def test_a_folder_a_pipe_and_nothing_are_refused_without_waiting(folder: Path) -> None:
    os.mkfifo(folder / "pipe", 0o600)
    refused(folder / "pipe", "plain file")
    refused(folder, "plain file")
    refused(folder / "nothing.ini", "No such file")


def test_a_file_in_a_git_repository_is_refused(folder: Path) -> None:
    inner = folder / "project" / "deep"
    inner.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(folder / "project")], check=True)
    refused(ini(inner), "git repository")


def test_a_file_in_a_worktree_or_reached_through_a_linked_folder_is_refused(folder: Path) -> None:
    inner = folder / "project"
    inner.mkdir()
    (inner / ".git").write_text("gitdir: elsewhere")
    ini(inner)
    (folder / "way").symlink_to(inner)
    refused(folder / "way" / "keys.ini", "git repository")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(folder: Path) -> None:
    path = ini(folder)
    os.chown(path, 12345, -1)
    refused(path, "another user")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{KEY}\n{SECRET}\n", "no ini file"),
        (f"[binance]\n{SECRET}\n", "needs both"),
        (f"[gemini]\nkey = {KEY}\nsecret = {SECRET}\n", "no section"),
        (f"[binance]\nkey = {KEY}\n", "needs both"),
        (f"[binance]\nkey = {KEY}\nsecret =\n", "needs both"),
        ("[binance]\nkey = kürzlich-erstellt\nsecret = x\n", "ASCII"),
        (INI + "#" * 70_000, "64 KiB"),
    ],
)
def test_a_file_that_is_no_file_of_keys_is_refused_without_quoting_it(
    folder: Path, text: str, words: str
) -> None:
    refused(ini(folder, text), words)


@pytest.mark.parametrize(
    ("key", "secret"),
    [("short", SECRET), (KEY, "short"), (KEY, "two words here"), (KEY, "new\nline-here")],
)
def test_what_cannot_be_a_key_is_refused_without_quoting_it(key: str, secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Credentials(key, secret)
    assert secret not in str(caught.value)
    assert "short" not in str(caught.value).split("characters")[0].replace("shorter", "")


def test_credentials_show_nothing() -> None:
    keys = Credentials(KEY, SECRET)
    for text in (repr(keys), str(keys), f"{keys}", f"{[keys]}", f"{keys!r:>80}"):
        assert KEY not in text
        assert SECRET not in text


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars])
def test_credentials_are_not_carried_away(carry) -> None:
    with pytest.raises(TypeError):
        carry(Credentials(KEY, SECRET))
