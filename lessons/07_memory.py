"""Lesson 7: a ten times larger model on the same machine.

    python lessons/07_memory.py [FILE.txt …]

Training takes far more memory than the model. This lesson weighs what takes it, takes it away piece by piece, and then asks:
within a fixed budget of bytes, how large a model can be trained? Every step runs in a process of its own, and the kernel says what
that process held at most; nothing here is believed because a formula says so. It takes about a minute.
"""

import sys
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import torch

from groundup import Tokenizer
from groundup.data.tokens.batches import Batch
from groundup.evaluation.report import of_memory
from groundup.model import cost
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training.loop import Training
from groundup.training.measured import Taken, taken
from groundup.training.memory import spare, step_bytes
from groundup.training.settings import TrainSettings

torch.set_num_threads(1)
VOCABULARY, ROWS, TIME = 8192, 8, 256  # 2,048 tokens in a step
BUDGET = 220_000_000  # bytes beyond what Python and torch take by themselves

files = [Path(name) for name in sys.argv[1:]]
text = "\n\n".join([file.read_text(encoding="utf-8") for file in files] or [topics[name] for name in sorted(topics)])
tokens = Tokenizer.train(text[:300_000].split("\n\n"), 2048).encode(text[:300_000])
tokens = np.resize(tokens, max(len(tokens), ROWS * (TIME + 1)))  # a small text is read more than once


class Pages:
    """Rows of the text, cut one after the other."""

    rows, time = ROWS, TIME

    def batch(self, step, rows=None):
        starts = [(step * ROWS + row) * TIME % (len(tokens) - TIME) for row in rows or range(ROWS)]
        row = np.stack([tokens[start : start + TIME + 1] for start in starts]).astype(np.int64)
        return Batch(row[:, :-1], row[:, 1:], np.ones((len(starts), TIME), np.float32))


# 1. A step. Weights, a gradient for each, and two running means for each that AdamW keeps: 16 bytes a parameter. Then what the
#    forward pass leaves for the backward one, and the logits: a number for each token of the step and each of the vocabulary.


def model_of(size: int) -> ModelSettings:
    """A ladder of models: each rung is wider and deeper."""
    return ModelSettings(vocabulary=VOCABULARY, width=32 * size, depth=size + 1)


def training_of(ways: dict) -> TrainSettings:
    common = {"steps": 100, "rows": ROWS, "time": TIME, "logits": "whole", "optimizer": {"kind": "adamw"}}
    return TrainSettings.model_validate(
        {**common, **{name: value for name, value in ways.items() if name != "compute"}}
    )


def step(size: int, ways: dict) -> None:
    """Make a model and train it for one step, in the ways that are asked for."""
    model, training = Transformer(model_of(size)), training_of(ways)
    model.compute = ways.get("compute")
    spare(model, training, print)
    Training(model, NextToken(Pages()), training).advance(0)


alone = taken(
    lambda: step(1, {"accumulate": 8, "logits": "chunked"})
)  # next to nothing, so: what Python and torch take


def weigh(size: int, ways: dict) -> Taken:
    """Bytes beyond `alone`, and seconds of the processor."""
    found = taken(lambda: step(size, ways))
    return Taken(found.peak_bytes - alone.peak_bytes, found.seconds)


SIZE = 2
plain = cost.parameters(model_of(SIZE))
tokens_in_a_step = ROWS * TIME
print(f"1. {plain / 1e6:.2f} M parameters: {16 * plain / 1e6:.0f} MB with gradients and means,")
print(f"   {tokens_in_a_step * VOCABULARY * 4 / 1e6:.0f} MB of logits, and as much for their gradient\n")


# 2. Each way alone, on that model. None of them changes what is learnt: sums are the same, gradients are the same bits or
#    differ in the last of them (bf16 rounds activations, and weights stay in f32).

WHAT = {
    "plain": "All logits, and all that the backward pass will ask for, are there at once.",
    "chunked loss": "Some rows of text at a time meet the head; what their logits do to vectors and head is added up, and they go.",
    "layers computed again": "Only what came into a layer waits for the backward pass, which computes the rest a second time.",
    "attention computed again": "The same for one half of each layer: the half whose scores grow with the square of a text.",
    "feed-forward computed again": "The same for the other half, which is wider than everything else in a layer.",
    "in eight parts": "An eighth of the rows at a time; gradients are added up, and the step is the same step.",
    "activations in bf16": "Two bytes a number instead of four on the way; weights, gradients and means stay as they are.",
}
WAYS = {
    "plain": {},
    "chunked loss": {"logits": "chunked"},
    "layers computed again": {"recompute": True},
    "attention computed again": {"recompute": "attention"},
    "feed-forward computed again": {"recompute": "feedforward"},
    "in eight parts": {"accumulate": 8},
    "activations in bf16": {"compute": torch.bfloat16},
}
print(f"2. one step of {tokens_in_a_step:,} tokens:")
print("   way                               MB     seconds")
each = []
for name, ways in WAYS.items():
    found = weigh(SIZE, ways)
    each.append({"name": name, "what": WHAT[name], "bytes": found.peak_bytes, "seconds": found.seconds})
    print(f"   {name:<30} {found.peak_bytes / 1e6:6.0f}   {found.seconds:7.2f}")
print()


# 3. One after the other, and each time: the largest model whose step stays within the budget. The formulas in `model/cost.py`
#    propose a size, the kernel has the last word. What each way takes away makes room for weights, until weights are all there is.

LADDER = {
    "plain": {},
    "chunked loss": {"logits": "chunked"},
    "and layers computed again": {"logits": "chunked", "recompute": True},
    "and in eight parts": {"logits": "chunked", "recompute": True, "accumulate": 8},
}


def largest(ways: dict) -> tuple[int, Taken]:
    """Down from what the formula promises, until a step really stays within the budget."""
    training = training_of(ways)
    size = max(size for size in range(1, 40) if step_bytes(model_of(size), training, ROWS) <= 1.1 * BUDGET or size == 1)
    while (found := weigh(size, ways)).peak_bytes > BUDGET and size > 1:
        size -= 1
    return size, found


print(f"3. the largest model within {BUDGET / 1e6:.0f} MB:")
print("   way                         parameters   times      MB     seconds")
rungs = []
for name, ways in LADDER.items():
    size, found = largest(ways)
    count = cost.parameters(model_of(size))
    rungs.append({"name": name, "parameters": count, "bytes": found.peak_bytes, "seconds": found.seconds})
    times = count / rungs[0]["parameters"]
    print(f"   {name:<27} {count:>11,}   {times:5.1f}   {found.peak_bytes / 1e6:5.0f}   {found.seconds:7.2f}")
assert rungs[-1]["parameters"] >= 10 * rungs[0]["parameters"], (
    "less than ten times: is other work holding this machine's memory?"
)
print()


# The figure. What is left are 16 bytes for each parameter; optimizers with smaller means are the next thing to take away.

into = Path("runs/lessons/07_memory")
of_memory.write({"budget": BUDGET, "tokens": tokens_in_a_step, "parameters": plain, "each": each, "rungs": rungs}, into)
print(f"made {into / 'report.html'}")
print("next: open it in a browser, then do lessons/exercises/07_memory.py")
