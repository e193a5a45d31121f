"""Learning one batch by heart before anything else: what can be learnt passes, what cannot is refused, no bit is changed."""

import json
from pathlib import Path

import pytest
import torch

from groundup.__main__ import main
from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.objectives.chained import Chained
from groundup.objectives.next_token import NextToken
from groundup.training.overfit import overfit
from groundup.training.settings import OptimizerSettings, TrainSettings
from tests.training_example import make, make_world, settings


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), 60)


def weights(made: Path) -> bytes:
    return (made / "model" / "model.safetensors").read_bytes()


def notes(made: Path) -> list[str]:
    told = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    return [line["note"] for line in told if "note" in line]


@pytest.mark.parametrize("family", ["qwen3", "gru"])
def test_it_says_how_far_the_loss_fell_and_leaves_the_training_as_it_was(world, tmp_path, family):
    asked = {"model.family": family, "training.segments": 2 if family == "gru" else 1, "training.time": 16}
    plain = make(tmp_path / "plain", settings(world, **asked))
    checked = make(tmp_path / "checked", settings(world, **asked, **{"training.overfit": True}))
    assert weights(plain) == weights(checked)
    assert any("one batch can be learnt: its loss fell from" in note for note in notes(checked))
    assert not any("one batch" in note for note in notes(plain))


def source(world: Path):
    return pages(Shards(world / "tokens" / "train"), 4, 16, seed=1)


def model(world: Path, family: str = "qwen3"):
    vocabulary = Shards(world / "tokens" / "train").vocabulary
    return build(ModelSettings(family=family, depth=1, width=32, heads=2, vocabulary=vocabulary), seed=1).train()


def test_nothing_of_the_model_nor_of_torch_s_dice_has_moved(world):
    made, asked = model(world, "gru"), TrainSettings(steps=5, rows=4, time=16)
    before, dice = {name: value.clone() for name, value in made.state_dict().items()}, torch.get_rng_state()
    first, last = overfit(made, Chained(source(world), 2), asked)
    assert last < 0.5 * first and torch.equal(dice, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    assert all(parameter.grad is None for parameter in made.parameters())


@pytest.mark.parametrize("rate", [1e-9, 1e4])
def test_a_batch_that_is_not_learnt_is_refused_with_what_to_look_at(world, tmp_path, rate):
    optimizer = OptimizerSettings(kind="adamw", rate=rate)
    with pytest.raises(
        Problem, match=r"not learnt by heart: its loss was 5\.\d+ before and .* Look at the learning rates"
    ):
        overfit(model(world), NextToken(source(world)), TrainSettings(rows=4, time=16, optimizer=optimizer))
    asked = settings(world, **{"training.overfit": True, "training.optimizer": {"kind": "adamw", "rate": rate}})
    with pytest.raises(Problem, match="one batch of 8 rows was not learnt"):
        make(tmp_path / "made", asked)
    assert not list(tmp_path.glob("made-*")) and not list(tmp_path.glob("made.partial/checkpoints/*"))


def test_only_what_is_held_in_memory_at_once_is_learnt(world):
    seen = []

    class Watched(NextToken):
        def batch(self, step, rows=None):
            seen.append((step, list(rows)))
            return super().batch(step, rows)

    overfit(model(world), Watched(source(world)), TrainSettings(rows=4, time=16, accumulate=2))
    assert seen == [(0, [0, 1])]


@pytest.mark.parametrize(
    ("rate", "code", "said"),
    [
        ("0.01", 0, "one batch can be learnt: its loss fell from 5."),
        ("1e-9", 2, "one batch of 4 rows was not learnt by heart"),
    ],
)
def test_the_command_says_whether_it_can_be_learnt_and_its_exit_code_too(world, capsys, rate, code, said):
    words = [f"data={world / 'tokens'}", "model.depth=1", "model.width=32", "training.rows=4", "training.time=16"]
    words += ["training.precision=f32", "training.optimizer.kind=adamw", f"training.optimizer.rate={rate}"]
    assert main(["overfit", *words, "training.overfit=true", "--steps", "30"]) == code
    told = capsys.readouterr()
    assert said in (told.out if code == 0 else told.err) and "30 steps" in told.out + told.err
    assert "training.overfit=false" not in told.err, "that is advice for train"
    assert main(["overfit", *words, "training.rows=0"]) == 2
