"""Making a recipe: everything that is not there yet, nothing that is, in one order, by one process at a time."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundup.errors import Problem
from tests.recipe_stages import CHAIN, make, read, seconds_of, written

THREE = """\
about: two stages that are quick, and one that is not
stages:
  pages: {kind: write, text: once upon a time}
  words: {kind: join, parts: [$pages]}
  last: {kind: write, LAST}
links: {words.txt: $words/joined.txt}
"""
ROOT = Path(__file__).parents[1]


def child(recipe: Path, into: Path, *words: str, **kwargs) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.recipe_stages", str(recipe), str(into), *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)


def wait_until(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_a_made_recipe_leaves_its_stages_and_links(tmp_path):
    into = make(written(tmp_path), tmp_path / "out")
    assert (into / "story.txt").read_text() == "ONCE UPON A TIME\nONCE UPON A TIME"
    assert os.readlink(into / "best") == (into / "story").resolve().name
    assert not os.path.isabs(os.readlink(into / "story.txt"))
    assert not list(into.glob("*.partial")) and not (into / "lock").exists()


def test_making_again_makes_nothing_again(tmp_path):
    recipe = written(tmp_path)
    into = make(recipe, tmp_path / "out")
    before = [seconds_of(into, name) for name in ("pages", "words", "story")]
    make(recipe, into)
    assert before == [seconds_of(into, name) for name in ("pages", "words", "story")]


def test_only_what_reads_a_change_is_made_again(tmp_path):
    recipe = written(tmp_path)
    into = make(recipe, tmp_path / "out")
    before = {name: seconds_of(into, name) for name in ("pages", "words", "story")}
    make(recipe, into, "story.title=The end")
    after = {name: seconds_of(into, name) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"story"}
    assert (into / "story.txt").read_text().startswith("THE END")


def test_equal_bytes_above_make_nothing_below_run_again(tmp_path):
    recipe = written(tmp_path)
    into = make(recipe, tmp_path / "out")
    before = seconds_of(into, "words")
    make(recipe, into, "pages.memory=2")  # other settings, the same page
    assert seconds_of(into, "words") == before
    assert len(list(into.glob("pages-*"))) == 2


def test_the_seed_reaches_only_stages_that_use_it(tmp_path):
    text = CHAIN.replace("text: once upon a time", "text: once, seeded: true")
    into = make(written(tmp_path, text), tmp_path / "out", "seed=7")
    assert (into / "pages/page.txt").read_text() == "once 7"
    make(written(tmp_path, CHAIN), tmp_path / "other", "seed=1")
    before = seconds_of(tmp_path / "other", "words")
    make(written(tmp_path, CHAIN), tmp_path / "other", "seed=2")
    assert seconds_of(tmp_path / "other", "words") == before


def test_a_changed_file_in_a_finished_folder_is_named_with_what_to_do(tmp_path):
    recipe = written(tmp_path)
    into = make(recipe, tmp_path / "out")
    (into / "words/joined.txt").write_text("forged")
    with pytest.raises(Problem, match=r"joined\.txt has 6 bytes.*--rebuild words.*groundup verify"):
        make(recipe, into)
    make(recipe, into, rebuild=("words",))
    assert (into / "words/joined.txt").read_text() == "once upon a time"


def test_rebuilding_a_stage_that_is_not_there_names_the_nearest(tmp_path):
    with pytest.raises(Problem, match="no stage wrods to rebuild; did you mean words?"):
        make(written(tmp_path), tmp_path / "out", rebuild=("wrods",))


def test_what_we_do_not_know_in_the_folder_stays(tmp_path):
    into = tmp_path / "out"
    into.mkdir()
    (into / "notes.md").write_text("mine")
    make(written(tmp_path), into)
    assert (into / "notes.md").read_text() == "mine"


def test_a_file_in_the_way_of_a_link_is_kept_and_named(tmp_path):
    into = tmp_path / "out"
    into.mkdir()
    (into / "story.txt").write_text("mine")
    with pytest.raises(Problem, match=r"story\.txt is in the way"):
        make(written(tmp_path), into)
    assert (into / "story.txt").read_text() == "mine"


def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(Problem, match="is a file: expected a folder"):
        make(written(tmp_path), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_stage_that_fails_leaves_the_others_finished(tmp_path):
    recipe = written(tmp_path, THREE.replace("LAST", "refuse: true"))
    with pytest.raises(Problem, match="told to refuse"):
        make(recipe, tmp_path / "out")
    assert (tmp_path / "out/words/joined.txt").exists()
    assert not (tmp_path / "out/last").exists() and not (tmp_path / "out/words.txt").exists()


def test_a_killed_make_goes_on_and_comes_to_the_same(tmp_path):
    recipe = written(
        tmp_path, CHAIN.replace("text: once upon a time", "text: once upon a time, copies: 20, pause: 0.05")
    )
    whole = make(recipe, tmp_path / "whole", "pages.pause=0.0")
    process = child(recipe, tmp_path / "out")
    wait_until(lambda: (tmp_path / "out/pages.partial").exists())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = make(recipe, tmp_path / "out", "pages.pause=0.0")
    assert (again / "story.txt").read_bytes() == (whole / "story.txt").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_make_ends_with_130_and_keeps_what_is_finished(tmp_path, number):
    recipe = written(tmp_path, THREE.replace("LAST", "copies: 2000, pause: 0.01"))
    process = child(recipe, tmp_path / "out")
    wait_until(lambda: (tmp_path / "out/last.partial/clock.json").exists())
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "all that was finished is kept" in said
    assert (tmp_path / "out/words/joined.txt").exists() and not (tmp_path / "out/last").exists()
    assert not (tmp_path / "out/lock").exists()


def test_a_second_make_says_who_holds_the_folder_or_waits(tmp_path):
    recipe = written(
        tmp_path, CHAIN.replace("text: once upon a time", "text: once upon a time, copies: 60, pause: 0.05")
    )
    first = child(recipe, tmp_path / "out")
    wait_until(lambda: (tmp_path / "out/pages.partial").exists())
    second = child(recipe, tmp_path / "out")
    waiting = child(recipe, tmp_path / "out", "--wait")
    _, said = second.communicate(timeout=30)
    assert second.returncode == 2 and f"process {first.pid} " in said and " since " in said
    assert first.wait(30) == 0 and waiting.wait(30) == 0
    for process in (first, waiting):
        process.communicate()


def test_no_permission_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    if os.getuid() == 0:
        into = Path("/proc/groundup-cannot-be-made")
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
        into = tmp_path / "closed/out"
    with pytest.raises(Problem):
        make(written(tmp_path), into)
    assert not into.exists()


def test_estimates_refuse_what_cannot_fit_before_anything_is_made(tmp_path):
    recipe = written(tmp_path)
    with pytest.raises(Problem, match=r"pages needs about .* GB of memory and this machine has .* would fit"):
        make(recipe, tmp_path / "out", "pages.copies=100_000_000")
    with pytest.raises(Problem, match=r"up to pages need about .* GB of disk"):
        make(recipe, tmp_path / "out", "pages.disk=100_000")
    assert not (tmp_path / "out/pages.partial").exists()


def test_what_is_said_to_fit_fits(tmp_path):
    recipe = written(tmp_path)
    with pytest.raises(Problem) as caught:
        make(recipe, tmp_path / "out", "pages.copies=100_000_000")
    word = str(caught.value).rsplit(": ", 1)[1].removesuffix(" would fit")
    assert read(recipe, word).stages["pages"].settings != read(recipe).stages["pages"].settings
    from groundup.recipe.planning import refuse_what_cannot_fit

    refuse_what_cannot_fit(read(recipe, word), tmp_path / "out", {})


def test_a_moved_folder_is_still_made(tmp_path):
    recipe = written(tmp_path)
    make(recipe, tmp_path / "out")
    shutil.move(tmp_path / "out", tmp_path / "moved")
    before = seconds_of(tmp_path / "moved", "story")
    make(recipe, tmp_path / "moved")
    assert seconds_of(tmp_path / "moved", "story") == before
