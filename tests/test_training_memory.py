"""Ways to train in less memory: fp16 with a scaled loss, activations computed again or kept elsewhere. None changes what is learnt."""

import json

import pytest
import torch

from groundup.errors import Problem
from groundup.model import cost
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training import scaling
from groundup.training.keeper import Hooks
from groundup.training.loop import Training, train
from groundup.training.offload import OnHost, on_host
from groundup.training.scaling import LossScale
from groundup.training.settings import OptimizerSettings, TrainSettings
from tests.model_example import model
from tests.training_example import Counting, make, make_world, settings


def training(steps=40, kind="adamw", compute=torch.float16, seed=1, **values) -> Training:
    made = model("llama", seed)
    made.compute = compute
    asked = TrainSettings(
        steps=steps, rows=4, time=16, log_every=1, optimizer=OptimizerSettings(kind=kind, rate=0.003), **values
    )
    return Training(made, NextToken(Counting()), asked)


def test_the_scale_doubles_after_good_steps_and_halves_after_a_bad_one():
    scale, seen = LossScale(start=8.0, patience=3), []
    for strength in (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0):
        scale.learn(torch.tensor(strength))
        seen.append(scale.value.item())
    assert seen == [8, 8, 16, 8, 8, 8, 4, 4, 4, 8]


def test_the_scale_stays_within_its_bounds():
    low, high = LossScale(start=2.0), LossScale(start=2.0**23, patience=1)
    for _ in range(5):
        low.learn(torch.tensor(0.0))
        high.learn(torch.tensor(1.0))
    assert (low.value.item(), high.value.item()) == (scaling.LEAST, scaling.MOST)


def test_a_step_in_fp16_is_nearly_the_step_in_f32():
    ends = []
    for compute in (None, torch.float16):
        one = training(1, compute=compute, seed=3)
        one.advance(0)
        ends.append(one.sums["gradient"].item())
    assert ends[1] == pytest.approx(ends[0], rel=1e-2)


def test_a_gradient_too_large_for_fp16_skips_the_step_and_halves_the_scale():
    one = training()
    one.scale.value.fill_(2.0**24)
    before = {name: value.clone() for name, value in one.state.items() if name.startswith(("model.", "adamw."))}
    one.advance(0)
    assert one.sums["skipped"] == 1 and one.scale.value == 2.0**23
    assert all(torch.equal(one.state[name], value) for name, value in before.items())
    for step in range(1, 30):
        one.advance(step)
    assert one.sums["applied"] > 10 and one.scale.value < 2.0**23


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_fp16_learns(kind):
    made = Transformer(ModelSettings(depth=1, width=64, vocabulary=300), seed=2, compute=torch.float16)
    asked = TrainSettings(steps=40, rows=4, time=16, optimizer=OptimizerSettings(kind=kind))
    one = Training(made, NextToken(Counting()), asked)
    losses = [one.advance(step)["next_token"].item() for step in range(40)]
    assert losses[-1] < 0.7 * losses[0] and one.sums["skipped"] == 0


def test_a_stopped_training_in_fp16_goes_on_with_the_same_bits(tmp_path):
    def run(folder, stop=None):
        made, asked = model("llama", 2), []
        made.compute = torch.float16
        given = TrainSettings(steps=12, rows=4, time=16, log_every=1, optimizer=OptimizerSettings(rate=0.03))
        hooks = Hooks(stopping=lambda: asked.append(1) or (stop is not None and len(asked) > stop))
        return train(made, NextToken(Counting()), given, folder, "run", hooks)

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", 5)
    resumed = run(tmp_path / "cut")
    assert "scale.value" in whole.state and whole.state.keys() == resumed.state.keys()
    assert all(torch.equal(whole.state[name], resumed.state[name]) for name in whole.state)


def test_only_fp16_has_a_scale():
    assert all("scale.value" not in training(compute=compute).state for compute in (None, torch.bfloat16))


def test_activations_that_were_moved_come_back_as_they_were():
    grads, moved = [], 0
    for least in (None, 1):
        one = training(compute=None)
        one.mover = least and OnHost(one.model.parameters(), least)
        one.advance(0)
        grads.append({name: value.clone() for name, value in one.state.items()})
        moved = one.mover.moved if one.mover else 0
    assert all(torch.equal(grads[0][name], grads[1][name]) for name in grads[0])
    plan = one.model.settings
    assert moved > 0.8 * cost.activation_bytes(plan, 4, 16)


def test_weights_stay_where_they_are():
    made = model("llama")
    mover = OnHost(made.parameters(), least=1)
    weight = next(made.parameters())
    assert mover.keep(weight)[1] is weight and mover.keep(weight.T)[1].data_ptr() == weight.data_ptr()
    assert mover.keep(weight * 2)[1].data_ptr() != weight.data_ptr() and mover.moved == weight.nbytes


def test_on_a_processor_nothing_is_moved():
    assert on_host(torch.device("cpu"), []) is None
    assert training(activations="host").mover is None


def test_a_budget_says_how_many_layers_are_computed_again():
    plan = model("llama", depth=6).settings
    every = cost.activation_bytes(plan, 4, 128)
    least = cost.activation_bytes(plan, 4, 128, recompute=True)
    assert cost.layers_within(plan, 4, 128, every) == 0
    some = [cost.layers_within(plan, 4, 128, round(least + (every - least) * share)) for share in (0.75, 0.5, 0.25)]
    assert some == sorted(set(some)) and 0 < some[0] and some[-1] < 6
    for layers in some:
        assert least < cost.activation_bytes(plan, 4, 128, recompute=layers) < every
    with pytest.raises(Problem, match="take .* MB at least"):
        cost.layers_within(plan, 4, 128, least // 2)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), 60)


WAYS = {
    "chunked": {"training.logits": "chunked"},
    "budget": {"training.recompute": "budget", "training.recompute_budget": 1_400_000, "training.activations": "host"},
    "fp16": {"training.precision": "fp16", "training.recompute": "attention"},
}


@pytest.fixture(scope="module")
def plainly(world, tmp_path_factory):
    return told(make(tmp_path_factory.mktemp("plain") / "made", settings(world)))


def told(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("way", WAYS)
def test_a_stage_trains_in_each_way(world, plainly, tmp_path, way):
    lines = told(make(tmp_path / way, settings(world, **WAYS[way])))
    losses = [[line["loss"] for line in each if "loss" in line] for each in (plainly, lines)]
    assert losses[1] == pytest.approx(losses[0], rel=2e-2 if way == "fp16" else 1e-4)
    notes = " ".join(line["note"] for line in lines if "note" in line)
    assert ("computed again" in notes and "changes nothing here" in notes) == (way == "budget")


def test_a_budget_without_bytes_is_refused(world):
    with pytest.raises(Problem, match="recompute_budget"):
        settings(world, **{"training.recompute": "budget"})
