"""Kills a small training at random steps and at random system calls of its saves, and compares the weights.

    python -m bench.soak_training [--steps 20] [--calls 20] [--seed 1]

Every attempt goes on where the killed one before it stopped; strace chooses the calls. At the end the model must have the
bytes of an undisturbed one. Every run is added to bench/results/soak.jsonl.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.soak import RESULTS

TOP = Path(__file__).parents[1]
LENGTH = 1500  # steps
ASKED = {"training.steps": LENGTH, "training.checkpoint_every": 5, "training.log_every": 1}
CALLS = {"write": 60, "fsync": 80, "rename": 40}  # each save makes 3, 4 and 2: so one of its first twenty is hit


def start(into: Path, world: Path, before: list[str]) -> subprocess.Popen:
    """The training in a process of its own."""
    words = [f"{name}={json.dumps(value)}" for name, value in ASKED.items()]
    command = [*before, sys.executable, str(TOP / "tests/training_example.py"), str(into), str(world), *words]
    environment = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def step_of(into: Path) -> int:
    """The last step that the metrics of an attempt tell of."""
    path = into.with_name(f"{into.name}.partial") / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return json.loads(lines[-1]).get("step", 0) if lines and lines[-1].endswith("}") else 0


def kill_at_a_step(into: Path, world: Path, chance: random.Random, left: int) -> int:
    """Kill it some steps further on; the step."""
    process, first = start(into, world, []), step_of(into)
    goal = first + chance.randint(1, max(2, (LENGTH - first) // (left + 1)))
    while process.poll() is None and step_of(into) < goal:
        time.sleep(0.001)
    time.sleep(0.02 * chance.random())
    process.kill()
    process.wait()
    return step_of(into)


def kill_at_a_call(into: Path, world: Path, chance: random.Random) -> str:
    """Kill it at a random call of its writing thread; which."""
    call = chance.choice(list(CALLS))
    number, name = chance.randint(1, CALLS[call]), f"/^{call}(at2?)?$"
    injected = ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
    start(into, world, ["strace", "-f", "-qq", "-o", os.devnull, *injected]).wait()
    return f"{call} {number}"


def model_of(into: Path) -> str:
    """The sha256 of the final weights."""
    return hashlib.sha256((into / "model/model.safetensors").read_bytes()).hexdigest()


def main() -> int:
    """Kill, compare, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("steps", 20), ("calls", 20), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    chance, killed_at = random.Random(asked.seed), []
    from tests.training_example import make_world

    with tempfile.TemporaryDirectory(prefix="groundup-soak-") as folder:
        world, whole, killed = make_world(Path(folder, "world")), Path(folder, "whole"), Path(folder, "killed")
        start(whole, world, []).wait()
        kinds = ["step"] * asked.steps + ["call"] * asked.calls
        chance.shuffle(kinds)
        for number, kind in enumerate(kinds):
            if killed.exists():
                break
            at = (
                kill_at_a_step(killed, world, chance, len(kinds) - number)
                if kind == "step"
                else kill_at_a_call(killed, world, chance)
            )
            killed_at.append(at)
            print(f"kill {number + 1}: {kind} {at}, {step_of(killed)} steps made", flush=True)
        if not killed.exists():
            start(killed, world, []).wait()
        same = model_of(whole) == model_of(killed)
    told = {"recipe": "training_example", "kills": len(killed_at), "at_work": killed_at, "same": same}
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    print("the model is the same, byte for byte" if same else "THE MODEL DIFFERS", flush=True)
    return 0 if same and len(killed_at) == len(kinds) else 1


if __name__ == "__main__":
    sys.exit(main())
