"""A look at single layers tells what is there and changes no bit."""

import math

import pytest
import torch

from groundup.errors import Problem
from groundup.training.keeper import Hooks
from groundup.training.loop import Training, train
from groundup.training.range import flat, range_test
from groundup.training.replay import replay, words
from groundup.training.settings import TrainSettings
from groundup.training.watch import Watch, place_of, trace_and_square
from tests.test_training_loop import digest, model, objective, shards  # noqa: F401

ALL = ["gradients", "updates", "activations", "entropy", "noise"]


def small(steps=4, **values) -> TrainSettings:
    return TrainSettings(steps=steps, rows=8, time=24, log_every=1, **values)


@pytest.mark.parametrize("accumulate", [1, 4])
def test_who_is_watched_learns_the_same(shards, accumulate):  # noqa: F811
    lines = []
    hooks = Hooks(log=lambda **line: lines.append(line))
    watched = train(model(), objective(shards), small(watch=ALL, watch_every=2, accumulate=accumulate), hooks=hooks)
    assert digest(watched) == digest(train(model(), objective(shards), small(accumulate=accumulate)))
    told = [set(line) for line in lines if line["step"] in (2, 4)]
    names = {f"layer.{n}.{kind}" for n in (0, 1) for kind in ("gradient", "update", "activation", "entropy")}
    assert all(names | {"outside.gradient", "noise.trace"} <= seen for seen in told)
    assert not any(name.startswith("layer") for line in lines if line["step"] in (1, 3) for name in line)


@pytest.mark.parametrize("accumulate", [1, 4])
def test_layers_have_the_gradient_of_the_whole_between_them(shards, accumulate):  # noqa: F811
    training = Training(model(), objective(shards), small(watch=["gradients"], watch_every=1, accumulate=accumulate))
    watch = Watch(training)
    watch.advance(0)
    together = math.sqrt(sum(value**2 for value in watch.told.values()))
    assert together == pytest.approx(training.guard.last[1].item(), rel=1e-5)


def test_an_update_is_the_share_of_its_weights_that_a_layer_moved(shards):  # noqa: F811
    training = Training(model(), objective(shards), small(watch=["updates"], watch_every=1))
    training.advance(0)
    names = [name for name in training.parameters if place_of(name) == "layer.1"]
    before = torch.cat([training.parameters[name].detach().flatten().clone() for name in names])
    watch = Watch(training)
    watch.advance(1)
    after = torch.cat([training.parameters[name].detach().flatten() for name in names])
    assert watch.told["layer.1.update"] == pytest.approx(((after - before).norm() / before.norm()).item(), rel=1e-5)


def test_attention_of_fresh_weights_is_nearly_even(shards):  # noqa: F811
    training = Training(model(), objective(shards), small(watch=["entropy"], watch_every=1))
    watch = Watch(training)
    watch.advance(0)
    even = sum(math.log(seen) for seen in range(1, 25)) / 24  # the first token sees one, the last 24
    assert 0 < watch.told["layer.0.entropy"] <= even + 1e-5


def test_the_noise_scale_is_unbiased():
    chance = torch.Generator().manual_seed(1)
    true, spread, few, many = torch.tensor([1.0, -2.0, 0.5]), 3.0, 4, 16
    found = torch.zeros(2, dtype=torch.float64)
    for _ in range(4000):
        parts = true + spread * torch.randn(many // few, 3, generator=chance) / few**0.5
        small_, large = parts.square().sum(1).mean().item(), parts.mean(0).square().sum().item()
        found += torch.tensor(trace_and_square(small_, large, few, many)) / 4000
    assert found[0] == pytest.approx(3 * spread**2, rel=0.05) and found[1] == pytest.approx(5.25, rel=0.05)


def test_what_cannot_be_watched_is_said_beforehand(shards):  # noqa: F811
    with pytest.raises(Problem, match="two rows"):
        Watch(Training(model(), objective(shards, rows=1), TrainSettings(rows=1, time=24, watch=["noise"])))


def test_places_are_layers_by_name():
    assert place_of("model.layers.3.self_attn.q_proj.weight") == "layer.3"
    assert place_of("decoder.layers.0.norm.weight") == "decoder.layer.0" and place_of("lm_head.weight") == "outside"


def test_a_step_computed_again_is_the_step_that_was(shards):  # noqa: F811
    lines = []
    train(model(), objective(shards), small(), hooks=Hooks(log=lambda **line: lines.append(line)))
    training = Training(model(), objective(shards), small(skip=[3]))
    training.advance(0)
    training.advance(1)
    seen = replay(training, 3)
    assert (seen.loss, seen.gradient) == (lines[2]["loss"], lines[2]["gradient"]) and not seen.left_out
    assert [row.document for row in seen.rows] == training.objective.batch(2).documents.tolist()
    assert sum(row.loss for row in seen.rows) / 8 == pytest.approx(seen.loss, rel=1e-5)
    assert any(f"document {seen.rows[0].document}" in line for line in words(seen))


def test_rates_that_grow_find_where_the_loss_runs_away(shards):  # noqa: F811
    settings = flat(small(optimizer={"kind": "adamw"}), 60)
    training = Training(model(), objective(shards), settings)
    found = range_test(training, 60, 1e-3, 1000, lambda *told: None)
    assert len(found.factors) < 60 and found.factors[0] == pytest.approx(1e-3)  # it ended before the highest
    assert found.fastest < found.lowest < found.factors[-1] * 1.001 and min(found.losses) < found.losses[0]
