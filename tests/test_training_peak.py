"""What `cost.training_bytes` foretells is what a step takes: peaks of processes of their own."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from groundup.data.tokens.batches import Batch
from groundup.errors import Problem
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training.allocator import give_back_memory
from groundup.training.loop import Training
from groundup.training.measured import taken
from groundup.training.memory import spare, step_bytes
from groundup.training.settings import TrainSettings

torch.set_num_threads(1)
ADAM = {"optimizer": {"kind": "adamw"}}
# the model, and how it is trained
CONFIGS = {
    "logits": ({"depth": 2, "width": 96, "vocabulary": 8192}, {"rows": 4, "time": 256, "logits": "whole"}),
    "chunks": ({"depth": 4, "width": 192, "vocabulary": 16_384}, {"rows": 8, "time": 256, "logits": "chunked"}),
    "layers again": ({"depth": 6, "width": 256, "vocabulary": 2048}, {"rows": 8, "time": 256, "recompute": True}),
    "half of them": ({"depth": 8, "width": 128, "vocabulary": 2048}, {"rows": 8, "time": 256, "recompute": "attention"}),
}  # fmt: skip
TINY = {"depth": 1, "width": 32, "vocabulary": 64}, {"rows": 1, "time": 8}


class Random:
    """Any tokens will do."""

    def __init__(self, rows, time, vocabulary):
        self.rows, self.time, self.vocabulary = rows, time, vocabulary

    def batch(self, step, rows=None):
        text = np.random.default_rng(step).integers(0, self.vocabulary, (len(rows), self.time + 1))
        return Batch(text[:, :-1], text[:, 1:], np.ones((len(rows), self.time), np.float32))


def step(model, training) -> None:
    asked = TrainSettings.model_validate({"steps": 10} | ADAM | training)
    made = Transformer(ModelSettings.model_validate(model))
    spare(made, asked, lambda sentence: None)
    Training(made, NextToken(Random(asked.rows, asked.time, model["vocabulary"])), asked).advance(0)


def peaks(name: str) -> list[int]:
    """Bytes of a step of this kind and of next to nothing, of a process in which nothing else was done before."""
    gc.collect()
    give_back_memory()
    return [taken(lambda given=given: step(*given)).peak_bytes for given in (CONFIGS[name], TINY)]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_step_takes_what_was_foretold(name):
    asked = [sys.executable, "-m", "tests.test_training_peak", name]  # a process with threads must not be forked
    told = subprocess.run(asked, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=120, check=True)
    peak, alone = json.loads(told.stdout.splitlines()[-1])
    model, training = CONFIGS[name]
    asked = TrainSettings.model_validate(ADAM | training)
    told = step_bytes(ModelSettings.model_validate(model), asked, asked.rows)
    assert (peak - alone) / told == pytest.approx(1, abs=0.25 if name == "half of them" else 0.15)


def test_work_that_fails_is_told(capfd):
    with pytest.raises(Problem, match="failed"):
        taken(lambda: 1 / 0)
    assert "ZeroDivisionError" in capfd.readouterr().err


if __name__ == "__main__":
    print(json.dumps(peaks(sys.argv[1])))
