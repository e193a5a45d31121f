"""Kills the making of a corpus at random moments, and compares what comes out with that of an undisturbed one.

    python -m bench.soak_corpus [--kills 20] [--pages 3000] [--seed 1]

Kills are spread over the staged shards and over comparing and writing; each attempt goes on where the killed one before it
stopped. The undisturbed corpus is made by one worker, the killed one by two. Every run is added to bench/results/soak.jsonl.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.soak import RESULTS
from groundup import run

TOP = Path(__file__).parents[1]
LAST = 4  # kills that wait until everything is staged


def start(into: Path, pages: Path, workers: int) -> subprocess.Popen:
    """The corpus in a process of its own."""
    command = [sys.executable, str(TOP / "tests/corpus_example.py"), str(into), str(pages), f"workers={workers}"]
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(into: Path, pages: Path, workers: int) -> None:
    """To its end."""
    process = start(into, pages, workers)
    said = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"the corpus ended with {process.returncode}:\n{said[-3000:]}")


def staged(into: Path) -> int:
    """Whole shards of an attempt."""
    return len(list(into.with_name(f"{into.name}.partial").glob("staged/staged-*.json")))


def all_staged(into: Path) -> bool:
    """Whether the attempt has come to comparing."""
    return (into.with_name(f"{into.name}.partial") / "staged/whole.json").exists()


def kill(into: Path, pages: Path, chance: random.Random, more: int | None) -> str | None:
    """Kill an attempt some shards further on, or after comparing began; where it was, or None if it was too quick."""
    process, goal = start(into, pages, 2), None if more is None else staged(into) + more
    while process.poll() is None and not (all_staged(into) if goal is None else staged(into) >= goal):
        time.sleep(0.001)
    time.sleep(chance.random() * (2.0 if goal is None else 0.2))
    process.kill()
    process.communicate()
    if into.exists():
        return None
    return "comparing or writing" if all_staged(into) else f"shard {staged(into)}"


def content(folder: Path) -> dict[str, str]:
    """sha256 of every file that was made."""
    files = run.read_manifest(folder)["files"]
    return {name: told["sha256"] for name, told in files.items() if name != "metrics.jsonl"}


def main() -> int:
    """Kill, compare, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("kills", 20), ("pages", 3000), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    chance, killed_at = random.Random(asked.seed), []
    from tests.corpus_example import write_pages

    with tempfile.TemporaryDirectory(prefix="groundup-soak-") as folder:
        pages, whole, killed = (
            write_pages(Path(folder, "pages"), asked.pages),
            Path(folder, "whole"),
            Path(folder, "killed"),
        )
        finish(whole, pages, 1)
        shards = -(-asked.pages // 32)
        for number in range(asked.kills):
            left = asked.kills - LAST - number
            more = chance.randint(0, max(1, 2 * (shards - staged(killed)) // (left + 1))) if left > 0 else None
            at = kill(killed, pages, chance, more)
            if at is None:
                break
            killed_at.append(at)
            print(f"kill {number + 1}: {at}", flush=True)
        finish(killed, pages, 2)
        same = content(whole) == content(killed)
    told = {"recipe": "corpus_example", "kills": len(killed_at), "at_work": killed_at, "same": same}
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    print("the corpus is the same, byte for byte" if same else "THE CORPUS DIFFERS", flush=True)
    return 0 if same and len(killed_at) == asked.kills else 1


if __name__ == "__main__":
    sys.exit(main())
