"""What keeps a model from learning by heart: each does what its formula says, and a stop changes none of its bits."""

import json
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.architectures import build
from groundup.model.attention import weights
from groundup.model.settings import ModelSettings
from groundup.model.sight import Sight
from groundup.model.transformer import Transformer
from groundup.objectives.answers import Answers
from groundup.objectives.balanced import Balanced
from groundup.objectives.next_token import NextToken
from groundup.objectives.softened import Softened, softened
from groundup.training.dropout import Dropout
from groundup.training.keeper import Hooks
from groundup.training.loop import Training, train
from groundup.training.patience import Patience
from groundup.training.settings import OptimizerSettings, RegulariserSettings, TrainSettings
from tests.training_example import make, make_world, settings

EVERYTHING = {
    "dropout": {"dropout": 0.2},
    "attention": {"dropout_attention": 0.2},
    "smoothing": {"label_smoothing": 0.1},
    "z": {"z_loss": 0.01},
    "value": {"clip_value": 1e-3},
    "average": {"average": 0.9},
    "patience": {"patience": 2, "min_delta": 0.01},
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Shards:
    return Shards(make_world(tmp_path_factory.mktemp("world"), 60) / "tokens" / "train")


def model(dtype=torch.float32) -> Transformer:
    return Transformer(ModelSettings(depth=2, width=32, vocabulary=300, head_width=16), seed=3).to(dtype)


def small(steps=6, kind="muon", accumulate=1, **regularise) -> TrainSettings:
    asked = RegulariserSettings(**regularise)
    optimizer = OptimizerSettings(kind=kind)
    every = 1 if asked.patience else 0
    return TrainSettings(
        steps=steps,
        rows=8,
        time=24,
        log_every=1,
        optimizer=optimizer,
        regularise=asked,
        accumulate=accumulate,
        validate_every=every,
        seed=11,
    )


def learn(shards, settings: TrainSettings, built=None, **given) -> Training:
    objective = softened(NextToken(pages(shards, 8, 24, seed=5)), settings.regularise)
    return train(built or model(), objective, settings, **given)


def same(first: Training, second: Training) -> bool:
    return all(torch.equal(value, second.state[name]) for name, value in first.state.items())


def looking(calls: list) -> Hooks:
    """Held-out text that is foretold worse from the third look on."""
    hooks = Hooks()
    hooks.validate = lambda built, step: calls.append(step) or {"validation": float(abs(step - 2))}
    return hooks


@pytest.mark.parametrize("named", EVERYTHING)
def test_a_stop_changes_no_bit(shards, tmp_path, named):
    settings = small(**EVERYTHING[named])
    undisturbed = learn(shards, settings, hooks=looking([]))
    assert not same(undisturbed, learn(shards, small(), hooks=looking([]))) or named == "patience"
    for stop in (2, 4):
        hooks, asked = looking([]), []
        hooks.stopping = lambda asked=asked, stop=stop: asked.append(1) or len(asked) > stop
        with pytest.raises(KeyboardInterrupt):
            learn(shards, settings, out=tmp_path / str(stop), run="run", hooks=hooks)
        resumed = learn(shards, settings, out=tmp_path / str(stop), run="run", hooks=looking([]))
        assert same(resumed, undisturbed) and same(undisturbed, resumed)


@pytest.mark.parametrize("named", sorted(set(EVERYTHING) - {"patience"}))
def test_any_split_of_a_step_is_the_same_step(shards, named):
    whole = learn(shards, small(3, "adamw", **EVERYTHING[named]), model(torch.float64))
    split = learn(shards, small(3, "adamw", accumulate=8, **EVERYTHING[named]), model(torch.float64))
    for name, value in whole.state.items():
        torch.testing.assert_close(split.state[name], value, atol=1e-12, rtol=1e-9, msg=name)


def test_one_times_sixty_four_is_sixty_four_times_one(shards):
    ends = []
    for accumulate in (1, 64):
        settings = TrainSettings(steps=3, rows=64, time=16, accumulate=accumulate)
        ends.append(train(model(torch.float64), NextToken(pages(shards, 64, 16, seed=5)), settings).state)
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, atol=1e-12, rtol=0, msg=name)


def holding(built, **regularise) -> Dropout:
    """Dropout in the middle of a step of eight rows."""
    dropout = Dropout(built, RegulariserSettings(**regularise), seed=1)
    dropout.keys = torch.arange(8, dtype=torch.int32) * 7919
    return dropout


def test_dropout_zeroes_its_share_and_raises_the_rest():
    x = torch.full((8, 200, 50), 3.0)
    told = holding(model(), dropout=0.25).drop(x, 0.25, 4)
    assert set(told.unique().tolist()) == {0.0, 4.0}
    assert (told == 0).double().mean().item() == pytest.approx(0.25, abs=0.005)
    assert told.mean().item() == pytest.approx(3.0, abs=0.02)


def test_what_is_dropped_follows_from_row_and_place():
    dropout, x = holding(model(), dropout=0.5), torch.ones(8, 64)
    first = dropout.drop(x, 0.5, 1)
    assert torch.equal(first, dropout.drop(x, 0.5, 1)) and not torch.equal(first, dropout.drop(x, 0.5, 2))
    assert len({tuple(row.tolist()) for row in first}) == 8
    dropout.keys = dropout.keys.flip(0)
    assert torch.equal(dropout.drop(x, 0.5, 1), first.flip(0))


def test_dropout_stands_before_the_first_layer_and_after_each_half(shards):
    built, objective = model(torch.float64), NextToken(pages(shards, 8, 24, seed=5))
    torch.nn.init.normal_(built.model.layers[0].self_attn.o_proj.weight)
    dropout = Dropout(built, RegulariserSettings(dropout=0.3), seed=1)
    batch = objective.batch(0)
    ids = torch.from_numpy(batch.ids)
    place = {name: number for number, (name, _) in enumerate(built.named_modules())}
    for _ in dropout.over([batch], 0, 8):
        told = built(ids)
    x, reading = built.enter(ids, None, None, None)
    x = dropout.drop(x, 0.3, place["model.layers.0"])
    for number, layer in enumerate(built.model.layers):
        name = f"model.layers.{number}"
        x = x + dropout.drop(layer.self_attn(layer.input_layernorm(x), reading), 0.3, place[f"{name}.self_attn"])
        x = x + dropout.drop(layer.mlp(layer.post_attention_layernorm(x)), 0.3, place[f"{name}.mlp"])
    torch.testing.assert_close(told, built.head(built.model.norm(x)))
    assert not torch.equal(told, built(ids)), "outside of a step nothing is dropped"


def test_shares_of_attention_are_dropped():
    q, k, v = (torch.randn(8, heads, 6, 4, dtype=torch.float64) for heads in (4, 2, 2))
    dropout = holding(model(), dropout_attention=0.4)
    told = dropout._attend(lambda: None)(q, k, v, Sight.triangle(6, q))
    shares = weights(q, k, Sight.triangle(6, q)).view(8, 4, 6, 6)
    kept = dropout.drop(torch.ones(8, 4 * 36, dtype=torch.float64), 0.4, 2**20).view(8, 4, 6, 6)
    torch.testing.assert_close(told, (shares * kept) @ v.repeat_interleave(2, 1))


@pytest.mark.parametrize("named", ["dropout", "attention"])
def test_a_layer_computed_again_drops_the_same(shards, named):
    built = model()
    built.recompute = True
    again = learn(shards, small(3, **EVERYTHING[named]), built)
    assert same(again, learn(shards, small(3, **EVERYTHING[named])))


def test_after_a_training_the_model_drops_nothing(shards):
    built = model()
    learn(shards, small(1, dropout=0.5, dropout_attention=0.5), built)
    ids = torch.ones(2, 5, dtype=torch.int64)
    assert built.attention == "plain" and torch.equal(built(ids), built(ids))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in built.modules())


def test_a_model_without_halves_cannot_drop(shards):
    built = build(ModelSettings(family="mamba", depth=1, width=32, vocabulary=300), 0)
    with pytest.raises(Problem, match="say 0"):
        learn(shards, small(1, dropout=0.1), built)


@pytest.mark.parametrize("smoothing, z", [(0.1, 0.0), (0.0, 0.02), (0.2, 0.01)])
def test_smoothing_and_z_are_their_formulas(shards, smoothing, z):
    inner = NextToken(pages(shards, 8, 24, seed=5))
    objective = softened(inner, RegulariserSettings(label_smoothing=smoothing, z_loss=z))
    built, batch = model(torch.float64), inner.batch(0)
    torch.nn.init.normal_(built.model.embed_tokens.weight)
    terms, counts = objective.loss(built, batch), objective.counts(batch)
    assert terms.keys() == counts.keys() and counts["next_token"] == counts.get("z", counts["next_token"])
    loss = sum(term.coefficient * term.sum / counts[name] for name, term in terms.items())
    ours = torch.autograd.grad(loss, list(built.parameters()))
    logits = built(torch.from_numpy(batch.ids)).flatten(0, 1)
    targets = torch.from_numpy(batch.targets).flatten()
    wanted = F.cross_entropy(logits, targets, label_smoothing=smoothing) + z * logits.logsumexp(-1).square().mean()
    theirs = torch.autograd.grad(wanted, list(built.parameters()))
    torch.testing.assert_close(loss, wanted)
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other, atol=1e-9, rtol=1e-6)


def test_an_objective_that_is_not_softened_stays_itself(shards):
    inner = NextToken(pages(shards, 8, 24, seed=5))
    assert softened(inner, RegulariserSettings()) is inner
    assert isinstance(softened(inner, RegulariserSettings(z_loss=0.1)), Softened)
    with pytest.raises(Problem, match="replay"):
        softened(Answers(inner.source, replay=0.3), RegulariserSettings(label_smoothing=0.1))


def test_no_number_of_a_gradient_is_larger_than_allowed(shards):
    training = learn(shards, small(1, "adamw", clip_value=1e-4))
    means = [value for name, value in training.state.items() if name.startswith("adamw.mean")]
    largest = max(mean.abs().max().item() for mean in means) / (1 - training.settings.optimizer.beta1)
    assert largest == pytest.approx(1e-4, rel=1e-5)


def test_averaged_weights_are_their_formula(shards):
    settings = small(5, average=0.3, average_used=False)
    training = Training(model(), NextToken(pages(shards, 8, 24, seed=5)), settings)
    weight = training.parameters["model.layers.0.mlp.up_proj.weight"]
    expected = weight.detach().double().numpy().copy()
    for step in range(5):
        training.advance(step)
        share = min(0.3, (1 + step) / (10 + step))
        expected = share * expected + (1 - share) * weight.detach().double().numpy()
    told = training.state["average.model.layers.0.mlp.up_proj.weight"]
    np.testing.assert_allclose(told.numpy(), expected, rtol=1e-5, atol=1e-7)


def test_held_out_text_is_foretold_by_the_average_and_so_is_the_saved_model(shards):
    seen, name = {}, "model.layers.0.mlp.up_proj.weight"
    hooks = Hooks(validate=lambda built, step: seen.update({step: built.get_parameter(name).clone()}) or {})
    settings = small(4, average=0.9).model_copy(update={"validate_every": 2})
    training = learn(shards, settings, hooks=hooks)
    assert torch.equal(seen[4], training.state[f"average.{name}"])
    assert torch.equal(training.parameters[name], training.state[f"average.{name}"])
    plain = learn(shards, small(4, average=0.9, average_used=False))
    assert torch.equal(plain.state[f"average.{name}"], training.state[f"average.{name}"]), "a look changes nothing"
    assert not torch.equal(plain.parameters[name], training.parameters[name])


def test_patience_waits_so_many_looks_for_a_better_one():
    weight = torch.zeros(2)
    patience = Patience(RegulariserSettings(patience=3, min_delta=0.1), {"weight": weight})
    told = []
    for step, loss in enumerate((3.0, 2.0, 1.95, 1.91, 1.89, 1.85, 1.8, 1.8)):
        weight.fill_(step)
        told.append(patience.over(loss, step))
    assert told == [False] * 7 + [True] and patience.best.item() == 1.89
    patience.settle()
    assert weight.tolist() == [4.0, 4.0]
    assert not Patience(RegulariserSettings(), {"weight": weight}).over(math.inf, 1)


def test_a_training_that_nobody_looked_at_keeps_its_last_weights():
    weight = torch.zeros(2)
    patience = Patience(RegulariserSettings(patience=3), {"weight": weight})
    weight.fill_(7)
    patience.settle()
    assert weight.tolist() == [7.0, 7.0]


@pytest.mark.parametrize("averaged", [0.0, 0.9])
def test_the_weights_of_the_best_look_are_given_back(shards, averaged):
    name, seen = "model.layers.0.mlp.up_proj.weight", {}

    def hooks() -> Hooks:
        def look(built, step):
            seen[step] = built.get_parameter(name).clone()
            return {"validation": float(abs(step - 2))}

        return Hooks(validate=look, say=seen.setdefault)

    ended = learn(shards, small(20, patience=3, average=averaged), hooks=hooks())
    assert torch.equal(ended.parameters[name], seen[2]) and not torch.equal(seen[2], seen[5])
    assert any(str(word).endswith("training ends with the weights of step 2") for word in seen)
    whole = learn(shards, small(4, patience=3, average=averaged), hooks=hooks())
    assert torch.equal(whole.parameters[name], seen[2]), "also where all steps were made"
    last = learn(shards, small(20, patience=3, average=averaged, best_kept=False), hooks=hooks())
    assert torch.equal(last.parameters[name], seen[5])


def test_a_training_ends_when_held_out_text_gets_no_better(shards, tmp_path):
    looks, said = [], []
    hooks = looking(looks)
    hooks.say, hooks.sample = said.append, lambda built, step: said.append(f"sample at {step}")
    settings = small(20, patience=2)
    learn(shards, settings, out=tmp_path, run="run", hooks=hooks)
    assert looks == [0, 1, 2, 3, 4]
    assert said[0] == "sample at 4" and "training ends" in said[1]
    again: list[int] = []
    learn(shards, settings, out=tmp_path, run="run", hooks=looking(again))
    assert again == [4], "the last look is made again, and ends it again"


def test_patience_without_held_out_text_is_refused(shards):
    with pytest.raises(Problem, match="patience"):
        learn(shards, small(2, patience=1))


@pytest.mark.parametrize(
    "given, word",
    [
        ({"regularise": {"min_delta": 0.1}}, "patience"),
        ({"regularise": {"best_kept": False}}, "patience"),
        ({"regularise": {"average_used": False}}, "average"),
        ({"regularise": {"patience": 3}}, "validate_every"),
        ({"optimizer": {"kind": "adam", "decay": 0.1, "decay_kind": "decoupled"}}, "adamw"),
        ({"optimizer": {"kind": "adamw", "decay": 0.1, "decay_kind": "l2"}}, "adam"),
        ({"optimizer": {"decay_kind": "l1"}}, "decay"),
        ({"optimizer": {"nesterov": True}}, "sgd"),
        ({"optimizer": {"kind": "adafactor", "state": "8bit"}}, "saves nothing"),
        ({"optimizer": {"kind": "sgd", "momentum": 0.0, "state": "bf16"}}, "momentum"),
        ({"optimizer": {"kind": "lion", "stretch": "adamw"}}, "muon"),
    ],
)
def test_what_means_nothing_is_refused_in_a_sentence(given, word):
    with pytest.raises(ValueError, match=word):
        TrainSettings.model_validate(given)


@pytest.mark.parametrize("family", ["gpt2", "mixtral", "deepseek_v2", "gemma2", "gpt_neox", "olmo2", "bert", "t5"])
@pytest.mark.parametrize("given", [{"dropout": 0.5}, {"dropout_attention": 0.5}])
def test_any_family_of_transformers_can_drop(shards, family, given):
    built = build(ModelSettings.model_validate({"family": family, "depth": 2, "width": 32, "vocabulary": 300}), 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in built.parameters():
            value.normal_(0, 0.2, generator=generator)
    batch = NextToken(pages(shards, 8, 24, seed=5)).batch(0)
    ids = torch.from_numpy(batch.ids)
    read = (ids, ids) if family == "t5" else (ids,)
    dropout, told = Dropout(built, RegulariserSettings(**given), seed=1), []
    for step in (0, 0, 1):
        for _ in dropout.over([batch], step, 8):
            told.append(built.hidden(*read))
    assert torch.equal(told[0], told[1]) and not torch.equal(told[0], told[2])
    assert not torch.equal(told[0], built.hidden(*read))


def test_experts_can_be_balanced_and_softened_at_once(shards):
    asked = {"family": "mixtral", "depth": 1, "width": 32, "vocabulary": 300}
    inner = Balanced(NextToken(pages(shards, 8, 24, seed=5)), balance=0.01)
    objective = softened(inner, RegulariserSettings(label_smoothing=0.1, z_loss=0.001))
    terms = objective.loss(build(ModelSettings.model_validate(asked), 0), inner.batch(0))
    assert {name: term.coefficient for name, term in terms.items()} == {
        "next_token": 0.9,
        "balance": 0.01,
        "smoothing": 0.1,
        "z": 0.001,
    }


def test_the_stage_takes_them_all(tmp_path):
    world = make_world(tmp_path / "world", 60)
    asked = {"dropout": 0.1, "dropout_attention": 0.1, "label_smoothing": 0.1, "z_loss": 1e-4, "clip_value": 0.1}
    asked |= {"average": 0.9, "patience": 1}
    given = {f"training.regularise.{name}": value for name, value in asked.items()}
    given |= {"training.steps": 40, "training.validate_every": 10, "training.optimizer.state": "8bit"}
    made = make(tmp_path / "made", settings(world, **given))
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    looks = [line["validation"] for line in lines if "validation" in line]
    assert (
        looks[-1] < looks[0] and {"term.next_token", "term.smoothing", "term.z"} <= lines[-3].keys() | lines[-2].keys()
    )
