"""What a model costs by formula equals what it costs when counted."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from groundup import hardware
from groundup.model import cost
from groundup.model.folder import bare
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from tests.model_example import SHAPES, TinyCache, ids, model, settings

MACHINE = hardware.look()


@hypothesis(max_examples=25, deadline=None)
@given(
    family=st.sampled_from(["qwen3", "llama", "gpt2"]),
    depth=st.integers(1, 3),
    heads=st.sampled_from([(1, 1), (4, 2), (3, 3)]),
    head_width=st.sampled_from([8, 32]),
    hidden=st.integers(1, 99),
    tied=st.booleans(),
    positions=st.sampled_from(["rotary", "learned", "relative", "none"]),
    biases=st.booleans(),
)
def test_parameters_are_counted_without_building(family, depth, heads, head_width, hidden, tied, positions, biases):
    shape = ModelSettings(
        family=family, depth=depth, width=96, heads=heads[0], kv_heads=heads[1], head_width=head_width, hidden=hidden,
        tied=tied, positions=positions, biases=biases, vocabulary=50,
    )  # fmt: skip
    assert cost.parameters(shape) == sum(value.numel() for value in bare(shape).parameters())


@pytest.mark.parametrize("shape", SHAPES)
def test_arithmetic_is_what_torch_counts(shape):
    made, text = model(shape), ids(2, 32)
    with FlopCounterMode(display=False) as counter:
        loss = made(text).sum()
    assert counter.get_total_flops() == 64 * cost.flops_per_token(made.settings, 32)
    with FlopCounterMode(display=False) as counter_back:
        loss.backward()
    both = counter.get_total_flops() + counter_back.get_total_flops()
    assert both == 64 * cost.flops_per_token(made.settings, 32, backward=True)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cache_takes_what_was_said(shape):
    made, cache = model(shape), TinyCache(2, 3)
    with torch.inference_mode():
        made(ids(3, 11), cache=cache)
    held = sum(value.nbytes for side in (cache.k, cache.v) for value in side if value is not None)
    assert held == cost.kv_bytes(made.settings, 3 * 11)


@pytest.mark.parametrize("number", [4, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_keeps_about_as_much_as_was_said(shape, number):
    plan = settings(shape, depth=4, width=128, hidden=352, vocabulary=500)
    made = Transformer(plan, compute=torch.bfloat16 if number == 2 else None)
    weights = {value.untyped_storage().data_ptr() for value in made.parameters()}
    kept = {}  # storages are held, or their addresses would be used again

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        text = ids(4, 128, 500)
        F.cross_entropy(made(text).float().flatten(0, 1), text.flatten())
    found = sum(value.untyped_storage().nbytes() for place, value in kept.items() if place not in weights)
    assert 0.85 < cost.activation_bytes(plan, 4, 128, number) / found < 1.2


def test_more_text_or_more_time_never_means_a_smaller_model():
    sizes = [
        [cost.size_for(tokens, seconds, MACHINE).model.depth for seconds in (30, 300, 3_000, 30_000)]
        for tokens in (10**4, 10**6, 10**7, 10**9)
    ]
    for row in [*sizes, *zip(*sizes, strict=True)]:
        assert list(row) == sorted(row)
    assert sizes[0][0] == cost.SHALLOWEST < sizes[-1][-1]


@pytest.mark.parametrize("tokens", [10**5, 10**7])
def test_a_plan_keeps_to_its_text_and_time(tokens):
    plan = cost.size_for(tokens, 300, MACHINE, vocabulary=1000)
    assert plan.tokens <= cost.PASSES * tokens
    work = plan.tokens * cost.flops_per_token(plan.model, plan.time, backward=True)
    assert work <= 300 * cost.flops_per_second(MACHINE) * 1.05
    assert plan.model == cost.dial(plan.model.depth, 1000)
