"""What README and docs tell people to type works: every block of commands is run, in a folder that is not the repository.

A word after `sh` says how: nothing: here; `serve`: here, until it answers; `ci`: by CI itself, in a clean clone.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from tests.run_example import strace_works

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(sh|python)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CI = {"make demo", "make test"}  # what .ci/run itself runs
TRACED = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=socket,connect", "-o")
PRIVATE = ("AF_UNIX", "AF_NETLINK")  # what libraries ask of their own machine
BASH = ("bash", "-euo", "pipefail", "-c")


def blocks() -> list[tuple[str, str, str, str]]:
    """(where, language, how, commands) of every block in README and docs."""
    found = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            found.append((f"{path.relative_to(ROOT)}:{line}", block[1], block[2].strip(), block[3]))
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with `groundup` in its path, the README's own small run, a copy of it under runs/tour, and notes of one's own.

    Where it can be, its sockets are written to `sockets`. The README's block finds the run there and makes nothing twice.
    """
    folder = tmp_path_factory.mktemp("readme")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "groundup").write_text(f'#!/bin/sh\nexec {sys.executable} -m groundup "$@"\n')
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    (folder / "notes").mkdir()
    for name, text in topics.items():  # what every Python brings along: 600 kB of prose about itself
        (folder / f"notes/{name}.md").write_text(text)
    (making,) = re.findall(
        r"^groundup make pocket .*--into runs/small$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    seen = "python -c 'import socket; socket.socket(socket.AF_UNIX)'"  # what shows that sockets are seen
    run(f"{seen}\n{making}", folder, (*TRACED, str(folder / "sockets"), *BASH) if strace_works() else BASH)
    shutil.copytree(folder / "runs/small", folder / "runs/tour", symlinks=True)
    return folder


def surroundings(folder: Path) -> dict[str, str]:
    asked_not_to_tell = ("DO_NOT_TRACK", "DAFT_ANALYTICS_ENABLED")
    around = {name: value for name, value in os.environ.items() if name not in asked_not_to_tell}
    return around | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def run(commands: str, folder: Path, program: tuple[str, ...] = BASH) -> str:
    told = subprocess.run(
        [*program, commands], cwd=folder, env=surroundings(folder), capture_output=True, text=True, timeout=900
    )
    assert told.returncode == 0, f"{commands}\n{told.stdout[-2000:]}\n{told.stderr[-2000:]}"
    return told.stdout


def serve(commands: str, folder: Path) -> None:
    port = re.search(r"--port (\d+)", commands)
    assert port, "a serving block says its port"
    process = subprocess.Popen(
        ["bash", "-c", f"exec {commands.replace(port[1], '8137')}"], cwd=folder, env=surroundings(folder)
    )
    try:
        end = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen("http://127.0.0.1:8137/ready", timeout=2) as answer:
                    assert answer.status == 200
                    return
            except OSError:
                assert process.poll() is None and time.monotonic() < end, "the server never answered"
                time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.mark.timeout(1200)  # the first block waits for the small tour, a minute on two idle cores
@pytest.mark.parametrize(("where", "language", "how", "commands"), blocks(), ids=[block[0] for block in blocks()])
def test_every_block_of_commands_runs(place, where, language, how, commands):
    if how == "ci":
        assert set(commands.split("\n")) - {""} <= CI, f"{where}: CI does not run this"
        recipe = (ROOT / ".ci/run").read_text()
        assert "make test" in recipe and "tests/demo.py" in recipe
    elif how == "serve":
        serve(commands.strip(), place)
    elif language == "python":
        run(commands, place, (sys.executable, "-c"))
    else:
        assert how == "", f"{where}: {how} is not a way of running commands"
        run(commands, place)


@pytest.mark.skipif(not strace_works(), reason="strace is missing or not allowed")
def test_the_whole_way_from_pages_to_the_report_opens_no_internet_socket(place):
    assert (place / "runs/tour/report.html").exists()
    opened = [line for line in (place / "sockets").read_text().splitlines() if "socket(" in line]
    assert any("AF_UNIX" in line for line in opened), "the reader of calls finds nothing"
    assert [line for line in opened if not any(family in line for family in PRIVATE)] == []


def test_the_readme_names_the_two_commands():
    assert [commands.strip() for where, _, how, commands in blocks() if how == "ci" and where.startswith("README")] == [
        "make demo",
        "make test",
    ]


def test_every_room_is_in_the_tour_of_the_rooms():
    readme = (ROOT / "README.md").read_text()
    rooms = [path.name for path in (ROOT / "groundup").iterdir() if (path / "__init__.py").exists()]
    assert [room for room in rooms if f"`{room}/`" not in readme] == []
