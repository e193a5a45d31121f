"""Laws of experts: sorting tokens changes nothing, and only those that were chosen are asked."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn import functional as F

from groundup.model import folder, quantize
from groundup.model.experts import Mixture, Router, Routes, by_definition, sorted_by_expert
from groundup.model.experts_settings import ExpertsSettings
from groundup.model.settings import ModelSettings
from tests.model_example import ids, model

CLOSE = {"atol": 1e-10, "rtol": 1e-8}


def router(seed=1, **experts) -> Router:
    made = Router(ModelSettings(width=16, heads=2, vocabulary=9, experts=ExpertsSettings(**experts)))
    for tensor in made.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(seed)))
    return made


@settings(max_examples=40, deadline=None)
@given(
    tokens=st.integers(1, 12),
    experts=st.sampled_from([(1, 1), (4, 1), (4, 2), (7, 3), (5, 5)]),
    curve=st.sampled_from([F.silu, F.gelu]),
    seed=st.integers(0, 10**6),
)
def test_sorted_tokens_give_what_the_definition_gives_forwards_and_backwards(tokens, experts, curve, seed):
    dice, (count, chosen) = torch.Generator().manual_seed(seed), experts

    def drawn(*shape):
        return torch.randn(*shape, generator=dice, dtype=torch.float64, requires_grad=True)

    x, gate, up, down, shares = (
        drawn(tokens, 8),
        drawn(count, 6, 8),
        drawn(count, 6, 8),
        drawn(count, 8, 6),
        drawn(tokens, chosen),
    )
    numbers = torch.stack([torch.randperm(count, generator=dice)[:chosen] for _ in range(tokens)])
    routes, found = Routes(shares, shares, numbers), []
    for way in (by_definition, sorted_by_expert):
        y = way(x, routes, gate.unbind(), up.unbind(), down.unbind(), curve)
        slopes = torch.autograd.grad((y * torch.arange(8)).sum(), (x, gate, up, down, shares))
        found.append((y, *slopes))
    for meant, fast in zip(*found, strict=True):
        torch.testing.assert_close(fast, meant, **CLOSE)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_the_chosen_are_those_with_the_highest_rates_and_share_one(kind):
    made, x = router(count=6, chosen=2, router=kind), torch.randn(9, 16, generator=torch.Generator().manual_seed(2))
    rates, shares, chosen = made(x)
    meant = (x @ made.weight.T).softmax(-1) if kind == "softmax" else (x @ made.weight.T).sigmoid()
    torch.testing.assert_close(rates, meant)
    torch.testing.assert_close(shares.sum(-1), torch.ones(9))
    for line, share, numbers in zip(rates.tolist(), shares.tolist(), chosen.tolist(), strict=True):
        best = sorted(range(6), key=lambda expert: -line[expert])[:2]
        assert numbers == best and share[0] / share[1] == pytest.approx(line[best[0]] / line[best[1]], rel=1e-4)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_no_more_groups_are_visited_than_allowed(kind):
    made = router(count=8, chosen=3, groups=4, chosen_groups=2, router=kind)
    rates, _, chosen = made(torch.randn(40, 16, generator=torch.Generator().manual_seed(3)))
    assert all(len({expert // 2 for expert in line}) <= 2 for line in chosen.tolist())
    assert any(
        set(line) != set(best) for line, best in zip(chosen.tolist(), rates.topk(3).indices.tolist(), strict=True)
    )


def test_a_correction_changes_who_is_chosen_and_nobodys_share():
    made, x = router(count=4, chosen=1, router="sigmoid", correction=True, normalise=False), torch.randn(20, 16)
    made.e_score_correction_bias.copy_(torch.tensor([0.0, 0.0, 9.0, 0.0]))
    rates, shares, chosen = made(x)
    assert chosen.unique().tolist() == [2]
    torch.testing.assert_close(shares[:, 0], rates[:, 2])


def test_an_expert_that_nobody_chose_changes_nothing():
    made, text = model("mixtral", depth=1), ids(1, 3)
    mixture = made.model.layers[0].mlp
    assert isinstance(mixture, Mixture)
    seen = []
    mixture.gate.register_forward_hook(lambda *told: seen.append(told[2].chosen))
    before = made(text)
    asked = set(seen[0].flatten().tolist())
    for expert in range(4):
        with torch.no_grad():
            mixture.experts.down_proj.weight[expert] += 1
        after = made(text)
        assert torch.equal(after, before) == (expert not in asked)
        before = after


@pytest.mark.parametrize("shape", ["mixtral", "deepseek v3", "lfm2"])
@torch.inference_mode()
def test_in_eight_bits_every_expert_is_near_what_it_was_and_a_folder_keeps_the_bits(shape, tmp_path):
    made, text = model(shape), ids(2, 20)
    small = quantize.int8(made)
    told = small.state_dict()
    for name, tensor in made.state_dict().items():
        if f"{name}_scale" in told:
            off = (quantize.from_int8(told[name], told[f"{name}_scale"]) - tensor).abs()
            assert bool((off <= told[f"{name}_scale"][..., None] / 2 * 1.001).all())
    stacks = [name for name in told if ".experts." in name and name.endswith("weight")]
    assert bool(stacks) == (made.settings.experts is not None)
    assert all(told[name].dtype == torch.int8 for name in stacks)
    folder.save(tmp_path, small)
    assert torch.equal(folder.load(tmp_path)(text), small(text))
    wide = folder.load(tmp_path, "f32")
    torch.testing.assert_close(wide(text), small(text), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("experts", "said"),
    [
        ({"count": 2, "chosen": 3}, "experts.chosen: 3 cannot be chosen of 2 experts"),
        ({"count": 6, "groups": 4}, "experts.groups: 4 groups do not divide 6 experts"),
        ({"count": 8, "groups": 2, "chosen_groups": 3}, "experts.chosen_groups: 3 cannot be chosen of 2"),
        ({"count": 8, "chosen": 3, "groups": 4}, "1 groups of 2 have fewer than 3 experts"),
        ({"count": 4, "groups": 4, "chosen_groups": 2, "router": "sigmoid"}, "two best experts"),
        ({"dense": 2}, "2 of 2 layers leave none"),
        ({"cuont": 2}, "cuont"),
    ],
)
def test_experts_that_do_not_fit_are_refused_in_a_sentence(experts, said):
    with pytest.raises(ValidationError, match=said):
        ModelSettings(depth=2, experts=experts)


def test_experts_that_are_not_gated_are_refused():
    with pytest.raises(ValidationError, match="experts are gated"):
        ModelSettings(feedforward="relu", experts={})
