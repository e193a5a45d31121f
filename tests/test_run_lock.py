"""One process at a time in a folder, and never nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundup.errors import Problem
from groundup.run import Lock

TOP = Path(__file__).parents[1]
RENAMER = """
import os, sys; from pathlib import Path; from groundup.run import Lock
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


def test_a_file_in_the_place_of_the_folder_is_a_sentence(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(Problem, match="is a file"):
        Lock(tmp_path / "a")
