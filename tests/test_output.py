"""Results appear whole or not at all, also when the disk fills up or the folder cannot be written."""

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cryptonn.errors import OutputError
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
            assert {*tmp_path.iterdir()} == {one, two}
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_a_folder_taken_for_a_leftover_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, cleared = fcntl.flock, []

    def clear_first(file: int, how: int) -> None:
        if not cleared:
            cleared.append(True)
            with whole_folder(tmp_path / "other"):
                pass
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", clear_first)
    with whole_folder(tmp_path / "run") as folder:
        (folder / "a.txt").write_text("1")
    assert cleared and {path.name for path in tmp_path.rglob("*")} == {"other", "run", "a.txt"}


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
