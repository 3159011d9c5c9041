"""Results appear whole or not at all, also when the disk fills up or the folder cannot be written."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cryptonn import output
from cryptonn.errors import OutputError
from cryptonn.locks import Lock, try_lock
from cryptonn.output import to_json, whole_folder, write_file


def test_folder_appears_whole(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("1")
        assert not (tmp_path / "run").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "a.txt"]


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("1")
        raise KeyError("x")
    assert list(tmp_path.iterdir()) == []


def test_failure_keeps_what_was_there(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("old")
    with pytest.raises(KeyError), whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("new")
        raise KeyError("x")
    assert (tmp_path / "run" / "a.txt").read_text() == "old"
    with whole_folder(tmp_path / "run") as folder:
        (folder / "b.txt").write_text("new")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["b.txt"]


def test_what_was_there_comes_back_when_the_new_folder_cannot_take_its_place(
    tmp_path: Path,
) -> None:
    with whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("old")
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "run") as folder:
        shutil.rmtree(folder)
    assert (tmp_path / "run" / "a.txt").read_text() == "old"


KILLED = """
import os, signal, sys
from pathlib import Path
from cryptonn.output import whole_folder
with whole_folder(Path(sys.argv[1])) as folder:
    (folder / "a.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_cleared_away_and_what_another_fills_is_not(
    tmp_path: Path,
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "run")], check=False)
    assert len([*tmp_path.glob(".run.*.partial")]) == 1
    with whole_folder(tmp_path / "one") as one:
        (one / "a.txt").write_text("whole")
        with whole_folder(tmp_path / "two") as two:
            assert {path for path in tmp_path.iterdir() if path.is_dir()} == {one, two}
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_a_lock_that_was_removed_as_nobody_s_before_it_was_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is there before it is held: another process may clear it away in between."""
    removed: list[Path] = []

    def remove_first(path: Path) -> Lock | None:
        held = try_lock(path)
        if not removed:
            path.unlink()
            removed.append(path)
        return held

    monkeypatch.setattr(output, "try_lock", remove_first)
    with whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("1")
        assert removed and not removed[0].exists()
        with whole_folder(tmp_path / "other"):
            assert folder.exists(), "it is held"
    assert {path.name for path in tmp_path.rglob("*")} == {"other", "run", "a.txt"}


def test_locks_of_folders_that_were_never_made_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".run.4711-aa.partial.lock").touch()
    with whole_folder(tmp_path / "run"):
        assert not (tmp_path / ".run.4711-aa.partial.lock").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_on_a_disk_without_locks_folders_are_written_and_none_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(path: Path) -> Lock | None:
        raise OSError(errno.ENOTSUP, "no locks")

    monkeypatch.setattr(output, "try_lock", no_locks)
    (tmp_path / ".old.4711-aa.partial").mkdir()
    with whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("1")
    assert {path.name for path in tmp_path.iterdir()} == {"run", ".old.4711-aa.partial"}


def test_a_place_where_no_folder_can_be_made() -> None:
    with (
        pytest.raises(OutputError, match="cannot be written"),
        whole_folder(Path("/proc/nowhere/run")),
    ):
        pass


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with (
        pytest.raises(OutputError, match="cannot be written.*--results"),
        whole_folder(tmp_path / "file" / "run"),
    ):
        pass
    with pytest.raises(OutputError, match="cannot be written"):
        write_file(tmp_path / "file" / "x.json", "1")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from cryptonn.errors import OutputError
from cryptonn.output import write_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(Path(sys.argv[1]), "x" * 5000)
except OutputError as error:
    print(error)
"""


def test_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_file(path, "old")
    answer = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True
    )
    assert "cannot be written" in answer.stdout
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_has_no_nan() -> None:
    text = to_json(
        {"a": float("nan"), "b": np.float64(2.5), "c": [np.int64(3), float("inf")], "d": Path("x")}
    )
    assert json.loads(text) == {"a": None, "b": 2.5, "c": [3, None], "d": "x"}
