"""Kills a recipe at random moments until it is made, and compares its model with that of an undisturbed run.

    python -m bench.soak [--recipe tour] [--kills 10] [--seed 1] [--whole DIR]

Same machine, same threads, so the bytes must be the same. The undisturbed run is made first, unless --whole names one that
this machine has made already. Every run is added to bench/results/soak.jsonl.
"""

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "soak.jsonl"


def start(recipe: str, into: Path) -> subprocess.Popen:
    """Make the recipe in a process of its own."""
    command = [sys.executable, "-m", "groundup", "make", recipe, "--into", str(into)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(recipe: str, into: Path) -> None:
    """Make the recipe to its end."""
    process = start(recipe, into)
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"make {recipe} ended with {process.returncode}:\n{said[-3000:]}")


def kill_once(recipe: str, into: Path, after: float) -> str | None:
    """Make the recipe and kill it after some seconds; the stage that was at work, or None if it was finished before."""
    process = start(recipe, into)
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    else:
        if process.returncode:
            raise SystemExit(f"make {recipe} ended with {process.returncode} after a kill")
        return None
    return next((path.name.removesuffix(".partial") for path in into.glob("*.partial")), "between stages")


def model_of(into: Path) -> str:
    """The sha256 of the final model's weights."""
    return hashlib.sha256((into / "model/model.safetensors").read_bytes()).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="tour")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole", type=Path)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="groundup-soak-") as folder:
        whole, killed = asked.whole or Path(folder, "whole"), Path(folder, "killed")
        finish(asked.recipe, whole)
        seconds = json.loads((whole / "report.json").read_text())["seconds"]
        print(f"undisturbed: {seconds:.0f} s, model {model_of(whole)[:12]}", flush=True)
        at_work: list[str] = []
        for number in range(asked.kills):
            # Each attempt lives long enough that the last kill falls into the last part of the work.
            stage = kill_once(asked.recipe, killed, 2 + chance.uniform(0.5, 1.5) * seconds / (asked.kills + 1))
            print(f"kill {number + 1}: {stage or 'too late, it was made'}", flush=True)
            if stage is None:
                break
            at_work.append(stage)
        finish(asked.recipe, killed)
        same = model_of(whole) == model_of(killed)
    told = {
        "recipe": asked.recipe,
        "kills": len(at_work),
        "at_work": at_work,
        "seconds": round(seconds, 1),
        "same": same,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    print("the model is the same, byte for byte" if same else "THE MODEL DIFFERS", flush=True)
    return 0 if same and at_work else 1


if __name__ == "__main__":
    sys.exit(main())
