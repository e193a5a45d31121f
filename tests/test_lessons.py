"""Lessons: each runs from a clean folder and leaves its figure; its exercise fails as it is given and passes with the answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LESSONS = sorted(path.name for path in (ROOT / "lessons").glob("[0-9]*.py"))
LONG = {"07_memory.py"}  # half a minute whatever the text is: told once to its end


@pytest.fixture
def text(tmp_path):
    """A small one; what a lesson brings along itself is large."""
    path = tmp_path / "small.txt"
    path.write_text(
        "The boat is old, and the boatman older.\n\nNobody counts the boats; the boatman's boat is new.\n\n" * 30
    )
    return path


def run(script: str, folder: Path, *words: object) -> subprocess.CompletedProcess:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "lessons" / script), *map(str, words)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_and_leaves_its_figure(name, text, tmp_path):
    told = run(name, tmp_path, text)
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "runs/lessons" / name.removesuffix(".py") / "report.html").stat().st_size > 20_000


@pytest.mark.parametrize("name", sorted(set(LESSONS) - LONG))
def test_a_lesson_has_a_text_of_its_own(name, tmp_path):
    told = run(name, tmp_path)
    assert told.returncode == 0 and "made runs/lessons" in told.stdout, told.stderr


@pytest.mark.parametrize("name", sorted(LONG))
def test_so_has_a_long_one_which_begins_to_tell_of_it(name, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(ROOT / "lessons" / name)]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        process.kill()
    assert first.startswith("1. ")


@pytest.mark.parametrize("name", LESSONS)
def test_the_answers_are_right_and_the_exercise_is_not_done(name, text, tmp_path):
    answers, given = run(f"solutions/{name}", tmp_path, text), run(f"exercises/{name}", tmp_path, text)
    assert answers.returncode == 0 and "not" not in [line.split()[-1] for line in answers.stdout.splitlines()], (
        answers.stdout
    )
    assert given.returncode == 1 and "right" not in given.stdout and "not written yet" in given.stdout
    assert run(f"exercises/{name}", tmp_path).stderr.startswith("name a text")


def test_every_lesson_is_in_the_list():
    told = (ROOT / "lessons/README.md").read_text()
    assert LESSONS and all(f"`{name}`" in told and f"`exercises/{name}`" in told for name in LESSONS)
