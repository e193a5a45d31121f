"""Pruning: the share is exact, masks hold through training and resume, heads leave in whole groups and for good."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch.nn.utils.parametrize import register_parametrization

from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model import folder, masks, pruned_heads, quantize
from groundup.model.pruning import KINDS, prune, weight_of
from groundup.objectives.next_token import NextToken
from groundup.training import checkpoint
from groundup.training.loop import Training, train
from groundup.training.settings import OptimizerSettings, TrainSettings
from tests import stateful_example
from tests.model_example import EVERY, ids, model
from tests.training_example import make_world

HEADED = [shape for shape in EVERY if EVERY[shape].get("kv_heads", EVERY[shape].get("heads", 2)) > 1]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.data())
@hypothesis_settings(max_examples=150, deadline=None)
def test_the_smallest_are_those_that_sorting_finds(numbers, data):
    sizes, count = torch.tensor(numbers, dtype=torch.float32).abs(), data.draw(st.integers(0, len(numbers)))
    found = masks.smallest(sizes, count)
    assert int(found.sum()) == count and torch.equal(found, masks.smallest_by_definition(sizes, count))


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 2**31))
@hypothesis_settings(max_examples=60, deadline=None)
def test_two_of_four_is_its_definition(rows, fours, seed):
    weight = torch.randint(-2, 3, (2, rows, 4 * fours), generator=torch.Generator().manual_seed(seed)).float()
    found = masks.two_of_four(weight)
    assert torch.equal(found, masks.two_of_four_by_definition(weight))
    assert bool((found.unflatten(-1, (-1, 4)).sum(-1) == 2).all())


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5, 0.97])
@pytest.mark.parametrize("kind", ["magnitude", "magnitude_over_all"])
def test_the_share_is_exact_and_what_stays_is_larger(kind, share):
    made, before = model(), model()
    told = prune(made, kind, share)
    old = masks.matrices(before)
    if kind == "magnitude":
        assert all(told.zeros[name] == round(share * size) for name, size in told.sizes.items())
        pairs = [(weight_of(old[name]), weight_of(new)) for name, new in masks.matrices(made).items()]
    else:
        assert sum(told.zeros.values()) == round(share * sum(told.sizes.values()))
        pairs = [
            [torch.cat([weight_of(each).flatten() for each in masks.matrices(m).values()]) for m in (before, made)]
        ]
    for was, now in pairs:
        assert torch.equal(now[now != 0], was[now != 0])
        assert was[now == 0].abs().max() <= was[now != 0].abs().min()
    assert sum(zeros for zeros, _ in told.by_layer().values()) == sum(told.zeros.values())
    assert list(told.by_layer()) == ["model.layers.0", "model.layers.1"]


@pytest.mark.parametrize("shape", ["qwen3", "gpt2", "mixtral"])
def test_a_pruned_projection_is_the_formula_with_its_mask(shape):
    before = model(shape)
    made = copy.deepcopy(before)
    prune(made, "2:4")
    x = torch.randn(3, 64, generator=torch.Generator().manual_seed(1))
    for part in ("q_proj", "v_proj"):
        was, now = (getattr(each.model.layers[1].self_attn, part) for each in (before, made))
        bias = 0 if was.bias is None else was.bias
        assert torch.equal(now(x), masks.linear_by_definition(x, was.weight, now.weight_pruned) + bias)


@pytest.mark.parametrize("shape", HEADED)
def test_heads_leave_in_whole_groups_and_the_model_without_them_says_the_same(shape, tmp_path):
    made = model(shape)
    told = prune(made, "heads", 0.5)
    for name, attention in pruned_heads.attentions(made).items():
        count = pruned_heads.groups(attention)
        assert len(told.heads[name]) == round(count * 0.5)
        width = attention.o_proj.weight.shape[1] // count
        for group in range(count):
            part = attention.o_proj.weight[:, group * width : (group + 1) * width]
            assert bool((part == 0).all()) is (group in told.heads[name])
    if pruned_heads.cannot_leave(made):
        odd = ("alibi", "relative")
        assert made.settings.positions in odd or made.settings.qk_norm == "whole", pruned_heads.cannot_leave(made)
        return
    small = pruned_heads.take_out(made)
    assert small.settings.heads < made.settings.heads and small.settings.head_width == made.settings.head_width
    text = ids()
    torch.testing.assert_close(small(text), made(text), atol=2e-4, rtol=1e-4)
    if not {"blocks", "strided"} & set(made.settings.pattern):  # kinds that folders of qwen3 do not hold
        folder.save(tmp_path, small)
        assert torch.equal(folder.load(tmp_path)(text), small(text))


def test_the_quietest_group_leaves_unless_others_are_called_unimportant():
    made = model(heads=8, kv_heads=4, head_width=8)
    quiet = {"model.layers.0.self_attn": 3, "model.layers.1.self_attn": 1}
    with torch.no_grad():
        for layer, group in ((0, 3), (1, 1)):
            made.model.layers[layer].self_attn.o_proj.weight[:, group * 16 : group * 16 + 16] *= 0.1
    assert prune(copy.deepcopy(made), "heads", 0.25).heads == {name: [group] for name, group in quiet.items()}
    told = {name: torch.tensor([3.0, 0.5, 2.0, 1.0]) for name in quiet}
    assert prune(copy.deepcopy(made), "heads", 0.5, told).heads == {name: [1, 3] for name in quiet}
    told["model.layers.1.self_attn"] = torch.tensor([0.1, 9.0, 0.1, 0.2])
    uneven = copy.deepcopy(made)
    heads = prune(uneven, "heads_over_all", 0.5, told).heads
    assert heads == {"model.layers.0.self_attn": [1], "model.layers.1.self_attn": [0, 2, 3]}
    with pytest.raises(Problem, match="different numbers of heads"):
        pruned_heads.take_out(uneven)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_a_pruned_model_is_ordinary_and_so_is_eight_bits(kind, tmp_path):
    made = model(tied=False)
    told = prune(made, kind, 0.5)
    folder.save(tmp_path, made)
    back = folder.load(tmp_path)
    assert torch.equal(back(ids()), made(ids())) and not masks.masks(back)
    assert back.state_dict().keys() == masks.make_permanent(copy.deepcopy(made)).state_dict().keys()
    small = quantize.plain_tensors(quantize.int8(made))
    assert all(bool((small[f"{name}.weight"][mask] == 0).all()) for name, mask in _masks_by_module(made).items())
    assert masks.hold_zeros(back) == sum(told.zeros.values())


def _masks_by_module(made):
    return {name.removesuffix(".weight"): mask for name, mask in masks.masks(made).items()}


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Shards:
    return Shards(make_world(tmp_path_factory.mktemp("world"), 60) / "tokens" / "train")


def asked(kind: str, steps: int = 6) -> TrainSettings:
    optimizer = OptimizerSettings(kind=kind, decay=0.1)
    return TrainSettings(steps=steps, rows=4, time=24, log_every=1, optimizer=optimizer, checkpoint_every=3)


def objective(shards) -> NextToken:
    return NextToken(pages(shards, 4, 24, seed=5))


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_pruned_weights_stay_exactly_zero_through_training_and_resume(shards, kind, tmp_path):
    made = model().train()
    prune(made, "magnitude", 0.4)
    before = copy.deepcopy(made)
    whole = train(made, objective(shards), asked(kind), tmp_path / "whole", "run").state
    for name, mask in masks.masks(made).items():
        now, was = (dict(each.named_parameters())[name] for each in (made, before))
        assert bool((now[mask] == 0).all()) and bool((now[~mask] != was[~mask]).any())
    # Taken up again from the third step, in a model whose masks nobody has set: they come with the checkpoint.
    other = model(seed=9).train()
    for module in masks.matrices(other).values():
        masks.put_on(module, torch.zeros_like(weight_of(module), dtype=torch.bool))
    (tmp_path / "half").mkdir()
    (tmp_path / "whole/checkpoints/000003").rename(tmp_path / "half/000003")
    found = checkpoint.newest(tmp_path / "half", "run", print)
    training = Training(other, objective(shards), asked(kind))
    checkpoint.restore(training.state, found.state)
    for step in range(3, 6):
        training.advance(step)
    ends = {name: value for name, value in whole.items() if name.startswith("model.")}
    assert all(torch.equal(training.state[name], value) for name, value in ends.items())
    assert any(name.endswith(masks.MASK) for name in ends)


class Without(torch.nn.Module):
    """A weight as the formula w ⊙ ¬pruned."""

    def __init__(self, pruned):
        super().__init__()
        self.pruned = pruned

    def forward(self, weight):
        return weight * ~self.pruned


def test_training_with_masks_has_the_gradients_of_the_masked_formula(shards):
    made = model().train()
    prune(made, "2:4")
    formula, pruned = copy.deepcopy(made), _masks_by_module(made)
    for name, mask in pruned.items():
        register_parametrization(formula.get_submodule(name), "weight", Without(mask))
    batch = objective(shards).batch(0)
    (term,) = objective(shards).loss(formula, batch).values()
    (term.sum / term.count).backward()
    training = Training(made, objective(shards), asked("adamw").model_copy(update={"clip": 0.0}))
    training.advance(0)
    for name in pruned:
        gradient = formula.get_submodule(name).parametrizations.weight.original.grad
        mean = training.state[f"adamw.mean.{name}.weight"] / (1 - asked("adamw").optimizer.beta1)
        torch.testing.assert_close(mean, gradient, atol=1e-6, rtol=1e-4)
        assert bool((gradient[pruned[name]] == 0).all()) and bool((gradient != 0).any())


@pytest.mark.parametrize(
    ("words", "said"),
    {
        ("magnitud", 0.5): "did you mean magnitude?",
        ("magnitude", 1.0): "say more than 0 and less than 1",
        ("2:4", 0.3): "2:4 takes half",
        ("heads", 0.01): "none or all of them; say 0.5 for one",
    }.items(),
)
def test_what_cannot_be_pruned_is_said(words, said):
    with pytest.raises(Problem, match=said):
        prune(model(), *words)


def test_odd_models_are_told_why_not():
    with pytest.raises(Problem, match="importance is that of heads"):
        prune(model(), "magnitude", 0.5, {})
    with pytest.raises(Problem, match="importance has no 2 numbers"):
        prune(model(), "heads", 0.5, {})
    with pytest.raises(Problem, match="rows of 90 numbers, which are no fours"):
        prune(model(hidden=90), "2:4")
    with pytest.raises(Problem, match="no attention whose heads"):
        prune(stateful_example.model("mingru"), "heads")
    with pytest.raises(Problem, match="nothing can be pruned here"):
        prune(quantize.int8(model()), "magnitude")
    sick = model()
    with torch.no_grad():
        sick.model.layers[0].mlp.up_proj.weight[0, 0] = float("nan")
    with pytest.raises(Problem, match="up_proj has a weight that is infinite"):
        prune(sick, "magnitude")
