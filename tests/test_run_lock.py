"""One process at a time in a folder, and never nobody."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundup.errors import Problem
from groundup.run import Lock
from tests.run_example import strace_works

TOP = Path(__file__).parents[1]
RENAMER = """
import os, sys; from pathlib import Path; from groundup.run import Lock
from tests.run_example import strace_works
folder = Path(sys.argv[1])
for turn in range(60):
    lock = Lock(folder, 60)
    mark = folder / "alone"
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    done = folder.with_name(f"done-{os.getpid()}-{turn}")
    mark.unlink()
    os.rename(folder, done)
    lock.release(done)
"""


def test_a_folder_is_locked_until_it_is_released(tmp_path):
    with Lock(tmp_path / "a"):
        with pytest.raises(Problem, match=f"in use by process {os.getpid()} on .* since "):
            Lock(tmp_path / "a")
    with Lock(tmp_path / "a"):
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["lock"]
    assert not list((tmp_path / "a").iterdir())


def test_processes_that_finish_and_begin_at_once_never_share_a_folder(tmp_path):
    """Each takes the folder, is alone in it, and renames it away while the others are about to take it."""
    command = [sys.executable, "-c", RENAMER, str(tmp_path / "work.partial")]
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    crowd = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate(timeout=120)[1], process.returncode) for process in crowd] == [("", 0)] * 3
    assert len(list(tmp_path.glob("done-*"))) == 180 and not list(tmp_path.glob("done-*/*"))


@pytest.mark.skipif(not strace_works(), reason="strace is missing or not allowed")
def test_a_lock_taken_on_a_file_that_is_gone_counts_for_nothing(tmp_path):
    """Between opening the lock file and locking it, the folder is renamed away and made anew by someone else."""
    folder, calls = tmp_path / "work.partial", tmp_path / "calls"
    held = Lock(folder)
    script = "import sys; from pathlib import Path; from groundup.run import Lock; Lock(Path(sys.argv[1]))"
    slow = ("strace", "-o", str(calls), "-e", "trace=openat,flock", "-e", "inject=flock:delay_enter=1500000")
    command = [*slow, sys.executable, "-c", script, str(folder)]
    second = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(TOP)}, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while "work.partial/lock" not in (calls.read_text() if calls.exists() else "") and time.monotonic() < end:
        time.sleep(0.05)
    folder.rename(tmp_path / "done")
    held.release(tmp_path / "done")
    with Lock(folder):
        said = second.communicate(timeout=60)[1]
    assert f"in use by process {os.getpid()}" in said


def test_a_file_in_the_place_of_the_folder_is_a_sentence(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(Problem, match="is a file"):
        Lock(tmp_path / "a")
