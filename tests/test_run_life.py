"""The life of a run folder: worked on as NAME.partial, then immutable under its fingerprint, NAME leading to it."""

import json
import mmap
import os
import stat
import subprocess
from pathlib import Path

import pytest

from groundup import hardware, run
from groundup.errors import Problem
from groundup.run.clock import Clock
from tests.run_example import Settings, at, count, make


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "one.txt").write_text("a bridge over the river")
    return folder


def test_a_finished_stage_stands_under_its_fingerprint_and_its_name_leads_there(tmp_path, pages):
    folder = make(tmp_path / "out" / "count", pages)
    assert folder.name == f"count-{json.loads((folder / 'manifest.json').read_text())['fingerprint']}"
    assert os.readlink(tmp_path / "out" / "count") == folder.name
    assert not (tmp_path / "out" / "count.partial").exists()
    assert (tmp_path / "out" / "count" / "part-0.txt").read_text().startswith("5 words")


def test_the_manifest_says_what_made_it_from_what_on_what_and_for_how_long(tmp_path, pages):
    manifest = run.read_manifest(make(tmp_path / "count", pages, size=7))
    assert manifest["format"] == 1 and manifest["groundup"] == {"kind": "count", "version": 1} and manifest["seed"] == 1
    assert manifest["settings"]["size"] == 7 and manifest["settings"]["pause"] == 0.0
    assert manifest["inputs"]["pages"]["path"] == "pages"
    assert list(manifest["inputs"]["pages"]["files"]) == ["one.txt"]
    assert set(manifest["files"]) == {"metrics.jsonl", *(f"part-{i}.txt" for i in range(4))}
    assert manifest["files"]["part-0.txt"]["size"] == 7 and len(manifest["files"]["part-0.txt"]["sha256"]) == 64
    assert manifest["versions"]["python"] and manifest["versions"]["torch"] and manifest["machine"]["cpus"] >= 1
    assert manifest["seconds"] > 0 and 5 < manifest["peak_mb"] < 20_000 and manifest["attempts"] == 1


def test_what_is_made_is_not_made_again(tmp_path, pages):
    first = make(tmp_path / "count", pages)
    before = (first / "manifest.json").stat().st_mtime_ns

    def never(settings, work):
        raise AssertionError("worked again")

    assert run.perform(at(tmp_path / "count", pages), never, hardware.look()) == first
    assert (first / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["settings", "input", "version", "seed", "kind"])
def test_whatever_decides_the_bytes_decides_the_name(tmp_path, pages, change):
    before = at(tmp_path / "count", pages).fingerprint
    kind, settings, version, seed = "count", Settings(pages=str(pages)), 1, 1
    if change == "settings":
        settings = Settings(pages=str(pages), size=101)
    if change == "input":
        (pages / "one.txt").write_text("a bridge over the sea")
    if change == "version":
        version = 2
    if change == "seed":
        seed = 2
    if change == "kind":
        kind = "recount"
    assert run.stage(tmp_path / "count", kind, settings, version=version, seed=seed).fingerprint != before


def test_going_back_to_earlier_settings_only_moves_the_link(tmp_path, pages):
    first = make(tmp_path / "count", pages)
    second = make(tmp_path / "count", pages, size=5)
    assert (tmp_path / "count").resolve() == second != first
    assert make(tmp_path / "count", pages) == first
    assert (tmp_path / "count").resolve() == first and second.is_dir()


def test_an_upstream_rebuild_with_equal_bytes_changes_nothing_below(tmp_path, pages):
    first = make(tmp_path / "count", pages)
    below = at(tmp_path / "below", tmp_path / "count").fingerprint
    (pages / "one.txt").write_text("one bridge over that river")  # other text, the same five words
    second = make(tmp_path / "count", pages)
    assert second != first
    again = at(tmp_path / "below", tmp_path / "count")
    assert {name: read.fingerprint for name, read in again.inputs.items()} == {"pages": run.content_fingerprint(first)}
    assert again.fingerprint == below


def test_content_does_not_depend_on_how_long_it_took(tmp_path, pages):
    slow, fast = make(tmp_path / "a", pages, pause=0.02), make(tmp_path / "b", pages, pause=0.0)
    assert (slow / "metrics.jsonl").read_bytes() != (fast / "metrics.jsonl").read_bytes()
    assert run.content_fingerprint(slow) == run.content_fingerprint(fast)


def test_a_part_of_a_stage_has_the_fingerprint_of_the_same_bytes_lying_elsewhere(tmp_path, pages):
    def nested(settings, work):
        (work.out / "model" / "deep").mkdir(parents=True, exist_ok=True)
        (work.out / "model" / "deep" / "w.bin").write_bytes(b"weights")
        (work.out / "model" / "config.json").write_text("{}")

    folder = run.perform(at(tmp_path / "train", pages), nested, hardware.look())
    copy = tmp_path / "copy" / "deep"
    copy.mkdir(parents=True)
    (copy / "w.bin").write_bytes(b"weights")
    (copy.parent / "config.json").write_text("{}")
    assert run.content_fingerprint(folder / "model") == run.content_fingerprint(copy.parent)
    file = folder / "model" / "deep" / "w.bin"
    assert run.content_fingerprint(file) == run.content_fingerprint(copy / "w.bin")


def test_raw_files_that_did_not_change_are_not_hashed_again(tmp_path, pages):
    make(tmp_path / "count", pages)
    status = (pages / "one.txt").stat()
    (pages / "one.txt").write_text("A BRIDGE OVER THE RIVER")  # as long as before and, below, as old
    os.utime(pages / "one.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert at(tmp_path / "count", pages).made()
    os.utime(pages / "one.txt")
    assert not at(tmp_path / "count", pages).made()


def test_files_are_readable_by_others_as_umask_says_whatever_a_library_wrote(tmp_path, pages):
    def secretive(settings, work):
        (work.out / "model").mkdir(mode=0o700)
        descriptor = os.open(work.out / "model" / "w.safetensors", os.O_CREAT | os.O_WRONLY, 0o600)
        os.close(descriptor)
        run.write_atomically(work.out / "a.json", "{}")

    before = os.umask(0o027)
    try:
        folder = run.perform(at(tmp_path / "train", pages), secretive, hardware.look())
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert modes == {
        folder.name: 0o750,
        "model": 0o750,
        "w.safetensors": 0o640,
        "a.json": 0o640,
        "manifest.json": 0o640,
    }


def test_an_unfinished_attempt_with_other_settings_is_started_afresh_with_a_word(tmp_path, pages):
    said = []

    def fail(settings, work):
        count(settings, work)
        raise RuntimeError("lost power")

    with pytest.raises(RuntimeError):
        run.perform(at(tmp_path / "count", pages, parts=9), fail, hardware.look())
    assert (tmp_path / "count.partial" / "part-8.txt").exists()
    stage = at(tmp_path / "count", pages, parts=2)
    folder = run.perform(stage, count, hardware.look(), lambda *words: said.append(words[3]))
    assert "starting afresh" in said[0]
    assert sorted(path.name for path in folder.glob("part-*")) == ["part-0.txt", "part-1.txt"]


def test_an_attempt_that_made_nothing_leaves_nothing(tmp_path, pages):
    def refuse(settings, work):
        raise Problem("the pages are empty")

    with pytest.raises(Problem, match="empty"):
        run.perform(at(tmp_path / "out" / "count", pages), refuse, hardware.look())
    assert list((tmp_path / "out").iterdir()) == []


def test_seconds_and_memory_are_summed_over_attempts(tmp_path, pages):
    stage = at(tmp_path / "count", pages)

    def fail(settings, work):
        count(settings, work)
        assert len(bytearray(120_000_000)) == 120_000_000
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.perform(stage, fail, hardware.look())
    clock = json.loads((stage.partial / "clock.json").read_text())
    manifest = run.read_manifest(run.perform(stage, count, hardware.look()))
    assert manifest["attempts"] == 2 and manifest["seconds"] > clock["seconds"]
    assert manifest["peak_mb"] >= clock["peak_mb"] > 120


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="only Linux forgets a peak of memory")
def test_the_memory_of_one_stage_is_not_charged_to_the_next(tmp_path, pages):
    def greedy(settings, work):
        with mmap.mmap(-1, 150_000_000) as room:  # given back at once, whatever the allocator likes to keep
            for page in range(0, 150_000_000, 4096):
                room[page] = 1
        count(settings, work)

    first = run.read_manifest(run.perform(at(tmp_path / "a", pages), greedy, hardware.look()))
    second = run.read_manifest(make(tmp_path / "b", pages))
    assert second["peak_mb"] < first["peak_mb"] - 100


def test_what_is_in_the_way_is_not_touched(tmp_path, pages):
    (tmp_path / "count").mkdir()
    (tmp_path / "count" / "diary.txt").write_text("mine")
    with pytest.raises(Problem, match="already exists"):
        make(tmp_path / "count", pages)
    (tmp_path / "other.partial").mkdir()
    (tmp_path / "other.partial" / "diary.txt").write_text("mine")
    with pytest.raises(Problem, match="diary.txt"):
        make(tmp_path / "other", pages)
    (tmp_path / "third").symlink_to("pages")
    with pytest.raises(Problem, match="a link to pages"):
        make(tmp_path / "third", pages)
    assert (tmp_path / "other.partial" / "diary.txt").read_text() == (tmp_path / "count" / "diary.txt").read_text()
    assert os.readlink(tmp_path / "third") == "pages"


def test_an_empty_folder_may_be_named_as_the_place_for_a_result(tmp_path, pages):
    (tmp_path / "count").mkdir()
    assert (tmp_path / "count").resolve() != make(tmp_path / "count", pages) == (tmp_path / "count").resolve()


def test_a_result_that_was_changed_is_not_built_upon(tmp_path, pages):
    folder = make(tmp_path / "count", pages)
    (folder / "part-1.txt").write_text("touched up")
    with pytest.raises(Problem, match="part-1.txt has 10 bytes"):
        make(tmp_path / "count", pages)
    with pytest.raises(Problem, match="part-1.txt has 10 bytes"):
        make(tmp_path / "below", folder)
    assert not run.is_intact_quickly(folder)


def test_a_change_that_keeps_the_size_is_seen_by_its_time(tmp_path, pages):
    folder = make(tmp_path / "count", pages)
    (folder / "part-1.txt").write_text("n" * (folder / "part-1.txt").stat().st_size)
    with pytest.raises(Problem, match="part-1.txt was changed after it was made"):
        make(tmp_path / "count", pages)


def test_a_copied_result_with_new_times_is_still_whole(tmp_path, pages):
    folder = make(tmp_path / "count", pages)
    for path in folder.iterdir():
        os.utime(path)
    assert run.is_intact_quickly(folder) and make(tmp_path / "count", pages) == folder


def test_manifests_of_a_later_format_are_refused(tmp_path, pages):
    folder = make(tmp_path / "count", pages)
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(Problem, match="format 2"):
        make(tmp_path / "count", pages)


def test_an_input_that_is_not_there_is_said_before_anything_is_made(tmp_path):
    with pytest.raises(Problem, match="there is nothing at"):
        make(tmp_path / "out" / "count", tmp_path / "pages")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="Linux's way of counting")
def test_a_small_child_does_not_count_as_much_as_we_hold(tmp_path):
    clock = Clock(tmp_path)
    clock.start()
    with mmap.mmap(-1, 400_000_000) as room:
        room.write(b"x" * 400_000_000)
        subprocess.run(["true"], check=True)
    clock.stop()
    alone = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    assert clock.peak_mb < 1.2 * int(alone.split()[1]) * 1024 / 1e6
