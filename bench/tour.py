"""Makes the tour from nothing and keeps what its report says: seconds, memory, scores, prices.

    python -m bench.tour [--recipe tour] [--seed 1] [--into DIR]

Every run is added to bench/results/tour.jsonl, with how long a second make took.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from groundup import hardware
from groundup.run.manifest import commit

RESULTS = Path(__file__).parent / "results" / "tour.jsonl"


def make(recipe: str, seed: int, into: Path) -> float:
    """Make the recipe as a person would; seconds it took."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "groundup", "make", recipe, f"seed={seed}", "--into", str(into)], check=True)
    return time.monotonic() - began


def measured(recipe: str, seed: int, into: Path) -> dict[str, Any]:
    """What one run came to."""
    first = make(recipe, seed, into)
    second = make(recipe, seed, into)
    machine = hardware.look()
    told = {"recipe": recipe, "seed": seed, "commit": commit(), "wall_seconds": round(first, 1)}
    told |= {"second_make_seconds": round(second, 2), "cpu": machine.cpu, "cpus": machine.cpus, "amx": machine.amx}
    return told | {"report": json.loads((into / "report.json").read_text())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="tour")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--into", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="groundup-tour-") as folder:
        told = measured(asked.recipe, asked.seed, asked.into or Path(folder) / "run")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
