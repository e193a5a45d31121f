"""How far a plan is from what then happens: a probe of each training, the training itself, and the two side by side.

    python -m bench.plan

Seconds and memory are those of the run's own manifest. Where other work takes the processor the wall clock says little,
so the processor's own seconds stand beside it, and how busy the machine was. Adds a line to bench/results/plan.jsonl.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from groundup import config, hardware
from groundup.recipe.probing import SECONDS, probe
from groundup.stages import load
from tests.training_example import make_world

TRAININGS = {
    "2 layers of 64": {"model": {"depth": 2, "width": 64}, "training": {"steps": 1500, "rows": 16, "time": 64}},
    "4 layers of 128": {"model": {"depth": 4, "width": 128}, "training": {"steps": 200, "rows": 16, "time": 128}},
    "4 layers of 128, looks": {
        "model": {"depth": 4, "width": 128},
        "training": {"steps": 150, "rows": 16, "time": 128, "validate_every": 25, "checkpoint_every": 25},
    },
}


def real(words: list[str], into: Path) -> dict[str, float]:
    """What a training took, in a process of its own."""
    before = _cpu()
    subprocess.run(
        [sys.executable, "-m", "groundup", "train", *words, "--into", str(into)], check=True, capture_output=True
    )
    manifest = json.loads((into / "manifest.json").read_text())
    return {"seconds": manifest["seconds"], "cpu_seconds": _cpu() - before, "peak_bytes": manifest["peak_mb"] * 1e6}


def words_of(told: dict[str, Any], above: str = "") -> list[str]:
    """Nested settings as words of the command line."""
    words = []
    for name, value in told.items():
        words += words_of(value, f"{above}{name}.") if isinstance(value, dict) else [f"{above}{name}={value}"]
    return words


def main() -> None:
    """Print each pair and keep it."""
    module, lines = load("train"), []
    with tempfile.TemporaryDirectory() as place:
        world = make_world(Path(place), 4000)
        for number, (name, told) in enumerate(TRAININGS.items()):
            told = {"data": str(world / "tokens"), **told}
            settings = config.build(module.Settings, told)
            load_before, before = os.getloadavg()[0], _cpu()
            found = probe(settings, seconds=SECONDS)
            probed_cpu = _cpu() - before
            seconds = found.seconds(settings.training, False)
            cpu = probed_cpu + found.step_cpu_seconds * (found.steps - found.counted)
            happened = real(words_of(told), Path(place) / f"run{number}")
            line = {"training": name, "planned_seconds": round(seconds, 2), "seconds": round(happened["seconds"], 2)}
            line |= {"off": round(seconds / happened["seconds"] - 1, 3)}
            line |= {"planned_cpu_seconds": round(cpu, 2), "cpu_seconds": round(happened["cpu_seconds"], 2)}
            line |= {"cpu_off": round(cpu / happened["cpu_seconds"] - 1, 3)}
            line |= {"planned_mb": round(found.peak_bytes / 1e6), "mb": round(happened["peak_bytes"] / 1e6)}
            line |= {"memory_off": round(found.peak_bytes / happened["peak_bytes"] - 1, 3)}
            line |= {"load": [round(load_before, 1), round(os.getloadavg()[0], 1)]}
            lines.append(line)
            print(" ".join(f"{key}={value}" for key, value in line.items()), flush=True)
    results = Path(__file__).parent / "results" / "plan.jsonl"
    run = {
        "cpu": hardware.look().cpu,
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
        "probe_seconds": SECONDS,
        "runs": lines,
    }
    with results.open("a") as file:
        file.write(json.dumps(run) + "\n")


def _cpu() -> float:
    """Processor seconds of all child processes so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
