"""Our models beside transformers' (sdpa) of the same weights: forward, and forward with backward, in f32 and bf16.

    python bench/model_peers.py [--threads N] [--only NAME] [--rounds N]

One process, contestants in turn, the best of several rounds each; logits are compared first. In bf16 there are two pairs:
weights in f32 that are multiplied in bf16 (ours as it trains, theirs under torch.autocast), and weights rounded to bf16.
Every run is added to bench/results/model_peers.jsonl.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import AutoModelForCausalLM

from groundup import hardware
from groundup.model import folder
from groundup.model.attention import quickest
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.training.allocator import keep_memory

RESULTS = Path(__file__).parent / "results" / "model_peers.jsonl"
SIZES = {
    "llama 30M": {"family": "llama", "depth": 7, "width": 512, "heads": 8, "hidden": 1376, "vocabulary": 16_384},
    "gpt2 30M": {"family": "gpt2", "depth": 7, "width": 512, "heads": 8, "vocabulary": 16_384},
    "llama 124M": {"family": "llama", "depth": 12, "width": 768, "heads": 12, "hidden": 2048, "vocabulary": 50_304},
    "gpt2 124M": {"family": "gpt2", "depth": 12, "width": 768, "heads": 12, "vocabulary": 50_257},
}
ROWS, TIME = 4, 256
Step = Callable[[], object]


def contestants(place: str, ours: Transformer, bf16: bool, ids: torch.Tensor, training: bool) -> dict[str, Step]:
    """What is timed, by name."""
    theirs = peer(place)
    if not bf16:
        return {"ours": step(ours, ids, training), "transformers": step(theirs, ids, training)}
    both = folder.load(place, "bf16"), theirs.to(torch.bfloat16)
    both[0].attention = ours.attention
    return {
        "ours": step(ours, ids, training),
        "transformers, autocast": step(peer(place), ids, training, lambda: torch.autocast("cpu", torch.bfloat16)),
        "ours, weights in bf16": step(both[0], ids, training),
        "transformers, weights in bf16": step(both[1], ids, training),
    }


def peer(place: str) -> torch.nn.Module:
    """transformers' model of the same folder."""
    return AutoModelForCausalLM.from_pretrained(place, attn_implementation="sdpa")


def step(model: torch.nn.Module, ids: torch.Tensor, training: bool, context: Callable = nullcontext) -> Step:
    """One pass over ids."""

    def go() -> None:
        with context(), torch.inference_mode(not training):
            logits = model(ids) if isinstance(model, Transformer) else model(ids, use_cache=False).logits
            loss = F.cross_entropy(logits.float().flatten(0, 1), ids.flatten()) if training else None
        if loss is not None:
            loss.backward()
            model.zero_grad()

    return go


def timed(steps: dict[str, Step], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """The best seconds of each, one round after the other."""
    best = dict.fromkeys(steps, float("inf"))
    for number in range(rounds + 1):  # the first is for warming up
        for name, step in steps.items():
            start = clock()
            step()
            spent = clock() - start
            best[name] = min(best[name], spent) if number else best[name]
    return best


def main() -> None:
    """Print and keep a line for each."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked.add_argument("--only", default="")
    asked.add_argument("--rounds", type=int, default=4)
    words = asked.parse_args()
    torch.set_num_threads(words.threads)
    keep_memory()  # else both spend a fifth of their time on asking the system for memory
    for name, sizes in SIZES.items():
        if words.only not in name:
            continue
        settings = ModelSettings(**sizes, context=1024, tied=True)
        made = Transformer(settings)
        with tempfile.TemporaryDirectory() as place:
            with torch.no_grad():
                for parameter in made.parameters():
                    parameter.normal_(0, 0.02)
            folder.save(place, made)
            del made
            compare(name, place, words.threads, words.rounds)


def compare(name: str, place: str, threads: int, rounds: int) -> None:
    """All passes and precisions of one model, a line each."""
    # On one thread, processor time: what else runs on the machine changes it little.
    clock = time.process_time if threads == 1 else time.perf_counter
    ours = folder.load(place)
    ids = torch.randint(ours.settings.vocabulary, (ROWS, TIME))
    with torch.inference_mode():
        mine, expected = ours(ids), peer(place)(ids).logits
    off = float((mine - expected).abs().max() / expected.abs().max())
    for precision in ("f32", "bf16"):
        ours.compute = None if precision == "f32" else torch.bfloat16
        for training in (False, True):
            dtype = ours.compute or torch.float32
            ours.attention = quickest(ours.settings, ROWS, TIME, dtype, training=training)
            best = timed(contestants(place, ours, precision == "bf16", ids, training), rounds, clock)
            told = {"model": name, "precision": precision, "pass": "forward, backward" if training else "forward"}
            told |= {"threads": threads, "rows": ROWS, "time": TIME, "attention": ours.attention}
            told |= {"seconds": {each: round(spent, 4) for each, spent in best.items()}}
            told |= {"times_faster": ratios(best), "logits_off": off, "cpu": hardware.look().cpu}
            print(json.dumps(told), flush=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(told) + "\n")


def ratios(best: dict[str, float]) -> dict[str, float]:
    """Of ours beside theirs, like with like."""
    pairs = {
        "transformers": "ours",
        "transformers, autocast": "ours",
        "transformers, weights in bf16": "ours, weights in bf16",
    }
    return {theirs: round(best[theirs] / best[ours], 2) for theirs, ours in pairs.items() if theirs in best}


if __name__ == "__main__":
    main()
