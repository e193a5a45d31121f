"""How fast the model trains: tokens/s of forward and backward on one core, by attention and precision.

    python bench/model.py

Counts processor time of one thread, the best of several steps, so that other work on the machine changes little. Every
run is added to bench/results/model.jsonl.
"""

import json
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from groundup import hardware
from groundup.model.attention import quickest
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

VOCABULARY, STEPS = 1280, 6


def milliseconds(rows: int, length: int, precision: torch.dtype, attention: str) -> float:
    """Of one forward and backward pass, cross entropy included."""
    model = Transformer(ModelSettings(vocabulary=VOCABULARY), attention=attention, compute=precision)
    ids = torch.randint(VOCABULARY, (rows, length))
    best = float("inf")
    for _ in range(STEPS):
        start = time.process_time()
        F.cross_entropy(model(ids).float().flatten(0, 1), ids.flatten()).backward()
        best = min(best, time.process_time() - start)
        model.zero_grad()
    return 1e3 * best


def main() -> None:
    """Print a table and keep it."""
    torch.set_num_threads(1)
    lines = []
    for rows, length in ((32, 128), (16, 256)):
        for name, precision in (("f32", torch.float32), ("bf16", torch.bfloat16)):
            for attention in ("plain", "fused"):
                spent = milliseconds(rows, length, precision, attention)
                told = {"rows": rows, "time": length, "precision": name, "attention": attention}
                lines.append(told | {"ms": round(spent, 1), "tokens_per_second": round(1e3 * rows * length / spent)})
                print(" ".join(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
            print("the probe would choose", quickest(ModelSettings(), rows, length, precision), flush=True)
    results = Path(__file__).parent / "results" / "model.jsonl"
    results.parent.mkdir(exist_ok=True)
    run = {"depth": 4, "width": 128, "vocabulary": VOCABULARY, "cpu": hardware.look().cpu, "threads": 1, "runs": lines}
    with results.open("a") as file:
        file.write(json.dumps(run) + "\n")


if __name__ == "__main__":
    main()
