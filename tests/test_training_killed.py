"""A training that is killed at any moment and run again makes the very model that an undisturbed one makes."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training_example import make, make_world, settings

TOP = Path(__file__).parents[1]
PROGRAM = [sys.executable, str(TOP / "tests" / "training_example.py")]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
LONG = {
    "training.steps": 150,
    "training.checkpoint_every": 7,
    "training.validate_every": 20,
    "training.samples_at": [50, 100],
    "samples.prompts": ["the cup"],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def undisturbed(world, tmp_path_factory):
    into = tmp_path_factory.mktemp("undisturbed") / "base"
    assert start(into, world).wait(timeout=120) == 0
    return into


def start(into: Path, world: Path) -> subprocess.Popen:
    words = [f"{name}={json.dumps(value)}" for name, value in LONG.items()]
    return subprocess.Popen([*PROGRAM, str(into), str(world), *words], env=ENVIRONMENT, stderr=subprocess.DEVNULL)


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    timed = ("manifest.json", "metrics.jsonl", "resolved.json")
    names = {path.relative_to(folder).as_posix(): path for path in files if path.name not in timed}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in names.items()}


def wait_for(into: Path, steps: int, process: subprocess.Popen) -> None:
    """Until the metrics tell of that many steps more than when we began, or it is over."""
    metrics = into.with_name(into.name + ".partial") / "metrics.jsonl"
    end, seen = time.monotonic() + 60, None
    while process.poll() is None and time.monotonic() < end:
        lines = metrics.read_text().splitlines() if metrics.exists() else []
        last = json.loads(lines[-1])["step"] if lines and lines[-1].endswith("}") else 0
        seen = last if seen is None and lines else seen
        if seen is not None and last >= min(seen + steps, 149):
            return
        time.sleep(0.002)


def test_killed_at_random_moments_it_ends_with_the_same_bits(world, undisturbed, tmp_path):
    into, dice, kills = tmp_path / "base", random.Random(4), 0
    while kills < 2:
        process = start(into, world)
        wait_for(into, dice.randint(4, 40), process)
        time.sleep(dice.random() * 0.02)
        process.kill()
        if process.wait(timeout=60) == 0:
            break
        kills += 1
    if not into.exists():
        assert start(into, world).wait(timeout=120) == 0
    assert kills >= 1 and hashes(into) == hashes(undisturbed)
    steps = [json.loads(line) for line in (into / "metrics.jsonl").read_text().splitlines()]
    whole = [json.loads(line) for line in (undisturbed / "metrics.jsonl").read_text().splitlines()]
    times = ("seconds", "tokens_per_s", "mfu")
    assert [{k: v for k, v in s.items() if k not in times} for s in steps] == [
        {k: v for k, v in s.items() if k not in times} for s in whole
    ]


def test_asked_to_stop_it_saves_its_last_step_and_goes(world, tmp_path):
    into = tmp_path / "base"
    process = start(into, world)
    wait_for(into, 12, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) != 0
    partial = into.with_name("base.partial")
    saved = max(int(place.name) for place in (partial / "checkpoints").iterdir())
    told = [json.loads(line).get("step", 0) for line in (partial / "metrics.jsonl").read_text().splitlines()]
    assert saved >= max(told) >= 12


def test_the_model_is_saved_before_anyone_looks_at_it(world, tmp_path):
    """Whatever an evaluation does, the steps before it are safe."""
    asked = settings(world, **{"training.steps": 6, "samples.prompts": ["the cup"], "samples.tokens": 4})
    into = tmp_path / "base"
    (tmp_path / "base.partial").mkdir()
    (tmp_path / "base.partial" / "samples.jsonl").mkdir()  # samples cannot be written
    (tmp_path / "base.partial" / "stage.json").write_text(stage_json(into, asked))
    with pytest.raises(Exception, match="samples.jsonl|directory"):
        make(into, asked)
    assert (tmp_path / "base.partial" / "checkpoints" / "000006" / "manifest.json").exists()


def stage_json(into: Path, asked) -> str:
    from groundup import run
    from groundup.stages import train

    return json.dumps(run.stage(into, "train", asked, version=train.VERSION, seed=1)._identity())
