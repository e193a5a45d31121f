"""A kill or a full disk at any system call of a save leaves a whole checkpoint; a signal in any phase saves and leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from groundup.data.tokens.shards import Writer
from tests.run_example import strace_works
from tests.test_training_killed import ENVIRONMENT, PROGRAM, hashes
from tests.training_example import make_world

TOP = Path(__file__).parents[1]
needs_strace = pytest.mark.skipif(not strace_works(), reason="strace is missing or not allowed")
TIMES = 20  # at which call of a thread strace acts
CALLS = [("write", 3), ("fsync", 4), ("rename", 2)]  # what a save makes of each, at the least


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """With much to validate on."""
    made = make_world(tmp_path_factory.mktemp("world"), 60)
    writer = Writer(made / "tokens" / "val", 270)
    writer.add([np.arange(2_000_000) % 250], 2_000_000)
    writer.close()
    return made


def strace(what: str, at: dict[str, int]) -> list[str]:
    """A prefix for a command: something happens at those calls of one of its threads."""
    named = {f"/^{call}(at2?)?$": number for call, number in at.items()}
    injected = [word for name, number in named.items() for word in ("-e", f"inject={name}:{what}:when={number}")]
    return ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={','.join(named)}", *injected]


def saves(folder: Path, what: str) -> list[str]:
    """What was left and said, when it happens at each of the calls of a save."""
    points = [f"{call}:{number}" for call, most in CALLS for number in range(1, most + 1)]
    program = [sys.executable, str(TOP / "tests" / "saving_example.py"), str(folder), str(TIMES), *points]
    command = [*strace(what, {call: TIMES for call, _ in CALLS}), *program]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = done.stdout.splitlines()
    assert len(told) == len(points) and {line[:2] for line in told} == {"1 ", "2 "}
    return told


@needs_strace
def test_a_kill_at_any_call_of_a_save_leaves_a_whole_checkpoint(tmp_path):
    assert all(line.endswith("killed") for line in saves(tmp_path / "checkpoints", "signal=KILL"))


@needs_strace
def test_a_full_disk_at_any_call_of_a_save_is_a_sentence_and_the_old_one_loads(tmp_path):
    assert all("OutOfSpace: the disk is full" in line for line in saves(tmp_path / "checkpoints", "error=ENOSPC"))


def start(into: Path, world: Path, before: Sequence[str] = (), **values) -> subprocess.Popen:
    asked = {"training.steps": 40, "training.log_every": 1, "training.checkpoint_every": 3} | values
    words = [f"{name}={json.dumps(value)}" for name, value in asked.items()]
    command = [*before, *PROGRAM, str(into), str(world), *words]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


PHASES = {  # phase -> settings that make it long, what tells that it is near
    "validation": ({"training.steps": 5, "training.validate_steps": 100_000}, "checkpoints/000005"),
    "sampling": (
        {"training.samples_at": [5], "samples.prompts": ["the cup"], "samples.tokens": 100_000},
        "checkpoints/000005",
    ),
    "start": ({}, "resolved.json"),
}


@pytest.mark.parametrize(
    ("phase", "number"),
    [("validation", signal.SIGTERM), ("sampling", signal.SIGINT), ("start", signal.SIGTERM)],
)
def test_asked_to_stop_in_any_phase_it_leaves_at_once_and_nothing_is_lost(world, tmp_path, phase, number):
    partial = tmp_path / "base.partial"
    values, sign = PHASES[phase]
    process = start(tmp_path / "base", world, **values)
    try:
        wait_for((partial / sign).exists, process)
        time.sleep(0.2 if phase != "start" else 0.0)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode != 0 and said.strip().endswith("KeyboardInterrupt")
    assert phase == "start" or (partial / sign / "manifest.json").exists()


@needs_strace
def test_a_training_killed_in_the_middle_of_a_save_ends_with_the_same_bits(world, tmp_path):
    asked = {"data": str(world / "tokens"), "training.validate_steps": 1, "training.steps": 20}
    assert start(tmp_path / "whole", world, **asked).wait(timeout=120) == 0
    into = tmp_path / "base"
    killed = start(into, world, before=strace("signal=KILL", {"rename": 7}), **asked)
    assert killed.wait(timeout=120) != 0 and not into.exists()
    assert start(into, world, **asked).wait(timeout=120) == 0
    assert hashes(into) == hashes(tmp_path / "whole")
