"""Chains of segments in the train stage: killed inside a chain they end with the same bits. Also a program, to be killed.

python tests/test_training_chains.py FAMILY OUT DATA STEP SEGMENT    kills itself at that segment of that step; -1: never
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.objectives.chained import Chained
from groundup.training.loop import train
from groundup.training.settings import TrainSettings
from tests.training_example import make, make_world, settings

TOP = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
FAMILIES = ["gru", "lstm", "mamba", "mingru", "rnn", "transformer_xl"]


class Deadly(Chained):
    """Chains of which one ends the process in its midst."""

    def __init__(self, source, segments: int, step: int, segment: int):
        super().__init__(source, segments)
        self.step, self.segment, self.now = step, segment, -1

    def batch(self, step: int, rows=None):
        self.now = step
        return super().batch(step, rows)

    def losses(self, model, batch) -> Iterator:
        for number, terms in enumerate(super().losses(model, batch)):
            if (self.now, number) == (self.step, self.segment):
                os.kill(os.getpid(), signal.SIGKILL)
            yield terms


def learn(family: str, out: Path, data: Path, step: int, segment: int) -> None:
    """A few steps; the sha256 of all that a training keeps lies in OUT/bits."""
    torch.set_num_threads(1)
    shards = Shards(data)
    asked = TrainSettings(steps=6, rows=4, time=8, segments=3, checkpoint_every=1, accumulate=2)
    objective = Deadly(pages(shards, 4, 24, seed=1), 3, step, segment)
    made = build(ModelSettings(family=family, depth=1, width=16, heads=2, vocabulary=shards.vocabulary), seed=1)
    state = train(made.train(), objective, asked, out).state
    digest = hashlib.sha256(b"".join(state[name].numpy().tobytes() for name in sorted(state)))
    (out / "bits").write_text(digest.hexdigest())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), 60)


def call(family: str, out: Path, world: Path, step: int, segment: int) -> int:
    words = [sys.executable, __file__, family, str(out), str(world / "tokens" / "train"), str(step), str(segment)]
    return subprocess.run(words, env=ENVIRONMENT, stderr=subprocess.DEVNULL, timeout=120).returncode


@pytest.mark.parametrize("family", ["gru", "transformer_xl"])
def test_killed_inside_a_chain_it_ends_with_the_same_bits(world, tmp_path, family):
    learn(family, tmp_path / "whole", world / "tokens" / "train", -1, -1)
    assert call(family, tmp_path / "killed", world, 3, 1) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "bits").exists()
    learn(family, tmp_path / "killed", world / "tokens" / "train", -1, -1)
    assert (tmp_path / "killed" / "bits").read_text() == (tmp_path / "whole" / "bits").read_text()


def lines(made: Path, name: str) -> list[float]:
    told = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    return [line[name] for line in told if name in line]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_that_carries_a_state_learns_in_the_stage(world, tmp_path, family):
    asked = {"model.family": family, "training.segments": 3, "training.time": 12, "model.depth": 1, "model.heads": 2}
    made = make(tmp_path / "made", settings(world, **asked, **{"training.steps": 20}))
    loss = lines(made, "loss")
    assert loss[-1] < loss[0] - 1 and lines(made, "validation")[-1] < loss[0] - 1
    assert lines(made, "tokens")[-1] == 20 * 8 * 3 * 12


def test_texts_that_are_packed_into_a_chain_stay_blind_to_each_other(world, tmp_path):
    asked = {"model.family": "gru", "training.segments": 2, "training.mask": "documents", "training.steps": 4}
    assert lines(make(tmp_path / "made", settings(world, **asked)), "validation")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model.family": "qwen3"}, "family qwen3 carries nothing from segment to segment"),
        ({"model.family": "gru", "training.recompute": True}, "a chain holds one segment at a time already"),
        ({"model.family": "gru", "objective.kind": "answers"}, "cuts pages into chains"),
    ],
)
def test_what_cannot_be_a_chain_is_said(world, tmp_path, asked, words):
    with pytest.raises(Problem, match=words):
        make(tmp_path / "made", settings(world, **{"training.segments": 2, **asked}))


if __name__ == "__main__":
    learn(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
