"""The loop: the same bits whenever it is run, however its steps are split, and whatever a gradient throws at it."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training.keeper import Hooks
from groundup.training.loop import Training, train
from groundup.training.optimizers.table import OPTIMIZERS
from groundup.training.settings import OptimizerSettings, TrainSettings
from tests.training_example import make_world


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Shards:
    return Shards(make_world(tmp_path_factory.mktemp("world"), 60) / "tokens" / "train")


def objective(shards, rows=8) -> NextToken:
    return NextToken(pages(shards, rows, 24, seed=5))


def model(dtype=torch.float32, compute=None) -> Transformer:
    built = Transformer(ModelSettings(depth=2, width=32, vocabulary=300, head_width=16), seed=3).to(dtype)
    built.compute = compute
    return built


def digest(training: Training) -> str:
    whole = hashlib.sha256()
    for name, tensor in sorted(training.state.items()):
        whole.update(name.encode() + tensor.numpy().tobytes())
    return whole.hexdigest()


def small(steps=6, **values) -> TrainSettings:
    return TrainSettings(steps=steps, rows=8, time=24, log_every=1, **values)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_any_split_of_a_step_is_the_same_step(shards, kind):
    ends = []
    for accumulate in (1, 4, 8):
        settings = small(4, accumulate=accumulate, optimizer=OptimizerSettings(kind=kind))
        ends.append(train(model(torch.float64), objective(shards), settings).state)
    for other in ends[1:]:
        for name, tensor in ends[0].items():
            torch.testing.assert_close(other[name], tensor, atol=1e-12, rtol=1e-9, msg=name)


@pytest.mark.parametrize("compute", [None, torch.bfloat16])
def test_two_runs_end_with_the_same_bits(shards, compute):
    first, second = (train(model(compute=compute), objective(shards), small(), dtype=compute) for _ in range(2))
    assert digest(first) == digest(second)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_model_learns(shards, kind):
    lines, settings = [], small(60, optimizer=OptimizerSettings(kind=kind))
    train(model(), objective(shards), settings, hooks=Hooks(log=lambda **line: lines.append(line)))
    slow = kind in ("lion", "adafactor")  # whose steps do not grow with the gradient
    assert lines[0]["loss"] > 5 and lines[-1]["loss"] < (3.0 if slow else 1.5)


STATES = [("muon", "bf16"), ("muon", "8bit"), ("adamw", "8bit")]  # of a size at which 8 bits are more than a word


@pytest.mark.parametrize("kind, state", [(kind, "f32") for kind in OPTIMIZERS if kind != "muon"] + STATES)
def test_every_optimizer_goes_on_with_the_same_bits(shards, tmp_path, kind, state):
    def wide():
        return Transformer(ModelSettings(depth=1, width=64, vocabulary=300, head_width=32), seed=3)

    settings = small(4, optimizer=OptimizerSettings(kind=kind, state=state))
    undisturbed = train(wide(), objective(shards), settings)
    asked = []
    with pytest.raises(KeyboardInterrupt):
        hooks = Hooks(stopping=lambda: asked.append(1) or len(asked) > 2)
        train(wide(), objective(shards), settings, tmp_path, "run", hooks)
    resumed = train(wide(), objective(shards), settings, tmp_path, "run")
    assert resumed.state.keys() == undisturbed.state.keys()
    assert all(torch.equal(value, undisturbed.state[name]) for name, value in resumed.state.items())


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_training_that_was_stopped_and_resumed_ends_with_the_same_bits(shards, tmp_path, stop):
    undisturbed = train(model(), objective(shards), small())
    asked = []
    hooks = Hooks(stopping=lambda: asked.append(1) or len(asked) > stop)
    with pytest.raises(KeyboardInterrupt):
        train(model(), objective(shards), small(), tmp_path, "run", hooks)
    resumed = []
    ended = train(model(), objective(shards), small(), tmp_path, "run", Hooks(rewind=resumed.append))
    assert resumed == [stop - 1] and digest(ended) == digest(undisturbed)


def test_lines_of_metrics_are_the_same_after_a_stop(shards, tmp_path):
    def told(folder, stops):
        lines = []

        def rewind(step):
            lines[:] = [line for line in lines if line["step"] <= step]

        for stop in [*stops, 99]:
            asked = []
            hooks = Hooks(log=lambda **line: lines.append(line), rewind=rewind)
            hooks.validate = lambda model, step: {"validation": 1.0}
            hooks.stopping = lambda asked=asked, stop=stop: asked.append(1) or len(asked) > stop
            settings = TrainSettings(steps=9, rows=8, time=24, log_every=2, validate_every=4)
            try:
                train(model(), objective(shards), settings, folder, "run", hooks)
            except KeyboardInterrupt:
                continue
        return [{k: v for k, v in line.items() if k not in ("tokens_per_s", "mfu")} for line in lines]

    assert told(tmp_path / "a", []) == told(tmp_path / "b", [3, 1, 2])


class Poisoned(NextToken):
    """At one step the targets cost more than a number can hold."""

    def loss(self, model, batch):
        terms = super().loss(model, batch)
        if not self.poison:
            return terms
        return {name: replace(term, sum=term.sum * float("nan")) for name, term in terms.items()}


def test_a_loss_that_is_no_number_never_reaches_the_weights(shards):
    poisoned = Poisoned(objective(shards).source)
    training = Training(model(), poisoned, small())
    poisoned.poison = False
    training.advance(0)
    before = digest(training)
    skipped = {name: value.clone() for name, value in training.sums.items()}
    poisoned.poison = True
    training.advance(1)
    assert training.sums["skipped"] == skipped["skipped"] + 1
    training.sums["skipped"] -= 1
    training.guard.slots["guard.became"].zero_()
    assert digest(training) == before
    poisoned.poison = False
    training.advance(1)
    assert digest(training) != before and all(value.isfinite().all() for value in training.state.values())


def test_skipped_steps_are_told(shards):
    poisoned, said, lines = Poisoned(objective(shards).source), [], []
    poisoned.poison = True
    train(model(), poisoned, small(2), hooks=Hooks(say=said.append, log=lambda **line: lines.append(line)))
    assert "not finite" in said[0] and [line["skipped"] for line in lines] == [1, 1]


def test_a_long_gradient_is_cut_to_the_length_allowed(shards):
    settings = small(1, clip=1e-3, optimizer=OptimizerSettings(kind="adamw"))
    training = Training(model(), objective(shards), settings)
    training.advance(0)
    means = [value for name, value in training.state.items() if name.startswith("adamw.mean")]
    length = torch.cat([mean.flatten() for mean in means]).norm() / (1 - settings.optimizer.beta1)
    assert length.item() == pytest.approx(1e-3, rel=1e-3) and training.sums["gradient"] > 1e-3


def test_rows_that_do_not_split_evenly_are_refused(shards):
    with pytest.raises(ValueError, match="accumulate"):
        small(accumulate=3)
    with pytest.raises(Problem, match="accumulate"):
        Training(model(), objective(shards, rows=6), small(accumulate=4))


def test_the_state_holds_every_weight_and_shares_its_memory(shards):
    training = Training(model(), objective(shards), small())
    training.advance(0)
    for name, value in training.model.named_parameters():
        assert training.state[f"model.{name}"].data_ptr() == value.data_ptr()
    assert np.isfinite(training.sums["loss"].item())
