"""A lock holds against other processes, says who holds it, and is given back however its process ends."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cryptonn.locks import HeldElsewhere, signer_lives, take_signed, try_lock

HOLD = """
import sys
from pathlib import Path
from cryptonn.locks import take_signed
lock = take_signed(Path(sys.argv[1]), holder="session one")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.lock"


def test_another_process_is_told_who_holds_it_and_gets_it_once_that_one_is_killed(
    path: Path,
) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], **pipes) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(HeldElsewhere, match=rf"^process {other.pid} on \S+, session one$"):
            take_signed(path)
        assert signer_lives(path) is True
        other.kill()
    assert signer_lives(path) is False
    take_signed(path).close()
    assert path.read_text(encoding="utf-8").startswith(f"process {os.getpid()} on ")


def test_two_locks_of_one_process_hold_against_each_other(path: Path) -> None:
    with take_signed(path):
        with pytest.raises(HeldElsewhere, match=f"process {os.getpid()}"):
            take_signed(path)
        assert signer_lives(path) is True, "the attempt left the signature as it was"
    with take_signed(path):
        pass


def test_a_number_that_was_given_to_another_process_is_not_the_signer(path: Path) -> None:
    own = psutil.Process()
    for started, lives in ((own.create_time(), True), (own.create_time() - 3600, False)):
        path.write_text(f"process {own.pid}\nstarted {started:.2f}", encoding="utf-8")
        assert signer_lives(path) is lives


@pytest.mark.parametrize(
    "words",
    ["", "process", "process 0", "process -1", "process x", "else 1", "process 1 on another-host"],
)
def test_what_does_not_tell_a_process_tells_nothing(path: Path, words: str) -> None:
    path.write_text(words, encoding="utf-8")
    assert signer_lives(path) is None


def test_a_lock_that_is_removed_leaves_no_file(tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "once.lock")
    assert lock is not None and try_lock(tmp_path / "once.lock") is None
    lock.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="exists|directory"):
        take_signed(tmp_path / "file" / "lock")
