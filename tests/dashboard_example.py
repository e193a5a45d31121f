"""Runs that nobody made: folders with metrics, settings and samples as the stage `train` leaves them, and a dashboard of them.

python tests/dashboard_example.py ROOT     writes a few to look at with `groundup dashboard ROOT`
"""

import json
import math
import os
import random
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
EVIL = "notes/<img src=x onerror=alert(1)>.partial"


def lines(steps: int, rate: float = 0.02, layers: int = 3, seed: int = 1, first: int = 1) -> list[dict[str, Any]]:
    """Metrics of every tenth step, from `first` on."""
    dice, told = random.Random(seed), []
    for step in range(10 * first, 10 * steps + 1, 10):
        loss = 1.4 + 4 * math.exp(-step * rate / 60) + 2 / (1 + step / 40) + dice.gauss(0, 0.02)
        line: dict[str, Any] = {"seconds": round(step * 0.2, 3), "step": step, "tokens": step * 4096, "loss": loss}
        line |= {"gradient": 1 + 3 / (1 + step / 30), "skipped": 0, "flops": step * 4096 * 2.4e6, "mfu": 0.33}
        line |= {f"layer.{layer}.gradient": (1 + layer) / (1 + step / 100) for layer in range(layers)}
        told.append(line)
        if step % 100 == 0:
            told.append({"seconds": step * 0.2, "step": step, "validation": loss + 0.1})
    return told


def write(folder: Path, told: list[dict[str, Any]], seed: int = 1, rate: float = 0.02, steps: int = 500) -> Path:
    """One run's folder; one called .partial has just told its clock."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    settings = {"model": {"depth": 3}, "training": {"steps": steps, "optimizer": {"kind": "muon", "rate": rate}}}
    facts = {"format": 1, "groundup": {"kind": "train", "version": 1}, "seed": seed, "settings": settings}
    said = [{"step": step, "prompt": "One morning", "text": f" <script>alert({step})</script>"} for step in (10, 100)]
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in said))
    live = folder.name.endswith(".partial")
    (folder / ("stage.json" if live else "manifest.json")).write_text(json.dumps(facts))
    if live:
        (folder / "clock.json").write_text("{}")
    return folder


def append(folder: Path, told: list[dict[str, Any]]) -> None:
    """More lines, as a training writes them."""
    with open(folder / "metrics.jsonl", "a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in told))
    os.utime(folder / "clock.json")


def example(root: Path) -> Path:
    """Two finished runs and one that is going on under a name full of markup."""
    spiked = lines(50, 0.03, seed=2)
    spiked[40]["loss"] += 5
    write(root / "tour" / "base-0123456789ab", lines(50, 0.02), 1, 0.02)
    write(root / "tour" / "base-ba9876543210", spiked, 2, 0.03)
    write(root / EVIL, lines(20, 0.03, seed=3), 3, 0.03)
    (root / "tour" / "base").symlink_to("base-0123456789ab")
    return root


class Dashboard:
    """The real command, in a process of its own."""

    def __init__(self, root: Path, *words: str):
        command = [sys.executable, "-m", "groundup", "dashboard", str(root), "--port", "0", *words]
        environment = {**os.environ, "PYTHONPATH": str(TOP)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout
        self.said = self.process.stdout.readline()
        self.url = re.findall(r"http://\S+", self.said)[0]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.loads(answer.read())

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


if __name__ == "__main__":
    example(Path(sys.argv[1]))
