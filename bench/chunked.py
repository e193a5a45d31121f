"""What a step of a large vocabulary costs with all its logits, and with a chunk of them at a time: memory and seconds.

    python bench/chunked.py [threads]

Contestants run in processes of their own, in turn, several times; memory is the highest that a process ever held (peak RSS),
with what Python and torch hold by themselves told beside it; time is the processor's, so that other work on the machine
changes little. Every run is added to bench/results/chunked.jsonl.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROUNDS, STEPS = 2, 2
# name -> (vocabulary, width, depth, rows, time, precision)
SHAPES = {
    "32k, f32": (32_768, 256, 1, 32, 256, "f32"),
    "32k, bf16": (32_768, 256, 1, 32, 256, "bf16"),
}
WAYS = ("nothing", "whole", "chunked")  # nothing: the process alone, imports and model made


def contest(way: str, shape: str, threads: int) -> None:
    """One process: prints seconds of its best step, peak and loss."""
    import numpy as np
    import torch

    from groundup.data.tokens.batches import Batch
    from groundup.model.settings import ModelSettings
    from groundup.model.transformer import Transformer
    from groundup.objectives.next_token import NextToken
    from groundup.training.allocator import keep_memory
    from groundup.training.terms import forward_backward

    torch.set_num_threads(threads)
    keep_memory()
    vocabulary, width, depth, rows, length, precision = SHAPES[shape]
    made = Transformer(ModelSettings(vocabulary=vocabulary, width=width, depth=depth), attention="fused")
    made.compute, made.logits = torch.bfloat16 if precision == "bf16" else None, way
    text = np.random.default_rng(1).integers(0, vocabulary, (rows, length + 1))
    batch = Batch(text[:, :-1], text[:, 1:], np.ones((rows, length), np.float32))
    source: Any = SimpleNamespace(rows=rows, time=length)  # nobody asks it for another batch
    learnt, loss, best = NextToken(source), torch.zeros(()), float("inf")
    for _ in range(STEPS if way != "nothing" else 0):
        start = time.process_time()
        loss, _ = forward_backward(made, learnt, [batch], learnt.counts(batch))
        best = min(best, time.process_time() - start)
        for value in made.parameters():
            value.grad = None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": best, "peak_bytes": peak, "loss": loss.item()}))


def main() -> None:
    """All shapes, all ways, in turn."""
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    from groundup import hardware

    results = Path(__file__).parent / "results" / "chunked.jsonl"
    for shape in SHAPES:
        told: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(ROUNDS):
            for way in WAYS:
                command = [sys.executable, __file__, way, shape, str(threads)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                told[way].append(json.loads(done.stdout))
        nothing = statistics.median(each["peak_bytes"] for each in told["nothing"])
        line = {"shape": shape, "threads": threads, "cpu": hardware.look().cpu, "process_mb": round(nothing / 1e6)}
        for way in WAYS[1:]:
            line[way] = {
                "cpu_seconds": round(min(each["seconds"] for each in told[way]), 3),
                "peak_mb": round(statistics.median(each["peak_bytes"] for each in told[way]) / 1e6),
                "loss": told[way][0]["loss"],
            }
        whole, chunked = line["whole"], line["chunked"]
        line["memory_ratio"] = round(chunked["peak_mb"] / whole["peak_mb"], 3)
        line["memory_ratio_of_the_step"] = round(
            (chunked["peak_mb"] - line["process_mb"]) / (whole["peak_mb"] - line["process_mb"]), 3
        )
        line["time_ratio"] = round(chunked["cpu_seconds"] / whole["cpu_seconds"], 3)
        print(json.dumps(line), flush=True)
        with results.open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        contest(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main()
