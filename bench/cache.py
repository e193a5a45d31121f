"""What each way to remember costs: tokens/s and bytes of rows side by side, of pages, of int8 pages and of exact steps.

    python bench/cache.py

A small random model writes 64 texts at once and one alone; then 16 prompts that begin alike are read with and without
sharing. Counts processor time of one thread, the best of several, so that other work on the machine changes little. Every
run is added to bench/results/cache.jsonl.
"""

import json
import time
from pathlib import Path

import torch

from groundup import hardware
from groundup.generation.engine import Engine, Request
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

VOCABULARY, CONTEXT, PROMPT, NEW, TIMES = 2048, 512, 60, 60, 5
WAYS = {
    "rows": {"store": "rows"},
    "rows, shared": {"store": "rows", "share": True},
    "pages": {"store": "pages"},
    "int8": {"store": "int8"},
    "exact": {"exact": True},
}


def small() -> Transformer:
    """4 layers, 128 wide, weights that are not zero."""
    sizes = ModelSettings(depth=4, width=128, heads=4, kv_heads=2, vocabulary=VOCABULARY, context=CONTEXT)
    model, generator = Transformer(sizes, attention="fused").eval(), torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.1, generator=generator)
    return model


def prompt(number: int, length: int) -> list[int]:
    """Ids that no other number's prompt begins with."""
    return [(7 * number + place) % VOCABULARY for place in range(length)]


def seconds(model: Transformer, prompts: list[list[int]], new: int, how: dict) -> tuple[float, int]:
    """(processor time, bytes that the engine remembers) of writing `new` tokens after each prompt."""
    engine = Engine(model, len(prompts), chunk=2048, **how)
    for ids in prompts:
        engine.add(Request(ids, new, logprobs=False))
    start = time.process_time()
    while not engine.idle:
        engine.step()
    cache = engine.cache
    kept = (cache.k, cache.v, getattr(cache, "k_scale", {}), getattr(cache, "v_scale", {}))
    held = sum(tensor.nbytes for tensors in kept for tensor in tensors.values())
    return time.process_time() - start, held


def best(model: Transformer, prompts: list[list[int]], new: int, how: dict) -> tuple[float, int]:
    """The least time of several."""
    return min(seconds(model, prompts, new, how) for _ in range(TIMES))


def main() -> None:
    """Print a table and keep it."""
    torch.set_num_threads(1)
    model, lines = small(), []
    for rows in (64, 1):
        for name, how in WAYS.items():
            spent, held = best(model, [prompt(number, PROMPT) for number in range(rows)], NEW, how)
            lines.append({"rows": rows, "way": name, "tokens_per_second": round(rows * NEW / spent), "bytes": held})
            print(" ".join(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
    beginning = prompt(0, 400)
    for share in (False, True):
        prompts = [[*beginning, *prompt(number, 10)] for number in range(16)]
        spent, _ = best(model, prompts, 1, {"share": share})
        lines.append({"rows": 16, "way": f"400 tokens alike, share={share}", "ms": round(1e3 * spent, 1)})
        print(" ".join(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
    results = Path(__file__).parent / "results" / "cache.jsonl"
    run = {"depth": 4, "width": 128, "vocabulary": VOCABULARY, "cpu": hardware.look().cpu, "threads": 1, "runs": lines}
    with results.open("a") as file:
        file.write(json.dumps(run) + "\n")


if __name__ == "__main__":
    main()
