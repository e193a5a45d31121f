"""A training of a second whose every loss is written down: for golden numbers and for docs/determinism.md.

python tests/losses_example.py PRECISION THREADS   prints the losses and a hash of the weights as JSON
"""

import hashlib
import json
import sys

import numpy as np
import torch

from groundup.data.tokens.batches import Batch
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training.deterministic import one_order
from groundup.training.loop import Training
from groundup.training.settings import TrainSettings

STEPS, VOCABULARY = 20, 96
KEPT = (1, 2, 5, 10, 20)  # steps whose losses are kept


class Sums:
    """Rows in which each token follows from the two before it, now and then by chance."""

    rows, time = 32, 64

    def batch(self, step: int, rows=None) -> Batch:
        dice = np.random.default_rng(step)
        ids = dice.integers(VOCABULARY, size=(self.rows, self.time + 1))
        loose = dice.random(ids.shape) < 0.1
        for at in range(2, self.time + 1):
            told = (ids[:, at - 1] + ids[:, at - 2]) % 16
            ids[:, at] = np.where(loose[:, at], ids[:, at], told)
        return Batch(ids[:, :-1].copy(), ids[:, 1:].copy(), np.ones((self.rows, self.time), np.float32))


def train(precision: str, threads: int) -> dict[str, object]:
    """Losses after some steps, all digits, and the first digits of a hash of the weights."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    compute = torch.bfloat16 if precision == "bf16" else None
    settings = ModelSettings(vocabulary=VOCABULARY, depth=2, width=128, heads=4, tied=False)
    model = Transformer(settings, 1, compute=compute)
    asked = TrainSettings.model_validate({"steps": STEPS, "rows": Sums.rows, "time": Sums.time})
    training, losses = Training(model, NextToken(Sums()), asked, compute), []
    try:
        with one_order("cpu"):
            for step in range(STEPS):
                losses.append(training.advance(step)["next_token"].item())
    finally:
        torch.set_num_threads(before)
    weights = b"".join(value.detach().numpy().tobytes() for value in model.parameters())
    return {"losses": [losses[step - 1] for step in KEPT], "weights": hashlib.sha256(weights).hexdigest()[:16]}


if __name__ == "__main__":
    print(json.dumps(train(sys.argv[1], int(sys.argv[2]))))
