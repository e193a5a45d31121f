"""The compiled step is made once, by one of several who want it at a time, and whoever cannot have it is told why."""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from groundup.errors import Problem
from groundup.kernels.native import build


def script(path: Path, *lines: str) -> str:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


def test_several_who_want_it_at_once_compile_it_once(tmp_path):
    copy = 'while [ $# -gt 1 ]; do shift; done; echo made > "$1"'
    slow = script(tmp_path / "compiler", f"echo called >> {tmp_path}/calls", "sleep 0.3", copy)
    wanted = tmp_path / "native" / "decode-1.so"
    with ThreadPoolExecutor(4) as several:
        list(several.map(lambda _: build._compile_once(slow, wanted), range(4)))
    assert wanted.read_text() == "made\n"
    assert (tmp_path / "calls").read_text() == "called\n"
    assert sorted(path.name for path in wanted.parent.iterdir()) == ["decode-1.lock", "decode-1.so"]


def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(tmp_path):
    failing = script(tmp_path / "compiler", "echo 'decode.cpp:1: error: no such register' >&2", "exit 1")
    wanted = tmp_path / "native" / "decode-1.so"
    with pytest.raises(Problem, match="no such register"):
        build._compile_once(failing, wanted)
    assert [path.name for path in wanted.parent.iterdir()] == ["decode-1.lock"]


def test_another_compiler_or_text_makes_another_library(tmp_path):
    one, other = script(tmp_path / "a", "exit 0"), script(tmp_path / "b", "exit 00")
    assert build.version(one) == build.version(one) != build.version(other)


@pytest.fixture
def open_folder():
    """One that others may look into, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        yield Path(place)


def test_a_library_brought_along_is_used_without_a_compiler_and_from_a_disk_that_is_only_read(open_folder):
    first, then = "from groundup.generation.compiled_step import which\n", "print(*which())\n"
    brought, homeless = open_folder / "brought", open_folder / "tmp"
    homeless.mkdir()
    around = {**os.environ, "GROUNDUP_CACHE": str(brought), "PYTHONPATH": str(Path.cwd()), "TMPDIR": str(homeless)}
    made = subprocess.run([sys.executable, "-c", first + then], env=around, capture_output=True, text=True, check=True)
    assert made.stdout.startswith("compiled")
    (brought / "native").chmod(0o555)
    brought.chmod(0o555)
    around["PATH"] = str(open_folder / "nothing")
    if os.getuid() == 0:  # whom no permission stops: somebody else asks, as in a container
        first += "import os; os.setuid(65534)\n"
        homeless.chmod(0o777)
    told = subprocess.run([sys.executable, "-c", first + then], env=around, capture_output=True, text=True, check=True)
    assert told.stdout == made.stdout
    (link,) = homeless.glob("groundup-cache-*/native/*.so")
    assert link.is_symlink()


def test_without_a_compiler_torch_writes_and_the_doctor_says_so(tmp_path):
    program = (
        "from groundup.generation.compiled_step import decoder_for, which\n"
        "from groundup.errors import Problem\n"
        "from tests.model_example import model\n"
        "assert decoder_for(model('llama')) is None\n"
        "print(*which())\n"
        "try: decoder_for(model('llama'), 'native')\n"
        "except Problem as problem: print(problem)\n"
    )
    environment = {"PATH": str(tmp_path), "GROUNDUP_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(Path.cwd())}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    doctor, refused = told.stdout.splitlines()
    assert doctor.startswith("torch no C++ compiler was found") and "apt install g++" in doctor
    assert refused.startswith("decode=native cannot be had for this model here: no C++ compiler was found")


def test_every_file_that_is_compiled_is_part_of_the_fingerprint():
    here = Path(build.__file__).parent
    assert sorted(build.SOURCES) == sorted(path.name for path in here.iterdir() if path.suffix in (".cpp", ".h"))
