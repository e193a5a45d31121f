"""Trackers that hang, raise or are not there, TensorBoard's files read back, and where the time of a step goes."""

import json
import struct
import sys
import time
import types
from pathlib import Path

import pytest

from groundup.training.keeper import Hooks
from groundup.training.trackers import TRACKERS, Facts, following
from groundup.training.trackers.to_tensorboard import begin, checksum, crc32c
from tests.training_example import make, make_world, settings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def facts(folder: Path) -> Facts:
    return Facts("tour", "base", "0123456789abcdef", folder, {"model": {"depth": 2}})


class Fake:
    """A tracker that does to each line what it is told to."""

    def __init__(self, act=lambda: None):
        self.act, self.lines, self.closed = act, [], False

    def log(self, step, values):
        self.act()
        self.lines.append((step, values))

    def rewind(self, step):
        self.lines.append(("rewind", step))

    def close(self):
        self.closed = True


def tell(monkeypatch, begin_fake, lines=5, patience=0.3, pause=0.0):
    """What was said, and how long it took, while `lines` lines went to a fake tracker and to metrics."""
    monkeypatch.setitem(sys.modules, "fake_tracker", types.SimpleNamespace(begin=begin_fake))
    kept, said = [], []
    hooks = Hooks(log=lambda **values: kept.append(values), say=said.append)
    began = time.monotonic()
    with following(["fake"], hooks, facts(Path("nowhere")), {"fake": "fake_tracker"}, patience):
        hooks.rewind(0)
        for step in range(1, lines + 1):
            hooks.log(step=step, loss=1.0 / step, note="words")
            time.sleep(pause)
        hooks.log(note="no step")
        looped = time.monotonic() - began - lines * pause
    assert [line["step"] for line in kept if "step" in line] == list(range(1, lines + 1))
    return said, looped, time.monotonic() - began


def test_a_tracker_gets_every_number_of_every_line(monkeypatch):
    fake = Fake()
    said, _, _ = tell(monkeypatch, lambda facts: fake)
    assert said == [] and fake.closed
    assert fake.lines == [("rewind", 0), *((step, {"loss": 1.0 / step}) for step in range(1, 6))]


def test_a_tracker_that_hangs_slows_nothing_and_is_said_once(monkeypatch):
    said, looped, whole = tell(monkeypatch, lambda facts: Fake(lambda: time.sleep(5)), lines=8, pause=0.1)
    assert len(said) == 1 and "busy with one line" in said[0]
    assert looped < 0.3 and whole < 2


def test_a_tracker_that_hangs_while_it_begins_or_ends_slows_nothing(monkeypatch):
    said, looped, whole = tell(monkeypatch, lambda facts: time.sleep(5))
    assert len(said) == 1 and looped < 0.2 and whole < 1
    fake = Fake()
    fake.close = lambda: time.sleep(5)
    said, looped, whole = tell(monkeypatch, lambda facts: fake)
    assert len(said) == 1 and "did not come to an end" in said[0] and whole < 1


def test_a_tracker_that_raises_or_leaves_is_said_once(monkeypatch):
    def fail():
        raise ConnectionError("the server is\ngone")

    said, _, _ = tell(monkeypatch, lambda facts: Fake(fail), pause=0.01)
    assert len(said) == 1 and "ConnectionError: the server is gone; it gets no more lines" in said[0]
    said, _, _ = tell(monkeypatch, lambda facts: sys.exit(3), pause=0.01)
    assert len(said) == 1 and "SystemExit" in said[0]


def test_a_tracker_that_is_not_installed_is_named(tmp_path):
    said = []
    with following(["fake"], Hooks(say=said.append), facts(tmp_path), {"fake": "no_such_package.tracker"}):
        pass
    assert len(said) == 1 and "pip install no_such_package" in said[0]


def test_more_lines_than_may_wait_are_dropped(monkeypatch):
    monkeypatch.setattr("groundup.training.trackers.follow.WAITING", 3)
    said, looped, _ = tell(monkeypatch, lambda facts: Fake(lambda: time.sleep(1)), lines=50, patience=2.0)
    assert len(said) == 1 and "lines waited" in said[0] and looped < 0.5


# --- TensorBoard ------------------------------------------------------------------------------------------------------


def records(path: Path) -> list[bytes]:
    """The events of a file, their checksums held against ours."""
    raw, found = path.read_bytes(), []
    while raw:
        (length,) = struct.unpack("<Q", raw[:8])
        data = raw[12 : 12 + length]
        assert raw[8:12] == checksum(raw[:8]) and raw[12 + length : 16 + length] == checksum(data)
        found.append(data)
        raw = raw[16 + length :]
    return found


def test_the_checksum_is_that_of_the_standard():
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, and its 32 bytes of zeros
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_scalars_are_written_as_events(tmp_path):
    tracker = begin(facts(tmp_path))
    tracker.rewind(9)
    tracker.log(300, {"term.loss": 2.5, "huge": 1e300})
    tracker.close()
    (path,) = (tmp_path / "tensorboard" / "base-0123456789abcdef").iterdir()
    version, start, line = records(path)
    assert version[9:] == b"\x1a\x0dbrain.Event:2"
    assert start[9:] == b"\x10\x0a" + b"\x3a\x02\x08\x01"  # step 10, session_log { status: START }
    assert line[9:12] == b"\x10\xac\x02"  # step 300
    value = b"\x0a\x09term/loss\x15" + struct.pack("<f", 2.5)
    assert b"\x0a" + bytes([len(value)]) + value in line


# --- in a stage -------------------------------------------------------------------------------------------------------


def test_a_stage_that_is_watched_makes_the_same_and_leaves_its_files_beside(world, tmp_path):
    plain = make(tmp_path / "plain" / "base", settings(world))
    seen = make(tmp_path / "seen" / "base", settings(world, trackers=["tensorboard"], profile=2))
    assert plain.name == seen.name  # who watches is no part of what is made
    assert (plain / "model/model.safetensors").read_bytes() == (seen / "model/model.safetensors").read_bytes()
    assert {path.name for path in plain.iterdir()} == {path.name for path in seen.iterdir()}
    tracked = tmp_path / "seen" / "tracked"
    (events,) = (tracked / "tensorboard").glob("base-*/events.out.tfevents.*")
    assert len(records(events)) >= 2 + 6  # version and start, a line every two of twelve steps
    (folder,) = (tracked / "profile").iterdir()
    told = json.loads((folder / "shares.json").read_text())
    assert told["steps"] == 2 and sum(told["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert all(told["shares"][name] > 0.005 for name in ("forward", "backward", "optimizer"))
    trace = json.loads((folder / "trace.json").read_text())["traceEvents"]
    names = {event.get("name") for event in trace}
    assert {"data", "forward", "backward", "optimizer"} <= names
    assert any("time of 2 steps" in line and "perfetto" in line for line in (seen / "metrics.jsonl").open())


def test_every_tracker_of_the_table_has_a_file():
    for module in TRACKERS.values():
        assert Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py").exists()
