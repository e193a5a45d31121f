"""What a checkpoint costs a training: seconds a step with and without one in the background, taken by turns.

    python -m bench.checkpointing [--turns 3] [--depth 10 --width 384 --vocabulary 32768]

By default a model of 30M parameters, steps of 16,384 tokens, a checkpoint every 20 steps. Each turn measures a step alone
and a step during which a checkpoint is written; their difference, and as a bound that no other work on the machine can
blur the seconds that the copy holds the step up plus the processor seconds of the writing thread, are told as shares of
20 steps. Every run is added to bench/results/checkpointing.jsonl.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from groundup import hardware
from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards, Writer
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training import checkpoint
from groundup.training.allocator import keep_memory
from groundup.training.loop import Training
from groundup.training.settings import TrainSettings
from groundup.training.writing import Writing

RESULTS = Path(__file__).parent / "results" / "checkpointing.jsonl"
EVERY = 20  # steps between two checkpoints


def prepared(folder: Path, asked: argparse.Namespace) -> Training:
    """A training on random tokens."""
    writer = Writer(folder, asked.vocabulary)
    chance = np.random.default_rng(1)
    writer.add([chance.integers(asked.vocabulary, size=200_000)], 800_000)
    writer.close()
    sizes = {"depth": asked.depth, "width": asked.width, "vocabulary": asked.vocabulary, "tied": True}
    model = Transformer(ModelSettings(**sizes), seed=1)
    model.compute, model.attention = torch.bfloat16, "plain"
    settings = TrainSettings(rows=asked.tokens // 256, time=256, accumulate=asked.tokens // 2048)
    return Training(model, NextToken(pages(Shards(folder), settings.rows, 256, 1)), settings, torch.bfloat16)


def with_a_checkpoint(training: Training, writing: Writing, folder: Path, step: int, spent: dict[str, list[float]]):
    """A step during which one is written, and what the copy and the writing took."""

    def write(state: dict[str, torch.Tensor]) -> None:
        began = time.thread_time()
        checkpoint.save(folder, step + 1, state, "bench", {}, 1)
        spent["background"].append(time.thread_time() - began)

    began = time.perf_counter()
    writing.start(training.state, write)
    spent["held_up"].append(time.perf_counter() - began)
    training.advance(step)
    whole = time.perf_counter()
    writing.wait()  # what did not fit into the step would delay the next checkpoint alone
    spent["late"].append(time.perf_counter() - whole)
    spent["with"].append(whole - began)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("turns", 3), ("depth", 10), ("width", 384), ("vocabulary", 32768), ("tokens", 16384)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--threads", type=int, default=hardware.look().threads)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_memory()
    spent: dict[str, list[float]] = {"without": [], "with": [], "held_up": [], "background": [], "late": []}
    with tempfile.TemporaryDirectory(prefix="groundup-bench-") as place:
        training, writing = prepared(Path(place, "tokens"), asked), Writing(Path(place))
        training.advance(0)
        with_a_checkpoint(training, writing, Path(place, "checkpoints"), 1, {name: [] for name in spent})
        for turn in range(asked.turns):
            began = time.perf_counter()
            training.advance(2 + 2 * turn)
            spent["without"].append(time.perf_counter() - began)
            with_a_checkpoint(training, writing, Path(place, "checkpoints"), 3 + 2 * turn, spent)
        writing.rest()
        size = sum(value.nbytes for value in training.state.values())
    step = statistics.median(spent["without"])
    differences = [more - less for more, less in zip(spent["with"], spent["without"], strict=True)]
    bound = statistics.median(spent["held_up"]) + statistics.median(spent["background"])
    told = {
        "parameters": sum(value.numel() for value in training.parameters.values()),
        "tokens_a_step": asked.tokens,
        "checkpoint_mb": round(size / 1e6),
        "cpu": hardware.look().cpu,
        "threads": asked.threads,
        "seconds": {name: [round(value, 3) for value in values] for name, values in spent.items()},
        "cost_by_difference": round(statistics.median(differences) / (EVERY * step), 4),
        "cost_at_most_by_processor_time": round(bound / (EVERY * step), 4),
    }
    print(json.dumps(told, indent=1))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
