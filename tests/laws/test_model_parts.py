"""Laws of the parts: each fast way equals the formula beside it, forwards and backwards."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.model.attention import quickest
from groundup.model.names import give, halves, neighbours, places, take
from groundup.model.norms import rms_norm, rms_norm_by_definition
from groundup.model.positions import Rotary, turn, turn_by_complex_numbers
from groundup.model.quantised.rows import from_int8, linear_by_definition, linear_int8, to_int8
from tests.model_example import SHAPES, model
from tests.model_example import settings as shape_settings


def gradients(function, *inputs):
    inputs = [value.clone().requires_grad_() for value in inputs]
    out = function(*inputs)
    weights = torch.linspace(-1, 1, out.numel()).view(out.shape)
    (out * weights).sum().backward()
    return [value.grad for value in inputs]


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 5), width=st.integers(1, 33), scale=st.sampled_from([1e-4, 1.0, 1e3]), seed=st.integers(0, 99)
)
def test_the_fast_norm_is_the_formula(rows, width, scale, seed):
    dice = torch.Generator().manual_seed(seed)
    x, gain = torch.randn(2, rows, width, generator=dice) * scale, torch.randn(width, generator=dice)
    torch.testing.assert_close(rms_norm(x, gain, 1e-6), rms_norm_by_definition(x, gain, 1e-6))
    fast = gradients(lambda x, gain: rms_norm(x, gain, 1e-6), x, gain)
    meant = gradients(lambda x, gain: rms_norm_by_definition(x, gain, 1e-6), x, gain)
    for one, other in zip(fast, meant, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * max(1.0, float(other.abs().max())))


def test_the_fast_rotation_is_the_complex_one():
    shape = shape_settings("qwen3", rope_base=500.0)
    at = torch.tensor([[0, 1, 5, 90], [7, 7, 2, 3]])
    q = torch.randn(2, 4, 3, shape.head_width)
    turned = turn(q, Rotary(shape).angles(at, torch.float32))
    torch.testing.assert_close(turned, turn_by_complex_numbers(q, at, 500.0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(turned.norm(dim=-1), q.norm(dim=-1))


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 70), seed=st.integers(0, 99))
def test_eight_bits_are_off_by_half_a_step_at_most(rows, columns, seed):
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    weight[0] = 0
    integers, scales = to_int8(weight)
    assert integers.dtype == torch.int8 and int(integers.abs().max()) <= 127
    off = (from_int8(integers, scales) - weight).abs()
    assert bool((off <= scales[:, None] * 0.5001 + 1e-12).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 3, 16, 40])
def test_multiplying_by_integers_equals_widening_them_first(rows, dtype):
    integers, scales = to_int8(torch.randn(48, 64))
    x = torch.randn(rows, 64).to(dtype)
    meant = linear_by_definition(x.float(), integers, scales)
    fast = linear_int8(x, integers, scales)
    assert fast.dtype == dtype
    loose = 2e-2 if dtype == torch.bfloat16 else 1e-5
    assert (fast.float() - meant).abs().max() <= loose * meant.abs().max()


@given(heads=st.integers(1, 5), half=st.integers(1, 6), columns=st.integers(1, 4))
def test_pairing_rows_as_neighbours_and_back_changes_nothing(heads, half, columns):
    weight = torch.arange(heads * 2 * half * columns).view(-1, columns)
    paired = neighbours(weight, heads)
    assert torch.equal(halves(paired, heads), weight)
    assert torch.equal(paired[1], weight[half])


@pytest.mark.parametrize("format", ["hf", "gguf"])
@pytest.mark.parametrize("shape", SHAPES)
def test_weights_come_back_from_other_names_as_they_went(shape, format):
    state = model(shape).state_dict()
    where = places(shape_settings(shape), state, format)
    theirs = give(where, state)
    back = take(where, theirs.__getitem__)
    assert len(back) == len(state)
    for place in where:  # a gain to which one was added has lost its last bits
        off = 2e-7 * place.plus
        torch.testing.assert_close(back[place.ours], state[place.ours], atol=off, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_probe_names_an_attention_that_exists(dtype):
    assert quickest(shape_settings(), 2, 16, dtype) in ("plain", "fused")
