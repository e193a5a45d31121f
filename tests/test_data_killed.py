"""Wherever a corpus is stopped (killed, interrupted, out of disk) the same command goes on and ends in the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from groundup import run
from groundup.data.staging import StagedShards
from groundup.run.content import MANIFEST, METRICS
from tests.corpus_example import write_pages
from tests.run_example import strace_works

TOP = Path(__file__).parents[1]
PROGRAM = [sys.executable, str(TOP / "tests" / "corpus_example.py")]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
SCHEMA = pa.schema([("number", pa.int64()), ("raw_bytes", pa.int64())])
needs_strace = pytest.mark.skipif(not strace_works(), reason="strace is missing or not allowed")


def start(into, pages, *words, before=(), **options):
    command = [*before, *PROGRAM, str(into), str(pages), *words]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, **options)


def finish(process):
    said = process.communicate(timeout=900)[1]
    return process.returncode, said


def content(folder):
    """Every file that the stage made, by its bytes."""
    files = run.read_manifest(folder)["files"]
    return {name: told["sha256"] for name, told in files.items() if name not in (METRICS, MANIFEST)}


def finished_shards(folder):
    """When the shards that have their JSON were written; one without it is made again."""
    shards = [path.with_suffix(".parquet") for path in folder.glob("staged-*.json")]
    return {path.name: path.stat().st_mtime_ns for path in shards}


def wait_for(condition, process):
    while not condition() and process.poll() is None:
        time.sleep(0.002)


def children_of(pid):
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Pages, and the corpus of them that nobody disturbed."""
    folder = tmp_path_factory.mktemp("world")
    pages = write_pages(folder / "pages")
    assert finish(start(folder / "whole", pages, "workers=1")) == (0, "")
    return folder


def test_a_corpus_killed_at_any_moment_goes_on_and_ends_in_the_same_bytes(world, tmp_path):
    into, partial, roll = tmp_path / "corpus", tmp_path / "corpus.partial", random.Random(5)
    moments = ["staged/staged-00002.json", "staged/staged-00006.parquet", "staged/whole.json"]
    left, orphans = [], []
    for moment in moments:
        process = start(into, world / "pages", "workers=2")
        wait_for((partial / moment).exists, process)
        time.sleep(roll.random() * 0.1)
        orphans += children_of(process.pid)
        process.kill()
        process.communicate()
        left.append(finished_shards(partial / "staged"))
    assert finish(start(into, world / "pages", "workers=2")) == (0, "")
    assert content(into) == content(world / "whole")
    assert len(left[0]) >= 3 and left[0].items() <= left[1].items() <= left[2].items()
    assert run.read_manifest(into)["attempts"] == 4 and not list(into.rglob("staged*"))
    assert orphans and not any(Path(f"/proc/{pid}").exists() for pid in orphans)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_corpus_asked_to_stop_keeps_its_shards_and_leaves_no_process(world, tmp_path, number):
    into, partial = tmp_path / "corpus", tmp_path / "corpus.partial"
    process = start(into, world / "pages", "workers=2", start_new_session=True)
    wait_for((partial / "staged/staged-00003.json").exists, process)
    children = children_of(process.pid)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    code, said = finish(process)
    assert code == 130 and "Traceback" not in said
    shards = StagedShards(partial / "staged", SCHEMA).shards
    assert len(shards) >= 4 and not list(partial.rglob("*.writing"))
    assert children and not any(Path(f"/proc/{pid}").exists() for pid in children)


@needs_strace
def test_a_full_disk_ends_in_a_sentence_and_the_same_command_goes_on(world, tmp_path):
    into = tmp_path / "corpus"
    full = ("strace", "-f", "-o", os.devnull, "-e", "trace=fsync", "-e", "inject=fsync:error=ENOSPC:when=14")
    code, said = finish(start(into, world / "pages", "workers=2", before=full))
    assert code == 1 and "the disk is full" in said and "same command again" in said and "Traceback" not in said
    assert len(list((tmp_path / "corpus.partial/staged").glob("staged-*.json"))) >= 2
    assert finish(start(into, world / "pages", "workers=2")) == (0, "")
    assert content(into) == content(world / "whole")


def batch(first, rows):
    return pa.RecordBatch.from_pydict({"number": list(range(first, first + rows)), "raw_bytes": [1] * rows}, SCHEMA)


def test_a_shard_that_was_changed_is_made_again_with_all_that_follow(tmp_path, monkeypatch):
    monkeypatch.setattr("groundup.data.staging.SHARD_DOCUMENTS", 4)
    StagedShards(tmp_path, SCHEMA).add(batch(first, 2) for first in range(0, 14, 2))
    assert [shard["documents"] for shard in StagedShards(tmp_path, SCHEMA).shards] == [4, 4, 4, 2]
    with open(tmp_path / "staged-00001.parquet", "r+b") as file:
        file.write(b"X")
    staged = StagedShards(tmp_path, SCHEMA)
    assert staged.documents == 4 and len(list(tmp_path.iterdir())) == 2
    staged.add(batch(first, 2) for first in range(4, 14, 2))
    assert [shard["first"] for shard in StagedShards(tmp_path, SCHEMA).shards] == [0, 4, 8, 12]


def test_documents_out_of_order_are_never_staged(tmp_path):
    staged = StagedShards(tmp_path, SCHEMA)
    with pytest.raises(RuntimeError, match="handed out document 5 instead of 2"):
        staged.add(iter([batch(0, 2), batch(5, 2)]))
    assert not list(tmp_path.iterdir()) and not staged.documents


def test_what_was_told_at_the_end_holds_only_for_all_shards(tmp_path):
    staged = StagedShards(tmp_path, SCHEMA)
    staged.add(iter([batch(0, 2)]))
    staged.close({"skipped": {".png": 1}})
    assert (StagedShards(tmp_path, SCHEMA).whole or {})["skipped"] == {".png": 1}
    (tmp_path / "staged-00000.json").unlink()
    assert StagedShards(tmp_path, SCHEMA).whole is None
