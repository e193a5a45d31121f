"""Whatever happens to a run, nothing half-written is taken for whole and nothing whole is lost."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from groundup import hardware, run
from groundup.errors import OutOfSpace, Problem
from tests.run_example import at, count, make, strace_works

TOP = Path(__file__).parents[1]
PROGRAM = [sys.executable, str(TOP / "tests" / "run_example.py")]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"}
needs_strace = pytest.mark.skipif(not strace_works(), reason="strace is missing or not allowed")


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "one.txt").write_text("a bridge over the river")
    return folder


def start(into, pages, *words, before=(), **options):
    command = [*before, *PROGRAM, str(into), str(pages), *words]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, **options)


def finish(process) -> tuple[int, str]:
    said = process.communicate(timeout=60)[1]
    return process.returncode, said


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_a_killed_stage_goes_on_where_it_was_and_ends_with_the_same_bytes(tmp_path, pages):
    undisturbed = make(tmp_path / "whole", pages, parts=12, pause=0.0)
    into, partial = tmp_path / "count", tmp_path / "count.partial"
    times = {}
    for part in (2, 7):
        process = start(into, pages, "parts=12", "pause=0.02")
        wait_for((partial / f"part-{part}.txt").exists)
        process.kill()
        process.communicate()
        assert not list(tmp_path.glob("count-*"))
        times[part] = (partial / "part-0.txt").stat().st_mtime_ns
    assert finish(start(into, pages, "parts=12", "pause=0.02")) == (0, "")
    assert run.content_fingerprint(into) == run.content_fingerprint(undisturbed)
    assert (into / "part-0.txt").stat().st_mtime_ns == times[2] == times[7]
    steps = [int(step) for step in re.findall(r'"step": (\d+)', (into / "metrics.jsonl").read_text())]
    assert steps == list(range(12))
    assert run.read_manifest(into)["attempts"] == 3
    assert run.verify(into).files == 14


@needs_strace
@pytest.mark.parametrize("call", [r"/^fsync", r"/^rename", "unlink", "symlink", "write"])
def test_a_kill_at_any_system_call_loses_nothing(tmp_path, pages, call):
    whole = run.content_fingerprint(make(tmp_path / "whole", pages))
    for number in (1, 3, 6):
        into = tmp_path / f"count{number}"
        inject = f"inject={call}:signal=KILL:when={number}"
        finish(start(into, pages, before=("strace", "-f", "-o", os.devnull, "-e", inject)))
        for finished in tmp_path.glob(f"count{number}-*"):
            assert run.verify(finished).stages == [finished]
        assert run.content_fingerprint(make(into, pages)) == whole
        assert run.verify(into).files == 6
        assert not list(tmp_path.rglob("*.writing"))


@needs_strace
@pytest.mark.parametrize(("call", "number"), [("write", 1), ("write", 6), ("fsync", 5), ("fsync", 12), ("/^rename", 4)])
def test_a_full_disk_ends_in_a_sentence_and_the_same_command_goes_on(tmp_path, pages, call, number):
    into = tmp_path / "count"
    inject = f"inject={call}:error=ENOSPC:when={number}"
    code, said = finish(start(into, pages, before=("strace", "-f", "-o", os.devnull, "-e", inject)))
    assert code == 1 and "the disk is full" in said and "same command again" in said and "Traceback" not in said
    assert not list(tmp_path.glob("count-*")) and not list(tmp_path.rglob("*.writing"))
    assert run.content_fingerprint(make(into, pages)) == run.content_fingerprint(make(tmp_path / "whole", pages))


def test_a_file_past_its_limit_is_a_sentence_too_and_the_old_file_stays(tmp_path):
    run.write_atomically(tmp_path / "a", "old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(OSError):
            run.write_atomically(tmp_path / "a", "n" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (tmp_path / "a").read_text() == "old" and list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_stage_that_meets_a_limit_keeps_what_it_made(tmp_path, pages):
    def growing(settings, work):
        run.write_atomically(work.out / "small.txt", "kept")
        run.write_atomically(work.out / "large.txt", "n" * 100_000)

    stage, limit = at(tmp_path / "count", pages), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(OutOfSpace, match="grew past its limit"):
            run.perform(stage, growing, hardware.look())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert sorted(path.name for path in stage.partial.iterdir()) == ["clock.json", "small.txt", "stage.json"]
    assert (run.perform(stage, growing, hardware.look()) / "small.txt").read_text() == "kept"


@needs_strace
def test_data_is_on_the_disk_before_the_name_and_the_name_before_anyone_is_told(tmp_path, pages):
    log = tmp_path / "calls"
    trace = ("strace", "-f", "-y", "-o", str(log), "-e", "trace=/^fsync|^rename|^symlink|^unlink")
    assert finish(start(tmp_path / "count", pages, "parts=2", before=trace)) == (0, "")
    folder = (tmp_path / "count").resolve()
    calls = log.read_text().splitlines()

    def first(pattern, after=-1):
        return next(i for i, line in enumerate(calls) if i > after and re.search(pattern, line))

    renamed = first(rf"rename.*count\.partial\", .*{folder.name}\"")
    for name in run.read_manifest(folder)["files"]:
        assert first(rf"fsync\(\d+<.*count\.partial/{re.escape(name)}>") < renamed
    manifest = first(r"fsync\(\d+<.*/\.manifest\.json\.writing>")
    named = first(r"rename.*manifest\.json\.writing.*manifest\.json\"")
    cleared = first(r"unlink.*count\.partial/clock\.json\"", named)
    inside = first(r"fsync\(\d+<[^>]*count\.partial>\)", cleared)
    above = first(rf"fsync\(\d+<{re.escape(str(tmp_path))}>\)", renamed)
    linked = first(r"rename.*\.count\.writing.*/count\"")
    assert manifest < named < cleared < inside < renamed < above < linked
    assert first(rf"fsync\(\d+<{re.escape(str(tmp_path))}>\)", linked)


@needs_strace
def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_we_go_on(tmp_path):
    script = "import sys; from groundup.run import write_atomically as w; w(sys.argv[1] + '/a', 'new')"
    trace = ("strace", "-y", "-o", str(tmp_path / "calls"), "-e", "trace=/^write|^fsync|^rename")
    subprocess.run([*trace, sys.executable, "-c", script, str(tmp_path)], env=ENVIRONMENT, check=True, timeout=60)
    beside, folder = re.escape(f"{tmp_path}/.a.writing"), re.escape(str(tmp_path))
    wanted = [rf"write\(\d+<{beside}>", rf"fsync\(\d+<{beside}>", rf"rename.*{beside}.*/a\"", rf"fsync\(\d+<{folder}>"]
    calls = [line for line in (tmp_path / "calls").read_text().splitlines() if str(tmp_path) in line]
    assert len(calls) == 4 and all(re.match(pattern, line) for pattern, line in zip(wanted, calls, strict=True))


def test_the_second_of_two_processes_is_told_who_holds_the_folder(tmp_path, pages):
    into = tmp_path / "count"
    first = start(into, pages, "parts=200", "pause=0.05")
    try:
        wait_for((tmp_path / "count.partial" / "part-0.txt").exists)
        code, said = finish(start(into, pages, "parts=200", "pause=0.05"))
        assert code == 2 and f"in use by process {first.pid} on " in said
        with pytest.raises(Problem, match=str(first.pid)):
            make(into, pages, parts=3)
    finally:
        first.kill()
        first.communicate()
    assert make(into, pages, parts=3).is_dir()  # the lock of the dead holds nobody up


def test_a_process_that_waits_takes_over_what_the_other_finished(tmp_path, pages):
    into = tmp_path / "count"
    first = start(into, pages, "parts=8", "pause=0.05")
    wait_for((tmp_path / "count.partial" / "part-0.txt").exists)
    stage = at(into, pages, parts=8, pause=0.05)

    def never(settings, work):
        raise AssertionError("worked again")

    assert run.perform(stage, never, hardware.look(), wait_seconds=30) == stage.folder
    assert finish(first) == (0, "") and not stage.partial.exists()
    assert run.verify(stage.folder).files == 10


def test_a_child_that_outlives_its_killed_parent_does_not_keep_the_lock(tmp_path):
    script = (
        "import os, sys, time; from pathlib import Path; from groundup.run import Lock\n"
        "lock = Lock(Path(sys.argv[1])); child = os.fork()\n"
        "if child == 0: time.sleep(30); os._exit(0)\n"
        "print(child, flush=True); time.sleep(30)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    try:
        time.sleep(0.1)
        parent.kill()
        parent.wait()
        run.Lock(tmp_path).release()
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stage_asked_to_stop_stops_in_order_and_keeps_its_work(tmp_path, pages, number):
    process = start(tmp_path / "count", pages, "parts=500", "pause=0.02")
    wait_for((tmp_path / "count.partial" / "part-3.txt").exists)
    process.send_signal(number)
    assert finish(process) == (130, "")
    assert (tmp_path / "count.partial" / "part-3.txt").exists() and not list(tmp_path.rglob("*.writing"))


def test_a_stage_that_never_asks_is_interrupted_all_the_same(tmp_path, pages):
    def deaf(settings, work):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)

    before, began = signal.getsignal(signal.SIGTERM), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.perform(at(tmp_path / "count", pages), deaf, hardware.look())
    assert time.monotonic() - began < 10 and signal.getsignal(signal.SIGTERM) == before


def test_a_second_signal_interrupts_a_stage_that_asks_and_does_not_heed(tmp_path, pages):
    heard = []

    def stubborn(settings, work):
        while time.monotonic() < began + 20:
            heard.append(work.stopping())
            os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.perform(at(tmp_path / "count", pages), stubborn, hardware.look())
    assert heard == [False, True]


def test_a_stage_that_finishes_while_asked_to_stop_is_kept_whole(tmp_path, pages):
    def last(settings, work):
        count(settings, work)
        assert not work.stopping()
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run.perform(at(tmp_path / "count", pages), last, hardware.look())
    assert run.verify(tmp_path / "count").files == 6


def test_no_permission_to_write_is_a_sentence(pages):
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        place.chmod(0o755)
        shutil.copytree(pages, place / "pages")
        user = {"BECOME_USER": "65534"} if os.getuid() == 0 else {}
        if not user:
            place.chmod(0o555)
        command = [*PROGRAM, str(place / "count"), str(place / "pages")]
        done = subprocess.run(command, env=ENVIRONMENT | user, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 2 and "no permission for" in done.stderr and "--into" in done.stderr
        assert "Traceback" not in done.stderr and [path.name for path in place.iterdir()] == ["pages"]
    finally:
        place.chmod(0o755)
        shutil.rmtree(place)
